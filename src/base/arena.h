/* arena.h -- memory for things that die together: a zone, a snapshot, one request.
 * Threads: one arena, one thread at a time. Everything in it is freed by arena_free() at once. */
#ifndef ISOBAR_BASE_ARENA_H
#define ISOBAR_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

struct arena;

struct arena *arena_new(void) MUST_USE;		/* NULL: out of memory */
void arena_free(struct arena *arena);		/* NULL is allowed */

/* Zeroed, aligned for any type. NULL when memory is out; the arena stays usable. */
void *arena_alloc(struct arena *arena, size_t size) NONNULL MUST_USE;
void *arena_copy(struct arena *arena, const void *bytes, size_t size)	/* `bytes` may be NULL if there are none */
	__attribute__((nonnull(1))) MUST_USE;
char *arena_text(struct arena *arena, const char *text) NONNULL MUST_USE;
char *arena_printf(struct arena *arena, const char *format, ...) NONNULL MUST_USE PRINTF(2, 3);

/* Bytes handed out so far; for memory metrics. */
size_t arena_size(const struct arena *arena) NONNULL;

#endif
