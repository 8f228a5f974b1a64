/* test_tap_quiet.c -- tap/tap from a worker's side: showing 100,000 exchanges to dnstap and to the query log allocates
 * nothing and calls no system, whether there is room for them or not. Both have threads, which may: allocations are
 * counted for the calling thread only, and seccomp's strict mode holds for one thread, too. */
#include "tap/tap.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "tap/dnstap.h"
#include "tap/query_log.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
# define SANITIZED 1
#elif defined __has_feature
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED 1
# endif
#endif

#define EXCHANGES 100000
#define PATIENCE_MS 20000

#ifdef SANITIZED
static unsigned long allocations;	/* they have allocators of their own: nothing is counted */
#else
static _Thread_local volatile unsigned long allocations;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *p);

void *
malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}

void
free(void *p)
{
	allocations++;
	__libc_free(p);
}
#endif

static const uint8_t message[512] = "\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\3www\7example\3com\0\0\1\0\1";
static const uint8_t zone[] = "\7example\3com";

static struct tap tap;

static void
begin(void)
{
	struct text error = { 0 };

	tap.query_log = query_log_new("/dev/null", 1, 1, &error);
	if (dnstap_is_built())
		tap.dnstap = dnstap_new(&(struct dnstap_options){ .socket = "/nonexistent/socket", .identity = "ns1",
		    .version = "v", .workers = 1, .sample = 1, .queries = true, .responses = true }, &error);
	CU_ASSERT_FATAL(tap.query_log != NULL && (tap.dnstap != NULL || !dnstap_is_built()));
	text_fini(&error);
}

static void
take_all(void)
{
	struct tap_seen seen = { .tap = &tap, .client_port = 1, .server_port = 53, .asked_ns = 1, .answered_ns = 2,
		.request = message, .response = message, .note = { zone, "eu-west", "geographic", 0 } };

	address_of_bytes(&seen.client, (const uint8_t *)"\xc0\x00\x02\x01", 32);
	address_of_bytes(&seen.server, (const uint8_t *)"\xc0\x00\x02\x02", 32);
	for (unsigned i = 0; i < EXCHANGES; i++) {
		seen.request_length = i % 600 % sizeof(message);
		seen.response_length = i % 7 == 0 ? 0 : i * 31 % sizeof(message);
		seen.note.region = i % 2 == 0 ? "eu-west" : NULL;
		tap_take(&seen);
	}
}

static void
end(void)
{
	struct query_log_counts counts;

	query_log_free(tap.query_log, &counts);
	dnstap_free(tap.dnstap);
	tap = (struct tap){ .dnstap = NULL };
	CU_ASSERT(counts.lines + counts.dropped > EXCHANGES / 2);
	CU_ASSERT(counts.lines > 0);
}

static void
test_allocations(void)
{
	unsigned long before;

	begin();
	before = allocations;
	take_all();
	CU_ASSERT_EQUAL(allocations, before);
	end();
}

/* The child's first thread can do no more than write that it's through, so the parent ends the child. */
static void
test_system_calls(void)
{
	const char *preload = getenv("LD_PRELOAD");
	int ends[2];
	pid_t child;
	char through = '\0';

#ifdef SANITIZED
	preload = "vgpreload";
#endif
	if (preload != NULL && strstr(preload, "vgpreload") != NULL) {
		printf("# a sanitizer or valgrind makes system calls of its own: they weren't looked at\n");
		return;
	}
	CU_ASSERT_FATAL(pipe(ends) == 0);
	child = fork();
	if (child == 0) {
		begin();
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
			(void)!write(ends[1], "?", 1);
			_exit(0);
		}
		take_all();
		(void)!write(ends[1], "!", 1);
		syscall(SYS_exit, 0);
	}
	CU_ASSERT_FATAL(child > 0);
	close(ends[1]);
	if (poll(&(struct pollfd){ .fd = ends[0], .events = POLLIN }, 1, PATIENCE_MS) == 1)
		(void)!read(ends[0], &through, 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ends[0]);
	if (through == '?')
		printf("# no seccomp here: system calls weren't looked at\n");
	else
		CU_ASSERT_EQUAL(through, '!');
}

static const struct suite_case cases[] = {
	{ .name = "no allocation in 100,000 exchanges", .run = test_allocations },
	{ .name = "no system call in 100,000 exchanges", .run = test_system_calls },
};

int
main(void)
{
	return suite_run("tap_quiet", cases, ARRAY_SIZE(cases));
}
