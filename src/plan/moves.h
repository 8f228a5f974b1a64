/* moves.h -- which clients move between two snapshots, and from where to where. Pure; threads: any. */
#ifndef ISOBAR_PLAN_MOVES_H
#define ISOBAR_PLAN_MOVES_H

#include <stddef.h>

#include "base/arena.h"
#include "base/contract.h"
#include "plan/demand.h"
#include "serve/snapshot.h"

struct move {
	const char *from, *to;	/* regions; "": to nobody */
	double share;		/* of the service's demand */
};

struct moves {
	double share;		/* of the service's demand whose first region changes */
	size_t count;
	const struct move *list;	/* the largest first */
};

/* Of a service of `to`, by the tables' first regions, weighed by the slots' weights and by the groups' demand; groups
 * count alike where no demand is known. Clients of a service that `from` doesn't have don't move. Strings and list in
 * `arena`. False: out of memory. */
bool moves_between(const struct snapshot *from, const struct snapshot *to, const struct service *service,
	const struct demand *demand, struct arena *arena, struct moves *moves)
	__attribute__((nonnull(1, 2, 3, 5, 6))) MUST_USE;

#endif
