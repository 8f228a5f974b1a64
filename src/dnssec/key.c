/* key.c -- what a key is to others: its DNSKEY, its tag, its DS, and what its times say at a given moment.
 * In: a key.  Out: RDATA, and yes or no.  Threads: any; a key is only read here, but for key_fini().
 *
 * Times are compared, never counted: a daemon that slept through a rollover wakes up in the right state.
 * The tag is the checksum of RFC 4034 appendix B. The DS is the hash of owner and DNSKEY (RFC 4509, 6605). */
#include "dnssec/key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "dns/wire.h"
#include "dnssec/key_private.h"

#define FLAG_ZONE 0x0100
#define FLAG_SEP 0x0001
#define PROTOCOL 3	/* the only value (RFC 4034 section 2.1.2) */

static bool has_come(struct wall time, struct wall now);

uint16_t
key_flags(const struct key *key)
{
	return key->role == KEY_ZSK ? FLAG_ZONE : FLAG_ZONE | FLAG_SEP;
}

bool
key_is_published(const struct key *key, struct wall now)
{
	return has_come(key->times.published, now) && !has_come(key->times.removed, now);
}

bool
key_signs_keys(const struct key *key, struct wall now)
{
	return key->role != KEY_ZSK && key_is_published(key, now);
}

bool
key_signs_zone(const struct key *key, struct wall now)
{
	const struct key_times *times = &key->times;

	if (key->role == KEY_KSK || !has_come(times->active, now))
		return false;
	return times->withdrawn.ms != 0 ? !has_come(times->withdrawn, now)
	    : !has_come(times->retired, now) && !has_come(times->removed, now);
}

/* As DNSKEY is, and when algorithms change, as the zone is. */
bool
key_signs_offers(const struct key *key, struct wall now)
{
	const struct key_times *times = &key->times;

	if (key->role == KEY_ZSK)
		return false;
	return key_is_published(key, now) || (has_come(times->active, now) && !has_come(times->published, now))
	    || (has_come(times->removed, now) && times->withdrawn.ms != 0 && !has_come(times->withdrawn, now));
}

bool
key_is_offered(const struct key *key, struct wall now)
{
	return key->role != KEY_ZSK && key_is_published(key, now) && has_come(key->times.offered, now)
	    && !has_come(key->times.retired, now);
}

static bool
has_come(struct wall time, struct wall now)
{
	return time.ms != 0 && time.ms <= now.ms;
}

size_t
key_dnskey(const struct key *key, uint8_t rdata[static 4 + KEY_PUBLIC_MAX])
{
	wire_put_u16(rdata, key_flags(key));
	rdata[2] = PROTOCOL;
	rdata[3] = (uint8_t)key->algorithm;
	memcpy(rdata + 4, key->public_key, key->public_length);
	return 4 + (size_t)key->public_length;
}

uint16_t
key_tag(const struct key *key)
{
	uint8_t rdata[4 + KEY_PUBLIC_MAX];
	size_t length = key_dnskey(key, rdata);
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += i % 2 == 0 ? (uint32_t)rdata[i] << 8 : rdata[i];
	return (uint16_t)(sum + (sum >> 16));
}

size_t
key_ds(const struct key *key, uint8_t digest_type, uint8_t rdata[static KEY_DS_MAX])
{
	const EVP_MD *digest = digest_type == 4 ? EVP_sha384() : EVP_sha256();
	uint8_t hashed[NAME_MAX + 4 + KEY_PUBLIC_MAX];
	size_t name = name_length(key->zone, NAME_MAX);
	unsigned length = 0;

	memcpy(hashed, key->zone, name);
	if (EVP_Digest(hashed, name + key_dnskey(key, hashed + name), rdata + 4, &length, digest, NULL) != 1)
		abort();	/* as sha256() does: nothing can be trusted any more */
	wire_put_u16(rdata, key->tag);
	rdata[2] = (uint8_t)key->algorithm;
	rdata[3] = digest_type == 4 ? 4 : 2;
	return 4 + (size_t)length;
}

void
key_fini(struct key *key)
{
	key_private_free(key->private_key);
	OPENSSL_cleanse(key, sizeof(*key));
}
