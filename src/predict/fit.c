/* fit.c -- from rows to machines.
 * In: a pool of rows, a moment.  Out: evidence curves, a sample, machines.
 * Threads: as train.h. A fit owns all it points to.
 *
 * A machine can take only some thousand rows, and incidents are rare, so which negatives it sees decides how good it
 * is: all positives up to a third, half of the rest at random and half hard ones, the tenth of the negatives that a
 * logistic regression takes most for positives. With random ones alone, average precision on unseen time is a quarter
 * lower. */
#include "predict/fit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "predict/logistic.h"

#define HARD_SHARE 0.1
#define REGRESSION_FEATURES 48	/* the strongest: more cost more and find the same rows */
#define REGRESSION_ROWS 20000
_Static_assert(REGRESSION_FEATURES <= LOGISTIC_DIMENSION_MAX, "a regression holds them");

/* What the sample is drawn from: the pool's rows before the moment. */
struct learning {
	const struct pool *pool;
	size_t *places, count, positives;
	double *scores;			/* of a quick look: high is hard */
};

/* Which part of the rows of each kind is drawn. */
struct shares {
	double positive, hard, random;
	double hard_from;		/* score */
};

static int find_rows(struct learning *learning, int64_t before_s);
static int fit_evidences(struct fit *fit, const struct learning *learning);
static int look(const struct fit *fit, struct learning *learning);
static void strongest(const struct fit *fit, size_t chosen[static REGRESSION_FEATURES], size_t count);
static void gather(const struct fit *fit, const double *features, const size_t *chosen, size_t count, double *out);
static int draw(struct fit *fit, const struct learning *learning, size_t most, uint64_t seed);
static const struct row *row_of(const struct learning *learning, size_t i);
static bool drawn(const struct learning *learning, size_t i, const struct shares *shares, uint64_t seed);
static void put(struct fit *fit, const struct learning *learning, size_t i);
static int compare_doubles(const void *a, const void *b);

const double *
pool_row(const struct pool *pool, size_t i)
{
	return pool->features + i * pool->width;
}

int
fit_prepare(struct fit *fit, const struct pool *pool, int64_t before_s, size_t most, uint64_t seed)
{
	struct learning learning = { .pool = pool };
	int status;

	*fit = (struct fit){ .width = pool->width };
	learning.places = calloc(pool->rows.count + 1, sizeof(*learning.places));
	learning.scores = calloc(pool->rows.count + 1, sizeof(*learning.scores));
	fit->evidences = calloc(pool->width + 1, sizeof(*fit->evidences));
	fit->strengths = calloc(pool->width + 1, sizeof(*fit->strengths));
	status = learning.places == NULL || learning.scores == NULL || fit->evidences == NULL ||
	    fit->strengths == NULL ? -ENOMEM : find_rows(&learning, before_s);
	if (status == 0)
		status = fit_evidences(fit, &learning);
	if (status == 0)
		status = look(fit, &learning);
	if (status == 0)
		status = draw(fit, &learning, most, seed);
	if (status == 0 && (fit->machine_rows = machine_rows_new(fit->rows, fit->count, fit->width)) == NULL)
		status = -ENOMEM;
	free(learning.places);
	free(learning.scores);
	return status;
}

void
fit_fini(struct fit *fit)
{
	machine_rows_free(fit->machine_rows);
	free(fit->evidences);
	free(fit->strengths);
	free(fit->rows);
	free(fit->targets);
	*fit = (struct fit){ 0 };
}

static int
find_rows(struct learning *learning, int64_t before_s)
{
	const struct pool *pool = learning->pool;

	for (size_t i = 0; i < pool->rows.count; i++) {
		if (pool->times[i] >= before_s)
			continue;
		learning->places[learning->count++] = i;
		learning->positives += pool->rows.list[i].positive;
	}
	return learning->positives == 0 || learning->positives == learning->count ? -ENODATA : 0;
}

static int
fit_evidences(struct fit *fit, const struct learning *learning)
{
	double *column = malloc((learning->count + 1) * sizeof(*column));
	bool *positives = malloc((learning->count + 1) * sizeof(*positives));
	bool fine = column != NULL && positives != NULL;

	for (size_t i = 0; i < learning->count && fine; i++)
		positives[i] = row_of(learning, i)->positive;
	for (size_t f = 0; f < fit->width && fine; f++) {
		for (size_t i = 0; i < learning->count; i++)
			column[i] = pool_row(learning->pool, learning->places[i])[f];
		fine = evidence_fit(column, positives, learning->count, learning->pool->pseudo, &fit->evidences[f]);
		fit->strengths[f] = evidence_strength(&fit->evidences[f], column, learning->count);
	}
	free(column);
	free(positives);
	return fine ? 0 : -ENOMEM;
}

