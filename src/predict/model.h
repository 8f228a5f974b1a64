/* model.h -- a failure model as it ships: what it was trained on, how to scale what it sees, the machine, and the curve
 * from its score to a probability. Text (isobar-models(7)), so that it can be read and compared.
 * Threads: any; a model is immutable. */
#ifndef ISOBAR_PREDICT_MODEL_H
#define ISOBAR_PREDICT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/hash.h"
#include "base/text.h"
#include "predict/evidence.h"
#include "predict/features.h"
#include "predict/machine.h"
#include "predict/platt.h"
#include "predict/scaling.h"

#define MODEL_FORMAT 3
#define MODEL_FORMAT_OLDEST 2	/* that is read: it names no kernel, they are all RBF */
#define MODEL_SIZE_MAX (16 << 20)	/* bytes; a model of 2,500 vectors has about one million */

struct model {
	int64_t horizon_s, step_s;	/* step: of the data that it was trained on */
	struct metrics *metrics;	/* that it was made for, by name */
	struct feature_table *table;	/* of these; for windows of another catalogue see feature_table_new() */
	/* [feature of the table]: what is usual for it, and by its weight how much it tells */
	struct scaling scalings[FEATURES_MAX];
	struct evidence *evidences;	/* [feature]: what it tells; of it the machine's rows are made */
	bool skill;			/* false: nothing could be foreseen, the prevalence is all it says */
	struct platt platt;
	double prevalence;		/* the natural rate of positive rows */
	int64_t from_s, to_s;		/* training span, calibration included */
	size_t rows, positives, events;
	struct machine_settings settings;
	int library;			/* libsvm's version number */
	uint64_t seed;
	char id[SHA256_TEXT_SIZE];	/* SHA-256 of the whole text; set by model_read() */
	struct machine *machine;	/* NULL without skill */
};

/* The text of a model whose machine has the text `body` (empty without skill). Caller frees; NULL: out of memory. */
char *model_write(const struct model *model, const char *body, size_t body_length, size_t *length) NONNULL MUST_USE;

/* NULL with the reason in `error`: another format, another list of features, cut short, changed, not finite. */
struct model *model_read(const char *bytes, size_t length, struct text *error) NONNULL MUST_USE;
void model_free(struct model *model);	/* NULL is allowed */

/* The probability that an incident begins within the horizon; `features` as features_compute() gives them
 * for the model's table, or one of the same names. */
double model_probability(const struct model *model, const double *features) NONNULL;
/* Between which it lies in 80 of 100 cases, see platt_band(); NAN for a model without skill. */
void model_band(const struct model *model, const double *features, double *low, double *high) NONNULL;
/* How unlike the training data these features are: the share of those beyond the clip, each counted by its weight
 * squared, as the kernel does. Of the minutes that the shipped model was made from, one in a thousand has more than
 * 0.06, and none before an incident more than 0.1. Above MODEL_STRANGE a probability means nothing. */
#define MODEL_STRANGE 0.15
double model_strangeness(const struct model *model, const double *features) NONNULL;
/* The score before calibration. */
double model_score(const struct model *model, const double *features) NONNULL;

#endif
