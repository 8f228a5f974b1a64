/* gather.c -- the sources of a round, each a job on libuv's worker threads.
 * In: the settings' endpoints, loads, disks and interfaces. Out: values.
 * Threads: a job's `work` part runs on a worker and touches only its own source; all else runs on the loop. While a
 * source is busy the loop doesn't read its results.
 * Ownership: a source owns copies of all it needs, since it may outlive both the gather and the settings: statvfs(3) on
 * a dead file server returns when it pleases. A source that is freed while busy is only orphaned, and freed by its own
 * end.
 * Pages of one URL are fetched once a round, for an endpoint and for the loads that name it. */
#include "gather.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "collect.h"
#include "http/client.h"
#include "series.h"

#define PAGE_TIMEOUT_LEAST_MS 500
#define PAGE_TIMEOUT_MOST_MS 5000

struct source {
	uv_work_t work;
	struct gather *gather;		/* NULL: orphaned */
	bool busy, fresh;		/* fresh: the results are those of the last round */

	struct collect *collect;	/* this machine, else a page */
	char **paths, **interfaces;
	struct host_value host_values[COLLECT_VALUES_MAX];

	char *url, *base, *path;
	struct http_client *client;
	struct series_set *set;
	const struct series_value *values;	/* the wants' first, then those of "all" */
	size_t wants, count;
	char error[160];		/* "" when it worked */
	bool failing;			/* told so */

	const struct agent_metrics_endpoint *endpoint;	/* whose metrics it is, or NULL; for the loop only */
};

struct load_place {
	struct source *source;
	int requests, errors;		/* indices of the wants; -1: none */
	double request_rate, error_rate;
};

struct gather {
	uv_loop_t *loop;
	const struct agent_settings *settings;
	gather_done_fn *done;
	void *arg;
	struct source **sources;
	size_t count, pending;
	struct load_place *loads;
};

static bool host_add(struct gather *gather);
static bool endpoints_add(struct gather *gather);
static bool loads_add(struct gather *gather);
static int want_add(struct source *source, const char *selector);
static struct source *page_find(struct gather *gather, const char *url);
static struct source *page_add(struct gather *gather, const char *url);
static struct source *source_add(struct gather *gather);
static char **texts_copy(const char *const *texts, size_t count);
static void texts_free(char **texts);
static bool url_split(struct source *source, const char *url);
static void source_free(struct source *source);
static void work(uv_work_t *request);
static void page_fetch(struct source *source);
static void after_work(uv_work_t *request, int status);
static void loads_update(struct gather *gather, const struct source *source);
static double want_value(const struct source *source, int index);
static void tell(struct source *source);

struct gather *
gather_new(uv_loop_t *loop, const struct agent_settings *settings, gather_done_fn *done, void *arg)
{
	struct gather *gather = calloc(1, sizeof(*gather));

	if (gather == NULL)
		return NULL;
	*gather = (struct gather){ .loop = loop, .settings = settings, .done = done, .arg = arg };
	if (endpoints_add(gather) && loads_add(gather) && host_add(gather))
		return gather;
	gather_free(gather);
	return NULL;
}

void
gather_free(struct gather *gather)
{
	if (gather == NULL)
		return;
	for (size_t i = 0; i < gather->count; i++) {
		struct source *source = gather->sources[i];

		source->gather = NULL;
		if (!source->busy)
			source_free(source);
		else if (source->client != NULL)
			http_client_cancel(source->client);
	}
	free(gather->sources);
	free(gather->loads);
	free(gather);
}

bool
gather_begin(struct gather *gather)
{
	for (size_t i = 0; i < gather->count; i++) {
		struct source *source = gather->sources[i];

		source->fresh = false;
		if (source->busy)
			continue;	/* late; it isn't waited for a second time */
		if (uv_queue_work(gather->loop, &source->work, work, after_work) == 0) {
			source->busy = true;
			gather->pending++;
		}
	}
	return gather->pending > 0;
}

