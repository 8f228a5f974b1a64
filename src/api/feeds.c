/* feeds.c -- what feeds brought, and how they are.
 * In: what isobar-pae says of one pull.  Out: its signals or samples and the feed's state, in one transaction; the
 * states of all feeds.
 * Threads: bodies and states are read on the API's thread, names are checked against the steering on the control
 * thread, rows are written on the store's writer.
 * A pull's list of signals is all that the feed knows: those of before that aren't in it have ended. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/feed_states.h"
#include "api/handlers.h"
#include "api/series.h"
#include "api/view.h"
#include "feed/in_force.h"
#include "feed/pulled.h"

struct pull {
	struct feed_row row;
	const char *source;
	struct signal_row *signals;
	size_t signal_count;
	struct series_list series;
};

static void read_pull(struct request *request, const struct json_object *o, struct pull *pull);
static const char *keep(struct request *request, const struct json_object *o, const char *text);
static struct wall read_time(const struct json_object *o, const char *name, bool required);
static void read_signals(struct request *request, const struct json_object *o, struct pull *pull);
static double read_level(const struct json_object *o, const char *name);
static void check_signals(const struct pull *pull, const struct steering *steering, struct diags *diags);
static int pull_job(struct store_txn *txn, void *arg);
static void pull_done(void *arg, int status);
static bool take_state(void *arg, const struct feed_row *row);
static void add_feed(struct view *view, cJSON *list, const struct steering *steering, const struct steering_feed *feed,
	const struct feed_row *row, struct wall now);

/* --- POST /v1/feeds/{feed} ------------------------------------------------------------------------------------- */

void
feed_read_body(struct request *request)
{
	struct pull *pull = arena_alloc(request->arena, sizeof(*pull));
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = request_json(request, &o, &diags);

	if (body != NULL && pull != NULL)
		read_pull(request, &o, pull);
	if (body != NULL && (pull == NULL || pull->source == NULL))
		answer_no_memory(request);
	else if (body != NULL && diag_failed(&diags))
		answer_invalid(request, &diags);
	request->work = pull;
	cJSON_Delete(body);
	diag_fini(&diags);
}

static void
read_pull(struct request *request, const struct json_object *o, struct pull *pull)
{
	static const char *const known[] = { "at", "error", "items", "left_out", "bytes", "took_ms", "until", "notes",
		"signals", "series", NULL };
	const double most = 1e15;
	const cJSON *notes = json_array(o, "notes", false);
	char *text = notes == NULL ? NULL : json_write(notes);

	pull->source = arena_printf(request->arena, "feed:%s", request->params[0]);
	pull->row = (struct feed_row){
		.name = request->params[0], .tried = read_time(o, "at", true), .until = read_time(o, "until", false),
		.pulls = 1, .error = keep(request, o, json_string(o, "error", false, "")),
		.items = (uint64_t)json_integer(o, "items", false, 0, (int64_t)most, 0),
		.left_out = (uint64_t)json_integer(o, "left_out", false, 0, (int64_t)most, 0),
		.bytes = (uint64_t)json_integer(o, "bytes", false, 0, (int64_t)most, 0),
		.took_ms = (uint64_t)json_integer(o, "took_ms", false, 0, (int64_t)most, 0),
		.notes = keep(request, o, text == NULL ? "[]" : text),
	};
	free(text);
	if (pull->row.error[0] != '\0')
		pull->row.failures = 1;
	else
		pull->row.succeeded = pull->row.tried;
	read_signals(request, o, pull);
	pull->series = series_read(request, o, false);
	json_refuse_unknown(o, known);
}

static const char *
keep(struct request *request, const struct json_object *o, const char *text)
{
	const char *copy = arena_text(request->arena, text);

	if (copy == NULL)
		diag_error(o->diags, request_place(NULL), NULL, "out of memory");
	return copy == NULL ? "" : copy;
}

static struct wall
read_time(const struct json_object *o, const char *name, bool required)
{
	const char *text = json_string(o, name, required, "");
	struct wall at = { 0 };

	if (text[0] != '\0' && wall_parse(text, &at) < 0)
		json_error(o, name, NULL, "'%s' is no time (RFC 3339)", text);
	return at;
}

