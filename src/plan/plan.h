/* plan.h -- how clients shall be shared: for each (service, client group) the shares of (primary, backup) pairs of
 * regions, with the forecasts that led there. Made by the PAE, certified and published by isobard.
 * Plain data; everything lives in `arena`. JSON form in isobar-api(7). Threads: immutable once made. */
#ifndef ISOBAR_PLAN_PLAN_H
#define ISOBAR_PLAN_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/contract.h"
#include "base/diag.h"
#include "steer/steering.h"

/* `share` of the group's clients have `primary` first and go to `backup` when it's lost (NO_REGION: to nobody).
 * The shares of one group add up to 1. */
struct plan_pair {
	region_id primary, backup;
	double share;
};

struct plan_group {
	uint16_t group;			/* index into the steering's groups */
	size_t pair_count;
	const struct plan_pair *pairs;	/* by (primary, backup) */
};

struct plan_service {
	const char *name;
	size_t group_count;
	const struct plan_group *groups;	/* groups left out use those of GROUP_DEFAULT, cut to what is legal */
};

/* What was believed of a region when the plan was made. */
struct plan_region {
	region_id region;
	double probability;		/* of a failure beginning within the horizon; NAN: no prediction */
	uint32_t horizon_s;
	double load_forecast;		/* requests/s at the horizon; NAN: none */
	const char *reason;		/* why there is no prediction, or "" */
};

struct plan {
	struct arena *arena;
	struct wall made;
	uint64_t based_on;		/* journal revision of the steering it was made from */
	const char *model;		/* id of the failure model, "" when none served */
	size_t region_count;
	const struct plan_region *regions;
	size_t service_count;
	const struct plan_service *services;	/* predictive services only */
};

/* Names are resolved against `steering`. NULL after errors, all of them in `diags` with JSON pointers. */
struct plan *plan_read(const char *json, size_t length, const struct steering *steering, struct diags *diags)
	NONNULL MUST_USE;
char *plan_write(const struct plan *plan, const struct steering *steering) NONNULL MUST_USE;	/* caller frees */
void plan_free(struct plan *plan);

#endif
