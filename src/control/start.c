/* start.c -- from nothing to the first answer.
 * In: settings; the store, or a folder.  Out: a world, a plan, a published snapshot, running workers.
 * Threads: control, before its loop runs.
 *
 * A ladder whose order must not change:
 *  0. certificate of TLS, TSIG keys (files only: an error in them should cost nothing)
 *  1. store     (what was acknowledged is the truth; without it nothing can be imported; one daemon has it)
 *  2. world     (from the store, or the folder when the store is empty)
 *  3. keys, signed zones (all that an answer may need is signed before the first one, by all processors)
 *  4. primaries (how long their zones may be answered)
 *  5. plan and tables (the last certified ones, so that a restart doesn't move clients)
 *  6. snapshot, round (the newest reports make the live words, so no dead region is answered at first)
 *  7. workers   (the first answer may go out only now)
 * Probes and the PAE come after it, in control_run(): they need a loop. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "control/defence.h"
#include "control/state.h"

#define RECALL_MS (24 * INT64_C(3600000))	/* what flapped before is forgotten by any sensible half-life */
/* UPDATEs under way; each is some kilobytes. Beyond, one client would make the others wait for a second and more. */
#define UPDATES_MOST 1024
#define UPDATES_MOST_OF_CLIENT 256
#define IMPORT "import"		/* the journal's word for it */

static bool open_store(struct control *control, struct diags *diags);
static bool lock_store(struct control *control, struct diags *diags);
static bool can_be_read(const char *path);
static bool load_world(struct control *control, struct diags *diags);
static bool load_stored(struct control *control, struct store_reader *reader, struct diags *diags);
static bool was_imported(struct store_reader *reader);
static bool import_folder(struct control *control, struct diags *diags);
static int import_job(struct store_txn *txn, void *arg);
static void load_plan(struct control *control);
static bool load_keys(struct control *control, struct diags *diags);
static bool sign_first(struct control *control, struct diags *diags);
static int sign_job(struct store_txn *txn, void *arg);
static bool load_primaries(struct control *control, struct diags *diags);
static bool publish_first(struct control *control, struct diags *diags);
static bool publish_stored(struct control *control, struct diags *diags);
static void load_events(struct control *control);
static void load_reports(struct control *control);
static bool start_server(struct control *control, struct diags *diags);
static void fail(struct diags *diags, const char *what, const struct text *why);

bool
control_load(struct control *control, struct diags *diags)
{
	return encryption_start(control, diags) && tsig_keys_load(&control->tsig_keys, control->settings, diags)
	    && open_store(control, diags) && load_world(control, diags)
	    && load_keys(control, diags) && sign_first(control, diags)
	    && load_primaries(control, diags) && publish_first(control, diags)
	    && start_server(control, diags)
	    && watch_start(control, diags);
}

static bool
open_store(struct control *control, struct diags *diags)
{
	const struct settings *settings = control->settings;
	struct store_options options = {
		.path = settings->store, .keep_samples_ms = settings->keep_samples_ms,
		.keep_minutes_ms = settings->keep_minutes_ms, .keep_hours_ms = settings->keep_hours_ms,
		.keep_reports_ms = settings->keep_reports_ms,
	};
	struct text error = { 0 };

	if (control->options.storeless)
		return true;
	if (!lock_store(control, diags))
		return false;
	control->store = store_open(&options, &error);
	if (control->store == NULL && can_be_read(settings->store)) {
		log_error("store: %s; it's only read: answers go by what it holds, reports and changes are refused",
		    error.bytes == NULL ? "out of memory" : error.bytes);
		control->status.store_failing = true;
	} else if (control->store == NULL) {
		fail(diags, "store", &error);
	}
	text_fini(&error);
	return control->store != NULL || control->status.store_failing;
}

/* SQLite would let a second daemon write to the same file, and each would answer without the other's changes. The lock
 * is of a file beside it, since closing the store's own would drop SQLite's locks; it ends with the process, however
 * that ends. Where no file can be made the store can't be written either. */
