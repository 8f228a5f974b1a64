/* test_moves.c -- plan/moves: who goes from where to where, by hand-made tables: other sizes, heavy keys, other numbers,
 * demand, services without stickiness. */
#include "plan/moves.h"

#include <math.h>

#include "suite.h"

#define SLOTS_MAX 16

/* A snapshot with one service and up to two groups, written as the first regions of slots: "aabb". */
struct world {
	struct steering_region regions[4];
	struct client_group groups[2];
	struct steering_service intent;
	struct steering steering;
	struct demand_group demand[2];
	struct partition partition;
	const struct slot_table *tables[2];
	struct service service;
	struct snapshot snapshot;
};

static struct slot_table *
table_of(const char *slots, uint32_t heavy, const char *letters)
{
	uint32_t count = (uint32_t)strlen(slots) - heavy;
	struct slot_table *table = slot_table_new(count, heavy);

	if (table == NULL)
		abort();
	for (size_t i = 0; slots[i] != '\0'; i++) {
		const char *at = strchr(letters, slots[i]);

		table->slots[i].list[0] = at == NULL ? NO_REGION : (region_id)(at - letters);
	}
	return table;
}

/* `letters` names the regions: "ab" are two. */
static void
world_begin(struct world *world, const char *letters, struct slot_table *first, struct slot_table *second)
{
	static const char *const names[] = { "a", "b", "c", "d" };

	memset(world, 0, sizeof(*world));
	for (size_t i = 0; letters[i] != '\0'; i++)
		world->regions[i].name = names[letters[i] - 'a'];
	world->groups[0].name = "default";
	world->groups[1].name = "germany";
	world->demand[1].group = 1;
	world->intent = (struct steering_service){ .name = "www.", .sticky = true };
	world->steering = (struct steering){ .region_count = strlen(letters), .regions = world->regions, .group_count = 2,
		.groups = world->groups, .service_count = 1, .services = &world->intent };
	world->tables[0] = first;
	world->tables[1] = second;
	world->partition = (struct partition){ .count = second == NULL ? 1 : 2, .groups = world->demand };
	world->service = (struct service){ .intent = &world->intent, .tables = world->tables };
	world->snapshot = (struct snapshot){ .steering = &world->steering, .partition = &world->partition,
		.service_count = 1, .services = &world->service };
}

static void
world_end(struct world *world)
{
	for (size_t g = 0; g < 2; g++)
		slot_table_release((struct slot_table *)(uintptr_t)world->tables[g]);
}

/* "a>b 0.2500, ", all ways. */
static const char *
moved(const struct world *from, const struct world *to, const struct demand *demand)
{
	static char text[256];
	struct arena *arena = arena_new();
	struct moves moves;
	size_t at = 0;
	double sum = 0;

	text[0] = '\0';
	CU_ASSERT_FATAL(moves_between(&from->snapshot, &to->snapshot, &to->service, demand, arena, &moves));
	for (size_t i = 0; i < moves.count; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s>%s %.4f, ", moves.list[i].from, moves.list[i].to,
		    moves.list[i].share);
		sum += moves.list[i].share;
	}
	CU_ASSERT(fabs(sum - moves.share) < 1e-9);
	arena_free(arena);
	return text;
}

