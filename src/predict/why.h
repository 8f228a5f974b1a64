/* why.h -- which features moved a probability most: what it would be if one of them were as usual. Threads: any;
 * pure. */
#ifndef ISOBAR_PREDICT_WHY_H
#define ISOBAR_PREDICT_WHY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"
#include "base/text.h"
#include "predict/model.h"

#define WHY_MOST 5	/* features are told */

struct why {
	size_t feature;		/* of the model's table */
	double value, usual;	/* now; the median of the training data */
	double without;		/* the probability if it were as usual */
};

/* The features whose return to the median changes the probability most, the strongest first; those that change it by
 * less than a hundredth of it are left out. `features` as for model_probability(). How many, at most WHY_MOST. */
size_t why_find(const struct model *model, const double *features, struct why found[static WHY_MOST]) NONNULL;

/* The same as a JSON array of {feature, value, usual, unit, without}. False: out of memory. */
bool why_write(const struct model *model, const struct why *found, size_t count, struct text *json) NONNULL;

#endif
