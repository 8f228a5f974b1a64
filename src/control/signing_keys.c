/* signing_keys.c -- the keys of zones: out of the store, made when they're due, and by an operator's wish.
 * In: rows, wishes, the clock.  Out: keys of a job, and rows of what has changed.
 * Threads: control, but for keys_store(). Sealing takes some 70 ms a key, and keys are made once in months.
 * What a pass makes is the pass's until it's committed: a key that isn't stored never signs what anybody sees. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "control/signing_parts.h"

#define FORGOTTEN_MS (30 * INT64_C(86400000))	/* a removed key is shown so long */

static const char *const roles[] = { [KEY_CSK] = "csk", [KEY_KSK] = "ksk", [KEY_ZSK] = "zsk" };
static const char *const role_words[] = { [KEY_CSK] = "CSK", [KEY_KSK] = "KSK", [KEY_ZSK] = "ZSK" };

struct loading {
	struct signer *signer;
	struct diags *diags;
};

static bool on_key(void *arg, const struct key_row *row);
static bool on_serial(void *arg, const char *zone, uint32_t serial);
static bool import_key(struct signing_pass *pass, struct signing_job *job, const struct key_wish *wish,
	struct diags *diags);
static const char *import_refused(const struct signing_job *job, const struct key *key, struct wall now);
static bool see_ds(struct signing_pass *pass, struct signing_job *job, unsigned tag, struct diags *diags);
static bool miss_ds(struct signing_pass *pass, struct signing_job *job, struct diags *diags);
static bool roll(struct signing_pass *pass, struct signing_job *job, enum key_role role, struct diags *diags);
static struct rollover_policy policy_of(const struct signing_job *job);
static void leave(struct signing_pass *pass, struct signing_job *job, const struct rollover_policy *policy);
static bool make_key(struct signing_pass *pass, struct signing_job *job, struct rollover_need need,
	struct diags *diags);
static bool add_key(struct signing_pass *pass, struct signing_job *job, struct key *key, struct diags *diags);
static bool tag_is_taken(const struct signing_job *job, const struct key *key);
static void say(struct signing_pass *pass, const struct signing_job *job, const char *what, const struct key *key);
static int store_key(struct store_txn *txn, const struct signing_job *job, size_t k);

bool
keys_load(struct signer *signer, struct store_reader *reader, struct diags *diags)
{
	struct loading loading = { signer, diags };
	size_t errors = diags->errors;

	if (store_keys(reader, on_key, &loading) != 0 || store_zone_serials(reader, on_serial, &loading) != 0)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "the store's keys can't be read");
	return diags->errors == errors;
}

static bool
on_key(void *arg, const struct key_row *row)
{
	struct loading *loading = arg;
	struct zone_state *state = signing_state(loading->signer, row->zone);
	struct text why = { 0 };
	struct key *key;

	if (state == NULL || state->key_count == ZONE_KEYS_MAX)
		return state != NULL;
	key = &state->keys[state->key_count];
	if (key_read(key, state->apex, row->dnskey, row->dnskey_length, *row->private_text == '\0' ? NULL
	    : row->private_text, loading->signer->passphrase, &why)) {
		for (size_t r = 0; r < ARRAY_SIZE(roles); r++)
			if (strcmp(roles[r], row->role) == 0)
				key->role = (enum key_role)r;
		key->times = (struct key_times){ row->created, row->published, row->offered, row->ds_seen, row->active,
			row->retired, row->removed, row->withdrawn, row->ds_gone };
		state->key_count++;
		if (!seal_note(loading->signer, row->zone, key, row->private_text))
			diag_error(loading->diags, (struct diag_place){ 0 }, NULL, "out of memory");
	} else {
		diag_error(loading->diags, (struct diag_place){ 0 }, NULL, "the key %u of %s in the store can't be "
		    "read: %s", row->tag, row->zone, why.bytes == NULL ? "out of memory" : why.bytes);
	}
	text_fini(&why);
	return true;
}

