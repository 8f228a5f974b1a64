/* signals.c -- what others say of the world: those that are in force or announced, a new one, and its end.
 * In: an event with the regions that it concerns, by name or by an area.  Out: a row for each of them.
 * Threads: bodies and rows are read on the API's thread; regions are found on the control thread, where the steering
 * is; rows are written on the store's writer.
 * The same source, id, name and region again replaces what was said before. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/feed_states.h"
#include "api/handlers.h"
#include "api/view.h"
#include "conf/checks.h"
#include "feed/area.h"
#include "feed/in_force.h"
#include "feed/pulled.h"

#define NAMES_MAX 100		/* of signals at once: each is three series of every region, and features of models */
#define SIGNALS_SHOWN_MAX 5000

struct post {
	cJSON *body;
	struct signal_row row;		/* but for the region */
	struct region_set regions;
	const char *region_names[REGIONS_MAX];
	size_t region_count;
};

struct listing {
	struct feed_states states;
	struct signal_row *signals;
	size_t count;
	struct request *request;
	bool failed;
};

struct name_count { const char *name; const char *names[NAMES_MAX]; size_t count; struct arena *arena; bool known; };

static void read_post(struct request *request, const struct json_object *o, struct post *post);
static void read_levels(const struct json_object *o, struct post *post);
static double read_level(const struct json_object *o, const char *name, double otherwise,
	bool (*word_of)(const char *word, double *value));
static void read_times(const struct json_object *o, struct post *post, struct wall now);
static void check_name(struct request *request, const struct json_object *o, const char *name);
static bool count_name(void *arg, const struct signal_row *row);
static const char *keep(struct request *request, const char *text);
static void post_free(void *work);
static void find_regions(struct post *post, const struct steering *steering, struct diags *diags);
static void add_region(struct post *post, const struct steering *steering, const cJSON *name, const char *pointer,
	struct diags *diags);
static int post_job(struct store_txn *txn, void *arg);
static void post_done(void *arg, int status);
static bool take_signal(void *arg, const struct signal_row *row);
static void add_signal(struct view *view, cJSON *list, const struct signal_row *row, bool stale, struct wall now);
static int end_job(struct store_txn *txn, void *arg);
static void end_done(void *arg, int status);

/* --- POST /v1/signals ------------------------------------------------------------------------------------------ */

void
signal_read_body(struct request *request)
{
	struct post *post = calloc(1, sizeof(*post));
	struct diags diags = { 0 };
	struct json_object o;

	request->work = post;
	request->work_free = post_free;
	if (post == NULL) {
		answer_no_memory(request);
		return;
	}
	post->body = request_json(request, &o, &diags);
	if (post->body != NULL)
		read_post(request, &o, post);
	if (post->body != NULL && diag_failed(&diags))
		answer_invalid(request, &diags);
	diag_fini(&diags);
}

static void
post_free(void *work)
{
	struct post *post = work;

	if (post != NULL)
		cJSON_Delete(post->body);
	free(post);
}

static void
read_post(struct request *request, const struct json_object *o, struct post *post)
{
	static const char *const known[] = { "name", "region", "regions", "area", "severity", "certainty", "value",
		"onset", "expires", "source", "id", "text", NULL };
	const char *name = json_string(o, "name", true, "x"), *source = json_string(o, "source", false, "");
	struct wall now = wall_now();
	int places = (json_member(o, "region", false) != NULL) + (json_member(o, "regions", false) != NULL) +
	    (json_member(o, "area", false) != NULL);

	json_refuse_unknown(o, known);
	check_name(request, o, name);
	if (places != 1)
		json_error(o, NULL, NULL, "one of 'region', 'regions' and 'area' says where it is");
	if (strncmp(source, "feed:", 5) == 0)
		json_error(o, "source", NULL, "'feed:' stands for what is pulled");
	post->row = (struct signal_row){
		.name = keep(request, name), .source = keep(request, source[0] == '\0' ? request->who.author : source),
		.key = keep(request, json_string(o, "id", false, "")),
		.text = keep(request, json_string(o, "text", false, "")), .received = now, .updated = now,
	};
	read_levels(o, post);
	read_times(o, post, now);
	if (post->row.name == NULL || post->row.source == NULL || post->row.key == NULL || post->row.text == NULL)
		diag_error(o->diags, request_place(NULL), NULL, "out of memory");
}

