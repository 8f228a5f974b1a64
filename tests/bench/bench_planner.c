/* bench_planner.c -- how long a plan takes: from cold, again, and after the demand has changed a little.
 *
 *	bench_planner [PERCENT-USED PERCENT-ERROR]	the largest world only, if given
 *
 * Prints a line for each size, in processor time. Worlds: regions and client groups on a sphere, demand by a power law,
 * risk groups of three neighbours; from a world with room to one where losses have to give way. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "planner/planner.h"

struct size { size_t regions, clients, risk_groups; };

struct world {
	struct planner_problem problem;
	struct planner_region *regions;
	struct planner_clients *clients;
	struct planner_risk_group *risk_groups;
};

static uint64_t state = 1;

static double
dice(void)
{
	state += 0x9e3779b97f4a7c15u;
	uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;

	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

struct place { double x, y, z; };

static struct place
place(void)
{
	double height = 1.6 * dice() - 0.6, turn = 6.283185307 * dice(), width = sqrt(1 - height * height);

	return (struct place){ width * cos(turn), width * sin(turn), height };
}

static double
latency(struct place a, struct place b)
{
	double cosine = a.x * b.x + a.y * b.y + a.z * b.z;

	return 4 + acos(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine) * 6371 * 1.4 / 100;
}

static void *
zeroed(size_t count, size_t size)
{
	void *p = calloc(count + 1, size);

	if (p == NULL)
		abort();
	return p;
}

/* Names live as long as the program. */
static const char *
name(const char *kind, size_t number)
{
	static struct arena *names;
	const char *text;

	if (names == NULL)
		names = arena_new();
	text = names == NULL ? NULL : arena_printf(names, "%s-%zu", kind, number);
	if (text == NULL)
		abort();
	return text;
}

static struct world
make_world(struct size size, double used, double error)
{
	struct world w = { .regions = zeroed(size.regions, sizeof(*w.regions)),
		.clients = zeroed(size.clients, sizeof(*w.clients)),
		.risk_groups = zeroed(size.risk_groups, sizeof(*w.risk_groups)) };
	struct place *at = zeroed(size.regions, sizeof(*at));
	double total = 0, capacity = 0;

	for (size_t r = 0; r < size.regions; r++) {
		at[r] = place();
		w.regions[r] = (struct planner_region){ .name = name("region", r), .capacity = 0.5 + dice(),
			.failure = 0.02 * dice() * dice() };
		capacity += w.regions[r].capacity;
	}
	for (size_t c = 0; c < size.clients; c++) {
		double *ms = zeroed(size.regions, sizeof(*ms));
		struct place here = place();

		w.clients[c] = (struct planner_clients){ .name = name("clients", c), .demand = pow(dice() + 0.001, -0.7),
			.error = error, .latency_cap = INFINITY, .class = 1, .latency = ms };
		total += w.clients[c].demand;
		for (size_t r = 0; r < size.regions; r++) {
			ms[r] = latency(here, at[r]);
			if (c % 10 > 0 || r % 3 > 0)	/* a tenth must stay out of a third */
				region_set_add(&w.clients[c].legal, (region_id)r);
		}
	}
	for (size_t r = 0; r < size.regions; r++)
		w.regions[r].capacity *= total / capacity / used;
	for (size_t q = 0; q < size.risk_groups; q++) {
		size_t first = (size_t)(dice() * (double)size.regions), near[2] = { first, first };

		for (int n = 0; n < 2; n++) {
			double best = INFINITY;

			for (size_t r = 0; r < size.regions; r++) {
				if (r != first && r != near[0] && latency(at[first], at[r]) < best) {
					best = latency(at[first], at[r]);
					near[n] = r;
				}
			}
		}
		w.risk_groups[q] = (struct planner_risk_group){ .name = name("group", q), .failure = 0.001 };
		region_set_add(&w.risk_groups[q].regions, (region_id)first);
		region_set_add(&w.risk_groups[q].regions, (region_id)near[0]);
		region_set_add(&w.risk_groups[q].regions, (region_id)near[1]);
	}
	free(at);
	w.problem = (struct planner_problem){ .region_count = size.regions, .regions = w.regions,
		.client_count = size.clients, .clients = w.clients, .risk_group_count = size.risk_groups,
		.risk_groups = w.risk_groups, .normal_limit = 0.85, .loss_limit = 0.95, .common_error = 0.03,
		.quantile_z = 1.64, .failure_cost = 500, .churn_cost = 2, .nearest = 6, .time_limit_ms = 60000 };
	return w;
}

static void
free_world(struct world *w)
{
	for (size_t c = 0; c < w->problem.client_count; c++) {
		const union { const double *view; double *own; } ms = { .view = w->clients[c].latency };

		free(ms.own);
	}
	free(w->regions);
	free(w->clients);
	free(w->risk_groups);
}

/* Of this thread: what else the machine does isn't counted. */
static double
processor_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static const struct planner_result *
solve(struct planner *planner, const struct world *world, struct arena *arena, const char *what)
{
	double before = processor_ms();
	const struct planner_result *result = planner_solve(planner, &world->problem, arena);

	if (result == NULL)
		abort();
	printf("    %-24s %8.2f ms  %5zu rows %6zu columns %6zu iterations  %6.2f ms latency  %zu relaxations, fill %.3f"
	    " and %.3f\n", what, processor_ms() - before, result->rows, result->columns, result->iterations,
	    result->latency, result->step_count, result->fill_now, result->fill_lost);
	return result;
}

static void
measure(struct size size, double used, double error)
{
	struct world world = make_world(size, used, error);
	struct planner *planner = planner_new();
	struct arena *arena = arena_new();
	const struct planner_result *result;

	if (planner == NULL || arena == NULL)
		abort();
	printf("%zu regions, %zu groups of clients, %zu risk groups, %.0f %% used, errors of %.0f %%\n", size.regions,
	    size.clients, size.risk_groups, 100 * used, 100 * error);
	result = solve(planner, &world, arena, "from cold");
	for (size_t c = 0; c < size.clients; c++) {
		world.clients[c].before = result->shares[c].pairs;
		world.clients[c].before_count = result->shares[c].pair_count;
	}
	result = solve(planner, &world, arena, "unchanged");
	for (size_t c = 0; c < size.clients; c++) {
		world.clients[c].demand *= 0.95 + 0.1 * dice();
		world.clients[c].before = result->shares[c].pairs;
		world.clients[c].before_count = result->shares[c].pair_count;
	}
	result = solve(planner, &world, arena, "demand changed by 5 %");
	arena_free(arena);
	planner_free(planner);
	free_world(&world);
}

int
main(int argc, char **argv)
{
	static const struct size sizes[] = { { 3, 12, 0 }, { 24, 264, 5 }, { 40, 1000, 10 }, { 100, 2000, 50 } };
	static const double used[] = { 0.45, 0.6, 0.7 }, errors[] = { 0, 0.2 };

	setlinebuf(stdout);
	if (argc == 3) {
		measure(sizes[3], atof(argv[1]) / 100, atof(argv[2]) / 100);
		return 0;
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (size_t j = 0; j < 6; j++)
			measure(sizes[i], used[j / 2], errors[j % 2]);
	}
	return 0;
}
