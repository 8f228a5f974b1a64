/* spool.h -- reports that wait on disk until the controller has taken them, in the order of their sequence.
 * Threads: any; one lock guards all, and it is held over disk I/O, so the event loop's thread never calls in here. */
#ifndef ISOBAR_REM_SPOOL_H
#define ISOBAR_REM_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/text.h"

struct spool;

/* Opens or creates the folder, locks it against other agents, finds what a former run left. `limit` in bytes on disk;
 * what is older than `keep_ms` is dropped too. NULL with the reason in `error`. */
struct spool *spool_open(const char *folder, uint64_t limit, int64_t keep_ms, struct wall now, struct text *error)
	NONNULL MUST_USE;
void spool_close(struct spool *spool);		/* what waits stays on disk */

/* Above every sequence ever used in this folder, and by the wall clock above those of a folder that was lost. */
uint64_t spool_first_sequence(const struct spool *spool) NONNULL;

/* Adds one report; `sequence` is above those before. On disk when it returns 0. -errno: it couldn't be written and
 * waits in memory, of which there is little. */
int spool_add(struct spool *spool, uint64_t sequence, const char *json, struct wall now) NONNULL MUST_USE;

/* The oldest report, which stays; NULL: there is none. Caller frees. */
char *spool_oldest(struct spool *spool, struct wall now, uint64_t *sequence) NONNULL MUST_USE;

void spool_remove(struct spool *spool, uint64_t sequence) NONNULL;	/* it was taken */
void spool_set_aside(struct spool *spool, uint64_t sequence) NONNULL;	/* it was refused: to the folder "refused" */

struct spool_status {
	size_t count;		/* that wait */
	uint64_t bytes;		/* on disk */
	uint64_t dropped;	/* since the start: too many, too old, or unreadable */
};
struct spool_status spool_status(struct spool *spool) NONNULL;

#endif
