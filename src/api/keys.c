/* keys.c -- the keys of zones that isobard signs: what there is, what parents are to be given, an operator's wishes.
 * In: a zone, a role, a key's files.  Out: views, or a change that carries the wish; a private key by the socket alone.
 * Threads: first steps on the API's thread; views and changes on the control thread. Private text is wiped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/change.h"
#include "api/handlers.h"
#include "api/view.h"
#include "dns/types.h"
#include "dnssec/rollover.h"
#include "zone/master.h"
#include "zone/record.h"

static const char *const role_words[] = { "csk", "ksk", "zsk", NULL };	/* in the order of enum key_role */

/* A wish while its request is read. */
struct wish_reader {
	struct request *request;
	struct key_wish *wish;
	struct diags diags;
	struct json_object object;
	cJSON *body;
};

/* What is taken out leaves a row in the journal first. */
struct key_taken {
	struct view view;
	const char *body;
};

static void show_zone(struct view *view, cJSON *list, const struct signing_view *zone);
static void show_key(struct view *view, cJSON *list, const struct signing_view *zone, const struct key *key);
static const char *state_of(const struct signing_view *zone, const struct key *key);
static void rdata_text(uint16_t type, const uint8_t *rdata, size_t length, struct text *out);
static bool wish_begin(struct wish_reader *r, struct request *request, const char *action, enum key_wish_kind kind);
static void wish_end(struct wish_reader *r, const char *const *known);
static void read_role(const struct json_object *o, bool required, struct key_wish *wish);
static void read_key_files(struct request *request, const struct json_object *o, struct key_wish *wish);
static bool read_dnskey(const char *text, const uint8_t *apex, struct arena *arena, struct key_wish *wish);
static const char *journal_of(const struct request *request, const struct signing_view *zone, const struct key *key);
static int export_job(struct store_txn *txn, void *arg);
static void export_done(void *arg, int status);
static const struct key *find_key(const struct request *request, const struct signing_view *zone);

/* --- views ---------------------------------------------------------------------------------------------------- */

void
keys_show(struct request *request)
{
	const struct signer *signer = control_signer(request->control);
	const char *wanted = request_query(request, "zone");
	struct view view = { 0 };
	struct signing_view zone;
	cJSON *list = view_array(&view, view_root(&view), "zones");

	for (size_t i = 0; signer != NULL && signing_views(signer, i, &zone, 1) == 1; i++) {
		uint8_t name[NAME_MAX];
		char text[NAME_TEXT_SIZE];

		if (wanted == NULL || (name_parse(wanted, name) > 0 && strcmp(name_text(name, text), zone.zone) == 0))
			show_zone(&view, list, &zone);
	}
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

static void
show_zone(struct view *view, cJSON *list, const struct signing_view *zone)
{
	cJSON *into = view_object(view, list, NULL), *keys;
	const struct signed_zone *result = zone->signed_zone;
	struct wall expires = { 0 };

	if (result != NULL)
		expires = result->expires;
	view_text(view, into, "zone", zone->zone);
	view_bool(view, into, "signed", result != NULL);
	view_known_count(view, into, "serial", result != NULL, zone->serial);
	view_known_count(view, into, "signatures", result != NULL, result == NULL ? 0 : result->signatures);
	view_time(view, into, "expires", expires);
	view_bool(view, into, "leaving", zone->leaving);
	view_time(view, into, "leaves", zone->leaving && zone->leaves.ms != KEY_SOME_DAY.ms ? zone->leaves
	    : (struct wall){ 0 });
	keys = view_array(view, into, "keys");
	for (size_t k = 0; k < zone->key_count; k++)
		show_key(view, keys, zone, &zone->keys[k]);
}

static void
show_key(struct view *view, cJSON *list, const struct signing_view *zone, const struct key *key)
{
	const struct {
		const char *name;
		struct wall at;
	} times[] = {
		{ "created", key->times.created }, { "published", key->times.published },
		{ "offered_at", key->times.offered }, { "ds_seen", key->times.ds_seen },
		{ "active", key->times.active }, { "retired", key->times.retired }, { "removed", key->times.removed },
		{ "withdrawn", key->times.withdrawn }, { "ds_gone", key->times.ds_gone },
	};
	cJSON *into = view_object(view, list, NULL);
	uint8_t rdata[4 + KEY_PUBLIC_MAX], ds[KEY_DS_MAX];
	struct text text = { 0 };

	view_count(view, into, "tag", key->tag);
	view_count(view, into, "algorithm", key->algorithm);
	view_text(view, into, "role", role_words[key->role]);
	view_text(view, into, "state", state_of(zone, key));
	view_bool(view, into, "offered", !zone->leaving && key_is_offered(key, wall_now()));
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i].at.ms == KEY_SOME_DAY.ms)
			view_null(view, into, times[i].name);
		else
			view_time(view, into, times[i].name, times[i].at);
	rdata_text(TYPE_DNSKEY, rdata, key_dnskey(key, rdata), &text);
	view_text(view, into, "dnskey", text.bytes);
	text_fini(&text);
	if (key->role == KEY_ZSK)
		return;
	rdata_text(TYPE_DS, ds, key_ds(key, 2, ds), &text);
	view_text(view, into, "ds", text.bytes);
	text_fini(&text);
}

