/* test_stream.c -- serve/stream: queries cut anywhere, in their order; limits; answers of many messages. */
#include "serve/stream.h"

#include "world.h"

static const char zone_text[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"www 60 A 192.0.2.1\n";

static struct world world;
static struct stream *stream;
static struct answer_env env;

static void
open_stream(void)
{
	world_open(&world, (struct world_parts){ .zones = { { "example.com.", zone_text } } });
	stream = malloc(sizeof(*stream));
	if (stream == NULL)
		abort();
	stream_init(stream);
	env = world_env(&world, (struct ask){ .client = "192.0.2.7" });
}

static void
close_stream(void)
{
	stream_fini(stream);
	free(stream);
	world_close(&world);
}

static void
put(const uint8_t *bytes, size_t length)
{
	size_t room;
	uint8_t *to = stream_room(stream, &room);

	CU_ASSERT_FATAL(length <= room);
	memcpy(to, bytes, length);
	stream_took(stream, length);
}

static size_t
query(uint8_t *bytes, uint16_t id)
{
	size_t length = world_request(bytes + 2, "www.example.com. A", (struct ask){ .edns = false });

	wire_put_u16(bytes, (unsigned)length);
	wire_put_u16(bytes + 2, id);
	return 2 + length;
}

static void
put_query(uint16_t id)
{
	uint8_t bytes[600];

	put(bytes, query(bytes, id));
}

/* The ids of what waits, in one text. */
static const char *
ids(void)
{
	static char text[4000];
	size_t at = 0;

	text[0] = '\0';
	while (at + 4 <= stream->out_used) {
		sprintf(text + strlen(text), "%s%u", at == 0 ? "" : " ", wire_get_u16(stream->out + at + 2));
		at += 2u + wire_get_u16(stream->out + at);
	}
	CU_ASSERT_EQUAL(at, stream->out_used);
	return text;
}

static void
test_cuts(void)
{
	uint8_t bytes[1200];
	size_t length;

	open_stream();
	length = query(bytes, 1);
	length += query(bytes + length, 2);
	for (size_t cut = 0; cut <= length; cut++) {
		unsigned count;

		put(bytes, cut);
		count = stream_answer(stream, &env, 100);
		CU_ASSERT_EQUAL(count, cut / (length / 2));
		CU_ASSERT_EQUAL(stream->in_used, cut % (length / 2));
		put(bytes + cut, length - cut);
		CU_ASSERT_EQUAL(stream_asks(stream), cut < length);
		count += stream_answer(stream, &env, 100);
		CU_ASSERT_EQUAL(count, 2);
		CU_ASSERT_EQUAL(stream->in_used, 0);
		SUITE_TEXT(ids(), "1 2");
		stream_sent(stream, 3);
		CU_ASSERT_EQUAL(stream->waiting, 2);
		stream_sent(stream, stream->out_used);
		CU_ASSERT_EQUAL(stream->waiting, 0);
	}
	CU_ASSERT_EQUAL(world.counters.queries[TRANSPORT_TCP], 2 * (length + 1));
	close_stream();
}

/* What gets no answer is taken and leaves no trace in the order of the others. */
static void
test_noise(void)
{
	static const uint8_t empty[] = { 0, 0 }, response[14] = { 0, 12, 0, 9, 0x80 };

	open_stream();
	put_query(1);
	put(empty, sizeof(empty));
	put(response, sizeof(response));
	put_query(2);
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 4);
	SUITE_TEXT(ids(), "1 2");
	CU_ASSERT_EQUAL(stream->waiting, 2);
	close_stream();
}

static void
test_in_flight(void)
{
	open_stream();
	for (uint16_t id = 1; id <= 5; id++)
		put_query(id);
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 2), 2);
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 2), 0);
	CU_ASSERT(stream_asks(stream));
	SUITE_TEXT(ids(), "1 2");
	stream_sent(stream, stream->out_used);
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 2), 2);
	SUITE_TEXT(ids(), "3 4");
	stream_sent(stream, stream->out_used);
	/* A limit of 0 would be the end of the connection: one is always answered. */
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 0), 1);
	SUITE_TEXT(ids(), "5");
	CU_ASSERT_FALSE(stream_asks(stream));
	close_stream();
}

