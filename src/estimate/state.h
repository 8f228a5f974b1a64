/* state.h -- what the files of the estimate share. Private to estimate/. */
#ifndef ISOBAR_ESTIMATE_STATE_H
#define ISOBAR_ESTIMATE_STATE_H

#include "estimate/estimate.h"
#include "estimate/keys.h"
#include "estimate/shape.h"

/* A client group's clients that aren't located by country, or all those of one country. */
struct unit {
	double fresh, fast, slow;	/* questions: since the last pass, fading fast, fading slowly */
	double factor;			/* what regions' reports say where slots aren't known, 1: nothing */
	bool alone;			/* this country had a row of its own the last time */
};

struct region_trust {
	double load, expected;		/* at the last settled report; 0: none yet */
	bool distrusted;
};

struct service_estimate {
	char *name;
	uint64_t seed;
	struct unit *units;		/* [group_count + COUNTRIES_MAX] */
	double fast_s, slow_s;		/* seconds of the units' counts, fading alike */
	size_t shape_count;
	struct shape *shapes;		/* by (group, country) */
	struct keys keys;
	double keys_s;
	double ttl_s;
	double scale;			/* requests for each resolution that clients made */
	double residual;		/* rms of what the last settled report corrected; NAN: none has */
	struct region_trust *trust;	/* [region_count] */
};

struct estimate {
	size_t group_count, region_count, service_count;
	char **groups, **regions;
	uint16_t by_country[COUNTRIES_MAX];	/* group of a client located by country */
	struct service_estimate *services;
};

static inline size_t
unit_of(const struct estimate *estimate, uint16_t group, uint8_t country)
{
	return country == COUNTRY_UNKNOWN ? group : estimate->group_count + country;
}

static inline size_t
unit_count(const struct estimate *estimate)
{
	return estimate->group_count + COUNTRIES_MAX;
}

static inline uint16_t
unit_group(const struct estimate *estimate, size_t unit)
{
	return unit < estimate->group_count ? (uint16_t)unit : estimate->by_country[unit - estimate->group_count];
}

static inline uint8_t
unit_country(const struct estimate *estimate, size_t unit)
{
	return unit < estimate->group_count ? COUNTRY_UNKNOWN : (uint8_t)(unit - estimate->group_count);
}

struct shape *shape_find(const struct service_estimate *service, uint16_t group, uint8_t country) NONNULL;
/* For a group that has none yet. Others may lie elsewhere afterwards. NULL: out of memory. */
struct shape *shape_new(struct service_estimate *service, uint16_t group, uint8_t country, uint32_t count) NONNULL;

/* estimate_tail.c: what caches hide */
/* Clients' resolutions/s behind a key that was seen to ask `count` times in `window_s`, be it one cache or many. */
double key_rate(double count, double window_s, double ttl_s);
/* The factor by which the keys outside of `rates` ask more than is seen (`seen` questions/s of them all). `rates`: of
 * the heavy keys, the heaviest first. */
double tail_factor(const double *rates, size_t count, double seen, double ttl_s);

/* estimate_demand.c */
bool service_demand(const struct estimate *estimate, size_t service, const struct partition *partition,
	struct arena *arena, struct demand_service *out) NONNULL MUST_USE;

#endif
