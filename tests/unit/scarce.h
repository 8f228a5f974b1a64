/* scarce.h -- memory that runs out at the n-th request, to see that every such failure is told and nothing leaks.
 * The linker sends our own calls of malloc, calloc, realloc and strdup here (--wrap, scarce_flags in Makefile.am); a
 * library's calls go on as usual, so this works under the sanitizers and valgrind, which look for leaks then.
 *
 *	static bool build(void) { ...; return all_was_right; }
 *	SCARCE_EACH(build);
 *
 * `build` is called with the first request failing, then with the second, and so on, until no request fails any more;
 * only that last call must return true. It is to free all that it got, and to check what must hold each time. */
#ifndef ISOBAR_TESTS_SCARCE_H
#define ISOBAR_TESTS_SCARCE_H

#include <stdbool.h>
#include <stddef.h>

#include "suite.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static struct {
	bool on;
	long left;	/* requests that are still granted */
	bool refused;
} scarce;

#define SCARCE_EACH(run) scarce_each(run, #run, __FILE__, __LINE__)

static inline void
scarce_each(bool (*run)(void), const char *name, const char *file, unsigned line)
{
	char why[200];
	bool good;

	for (long n = 0; n < 100000; n++) {
		scarce.on = true;
		scarce.left = n;
		scarce.refused = false;
		good = run();
		scarce.on = false;
		if (good == scarce.refused) {
			snprintf(why, sizeof(why), "%s() %s with request %ld of memory refused", name,
			    good ? "claims success" : "fails", n + 1);
			CU_assertImplementation(CU_FALSE, line, why, file, "", CU_FALSE);
		}
		if (!scarce.refused)
			return;
	}
	CU_FAIL("requests never end");
}

static inline bool
scarce_grants(void)
{
	if (!scarce.on)
		return true;
	if (scarce.left > 0) {
		scarce.left--;
		return true;
	}
	scarce.refused = true;
	return false;
}

void *
__wrap_malloc(size_t size)
{
	return scarce_grants() ? __real_malloc(size) : NULL;
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return scarce_grants() ? __real_calloc(count, size) : NULL;
}

void *
__wrap_realloc(void *old, size_t size)
{
	return scarce_grants() ? __real_realloc(old, size) : NULL;
}

char *
__wrap_strdup(const char *text)
{
	return scarce_grants() ? __real_strdup(text) : NULL;
}

#endif
