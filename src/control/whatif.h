/* whatif.h -- what would happen if regions were lost or drained, or if clients asked for more. Nothing is changed.
 * Pure but for control_whatif(). Threads: control. */
#ifndef ISOBAR_CONTROL_WHATIF_H
#define ISOBAR_CONTROL_WHATIF_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/contract.h"
#include "certificate/certificate.h"
#include "plan/cost.h"
#include "serve/snapshot.h"

struct control;

struct whatif_question {
	struct region_set lost;			/* besides those that are dead */
	double let_in[REGIONS_MAX];		/* the share of its own clients that a region lets in, 0 .. 1 */
	double scale;				/* factor on all demand */
	size_t latency_count;
	const struct latency_row *latencies;	/* as measured; else by distance */
};

/* Clients for whom nobody is left. */
struct whatif_unserved {
	const char *service;
	uint16_t demand_group;
	double rate;			/* requests/s; NAN: not known */
	double share;			/* of the demand group */
	const char *why;
};

struct whatif_region {
	double before, after;		/* requests/s */
	double capacity;		/* 0: not known */
	double let_in_before, let_in;
	bool dead, lost;
};

struct whatif {
	bool known;			/* demand is: loads, latency and rates say something */
	double latency_before, latency;	/* mean over demand, ms; NAN: not known */
	double moved;			/* share of all demand (groups alike where none is known) that is served
					 * elsewhere */
	double unserved_before, unserved;	/* requests/s */
	size_t region_count;
	struct whatif_region *regions;
	size_t hit_count;
	const struct whatif_unserved *hit;	/* that aren't served, and are now */
	bool overloaded;		/* some region beyond its capacity that the change loads more */
};

/* `terms` of what is in service, with the regions that are dead in terms->lost. Everything in `arena`. False: out of
 * memory. */
bool whatif_reckon(const struct snapshot *snapshot, const struct certificate_terms *terms,
	const struct whatif_question *question, struct arena *arena, struct whatif *out) NONNULL MUST_USE;

/* Of what is in service now. */
bool control_whatif(const struct control *control, const struct whatif_question *question, struct arena *arena,
	struct whatif *out) NONNULL MUST_USE;

#endif
