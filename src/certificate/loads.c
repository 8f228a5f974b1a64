/* loads.c -- what the tables do when regions are lost or drained.
 * In: tables, demand of each.  Out: requests/s by region.  Threads: any; pure.
 *
 * Slots whose lists are equal, and whose clients may go to the same regions in the same order, share every fate: they
 * are one class. A service has 65,536 slots and more, but few classes, and a class that isn't where something is lost
 * needn't be looked at: classes are kept by who serves them now, and a loss walks those of the lost region only. So all
 * single losses together cost one walk over the classes.
 *
 * Who serves a list is read here a second time, from the rules as pick.h states them, not by slots_pick(): what both
 * agree on (test_certificate_random) isn't one fault made twice. A partial drain takes its part of each class, since
 * ranks are even inside each.
 *
 * Clients of geographic services that are located by country follow their country's list, which is known by demand only
 * where the country is a demand group of its own; the others are taken to follow their group's. */
#include "certificate/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pool {			/* who may serve, and the last resort's order */
	const struct service *service;
	struct region_set legal;
};

struct load_class {
	region_id list[SLOT_LIST];
	region_id server;		/* NO_REGION: nobody */
	uint32_t pool;
	double rate;
};

struct load_model {
	size_t region_count;
	struct region_set lost;
	size_t pool_count, pool_size;
	struct pool *pools;
	size_t class_count, class_size;
	struct load_class *classes;		/* by server */
	size_t begin[REGIONS_MAX + 2];		/* of each server's; NO_REGION's are the last */
	struct entry { uint32_t list, pool, class; } *index;	/* hash table of classes, + 1; while it's made */
	size_t index_size;
	double loads[REGIONS_MAX];
	double unserved, shed;
};

static bool add_table(struct load_model *model, const struct slot_table *table, const struct slot *only,
	uint32_t pool, double demand);
static bool pool_find(struct load_model *model, const struct service *service, struct region_set legal,
	uint32_t *pool);
static struct load_class *class_find(struct load_model *model, const region_id *list, uint32_t pool);
static bool index_grow(struct load_model *model);
static size_t class_hash(uint32_t list, uint32_t pool);
static bool sort_by_server(struct load_model *model);
static region_id serve(const struct load_model *model, const struct load_class *class, unsigned from,
	const struct region_set *lost, const double *drained);
static double drain_class(const struct load_model *model, const struct load_class *class,
	const struct region_set *lost, const double *drained, double *loads);
static bool is_shed(const struct load_model *model, const struct load_class *class);

struct load_model *
load_model_new(const struct tabled *tabled, struct region_set lost)
{
	const struct snapshot *snapshot = tabled->snapshot;
	struct load_model *model = calloc(1, sizeof(*model));
	bool done = model != NULL;

	if (done) {
		model->region_count = snapshot->steering->region_count;
		model->lost = lost;
	}
	for (size_t s = 0; done && s < snapshot->service_count; s++)
		for (uint16_t g = 0; done && g < tabled->groups; g++) {
			const struct service *service = &snapshot->services[s];
			uint8_t country = snapshot->partition->groups[g].country;
			double demand = tabled->rates[s * tabled->groups + g];
			const struct slot *only = service->by_country != NULL && country != COUNTRY_UNKNOWN
				? &service->by_country->slots[country] : NULL;
			uint32_t pool;

			if (!(demand > 0))	/* nobody, or nobody knows */
				continue;
			done = pool_find(model, service, partition_legal(snapshot->partition, snapshot->locator,
				service->intent, g), &pool)
			    && add_table(model, service->tables[g], only, pool, demand);
		}
	if (done && sort_by_server(model))
		return model;
	load_model_free(model);
	return NULL;
}

void
load_model_free(struct load_model *model)
{
	if (model == NULL)
		return;
	free(model->pools);
	free(model->classes);
	free(model->index);
	free(model);
}

