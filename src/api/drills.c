/* drills.c -- the drill that runs, and what came of those before.
 * In: the journal, whose rows "drill.end" hold a verdict each.  Out: the running one, and verdicts, the newest first.
 * Threads: the first step on the API's thread with its own reader of the store; the second on the control thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/resources.h"
#include "api/view.h"

#define DRILLS_MAX 100		/* verdicts in an answer: two years of a drill a week */
#define JOURNAL_MOST 100000	/* rows that are looked through, the newest: a scan of milliseconds */

struct past {
	cJSON *list;
	bool failed;
};

static void add_present(struct request *request, struct view *view, cJSON *running);
static bool take_row(void *arg, const struct journal_row *row);
static cJSON *verdict_of(const struct journal_row *row);
static void drop_past(void *work);

void
drills_read(struct request *request)
{
	uint64_t last = store_revision(request->reader);
	struct past *past = calloc(1, sizeof(*past));
	int error = 0;

	if (past != NULL) {
		past->list = cJSON_CreateArray();
		past->failed = past->list == NULL;
		error = store_journal(request->reader, last > JOURNAL_MOST ? last - JOURNAL_MOST : 1, JOURNAL_MOST,
		    take_row, past);
	}
	if (past == NULL || past->failed)
		answer_no_memory(request);
	else if (error < 0)
		answer_store_trouble(request, error);
	request->work = past;
	request->work_free = drop_past;
}

static bool
take_row(void *arg, const struct journal_row *row)
{
	struct past *past = arg;
	cJSON *verdict = strcmp(row->action, "drill.end") == 0 ? verdict_of(row) : NULL;

	if (verdict == NULL)
		return !past->failed;
	if (!cJSON_InsertItemInArray(past->list, 0, verdict)) {
		cJSON_Delete(verdict);
		past->failed = true;
	}
	if (cJSON_GetArraySize(past->list) > DRILLS_MAX)
		cJSON_DeleteItemFromArray(past->list, DRILLS_MAX);
	return !past->failed;
}

/* NULL: none, since nobody watched it. */
static cJSON *
verdict_of(const struct journal_row *row)
{
	struct diags diags = { 0 };
	cJSON *body = json_parse(row->body, strlen(row->body), "journal", &diags);
	cJSON *verdict = cJSON_DetachItemFromObjectCaseSensitive(body, "drill");

	if (verdict != NULL) {
		cJSON_AddNumberToObject(verdict, "revision", (double)row->revision);
		cJSON_AddStringToObject(verdict, "ended_by", row->author);
	}
	cJSON_Delete(body);
	diag_fini(&diags);
	return verdict;
}

void
drills_show(struct request *request)
{
	struct past *past = request->work;
	struct view view = { 0 };
	cJSON *root = view_root(&view), *running = control_drill(request->control, 0, NULL);

	if (running != NULL)
		add_present(request, &view, running);
	if (running == NULL)
		view_null(&view, root, "running");
	else if (!cJSON_AddItemToObject(root, "running", running))
		cJSON_Delete(running);
	if (cJSON_AddItemToObject(root, "drills", past->list))
		past->list = NULL;
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

/* What there is to say while it runs; there is no verdict yet. */
static void
add_present(struct request *request, struct view *view, cJSON *running)
{
	struct scene scene = scene_now(request->control);
	const struct override *overrides;
	size_t count = control_overrides(request->control, &overrides);
	cJSON *region;
	region_id r = 0;

	for (size_t i = 0; i < count; i++)
		if (strcmp(overrides[i].kind, "drill") == 0) {
			view_number(view, running, "seconds", (double)(scene.wall.ms - overrides[i].from.ms) / 1000);
			view_time(view, running, "ends", overrides[i].until);
			view_text(view, running, "reason", overrides[i].reason);
			view_text(view, running, "author", overrides[i].author);
		}
	cJSON_ArrayForEach(region, cJSON_GetObjectItemCaseSensitive(running, "regions")) {
		view_number(view, region, "load_now", region_load(&scene, r++));
	}
	cJSON_DeleteItemFromObjectCaseSensitive(running, "verdict");
	cJSON_DeleteItemFromObjectCaseSensitive(running, "completed");
	cJSON_DeleteItemFromObjectCaseSensitive(running, "until");
}

static void
drop_past(void *work)
{
	struct past *past = work;

	if (past != NULL)
		cJSON_Delete(past->list);
	free(past);
}
