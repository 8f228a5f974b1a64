/* prometheus.c -- which range to ask Prometheus for, and what it answered.
 * In: the feed, up to when samples are in the store.  Out: a URL; series and samples of our regions.
 * Windows without gaps or doubles: a pull asks for the steps behind the last one that was stored, up to those that are
 * old enough to have been scraped. The steps are multiples of the feed's step since 1970, so that they don't depend on
 * when a pull runs, and how far it came is stored in one transaction with the samples. After an outage ranges of
 * PROMETHEUS_POINTS_MAX steps follow each other, from `history` ago on.
 * Two series of one answer for the same region, backend and metric would overwrite each other by chance: such an answer
 * is refused, since the query wants an aggregation.
 * Threads: one pull, one thread. */
#include "feed/prometheus.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "http/fetch.h"
#include "report/report.h"

static void read_series(struct pulled *pulled, size_t series, const cJSON *result, size_t index,
	struct prometheus_range range);
static region_id region_of(struct pulled *pulled, const cJSON *metric);
static const char *backend_of(struct pulled *pulled, const cJSON *metric);
static bool is_there(const struct pulled *pulled, size_t from, const struct pulled_series *series);
static bool read_sample(const cJSON *pair, struct pulled_sample *sample);
static bool name_is_good(const char *name);
static void note(struct pulled *pulled, size_t series, size_t index, const char *what, const char *which);

static int64_t
floor_to(int64_t ms, int64_t step)
{
	return ms - ms % step;
}

/* A mark in the future comes from a clock that was set back: what is left of it is now. */
bool
prometheus_range(const struct steering_feed *feed, struct wall until, struct wall now, size_t points,
	struct prometheus_range *range)
{
	int64_t step = feed->step_ms, last = floor_to(now.ms - feed->delay_ms, step);
	int64_t oldest = floor_to(now.ms - feed->history_ms, step);

	if (until.ms > now.ms)
		until.ms = floor_to(now.ms, step);
	range->from_ms = until.ms == 0 ? oldest : floor_to(until.ms, step) + step;
	if (range->from_ms < oldest)
		range->from_ms = oldest;
	if (points > PROMETHEUS_POINTS_MAX)
		points = PROMETHEUS_POINTS_MAX;
	range->to_ms = range->from_ms + (int64_t)(points - 1) * step;
	if (range->to_ms > last)
		range->to_ms = last;
	return range->from_ms <= range->to_ms;
}

char *
prometheus_url(const struct steering_feed *feed, const char *query, struct prometheus_range range)
{
	char *escaped = http_escape(query);
	size_t length = strlen(feed->url);
	struct text url = { 0 };

	while (length > 0 && feed->url[length - 1] == '/')
		length--;
	if (escaped != NULL)
		text_printf(&url, "%.*s/api/v1/query_range?query=%s&start=%lld.%03lld&end=%lld.%03lld&step=%u.%03u",
		    (int)length, feed->url, escaped, (long long)range.from_ms / 1000,
		    (long long)range.from_ms % 1000, (long long)range.to_ms / 1000, (long long)range.to_ms % 1000,
		    (unsigned)feed->step_ms / 1000, (unsigned)feed->step_ms % 1000);
	free(escaped);
	return text_take(&url);
}

const char *
prometheus_error(const cJSON *document)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(document, "error"));
}

void
prometheus_read(struct pulled *pulled, size_t series, const cJSON *document, struct prometheus_range range)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(document, "data");
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(data, "resultType"));
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(data, "result"), *result;
	const char *name = pulled->feed->series[series].metric;
	size_t from = pulled->series_count, count = (size_t)cJSON_GetArraySize(list), index = 0;

	if (type == NULL || strcmp(type, "matrix") != 0 || !cJSON_IsArray(list)) {
		pulled_fail(pulled, "%s: /data: the answer isn't a matrix: is this Prometheus?", name);
		return;
	}
	if (count > pulled->feed->series_most) {
		pulled_fail(pulled, "%s: the query yields %zu series, %u are allowed (series-max)", name, count,
		    pulled->feed->series_most);
		return;
	}
	cJSON_ArrayForEach(result, list) {
		read_series(pulled, series, result, index++, range);
	}
	for (size_t i = from; i < pulled->series_count; i++)
		if (is_there(pulled, i + 1, &pulled->series[i])) {
			pulled_fail(pulled, "%s: several series for region %s%s%s: aggregate, as in sum by (%s) (...)",
			    name, pulled->steering->regions[pulled->series[i].region].name,
			    pulled->series[i].backend[0] == '\0' ? "" : ", backend ", pulled->series[i].backend,
			    pulled->feed->region_label);
			return;
		}
}

