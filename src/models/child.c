/* child.c -- a forked worker with limits.
 * In: a function.  Out: the bytes that it made, or why it didn't.
 * Threads: the one that forked. The parent owns the process and the pipe.
 *
 * The output ends with the function's result in 4 bytes: a child that was killed while writing is told from one that
 * was done. The limits: processor time against settings with which libsvm runs for hours, address space against a
 * history larger than memory, wall clock against everything else. If the parent dies, the kernel kills the child. */
#include "models/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define NICENESS 15

/* The address sanitizer maps terabytes that it never uses. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
# define LIMIT_MEMORY 0
#elif defined __has_feature
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define LIMIT_MEMORY 0
# endif
#endif
#ifndef LIMIT_MEMORY
# define LIMIT_MEMORY 1
#endif

struct child {
	pid_t pid;		/* 0: reaped */
	int fd;
	struct text output;
	uint64_t output_most;
	struct mono killed_at;	/* the wall clock's limit */
	bool over_limit;
};

static void run_child(int fd, int (*run)(struct text *output, void *arg), void *arg,
	const struct child_limits *limits, pid_t parent) __attribute__((noreturn));
static void set_limits(const struct child_limits *limits);
static void write_all(int fd, const char *bytes, size_t length);
static bool drain(struct child *child);
static int reap(struct child *child);

struct child *
child_start(int (*run)(struct text *output, void *arg), void *arg, const struct child_limits *limits,
    struct mono now)
{
	struct child *child = calloc(1, sizeof(*child));
	pid_t parent = getpid();
	int fds[2];

	if (child == NULL)
		return NULL;
	if (pipe2(fds, O_CLOEXEC) != 0)
		goto free_child;
	child->pid = fork();
	if (child->pid < 0)
		goto close_pipe;
	if (child->pid == 0) {
		close(fds[0]);
		free(child);
		run_child(fds[1], run, arg, limits, parent);
	}
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	child->fd = fds[0];
	child->output_most = limits->output;
	child->killed_at = mono_add_ms(now, limits->wall_ms);
	return child;
close_pipe:
	close(fds[0]);
	close(fds[1]);
free_child:
	free(child);
	return NULL;
}

static void
run_child(int fd, int (*run)(struct text *output, void *arg), void *arg, const struct child_limits *limits,
    pid_t parent)
{
	struct text output = { 0 };
	int32_t status;
	sigset_t none;

	/* The parent may have blocked them for a signalfd. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGUSR1, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)	/* it died before the line above */
		_exit(1);
	set_limits(limits);
	status = run(&output, arg);
	if (output.failed)
		status = -ENOMEM;
	write_all(fd, output.bytes, output.length);
	write_all(fd, (const char *)&status, sizeof(status));
	_exit(0);
}

static void
set_limits(const struct child_limits *limits)
{
	struct rlimit cpu = { limits->cpu_s, limits->cpu_s + 1 };
	struct rlimit memory = { limits->memory, limits->memory }, core = { 0, 0 };

	setpriority(PRIO_PROCESS, 0, NICENESS);
	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
	if (LIMIT_MEMORY)
		setrlimit(RLIMIT_AS, &memory);
}

static void
write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			_exit(1);
		bytes += written;
		length -= (size_t)written;
	}
}

int
child_fd(const struct child *child)
{
	return child->fd;
}

bool
child_poll(struct child *child, struct mono now, struct text *output, int *status)
{
	int32_t result;

	if (!drain(child)) {
		if (child_ms_left(child, now) > 0 && child->output.length <= child->output_most)
			return false;
		child->over_limit = true;
		kill(child->pid, SIGKILL);
	}
	*status = reap(child);
	if (*status != 0)
		return true;
	if (child->output.failed || child->output.length < sizeof(result)) {
		*status = child->output.failed ? -ENOMEM : -ECHILD;
		return true;
	}
	child->output.length -= sizeof(result);
	memcpy(&result, child->output.bytes + child->output.length, sizeof(result));
	child->output.bytes[child->output.length] = '\0';
	*status = result;
	text_add(output, child->output.bytes, child->output.length);
	return true;
}

/* True at the end of the output. */
static bool
drain(struct child *child)
{
	char bytes[65536];

	while (child->output.length <= child->output_most) {
		ssize_t got = read(child->fd, bytes, sizeof(bytes));

		if (got > 0)
			text_add(&child->output, bytes, (size_t)got);
		else if (got == 0)
			return true;
		else if (errno != EINTR)
			return false;
	}
	return false;
}

/* Waits for the process, which has closed its output or was killed; 0 when it ended by itself. */
static int
reap(struct child *child)
{
	int status = 0;

	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
	if (child->over_limit || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU))
		return -EDQUOT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

int64_t
child_ms_left(const struct child *child, struct mono now)
{
	return mono_ms_between(now, child->killed_at);
}

void
child_free(struct child *child)
{
	if (child == NULL)
		return;
	if (child->pid > 0) {
		kill(child->pid, SIGKILL);
		reap(child);
	}
	close(child->fd);
	text_fini(&child->output);
	free(child);
}
