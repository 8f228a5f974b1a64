/* loads.h -- what the values of a program's columns do to each region in each scenario. Inner to the planner.
 * Threads: one. */
#ifndef ISOBAR_PLANNER_LOADS_H
#define ISOBAR_PLANNER_LOADS_H

#include "planner/program.h"

struct loads {
	double *load;		/* scaled, without the fixed clients, [scenario * region_count + region] */
	double *variance;	/* of the clients' own errors */
	double *arriving;	/* by region: demand on primaries that didn't have it */
	/* Columns of pairs in use, by client: those of c are at starts[c] .. starts[c + 1]. */
	uint32_t *starts, *used;
	size_t used_size;
};

struct loads *loads_new(const struct scene *scene) NONNULL MUST_USE;	/* NULL: out of memory */
void loads_free(struct loads *loads);
bool loads_compute(struct loads *loads, const struct program *program) NONNULL MUST_USE;	/* false: no memory */

/* z times the standard deviation, by the scene's margins. */
double loads_reserve(const struct loads *loads, const struct scene *scene, size_t scenario, region_id region) NONNULL;

#endif