static const char *
state_of(const struct signing_view *zone, const struct key *key)
{
	if (zone->signed_zone == NULL)
		return "unused";
	if (zone->leaving && key_signs_keys(key, wall_now()))
		return key->times.ds_gone.ms == 0 ? "waiting for DS to go" : "DS gone";
	return key_state_text(key, wall_now());
}

/* The RDATA alone, of a record at the root. */
static void
rdata_text(uint16_t type, const uint8_t *rdata, size_t length, struct text *out)
{
	static const uint8_t root[] = { 0 };
	struct text line = { 0 };
	const char *at;

	master_write_rr(root, type, 0, rdata, (uint16_t)length, &line);
	at = line.bytes;
	for (unsigned words = 0; at != NULL && words < 4; words++) {	/* owner, TTL, class, type */
		at += strcspn(at, " \t");
		at += strspn(at, " \t");
	}
	if (at != NULL)
		text_add(out, at, strcspn(at, "\n"));
	text_fini(&line);
}

/* --- wishes --------------------------------------------------------------------------------------------------- */

void
key_roll(struct request *request)
{
	static const char *const known[] = { "role", NULL };
	struct wish_reader r;

	if (!wish_begin(&r, request, "key.roll", KEY_ROLL))
		return;
	read_role(&r.object, true, r.wish);
	wish_end(&r, known);
}

void
key_seen(struct request *request)
{
	static const char *const known[] = { "tag", NULL };
	struct wish_reader r;

	if (!wish_begin(&r, request, "key.ds-seen", KEY_DS_SEEN))
		return;
	r.wish->tag = (unsigned)json_integer(&r.object, "tag", false, 0, UINT16_MAX, 0);
	wish_end(&r, known);
}

void
key_gone(struct request *request)
{
	static const char *const known[] = { NULL };
	struct wish_reader r;

	if (wish_begin(&r, request, "key.ds-gone", KEY_DS_GONE))
		wish_end(&r, known);
}

void
key_import(struct request *request)
{
	static const char *const known[] = { "dnskey", "private", "role", NULL };
	struct wish_reader r;

	if (!wish_begin(&r, request, "key.import", KEY_IMPORT))
		return;
	read_role(&r.object, true, r.wish);
	read_key_files(request, &r.object, r.wish);
	wish_end(&r, known);
}

/* False: answered. */
static bool
wish_begin(struct wish_reader *r, struct request *request, const char *action, enum key_wish_kind kind)
{
	uint8_t apex[NAME_MAX];
	char name[NAME_TEXT_SIZE];
	struct change *change;

	*r = (struct wish_reader){ .request = request };
	if (name_parse(request->params[0], apex) == 0) {
		answer_problem(request, 400, NULL, "'%s' is no name of a zone", request->params[0]);
		return false;
	}
	change = change_begin(request, action, name_text(apex, name));
	if (change == NULL)
		return false;
	r->wish = arena_alloc(change->arena, sizeof(*r->wish));
	if (r->wish == NULL) {
		answer_no_memory(request);
		return false;
	}
	*r->wish = (struct key_wish){ .kind = kind, .zone = change->subject };
	change->key_wish = r->wish;
	r->body = request_json(request, &r->object, &r->diags);
	if (r->body == NULL)
		diag_fini(&r->diags);
	return r->body != NULL;
}

static void
wish_end(struct wish_reader *r, const char *const *known)
{
	cJSON *secret = cJSON_GetObjectItemCaseSensitive(r->body, "private");

	json_refuse_unknown(&r->object, known);
	if (diag_failed(&r->diags))
		answer_invalid(r->request, &r->diags);
	else if (r->wish->kind == KEY_IMPORT && (r->wish->private_text == NULL || r->wish->dnskey == NULL))
		answer_no_memory(r->request);
	if (cJSON_IsString(secret))
		explicit_bzero(secret->valuestring, strlen(secret->valuestring));
	cJSON_Delete(r->body);
	diag_fini(&r->diags);
}

static void
read_role(const struct json_object *o, bool required, struct key_wish *wish)
{
	const char *word = json_word(o, "role", required, role_words, "csk");

	for (size_t r = 0; role_words[r] != NULL; r++)
		if (strcmp(role_words[r], word) == 0)
			wish->role = (enum key_role)r;
}

