/* reports.c -- demand corrected by the load that regions report.
 * In: the estimate, tables and live words, reported loads.  Out: factors of slots and keys.  Threads: one.
 *
 * A region's load is the sum of its clients' demand, and which slots and keys are its own is known. So each slot's
 * demand is multiplied by reported / expected of its region, to the power of `step`: iterative proportional fitting
 * (Deming, Stephan 1940). What a region gets is right at once; the parts inside of it keep their proportions until they
 * have been elsewhere. What all regions have in common (requests for each resolution) goes into the service's scale, so
 * that slots of regions without report profit by it.
 *
 * An agent may lie, or count something else. A region that should have been getting a fifth more or less, and whose
 * load followed by less than a quarter of that, is distrusted until one time it follows by the half: logarithms, so
 * that doubling and halving weigh alike. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/state.h"
#include "steer/pick.h"
#include "steer/slots.h"

#define FACTOR_STEP_MOST 8.0		/* of one report; more is a fault somewhere, and takes two */
#define FACTOR_MOST 1000.0
#define CHANGE_LEAST 0.18		/* ln 1.2 */
#define FOLLOWS_NOT 0.25
#define FOLLOWS 0.5

/* Where the clients of one service go. */
struct flow {
	const struct snapshot *snapshot;
	const struct service *service;
	struct demand_service demand;
	struct arena *arena;
};

static bool flow_init(struct flow *flow, const struct estimate *estimate, const struct snapshot *snapshot,
	size_t service);
static void flow_loads(const struct flow *flow, double *loads);
static uint16_t partition_index(const struct partition *partition, const struct demand_rate *asks);
static struct pick_question question_of(const struct flow *flow, uint16_t group);
static region_id region_of(struct pick_question *question, const struct slot_table *table, uint32_t slot);
static bool ratios(struct service_estimate *service, size_t region_count, const double *expected, const double *loads,
	double step, double *factors, double *common);
static bool trusts(struct region_trust *trust, double load, double expected);
static void apply(struct estimate *estimate, size_t s, const struct flow *flow, const double *factors);

bool
estimate_expect(const struct estimate *estimate, const struct snapshot *snapshot, size_t service, double *loads)
{
	struct flow flow;
	bool known = flow_init(&flow, estimate, snapshot, service);

	memset(loads, 0, estimate->region_count * sizeof(*loads));
	if (known)
		flow_loads(&flow, loads);
	arena_free(flow.arena);
	return known;
}

static bool
flow_init(struct flow *flow, const struct estimate *estimate, const struct snapshot *snapshot, size_t service)
{
	*flow = (struct flow){ .snapshot = snapshot, .service = &snapshot->services[service], .arena = arena_new() };
	return flow->arena != NULL
	    && service_demand(estimate, service, snapshot->partition, flow->arena, &flow->demand)
	    && flow->demand.count > 0;
}

static void
flow_loads(const struct flow *flow, double *loads)
{
	for (size_t i = 0; i < flow->demand.count; i++) {
		const struct demand_rate *asks = &flow->demand.groups[i];
		uint16_t g = partition_index(flow->snapshot->partition, asks);
		const struct slot_table *table = flow->service->tables[g];
		struct pick_question question = question_of(flow, g);
		bool by_slot = asks->slot_count == table->count;
		double left = asks->rate;

		for (size_t k = 0; by_slot && k < asks->heavy_count; k++) {
			region_id r = region_of(&question, table, slots_place(table, &asks->heavy[k].address,
			    asks->heavy[k].length, flow->service->seed));

			left -= asks->heavy[k].rate;
			if (r != NO_REGION)
				loads[r] += asks->heavy[k].rate;
		}
		for (uint32_t slot = 0; slot < table->count; slot++) {
			region_id r = region_of(&question, table, slot);

			if (r != NO_REGION)
				loads[r] += by_slot ? (double)asks->slots[slot] : left / table->count;
		}
	}
}

static uint16_t
partition_index(const struct partition *partition, const struct demand_rate *asks)
{
	return asks->country == COUNTRY_UNKNOWN ? asks->group : partition->by_country[asks->country];
}

static struct pick_question
question_of(const struct flow *flow, uint16_t group)
{
	const struct service *service = flow->service;

	return (struct pick_question){
		.live = service->live,
		.legal = partition_legal(flow->snapshot->partition, flow->snapshot->locator, service->intent, group),
		.able = region_set_all(),
		.order = service->order,
		.order_count = service->order_count,
		.when_all_down = service->intent->when_all_down,
	};
}

static region_id
region_of(struct pick_question *question, const struct slot_table *table, uint32_t slot)
{
	question->slot = &table->slots[slot];
	question->rank = table->slots[slot].rank;
	return slots_pick(question).region;
}

bool
estimate_correct(struct estimate *estimate, const struct snapshot *snapshot, size_t s, const double *loads,
	double step)
{
	struct service_estimate *service = &estimate->services[s];
	double expected[REGIONS_MAX] = { 0 }, factors[REGIONS_MAX], common;
	struct flow flow;
	bool good = flow_init(&flow, estimate, snapshot, s);

	if (good) {
		flow_loads(&flow, expected);
		good = ratios(service, estimate->region_count, expected, loads, step, factors, &common);
	}
	if (good) {
		service->scale *= common;
		apply(estimate, s, &flow, factors);
	}
	arena_free(flow.arena);
	return good;
}

