/* nsec3.c -- the denial chain by NSEC3 (RFC 5155), with the parameters of RFC 9276: no salt, no extra iterations, and
 * no opt-out, so that every name is denied for sure.
 * In: the owners of the chain.  Out: NSEC3PARAM, and an NSEC3 for each owner under the hash of its name.
 * Threads: any.  Memory: the signing's arena.
 * The chain goes by hash, not by name. Two names of one zone with the same hash aren't looked for: whoever could make
 * them would only hurt a zone that they may write to. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "dnssec/signer_parts.h"

#define HASH_SHA1 1
#define PARAMETERS 5		/* octets: algorithm, flags, iterations, salt length */

struct hashed {
	uint8_t hash[SHA1_SIZE];
	const struct chain_owner *owner;
};

static const uint8_t parameters[PARAMETERS] = { HASH_SHA1, 0, 0, 0, 0 };

static bool add_param(struct work *work);
static int compare(const void *a, const void *b);
static void hashed_name(const uint8_t hash[static SHA1_SIZE], const struct node *apex, uint8_t name[static NAME_MAX]);

bool
nsec3_add(struct work *work)
{
	size_t count;
	struct chain_owner *owners = chain_owners(work, &count);
	struct hashed *hashed = calloc(count + 1, sizeof(*hashed));
	bool good = owners != NULL && hashed != NULL && add_param(work);

	for (size_t i = 0; i < count && good; i++) {
		hashed[i].owner = &owners[i];
		sha1(owners[i].node->name, owners[i].node->name_length, hashed[i].hash);
	}
	if (good)
		qsort(hashed, count, sizeof(*hashed), compare);
	for (size_t i = 0; i < count && good; i++) {
		uint8_t head[PARAMETERS + 1 + SHA1_SIZE], name[NAME_MAX];
		const uint8_t *kept;

		hashed_name(hashed[i].hash, zone_apex(work->signing->zone), name);
		memcpy(head, parameters, PARAMETERS);
		head[PARAMETERS] = SHA1_SIZE;
		memcpy(head + PARAMETERS + 1, hashed[(i + 1) % count].hash, SHA1_SIZE);
		kept = arena_copy(work->arena, name, name_length(name, NAME_MAX));
		good = kept != NULL && chain_add(work, hashed[i].owner, kept, TYPE_NSEC3, head, sizeof(head));
	}
	free(hashed);
	free(owners);
	return good;
}

static bool
add_param(struct work *work)
{
	static const uint8_t wire[2 + PARAMETERS] = { 0, PARAMETERS, HASH_SHA1 };
	const struct zone *zone = work->signing->zone;
	struct item item = {
		.owner = zone_apex(zone)->name, .signer = SIGNER_ZONE,
		.set = { .type = TYPE_NSEC3PARAM, .count = 1, .ttl = zone_negative_ttl(zone), .length = sizeof(wire),
		    .wire = wire },
	};

	return work_add(work, &item);
}

static int
compare(const void *a, const void *b)
{
	return memcmp(((const struct hashed *)a)->hash, ((const struct hashed *)b)->hash, SHA1_SIZE);
}

/* The hash by RFC 4648 section 7, in lower case, before the apex; 20 octets make 32 digits without padding. */
static void
hashed_name(const uint8_t hash[static SHA1_SIZE], const struct node *apex, uint8_t name[static NAME_MAX])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";

	name[0] = NSEC3_LABEL;
	for (unsigned i = 0; i < NSEC3_LABEL; i++) {
		unsigned bit = i * 5, pair = (unsigned)hash[bit / 8] << 8;

		if (bit / 8 + 1 < SHA1_SIZE)
			pair |= hash[bit / 8 + 1];
		name[1 + i] = (uint8_t)digits[pair >> (11 - bit % 8) & 31];
	}
	memcpy(name + 1 + NSEC3_LABEL, apex->name, apex->name_length);
}
