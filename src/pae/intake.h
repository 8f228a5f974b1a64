/* intake.h -- what a plan needs of the store besides forecasts: capacities, what regions accept, who has been down for
 * long, and measured latencies. Threads: one. */
#ifndef ISOBAR_PAE_INTAKE_H
#define ISOBAR_PAE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/contract.h"
#include "plan/cost.h"
#include "steer/steering.h"
#include "store/store.h"

struct outage {				/* open, of a service in a region */
	char *region, *service;		/* service "": all of them */
	struct wall since;
};

struct intake {
	struct arena *arena;		/* of all that one update made anew */
	double *capacities;		/* requests/s by region: reported, else of the steering; 0: not known */
	bool constrained;		/* some region accepts only certain groups: */
	struct region_set *accepting;	/* by client group */
	struct region_set *dead;	/* by service: to be planned without */
	struct arena *latency_arena;
	struct latency_row *latency;
	size_t latency_count;
	struct wall latency_read;
	struct outage *outages;
	size_t outage_count;
	struct wall outages_read;	/* events up to then; .ms 0: none yet */
};

/* Zeroed at first. 0 or -errno. */
int intake_update(struct intake *intake, struct store_reader *reader, const struct steering *steering, struct wall now)
	NONNULL MUST_USE;
void intake_fini(struct intake *intake) NONNULL;

#endif
