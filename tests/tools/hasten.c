/* hasten.c -- loaded before others (LD_PRELOAD): the wall clock runs HASTEN_TIMES as fast since HASTEN_FROM.
 * In: the environment HASTEN_FROM (Unix seconds) and HASTEN_TIMES.  Out: clock_gettime(CLOCK_REALTIME), gettimeofday()
 * and time() of the program that it's loaded into.  Threads: any.
 *
 * Models think in minutes of the wall clock. Everything that waits does so by the monotonic clock, which stays as it is:
 * a world whose intervals are a twentieth of the usual ones, with a wall clock twenty times as fast, is the usual world,
 * and lasts a twentieth of the time. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double from, times = 1;

static void __attribute__((constructor))
read_environment(void)
{
	const char *from_text = getenv("HASTEN_FROM"), *times_text = getenv("HASTEN_TIMES");

	if (from_text == NULL || times_text == NULL)
		return;
	from = strtod(from_text, NULL);
	times = strtod(times_text, NULL);
}

/* By the kernel: what libc calls so is this very function. */
int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int status = (int)syscall(SYS_clock_gettime, clock, now);
	double since;

	if (status != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) || times <= 1)
		return status;
	since = (double)now->tv_sec - from + (double)now->tv_nsec / 1e9;
	if (since > 0) {
		int64_t us = (int64_t)((from + since * times) * 1e6);

		*now = (struct timespec){ us / 1000000, us % 1000000 * 1000 };
	}
	return 0;
}

int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec time;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &time);
	*now = (struct timeval){ time.tv_sec, time.tv_nsec / 1000 };
	return 0;
}

time_t
time(time_t *now)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	if (now != NULL)
		*now = time.tv_sec;
	return time.tv_sec;
}