/* Each region's factor, beyond the one that all have in common. False: no report that can be used. */
static bool
ratios(struct service_estimate *service, size_t region_count, const double *expected, const double *loads, double step,
	double *factors, double *common)
{
	double all = 0, all_expected = 0, squares = 0;
	bool used[REGIONS_MAX] = { false };

	for (size_t r = 0; r < region_count; r++) {
		if (!isfinite(loads[r]) || !(expected[r] > 0) || !trusts(&service->trust[r], loads[r], expected[r]))
			continue;
		used[r] = true;
		all += loads[r];
		all_expected += expected[r];
	}
	if (!(all > 0 && all_expected > 0))
		return false;
	*common = all / all_expected;
	for (size_t r = 0; r < region_count; r++) {
		double factor = used[r] ? loads[r] / expected[r] / *common : 1;

		squares += used[r] ? expected[r] / all_expected * (factor - 1) * (factor - 1) : 0;
		factor = fmin(fmax(factor, 1 / FACTOR_STEP_MOST), FACTOR_STEP_MOST);
		factors[r] = pow(factor, step);
	}
	*common = pow(*common, step);
	service->residual = sqrt(squares);
	return true;
}

static bool
trusts(struct region_trust *trust, double load, double expected)
{
	double should = trust->expected > 0 ? log(expected / trust->expected) : 0;
	double did = trust->load > 0 && load > 0 ? log(load / trust->load) : should;

	if (fabs(should) >= CHANGE_LEAST) {
		if (did / should < FOLLOWS_NOT)
			trust->distrusted = true;
		else if (did / should >= FOLLOWS)
			trust->distrusted = false;
	}
	trust->load = load;
	/* Corrected, what is expected is what was reported; a liar's changes are measured by our own numbers. */
	trust->expected = trust->distrusted ? expected : load;
	return !trust->distrusted;
}

static void
apply(struct estimate *estimate, size_t s, const struct flow *flow, const double *factors)
{
	struct service_estimate *service = &estimate->services[s];
	const struct partition *partition = flow->snapshot->partition;

	for (size_t i = 0; i < flow->demand.count; i++) {
		const struct demand_rate *asks = &flow->demand.groups[i];
		uint16_t g = partition_index(partition, asks);
		const struct slot_table *table = flow->service->tables[g];
		struct pick_question question = question_of(flow, g);
		struct shape *shape = shape_find(service, asks->group, asks->country);
		double mean = 0, parts = 0;

		for (uint32_t slot = 0; slot < table->count; slot++) {
			region_id r = region_of(&question, table, slot);

			if (r == NO_REGION)
				continue;
			mean += factors[r];
			parts++;
			if (shape != NULL && shape->count == table->count)
				shape->factors[slot] = (float)fmin(fmax((double)shape->factors[slot] * factors[r],
				    1 / FACTOR_MOST), FACTOR_MOST);
		}
		for (size_t k = 0; shape != NULL && shape->count == table->count && k < asks->heavy_count; k++) {
			region_id r = region_of(&question, table, slots_place(table, &asks->heavy[k].address,
			    asks->heavy[k].length, flow->service->seed));
			struct known_key *known = keys_find(&service->keys, slots_key(&asks->heavy[k].address,
			    asks->heavy[k].length));

			if (r != NO_REGION && known != NULL)
				known->factor = (float)fmin(fmax((double)known->factor * factors[r], 1 / FACTOR_MOST),
				    FACTOR_MOST);
		}
		for (size_t u = 0; (shape == NULL || shape->count != table->count) && parts > 0
		    && u < unit_count(estimate); u++)
			if ((unit_country(estimate, u) == COUNTRY_UNKNOWN ? unit_group(estimate, u)
			    : partition->by_country[unit_country(estimate, u)]) == g)
				service->units[u].factor = fmin(fmax(service->units[u].factor * mean / parts,
				    1 / FACTOR_MOST), FACTOR_MOST);
	}
}

void
estimate_totals(const struct estimate *estimate, const struct partition *partition, size_t s, double *totals)
{
	struct arena *arena = arena_new();
	struct demand_service demand;

	memset(totals, 0, partition->count * sizeof(*totals));
	if (arena != NULL && service_demand(estimate, s, partition, arena, &demand))
		for (size_t i = 0; i < demand.count; i++)
			totals[partition_index(partition, &demand.groups[i])] = demand.groups[i].rate;
	arena_free(arena);
}

void
estimate_keep_totals(struct estimate *estimate, const struct partition *partition, size_t s, const double *totals)
{
	struct service_estimate *service = &estimate->services[s];
	double *now = isfinite(service->residual) ? calloc(partition->count + 1, sizeof(*now)) : NULL;

	if (now == NULL)
		return;
	estimate_totals(estimate, partition, s, now);
	for (size_t u = 0; u < unit_count(estimate); u++) {
		uint8_t country = unit_country(estimate, u);
		size_t g = country == COUNTRY_UNKNOWN ? unit_group(estimate, u) : partition->by_country[country];

		if (g < partition->count && totals[g] > 0 && now[g] > 0)
			service->units[u].factor = fmin(fmax(service->units[u].factor * totals[g] / now[g],
			    1 / FACTOR_MOST), FACTOR_MOST);
	}
	free(now);
}

bool
estimate_distrusts(const struct estimate *estimate, size_t service, region_id region)
{
	return estimate->services[service].trust[region].distrusted;
}
