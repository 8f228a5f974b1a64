/* exposition.h -- the Prometheus text format (version 0.0.4), read sample by sample; and the selectors of a settings
 * file. Pure. Threads: any. */
#ifndef ISOBAR_REM_EXPOSITION_H
#define ISOBAR_REM_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

/* One sample; the texts point into the input. */
struct sample {
	const char *name;
	size_t name_length;
	const char *labels;	/* between the braces, raw */
	size_t labels_length;
	double value;		/* NaN and infinities as they come */
	bool counter;		/* only rises, but for restarts: by its type, else by a name that ends in "_total" */
};

/* Where a reading stands. Start with exposition_begin(). */
struct exposition {
	const char *at;			/* NUL-terminated */
	char typed[256];		/* the name that `type` belongs to */
	char type[16];
	size_t bad_lines;		/* skipped, since they aren't in the format */
};

void exposition_begin(struct exposition *exposition, const char *text) NONNULL;
bool exposition_next(struct exposition *exposition, struct sample *sample) NONNULL MUST_USE;	/* false: the end */

#define SELECTOR_LABELS_MAX 16
#define SELECTOR_TEXT_MAX 1024

/* "[ALIAS=]NAME[{LABEL="VALUE",...}]", taken apart. */
struct selector {
	char text[SELECTOR_TEXT_MAX];		/* what the pointers point into, with NULs in it */
	const char *alias;			/* the name that the value gets, or NULL */
	const char *name;
	size_t label_count;
	const char *labels[SELECTOR_LABELS_MAX], *values[SELECTOR_LABELS_MAX];
};

bool selector_parse(struct selector *selector, const char *text) NONNULL MUST_USE;

/* True when the name is the same and each label of the selector is there with its value; further ones may be there. */
bool selector_matches(const struct selector *selector, const struct sample *sample) NONNULL;

#endif
