/* test_table_history.c -- plan/history: random tables come back as they were, alone, as differences and along chains;
 * other names; octets that are cut, changed or on the wrong base give nothing. */
#include "plan/history.h"

#include "base/hash.h"
#include "steer/country.h"
#include "suite.h"

#define GROUPS 3

/* A steering of some regions and groups, and one service with tables, written down by hand. */
struct world {
	struct steering_region regions[8];
	struct client_group groups[GROUPS];
	struct steering steering;
	struct demand_group demand[GROUPS + 1];
	struct partition partition;
	struct slot_table *tables[GROUPS + 1];
	const struct slot_table *views[GROUPS + 1];
	struct service service;
	struct snapshot snapshot;
};

static uint64_t state;

static uint32_t
dice(uint32_t sides)
{
	state++;
	return (uint32_t)(hash64(&state, sizeof(state), 7) % sides);
}

static struct slot_table *
random_table(uint32_t count, uint32_t heavy, bool weights, unsigned regions)
{
	struct slot_table *table = slot_table_new(count, heavy);

	if (table == NULL || (weights && slot_table_weigh(table) == NULL))
		abort();
	table->uniform = dice(2);
	table->inputs = dice(UINT32_MAX);
	for (size_t i = 0; i < (size_t)count + heavy; i++) {
		unsigned length = dice(SLOT_LIST + 1);

		for (unsigned p = 0; p < length; p++)
			table->slots[i].list[p] = (region_id)dice(regions);
		table->slots[i].rank = (uint16_t)dice(65536);
		if (weights)
			table->weights[i] = (float)dice(1000) / 3.0f;
	}
	for (uint32_t i = 0; i < heavy; i++)
		slot_table_place(table, hash64(&state, sizeof(state), i) | 1, i, dice(UINT32_MAX));
	return table;
}

static void
world_begin(struct world *world)
{
	static const char *const regions[] = { "eu-west", "eu-north", "us-east", "ap-south", "x" };
	static const char *const groups[] = { "default", "germany", "europe" };

	memset(world, 0, sizeof(*world));
	for (unsigned r = 0; r < 5; r++)
		world->regions[r].name = regions[r];
	for (unsigned g = 0; g < GROUPS; g++)
		world->groups[g].name = groups[g];
	world->steering = (struct steering){ .region_count = 5, .regions = world->regions, .group_count = GROUPS,
		.groups = world->groups };
	for (uint16_t g = 0; g < GROUPS; g++)
		world->demand[g].group = g;
	world->demand[GROUPS] = (struct demand_group){ 2, country_find("FR") };
	world->partition = (struct partition){ .count = GROUPS + 1, .groups = world->demand };
	world->service = (struct service){ .tables = world->views };
	world->snapshot = (struct snapshot){ .steering = &world->steering, .partition = &world->partition,
		.service_count = 1, .services = &world->service };
}

static void
world_fill(struct world *world)
{
	for (unsigned g = 0; g < GROUPS + 1; g++) {
		slot_table_release(world->tables[g]);
		world->views[g] = world->tables[g] = random_table(1 + dice(300), dice(2) ? dice(40) : 0, dice(2), 5);
	}
}

/* Some slots of some tables. */
static void
world_change(struct world *world)
{
	for (unsigned g = 0; g < GROUPS + 1; g++)
		for (unsigned i = 0; i < dice(5); i++)
			world->tables[g]->slots[dice(world->tables[g]->count)].list[0] = (region_id)dice(5);
	if (dice(10) == 0) {
		slot_table_release(world->tables[1]);
		world->views[1] = world->tables[1] = random_table(64, 3, true, 5);
	}
}

static void
world_end(struct world *world)
{
	for (unsigned g = 0; g < GROUPS + 1; g++)
		slot_table_release(world->tables[g]);
}

static bool
same_table(const struct slot_table *a, const struct slot_table *b)
{
	size_t slots = (size_t)a->count + a->heavy_count;

	if (b == NULL || a->count != b->count || a->heavy_count != b->heavy_count || a->heavy_mask != b->heavy_mask
	    || a->uniform != b->uniform || a->inputs != b->inputs ||
	     (a->weights == NULL) != (b->weights == NULL))
		return false;
	for (size_t i = 0; a->heavy_count > 0 && i <= a->heavy_mask; i++)
		if (memcmp(&a->heavy[i], &b->heavy[i], sizeof(a->heavy[i])) != 0)
			return false;
	return memcmp(a->slots, b->slots, slots * sizeof(struct slot)) == 0
	    && (a->weights == NULL || memcmp(a->weights, b->weights, slots * sizeof(float)) == 0);
}

static bool
reads_back(const struct world *world, const void *whole, size_t length)
{
	struct slot_table *tables[GROUPS + 1];
	bool same = history_read(whole, length, &world->steering, &world->partition, tables);

	for (unsigned g = 0; same && g < GROUPS + 1; g++)
		same = same_table(world->tables[g], tables[g]);
	for (unsigned g = 0; g < GROUPS + 1; g++)
		slot_table_release(tables[g]);
	return same;
}

static void
test_random(void)
{
	struct world world;

	world_begin(&world);
	for (unsigned n = 0; n < 50; n++) {
		size_t length, whole_length = 0;
		void *octets, *whole;

		world_fill(&world);
		octets = history_write(&world.snapshot, &world.service, NULL, 0, &length);
		CU_ASSERT_PTR_NOT_NULL_FATAL(octets);
		whole = history_inflate(octets, length, NULL, 0, &whole_length);
		CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
		CU_ASSERT(reads_back(&world, whole, whole_length));
		free(whole);
		free(octets);
	}
	world_end(&world);
}