static bool
on_serial(void *arg, const char *zone, uint32_t serial)
{
	struct loading *loading = arg;
	struct zone_state *state = signing_state(loading->signer, zone);

	if (state == NULL)
		return false;
	state->serial = serial;
	state->has_serial = true;
	return true;
}

void
keys_forget(struct signing_job *job, struct wall now)
{
	size_t kept = 0;

	for (size_t k = 0; k < job->key_count; k++) {
		int64_t removed = job->keys[k].times.removed.ms;
		bool gone = removed != 0 && removed <= now.ms && job->keys[k].times.withdrawn.ms <= now.ms
		    && (removed + FORGOTTEN_MS <= now.ms || job->key_count > ZONE_KEYS_MAX / 2);

		if (gone)
			job->gone[job->gone_count++] = job->keys[k];
		else
			job->keys[kept++] = job->keys[k];
	}
	job->keys_changed |= kept < job->key_count;
	job->key_count = kept;
}

/* --- wishes --------------------------------------------------------------------------------------------------- */

bool
keys_wish(struct signing_pass *pass, struct signing_job *job, const struct key_wish *wish, struct diags *diags)
{
	switch (wish->kind) {
	case KEY_IMPORT:
		return import_key(pass, job, wish, diags);
	case KEY_DS_SEEN:
		return see_ds(pass, job, wish->tag, diags);
	case KEY_DS_GONE:
		return miss_ds(pass, job, diags);
	default:
		return roll(pass, job, wish->role, diags);
	}
}

static bool
import_key(struct signing_pass *pass, struct signing_job *job, const struct key_wish *wish, struct diags *diags)
{
	struct text why = { 0 };
	struct key key;
	bool good = key_read(&key, job->state->apex, wish->dnskey, wish->dnskey_length, wish->private_text,
	    pass->signer->passphrase, &why);

	if (!good)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "%s",
		    why.bytes == NULL ? "out of memory" : why.bytes);
	text_fini(&why);
	if (!good)
		return false;
	if ((key.role == KEY_ZSK) != (wish->role == KEY_ZSK)) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "the DNSKEY has flags %u: that is no %s",
		    key_flags(&key), role_words[wish->role]);
		key_fini(&key);
		return false;
	}
	if (import_refused(job, &key, pass->now) != NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "the key %u of %s: %s", key.tag, job->state->name,
		    import_refused(job, &key, pass->now));
		key_fini(&key);
		return false;
	}
	key.role = wish->role;
	key.times.created = pass->now;
	return add_key(pass, job, &key, diags);
}

/* Keys of another algorithm come all at once. */
static const char *
import_refused(const struct signing_job *job, const struct key *key, struct wall now)
{
	for (size_t k = 0; k < job->key_count; k++)
		if (job->keys[k].algorithm != key->algorithm
		    && (job->keys[k].times.removed.ms == 0 || job->keys[k].times.removed.ms > now.ms))
			return "the zone has keys of another algorithm; change 'algorithm' in steering.yaml, which "
			    "makes new keys and rolls over to them";
	return NULL;
}

static bool
see_ds(struct signing_pass *pass, struct signing_job *job, unsigned tag, struct diags *diags)
{
	size_t seen = 0;

	for (size_t k = 0; k < job->key_count; k++) {
		struct key *key = &job->keys[k];

		if (key->role == KEY_ZSK || key->times.ds_seen.ms != 0 || !key_is_published(key, pass->now)
		    || (tag == 0 ? !key_is_offered(key, pass->now) : key->tag != tag))
			continue;
		key->times.ds_seen = pass->now;
		job->keys_changed = true;
		say(pass, job, "the parent has the DS of", key);
		seen++;
	}
	if (seen == 0)
		diag_error(diags, (struct diag_place){ 0 }, NULL, tag == 0 ? "no key of %s waits for its DS"
		    : "no such key of %s waits for its DS", job->state->name);
	return seen > 0;
}

