/* test_child.c -- predict/child: output, failure, crashes and each limit. */
#include "models/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "suite.h"

static const struct child_limits wide = { .cpu_s = 60, .wall_ms = 60000, .memory = (uint64_t)1 << 40,
	.output = 100 << 20 };

/* Waits for the child by its pipe. */
static int
finish(struct child *child, struct text *output)
{
	int status = 1;

	while (!child_poll(child, mono_now(), output, &status)) {
		struct pollfd fd = { .fd = child_fd(child), .events = POLLIN };
		int64_t left = child_ms_left(child, mono_now());

		poll(&fd, 1, left > 0 ? (int)left : 0);
	}
	child_free(child);
	return status;
}

static int
run_hello(struct text *output, void *arg)
{
	text_printf(output, "hello %s, niceness %d", (const char *)arg, getpriority(PRIO_PROCESS, 0));
	return 0;
}

static int
run_much(struct text *output, void *arg)
{
	(void)arg;
	for (int i = 0; i < 3000000; i++)
		text_puts(output, "x");
	return 0;
}

static int
run_failure(struct text *output, void *arg)
{
	(void)arg;
	text_puts(output, "there is nothing");
	return -ENODATA;
}

static int
run_crash(struct text *output, void *arg)
{
	(void)output;
	(void)arg;
	raise(SIGKILL);
	return 0;
}

static int
run_for_ever(struct text *output, void *arg)
{
	volatile unsigned *turns = arg;

	(void)output;
	for (;;)
		(*turns)++;
	return 0;
}

static int
run_asleep(struct text *output, void *arg)
{
	(void)output;
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static void
test_output(void)
{
	char name[] = "world";
	struct text output = { 0 };

	CU_ASSERT_EQUAL(finish(child_start(run_hello, name, &wide, mono_now()), &output), 0);
	SUITE_TEXT(output.bytes, "hello world, niceness 15");
	text_fini(&output);
	CU_ASSERT_EQUAL(finish(child_start(run_much, NULL, &wide, mono_now()), &output), 0);
	CU_ASSERT_EQUAL(output.length, 3000000);
	text_fini(&output);
}

static void
test_failures(void)
{
	struct text output = { 0 };

	CU_ASSERT_EQUAL(finish(child_start(run_failure, NULL, &wide, mono_now()), &output), -ENODATA);
	SUITE_TEXT(output.bytes, "there is nothing");
	text_fini(&output);
	CU_ASSERT_EQUAL(finish(child_start(run_crash, NULL, &wide, mono_now()), &output), -ECHILD);
	CU_ASSERT_EQUAL(output.length, 0);
}

static void
test_limits(void)
{
	struct child_limits cpu = wide, wall = wide, bytes = wide;
	struct text output = { 0 };
	unsigned turns = 0;

	cpu.cpu_s = 1;
	wall.wall_ms = 50;
	bytes.output = 1000;
	CU_ASSERT_EQUAL(finish(child_start(run_for_ever, &turns, &cpu, mono_now()), &output), -EDQUOT);
	CU_ASSERT_EQUAL(finish(child_start(run_asleep, NULL, &wall, mono_now()), &output), -EDQUOT);
	CU_ASSERT_EQUAL(finish(child_start(run_much, NULL, &bytes, mono_now()), &output), -EDQUOT);
	CU_ASSERT_EQUAL(output.length, 0);
}

/* Given up on, it's gone when child_free() returns. */
static void
test_give_up(void)
{
	struct child *child = child_start(run_asleep, NULL, &wide, mono_now());
	struct text output = { 0 };
	int status;

	CU_ASSERT(!child_poll(child, mono_now(), &output, &status));
	child_free(child);
	child_free(NULL);
}

static const struct suite_case cases[] = {
	{ .name = "output comes whole", .run = test_output },
	{ .name = "failure and crash", .run = test_failures },
	{ .name = "limits end it", .run = test_limits },
	{ .name = "a child that isn't wanted any more", .run = test_give_up },
};

int
main(void)
{
	return suite_run("child", cases, ARRAY_SIZE(cases));
}
