/* test_pack.c -- plan/pack: exact shares, the least movement, even sequences and ranks, over many random plans that are
 * the same in every run. */
#include "packing/pack.h"

#include <math.h>

#include "suite.h"

#define REGIONS 12
#define PAIRS (REGIONS * REGIONS)

static uint64_t state = 88172645463325252u;

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

struct world {
	struct plan_pair pairs[PAIRS];
	size_t pair_count;
	region_id others[REGIONS];
	double primary[REGIONS];
};

/* Regions below `count`, some of them without a share; the backups follow weights of their own. */
static void
random_world(struct world *world, unsigned count)
{
	double sum = 0;

	memset(world, 0, sizeof(*world));
	for (unsigned k = 0; k < count; k++) {
		world->others[k] = (region_id)k;
		for (unsigned b = 0; b < count; b++) {
			double share = next_share() * next_share();

			if ((b == k && count > 1) || next_number() % 5 == 0)
				continue;
			world->pairs[world->pair_count++] = (struct plan_pair){ .primary = (region_id)k,
				.backup = count == 1 ? NO_REGION : (region_id)b, .share = share };
			sum += share;
		}
	}
	if (world->pair_count == 0) {
		random_world(world, count);
		return;
	}
	for (size_t i = 0; i < world->pair_count; i++) {
		world->pairs[i].share /= sum;
		world->primary[world->pairs[i].primary] += world->pairs[i].share;
	}
}

static struct pack_input
input_of(const struct world *world, unsigned count, uint32_t slots)
{
	return (struct pack_input){ .pairs = world->pairs, .pair_count = world->pair_count, .others = world->others,
		.other_count = count, .turning_count = count, .slots = slots };
}

static uint32_t
slots_of_pair(const struct slot_table *table, const struct plan_pair *pair)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < table->count; i++)
		n += table->slots[i].list[0] == pair->primary && table->slots[i].list[1] == pair->backup;
	return n;
}

static uint32_t
slots_of(const struct slot_table *table, region_id primary)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < table->count; i++)
		n += table->slots[i].list[0] == primary;
	return n;
}

static bool
lists_are_sound(const struct slot_table *table, unsigned regions)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const region_id *list = table->slots[i].list;
		unsigned expected = regions < SLOT_LIST ? regions : SLOT_LIST;

		for (unsigned a = 0; a < SLOT_LIST; a++) {
			if ((a < expected) != (list[a] != NO_REGION) || (list[a] != NO_REGION && list[a] >= regions))
				return false;
			for (unsigned b = 0; b < a; b++)
				if (list[a] == list[b] && list[a] != NO_REGION)
					return false;
		}
		if (table->slots[i].flags != 0 || table->slots[i].rank == 65535)
			return false;
	}
	return true;
}

static void
test_exact(void)
{
	for (unsigned trial = 0; trial < 60; trial++) {
		unsigned regions = 1 + trial % REGIONS;
		struct world world;
		struct slot_table *tables[2];

		random_world(&world, regions);
		for (int sequence = 0; sequence < 2; sequence++) {
			struct pack_input input = input_of(&world, regions, 1024);

			tables[sequence] = sequence ? pack_sequence(&input) : pack_slots(&input);
			CU_ASSERT_PTR_NOT_NULL_FATAL(tables[sequence]);
			CU_ASSERT(lists_are_sound(tables[sequence], regions));
			for (unsigned r = 0; r < regions; r++)
				CU_ASSERT(fabs(slots_of(tables[sequence], (region_id)r) - world.primary[r] * 1024) < 1);
			for (size_t p = 0; p < world.pair_count; p++)
				CU_ASSERT(fabs(slots_of_pair(tables[sequence], &world.pairs[p])
				    - world.pairs[p].share * 1024) < 2);
		}
		for (size_t p = 0; p < world.pair_count; p++)
			CU_ASSERT_EQUAL(slots_of_pair(tables[0], &world.pairs[p]), slots_of_pair(tables[1],
			    &world.pairs[p]));
		slot_table_release(tables[0]);
		slot_table_release(tables[1]);
	}
}