/* A message as long as may be, and one octet more, fill the buffer with a whole query. */
static void
test_longest(void)
{
	static uint8_t longest[STREAM_MESSAGE_MAX];
	size_t room;

	open_stream();
	memset(longest, 0xff, sizeof(longest));
	longest[4] = 0;
	put(longest, sizeof(longest));
	(void)stream_room(stream, &room);
	CU_ASSERT_EQUAL(room, 0);
	CU_ASSERT(stream_asks(stream));
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 1);
	SUITE_TEXT(ids(), "65535");
	close_stream();
}

/* --- answers of many messages --- */

struct counted {
	unsigned left, size, ended;
};

static size_t
next_message(void *arg, uint8_t *message, size_t size)
{
	struct counted *counted = arg;

	CU_ASSERT_EQUAL(size, ANSWER_SIZE_MAX);
	if (counted->left == 0)
		return 0;
	memset(message, 0, counted->size);
	wire_put_u16(message, 1000 + counted->left--);
	return counted->size;
}

static void
end_messages(void *arg)
{
	((struct counted *)arg)->ended++;
}

/* All of them before the next query's answer, never more than there's room for. */
static void
test_source(void)
{
	struct counted counted = { .left = 5, .size = 60000 };

	open_stream();
	put_query(1);
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 1);
	stream_begin(stream, &(struct stream_source){ next_message, end_messages, &counted });
	put_query(2);
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 0);
	SUITE_TEXT(ids(), "1 1005 1004");
	stream_sent(stream, stream->out_used);
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 0);
	SUITE_TEXT(ids(), "1003 1002");
	CU_ASSERT(stream_asks(stream));
	CU_ASSERT_EQUAL(counted.ended, 0);
	stream_sent(stream, stream->out_used);
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 1);
	SUITE_TEXT(ids(), "1001 2");
	CU_ASSERT_EQUAL(counted.ended, 1);
	CU_ASSERT_FALSE(stream_asks(stream));
	close_stream();
	CU_ASSERT_EQUAL(counted.ended, 1);
}

static void
test_source_cut(void)
{
	struct counted counted = { .left = 5, .size = 600 };

	open_stream();
	stream_begin(stream, &(struct stream_source){ next_message, end_messages, &counted });
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 3), 0);
	SUITE_TEXT(ids(), "1005 1004 1003");
	close_stream();
	CU_ASSERT_EQUAL(counted.ended, 1);
}

struct awaited {
	bool there, told;
	unsigned ended;
};

static size_t
await_message(void *arg, uint8_t *message, size_t size)
{
	struct awaited *awaited = arg;
	(void)size;

	if (!awaited->there)
		return STREAM_LATER;
	if (awaited->told)
		return 0;
	awaited->told = true;
	memset(message, 0, 12);
	wire_put_u16(message, 1000);
	return 12;
}

static void
end_awaiting(void *arg)
{
	((struct awaited *)arg)->ended++;
}

/* What stands behind it waits, in order, and nothing is asked of the stream meanwhile. */
static void
test_later(void)
{
	struct awaited awaited = { .there = false };

	open_stream();
	put_query(1);
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 1);
	stream_begin(stream, &(struct stream_source){ await_message, end_awaiting, &awaited });
	put_query(2);
	CU_ASSERT(stream_asks(stream));
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 0);
	CU_ASSERT_FALSE(stream_asks(stream));
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 0);
	SUITE_TEXT(ids(), "1");
	stream_wake(stream);	/* too early: it waits on */
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 0);
	CU_ASSERT_FALSE(stream_asks(stream));
	awaited.there = true;
	stream_wake(stream);
	CU_ASSERT(stream_asks(stream));
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 1);
	SUITE_TEXT(ids(), "1 1000 2");
	CU_ASSERT_EQUAL(awaited.ended, 1);
	CU_ASSERT_FALSE(stream_asks(stream));
	awaited = (struct awaited){ .there = false };
	stream_begin(stream, &(struct stream_source){ await_message, end_awaiting, &awaited });
	CU_ASSERT_EQUAL(stream_answer(stream, &env, 100), 0);
	close_stream();
	CU_ASSERT_EQUAL(awaited.ended, 1);
}

static const struct suite_case cases[] = {
	{ .name = "cut anywhere", .run = test_cuts },
	{ .name = "noise", .run = test_noise },
	{ .name = "answers in flight", .run = test_in_flight },
	{ .name = "the longest message", .run = test_longest },
	{ .name = "an answer of many messages", .run = test_source },
	{ .name = "a stream that ends within one", .run = test_source_cut },
	{ .name = "a message that isn't there yet", .run = test_later },
};

int
main(void)
{
	return suite_run("stream", cases, ARRAY_SIZE(cases));
}
