/* isobar.c -- the adapter: the globe as steering.yaml, the population as measured demand, and then the product's own code
 * from the planner to the pick.
 * In: globe, population, demand of an hour.  Out: tables in service, and where they send whom.
 *
 * The steering is written as text and read by conf/, so that names, groups and law take the way that an operator's take.
 * Client groups are found by network: each group of the globe has one block of addresses.
 * True demand and believed demand are kept apart: the tables are packed by what is believed, and loads are added up by
 * what is true, key by key: for each key the slot where slots_place() puts it in the table in service. */
#include "isobar.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/steering_yaml.h"
#include "packing/compile.h"
#include "plan/weights.h"
#include "zone/master.h"

#define FAILURE 0.001			/* of a region within the horizon: all alike */
#define SAFETY_Z 1.645			/* normal quantile of planning_default.safety, 0.95 */

static void write_steering(struct isobar *isobar);
static void write_zone(struct isobar *isobar);
static void publish(struct isobar *isobar, const struct plan *plan, const double *by_group);
static bool is_known(const struct isobar *isobar, const struct slot_table *table);
static void note_places(struct isobar *isobar);
static struct plan_group *plan_groups(struct isobar *isobar, const double *demand, struct arena *arena);
static void admit_overloads(struct isobar *isobar, struct plan *plan, struct arena *arena);
static size_t add_overloads(const struct isobar *isobar, const char *lost, struct region_set regions,
	struct plan_overload *list, struct arena *arena);
static void *many(size_t count, size_t size);

struct isobar *
isobar_new(const struct globe *globe, const struct population *population, struct isobar_options options)
{
	struct isobar *isobar = many(1, sizeof(*isobar));

	isobar->globe = globe;
	isobar->population = population;
	isobar->options = options;
	isobar->planner = planner_new();
	if (isobar->planner == NULL)
		abort();
	write_steering(isobar);
	write_zone(isobar);
	isobar->group_count = isobar->steering->group_count;
	isobar->truth = many(isobar->group_count, sizeof(double *));
	publish(isobar, NULL, NULL);		/* so that the service has its seed */
	isobar_count_demand(isobar);
	note_places(isobar);
	return isobar;
}

void
isobar_free(struct isobar *isobar)
{
	if (isobar == NULL)
		return;
	snapshot_free(isobar->snapshot);
	steering_free(isobar->steering);
	zone_release(isobar->zone);
	planner_free(isobar->planner);
	arena_free(isobar->plan_arena);
	for (size_t g = 0; g < isobar->group_count; g++)
		free(isobar->truth[g]);
	free(isobar->truth);
	free(isobar->group_of);
	free(isobar->belief);
	free(isobar->place);
	free(isobar->ordinary);
	free(isobar->ordinary_truth);
	free(isobar->heavy);
	free(isobar->heavy_from);
	free(isobar->heavy_slot);
	estimate_free(isobar->estimate);
	free(isobar);
}

/* ---- the globe as configuration ---------------------------------------------------------------------------------- */

