/* pump.c -- see pump.h.
 * In: strings in a ring for each worker.  Out: the same, in batches, to a sink.  Threads: its own, and the workers.
 * The thread sleeps LOOK_MS when all rings are empty. Longer, and a ring would have to hold more; shorter, and an idle
 * daemon would wake for nothing. */
#include "tap/pump.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 20	/* at 100,000 queries/s of one worker, with 400 octets each: 800 KB in its ring */

struct pump_line {
	struct ring ring;
	alignas(64) uint32_t passed;	/* queries since the last that counted; the worker's */
	uint64_t dropped;		/* written by the worker, read by anybody */
};

struct pump {
	struct pump_options options;
	struct pump_line *lines;
	pthread_t thread;
	pthread_mutex_t lock;		/* guards `stopping`; never taken by a worker */
	pthread_cond_t stop;
	bool stopping;
};

static void *run(void *arg);
static bool move(struct pump *pump, struct pump_line *line);
static bool pause_or_stop(struct pump *pump);
static void release(struct pump *pump);

struct pump *
pump_new(const struct pump_options *options)
{
	struct pump *pump = calloc(1, sizeof(*pump));
	size_t size = options->workers * sizeof(*pump->lines);
	pthread_condattr_t monotonic;

	if (pump == NULL)
		return NULL;
	pump->options = *options;
	pump->lines = aligned_alloc(64, size);
	if (pump->lines == NULL) {
		free(pump);
		return NULL;
	}
	memset(pump->lines, 0, size);
	pthread_mutex_init(&pump->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&pump->stop, &monotonic);
	pthread_condattr_destroy(&monotonic);
	for (unsigned w = 0; w < options->workers; w++) {
		pump->lines[w].passed = options->sample - 1;
		if (!ring_init(&pump->lines[w].ring, options->ring_size))
			goto fail;
	}
	if (pthread_create(&pump->thread, NULL, run, pump) == 0)
		return pump;
fail:
	release(pump);
	return NULL;
}

static void *
run(void *arg)
{
	struct pump *pump = arg;
	bool stopping;

	do {
		bool moved;

		stopping = pause_or_stop(pump);
		do {
			moved = false;
			for (unsigned w = 0; w < pump->options.workers; w++)
				moved |= move(pump, &pump->lines[w]);
		} while (moved);
		pump->options.sink.idle(pump->options.sink.arg);
	} while (!stopping);
	return NULL;
}

static bool
move(struct pump *pump, struct pump_line *line)
{
	struct iovec strings[PUMP_BATCH];
	size_t count = ring_take(&line->ring, strings, PUMP_BATCH);

	if (count == 0)
		return false;
	pump->options.sink.take(pump->options.sink.arg, strings, count);
	ring_give(&line->ring, strings, count);
	return true;
}

static bool
pause_or_stop(struct pump *pump)
{
	struct timespec until;
	bool stopping;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LOOK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&pump->lock);
	if (!pump->stopping)
		pthread_cond_timedwait(&pump->stop, &pump->lock, &until);
	stopping = pump->stopping;
	pthread_mutex_unlock(&pump->lock);
	return stopping;
}

void
pump_free(struct pump *pump)
{
	if (pump == NULL)
		return;
	pthread_mutex_lock(&pump->lock);
	pump->stopping = true;
	pthread_cond_signal(&pump->stop);
	pthread_mutex_unlock(&pump->lock);
	pthread_join(pump->thread, NULL);
	release(pump);
}

static void
release(struct pump *pump)
{
	for (unsigned w = 0; w < pump->options.workers; w++)
		ring_fini(&pump->lines[w].ring);
	pthread_cond_destroy(&pump->stop);
	pthread_mutex_destroy(&pump->lock);
	free(pump->lines);
	free(pump);
}

bool
pump_wants(struct pump *pump, unsigned worker)
{
	struct pump_line *line = &pump->lines[worker];

	if (++line->passed < pump->options.sample)
		return false;
	line->passed = 0;
	return true;
}

void *
pump_room(struct pump *pump, unsigned worker, size_t length)
{
	struct pump_line *line = &pump->lines[worker];
	void *room = ring_room(&line->ring, length);

	if (room == NULL)
		__atomic_store_n(&line->dropped, line->dropped + 1, __ATOMIC_RELAXED);
	return room;
}

void
pump_put(struct pump *pump, unsigned worker, size_t length)
{
	ring_put(&pump->lines[worker].ring, length);
}

uint32_t
pump_sample(const struct pump *pump)
{
	return pump->options.sample;
}

uint64_t
pump_dropped(const struct pump *pump)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < pump->options.workers; w++)
		sum += __atomic_load_n(&pump->lines[w].dropped, __ATOMIC_RELAXED);
	return sum;
}
