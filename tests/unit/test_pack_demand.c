/* test_pack_demand.c -- plan/pack where demand is known: shares of demand, least movement, heavy keys, deaths, tables that
 * grow and shrink, ranks by demand. Random worlds that are the same in every run; demand is as skewed as resolvers are:
 * the k-th heaviest key asks in proportion to 1 / (k + 14). */
#include "packing/pack.h"

#include <math.h>

#include "suite.h"

#define REGIONS 10
#define PAIRS (REGIONS * REGIONS)
#define KEYS 20000u
#define SEED 77u

static uint64_t state;

static uint64_t
next_number(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

static double
next_share(void)
{
	return (double)(next_number() >> 11) * 0x1p-53;
}

/* --- a world: keys with their rates, and what is planned -------------------------------------------------------- */

struct world {
	double rates[KEYS];
	struct address addresses[KEYS];
	float slots[65536];
	struct demand_key heavy[DEMAND_HEAVY_MAX];
	struct demand_rate demand;
	struct plan_pair pairs[PAIRS];
	size_t pair_count;
	region_id others[REGIONS];
	double shares[REGIONS_MAX + 1];
};

static struct world *
world_new(uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));

	state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (unsigned k = 0; k < KEYS; k++) {
		uint32_t bits = (uint32_t)(k * 2654435761u) ^ (uint32_t)seed;

		world->rates[k] = 1e4 / (k + 14);
		world->addresses[k] = (struct address){ .bits = 32, .bytes = { (uint8_t)(bits >> 24), (uint8_t)(bits >> 16),
			(uint8_t)(bits >> 8) } };
	}
	for (unsigned r = 0; r < REGIONS; r++)
		world->others[r] = (region_id)r;
	return world;
}

/* What isobard counts: the `heavy` heaviest keys one by one, the others by slot. */
static void
count_demand(struct world *world, uint32_t slots, size_t heavy)
{
	uint64_t taken[(KEYS + 63) / 64] = { 0 };

	memset(world->slots, 0, sizeof(world->slots));
	world->demand = (struct demand_rate){ .slot_count = slots, .slots = world->slots, .heavy_count = heavy,
		.heavy = world->heavy };
	for (size_t i = 0; i < heavy; i++) {
		unsigned best = KEYS;

		for (unsigned k = 0; k < KEYS; k++)
			if (!(taken[k / 64] >> k % 64 & 1) && (best == KEYS || world->rates[k] > world->rates[best]))
				best = k;
		taken[best / 64] |= UINT64_C(1) << best % 64;
		world->heavy[i] = (struct demand_key){ world->addresses[best], 24, world->rates[best] };
		world->demand.rate += world->rates[best];
	}
	for (unsigned k = 0; k < KEYS; k++) {
		uint64_t position = slots_position(slots_key(&world->addresses[k], 24), SEED);

		if (taken[k / 64] >> k % 64 & 1)
			continue;
		world->slots[slots_common(position, slots)] += (float)world->rates[k];
		world->demand.rate += world->rates[k];
	}
}

static void
sum_shares(struct world *world)
{
	double sum = 0;

	memset(world->shares, 0, sizeof(world->shares));
	for (size_t p = 0; p < world->pair_count; p++)
		sum += world->pairs[p].share;
	for (size_t p = 0; p < world->pair_count; p++) {
		world->pairs[p].share /= sum;
		world->shares[world->pairs[p].primary] += world->pairs[p].share;
	}
}

static void
plan_at_random(struct world *world, unsigned regions)
{
	world->pair_count = 0;
	for (unsigned k = 0; k < regions; k++)
		for (unsigned b = 0; b < regions; b++)
			if (b != k && (next_number() % 2 == 0 || b == (k + 1) % regions || b == (k + 2) % regions))
				world->pairs[world->pair_count++] = (struct plan_pair){ (region_id)k, (region_id)b,
					0.05 + next_share() };
	sum_shares(world);
}

static void
change_shares(struct world *world, double by)
{
	for (size_t p = 0; p < world->pair_count; p++)
		world->pairs[p].share *= 1 + by * (2 * next_share() - 1);
	sum_shares(world);
}