static void
write_steering(struct isobar *isobar)
{
	const struct globe *globe = isobar->globe;
	struct diags diags = { 0 };
	struct text text = { 0 };

	text_puts(&text, "regions:\n");
	for (size_t r = 0; r < globe->region_count; r++) {
		const char *separator = ", risk-groups: [", *end = "";

		text_printf(&text, "  %s: {capacity: %.3f, location: {latitude: %.3f, longitude: %.3f}",
			globe->regions[r].name, globe->regions[r].capacity, globe->regions[r].latitude,
			globe->regions[r].longitude);
		for (size_t i = 0; i < isobar->options.risk_group_count; i++)
			if (region_set_has(&isobar->options.risk_groups[i], (region_id)r)) {
				text_printf(&text, "%srisk%zu", separator, i);
				separator = ", ";
				end = "]";
			}
		text_printf(&text, "%s}\n", end);
	}
	if (!isobar->options.one_group)
		text_puts(&text, "client-groups:\n");
	for (size_t g = 0; g < globe->group_count && !isobar->options.one_group; g++) {
		char prefix[ADDRESS_TEXT_SIZE];

		text_printf(&text, "  c-%s: {networks: [\"%s\"], location: {latitude: %.3f, longitude: %.3f}}\n",
			globe->groups[g].name, prefix_text(&isobar->population->blocks[g], prefix),
			globe->groups[g].latitude, globe->groups[g].longitude);
	}
	text_printf(&text, "services:\n  %s:\n    sharding-policy: predictive\n    sticky: %s\n    regions: [",
		ISOBAR_SERVICE, isobar->options.sticky ? "true" : "false");
	for (size_t r = 0; r < globe->region_count; r++)
		text_printf(&text, "%s%s", r == 0 ? "" : ", ", globe->regions[r].name);
	text_puts(&text, "]\n");
	for (size_t g = 0, rules = 0; g < globe->group_count && !isobar->options.one_group; g++) {
		const char *separator = "";

		if (globe->groups[g].near_count == globe->region_count)
			continue;
		text_printf(&text, "%s      - {clients: [c-%s], regions: [", rules++ == 0 ? "    residency:\n" : "",
			globe->groups[g].name);
		for (size_t r = 0; r < globe->region_count; r++)
			if (region_set_has(&globe->groups[g].legal, (region_id)r)) {
				text_printf(&text, "%s%s", separator, globe->regions[r].name);
				separator = ", ";
			}
		text_puts(&text, "]}\n");
	}
	if (text.failed)
		abort();
	isobar->steering = steering_read(text.bytes, "steering.yaml", &diags);
	if (isobar->steering == NULL) {
		text_fini(&text);
		diag_print(&diags, &text);
		fprintf(stderr, "sim: %s", text.bytes);
		abort();
	}
	diag_fini(&diags);
	text_fini(&text);
	isobar->group_of = many(globe->group_count, sizeof(*isobar->group_of));
	for (size_t r = 0; r < globe->region_count; r++)
		assert(strcmp(isobar->steering->regions[r].name, globe->regions[r].name) == 0);
	for (size_t g = 0; g < globe->group_count && !isobar->options.one_group; g++)
		for (size_t i = 1; i < isobar->steering->group_count; i++)
			if (strcmp(isobar->steering->groups[i].name + 2, globe->groups[g].name) == 0)
				isobar->group_of[g] = (uint16_t)i;
}

static void
write_zone(struct isobar *isobar)
{
	struct diags diags = { 0 };
	struct text text = { 0 };
	uint8_t apex[NAME_MAX];

	text_puts(&text, "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n");
	for (size_t r = 0; r < isobar->globe->region_count; r++)
		text_printf(&text, "%s._region.www 60 A 192.0.2.%zu\n", isobar->globe->regions[r].name, r);
	if (text.failed || name_parse("sim.example.", apex) == 0)
		abort();
	isobar->zone = master_read(text.bytes, "sim.example", apex, &diags);
	if (isobar->zone == NULL)
		abort();
	diag_fini(&diags);
	text_fini(&text);
}

/* ---- from a plan into service ------------------------------------------------------------------------------------ */

const struct planner_result *
isobar_solve(struct isobar *isobar, const double *demand, struct isobar_terms terms)
{
	const struct globe *globe = isobar->globe;
	struct arena *arena = arena_new(), *last_arena = isobar->plan_arena;
	double before;
	const struct planner_result *last = terms.remember ? isobar->result : NULL;
	struct planner_problem *problem = arena_alloc(arena, sizeof(*problem));
	struct planner_region *regions = arena_alloc(arena, globe->region_count * sizeof(*regions));
	struct planner_clients *clients = arena_alloc(arena, globe->group_count * sizeof(*clients));
	struct planner_risk_group *risks = arena_alloc(arena, (isobar->options.risk_group_count + 1) * sizeof(*risks));

	for (size_t r = 0; r < globe->region_count; r++)
		regions[r] = (struct planner_region){ globe->regions[r].name, globe->regions[r].capacity, FAILURE, 0 };
	for (size_t g = 0; g < globe->group_count; g++)
		clients[g] = (struct planner_clients){ .name = globe->groups[g].name, .demand = demand[g],
			.legal = globe->groups[g].legal, .latency = globe->latency + g * globe->region_count,
			.latency_cap = INFINITY, .class = 5, .error = terms.error,
			.before_count = last == NULL ? 0 : last->shares[g].pair_count,
			.before = last == NULL ? NULL : last->shares[g].pairs };
	for (size_t i = 0; i < isobar->options.risk_group_count; i++)
		risks[i] = (struct planner_risk_group){ arena_printf(arena, "risk%zu", i),
			isobar->options.risk_groups[i], isobar->options.risk_failure };
	*problem = (struct planner_problem){
		.region_count = globe->region_count, .regions = regions,
		.client_count = globe->group_count, .clients = clients,
		.risk_group_count = isobar->options.risk_group_count, .risk_groups = risks,
		.dead = terms.dead, .normal_limit = terms.normal_limit, .loss_limit = terms.loss_limit,
		.quantile_z = terms.error > 0 ? SAFETY_Z : 0, .failure_cost = planning_default.failure_cost_ms,
		.churn_cost = planning_default.churn_cost_ms, .nearest = terms.nearest, .time_limit_ms = 60000,
	};
	isobar->plan_arena = arena;
	isobar->problem = problem;
	before = isobar_processor_us();
	isobar->result = planner_solve(isobar->planner, problem, arena);
	isobar->plan_us = isobar_processor_us() - before;
	if (isobar->result == NULL)
		abort();
	arena_free(last_arena);
	return isobar->result;
}

