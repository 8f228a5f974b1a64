/* test_answer_quiet.c -- serve/answer allocates nothing and calls no system: 100,000 mixed queries, counted and locked
 * in. Every allocation of the process is counted, also of libraries: by our own malloc() in front of libc's, or by the
 * hooks of a sanitizer. System calls are forbidden by seccomp in a child, which is killed at the first one. */
#include "serve/answer.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
# define SANITIZED 1
#elif defined __has_feature
# if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#  define SANITIZED 1
# endif
#endif
#include "sample_world.h"

#define QUERIES 100000

static volatile unsigned long allocations;	/* compilers know that malloc() writes to no variable of ours */

#ifdef SANITIZED
/* Of sanitizer/allocator_interface.h, which gcc doesn't bring along. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
	void (*on_free)(const volatile void *));

static void
on_malloc(const volatile void *p, size_t size)
{
	(void)p;
	(void)size;
	allocations++;
}

static void
on_free(const volatile void *p)
{
	(void)p;
	allocations++;
}
#else
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

static uint8_t response[ANSWER_SIZE_MAX];

static size_t
answer_all(struct sample *sample)
{
	size_t octets = 0;

	for (unsigned q = 0; q < QUERIES; q++) {
		size_t i = q % SAMPLE_REQUESTS, length = sample->lengths[i];
		uint8_t *request = sample->requests[i];

		/* Now and then a request that is damaged. */
		if (q % 16 == 0)
			request[length - 1 - q / 16 % length] ^= (uint8_t)(1 + q / 16 % 255);
		octets += answer(&sample->envs[i], request, length, response, sample->envs[i].stream ? sizeof(response)
		    : 1232);
	}
	return octets;
}

static void
test_allocations(void)
{
	struct sample *sample = sample_open();
	void *volatile something;
	unsigned long before;

#ifdef SANITIZED
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
#endif
	before = allocations;
	something = malloc(1);
	free(something);
	CU_ASSERT_EQUAL(allocations, before + 2);	/* counting works */
	before = allocations;
	CU_ASSERT(answer_all(sample) > QUERIES * 20);
	CU_ASSERT_EQUAL(allocations, before);
	sample_close(sample);
}

static bool
watched(void)
{
#ifdef SANITIZED
	return true;
#else
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
#endif
}

static void
test_system_calls(void)
{
	struct sample *sample;
	int status = -1;
	pid_t child;

	if (watched()) {
		printf("# a sanitizer or valgrind makes system calls of its own: they weren't looked at\n");
		return;
	}
	sample = sample_open();
	child = fork();
	if (child == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(77);
		answer_all(sample);
		syscall(SYS_exit, 42);
	}
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		printf("# no seccomp here: system calls weren't looked at\n");
	else
		CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	/* And the lock works. */
	child = fork();
	if (child == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(77);
		answer_all(sample);
		syscall(SYS_getpid);
		syscall(SYS_exit, 42);
	}
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status)
	    && WEXITSTATUS(status) == 77));
	sample_close(sample);
}

static const struct suite_case cases[] = {
	{ .name = "no allocation in 100,000 queries", .run = test_allocations },
	{ .name = "no system call in 100,000 queries", .run = test_system_calls },
};

int
main(void)
{
	return suite_run("answer_quiet", cases, ARRAY_SIZE(cases));
}