/* Without this region: its pairs become their backups' shares, as a plan after its death has them. */
static void
plan_without(struct world *world, region_id dead)
{
	struct plan_pair pairs[PAIRS];
	double taken[REGIONS] = { 0 }, per_pair[REGIONS] = { 0 };
	size_t count = 0;

	for (size_t p = 0; p < world->pair_count; p++) {
		const struct plan_pair *pair = &world->pairs[p];

		if (pair->primary == dead)
			taken[pair->backup] += pair->share;
		else if (pair->backup == dead)
			taken[pair->primary] += pair->share;
		else
			per_pair[pair->primary]++;
	}
	for (size_t p = 0; p < world->pair_count; p++)
		if (world->pairs[p].primary != dead && world->pairs[p].backup != dead) {
			pairs[count] = world->pairs[p];
			pairs[count].share += taken[pairs[count].primary] / per_pair[pairs[count].primary];
			count++;
		}
	memcpy(world->pairs, pairs, sizeof(pairs));
	world->pair_count = count;
	sum_shares(world);
}

static struct slot_table *
pack(const struct world *world, uint32_t slots, const struct slot_table *previous)
{
	struct pack_input input = { .pairs = world->pairs, .pair_count = world->pair_count, .others = world->others,
		.other_count = REGIONS, .turning_count = REGIONS, .slots = slots, .previous = previous,
		.demand = &world->demand, .heavy_count = world->demand.heavy_count, .seed = SEED };
	struct slot_table *table = pack_slots(&input);

	CU_ASSERT_PTR_NOT_NULL_FATAL(table);
	return table;
}

/* --- what is asked of tables ------------------------------------------------------------------------------------ */

static size_t
size_of(const struct slot_table *table)
{
	return (size_t)table->count + table->heavy_count;
}

/* The heaviest slot that more than one key can be in. */
static double
light(const struct slot_table *table)
{
	double most = 0;

	for (uint32_t i = 0; i < table->count; i++)
		most = fmax(most, (double)table->weights[i]);
	return most;
}

static double
heaviest(const struct slot_table *table)
{
	double most = 0;

	for (size_t i = 0; i < size_of(table); i++)
		most = fmax(most, (double)table->weights[i]);
	return most;
}

static void
sum_loads(const struct slot_table *table, double *loads)
{
	memset(loads, 0, (REGIONS_MAX + 1) * sizeof(*loads));
	for (size_t i = 0; i < size_of(table); i++)
		loads[table->slots[i].list[0]] += (double)table->weights[i];
}

static double
worst_error(const struct world *world, const struct slot_table *table)
{
	double loads[REGIONS_MAX + 1], worst = 0;

	sum_loads(table, loads);
	for (unsigned r = 0; r <= REGIONS_MAX; r++)
		worst = fmax(worst, fabs(loads[r] - world->shares[r]));
	return worst;
}

static double
worst_pair(const struct world *world, const struct slot_table *table)
{
	static double loads[REGIONS_MAX + 1][REGIONS_MAX + 1];
	double worst = 0;

	memset(loads, 0, sizeof(loads));
	for (size_t i = 0; i < size_of(table); i++)
		loads[table->slots[i].list[0]][table->slots[i].list[1]] += (double)table->weights[i];
	for (size_t p = 0; p < world->pair_count; p++) {
		double *load = &loads[world->pairs[p].primary][world->pairs[p].backup];

		worst = fmax(worst, fabs(*load - world->pairs[p].share));
		*load = 0;
	}
	for (unsigned k = 0; k <= REGIONS_MAX; k++)
		for (unsigned b = 0; b <= REGIONS_MAX; b++)
			if (loads[k][b] > 0)
				return 1;	/* nobody planned that */
	return worst;
}

/* Total variation: the least that any scheme can move. What the last table's regions would carry of the demand of now,
 * with the clients of `dead` at the next of their lists, against the shares. */
static double
least_to_move(const struct world *world, const struct slot_table *last, const struct slot_table *table, int dead,
	double *moved)
{
	double had[REGIONS_MAX + 1] = { 0 }, least = 0;

	*moved = 0;
	for (size_t i = 0; i < size_of(table); i++) {
		const region_id *list = last->slots[(uint32_t)(i * last->count / table->count)].list;

		if (i >= table->count)
			for (uint32_t k = 0; k <= table->heavy_mask; k++)
				if (table->heavy[k].key != 0 && table->heavy[k].index == i - table->count) {
					uint32_t at = slots_heavy(last, table->heavy[k].key);

					if (at == UINT32_MAX)
						at = slots_common((uint64_t)table->heavy[k].position << 32, last->count);
					list = last->slots[at].list;
				}
		had[list[list[0] == dead]] += (double)table->weights[i];
		*moved += list[list[0] == dead] != table->slots[i].list[0] ? (double)table->weights[i] : 0;
	}
	for (unsigned r = 0; r <= REGIONS_MAX; r++)
		least += had[r] > world->shares[r] ? had[r] - world->shares[r] : 0;
	return least;
}