void
gather_values(const struct gather *gather, bool (*take)(void *arg, const struct gathered *value), void *arg)
{
	for (size_t i = 0; i < gather->count; i++) {
		const struct source *source = gather->sources[i];
		const struct agent_metrics_endpoint *endpoint = source->endpoint;
		size_t from = 0, to;

		/* A source that isn't fresh may be busy: nothing else of it is looked at. */
		if (!source->fresh || (source->collect == NULL && endpoint == NULL))
			continue;
		to = source->count;
		if (endpoint != NULL && endpoint->series_count > 0)
			to = endpoint->series_count;	/* the loads' wants come behind */
		else if (endpoint != NULL)
			from = source->wants;		/* all of the wants are loads' */
		for (size_t n = from; n < to; n++) {
			struct gathered value = { .prefix = "", .backend = "" };

			if (source->collect != NULL) {
				value.name = source->host_values[n].name;
				value.unit = source->host_values[n].unit;
				value.value = source->host_values[n].value;
			} else {
				value.prefix = endpoint->prefix;
				value.name = source->values[n].name;
				value.unit = source->values[n].rate ? "1/s" : "";
				value.backend = endpoint->backend;
				value.value = source->values[n].value;
			}
			if (isfinite(value.value) && !take(arg, &value))
				return;
		}
	}
}

double
gather_load(const struct gather *gather, size_t index)
{
	return gather->loads[index].request_rate;
}

double
gather_errors(const struct gather *gather, size_t index)
{
	return gather->loads[index].error_rate;
}

size_t
gather_failed(const struct gather *gather)
{
	size_t failed = 0;

	for (size_t i = 0; i < gather->count; i++)
		failed += gather->sources[i]->fresh ? 0 : 1;
	return failed;
}

/* --- the sources --------------------------------------------------------------------------------------------- */

static bool
host_add(struct gather *gather)
{
	const struct agent_settings *settings = gather->settings;
	struct source *source;

	if (!settings->system_metrics)
		return true;
	source = source_add(gather);
	if (source == NULL)
		return false;
	source->paths = texts_copy(settings->disks, settings->disk_count);
	source->interfaces = texts_copy(settings->interfaces, settings->interface_count);
	if (source->paths == NULL || source->interfaces == NULL)
		return false;
	source->collect = collect_new("/proc", (const char *const *)source->paths, settings->disk_count,
	    (const char *const *)source->interfaces, settings->interface_count);
	return source->collect != NULL;
}

static bool
endpoints_add(struct gather *gather)
{
	for (size_t i = 0; i < gather->settings->endpoint_count; i++) {
		const struct agent_metrics_endpoint *endpoint = &gather->settings->endpoints[i];
		struct source *source = page_add(gather, endpoint->url);

		if (source == NULL)
			return false;
		source->endpoint = endpoint;
		for (size_t n = 0; n < endpoint->series_count; n++) {
			if (want_add(source, endpoint->series[n]) < 0)
				return false;
		}
		if (endpoint->series_count == 0)
			series_set_want_all(source->set);
	}
	return true;
}

static bool
loads_add(struct gather *gather)
{
	const struct agent_settings *settings = gather->settings;

	gather->loads = calloc(settings->load_count + 1, sizeof(*gather->loads));
	if (gather->loads == NULL)
		return false;
	for (size_t i = 0; i < settings->load_count; i++) {
		struct source *source = page_find(gather, settings->loads[i].url);
		struct load_place *load = &gather->loads[i];

		if (source == NULL)
			source = page_add(gather, settings->loads[i].url);
		if (source == NULL)
			return false;
		*load = (struct load_place){ .source = source, .errors = -1, .request_rate = NAN, .error_rate = NAN };
		load->requests = want_add(source, settings->loads[i].metric);
		if (settings->loads[i].errors != NULL)
			load->errors = want_add(source, settings->loads[i].errors);
		if (load->requests < 0 || (settings->loads[i].errors != NULL && load->errors < 0))
			return false;
	}
	return true;
}

static int
want_add(struct source *source, const char *selector)
{
	int index = series_set_want(source->set, selector);

	source->wants += index >= 0 ? 1 : 0;
	return index;
}

static struct source *
page_find(struct gather *gather, const char *url)
{
	for (size_t i = 0; i < gather->count; i++) {
		if (gather->sources[i]->url != NULL && strcmp(gather->sources[i]->url, url) == 0)
			return gather->sources[i];
	}
	return NULL;
}

