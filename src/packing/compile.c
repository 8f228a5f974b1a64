/* compile.c -- what each policy means in slots.
 * In: steering, a plan or none, measured demand or none, the last snapshot.  Out: tables.  Threads: control.
 *
 * | policy           | shares                         | table                                            |
 * | predictive       | of the plan, else by capacity  | slots with memory (sticky) or a sequence          |
 * |                  | or by weights                  |                                                  |
 * | weighted-random  | static weights                 | slots with memory (sticky) or a sequence          |
 * | round-robin      | weights, 1 if not given        | a sequence                                        |
 * | geographic       | all to the nearest             | one list a group, by distance; one slot a country |
 * | priority         | all to the first               | one list a group                                  |
 *
 * All of them are tables of ordered lists in the end, so the query path knows no policies.
 *
 * Whatever a table depends on, but for the table before it, is hashed. If the table in service has the same hash, it
 * stays: a publication that changes one group costs one table. Groups whose tables come from the same have one table
 * together, so thousands of groups without a plan of their own need neither time nor memory.
 *
 * A region is filled by many tables, each of which meets its shares only as well as whole slots and heavy keys allow.
 * When all are there, they are looked at together (compile_repair.c).
 *
 * What each demand group's clients have now is looked up by who they are: those of a country that is cut out had the
 * table of whatever group that country was in, those of a client group the table of the group of its name. */
#include "packing/compile.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "packing/compile_parts.h"
#include "steer/country.h"

#define COMPILE_VERSION 1	/* of what tables are made of: tables of another one aren't kept */

static bool prepare(struct job *job, struct compiled *out, struct arena *arena);
static void renumber_regions(struct job *job, region_id *renumber);
static void find_groups_before(const struct job *job, uint16_t *groups);
static void take_service(struct job *job, const struct steering_service *service, const struct plan *plan,
	const struct demand *demand);
static const struct plan_service *plan_for(const struct plan *plan, const struct steering_service *service);
static uint64_t service_hash(const struct job *job);
static bool compile_service(struct job *job, struct service_tables *tables);
static bool take_subjects(struct job *job);
static const struct plan_group *plan_group_for(const struct plan_service *planned, const struct demand_group *group);
static bool find_laws(const struct job *job, struct subject *subjects);
static struct slot_table *compile_group(const struct job *job, const struct service_tables *tables, uint16_t group);
static struct slot_table *compile_shares(const struct job *job, const struct service_tables *tables, uint16_t group);
static uint64_t demand_hash(const struct subject *subject);
static size_t order_others(const struct job *job, const struct subject *subject, region_id *others, size_t *turning);
static size_t regions_with_weight(const struct job *job, struct region_set legal);
static double moved_share(const struct job *job, const struct service_tables *tables);

int
compile_tables(struct compiled *out, const struct steering *steering, const struct plan *plan,
	const struct demand *demand, const struct snapshot *previous)
{
	region_id renumber[REGIONS_MAX];
	struct arena *arena = arena_new();
	struct locator *locator = locator_new(steering, NULL);
	struct job job = { .steering = steering, .previous = previous, .renumber = renumber, .locator = locator };
	struct job *jobs = calloc(steering->service_count + 1, sizeof(*jobs));
	bool done;

	out->service_count = steering->service_count;
	out->services = calloc(steering->service_count + 1, sizeof(*out->services));
	out->moved = calloc(steering->service_count + 1, sizeof(*out->moved));
	out->country_count = plan_countries(plan, out->countries);
	done = out->services != NULL && out->moved != NULL && arena != NULL && locator != NULL && jobs != NULL;
	if (done)
		renumber_regions(&job, renumber);
	done = done && prepare(&job, out, arena);
	for (size_t i = 0; done && i < steering->service_count; i++) {
		jobs[i] = job;
		jobs[i].scratch = arena_new();
		take_service(&jobs[i], &steering->services[i], plan, demand);
		done = jobs[i].scratch != NULL && compile_service(&jobs[i], &out->services[i]);
	}
	if (done && plan != NULL)
		done = compile_repair(jobs, steering->service_count, plan, out);
	for (size_t i = 0; done && i < steering->service_count; i++)
		out->moved[i] = moved_share(&jobs[i], &out->services[i]);
	if (!done)
		compiled_fini(out);
	for (size_t i = 0; jobs != NULL && i < steering->service_count; i++)
		arena_free(jobs[i].scratch);
	free(jobs);
	locator_free(locator);
	arena_free(arena);
	return done ? 0 : -ENOMEM;
}

