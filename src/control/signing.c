/* signing.c -- which zones are signed anew, when, and how what is signed gets into service.
 * In: worlds, wishes, the clock.  Out: signed zones for the world, rows for the store.
 * Threads: control, but for the work itself, see signing.h.
 *
 * A zone is signed again when its text, its steered names, its policy or its keys have changed, or when something of it
 * is due; what is in service else goes on being served. The cache makes it cheap: a record that changed costs itself
 * and perhaps a link of the chain. While a pass is worked off, its publication stands first in the queue, so the zones
 * that it reads can't go away, and no other publication is built upon what it will replace.
 *
 * Serials: a signed zone is served with the serial of its text when that is ahead (RFC 1982) of what was served last,
 * and else with the one after that. What was served is stored before it's served, so that it rises across restarts. */
#include "control/signing.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/hash.h"
#include "control/signing_parts.h"
#include "dnssec/seal.h"
#include "control/zone_settings.h"
#include "dns/wire.h"
#include "serve/snapshot.h"

#define AGAIN_MS 60000		/* after a failure */

static bool add_job(struct signing_pass *pass, const struct world *world, size_t zone,
	const struct steering_zone *wanted, const struct key_wish *wish, bool keeps_keys, struct diags *diags);
static void add_dropped(struct signing_pass *pass, const char *zone);
static bool unsigned_too_soon(const struct signing_pass *pass, const struct world *world, size_t zone,
	struct diags *diags);
static bool add_wish_alone(struct signing_pass *pass, const struct key_wish *wish, struct diags *diags);
static void begin_job(struct signing_job *job, struct zone_state *state, struct wall now);
static bool describe(struct signing_pass *pass, struct signing_job *job, const struct world *world);
static uint32_t longest_ttl(const struct zone *zone);
static uint32_t serial_for(const struct signing_job *job);
static void forget_result(struct zone_state *state);
static void *thread_main(void *arg);
static void out_of_memory(struct diags *diags);

struct signer *
signing_new(const char *passphrase_file, struct store_reader *reader, struct diags *diags)
{
	struct signer *signer = calloc(1, sizeof(*signer));

	if (signer == NULL) {
		out_of_memory(diags);
		return NULL;
	}
	if (passphrase_file != NULL)
		signer->passphrase = seal_passphrase(passphrase_file, diags);
	if ((passphrase_file == NULL || signer->passphrase != NULL)
	    && (reader == NULL || keys_load(signer, reader, diags)))
		return signer;
	signing_free(signer);
	return NULL;
}

void
signing_free(struct signer *signer)
{
	if (signer == NULL)
		return;
	signing_wait(signer);
	for (size_t i = 0; i < signer->count; i++) {
		struct zone_state *state = signer->states[i];

		for (size_t k = 0; k < state->key_count; k++)
			key_fini(&state->keys[k]);
		signature_cache_free(state->cache);
		signed_zone_release(state->result);
		zone_release(state->source);
		free(state->name);
		free(state);
	}
	seal_forget(signer);
	passphrase_free(signer->passphrase);
	free(signer->states);
	free(signer);
}

struct zone_state *
signing_state_find(const struct signer *signer, const char *name)
{
	for (size_t i = 0; i < signer->count; i++)
		if (strcasecmp(signer->states[i]->name, name) == 0)
			return signer->states[i];
	return NULL;
}

struct zone_state *
signing_state(struct signer *signer, const char *name)
{
	struct zone_state *state = signing_state_find(signer, name), **states;

	if (state != NULL)
		return state;
	state = calloc(1, sizeof(*state));
	states = realloc(signer->states, (signer->count + 1) * sizeof(struct zone_state *));
	if (states != NULL)
		signer->states = states;
	if (state != NULL) {
		state->name = strdup(name);
		state->cache = signature_cache_new();
	}
	if (states == NULL || state == NULL || state->name == NULL || state->cache == NULL
	    || name_parse(name, state->apex) == 0) {
		if (state != NULL) {
			signature_cache_free(state->cache);
			free(state->name);
		}
		free(state);
		return NULL;
	}
	signer->states[signer->count++] = state;
	return state;
}

