/* losses.c -- the loads of all tables together, in every case.
 * In: tables, the plan, demand.  Out: requests/s by case and region, and how much may be.  Threads: control.
 *
 * A client leaves only a region that is lost, so a case differs from now by the clients of what is lost in it: all
 * single losses together cost one look at each pair. Planned tables are summed up by pair; of the others, which nobody
 * can change here, each list is walked.
 *
 * A region may get its limit, or what the plan itself meant if that is more, and half of what packing may add to a
 * capacity: the other half is left to what the certificate sees otherwise. */
#include "packing/losses.h"

#include <math.h>
#include <string.h>

static bool list_cases(struct losses *losses, const struct steering *steering, struct arena *arena);
static bool add_risk_group(struct losses *losses, const char *name, region_id region, const char **names);
static void take_capacities(struct losses *losses, const struct steering *steering, const struct plan *plan);
static bool add_tables(struct losses *losses, const struct job *jobs, size_t count, struct compiled *compiled,
	double *meant, struct arena *arena);
static double group_rate(const struct subject *subject);
static bool add_planned(struct losses *losses, struct planned_table *table, double *meant, double *sums,
	struct arena *arena);
static double *sum_at(const struct losses *losses, double *sums, region_id primary, region_id backup);
static void add_pair(const struct losses *losses, const struct planned_table *table, size_t pair, double amount,
	double *loads);
static void add_lists(const struct losses *losses, const struct slot_table *table, double demand, double *loads,
	double *meant);
static region_id list_server(const region_id *list, const struct region_set *lost);
static void finish(struct losses *losses, double *loads);
static void set_limits(struct losses *losses, const struct plan *plan, const double *meant);

bool
losses_find(struct losses *losses, const struct job *jobs, size_t count, const struct plan *plan,
	struct compiled *compiled, struct arena *arena)
{
	double *meant;
	size_t cells;

	*losses = (struct losses){ .region_count = jobs[0].steering->region_count };
	if (!list_cases(losses, jobs[0].steering, arena))
		return false;
	cells = losses->case_count * losses->region_count;
	losses->capacities = arena_alloc(arena, (losses->region_count + 1) * sizeof(double));
	losses->loads = arena_alloc(arena, (cells + 1) * sizeof(double));
	losses->limits = arena_alloc(arena, (cells + 1) * sizeof(double));
	meant = arena_alloc(arena, (cells + 1) * sizeof(double));
	if (losses->capacities == NULL || losses->loads == NULL || losses->limits == NULL || meant == NULL)
		return false;
	take_capacities(losses, jobs[0].steering, plan);
	if (!add_tables(losses, jobs, count, compiled, meant, arena))
		return false;
	finish(losses, losses->loads);
	finish(losses, meant);
	set_limits(losses, plan, meant);
	return true;
}

static bool
list_cases(struct losses *losses, const struct steering *steering, struct arena *arena)
{
	size_t regions = steering->region_count, most = 1 + regions;
	const char **names;

	for (size_t r = 0; r < regions; r++)
		most += steering->regions[r].risk_group_count;
	names = arena_alloc(arena, most * sizeof(*names));
	losses->lost = arena_alloc(arena, most * sizeof(*losses->lost));
	losses->cases_of = arena_alloc(arena, (regions + 1) * sizeof(*losses->cases_of));
	losses->cases_count = arena_alloc(arena, (regions + 1) * sizeof(*losses->cases_count));
	if (names == NULL || losses->lost == NULL || losses->cases_of == NULL || losses->cases_count == NULL)
		return false;
	losses->case_count = 1 + regions;
	for (size_t r = 0; r < regions; r++) {
		const struct steering_region *region = &steering->regions[r];

		losses->cases_of[r] = arena_alloc(arena, (1 + region->risk_group_count) * sizeof(uint16_t));
		if (losses->cases_of[r] == NULL)
			return false;
		region_set_add(&losses->lost[1 + r], (region_id)r);
		losses->cases_of[r][losses->cases_count[r]++] = (uint16_t)(1 + r);
		for (size_t i = 0; i < region->risk_group_count; i++)
			if (!add_risk_group(losses, region->risk_groups[i], (region_id)r, names))
				return false;
	}
	return true;
}

