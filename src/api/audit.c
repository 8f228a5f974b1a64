/* audit.c -- the journal: who changed what, when and why, and whether its chain of hashes is whole.
 * In: parameters from, limit, verify.  Out: rows by revision.  Threads: the API's, with its own reader of the store. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/view.h"
#include "store/store.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000		/* rows may hold whole zones */

struct listing {
	struct view view;
	cJSON *entries;
};

static uint64_t number(struct request *request, const char *name, uint64_t otherwise, uint64_t most,
	struct diags *diags);
static bool add_entry(void *arg, const struct journal_row *row);
static int verify(struct request *request, struct view *view, cJSON *root);

/* Without `from`: the last `limit` rows. */
void
audit_show(struct request *request)
{
	struct diags diags = { 0 };
	uint64_t last = store_revision(request->reader);
	uint64_t limit = number(request, "limit", LIMIT_DEFAULT, LIMIT_MAX, &diags);
	uint64_t from = number(request, "from", last < limit ? 1 : last - limit + 1, INT64_MAX, &diags);
	bool wants_verify = request_query_bool(request, "verify", &diags);
	struct listing listing = { 0 };
	cJSON *root;
	int error = 0;

	if (diag_failed(&diags)) {
		answer_invalid(request, &diags);
		diag_fini(&diags);
		return;
	}
	root = view_root(&listing.view);
	view_count(&listing.view, root, "revision", last);
	if (wants_verify)
		error = verify(request, &listing.view, root);
	listing.entries = view_array(&listing.view, root, "entries");
	if (error == 0 && limit > 0)
		error = store_journal(request->reader, from, limit, add_entry, &listing);
	answer_stored(request, 200, &listing.view, error);
}

static uint64_t
number(struct request *request, const char *name, uint64_t otherwise, uint64_t most, struct diags *diags)
{
	const char *text = request_query(request, name);
	unsigned long long value;
	char *end;

	if (text == NULL)
		return otherwise;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > most) {
		diag_error(diags, request_place(NULL), NULL,
		    "the parameter '%s' is a whole number up to %" PRIu64 ", not '%s'", name, most, text);
		return otherwise;
	}
	return value;
}

static int
verify(struct request *request, struct view *view, cJSON *root)
{
	uint64_t good = 0, first_bad = 0;
	int status = store_journal_verify(request->reader, &good, &first_bad);
	cJSON *object = view_object(view, root, "chain");

	view_bool(view, object, "whole", status == 0);
	view_count(view, object, "verified", good);
	if (status == -EBADMSG)
		view_count(view, object, "first_bad", first_bad);
	return status == -EBADMSG ? 0 : status;
}

static bool
add_entry(void *arg, const struct journal_row *row)
{
	struct listing *listing = arg;
	cJSON *entry = view_object(&listing->view, listing->entries, NULL);

	view_count(&listing->view, entry, "revision", row->revision);
	view_time(&listing->view, entry, "at", row->at);
	view_text(&listing->view, entry, "author", row->author);
	view_text(&listing->view, entry, "action", row->action);
	view_text(&listing->view, entry, "reason", row->reason);
	view_json(&listing->view, entry, "change", row->body);
	view_text(&listing->view, entry, "hash", row->hash);
	view_text(&listing->view, entry, "previous", row->previous);
	return !listing->view.failed;
}
