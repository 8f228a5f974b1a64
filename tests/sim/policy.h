/* policy.h -- what a way of steering is to the simulator: from the demand, the dead regions and the last reports to shares
 * of each group. Ours and the baselines are rows of this one kind. Threads: one. */
#ifndef ISOBAR_TESTS_SIM_POLICY_H
#define ISOBAR_TESTS_SIM_POLICY_H

#include <stdbool.h>

#include "base/contract.h"
#include "globe.h"

struct isobar;

struct policy_state {
	const struct globe *globe;
	struct isobar *isobar;			/* ours only */
	double factor[REGIONS_MAX];		/* of those that react: what is left of a region's share, 0 .. 1 */
};

struct policy_view {
	struct region_set dead;			/* as it is known */
	const double *loads;			/* as last reported, requests/s by region; NULL: nothing yet */
};

struct policy {
	const char *name;
	const char *rule;			/* in a line */
	bool reacts;				/* to reported loads: shares change while nothing else does */
	bool sticky;				/* a client keeps its region while the shares stay */
	bool ours;
	/* Before the shares of an hour: NULL for those that don't look ahead. False: it says itself that there is no
	 * plan under which every single loss is borne. */
	bool (*prepare)(struct policy_state *state, const double *demand);
	/* shares [group][region], adding up to 1 or, where nobody is legal and alive, to less. */
	void (*shares)(struct policy_state *state, const struct policy_view *view, double *shares);
};

void policy_open(struct policy_state *state, const struct globe *globe) NONNULL;

enum baseline {
	BASELINE_WEIGHTED, BASELINE_WEIGHTED_GLOBAL, BASELINE_PRIORITY, BASELINE_GDNSD_WEIGHTED, BASELINE_GDNSD_GEO,
	BASELINE_SPILL, BASELINE_FEEDBACK, BASELINE_SHED, BASELINE_COUNT
};

extern const struct policy baselines[BASELINE_COUNT];

#define FEEDBACK_INTERVAL_S 30	/* between reports of loads, for those that react */

#endif