static bool
pool_find(struct load_model *model, const struct service *service, struct region_set legal, uint32_t *pool)
{
	struct pool *grown;

	for (size_t i = model->pool_count; i-- > 0 && model->pools[i].service == service;)
		if (memcmp(&model->pools[i].legal, &legal, sizeof(legal)) == 0) {
			*pool = (uint32_t)i;
			return true;
		}
	if (model->pool_count == model->pool_size) {
		model->pool_size = model->pool_size == 0 ? 16 : model->pool_size * 2;
		grown = realloc(model->pools, model->pool_size * sizeof(*grown));
		if (grown == NULL)
			return false;
		model->pools = grown;
	}
	model->pools[model->pool_count] = (struct pool){ service, legal };
	*pool = (uint32_t)model->pool_count++;
	return true;
}

/* Neighbouring slots mostly have the same list: looked up once for all of them. */
static bool
add_table(struct load_model *model, const struct slot_table *table, const struct slot *only, uint32_t pool,
	double demand)
{
	size_t count = only != NULL ? 1 : table_size(table);
	const struct slot *slots = only != NULL ? only : table->slots;

	for (size_t i = 0, next; i < count; i = next) {
		struct load_class *class = class_find(model, slots[i].list, pool);
		double weight = 0;

		if (class == NULL)
			return false;
		for (next = i; next < count && memcmp(slots[next].list, slots[i].list, SLOT_LIST) == 0; next++)
			weight += only != NULL ? 1 : table_weight(table, next);
		class->rate += demand * weight;
	}
	return true;
}

/* NULL: out of memory. Valid until the next call. */
static struct load_class *
class_find(struct load_model *model, const region_id *list, uint32_t pool)
{
	uint32_t number;
	size_t at;

	if (model->class_count * 2 >= model->index_size && !index_grow(model))
		return NULL;
	memcpy(&number, list, sizeof(number));
	for (at = class_hash(number, pool) & (model->index_size - 1); model->index[at].class != 0;
	    at = (at + 1) & (model->index_size - 1))
		if (model->index[at].list == number && model->index[at].pool == pool)
			return &model->classes[model->index[at].class - 1];
	model->classes[model->class_count] = (struct load_class){ .pool = pool };
	memcpy(model->classes[model->class_count].list, list, SLOT_LIST);
	model->index[at] = (struct entry){ number, pool, (uint32_t)++model->class_count };
	return &model->classes[model->class_count - 1];
}

static bool
index_grow(struct load_model *model)
{
	size_t size = model->index_size == 0 ? 1024 : model->index_size * 4;
	struct load_class *classes = realloc(model->classes, size / 2 * sizeof(*classes));
	struct entry *index = calloc(size, sizeof(*index));

	if (classes != NULL)
		model->classes = classes;
	if (classes == NULL || index == NULL) {
		free(index);
		return false;
	}
	for (size_t i = 0; i < model->index_size; i++) {
		const struct entry *old = &model->index[i];
		size_t at = class_hash(old->list, old->pool) & (size - 1);

		if (old->class == 0)
			continue;
		while (index[at].class != 0)
			at = (at + 1) & (size - 1);
		index[at] = *old;
	}
	free(model->index);
	model->index = index;
	model->index_size = size;
	return true;
}

/* The upper half of a product depends on all of its factors' bits. */
static size_t
class_hash(uint32_t list, uint32_t pool)
{
	return (size_t)(((uint64_t)list << 32 | pool) * 0x9e3779b97f4a7c15u >> 32) ^ pool;
}

/* Counting sort; and the loads of now. */
static bool
sort_by_server(struct load_model *model)
{
	struct load_class *sorted = malloc((model->class_count + 1) * sizeof(*sorted));
	size_t next[REGIONS_MAX + 1];

	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < model->class_count; i++) {
		struct load_class *class = &model->classes[i];

		class->server = serve(model, class, 0, &model->lost, NULL);
		model->begin[class->server + 1]++;
		if (class->server != NO_REGION)
			model->loads[class->server] += class->rate;
		else if (is_shed(model, class))
			model->shed += class->rate;
		else
			model->unserved += class->rate;
	}
	for (size_t r = 0; r <= REGIONS_MAX; r++) {
		next[r] = model->begin[r];
		model->begin[r + 1] += model->begin[r];
	}
	for (size_t i = 0; i < model->class_count; i++)
		sorted[next[model->classes[i].server]++] = model->classes[i];
	free(model->classes);
	model->classes = sorted;
	return true;
}

