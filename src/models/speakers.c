/* speakers.c -- who speaks.
 * In: models and decisions in the store, files.  Out: models that can be asked, or why there is none.
 * Threads: its owner's. The speakers own all models.
 *
 * Of each horizon the newest model with the status "serving" speaks. Where the store has none it's the shipped one,
 * unless it was returned from: what proved wrong here doesn't come back by a restart. The newest candidate that is
 * younger than the one that serves speaks beside it, in the shadow: what it says is kept and nobody acts on it. */
#include "models/speakers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

const int64_t failure_horizons_s[FAILURE_HORIZONS] = { 300, 600, 1800 };

/* What the store has now: ids, and then the text of those that are new. */
struct census {
	char ids[FAILURE_HORIZONS][SPEAKER_ROLES][SHA256_TEXT_SIZE];
	char load[SHA256_TEXT_SIZE], anomalies[SHA256_TEXT_SIZE];
	struct wall load_trained, anomalies_trained;
	struct speakers *speakers;
	bool changed;
	char shipped[SHA256_TEXT_SIZE];	/* looked for among the decisions */
	bool returned;
};

static bool count_model(void *arg, const struct model_row *row);
static size_t horizon_of(uint32_t horizon_s);
static bool take_model(void *arg, const struct model_row *row);
static void take_failure(struct speaker *speaker, const struct model_row *row, const char *what);
static void take_load(struct speakers *speakers, const struct model_row *row);
static void take_anomalies(struct speakers *speakers, const struct model_row *row);
static void forget(struct speaker *speaker);
static int take_shipped(struct speakers *speakers, struct store_reader *reader, size_t horizon);
static bool find_return(void *arg, const struct model_decision *decision);
static bool wants(const struct speakers *speakers, const struct census *census);

bool
speakers_init(struct speakers *speakers, const char *folder)
{
	*speakers = (struct speakers){ .folder = strdup(folder) };
	return speakers->folder != NULL;
}

void
speakers_fini(struct speakers *speakers)
{
	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		for (size_t role = 0; role < SPEAKER_ROLES; role++)
			forget(&speakers->list[h][role]);
	}
	load_free(speakers->load);
	anomalies_free(speakers->anomalies);
	free(speakers->folder);
	*speakers = (struct speakers){ .folder = NULL };
}

int
speakers_update(struct speakers *speakers, struct store_reader *reader, bool *changed)
{
	struct census census = { .speakers = speakers };
	int status = store_models(reader, false, count_model, &census);

	*changed = false;
	if (status != 0 || !wants(speakers, &census))
		return status;
	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		for (size_t role = 0; role < SPEAKER_ROLES; role++) {
			struct speaker *speaker = &speakers->list[h][role];

			if (speakers->asked && strcmp(speaker->store_id, census.ids[h][role]) == 0)
				continue;
			forget(speaker);
			snprintf(speaker->store_id, sizeof(speaker->store_id), "%s", census.ids[h][role]);
			*changed = true;
		}
	}
	if (strcmp(speakers->load_id, census.load) != 0) {
		load_free(speakers->load);
		speakers->load = NULL;
	}
	snprintf(speakers->load_id, sizeof(speakers->load_id), "%s", census.load);
	speakers->load_trained = census.load_trained;
	if (strcmp(speakers->anomalies_id, census.anomalies) != 0) {
		anomalies_free(speakers->anomalies);
		speakers->anomalies = NULL;
		*changed = true;
	}
	snprintf(speakers->anomalies_id, sizeof(speakers->anomalies_id), "%s", census.anomalies);
	speakers->anomalies_trained = census.anomalies_trained;
	status = store_models(reader, true, take_model, speakers);
	for (size_t h = 0; h < FAILURE_HORIZONS && status == 0; h++) {
		if (speakers->list[h][SPEAKER_SERVING].model == NULL)
			status = take_shipped(speakers, reader, h);
	}
	speakers->asked = status == 0;
	return status;
}

