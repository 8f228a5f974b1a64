/* isobar_demand.c -- the population as what the product believes of it: each key's demand with an error of its own, by slot
 * and by heavy key.
 * In: population, errors.  Out: struct demand, as plain numbers or (options.estimated) by the product's own estimator
 * (estimate/estimate.h), which is handed counts of questions, and corrects what it made of them by the loads that regions
 * report.
 * Workers count by the slots of the table in service, so that is how demand is known when the next one is packed.
 * Counts are of requests: resolvers don't cache in front of the estimator here; how it sees through caches is its own
 * test's matter (tests/unit/test_estimate.c). The error stands for all that can be wrong with counts. */
#include <stdlib.h>
#include <string.h>

#include "dice.h"
#include "isobar.h"

#define COUNTED_S 600.0			/* of questions, at GLOBE_CAPACITY */
#define KNOWN_SLOTS (1u << 23)		/* over all groups: more than tables have, and some hundred MB at most */

static void believe(struct isobar *isobar);
static void place_keys(struct isobar *isobar);
static void rank_heavy(struct isobar *isobar, uint8_t *is_heavy);
static struct slot_table *place_table(uint32_t count);
static void count_questions(struct isobar *isobar);
static struct demand *estimated(const struct isobar *isobar);
static void *many(size_t count, size_t size);

double
isobar_key_demand(const struct isobar *isobar, size_t key)
{
	const struct population *p = isobar->population;

	return (double)p->part[key] * (isobar->options.one_group ? isobar->globe->groups[p->group[key]].share : 1);
}

void
isobar_count_demand(struct isobar *isobar)
{
	believe(isobar);
	place_keys(isobar);
	if (isobar->options.estimated)
		count_questions(isobar);
}

static void
believe(struct isobar *isobar)
{
	struct dice dice = dice_new(isobar->options.seed, 5);

	isobar->belief = many(isobar->population->count, sizeof(*isobar->belief));
	for (size_t k = 0; k < isobar->population->count; k++)
		isobar->belief[k] = (float)fmax(0.05, 1 + isobar->options.error * dice_normal(&dice));
}

static void
place_keys(struct isobar *isobar)
{
	const struct population *p = isobar->population;
	uint8_t *is_heavy = many(p->count, 1);
	struct slot_table *table;

	isobar->slot_count = SLOTS_PER_SERVICE;
	while (isobar->slot_count > SLOTS_LEAST && isobar->slot_count * isobar->group_count > KNOWN_SLOTS)
		isobar->slot_count /= 2;
	table = place_table(isobar->slot_count);
	isobar->place = many(p->count, sizeof(*isobar->place));
	isobar->ordinary = many(isobar->group_count * isobar->slot_count, sizeof(*isobar->ordinary));
	isobar->ordinary_truth = many(isobar->group_count * isobar->slot_count, sizeof(*isobar->ordinary_truth));
	rank_heavy(isobar, is_heavy);
	for (size_t k = 0; k < p->count; k++) {
		struct address address = population_address(p, k);
		double demand = isobar_key_demand(isobar, k);
		size_t at;

		if (is_heavy[k])
			continue;
		isobar->place[k] = slots_place(table, &address, 24, isobar->service->seed);
		at = isobar->group_of[p->group[k]] * (size_t)isobar->slot_count + isobar->place[k];
		isobar->ordinary_truth[at] += demand;
		isobar->ordinary[at] += (float)(demand * (double)isobar->belief[k]);
	}
	slot_table_release(table);
	free(is_heavy);
}

/* The heaviest keys of the service, whatever their group, as isobard's sketch would name them: the keys of most believed
 * demand, which the true order comes close enough to. */
static void
rank_heavy(struct isobar *isobar, uint8_t *is_heavy)
{
	const struct population *p = isobar->population;
	size_t count = p->count / 4 < DEMAND_HEAVY_MAX ? p->count / 4 : DEMAND_HEAVY_MAX, *next;

	isobar->heavy_count = count;
	isobar->heavy = many(count, sizeof(*isobar->heavy));
	isobar->heavy_slot = many(count, sizeof(*isobar->heavy_slot));
	isobar->heavy_from = many(isobar->group_count + 1, sizeof(*isobar->heavy_from));
	next = many(isobar->group_count + 1, sizeof(*next));
	for (size_t i = 0; i < count; i++)
		isobar->heavy_from[isobar->group_of[p->group[p->heaviest[i]]] + 1]++;
	for (size_t g = 0; g < isobar->group_count; g++) {
		isobar->heavy_from[g + 1] += isobar->heavy_from[g];
		next[g] = isobar->heavy_from[g];
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t key = p->heaviest[i];
		size_t at = next[isobar->group_of[p->group[key]]]++;
		double truth = isobar_key_demand(isobar, key);

		isobar->heavy[at] = (struct heavy){ key, truth, (float)(truth * (double)isobar->belief[key]) };
		isobar->place[key] = PLACE_HEAVY + (uint32_t)at;
		is_heavy[key] = 1;
	}
	free(next);
}