static void
test_chain(void)
{
	struct world world;
	uint8_t *written[100], *base = NULL, *read = NULL;
	size_t lengths[100], base_length = 0, read_length = 0, total = 0, first = 0;
	uint8_t *wholes[100];
	size_t whole_lengths[100];

	world_begin(&world);
	world_fill(&world);
	slot_table_release(world.tables[0]);
	world.views[0] = world.tables[0] = random_table(20000, 100, true, 5);
	for (unsigned n = 0; n < 100; n++) {
		written[n] = history_write(&world.snapshot, &world.service, base, base_length, &lengths[n]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(written[n]);
		base = wholes[n] = history_whole(&world.snapshot, &world.service, &base_length);
		whole_lengths[n] = base_length;
		*(n == 0 ? &first : &total) += lengths[n];
		world_change(&world);
	}
	CU_ASSERT(total < first * 2);	/* 99 differences of a few slots */
	for (unsigned n = 0; n < 100; n++) {
		size_t length = 0;
		uint8_t *whole = history_inflate(written[n], lengths[n], read, read_length, &length);

		CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
		CU_ASSERT_EQUAL(length, whole_lengths[n]);
		CU_ASSERT_EQUAL(memcmp(whole, wholes[n], length), 0);
		free(read);
		read = whole;
		read_length = length;
	}
	CU_ASSERT_PTR_NULL(history_inflate(written[50], lengths[50], NULL, 0, &read_length));
	CU_ASSERT_PTR_NULL(history_inflate(written[50], lengths[50], wholes[48], whole_lengths[48], &read_length));
	for (unsigned n = 0; n < 100; n++) {
		free(written[n]);
		free(wholes[n]);
	}
	free(read);
	world_end(&world);
}

static void
test_other_names(void)
{
	struct world world, other;
	struct slot_table *tables[GROUPS + 1];
	size_t length;
	void *whole;

	world_begin(&world);
	world_begin(&other);
	world_fill(&world);
	other.regions[0].name = "eu-north";	/* the first two swapped, the last one unknown */
	other.regions[1].name = "eu-west";
	other.regions[4].name = "y";
	other.groups[1].name = "austria";
	other.demand[GROUPS].country = country_find("IT");
	whole = history_whole(&world.snapshot, &world.service, &length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
	CU_ASSERT_FATAL(history_read(whole, length, &other.steering, &other.partition, tables));
	CU_ASSERT_PTR_NOT_NULL_FATAL(tables[0]);
	CU_ASSERT_PTR_NULL(tables[1]);
	CU_ASSERT_PTR_NOT_NULL(tables[2]);
	CU_ASSERT_PTR_NULL(tables[3]);
	for (uint32_t i = 0; i < tables[0]->count; i++)
		for (unsigned p = 0; p < SLOT_LIST; p++) {
			static const region_id expected[] = { 1, 0, 2, 3, NO_REGION };
			region_id was = world.tables[0]->slots[i].list[p];

			CU_ASSERT_EQUAL(tables[0]->slots[i].list[p], was == NO_REGION ? NO_REGION : expected[was]);
		}
	CU_ASSERT_EQUAL(tables[0]->inputs, 0);	/* its numbers meant other regions */
	slot_table_release(tables[0]);
	slot_table_release(tables[2]);
	free(whole);
	world_end(&world);
}

static void
test_damage(void)
{
	struct world world;
	struct slot_table *tables[GROUPS + 1];
	size_t length, whole_length, got, tried = 0, refused = 0;
	uint8_t *octets, *whole, *changed;

	world_begin(&world);
	world_fill(&world);
	octets = history_write(&world.snapshot, &world.service, NULL, 0, &length);
	whole = history_whole(&world.snapshot, &world.service, &whole_length);
	CU_ASSERT_FATAL(octets != NULL && whole != NULL);
	for (size_t i = 0; i < length; i += 1 + i / 50) {
		uint8_t *cut = malloc(i + 1);

		memcpy(cut, octets, i);
		CU_ASSERT_PTR_NULL(history_inflate(cut, i, NULL, 0, &got));
		free(cut);
		octets[i] ^= 0x40;
		changed = history_inflate(octets, length, NULL, 0, &got);
		/* Bits that only fill an octet up may change; what comes out never does. */
		CU_ASSERT(changed == NULL || (got == whole_length && memcmp(changed, whole, got) == 0));
		refused += changed == NULL;
		tried++;
		free(changed);
		octets[i] ^= 0x40;
	}
	CU_ASSERT(refused + 2 >= tried);
	for (size_t i = 0; i < whole_length; i += 1 + i / 100) {
		whole[i] ^= 0xff;
		if (history_read(whole, whole_length, &world.steering, &world.partition, tables))
			for (unsigned g = 0; g < GROUPS + 1; g++)
				slot_table_release(tables[g]);
		whole[i] ^= 0xff;
		CU_ASSERT_FALSE(history_read(whole, i, &world.steering, &world.partition, tables));
		CU_ASSERT_PTR_NULL(tables[0]);
	}
	free(octets);
	free(whole);
	world_end(&world);
}

static const struct suite_case cases[] = {
	{ .name = "random tables come back as they were", .run = test_random },
	{ .name = "a chain of differences is small and comes back, each on its own base only", .run = test_chain },
	{ .name = "regions and groups are matched by name", .run = test_other_names },
	{ .name = "octets that are cut or changed give nothing", .run = test_damage },
};

int
main(void)
{
	return suite_run("table_history", cases, ARRAY_SIZE(cases));
}
