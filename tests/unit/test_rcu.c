/* test_rcu.c -- base/rcu: readers and a writer at once. Each version is poisoned before it is freed, so that a reader
 * that still holds it fails here, and under the address and thread sanitizers too. */
#include "base/rcu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "suite.h"

#define READERS 2
#define SWAPS 200

struct version {
	int number, twice;
};

static struct version *current;
static atomic_int started;
static atomic_bool stopping;

static struct version *
version_new(int number)
{
	struct version *v = malloc(sizeof(*v));

	if (v == NULL)
		abort();
	*v = (struct version){ number, 2 * number };
	return v;
}

/* Returns the number of versions seen torn or going backwards. */
static void *
reader(void *argument)
{
	size_t *wrong = argument;
	int last = 0;

	rcu_reader_register();
	atomic_fetch_add(&started, 1);
	while (!atomic_load(&stopping)) {
		for (int i = 0; i < 100; i++) {
			const struct version *v = rcu_load(current);

			*wrong += v->twice != 2 * v->number || v->number < last;
			last = v->number;
		}
		rcu_reader_quiescent();
		rcu_reader_offline();
		rcu_reader_online();
	}
	rcu_reader_unregister();
	return NULL;
}

static void
test_swaps(void)
{
	pthread_t threads[READERS];
	size_t wrong[READERS] = { 0 };

	rcu_publish(current, version_new(0));
	for (size_t i = 0; i < READERS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, reader, &wrong[i]), 0);
	while (atomic_load(&started) < READERS)
		sched_yield();
	for (int n = 1; n <= SWAPS; n++) {
		struct version *old = rcu_exchange(current, version_new(n));

		rcu_wait_readers();
		CU_ASSERT_EQUAL(old->number, n - 1);
		*old = (struct version){ -1, 1 };
		free(old);
	}
	atomic_store(&stopping, true);
	for (size_t i = 0; i < READERS; i++) {
		CU_ASSERT_EQUAL(pthread_join(threads[i], NULL), 0);
		CU_ASSERT_EQUAL(wrong[i], 0);
	}
	free(current);
}

/* A reader that sleeps offline holds nobody up; were it online, this would never end. */
static void *
sleeper(void *argument)
{
	const int *pipe_end = argument;
	char byte;

	rcu_reader_register();
	rcu_reader_offline();
	atomic_fetch_add(&started, 1);
	if (read(*pipe_end, &byte, 1) != 1)
		abort();
	rcu_reader_online();
	rcu_reader_unregister();
	return NULL;
}

static void
test_offline(void)
{
	int ends[2];
	pthread_t thread;

	atomic_store(&started, 0);
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, sleeper, &ends[0]), 0);
	while (atomic_load(&started) < 1)
		sched_yield();
	rcu_wait_readers();
	CU_ASSERT_EQUAL(write(ends[1], "x", 1), 1);
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
	close(ends[0]);
	close(ends[1]);
}

static const struct suite_case cases[] = {
	{ .name = "nobody reads what was freed", .run = test_swaps },
	{ .name = "an offline reader holds nobody up", .run = test_offline },
};

int
main(void)
{
	return suite_run("rcu", cases, ARRAY_SIZE(cases));
}