/* The zone is to be unsigned, and its parent has no DS any more. */
static bool
miss_ds(struct signing_pass *pass, struct signing_job *job, struct diags *diags)
{
	size_t gone = 0;

	if (job->wanted == NULL || !job->wanted->leaving) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "%s is to stay signed: write 'dnssec: removing' for "
		    "it into the zones of steering.yaml first", job->state->name);
		return false;
	}
	for (size_t k = 0; k < job->key_count; k++) {
		struct key *key = &job->keys[k];

		if (key->role == KEY_ZSK || !key_is_published(key, pass->now) || key->times.ds_gone.ms != 0)
			continue;
		key->times.ds_gone = pass->now;
		job->keys_changed = true;
		say(pass, job, "the parent has dropped the DS of", key);
		gone++;
	}
	if (gone == 0)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "no key of %s has a DS", job->state->name);
	return gone > 0;
}

static bool
roll(struct signing_pass *pass, struct signing_job *job, enum key_role role, struct diags *diags)
{
	int status = rollover_start(job->keys, job->key_count, role, pass->now);

	if (status == 0)
		job->keys_changed = true;
	else if (status == -ENOENT)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "%s has no %s", job->state->name, role_words[role]);
	else
		diag_error(diags, (struct diag_place){ 0 }, NULL, "a rollover of %s is under way", job->state->name);
	return status == 0;
}

/* --- the clock ------------------------------------------------------------------------------------------------ */

bool
keys_step(struct signing_pass *pass, struct signing_job *job, bool keeps_keys, struct diags *diags)
{
	const struct rollover_policy policy = policy_of(job);
	struct key_times before[ZONE_KEYS_MAX];
	struct rollover_need need;

	for (size_t k = 0; k < job->key_count; k++)
		before[k] = job->keys[k].times;
	for (size_t k = job->key_count; k < ZONE_KEYS_MAX; k++)
		before[k] = (struct key_times){ 0 };
	while ((need = rollover_step(job->keys, job->key_count, &policy, pass->now, &job->next)).key) {
		if (!keeps_keys && job->key_count > 0)
			break;	/* what is there goes on */
		if (!keeps_keys)
			return true;
		if (!make_key(pass, job, need, diags))
			return false;
	}
	if (policy.leaving)
		leave(pass, job, &policy);
	for (size_t k = 0; k < job->key_count; k++)
		job->keys_changed |= memcmp(&before[k], &job->keys[k].times, sizeof(before[k])) != 0;
	return true;
}

/* RSA keys are imported only, so nothing may call for one by itself. */
static struct rollover_policy
policy_of(const struct signing_job *job)
{
	const struct steering_zone *wanted = job->wanted;
	struct rollover_policy policy = {
		.algorithm = wanted->algorithm, .split = wanted->split_keys, .zsk_lifetime_s = wanted->zsk_lifetime_s,
		.key_ttl = wanted->key_ttl, .zone_ttl = job->zone_ttl, .propagation_s = wanted->propagation_s,
		.parent_ttl = wanted->parent_ttl, .parent_propagation_s = wanted->propagation_s,
		.leaving = wanted->leaving,
	};
	enum key_algorithm last = job->key_count == 0 ? KEY_ECDSAP256SHA256
	    : job->keys[job->key_count - 1].algorithm;

	if (wanted->keeps_algorithm)
		policy.algorithm = last;
	if (policy.algorithm == KEY_RSASHA256)
		policy.zsk_lifetime_s = 0;
	return policy;
}