static struct slot_table *
place_table(uint32_t count)
{
	struct slot_table *table = slot_table_new(count, 0);

	if (table == NULL)
		abort();
	return table;
}

static int
compare_heavy(const void *a, const void *b)
{
	const struct demand_key *x = a, *y = b;

	return x->rate != y->rate ? (x->rate < y->rate ? 1 : -1)
		: memcmp(x->address.bytes, y->address.bytes, sizeof(x->address.bytes));
}

struct demand *
isobar_demand(const struct isobar *isobar, const double *by_group)
{
	struct arena *arena = arena_new();
	struct demand *demand = arena_alloc(arena, sizeof(*demand));
	struct demand_service *service = arena_alloc(arena, sizeof(*service));
	struct demand_rate *rates = arena_alloc(arena, isobar->group_count * sizeof(*rates));

	if (isobar->estimate != NULL) {
		arena_free(arena);
		return estimated(isobar);
	}
	for (size_t g = 0; g < isobar->group_count; g++) {
		size_t from = isobar->heavy_from[g], count = isobar->heavy_from[g + 1] - from;
		uint32_t counted = isobar->service->tables[g]->count < isobar->slot_count ? isobar->service->tables[g]->count
			: isobar->slot_count, each = isobar->slot_count / counted;
		float *slots = arena_alloc(arena, counted * sizeof(*slots));
		struct demand_key *keys = arena_alloc(arena, (count + 1) * sizeof(*keys));

		for (size_t s = 0; s < counted * each; s++)
			slots[s / each] += (float)((double)isobar->ordinary[g * isobar->slot_count + s] * by_group[g]);
		for (size_t i = 0; i < count; i++)
			keys[i] = (struct demand_key){ population_address(isobar->population, isobar->heavy[from + i].key), 24,
				(double)isobar->heavy[from + i].believed * by_group[g] };
		qsort(keys, count, sizeof(*keys), compare_heavy);
		rates[g] = (struct demand_rate){ .group = (uint16_t)g, .rate = by_group[g], .error = 0,
			.slot_count = counted, .slots = slots, .heavy_count = count, .heavy = keys };
	}
	*service = (struct demand_service){ .name = ISOBAR_SERVICE, .count = isobar->group_count, .groups = rates };
	*demand = (struct demand){ .arena = arena, .service_count = 1, .services = service };
	return demand;
}

/* The estimator's view: questions by slot, and of the heavy keys among them. */
static void
count_questions(struct isobar *isobar)
{
	const struct population *p = isobar->population;
	uint32_t *questions = many(isobar->slot_count, sizeof(*questions));
	struct slot_table *table = place_table(isobar->slot_count);
	double sum = 0;

	isobar->estimate = estimate_new();
	if (isobar->estimate == NULL
	    || !estimate_adopt(isobar->estimate, isobar->steering, isobar->snapshot->locator))
		abort();
	estimate_set_ttl(isobar->estimate, 0, 0);
	for (size_t k = 0; k < p->count; k++) {
		struct address address = population_address(p, k);
		double asked = isobar_key_demand(isobar, k) * (double)isobar->belief[k] * GLOBE_CAPACITY * COUNTED_S;

		sum += asked;
		questions[slots_place(table, &address, 24, isobar->service->seed)] += (uint32_t)lround(asked);
		if (isobar->place[k] >= PLACE_HEAVY && !estimate_key(isobar->estimate, 0, slots_key(&address, 24),
		    &(struct place){ .group = GROUP_DEFAULT }, asked, true))
			abort();
	}
	estimate_count(isobar->estimate, 0, GROUP_DEFAULT, COUNTRY_UNKNOWN, sum);
	estimate_pass(isobar->estimate, COUNTED_S);
	if (!estimate_slots(isobar->estimate, 0, &isobar->snapshot->partition->groups[GROUP_DEFAULT], isobar->slot_count,
	    questions, COUNTED_S))
		abort();
	estimate_pass_keys(isobar->estimate, 0, COUNTED_S);
	slot_table_release(table);
	free(questions);
}

static struct demand *
estimated(const struct isobar *isobar)
{
	struct demand *demand = estimate_demand(isobar->estimate, isobar->steering, isobar->snapshot->locator, NULL, 0,
		(struct wall){ 0 });

	if (demand == NULL)
		abort();
	return demand;
}

void
isobar_correct(struct isobar *isobar, const double *reported)
{
	if (!estimate_correct(isobar->estimate, isobar->snapshot, 0, reported, 1))
		abort();
}

static void *
many(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (memory == NULL)
		abort();
	return memory;
}
