/* anomaly.c -- one-class machines with ranks.
 * In: rows of one series by time.  Out: the model's text; or ranks.
 * Threads: see anomaly.h. A model owns its machine.
 *
 * libsvm's one-class decision is a distance without a scale, so it's told as a rank among those of rows that the
 * machine hasn't seen: 0.99 is a moment as it comes once in a hundred. Among those rows that needs no assumption.
 * Beyond them the rank nears 1 with the inverse of the excess (the tail that falls slowest, for it must neither end nor
 * round to 1): the ranks there order moments, and are no frequencies that somebody has counted.
 *
 * A row has each metric's value and its distance from the mean of the time before: without these a level that has
 * shifted for good is unusual for ever. A metric that was always the same while learning, and then isn't, is as unusual
 * as can be; on servers with many such metrics average precision is a fifth higher for it.
 *
 * Rows are learnt and ranked in turns of a quarter of an hour. With the newest three tenths kept for the ranks, as
 * models of failures have it, a level that shifted this week would be odd until it's old, and all of its quiet minutes
 * alarms.
 *
 * nu 0.05, and gamma 1 / dimension^1.5. With the usual 1 / dimension whatever is far out in many metrics is equally
 * far: the kernel has nothing left to tell it by, and of servers with 38 metrics half as many incidents are found at
 * one false alarm a day. With a tenth of it, two metrics that part and else go together aren't seen.
 *
 * The text: "isobar-anomaly 2", "sha256 ..." of all that follows, "rows TAUGHT RANKED", "scalings N", N lines, "ranks
 * K", K numbers a line each, "scale ...", then libsvm's text. */
#include "predict/anomaly.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "predict/machine.h"
#include "predict/scaling.h"

#define HOUR_S 3600
#define BEFORE_LEAST 24		/* steps that the mean before a moment is over, at least; an hour where that's more */
#define STRETCH 15		/* rows in a row that are either learnt or ranked */
#define TURN 10			/* stretches, of which */
#define RANKED_EACH 3		/* .. each third is ranked, but the last: three of ten */
#define NU 0.05
#define RANKS 400		/* quantiles that are kept of the later block */
#define TAIL_SHARE 0.1
#define CONSTANT_CHANGE 1e-3	/* of the value of a metric that never changed: by so much, and it has */

struct anomaly {
	size_t dimension;
	struct scaling *scalings;
	struct machine *machine;
	double weight;			/* of all its vectors together: distances are told per one of them */
	double ranks[RANKS];		/* how unusual, rising */
	double scale;			/* mean excess over the upper tenth */
};

static double *part_rows(const double *rows, size_t count, size_t dimension, size_t *taught);
static size_t anomaly_steps(int64_t step_s);
static bool fit_scalings(struct anomaly *anomaly, const double *rows, size_t count);
static void widen(struct scaling *scaling);
static char *teach(const struct anomaly *anomaly, const double *rows, size_t count, uint64_t seed, size_t *taught,
	size_t *length);
static bool fit_ranks(struct anomaly *anomaly, const double *rows, size_t count);
static char *write_text(const struct anomaly *anomaly, size_t taught, size_t ranked, const char *body,
	size_t body_length, size_t *length);
static bool read_text(struct anomaly *anomaly, char *text, const char **body);
static bool next_number(char **at, const char *key, size_t *number);
static int compare(const void *a, const void *b);

