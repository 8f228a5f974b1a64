/* baselines.c -- how others steer, by the rules in their documentation. Each is given what it can use: capacities as
 * weights, distances as order, exact loads as reports, and the law (which most of them don't know) as a filter before
 * everything else.
 *
 * | row | rule |
 * | weighted | Route 53: weights 0 .. 255 among the records of a place, the unhealthy left out and the rest chosen again in
 *   proportion; none healthy: all count as healthy. Records of a place are its 6 nearest regions, weights their capacity |
 * | weighted, worldwide | the same without places: every region for everybody, whatever the distance |
 * | priority | Azure Traffic Manager: the first healthy one of a list, the nearest first; none healthy: all count |
 * | gdnsd weighted | as weighted, but when less than up_thresh (0.5) of the weight is up, all count as up |
 * | gdnsd geo | the 3 nearest (auto_dc_limit), the first that is up; none up: the first |
 * | nearest + spill | the nearest; from a region beyond its capacity the excess goes on to the next, every 30 s |
 * | load feedback | Akamai GTM: weights over the 6 nearest that fall by load / target each 30 s and rise by at most 10 % |
 * | IP-hash shed | the nearest; a region between 80 and 100 % of its capacity sheds clients by a hash, in proportion to how
 *   far it is on that way, to the next one (NS1 Shed Load's watermarks) |
 *
 * In: state, view.  Out: shares. */
#include <math.h>
#include <string.h>

#include "policy.h"

#define WEIGHT_MOST 255		/* Route 53 */
#define UP_THRESH 0.5		/* gdnsd */
#define AUTO_DC_LIMIT 3		/* gdnsd */
#define TARGET 0.9		/* of the capacity: Akamai's target-load lies below it */
#define INCREMENT_MOST 1.1	/* per interval: Akamai's max_u_multiplicative_increment */
#define SHED_LOW 0.8
#define SHED_HIGH 1.0

static void weighted_shares(struct policy_state *state, const struct policy_view *view, double *shares);
static void worldwide_shares(struct policy_state *state, const struct policy_view *view, double *shares);
static void priority_shares(struct policy_state *state, const struct policy_view *view, double *shares);
static void gdnsd_weighted_shares(struct policy_state *state, const struct policy_view *view, double *shares);
static void gdnsd_geo_shares(struct policy_state *state, const struct policy_view *view, double *shares);
static void spill_shares(struct policy_state *state, const struct policy_view *view, double *shares);
static void feedback_shares(struct policy_state *state, const struct policy_view *view, double *shares);
static void shed_shares(struct policy_state *state, const struct policy_view *view, double *shares);

const struct policy baselines[BASELINE_COUNT] = {
	[BASELINE_WEIGHTED] = { "weighted", "Route 53 weighted by capacity, 6 nearest", .shares = weighted_shares },
	[BASELINE_WEIGHTED_GLOBAL] = { "weighted, worldwide", "Route 53 weighted by capacity, all regions",
		.shares = worldwide_shares },
	[BASELINE_PRIORITY] = { "priority", "Azure priority lists, the nearest first", .sticky = true,
		.shares = priority_shares },
	[BASELINE_GDNSD_WEIGHTED] = { "gdnsd weighted", "gdnsd weighted, up_thresh 0.5, 6 nearest",
		.shares = gdnsd_weighted_shares },
	[BASELINE_GDNSD_GEO] = { "gdnsd geo", "gdnsd geoip, auto_dc_limit 3", .sticky = true, .shares = gdnsd_geo_shares },
	[BASELINE_SPILL] = { "nearest + spill", "the nearest, excess to the next, every 30 s", .reacts = true, .sticky = true,
		.shares = spill_shares },
	[BASELINE_FEEDBACK] = { "load feedback", "Akamai-like, 30 s", .reacts = true, .shares = feedback_shares },
	[BASELINE_SHED] = { "IP-hash shed", "the nearest, shed by hash from 80 % on", .reacts = true, .sticky = true,
		.shares = shed_shares },
};

void
policy_open(struct policy_state *state, const struct globe *globe)
{
	memset(state, 0, sizeof(*state));
	state->globe = globe;
	for (size_t r = 0; r < REGIONS_MAX; r++)
		state->factor[r] = 1;
}

static double
weight_of(const struct globe *globe, region_id r)
{
	double most = 0;

	for (size_t i = 0; i < globe->region_count; i++)
		most = fmax(most, globe->regions[i].capacity);
	return fmax(1, round(globe->regions[r].capacity / most * WEIGHT_MOST));
}

/* By weight among the first `nearest` regions of each group. Below `threshold` of the weight up, all count as up. */
static void
share_by_weight(const struct globe *globe, struct region_set dead, size_t nearest, double threshold, double *shares)
{
	memset(shares, 0, globe->group_count * globe->region_count * sizeof(*shares));
	for (size_t g = 0; g < globe->group_count; g++) {
		const struct globe_group *group = &globe->groups[g];
		size_t count = group->near_count < nearest ? group->near_count : nearest;
		double up = 0, all = 0;
		bool ignore;

		for (size_t i = 0; i < count; i++) {
			double weight = weight_of(globe, group->near[i]);

			all += weight;
			up += region_set_has(&dead, group->near[i]) ? 0 : weight;
		}
		ignore = up <= threshold * all;
		for (size_t i = 0; i < count; i++)
			if (ignore || !region_set_has(&dead, group->near[i]))
				shares[g * globe->region_count + group->near[i]] = weight_of(globe, group->near[i])
					/ (ignore ? all : up);
	}
}

