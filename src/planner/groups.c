/* groups.c -- from services, client groups and expected demand to the planner's clients.
 * In: a proposal.  Out: the demand groups, a cell for each (service, demand group), and the planner's clients, of which
 * each is one or more cells.
 * Threads: one; everything lives in the arena.
 *
 * 1. Countries. With a geo database, a country that has CUT_SHARE of all demand becomes a demand group of its own, and
 *    stays one until it has less than half of that: a cut costs slots, and one that comes and goes moves clients.
 * 2. Cells. Their demand is what is forecast, but at least a trace: shares of nobody would be arbitrary, and those of
 *    the first client to come should be near.
 * 3. Clients. Two hundred services in the same regions under the same law ask the planner one question, not two
 *    hundred: cells that agree in services' terms, costs and law are one client, whose demand is the sum. CLIENTS_MAX
 *    bounds what is left; the smallest beyond it, and cells beyond CELLS_MAX, follow the default group of their
 *    service.
 * Static policies take room that others can't have: their cells are clients that aren't planned ("fixed"). */
#include "planner/groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "planner/targets.h"
#include "steer/locate.h"

#define CUT_SHARE 0.005		/* 200 countries at most; what is smaller moves no region's load by a percent */
#define CUT_MAX 200
#define CELLS_MAX 20000		/* groups that a plan speaks of: some 5 MB of JSON */
#define CLIENTS_MAX 2000	/* a second of the solver's time */
#define TRACE_SHARE 1e-4	/* of all demand, spread over the cells that seem to have none */

struct builder {
	const struct proposal *proposal;
	const struct steering *steering;
	struct arena *arena;
	struct locator *locator;
	struct grouping *grouping;
	double *ms;			/* [demand group][region] */
	uint32_t *cost_class;		/* by demand group: the first with the same row of `ms` */
	uint16_t *service_class;	/* by service: the first that the planner can't tell from it */
	uint32_t *order;		/* cells, sorted for merging */
};

static const struct partition *cut_countries(struct builder *b);
static size_t countries_above(const struct builder *b, uint8_t *countries);
static bool was_cut(const struct proposal *proposal, uint8_t country);
static bool make_cells(struct builder *b);
static uint16_t demand_group_of(const struct partition *partition, const struct demand_forecast *forecast);
static void add_demand(struct builder *b);
static void add_traces(struct builder *b);
static void leave_out(struct builder *b);
static bool classify(struct builder *b);
static uint16_t class_of_service(const struct builder *b, size_t s);
static bool same_terms(const struct steering_service *a, const struct steering_service *b);
static bool make_clients(struct builder *b);
static bool make_client(struct builder *b, size_t first, size_t end);
static const char *name_of(struct builder *b, const struct cell *leader, size_t cells);
static bool keep_the_largest(struct builder *b);
static int compare_cells(const void *a, const void *b, void *arg);
static int compare_demand(const void *a, const void *b, void *arg);
static int compare_rows(const void *a, const void *b, void *arg);
static int compare_clients(const void *a, const void *b, void *arg);

struct grouping *
grouping_new(const struct proposal *proposal, struct arena *arena)
{
	struct builder b = { .proposal = proposal, .steering = proposal->steering, .arena = arena };
	struct grouping *done = NULL;

	b.grouping = arena_alloc(arena, sizeof(*b.grouping));
	b.locator = locator_new(proposal->steering, NULL);
	if (b.grouping != NULL && b.locator != NULL) {
		b.grouping->partition = cut_countries(&b);
		if (b.grouping->partition != NULL && make_cells(&b) && classify(&b) && make_clients(&b) &&
		    keep_the_largest(&b))
			done = b.grouping;
	}
	locator_free(b.locator);
	return done;
}

/* --- 1. countries -------------------------------------------------------------------------------------------- */

static const struct partition *
cut_countries(struct builder *b)
{
	uint8_t countries[COUNTRIES_MAX];
	size_t count = b->steering->geo_database == NULL ? 0 : countries_above(b, countries);

	return partition_new(b->steering, b->locator, countries, count, b->arena);
}

static size_t
countries_above(const struct builder *b, uint8_t *countries)
{
	double demand[COUNTRIES_MAX] = { 0 }, total = 0;
	size_t count = 0;

	for (size_t i = 0; i < b->proposal->demand.count; i++) {
		const struct demand_forecast *forecast = &b->proposal->demand.list[i];

		if (!grouping_plans(&b->steering->services[forecast->service]))
			continue;
		demand[forecast->country] += forecast->rate;
		total += forecast->rate;
	}
	for (unsigned c = 1; c < country_count() && count < CUT_MAX; c++) {
		double least = CUT_SHARE * total * (was_cut(b->proposal, (uint8_t)c) ? 0.5 : 1);

		if (demand[c] > 0 && demand[c] >= least)
			countries[count++] = (uint8_t)c;
	}
	return count;
}

