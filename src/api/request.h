/* request.h -- one HTTP request as handlers see it: what was asked, by whom, and what the answer will be.
 * Nothing here knows libmicrohttpd. Threads: a request is with one thread at a time: the API's, or, while it's parked,
 * the control thread or the store's writer, until request_answered(). */
#ifndef ISOBAR_API_REQUEST_H
#define ISOBAR_API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/auth.h"
#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/text.h"
#include "control/control.h"
#include "store/store.h"

struct route;
struct api_counters;

#define REQUEST_PARAMS_MAX 4	/* {...} in one route's pattern */
#define REQUEST_QUERIES_MAX 8

struct query_value {
	const char *name, *value;	/* value "" when the name stands alone */
};

struct answer_text {
	unsigned status;		/* HTTP; 0: not answered yet */
	const char *type;		/* Content-Type */
	char *body;			/* owned; or NULL, then `fixed` */
	const char *fixed;		/* lives for ever */
	size_t length;
	char *allow;			/* header Allow, or NULL; in the arena */
	unsigned retry_after_s;		/* header Retry-After; 0: none */
	bool challenge;			/* header WWW-Authenticate */
};

struct request {
	struct arena *arena;		/* dies with the request */
	const char *method, *path;	/* path as it came, percent-escapes and all */
	const char *content_type;	/* media type only, lower case; "" without one */
	const struct route *route;
	const char *params[REQUEST_PARAMS_MAX];	/* unescaped */
	size_t query_count;
	struct query_value queries[REQUEST_QUERIES_MAX];
	struct principal who;
	struct text body;
	struct answer_text answer;

	struct control *control;	/* views and changes: on the control thread only */
	struct store *store;		/* submitting: any thread */
	struct store_reader *reader;	/* of the API thread: never elsewhere */
	const struct api_counters *counters;

	void *work;			/* between a handler's steps */
	void (*work_free)(void *work);	/* or NULL */
	size_t move_count;		/* clients that a change of the live words moves; for its outcome */
	struct outcome_move *moves;
	const char *detail_name, *detail;	/* JSON that goes with its outcome, or NULL; in the arena */
	const int64_t *over_ms;		/* of a drain's end; in the arena */
	bool missing;			/* a change was refused since what it names isn't there */
	bool (*park)(struct request *request);		/* set by the server */
	void (*resume)(struct request *request);
};

/* Where an error in the request stands; `pointer` may be NULL. */
static inline struct diag_place
request_place(const char *pointer)
{
	return (struct diag_place){ .file = "request", .pointer = pointer };
}

/* --- what was asked ------------------------------------------------------------------------------------------ */

const char *request_query(const struct request *request, const char *name) NONNULL;	/* NULL: not given */

/* "true" or "false" (an empty value is true); else an error that names the parameter. */
bool request_query_bool(const struct request *request, const char *name, struct diags *diags) NONNULL;

/* The body as JSON, an object. NULL: answered with the problem. The caller deletes it. */
cJSON *request_json(struct request *request, struct json_object *object, struct diags *diags) NONNULL MUST_USE;

struct view;

/* --- answering: each call fixes the whole answer; the first one counts ---------------------------------------- */

void answer_json(struct request *request, unsigned status, cJSON *value /* taken; NULL: out of memory */)
	__attribute__((nonnull(1)));
/* The view, which ends; or, when the store failed while or before it was filled, what that means. */
void answer_stored(struct request *request, unsigned status, struct view *view, int error) NONNULL;
void answer_body(struct request *request, unsigned status, const char *type, struct text *text /* taken */) NONNULL;

/* RFC 9457: application/problem+json. `diags` become the member "errors"; may be NULL. */
void answer_problem(struct request *request, unsigned status, const struct diags *diags, const char *format, ...)
	__attribute__((nonnull(1, 4))) PRINTF(4, 5);
/* 400 with all of them; 503 when one of them is that memory was out. */
void answer_invalid(struct request *request, const struct diags *diags) NONNULL;
bool diags_lack_memory(const struct diags *diags) NONNULL;
void answer_unavailable(struct request *request, const char *format, ...) NONNULL PRINTF(2, 3);	/* 503, Retry-After */
void answer_no_memory(struct request *request) NONNULL;
void answer_store_trouble(struct request *request, int error) NONNULL;	/* -errno of the store: 503, or 500 */

/* Parks the request and gives `job` to the store's writer, whose `done` answers; or answers that this can't be. For
 * handlers on the API thread, as their last step. */
void request_submit(struct request *request, store_job_fn *job, store_done_fn *done) NONNULL;

/* The request goes back to its listener, which sends the answer. Last thing that a parked handler does with it. */
void request_answered(struct request *request) NONNULL;

/* Frees what the request holds; the server does this. */
void request_fini(struct request *request) NONNULL;

#endif
