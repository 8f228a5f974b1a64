/* clock.h -- two kinds of time that can't be mixed up.
 * struct mono measures intervals and never jumps; struct wall dates what leaves the process (reports, rows, logs).
 * Logic takes its time as an argument; only main loops and tests call *_now(). Threads: any. */
#ifndef ISOBAR_BASE_CLOCK_H
#define ISOBAR_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

struct mono { int64_t ns; };	/* CLOCK_MONOTONIC, nanoseconds */
struct wall { int64_t ms; };	/* milliseconds since 1970-01-01T00:00:00Z */

#define CLOCK_TEXT_SIZE 32

struct mono mono_now(void);
struct wall wall_now(void);

/* Milliseconds from `from` to `to`; negative if `to` is the earlier. */
int64_t mono_ms_between(struct mono from, struct mono to);
struct mono mono_add_ms(struct mono at, int64_t ms);

/* RFC 3339 in UTC with milliseconds, e.g. 2026-11-22T16:20:52.000Z. Returns `text`. */
const char *wall_text(struct wall at, char text[static CLOCK_TEXT_SIZE]) NONNULL;

/* Reads RFC 3339 (Z or numeric offset, optional fraction). 0, or -EINVAL. */
int wall_parse(const char *text, struct wall *at) NONNULL MUST_USE;

#endif