/* Shares that are whole slots come out whole, whatever floating point makes of them. */
static void
test_whole_shares(void)
{
	for (uint32_t slots = 1; slots < 300; slots++) {
		struct plan_pair pairs[3];
		region_id others[] = { 0, 1, 2 };
		struct pack_input input = { .pairs = pairs, .pair_count = 3, .others = others, .other_count = 3,
			.turning_count = 3, .slots = slots };
		uint32_t counts[3] = { slots / 3, slots / 4, slots - slots / 3 - slots / 4 };
		struct slot_table *table;

		for (unsigned r = 0; r < 3; r++)
			pairs[r] = (struct plan_pair){ .primary = (region_id)r, .backup = (region_id)((r + 1) % 3),
				.share = (double)counts[r] / slots };
		table = pack_slots(&input);
		for (unsigned r = 0; r < 3; r++)
			CU_ASSERT_EQUAL(slots_of(table, (region_id)r), counts[r]);
		slot_table_release(table);
	}
}

/* A new plan moves exactly the surplus of the regions whose count falls; and of the slots that keep their primary,
 * exactly the surplus of the backups. */
static void
test_least_movement(void)
{
	struct slot_table *last = NULL;
	struct world world;

	for (unsigned trial = 0; trial < 80; trial++) {
		struct pack_input input;
		struct slot_table *table, *again;
		uint32_t surplus = 0, moved = 0, backup_surplus = 0, backup_moved = 0;

		if (trial % 4 == 0)
			random_world(&world, REGIONS);
		else	/* one pair gives another one something */
			for (unsigned i = 0; i < trial % 4; i++) {
				struct plan_pair *from = &world.pairs[next_number() % world.pair_count];
				struct plan_pair *to = &world.pairs[next_number() % world.pair_count];
				double part = from->share * next_share();

				from->share -= part;
				to->share += part;
			}
		input = input_of(&world, REGIONS, 1024);
		input.previous = last;
		table = pack_slots(&input);
		again = pack_slots(&input);
		CU_ASSERT_EQUAL(memcmp(table->slots, again->slots, 1024 * sizeof(struct slot)), 0);
		CU_ASSERT(lists_are_sound(table, REGIONS));
		for (unsigned r = 0; last != NULL && r < REGIONS; r++) {
			uint32_t before = slots_of(last, (region_id)r), after = slots_of(table, (region_id)r);

			surplus += before > after ? before - after : 0;
		}
		for (uint32_t i = 0; last != NULL && i < 1024; i++)
			moved += last->slots[i].list[0] != table->slots[i].list[0];
		CU_ASSERT_EQUAL(moved, surplus);
		if (last != NULL)
			CU_ASSERT(fabs(pack_moved(last, NULL, table) * 1024 - moved) < 1e-6);
		/* Among the slots that kept their primary: what they had of each pair, less what it still wants. */
		for (size_t p = 0; last != NULL && p < PAIRS; p++) {
			region_id k = (region_id)(p / REGIONS), b = (region_id)(p % REGIONS);
			uint32_t had = 0, wanted = slots_of_pair(table, &(struct plan_pair){ k, b, 0 });

			for (uint32_t i = 0; i < 1024; i++) {
				bool kept = last->slots[i].list[0] == k && table->slots[i].list[0] == k
					&& last->slots[i].list[1] == b;

				had += kept;
				backup_moved += kept && table->slots[i].list[1] != b;
			}
			backup_surplus += had > wanted ? had - wanted : 0;
		}
		CU_ASSERT_EQUAL(backup_moved, backup_surplus);
		slot_table_release(again);
		slot_table_release(last);
		last = table;
	}
	slot_table_release(last);
}

static void
test_same_again(void)
{
	for (unsigned regions = 1; regions <= REGIONS; regions++) {
		struct world world;
		struct pack_input input;
		struct slot_table *first, *second;

		random_world(&world, regions);
		input = input_of(&world, regions, 2048);
		first = pack_slots(&input);
		input.previous = first;
		second = pack_slots(&input);
		CU_ASSERT_EQUAL(memcmp(first->slots, second->slots, 2048 * sizeof(struct slot)), 0);
		CU_ASSERT(pack_moved(first, NULL, second) < 1e-9);
		slot_table_release(first);
		slot_table_release(second);
	}
}