static bool
add_risk_group(struct losses *losses, const char *name, region_id region, const char **names)
{
	size_t at = 1 + losses->region_count;

	while (at < losses->case_count && strcmp(names[at], name) != 0)
		at++;
	if (at > UINT16_MAX)
		return false;
	names[at] = name;
	losses->case_count += at == losses->case_count;
	region_set_add(&losses->lost[at], region);
	losses->cases_of[region][losses->cases_count[region]++] = (uint16_t)at;
	return true;
}

/* What the plan was made with goes before what was written. */
static void
take_capacities(struct losses *losses, const struct steering *steering, const struct plan *plan)
{
	for (size_t r = 0; r < losses->region_count; r++)
		losses->capacities[r] = steering->regions[r].capacity;
	for (size_t i = 0; i < plan->region_count; i++)
		if (plan->regions[i].region < losses->region_count && plan->regions[i].capacity > 0)
			losses->capacities[plan->regions[i].region] = plan->regions[i].capacity;
}

/* Until finish(), [0] is now and the others are what each case adds to that. */
static bool
add_tables(struct losses *losses, const struct job *jobs, size_t count, struct compiled *compiled, double *meant,
	struct arena *arena)
{
	size_t groups = compiled->group_count, most = 0;
	double *sums = arena_alloc(arena, (losses->region_count + 1) * (losses->region_count + 1) * sizeof(*sums));

	for (size_t s = 0; s < count; s++)
		most += jobs[s].planned != NULL ? groups : 0;
	losses->tables = arena_alloc(arena, (most + 1) * sizeof(*losses->tables));
	if (sums == NULL || losses->tables == NULL)
		return false;
	for (size_t s = 0; s < count; s++)
		for (uint16_t g = 0; g < groups; g++) {
			const struct subject *subject = &jobs[s].subjects[g];
			double demand = group_rate(subject);
			struct planned_table *table = &losses->tables[losses->table_count];

			if (!(demand > 0))
				continue;
			if (!compile_is_planned(&jobs[s], g)) {
				add_lists(losses, compiled->services[s].groups[g], demand, losses->loads, meant);
				continue;
			}
			*table = (struct planned_table){ .job = &jobs[s], .group = g,
				.table = &compiled->services[s].groups[g], .planned = subject->planned,
				.rate = demand };
			losses->table_count++;
			if (!add_planned(losses, table, meant, sums, arena))
				return false;
		}
	return true;
}

static double
group_rate(const struct subject *subject)
{
	if (subject->planned != NULL && isfinite(subject->planned->demand))
		return subject->planned->demand;
	return subject->demand == NULL ? 0 : subject->demand->rate;
}

static bool
add_planned(struct losses *losses, struct planned_table *table, double *meant, double *sums, struct arena *arena)
{
	const struct plan_group *planned = table->planned;

	const struct slot_table *slots = *table->table;
	uint32_t count = slots->count + slots->heavy_count;

	table->has = arena_alloc(arena, planned->pair_count * sizeof(*table->has));
	if (table->has == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++)
		*sum_at(losses, sums, slots->slots[i].list[0], slots->slots[i].list[1]) += slots->weights != NULL
		    ? (double)slots->weights[i] : 1.0 / count;
	for (size_t p = 0; p < planned->pair_count; p++) {
		table->has[p] = table->rate *
		    *sum_at(losses, sums, planned->pairs[p].primary, planned->pairs[p].backup);
		add_pair(losses, table, p, table->has[p], losses->loads);
		add_pair(losses, table, p, planned->pairs[p].share * table->rate, meant);
	}
	for (size_t p = 0; p < planned->pair_count; p++)
		*sum_at(losses, sums, planned->pairs[p].primary, planned->pairs[p].backup) = 0;
	if (slots->count == 1)			/* a list, which may have no backup where the plan names one */
		*sum_at(losses, sums, slots->slots[0].list[0], slots->slots[0].list[1]) = 0;
	return true;
}

