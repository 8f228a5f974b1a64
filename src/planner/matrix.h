/* matrix.h -- the planner's program as the columns of numbers that the solver takes. Inner to the planner.
 * Threads: one per struct program_matrix. */
#ifndef ISOBAR_PLANNER_MATRIX_H
#define ISOBAR_PLANNER_MATRIX_H

#include "planner/program.h"

struct program_matrix;

struct program_matrix *matrix_new(void) MUST_USE;	/* NULL: out of memory */
void matrix_free(struct program_matrix *matrix);

/* `filled` points into `matrix`, until the next call. false: out of memory. */
bool matrix_fill(struct program_matrix *matrix, const struct program *program, struct lp_program *filled)
	NONNULL MUST_USE;

#endif