static void
read_signals(struct request *request, const struct json_object *o, struct pull *pull)
{
	static const char *const known[] = { "id", "region", "name", "text", "severity", "certainty", "onset",
		"expires", NULL };
	const cJSON *list = json_array(o, "signals", false), *value;
	size_t count = (size_t)cJSON_GetArraySize(list);

	if (list == NULL)
		return;
	if (count > PULLED_SIGNALS_MAX) {
		json_error(o, "signals", NULL, "%zu signals, of %d at most", count, PULLED_SIGNALS_MAX);
		return;
	}
	pull->signals = arena_alloc(request->arena, (count + 1) * sizeof(*pull->signals));
	if (pull->signals == NULL)
		diag_error(o->diags, request_place(NULL), NULL, "out of memory");
	cJSON_ArrayForEach(value, list) {
		struct json_object entry;
		char pointer[64];

		if (pull->signals == NULL)
			return;
		snprintf(pointer, sizeof(pointer), "/signals/%zu", pull->signal_count);
		entry = json_object(value, "request", pointer, o->diags);
		json_refuse_unknown(&entry, known);
		pull->signals[pull->signal_count++] = (struct signal_row){
			.source = pull->source, .key = keep(request, &entry, json_string(&entry, "id", true, "")),
			.region = keep(request, &entry, json_string(&entry, "region", true, "")),
			.name = keep(request, &entry, json_string(&entry, "name", true, "")),
			.text = keep(request, &entry, json_string(&entry, "text", false, "")),
			.severity = read_level(&entry, "severity"), .certainty = read_level(&entry, "certainty"),
			.onset = read_time(&entry, "onset", false), .expires = read_time(&entry, "expires", true),
			.received = pull->row.tried, .updated = pull->row.tried,
		};
	}
}

/* null: it's there, and couldn't be read. */
static double
read_level(const struct json_object *o, const char *name)
{
	if (cJSON_IsNull(json_member(o, name, true)))
		return (double)NAN;
	return json_number(o, name, true, 0, 1, 0);
}

/* Once it's submitted the request is the writer's. */
void
feed_take(struct request *request)
{
	const struct steering *steering = control_snapshot(request->control)->steering;
	const struct pull *pull = request->work;
	struct diags diags = { 0 };
	bool submitted = false;

	check_signals(pull, steering, &diags);
	series_check(&pull->series, steering, &diags);
	if (steering_feed_find(steering, request->params[0]) == NULL)
		answer_problem(request, 404, NULL, "there is no feed '%s'", request->params[0]);
	else if (diag_failed(&diags))
		answer_invalid(request, &diags);
	else if (request->store == NULL)
		answer_unavailable(request, "isobard serves without a store");
	else if (!(submitted = store_submit(request->store, pull_job, pull_done, request)))
		answer_unavailable(request, "the store's queue is full");
	diag_fini(&diags);
	if (!submitted)
		request_answered(request);
}

static void
check_signals(const struct pull *pull, const struct steering *steering, struct diags *diags)
{
	for (size_t i = 0; i < pull->signal_count; i++) {
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/signals/%zu/region", i);
		if (steering_region_find(steering, pull->signals[i].region) == NO_REGION)
			diag_error(diags, request_place(pointer), NULL, "there is no region '%s'",
			    pull->signals[i].region);
	}
}

static int
pull_job(struct store_txn *txn, void *arg)
{
	const struct request *request = arg;
	const struct pull *pull = request->work;
	int status = 0;

	for (size_t i = 0; i < pull->signal_count && status == 0; i++)
		status = store_signal_put(txn, &pull->signals[i]);
	if (status == 0 && pull->signals != NULL)
		status = store_signals_end_others(txn, pull->source, pull->row.tried);
	if (status == 0)
		status = series_put(txn, &pull->series);
	return status == 0 ? store_feed_put(txn, &pull->row) : status;
}

static void
pull_done(void *arg, int status)
{
	struct request *request = arg;
	const struct pull *pull = request->work;
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	view_count(&view, root, "signals", pull->signal_count);
	view_count(&view, root, "samples", pull->series.samples);
	answer_stored(request, 201, &view, status);
	request_answered(request);
}

