/* watching.c -- who watches the queries: dnstap and the query log, how they are, on and off.
 * In: {on, sample, for_s}.  Out: the state after it.  Threads: bodies are read on the API's thread, the rest is done on
 * the control thread. */
#include "api/handlers.h"
#include "api/view.h"
#include "control/watch.h"

static void read_wish(struct request *request, bool query_log);
static void answer_refused(struct request *request, const struct text *why);

/* --- dnstap -------------------------------------------------------------------------------------------------- */

void
dnstap_read_body(struct request *request)
{
	read_wish(request, false);
}

void
dnstap_switch(struct request *request)
{
	const struct query_log_wish *wish = request->work;
	struct text why = { 0 };

	if (watch_dnstap(request->control, wish->on, request->who.author, &why))
		dnstap_show(request);
	else
		answer_refused(request, &why);
	text_fini(&why);
}

void
dnstap_show(struct request *request)
{
	struct watch_state state;
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	watch_state(request->control, &state);
	view_bool(&view, root, "configured", state.dnstap_wanted);
	view_bool(&view, root, "on", state.dnstap_on);
	view_bool(&view, root, "connected", state.dnstap.connected);
	view_count(&view, root, "sample", state.dnstap_sample);
	view_count(&view, root, "frames", state.dnstap.frames);
	view_count(&view, root, "dropped", state.dnstap.dropped);
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

/* --- the query log ------------------------------------------------------------------------------------------- */

void
query_log_read_body(struct request *request)
{
	read_wish(request, true);
}

void
query_log_switch(struct request *request)
{
	struct text why = { 0 };

	if (watch_query_log(request->control, request->work, request->who.author, &why))
		query_log_show(request);
	else
		answer_refused(request, &why);
	text_fini(&why);
}

void
query_log_show(struct request *request)
{
	struct watch_state state;
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	watch_state(request->control, &state);
	view_bool(&view, root, "on", state.query_log_on);
	view_text(&view, root, "file", *state.query_log_file == '\0' ? NULL : state.query_log_file);
	view_known_count(&view, root, "sample", state.query_log_on, state.query_log_sample);
	view_time(&view, root, "until", state.query_log_until);
	view_count(&view, root, "lines", state.query_log.lines);
	view_count(&view, root, "dropped", state.query_log.dropped);
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

/* --- both ---------------------------------------------------------------------------------------------------- */

static void
read_wish(struct request *request, bool query_log)
{
	static const char *const of_log[] = { "on", "sample", "for_s", NULL }, *const of_dnstap[] = { "on", NULL };
	struct query_log_wish *wish = arena_alloc(request->arena, sizeof(*wish));
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = request_json(request, &o, &diags);

	if (body != NULL && wish != NULL) {
		wish->on = json_bool(&o, "on", true, false);
		wish->sample = (uint32_t)json_integer(&o, "sample", false, 1, WATCH_SAMPLE_MOST, 1);
		wish->for_s = json_integer(&o, "for_s", false, 1, QUERY_LOG_FOR_MOST_S, QUERY_LOG_FOR_S);
		json_refuse_unknown(&o, query_log ? of_log : of_dnstap);
	}
	if (body != NULL && diag_failed(&diags))
		answer_invalid(request, &diags);
	else if (body != NULL && wish == NULL)
		answer_no_memory(request);
	request->work = wish;
	cJSON_Delete(body);
	diag_fini(&diags);
}

static void
answer_refused(struct request *request, const struct text *why)
{
	answer_problem(request, 409, NULL, "%s", why->bytes == NULL ? "out of memory" : why->bytes);
	request_answered(request);
}
