/* compile.c -- what each policy means in slots.
 * In: steering, a plan or none, the last snapshot.  Out: tables.  Threads: control.
 *
 * | policy           | shares                         | table                                            |
 * | predictive       | of the plan, else as weighted  | slots with memory (sticky) or a sequence          |
 * | weighted-random  | static weights                 | slots with memory (sticky) or a sequence          |
 * | round-robin      | weights, 1 if not given        | a sequence                                        |
 * | geographic       | all to the nearest             | one list a group, by distance; one slot a country |
 * | priority         | all to the first               | one list a group                                  |
 *
 * All of them are tables of ordered lists in the end, so the query path knows no policies. */
#include "plan/compile.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plan/cost.h"
#include "plan/pack.h"
#include "plan/weights.h"
#include "steer/country.h"

struct job {
	const struct steering *steering;
	const struct steering_service *service;
	const struct locator *locator;		/* of the countries only */
	const struct partition *partition;
	const struct plan_service *planned;	/* or NULL */
	const struct demand_service *demand;	/* or NULL */
	const struct snapshot *previous;	/* or NULL */
	const struct service *last;		/* the same service in it, or NULL */
	const region_id *renumber;
	struct arena *scratch;
};

static void collect_countries(struct compiled *out, const struct plan *plan);
static void renumber_regions(const struct snapshot *previous, const struct steering *steering, region_id *renumber);
static const struct plan_service *plan_for(const struct plan *plan, const struct steering_service *service);
static bool compile_service(const struct job *job, struct service_tables *tables, double *moved);
static struct slot_table *compile_group(const struct job *job, uint16_t group);
static struct slot_table *compile_shares(const struct job *job, uint16_t group, struct region_set legal);
static size_t regions_with_weight(const struct job *job, const region_id *order, size_t count);
static const struct plan_pair *planned_pairs(const struct job *job, uint16_t group, size_t *count);
static bool planned_weights(const struct job *job, struct region_set legal, double *weights);
static struct slot_table *compile_list(const struct job *job, struct region_set legal, struct location from);
static struct slot_table *compile_countries(const struct job *job);
static size_t order_legal(const struct job *job, struct region_set legal, struct location from, region_id *order);
static const struct slot_table *last_table(const struct job *job, uint16_t group);
static uint32_t slots_for(const struct partition *partition, size_t pairs);

int
compile_tables(struct compiled *out, const struct steering *steering, const struct plan *plan,
	const struct demand *demand, const struct snapshot *previous)
{
	region_id renumber[REGIONS_MAX];
	struct arena *arena = arena_new();
	struct locator *locator = locator_new(steering, NULL);
	struct job job = { .steering = steering, .previous = previous, .renumber = renumber, .locator = locator };

	out->service_count = steering->service_count;
	collect_countries(out, plan);
	if (arena != NULL && locator != NULL)
		job.partition = partition_new(steering, locator, out->countries, out->country_count, arena);
	out->services = calloc(steering->service_count + 1, sizeof(*out->services));
	out->moved = calloc(steering->service_count + 1, sizeof(*out->moved));
	if (out->services == NULL || out->moved == NULL || job.partition == NULL)
		goto fail;
	out->group_count = job.partition->count;
	if (previous != NULL)
		renumber_regions(previous, steering, renumber);
	for (size_t i = 0; i < steering->service_count; i++) {
		bool done;

		job.service = &steering->services[i];
		job.last = NULL;
		for (size_t k = 0; previous != NULL && k < previous->service_count; k++)
			if (strcmp(previous->services[k].intent->name, job.service->name) == 0)
				job.last = &previous->services[k];
		job.planned = NULL;
		job.demand = demand_service_find(demand, job.service->name);
		if (plan != NULL && job.service->policy == POLICY_PREDICTIVE)
			job.planned = plan_for(plan, job.service);
		job.scratch = arena_new();
		done = job.scratch != NULL && compile_service(&job, &out->services[i], &out->moved[i]);
		arena_free(job.scratch);
		if (!done)
			goto fail;
	}
	locator_free(locator);
	arena_free(arena);
	return 0;
fail:
	compiled_fini(out);
	locator_free(locator);
	arena_free(arena);
	return -ENOMEM;
}