/* --- GET /v1/feeds --------------------------------------------------------------------------------------------- */

struct state_reading {
	struct request *request;
	struct feed_states *states;
	bool failed;
};

int
feed_states_read(struct request *request, struct feed_states *states)
{
	struct state_reading reading = { request, states, false };
	int error = store_feeds(request->reader, take_state, &reading);

	return error == 0 && reading.failed ? -ENOMEM : error;
}

static bool
take_state(void *arg, const struct feed_row *row)
{
	struct state_reading *reading = arg;
	struct feed_row *copy = &reading->states->list[reading->states->count++];

	*copy = *row;
	copy->name = arena_text(reading->request->arena, row->name);
	copy->error = arena_text(reading->request->arena, row->error);
	copy->notes = arena_text(reading->request->arena, row->notes);
	reading->failed = copy->name == NULL || copy->error == NULL || copy->notes == NULL;
	return !reading->failed && reading->states->count < ARRAY_SIZE(reading->states->list);
}

const struct feed_row *
feed_states_find(const struct feed_states *states, const char *name)
{
	for (size_t i = 0; i < states->count; i++)
		if (strcmp(states->list[i].name, name) == 0)
			return &states->list[i];
	return NULL;
}

const char *
feed_state_text(const struct steering_feed *feed, const struct feed_row *row, struct wall now)
{
	if (row == NULL)
		return "new";
	if (feed_is_stale(feed, row->succeeded, now))
		return "stale";
	return row->error[0] == '\0' ? "good" : "failing";
}

void
feeds_read(struct request *request)
{
	struct feed_states *states = arena_alloc(request->arena, sizeof(*states));
	int error = states == NULL ? -ENOMEM : feed_states_read(request, states);

	if (error == -ENOMEM)
		answer_no_memory(request);
	else if (error < 0)
		answer_store_trouble(request, error);
	request->work = states;
}

void
feeds_show(struct request *request)
{
	const struct steering *steering = control_snapshot(request->control)->steering;
	struct view view = { 0 };
	cJSON *list = view_array(&view, view_root(&view), "feeds");
	struct wall now = wall_now();

	for (size_t i = 0; i < steering->feed_count; i++)
		add_feed(&view, list, steering, &steering->feeds[i],
		    feed_states_find(request->work, steering->feeds[i].name), now);
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

static void
add_feed(struct view *view, cJSON *list, const struct steering *steering, const struct steering_feed *feed,
	const struct feed_row *row, struct wall now)
{
	static const struct feed_row none = { .error = "", .notes = "[]" };
	cJSON *entry = view_object(view, list, NULL), *regions;
	const char *state = feed_state_text(feed, row, now);

	if (row == NULL)
		row = &none;
	view_text(view, entry, "feed", feed->name);
	view_text(view, entry, "kind", feed_kind_text(feed->kind));
	view_text(view, entry, "url", feed->url);
	view_text(view, entry, "signal", feed->kind == FEED_PROMETHEUS ? NULL : feed->signal);
	regions = view_array(view, entry, "regions");
	for (size_t i = 0; i < feed->region_count; i++)
		view_text(view, regions, NULL, steering->regions[feed->regions[i].region].name);
	view_number(view, entry, "interval_s", feed->interval_ms / 1000.0);
	view_number(view, entry, "stale_after_s", feed->stale_ms / 1000.0);
	view_text(view, entry, "state", state);
	view_time(view, entry, "tried", row->tried);
	view_time(view, entry, "succeeded", row->succeeded);
	view_number(view, entry, "age_s", row->succeeded.ms == 0 ? (double)NAN :
	    (double)(now.ms - row->succeeded.ms) / 1000);
	view_time(view, entry, "until", row->until);
	view_text(view, entry, "error", row->error[0] == '\0' ? NULL : row->error);
	view_count(view, entry, "pulls", row->pulls);
	view_count(view, entry, "failures", row->failures);
	view_count(view, entry, "items", row->items);
	view_count(view, entry, "left_out", row->left_out);
	view_json(view, entry, "notes", row->notes);
	view_count(view, entry, "bytes", row->bytes);
	view_count(view, entry, "took_ms", row->took_ms);
}