/* Regions get other numbers, one goes away, one comes: clients of those that stay don't notice. */
static void
test_renumbering(void)
{
	static const struct plan_pair before[] = { { 0, 1, 0.5 }, { 1, 2, 0.25 }, { 2, 0, 0.25 } };
	static const struct plan_pair after[] = { { 0, 1, 0.25 }, { 1, 3, 0.5 }, { 3, 0, 0.25 } };
	static const region_id others[] = { 0, 1, 2, 3 };
	region_id renumber[REGIONS_MAX];
	struct pack_input input = { .pairs = before, .pair_count = 3, .others = others, .other_count = 3,
		.turning_count = 3, .slots = 64 };
	struct slot_table *was = pack_slots(&input), *is;
	unsigned kept = 0;

	memset(renumber, NO_REGION, sizeof(renumber));
	renumber[0] = 1;	/* a half, as before */
	renumber[1] = 3;	/* a quarter */
	input = (struct pack_input){ .pairs = after, .pair_count = 3, .others = others, .other_count = 4,
		.turning_count = 4, .slots = 64, .previous = was, .renumber = renumber };
	is = pack_slots(&input);
	for (uint32_t i = 0; i < 64; i++) {
		region_id old = was->slots[i].list[0];

		kept += old != 2 && is->slots[i].list[0] == renumber[old];
	}
	CU_ASSERT_EQUAL(kept, 48);
	CU_ASSERT(fabs(pack_moved(was, renumber, is) - 0.25) < 1e-9);
	slot_table_release(was);
	slot_table_release(is);
}

/* A table of another size keeps what lies at the same place of the circle. */
static void
test_resizing(void)
{
	struct world world;
	struct pack_input input;
	struct slot_table *small, *large, *back;

	random_world(&world, 5);
	input = input_of(&world, 5, 1024);
	small = pack_slots(&input);
	input.slots = 8192;
	input.previous = small;
	large = pack_slots(&input);
	CU_ASSERT(pack_moved(small, NULL, large) < 5.0 / 1024);
	input.slots = 1024;
	input.previous = large;
	back = pack_slots(&input);
	CU_ASSERT(pack_moved(large, NULL, back) < 10.0 / 1024);
	CU_ASSERT(fabs(pack_moved(NULL, NULL, back) - 1) < 1e-9);
	slot_table_release(small);
	slot_table_release(large);
	slot_table_release(back);
}

static void
check_sequence(const struct slot_table *table, unsigned regions)
{
	for (unsigned r = 0; r < regions; r++) {
		uint64_t total = slots_of(table, (region_id)r), count = 0;

		for (uint32_t i = 0; i < table->count; i++) {
			count += table->slots[i].list[0] == r;
			/* |count - (i + 1) total / slots| < 1, in whole numbers */
			if (count * table->count + table->count <= (i + 1) * total
			    || (i + 1) * total + table->count <= count * table->count) {
				CU_FAIL("a region is a whole answer away from its share");
				return;
			}
		}
	}
}

static void
test_sequence(void)
{
	for (unsigned trial = 0; trial < 100; trial++) {
		unsigned regions = 1 + trial % REGIONS;
		struct world world;
		struct pack_input input;
		struct slot_table *table;

		random_world(&world, regions);
		input = input_of(&world, regions, trial % 3 == 0 ? 1000 : 1024);
		table = pack_sequence(&input);
		check_sequence(table, regions);
		slot_table_release(table);
	}
}

/* Where smooth weighted round robin fails: one large region among many small ones. */
static void
test_sequence_of_many(void)
{
	static struct plan_pair pairs[REGIONS_MAX];
	static region_id others[REGIONS_MAX];
	struct pack_input input = { .pairs = pairs, .pair_count = REGIONS_MAX, .others = others,
		.other_count = REGIONS_MAX, .turning_count = REGIONS_MAX, .slots = 4096 };
	struct slot_table *table;

	for (unsigned r = 0; r < REGIONS_MAX; r++) {
		others[r] = (region_id)r;
		pairs[r] = (struct plan_pair){ .primary = (region_id)r, .backup = (region_id)((r + 1) % REGIONS_MAX),
			.share = r == 7 ? 0.3 : 0.7 / (REGIONS_MAX - 1) };
	}
	table = pack_sequence(&input);
	CU_ASSERT_PTR_NOT_NULL_FATAL(table);
	check_sequence(table, REGIONS_MAX);
	slot_table_release(table);
	table = pack_slots(&input);
	CU_ASSERT_EQUAL(slots_of(table, 7), 1229);
	slot_table_release(table);
}

/* A drain to any admission leaves each class the same part of its slots, to one slot; in a sequence also every stretch
 * of 128 slots in a row, nearly. */
