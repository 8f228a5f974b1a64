/* test_ring.c -- tap/ring and tap/pump: strings come out as they went in, whatever their lengths and wherever they meet
 * the end of the memory; a full ring drops and says so; one query of so many counts. */
#include "tap/ring.h"

#include <pthread.h>
#include <stdatomic.h>

#include "suite.h"
#include "tap/pump.h"

#define SIZE 1024
#define STRINGS 20000

static uint32_t dice = 1;

static uint32_t
roll(uint32_t sides)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % sides;
}

static bool
put(struct ring *ring, size_t length, uint8_t value)
{
	uint8_t *room = ring_room(ring, length);

	if (room == NULL)
		return false;
	memset(room, value, length);
	ring_put(ring, length);
	return true;
}

static bool
is_all(const struct iovec *string, size_t length, uint8_t value)
{
	const uint8_t *bytes = string->iov_base;

	if (string->iov_len != length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static void
test_order(void)
{
	struct ring ring;
	struct iovec strings[16];
	size_t lengths[64], put_count = 0, taken = 0;

	CU_ASSERT_FATAL(ring_init(&ring, SIZE));
	for (unsigned round = 0; round < STRINGS; round++) {
		size_t length = roll(200), count;

		if (put_count - taken < 60 && put(&ring, length, (uint8_t)put_count))
			lengths[put_count++ % 64] = length;
		if (roll(3) != 0)
			continue;
		count = ring_take(&ring, strings, 1 + roll(15));
		for (size_t i = 0; i < count; i++, taken++)
			CU_ASSERT_FATAL(is_all(&strings[i], lengths[taken % 64], (uint8_t)taken));
		ring_give(&ring, strings, count);
	}
	CU_ASSERT(taken > 1000);
	ring_fini(&ring);
}

static void
test_full(void)
{
	struct ring ring;
	struct iovec strings[SIZE / 8];
	size_t count = 0, taken;

	CU_ASSERT_FATAL(ring_init(&ring, SIZE));
	CU_ASSERT(!put(&ring, SIZE / 2, 1));		/* with its length it's more than half */
	CU_ASSERT(put(&ring, SIZE / 2 - 8, 1));
	CU_ASSERT(put(&ring, SIZE / 2 - 8, 2));
	CU_ASSERT(!put(&ring, 0, 3));
	CU_ASSERT_EQUAL(ring_take(&ring, strings, 1), 1);
	CU_ASSERT(!put(&ring, 0, 3));			/* taken isn't given back */
	ring_give(&ring, strings, 1);
	CU_ASSERT(put(&ring, 0, 3));
	taken = ring_take(&ring, strings, SIZE / 8);
	CU_ASSERT_EQUAL(taken, 2);
	ring_give(&ring, strings, taken);
	while (put(&ring, 0, 0))
		count++;
	CU_ASSERT_EQUAL(count, SIZE / 8);
	ring_fini(&ring);
}

struct other { struct ring ring; atomic_bool over; uint64_t sum; size_t count; };

static void *
take_all(void *arg)
{
	struct other *other = arg;
	struct iovec strings[16];
	size_t count;
	bool over;

	do {
		over = atomic_load(&other->over);
		while ((count = ring_take(&other->ring, strings, 16)) > 0) {
			for (size_t i = 0; i < count; i++, other->count++)
				for (size_t b = 0; b < strings[i].iov_len; b++)
					other->sum += ((const uint8_t *)strings[i].iov_base)[b];
			ring_give(&other->ring, strings, count);
		}
	} while (!over);
	return NULL;
}

static void
test_threads(void)
{
	struct other other = { .sum = 0 };
	pthread_t thread;
	uint64_t sum = 0;
	size_t count = 0;

	CU_ASSERT_FATAL(ring_init(&other.ring, SIZE));
	CU_ASSERT_FATAL(pthread_create(&thread, NULL, take_all, &other) == 0);
	for (unsigned i = 0; i < STRINGS; i++) {
		size_t length = roll(100);

		if (put(&other.ring, length, (uint8_t)i)) {
			sum += length * (uint8_t)i;
			count++;
		}
	}
	atomic_store(&other.over, true);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(other.count, count);
	CU_ASSERT_EQUAL(other.sum, sum);
	CU_ASSERT(count > 0);
	ring_fini(&other.ring);
}

/* --- pump ---------------------------------------------------------------------------------------------------- */

struct sink { pthread_mutex_t gate; size_t strings; };

static void
sink_take(void *arg, const struct iovec *strings, size_t count)
{
	struct sink *sink = arg;
	(void)strings;

	pthread_mutex_lock(&sink->gate);
	sink->strings += count;
	pthread_mutex_unlock(&sink->gate);
}

static void
sink_idle(void *arg)
{
	(void)arg;
}

static void
test_pump(void)
{
	struct sink sink = { .gate = PTHREAD_MUTEX_INITIALIZER };
	struct pump *pump = pump_new(&(struct pump_options){ .workers = 2, .ring_size = SIZE, .sample = 1,
	    .sink = { sink_take, sink_idle, &sink } });
	size_t count = 0;

	CU_ASSERT_FATAL(pump != NULL);
	pthread_mutex_lock(&sink.gate);		/* a sink that doesn't get on */
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t *room = pump_room(pump, i % 2, 8);

		if (room == NULL)
			continue;
		memset(room, 0, 8);
		pump_put(pump, i % 2, 8);
		count++;
	}
	CU_ASSERT_EQUAL(count, 2 * SIZE / 16);	/* nothing is given back before it's written */
	CU_ASSERT_EQUAL(pump_dropped(pump), 1000 - count);
	pthread_mutex_unlock(&sink.gate);
	pump_free(pump);			/* what is there still goes */
	CU_ASSERT_EQUAL(sink.strings, count);
	pthread_mutex_destroy(&sink.gate);
}

static void
test_sample(void)
{
	static const uint32_t samples[] = { 1, 2, 7, 100 };
	struct sink sink = { .gate = PTHREAD_MUTEX_INITIALIZER };

	for (size_t s = 0; s < ARRAY_SIZE(samples); s++) {
		struct pump *pump = pump_new(&(struct pump_options){ .workers = 2, .ring_size = SIZE,
		    .sample = samples[s], .sink = { sink_take, sink_idle, &sink } });
		unsigned wanted = 0;

		CU_ASSERT_FATAL(pump != NULL);
		CU_ASSERT(pump_wants(pump, 1));		/* the first, of each worker */
		for (unsigned i = 0; i < 700; i++) {
			bool wants = pump_wants(pump, 0);

			CU_ASSERT_EQUAL(wants, i % samples[s] == 0);
			wanted += wants;
		}
		CU_ASSERT_EQUAL(wanted, (700 + samples[s] - 1) / samples[s]);
		pump_free(pump);
	}
	pthread_mutex_destroy(&sink.gate);
}

static const struct suite_case cases[] = {
	{ .name = "strings of any length come out in their order", .run = test_order },
	{ .name = "a full ring takes nothing until something is given back", .run = test_full },
	{ .name = "between two threads nothing is lost or changed", .run = test_threads },
	{ .name = "a sink that hangs costs strings, which are counted", .run = test_pump },
	{ .name = "one query of so many counts, the first of each worker", .run = test_sample },
};

int
main(void)
{
	return suite_run("ring", cases, ARRAY_SIZE(cases));
}
