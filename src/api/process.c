/* process.c -- for what watches isobard: does it live, is it ready, and stop.
 * In: nothing.  Out: 200 or 503; the end of the process.  Threads: as each function says. */
#include <unistd.h>

#include "api/counters.h"
#include "api/handlers.h"
#include "api/view.h"

/* API thread: it answers, so it lives. */
void
live_show(struct request *request)
{
	struct view view = { 0 };

	view_bool(&view, view_root(&view), "live", true);
	answer_json(request, 200, view_take(&view));
}

/* API thread. Without this a request would wait for a control thread that hasn't begun. */
void
ready_check(struct request *request)
{
	if (!atomic_load(&request->counters->ready))
		answer_unavailable(request, "isobard is starting");
}

/* Control thread, which is shown to run thereby. A store that can't be written is no reason to send queries elsewhere:
 * answers go on. */
void
ready_show(struct request *request)
{
	struct control_status status;
	struct view view = { 0 };
	cJSON *root;

	control_status(request->control, &status);
	if (control_snapshot(request->control) == NULL || control_server(request->control) == NULL) {
		answer_unavailable(request, "there is nothing to answer from yet");
	} else {
		root = view_root(&view);
		view_bool(&view, root, "ready", true);
		view_count(&view, root, "epoch", status.epoch);
		view_bool(&view, root, "store_failing", status.store_failing);
		answer_json(request, 200, view_take(&view));
	}
	request_answered(request);
}

/* Control thread. The answer goes out before the API ends (api_stop). The process's number lets a client on the same
 * machine wait for its end. */
void
stop_run(struct request *request)
{
	struct view view = { 0 };
	cJSON *root = view_root(&view);
	struct control *control = request->control;

	view_text(&view, root, "message", "isobard is stopping");
	view_count(&view, root, "pid", (uint64_t)getpid());
	answer_json(request, 200, view_take(&view));
	request_answered(request);
	control_stop(control);
}
