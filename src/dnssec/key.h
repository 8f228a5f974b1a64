/* key.h -- keys that sign zones: made, read, written, and what parents and resolvers need to know of them.
 * A key is its role, its times (RFC 7583 section 3.3) and its private part; which keys sign what at a given moment
 * follows from the times alone, so that every daemon that has the same keys and clock comes to the same answer.
 * Private parts are read from and written to files of mode 0600, in the format of BIND ("Private-key-format: v1.3") and
 * nothing else; with a passphrase they are sealed (AES-256-GCM, key by scrypt). Memory that held them is wiped.
 * Threads: a key belongs to one thread while it's changed; signing with it is allowed from several. */
#ifndef ISOBAR_DNSSEC_KEY_H
#define ISOBAR_DNSSEC_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/text.h"
#include "dns/name.h"

enum key_algorithm {		/* IANA "DNS Security Algorithm Numbers" */
	KEY_RSASHA256 = 8,	/* imported only */
	KEY_ECDSAP256SHA256 = 13,
	KEY_ED25519 = 15,
};

enum key_role { KEY_CSK, KEY_KSK, KEY_ZSK };

/* Times of a key; .ms 0: not set. A time that has come counts. */
#define KEY_SOME_DAY ((struct wall){ INT64_MAX })	/* it's to come, but not known yet when */
struct key_times {
	struct wall created;
	struct wall published;	/* its DNSKEY is in the zone; of a KSK or CSK, CDS and CDNSKEY are from `offered` on */
	struct wall offered;	/* parents may take it up (RFC 7344) */
	struct wall ds_seen;	/* the parent has its DS; set by an operator, or by who looks */
	struct wall active;	/* it signs */
	struct wall retired;	/* it signs the zone no more, and parents aren't to have its DS; its DNSKEY stays, since
				 * caches have its signatures or its DS, and until then a KSK or CSK signs keys */
	struct wall removed;	/* its DNSKEY is gone, too */
	/* Only of a change of algorithms: it signs, in place of `retired`, until then, when no cache has a DNSKEY RRset
	 * that would ask for its signatures (RFC 6781 section 4.1.4). */
	struct wall withdrawn;
	struct wall ds_gone;	/* of a zone that is to be unsigned: the parent has no DS of it any more */
};

struct passphrase;	/* seal.h */

#define KEY_PUBLIC_MAX 516	/* octets of RSA-4096 with a 3 octet exponent; longer ones are refused */

struct key {
	uint8_t zone[NAME_MAX];		/* lower case */
	enum key_role role;
	enum key_algorithm algorithm;
	uint16_t tag;			/* RFC 4034 appendix B */
	struct key_times times;
	uint16_t public_length;		/* of the DNSKEY's public key field */
	uint8_t public_key[KEY_PUBLIC_MAX];
	struct key_private *private_key;	/* NULL: only its DNSKEY is known (imported without, or a standby's) */
};

/* Flags of its DNSKEY: 257 for CSK and KSK, 256 for ZSK. */
uint16_t key_flags(const struct key *key) NONNULL;
bool key_is_published(const struct key *key, struct wall now) NONNULL;
bool key_signs_keys(const struct key *key, struct wall now) NONNULL;	/* CSK or KSK, published, not removed */
bool key_signs_zone(const struct key *key, struct wall now) NONNULL;	/* CSK or ZSK, active, not retired */
bool key_signs_offers(const struct key *key, struct wall now) NONNULL;	/* CSK or KSK: CDS and CDNSKEY */
bool key_is_offered(const struct key *key, struct wall now) NONNULL;	/* the parent is to have its DS: CDS, CDNSKEY */

/* 0 or -errno; -ENOTSUP: no algorithm to make keys with. The times stay for the caller to set. */
int key_generate(struct key *key, const uint8_t *zone, enum key_role role, enum key_algorithm algorithm)
	NONNULL MUST_USE;
void key_fini(struct key *key) NONNULL;		/* wipes */

/* RDATA of its DNSKEY; the length (at most 4 + KEY_PUBLIC_MAX). */
size_t key_dnskey(const struct key *key, uint8_t rdata[static 4 + KEY_PUBLIC_MAX]) NONNULL;
/* RDATA of its DS with digest type 2 (SHA-256) or 4 (SHA-384), RFC 4509 and 6605; the length. */
#define KEY_DS_MAX (4 + 48)
size_t key_ds(const struct key *key, uint8_t digest_type, uint8_t rdata[static KEY_DS_MAX]) NONNULL;

/* The private part as text in BIND's format, sealed when there is a passphrase. `out` is to be wiped by the caller
 * (text_wipe()). -ENOENT: it has no private part. */
int key_write_private(const struct key *key, struct passphrase *passphrase /* or NULL */, struct text *out)
	__attribute__((nonnull(1, 3))) MUST_USE;
/* Reads what key_write_private(), BIND's dnssec-keygen or ldns-keygen wrote. `public_rdata` is the RDATA of the DNSKEY,
 * which tells flags and algorithm; the private part must belong to it. A key with the SEP flag is taken as KSK: the
 * caller knows whether it's a CSK. Times stay unset. False with why, for people. */
bool key_read(struct key *key, const uint8_t *zone, const uint8_t *public_rdata, size_t public_length,
	const char *private_text /* or NULL */, struct passphrase *passphrase /* or NULL */, struct text *why)
	__attribute__((nonnull(1, 2, 3, 7))) MUST_USE;

#endif
