/* anomalies.c -- one-class machines of several regions, and one scale for all of them.
 * In: models of regions; windows.  Out: one text; ranks, or why there is none.
 * Threads: any.
 *
 * A rank among a region's own past alone makes every region equally odd in the long run: one that is as calm as can be
 * has its hundredth of strange minutes too, and an alarm at one threshold rings everywhere alike. So a distance is
 * ranked among those of all regions, each measured by its own machine: the mean of the shares. On real servers two
 * fifths more incidents are found by that at one false alarm a day.
 *
 * The text: "isobar-anomalies 1", "sha256 ..." of all that follows; then for each region "region NAME", "metrics N", a
 * line for each, "model L" and the L bytes of the region's model. */
#include "predict/anomalies.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define FORMAT 1
#define NAME_SIZE 256
#define HEAD_SIZE 128		/* of the first two lines, at most */
#define KNOWN_LEAST 0.5		/* of a model's metrics; with fewer an unknown rest would be told as usual */

struct part {
	char region[NAME_SIZE];
	size_t count;
	char (*metrics)[METRIC_NAME_SIZE];
	struct anomaly *anomaly;
};

struct anomalies {
	struct part *list;
	const struct anomaly **machines;	/* of the same regions */
	size_t count;
};

struct cursor { const char *at, *end; };

static bool read_part(struct anomalies *anomalies, struct cursor *c, struct text *error);
static bool grow(struct anomalies *anomalies);
static bool read_metrics(struct part *part, struct cursor *c);
static bool next_line(struct cursor *c, char line[static NAME_SIZE]);
static const struct part *find(const struct anomalies *anomalies, const char *region);
static const char *fill_row(const struct part *part, const struct window *window, size_t at, double *row);
static void insert(struct odd found[static ODD_MOST], size_t *count, const struct odd *odd);

void
anomalies_add(struct text *parts, const char *region, const struct metrics *metrics, const char *model, size_t length)
{
	text_printf(parts, "region %s\nmetrics %zu\n", region, metrics_used(metrics));
	for (size_t m = 0; m < metrics->count; m++) {
		if (metrics->list[m].used)
			text_printf(parts, "%s\n", metrics->list[m].name);
	}
	text_printf(parts, "model %zu\n", length);
	text_add(parts, model, length);
}

char *
anomalies_write(const struct text *parts, size_t *length)
{
	struct text text = { 0 };
	char hash[SHA256_TEXT_SIZE];

	text.failed = parts->failed;
	text_printf(&text, "isobar-anomalies %d\nsha256 %s\n", FORMAT,
	    sha256_text(parts->length == 0 ? "" : parts->bytes, parts->length, hash));
	if (parts->length > 0)
		text_add(&text, parts->bytes, parts->length);
	*length = text.length;
	return text_take(&text);
}

struct anomalies *
anomalies_read(const char *bytes, size_t length, struct text *error)
{
	struct anomalies *anomalies = calloc(1, sizeof(*anomalies));
	struct cursor c = { bytes, bytes + length };
	char line[NAME_SIZE], theirs[SHA256_TEXT_SIZE] = "", ours[SHA256_TEXT_SIZE], wanted[HEAD_SIZE];

	snprintf(wanted, sizeof(wanted), "isobar-anomalies %d", FORMAT);
	if (anomalies == NULL) {
		text_puts(error, "out of memory");
		return NULL;
	}
	if (length > ANOMALIES_SIZE_MAX || !next_line(&c, line) || strcmp(line, wanted) != 0 || !next_line(&c, line) ||
	    sscanf(line, "sha256 %64[0-9a-f]", theirs) != 1) {
		text_printf(error, "these are no anomaly models of format %d", FORMAT);
		goto fail;
	}
	if (strcmp(theirs, sha256_text(c.at, (size_t)(c.end - c.at), ours)) != 0) {
		text_puts(error, "the checksum doesn't match: cut short or changed");
		goto fail;
	}
	while (c.at < c.end) {
		if (!read_part(anomalies, &c, error))
			goto fail;
	}
	return anomalies;
fail:
	anomalies_free(anomalies);
	return NULL;
}

static bool
read_part(struct anomalies *anomalies, struct cursor *c, struct text *error)
{
	struct part *part;
	char line[NAME_SIZE];
	size_t length;

	if (!grow(anomalies)) {
		text_puts(error, "out of memory");
		return false;
	}
	part = &anomalies->list[anomalies->count];
	*part = (struct part){ .anomaly = NULL };
	anomalies->machines[anomalies->count++] = NULL;
	if (!next_line(c, line) || sscanf(line, "region %255s", part->region) != 1 || !read_metrics(part, c) ||
	    !next_line(c, line) || sscanf(line, "model %zu", &length) != 1 || length > (size_t)(c->end - c->at)) {
		text_printf(error, "region %zu: its name, metrics or length can't be read", anomalies->count);
		return false;
	}
	part->anomaly = anomaly_read(c->at, length, error);
	if (part->anomaly == NULL)
		return false;
	if (anomaly_dimension(part->anomaly) != ANOMALY_PARTS * part->count) {
		text_printf(error, "region %zu: its model isn't of its %zu metrics", anomalies->count, part->count);
		return false;
	}
	anomalies->machines[anomalies->count - 1] = part->anomaly;
	c->at += length;
	return true;
}

