/* compile_parts.h -- what the files of the compilation share; for them alone. */
#ifndef ISOBAR_PACKING_COMPILE_PARTS_H
#define ISOBAR_PACKING_COMPILE_PARTS_H

#include "base/arena.h"
#include "base/contract.h"
#include "packing/compile.h"
#include "packing/pack.h"

#define NO_GROUP UINT16_MAX

/* One demand group of a service. */
struct subject {
	struct region_set legal;
	const struct slot_table *last;		/* in service now, or NULL */
	const struct plan_group *planned;	/* or NULL */
	const struct demand_rate *demand;	/* or NULL */
	size_t heavy_count;			/* of its heavy keys, so many get slots */
	uint16_t like;				/* the first group of the same law */
	uint32_t slots;
	const struct plan_pair *pairs;		/* by weights, once they were asked for */
	size_t pair_count;
};

struct job {
	const struct steering *steering;
	const struct locator *locator;		/* of the countries only */
	const struct partition *partition;
	const struct snapshot *previous;	/* or NULL */
	const region_id *renumber;		/* its regions -> present ones */
	bool same_regions;			/* none of them has another number */
	const uint16_t *groups_before;		/* by demand group: where its clients were, or NO_GROUP */
	/* the service that it is about */
	const struct steering_service *service;
	const struct service *last;		/* the same service in `previous`, or NULL */
	const struct plan_service *planned;	/* or NULL */
	const struct demand_service *demand;	/* or NULL */
	uint64_t seed, hash;			/* of the service: where keys lie; all that its tables depend on */
	struct subject *subjects;		/* by demand group */
	struct arena *scratch;
};

/* The table of these pairs (NULL: those of the group), heavy keys where `pins` has them (pack.h; NULL: anywhere). NULL:
 * out of memory. */
struct slot_table *compile_pack(const struct job *job, uint16_t group, const struct plan_pair *pairs,
	const uint16_t *pins) __attribute__((nonnull(1))) MUST_USE;

/* Of all services together: where whole slots and heavy keys bring a region more than the plan meant, now or after a
 * loss, some tables are packed once more. False: out of memory. */
bool compile_repair(const struct job *jobs, size_t count, const struct plan *plan, struct compiled *compiled)
	NONNULL MUST_USE;

/* How many slots each table gets, and how many heavy keys. False: out of memory. */
bool compile_sizes(struct job *job) NONNULL MUST_USE;

/* Shares within the group's law, for a table of so many slots: the plan's, or by weights. NULL: out of memory. */
const struct plan_pair *compile_pairs(const struct job *job, uint16_t group, size_t *count) NONNULL MUST_USE;
/* Of what compile_pairs() depends on, but for the service itself. */
uint64_t compile_pairs_hash(const struct job *job, uint16_t group) NONNULL;
bool compile_is_planned(const struct job *job, uint16_t group) NONNULL;

/* A table of the same inputs: with one hold more, or NULL when there is none. */
struct slot_table *compile_keep(const struct job *job, const struct service_tables *tables, uint16_t group,
	uint64_t inputs) NONNULL MUST_USE;

/* One list for a group; one list a country. NULL: out of memory. */
struct slot_table *compile_list(const struct job *job, const struct service_tables *tables, uint16_t group)
	NONNULL MUST_USE;
struct slot_table *compile_countries(const struct job *job) NONNULL MUST_USE;

/* Legal regions, the best first; their number. */
size_t compile_order(const struct job *job, struct region_set legal, struct location from, region_id *order) NONNULL;

#endif
