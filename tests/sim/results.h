/* results.h -- what was measured against what was promised. Threads: one. */
#ifndef ISOBAR_TESTS_SIM_RESULTS_H
#define ISOBAR_TESTS_SIM_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"

#define RESULTS_MAX 64

struct result {
	char name[160], must[32];
	double value;
	bool met;
	bool judged;			/* false: told only, in the short form */
};

struct results {
	size_t count;
	struct result rows[RESULTS_MAX];
};

/* `must` is an operator (<, <=, >=, >, =) and a number; met is computed from it. */
void results_add(struct results *results, double value, const char *must, const char *name, ...)
	__attribute__((nonnull(1, 3, 4), format(printf, 4, 5)));
void results_leave(struct results *results) NONNULL;		/* the last one isn't judged */
bool results_print(const struct results *results) NONNULL;	/* "ok NAME" lines; false: one isn't met */
void results_write(const struct results *results, const char *path) NONNULL;

#endif
