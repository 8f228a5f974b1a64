/* test_pae.c -- control/pae: a child that is started, dies, is started again, is stopped, and that ends with its
 * parent. The child is a shell script that writes its process number to a file and then waits for the end of its
 * standard input, unless the case says otherwise. */
#include "control/pae.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "suite.h"

#define DEADLINE_MS 20000

static char folder[] = "/tmp/isobar-pae-XXXXXX";
static char script[64], pid_path[64];

static void
child_is(const char *text)
{
	FILE *file = fopen(script, "w");

	if (file == NULL || fprintf(file, "#!/bin/sh\n%s\n", text) < 0 || fclose(file) != 0 || chmod(script, 0755) != 0)
		abort();
	unlink(pid_path);
}

/* 0: not written (yet). */
static pid_t
child_pid(void)
{
	FILE *file = fopen(pid_path, "r");
	int pid = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%d\n", &pid) != 1)
		pid = 0;
	fclose(file);
	return pid;
}

struct awaiting {
	uv_timer_t timer;
	bool (*reached)(void *arg);
	void *arg;
	struct mono began;
	bool good;
};

static void
on_look(uv_timer_t *timer)
{
	struct awaiting *a = timer->data;

	a->good = a->reached(a->arg);
	if (a->good || mono_ms_between(a->began, mono_now()) > DEADLINE_MS)
		uv_stop(timer->loop);
}

/* Runs the loop until `reached` says so; false after DEADLINE_MS. */
static bool
await(uv_loop_t *loop, bool (*reached)(void *arg), void *arg)
{
	struct awaiting a = { .reached = reached, .arg = arg, .began = mono_now() };

	uv_timer_init(loop, &a.timer);
	a.timer.data = &a;
	uv_timer_start(&a.timer, on_look, 0, 10);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&a.timer, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	return a.good;
}

static bool
has_pid(void *arg UNUSED)
{
	return child_pid() != 0;
}

static bool
has_restarts(void *arg)
{
	return pae_restarts(arg) >= 1 && pae_running(arg) && child_pid() != 0;
}

static bool
is_down(void *arg)
{
	return !pae_running(arg);
}

static struct pae *
start(uv_loop_t *loop, const char *program)
{
	const char *const arguments[] = { program, pid_path, NULL };
	struct pae *pae;

	uv_loop_init(loop);
	pae = pae_new(loop, arguments);
	if (pae == NULL)
		abort();
	return pae;
}

static int64_t
stop(uv_loop_t *loop, struct pae *pae)
{
	struct mono began = mono_now();

	pae_stop(pae);
	uv_run(loop, UV_RUN_DEFAULT);
	CU_ASSERT_FALSE(pae_running(pae));
	pae_free(pae);
	CU_ASSERT_EQUAL(uv_loop_close(loop), 0);
	return mono_ms_between(began, mono_now());
}

#define WAITS "echo $$ >$1.new && mv $1.new $1; exec cat >/dev/null"

static void
test_runs(void)
{
	uv_loop_t loop;
	struct pae *pae;
	pid_t pid;

	child_is(WAITS);
	pae = start(&loop, script);
	CU_ASSERT(await(&loop, has_pid, NULL));
	CU_ASSERT(pae_running(pae));
	CU_ASSERT_EQUAL(pae_restarts(pae), 0);
	pid = child_pid();
	stop(&loop, pae);
	CU_ASSERT_EQUAL(kill(pid, 0), -1);
	CU_ASSERT_FALSE(pae_running(NULL));
	CU_ASSERT_EQUAL(pae_restarts(NULL), 0);
	pae_stop(NULL);
	pae_free(NULL);
}

static void
test_killed(void)
{
	uv_loop_t loop;
	struct pae *pae;
	struct mono died;
	pid_t first;

	child_is(WAITS);
	pae = start(&loop, script);
	CU_ASSERT_FATAL(await(&loop, has_pid, NULL));
	first = child_pid();
	unlink(pid_path);
	kill(first, SIGKILL);
	CU_ASSERT(await(&loop, has_restarts, pae));
	CU_ASSERT_NOT_EQUAL(child_pid(), first);
	/* Again: now it waits for a second. */
	first = child_pid();
	unlink(pid_path);
	died = mono_now();
	kill(first, SIGKILL);
	CU_ASSERT(await(&loop, is_down, pae));
	CU_ASSERT(await(&loop, has_restarts, pae));
	CU_ASSERT(mono_ms_between(died, mono_now()) >= 1000);
	CU_ASSERT_EQUAL(pae_restarts(pae), 2);
	stop(&loop, pae);
}