static bool
grow(struct anomalies *anomalies)
{
	void *list = reallocarray(anomalies->list, anomalies->count + 1, sizeof(*anomalies->list));
	void *machines = reallocarray(anomalies->machines, anomalies->count + 1, sizeof(*anomalies->machines));

	if (list != NULL)
		anomalies->list = list;
	if (machines != NULL)
		anomalies->machines = machines;
	return list != NULL && machines != NULL;
}

static bool
read_metrics(struct part *part, struct cursor *c)
{
	char line[NAME_SIZE];

	if (!next_line(c, line) || sscanf(line, "metrics %zu", &part->count) != 1 || part->count == 0 ||
	    part->count > METRICS_MAX)
		return false;
	part->metrics = calloc(part->count, sizeof(*part->metrics));
	for (size_t i = 0; part->metrics != NULL && i < part->count; i++) {
		if (!next_line(c, line) || line[0] == '\0' || strlen(line) >= METRIC_NAME_SIZE)
			return false;
		memcpy(part->metrics[i], line, strlen(line) + 1);
	}
	return part->metrics != NULL;
}

/* False: no line is left, or one that is too long. */
static bool
next_line(struct cursor *c, char line[static NAME_SIZE])
{
	const char *newline = c->at == c->end ? NULL : memchr(c->at, '\n', (size_t)(c->end - c->at));
	size_t length = newline == NULL ? NAME_SIZE : (size_t)(newline - c->at);

	if (length >= NAME_SIZE)
		return false;
	memcpy(line, c->at, length);
	line[length] = '\0';
	c->at = newline + 1;
	return true;
}

void
anomalies_free(struct anomalies *anomalies)
{
	if (anomalies == NULL)
		return;
	for (size_t i = 0; i < anomalies->count; i++) {
		anomaly_free(anomalies->list[i].anomaly);
		free(anomalies->list[i].metrics);
	}
	free(anomalies->list);
	free(anomalies->machines);
	free(anomalies);
}

size_t
anomalies_regions(const struct anomalies *anomalies)
{
	return anomalies->count;
}

void
anomalies_metrics(const struct anomalies *anomalies, struct metrics *metrics)
{
	for (size_t i = 0; i < anomalies->count; i++) {
		for (size_t m = 0; m < anomalies->list[i].count; m++)
			metrics_add(metrics, anomalies->list[i].metrics[m]);
	}
}

double
anomalies_rank(const struct anomalies *anomalies, const char *region, const struct window *window, size_t at,
    const char **none)
{
	const struct part *part = find(anomalies, region);
	double row[ANOMALY_DIMENSION_MAX];

	*none = part == NULL ? "the model of anomalies doesn't know the region" : fill_row(part, window, at, row);
	if (*none != NULL)
		return (double)NAN;
	return anomalies_rank_of(anomalies->machines, anomalies->count, anomaly_distance(part->anomaly, row));
}

static const struct part *
find(const struct anomalies *anomalies, const char *region)
{
	for (size_t i = 0; i < anomalies->count; i++) {
		if (strcmp(anomalies->list[i].region, region) == 0)
			return &anomalies->list[i];
	}
	return NULL;
}

/* NULL, or why there is nothing to rank. */
static const char *
fill_row(const struct part *part, const struct window *window, size_t at, double *row)
{
	size_t known = 0;

	for (size_t m = 0; m < part->count; m++) {
		size_t place = metrics_find(window->metrics, part->metrics[m]);

		if (place != METRIC_NONE && !window->metrics->list[place].used)
			place = METRIC_NONE;
		anomaly_parts(window, place, at, row + m * ANOMALY_PARTS);
		known += isnan(row[m * ANOMALY_PARTS]) ? 0 : 1;
	}
	return (double)known < KNOWN_LEAST * (double)part->count ? "most of its metrics are missing now" : NULL;
}

double
anomalies_rank_of(const struct anomaly *const *list, size_t count, double distance)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += anomaly_rank_of(list[i], distance);
	return sum / (double)count;
}

size_t
anomalies_why(const struct anomalies *anomalies, const char *region, const struct window *window, size_t at,
    struct odd found[static ODD_MOST])
{
	const struct part *part = find(anomalies, region);
	double row[ANOMALY_DIMENSION_MAX];
	size_t count = 0;

	if (part == NULL || fill_row(part, window, at, row) != NULL)
		return 0;
	for (size_t m = 0; m < part->count; m++) {
		size_t place = metrics_find(window->metrics, part->metrics[m]);
		double *own = row + m * ANOMALY_PARTS, was[ANOMALY_PARTS];
		struct odd odd = { .value = (double)NAN };

		if (place == METRIC_NONE || isnan(own[0]))
			continue;
		memcpy(was, own, sizeof(was));
		own[0] = own[1] = (double)NAN;	/* told as usual */
		odd.value = window->values[place][at];
		odd.without = anomalies_rank_of(anomalies->machines, anomalies->count,
		    anomaly_distance(part->anomaly, row));
		memcpy(own, was, sizeof(was));
		memcpy(odd.metric, part->metrics[m], sizeof(odd.metric));
		insert(found, &count, &odd);
	}
	return count;
}

/* Keeps the strongest in order; of equals the first. */
static void
insert(struct odd found[static ODD_MOST], size_t *count, const struct odd *odd)
{
	size_t at = *count;

	while (at > 0 && odd->without < found[at - 1].without)
		at--;
	if (at == ODD_MOST)
		return;
	*count += *count < ODD_MOST;
	memmove(&found[at + 1], &found[at], (*count - at - 1) * sizeof(*found));
	found[at] = *odd;
}