static bool
was_cut(const struct proposal *proposal, uint8_t country)
{
	for (size_t s = 0; proposal->last != NULL && s < proposal->last->service_count; s++) {
		const struct plan_service *service = &proposal->last->services[s];

		for (size_t g = 0; g < service->group_count; g++) {
			if (service->groups[g].country == country)
				return true;
		}
	}
	return false;
}

/* --- 2. cells ------------------------------------------------------------------------------------------------ */

static bool
make_cells(struct builder *b)
{
	const struct partition *partition = b->grouping->partition;
	size_t count = b->steering->service_count * partition->count;
	struct cell *cells = arena_alloc(b->arena, (count + 1) * sizeof(*cells));

	if (cells == NULL)
		return false;
	b->grouping->cells = cells;
	b->grouping->cell_count = count;
	for (size_t i = 0; i < count; i++) {
		size_t s = i / partition->count, g = i % partition->count;
		struct region_set legal = partition_legal(partition, b->locator, &b->steering->services[s],
		    (uint16_t)g);
		struct region_set alive = legal;

		if (b->proposal->dead != NULL)
			alive = region_set_minus(legal, b->proposal->dead[s]);
		cells[i] = (struct cell){ .service = (uint16_t)s, .group = (uint16_t)g,
			.legal = region_set_is_empty(alive) ? legal : alive };
	}
	add_demand(b);
	add_traces(b);
	leave_out(b);
	return true;
}

/* Errors of their own are independent: their squares add up. */
static void
add_demand(struct builder *b)
{
	const struct partition *partition = b->grouping->partition;

	for (size_t i = 0; i < b->proposal->demand.count; i++) {
		const struct demand_forecast *forecast = &b->proposal->demand.list[i];
		struct cell *cell = &b->grouping->cells[forecast->service * partition->count +
		    demand_group_of(partition, forecast)];

		cell->demand += forecast->rate;
		cell->error += (forecast->rate * forecast->error) * (forecast->rate * forecast->error);
	}
	for (size_t i = 0; i < b->grouping->cell_count; i++) {
		struct cell *cell = &b->grouping->cells[i];

		cell->error = cell->demand > 0 ? sqrt(cell->error) / cell->demand : 0;
	}
}

static uint16_t
demand_group_of(const struct partition *partition, const struct demand_forecast *forecast)
{
	uint16_t cut = partition->by_country[forecast->country];

	if (forecast->country != COUNTRY_UNKNOWN && partition->groups[cut].country == forecast->country &&
	    partition->groups[cut].group == forecast->group)
		return cut;
	return forecast->group;
}

static void
add_traces(struct builder *b)
{
	double total = 0, trace;

	for (size_t i = 0; i < b->grouping->cell_count; i++)
		total += b->grouping->cells[i].demand;
	trace = (total > 0 ? total * TRACE_SHARE : 1) / (double)(b->grouping->cell_count + 1);
	for (size_t i = 0; i < b->grouping->cell_count; i++) {
		struct cell *cell = &b->grouping->cells[i];

		if (cell->demand < trace) {
			cell->demand = trace;
			cell->error = DEMAND_ERROR_UNKNOWN;
		}
	}
}

/* The cells that a plan doesn't speak of: the smallest, and those without a legal region. Their demand is counted where
 * their clients will be. */
static void
leave_out(struct builder *b)
{
	struct grouping *grouping = b->grouping;
	size_t groups = grouping->partition->count, spoken = 0;
	uint32_t *order = grouping->cell_count > CELLS_MAX ?
	    arena_alloc(b->arena, grouping->cell_count * sizeof(*order)) : NULL;

	for (size_t i = 0; i < grouping->cell_count; i++) {
		grouping->cells[i].client = region_set_is_empty(grouping->cells[i].legal) ? CELL_LEFT_OUT : 0;
		if (order != NULL)
			order[i] = (uint32_t)i;
	}
	if (order == NULL)
		return;
	qsort_r(order, grouping->cell_count, sizeof(*order), compare_demand, grouping->cells);
	for (size_t i = 0; i < grouping->cell_count; i++) {
		struct cell *cell = &grouping->cells[order[i]];
		struct cell *first = &grouping->cells[cell->service * groups + GROUP_DEFAULT];

		if (cell->group == GROUP_DEFAULT || cell->client == CELL_LEFT_OUT || spoken++ < CELLS_MAX)
			continue;
		cell->client = CELL_LEFT_OUT;
		first->demand += cell->demand;
	}
}

