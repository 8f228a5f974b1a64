/* past.h -- a moment of the past as the store remembers it, put together into a snapshot that the functions of the
 * query path walk as they did then. It has no zones: which record types each region had is remembered, the records
 * aren't. Threads: any; a past belongs to one. */
#ifndef ISOBAR_CONTROL_PAST_H
#define ISOBAR_CONTROL_PAST_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/json.h"
#include "base/text.h"
#include "plan/plan.h"
#include "serve/snapshot.h"
#include "store/store.h"

/* How a service's tables are written in the store, for the differences that follow. */
struct past_service {
	bool read;			/* the snapshot's tables are those octets; else they were compiled */
	uint64_t epoch;			/* of the newest octets; 0: there are none */
	unsigned chain;			/* differences in a row up to there */
	size_t groups;			/* tables: one a demand group */
};

struct past {
	struct arena *arena;
	struct epoch_row row;
	cJSON *body;			/* of the row */
	struct steering *steering;	/* as it was in force: narrowed by what regions accepted */
	struct plan *plan;		/* in service then, if it's still known; or NULL */
	uint64_t plan_epoch;		/* when it was published */
	struct geo *geo;		/* that of now */
	struct snapshot *snapshot;
	struct past_service *services;	/* by service of the snapshot */
};

/* The moment of `row`, with the live words of `at`; with `only`, of this one service alone. `geo`: clients are also
 * located by country. False with the reason in `why`; then nothing is to be freed. */
bool past_load(struct past *past, struct store_reader *reader, const struct epoch_row *row, struct wall at,
	const char *only, bool geo, struct text *why) __attribute__((nonnull(1, 2, 3, 7))) MUST_USE;
void past_fini(struct past *past) NONNULL;

/* What the row of an epoch keeps of a snapshot besides tables; caller frees. NULL: out of memory. */
char *past_body(const struct snapshot *snapshot, bool planned) NONNULL MUST_USE;

/* The state of the row in force at `at`, or of epoch N, from "2026-11-22T16:20:52Z", "10m ago", "epoch 7" or "7".
 * 0; -EINVAL: none of these; -ENOENT: before the store's memory, or no such epoch; -errno of the store. With -ENOENT
 * and -EINVAL the reason in words. */
int past_find(struct store_reader *reader, const char *text, struct wall now, struct arena *arena,
	struct epoch_row *row, struct wall *at, struct text *why) NONNULL MUST_USE;

#endif
