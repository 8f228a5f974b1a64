/* caches.h -- the discrete events: every key's resolver asks, caches the answer for its TTL, and asks again at the first
 * request after that. Threads: one. */
#ifndef ISOBAR_TESTS_SIM_CACHES_H
#define ISOBAR_TESTS_SIM_CACHES_H

#include "dice.h"
#include "globe.h"
#include "population.h"

struct caches_setup {
	const struct globe *globe;
	const struct population *population;
	double ttl_s, tick_s, duration_s;
	uint64_t seed;
	void *context;
	/* An authority's fresh answer; NO_REGION: none. */
	region_id (*answer)(void *context, uint32_t key, struct dice *dice);
	/* Every tick_s, before the events of that moment, and once at 0: may change the demand by group (what it was is
	 * handed in; zeros at 0). `loads`: requests/s by region now. */
	void (*tick)(void *context, double now, double *demand, const double *loads);
};

struct caches;

/* Begins in the steady state of the demand and answers at 0. */
struct caches *caches_new(const struct caches_setup *setup) NONNULL MUST_USE;
void caches_run(struct caches *caches, double until_s) NONNULL;
void caches_free(struct caches *caches);

/* Requests/s that answers in force send to this region now, without those whose answer has run out. */
double caches_holding(const struct caches *caches, region_id region) NONNULL;
/* The same in closed form, `after_s` behind the moment from which nobody is sent there any more, for resolvers that
 * chose it before in the steady state: sum of rate x (T - t) / (T + 1 / rate). */
double caches_holding_expected(const struct caches *caches, const uint8_t *had_it, double after_s) NONNULL;
uint64_t caches_events(const struct caches *caches) NONNULL;
const region_id *caches_answers(const struct caches *caches) NONNULL;	/* by key: the last one */

#endif
