/* test_pick.c -- steer/pick: every state of small worlds, against the rules written once more in another way. */
#include "steer/pick.h"

#include "suite.h"

#define REGIONS 4
#define RANK 1000

/* Three degrees of admission are all that matter for one slot: nobody, not this rank, this rank. */
static const admit degrees[] = { ADMIT_NONE, RANK, RANK + 1 };

/* What the rules in pick.c say, from the best class to the worst; classes are tried in the order of the numbers. */
static struct pick
expected(const struct pick_question *q, const bool *dead, const admit *admits)
{
	if (q->may_shed && q->slot->list[0] == NO_REGION && !region_set_is_empty(region_set_and(q->legal, q->able)))
		return (struct pick){ NO_REGION, SLOT_LIST, PICK_SHED };
	for (int pass = 0; pass < 4; pass++) {
		if (pass == 0 || pass == 3)
			for (uint8_t i = 0; i < SLOT_LIST && q->slot->list[i] != NO_REGION; i++) {
				region_id r = q->slot->list[i];
				bool serves = region_set_has(&q->legal, r) && region_set_has(&q->able, r);
				bool open = i == 0 ? admits[r] > q->slot->rank : admits[r] > 0;

				if (pass == 0 && serves && !dead[r] && open)
					return (struct pick){ r, i, PICK_LISTED };
				if (pass == 3 && serves && q->when_all_down == ALL_DOWN_SERVE_LEGAL)
					return (struct pick){ r, SLOT_LIST, PICK_ALL_DOWN };
			}
		for (size_t i = 0; i < q->order_count && pass > 0; i++) {
			region_id r = q->order[i];
			bool serves = region_set_has(&q->legal, r) && region_set_has(&q->able, r);

			if (pass == 1 && serves && !dead[r] && admits[r] > 0)
				return (struct pick){ r, SLOT_LIST, PICK_BEYOND_LIST };
			if (pass == 2 && serves && !dead[r])
				return (struct pick){ r, SLOT_LIST, PICK_DRAINED };
			if (pass == 3 && serves && q->when_all_down == ALL_DOWN_SERVE_LEGAL)
				return (struct pick){ r, SLOT_LIST, PICK_ALL_DOWN };
			if (pass == 3 && serves)
				return (struct pick){ NO_REGION, SLOT_LIST, q->when_all_down == ALL_DOWN_NODATA
				    ? PICK_NODATA : PICK_SERVFAIL };
		}
	}
	return (struct pick){ NO_REGION, SLOT_LIST, PICK_NONE_LEGAL };
}

static void
test_all_states(void)
{
	static const region_id order[] = { 2, 0, 3, 1 };
	static const region_id lists[][SLOT_LIST] = {
		{ 0, 1, 2, 3 }, { 3, 1, NO_REGION, NO_REGION }, { 1, NO_REGION, NO_REGION, NO_REGION },
		{ NO_REGION, NO_REGION, NO_REGION, NO_REGION }, { 2, 0, 1, NO_REGION },
	};
	struct live live;
	unsigned long states = 0, wrong = 0, illegal = 0;

	memset(&live, 0, sizeof(live));
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct slot slot = { .rank = RANK };

		memcpy(slot.list, lists[l], sizeof(slot.list));
		for (unsigned dead = 0; dead < 1 << REGIONS; dead++)
			for (unsigned degree = 0; degree < 81; degree++) {
				bool is_dead[REGIONS];
				admit admits[REGIONS];

				for (unsigned r = 0, rest = degree; r < REGIONS; r++, rest /= 3) {
					is_dead[r] = dead >> r & 1;
					admits[r] = degrees[rest % 3];
					live_set_dead(&live, (region_id)r, is_dead[r]);
					live_set_admit(&live, (region_id)r, admits[r]);
				}
				for (unsigned legal = 0; legal < 1 << REGIONS; legal++)
					for (unsigned able = 0; able < 1 << REGIONS; able++)
						for (int mode = ALL_DOWN_SERVE_LEGAL; mode <= ALL_DOWN_SERVFAIL;
						    mode++)
						for (int shed = 0; shed < 2; shed++) {
							struct pick_question q = {
								.slot = &slot, .rank = slot.rank, .live = &live,
								.may_shed = shed, .legal = { { legal } },
								.able = { { able } },
								.order = order, .order_count = REGIONS,
								.when_all_down = (enum when_all_down)mode,
							};
							struct pick got = slots_pick(&q), want = expected(&q, is_dead,
							    admits);

							states++;
							wrong += got.region != want.region
							    || got.position != want.position
							    || got.outcome != want.outcome;
							illegal += got.region != NO_REGION
							    && (!(legal >> got.region & 1)
							    || !(able >> got.region & 1));
						}
			}
	}
	CU_ASSERT_EQUAL(states, 5ul * 16 * 81 * 256 * 3 * 2);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(illegal, 0);
}

/* Admission of a primary, for each of its values: exactly the ranks below it. */
static void
test_ranks(void)
{
	static const region_id order[] = { 0, 1 };
	struct live live;
	unsigned wrong = 0;

	memset(&live, 0, sizeof(live));
	live_set_admit(&live, 1, ADMIT_ALL);
	for (unsigned admitted = 1; admitted <= 65535; admitted++) {
		live_set_admit(&live, 0, (admit)admitted);
		for (int near = -1; near <= 1; near++) {
			unsigned rank = (unsigned)((int)admitted + near);
			struct slot slot = { .list = { 0, 1, NO_REGION, NO_REGION }, .rank = (uint16_t)rank };
			struct pick_question q = { .slot = &slot, .rank = slot.rank, .live = &live, .legal = region_set_all(),
				.able = region_set_all(), .order = order, .order_count = 2 };

			if (rank < 65535)
				wrong += slots_pick(&q).region != (rank < admitted ? 0 : 1);
		}
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* The highest region there can be, and words of all four. */
static void
test_all_regions(void)
{
	region_id order[REGIONS_MAX];
	struct live live;

	memset(&live, 0, sizeof(live));
	for (unsigned r = 0; r < REGIONS_MAX; r++) {
		order[r] = (region_id)r;
		live_set_admit(&live, (region_id)r, ADMIT_ALL);
		live_set_dead(&live, (region_id)r, true);
	}
	for (unsigned alive = 0; alive < REGIONS_MAX; alive++) {
		struct slot slot = { .list = { 0, 64, 128, 192 } };
		struct pick_question q = { .slot = &slot, .rank = slot.rank, .live = &live, .legal = region_set_all(),
			.able = region_set_all(), .order = order, .order_count = REGIONS_MAX };

		live_set_dead(&live, (region_id)alive, false);
		CU_ASSERT(!live_is_dead(&live, (region_id)alive));
		CU_ASSERT_EQUAL(slots_pick(&q).region, alive);
		live_set_dead(&live, (region_id)alive, true);
	}
}

static const struct suite_case cases[] = {
	{ .name = "every state of four regions", .run = test_all_states },
	{ .name = "admission by rank", .run = test_ranks },
	{ .name = "255 regions", .run = test_all_regions },
};

int
main(void)
{
	return suite_run("pick", cases, ARRAY_SIZE(cases));
}
