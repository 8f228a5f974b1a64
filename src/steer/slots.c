/* slots.c -- spreads client prefixes over slots.
 * In: a client prefix and the service's seed.  Out: an index into the table.  Threads: any; pure.
 *
 * The key is hashed in two parts. All but its last 8 bits are hashed by XXH3 under the seed; the last 8 bits then step
 * through the circle by a 256th each, in an order that the hash chooses (an odd multiplier permutes 0 .. 255). So the
 * 256 neighbours of one /16 (or /48) lie exactly evenly, while blocks are independent of each other. Networks are
 * handed out in blocks: shares over neighbours come out with a fraction of the error of independent hashes, which would
 * be 0.5 % (one sigma) at 10,000 clients and a share of a half. */
#include "steer/slots.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct slot_table *
slot_table_new(uint32_t count)
{
	struct slot_table *table = calloc(1, sizeof(*table) + count * sizeof(struct slot));

	if (table == NULL)
		return NULL;
	table->count = count;
	table->holds = 1;
	for (uint32_t i = 0; i < count; i++)
		for (unsigned p = 0; p < SLOT_LIST; p++)
			table->slots[i].list[p] = NO_REGION;
	return table;
}

void
slot_table_hold(struct slot_table *table)
{
	table->holds++;
}

void
slot_table_release(struct slot_table *table)
{
	if (table != NULL && --table->holds == 0)
		free(table);
}

uint32_t
slots_place(const struct slot_table *table, const struct address *client, unsigned length, uint64_t seed)
{
	struct address key = *client;
	unsigned last;
	uint64_t block, position;

	length = slots_key_length(client, length);
	address_mask(&key, length);
	last = length == 0 ? 0 : (length - 1) / 8;
	block = hash64(key.bytes, last, seed ^ key.bits ^ (uint64_t)length << 8);
	position = block + ((uint64_t)(uint8_t)(key.bytes[last] * (block | 1)) << 56);
	return (uint32_t)((unsigned __int128)position * table->count >> 64);
}

unsigned
slots_key_length(const struct address *client, unsigned length)
{
	unsigned most = client->bits == 32 ? 24 : 56;

	return length < most ? length : most;
}

/* Family, length and the prefix's bits, which are at most 56: a number that can be read back. */
uint64_t
slots_key(const struct address *client, unsigned length)
{
	uint64_t bits;

	length = slots_key_length(client, length);
	memcpy(&bits, client->bytes, sizeof(bits));
	bits = be64toh(bits) >> 8 & UINT64_MAX << (56 - length);
	return UINT64_C(1) << 63 | (uint64_t)(client->bits == 128) << 62 | (uint64_t)length << 56 | bits;
}

void
slots_key_read(uint64_t key, struct prefix *prefix)
{
	uint64_t bits = htobe64(key << 8);

	*prefix = (struct prefix){ .address.bits = key >> 62 & 1 ? 128 : 32, .length = key >> 56 & 63 };
	memcpy(prefix->address.bytes, &bits, sizeof(bits));
}