/* Either severity and certainty, or their product. */
static void
read_levels(const struct json_object *o, struct post *post)
{
	bool product = json_member(o, "value", false) != NULL;

	if (product && (json_member(o, "severity", false) != NULL || json_member(o, "certainty", false) != NULL))
		json_error(o, "value", NULL, "is severity times certainty: give either");
	post->row.severity = product ? json_number(o, "value", true, 0, 1, 0) :
	    read_level(o, "severity", -1, words_severity);
	post->row.certainty = product ? 1 : read_level(o, "certainty", 1, words_certainty);
}

/* `otherwise` below 0: it's required. */
static double
read_level(const struct json_object *o, const char *name, double otherwise,
	bool (*word_of)(const char *word, double *value))
{
	const cJSON *value = json_member(o, name, otherwise < 0);
	double level = 0;

	if (value == NULL)
		return otherwise;
	if (!cJSON_IsString(value))
		return json_number(o, name, true, 0, 1, 0);
	if (!word_of(value->valuestring, &level))
		json_error(o, name, NULL, "'%.40s' is no word of CAP for it, nor a number from 0 to 1",
		    value->valuestring);
	return level;
}

static void
read_times(const struct json_object *o, struct post *post, struct wall now)
{
	const cJSON *onset = json_member(o, "onset", false), *expires = json_member(o, "expires", true);

	if (onset != NULL && !words_time(onset, &post->row.onset))
		json_error(o, "onset", NULL, "is no time: RFC 3339, or seconds since 1970");
	if (expires != NULL && !words_time(expires, &post->row.expires))
		json_error(o, "expires", NULL, "is no time: RFC 3339, or seconds since 1970");
	else if (expires != NULL && post->row.expires.ms <= now.ms)
		json_error(o, "expires", NULL, "is over already");
	else if (expires != NULL && post->row.expires.ms <= post->row.onset.ms)
		json_error(o, "expires", NULL, "isn't after the onset");
}

/* New names are new series of every region: there's an end to them. */
static void
check_name(struct request *request, const struct json_object *o, const char *name)
{
	struct schema_why why = { .text = "" };
	struct name_count count = { .name = name, .arena = request->arena };

	if (name[0] == '\0' || !check_tag(name, &why))
		json_error(o, "name", NULL, "'%.80s' %s", name, name[0] == '\0' ? "is empty" : why.text);
	else if (store_signals(request->reader, wall_now(), count_name, &count) == 0 && !count.known &&
	    count.count == NAMES_MAX)
		json_error(o, "name", NULL, "there are %d names of signals already", NAMES_MAX);
}

static bool
count_name(void *arg, const struct signal_row *row)
{
	struct name_count *count = arg;

	count->known = count->known || strcmp(row->name, count->name) == 0;
	for (size_t i = 0; i < count->count; i++)
		if (strcmp(count->names[i], row->name) == 0)
			return !count->known;
	if (count->count < NAMES_MAX)
		count->names[count->count] = arena_text(count->arena, row->name);
	if (count->count < NAMES_MAX && count->names[count->count] != NULL)
		count->count++;
	return !count->known;
}

static const char *
keep(struct request *request, const char *text)
{
	return arena_text(request->arena, text);
}

