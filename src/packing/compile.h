/* compile.h -- steering and plan into slot tables, one service after the other. Control thread. */
#ifndef ISOBAR_PACKING_COMPILE_H
#define ISOBAR_PACKING_COMPILE_H

#include "base/contract.h"
#include "plan/demand.h"
#include "plan/plan.h"
#include "serve/snapshot.h"

struct compiled {
	size_t service_count;
	struct service_tables *services;	/* each table with one hold, ours */
	size_t group_count;			/* demand groups */
	uint8_t countries[COUNTRIES_MAX];	/* cut out, as the plan says */
	size_t country_count;
	double *moved;		/* per service: the share of demand whose primary changed */
};

/* `plan` may be NULL: predictive services then share by their static weights, or by capacities when no weight was
 * written. `demand` may be NULL: slots weigh alike. `previous` may be NULL: no memory of slots. A table whose pairs,
 * demand and law are those of `previous` is that table, held once more. The same arguments give the same octets.
 * 0 or -ENOMEM. */
int compile_tables(struct compiled *out, const struct steering *steering, const struct plan *plan,
	const struct demand *demand, const struct snapshot *previous) __attribute__((nonnull(1, 2))) MUST_USE;
void compiled_fini(struct compiled *compiled) NONNULL;

#endif