char *
anomaly_train(const double *rows, size_t count, size_t dimension, uint64_t seed, size_t *length, struct text *error)
{
	struct anomaly anomaly = { .dimension = dimension };
	size_t first = 0, taught = 0, body_length;
	double *parted;
	char *text = NULL, *body = NULL;

	if (count < ANOMALY_ROWS_LEAST || dimension == 0 || dimension > ANOMALY_DIMENSION_MAX) {
		text_printf(error, "%zu rows of %zu metrics; at least %d rows of 1 to %d are needed", count, dimension,
		    ANOMALY_ROWS_LEAST, ANOMALY_DIMENSION_MAX);
		return NULL;
	}
	parted = part_rows(rows, count, dimension, &first);
	if (parted != NULL && fit_scalings(&anomaly, parted, first))
		body = teach(&anomaly, parted, first, seed, &taught, &body_length);
	anomaly.weight = NU * (double)taught;
	if (body != NULL)
		anomaly.machine = machine_read(body, body_length, dimension, error);
	if (anomaly.machine != NULL && fit_ranks(&anomaly, parted + first * dimension, count - first))
		text = write_text(&anomaly, taught, count - first, body, body_length, length);
	if (text == NULL && error->length == 0)
		text_puts(error, "out of memory");
	machine_free(anomaly.machine);
	free(anomaly.scalings);
	free(parted);
	free(body);
	return text;
}

/* A copy with the rows that are learnt in front, *taught of them. NULL: out of memory. */
static double *
part_rows(const double *rows, size_t count, size_t dimension, size_t *taught)
{
	double *parted = malloc(count * dimension * sizeof(*parted));
	size_t next = 0;

	for (unsigned ranked = 0; parted != NULL && ranked < 2; ranked++) {
		for (size_t i = 0; i < count; i++) {
			if ((i / STRETCH % TURN % RANKED_EACH == RANKED_EACH - 1) != (ranked == 1))
				continue;
			memcpy(parted + next++ * dimension, rows + i * dimension, dimension * sizeof(*rows));
		}
		*taught = ranked == 0 ? next : *taught;
	}
	return parted;
}

void
anomaly_row(const struct window *window, size_t at, double *row)
{
	size_t next = 0;

	for (size_t m = 0; m < window->metrics->count; m++) {
		if (!window->metrics->list[m].used)
			continue;
		anomaly_parts(window, m, at, row + next);
		next += ANOMALY_PARTS;
	}
}

void
anomaly_parts(const struct window *window, size_t metric, size_t at, double *row)
{
	const double *levels = metric == METRIC_NONE ? NULL : window->levels[metric];
	size_t back = anomaly_steps(window->step_s), known = 0;
	double sum = 0;

	for (size_t ago = 1; levels != NULL && ago <= back && ago <= at; ago++) {
		if (isnan(levels[at - ago]))
			continue;
		sum += levels[at - ago];
		known++;
	}
	row[0] = levels == NULL ? (double)NAN : levels[at];
	row[1] = known == 0 ? (double)NAN : levels[at] - sum / (double)known;
}

size_t
anomaly_width(const struct metrics *metrics)
{
	return ANOMALY_PARTS * metrics_used(metrics);
}

static size_t
anomaly_steps(int64_t step_s)
{
	return step_s < HOUR_S / BEFORE_LEAST ? (size_t)(HOUR_S / step_s) : BEFORE_LEAST;
}

static bool
fit_scalings(struct anomaly *anomaly, const double *rows, size_t count)
{
	double *column = malloc(count * sizeof(*column));

	anomaly->scalings = calloc(anomaly->dimension, sizeof(*anomaly->scalings));
	for (size_t d = 0; column != NULL && anomaly->scalings != NULL && d < anomaly->dimension; d++) {
		for (size_t i = 0; i < count; i++)
			column[i] = rows[i * anomaly->dimension + d];
		anomaly->scalings[d] = scaling_fit(column, count);
		if (!(anomaly->scalings[d].deviation > 1e-9))
			widen(&anomaly->scalings[d]);
	}
	free(column);
	return column != NULL && anomaly->scalings != NULL;
}

/* A metric that was always the same has no spread of its own. */
static void
widen(struct scaling *scaling)
{
	scaling->spread = fabs(scaling->median) > 0 ? fabs(scaling->median) * CONSTANT_CHANGE : CONSTANT_CHANGE;
	scaling->mean = 0;
	scaling->deviation = 1;
}

