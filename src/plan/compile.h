/* compile.h -- steering and plan into slot tables, one service after the other. Control thread. */
#ifndef ISOBAR_PLAN_COMPILE_H
#define ISOBAR_PLAN_COMPILE_H

#include "base/contract.h"
#include "plan/plan.h"
#include "serve/snapshot.h"

struct compiled {
	size_t service_count, group_count;
	struct service_tables *services;	/* each table with one hold, ours */
	double *moved;		/* per service: the share of slots whose primary changed; groups alike */
};

/* `plan` may be NULL: predictive services then share by their static weights. `previous` may be NULL: no memory of
 * slots. 0 or -ENOMEM. */
int compile_tables(struct compiled *out, const struct steering *steering, const struct plan *plan,
	const struct snapshot *previous) __attribute__((nonnull(1, 2))) MUST_USE;
void compiled_fini(struct compiled *compiled) NONNULL;

#endif