static void
weighted_shares(struct policy_state *state, const struct policy_view *view, double *shares)
{
	share_by_weight(state->globe, view->dead, GLOBE_NEAREST, 0, shares);
}

static void
worldwide_shares(struct policy_state *state, const struct policy_view *view, double *shares)
{
	share_by_weight(state->globe, view->dead, REGIONS_MAX, 0, shares);
}

static void
gdnsd_weighted_shares(struct policy_state *state, const struct policy_view *view, double *shares)
{
	share_by_weight(state->globe, view->dead, GLOBE_NEAREST, UP_THRESH - 1e-9, shares);
}

static void
share_to_first(const struct globe *globe, struct region_set dead, size_t limit, double *shares)
{
	memset(shares, 0, globe->group_count * globe->region_count * sizeof(*shares));
	for (size_t g = 0; g < globe->group_count; g++) {
		const struct globe_group *group = &globe->groups[g];
		region_id chosen = group->near[0];

		for (size_t i = 0; i < group->near_count && i < limit; i++)
			if (!region_set_has(&dead, group->near[i])) {
				chosen = group->near[i];
				break;
			}
		shares[g * globe->region_count + chosen] = 1;
	}
}

static void
priority_shares(struct policy_state *state, const struct policy_view *view, double *shares)
{
	share_to_first(state->globe, view->dead, REGIONS_MAX, shares);
}

static void
gdnsd_geo_shares(struct policy_state *state, const struct policy_view *view, double *shares)
{
	share_to_first(state->globe, view->dead, AUTO_DC_LIMIT, shares);
}

/* Each live region keeps `factor` of what reaches it, down each group's list; what nobody keeps goes to the nearest. */
static void
share_down_the_list(const struct globe *globe, const double *factor, struct region_set dead, double *shares)
{
	memset(shares, 0, globe->group_count * globe->region_count * sizeof(*shares));
	for (size_t g = 0; g < globe->group_count; g++) {
		const struct globe_group *group = &globe->groups[g];
		double left = 1, *row = shares + g * globe->region_count;
		region_id first = NO_REGION;

		for (size_t i = 0; i < group->near_count && left > 1e-6; i++) {
			region_id r = group->near[i];

			if (region_set_has(&dead, r))
				continue;
			if (first == NO_REGION)
				first = r;
			row[r] += left * factor[r];
			left -= left * factor[r];
		}
		row[first == NO_REGION ? group->near[0] : first] += left;
	}
}

/* What a region keeps is scaled by capacity / load while it's above, and grows back by at most a tenth while below. */
static void
spill_shares(struct policy_state *state, const struct policy_view *view, double *shares)
{
	for (size_t r = 0; r < state->globe->region_count && view->loads != NULL; r++) {
		double room = view->loads[r] > 0 ? state->globe->regions[r].capacity / view->loads[r] : INFINITY;

		state->factor[r] = fmin(1, state->factor[r] * fmin(room, INCREMENT_MOST));
	}
	share_down_the_list(state->globe, state->factor, view->dead, shares);
}

static void
shed_shares(struct policy_state *state, const struct policy_view *view, double *shares)
{
	for (size_t r = 0; r < state->globe->region_count && view->loads != NULL; r++) {
		double fill = view->loads[r] / state->globe->regions[r].capacity;

		state->factor[r] = fmin(1, fmax(0, (SHED_HIGH - fill) / (SHED_HIGH - SHED_LOW)));
	}
	share_down_the_list(state->globe, state->factor, view->dead, shares);
}

static void
feedback_shares(struct policy_state *state, const struct policy_view *view, double *shares)
{
	const struct globe *globe = state->globe;

	for (size_t r = 0; r < globe->region_count && view->loads != NULL; r++) {
		double room = view->loads[r] > 0 ? TARGET * globe->regions[r].capacity / view->loads[r] : INFINITY;

		state->factor[r] = fmin(1, state->factor[r] * fmin(room, INCREMENT_MOST));
	}
	memset(shares, 0, globe->group_count * globe->region_count * sizeof(*shares));
	for (size_t g = 0; g < globe->group_count; g++) {
		const struct globe_group *group = &globe->groups[g];
		double sum = 0, *row = shares + g * globe->region_count;

		for (size_t i = 0; i < group->near_count && i < GLOBE_NEAREST; i++) {
			region_id r = group->near[i];

			/* The nearer, the more, as far as it has room: half as much for each place further down. */
			if (!region_set_has(&view->dead, r))
				sum += row[r] = state->factor[r] * pow(0.5, (double)i);
		}
		for (size_t r = 0; r < globe->region_count && sum > 0; r++)
			row[r] /= sum;
		if (!(sum > 0))
			row[group->near[0]] = 1;
	}
}
