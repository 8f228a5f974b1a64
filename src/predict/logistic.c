/* logistic.c -- logistic regression by Newton's method.
 * In: rows and targets.  Out: weights.
 * Threads: any.
 * The ridge (one pseudo-observation a feature) keeps the Hessian regular when features are collinear,
 * as means and maxima of one metric are. Ten steps: the score only has to rank, and Newton has converged by then on
 * all data tried. */
#include "predict/logistic.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 10
#define RIDGE 1.0

static void add_row(const struct logistic *logistic, const double *row, double target, double *gradient,
	double *hessian);
static void solve(double *matrix, double *vector, size_t n);

int
logistic_fit(const double *rows, const double *targets, size_t count, size_t dimension, struct logistic *logistic)
{
	size_t n = dimension + 1;
	double *hessian, *gradient;

	if (dimension > LOGISTIC_DIMENSION_MAX)
		return -EINVAL;
	*logistic = (struct logistic){ .dimension = dimension };
	hessian = malloc(n * n * sizeof(*hessian));
	gradient = malloc(n * sizeof(*gradient));
	if (hessian == NULL || gradient == NULL) {
		free(hessian);
		free(gradient);
		return -ENOMEM;
	}
	for (int step = 0; step < STEPS; step++) {
		memset(hessian, 0, n * n * sizeof(*hessian));
		for (size_t i = 0; i < n; i++) {
			hessian[i * n + i] = RIDGE;
			gradient[i] = -RIDGE * logistic->weights[i];
		}
		for (size_t i = 0; i < count; i++)
			add_row(logistic, rows + i * dimension, targets[i] > 0 ? 1 : 0, gradient, hessian);
		solve(hessian, gradient, n);
		for (size_t i = 0; i < n; i++)
			logistic->weights[i] += gradient[i];
	}
	free(hessian);
	free(gradient);
	return 0;
}

static void
add_row(const struct logistic *logistic, const double *row, double target, double *gradient, double *hessian)
{
	size_t d = logistic->dimension, n = d + 1;
	double p = 1 / (1 + exp(-logistic_score(logistic, row))), curve = p * (1 - p), off = target - p;

	for (size_t i = 0; i < n; i++) {
		double x = i < d ? row[i] : 1, scaled = curve * x;

		gradient[i] += off * x;
		if (scaled == 0)
			continue;
		for (size_t k = 0; k <= i; k++)
			hessian[i * n + k] += scaled * (k < d ? row[k] : 1);
	}
}

/* Cholesky in place on the lower triangle; `vector` becomes the solution. */
static void
solve(double *matrix, double *vector, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k <= i; k++) {
			double sum = matrix[i * n + k];

			for (size_t j = 0; j < k; j++)
				sum -= matrix[i * n + j] * matrix[k * n + j];
			matrix[i * n + k] = i == k ? sqrt(sum > 1e-9 ? sum : 1e-9) : sum / matrix[k * n + k];
		}
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < i; k++)
			vector[i] -= matrix[i * n + k] * vector[k];
		vector[i] /= matrix[i * n + i];
	}
	for (size_t i = n; i-- > 0;) {
		for (size_t k = i + 1; k < n; k++)
			vector[i] -= matrix[k * n + i] * vector[k];
		vector[i] /= matrix[i * n + i];
	}
}

double
logistic_score(const struct logistic *logistic, const double *row)
{
	double sum = logistic->weights[logistic->dimension];

	for (size_t i = 0; i < logistic->dimension; i++)
		sum += logistic->weights[i] * row[i];
	return sum;
}
