/* request.c -- what handlers ask of a request, and the forms that an answer can have.
 * In: the request.  Out: request->answer, whole, at the first answer_...() call; later ones change nothing, so that a
 * handler may report a failure of any of its steps.
 * Threads: the one that has the request at the time.
 * Errors are problem documents (RFC 9457) of the type "about:blank": the status says what kind of trouble it is,
 * "detail" what happened, "errors" each place that was found wrong. */
#include "api/request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/view.h"

#define RETRY_AFTER_S 5		/* a locked store is free again by then; longer, and agents' spools grow for nothing */

static const char *status_title(unsigned status);
static void set_answer(struct request *request, unsigned status, const char *type, char *body);
static cJSON *problem_new(unsigned status, const char *detail, const struct diags *diags);

/* --- what was asked ------------------------------------------------------------------------------------------ */

const char *
request_query(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->query_count; i++)
		if (strcmp(request->queries[i].name, name) == 0)
			return request->queries[i].value;
	return NULL;
}

bool
request_query_bool(const struct request *request, const char *name, struct diags *diags)
{
	const char *value = request_query(request, name);

	if (value == NULL || strcmp(value, "false") == 0)
		return false;
	if (value[0] != '\0' && strcmp(value, "true") != 0)
		diag_error(diags, request_place(NULL), NULL,
		    "the parameter '%s' is true or false, not '%s'", name, value);
	return true;
}

cJSON *
request_json(struct request *request, struct json_object *object, struct diags *diags)
{
	cJSON *value =
	    json_parse(request->body.bytes == NULL ? "" : request->body.bytes, request->body.length, "request", diags);

	if (value != NULL)
		*object = json_object(value, "request", "", diags);
	if (value != NULL && !diag_failed(diags))
		return value;
	cJSON_Delete(value);
	answer_invalid(request, diags);
	return NULL;
}

/* --- answering ----------------------------------------------------------------------------------------------- */

void
answer_json(struct request *request, unsigned status, cJSON *value)
{
	char *body = value == NULL ? NULL : json_write(value);

	cJSON_Delete(value);
	if (body == NULL)
		answer_no_memory(request);
	else
		set_answer(request, status, "application/json", body);
}

void
answer_stored(struct request *request, unsigned status, struct view *view, int error)
{
	cJSON *value = view_take(view);

	if (error >= 0) {
		answer_json(request, status, value);
		return;
	}
	cJSON_Delete(value);
	answer_store_trouble(request, error);
}

void
answer_body(struct request *request, unsigned status, const char *type, struct text *text)
{
	char *body = text_take(text);

	if (body == NULL)
		answer_no_memory(request);
	else
		set_answer(request, status, type, body);
}

void
answer_problem(struct request *request, unsigned status, const struct diags *diags, const char *format, ...)
{
	char *detail = NULL, *body = NULL;
	cJSON *problem;
	va_list args;

	va_start(args, format);
	if (vasprintf(&detail, format, args) < 0)
		detail = NULL;
	va_end(args);
	problem = detail == NULL ? NULL : problem_new(status, detail, diags);
	if (problem != NULL)
		body = json_write(problem);
	cJSON_Delete(problem);
	free(detail);
	if (body == NULL)
		answer_no_memory(request);
	else
		set_answer(request, status, "application/problem+json", body);
}

void
answer_invalid(struct request *request, const struct diags *diags)
{
	const char *first = NULL;

	if (diags_lack_memory(diags)) {
		answer_no_memory(request);
		return;
	}
	for (size_t i = 0; i < diags->count && first == NULL; i++)
		if (diags->list[i].level == DIAG_ERROR)
			first = diags->list[i].message;
	answer_problem(request, 400, diags, "%s%s", first == NULL ? "the request is wrong" : first,
	    diags->errors > 1 ? "; and more, see the errors" : "");
}

/* Readers tell a lack of memory as one more error. But then nothing is wrong with what was sent: an agent that is told
 * 400 throws its report away, one that is told 503 comes again. */
bool
diags_lack_memory(const struct diags *diags)
{
	bool lacks = diags->dropped > 0 && diags->count < DIAG_MAX;

	for (size_t i = 0; i < diags->count; i++)
		lacks |= diags->list[i].message == NULL || strcmp(diags->list[i].message, "out of memory") == 0;
	return lacks;
}

void
answer_unavailable(struct request *request, const char *format, ...)
{
	char detail[512];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	answer_problem(request, 503, NULL, "%s", detail);
	request->answer.retry_after_s = RETRY_AFTER_S;
}

/* Constant, since nothing can be allocated. */
void
answer_no_memory(struct request *request)
{
	static const char body[] = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
	    "\"detail\":\"out of memory\"}";

	if (request->answer.status != 0)
		return;
	request->answer = (struct answer_text){ .status = 503, .type = "application/problem+json",
		.fixed = body, .length = sizeof(body) - 1, .retry_after_s = RETRY_AFTER_S };
}

void
answer_store_trouble(struct request *request, int error)
{
	if (error == -ENOMEM)
		answer_no_memory(request);
	else
		answer_unavailable(request, "the store can't take this now: %s", strerror(-error));
}

void
request_submit(struct request *request, store_job_fn *job, store_done_fn *done)
{
	if (!request->park(request)) {
		answer_unavailable(request, "isobard is stopping");
		return;
	}
	if (store_submit(request->store, job, done, request))
		return;
	answer_unavailable(request, "the store's queue is full");
	request_answered(request);
}

void
request_answered(struct request *request)
{
	if (request->answer.status == 0)
		answer_problem(request, 500, NULL, "the request got no answer");
	request->resume(request);
}

void
request_fini(struct request *request)
{
	if (request->work_free != NULL && request->work != NULL)
		request->work_free(request->work);
	free(request->answer.body);
	text_fini(&request->body);
	arena_free(request->arena);
}

/* --- helpers ------------------------------------------------------------------------------------------------- */

static void
set_answer(struct request *request, unsigned status, const char *type, char *body)
{
	if (request->answer.status != 0) {
		free(body);
		return;
	}
	request->answer.status = status;
	request->answer.type = type;
	request->answer.body = body;
	request->answer.length = strlen(body);
}

static const char *
status_title(unsigned status)
{
	static const struct { unsigned status; const char *title; } titles[] = {
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 408, "Request Timeout" }, { 409, "Conflict" },
		{ 413, "Content Too Large" }, { 415, "Unsupported Media Type" }, { 422, "Unprocessable Content" },
		{ 500, "Internal Server Error" }, { 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

static cJSON *
problem_new(unsigned status, const char *detail, const struct diags *diags)
{
	struct view view = { 0 };
	cJSON *problem = view_root(&view);

	view_text(&view, problem, "type", "about:blank");
	view_text(&view, problem, "title", status_title(status));
	view_count(&view, problem, "status", status);
	view_text(&view, problem, "detail", detail);
	view_diags(&view, problem, "errors", diags, DIAG_ERROR);
	view_diags(&view, problem, "warnings", diags, DIAG_WARNING);
	return view_take(&view);
}
