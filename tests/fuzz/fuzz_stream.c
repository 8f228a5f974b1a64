/* fuzz_stream.c -- serve/stream: a client's octets, cut as the first ones say, get the same answers as in one piece; each
 * is whole, and no more of them wait than may be. The first octet says how many answers may wait, the second how long
 * the pieces are. */
#define FUZZ_NAME "stream"

#include "fuzz.h"
#include "../unit/sample_world.h"
#include "serve/stream.h"

#define REPLIES_SIZE ((size_t)4 << 20)

/* All answers to these octets, put in pieces, into `replies`; how many octets they have. */
static size_t
converse(struct answer_env *env, const uint8_t *bytes, size_t length, size_t piece, unsigned in_flight,
	uint8_t *replies)
{
	static struct stream stream;
	size_t at = 0, total = 0;

	stream_init(&stream);
	while (at < length) {
		size_t room;
		uint8_t *to = stream_room(&stream, &room);

		if (room > piece)
			room = piece;
		if (room > length - at)
			room = length - at;
		memcpy(to, bytes + at, room);
		stream_took(&stream, room);
		at += room;
		while (stream_asks(&stream)) {
			if (stream_answer(&stream, env, in_flight) == 0 || stream.waiting > in_flight)
				abort();
			if (total + stream.out_used > REPLIES_SIZE)
				abort();
			memcpy(replies + total, stream.out, stream.out_used);
			total += stream.out_used;
			stream_sent(&stream, stream.out_used);
		}
	}
	stream_fini(&stream);
	return total;
}

/* Message by message, by their ids: what takes turns by round robin has another answer each time. */
static void
check(const uint8_t *one, size_t one_length, const uint8_t *other, size_t other_length)
{
	size_t at = 0, beside = 0;

	while (at < one_length || beside < other_length) {
		if (one_length - at < 4 || one_length - at - 2 < wire_get_u16(one + at)
		    || other_length - beside < 4 || other_length - beside - 2 < wire_get_u16(other + beside))
			abort();
		if (memcmp(one + at + 2, other + beside + 2, 2) != 0
		    || !sample_is_whole(one + at + 2, wire_get_u16(one + at))
		    || !sample_is_whole(other + beside + 2, wire_get_u16(other + beside)))
			abort();
		at += 2u + wire_get_u16(one + at);
		beside += 2u + wire_get_u16(other + beside);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct sample *sample;
	static uint8_t *whole, *cut;
	struct answer_env env;
	unsigned in_flight;
	size_t piece, total;

	if (sample == NULL) {
		sample = sample_open();
		whole = malloc(REPLIES_SIZE);
		cut = malloc(REPLIES_SIZE);
	}
	if (whole == NULL || cut == NULL)
		abort();
	/* Answers are at most some 64 times as long as the least query. */
	if (length < 2 || length > 20000)
		return 0;
	env = world_env(&sample->world, (struct ask){ .stream = true });
	in_flight = bytes[0] + 1u;
	piece = bytes[1] + 1u;
	total = converse(&env, bytes + 2, length - 2, SIZE_MAX, UINT32_MAX, whole);
	check(whole, total, cut, converse(&env, bytes + 2, length - 2, piece, in_flight, cut));
	return 0;
}