/* --- 3. clients ---------------------------------------------------------------------------------------------- */

static bool
classify(struct builder *b)
{
	size_t groups = b->grouping->partition->count, regions = b->steering->region_count;
	uint32_t *order = arena_alloc(b->arena, (groups + 1) * sizeof(*order));

	b->ms = arena_alloc(b->arena, (groups * regions + 1) * sizeof(*b->ms));
	b->cost_class = arena_alloc(b->arena, (groups + 1) * sizeof(*b->cost_class));
	b->service_class = arena_alloc(b->arena, (b->steering->service_count + 1) * sizeof(*b->service_class));
	if (order == NULL || b->ms == NULL || b->cost_class == NULL || b->service_class == NULL)
		return false;
	cost_table(b->steering, b->grouping->partition, b->proposal->latency, b->proposal->latency_count, b->ms, NULL);
	for (size_t g = 0; g < groups; g++)
		order[g] = (uint32_t)g;
	qsort_r(order, groups, sizeof(*order), compare_rows, b);
	for (size_t i = 0; i < groups; i++) {
		bool same = i > 0 && memcmp(&b->ms[order[i - 1] * regions], &b->ms[order[i] * regions],
		    regions * sizeof(*b->ms)) == 0;

		b->cost_class[order[i]] = same ? b->cost_class[order[i - 1]] : order[i];
	}
	for (size_t s = 0; s < b->steering->service_count; s++)
		b->service_class[s] = class_of_service(b, s);
	return true;
}

static uint16_t
class_of_service(const struct builder *b, size_t s)
{
	for (size_t k = 0; k < s; k++) {
		if (b->service_class[k] == k && same_terms(&b->steering->services[k], &b->steering->services[s]))
			return (uint16_t)k;
	}
	return (uint16_t)s;
}

/* All that decides about a service's shares but its law, which each cell has by itself. */
static bool
same_terms(const struct steering_service *a, const struct steering_service *b)
{
	if (a->policy != b->policy || a->region_count != b->region_count || a->weighted != b->weighted ||
	    a->latency_max_ms != b->latency_max_ms || a->class != b->class || a->shed != b->shed)
		return false;
	for (size_t i = 0; i < a->region_count; i++) {
		if (a->regions[i].region != b->regions[i].region || a->regions[i].weight != b->regions[i].weight ||
		    a->regions[i].priority != b->regions[i].priority)
			return false;
	}
	return true;
}

static bool
make_clients(struct builder *b)
{
	struct grouping *grouping = b->grouping;
	size_t count = 0;

	b->order = arena_alloc(b->arena, (grouping->cell_count + 1) * sizeof(*b->order));
	grouping->clients = arena_alloc(b->arena, (grouping->cell_count + 1) * sizeof(*grouping->clients));
	grouping->leaders = arena_alloc(b->arena, (grouping->cell_count + 1) * sizeof(*grouping->leaders));
	if (b->order == NULL || grouping->clients == NULL || grouping->leaders == NULL)
		return false;
	for (size_t i = 0; i < grouping->cell_count; i++) {
		if (grouping->cells[i].client != CELL_LEFT_OUT)
			b->order[count++] = (uint32_t)i;
	}
	qsort_r(b->order, count, sizeof(*b->order), compare_cells, b);
	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1; end < count; end++) {
			const struct cell *one = &grouping->cells[b->order[first]];
			const struct cell *other = &grouping->cells[b->order[end]];

			if (b->service_class[one->service] != b->service_class[other->service] ||
			    b->cost_class[one->group] != b->cost_class[other->group] ||
			    memcmp(&one->legal, &other->legal, sizeof(one->legal)) != 0)
				break;
		}
		if (!make_client(b, first, end))
			return false;
	}
	return true;
}

/* Of the cells order[first .. end). */
static bool
make_client(struct builder *b, size_t first, size_t end)
{
	struct grouping *grouping = b->grouping;
	uint32_t index = (uint32_t)grouping->client_count++, leader = b->order[first];
	struct planner_clients *client = &grouping->clients[index];
	double variance = 0;

	*client = (struct planner_clients){ .demand = 0 };
	for (size_t i = first; i < end; i++) {
		struct cell *cell = &grouping->cells[b->order[i]];

		cell->client = index;
		client->demand += cell->demand;
		variance += (cell->demand * cell->error) * (cell->demand * cell->error);
		if (cell->demand > grouping->cells[leader].demand)
			leader = b->order[i];
	}
	grouping->leaders[index] = leader;
	client->error = sqrt(variance) / client->demand;
	client->legal = grouping->cells[leader].legal;
	client->name = name_of(b, &grouping->cells[leader], end - first);
	client->latency = &b->ms[grouping->cells[leader].group * b->steering->region_count];
	return client->name != NULL && targets_set(b->proposal, grouping->partition, &grouping->cells[leader], client,
	    b->arena);
}