bool
signing_allowed_without_store(const struct world *world, struct diags *diags)
{
	const struct steering *steering = world->steering;
	size_t errors = diags->errors;

	for (size_t i = 0; i < steering->zone_count; i++)
		if (steering->zones[i].is_signed)
			diag_error(diags,
			    (struct diag_place){ .file = "steering.yaml", .line = steering->zones[i].line }, NULL,
			    "the zone %s can't be signed without a store for its keys", steering->zones[i].name);
	return diags->errors == errors;
}

/* --- a pass --------------------------------------------------------------------------------------------------- */

struct signing_pass *
signing_begin(struct signer *signer, const struct world *world, const struct key_wish *wish, bool keeps_keys,
	struct wall now, struct diags *diags)
{
	struct arena *arena = arena_new();
	struct signing_pass *pass = calloc(1, sizeof(*pass));
	bool good = arena != NULL && pass != NULL, wish_is_met = wish == NULL;

	if (pass != NULL)
		*pass = (struct signing_pass){ .signer = signer, .arena = arena, .now = now };
	if (good) {
		pass->jobs = calloc(world->zone_count + world->dropped_count + 1, sizeof(*pass->jobs));
		good = pass->jobs != NULL;
	}
	if (!good)
		out_of_memory(diags);
	for (size_t i = 0; i < world->zone_count && good; i++) {
		const uint8_t *apex = zone_apex(world->zones[i]->zone)->name;
		const struct steering_zone *wanted = zone_settings(world, apex);
		bool wished = wish != NULL && strcasecmp(wish->zone, world->zones[i]->name) == 0;

		if (wanted == NULL || !wanted->is_signed) {
			good = !unsigned_too_soon(pass, world, i, diags);
			continue;
		}
		wish_is_met |= wished;
		good = add_job(pass, world, i, wanted, wished ? wish : NULL, keeps_keys, diags);
	}
	for (size_t i = 0; i < world->dropped_count; i++)
		add_dropped(pass, world->dropped[i]);
	if (good && !wish_is_met)
		good = add_wish_alone(pass, wish, diags);
	if (good)
		return pass;
	if (pass == NULL)
		arena_free(arena);
	signing_pass_free(pass);
	return NULL;
}

static bool
add_job(struct signing_pass *pass, const struct world *world, size_t zone, const struct steering_zone *wanted,
	const struct key_wish *wish, bool keeps_keys, struct diags *diags)
{
	struct signing_job *job = &pass->jobs[pass->job_count];
	struct zone_state *state = signing_state(pass->signer, world->zones[zone]->name);

	if (state == NULL) {
		out_of_memory(diags);
		return false;
	}
	pass->job_count++;
	begin_job(job, state, pass->now);
	job->zone = zone;
	job->source = world->zones[zone]->zone;
	job->wanted = wanted;
	if (!describe(pass, job, world)) {
		out_of_memory(diags);
		return false;
	}
	if ((wish != NULL && !keys_wish(pass, job, wish, diags)) || !keys_step(pass, job, keeps_keys, diags))
		return false;
	if (job->key_count == 0)	/* a dry run of what will make some; or it's to be unsigned, and is */
		job->zone = SIZE_MAX;
	job->stays = !job->keys_changed && state->result != NULL && state->source == job->source
	    && state->names == job->names_hash && memcmp(&state->policy, &job->policy, sizeof(job->policy)) == 0
	    && pass->now.ms < state->result->next.ms && (state->next.ms == 0 || pass->now.ms < state->next.ms);
	job->serial = job->stays ? state->serial : serial_for(job);
	return true;
}

