/* partition.h -- the demand groups: the client groups, with the countries of large demand cut out of them, so that
 * each is planned, packed and certified by itself. A client has exactly one.
 * Demand group i < group_count is client group i without what is cut out; those behind it are one country each, of the
 * clients that are located by country. Clients that are located by network are never cut.
 * Immutable once made; threads: any. */
#ifndef ISOBAR_STEER_PARTITION_H
#define ISOBAR_STEER_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "steer/country.h"
#include "steer/locate.h"
#include "steer/steering.h"

#define DEMAND_GROUPS_MAX (CLIENT_GROUPS_MAX + COUNTRIES_MAX)

struct demand_group {
	uint16_t group;		/* client group */
	uint8_t country;	/* COUNTRY_UNKNOWN: all of the client group that isn't cut out */
};

struct partition {
	size_t count;
	const struct demand_group *groups;
	uint16_t by_country[COUNTRIES_MAX];	/* demand group of a client located by country */
};

/* `countries`: to be cut out, without doubles; those in any order give the same partition. In `arena`.
 * NULL: out of memory. */
const struct partition *partition_new(const struct steering *steering, const struct locator *locator,
	const uint8_t *countries, size_t count, struct arena *arena) __attribute__((nonnull(1, 2, 5))) MUST_USE;

static inline uint16_t
partition_find(const struct partition *partition, const struct place *place)
{
	return place->network != 0 ? place->group : partition->by_country[place->country];
}

/* Where clients of a demand group may be sent; those in networks of further groups are narrowed when picked. */
struct region_set partition_legal(const struct partition *partition, const struct locator *locator,
	const struct steering_service *service, uint16_t demand_group) NONNULL;

/* "germany", or "europe/FR" for a country that is cut out. Returns `text`. */
char *partition_name(const struct partition *partition, const struct steering *steering, uint16_t demand_group,
	char text[static 128]) NONNULL;

#endif
