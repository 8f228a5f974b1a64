/* test_sketch.c -- steer/sketch: counts of skewed streams, held against the exact ones. */
#include "steer/sketch.h"

#include <math.h>

#include "steer/slots.h"
#include "suite.h"

#define CLIENTS 65536u

struct stream {
	const char *name;
	uint32_t size, clients, questions;
	double skew;		/* client k asks with weight 1 / (k + 1)^skew; 0: all alike */
	uint32_t every;
	bool falling;		/* the heaviest first, each with all its questions: the worst order */
};

static const struct stream streams[] = {
	{ .name = "fewer clients than room", .size = 256, .clients = 200, .questions = 20000, .skew = 1, .every = 1 },
	{ .name = "as many", .size = 256, .clients = 256, .questions = 20000, .skew = 0, .every = 1 },
	{ .name = "skewed", .size = 256, .clients = 65536, .questions = 200000, .skew = 1, .every = 1 },
	{ .name = "very skewed", .size = 64, .clients = 65536, .questions = 100000, .skew = 1.5, .every = 1 },
	{ .name = "all alike", .size = 256, .clients = 65536, .questions = 200000, .skew = 0, .every = 1 },
	{ .name = "the heaviest first", .size = 256, .clients = 4096, .questions = 200000, .skew = 1, .every = 1,
	    .falling = true },
	{ .name = "room for one", .size = 1, .clients = 100, .questions = 5000, .skew = 1, .every = 1 },
	{ .name = "one in eight is looked at", .size = 4096, .clients = 2000, .questions = 400000, .skew = 1,
	    .every = 8 },
};

static uint32_t exact[CLIENTS];

static struct address
client_at(uint32_t k)
{
	return (struct address){ .bytes = { 10, (uint8_t)(k >> 8), (uint8_t)k, 77 }, .bits = 32 };
}

static void
ask(struct sketch *sketch, uint32_t client)
{
	struct address address = client_at(client);

	sketch_see(sketch, 42, &address, 32);
	exact[client]++;
}

/* By the inverse of the sum of weights; the same numbers each time. */
static void
pour(struct sketch *sketch, const struct stream *stream)
{
	static double upto[CLIENTS];
	uint64_t dice = 12345;
	double sum = 0;

	for (uint32_t k = 0; k < stream->clients; k++)
		upto[k] = sum += pow(k + 1, -stream->skew);
	for (uint32_t k = 0; stream->falling && k < stream->clients; k++)
		for (double n = round(stream->questions * (upto[k] - (k > 0 ? upto[k - 1] : 0)) / sum); n > 0; n--)
			ask(sketch, k);
	for (uint32_t q = 0; !stream->falling && q < stream->questions; q++) {
		uint32_t low = 0, high = stream->clients - 1;
		double at;

		dice = dice * 6364136223846793005u + 1442695040888963407u;
		at = (double)(dice >> 11) * 0x1p-53 * sum;
		while (low < high) {
			uint32_t middle = (low + high) / 2;

			if (upto[middle] < at)
				low = middle + 1;
			else
				high = middle;
		}
		ask(sketch, low);
	}
}

static struct sketch_entry
entry_of(const struct sketch *sketch, uint32_t client)
{
	struct address address = client_at(client);

	for (size_t i = 0; i < sketch_count(sketch); i++)
		if (sketch_at(sketch, i).key == slots_key(&address, 32))
			return sketch_at(sketch, i);
	return (struct sketch_entry){ 0 };
}

/* What Metwally proves: no count below the exact one, none above it by more than its error, no error above N / size,
 * and every key with more than N / size is there. */
