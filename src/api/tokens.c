/* tokens.c -- tokens of agents and of other clients: who has one, a new one, and no longer.
 * In: name, scope and lifetime.  Out: the token itself, this one time: the store has its hash only.
 * Threads: the API's, with its own reader of the store; rows are written on the store's writer, with the journal's. */
#include <errno.h>
#include <string.h>

#include "api/handlers.h"
#include "api/view.h"
#include "base/hash.h"

#define LIFETIME_MAX_S ((int64_t)3650 * 86400)

struct token_work {
	struct token_row row;
	char token[TOKEN_TEXT_SIZE];
	char hash[SHA256_TEXT_SIZE];
	const char *author;
	const char *body;	/* of the journal's row */
};

struct listing {
	struct view view;
	cJSON *list;
};

static bool add_token(void *arg, const struct token_row *token);
static void view_token(struct view *view, cJSON *into, const struct token_row *token);
static void read_token(struct request *request, const struct json_object *o, struct token_work *work);
static void read_lifetime(const struct json_object *o, struct token_row *row);
static int create_job(struct store_txn *txn, void *arg);
static void create_done(void *arg, int status);
static int delete_job(struct store_txn *txn, void *arg);
static void delete_done(void *arg, int status);

void
tokens_show(struct request *request)
{
	struct listing listing = { 0 };
	int error;

	listing.list = view_array(&listing.view, view_root(&listing.view), "tokens");
	error = store_tokens(request->reader, add_token, &listing);
	answer_stored(request, 200, &listing.view, error);
}

static bool
add_token(void *arg, const struct token_row *token)
{
	struct listing *listing = arg;

	view_token(&listing->view, view_object(&listing->view, listing->list, NULL), token);
	return !listing->view.failed;
}

static void
view_token(struct view *view, cJSON *into, const struct token_row *token)
{
	view_text(view, into, "name", token->name);
	view_text(view, into, "scope", token->scope);
	view_time(view, into, "created", token->created);
	view_time(view, into, "expires", token->expires);
}

/* --- create -------------------------------------------------------------------------------------------------- */

void
token_create(struct request *request)
{
	struct token_work *work = arena_alloc(request->arena, sizeof(*work));
	struct diags diags = { 0 };
	struct json_object o;
	cJSON *body = request_json(request, &o, &diags);

	if (body != NULL && work != NULL)
		read_token(request, &o, work);
	if (body != NULL && diag_failed(&diags))
		answer_invalid(request, &diags);
	else if (body != NULL && (work == NULL || work->body == NULL))
		answer_no_memory(request);
	cJSON_Delete(body);
	diag_fini(&diags);
	if (request->answer.status != 0)
		return;
	request->work = work;
	request_submit(request, create_job, create_done);
}

static void
read_token(struct request *request, const struct json_object *o, struct token_work *work)
{
	static const char *const known[] = { "name", "scope", "for_s", NULL };
	const char *name = json_string(o, "name", true, "x"), *scope = json_string(o, "scope", true, "read");
	struct principal scoped;
	struct view view = { 0 };
	cJSON *journal;

	if (!auth_token_name_valid(name))
		json_error(o, "name", NULL, "'%s' is not 1 to 64 of A-Z a-z 0-9 _ . -", name);
	if (!auth_scope_parse(scope, &scoped))
		json_error(o, "scope", NULL, "'%s' is none of admin, read, pae, agent:REGION", scope);
	json_refuse_unknown(o, known);
	work->row = (struct token_row){ .name = arena_text(request->arena, name),
		.scope = arena_text(request->arena, scope), .hash = work->hash, .created = wall_now() };
	read_lifetime(o, &work->row);
	work->author = request->who.author;
	if (diag_failed(o->diags) || work->row.name == NULL || work->row.scope == NULL ||
	    auth_token_new(work->token) < 0)
		return;
	sha256_text(work->token, strlen(work->token), work->hash);
	journal = view_root(&view);
	view_text(&view, journal, "subject", name);
	view_text(&view, journal, "scope", scope);
	work->body = view_keep(&view, request->arena);
}

static void
read_lifetime(const struct json_object *o, struct token_row *row)
{
	int64_t seconds = json_integer(o, "for_s", false, 1, LIFETIME_MAX_S, 0);

	if (seconds > 0)
		row->expires.ms = row->created.ms + seconds * 1000;
}

/* Store's writer. */
static int
create_job(struct store_txn *txn, void *arg)
{
	const struct request *request = arg;
	const struct token_work *work = request->work;
	uint64_t revision;
	int status = store_token_put(txn, &work->row);

	return status != 0 ? status
	    : store_journal_add(txn, wall_now(), work->author, "token.create", "", work->body, &revision);
}

static void
create_done(void *arg, int status)
{
	struct request *request = arg;
	const struct token_work *work = request->work;
	struct view view = { 0 };
	cJSON *root;

	if (status == -EEXIST) {
		answer_problem(request, 409, NULL, "there is a token '%s' already", work->row.name);
	} else if (status < 0) {
		answer_store_trouble(request, status);
	} else {
		root = view_root(&view);
		view_token(&view, root, &work->row);
		view_text(&view, root, "token", work->token);
		answer_json(request, 201, view_take(&view));
	}
	request_answered(request);
}

/* --- revoke -------------------------------------------------------------------------------------------------- */

void
token_delete(struct request *request)
{
	struct token_work *work = arena_alloc(request->arena, sizeof(*work));

	if (!auth_token_name_valid(request->params[0])) {
		answer_problem(request, 404, NULL, "there is no token '%s'", request->params[0]);
		return;
	}
	if (work != NULL)
		work->body = arena_printf(request->arena, "{\"subject\":\"%s\"}", request->params[0]);
	if (work == NULL || work->body == NULL) {
		answer_no_memory(request);
		return;
	}
	work->row.name = request->params[0];
	work->author = request->who.author;
	request->work = work;
	request_submit(request, delete_job, delete_done);
}

/* Store's writer. */
static int
delete_job(struct store_txn *txn, void *arg)
{
	const struct request *request = arg;
	const struct token_work *work = request->work;
	uint64_t revision;
	int status = store_token_delete(txn, work->row.name);

	return status != 0 ? status
	    : store_journal_add(txn, wall_now(), work->author, "token.revoke", "", work->body, &revision);
}

static void
delete_done(void *arg, int status)
{
	struct request *request = arg;
	struct view view = { 0 };

	if (status == -ENOENT) {
		answer_problem(request, 404, NULL, "there is no token '%s'", request->params[0]);
	} else if (status < 0) {
		answer_store_trouble(request, status);
	} else {
		view_text(&view, view_root(&view), "revoked", request->params[0]);
		answer_json(request, 200, view_take(&view));
	}
	request_answered(request);
}
