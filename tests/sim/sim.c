/* sim.c -- the simulator: what the product promises about steering, measured on a world of 10^6 resolvers.
 *
 *	make sim			the full form: minutes; writes tests/sim/results.json and tests/sim/E*.svg
 *	tests/sim/sim			the short form, as `make check` runs it: seconds, smaller numbers, the same code
 *	tests/sim/sim [--full] [--seed N] [--out FOLDER] [--only E3]
 *
 * What is real and what isn't. The product's own code plans (planner/planner.h), packs and compiles (packing/compile.h),
 * certifies (certificate/certificate.h), spreads clients (slots_place) and picks (slots_pick). The loads of our policy are added
 * up slot by slot from the compiled tables, never from what the planner meant. The world is made up here:
 *
 *	globe.c		countries by users, sites by place, capacities, the law, the day
 *	population.c	resolvers: skew, ECS, stretched TTLs, addresses
 *	caches.c	discrete events: who asks when, and what is cached until when
 *	isobar.c	the adapter to the product
 *	optimum.c	what any plan could do at best
 *	baselines.c	how others steer, by their documented rules, behind the same interface (policy.h)
 *	e01.c ... e12.c	one experiment each: its question, its method, its table, its plot, its goals
 *	results.c, svg.c	what is written
 *
 * Experiments and goals are those of isobar-steering(7). A goal that isn't met is a row with "met": false, and the program
 * ends with 1. Everything but durations follows from the seed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "experiments.h"
#include "optimum.h"

#define FULL_RESOLVERS 1000000
#define SHORT_RESOLVERS 60000

static const struct experiment { const char *name; void (*run)(struct sim *); const char *question; } experiments[] = {
	{ "E1", e01_accuracy, "how exact are the shares?" },
	{ "E2", e02_movement, "how much moves when weights change, beyond what must?" },
	{ "E3", e03_losses, "every single loss, around the day, at utilisations of 0.3 to 0.9" },
	{ "E3", e03_evening, "an evening with noise, a flash crowd and a failure in it" },
	{ "E4", e04_utilisation, "how far may a world be filled, so that any one region may fail?" },
	{ "E5", e05_speed, "how soon is nobody sent to a dead region any more?" },
	{ "E10", e10_pairs, "two regions at once" },
	{ "E11", e11_scale, "100 regions and 2,000 groups" },
	{ "E12", e12_residency, "is anybody ever sent where the law forbids it?" },
};

static void usage(void);
static double seconds_since(struct mono before);

int
main(int argc, char **argv)
{
	static struct sim sim = { .seed = 1 };
	const char *only = NULL;
	struct mono start = mono_now();
	bool good;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--full") == 0)
			sim.full = true;
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			sim.seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--out") == 0 && i + 1 < argc)
			sim.folder = argv[++i];
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
			only = argv[++i];
		else
			usage();
	}
	sim.hour_step = sim.full ? 1 : 8;
	sim.globe = globe_new((struct globe_options){ .regions = 24, .parts = 1, .seed = sim.seed });
	sim.population = population_new(sim.globe, sim.full ? FULL_RESOLVERS : SHORT_RESOLVERS, sim.seed);
	sim.isobar = isobar_new(sim.globe, sim.population, (struct isobar_options){ .sticky = true, .seed = sim.seed });
	optimum_find(sim.globe, sim.hour_step, sim.optimum);
	printf("%zu regions, %zu client groups, %zu resolvers seen as %zu keys, seed %llu\n", sim.globe->region_count,
		sim.globe->group_count, sim.population->resolver_count, sim.population->count,
		(unsigned long long)sim.seed);
	for (size_t i = 0; i < ARRAY_SIZE(experiments); i++) {
		struct mono before = mono_now();

		if (only != NULL && strcmp(only, experiments[i].name) != 0)
			continue;
		printf("\n== %s: %s\n", experiments[i].name, experiments[i].question);
		experiments[i].run(&sim);
		printf("(%.1f s)\n", seconds_since(before));
		fflush(stdout);
	}
	printf("\n");
	good = results_print(&sim.results);
	if (sim.folder != NULL && only == NULL) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/results.json", sim.folder);
		results_write(&sim.results, path);
	}
	printf("%.1f s in all\n", seconds_since(start));
	isobar_free(sim.isobar);
	population_free(sim.population);
	globe_free(sim.globe);
	return good ? 0 : 1;
}

static void
usage(void)
{
	fprintf(stderr, "usage: sim [--full] [--seed N] [--out FOLDER] [--only EXPERIMENT]\n");
	exit(2);
}

static double
seconds_since(struct mono before)
{
	return (double)(mono_now().ns - before.ns) / 1e9;
}

void *
sim_many(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (memory == NULL)
		abort();
	return memory;
}

int
sim_compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}