/* As pick.h says: the list from place `from` on, then whoever is legal in the service's order, then the drained among
 * those. An empty list where somebody is legal is shed. */
static region_id
serve(const struct load_model *model, const struct load_class *class, unsigned from, const struct region_set *lost,
	const double *drained)
{
	const struct pool *pool = &model->pools[class->pool];
	region_id last = NO_REGION;

	if (is_shed(model, class))
		return NO_REGION;
	for (unsigned i = from; i < SLOT_LIST && class->list[i] != NO_REGION; i++) {
		region_id r = class->list[i];

		if (region_set_has(&pool->legal, r) && !region_set_has(lost, r)
		    && (drained == NULL || drained[r] < 1))
			return r;
	}
	for (size_t i = 0; i < pool->service->order_count; i++) {
		region_id r = pool->service->order[i];

		if (!region_set_has(&pool->legal, r) || region_set_has(lost, r))
			continue;
		if (drained == NULL || drained[r] < 1)
			return r;
		if (last == NO_REGION)
			last = r;
	}
	return last;
}

static bool
is_shed(const struct load_model *model, const struct load_class *class)
{
	const struct pool *pool = &model->pools[class->pool];

	return class->list[0] == NO_REGION && pool->service->intent->shed && !region_set_is_empty(pool->legal);
}

/* Who is moved goes to a region that isn't lost, so no load that was moved is taken off again. */
double
load_model_lose(const struct load_model *model, struct region_set lost, double *loads)
{
	double unserved = model->unserved;

	lost = region_set_or(lost, model->lost);
	memcpy(loads, model->loads, model->region_count * sizeof(*loads));
	for (size_t r = 0; r < model->region_count; r++) {
		if (!region_set_has(&lost, (region_id)r))
			continue;
		loads[r] = 0;
		for (size_t i = model->begin[r]; i < model->begin[r + 1]; i++) {
			region_id to = serve(model, &model->classes[i], 0, &lost, NULL);

			if (to != NO_REGION)
				loads[to] += model->classes[i].rate;
			else
				unserved += model->classes[i].rate;
		}
	}
	return unserved;
}

/* With drains any class may be elsewhere: all are walked. */
double
load_model_drain(const struct load_model *model, struct region_set lost, const double *drained, double *loads)
{
	double unserved = 0;

	if (drained == NULL)
		return load_model_lose(model, lost, loads);
	lost = region_set_or(lost, model->lost);
	memset(loads, 0, model->region_count * sizeof(*loads));
	for (size_t i = 0; i < model->class_count; i++)
		unserved += drain_class(model, &model->classes[i], &lost, drained, loads);
	return unserved;
}

double
load_model_words(const struct load_model *model, const struct certificate_words *words, double *loads)
{
	double unserved = 0;

	memset(loads, 0, model->region_count * sizeof(*loads));
	for (size_t i = 0; i < model->class_count; i++) {
		const struct load_class *class = &model->classes[i];
		const struct certificate_words *own = &words[model->pools[class->pool].service->index];
		struct region_set lost = region_set_or(own->lost, model->lost);

		unserved += drain_class(model, class, &lost, own->drained, loads);
	}
	return unserved;
}

/* Adds the class to the loads; returns what of it is unserved. */
static double
drain_class(const struct load_model *model, const struct load_class *class, const struct region_set *lost,
	const double *drained, double *loads)
{
	region_id first = class->list[0], to = serve(model, class, 0, lost, drained);
	double part = to == first && first != NO_REGION && drained[first] > 0 ? drained[first] : 0;

	if (to == NO_REGION)
		return is_shed(model, class) ? 0 : class->rate;
	loads[to] += class->rate * (1 - part);
	if (part > 0)
		loads[serve(model, class, 1, lost, drained)] += class->rate * part;
	return 0;
}

double
load_model_shed(const struct load_model *model)
{
	return model->shed;
}
