/* diag.h -- every error of one input, with its place, collected instead of stopping at the first.
 * Readers (master files, YAML, JSON) add to a list; the caller decides what to print, refuse or return.
 * Threads: one list, one thread. */
#ifndef ISOBAR_BASE_DIAG_H
#define ISOBAR_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"
#include "base/text.h"

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag {
	enum diag_level level;
	char *file;		/* path or "request"; owned */
	unsigned line, column;	/* from 1; 0 when the input has none */
	char *pointer;		/* JSON pointer (RFC 6901), or NULL; owned */
	char *message;		/* what is wrong, in words; owned */
	char *suggestion;	/* what to write instead, or NULL; owned */
};

/* Start with { 0 }. At most DIAG_MAX entries are kept; the rest are counted in `dropped`. */
#define DIAG_MAX 200
struct diags {
	struct diag *list;
	size_t count, size, errors, dropped;
};

/* Where the next message belongs. */
struct diag_place {
	const char *file;
	unsigned line, column;
	const char *pointer;	/* or NULL */
};

void diag_error(struct diags *diags, struct diag_place place, const char *suggestion, const char *format, ...)
	__attribute__((nonnull(1, 4))) PRINTF(4, 5);
void diag_warning(struct diags *diags, struct diag_place place, const char *suggestion, const char *format, ...)
	__attribute__((nonnull(1, 4))) PRINTF(4, 5);

static inline bool diag_failed(const struct diags *diags) { return diags->errors > 0; }

/* "FILE:LINE:COLUMN: message (did you mean 'x'?)", one line each, in the order of file, line, column. */
void diag_print(const struct diags *diags, struct text *out) NONNULL;
void diag_sort(struct diags *diags) NONNULL;
void diag_fini(struct diags *diags) NONNULL;

#endif
