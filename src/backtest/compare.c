/* compare.c -- the scores of model and baselines, side by side.
 * In: a dataset, a model, a span behind its training; or rows with what each contestant said.  Out: scores, a table.
 * Threads: any. */
#include "backtest/compare.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static void print_interval(struct text *out, double value, struct interval interval, int width, int digits);

int
compare(const struct dataset *dataset, const struct model *model, int64_t from_s, int64_t to_s,
    struct comparison *out)
{
	struct contest *contest = contest_new(dataset, model);
	struct rows rows = { 0 };
	double *scores[CONTESTANT_COUNT] = { 0 };
	int status = -ENOMEM;

	*out = (struct comparison){ .from_s = from_s, .to_s = to_s };
	if (contest == NULL || !rows_collect(dataset, from_s, to_s, model->horizon_s, &rows))
		goto out;
	for (size_t c = 0; c < CONTESTANT_COUNT; c++) {
		scores[c] = malloc((rows.count + 1) * sizeof(double));
		if (scores[c] == NULL)
			goto out;
	}
	status = rows_positives(&rows) == 0 ? -ENODATA : contest_score(contest, dataset, &rows, scores, NULL, NULL);
	if (status == 0)
		status = compare_rows(dataset, &rows, scores, model->horizon_s, model->prevalence, model->seed, out);
out:
	for (size_t c = 0; c < CONTESTANT_COUNT; c++)
		free(scores[c]);
	contest_free(contest);
	rows_fini(&rows);
	return status;
}

int
compare_rows(const struct dataset *dataset, const struct rows *rows, double *const scores[CONTESTANT_COUNT],
    int64_t horizon_s, double base_rate, uint64_t seed, struct comparison *out)
{
	struct scored_row *scored = malloc((rows->count + 1) * sizeof(*scored));
	int status = scored == NULL ? -ENOMEM : rows_positives(rows) == 0 ? -ENODATA : 0;

	for (size_t c = 0; c < CONTESTANT_COUNT && status == 0; c++) {
		for (size_t i = 0; i < rows->count; i++) {
			const struct row *row = &rows->list[i];

			scored[i] = (struct scored_row){ row->series, row->positive,
				window_time(dataset->series[row->series].window, row->step), scores[c][i] };
		}
		status = evaluate(scored, rows->count, dataset, horizon_s, base_rate, &out->scores[c]);
		if (status == 0)
			status = intervals_draw(scored, rows->count, dataset, horizon_s, base_rate, &out->scores[c],
			    seed, &out->intervals[c]);
	}
	free(scored);
	return status;
}

void
compare_print(const struct comparison *comparison, struct text *out)
{
	const struct evaluation *model = &comparison->scores[CONTESTANT_MODEL];

	text_printf(out, "%zu rows, %zu positive (base rate %.4f), %zu incidents; brackets: 95 %% intervals\n",
	    model->rows, model->positives, model->prevalence, model->events);
	text_printf(out, "%-20s %8s %8s %9s %9s %8s %8s %9s %7s  %-21s %-20s %-17s %-18s\n", "", "AP", "ROC AUC",
	    "Brier", "B. skill", "ECE", "recall", "false/day", "lead", "AP / base rate", "B. skill", "recall",
	    "log loss  ECE mass");
	for (size_t i = 0; i < CONTESTANT_COUNT; i++) {
		const struct evaluation *e = &comparison->scores[i];
		const struct intervals *ci = &comparison->intervals[i];

		text_printf(out, "%-20s %8.4f %8.4f %9.6f %+9.4f %8.4f %8.3f %9.2f %5.0f s ", contestant_names[i],
		    e->average_precision, e->roc_auc, e->brier, e->brier_skill, e->calibration_error, e->best.recall,
		    e->best.false_alarms_per_day, e->best.lead_s);
		print_interval(out, e->average_precision / e->prevalence, ci->lift, 21, 1);
		print_interval(out, (double)NAN, ci->brier_skill, 20, 3);
		print_interval(out, (double)NAN, ci->recall, 17, 2);
		text_printf(out, " %8.5f  %8.4f\n", e->log_loss, e->calibration_error_mass);
	}
	text_printf(out, "at probability %.2f, where isobard acts: recall %.3f, %.2f false alarms a series-day\n",
	    model->own.threshold, model->own.recall, model->own.false_alarms_per_day);
}

/* "VALUE [LOW, HIGH]", the value left out when it isn't finite. */
static void
print_interval(struct text *out, double value, struct interval interval, int width, int digits)
{
	struct text cell = { 0 };

	if (isfinite(value))
		text_printf(&cell, "%.*f ", digits, value);
	if (isfinite(interval.low))
		text_printf(&cell, "[%.*f, %.*f]", digits, interval.low, digits, interval.high);
	text_puts(&cell, "");
	text_printf(out, " %-*s", width, cell.failed ? "" : cell.bytes);
	text_fini(&cell);
}
