/* text.h -- growing text, and the small readings of text that errors and settings need. Threads: any. */
#ifndef ISOBAR_BASE_TEXT_H
#define ISOBAR_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

/* A growing string. Start with { 0 }; `bytes` is always NUL-terminated once something was added.
 * On lack of memory `failed` sticks and later additions do nothing: check it once at the end. */
struct text {
	char *bytes;
	size_t length, size;
	bool failed;
};

void text_add(struct text *text, const char *bytes, size_t length) NONNULL;
void text_puts(struct text *text, const char *string) NONNULL;
void text_printf(struct text *text, const char *format, ...) NONNULL PRINTF(2, 3);
void text_fini(struct text *text) NONNULL;	/* frees, back to { 0 } */
void text_wipe(struct text *text) NONNULL;	/* text_fini() for secrets: overwritten first */
void text_reserve(struct text *text, size_t more) NONNULL;	/* what is added next, up to this, won't move */
char *text_take(struct text *text) NONNULL MUST_USE;	/* caller frees; NULL if it failed */

/* Whole file as NUL-terminated bytes; caller frees. NULL with *error = -errno; -EFBIG above `limit` bytes. */
char *text_read_file(const char *path, size_t limit, size_t *length, int *error) NONNULL MUST_USE;

/* Writes by temporary file, fsync and rename, so that readers see the old or the new whole. 0 or -errno. */
int text_write_file(const char *path, const char *bytes, size_t length) NONNULL MUST_USE;

/* The candidate that `word` most likely meant (Levenshtein distance at most a third of its length), or NULL. */
const char *text_suggest(const char *word, const char *const *candidates, size_t count) NONNULL;

#endif
