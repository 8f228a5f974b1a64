/* write.c -- a report as JSON, as report_read() takes it.
 * In: a report.  Out: its text; what is absent in the one is absent in the other.
 * Threads: any. */
#include "report/report.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"

static cJSON *write_backends(const struct report *report);
static cJSON *write_loads(const struct report *report);
static cJSON *write_metrics(const struct report *report);
static cJSON *write_residency(const struct report *report);
static cJSON *write_latencies(const struct report *report);
static bool add(cJSON *object, const char *name, cJSON *value);

char *
report_write(const struct report *report)
{
	char time[CLOCK_TEXT_SIZE];
	cJSON *root = cJSON_CreateObject();
	char *json = NULL;
	bool good = root != NULL &&
	    add(root, "agent", cJSON_CreateString(report->agent)) &&
	    add(root, "sequence", cJSON_CreateNumber((double)report->sequence)) &&
	    add(root, "time", cJSON_CreateString(wall_text(report->time, time)));

	if (good && report->capacity > 0)
		good = add(root, "capacity", cJSON_CreateNumber(report->capacity));
	if (good && report->backend_count > 0)
		good = add(root, "backends", write_backends(report));
	if (good && report->load_count > 0)
		good = add(root, "load", write_loads(report));
	if (good && report->metric_count > 0)
		good = add(root, "metrics", write_metrics(report));
	if (good && report->constrained)
		good = add(root, "residency", write_residency(report));
	if (good && report->measured)
		good = add(root, "latency", write_latencies(report));
	if (good)
		json = json_write(root);
	cJSON_Delete(root);
	return json;
}

static cJSON *
write_backends(const struct report *report)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < report->backend_count && list != NULL; i++) {
		const struct report_backend *backend = &report->backends[i];
		cJSON *entry = cJSON_CreateObject();
		bool good = entry != NULL && cJSON_AddItemToArray(list, entry) &&
		    add(entry, "name", cJSON_CreateString(backend->name)) &&
		    add(entry, "service", cJSON_CreateString(backend->service)) &&
		    add(entry, "address", cJSON_CreateString(backend->address)) &&
		    add(entry, "healthy", cJSON_CreateBool(backend->healthy));

		if (good && isfinite(backend->latency_ms))
			good = add(entry, "latency_ms", cJSON_CreateNumber(backend->latency_ms));
		if (good && backend->detail[0] != '\0')
			good = add(entry, "detail", cJSON_CreateString(backend->detail));
		if (!good) {
			cJSON_Delete(list);
			list = NULL;
		}
	}
	return list;
}

static cJSON *
write_loads(const struct report *report)
{
	cJSON *object = cJSON_CreateObject();

	for (size_t i = 0; i < report->load_count && object != NULL; i++) {
		if (!add(object, report->loads[i].service, cJSON_CreateNumber(report->loads[i].requests_per_second))) {
			cJSON_Delete(object);
			object = NULL;
		}
	}
	return object;
}

static cJSON *
write_metrics(const struct report *report)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < report->metric_count && list != NULL; i++) {
		const struct report_metric *metric = &report->metrics[i];
		cJSON *entry = cJSON_CreateObject();
		bool good = entry != NULL && cJSON_AddItemToArray(list, entry) &&
		    add(entry, "name", cJSON_CreateString(metric->name)) &&
		    add(entry, "value", cJSON_CreateNumber(metric->value));

		if (good && metric->unit[0] != '\0')
			good = add(entry, "unit", cJSON_CreateString(metric->unit));
		if (good && metric->backend[0] != '\0')
			good = add(entry, "backend", cJSON_CreateString(metric->backend));
		if (!good) {
			cJSON_Delete(list);
			list = NULL;
		}
	}
	return list;
}

static cJSON *
write_residency(const struct report *report)
{
	cJSON *object = cJSON_CreateObject(), *list = cJSON_CreateArray();

	if (object == NULL || !add(object, "accepts", list)) {
		cJSON_Delete(object);
		return NULL;
	}
	for (size_t i = 0; i < report->accept_count; i++) {
		cJSON *name = cJSON_CreateString(report->accepts[i]);

		if (name == NULL || !cJSON_AddItemToArray(list, name)) {
			cJSON_Delete(name);
			cJSON_Delete(object);
			return NULL;
		}
	}
	return object;
}

static cJSON *
write_latencies(const struct report *report)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; i < report->latency_count && list != NULL; i++) {
		cJSON *entry = cJSON_CreateObject();

		if (entry == NULL || !cJSON_AddItemToArray(list, entry) ||
		    !add(entry, "clients", cJSON_CreateString(report->latencies[i].clients)) ||
		    !add(entry, "ms", cJSON_CreateNumber(report->latencies[i].ms))) {
			cJSON_Delete(list);
			list = NULL;
		}
	}
	return list;
}

/* Takes `value`; it is freed when it couldn't be added. Names are looked up by cJSON only on reading, so adding many
 * costs no search. */
static bool
add(cJSON *object, const char *name, cJSON *value)
{
	if (value != NULL && cJSON_AddItemToObject(object, name, value))
		return true;
	cJSON_Delete(value);
	return false;
}
