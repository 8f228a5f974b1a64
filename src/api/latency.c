/* latency.c -- measured latencies: those that are known, an import of them, and its end.
 * In: rows of (clients, region, ms).  Out: rows in the store, with one of the journal in the same transaction; the PAE
 * reads them for its next plan.
 * Threads: bodies are read on the API's thread, names are checked on the control thread, rows are written on the
 * store's writer. */
#include <errno.h>
#include <string.h>

#include "api/handlers.h"
#include "api/view.h"
#include "conf/latency_csv.h"

struct latency_work {
	struct latency_entry *list;
	size_t count;
	const char *author, *reason, *body;	/* of the journal's row */
	const char *action;
	bool dry_run;
	uint64_t revision;
};

struct listing {
	struct view view;
	cJSON *list;
};

static bool add_latency(void *arg, const struct latency_entry *entry);
static struct latency_work *work_begin(struct request *request, const char *action);
static void read_rows(struct request *request, const struct json_object *o, struct latency_work *work,
	struct diags *diags);
static void check_names(const struct latency_work *work, const struct steering *steering, struct diags *diags);
static void submit(struct request *request);
static int latency_job(struct store_txn *txn, void *arg);
static void latency_done(void *arg, int status);
static void answer_done(struct request *request);

void
latency_show(struct request *request)
{
	struct listing listing = { 0 };
	int error;

	listing.list = view_array(&listing.view, view_root(&listing.view), "latency");
	error = store_latencies(request->reader, add_latency, &listing);
	answer_stored(request, 200, &listing.view, error);
}

static bool
add_latency(void *arg, const struct latency_entry *entry)
{
	struct listing *listing = arg;
	struct view *view = &listing->view;
	cJSON *object = view_object(view, listing->list, NULL);

	view_text(view, object, "clients", entry->clients);
	view_text(view, object, "region", entry->region);
	view_number(view, object, "ms", entry->ms);
	view_text(view, object, "source", entry->source);
	view_time(view, object, "at", entry->at);
	return !view->failed;
}

/* --- import and clear ---------------------------------------------------------------------------------------- */

void
latency_read_body(struct request *request)
{
	struct latency_work *work = work_begin(request, "latency.import");
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = work == NULL ? NULL : request_json(request, &o, &diags);

	if (body != NULL) {
		read_rows(request, &o, work, &diags);
		work->body = arena_printf(request->arena, "{\"rows\":%zu}", work->count);
		if (diag_failed(&diags))
			answer_invalid(request, &diags);
		else if (work->body == NULL)
			answer_no_memory(request);
	}
	cJSON_Delete(body);
	diag_fini(&diags);
}

static struct latency_work *
work_begin(struct request *request, const char *action)
{
	struct latency_work *work = arena_alloc(request->arena, sizeof(*work));
	const char *reason = request_query(request, "reason");
	struct diags diags = { 0 };

	if (work == NULL) {
		answer_no_memory(request);
		return NULL;
	}
	*work = (struct latency_work){ .author = request->who.author, .reason = reason == NULL ? "" : reason,
		.action = action, .dry_run = request_query_bool(request, "dry_run", &diags), .body = "{}" };
	if (diag_failed(&diags)) {
		answer_invalid(request, &diags);
		work = NULL;
	}
	diag_fini(&diags);
	request->work = work;
	return work;
}

static void
read_rows(struct request *request, const struct json_object *o, struct latency_work *work, struct diags *diags)
{
	static const char *const known[] = { "latency", NULL }, *const members[] = { "clients", "region", "ms", NULL };
	const cJSON *list = json_array(o, "latency", true), *value;
	size_t count = list == NULL ? 0 : (size_t)cJSON_GetArraySize(list);
	struct wall now = wall_now();

	json_refuse_unknown(o, known);
	if (count > LATENCY_ROWS_MAX) {
		json_error(o, "latency", NULL, "%zu entries, of %d at most", count, LATENCY_ROWS_MAX);
		return;
	}
	work->list = arena_alloc(request->arena, (count + 1) * sizeof(*work->list));
	cJSON_ArrayForEach(value, list) {
		struct latency_entry *entry;
		struct json_object row;
		char pointer[64];

		if (work->list == NULL)
			break;
		snprintf(pointer, sizeof(pointer), "/latency/%zu", work->count);
		row = json_object(value, "request", pointer, diags);
		json_refuse_unknown(&row, members);
		entry = &work->list[work->count++];
		*entry = (struct latency_entry){ .source = "import", .at = now,
			.clients = arena_text(request->arena, json_string(&row, "clients", true, "")),
			.region = arena_text(request->arena, json_string(&row, "region", true, "")),
			.ms = json_number(&row, "ms", true, 0, LATENCY_MS_MOST, 0) };
		if (entry->clients == NULL || entry->region == NULL)
			work->list = NULL;
	}
	if (work->list == NULL)
		diag_error(diags, request_place(NULL), NULL, "out of memory");
}

void
latency_take(struct request *request)
{
	struct diags diags = { 0 };

	check_names(request->work, control_snapshot(request->control)->steering, &diags);
	if (diag_failed(&diags)) {
		answer_invalid(request, &diags);
		request_answered(request);
	} else {
		submit(request);
	}
	diag_fini(&diags);
}

static void
check_names(const struct latency_work *work, const struct steering *steering, struct diags *diags)
{
	for (size_t i = 0; i < work->count; i++) {
		char pointer[80];

		snprintf(pointer, sizeof(pointer), "/latency/%zu/clients", i);
		if (!latency_clients_known(steering, work->list[i].clients))
			diag_error(diags, request_place(pointer), NULL,
			    "'%s' is no client group, no country (such as DE) and no GROUP/COUNTRY",
			    work->list[i].clients);
		snprintf(pointer, sizeof(pointer), "/latency/%zu/region", i);
		if (steering_region_find(steering, work->list[i].region) == NO_REGION)
			diag_error(diags, request_place(pointer), NULL, "there is no region '%s'",
			    work->list[i].region);
	}
}

void
latency_clear(struct request *request)
{
	if (work_begin(request, "latency.clear") != NULL)
		submit(request);
	else
		request_answered(request);
}

static void
submit(struct request *request)
{
	const struct latency_work *work = request->work;

	if (work->dry_run) {
		answer_done(request);
	} else if (request->store == NULL) {
		answer_unavailable(request, "isobard serves without a store");
	} else {
		if (store_submit(request->store, latency_job, latency_done, request))
			return;
		answer_unavailable(request, "the store's queue is full");
	}
	request_answered(request);
}

/* Store's writer. An import replaces the one before: a row that is gone from the file is gone. */
static int
latency_job(struct store_txn *txn, void *arg)
{
	struct request *request = arg;
	struct latency_work *work = request->work;
	int status = store_latency_clear(txn, "import");

	for (size_t i = 0; i < work->count && status == 0; i++)
		status = store_latency_put(txn, &work->list[i]);
	return status != 0 ? status
	    : store_journal_add(txn, wall_now(), work->author, work->action, work->reason, work->body, &work->revision);
}

static void
latency_done(void *arg, int status)
{
	struct request *request = arg;

	if (status < 0)
		answer_store_trouble(request, status);
	else
		answer_done(request);
	request_answered(request);
}

static void
answer_done(struct request *request)
{
	const struct latency_work *work = request->work;
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	view_count(&view, root, "rows", work->count);
	view_bool(&view, root, "dry_run", work->dry_run);
	if (!work->dry_run)
		view_count(&view, root, "revision", work->revision);
	answer_json(request, 200, view_take(&view));
}