/* Demand groups are what the plan says, the same for all its services. */
static void
collect_countries(struct compiled *out, const struct plan *plan)
{
	bool cut[COUNTRIES_MAX] = { false };

	out->country_count = 0;
	for (size_t s = 0; plan != NULL && s < plan->service_count; s++)
		for (size_t g = 0; g < plan->services[s].group_count; g++)
			cut[plan->services[s].groups[g].country] = true;
	for (unsigned c = 1; c < COUNTRIES_MAX; c++)
		if (cut[c])
			out->countries[out->country_count++] = (uint8_t)c;
}

static const struct plan_service *
plan_for(const struct plan *plan, const struct steering_service *service)
{
	for (size_t k = 0; k < plan->service_count; k++)
		if (strcmp(plan->services[k].name, service->name) == 0)
			return &plan->services[k];
	return NULL;
}

void
compiled_fini(struct compiled *compiled)
{
	for (size_t i = 0; compiled->services != NULL && i < compiled->service_count; i++) {
		for (size_t g = 0; compiled->services[i].groups != NULL && g < compiled->group_count; g++)
			slot_table_release(compiled->services[i].groups[g]);
		free(compiled->services[i].groups);
		slot_table_release(compiled->services[i].by_country);
	}
	free(compiled->services);
	free(compiled->moved);
	memset(compiled, 0, sizeof(*compiled));
}

static void
renumber_regions(const struct snapshot *previous, const struct steering *steering, region_id *renumber)
{
	memset(renumber, NO_REGION, REGIONS_MAX);
	for (size_t r = 0; r < previous->steering->region_count; r++)
		renumber[r] = steering_region_find(steering, previous->steering->regions[r].name);
}

static bool
compile_service(const struct job *job, struct service_tables *tables, double *moved)
{
	size_t groups = job->partition->count;

	tables->groups = calloc(groups, sizeof(struct slot_table *));
	if (tables->groups == NULL)
		return false;
	for (size_t g = 0; g < groups; g++) {
		tables->groups[g] = compile_group(job, (uint16_t)g);
		if (tables->groups[g] == NULL)
			return false;
		*moved += pack_moved(last_table(job, (uint16_t)g), job->renumber, tables->groups[g]) / (double)groups;
	}
	if (job->service->policy != POLICY_GEOGRAPHIC)
		return true;
	tables->by_country = compile_countries(job);
	return tables->by_country != NULL;
}

static struct slot_table *
compile_group(const struct job *job, uint16_t group)
{
	struct region_set legal = partition_legal(job->partition, job->locator, job->service, group);

	switch (job->service->policy) {
	case POLICY_GEOGRAPHIC:
		return compile_list(job, legal, demand_location(job->steering, &job->partition->groups[group]));
	case POLICY_PRIORITY:
		return compile_list(job, legal, (struct location){ false, 0, 0 });
	default:
		return compile_shares(job, group, legal);
	}
}

static struct slot_table *
compile_shares(const struct job *job, uint16_t group, struct region_set legal)
{
	region_id others[REGIONS_MAX];
	double weights[REGIONS_MAX];
	struct pack_input input = { .others = others, .renumber = job->renumber };

	input.other_count = order_legal(job, legal, (struct location){ false, 0, 0 }, others);
	input.turning_count = regions_with_weight(job, others, input.other_count);
	input.pairs = planned_pairs(job, group, &input.pair_count);
	if (input.pairs == NULL) {
		if (!planned_weights(job, legal, weights))
			weights_static(job->service, weights);
		input.pairs = weights_pairs(job->service, weights, legal, job->scratch, &input.pair_count);
		if (input.pairs == NULL)
			return NULL;
	}
	if (input.pair_count == 0)	/* nothing is legal: the empty list answers NODATA */
		return pack_list(NULL, 0);
	if (input.other_count == 1)	/* nobody to choose from: the answer doesn't depend on the client */
		return pack_list(others, 1);
	input.slots = slots_for(job->partition, input.pair_count);
	if (!job->service->sticky)
		return pack_sequence(&input);
	input.previous = last_table(job, group);
	return pack_slots(&input);
}

/* `order` has those without weight behind the others. */
static size_t
regions_with_weight(const struct job *job, const region_id *order, size_t count)
{
	size_t n = 0;

	for (; n < count; n++)
		for (size_t i = 0; i < job->service->region_count; i++)
			if (job->service->regions[i].region == order[n] && job->service->regions[i].weight <= 0)
				return n;
	return n;
}