static void
read_key_files(struct request *request, const struct json_object *o, struct key_wish *wish)
{
	struct change *change = request->work;
	const char *dnskey = json_string(o, "dnskey", true, "");
	uint8_t apex[NAME_MAX];

	wish->private_text = arena_text(change->arena, json_string(o, "private", true, ""));
	if (diag_failed(o->diags) || name_parse(wish->zone, apex) == 0)
		return;
	if (!read_dnskey(dnskey, apex, change->arena, wish))
		json_error(o, "dnskey", NULL, "holds no DNSKEY record of %s, as K...key files do", wish->zone);
}

/* The first DNSKEY of the zone; false without one. */
static bool
read_dnskey(const char *text, const uint8_t *apex, struct arena *arena, struct key_wish *wish)
{
	struct text whole = { 0 };
	struct record_reader reader;
	struct record record;
	enum record_result result;
	bool found = false;

	text_printf(&whole, "$TTL 3600\n%s\n", text);
	if (whole.failed)
		return true;	/* wish->dnskey is NULL: answered as such */
	record_reader_init(&reader, whole.bytes, "dnskey", apex, NULL);
	while (!found && (result = record_next(&reader, &record)) != RECORD_END && result != RECORD_NO_MEMORY) {
		found = result == RECORD_READ && record.type == TYPE_DNSKEY && name_compare(record.owner, apex) == 0;
		if (found) {
			wish->dnskey = arena_copy(arena, record.rdata, record.rdlength);
			wish->dnskey_length = record.rdlength;
		}
	}
	record_reader_fini(&reader);
	text_fini(&whole);
	return found;
}

/* --- export --------------------------------------------------------------------------------------------------- */

void
key_export(struct request *request)
{
	const struct signer *signer = control_signer(request->control);
	struct text dnskey = { 0 }, private_text = { 0 };
	struct signing_view zone;
	const struct key *key = NULL;
	struct key_taken *taken = arena_alloc(request->arena, sizeof(*taken));
	uint8_t rdata[4 + KEY_PUBLIC_MAX], apex[NAME_MAX];
	char name[NAME_TEXT_SIZE], file[NAME_TEXT_SIZE + 16];

	if (signer != NULL && name_parse(request->params[0], apex) > 0
	    && signing_view(signer, name_text(apex, name), &zone))
		key = find_key(request, &zone);
	if (taken == NULL || key == NULL || key_write_private(key, NULL, &private_text) != 0) {
		answer_problem(request, 404, NULL, "there is no such key with a private part");
		request_answered(request);
		return;
	}
	snprintf(file, sizeof(file), "K%s+%03u+%05u", zone.zone, (unsigned)key->algorithm, (unsigned)key->tag);
	text_printf(&dnskey, "%s IN DNSKEY ", zone.zone);
	rdata_text(TYPE_DNSKEY, rdata, key_dnskey(key, rdata), &dnskey);
	text_puts(&dnskey, "\n");
	view_text(&taken->view, view_root(&taken->view), "name", file);
	view_text(&taken->view, taken->view.root, "key", dnskey.bytes);
	view_text(&taken->view, taken->view.root, "private", private_text.bytes);
	text_wipe(&private_text);
	text_fini(&dnskey);
	taken->body = journal_of(request, &zone, key);
	request->work = taken;
	if (taken->body != NULL && store_submit(request->store, export_job, export_done, request))
		return;
	cJSON_Delete(view_take(&taken->view));
	answer_unavailable(request, "the store's queue is full");
	request_answered(request);
}

static const char *
journal_of(const struct request *request, const struct signing_view *zone, const struct key *key)
{
	struct view view = { 0 };
	cJSON *root = view_root(&view);

	view_text(&view, root, "subject", zone->zone);
	view_count(&view, root, "tag", key->tag);
	view_count(&view, root, "algorithm", key->algorithm);
	return view_keep(&view, request->arena);
}

/* Store's writer, both. */
static int
export_job(struct store_txn *txn, void *arg)
{
	const struct request *request = arg;
	const struct key_taken *taken = request->work;
	uint64_t revision;

	return store_journal_add(txn, wall_now(), request->who.author, "key.export", "", taken->body, &revision);
}

static void
export_done(void *arg, int status)
{
	struct request *request = arg;
	struct key_taken *taken = request->work;

	if (status == 0) {
		answer_json(request, 200, view_take(&taken->view));
	} else {
		cJSON_Delete(view_take(&taken->view));
		answer_store_trouble(request, status);
	}
	request_answered(request);
}

static const struct key *
find_key(const struct request *request, const struct signing_view *zone)
{
	for (size_t k = 0; k < zone->key_count; k++)
		if (strtoul(request->params[1], NULL, 10) == zone->keys[k].tag)
			return &zone->keys[k];
	return NULL;
}