static bool
same_octets(const struct slot_table *a, const struct slot_table *b)
{
	return a->count == b->count && a->heavy_count == b->heavy_count && a->heavy_mask == b->heavy_mask
	    && a->uniform == b->uniform && memcmp(a->slots, b->slots, size_of(a) * sizeof(struct slot)) == 0
	    && (a->weights == NULL) == (b->weights == NULL)
	    && (a->weights == NULL || memcmp(a->weights, b->weights, size_of(a) * sizeof(float)) == 0)
	    && (a->heavy_count == 0
		|| memcmp(a->heavy, b->heavy, (a->heavy_mask + 1) * sizeof(struct heavy_key)) == 0);
}

/* Exact to a slot, and the same octets when it's packed once more, with memory and without. */
static void
check_table(const struct world *world, const struct slot_table *table, const struct slot_table *last)
{
	struct slot_table *again = pack(world, table->count, last), *kept = pack(world, table->count, table);

	CU_ASSERT(worst_error(world, table) <= light(table) * 1.0001);
	CU_ASSERT(worst_pair(world, table) <= heaviest(table) * 2.0001);
	CU_ASSERT(same_octets(table, again));
	CU_ASSERT(same_octets(table, kept));
	slot_table_release(again);
	slot_table_release(kept);
}

/* --- cases ------------------------------------------------------------------------------------------------------ */

static void
test_shares_of_demand(void)
{
	double worst = 0, mean = 0;

	for (unsigned trial = 0; trial < 12; trial++) {
		struct world *world = world_new(trial);
		struct slot_table *table;

		plan_at_random(world, 2 + trial % (REGIONS - 1));
		count_demand(world, 4096, trial % 2 == 0 ? 300 : 0);
		table = pack(world, 4096, NULL);
		check_table(world, table, NULL);
		worst = fmax(worst, worst_error(world, table) * (double)size_of(table));
		mean += worst_error(world, table) / 12;
		slot_table_release(table);
		free(world);
	}
	printf("# worst error of a share: %.3f mean slots; mean %.5f %%\n", worst, 100 * mean);
}

/* A change of shares, of demand, or both: no more moves than must, but for what slots can't divide. */
static void
test_least_movement(void)
{
	double ratio = 0, moved_sum = 0, least_sum = 0;

	for (unsigned trial = 0; trial < 6; trial++) {
		struct world *world = world_new(100 + trial);
		struct slot_table *last, *table;

		plan_at_random(world, 3 + trial % (REGIONS - 2));
		count_demand(world, 4096, 200);
		last = pack(world, 4096, NULL);
		for (unsigned step = 0; step < 12; step++) {
			double least, moved;

			if (step % 3 != 1)
				change_shares(world, step % 2 == 0 ? 0.1 : 0.5);
			if (step % 3 != 0) {
				for (unsigned k = 0; k < KEYS; k++)
					world->rates[k] *= 0.8 + 0.4 * next_share();
				count_demand(world, 4096, 200);
			}
			table = pack(world, 4096, last);
			check_table(world, table, last);
			least = least_to_move(world, last, table, -1, &moved);
			CU_ASSERT(moved <= 1.05 * least + REGIONS * light(table));
			moved_sum += moved;
			least_sum += least;
			ratio = fmax(ratio, moved / least);
			if (world->demand.heavy_count > 0 && step % 3 == 0)
				CU_ASSERT(fabs(pack_moved(last, NULL, table) - moved) < 1e-4);
			slot_table_release(last);
			last = table;
		}
		slot_table_release(last);
		free(world);
	}
	printf("# moved / total variation: %.4f over all, at most %.4f\n", moved_sum / least_sum, ratio);
	CU_ASSERT(moved_sum <= 1.01 * least_sum);
}

/* A region dies, and the plan that follows gives its clients to their own backups: nobody else moves, and they are where
 * they went when it died. */
static void
test_death(void)
{
	for (unsigned trial = 0; trial < 10; trial++) {
		struct world *world = world_new(200 + trial);
		struct slot_table *last, *table;
		region_id dead = (region_id)(trial % 5);
		double least, moved;

		plan_at_random(world, 5);
		count_demand(world, 4096, 200);
		last = pack(world, 4096, NULL);
		plan_without(world, dead);
		table = pack(world, 4096, last);
		check_table(world, table, last);
		least = least_to_move(world, last, table, dead, &moved);
		CU_ASSERT(moved <= least + 1e-6);
		CU_ASSERT(moved < 0.01);
		/* A plan that shares otherwise: still no more than between where clients are and what is planned. */
		slot_table_release(table);
		change_shares(world, 0.3);
		table = pack(world, 4096, last);
		least = least_to_move(world, last, table, dead, &moved);
		CU_ASSERT(moved <= 1.01 * least + 5 * light(table));
		slot_table_release(table);
		slot_table_release(last);
		free(world);
	}
}