static bool
lock_store(struct control *control, struct diags *diags)
{
	const char *store = control->settings->store;
	struct text path = { 0 };
	bool locked;

	text_printf(&path, "%s-lock", store);
	if (path.failed) {
		text_fini(&path);
		return false;
	}
	control->lock_fd = open(path.bytes, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	text_fini(&path);
	locked = control->lock_fd < 0 || flock(control->lock_fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
	if (!locked)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "store: %s: another isobard has it in use", store);
	return locked;
}

/* A store on a disk that can't be written still has the zones. */
static bool
can_be_read(const char *path)
{
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(path, &error);

	text_fini(&error);
	store_reader_close(reader);
	return reader != NULL;
}

static bool
load_world(struct control *control, struct diags *diags)
{
	struct text error = { 0 };
	struct store_reader *reader;
	bool loaded, import;

	if (control->options.storeless)
		return import_folder(control, diags);
	reader = store_reader_open(control->settings->store, &error);
	if (reader == NULL) {
		fail(diags, "store", &error);
		text_fini(&error);
		return false;
	}
	loaded = load_stored(control, reader, diags);
	control->status.revision = store_revision(reader);
	import = loaded && control->store != NULL && control->world->zone_count == 0
	    && *control->world->steering_text == '\0' && !was_imported(reader);
	store_reader_close(reader);
	if (import) {
		world_free(control->world);
		control->world = NULL;
		loaded = import_folder(control, diags);
	}
	if (loaded && !overrides_load(control)) {
		fail(diags, "the store's overrides can't be read", NULL);
		return false;
	}
	if (loaded) {
		load_plan(control);
		recorder_restore(control->recorder);
	}
	return loaded;
}

static bool
on_journal_row(void *arg, const struct journal_row *row)
{
	bool *imported = arg;

	*imported = strcmp(row->action, IMPORT) == 0;
	return !*imported;
}

/* An operator who has deleted everything doesn't want it back with the next start. */
static bool
was_imported(struct store_reader *reader)
{
	bool imported = false;

	(void)store_journal(reader, 1, SIZE_MAX, on_journal_row, &imported);
	return imported;
}

struct stored { struct zone_text *zones; size_t count; bool failed; };

static bool
on_stored_zone(void *arg, const char *name, const char *text)
{
	struct stored *stored = arg;
	struct zone_text *zones = realloc(stored->zones, (stored->count + 1) * sizeof(*zones));

	stored->failed |= zones == NULL;
	if (zones == NULL)
		return false;
	stored->zones = zones;
	zones += stored->count++;
	*zones = (struct zone_text){ .file = strdup(name), .name = strdup(name), .text = strdup(text) };
	stored->failed |= zones->file == NULL || zones->name == NULL || zones->text == NULL;
	return !stored->failed;
}

static bool
load_stored(struct control *control, struct store_reader *reader, struct diags *diags)
{
	struct stored stored = { 0 };
	struct text steering = { 0 };
	struct world_edit edit = { .whole = true, .steering_file = "steering.yaml", .transferred = true };
	int status = store_zones(reader, on_stored_zone, &stored);
	struct members *members = members_load(reader);

	if (status == 0)
		status = members == NULL ? -EIO : store_steering(reader, &steering);
	edit.members = members;
	edit.zones = stored.zones;
	edit.zone_count = stored.count;
	edit.steering = steering.bytes == NULL ? "" : steering.bytes;
	if (status == 0 && !stored.failed)
		control->world = world_edit(NULL, &edit, diags);
	else
		fail(diags, "the store's zones can't be read", NULL);
	for (size_t i = 0; i < stored.count; i++) {
		free((char *)(uintptr_t)stored.zones[i].file);
		free((char *)(uintptr_t)stored.zones[i].name);
		free((char *)(uintptr_t)stored.zones[i].text);
	}
	free(stored.zones);
	members_release(members);
	text_fini(&steering);
	return control->world != NULL;
}

/* The zones folder: what is served without a store, and the first content of an empty one. */
static bool
import_folder(struct control *control, struct diags *diags)
{
	static const struct world_edit empty = { .whole = true, .steering_file = "steering.yaml" };
	struct world_folder folder;

	if (!control->options.storeless && access(control->settings->zones, F_OK) != 0) {
		log_warning("there is no folder %s to import; every query is refused until zones are applied",
		    control->settings->zones);
		control->world = world_edit(NULL, &empty, diags);
		return control->world != NULL;
	}
	world_folder_read(&folder, control->settings->zones, diags);
	folder.edit.keys = &control->tsig_keys;
	control->world = world_edit(NULL, &folder.edit, diags);
	world_folder_fini(&folder);
	if (control->world == NULL)
		return false;
	if (control->store != NULL && store_call(control->store, import_job, control) != 0) {
		fail(diags, "the zones folder can't be imported: the store can't be written", NULL);
		return false;
	}
	return true;
}

static int
import_job(struct store_txn *txn, void *arg)
{
	struct control *control = arg;
	int status = 0;

	for (size_t i = 0; i < control->world->zone_count && status == 0; i++)
		status = store_zone_put(txn, control->world->zones[i]->name, control->world->zones[i]->text);
	if (status == 0)
		status = store_steering_put(txn, control->world->steering_text);
	if (status == 0)
		status = members_store(txn, NULL, control->world->members);
	if (status == 0)
		status = store_journal_add(txn, wall_now(), "isobard", IMPORT, "the store was empty", "{}",
		    &control->status.revision);
	return status;
}

static void
load_plan(struct control *control)
{
	struct text error = { 0 }, body = { 0 };
	struct diags ignored = { 0 };
	struct store_reader *reader = store_reader_open(control->settings->store, &error);

	if (reader != NULL && store_latest_plan(reader, &control->publisher.epoch, &body) == 0 && body.bytes != NULL
	    && body.length > 0)
		control->plan = plan_read(body.bytes, body.length, control->world->steering, &ignored);
	if (control->plan != NULL)
		control->status.planned = control->plan->made;
	diag_fini(&ignored);
	text_fini(&body);
	text_fini(&error);
	store_reader_close(reader);
}

static bool
load_keys(struct control *control, struct diags *diags)
{
	const char *passphrase_file = control->settings->dnssec_passphrase_file;
	struct text error = { 0 };
	struct store_reader *reader;

	if (control->options.storeless)
		return signing_allowed_without_store(control->world, diags);
	reader = store_reader_open(control->settings->store, &error);
	if (reader != NULL)
		control->signer = signing_new(*passphrase_file == '\0' ? NULL : passphrase_file, reader, diags);
	else
		fail(diags, "store", &error);
	store_reader_close(reader);
	text_fini(&error);
	return control->signer != NULL && (*passphrase_file == '\0' || control->store == NULL
	    || signing_seal(control->signer, passphrase_file, control->store, &control->status.revision, diags));
}

struct first_signing { struct control *control; struct signing_pass *pass; };

static bool
sign_first(struct control *control, struct diags *diags)
{
	struct signing_pass *pass;
	bool done;

	if (control->signer == NULL)
		return true;
	pass = signing_begin(control->signer, control->world, NULL, control->store != NULL, wall_now(), diags);
	if (pass == NULL)
		return false;
	signing_work(pass);
	done = signing_finish(pass, control->world, diags);
	if (done && control->store != NULL && !signing_is_empty(pass)
	    && store_call(control->store, sign_job, &(struct first_signing){ control, pass }) != 0) {
		fail(diags, "the keys of zones can't be stored", NULL);
		done = false;
	}
	if (done)
		signing_commit(pass);
	signing_pass_free(pass);
	return done;
}

static int
sign_job(struct store_txn *txn, void *arg)
{
	const struct first_signing *first = arg;
	const char *words = signing_words(first->pass);
	int status = signing_store(txn, first->pass);

	if (status == 0 && *words != '\0')
		status = store_journal_add(txn, wall_now(), "isobard", "key.roll", words, "{}",
		    &first->control->status.revision);
	return status;
}

/* Before the first publication: what has expired isn't answered from the first query on. */
static bool
load_primaries(struct control *control, struct diags *diags)
{
	control->primaries = primaries_new(control);
	if (control->primaries == NULL) {
		fail(diags, "out of memory", NULL);
		return false;
	}
	control->publisher.leases = primaries_leases(control->primaries);
	return !control->options.storeless || primaries_allowed_without_store(control->world, diags);
}

static bool
publish_first(struct control *control, struct diags *diags)
{
	if (!demands_start(control)) {
		fail(diags, "out of memory", NULL);
		return false;
	}
	if (!publish_stored(control, diags))
		return false;
	if (!control->options.storeless) {
		load_events(control);
		load_reports(control);
		round_recalled(control->round);
		/* The reports may narrow what was just built. Nobody has seen that yet. */
		if (round_constraints(control->round) > 0 && !publish_stored(control, diags))
			return false;
	}
	/* What is old is silent from the first answer on, and probed. */
	round_tick(control->round, mono_now(), wall_now());
	overrides_apply(control, wall_now());
	return true;
}

static bool
publish_stored(struct control *control, struct diags *diags)
{
	struct candidate candidate;
	struct text why = { 0 };
	/* By the demand that the last tables were packed by, if it's known: it's what moves nobody. */
	bool fresh = control->publisher.demand == NULL;
	bool built = demands_build(control, control->world, control->plan, fresh, &candidate, &why);

	if (!built && control->plan != NULL) {
		log_warning("the stored plan doesn't fit any more (%s); static weights stand",
		    why.bytes == NULL ? "out of memory" : why.bytes);
		text_fini(&why);
		plan_free(control->plan);
		control->plan = NULL;
		control->status.planned = (struct wall){ 0 };
		built = demands_build(control, control->world, NULL, true, &candidate, &why);
	}
	if (!built)
		fail(diags, "the first snapshot can't be built", &why);
	text_fini(&why);
	if (!built || publish_commit(&control->publisher, &candidate, control->round, mono_now(), wall_now()) != 0)
		return false;
	control->status.published = wall_now();
	recorder_epoch(control->recorder);
	return true;
}

static bool
on_event(void *arg, const struct health_event *event)
{
	struct control *control = arg;

	round_recall(control->round, event, mono_now(), wall_now());
	return true;
}

/* What had died and what was coming back: the newest report alone doesn't tell. */
static void
load_events(struct control *control)
{
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(control->settings->store, &error);
	struct wall now = wall_now();

	if (reader != NULL && store_health_events(reader, (struct wall){ now.ms - RECALL_MS },
	    (struct wall){ now.ms + 1 }, on_event, control) != 0)
		log_warning("the health events can't be read; regions that were held down or returning are back"
		    " at once");
	store_reader_close(reader);
	text_fini(&error);
}

static bool
on_latest_report(void *arg, const char *region, const char *agent, struct wall received, const char *json)
{
	struct control *control = arg;
	struct diags ignored = { 0 };
	struct report *report = report_read(json, strlen(json), region, &ignored);
	int64_t age_ms = wall_now().ms - received.ms;
	struct mono heard = mono_add_ms(mono_now(), age_ms > 0 ? -age_ms : 0);

	(void)agent;
	if (report != NULL && round_report(control->round, report, heard, received) != ROUND_TAKEN)
		report_free(report);
	diag_fini(&ignored);
	return true;
}

static void
load_reports(struct control *control)
{
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(control->settings->store, &error);

	if (reader != NULL && store_latest_reports(reader, on_latest_report, control) != 0)
		log_warning("the newest reports can't be read; regions are unknown until they report");
	store_reader_close(reader);
	text_fini(&error);
}

static bool
start_server(struct control *control, struct diags *diags)
{
	const struct settings *settings = control->settings;
	size_t count = settings->listener_count + settings->tls_listener_count;
	struct server_listen *listens = calloc(count + 1, sizeof(*listens));
	struct server_options options = {
		.listen_count = count, .listens = listens,
		.workers = control->publisher.worker_count, .udp_payload = settings->udp_payload,
		.tcp_idle_ms = settings->tcp_idle_timeout_ms, .tcp_query_ms = settings->tcp_query_timeout_ms,
		.tcp_answer_ms = settings->tcp_answer_timeout_ms,
		.tls_handshake_ms = settings->tls_handshake_timeout_ms,
		.connections = { settings->tcp_connections, settings->tcp_connections_per_prefix,
		    settings->tcp_prefix_ipv4, settings->tcp_prefix_ipv6 },
		.handshakes = { settings->tls_handshakes, settings->tls_handshakes_per_prefix,
		    settings->tcp_prefix_ipv4, settings->tcp_prefix_ipv6 },
		.handshake_rate = settings->tls_handshake_rate,
		.tcp_in_flight = settings->tcp_queries_in_flight, .proxy_count = settings->proxy_count,
		.proxies = settings->proxies, .tls = control->tls,
	};
	struct text error = { 0 };

	control->identity = (struct identity){ settings->nsid, settings->identity_allow_count,
	    settings->identity_allow };
	options.identity = &control->identity;
	options.keys = control->tsig_keys.count > 0 ? &control->tsig_keys : NULL;
	options.requests = (struct request_limits){ UPDATES_MOST, UPDATES_MOST_OF_CLIENT };
	options.transfers = (struct transfer_limits){ settings->transfers, settings->transfers_per_client,
	    settings->transfer_longest_ms };
	if (listens == NULL || !defence_start(control, &options, diags)) {
		free(listens);
		return false;
	}
	for (size_t i = 0; i < settings->listener_count; i++)
		listens[i] = (struct server_listen){ settings->listeners[i].address, settings->listeners[i].port,
		    settings->listeners[i].udp_payload, false };
	for (size_t i = 0; i < settings->tls_listener_count; i++)
		listens[settings->listener_count + i] = (struct server_listen){ settings->tls_listeners[i].address,
		    settings->tls_listeners[i].port, 0, true };
	control->publisher.server = server_start(&options, control->publisher.current, &error);
	if (control->publisher.server == NULL)
		fail(diags, "listen", &error);
	text_fini(&error);
	free(listens);
	control->secondaries = control->publisher.server == NULL ? NULL : secondaries_new(control);
	control->updates = control->publisher.server == NULL ? NULL : updates_new(control);
	return control->secondaries != NULL && control->updates != NULL;
}

static void
fail(struct diags *diags, const char *what, const struct text *why)
{
	if (why != NULL && why->bytes != NULL)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "%s: %s", what, why->bytes);
	else
		diag_error(diags, (struct diag_place){ 0 }, NULL, "%s", what);
}
