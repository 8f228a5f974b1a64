/* test_api_patience.c -- connections that are waited for in vain are cut off, and no others. Pairs of sockets stand for
 * them; a cut is an event at the other end, so nothing here sleeps. */
#include "api/patience.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

#define LIMIT_MS 50
#define LONG_MS 10000

struct pair {
	int watched, other;
	struct wait *wait;
};

static struct pair
pair_open(struct patience *patience)
{
	struct pair pair;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	pair.watched = fds[0];
	pair.other = fds[1];
	pair.wait = patience_wait(patience, pair.watched);
	return pair;
}

static void
pair_close(struct patience *patience, struct pair *pair)
{
	patience_end(patience, pair->wait);
	close(pair->watched);
	close(pair->other);
}

static int
is_cut(const struct pair *pair, int timeout_ms)
{
	struct pollfd end = { .fd = pair->other, .events = POLLIN };
	char octet;

	return poll(&end, 1, timeout_ms) == 1 && recv(pair->other, &octet, 1, 0) == 0;
}

static void
test_cut(void)
{
	struct patience *patience = patience_start(LIMIT_MS);
	struct pair first = pair_open(patience), second = pair_open(patience);

	CU_ASSERT_TRUE(is_cut(&first, LONG_MS));
	CU_ASSERT_TRUE(is_cut(&second, LONG_MS));
	pair_close(patience, &first);
	pair_close(patience, &second);
	patience_stop(patience);
}

/* `busy` came first, so its time would have ended before that of `idle`. */
static void
test_paused(void)
{
	struct patience *patience = patience_start(LIMIT_MS);
	struct pair busy = pair_open(patience), idle = pair_open(patience);

	patience_pause(patience, busy.wait);
	patience_pause(patience, busy.wait);
	CU_ASSERT_TRUE(is_cut(&idle, LONG_MS));
	CU_ASSERT_FALSE(is_cut(&busy, 0));
	patience_resume(patience, busy.wait);
	CU_ASSERT_TRUE(is_cut(&busy, LONG_MS));
	pair_close(patience, &idle);
	pair_close(patience, &busy);
	patience_stop(patience);
}

/* The number of a closed descriptor is soon that of another file. */
static void
test_ended(void)
{
	struct patience *patience = patience_start(LIMIT_MS);
	struct pair gone = pair_open(patience), after = pair_open(patience);
	int fds[2];

	patience_end(patience, gone.wait);
	close(gone.watched);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		abort();
	CU_ASSERT_EQUAL(fds[0], gone.watched);
	CU_ASSERT_TRUE(is_cut(&after, LONG_MS));
	CU_ASSERT_FALSE(is_cut(&(struct pair){ .other = fds[1] }, 0));
	pair_close(patience, &after);
	close(gone.other);
	close(fds[0]);
	close(fds[1]);
	patience_stop(patience);
}

static void
test_none(void)
{
	struct patience *patience = patience_start(LIMIT_MS);

	patience_pause(patience, NULL);
	patience_resume(patience, NULL);
	patience_end(patience, NULL);
	patience_stop(patience);
	patience_stop(NULL);
}

/* With a long limit the thread sleeps; stopping must wake it, with connections that were forgotten or not. */
static void
test_stop(void)
{
	struct patience *patience = patience_start(LONG_MS * 100);
	struct pair pair = pair_open(patience);

	pair_close(patience, &pair);
	patience_stop(patience);
}

static const struct suite_case cases[] = {
	{ .name = "who sends nothing is cut off", .run = test_cut },
	{ .name = "who is served isn't", .run = test_paused },
	{ .name = "a descriptor that was closed is never touched", .run = test_ended },
	{ .name = "a connection that isn't watched", .run = test_none },
	{ .name = "it stops at once", .run = test_stop },
};

int
main(void)
{
	return suite_run("api patience", cases, ARRAY_SIZE(cases));
}
