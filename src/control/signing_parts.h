/* signing_parts.h -- what the files of signing share. Private to them. */
#ifndef ISOBAR_CONTROL_SIGNING_PARTS_H
#define ISOBAR_CONTROL_SIGNING_PARTS_H

#include <pthread.h>

#include "base/arena.h"
#include "base/text.h"
#include "control/signing.h"
#include "dnssec/rollover.h"
#include "dnssec/signer.h"

#define ZONE_KEYS_MAX 16	/* of one zone: two of each role while they roll, and some that are gone */

/* A zone that has keys. */
struct zone_state {
	char *name;			/* presentation form, final dot, lower case */
	uint8_t apex[NAME_MAX];
	struct key keys[ZONE_KEYS_MAX];
	size_t key_count;
	struct signature_cache *cache;
	uint32_t serial;
	bool has_serial;
	bool in_service;		/* signed by us now */
	bool leaving;			/* to be unsigned, */
	struct wall leaves;		/* then */
	/* what is in service: */
	struct signed_zone *result;	/* held; NULL: it isn't signed by us now */
	struct zone *source;		/* held: of which it was made, */
	uint64_t names;			/* with these steered names: a hash, */
	struct signing_policy policy;	/* so. */
	uint32_t zone_ttl;		/* the longest TTL in `source` */
	struct wall next;		/* when something is to be done; .ms 0: nothing */
};

struct signer {
	struct passphrase *passphrase;	/* or NULL */
	struct resealed *resealed;	/* texts that are to take the place of those in the store */
	struct zone_state **states;
	size_t count;
	struct wall failed;		/* when the last pass was refused; .ms 0: it wasn't */
	pthread_t thread;
	bool running;
	struct signing_pass *pass;	/* of the thread */
	void (*done)(void *arg);
	void *done_arg;
};

/* One zone in a pass. */
struct signing_job {
	struct zone_state *state;
	size_t zone;			/* in the world; SIZE_MAX: not there, or not to be signed */
	struct zone *source;
	const struct steering_zone *wanted;
	struct key keys[ZONE_KEYS_MAX];	/* private parts are shared with the state's, but for those made now */
	size_t key_count, old_count;	/* .. those from `old_count` on */
	struct key gone[ZONE_KEYS_MAX];	/* forgotten: they were removed long ago */
	size_t gone_count;
	char *private_texts[ZONE_KEYS_MAX];	/* of new keys, as they're stored */
	bool keys_changed, stays;	/* stays: what is in service is right */
	struct wall leaves;		/* of a zone that is to be unsigned: when */
	const struct steered_name *names;
	size_t name_count;
	uint64_t names_hash;
	struct signing_policy policy;
	uint32_t zone_ttl, serial;
	struct wall next;
	struct signed_zone *result;
	struct text why;		/* not signed */
};

struct signing_pass {
	struct signer *signer;
	struct arena *arena;
	struct wall now;
	struct signing_job *jobs;
	size_t job_count;
	struct text words;
	bool committed;
};

struct zone_state *signing_state(struct signer *signer, const char *name) NONNULL;	/* made if need be; or NULL */
struct zone_state *signing_state_find(const struct signer *signer, const char *name) NONNULL;

/* signing_seal.c */
struct passphrase *seal_passphrase(const char *path, struct diags *diags) NONNULL MUST_USE;	/* NULL after errors */
/* A key that was read as `text`: it's to be sealed as it ought to be. False: out of memory. */
bool seal_note(struct signer *signer, const char *zone, const struct key *key, const char *text) NONNULL MUST_USE;
void seal_forget(struct signer *signer) NONNULL;

/* signing_keys.c */
bool keys_load(struct signer *signer, struct store_reader *reader, struct diags *diags) NONNULL MUST_USE;
/* Puts keys aside that were removed long ago. */
void keys_forget(struct signing_job *job, struct wall now) NONNULL;
/* The operator's wish into the job. False after an error. */
bool keys_wish(struct signing_pass *pass, struct signing_job *job, const struct key_wish *wish, struct diags *diags)
	NONNULL MUST_USE;
/* Times that have come, and keys that are needed. False after an error. */
bool keys_step(struct signing_pass *pass, struct signing_job *job, bool keeps_keys, struct diags *diags)
	NONNULL MUST_USE;
int keys_store(struct store_txn *txn, const struct signing_job *job) NONNULL;

#endif