/* Rows come newest first. */
static bool
count_model(void *arg, const struct model_row *row)
{
	struct census *census = arg;
	size_t horizon = horizon_of(row->horizon_s);
	bool serving = strcmp(row->status, "serving") == 0, candidate = strcmp(row->status, "candidate") == 0;
	char *id;

	if (strcmp(row->kind, "load") == 0 && serving && census->load[0] == '\0') {
		snprintf(census->load, sizeof(census->load), "%s", row->id);
		census->load_trained = row->trained;
	}
	if (strcmp(row->kind, "anomaly") == 0 && serving && census->anomalies[0] == '\0') {
		snprintf(census->anomalies, sizeof(census->anomalies), "%s", row->id);
		census->anomalies_trained = row->trained;
	}
	if (strcmp(row->kind, "failure") != 0 || horizon == FAILURE_HORIZONS || (!serving && !candidate))
		return true;
	id = census->ids[horizon][serving ? SPEAKER_SERVING : SPEAKER_SHADOW];
	/* A candidate that is older than what serves has been judged. */
	if (id[0] == '\0' && (serving || census->ids[horizon][SPEAKER_SERVING][0] == '\0'))
		snprintf(id, SHA256_TEXT_SIZE, "%s", row->id);
	return true;
}

static size_t
horizon_of(uint32_t horizon_s)
{
	size_t h = 0;

	while (h < FAILURE_HORIZONS && failure_horizons_s[h] != horizon_s)
		h++;
	return h;
}

/* Something is not as it was. */
static bool
wants(const struct speakers *speakers, const struct census *census)
{
	if (!speakers->asked || strcmp(speakers->load_id, census->load) != 0 ||
	    strcmp(speakers->anomalies_id, census->anomalies) != 0)
		return true;
	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		for (size_t role = 0; role < SPEAKER_ROLES; role++) {
			if (strcmp(speakers->list[h][role].store_id, census->ids[h][role]) != 0)
				return true;
		}
	}
	return false;
}

static bool
take_model(void *arg, const struct model_row *row)
{
	struct speakers *speakers = arg;

	if (strcmp(row->id, speakers->load_id) == 0 && speakers->load == NULL)
		take_load(speakers, row);
	if (strcmp(row->id, speakers->anomalies_id) == 0 && speakers->anomalies == NULL)
		take_anomalies(speakers, row);
	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		for (size_t role = 0; role < SPEAKER_ROLES; role++) {
			struct speaker *speaker = &speakers->list[h][role];

			if (speaker->model == NULL && strcmp(speaker->store_id, row->id) == 0)
				take_failure(speaker, row, role == SPEAKER_SERVING ? "serves" : "speaks in the shadow");
		}
	}
	return true;
}

static void
take_failure(struct speaker *speaker, const struct model_row *row, const char *what)
{
	struct text error = { 0 };

	speaker->model = model_read(row->blob, row->blob_length, &error);
	if (speaker->model == NULL) {
		log_warning("the model %.12s in the store is refused: %s", row->id, error.bytes);
		snprintf(speaker->none, sizeof(speaker->none), "no model: %s", error.bytes);
	} else {
		log_info("a model of failures within %u s %s: %.12s", row->horizon_s, what, row->id);
		snprintf(speaker->id, sizeof(speaker->id), "%s", row->id);
	}
	text_fini(&error);
}

static void
take_load(struct speakers *speakers, const struct model_row *row)
{
	struct text error = { 0 };

	speakers->load = load_read(row->blob, row->blob_length, &error);
	if (speakers->load != NULL)
		log_info("a load model serves: %.12s, corrections for %zu regions", row->id,
		    load_regions(speakers->load));
	else
		log_warning("the load model in the store is refused: %s", error.bytes);
	text_fini(&error);
}

static void
take_anomalies(struct speakers *speakers, const struct model_row *row)
{
	struct text error = { 0 };

	speakers->anomalies = anomalies_read(row->blob, row->blob_length, &error);
	if (speakers->anomalies != NULL)
		log_info("a model of anomalies serves: %.12s, machines for %zu regions", row->id,
		    anomalies_regions(speakers->anomalies));
	else
		log_warning("the model of anomalies in the store is refused: %s", error.bytes);
	text_fini(&error);
}

