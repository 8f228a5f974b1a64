/* fit.h -- one machine learned from the rows before a moment: the evidence of each feature, a sample of the rows, and
 * machines trained on it. Part of training (train.h). Threads: as train.h. */
#ifndef ISOBAR_PREDICT_FIT_H
#define ISOBAR_PREDICT_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "predict/evidence.h"
#include "predict/machine.h"
#include "predict/rows.h"

/* Rows with their features, as they are; by series, then time. */
struct pool {
	struct rows rows;
	double share;			/* of nature's negatives that are in it */
	size_t width;			/* features of a row */
	double *features;
	int64_t *times;
	double pseudo;			/* rows that evidence is drawn to the base rate by */
};

/* `features` of row i. */
const double *pool_row(const struct pool *pool, size_t i) NONNULL;

struct fit {
	size_t width;
	struct evidence *evidences;	/* [feature] */
	double *strengths;		/* [feature], see evidence_strength() */
	double *rows, *targets;		/* the sample, as evidence */
	size_t count;
	struct machine_rows *machine_rows;	/* the same */
};

/* From the pool's rows with t < before_s; at most about `most` in the sample. 0, -ENODATA when there is no row of
 * either kind, or -ENOMEM; fit_fini() in any case. */
int fit_prepare(struct fit *fit, const struct pool *pool, int64_t before_s, size_t most, uint64_t seed)
	NONNULL MUST_USE;
void fit_fini(struct fit *fit) NONNULL;

/* Trains and reads back; the text goes to `body`, to be freed. NULL: more vectors than MACHINE_VECTORS_MAX, settings
 * that libsvm refuses, out of memory. */
struct machine *fit_machine(const struct fit *fit, const struct machine_settings *settings, char **body, size_t *length)
	NONNULL MUST_USE;
/* A gamma of 1 stands for the inverse of the sample's mean squared length: about the distance of a failure from what is
 * ordinary. */
double fit_gamma(const struct fit *fit, double gamma) NONNULL;

/* The machine's decision on a row of features; `scratch` has room for one. */
double fit_score(const struct fit *fit, const struct machine *machine, const double *features, double *scratch) NONNULL;

#endif
