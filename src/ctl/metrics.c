/* metrics.c -- metrics import: history from elsewhere into the store, so that models can be trained on it.
 * In: a CSV file of "timestamp,series,METRIC...", or a folder of data with its incidents.  Out: requests, a batch at a
 * time.
 * Threads: one.
 * The file is read twice: at first only to find every error, so that a file with an error changes nothing. A sample
 * that the store has already is the same sample, so that an import that broke off may be run again. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/csv.h"
#include "ctl/ctl.h"
#include "predict/metrics.h"

#define BATCH_SAMPLES 8000	/* in one request: half of what it may hold */
#define BATCH_INCIDENTS 1000
#define FIRST_METRIC 2		/* column; before it are timestamp and series */

enum column { COLUMN_EMPTY, COLUMN_NUMBERS, COLUMN_WORDS };	/* by its first value */

struct import {
	struct ctl *ctl;
	struct csv csv;
	struct diags diags;
	struct metrics *catalogue;	/* for units */
	enum column columns[CSV_FIELDS_MAX];
	char *names[CSV_FIELDS_MAX];
	size_t column_count;
	/* the batch */
	char *series;			/* that its rows are of */
	cJSON *values[CSV_FIELDS_MAX];	/* [column]: a list, or NULL */
	size_t samples;
	cJSON *incidents;
	/* in all */
	double sent_samples, sent_incidents;
	enum ctl_status status;
};

static bool split_path(const char *path, char **folder, const char **name, bool *whole);
static bool read_file(struct import *import, const char *folder, const char *name, bool send);
static void take_header(struct import *import);
static void take_row(struct import *import, bool send);
static void read_incidents(struct import *import, const char *folder, bool send);
static void send_batch(struct import *import);
static cJSON *entries_of(struct import *import);
static bool in_folder(const char *folder, const char *name);

enum ctl_status
ctl_metrics_import(struct ctl *ctl)
{
	struct import *import = calloc(1, sizeof(*import));
	char *folder = NULL;
	const char *name;
	bool whole;
	enum ctl_status status;

	if (import == NULL || (import->catalogue = metrics_new()) == NULL ||
	    !split_path(ctl->arguments[0], &folder, &name, &whole)) {
		status = ctl_fail("%s: %s", ctl->arguments[0], errno == 0 ? "out of memory" : strerror(errno));
		goto out;
	}
	import->ctl = ctl;
	for (int pass = 0; pass < 2 && !diag_failed(&import->diags) && import->status == CTL_DONE; pass++) {
		if (read_file(import, folder, name, pass == 1) && whole && in_folder(folder, "incidents.csv"))
			read_incidents(import, folder, pass == 1);
	}
	if (diag_failed(&import->diags)) {
		struct text said = { 0 };

		diag_sort(&import->diags);
		diag_print(&import->diags, &said);
		fputs(said.failed ? "out of memory\n" : said.bytes, stderr);
		text_fini(&said);
		import->status = CTL_FAILED;
	}
	status = import->status;
	if (status == CTL_DONE && !ctl->json)
		printf("%.0f samples and %.0f incidents are in the store, but for those older than it keeps any.\n",
		    import->sent_samples, import->sent_incidents);
out:
	if (import != NULL) {
		for (size_t i = 0; i < import->column_count; i++)
			free(import->names[i]);
		diag_fini(&import->diags);
		metrics_free(import->catalogue);
	}
	free(import);
	free(folder);
	return status;
}

/* A folder has metrics.csv.gz (or metrics.csv) and incidents; a file is itself. */
static bool
split_path(const char *path, char **folder, const char **name, bool *whole)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	errno = 0;
	if (stat(path, &st) != 0)
		return false;
	*whole = S_ISDIR(st.st_mode);
	*name = *whole ? "metrics.csv.gz" : slash == NULL ? path : slash + 1;
	*folder = *whole ? strdup(path) : slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	return *folder != NULL;
}

static bool
in_folder(const char *folder, const char *name)
{
	char *path = NULL;
	bool there = asprintf(&path, "%s/%s", folder, name) >= 0;
	struct stat st;

	there = there && stat(path, &st) == 0;
	free(path);
	return there;
}

static bool
read_file(struct import *import, const char *folder, const char *name, bool send)
{
	static const char *const names[] = { "timestamp", "series" };
	size_t columns[ARRAY_SIZE(names)];

	if (!csv_open(&import->csv, folder, name, &import->diags))
		return false;
	if (csv_columns(&import->csv, names, ARRAY_SIZE(names), columns)) {
		if (columns[0] != 0 || columns[1] != 1)
			csv_error(&import->csv, "the first two columns must be timestamp,series");
		else if (!send)
			take_header(import);
		while (!(send && import->status != CTL_DONE) && csv_row(&import->csv))
			take_row(import, send);
	}
	if (send)
		send_batch(import);
	csv_close(&import->csv);
	return true;
}