/* Keys become heavy and cease to be: they stay with their region, but for what must move. */
static void
test_heavy_keys(void)
{
	static const size_t counts[] = { 0, 50, 400, 20, 400, 0 };
	struct world *world = world_new(300);
	struct slot_table *last, *table;

	plan_at_random(world, 6);
	count_demand(world, 4096, 0);
	last = pack(world, 4096, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		unsigned misplaced = 0;

		count_demand(world, 4096, counts[i]);
		table = pack(world, 4096, last);
		CU_ASSERT_EQUAL(table->heavy_count, counts[i]);
		check_table(world, table, last);
		for (size_t k = 0; k < counts[i]; k++) {
			uint32_t slot = slots_place(table, &world->heavy[k].address, 32, SEED);

			misplaced += slot < table->count || slot >= size_of(table)
			    || fabs((double)table->weights[slot] * world->demand.rate / world->heavy[k].rate - 1) > 0.01;
		}
		CU_ASSERT_EQUAL(misplaced, 0);
		/* Nobody's demand has changed. Keys that fell back are with others' again, all else is where it was. */
		CU_ASSERT(pack_moved(last, NULL, table) < (i > 0 && counts[i] < counts[i - 1] ? 0.2 : 0.02));
		slot_table_release(last);
		last = table;
	}
	slot_table_release(last);
	free(world);
}

/* Heavy keys that get no slot of their own count in the common one. */
static void
test_too_many_heavy(void)
{
	struct world *world = world_new(310);
	struct pack_input input = { .pairs = world->pairs, .others = world->others, .other_count = REGIONS,
		.turning_count = REGIONS, .slots = 1024, .demand = &world->demand, .seed = SEED };
	struct slot_table *all, *few;

	plan_at_random(world, 4);
	input.pair_count = world->pair_count;
	count_demand(world, 1024, 0);
	all = pack_slots(&input);
	count_demand(world, 1024, 200);
	few = pack_slots(&input);
	for (uint32_t i = 0; i < 1024; i++)
		CU_ASSERT(fabs((double)(all->weights[i] - few->weights[i])) < 1e-6);
	CU_ASSERT_EQUAL(few->heavy_count, 0);
	slot_table_release(all);
	slot_table_release(few);
	free(world);
}

/* Of the slots that become one, those that don't have the region of the most demand among them. */
static double
least_to_join(const struct slot_table *last, const struct slot_table *table)
{
	double least = 0;

	for (uint32_t i = 0; i < table->count && table->count < last->count; i++) {
		uint32_t joined = last->count / table->count;
		double sums[REGIONS] = { 0 }, sum = 0, most = 0;

		for (uint32_t k = i * joined; k < (i + 1) * joined; k++) {
			sums[last->slots[k].list[0]] += (double)last->weights[k];
			sum += (double)last->weights[k];
		}
		for (unsigned r = 0; r < REGIONS; r++)
			most = fmax(most, sums[r]);
		least += sum - most;
	}
	return least;
}

static void
test_sizes(void)
{
	static const uint32_t sizes[] = { 2048, 16384, 65536, 8192, 1024, 4096 };
	struct world *world = world_new(400);
	struct slot_table *last, *table;

	plan_at_random(world, 6);
	count_demand(world, 4096, 100);
	last = pack(world, 4096, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		double moved;

		table = pack(world, sizes[i], last);
		check_table(world, table, last);
		moved = pack_moved(last, NULL, table);
		printf("# %u -> %u slots: %.4f moved, %.4f at least\n", last->count, sizes[i], moved,
		    least_to_join(last, table));
		/* A table that grows corrects what its slots were too coarse for; one that shrinks joins some that differ,
		 * and then what the others have isn't their share any more. */
		CU_ASSERT(moved <= 3 * least_to_join(last, table) + 6 * light(last));
		slot_table_release(last);
		last = table;
	}
	slot_table_release(last);
	free(world);
}

/* A drain to any admission: each class keeps this part of its demand, to half of its heaviest item, and what it keeps
 * only shrinks. */