/* Scores all rows by a regression on some of them. */
static int
look(const struct fit *fit, struct learning *learning)
{
	size_t d = fit->width < REGRESSION_FEATURES ? fit->width : REGRESSION_FEATURES, count = 0, every;
	size_t chosen[REGRESSION_FEATURES];
	double *rows = malloc((REGRESSION_ROWS + 1) * 2 * d * sizeof(*rows)), row[REGRESSION_FEATURES];
	double *targets = malloc((REGRESSION_ROWS + 1) * 2 * sizeof(*targets));
	struct logistic *logistic = malloc(sizeof(*logistic));
	int status = -ENOMEM;

	if (rows == NULL || targets == NULL || logistic == NULL)
		goto out;
	strongest(fit, chosen, d);
	every = learning->count / REGRESSION_ROWS + 1;
	for (size_t i = 0; i < learning->count; i += every) {
		gather(fit, pool_row(learning->pool, learning->places[i]), chosen, d, rows + count * d);
		targets[count++] = row_of(learning, i)->positive ? 1 : -1;
	}
	status = logistic_fit(rows, targets, count, d, logistic);
	for (size_t i = 0; i < learning->count && status == 0; i++) {
		gather(fit, pool_row(learning->pool, learning->places[i]), chosen, d, row);
		learning->scores[i] = logistic_score(logistic, row);
	}
out:
	free(rows);
	free(targets);
	free(logistic);
	return status;
}

static void
strongest(const struct fit *fit, size_t chosen[static REGRESSION_FEATURES], size_t count)
{
	size_t kept = 0;

	for (size_t f = 0; f < fit->width; f++) {
		size_t at = kept < count ? kept : count;

		while (at > 0 && fit->strengths[f] > fit->strengths[chosen[at - 1]])
			at--;
		if (at == count)
			continue;
		kept += kept < count;
		memmove(&chosen[at + 1], &chosen[at], (kept - at - 1) * sizeof(*chosen));
		chosen[at] = f;
	}
}

static void
gather(const struct fit *fit, const double *features, const size_t *chosen, size_t count, double *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = evidence_of(&fit->evidences[chosen[i]], features[chosen[i]]);
}

/* Positives, hard negatives and random ones; each chosen by the hash of its row. */
static int
draw(struct fit *fit, const struct learning *learning, size_t most, uint64_t seed)
{
	size_t negatives = learning->count - learning->positives, count = 0, n = 0;
	double *sorted = malloc((negatives + 1) * sizeof(*sorted)), wanted;
	struct shares shares = { .positive = (double)most / 3 / (double)learning->positives };

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < learning->count; i++) {
		if (!row_of(learning, i)->positive)
			sorted[n++] = learning->scores[i];
	}
	qsort(sorted, negatives, sizeof(*sorted), compare_doubles);
	shares.hard_from = sorted[(size_t)((double)negatives * (1 - HARD_SHARE))];
	free(sorted);
	wanted = (double)most - fmin((double)learning->positives, (double)most / 3);
	shares.hard = wanted / 2 / ((double)negatives * HARD_SHARE);
	shares.random = wanted / 2 / ((double)negatives * (1 - HARD_SHARE));
	for (size_t i = 0; i < learning->count; i++)
		count += drawn(learning, i, &shares, seed);
	fit->rows = calloc((count + 1) * fit->width, sizeof(*fit->rows));
	fit->targets = calloc(count + 1, sizeof(*fit->targets));
	if (fit->rows == NULL || fit->targets == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < learning->count; i++) {
		if (drawn(learning, i, &shares, seed))
			put(fit, learning, i);
	}
	return 0;
}

static const struct row *
row_of(const struct learning *learning, size_t i)
{
	return &learning->pool->rows.list[learning->places[i]];
}

static bool
drawn(const struct learning *learning, size_t i, const struct shares *shares, uint64_t seed)
{
	const struct row *row = row_of(learning, i);
	const uint32_t key[2] = { row->series, row->step };
	/* Another seed than that of rows_thin(): what that kept has low hashes. */
	double dice = (double)(hash64(key, sizeof(key), ~seed) >> 11) * 0x1p-53 / (double)row->weight;

	if (row->positive)
		return dice < shares->positive;
	return dice < (learning->scores[i] >= shares->hard_from ? shares->hard : shares->random);
}

static void
put(struct fit *fit, const struct learning *learning, size_t i)
{
	const double *features = pool_row(learning->pool, learning->places[i]);
	double *row = fit->rows + fit->count * fit->width;

	for (size_t f = 0; f < fit->width; f++)
		row[f] = evidence_of(&fit->evidences[f], features[f]);
	fit->targets[fit->count++] = row_of(learning, i)->positive ? 1 : -1;
}

static int
compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct machine *
fit_machine(const struct fit *fit, const struct machine_settings *settings, char **body, size_t *length)
{
	struct text error = { 0 };
	struct machine *machine = NULL;

	*body = machine_classify(fit->machine_rows, fit->targets, settings, length);
	if (*body != NULL)
		machine = machine_read(*body, *length, fit->width, &error);
	text_fini(&error);
	return machine;
}

double
fit_gamma(const struct fit *fit, double gamma)
{
	double squares = 0;

	for (size_t i = 0; i < fit->count * fit->width; i++)
		squares += fit->rows[i] * fit->rows[i];
	return squares > 0 ? gamma * (double)fit->count / squares : gamma;
}

double
fit_score(const struct fit *fit, const struct machine *machine, const double *features, double *scratch)
{
	for (size_t f = 0; f < fit->width; f++)
		scratch[f] = evidence_of(&fit->evidences[f], features[f]);
	return machine_decide(machine, scratch);
}