/* Once it's submitted the request is the writer's. */
void
signal_take(struct request *request)
{
	struct post *post = request->work;
	struct diags diags = { 0 };
	bool submitted = false;

	find_regions(post, control_snapshot(request->control)->steering, &diags);
	for (size_t i = 0; i < post->region_count; i++)
		if ((post->region_names[i] = keep(request, post->region_names[i])) == NULL)
			diag_error(&diags, request_place(NULL), NULL, "out of memory");
	if (diag_failed(&diags))
		answer_invalid(request, &diags);
	else if (request->store == NULL)
		answer_unavailable(request, "isobard serves without a store");
	else if (!(submitted = store_submit(request->store, post_job, post_done, request)))
		answer_unavailable(request, "the store's queue is full");
	diag_fini(&diags);
	if (!submitted)
		request_answered(request);
}

static void
find_regions(struct post *post, const struct steering *steering, struct diags *diags)
{
	const cJSON *area = cJSON_GetObjectItemCaseSensitive(post->body, "area");
	const cJSON *regions = cJSON_GetObjectItemCaseSensitive(post->body, "regions"), *name;
	struct places places = { .steering = steering };
	size_t index = 0;

	for (size_t i = 0; i < steering->region_count; i++)
		region_set_add(&places.regions, (region_id)i);
	if (area != NULL)
		area_geojson(area, &places, "request", "/area", &post->regions, diags);
	else if (regions == NULL)
		add_region(post, steering, cJSON_GetObjectItemCaseSensitive(post->body, "region"), "/region", diags);
	else if (!cJSON_IsArray(regions) || cJSON_GetArraySize(regions) == 0)
		diag_error(diags, request_place("/regions"), NULL, "must be an array of names");
	cJSON_ArrayForEach(name, regions) {
		char pointer[64];

		snprintf(pointer, sizeof(pointer), "/regions/%zu", index++);
		add_region(post, steering, name, pointer, diags);
	}
	for (size_t i = 0; i < steering->region_count; i++)
		if (region_set_has(&post->regions, (region_id)i))
			post->region_names[post->region_count++] = steering->regions[i].name;
}

static void
add_region(struct post *post, const struct steering *steering, const cJSON *name, const char *pointer,
	struct diags *diags)
{
	region_id region = cJSON_IsString(name) ? steering_region_find(steering, name->valuestring) : NO_REGION;

	if (region != NO_REGION)
		region_set_add(&post->regions, region);
	else
		diag_error(diags, request_place(pointer), NULL, "there is no region '%.80s'",
		    cJSON_IsString(name) ? name->valuestring : "");
}

static int
post_job(struct store_txn *txn, void *arg)
{
	const struct request *request = arg;
	const struct post *post = request->work;
	struct signal_row row = post->row;
	int status = 0;

	for (size_t i = 0; i < post->region_count && status == 0; i++) {
		row.region = post->region_names[i];
		status = store_signal_put(txn, &row);
	}
	return status;
}

static void
post_done(void *arg, int status)
{
	struct request *request = arg;
	const struct post *post = request->work;
	struct view view = { 0 };
	cJSON *root, *list;

	if (status < 0) {
		answer_store_trouble(request, status);
	} else {
		root = view_root(&view);
		view_text(&view, root, "name", post->row.name);
		list = view_array(&view, root, "regions");
		for (size_t i = 0; i < post->region_count; i++)
			view_text(&view, list, NULL, post->region_names[i]);
		answer_json(request, 201, view_take(&view));
	}
	request_answered(request);
}

/* --- GET /v1/signals ------------------------------------------------------------------------------------------- */

void
signals_read(struct request *request)
{
	struct listing *listing = arena_alloc(request->arena, sizeof(*listing));
	int error = listing == NULL ? -ENOMEM : 0;

	if (error == 0)
		error = feed_states_read(request, &listing->states);
	if (error == 0) {
		listing->request = request;
		listing->signals = arena_alloc(request->arena, SIGNALS_SHOWN_MAX * sizeof(*listing->signals));
		error = listing->signals == NULL ? -ENOMEM :
		    store_signals(request->reader, wall_now(), take_signal, listing);
	}
	if (error == -ENOMEM || (listing != NULL && listing->failed))
		answer_no_memory(request);
	else if (error < 0)
		answer_store_trouble(request, error);
	request->work = listing;
}