/* Nobody comes last. */
static double *
sum_at(const struct losses *losses, double *sums, region_id primary, region_id backup)
{
	size_t last = losses->region_count;

	return &sums[(primary < last ? primary : last) * (last + 1) + (backup < last ? backup : last)];
}

static void
add_pair(const struct losses *losses, const struct planned_table *table, size_t pair, double amount, double *loads)
{
	region_id primary = table->planned->pairs[pair].primary;

	if (primary == NO_REGION)
		return;
	loads[primary] += amount;
	for (size_t i = 0; i < losses->cases_count[primary]; i++) {
		size_t at = losses->cases_of[primary][i];
		region_id server = losses_server(table, pair, &losses->lost[at]);

		loads[at * losses->region_count + primary] -= amount;
		if (server != NO_REGION)
			loads[at * losses->region_count + server] += amount;
	}
}

region_id
losses_server(const struct planned_table *table, size_t pair, const struct region_set *lost)
{
	const struct plan_pair *at = &table->planned->pairs[pair];

	if (at->primary == NO_REGION || !region_set_has(lost, at->primary))
		return at->primary;
	if (at->backup == NO_REGION || !region_set_has(lost, at->backup))
		return at->backup;
	for (size_t i = 0; i < table->planned->order_count; i++)
		if (!region_set_has(lost, table->planned->order[i]))
			return table->planned->order[i];
	return NO_REGION;
}

static void
add_lists(const struct losses *losses, const struct slot_table *table, double demand, double *loads, double *meant)
{
	uint32_t count = table->count + table->heavy_count;

	for (uint32_t i = 0, next; i < count; i = next) {
		const region_id *list = table->slots[i].list;
		double amount = 0;

		for (next = i; next < count && memcmp(table->slots[next].list, list, SLOT_LIST) == 0; next++)
			amount += demand * (table->weights != NULL ? (double)table->weights[next] : 1.0 / count);
		if (list[0] == NO_REGION)
			continue;
		loads[list[0]] += amount;
		meant[list[0]] += amount;
		for (size_t k = 0; k < losses->cases_count[list[0]]; k++) {
			size_t at = losses->cases_of[list[0]][k] * losses->region_count;
			region_id server = list_server(list, &losses->lost[losses->cases_of[list[0]][k]]);

			loads[at + list[0]] -= amount;
			meant[at + list[0]] -= amount;
			if (server == NO_REGION)
				continue;
			loads[at + server] += amount;
			meant[at + server] += amount;
		}
	}
}

static region_id
list_server(const region_id *list, const struct region_set *lost)
{
	for (size_t i = 0; i < SLOT_LIST && list[i] != NO_REGION; i++)
		if (!region_set_has(lost, list[i]))
			return list[i];
	return NO_REGION;
}

static void
finish(struct losses *losses, double *loads)
{
	for (size_t c = 1; c < losses->case_count; c++)
		for (size_t r = 0; r < losses->region_count; r++)
			loads[c * losses->region_count + r] += loads[r];
}

static void
set_limits(struct losses *losses, const struct plan *plan, const double *meant)
{
	double limit = fmax(plan->normal_limit, plan->loss_limit);

	for (size_t c = 0; c < losses->case_count; c++)
		for (size_t r = 0; r < losses->region_count; r++) {
			size_t at = c * losses->region_count + r;
			double capacity = losses->capacities[r];

			losses->limits[at] = capacity > 0
			    ? fmax(limit * capacity, meant[at]) + PLAN_PACKING / 2 * capacity : INFINITY;
		}
}