/* With a DS at the parent every validator would take its answers for forged. */
static bool
unsigned_too_soon(const struct signing_pass *pass, const struct world *world, size_t zone, struct diags *diags)
{
	const struct zone_state *state = signing_state_find(pass->signer, world->zones[zone]->name);

	if (state == NULL || !state->in_service)
		return false;
	for (size_t k = 0; k < state->key_count; k++) {
		if (state->keys[k].times.ds_seen.ms == 0 || !key_is_published(&state->keys[k], pass->now))
			continue;
		diag_error(diags, (struct diag_place){ .file = "steering.yaml" }, "dnssec: removing",
		    "%s can't be unsigned at once: its parent has the DS of key %u, so validators would refuse "
		    "unsigned answers", state->name, state->keys[k].tag);
		return true;
	}
	return false;
}

/* A member of a catalog that is gone: its keys go, too (RFC 9432 section 5.3). */
static void
add_dropped(struct signing_pass *pass, const char *zone)
{
	struct signing_job *job = &pass->jobs[pass->job_count];
	struct zone_state *state = signing_state_find(pass->signer, zone);

	if (state == NULL || state->key_count == 0)
		return;
	pass->job_count++;
	begin_job(job, state, pass->now);
	job->zone = SIZE_MAX;
	while (job->key_count > 0)
		job->gone[job->gone_count++] = job->keys[--job->key_count];
	job->old_count = 0;
	job->keys_changed = true;
	job->next = (struct wall){ 0 };
}

/* Of a zone that isn't signed, or not yet: keys are imported before. */
static bool
add_wish_alone(struct signing_pass *pass, const struct key_wish *wish, struct diags *diags)
{
	struct signing_job *job = &pass->jobs[pass->job_count];
	struct zone_state *state = wish->kind == KEY_IMPORT ? signing_state(pass->signer, wish->zone)
	    : signing_state_find(pass->signer, wish->zone);

	if (state == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "the zone %s isn't signed here: write 'dnssec: on' "
		    "for it into the zones of steering.yaml", wish->zone);
		return false;
	}
	pass->job_count++;
	begin_job(job, state, pass->now);
	job->zone = SIZE_MAX;
	return keys_wish(pass, job, wish, diags);
}

static void
begin_job(struct signing_job *job, struct zone_state *state, struct wall now)
{
	job->state = state;
	memcpy(job->keys, state->keys, sizeof(job->keys));
	job->key_count = state->key_count;
	keys_forget(job, now);
	job->old_count = job->key_count;
	job->serial = state->serial;
	job->next = state->next;
}

/* What the zone is signed with but for keys. */
static bool
describe(struct signing_pass *pass, struct signing_job *job, const struct world *world)
{
	const struct steering_zone *wanted = job->wanted;
	struct zone **zones = arena_alloc(pass->arena, (world->zone_count + 1) * sizeof(struct zone *));
	static const struct signing_policy usual = SIGNING_POLICY_DEFAULT;
	uint64_t hash = 0;

	for (size_t i = 0; zones != NULL && i < world->zone_count; i++)
		zones[i] = world->zones[i]->zone;
	job->name_count = zones == NULL ? SIZE_MAX
	    : steered_names(world->steering, zones, world->zone_count, job->zone, pass->arena, &job->names);
	if (job->name_count == SIZE_MAX)
		return false;
	for (size_t n = 0; n < job->name_count; n++) {
		hash = hash64(&job->names[n].owner, sizeof(job->names[n].owner), hash);
		hash = hash64(job->names[n].variants, job->names[n].variant_count * sizeof(struct node *), hash);
	}
	job->names_hash = hash;
	memset(&job->policy, 0, sizeof(job->policy));	/* compared whole, with what lies between members */
	job->policy.denial = wanted->denial;
	job->policy.validity_s = wanted->validity_s;
	job->policy.refresh_s = wanted->refresh_s;
	job->policy.jitter_s = usual.jitter_s;
	job->policy.key_ttl = wanted->key_ttl;
	job->policy.denial_ttl_steered = usual.denial_ttl_steered;
	job->policy.hide_region_records = wanted->hide_regions;
	job->policy.withdraw_ds = wanted->leaving;
	job->zone_ttl = job->state->source == job->source ? job->state->zone_ttl : longest_ttl(job->source);
	return true;
}

