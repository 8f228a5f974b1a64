/* promotion.c -- challenger against incumbent.
 * In: what each said of the same rows, and what came of them.  Out: a verdict with its numbers.
 * Threads: any.
 * Minutes of one day hang together, so the unit that is drawn again and again is a day of a series (Efron and
 * Tibshirani 1993, chapter 8): the share of draws in which the challenger's Brier score is the lower one is the chance
 * that it's better. A simple rule that ranks better than the challenger vetoes it, whatever its Brier score. */
#include "models/promotion.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/text.h"

#define DAY_S 86400

static int score_all(const struct contender *challenger, const struct contender *incumbent, size_t count,
	const struct dataset *dataset, int64_t horizon_s, double base_rate, struct promotion *out);
static bool veto(const struct contender *challenger, const struct contender *incumbent, size_t count,
	double base_rate, uint64_t seed, struct promotion *out);
static double chance_against(const struct scored_row *ours, const struct scored_row *theirs, size_t count,
	double base_rate, uint64_t seed);
static double squared_error(const struct scored_row *row, double base_rate);
static bool outranked(const struct contender *challenger, const struct contender *rules, size_t rule_count,
	size_t count, struct promotion *out);
static double precision_of(const struct scored_row *rows, size_t count);
static bool say(struct promotion *out, const char *format, ...) PRINTF(2, 3);

int
promotion_decide(const struct contender *challenger, const struct contender *incumbent,
    const struct contender *rules, size_t rule_count, size_t count, const struct dataset *dataset, int64_t horizon_s,
    double base_rate, uint64_t seed, struct promotion *out)
{
	int status;

	*out = (struct promotion){ .chance = (double)NAN };
	status = score_all(challenger, incumbent, count, dataset, horizon_s, base_rate, out);
	if (status != 0)
		return status;
	if (out->challenger.events < PROMOTION_EVENTS_LEAST) {
		say(out, "%zu incidents in the newest time; %d are needed to judge it", out->challenger.events,
		    PROMOTION_EVENTS_LEAST);
		return 0;
	}
	if (veto(challenger, incumbent, count, base_rate, seed, out) ||
	    outranked(challenger, rules, rule_count, count, out))
		return 0;
	out->promote = true;
	say(out, "Brier skill %.3f on the newest time against %.3f of %s, better with a chance of %.2f",
	    out->challenger.brier_skill, incumbent->rows == NULL ? 0 : out->incumbent.brier_skill,
	    incumbent->rows == NULL ? "the base rate" : incumbent->name, out->chance);
	return 0;
}

static int
score_all(const struct contender *challenger, const struct contender *incumbent, size_t count,
    const struct dataset *dataset, int64_t horizon_s, double base_rate, struct promotion *out)
{
	int status = evaluate(challenger->rows, count, dataset, horizon_s, base_rate, &out->challenger);

	if (status == 0 && incumbent->rows != NULL)
		status = evaluate(incumbent->rows, count, dataset, horizon_s, base_rate, &out->incumbent);
	return status == -EINVAL ? -ENODATA : status;
}

/* True with the reason, when it isn't surely better calibrated and at least as useful as what is there. */
static bool
veto(const struct contender *challenger, const struct contender *incumbent, size_t count, double base_rate,
    uint64_t seed, struct promotion *out)
{
	const struct evaluation *ours = &out->challenger, *theirs = &out->incumbent;
	double chance;

	if (!(ours->brier_skill > 0))
		return say(out, "Brier skill %.3f on the newest time: no better than the base rate", ours->brier_skill);
	out->worst_rival = "the base rate";
	out->chance = chance_against(challenger->rows, NULL, count, base_rate, seed);
	if (incumbent->rows != NULL) {
		chance = chance_against(challenger->rows, incumbent->rows, count, base_rate, seed);
		out->worst_rival = chance < out->chance ? incumbent->name : out->worst_rival;
		out->chance = fmin(out->chance, chance);
	}
	if (!(out->chance >= PROMOTION_CHANCE_LEAST))
		return say(out, "better than %s with a chance of %.2f only; %.2f is wanted", out->worst_rival,
		    out->chance, PROMOTION_CHANCE_LEAST);
	if (incumbent->rows == NULL)
		return false;
	if (ours->calibration_error > theirs->calibration_error + PROMOTION_ECE_WORSE)
		return say(out, "calibration error %.4f against %.4f of %s", ours->calibration_error,
		    theirs->calibration_error, incumbent->name);
	if (ours->best.recall < theirs->best.recall)
		return say(out, "finds %.0f %% of incidents at a false alarm a day, %s %.0f %%",
		    100 * ours->best.recall, incumbent->name, 100 * theirs->best.recall);
	return false;
}

/* `theirs` NULL: the base rate. */
static double
chance_against(const struct scored_row *ours, const struct scored_row *theirs, size_t count, double base_rate,
    uint64_t seed)
{
	double *gains = calloc(count + 1, sizeof(*gains)), chance;
	size_t blocks = 0;

	if (gains == NULL)
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct scored_row base = { .score = base_rate, .positive = ours[i].positive };

		if (i > 0 && (ours[i].series != ours[i - 1].series || ours[i].t / DAY_S != ours[i - 1].t / DAY_S))
			blocks++;
		gains[blocks] += squared_error(theirs == NULL ? &base : &theirs[i], base_rate) -
		    squared_error(&ours[i], base_rate);
	}
	chance = promotion_chance(gains, blocks + (count > 0), PROMOTION_RESAMPLES, seed);
	free(gains);
	return chance;
}

static double
squared_error(const struct scored_row *row, double base_rate)
{
	double off = (isnan(row->score) ? base_rate : row->score) - (row->positive ? 1 : 0);

	return off * off;
}

double
promotion_chance(const double *gains, size_t blocks, size_t resamples, uint64_t seed)
{
	size_t better = 0;

	if (blocks == 0 || resamples == 0)
		return (double)NAN;
	for (uint64_t r = 0; r < resamples; r++) {
		double sum = 0;

		for (uint64_t i = 0; i < blocks; i++) {
			const uint64_t key[2] = { r, i };

			sum += gains[hash64(key, sizeof(key), seed) % blocks];
		}
		better += sum > 0;
	}
	return (double)better / (double)resamples;
}

static bool
outranked(const struct contender *challenger, const struct contender *rules, size_t rule_count, size_t count,
    struct promotion *out)
{
	double ours = precision_of(challenger->rows, count);

	for (size_t i = 0; i < rule_count; i++) {
		double theirs = precision_of(rules[i].rows, count);

		if (!(ours >= theirs))
			return say(out, "average precision %.3f is below %.3f of %s", ours, theirs, rules[i].name);
	}
	return false;
}

static double
precision_of(const struct scored_row *rows, size_t count)
{
	double *scores = malloc((count + 1) * sizeof(*scores)), precision = (double)NAN;
	bool *positives = malloc((count + 1) * sizeof(*positives));

	for (size_t i = 0; scores != NULL && positives != NULL && i < count; i++) {
		scores[i] = isnan(rows[i].score) ? -INFINITY : rows[i].score;
		positives[i] = rows[i].positive;
	}
	if (scores != NULL && positives != NULL)
		precision = average_precision(scores, positives, NULL, count);
	free(scores);
	free(positives);
	return precision;
}

/* Sets the verdict; true, for callers that end with it. */
static bool
say(struct promotion *out, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(out->verdict, sizeof(out->verdict), format, arguments);
	va_end(arguments);
	return true;
}
