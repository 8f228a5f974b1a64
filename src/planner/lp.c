/* lp.c -- Clp behind three functions.
 * In: a program and a basis.  Out: optimum, duals, basis.  Threads: one per struct lp.
 *
 * The model is loaded anew for each solve: a program of 12,000 columns is copied in a millisecond, which is little
 * beside its solution, and rows and columns can then come and go without a second book-keeping here.
 * The solver's clock counts processor time, which is at most wall time for one thread; so a limit in seconds holds on
 * an idle machine, and the caller measures wall time between solves. */
#include "planner/lp.h"

#include <coin/Clp_C_Interface.h>
#include <string.h>

/* A program is scaled to 10^4 in all (scene.h): a tenth of the default tolerances costs no time; with
 * a hundredth the solver was seen to run in circles. */
#define TOLERANCE 1e-8

static void mend_basis(struct lp_program *program);
static void copy_out(Clp_Simplex *model, struct lp_program *program);
static enum lp_result result_of(Clp_Simplex *model);

struct lp *
lp_new(void)
{
	Clp_Simplex *model = Clp_newModel();

	if (model == NULL)
		return NULL;
	Clp_setLogLevel(model, 0);
	Clp_setPrimalTolerance(model, TOLERANCE);
	Clp_setDualTolerance(model, TOLERANCE);
	return (struct lp *)model;
}

void
lp_free(struct lp *lp)
{
	if (lp != NULL)
		Clp_deleteModel((Clp_Simplex *)lp);
}

enum lp_result
lp_solve(struct lp *lp, struct lp_program *program, enum lp_method method, double seconds)
{
	Clp_Simplex *model = (Clp_Simplex *)lp;
	enum lp_result result;

	Clp_loadProblem(model, (int)program->column_count, (int)program->row_count, program->starts, program->rows,
	    program->coefficients, program->lower, program->upper, program->cost, program->row_lower,
	    program->row_upper);
	mend_basis(program);
	Clp_copyinStatus(model, program->basis);
	Clp_setMaximumSeconds(model, seconds > 0.001 ? seconds : 0.001);
	if (method == LP_DUAL)
		Clp_dual(model, 0);
	else
		Clp_primal(model, 0);
	result = result_of(model);
	copy_out(model, program);
	return result;
}

/* As many basic variables as rows: slacks fill up, superfluous columns leave. That the basis isn't singular is seen to
 * by the solver. */
static void
mend_basis(struct lp_program *program)
{
	size_t n = program->column_count, m = program->row_count, basic = 0;

	for (size_t i = 0; i < n + m; i++)
		basic += program->basis[i] == LP_BASIC;
	for (size_t i = n + m; i > n && basic < m; i--) {
		if (program->basis[i - 1] != LP_BASIC) {
			program->basis[i - 1] = LP_BASIC;
			basic++;
		}
	}
	for (size_t i = n; i > 0 && basic > m; i--) {
		if (program->basis[i - 1] == LP_BASIC) {
			program->basis[i - 1] = LP_AT_LOWER;
			basic--;
		}
	}
}

static enum lp_result
result_of(Clp_Simplex *model)
{
	switch (Clp_status(model)) {
	case 0:
		return LP_OPTIMAL;
	case 1:
		return LP_INFEASIBLE;
	case 3:
		return LP_TIME;
	default:
		return LP_FAILED;
	}
}

static void
copy_out(Clp_Simplex *model, struct lp_program *program)
{
	memcpy(program->values, Clp_primalColumnSolution(model), program->column_count * sizeof(double));
	if (program->reduced != NULL)
		memcpy(program->reduced, Clp_dualColumnSolution(model), program->column_count * sizeof(double));
	memcpy(program->duals, Clp_dualRowSolution(model), program->row_count * sizeof(double));
	memcpy(program->basis, Clp_statusArray(model), program->column_count + program->row_count);
	for (size_t i = 0; i < program->column_count + program->row_count; i++)
		program->basis[i] &= 7;
	program->objective = Clp_objectiveValue(model);
	program->iterations = (size_t)Clp_numberIterations(model);
}