static const struct plan_pair *
planned_pairs(const struct job *job, uint16_t group, size_t *count)
{
	const struct demand_group *wanted = &job->partition->groups[group];

	for (size_t i = 0; job->planned != NULL && i < job->planned->group_count; i++)
		if (job->planned->groups[i].group == wanted->group
		    && job->planned->groups[i].country == wanted->country && job->planned->groups[i].pair_count > 0) {
			*count = job->planned->groups[i].pair_count;
			return job->planned->groups[i].pairs;
		}
	return NULL;
}

/* For groups that the plan leaves out: the primaries' shares of the default group, cut to what is legal. False when the
 * plan has none of these. */
static bool
planned_weights(const struct job *job, struct region_set legal, double *weights)
{
	size_t count = 0;
	const struct plan_pair *pairs = planned_pairs(job, GROUP_DEFAULT, &count);
	double sum = 0;

	for (size_t i = 0; i < job->service->region_count; i++) {
		weights[i] = 0;
		for (size_t p = 0; p < count; p++)
			if (pairs[p].primary == job->service->regions[i].region
			    && region_set_has(&legal, pairs[p].primary))
				weights[i] += pairs[p].share;
		sum += weights[i];
	}
	return sum > 0;
}

static struct slot_table *
compile_list(const struct job *job, struct region_set legal, struct location from)
{
	region_id order[REGIONS_MAX];

	return pack_list(order, order_legal(job, legal, from, order));
}

/* A client in no network group is served from the region nearest to its country, or to its group where that has a
 * location of its own. Law is that of the country; networks narrow it when picked. */
static struct slot_table *
compile_countries(const struct job *job)
{
	struct slot_table *table = slot_table_new(COUNTRIES_MAX, 0);
	struct locator *locator = locator_new(job->steering, NULL);

	if (table == NULL || locator == NULL) {
		slot_table_release(table);
		locator_free(locator);
		return NULL;
	}
	for (unsigned c = 1; c < country_count(); c++) {
		const struct country *country = country_at((uint8_t)c);
		struct location from = { true, country->latitude, country->longitude };
		uint16_t group = locator_country_group(locator, (uint8_t)c);
		struct region_set legal = locator_legal(locator, job->service, 0, (uint8_t)c);
		region_id order[REGIONS_MAX];
		size_t count;

		if (job->steering->groups[group].location.known)
			from = job->steering->groups[group].location;
		count = order_legal(job, legal, from, order);
		for (size_t i = 0; i < count && i < SLOT_LIST; i++)
			table->slots[c].list[i] = order[i];
	}
	locator_free(locator);
	return table;
}

/* Legal regions, the best first: by distance where both ends are known, else by priority and as written. Regions of
 * weight 0 come last: they are the last resort. Insertion sort: stable, and lists are short. */
static size_t
order_legal(const struct job *job, struct region_set legal, struct location from, region_id *order)
{
	double keys[REGIONS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < job->service->region_count; i++) {
		const struct service_region *sr = &job->service->regions[i];
		const struct location *to = &job->steering->regions[sr->region].location;
		double key = sr->priority;
		size_t at;

		if (!region_set_has(&legal, sr->region))
			continue;
		if (from.known)
			key = to->known ? great_circle_km(from.latitude, from.longitude, to->latitude, to->longitude)
				: 1e6;
		if (sr->weight <= 0)
			key += 1e9;
		for (at = count++; at > 0 && keys[at - 1] > key; at--) {
			keys[at] = keys[at - 1];
			order[at] = order[at - 1];
		}
		keys[at] = key;
		order[at] = sr->region;
	}
	return count;
}

static const struct slot_table *
last_table(const struct job *job, uint16_t group)
{
	const struct partition *was;

	if (job->last == NULL)
		return NULL;
	was = job->previous->partition;
	for (uint16_t g = 0; g < was->count; g++) {
		char old[128], new[128];

		partition_name(was, job->previous->steering, g, old);
		if (strcmp(old, partition_name(job->partition, job->steering, group, new)) == 0)
			return job->last->tables[g];
	}
	return NULL;
}

/* Powers of two, so that a table grows or shrinks without moving clients that could stay. */
static uint32_t
slots_for(const struct partition *partition, size_t pairs)
{
	uint32_t slots = SLOTS_PER_SERVICE;

	while (slots > SLOTS_LEAST && slots > SLOTS_PER_SERVICE / partition->count)
		slots /= 2;
	while (slots < pairs)
		slots *= 2;
	return slots;
}