/* When no cache has a DS any more the zone is unsigned, and its keys have done their work. */
static void
leave(struct signing_pass *pass, struct signing_job *job, const struct rollover_policy *policy)
{
	job->leaves = rollover_leaves(job->keys, job->key_count, policy, pass->now);
	if (job->leaves.ms > pass->now.ms) {
		if (job->leaves.ms != KEY_SOME_DAY.ms && (job->next.ms == 0 || job->leaves.ms < job->next.ms))
			job->next = job->leaves;
		return;
	}
	for (size_t k = 0; k < job->key_count; k++) {
		struct key_times *times = &job->keys[k].times;

		if (times->removed.ms != 0 && times->removed.ms <= pass->now.ms)
			continue;
		times->retired = times->removed = pass->now;
		if (times->withdrawn.ms != 0)
			times->withdrawn = pass->now;
		say(pass, job, "removed", &job->keys[k]);
	}
	job->next = (struct wall){ 0 };
	job->zone = SIZE_MAX;
}

static bool
make_key(struct signing_pass *pass, struct signing_job *job, struct rollover_need need, struct diags *diags)
{
	struct key key;
	int status;

	do {
		status = key_generate(&key, job->state->apex, need.role, need.algorithm);
		if (status != 0) {
			diag_error(diags, (struct diag_place){ 0 }, NULL, status == -ENOTSUP ?
			    "the keys of %s are of RSA, which isn't made here: change 'algorithm', or import one"
			    : "a key for %s can't be made", job->state->name);
			return false;
		}
		if (!tag_is_taken(job, &key))
			return add_key(pass, job, &key, diags);
		key_fini(&key);
	} while (true);
}

static bool
tag_is_taken(const struct signing_job *job, const struct key *key)
{
	for (size_t k = 0; k < job->key_count; k++)
		if (job->keys[k].tag == key->tag)
			return true;
	return false;
}

/* Takes the key. */
static bool
add_key(struct signing_pass *pass, struct signing_job *job, struct key *key, struct diags *diags)
{
	struct text private_text = { 0 };
	const char *why = NULL;

	if (tag_is_taken(job, key))
		why = "a key with this tag is there already";
	else if (job->key_count == ZONE_KEYS_MAX)
		why = "the zone has too many keys";
	else if (key->private_key == NULL || key_write_private(key, pass->signer->passphrase, &private_text) != 0)
		why = key->private_key == NULL ? "its private part is missing" : "it can't be sealed";
	if (why != NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "the key %u of %s: %s", key->tag,
		    job->state->name, why);
		text_wipe(&private_text);
		key_fini(key);
		return false;
	}
	job->private_texts[job->key_count] = text_take(&private_text);
	job->keys[job->key_count++] = *key;
	job->keys_changed = true;
	say(pass, job, "made", key);
	return true;
}

static void
say(struct signing_pass *pass, const struct signing_job *job, const char *what, const struct key *key)
{
	text_printf(&pass->words, "%s%s %s %u of %s", pass->words.length > 0 ? "; " : "", what, role_words[key->role],
	    key->tag, job->state->name);
}

/* --- rows ----------------------------------------------------------------------------------------------------- */

int
keys_store(struct store_txn *txn, const struct signing_job *job)
{
	int status = 0;

	for (size_t k = 0; k < job->gone_count && status == 0; k++)
		status = store_key_delete(txn, job->state->name, job->gone[k].algorithm, job->gone[k].tag);
	for (size_t k = 0; k < job->key_count && status == 0; k++)
		status = store_key(txn, job, k);
	return status;
}

static int
store_key(struct store_txn *txn, const struct signing_job *job, size_t k)
{
	const struct key *key = &job->keys[k];
	const struct key_times *times = &key->times;
	uint8_t dnskey[4 + KEY_PUBLIC_MAX];
	struct key_row row = {
		.zone = job->state->name, .algorithm = key->algorithm, .tag = key->tag, .role = roles[key->role],
		.dnskey = dnskey, .dnskey_length = key_dnskey(key, dnskey),
		.private_text = job->private_texts[k] == NULL ? "" : job->private_texts[k],
		.created = times->created, .published = times->published, .offered = times->offered,
		.ds_seen = times->ds_seen, .active = times->active, .retired = times->retired,
		.removed = times->removed, .withdrawn = times->withdrawn, .ds_gone = times->ds_gone,
	};

	return store_key_put(txn, &row);
}