static void
test_guarantee(void)
{
	for (size_t i = 0; i + 1 < ARRAY_SIZE(streams); i++) {
		const struct stream *s = &streams[i];
		struct sketch *sketch = sketch_new(s->size, 7);
		uint64_t questions, most_error, sum = 0;

		if (sketch == NULL)
			abort();
		memset(exact, 0, sizeof(exact));
		pour(sketch, s);
		questions = sketch_questions(sketch);
		most_error = questions / s->size;
		for (size_t e = 0; e < sketch_count(sketch); e++)
			sum += sketch_at(sketch, e).count;
		SUITE_ROW(s->name, sum == questions);
		for (uint32_t k = 0; k < s->clients; k++) {
			struct sketch_entry entry = entry_of(sketch, k);

			if (exact[k] > most_error || s->clients <= s->size)
				SUITE_ROW(s->name, exact[k] == 0 || entry.key != 0);
			if (entry.key == 0)
				continue;
			SUITE_ROW(s->name, entry.count >= exact[k]);
			SUITE_ROW(s->name, entry.count - entry.error <= exact[k]);
			SUITE_ROW(s->name, entry.error <= most_error);
			SUITE_ROW(s->name, entry.service == 42);
			if (k > 2000 && s->clients > 5000)
				k += 37;	/* the search is slow, and what's rare is alike */
		}
		sketch_free(sketch);
	}
}

/* Within five standard deviations, and all in all within one per cent. */
static void
test_sampled(void)
{
	const struct stream *s = &streams[ARRAY_SIZE(streams) - 1];
	struct sketch *sketch = sketch_new(s->size, 7);

	CU_ASSERT_FATAL(sketch != NULL);
	sketch_clear(sketch, s->every);
	memset(exact, 0, sizeof(exact));
	pour(sketch, s);
	CU_ASSERT_DOUBLE_EQUAL((double)sketch_questions(sketch), s->questions, 0.01 * s->questions);
	for (uint32_t k = 0; k < 200; k++) {
		double count = (double)entry_of(sketch, k).count;

		CU_ASSERT_DOUBLE_EQUAL(count, exact[k], 5 * sqrt(8.0 * exact[k]));
	}
	sketch_free(sketch);
}

static void
test_times(void)
{
	struct sketch *sketch = sketch_new(2, 7);

	CU_ASSERT_FATAL(sketch != NULL);
	sketch_tell_time(sketch, 100);
	ask(sketch, 1);
	sketch_tell_time(sketch, 900);
	ask(sketch, 1);
	ask(sketch, 2);
	CU_ASSERT_EQUAL(entry_of(sketch, 1).first_ms, 100);
	CU_ASSERT_EQUAL(entry_of(sketch, 1).last_ms, 900);
	sketch_tell_time(sketch, 1000);
	ask(sketch, 3);		/* takes the place of 2, and what came before isn't its own */
	CU_ASSERT_EQUAL(entry_of(sketch, 2).key, 0);
	CU_ASSERT_EQUAL(entry_of(sketch, 3).first_ms, 1000);
	CU_ASSERT_EQUAL(entry_of(sketch, 3).error, 1);
	sketch_clear(sketch, 1);
	CU_ASSERT_EQUAL(sketch_count(sketch), 0);
	CU_ASSERT_EQUAL(sketch_questions(sketch), 0);
	ask(sketch, 1);
	CU_ASSERT_EQUAL(entry_of(sketch, 1).first_ms, 0);
	sketch_free(sketch);
}

static void
test_services(void)
{
	struct sketch *sketch = sketch_new(8, 7);
	struct address address = client_at(1);

	CU_ASSERT_FATAL(sketch != NULL);
	sketch_see(sketch, 1, &address, 32);
	sketch_see(sketch, 2, &address, 32);
	sketch_see(sketch, 2, &address, 24);	/* the same key: no more than 24 bits count */
	CU_ASSERT_EQUAL(sketch_count(sketch), 2);
	CU_ASSERT_EQUAL(sketch_at(sketch, 0).count, 1);
	CU_ASSERT_EQUAL(sketch_at(sketch, 1).count, 2);
	sketch_free(sketch);
	CU_ASSERT_PTR_NULL(sketch_new(0, 1));
	CU_ASSERT_PTR_NULL(sketch_new(SKETCH_SIZE_MAX + 1, 1));
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "every bound of space-saving holds", .run = test_guarantee },
		{ .name = "one question in eight tells as much, within its noise", .run = test_sampled },
		{ .name = "a key's times are those since it's here", .run = test_times },
		{ .name = "services don't mix, and keys end at 24 bits", .run = test_services },
	};

	return suite_run("sketch", cases, ARRAY_SIZE(cases));
}