/* Of this thread: what else the machine does isn't counted. */
double
isobar_processor_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

struct isobar_aside
isobar_set_aside(struct isobar *isobar)
{
	struct isobar_aside aside = { isobar->plan_arena, isobar->problem, isobar->result };

	isobar->plan_arena = NULL;
	return aside;
}

void
isobar_take_back(struct isobar *isobar, struct isobar_aside aside)
{
	arena_free(isobar->plan_arena);
	isobar->plan_arena = aside.arena;
	isobar->problem = aside.problem;
	isobar->result = aside.result;
}

bool
isobar_has_plan(const struct planner_result *result)
{
	for (size_t i = 0; i < result->step_count; i++)
		if (result->steps[i].kind >= RELAX_LOSS)
			return false;
	return result->method == PLANNER_OPTIMAL || result->method == PLANNER_RELAXED;
}

void
isobar_publish_result(struct isobar *isobar, const double *demand)
{
	const struct planner_result *result = isobar->result;
	struct arena *arena = arena_new();
	struct plan_service service = { ISOBAR_SERVICE, isobar->globe->group_count, plan_groups(isobar, demand, arena) };
	struct plan plan = { .arena = arena, .model = "", .method = result->method == PLANNER_OPTIMAL ? "optimal" : "relaxed",
		.normal_limit = result->normal_limit, .loss_limit = result->loss_limit, .margin = 1,
		.latency = result->latency, .step = result->step, .service_count = 1, .services = &service };
	double *by_group = many(isobar->group_count, sizeof(*by_group));

	admit_overloads(isobar, &plan, arena);
	for (size_t g = 0; g < isobar->globe->group_count; g++)
		by_group[isobar->group_of[g]] = demand[g];
	publish(isobar, &plan, by_group);
	note_places(isobar);
	free(by_group);
	arena_free(arena);
}

static int
compare_plan_groups(const void *a, const void *b)
{
	const struct plan_group *x = a, *y = b;

	return (x->group > y->group) - (x->group < y->group);
}

static struct plan_group *
plan_groups(struct isobar *isobar, const double *demand, struct arena *arena)
{
	size_t count = isobar->globe->group_count;
	struct plan_group *groups = arena_alloc(arena, count * sizeof(*groups));

	for (size_t g = 0; g < count; g++) {
		const struct planner_share *share = &isobar->result->shares[g];

		groups[g] = (struct plan_group){ isobar->group_of[g], COUNTRY_UNKNOWN, demand[g], 0, share->pair_count,
			share->pairs, share->order_count, share->order };
	}
	qsort(groups, count, sizeof(*groups), compare_plan_groups);
	return groups;
}

/* What the planner couldn't avoid and says so: else the certificate would refuse it. */
static void
admit_overloads(struct isobar *isobar, struct plan *plan, struct arena *arena)
{
	size_t regions = isobar->globe->region_count, risks = isobar->options.risk_group_count, count = 0;
	struct plan_overload *list = arena_alloc(arena, (regions + risks + 1) * regions * sizeof(*list));

	count += add_overloads(isobar, "", globe_lost(NO_REGION, NO_REGION), list, arena);
	for (size_t r = 0; r < regions; r++)
		count += add_overloads(isobar, isobar->globe->regions[r].name, globe_lost((region_id)r, NO_REGION),
			list + count, arena);
	for (size_t i = 0; i < risks; i++)
		count += add_overloads(isobar, isobar->problem->risk_groups[i].name, isobar->options.risk_groups[i],
			list + count, arena);
	plan->overloads = list;
	plan->overload_count = count;
}

