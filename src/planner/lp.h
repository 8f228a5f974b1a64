/* lp.h -- the one door to the solver of linear programs (Clp): a program goes in with the basis to begin at, its
 * optimum and basis come out. Nothing is kept between calls but the model's memory. Threads: one per struct lp. */
#ifndef ISOBAR_PLANNER_LP_H
#define ISOBAR_PLANNER_LP_H

#include <stddef.h>

#include "base/contract.h"

enum lp_basis { LP_FREE, LP_BASIC, LP_AT_UPPER, LP_AT_LOWER };	/* as Clp counts them */

/* Which algorithm begins: the dual one after rows or bounds changed, the primal one after columns or costs did. */
enum lp_method { LP_DUAL, LP_PRIMAL };

enum lp_result { LP_OPTIMAL, LP_INFEASIBLE, LP_TIME, LP_FAILED };

/* min cost x, row_lower <= A x <= row_upper, lower <= x <= upper. A by columns: those of column j are at
 * starts[j] .. starts[j + 1]. */
struct lp_program {
	size_t column_count, row_count;
	const int *starts, *rows;
	const double *coefficients;
	const double *lower, *upper, *cost;
	const double *row_lower, *row_upper;
	unsigned char *basis;		/* in and out: enum lp_basis of the columns, then of the rows */
	double *values;			/* out: of the columns */
	double *reduced;		/* out: their reduced costs; NULL: not wanted */
	double *duals;			/* out: of the rows; <= 0 for one that holds from above */
	double objective;		/* out */
	size_t iterations;		/* out */
};

struct lp;

struct lp *lp_new(void) MUST_USE;	/* NULL: out of memory */
void lp_free(struct lp *lp);

/* `seconds`: the most that it may take. A basis of the wrong size is mended first. */
enum lp_result lp_solve(struct lp *lp, struct lp_program *program, enum lp_method method, double seconds)
	NONNULL MUST_USE;

#endif