static void
test_ranks(void)
{
	for (unsigned trial = 0; trial < 20; trial++) {
		struct world world;
		struct pack_input input;

		random_world(&world, 6);
		input = input_of(&world, 6, 4096);
		for (int sequence = 0; sequence < 2; sequence++) {
			struct slot_table *table = sequence ? pack_sequence(&input) : pack_slots(&input);

			for (unsigned admitted = 0; admitted <= 65535; admitted += 4369)
				for (size_t p = 0; p < world.pair_count; p++) {
					uint32_t size = 0, taken = 0;

					for (uint32_t i = 0; i < table->count; i++) {
						const struct slot *s = &table->slots[i];
						bool mine = s->list[0] == world.pairs[p].primary
						    && s->list[1] == world.pairs[p].backup;

						size += mine;
						taken += mine && s->rank < admitted;
					}
					CU_ASSERT(fabs(taken - size * (admitted / 65535.0)) < 1);
				}
			for (uint32_t from = 0; sequence && from + 128 <= table->count; from += 128) {
				unsigned taken = 0;

				for (uint32_t i = from; i < from + 128; i++)
					taken += table->slots[i].rank < 32768;
				CU_ASSERT(taken > 64 - 24 && taken < 64 + 24);
			}
			slot_table_release(table);
		}
	}
}

static void
test_last_resort(void)
{
	static const struct plan_pair pairs[] = { { 0, 1, 0.5 }, { 1, 0, 0.5 } };
	static const region_id others[] = { 0, 1, 2, 3, 4 };
	struct pack_input input = { .pairs = pairs, .pair_count = 2, .others = others, .other_count = 5,
		.turning_count = 4, .slots = 64 };
	struct slot_table *table = pack_slots(&input);
	unsigned second[5] = { 0 };

	for (uint32_t i = 0; i < 64; i++)
		second[table->slots[i].list[2]]++;
	CU_ASSERT_EQUAL(second[4], 0);		/* the last one doesn't take turns with them */
	CU_ASSERT(second[2] > 10 && second[3] > 10);
	slot_table_release(table);
}

static void
test_list(void)
{
	static const region_id order[] = { 3, 1, 2, 0, 5 };
	struct slot_table *table = pack_list(order, 5), *short_one = pack_list(order, 2), *empty = pack_list(NULL, 0);

	CU_ASSERT(table->count == 1 && table->uniform);
	CU_ASSERT_EQUAL(memcmp(table->slots[0].list, order, SLOT_LIST), 0);
	CU_ASSERT(short_one->slots[0].list[1] == 1 && short_one->slots[0].list[2] == NO_REGION);
	CU_ASSERT(empty->count == 1 && empty->uniform && empty->slots[0].list[0] == NO_REGION);
	slot_table_release(table);
	slot_table_release(short_one);
	slot_table_release(empty);
}

/* One region alone: slots differ in their ranks only, and then the key has one. */
static void
test_uniform(void)
{
	static const struct plan_pair alone[] = { { 0, NO_REGION, 1 } };
	static const region_id others[] = { 0 };
	struct pack_input input = { .pairs = alone, .pair_count = 1, .others = others, .other_count = 1,
		.turning_count = 1, .slots = 1 };
	struct slot_table *one = pack_slots(&input), *many;

	CU_ASSERT(one->uniform);
	input.slots = 16;
	many = pack_slots(&input);
	CU_ASSERT(many->uniform);
	slot_table_release(one);
	slot_table_release(many);
}

static const struct suite_case cases[] = {
	{ .name = "shares to a slot", .run = test_exact },
	{ .name = "whole shares", .run = test_whole_shares },
	{ .name = "the least movement", .run = test_least_movement },
	{ .name = "the same plan again", .run = test_same_again },
	{ .name = "renumbered regions", .run = test_renumbering },
	{ .name = "tables of other sizes", .run = test_resizing },
	{ .name = "sequences stay within one answer", .run = test_sequence },
	{ .name = "a sequence of 255 regions", .run = test_sequence_of_many },
	{ .name = "ranks are even in each class", .run = test_ranks },
	{ .name = "the last resort comes last", .run = test_last_resort },
	{ .name = "one list", .run = test_list },
	{ .name = "uniform tables", .run = test_uniform },
};

int
main(void)
{
	return suite_run("pack", cases, ARRAY_SIZE(cases));
}