static size_t
add_overloads(const struct isobar *isobar, const char *lost, struct region_set regions, struct plan_overload *list,
	struct arena *arena)
{
	double *loads = arena_alloc(arena, isobar->globe->region_count * sizeof(*loads)), unserved = 0;
	size_t count = 0;

	planner_loads(isobar->problem, isobar->result->shares, regions, loads, &unserved);
	for (size_t r = 0; r < isobar->globe->region_count; r++)
		if (loads[r] > isobar->globe->regions[r].capacity * (1 - PLAN_PACKING))
			list[count++] = (struct plan_overload){ lost, (region_id)r,
				loads[r] / isobar->globe->regions[r].capacity + PLAN_PACKING };
	return count;
}

void
isobar_publish_weights(struct isobar *isobar, const double *weights)
{
	struct arena *arena = arena_new();
	struct plan_group group = { .group = GROUP_DEFAULT, .demand = GLOBE_CAPACITY };
	struct plan_service service = { ISOBAR_SERVICE, 1, &group };
	struct plan plan = { .arena = arena, .model = "", .method = "by-weights", .normal_limit = 1, .loss_limit = 1,
		.margin = 1, .step = 1, .service_count = 1, .services = &service };
	const double demand = GLOBE_CAPACITY;

	group.pairs = weights_pairs(&isobar->steering->services[0], weights, region_set_all(), arena, &group.pair_count);
	if (group.pairs == NULL)
		abort();
	publish(isobar, &plan, &demand);
	note_places(isobar);
	arena_free(arena);
}

static void
publish(struct isobar *isobar, const struct plan *plan, const double *by_group)
{
	struct demand *demand = by_group == NULL ? NULL : isobar_demand(isobar, by_group);
	double capacities[REGIONS_MAX] = { 0 };
	struct snapshot *present = isobar->snapshot;
	struct compiled compiled = { 0 };
	struct certificate *certificate;
	double before = isobar_processor_us();

	if (compile_tables(&compiled, isobar->steering, plan, demand, present) != 0)
		abort();
	isobar->compile_us = isobar_processor_us() - before;
	isobar->snapshot = snapshot_new(&(struct snapshot_parts){ .epoch = ++isobar->epoch, .steering = isobar->steering,
		.zones = &isobar->zone, .zone_count = 1, .countries = compiled.countries,
		.country_count = compiled.country_count, .tables = compiled.services, .worker_count = 1 });
	if (isobar->snapshot == NULL)
		abort();
	compiled_fini(&compiled);
	isobar->service = &isobar->snapshot->services[0];
	for (size_t r = 0; r < isobar->globe->region_count; r++)
		capacities[r] = isobar->options.one_group ? 0 : isobar->globe->regions[r].capacity;
	certificate = certificate_check(isobar->snapshot, &(struct certificate_terms){ .plan = plan, .demand = demand,
		.capacities = capacities, .present = present });
	if (certificate == NULL)
		abort();
	isobar->certified = certificate->good;
	snprintf(isobar->why, sizeof(isobar->why), "%s", certificate->good ? "" : certificate->why.bytes);
	isobar->worst_now = certificate->worst_now;
	isobar->worst_lost = certificate->worst_lost;
	isobar->moved = certificate->moved;
	certificate_free(certificate);
	snapshot_free(present);
	demand_free(demand);
}

/* Each of its slots is a whole number of those that demand is known by. */
static bool
is_known(const struct isobar *isobar, const struct slot_table *table)
{
	return table->count <= isobar->slot_count && isobar->slot_count % table->count == 0;
}

/* True demand by slot of the tables in service. */
static void
note_places(struct isobar *isobar)
{
	const struct population *p = isobar->population;

	for (size_t g = 0; g < isobar->group_count; g++) {
		const struct slot_table *table = isobar->service->tables[g];

		free(isobar->truth[g]);
		isobar->truth[g] = many(table->count + table->heavy_count, sizeof(double));
		for (size_t s = 0; s < isobar->slot_count && is_known(isobar, table); s++)
			isobar->truth[g][s / (isobar->slot_count / table->count)] +=
				isobar->ordinary_truth[g * isobar->slot_count + s];
		for (size_t i = isobar->heavy_from[g]; i < isobar->heavy_from[g + 1]; i++) {
			struct address address = population_address(p, isobar->heavy[i].key);
			uint32_t slot = slots_place(table, &address, 24, isobar->service->seed);

			isobar->heavy_slot[i] = slot;
			isobar->truth[g][slot] += isobar->heavy[i].truth;
		}
	}
	/* Tables that are finer than what is known. */
	for (size_t k = 0; k < p->count; k++) {
		uint16_t g = isobar->group_of[p->group[k]];
		const struct slot_table *table = isobar->service->tables[g];
		struct address address;

		if (is_known(isobar, table) || isobar->place[k] >= PLACE_HEAVY)
			continue;
		address = population_address(p, k);
		isobar->truth[g][slots_place(table, &address, 24, isobar->service->seed)] += isobar_key_demand(isobar, k);
	}
}

