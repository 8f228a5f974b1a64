/* intervals.c -- the block bootstrap of scores (Kuensch 1989; blocks are days of a series).
 * In: scored rows.  Out: the quantiles of 2.5 and 97.5 % of each score over the draws.
 * Threads: any. Minutes are far from independent: one incident makes ten positives, one bad hour sixty false alarms.
 * Drawing minutes would make intervals a tenth as wide as they are. A day holds an incident with what announced it.
 *
 * Rows are ranked once; a draw only changes how often each day counts, so it costs one walk over the ranked rows. */
#include "backtest/intervals.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/hash.h"

#define DAY_S 86400
#define DRAWS_LEAST (INTERVALS_DRAWS / 2)	/* of a score that have a value; with less no interval is told */

struct block {
	double rows, positives, loss, loss_base;
	double events, found;
};

struct ranked {
	double score;
	uint32_t block;
	bool positive;
};

struct bootstrap {
	struct ranked *ranked;
	size_t count;
	struct block *blocks;
	uint32_t *times;		/* [block]: how often it was drawn */
	size_t block_count;
};

static bool prepare(struct bootstrap *b, const struct scored_row *rows, size_t count, double base_rate);
static bool add_events(struct bootstrap *b, const struct scored_row *rows, size_t count,
	const struct dataset *dataset, int64_t horizon_s, double threshold);
static size_t block_at(const struct scored_row *rows, size_t first, size_t end, size_t block, int64_t time_s);
static void draw(struct bootstrap *b, uint64_t seed, size_t number);
static double precision_of(const struct bootstrap *b);
static struct interval interval_of(double *values);
static int compare_ranked(const void *a, const void *b);
static int compare_doubles(const void *a, const void *b);

int
intervals_draw(const struct scored_row *rows, size_t count, const struct dataset *dataset, int64_t horizon_s,
    double base_rate, const struct evaluation *evaluation, uint64_t seed, struct intervals *out)
{
	struct bootstrap b = { 0 };
	double (*values)[INTERVALS_DRAWS] = malloc(4 * sizeof(*values));
	int status = -ENOMEM;

	if (values == NULL || !prepare(&b, rows, count, base_rate) ||
	    !add_events(&b, rows, count, dataset, horizon_s, evaluation->best.threshold))
		goto out;
	for (size_t d = 0; d < INTERVALS_DRAWS; d++) {
		struct block sum = { 0 };

		draw(&b, seed, d);
		for (size_t i = 0; i < b.block_count; i++) {
			double times = b.times[i];

			sum.rows += times * b.blocks[i].rows;
			sum.positives += times * b.blocks[i].positives;
			sum.loss += times * b.blocks[i].loss;
			sum.loss_base += times * b.blocks[i].loss_base;
			sum.events += times * b.blocks[i].events;
			sum.found += times * b.blocks[i].found;
		}
		values[0][d] = precision_of(&b);
		values[1][d] = sum.positives > 0 ? values[0][d] * sum.rows / sum.positives : (double)NAN;
		values[2][d] = sum.loss_base > 0 ? 1 - sum.loss / sum.loss_base : (double)NAN;
		values[3][d] = sum.events > 0 ? sum.found / sum.events : (double)NAN;
	}
	out->average_precision = interval_of(values[0]);
	out->lift = interval_of(values[1]);
	out->brier_skill = interval_of(values[2]);
	out->recall = interval_of(values[3]);
	status = 0;
out:
	free(values);
	free(b.ranked);
	free(b.blocks);
	free(b.times);
	return status;
}