static void
test_tables(void)
{
	static const struct { const char *name, *was, *is, *expected; const char *was_letters, *is_letters; } rows[] = {
		{ "nothing", "aabb", "aabb", "", "ab", "ab" },
		{ "one slot", "aabb", "abbb", "a>b 0.2500, ", "ab", "ab" },
		{ "two ways", "aaab", "abba", "a>b 0.5000, b>a 0.2500, ", "ab", "ab" },
		{ "more slots", "ab", "aaabbbbb", "a>b 0.1250, ", "ab", "ab" },
		{ "fewer slots", "aaabbbbb", "ab", "b>a 0.1250, ", "ab", "ab" },
		{ "other numbers of the same regions", "aabb", "aabb", "", "ab", "ba" },
		{ "a region that is gone", "aabb", "bbbb", "a>b 0.5000, ", "ab", "b" },
		{ "a new region", "aabb", "aabc", "b>c 0.2500, ", "ab", "abc" },
		{ "to nobody, and from nobody", "ab-b", "-bab", ">a 0.2500, a> 0.2500, ", "ab", "ab" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world was, is;

		world_begin(&was, rows[i].was_letters, table_of(rows[i].was, 0, rows[i].was_letters), NULL);
		world_begin(&is, rows[i].is_letters, table_of(rows[i].is, 0, rows[i].is_letters), NULL);
		SUITE_ROW(rows[i].name, strcmp(moved(&was, &is, NULL), rows[i].expected) == 0);
		world_end(&was);
		world_end(&is);
	}
}

static void
test_weights(void)
{
	struct world was, is;
	struct slot_table *table = table_of("bbbb", 0, "ab");
	float *weights = slot_table_weigh(table);

	weights[0] = 0.7f;
	weights[1] = weights[2] = weights[3] = 0.1f;
	world_begin(&was, "ab", table_of("abbb", 0, "ab"), NULL);
	world_begin(&is, "ab", table, NULL);
	SUITE_TEXT(moved(&was, &is, NULL), "a>b 0.7000, ");
	world_end(&was);
	world_end(&is);
}

/* A key in the third quarter of the circle becomes heavy, and then goes elsewhere. */
static void
test_heavy(void)
{
	struct world was, is, then;
	struct slot_table *heavy = table_of("aabbc", 1, "abc"), *later = table_of("aabba", 1, "abc");

	slot_table_place(heavy, 77, 0, 0x90000000u);
	slot_table_place(later, 77, 0, 0x90000000u);
	world_begin(&was, "abc", table_of("aabb", 0, "abc"), NULL);
	world_begin(&is, "abc", heavy, NULL);
	world_begin(&then, "abc", later, NULL);
	SUITE_TEXT(moved(&was, &is, NULL), "b>c 0.2000, ");
	SUITE_TEXT(moved(&is, &then, NULL), "c>a 0.2000, ");
	world_end(&was);
	world_end(&is);
	world_end(&then);
}

static void
test_demand(void)
{
	const struct demand_rate rates[] = { { .group = 0, .rate = 30 }, { .group = 1, .rate = 10 } };
	const struct demand_service service = { .name = "www.", .count = 2, .groups = rates };
	const struct demand demand = { .service_count = 1, .services = &service };
	struct world was, is;

	world_begin(&was, "ab", table_of("aa", 0, "ab"), table_of("aa", 0, "ab"));
	world_begin(&is, "ab", table_of("aa", 0, "ab"), table_of("bb", 0, "ab"));
	SUITE_TEXT(moved(&was, &is, NULL), "a>b 0.5000, ");
	SUITE_TEXT(moved(&was, &is, &demand), "a>b 0.2500, ");
	world_end(&was);
	world_end(&is);
}

/* The same shares in another order move nobody; what one loses, others gain. */
static void
test_turns(void)
{
	struct world was, is, then;

	world_begin(&was, "ab", table_of("abab", 0, "ab"), NULL);
	world_begin(&is, "ab", table_of("baba", 0, "ab"), NULL);
	world_begin(&then, "ab", table_of("babb", 0, "ab"), NULL);
	was.intent.sticky = is.intent.sticky = then.intent.sticky = false;
	SUITE_TEXT(moved(&was, &is, NULL), "");
	SUITE_TEXT(moved(&was, &then, NULL), "a>b 0.2500, ");
	world_end(&was);
	world_end(&is);
	world_end(&then);
}

static void
test_new_service(void)
{
	struct world was, is;

	world_begin(&was, "ab", table_of("ab", 0, "ab"), NULL);
	world_begin(&is, "ab", table_of("ba", 0, "ab"), NULL);
	is.intent.name = "new.";
	SUITE_TEXT(moved(&was, &is, NULL), "");
	world_end(&was);
	world_end(&is);
}

static const struct suite_case cases[] = {
	{ .name = "slots that change, of any number and numbering", .run = test_tables },
	{ .name = "slots count by their weight", .run = test_weights },
	{ .name = "heavy keys, also those that weren't", .run = test_heavy },
	{ .name = "groups count by their demand", .run = test_demand },
	{ .name = "without stickiness only shares move", .run = test_turns },
	{ .name = "clients of a new service don't move", .run = test_new_service },
};

int
main(void)
{
	return suite_run("moves", cases, ARRAY_SIZE(cases));
}