/* ---- what the tables do ------------------------------------------------------------------------------------------ */

uint32_t
isobar_slot(const struct isobar *isobar, size_t key, uint16_t *group)
{
	struct address address;

	*group = isobar->group_of[isobar->population->group[key]];
	if (isobar->place[key] >= PLACE_HEAVY)
		return isobar->heavy_slot[isobar->place[key] - PLACE_HEAVY];
	if (is_known(isobar, isobar->service->tables[*group]))
		return isobar->place[key] / (isobar->slot_count / isobar->service->tables[*group]->count);
	address = population_address(isobar->population, key);
	return slots_place(isobar->service->tables[*group], &address, 24, isobar->service->seed);
}

static struct pick_question
question_for(const struct isobar *isobar, uint16_t group)
{
	return (struct pick_question){ .live = isobar->service->live,
		.legal = partition_legal(isobar->snapshot->partition, isobar->snapshot->locator, isobar->service->intent,
			group), .able = region_set_all(), .order = isobar->service->order,
		.order_count = isobar->service->order_count, .when_all_down = ALL_DOWN_SERVE_LEGAL };
}

struct pick
isobar_pick(const struct isobar *isobar, uint16_t group, uint32_t slot)
{
	struct pick_question question = question_for(isobar, group);

	question.slot = &isobar->service->tables[group]->slots[slot];
	question.rank = question.slot->rank;
	return slots_pick(&question);
}

void
isobar_kill(struct isobar *isobar, struct region_set dead)
{
	for (size_t r = 0; r < isobar->globe->region_count; r++)
		live_set_dead(isobar->service->live, (region_id)r, region_set_has(&dead, (region_id)r));
}

static void
walk(struct isobar *isobar, uint16_t group, double *parts)
{
	const struct slot_table *table = isobar->service->tables[group];
	struct pick_question question = question_for(isobar, group);

	for (uint32_t s = 0; s < table->count + table->heavy_count; s++) {
		struct pick pick;

		question.slot = &table->slots[s];
		question.rank = question.slot->rank;
		pick = slots_pick(&question);
		if (pick.region != NO_REGION)
			parts[pick.region] += isobar->truth[group][s];
	}
}

void
isobar_shares(struct isobar *isobar, struct region_set dead, double *shares)
{
	size_t regions = isobar->globe->region_count;

	isobar_kill(isobar, dead);
	memset(shares, 0, isobar->globe->group_count * regions * sizeof(*shares));
	for (size_t g = 0; g < isobar->globe->group_count; g++)
		walk(isobar, isobar->group_of[g], shares + g * regions);
	isobar_kill(isobar, globe_lost(NO_REGION, NO_REGION));
}

void
isobar_parts(struct isobar *isobar, struct region_set dead, double *parts)
{
	memset(parts, 0, isobar->globe->region_count * sizeof(*parts));
	isobar_kill(isobar, dead);
	walk(isobar, GROUP_DEFAULT, parts);
	isobar_kill(isobar, globe_lost(NO_REGION, NO_REGION));
}

/* ---- as a policy ------------------------------------------------------------------------------------------------- */

static bool
policy_prepare(struct policy_state *state, const double *demand)
{
	const struct planner_result *result = isobar_solve(state->isobar, demand, isobar_usual_terms());

	isobar_publish_result(state->isobar, demand);
	return isobar_has_plan(result);
}

static void
policy_shares(struct policy_state *state, const struct policy_view *view, double *shares)
{
	isobar_shares(state->isobar, view->dead, shares);
}

const struct policy isobar_policy = { "Isobar", "pairs planned, packed into slots, certified", .sticky = true, .ours = true,
	.prepare = policy_prepare, .shares = policy_shares };

static void *
many(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (memory == NULL)
		abort();
	return memory;
}
