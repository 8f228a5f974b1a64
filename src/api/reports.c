/* reports.c -- a region's agent says how things are.
 * In: the JSON of a report.  Out: 201 when it's durable, 200 when its sequence was counted already, 503 with
 * Retry-After when the store can't take it: then the agent keeps it and comes again.
 * Threads: it's read on the API's thread, since a report may hold thousands of metrics, and taken on the control
 * thread. */
#include "api/change.h"
#include "api/handlers.h"
#include "api/view.h"
#include "report/report.h"

static void report_drop(void *work);
static void on_outcome(void *arg, const struct outcome *outcome);

void
report_read_body(struct request *request)
{
	struct diags diags = { 0 };
	struct report *report = report_read(request->body.bytes == NULL ? "" : request->body.bytes,
	    request->body.length, request->params[0], &diags);

	if (report == NULL)
		answer_invalid(request, &diags);
	diag_fini(&diags);
	request->work = report;
	request->work_free = report_drop;
}

static void
report_drop(void *work)
{
	report_free(work);
}

void
report_take(struct request *request)
{
	struct report *report = request->work;

	request->work = NULL;
	control_report(request->control, report, on_outcome, request);
}

static void
on_outcome(void *arg, const struct outcome *outcome)
{
	struct request *request = arg;
	struct view view = { 0 };
	cJSON *root;

	if (outcome->status != OUTCOME_DONE && outcome->status != OUTCOME_DUPLICATE) {
		outcome_answer(request, outcome);
		return;
	}
	root = view_root(&view);
	view_bool(&view, root, "duplicate", outcome->status == OUTCOME_DUPLICATE);
	answer_json(request, outcome->status == OUTCOME_DUPLICATE ? 200 : 201, view_take(&view));
	request_answered(request);
}