static bool
take_signal(void *arg, const struct signal_row *row)
{
	struct listing *listing = arg;
	struct signal_row *copy = &listing->signals[listing->count++];

	*copy = *row;
	copy->source = keep(listing->request, row->source);
	copy->key = keep(listing->request, row->key);
	copy->name = keep(listing->request, row->name);
	copy->region = keep(listing->request, row->region);
	copy->text = keep(listing->request, row->text);
	listing->failed = copy->source == NULL || copy->key == NULL || copy->name == NULL || copy->region == NULL ||
	    copy->text == NULL;
	return !listing->failed && listing->count < SIGNALS_SHOWN_MAX;
}

void
signals_show(struct request *request)
{
	const struct steering *steering = control_snapshot(request->control)->steering;
	const struct listing *listing = request->work;
	struct view view = { 0 };
	cJSON *list = view_array(&view, view_root(&view), "signals");
	struct wall now = wall_now();

	for (size_t i = 0; i < listing->count; i++) {
		const struct signal_row *row = &listing->signals[i];
		bool pulled = strncmp(row->source, "feed:", 5) == 0;
		const struct steering_feed *feed = pulled ? steering_feed_find(steering, row->source + 5) : NULL;
		const struct feed_row *state = pulled ? feed_states_find(&listing->states, row->source + 5) : NULL;

		add_signal(&view, list, row, pulled && (feed == NULL || state == NULL ||
		    feed_is_stale(feed, state->succeeded, now)), now);
	}
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

static void
add_signal(struct view *view, cJSON *list, const struct signal_row *row, bool stale, struct wall now)
{
	cJSON *entry = view_object(view, list, NULL);

	view_count(view, entry, "signal", (uint64_t)row->id);
	view_text(view, entry, "name", row->name);
	view_text(view, entry, "region", row->region);
	view_text(view, entry, "source", row->source);
	view_text(view, entry, "id", row->key);
	view_text(view, entry, "text", row->text);
	view_number(view, entry, "severity", row->severity);
	view_number(view, entry, "certainty", row->certainty);
	view_number(view, entry, "value", row->severity * row->certainty);
	view_time(view, entry, "onset", row->onset);
	view_time(view, entry, "expires", row->expires);
	view_time(view, entry, "received", row->received);
	view_time(view, entry, "updated", row->updated);
	view_number(view, entry, "age_s", (double)(now.ms - row->onset.ms) / 1000);
	view_bool(view, entry, "in_force", row->onset.ms <= now.ms);
	view_bool(view, entry, "stale", stale);
}

/* --- DELETE /v1/signals/{id} ----------------------------------------------------------------------------------- */

void
signal_end(struct request *request)
{
	char *end;
	int64_t *id = arena_alloc(request->arena, sizeof(*id));

	if (id == NULL) {
		answer_no_memory(request);
		return;
	}
	*id = strtoll(request->params[0], &end, 10);
	if (*end != '\0' || *id <= 0) {
		answer_problem(request, 404, NULL, "there is no signal '%s'", request->params[0]);
		return;
	}
	request->work = id;
	request_submit(request, end_job, end_done);
}

static int
end_job(struct store_txn *txn, void *arg)
{
	const struct request *request = arg;
	const int64_t *id = request->work;

	return store_signal_end(txn, *id, wall_now());
}

static void
end_done(void *arg, int status)
{
	struct request *request = arg;
	struct view view = { 0 };
	cJSON *root;

	if (status == -ENOENT) {
		answer_problem(request, 404, NULL, "there is no signal '%s' in force", request->params[0]);
	} else if (status < 0) {
		answer_store_trouble(request, status);
	} else {
		root = view_root(&view);
		view_text(&view, root, "ended", request->params[0]);
		answer_json(request, 200, view_take(&view));
	}
	request_answered(request);
}