static void
test_ranks(void)
{
	struct world *world = world_new(500);
	struct slot_table *table;

	plan_at_random(world, 5);
	count_demand(world, 4096, 100);
	table = pack(world, 4096, NULL);
	for (size_t p = 0; p < world->pair_count; p++) {
		double sum = 0, heaviest = 0;
		const struct plan_pair *pair = &world->pairs[p];

		for (size_t i = 0; i < size_of(table); i++)
			if (table->slots[i].list[0] == pair->primary && table->slots[i].list[1] == pair->backup) {
				sum += (double)table->weights[i];
				heaviest = fmax(heaviest, (double)table->weights[i]);
			}
		for (unsigned admitted = 0; admitted <= 65535; admitted += 4369) {
			double taken = 0;

			for (size_t i = 0; i < size_of(table); i++)
				if (table->slots[i].list[0] == pair->primary && table->slots[i].list[1] == pair->backup
				    && table->slots[i].rank < admitted)
					taken += (double)table->weights[i];
			CU_ASSERT(fabs(taken - sum * admitted / 65535) <= heaviest / 2 + sum / 65535 + 1e-7);
		}
	}
	slot_table_release(table);
	free(world);
}

/* Clients are shed, come back, and the others don't notice. */
static void
test_shed(void)
{
	struct world *world = world_new(600);
	struct slot_table *before, *shed, *after;
	double moved, shares[REGIONS_MAX + 1];

	plan_at_random(world, 4);
	count_demand(world, 4096, 100);
	before = pack(world, 4096, NULL);
	for (size_t p = 0; p < world->pair_count; p++)
		world->pairs[p].share *= 0.8;
	world->pairs[world->pair_count++] = (struct plan_pair){ NO_REGION, NO_REGION, 0.2 };
	sum_shares(world);
	memcpy(shares, world->shares, sizeof(shares));
	shed = pack(world, 4096, before);
	check_table(world, shed, before);
	CU_ASSERT(fabs(pack_moved(before, NULL, shed) - 0.2) < 4 * light(shed));
	for (size_t i = 0; i < size_of(shed); i++)
		for (unsigned n = 1; shed->slots[i].list[0] == NO_REGION && n < SLOT_LIST; n++)
			CU_ASSERT_EQUAL(shed->slots[i].list[n], NO_REGION);
	world->pair_count--;
	sum_shares(world);
	after = pack(world, 4096, shed);
	check_table(world, after, shed);
	moved = pack_moved(shed, NULL, after);
	CU_ASSERT(fabs(moved - 0.2) < 8 * light(shed));
	slot_table_release(before);
	slot_table_release(shed);
	slot_table_release(after);
	free(world);
}

/* The planner's order for places 3 and 4 isn't taken in turn. */
static void
test_order(void)
{
	struct world *world = world_new(700);
	static const region_id order[] = { 7, 2, 5 };
	static const struct plan_pair pairs[] = { { 2, 7, 0.5 }, { 5, 2, 0.5 } };
	struct pack_input input = { .pairs = pairs, .pair_count = 2, .others = order, .other_count = 3, .slots = 64 };
	struct slot_table *table = pack_slots(&input);

	for (uint32_t i = 0; i < 64; i++)
		CU_ASSERT(memcmp(table->slots[i].list, table->slots[i].list[0] == 2
		    ? (const region_id[]){ 2, 7, 5, NO_REGION } : (const region_id[]){ 5, 2, 7, NO_REGION }, SLOT_LIST)
		    == 0);
	slot_table_release(table);
	free(world);
}

/* Demand that is nonsense counts as none. */
static void
test_bad_demand(void)
{
	struct world *world = world_new(800);
	struct slot_table *table;

	plan_at_random(world, 3);
	count_demand(world, 1024, 10);
	world->heavy[3].rate = NAN;
	world->heavy[4].rate = -5;
	world->slots[7] = INFINITY;
	world->slots[8] = -1;
	table = pack(world, 1024, NULL);
	check_table(world, table, NULL);
	slot_table_release(table);
	memset(world->slots, 0, sizeof(world->slots));
	world->demand = (struct demand_rate){ .slots = world->slots, .slot_count = 1024 };
	table = pack(world, 1024, NULL);
	CU_ASSERT_PTR_NULL(table->weights);
	slot_table_release(table);
	free(world);
}

static const struct suite_case cases[] = {
	{ .name = "shares of demand", .run = test_shares_of_demand },
	{ .name = "the least movement", .run = test_least_movement },
	{ .name = "a region dies", .run = test_death },
	{ .name = "heavy keys come and go", .run = test_heavy_keys },
	{ .name = "more heavy keys than slots for them", .run = test_too_many_heavy },
	{ .name = "tables grow and shrink", .run = test_sizes },
	{ .name = "ranks by demand", .run = test_ranks },
	{ .name = "clients are shed", .run = test_shed },
	{ .name = "the planner's order", .run = test_order },
	{ .name = "demand that is nonsense", .run = test_bad_demand },
};

int
main(void)
{
	return suite_run("pack_demand", cases, ARRAY_SIZE(cases));
}