static struct source *
page_add(struct gather *gather, const char *url)
{
	struct source *source = source_add(gather);
	uint32_t timeout_ms = gather->settings->interval_ms;

	if (source == NULL)
		return NULL;
	if (timeout_ms > PAGE_TIMEOUT_MOST_MS)
		timeout_ms = PAGE_TIMEOUT_MOST_MS;
	if (timeout_ms < PAGE_TIMEOUT_LEAST_MS)
		timeout_ms = PAGE_TIMEOUT_LEAST_MS;
	source->set = series_set_new();
	if (source->set == NULL || !url_split(source, url))
		return NULL;
	source->client = http_client_new(source->base, NULL, timeout_ms);
	return source->client == NULL ? NULL : source;
}

static struct source *
source_add(struct gather *gather)
{
	struct source **longer = reallocarray(gather->sources, gather->count + 1, sizeof(*longer));
	struct source *source = calloc(1, sizeof(*source));

	if (longer != NULL)
		gather->sources = longer;
	if (longer == NULL || source == NULL) {
		free(source);
		return NULL;
	}
	source->gather = gather;
	source->work.data = source;
	gather->sources[gather->count++] = source;
	return source;
}

static char **
texts_copy(const char *const *texts, size_t count)
{
	char **copy = calloc(count + 1, sizeof(*copy));

	for (size_t i = 0; copy != NULL && i < count; i++) {
		copy[i] = strdup(texts[i]);
		if (copy[i] == NULL) {
			texts_free(copy);
			return NULL;
		}
	}
	return copy;
}

static void
texts_free(char **texts)
{
	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++)
		free(texts[i]);
	free(texts);
}

/* "http://host:port/path" to base and path; without a path it is /metrics, as everywhere. */
static bool
url_split(struct source *source, const char *url)
{
	const char *host = strstr(url, "://"), *path = strchr(host == NULL ? url : host + 3, '/');

	source->url = strdup(url);
	source->base = path == NULL ? strdup(url) : strndup(url, (size_t)(path - url));
	source->path = strdup(path == NULL || path[1] == '\0' ? "/metrics" : path);
	return source->url != NULL && source->base != NULL && source->path != NULL;
}

static void
source_free(struct source *source)
{
	collect_free(source->collect);
	texts_free(source->paths);
	texts_free(source->interfaces);
	http_client_free(source->client);
	series_set_free(source->set);
	free(source->url);
	free(source->base);
	free(source->path);
	free(source);
}

/* --- a round ------------------------------------------------------------------------------------------------- */

/* On a worker thread. */
static void
work(uv_work_t *request)
{
	struct source *source = request->data;

	source->error[0] = '\0';
	if (source->collect != NULL)
		source->count = collect_sample(source->collect, mono_now(), source->host_values);
	else
		page_fetch(source);
}

/* On a worker thread. */
static void
page_fetch(struct source *source)
{
	struct http_response response;
	int error = http_call(source->client, "GET", source->path, NULL, &response);

	source->count = 0;
	if (error != 0) {
		snprintf(source->error, sizeof(source->error), "%.*s", (int)sizeof(source->error) - 1, response.error);
	} else if (response.status != 200) {
		snprintf(source->error, sizeof(source->error), "status %ld", response.status);
	} else {
		source->values = series_set_digest(source->set, response.body, mono_now(), &source->count);
		if (source->values == NULL) {
			source->count = 0;
			snprintf(source->error, sizeof(source->error), "out of memory");
		}
	}
	http_response_fini(&response);
}

static void
after_work(uv_work_t *request, int status)
{
	struct source *source = request->data;
	struct gather *gather = source->gather;

	source->busy = false;
	if (gather == NULL) {
		source_free(source);
		return;
	}
	source->fresh = status == 0 && source->error[0] == '\0';
	tell(source);
	loads_update(gather, source);
	if (--gather->pending == 0)
		gather->done(gather->arg);
}

static void
loads_update(struct gather *gather, const struct source *source)
{
	for (size_t i = 0; i < gather->settings->load_count; i++) {
		struct load_place *load = &gather->loads[i];

		if (load->source != source)
			continue;
		load->request_rate = want_value(source, load->requests);
		load->error_rate = want_value(source, load->errors);
	}
}

static double
want_value(const struct source *source, int index)
{
	return source->fresh && index >= 0 && (size_t)index < source->count ? source->values[index].value : NAN;
}

static void
tell(struct source *source)
{
	bool failing = source->error[0] != '\0';

	if (failing && !source->failing)
		log_warning("%s: %s; its metrics are missing", source->url, source->error);
	else if (!failing && source->failing)
		log_info("%s: there again", source->url);
	source->failing = failing;
}