static void
forget(struct speaker *speaker)
{
	model_free(speaker->model);
	feature_table_free(speaker->table);
	*speaker = (struct speaker){ .model = NULL };
}

static int
take_shipped(struct speakers *speakers, struct store_reader *reader, size_t horizon)
{
	struct speaker *speaker = &speakers->list[horizon][SPEAKER_SERVING];
	struct text error = { 0 };
	struct census census = { .returned = false };
	int status = 0;

	speaker->model = speakers_shipped(speakers->folder, failure_horizons_s[horizon], &error);
	if (speaker->model == NULL && speaker->none[0] == '\0' && errno == ENOENT)
		snprintf(speaker->none, sizeof(speaker->none), "no model: none in the store, and none was shipped");
	else if (speaker->model == NULL && speaker->none[0] == '\0')
		snprintf(speaker->none, sizeof(speaker->none), "no model: %s", error.bytes);
	if (speaker->model != NULL) {
		snprintf(census.shipped, sizeof(census.shipped), "%s", speaker->model->id);
		status = store_model_decisions(reader, SIZE_MAX >> 1, find_return, &census);
	} else {
		log_warning("the shipped model of failures within %" PRId64 " s is refused: %s",
		    failure_horizons_s[horizon], error.bytes);
	}
	text_fini(&error);
	if (census.returned) {
		model_free(speaker->model);
		speaker->model = NULL;
		snprintf(speaker->none, sizeof(speaker->none), "no model: the shipped one proved wrong here");
	}
	if (speaker->model != NULL) {
		log_info("the shipped model of failures within %" PRId64 " s serves: %.12s",
		    failure_horizons_s[horizon], speaker->model->id);
		snprintf(speaker->id, sizeof(speaker->id), "%s", speaker->model->id);
	}
	return status;
}

static bool
find_return(void *arg, const struct model_decision *decision)
{
	struct census *census = arg;

	census->returned |= strcmp(decision->action, "returned") == 0 && strcmp(decision->model, census->shipped) == 0;
	return !census->returned;
}

struct model *
speakers_shipped(const char *folder, int64_t horizon_s, struct text *error)
{
	struct text path = { 0 };
	struct model *model = NULL;
	size_t length;
	int failed = 0;
	char *bytes;

	text_printf(&path, "%s/failure-%" PRId64 ".model", folder, horizon_s);
	bytes = path.failed ? NULL : text_read_file(path.bytes, MODEL_SIZE_MAX, &length, &failed);
	if (bytes == NULL)
		text_printf(error, "%s: %s", path.failed ? folder : path.bytes, strerror(-failed));
	else
		model = model_read(bytes, length, error);
	free(bytes);
	text_fini(&path);
	errno = failed != 0 ? -failed : EBADMSG;
	return model;
}

void
speakers_metrics(const struct speakers *speakers, struct metrics *metrics)
{
	if (speakers->anomalies != NULL)
		anomalies_metrics(speakers->anomalies, metrics);
	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		for (size_t role = 0; role < SPEAKER_ROLES; role++) {
			const struct model *model = speakers->list[h][role].model;

			for (size_t m = 0; model != NULL && m < model->metrics->count; m++) {
				if (model->metrics->list[m].used)
					metrics_add(metrics, model->metrics->list[m].name);
			}
		}
	}
}

int
speakers_place(struct speakers *speakers, const struct metrics *metrics)
{
	for (size_t h = 0; h < FAILURE_HORIZONS; h++) {
		for (size_t role = 0; role < SPEAKER_ROLES; role++) {
			struct speaker *speaker = &speakers->list[h][role];

			feature_table_free(speaker->table);
			speaker->table = speaker->model == NULL ? NULL :
			    feature_table_new(speaker->model->metrics, metrics);
			if (speaker->model != NULL && speaker->table == NULL)
				return -ENOMEM;
		}
	}
	return 0;
}