static char *
teach(const struct anomaly *anomaly, const double *rows, size_t count, uint64_t seed, size_t *taught, size_t *length)
{
	size_t d = anomaly->dimension, kept = 0;
	const struct machine_settings settings = { .kind = MACHINE_ONE_CLASS, .nu = NU,
		.gamma = 1 / ((double)d * sqrt((double)d)) };
	double *scaled = malloc(count * d * sizeof(*scaled)), share = (double)ANOMALY_ROWS_MOST / (double)count;
	char *body;

	if (scaled == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const uint64_t key = i;

		if ((double)(hash64(&key, sizeof(key), seed) >> 11) * 0x1p-53 >= share)
			continue;
		for (size_t k = 0; k < d; k++)
			scaled[kept * d + k] = scaling_apply(&anomaly->scalings[k], rows[i * d + k]);
		kept++;
	}
	*taught = kept;
	body = kept == 0 ? NULL : machine_train(scaled, scaled, kept, d, &settings, length);
	free(scaled);
	return body;
}

static bool
fit_ranks(struct anomaly *anomaly, const double *rows, size_t count)
{
	double *values = malloc(count * sizeof(*values)), from, excess = 0;
	size_t above = 0;

	if (values == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		values[i] = anomaly_distance(anomaly, rows + i * anomaly->dimension);
	qsort(values, count, sizeof(*values), compare);
	for (size_t k = 0; k < RANKS; k++)
		anomaly->ranks[k] = values[(size_t)((double)k / (RANKS - 1) * (double)(count - 1))];
	from = values[(size_t)((1 - TAIL_SHARE) * (double)count)];
	for (size_t i = (size_t)((1 - TAIL_SHARE) * (double)count); i < count; i++, above++)
		excess += values[i] - from;
	anomaly->scale = excess > 0 ? excess / (double)above : 1e-9;
	free(values);
	return true;
}

double
anomaly_distance(const struct anomaly *anomaly, const double *row)
{
	double scaled[ANOMALY_DIMENSION_MAX];

	for (size_t k = 0; k < anomaly->dimension; k++)
		scaled[k] = scaling_apply(&anomaly->scalings[k], row[k]);
	return -machine_decide(anomaly->machine, scaled) / anomaly->weight;
}

double
anomaly_rank(const struct anomaly *anomaly, const double *row)
{
	return anomaly_rank_of(anomaly, anomaly_distance(anomaly, row));
}

double
anomaly_rank_of(const struct anomaly *anomaly, double value)
{
	double most = anomaly->ranks[RANKS - 1];
	size_t low = 0, high = RANKS;

	if (value > most)
		return 1 - 1 / ((1 + (value - most) / anomaly->scale) * (RANKS + 1));
	/* How many are below. */
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (anomaly->ranks[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return (double)low / (RANKS + 1);
}

/* --- text ---------------------------------------------------------------------------------------------------- */

static char *
write_text(const struct anomaly *anomaly, size_t taught, size_t ranked, const char *body, size_t body_length,
    size_t *length)
{
	struct text rest = { 0 }, text = { 0 };
	char hash[SHA256_TEXT_SIZE];

	text_printf(&rest, "taught %zu\nranked %zu\nscalings %zu\n", taught, ranked, anomaly->dimension);
	for (size_t k = 0; k < anomaly->dimension; k++) {
		const struct scaling *s = &anomaly->scalings[k];

		text_printf(&rest, "%.17g %.17g %.17g %.17g\n", s->median, s->spread, s->mean, s->deviation);
	}
	text_printf(&rest, "ranks %d\n", RANKS);
	for (size_t k = 0; k < RANKS; k++)
		text_printf(&rest, "%.17g\n", anomaly->ranks[k]);
	text_printf(&rest, "%.17g\n", anomaly->scale);
	text_add(&rest, body, body_length);
	if (!rest.failed) {
		sha256_text(rest.bytes, rest.length, hash);
		text_printf(&text, "isobar-anomaly %d\nsha256 %s\n", ANOMALY_FORMAT, hash);
		text_add(&text, rest.bytes, rest.length);
	}
	text.failed = text.failed || rest.failed;
	text_fini(&rest);
	*length = text.length;
	return text_take(&text);
}

struct anomaly *
anomaly_read(const char *bytes, size_t length, struct text *error)
{
	struct anomaly *anomaly = calloc(1, sizeof(*anomaly));
	char *copy = malloc(length + 1), theirs[SHA256_TEXT_SIZE] = "", ours[SHA256_TEXT_SIZE];
	const char *body;
	int format = 0, head = 0;

	if (anomaly == NULL || copy == NULL) {
		text_puts(error, "out of memory");
		goto fail;
	}
	memcpy(copy, bytes, length);
	copy[length] = '\0';
	if (sscanf(copy, "isobar-anomaly %d\nsha256 %64[0-9a-f]%n", &format, theirs, &head) != 2 ||
	    format != ANOMALY_FORMAT || copy[head] != '\n') {
		text_printf(error, "line 1: this is no anomaly model of format %d", ANOMALY_FORMAT);
		goto fail;
	}
	head++;
	sha256_text(copy + head, length - (size_t)head, ours);
	if (strcmp(theirs, ours) != 0) {
		text_puts(error, "line 2: the checksum doesn't match: cut short or changed");
		goto fail;
	}
	if (!read_text(anomaly, copy + head, &body)) {
		text_puts(error, "line 3: the scalings or ranks can't be read");
		goto fail;
	}
	anomaly->machine = machine_read(body, length - (size_t)(body - copy), anomaly->dimension, error);
	if (anomaly->machine == NULL)
		goto fail;
	free(copy);
	return anomaly;
fail:
	free(copy);
	anomaly_free(anomaly);
	return NULL;
}

static bool
read_text(struct anomaly *anomaly, char *text, const char **body)
{
	size_t taught, ranked, ranks;
	int used;

	if (!next_number(&text, "taught", &taught) || !next_number(&text, "ranked", &ranked) ||
	    !next_number(&text, "scalings", &anomaly->dimension) || anomaly->dimension == 0 ||
	    anomaly->dimension > ANOMALY_DIMENSION_MAX)
		return false;
	anomaly->scalings = calloc(anomaly->dimension, sizeof(*anomaly->scalings));
	if (anomaly->scalings == NULL)
		return false;
	for (size_t k = 0; k < anomaly->dimension; k++) {
		struct scaling *s = &anomaly->scalings[k];

		if (sscanf(text, "%lf %lf %lf %lf%n", &s->median, &s->spread, &s->mean, &s->deviation, &used) != 4 ||
		    text[used] != '\n' || !(s->spread > 0) || !isfinite(s->median) || !isfinite(s->mean) ||
		    !(s->deviation >= 0))
			return false;
		s->weight = 1;
		text += used + 1;
	}
	if (!next_number(&text, "ranks", &ranks) || ranks != RANKS)
		return false;
	for (size_t k = 0; k <= RANKS; k++) {
		double *value = k < RANKS ? &anomaly->ranks[k] : &anomaly->scale;

		if (sscanf(text, "%lf%n", value, &used) != 1 || text[used] != '\n' || !isfinite(*value))
			return false;
		text += used + 1;
	}
	*body = text;
	anomaly->weight = NU * (double)taught;
	return anomaly->scale > 0 && taught > 0;
}

/* A line "KEY NUMBER". */
static bool
next_number(char **at, const char *key, size_t *number)
{
	size_t length = strlen(key);
	int used;

	if (strncmp(*at, key, length) != 0 || sscanf(*at + length, " %zu%n", number, &used) != 1 ||
	    (*at)[length + (size_t)used] != '\n')
		return false;
	*at += length + (size_t)used + 1;
	return true;
}

void
anomaly_free(struct anomaly *anomaly)
{
	if (anomaly == NULL)
		return;
	machine_free(anomaly->machine);
	free(anomaly->scalings);
	free(anomaly);
}

size_t
anomaly_dimension(const struct anomaly *anomaly)
{
	return anomaly->dimension;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}
