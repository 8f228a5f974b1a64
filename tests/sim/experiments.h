/* experiments.h -- what one run shares, and the experiments. Threads: one (e05 starts another one for itself). */
#ifndef ISOBAR_TESTS_SIM_EXPERIMENTS_H
#define ISOBAR_TESTS_SIM_EXPERIMENTS_H

#include <math.h>

#include "globe.h"
#include "isobar.h"
#include "policy.h"
#include "population.h"
#include "results.h"
#include "svg.h"

#define HOURS 24

struct sim {
	bool full;
	uint64_t seed;
	const char *folder;		/* for plots and results.json, or NULL */
	unsigned hour_step;		/* hours of the day that are looked at: every so many */
	struct results results;
	/* The world of most experiments: 24 regions, the groups of the globe, and 10^6 resolvers (short form: fewer). */
	struct globe *globe;
	struct population *population;
	struct isobar *isobar;		/* knows the demand exactly */
	double optimum[HOURS];		/* largest utilisation that some plan of pairs bears (optimum.h) */
};

void e01_accuracy(struct sim *sim) NONNULL;
void e02_movement(struct sim *sim) NONNULL;
void e03_losses(struct sim *sim) NONNULL;
void e03_evening(struct sim *sim) NONNULL;
void e04_utilisation(struct sim *sim) NONNULL;
void e05_speed(struct sim *sim) NONNULL;
void e10_pairs(struct sim *sim) NONNULL;
void e11_scale(struct sim *sim) NONNULL;
void e12_residency(struct sim *sim) NONNULL;

/* All policies, the baselines first, ours last. */
#define POLICY_COUNT (BASELINE_COUNT + 1)
static inline const struct policy *
policy_at(size_t i)
{
	return i < BASELINE_COUNT ? &baselines[i] : &isobar_policy;
}

void *sim_many(size_t count, size_t size) MUST_USE;	/* zeroed; aborts without memory */
int sim_compare_doubles(const void *a, const void *b);

#endif