static void
take_header(struct import *import)
{
	import->column_count = import->csv.field_count;
	for (size_t i = 0; i < import->column_count; i++) {
		import->names[i] = strdup(import->csv.fields[i]);
		if (import->names[i] == NULL || import->names[i][0] == '\0')
			csv_error(&import->csv, "column %zu has no name", i + 1);
	}
}

/* Columns of words, such as a family, are left out; a word among numbers is an error. */
static void
take_row(struct import *import, bool send)
{
	struct csv *csv = &import->csv;
	int64_t time_s;

	if (!csv_time(csv, 0, &time_s))
		return;
	if (send && (import->series == NULL || strcmp(import->series, csv->fields[1]) != 0 ||
	    import->samples + csv->field_count > BATCH_SAMPLES)) {
		send_batch(import);
		import->series = strdup(csv->fields[1]);
	}
	for (size_t i = FIRST_METRIC; i < csv->field_count; i++) {
		char *end;
		double value = strtod(csv->fields[i], &end);
		bool number = end != csv->fields[i] && *end == '\0' && isfinite(value);

		if (csv->fields[i][0] == '\0')
			continue;
		if (import->columns[i] == COLUMN_EMPTY)
			import->columns[i] = number ? COLUMN_NUMBERS : COLUMN_WORDS;
		if (import->columns[i] == COLUMN_NUMBERS && !number)
			csv_error(csv, "'%s' is no number", csv->fields[i]);
		if (!send || import->columns[i] != COLUMN_NUMBERS)
			continue;
		if (import->values[i] == NULL)
			import->values[i] = cJSON_CreateArray();
		cJSON_AddItemToArray(import->values[i],
		    cJSON_CreateDoubleArray((const double[]){ (double)time_s * 1000, value }, 2));
		import->samples++;
	}
}

static void
read_incidents(struct import *import, const char *folder, bool send)
{
	static const char *const names[] = { "series", "start", "end" };
	struct csv *csv = &import->csv;
	size_t columns[ARRAY_SIZE(names)];

	if (!csv_open(csv, folder, "incidents.csv", &import->diags))
		return;
	if (csv_columns(csv, names, ARRAY_SIZE(names), columns)) {
		while (csv_row(csv)) {
			int64_t start_s, end_s;
			cJSON *entry;

			if (!csv_time(csv, columns[1], &start_s) || !csv_time(csv, columns[2], &end_s))
				continue;
			if (end_s <= start_s)
				csv_error(csv, "an incident that ends at %s, not after its start",
				    csv->fields[columns[2]]);
			if (!send)
				continue;
			if (import->incidents == NULL)
				import->incidents = cJSON_CreateArray();
			entry = cJSON_CreateObject();
			cJSON_AddStringToObject(entry, "region", csv->fields[columns[0]]);
			cJSON_AddNumberToObject(entry, "from", (double)start_s * 1000);
			cJSON_AddNumberToObject(entry, "to", (double)end_s * 1000);
			cJSON_AddItemToArray(import->incidents, entry);
			if (cJSON_GetArraySize(import->incidents) >= BATCH_INCIDENTS)
				send_batch(import);
		}
	}
	if (send)
		send_batch(import);
	csv_close(csv);
}

/* What has been gathered, if anything; afterwards nothing is. */
static void
send_batch(struct import *import)
{
	double incidents = import->incidents == NULL ? 0 : cJSON_GetArraySize(import->incidents);
	cJSON *body, *answer = NULL;

	if (import->status == CTL_DONE && (import->samples > 0 || incidents > 0)) {
		bool json = import->ctl->json;

		body = cJSON_CreateObject();
		cJSON_AddItemToObject(body, "series", entries_of(import));
		if (import->incidents != NULL)
			cJSON_AddItemToObject(body, "incidents", import->incidents);
		import->incidents = NULL;
		import->ctl->json = false;
		import->status = ctl_send(import->ctl, "POST", "/v1/samples", body, &answer);
		import->ctl->json = json;
		cJSON_Delete(answer);
		if (import->status == CTL_DONE) {
			import->sent_samples += (double)import->samples;
			import->sent_incidents += incidents;
		}
	}
	for (size_t i = 0; i < CSV_FIELDS_MAX; i++) {
		cJSON_Delete(import->values[i]);
		import->values[i] = NULL;
	}
	cJSON_Delete(import->incidents);
	import->incidents = NULL;
	import->samples = 0;
	free(import->series);
	import->series = NULL;
}

static cJSON *
entries_of(struct import *import)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = FIRST_METRIC; i < import->column_count; i++) {
		size_t known = metrics_find(import->catalogue, import->names[i]);
		cJSON *entry;

		if (import->values[i] == NULL)
			continue;
		entry = cJSON_CreateObject();
		cJSON_AddStringToObject(entry, "region", import->series);
		cJSON_AddStringToObject(entry, "name", import->names[i]);
		cJSON_AddStringToObject(entry, "unit", known == METRIC_NONE ? "" : import->catalogue->list[known].unit);
		cJSON_AddItemToObject(entry, "values", import->values[i]);
		import->values[i] = NULL;
		cJSON_AddItemToArray(list, entry);
	}
	return list;
}