static void
read_series(struct pulled *pulled, size_t series, const cJSON *result, size_t index, struct prometheus_range range)
{
	const cJSON *metric = cJSON_GetObjectItemCaseSensitive(result, "metric");
	const cJSON *values = cJSON_GetObjectItemCaseSensitive(result, "values"), *pair;
	region_id region = region_of(pulled, metric);
	const char *backend = backend_of(pulled, metric);
	struct pulled_series *taken;

	pulled->items++;
	if (region == NO_REGION || backend == NULL || !cJSON_IsArray(values)) {
		pulled->left_out++;
		if (region == NO_REGION)
			note(pulled, series, index, "names no region of this feed by its label ",
			    pulled->feed->region_label);
		else
			note(pulled, series, index, backend == NULL ? "names no backend by its label " :
			    "has no values", backend == NULL ? pulled->feed->backend_label : "");
		return;
	}
	taken = pulled_series_add(pulled, (size_t)cJSON_GetArraySize(values));
	if (taken == NULL) {
		pulled_fail(pulled, "out of memory");
		return;
	}
	taken->region = region;
	taken->backend = backend;
	taken->name = pulled->feed->series[series].metric;
	taken->unit = pulled->feed->series[series].unit;
	cJSON_ArrayForEach(pair, values) {
		struct pulled_sample *sample = &taken->samples[taken->count];

		if (!read_sample(pair, sample) || sample->at_ms < range.from_ms || sample->at_ms > range.to_ms)
			continue;
		taken->count++;
		pulled->sample_count++;
	}
}

/* A feed of one region needs no label for it. */
static region_id
region_of(struct pulled *pulled, const cJSON *metric)
{
	const char *label = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metric, pulled->feed->region_label));

	if (label != NULL)
		return pulled_region(pulled, label);
	return pulled->feed->region_count == 1 ? pulled->feed->regions[0].region : NO_REGION;
}

/* "": of the region as a whole. NULL: the feed says that there is one, and there is none. */
static const char *
backend_of(struct pulled *pulled, const cJSON *metric)
{
	const char *label;

	if (pulled->feed->backend_label == NULL)
		return "";
	label = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(metric, pulled->feed->backend_label));
	return label != NULL && name_is_good(label) ? arena_text(pulled->arena, label) : NULL;
}

static bool
name_is_good(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= REPORT_NAME_MAX && strspn(name,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/@-") == length;
}

static bool
is_there(const struct pulled *pulled, size_t from, const struct pulled_series *series)
{
	for (size_t i = from; i < pulled->series_count; i++) {
		const struct pulled_series *other = &pulled->series[i];

		if (other->region == series->region && strcmp(other->name, series->name) == 0 &&
		    strcmp(other->backend, series->backend) == 0)
			return true;
	}
	return false;
}

/* [seconds, "value"]; NaN and infinities are no samples. */
static bool
read_sample(const cJSON *pair, struct pulled_sample *sample)
{
	const cJSON *at = cJSON_GetArrayItem(pair, 0);
	const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(pair, 1));
	char *end;

	if (!cJSON_IsNumber(at) || text == NULL || !(at->valuedouble > 0 && at->valuedouble < 4e9))
		return false;
	sample->at_ms = llround(at->valuedouble * 1000);
	sample->value = strtod(text, &end);
	return *end == '\0' && end != text && isfinite(sample->value);
}

static void
note(struct pulled *pulled, size_t series, size_t index, const char *what, const char *which)
{
	char pointer[64];

	snprintf(pointer, sizeof(pointer), "/data/result/%zu", index);
	diag_error(&pulled->notes, (struct diag_place){ .file = pulled->feed->name, .pointer = pointer }, NULL,
	    "%s: %s%s", pulled->feed->series[series].metric, what, which);
}
