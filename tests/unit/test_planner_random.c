/* test_planner_random.c -- what must hold for every plan, on 10,000 worlds of which most can't have all that they should:
 * legal, whole, no overload that isn't told, each relaxation explained. The worlds are the same each time; where a
 * sanitizer or valgrind makes them slow, as many as fit the time. */
#include <assert.h>
#include <math.h>

#include "base/clock.h"
#include "planner_world.h"
#include "suite.h"

#define WORLDS 10000
#define WORLDS_LEAST 300
#define PATIENCE_MS 15000
#define CLOSE 1e-6			/* of a limit */

struct tally { size_t worlds, optimal, relaxed, fallen, kinds[RELAX_SHED + 1], steps; };

/* The name of a world whose plan breaks a rule, for the report. */
static char name[64];

static bool
has_step(const struct planner_result *result, enum planner_relaxation kind)
{
	for (size_t i = 0; i < result->step_count; i++) {
		if (result->steps[i].kind == kind)
			return true;
	}
	return false;
}

static bool
told(const struct planner_result *result, const char *what)
{
	for (size_t i = 0; i < result->step_count; i++) {
		if (strcmp(result->steps[i].what, what) == 0)
			return true;
	}
	return false;
}

static void
check_pairs(const struct planner_problem *problem, const struct planner_result *result, size_t c)
{
	const struct planner_clients *clients = &problem->clients[c];
	const struct planner_share *share = &result->shares[c];
	struct region_set legal = region_set_minus(clients->legal, problem->dead);
	unsigned legal_count = region_set_count(legal);
	double sum = 0;

	if (clients->fixed) {
		SUITE_ROW(name, share->pair_count == clients->before_count && share->pairs == clients->before);
		return;
	}
	SUITE_ROW(name, (share->pair_count == 0) == (legal_count == 0));
	for (size_t i = 0; i < share->pair_count; i++) {
		const struct plan_pair *pair = &share->pairs[i], *last = i > 0 ? pair - 1 : NULL;

		SUITE_ROW(name, pair->share > 0);
		SUITE_ROW(name, last == NULL || last->primary < pair->primary
		    || (last->primary == pair->primary && last->backup < pair->backup));
		sum += pair->share;
		if (pair->primary == NO_REGION) {
			SUITE_ROW(name, clients->sheddable && has_step(result, RELAX_SHED));
			continue;
		}
		SUITE_ROW(name, region_set_has(&legal, pair->primary) && pair->primary != pair->backup);
		SUITE_ROW(name, pair->backup == NO_REGION ? legal_count == 1 : region_set_has(&legal, pair->backup));
	}
	SUITE_ROW(name, share->pair_count == 0 || fabs(sum - 1) <= 1e-12);
	SUITE_ROW(name, share->order_count == legal_count);
	for (size_t i = 0; i < share->order_count; i++) {
		SUITE_ROW(name, region_set_has(&legal, share->order[i]));
		region_set_remove(&legal, share->order[i]);
	}
}

/* The largest level that the plan admits. */
static double
level_told(const struct planner_result *result)
{
	double most = 1;

	for (size_t i = 0; i < result->step_count; i++) {
		const char *colon = strrchr(result->steps[i].what, ':');
		double level;

		if (result->steps[i].kind == RELAX_OVERLOAD && colon != NULL && sscanf(colon, ": %lf of", &level) == 1)
			most = fmax(most, level * 1.006);	/* three places */
	}
	return most;
}

static void
check_loads(const struct planner_problem *problem, const struct planner_result *result, struct region_set lost,
    const char *lost_name, double part)
{
	double loads[WORLD_REGIONS], unserved = 0, level = level_told(result);
	char what[100];

	snprintf(what, sizeof(what), "loss of %s", lost_name);
	if (told(result, what))
		return;
	planner_loads(problem, result->shares, lost, loads, &unserved);
	for (size_t r = 0; r < problem->region_count; r++) {
		double limit = problem->regions[r].capacity / result->margin *
		    (has_step(result, RELAX_OVERLOAD) ? fmax(level, part) : part);
		char here[100], by_fixed[100];

		snprintf(here, sizeof(here), "load of %s", problem->regions[r].name);
		snprintf(by_fixed, sizeof(by_fixed), ", at %s", problem->regions[r].name);
		for (size_t i = 0; i < result->step_count; i++) {
			if (strstr(result->steps[i].what, by_fixed) != NULL)
				limit = INFINITY;
		}
		if (problem->regions[r].capacity > 0 && !told(result, here))
			SUITE_ROW(name, loads[r] <= limit * (1 + CLOSE) + 1e-6);
	}
}