static bool
prepare(struct job *job, struct compiled *out, struct arena *arena)
{
	uint16_t *groups;

	job->partition = partition_new(job->steering, job->locator, out->countries, out->country_count, arena);
	if (job->partition == NULL)
		return false;
	groups = arena_alloc(arena, job->partition->count * sizeof(*groups));
	if (groups == NULL)
		return false;
	find_groups_before(job, groups);
	job->groups_before = groups;
	out->group_count = job->partition->count;
	return true;
}

static void
renumber_regions(struct job *job, region_id *renumber)
{
	const struct steering *before = job->previous == NULL ? NULL : job->previous->steering;

	memset(renumber, NO_REGION, REGIONS_MAX);
	job->same_regions = true;
	for (size_t r = 0; before != NULL && r < before->region_count; r++) {
		renumber[r] = steering_region_find(job->steering, before->regions[r].name);
		job->same_regions = job->same_regions && renumber[r] == r;
	}
}

static void
find_groups_before(const struct job *job, uint16_t *groups)
{
	const struct snapshot *previous = job->previous;

	for (size_t g = 0; g < job->partition->count; g++) {
		const struct demand_group *group = &job->partition->groups[g];
		const char *name = job->steering->groups[group->group].name;
		size_t at = group->group;

		groups[g] = NO_GROUP;
		if (previous == NULL)
			continue;
		if (group->country != COUNTRY_UNKNOWN) {
			groups[g] = previous->partition->by_country[group->country];
			continue;
		}
		/* Most have the number that they had. */
		if (at >= previous->steering->group_count || strcmp(previous->steering->groups[at].name, name) != 0)
			for (at = 0; at < previous->steering->group_count; at++)
				if (strcmp(previous->steering->groups[at].name, name) == 0)
					break;
		if (at < previous->steering->group_count)
			groups[g] = (uint16_t)at;
	}
}

static void
take_service(struct job *job, const struct steering_service *service, const struct plan *plan,
	const struct demand *demand)
{
	job->service = service;
	job->last = NULL;
	for (size_t k = 0; job->previous != NULL && k < job->previous->service_count; k++)
		if (strcmp(job->previous->services[k].intent->name, service->name) == 0)
			job->last = &job->previous->services[k];
	job->planned = plan == NULL || service->policy != POLICY_PREDICTIVE ? NULL : plan_for(plan, service);
	job->demand = demand_service_find(demand, service->name);
	job->seed = hash64(service->owner, name_length(service->owner, NAME_MAX), 0);
	job->hash = service_hash(job);
}

static const struct plan_service *
plan_for(const struct plan *plan, const struct steering_service *service)
{
	for (size_t k = 0; k < plan->service_count; k++)
		if (strcmp(plan->services[k].name, service->name) == 0)
			return &plan->services[k];
	return NULL;
}

