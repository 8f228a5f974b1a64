/* signing_seal.c -- private parts in the store are sealed by the passphrase of now.
 * In: the passphrase's file, keys as they were read.  Out: rows of the store, one of the journal.
 * Threads: control; the job is the writer's. The keys themselves stay as they are: only their texts change.
 *
 * A passphrase that is changed while isobard runs, and told by a reload, seals all keys anew. Who changes it while
 * isobard doesn't run has to give the old one back first: nothing else opens what is in the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/signing_parts.h"
#include "dnssec/seal.h"

#define PASSPHRASE_MAX 4096

struct resealed {
	struct resealed *next;
	const char *zone;		/* the state's */
	enum key_algorithm algorithm;
	unsigned tag;
	char *text;
};

struct seal_job {
	const struct resealed *first;
	const char *body;
	uint64_t *revision;
};

static char *read_passphrase(const char *path, struct diags *diags);
static bool seal_all(struct signer *signer);
static bool reseal(struct signer *signer, const char *zone, const struct key *key);
static int seal_store(struct store_txn *txn, void *arg);

struct passphrase *
seal_passphrase(const char *path, struct diags *diags)
{
	char *text = read_passphrase(path, diags);
	struct passphrase *passphrase = text == NULL ? NULL : passphrase_new(text);

	if (text != NULL && passphrase == NULL)
		diag_error(diags, (struct diag_place){ .file = path }, NULL, "out of memory");
	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
	return passphrase;
}

/* The first line. */
static char *
read_passphrase(const char *path, struct diags *diags)
{
	size_t length;
	int error = 0;
	char *text = text_read_file(path, PASSPHRASE_MAX, &length, &error);

	if (text == NULL) {
		diag_error(diags, (struct diag_place){ .file = path }, NULL, "can't be read: %s", strerror(-error));
		return NULL;
	}
	text[strcspn(text, "\r\n")] = '\0';
	if (*text != '\0')
		return text;
	diag_error(diags, (struct diag_place){ .file = path }, NULL, "the passphrase is empty");
	free(text);
	return NULL;
}

bool
seal_note(struct signer *signer, const char *zone, const struct key *key, const char *text)
{
	return signer->passphrase == NULL || key->private_key == NULL || seal_is_usual(text, signer->passphrase)
	    || reseal(signer, zone, key);
}

bool
signing_seal(struct signer *signer, const char *passphrase_file, struct store *store, uint64_t *revision,
    struct diags *diags)
{
	struct passphrase *passphrase = seal_passphrase(passphrase_file, diags), *old = signer->passphrase;
	char *text = passphrase == NULL ? NULL : read_passphrase(passphrase_file, diags);
	bool is_other = text != NULL && (old == NULL || !passphrase_is(old, text)), good = text != NULL;
	char body[64];
	size_t count = 0;

	if (text != NULL)
		explicit_bzero(text, strlen(text));
	free(text);
	if (good && is_other) {
		seal_forget(signer);
		signer->passphrase = passphrase;
		good = seal_all(signer);
		if (!good)
			diag_error(diags, (struct diag_place){ 0 }, NULL, "keys can't be sealed: out of memory");
	}
	for (const struct resealed *r = signer->resealed; r != NULL; r = r->next)
		count++;
	snprintf(body, sizeof(body), "{\"keys\":%zu}", count);
	if (good && count > 0 && store_call(store, seal_store,
	    &(struct seal_job){ signer->resealed, body, revision }) != 0) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "the store can't take the keys that were sealed");
		good = false;
	}
	if (good && count > 0)
		log_info("%zu private keys in the store are sealed by the passphrase of %s now", count,
		    passphrase_file);
	signer->passphrase = good && is_other ? passphrase : old;
	passphrase_free(good && is_other ? old : passphrase);
	seal_forget(signer);
	return good;
}

static bool
seal_all(struct signer *signer)
{
	for (size_t i = 0; i < signer->count; i++) {
		const struct zone_state *state = signer->states[i];

		for (size_t k = 0; k < state->key_count; k++)
			if (state->keys[k].private_key != NULL && !reseal(signer, state->name, &state->keys[k]))
				return false;
	}
	return true;
}

static bool
reseal(struct signer *signer, const char *zone, const struct key *key)
{
	struct resealed *r = calloc(1, sizeof(*r));
	const struct zone_state *state = signing_state_find(signer, zone);
	struct text text = { 0 };

	if (r == NULL || state == NULL || key_write_private(key, signer->passphrase, &text) != 0) {
		free(r);
		text_wipe(&text);
		return false;
	}
	*r = (struct resealed){ signer->resealed, state->name, key->algorithm, key->tag, text_take(&text) };
	signer->resealed = r;
	return r->text != NULL;
}

static int
seal_store(struct store_txn *txn, void *arg)
{
	const struct seal_job *job = arg;
	int status = 0;

	for (const struct resealed *r = job->first; r != NULL && status == 0; r = r->next)
		status = store_key_seal(txn, r->zone, r->algorithm, r->tag, r->text);
	return status != 0 ? status
	    : store_journal_add(txn, wall_now(), "isobard", "key.seal", "", job->body, job->revision);
}

void
seal_forget(struct signer *signer)
{
	while (signer->resealed != NULL) {
		struct resealed *r = signer->resealed;

		signer->resealed = r->next;
		free(r->text);
		free(r);
	}
}
