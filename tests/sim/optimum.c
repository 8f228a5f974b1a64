/* optimum.c -- the largest utilisation at which some plan of (primary, backup) pairs overloads nobody, now or after the
 * loss of any one region: a linear program over all legal pairs, whose variable is the utilisation itself.
 * In: the globe, an hour.  Out: demand over the capacity of all regions.  It shares nothing with the planner but the
 * solver, so it can be the judge of what the planner finds and of what it says there is no plan for. */
#include "optimum.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "planner/lp.h"

static double optimum_at(const struct globe *globe, struct lp *lp, double hour, unsigned char **basis);
static void *many(size_t count, size_t size);

void
optimum_find(const struct globe *globe, unsigned hour_step, double *optimum)
{
	struct lp *lp = lp_new();
	unsigned char *basis = NULL;

	if (lp == NULL)
		abort();
	for (unsigned hour = 0; hour < 24; hour += hour_step)
		optimum[hour] = optimum_at(globe, lp, hour, &basis);
	free(basis);
	lp_free(lp);
}

/* Columns: u; L_r, the load of r; y_kb, what of k's goes to b; x_g(k, b). Rows:
 *	group g:	sum x_g - d_g u          = 0
 *	region k:	sum_g,b x_g(k, b) - L_k  = 0
 *	pair (k, b):	sum_g x_g(k, b) - y_kb   = 0
 *	loss (k, b):	L_b + y_kb              <= C_b
 * L_r <= C_r is a bound. A region without a second legal one has a pair with nobody: what is lost then isn't counted. */
static double
optimum_at(const struct globe *globe, struct lp *lp, double hour, unsigned char **basis)
{
	size_t regions = globe->region_count, groups = globe->group_count, pairs = regions * regions;
	size_t columns = 1 + regions + pairs + groups * pairs, rows = groups + regions + 2 * pairs, used = 0, cells = 0;
	int *starts = many(columns + 1, sizeof(int)), *row = many(4 * columns + pairs * regions, sizeof(int));
	double *cell = many(4 * columns + pairs * regions, sizeof(double)), *demand = many(groups, sizeof(double));
	double *lower = many(columns, sizeof(double)), *upper = many(columns, sizeof(double));
	double *cost = many(columns, sizeof(double)), *values = many(columns, sizeof(double));
	double *low = many(rows, sizeof(double)), *high = many(rows, sizeof(double));
	double *duals = many(rows, sizeof(double)), found;
	size_t region_row = groups, pair_row = groups + regions, loss_row = pair_row + pairs;

#define CELL(r, value) (row[cells] = (int)(r), cell[cells++] = (value))
#define COLUMN(most) (starts[used] = (int)cells, upper[used++] = (most))
	globe_demand(globe, hour, 1, demand);
	COLUMN(10);
	for (size_t g = 0; g < groups; g++)
		CELL(g, -demand[g]);
	for (size_t r = 0; r < regions; r++) {
		COLUMN(globe->regions[r].capacity / GLOBE_CAPACITY);
		CELL(region_row + r, -1);
		for (size_t k = 0; k < regions; k++)
			if (k != r)
				CELL(loss_row + k * regions + r, 1);
	}
	for (size_t k = 0; k < pairs; k++) {
		COLUMN(INFINITY);
		CELL(pair_row + k, -1);
		CELL(loss_row + k, 1);
	}
	for (size_t g = 0; g < groups; g++)
		for (size_t i = 0; i < globe->groups[g].near_count; i++)
			for (size_t j = 0; j < globe->groups[g].near_count; j++) {
				size_t k = globe->groups[g].near[i], b = globe->groups[g].near[j];

				if (k == b)
					continue;
				COLUMN(INFINITY);
				CELL(g, 1);
				CELL(region_row + k, 1);
				CELL(pair_row + k * regions + b, 1);
			}
	starts[used] = (int)cells;
#undef CELL
#undef COLUMN
	for (size_t p = 0; p < pairs; p++) {
		low[loss_row + p] = -INFINITY;
		high[loss_row + p] = globe->regions[p % regions].capacity / GLOBE_CAPACITY;
	}
	cost[0] = -1;
	if (*basis == NULL) {
		*basis = many(columns + rows, 1);
		memset(*basis, LP_AT_LOWER, used);
		memset(*basis + used, LP_BASIC, rows);
	}
	if (lp_solve(lp, &(struct lp_program){ .column_count = used, .row_count = rows, .starts = starts, .rows = row,
	    .coefficients = cell, .lower = lower, .upper = upper, .cost = cost, .row_lower = low, .row_upper = high,
	    .basis = *basis, .values = values, .duals = duals }, LP_PRIMAL, 60) != LP_OPTIMAL) {
		fprintf(stderr, "sim: the optimum wasn't found\n");
		abort();
	}
	found = values[0];
	free(starts), free(row), free(cell), free(demand), free(lower), free(upper), free(cost), free(values), free(low);
	free(high), free(duals);
	return found;
}

static void *
many(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (memory == NULL)
		abort();
	return memory;
}
