/* signing.h -- the zones that isobard signs: their keys, their signatures, and the signed zones in service.
 * A pass belongs to one publication: it's begun for a world, worked off by any thread, finished into the world, stored,
 * and then taken over or dropped with the publication. Between, nothing of what is in service changes.
 * Threads: control, but for signing_work(), and signing_store() on the store's writer. */
#ifndef ISOBAR_CONTROL_SIGNING_H
#define ISOBAR_CONTROL_SIGNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/diag.h"
#include "control/world.h"
#include "dnssec/key.h"
#include "store/store.h"

struct signer;
struct signing_pass;

enum key_wish_kind { KEY_ROLL, KEY_DS_SEEN, KEY_DS_GONE, KEY_IMPORT };

/* What an operator wants of the keys of a zone. */
struct key_wish {
	enum key_wish_kind kind;
	const char *zone;		/* presentation form, final dot, lower case */
	enum key_role role;		/* to roll; of what is imported */
	unsigned tag;			/* whose DS was seen; 0: of all that are offered */
	const uint8_t *dnskey;		/* RDATA, and its private part: imported */
	size_t dnskey_length;
	const char *private_text;
};

/* `passphrase_file` is NULL when private parts aren't sealed; `reader` NULL: there are no keys. NULL after errors. */
struct signer *signing_new(const char *passphrase_file, struct store_reader *reader, struct diags *diags)
	__attribute__((nonnull(3))) MUST_USE;
/* Private parts in the store that aren't sealed by the passphrase that is in the file now are: those that came before
 * there was one, and all when it's another. With a row in the journal; `revision` is its number, and stays if there was
 * nothing to do. Nothing may be under way. False after errors in `diags`; what was stays then. */
bool signing_seal(struct signer *signer, const char *passphrase_file, struct store *store, uint64_t *revision,
	struct diags *diags) NONNULL MUST_USE;
void signing_free(struct signer *signer);
void signing_wait(struct signer *signer);	/* for signing_start()'s thread; NULL is allowed */

/* Without a store there are no keys: a zone that is to be signed is an error. */
bool signing_allowed_without_store(const struct world *world, struct diags *diags) NONNULL MUST_USE;

/* What of `world` is to be signed, and with which keys: those that are due are made. `keeps_keys`: there is a store for
 * them, and this is no dry run; else what has no key stays unsigned. NULL after errors in `diags`. */
struct signing_pass *signing_begin(struct signer *signer, const struct world *world, const struct key_wish *wish,
	bool keeps_keys, struct wall now, struct diags *diags) __attribute__((nonnull(1, 2, 6))) MUST_USE;
/* Too long for the control thread: more than SIGNING_NAMES_AT_ONCE names, some 0.1 s when all of them are new. */
#define SIGNING_NAMES_AT_ONCE 2000
bool signing_is_long(const struct signing_pass *pass) NONNULL;
bool signing_is_empty(const struct signing_pass *pass) NONNULL;	/* all is as it was */
bool signing_makes_keys(const struct signing_pass *pass) NONNULL;	/* which must be stored before they sign */
void signing_work(struct signing_pass *pass) NONNULL;
/* signing_work() on a thread of its own, and then there done(arg). False: there is no thread to be had. */
bool signing_start(struct signer *signer, struct signing_pass *pass, void (*done)(void *arg), void *arg)
	NONNULL MUST_USE;
/* What was signed becomes the world's. False after errors in `diags`. */
bool signing_finish(struct signing_pass *pass, struct world *world, struct diags *diags) NONNULL MUST_USE;
int signing_store(struct store_txn *txn, const struct signing_pass *pass) NONNULL;
void signing_commit(struct signing_pass *pass) NONNULL;	/* what it found is in service now */
void signing_pass_free(struct signing_pass *pass);	/* NULL is allowed */
/* What it did to keys, for the journal: "made a CSK 12345 of example.com.; ..."; "" for nothing. */
const char *signing_words(const struct signing_pass *pass) NONNULL;

/* Something is to be signed anew, or a key's time has come. */
bool signing_is_due(const struct signer *signer, struct wall now) NONNULL;
void signing_failed(struct signer *signer, struct wall now) NONNULL;	/* not due again for a minute */

/* --- views: control thread ------------------------------------------------------------------------------------ */

struct signing_view {
	const char *zone;
	const struct key *keys;
	size_t key_count;
	const struct signed_zone *signed_zone;	/* in service; NULL: unsigned, or signed elsewhere */
	uint32_t serial;			/* that it's served with */
	bool leaving;				/* it's to be unsigned when no cache has its DS any more, */
	struct wall leaves;			/* which is then; KEY_SOME_DAY: when the parent has dropped it */
};

size_t signing_views(const struct signer *signer, size_t first, struct signing_view *views, size_t most) NONNULL;
/* False: nothing is known of such a zone. */
bool signing_view(const struct signer *signer, const char *zone, struct signing_view *view) NONNULL;

#endif