static void
test_stopped_while_waiting(void)
{
	uv_loop_t loop;
	struct pae *pae;

	child_is("exit 3");
	pae = start(&loop, script);
	CU_ASSERT(await(&loop, is_down, pae));
	CU_ASSERT(stop(&loop, pae) < 900);
	pae = start(&loop, "/nonexistent/isobar-pae");
	CU_ASSERT_FALSE(pae_running(pae));
	stop(&loop, pae);
	/* And in the moment in which it has just been started. */
	child_is(WAITS);
	pae = start(&loop, script);
	CU_ASSERT(stop(&loop, pae) < 900);
}

static void
test_stubborn(void)
{
	uv_loop_t loop;
	struct pae *pae;
	pid_t pid;

	child_is("trap '' TERM; echo $$ >$1.new && mv $1.new $1; exec sleep 600");
	pae = start(&loop, script);
	CU_ASSERT_FATAL(await(&loop, has_pid, NULL));
	pid = child_pid();
	CU_ASSERT(stop(&loop, pae) < 5000);
	CU_ASSERT_EQUAL(kill(pid, 0), -1);
}

/* The parent is killed: what it leaves behind reads the end of its standard input. */
static void
test_lifeline(void)
{
	struct mono began = mono_now();
	pid_t parent;
	int status;

	child_is("echo $$ >$1.new && mv $1.new $1; cat >/dev/null; echo ended >$1.end");
	fflush(NULL);
	parent = fork();
	if (parent == 0) {
		uv_loop_t loop;

		start(&loop, script);
		uv_run(&loop, UV_RUN_DEFAULT);
		_exit(1);
	}
	while (child_pid() == 0 && mono_ms_between(began, mono_now()) < DEADLINE_MS)
		usleep(10000);
	CU_ASSERT_NOT_EQUAL(child_pid(), 0);
	kill(parent, SIGKILL);
	CU_ASSERT_EQUAL(waitpid(parent, &status, 0), parent);
	strcat(pid_path, ".end");
	while (access(pid_path, F_OK) != 0 && mono_ms_between(began, mono_now()) < DEADLINE_MS)
		usleep(10000);
	CU_ASSERT_EQUAL(access(pid_path, F_OK), 0);
	unlink(pid_path);
	pid_path[strlen(pid_path) - 4] = '\0';
}

static void
test_train(void)
{
	uv_loop_t loop;
	struct pae *pae;

	char trained[80];

	snprintf(trained, sizeof(trained), "%s.trained", pid_path);
	child_is("trap 'echo yes >$1.trained; exit' USR1; echo $$ >$1.new && mv $1.new $1\n"
	    "while :; do sleep 0.05; done");
	pae = start(&loop, script);
	CU_ASSERT_FATAL(await(&loop, has_pid, NULL));
	pae_train(pae);
	CU_ASSERT(await(&loop, has_restarts, pae));
	CU_ASSERT_EQUAL(unlink(trained), 0);
	stop(&loop, pae);
}

static const struct suite_case cases[] = {
	{ .name = "it runs until it's stopped", .run = test_runs },
	{ .name = "killed: started again, at once and then after a second", .run = test_killed },
	{ .name = "stopped before the next start", .run = test_stopped_while_waiting },
	{ .name = "one that doesn't leave is killed", .run = test_stubborn },
	{ .name = "it ends when its parent is killed", .run = test_lifeline },
	{ .name = "it's told to train", .run = test_train },
};

int
main(void)
{
	int status;

	if (mkdtemp(folder) == NULL)
		abort();
	log_open("test", LOG_LEVEL_ERROR);
	snprintf(script, sizeof(script), "%s/pae", folder);
	snprintf(pid_path, sizeof(pid_path), "%s/pid", folder);
	status = suite_run("pae", cases, ARRAY_SIZE(cases));
	unlink(script);
	unlink(pid_path);
	rmdir(folder);
	return status;
}
