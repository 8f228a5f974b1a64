/* patience.c -- one list of the connections that are waited for, by the time when patience ends, and a thread that
 * sleeps until the first of them.
 * In: descriptors that come, are busy, and go.  Out: shutdown(2) of those that took too long; whoever owns the
 * connection then reads its end and closes it.
 * Threads: the thread here only ever shuts down, under the lock, and patience_end() comes before the close, so that no
 * other file with the same number can be meant.
 * The time allowed is the same for all, so the list is in order when new waits go to its end. */
#include "api/patience.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

struct wait {
	struct wait *next, *previous;
	struct mono until;
	int fd;
	bool listed;
};

struct patience {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	struct wait *first, *last;
	uint32_t limit_ms;
	bool stopping;
};

static void *watch(void *arg);
static void cut_off(struct patience *patience, struct mono now);
static void list(struct patience *patience, struct wait *wait);
static void unlist(struct patience *patience, struct wait *wait);

struct patience *
patience_start(uint32_t limit_ms)
{
	struct patience *patience = calloc(1, sizeof(*patience));
	pthread_condattr_t attributes;
	sigset_t all, before;
	int error;

	if (patience == NULL)
		return NULL;
	patience->limit_ms = limit_ms;
	pthread_mutex_init(&patience->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&patience->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	sigfillset(&all);	/* signals are for the control thread */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&patience->thread, NULL, watch, patience);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		return patience;
	pthread_cond_destroy(&patience->changed);
	pthread_mutex_destroy(&patience->lock);
	free(patience);
	return NULL;
}

void
patience_stop(struct patience *patience)
{
	if (patience == NULL)
		return;
	pthread_mutex_lock(&patience->lock);
	patience->stopping = true;
	pthread_cond_signal(&patience->changed);
	pthread_mutex_unlock(&patience->lock);
	pthread_join(patience->thread, NULL);
	pthread_cond_destroy(&patience->changed);
	pthread_mutex_destroy(&patience->lock);
	free(patience);
}

static void *
watch(void *arg)
{
	struct patience *patience = arg;

	pthread_mutex_lock(&patience->lock);
	while (!patience->stopping) {
		cut_off(patience, mono_now());
		if (patience->first == NULL) {
			pthread_cond_wait(&patience->changed, &patience->lock);
		} else {
			int64_t ns = patience->first->until.ns;
			struct timespec until = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

			pthread_cond_timedwait(&patience->changed, &patience->lock, &until);
		}
	}
	pthread_mutex_unlock(&patience->lock);
	return NULL;
}

static void
cut_off(struct patience *patience, struct mono now)
{
	while (patience->first != NULL && mono_ms_between(patience->first->until, now) >= 0) {
		shutdown(patience->first->fd, SHUT_RDWR);
		unlist(patience, patience->first);
	}
}

struct wait *
patience_wait(struct patience *patience, int fd)
{
	struct wait *wait = calloc(1, sizeof(*wait));

	if (wait == NULL)
		return NULL;
	wait->fd = fd;
	patience_resume(patience, wait);
	return wait;
}

void
patience_pause(struct patience *patience, struct wait *wait)
{
	pthread_mutex_lock(&patience->lock);
	if (wait != NULL)
		unlist(patience, wait);
	pthread_mutex_unlock(&patience->lock);
}

void
patience_resume(struct patience *patience, struct wait *wait)
{
	if (wait == NULL)
		return;
	pthread_mutex_lock(&patience->lock);
	unlist(patience, wait);
	wait->until = mono_add_ms(mono_now(), patience->limit_ms);
	list(patience, wait);
	pthread_mutex_unlock(&patience->lock);
}

void
patience_end(struct patience *patience, struct wait *wait)
{
	patience_pause(patience, wait);
	free(wait);
}

/* At the end: nobody's patience ends later. The thread only needs to know when it slept without an end. */
static void
list(struct patience *patience, struct wait *wait)
{
	wait->listed = true;
	wait->next = NULL;
	wait->previous = patience->last;
	if (patience->last != NULL) {
		patience->last->next = wait;
	} else {
		patience->first = wait;
		pthread_cond_signal(&patience->changed);
	}
	patience->last = wait;
}

static void
unlist(struct patience *patience, struct wait *wait)
{
	if (!wait->listed)
		return;
	wait->listed = false;
	if (wait->previous != NULL)
		wait->previous->next = wait->next;
	else
		patience->first = wait->next;
	if (wait->next != NULL)
		wait->next->previous = wait->previous;
	else
		patience->last = wait->previous;
}
