/* load_rule.h -- what is fitted to a load for one horizon: a scale, a smoothing, and a correction of what that misses.
 * Threads: any, but for load_rule_train(), as machine_train(). A rule has one owner. */
#ifndef ISOBAR_LOAD_LOAD_RULE_H
#define ISOBAR_LOAD_LOAD_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "load/holt_winters.h"
#include "predict/machine.h"

#define LOAD_HORIZONS 3
#define LOAD_FEATURES 21

extern const int64_t load_horizons_s[LOAD_HORIZONS];	/* 10, 30, 60 minutes */

/* A stretch of a load, at even distances; NAN is a gap. */
struct load_span {
	const double *values;	/* as they were reported: what is forecast */
	const double *means;	/* of the last pace.mean of them: what is smoothed; may be `values` */
	size_t count;
	size_t known;		/* those that were known when the rules were fitted: the first ones */
	struct pace pace;
	size_t phase;		/* the first value's place in the day, < pace.day */
};

/* Where a load lives: as it is, or as logarithms, in which a quiet night and a busy day err alike. */
struct load_scale {
	bool logarithm;
	double offset, floor;	/* log(max(x + offset, floor)) */
	double least, most;	/* a forecast stays within these and half their distance, and on their side of 0 */
};

struct load_rule {
	size_t ahead;		/* in values; 0: this horizon is no whole number of them */
	struct load_scale scale;
	struct smoothing smoothing;
	double spread, clip;	/* of what smoothing misses: root mean square, and the most that is corrected */
	double means[LOAD_FEATURES], deviations[LOAD_FEATURES];	/* of the features; deviation 0: says nothing */
	struct machine *machine;	/* NULL: no correction */
	char *body;		/* the machine's text */
	size_t body_length;
	bool corrects;		/* the guard's word: it's used, and not only watched */
	double lower, upper;	/* to be added in `scale` for the 10 % and the 90 % quantile; NAN: unknown */
	double middle;		/* the same for the median, where that is better */
};

/* Chooses scales and smoothings by the forecasts' mean absolute error among the known values. Rules with
 * ahead 0 are left alone; the others lose their machine. False: out of memory. */
bool load_rules_smooth(struct load_rule *rules, size_t count, const struct load_span *span) NONNULL MUST_USE;

/* A load in a rule's scale, and what smoothing says of it: the same `span` for all functions. */
struct load_view {
	const struct load_span *span;
	double *y;		/* the means */
	double *forecasts;	/* at i for i + ahead */
};
bool load_view_init(struct load_view *view, const struct load_rule *rule, const struct load_span *span)
	NONNULL MUST_USE;
void load_view_fini(struct load_view *view) NONNULL;

/* Trains the correction on the known values; no machine when that is too little, or all is known already.
 * False: out of memory. */
bool load_rule_train(struct load_rule *rule, const struct load_view *view) NONNULL MUST_USE;

/* At value `at`: the forecast in the rule's scale, and what the correction adds to it (0 without a machine). */
double load_rule_smoothed(const struct load_view *view, size_t at) NONNULL;
double load_rule_correction(const struct load_rule *rule, const struct load_view *view, size_t at) NONNULL;

double load_scale_to(const struct load_scale *scale, double value) NONNULL;
/* Back, within what can be: `now` is the newest value, which may be beyond all before it. */
double load_scale_from(const struct load_scale *scale, double y, double now) NONNULL;

void load_rule_write(const struct load_rule *rule, struct text *out) NONNULL;
/* What load_rule_write() wrote at *at, which is moved behind it; false with the reason in `error`. */
bool load_rule_read(struct load_rule *rule, const char **at, const char *end, struct text *error) NONNULL MUST_USE;
void load_rule_fini(struct load_rule *rule) NONNULL;

#endif
