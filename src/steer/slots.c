/* slots.c -- spreads client prefixes over slots.
 * In: a client prefix and the service's seed.  Out: an index into the table.  Threads: any; pure.
 *
 * A prefix is masked and made a number, its key: from the top 1 bit that is set, the family, 6 bits of length, and the
 * first 56 bits of the address.
 *
 * The key is hashed in two parts. All but its last 8 bits are hashed by XXH3 under the seed; the last 8 bits then step
 * through the circle by a 256th each, in an order that the hash chooses (an odd multiplier permutes 0 .. 255). So the
 * 256 neighbours of one /16 (or /48) lie exactly evenly, while blocks are independent of each other. Networks are
 * handed out in blocks: shares over neighbours come out with a fraction of the error of independent hashes, which would
 * be 0.5 % (one sigma) at 10,000 clients and a share of a half.
 *
 * The heaviest keys are found first, by open addressing in lines of four places, which are a cache line: a key is in
 * the line that its hash says, from the front, or in the next that isn't full. Places are filled to a half at most.
 * Most keys aren't heavy, and see that from one line, by branches that can be foretold. */
#include "steer/slots.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define CACHE_LINE 64u
#define HEAVY_LINE 4u		/* places */
#define HEAVY_LEAST 8u

static uint32_t heavy_at(uint64_t key);

struct slot_table *
slot_table_new(uint32_t count, uint32_t heavy_count)
{
	size_t size = sizeof(struct slot_table) + ((size_t)count + heavy_count) * sizeof(struct slot);
	uint32_t places = HEAVY_LEAST;
	struct slot_table *table;

	while (places < 2 * heavy_count)
		places *= 2;
	table = calloc(1, size + (heavy_count == 0 ? 0 : places * sizeof(struct heavy_key) + CACHE_LINE));
	if (table == NULL)
		return NULL;
	table->count = count;
	table->heavy_count = heavy_count;
	table->holds = 1;
	for (size_t i = 0; i < (size_t)count + heavy_count; i++)
		for (unsigned p = 0; p < SLOT_LIST; p++)
			table->slots[i].list[p] = NO_REGION;
	if (heavy_count > 0) {
		uintptr_t end = (uintptr_t)table + size;

		table->heavy_mask = places - 1;
		table->heavy = (struct heavy_key *)((end + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
	}
	return table;
}

float *
slot_table_weigh(struct slot_table *table)
{
	if (table->weights == NULL)
		table->weights = calloc((size_t)table->count + table->heavy_count, sizeof(*table->weights));
	return table->weights;
}

void
slot_table_place(struct slot_table *table, uint64_t key, uint32_t index, uint32_t position)
{
	uint32_t at = heavy_at(key);

	while (table->heavy[at & table->heavy_mask].key != 0)
		at++;
	table->heavy[at & table->heavy_mask] = (struct heavy_key){ key, index, position };
}

/* The first place of a line. Keys of neighbours differ in few bits: a multiplication spreads them (Fibonacci
 * hashing). */
static uint32_t
heavy_at(uint64_t key)
{
	return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & ~(HEAVY_LINE - 1);
}

void
slot_table_hold(struct slot_table *table)
{
	table->holds++;
}

void
slot_table_release(struct slot_table *table)
{
	if (table == NULL || --table->holds > 0)
		return;
	free(table->weights);
	free(table);
}

uint32_t
slots_place(const struct slot_table *table, const struct address *client, unsigned length, uint64_t seed)
{
	uint64_t key = slots_key(client, length);

	if (table->heavy_count > 0) {
		uint32_t heavy = slots_heavy(table, key);

		if (heavy != UINT32_MAX)
			return heavy;
	}
	return slots_common(slots_position(key, seed), table->count);
}

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

unsigned
slots_key_length(const struct address *client, unsigned length)
{
	unsigned most = client->bits == 32 ? 24 : 56;

	return length < most ? length : most;
}

uint32_t
slots_heavy(const struct slot_table *table, uint64_t key)
{
	for (uint32_t at = heavy_at(key); table->heavy_count > 0; at += HEAVY_LINE) {
		const struct heavy_key *line = &table->heavy[at & table->heavy_mask];

		for (unsigned i = 0; i < HEAVY_LINE; i++)
			if (line[i].key == key)
				return table->count + line[i].index;
		if (line[HEAVY_LINE - 1].key == 0)
			break;
	}
	return UINT32_MAX;
}

uint64_t
slots_position(uint64_t key, uint64_t seed)
{
	unsigned family = key >> 62 & 1 ? 128 : 32, length = key >> 56 & 63, last = length == 0 ? 0 : (length - 1) / 8;
	uint64_t bytes = htobe64(key << 8), block = hash64(&bytes, last, seed ^ family ^ (uint64_t)length << 8);
	uint8_t step = (uint8_t)((key >> (48 - 8 * last)) * (block | 1));

	return block + ((uint64_t)step << 56);
}

uint16_t
slots_rank(const struct address *client, unsigned length, uint64_t seed)
{
	uint64_t position = slots_position(slots_key(client, length), seed);

	return (uint16_t)((position >> 32) * 65535 >> 32);
}
