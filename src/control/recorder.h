/* recorder.h -- writes what is in service, and when, into the store: epochs, tables that changed, live words that
 * changed. Nothing waits for it, and a store that fails costs memory of the past only. Threads: control. */
#ifndef ISOBAR_CONTROL_RECORDER_H
#define ISOBAR_CONTROL_RECORDER_H

#include "base/clock.h"
#include "base/contract.h"
#include "serve/snapshot.h"

struct control;
struct recorder;

/* NULL: out of memory. */
struct recorder *recorder_new(struct control *control) NONNULL MUST_USE;
void recorder_end(struct recorder *recorder);	/* before the store is closed; NULL is allowed */
void recorder_free(struct recorder *recorder);

/* At the start, before the first publication: the last recorded epoch becomes what is in service, so that the first
 * compilation remembers every slot, and epochs are counted on from there. Without memory of it nothing happens. */
void recorder_restore(struct recorder *recorder) NONNULL;

/* Between the exchange of the two and the end of `old`, which may be NULL; a publisher's `published`. */
void recorder_published(void *recorder, const struct snapshot *old, const struct snapshot *now)
	__attribute__((nonnull(1, 3)));
/* After a publication, when world and plan are the ones of it. */
void recorder_epoch(struct recorder *recorder) NONNULL;

/* After each writing of live words. */
void recorder_words(struct recorder *recorder, struct wall now) NONNULL;

#endif
