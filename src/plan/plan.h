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
 * A primary of NO_REGION: these clients are shed; they get the service's static answer. The shares of one group add up
 * to 1. */
struct plan_pair {
	region_id primary, backup;
	double share;
};

struct plan_group {
	uint16_t group;			/* index into the steering's groups */
	uint8_t country;		/* cut out of the group; COUNTRY_UNKNOWN: the rest of it */
	double demand;			/* requests/s that it was planned for; NAN: not known */
	double error;			/* relative standard error of that; NAN: not known */
	size_t pair_count;
	const struct plan_pair *pairs;	/* by (primary, backup) */
	size_t order_count;
	const region_id *order;		/* for places 3 and 4, the best first; empty: the service's order */
};

struct plan_service {
	const char *name;
	size_t group_count;
	const struct plan_group *groups;	/* by (group, country); those left out use those of GROUP_DEFAULT, cut
						 * to what is legal */
};

/* What was believed of a region when the plan was made, and what came of it. */
struct plan_region {
	region_id region;
	double probability;		/* of a failure beginning within the horizon; NAN: no prediction */
	uint32_t horizon_s;
	double load_forecast;		/* requests/s at the horizon; NAN: none */
	double capacity;		/* requests/s that was planned with; 0: not known */
	double price;			/* ms that one more request/s of capacity would save; 0: it has room */
	const char *price_why;		/* "is full if us-east is lost", or "" */
	const char *reason;		/* why there is no prediction, or "" */
};

/* What gave way, since not everything could be had. */
struct plan_relaxation { const char *step, *what, *why; };

#define PLAN_PACKING 0.01		/* of a capacity: by so much tables miss loads, since slots are whole and heavy
					 * clients have one of their own */

/* A load beyond capacity, with what packing may add to it, that the planner knows of and couldn't avoid. The
 * certificate lets no other pass. */
struct plan_overload {
	const char *lost;		/* region or risk group, or "": now */
	region_id region;
	double fill;			/* load / capacity, > 1 */
};

struct plan {
	struct arena *arena;
	struct wall made;
	uint64_t based_on;		/* journal revision of the steering it was made from */
	const char *model;		/* id of the failure model, "" when none served */
	const char *method;		/* "optimal", "relaxed", "clipped", "by-capacity", "by-weights" */
	double normal_limit, loss_limit;	/* h0, h1: what the certificate holds it to, times margin */
	double margin;			/* factor on demand for the forecasts' common error, >= 1 */
	double latency;			/* mean, ms; NAN: not known */
	double step;			/* 0 .. 1: how far towards the optimum */
	size_t relaxation_count;
	const struct plan_relaxation *relaxations;
	size_t overload_count;
	const struct plan_overload *overloads;
	size_t region_count;
	const struct plan_region *regions;
	size_t service_count;
	const struct plan_service *services;	/* predictive services only */
};

/* The countries that are demand groups of their own, the same for all its services, into `countries`
 * [COUNTRIES_MAX]; how many there are. A NULL plan has none. */
size_t plan_countries(const struct plan *plan, uint8_t *countries) __attribute__((nonnull(2)));

/* Names are resolved against `steering`. NULL after errors, all of them in `diags` with JSON pointers. */
struct plan *plan_read(const char *json, size_t length, const struct steering *steering, struct diags *diags)
	NONNULL MUST_USE;
char *plan_write(const struct plan *plan, const struct steering *steering) NONNULL MUST_USE;	/* caller frees */
void plan_free(struct plan *plan);

/* Orders: of pairs by (primary, backup), of groups by (group, country). For qsort() and bsearch(). */
int plan_pair_compare(const void *a, const void *b) NONNULL;
int plan_group_compare(const void *a, const void *b) NONNULL;

#endif