static void
check_world(const struct planner_problem *problem, const struct planner_result *result, struct tally *tally)
{
	bool has_number = false;

	tally->worlds++;
	tally->optimal += result->method == PLANNER_OPTIMAL;
	tally->relaxed += result->method == PLANNER_RELAXED;
	tally->fallen += result->method > PLANNER_RELAXED;
	tally->steps += result->step < 1;
	SUITE_ROW(name, (result->method == PLANNER_OPTIMAL) == (result->step_count == 0));
	SUITE_ROW(name, result->step > 0 && result->step <= 1);
	for (size_t i = 0; i < result->step_count; i++) {
		const struct planner_step *step = &result->steps[i];

		tally->kinds[step->kind]++;
		has_number = strpbrk(step->why, "0123456789") != NULL || strstr(step->why, "as near") != NULL;
		SUITE_ROW(name, step->what[0] != '\0' && has_number);
		SUITE_ROW(name, i == 0 || step[-1].kind <= step->kind);
	}
	for (size_t c = 0; c < problem->client_count; c++)
		check_pairs(problem, result, c);
	check_loads(problem, result, (struct region_set){ 0 }, "nothing", result->normal_limit);
	for (size_t r = 0; r < problem->region_count; r++) {
		struct region_set lost = { 0 };

		region_set_add(&lost, (region_id)r);
		if (!region_set_has(&problem->dead, (region_id)r))
			check_loads(problem, result, lost, problem->regions[r].name, result->loss_limit);
	}
	for (size_t q = 0; q < problem->risk_group_count; q++) {
		char group[64];

		snprintf(group, sizeof(group), "risk group %s", problem->risk_groups[q].name);
		if (region_set_count(region_set_minus(problem->risk_groups[q].regions, problem->dead)) > 1)
			check_loads(problem, result, problem->risk_groups[q].regions, group, result->loss_limit);
	}
	for (size_t i = 0; i < result->price_count; i++)
		SUITE_ROW(name, result->prices[i].price > 0 && (i == 0 || result->prices[i - 1].price >= result->prices[i].price));
}

static void
test_worlds(void)
{
	struct tally tally = { 0 };
	struct mono begin = mono_now();
	unsigned worlds = suite_rounds(WORLDS);

	for (uint64_t seed = 1; seed <= worlds; seed++) {
		static struct planner_world world;
		struct planner *planner = planner_new();
		struct arena *arena = arena_new();
		const struct planner_result *result = NULL;
		unsigned failed = CU_get_number_of_failures();

		if (seed > WORLDS_LEAST && mono_ms_between(begin, mono_now()) > PATIENCE_MS)
			seed = worlds;
		assert(planner != NULL && arena != NULL);
		world_random(&world, seed, 0.1 + 1.3 * (double)(seed % 17) / 17);
		if (seed % 3 > 0)
			world_complicate(&world);
		/* A quarter twice: the second plan begins at the first, and at the planner's memory of it. */
		for (int again = 0; again < (seed % 4 == 0 ? 2 : 1); again++) {
			snprintf(name, sizeof(name), "world %u, plan %d", (unsigned)seed, again + 1);
			result = planner_solve(planner, &world.problem, arena);
			assert(result != NULL);
			check_world(&world.problem, result, &tally);
			world_adopt(&world, result);
		}
		if (CU_get_number_of_failures() > failed) {
			for (size_t i = 0; i < result->step_count; i++)
				printf("# %s: %s: %s\n", name, result->steps[i].what, result->steps[i].why);
		}
		arena_free(arena);
		planner_free(planner);
		if (CU_get_number_of_failures() > 5)
			break;
	}
	CU_ASSERT(tally.worlds >= WORLDS_LEAST);
	CU_ASSERT(tally.fallen == 0);
	CU_ASSERT(tally.optimal > tally.worlds / 10);
	CU_ASSERT(tally.kinds[RELAX_MARGINS] > 0 && tally.kinds[RELAX_LATENCY] > 0 && tally.kinds[RELAX_LOSS] > 0);
	CU_ASSERT(tally.kinds[RELAX_OVERLOAD] > 0 && tally.kinds[RELAX_SHED] > 0);
	printf("# %zu plans, %zu optimal, %zu in steps; relaxed: margins %zu, caps %zu, losses %zu, levels %zu, classes %zu\n",
	    tally.worlds, tally.optimal, tally.steps, tally.kinds[RELAX_MARGINS], tally.kinds[RELAX_LATENCY],
	    tally.kinds[RELAX_LOSS], tally.kinds[RELAX_OVERLOAD], tally.kinds[RELAX_SHED]);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "every plan of 10,000 worlds is legal, whole and explained", .run = test_worlds },
	};

	return suite_run("planner_random", cases, ARRAY_SIZE(cases));
}