/* Cuts the rows into days of a series, and ranks them. */
static bool
prepare(struct bootstrap *b, const struct scored_row *rows, size_t count, double base_rate)
{
	b->ranked = malloc((count + 1) * sizeof(*b->ranked));
	b->blocks = calloc(count + 1, sizeof(*b->blocks));
	b->times = calloc(count + 1, sizeof(*b->times));
	if (b->ranked == NULL || b->blocks == NULL || b->times == NULL)
		return false;
	b->count = count;
	for (size_t i = 0; i < count; i++) {
		double p = evaluate_probability(rows[i].score, base_rate), y = rows[i].positive ? 1 : 0;
		struct block *block;

		if (i == 0 || rows[i].series != rows[i - 1].series || rows[i].t / DAY_S != rows[i - 1].t / DAY_S)
			b->block_count++;
		block = &b->blocks[b->block_count - 1];
		block->rows += 1;
		block->positives += y;
		block->loss += (p - y) * (p - y);
		block->loss_base += (base_rate - y) * (base_rate - y);
		b->ranked[i] = (struct ranked){ isnan(rows[i].score) ? -INFINITY : rows[i].score,
			(uint32_t)(b->block_count - 1), rows[i].positive };
	}
	qsort(b->ranked, count, sizeof(*b->ranked), compare_ranked);
	return true;
}

static bool
add_events(struct bootstrap *b, const struct scored_row *rows, size_t count, const struct dataset *dataset,
    int64_t horizon_s, double threshold)
{
	struct alarms alarms = { .threshold = threshold };
	struct heard *heard = malloc((evaluate_events(rows, count, dataset, horizon_s) + 1) * sizeof(*heard));
	size_t block = 0;

	if (heard == NULL)
		return false;
	evaluate_alarms(rows, count, dataset, horizon_s, &alarms, heard);
	for (size_t first = 0, end; first < count; first = end) {
		const struct incidents *incidents = &dataset->series[rows[first].series].incidents;

		end = evaluate_series_end(rows, count, first);
		for (size_t i = incidents_after(incidents, rows[first].t); i < incidents->count; i++) {
			int64_t start_s = incidents->list[i].start_s;
			struct block *of;

			if (start_s > rows[end - 1].t + horizon_s)
				break;
			of = &b->blocks[block_at(rows, first, end, block, start_s)];
			of->events += 1;
			for (size_t k = 0; k < alarms.found; k++)
				of->found += heard[k].series == rows[first].series && heard[k].start_s == start_s;
		}
		block = block_at(rows, first, end, block, INT64_MAX) + 1;
	}
	free(heard);
	return true;
}

/* The block of the last row before `time_s`; `block` is that of row `first`. */
static size_t
block_at(const struct scored_row *rows, size_t first, size_t end, size_t block, int64_t time_s)
{
	for (size_t i = first + 1; i < end && rows[i].t < time_s; i++)
		block += rows[i].t / DAY_S != rows[i - 1].t / DAY_S;
	return block;
}

static void
draw(struct bootstrap *b, uint64_t seed, size_t number)
{
	for (size_t i = 0; i < b->block_count; i++)
		b->times[i] = 0;
	for (size_t i = 0; i < b->block_count; i++) {
		const uint64_t key[2] = { number, i };

		b->times[hash64(key, sizeof(key), seed) % b->block_count]++;
	}
}

/* As average_precision(), each row as often as its day. */
static double
precision_of(const struct bootstrap *b)
{
	double found = 0, seen = 0, sum = 0;

	for (size_t i = 0; i < b->count;) {
		double before = found, score = b->ranked[i].score;

		for (; i < b->count && b->ranked[i].score == score; i++) {
			double times = b->times[b->ranked[i].block];

			found += b->ranked[i].positive ? times : 0;
			seen += times;
		}
		sum += seen > 0 ? (found - before) * (found / seen) : 0;
	}
	return found > 0 ? sum / found : (double)NAN;
}

static struct interval
interval_of(double *values)
{
	size_t known = 0;

	for (size_t d = 0; d < INTERVALS_DRAWS; d++) {
		if (isfinite(values[d]))
			values[known++] = values[d];
	}
	if (known < DRAWS_LEAST)
		return (struct interval){ (double)NAN, (double)NAN };
	qsort(values, known, sizeof(*values), compare_doubles);
	return (struct interval){ values[(size_t)((double)(known - 1) * 0.025)],
		values[(size_t)((double)(known - 1) * 0.975 + 0.5)] };
}

static int
compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->score < y->score) - (x->score > y->score);
}

static int
compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}
