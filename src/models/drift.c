/* drift.c -- is the model in service still right?
 * In: its forecasts with what came of them.  Out: a verdict in words.
 * Threads: any.
 * Nothing is judged on a handful of incidents: a model that foresaw none of three is unlucky or bad, and nobody can
 * tell which. The rise of the loss is the exception, since it needs no incident that wasn't foreseen: hours of high
 * probabilities without one are enough. */
#include "models/drift.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

static int compare_times(const void *a, const void *b);
static int loss_rise(const struct scored_row *rows, size_t count, double base_rate, double *rise);
static void judge(double promoted_skill, double strange, struct drift *out);

int
drift_judge(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
    double base_rate, double promoted_skill, double strange, struct drift *out)
{
	int status;

	*out = (struct drift){ .proven = false };
	status = evaluate(rows, count, dataset, horizon_s, base_rate, &out->live);
	if (status != 0)
		return status == -EINVAL ? -ENODATA : status;
	for (size_t i = 0; i < count; i++) {
		out->expected += isnan(rows[i].score) ? base_rate : rows[i].score;
		out->observed += rows[i].positive ? 1 : 0;
	}
	status = loss_rise(rows, count, base_rate, &out->loss_rise);
	if (status == 0)
		judge(promoted_skill, strange, out);
	return status;
}

/* In order of time over all series: a change hits them at once, or it's no change of the model's world. */
static int
loss_rise(const struct scored_row *rows, size_t count, double base_rate, double *rise)
{
	struct scored_row *sorted = malloc((count + 1) * sizeof(*sorted));
	double mean = 0, sum = 0, least = 0;

	*rise = 0;
	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = rows[i];
	qsort(sorted, count, sizeof(*sorted), compare_times);
	for (size_t i = 0; i < count; i++) {
		double p = isnan(sorted[i].score) ? base_rate : sorted[i].score, y = sorted[i].positive ? 1 : 0;
		double loss = (p - y) * (p - y);

		mean += (loss - mean) / (double)(i + 1);
		sum += loss - mean - DRIFT_LOSS_SLACK;
		least = fmin(least, sum);
		*rise = fmax(*rise, sum - least);
	}
	free(sorted);
	return 0;
}

static int
compare_times(const void *a, const void *b)
{
	const struct scored_row *x = a, *y = b;

	if (x->t != y->t)
		return (x->t > y->t) - (x->t < y->t);
	return (x->series > y->series) - (x->series < y->series);
}

static void
judge(double promoted_skill, double strange, struct drift *out)
{
	const struct evaluation *live = &out->live;
	double ratio = out->expected / out->observed;

	out->proven = live->events >= DRIFT_EVENTS_LEAST;
	if (strange > DRIFT_STRANGE_MOST) {
		out->drifted = true;
		snprintf(out->reason, sizeof(out->reason),
		    "its features have moved: in %.0f %% of the minutes they are unlike those of its training",
		    100 * strange);
	} else if (out->loss_rise > DRIFT_LOSS_MOST) {
		out->drifted = true;
		snprintf(out->reason, sizeof(out->reason), "its Brier loss rose by %.0f in sum, more than %.0f",
		    out->loss_rise, DRIFT_LOSS_MOST);
	} else if (!out->proven) {
		snprintf(out->reason, sizeof(out->reason), "unproven: %zu incidents in service, %d are needed",
		    live->events, DRIFT_EVENTS_LEAST);
	} else if (live->brier_skill < 0) {
		out->drifted = true;
		snprintf(out->reason, sizeof(out->reason), "Brier skill %.3f in service: the base rate is better",
		    live->brier_skill);
	} else if (live->brier_skill < promoted_skill - DRIFT_SKILL_LOST) {
		out->drifted = true;
		snprintf(out->reason, sizeof(out->reason), "Brier skill %.3f in service, %.3f when it was promoted",
		    live->brier_skill, promoted_skill);
	} else if (ratio > DRIFT_RATIO_MOST || ratio < 1 / DRIFT_RATIO_MOST) {
		out->drifted = true;
		snprintf(out->reason, sizeof(out->reason), "it expected %.2f times the incidents that came", ratio);
	}
}