/* All of it that a table of any policy may depend on. */
static uint64_t
service_hash(const struct job *job)
{
	const struct steering_service *service = job->service;
	uint64_t hash = job->seed ^ (uint64_t)COMPILE_VERSION << 56 ^ (uint64_t)service->policy << 48
	    ^ (uint64_t)service->sticky << 40 ^ (uint64_t)service->weighted << 32;

	for (size_t i = 0; i < service->region_count; i++) {
		const struct service_region *region = &service->regions[i];
		const struct steering_region *where = &job->steering->regions[region->region];
		double numbers[] = { region->region, region->weight, region->priority, where->capacity,
			where->location.known, where->location.latitude, where->location.longitude };

		hash = hash64(numbers, sizeof(numbers), hash);
	}
	return hash;
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

static bool
compile_service(struct job *job, struct service_tables *tables)
{
	size_t groups = job->partition->count;

	tables->groups = calloc(groups, sizeof(struct slot_table *));
	if (tables->groups == NULL || !take_subjects(job) || !compile_sizes(job))
		return false;
	for (size_t g = 0; g < groups; g++) {
		tables->groups[g] = compile_group(job, tables, (uint16_t)g);
		if (tables->groups[g] == NULL)
			return false;
	}
	if (job->service->policy != POLICY_GEOGRAPHIC)
		return true;
	tables->by_country = compile_countries(job);
	return tables->by_country != NULL;
}

static bool
take_subjects(struct job *job)
{
	size_t groups = job->partition->count;
	struct subject *subjects = arena_alloc(job->scratch, groups * sizeof(*subjects));
	enum sharding_policy policy = job->service->policy;
	bool by_demand = job->service->sticky && (policy == POLICY_PREDICTIVE || policy == POLICY_WEIGHTED_RANDOM);

	if (subjects == NULL)
		return false;
	for (uint16_t g = 0; g < groups; g++) {
		const struct demand_group *group = &job->partition->groups[g];
		uint16_t before = job->groups_before[g];

		subjects[g].legal = partition_legal(job->partition, job->locator, job->service, g);
		if (job->last != NULL && before != NO_GROUP)
			subjects[g].last = job->last->tables[before];
		if (job->planned != NULL)
			subjects[g].planned = plan_group_for(job->planned, group);
		if (job->demand != NULL && by_demand)
			subjects[g].demand = demand_find(job->demand, group->group, group->country);
	}
	job->subjects = subjects;
	return find_laws(job, subjects);
}

/* They're by (group, country). */
static const struct plan_group *
plan_group_for(const struct plan_service *planned, const struct demand_group *group)
{
	size_t low = 0, high = planned->group_count;
	uint32_t wanted = (uint32_t)group->group << 8 | group->country;

	while (low < high) {
		size_t middle = (low + high) / 2;
		uint32_t at = (uint32_t)planned->groups[middle].group << 8 | planned->groups[middle].country;

		if (at == wanted)
			return &planned->groups[middle];
		if (at < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* By hashing, since there may be thousands of groups. */
static bool
find_laws(const struct job *job, struct subject *subjects)
{
	size_t places = 2;
	uint16_t *seen;		/* group + 1; 0: free */

	while (places < 2 * job->partition->count)
		places *= 2;
	seen = arena_alloc(job->scratch, places * sizeof(*seen));
	if (seen == NULL)
		return false;
	for (uint16_t g = 0; g < job->partition->count; g++) {
		size_t at = hash64(&subjects[g].legal, sizeof(subjects[g].legal), 0) & (places - 1);

		while (seen[at] != 0 && memcmp(&subjects[seen[at] - 1].legal, &subjects[g].legal,
		    sizeof(subjects[g].legal)) != 0)
			at = (at + 1) & (places - 1);
		if (seen[at] == 0)
			seen[at] = (uint16_t)(g + 1);
		subjects[g].like = (uint16_t)(seen[at] - 1);
	}
	return true;
}

static struct slot_table *
compile_group(const struct job *job, const struct service_tables *tables, uint16_t group)
{
	switch (job->service->policy) {
	case POLICY_GEOGRAPHIC:
	case POLICY_PRIORITY:
		return compile_list(job, tables, group);
	default:
		return compile_shares(job, tables, group);
	}
}

/* A table that comes from the very same: that in service, or that of the first group of the same law. */
struct slot_table *
compile_keep(const struct job *job, const struct service_tables *tables, uint16_t group, uint64_t inputs)
{
	const struct subject *subject = &job->subjects[group];
	struct slot_table *table = NULL;

	if (subject->last != NULL && job->same_regions && subject->last->inputs == inputs)
		table = (struct slot_table *)(uintptr_t)subject->last;	/* holds aren't a worker's business */
	else if (subject->like < group && tables->groups[subject->like]->inputs == inputs
	    && job->subjects[subject->like].last == subject->last)
		table = tables->groups[subject->like];
	if (table != NULL)
		slot_table_hold(table);
	return table;
}

static struct slot_table *
compile_shares(const struct job *job, const struct service_tables *tables, uint16_t group)
{
	const struct subject *subject = &job->subjects[group];
	uint64_t inputs = compile_pairs_hash(job, group) ^ demand_hash(subject);
	struct slot_table *table;

	inputs = hash64(&inputs, sizeof(inputs), job->hash);
	table = compile_keep(job, tables, group, inputs);
	if (table != NULL)
		return table;
	table = compile_pack(job, group, NULL, NULL);
	if (table != NULL)
		table->inputs = inputs;
	return table;
}

static uint64_t
demand_hash(const struct subject *subject)
{
	const struct demand_rate *demand = subject->demand;
	uint64_t hash = subject->heavy_count;

	if (demand == NULL)
		return 0;
	/* The rate counts against that of the heavy keys only. */
	if (demand->slot_count == 0 && demand->heavy_count > 0)
		hash = hash64(&demand->rate, sizeof(demand->rate), hash);
	hash = hash64(demand->slots, demand->slot_count * sizeof(*demand->slots), hash);
	for (size_t i = 0; i < demand->heavy_count; i++) {
		struct { uint64_t key; double rate; } key = {
			slots_key(&demand->heavy[i].address, demand->heavy[i].length), demand->heavy[i].rate,
		};

		hash = hash64(&key, sizeof(key), hash);
	}
	return hash;
}

struct slot_table *
compile_pack(const struct job *job, uint16_t group, const struct plan_pair *pairs, const uint16_t *pins)
{
	const struct subject *subject = &job->subjects[group];
	region_id others[REGIONS_MAX];
	struct pack_input input = {
		.others = others, .renumber = job->renumber, .slots = subject->slots, .demand = subject->demand,
		.heavy_count = subject->heavy_count, .seed = job->seed, .pins = pins,
	};

	input.other_count = order_others(job, subject, others, &input.turning_count);
	input.pairs = compile_pairs(job, group, &input.pair_count);
	if (input.pairs == NULL)
		return NULL;
	input.pairs = pairs != NULL ? pairs : input.pairs;
	if (input.pair_count == 0)	/* nothing is legal: the empty list answers NODATA */
		return pack_list(NULL, 0);
	if (input.other_count == 1 && input.pair_count == 1)	/* nobody to choose from */
		return pack_list(others, 1);
	if (!job->service->sticky)
		return pack_sequence(&input);
	input.previous = subject->last;
	return pack_slots(&input);
}

/* For places 3 and 4: the planner's order, and then whoever else is legal; without one, all of them in turn. */
static size_t
order_others(const struct job *job, const struct subject *subject, region_id *others, size_t *turning)
{
	region_id legal[REGIONS_MAX];
	size_t count = compile_order(job, subject->legal, (struct location){ false, 0, 0 }, legal), used = 0;
	struct region_set seen = { { 0 } };

	*turning = 0;
	if (subject->planned == NULL || subject->planned->order_count == 0) {
		memcpy(others, legal, count);
		*turning = regions_with_weight(job, subject->legal);
		return count;
	}
	for (size_t i = 0; i < subject->planned->order_count; i++)
		if (region_set_has(&subject->legal, subject->planned->order[i])
		    && !region_set_has(&seen, subject->planned->order[i])) {
			others[used++] = subject->planned->order[i];
			region_set_add(&seen, subject->planned->order[i]);
		}
	for (size_t i = 0; i < count; i++)
		if (!region_set_has(&seen, legal[i]))
			others[used++] = legal[i];
	return used;
}

/* In an order they come before those without. */
static size_t
regions_with_weight(const struct job *job, struct region_set legal)
{
	size_t n = 0;

	for (size_t i = 0; i < job->service->region_count; i++)
		n += job->service->regions[i].weight > 0 && region_set_has(&legal, job->service->regions[i].region);
	return n;
}

/* By demand where it's known, else all groups alike. */
static double
moved_share(const struct job *job, const struct service_tables *tables)
{
	double moved = 0, weight = 0, alike = 0;

	for (size_t g = 0; g < job->partition->count; g++) {
		const struct subject *subject = &job->subjects[g];
		double part = pack_moved(subject->last, job->renumber, tables->groups[g]);

		if (subject->demand != NULL && subject->demand->rate > 0) {
			moved += part * subject->demand->rate;
			weight += subject->demand->rate;
		}
		alike += part / (double)job->partition->count;
	}
	return weight > 0 ? moved / weight : alike;
}