static uint32_t
longest_ttl(const struct zone *zone)
{
	uint32_t longest = 0;

	for (size_t i = 0; i < zone_node_count(zone); i++) {
		const struct node *node = zone_node_at(zone, i);

		for (unsigned s = 0; s < node->rrset_count; s++)
			if (node->rrsets[s].ttl > longest)
				longest = node->rrsets[s].ttl;
	}
	return longest;
}

static uint32_t
serial_for(const struct signing_job *job)
{
	uint32_t written = zone_serial(job->source);
	uint32_t next = job->state->serial + 1;

	if (!job->state->has_serial || (int32_t)(written - job->state->serial) > 0)
		return written;
	return next == 0 ? 1 : next;	/* zone_sign() takes 0 for none */
}

bool
signing_is_long(const struct signing_pass *pass)
{
	size_t names = 0;

	for (size_t i = 0; i < pass->job_count; i++)
		if (!pass->jobs[i].stays && pass->jobs[i].zone != SIZE_MAX)
			names += zone_node_count(pass->jobs[i].source);
	return names > SIGNING_NAMES_AT_ONCE;
}

bool
signing_is_empty(const struct signing_pass *pass)
{
	for (size_t i = 0; i < pass->job_count; i++)
		if (pass->jobs[i].keys_changed || !pass->jobs[i].stays)
			return false;
	return true;
}

bool
signing_makes_keys(const struct signing_pass *pass)
{
	for (size_t i = 0; i < pass->job_count; i++)
		if (pass->jobs[i].key_count > pass->jobs[i].old_count)
			return true;
	return false;
}

void
signing_work(struct signing_pass *pass)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	for (size_t i = 0; i < pass->job_count; i++) {
		struct signing_job *job = &pass->jobs[i];
		struct signing signing = {
			.zone = job->source, .keys = job->keys, .key_count = job->key_count, .policy = job->policy,
			.names = job->names, .name_count = job->name_count, .now = pass->now, .serial = job->serial,
			.threads = processors > 1 ? (unsigned)processors : 1,
		};

		if (job->zone != SIZE_MAX && !job->stays)
			job->result = zone_sign(&signing, job->state->cache, &job->why);
	}
}

bool
signing_start(struct signer *signer, struct signing_pass *pass, void (*done)(void *arg), void *arg)
{
	sigset_t all, before;

	signing_wait(signer);	/* the last one has said that it's done */
	signer->pass = pass;
	signer->done = done;
	signer->done_arg = arg;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	signer->running = pthread_create(&signer->thread, NULL, thread_main, signer) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return signer->running;
}

void
signing_wait(struct signer *signer)
{
	if (signer != NULL && signer->running)
		pthread_join(signer->thread, NULL);
	if (signer != NULL)
		signer->running = false;
}

static void *
thread_main(void *arg)
{
	struct signer *signer = arg;

	signing_work(signer->pass);
	signer->done(signer->done_arg);
	return NULL;
}

bool
signing_finish(struct signing_pass *pass, struct world *world, struct diags *diags)
{
	bool good = true;

	world->signed_zones = calloc(world->zone_count + 1, sizeof(struct signed_zone *));
	if (world->signed_zones == NULL) {
		out_of_memory(diags);
		return false;
	}
	for (size_t i = 0; i < pass->job_count; i++) {
		struct signing_job *job = &pass->jobs[i];
		struct signed_zone *result = job->stays ? job->state->result : job->result;

		if (job->zone == SIZE_MAX)
			continue;
		if (result == NULL) {
			diag_error(diags, (struct diag_place){ 0 }, NULL, "the zone %s can't be signed: %s",
			    job->state->name, job->why.bytes == NULL ? "out of memory" : job->why.bytes);
			good = false;
			continue;
		}
		signed_zone_hold(result);
		world->signed_zones[job->zone] = result;
	}
	return good;
}

/* On the writer thread; the pass is the publication's alone until that is over. */
int
signing_store(struct store_txn *txn, const struct signing_pass *pass)
{
	int status = 0;

	for (size_t i = 0; i < pass->job_count && status == 0; i++) {
		const struct signing_job *job = &pass->jobs[i];

		if (job->keys_changed)
			status = keys_store(txn, job);
		if (status == 0 && job->result != NULL)
			status = store_zone_serial_put(txn, job->state->name, job->serial);
	}
	return status;
}