/* For people who read which clients have too little room. */
static const char *
name_of(struct builder *b, const struct cell *leader, size_t cells)
{
	const struct steering_service *service = &b->steering->services[leader->service];
	bool only = true;
	char group[128];

	for (size_t s = 0; s < b->steering->service_count; s++)
		only = only && b->service_class[s] == b->service_class[leader->service];
	partition_name(b->grouping->partition, b->steering, leader->group, group);
	if (cells == 1)
		return arena_printf(b->arena, "%s%s%s", group, only ? "" : " at ", only ? "" : service->name);
	return arena_printf(b->arena, "%s%s%s and %zu more like it", group, only ? "" : " at ",
	    only ? "" : service->name, cells - 1);
}

/* More clients than the planner takes in its time: the smallest go with the default group of their service. Fixed ones
 * are cheap, but count too. */
static bool
keep_the_largest(struct builder *b)
{
	struct grouping *grouping = b->grouping;
	uint32_t *order, *place;
	size_t kept = 0;

	if (grouping->client_count <= CLIENTS_MAX)
		return true;
	order = arena_alloc(b->arena, grouping->client_count * sizeof(*order));
	place = arena_alloc(b->arena, grouping->client_count * sizeof(*place));
	if (order == NULL || place == NULL)
		return false;
	for (size_t i = 0; i < grouping->client_count; i++) {
		order[i] = (uint32_t)i;
		place[i] = 0;
	}
	for (size_t i = 0; i < grouping->cell_count; i++) {
		if (grouping->cells[i].group == GROUP_DEFAULT && grouping->cells[i].client != CELL_LEFT_OUT)
			place[grouping->cells[i].client] = 1;	/* must stay: others follow it */
	}
	qsort_r(order, grouping->client_count, sizeof(*order), compare_clients, grouping->clients);
	for (size_t i = 0, room = CLIENTS_MAX; i < grouping->client_count; i++) {
		if (place[order[i]] == 0 && room == 0)
			place[order[i]] = CELL_LEFT_OUT;
		else
			room -= room > 0;
	}
	for (size_t i = 0; i < grouping->client_count; i++) {
		if (place[i] == CELL_LEFT_OUT)
			continue;
		grouping->clients[kept] = grouping->clients[i];
		grouping->leaders[kept] = grouping->leaders[i];
		place[i] = (uint32_t)kept++;
	}
	grouping->client_count = kept;
	for (size_t i = 0; i < grouping->cell_count; i++) {
		struct cell *cell = &grouping->cells[i];
		const struct cell *first = &grouping->cells[cell->service * grouping->partition->count + GROUP_DEFAULT];

		if (cell->client == CELL_LEFT_OUT)
			continue;
		cell->client = place[cell->client];
		if (cell->client == CELL_LEFT_OUT && first->client != CELL_LEFT_OUT)
			grouping->clients[first->client].demand += cell->demand;
	}
	return true;
}

/* --- orders: what is alike comes together; equal ones by their place, so that the order is one --------------- */

static int
compare_cells(const void *a, const void *b, void *arg)
{
	const struct builder *builder = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct cell *x = &builder->grouping->cells[i], *y = &builder->grouping->cells[k];
	int order = builder->service_class[x->service] - builder->service_class[y->service];

	if (order == 0 && builder->cost_class[x->group] != builder->cost_class[y->group])
		order = builder->cost_class[x->group] < builder->cost_class[y->group] ? -1 : 1;
	if (order == 0)
		order = memcmp(&x->legal, &y->legal, sizeof(x->legal));
	return order != 0 ? order : i < k ? -1 : i > k;
}

static int
compare_demand(const void *a, const void *b, void *arg)
{
	const struct cell *cells = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;

	if (cells[i].demand != cells[k].demand)
		return cells[i].demand > cells[k].demand ? -1 : 1;
	return i < k ? -1 : i > k;
}

static int
compare_rows(const void *a, const void *b, void *arg)
{
	const struct builder *builder = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	size_t regions = builder->steering->region_count;
	int order = memcmp(&builder->ms[i * regions], &builder->ms[k * regions], regions * sizeof(*builder->ms));

	return order != 0 ? order : i < k ? -1 : i > k;
}

static int
compare_clients(const void *a, const void *b, void *arg)
{
	const struct planner_clients *clients = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;

	if (clients[i].demand != clients[k].demand)
		return clients[i].demand > clients[k].demand ? -1 : 1;
	return i < k ? -1 : i > k;
}
