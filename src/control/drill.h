/* drill.h -- a practice run: a part of a region's clients is drained for a time, watched, and ended at once when it
 * hurts. One at a time. Threads: control. */
#ifndef ISOBAR_CONTROL_DRILL_H
#define ISOBAR_CONTROL_DRILL_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/json.h"
#include "control/round.h"
#include "serve/snapshot.h"
#include "store/store.h"

#define DRILL_HEALTH_FALL 0.05	/* of a survivor's backends: less is one of many that has its own trouble */
#define DRILL_SLOW_TIMES 2	/* a survivor's latency: so many times that of the begin, */
#define DRILL_SLOW_MS 20	/* and so much more, */
#define DRILL_SLOW_REPORTS 2	/* in so many reports in a row: one is a garbage collection */

struct drill_region {
	bool watched;			/* up when it began */
	double capacity, load, peak;	/* requests/s as reported; NAN: not */
	double health, latency;		/* at the begin: part of backends that's healthy, their mean ms; NAN: not
					 * known */
	unsigned slow_in_a_row;
	struct wall reported;		/* the last report that was looked at */
};

struct drill {
	int64_t id;			/* of the override; 0: none runs */
	struct wall began, ends;
	region_id region;
	double share;			/* that stays */
	double moved;			/* share of all demand, as forecast */
	const struct steering *steering;	/* held: what regions' numbers mean */
	uint64_t violations;		/* at the begin */
	uint64_t *answers;		/* at the begin: [service][region] */
	struct drill_region regions[REGIONS_MAX];
	char ended[256];		/* why it has ended before its time, "" when it hasn't */
};

struct drill_world {			/* what a drill looks at */
	const struct round *round;
	const struct snapshot *snapshot;
	uint64_t violations;
	const char *unsafe;		/* why the drains in force aren't safe, or NULL */
	uint64_t (*answers)(void *arg, const char *service, const char *region);
	void *arg;
};

/* Why now isn't the time to begin one, in `why`; true: it is. */
bool drill_may_begin(const struct drill_world *world, region_id region, char *why, size_t size) NONNULL;
/* False: out of memory. */
bool drill_begin(struct drill *drill, const struct override *override, const struct drill_world *world, double moved)
	NONNULL MUST_USE;
/* Looks at everything. True: it must end now, drill->ended says why. */
bool drill_check(struct drill *drill, const struct drill_world *world) NONNULL;
/* What came of it, for the journal and for people. NULL: out of memory. */
cJSON *drill_verdict(const struct drill *drill, const struct drill_world *world, const char *ended, struct wall now)
	__attribute__((nonnull(1, 2))) MUST_USE;
void drill_fini(struct drill *drill) NONNULL;

#endif