void
signing_commit(struct signing_pass *pass)
{
	struct signer *signer = pass->signer;

	for (size_t s = 0; s < signer->count; s++)
		signer->states[s]->in_service = false;
	for (size_t i = 0; i < pass->job_count; i++) {
		struct signing_job *job = &pass->jobs[i];
		struct zone_state *state = job->state;

		for (size_t k = 0; k < job->gone_count; k++)
			key_fini(&job->gone[k]);
		memcpy(state->keys, job->keys, sizeof(state->keys));
		state->key_count = job->key_count;
		state->next = job->next;
		state->in_service = job->zone != SIZE_MAX;
		state->leaving = job->wanted != NULL && job->wanted->leaving;
		state->leaves = job->leaves;
		if (job->result == NULL)
			continue;
		signed_zone_release(state->result);
		state->result = job->result;
		job->result = NULL;
		zone_hold(job->source);
		zone_release(state->source);
		state->source = job->source;
		state->names = job->names_hash;
		state->policy = job->policy;
		state->zone_ttl = job->zone_ttl;
		state->serial = job->serial;
		state->has_serial = true;
	}
	for (size_t s = 0; s < signer->count; s++)
		if (!signer->states[s]->in_service)
			forget_result(signer->states[s]);
	signer->failed = (struct wall){ 0 };
	pass->committed = true;
}

/* Its keys and its serial stay, for when it's signed again. */
static void
forget_result(struct zone_state *state)
{
	signed_zone_release(state->result);
	zone_release(state->source);
	state->result = NULL;
	state->source = NULL;
}

void
signing_pass_free(struct signing_pass *pass)
{
	if (pass == NULL)
		return;
	for (size_t i = 0; i < pass->job_count; i++) {
		struct signing_job *job = &pass->jobs[i];

		for (size_t k = job->old_count; k < job->key_count && !pass->committed; k++)
			key_fini(&job->keys[k]);
		for (size_t k = 0; k < ZONE_KEYS_MAX; k++)
			if (job->private_texts[k] != NULL) {
				explicit_bzero(job->private_texts[k], strlen(job->private_texts[k]));
				free(job->private_texts[k]);
			}
		signed_zone_release(job->result);
		text_fini(&job->why);
	}
	text_fini(&pass->words);
	free(pass->jobs);
	arena_free(pass->arena);
	free(pass);
}

const char *
signing_words(const struct signing_pass *pass)
{
	return pass->words.bytes == NULL ? "" : pass->words.bytes;
}

/* --- the clock ------------------------------------------------------------------------------------------------ */

bool
signing_is_due(const struct signer *signer, struct wall now)
{
	if (signer->failed.ms != 0 && now.ms - signer->failed.ms < AGAIN_MS)
		return false;
	for (size_t i = 0; i < signer->count; i++) {
		const struct zone_state *state = signer->states[i];

		if (state->result != NULL && (now.ms >= state->result->next.ms
		    || (state->next.ms != 0 && now.ms >= state->next.ms)))
			return true;
	}
	return false;
}

void
signing_failed(struct signer *signer, struct wall now)
{
	signer->failed = now;
}

/* --- views ---------------------------------------------------------------------------------------------------- */

size_t
signing_views(const struct signer *signer, size_t first, struct signing_view *views, size_t most)
{
	size_t count = 0;

	for (size_t i = first; i < signer->count && count < most; i++)
		(void)signing_view(signer, signer->states[i]->name, &views[count++]);
	return count;
}

bool
signing_view(const struct signer *signer, const char *zone, struct signing_view *view)
{
	const struct zone_state *state = signing_state_find(signer, zone);

	if (state == NULL)
		return false;
	*view = (struct signing_view){ state->name, state->keys, state->key_count, state->result, state->serial,
	    state->leaving && state->result != NULL, state->leaves };
	return true;
}

static void
out_of_memory(struct diags *diags)
{
	diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
}
