/* test_mincut.c -- plan/mincut: by hand, and against all subsets of clients of small worlds. */
#include "planner/mincut.h"

#include <math.h>
#include <stdint.h>

#include "suite.h"

#define LEAST 1e-9

static struct region_set
set_of(unsigned bits)
{
	return (struct region_set){ { bits } };
}

static void
test_by_hand(void)
{
	static const struct {
		const char *name;
		size_t count;
		struct { unsigned reach; double amount; unsigned tier; } demands[3];
		double room[3], missing;
		bool clients[3];
		unsigned regions;
		double demand, has;
	} rows[] = {
		{ .name = "no clients", .room = { 1, 1, 1 } },
		{ .name = "room enough", .count = 1, .demands = { { 1, 5, 0 } }, .room = { 5, 0, 0 } },
		{ .name = "one region too small", .count = 1, .demands = { { 1, 5, 0 } }, .room = { 3, 9, 9 }, .missing = 2,
		    .clients = { true }, .regions = 1, .demand = 5, .has = 3 },
		{ .name = "the other makes room", .count = 2, .demands = { { 3, 5, 0 }, { 1, 5, 0 } }, .room = { 5, 5, 0 } },
		{ .name = "both fill the same", .count = 3, .demands = { { 3, 5, 0 }, { 1, 5, 0 }, { 4, 1, 0 } },
		    .room = { 5, 4, 7 }, .missing = 1, .clients = { true, true }, .regions = 3, .demand = 10, .has = 9 },
		{ .name = "the higher tier is short", .count = 2, .demands = { { 1, 5, 9 }, { 1, 5, 1 } }, .room = { 7, 0, 0 },
		    .missing = 3, .clients = { true, true }, .regions = 1, .demand = 10, .has = 7 },
		{ .name = "unlimited room", .count = 2, .demands = { { 3, 5, 0 }, { 2, 1e9, 0 } }, .room = { 0, INFINITY, 0 } },
		{ .name = "whoever reaches nobody isn't looked at", .count = 2, .demands = { { 0, 5, 0 }, { 1, 2, 0 } },
		    .room = { 2, 0, 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mincut_demand demands[3];
		bool clients[3] = { 0 };
		struct mincut cut = { .clients = clients };
		double missing;

		for (size_t c = 0; c < rows[i].count; c++)
			demands[c] = (struct mincut_demand){ set_of(rows[i].demands[c].reach), rows[i].demands[c].amount,
				rows[i].demands[c].tier };
		SUITE_ROW(rows[i].name, mincut_find(demands, rows[i].count, rows[i].room, 3, LEAST, &cut, &missing));
		SUITE_ROW(rows[i].name, fabs(missing - rows[i].missing) < 1e-9);
		for (size_t c = 0; c < rows[i].count; c++)
			SUITE_ROW(rows[i].name, clients[c] == rows[i].clients[c]);
		SUITE_ROW(rows[i].name, cut.regions.words[0] == rows[i].regions);
		SUITE_ROW(rows[i].name, fabs(cut.demand - rows[i].demand) < 1e-9 && fabs(cut.room - rows[i].has) < 1e-9);
		if (rows[i].demands[0].tier == 9)
			SUITE_ROW(rows[i].name, fabs(cut.missing[9] - 3) < 1e-9 && cut.missing[1] < 1e-9);
	}
}

/* Hall: what is missing is the greatest demand - room over all sets of clients and what they reach. */
static void
test_all_subsets(void)
{
	enum { CLIENTS = 6, REGIONS = 4 };
	uint64_t state = 7;
	size_t with_cut = 0;

	for (int world = 0; world < 2000; world++) {
		struct mincut_demand demands[CLIENTS];
		double room[REGIONS], most = 0, missing, of_cut = 0;
		bool clients[CLIENTS] = { 0 };
		struct mincut cut = { .clients = clients };

		for (size_t c = 0; c < CLIENTS; c++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			demands[c] = (struct mincut_demand){ set_of(1 + (unsigned)(state >> 40) % 15), (double)(1 + (state >> 50) % 9),
				(unsigned)(state >> 60) % 3 };
		}
		for (size_t r = 0; r < REGIONS; r++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			room[r] = (double)((state >> 50) % 16);
		}
		for (unsigned subset = 0; subset < 1u << CLIENTS; subset++) {
			unsigned reach = 0;
			double excess = 0;

			for (size_t c = 0; c < CLIENTS; c++) {
				reach |= subset >> c & 1 ? (unsigned)demands[c].reach.words[0] : 0;
				excess += subset >> c & 1 ? demands[c].amount : 0;
			}
			for (size_t r = 0; r < REGIONS; r++)
				excess -= reach >> r & 1 ? room[r] : 0;
			most = fmax(most, excess);
		}
		CU_ASSERT(mincut_find(demands, CLIENTS, room, REGIONS, LEAST, &cut, &missing));
		CU_ASSERT(fabs(missing - most) < 1e-9);
		for (size_t c = 0; c < CLIENTS; c++)
			of_cut += clients[c] ? demands[c].amount : 0;
		CU_ASSERT(fabs(of_cut - cut.demand) < 1e-9 && fabs(cut.demand - cut.room - missing) < 1e-9);
		with_cut += missing > 0;
	}
	CU_ASSERT(with_cut > 300 && with_cut < 1900);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "small worlds by hand", .run = test_by_hand },
		{ .name = "what is missing is the worst of all subsets", .run = test_all_subsets },
	};

	return suite_run("mincut", cases, ARRAY_SIZE(cases));
}
