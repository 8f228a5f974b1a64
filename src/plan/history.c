/* history.c -- see history.h.
 * In: tables of a snapshot.  Out: octets for the store; from them, tables again.  Threads: any; pure.
 *
 * Whole octets, all numbers little-endian, are a head and then one body a table:
 *
 *	"isobart1"
 *	u16 regions, each: u8 length, name
 *	u16 tables, each: u16 length, client group's name, two letters of its country or two zeros,
 *	    u32 slots, u32 heavy keys, u64 inputs, u8 flags (1: uniform, 2: weights)
 *	bodies: the lists' first places of all slots, the second ones, ...; ranks; heavy keys by index (u64 key,
 *	    u32 position; 0: none); weights (IEEE 754)
 *
 * Columns pack better than slots: most first places are alike, and so are most last ones. A difference is the same with
 * each body XORed with the body of the base's table of the same name and sizes; where there is none it stays as it is.
 * Between two epochs nearly all of that is zero.
 *
 * What is stored is an envelope: "W" or "D", the length and XXH3 of the whole octets, and the deflated rest. The hash
 * catches damage, and a base that isn't the one which was meant, so that never a wrong table comes out. */
#include "plan/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/deflate.h"
#include "base/hash.h"
#include "steer/country.h"

#define MAGIC "isobart1"
#define MAGIC_LENGTH 8
#define ENVELOPE 17			/* kind, u64 length, u64 hash */
#define WHOLE_MAX ((size_t)1 << 28)	/* 2,000 groups with 65,536 heavy slots and weights are 100 MiB */
#define HEAVY_MAX ((uint32_t)1 << 24)	/* of one table; far above DEMAND_HEAVY_MAX */
#define FLAG_UNIFORM 1
#define FLAG_WEIGHTS 2
#define HEAVY_SIZE 12
#define ENTRY_SIZE 17			/* of the head, behind name and country */

/* A cursor with a sticky error: all fields are read, then it's asked once whether there were that many octets. */
struct cursor {
	const uint8_t *at, *end;
	bool failed;
};

/* One table's entry of the head, with its body where that was found. */
struct entry {
	const uint8_t *name;
	size_t name_length;
	char country[2];
	uint32_t count, heavy;
	uint64_t inputs;
	uint8_t flags;
	size_t body, body_length;	/* offset in the whole octets */
};

struct head {
	size_t region_count;
	struct { const uint8_t *name; size_t length; } regions[REGIONS_MAX];
	size_t entry_count;
	struct entry *entries;
};

static size_t whole_length(const struct snapshot *snapshot, const struct service *service);
static void write_head(uint8_t **at, const struct snapshot *snapshot, const struct service *service);
static void write_body(uint8_t **at, const struct slot_table *table);
static size_t body_length(uint32_t count, uint32_t heavy, uint8_t flags);
static void *seal(char kind, const void *whole, size_t length, uint64_t hash, size_t *sealed);
static bool difference(uint8_t *whole, size_t length, const void *base, size_t base_length);
static bool read_head(struct head *head, const void *whole, size_t length);
static void read_entry(struct cursor *cursor, struct entry *entry);
static const struct entry *entry_like(const struct head *head, const struct entry *entry);
static size_t find_group(const struct entry *entry, const struct steering *steering, const struct partition *partition);
static struct slot_table *read_table(const struct entry *entry, const uint8_t *body, const region_id *regions);
static void read_heavy(struct slot_table *table, const uint8_t *at);
static const uint8_t *take(struct cursor *cursor, size_t length);
static uint64_t take_number(struct cursor *cursor, unsigned octets);
static uint64_t get_number(const uint8_t *at, unsigned octets);
static void put_number(uint8_t **at, uint64_t value, unsigned octets);
static void put(uint8_t **at, const void *octets, size_t length);

/* --- writing ------------------------------------------------------------------------------------------------- */

void *
history_whole(const struct snapshot *snapshot, const struct service *service, size_t *length)
{
	uint8_t *whole, *at;

	*length = whole_length(snapshot, service);
	whole = at = malloc(*length);
	if (whole == NULL)
		return NULL;
	write_head(&at, snapshot, service);
	for (size_t g = 0; g < snapshot->partition->count; g++)
		write_body(&at, service->tables[g]);
	return whole;
}

static size_t
whole_length(const struct snapshot *snapshot, const struct service *service)
{
	const struct steering *steering = snapshot->steering;
	size_t length = MAGIC_LENGTH + 4;

	for (size_t r = 0; r < steering->region_count; r++)
		length += 1 + strlen(steering->regions[r].name);
	for (size_t g = 0; g < snapshot->partition->count; g++) {
		const struct slot_table *table = service->tables[g];

		length += 2 + strlen(steering->groups[snapshot->partition->groups[g].group].name) + 2 + ENTRY_SIZE;
		length += body_length(table->count, table->heavy_count, table->weights == NULL ? 0 : FLAG_WEIGHTS);
	}
	return length;
}

static void
write_head(uint8_t **at, const struct snapshot *snapshot, const struct service *service)
{
	const struct steering *steering = snapshot->steering;

	put(at, MAGIC, MAGIC_LENGTH);
	put_number(at, steering->region_count, 2);
	for (size_t r = 0; r < steering->region_count; r++) {
		put_number(at, strlen(steering->regions[r].name), 1);
		put(at, steering->regions[r].name, strlen(steering->regions[r].name));
	}
	put_number(at, snapshot->partition->count, 2);
	for (size_t g = 0; g < snapshot->partition->count; g++) {
		const struct demand_group *group = &snapshot->partition->groups[g];
		const struct slot_table *table = service->tables[g];
		const char *name = steering->groups[group->group].name;

		put_number(at, strlen(name), 2);
		put(at, name, strlen(name));
		put(at, country_at(group->country)->code, 2);
		put_number(at, table->count, 4);
		put_number(at, table->heavy_count, 4);
		put_number(at, table->inputs, 8);
		put_number(at, (table->uniform ? FLAG_UNIFORM : 0u) | (table->weights != NULL ? FLAG_WEIGHTS : 0u), 1);
	}
}

static size_t
body_length(uint32_t count, uint32_t heavy, uint8_t flags)
{
	size_t slots = (size_t)count + heavy;

	return slots * (SLOT_LIST + 2u + (flags & FLAG_WEIGHTS ? 4u : 0u)) + (size_t)heavy * HEAVY_SIZE;
}

static void
write_body(uint8_t **at, const struct slot_table *table)
{
	size_t slots = (size_t)table->count + table->heavy_count;
	uint8_t *heavy;

	for (unsigned p = 0; p < SLOT_LIST; p++)
		for (size_t i = 0; i < slots; i++)
			*(*at)++ = table->slots[i].list[p];
	for (size_t i = 0; i < slots; i++)
		put_number(at, table->slots[i].rank, 2);
	heavy = *at;
	memset(heavy, 0, table->heavy_count * (size_t)HEAVY_SIZE);
	for (size_t i = 0; table->heavy_count > 0 && i <= table->heavy_mask; i++) {
		uint8_t *to = heavy + table->heavy[i].index * (size_t)HEAVY_SIZE;

		if (table->heavy[i].key == 0)
			continue;
		put_number(&to, table->heavy[i].key, 8);
		put_number(&to, table->heavy[i].position, 4);
	}
	*at = heavy + table->heavy_count * (size_t)HEAVY_SIZE;
	for (size_t i = 0; table->weights != NULL && i < slots; i++) {
		uint32_t bits;

		memcpy(&bits, &table->weights[i], 4);
		put_number(at, bits, 4);
	}
}

void *
history_write(const struct snapshot *snapshot, const struct service *service, const void *base, size_t base_length,
	size_t *length)
{
	size_t whole_size;
	uint8_t *whole = history_whole(snapshot, service, &whole_size);
	uint64_t hash = whole == NULL ? 0 : hash64(whole, whole_size, 0);
	bool differs = whole != NULL && base != NULL && difference(whole, whole_size, base, base_length);
	void *sealed = whole == NULL ? NULL : seal(differs ? 'D' : 'W', whole, whole_size, hash, length);

	free(whole);
	return sealed;
}

static void *
seal(char kind, const void *whole, size_t length, uint64_t hash, size_t *sealed)
{
	size_t packed_length;
	uint8_t *packed = deflate_pack(whole, length, &packed_length), *out, *at;

	if (packed == NULL)
		return NULL;
	out = at = malloc(ENVELOPE + packed_length);
	if (out != NULL) {
		put(&at, &kind, 1);
		put_number(&at, length, 8);
		put_number(&at, hash, 8);
		put(&at, packed, packed_length);
		*sealed = ENVELOPE + packed_length;
	}
	free(packed);
	return out;
}

/* Makes a difference of whole octets, and whole octets of a difference: XOR undoes itself, and heads stay as they are.
 * False: nothing was changed, since one of them isn't such octets, or memory is out. */
static bool
difference(uint8_t *whole, size_t length, const void *base, size_t base_length)
{
	struct head head = { 0 }, base_head = { 0 };
	bool good = read_head(&head, whole, length) && read_head(&base_head, base, base_length);

	for (size_t t = 0; good && t < head.entry_count; t++) {
		const struct entry *entry = &head.entries[t], *like = entry_like(&base_head, entry);
		const uint8_t *other = like == NULL ? NULL : (const uint8_t *)base + like->body;

		for (size_t i = 0; like != NULL && i < entry->body_length; i++)
			whole[entry->body + i] ^= other[i];
	}
	free(head.entries);
	free(base_head.entries);
	return good;
}

static const struct entry *
entry_like(const struct head *head, const struct entry *entry)
{
	for (size_t t = 0; t < head->entry_count; t++) {
		const struct entry *other = &head->entries[t];

		if (other->name_length == entry->name_length && memcmp(other->name, entry->name,
		    entry->name_length) == 0
		    && memcmp(other->country, entry->country, 2) == 0)
			return other->body_length == entry->body_length ? other : NULL;
	}
	return NULL;
}

/* --- reading ------------------------------------------------------------------------------------------------- */

void *
history_inflate(const void *octets, size_t length, const void *base, size_t base_length, size_t *whole_length)
{
	const uint8_t *envelope = octets;
	uint64_t expected;
	uint8_t *whole;
	bool good;

	if (length < ENVELOPE || (envelope[0] != 'W' && envelope[0] != 'D'))
		return NULL;
	expected = get_number(envelope + 1, 8);
	if (expected > WHOLE_MAX)
		return NULL;
	whole = deflate_unpack(envelope + ENVELOPE, length - ENVELOPE, (size_t)expected, whole_length);
	if (whole == NULL)
		return NULL;
	good = *whole_length == expected;
	if (good && envelope[0] == 'D')
		good = base != NULL && difference(whole, *whole_length, base, base_length);
	if (good && hash64(whole, *whole_length, 0) == get_number(envelope + 9, 8))
		return whole;
	free(whole);
	return NULL;
}

bool
history_read(const void *whole, size_t length, const struct steering *steering, const struct partition *partition,
	struct slot_table **tables)
{
	struct head head = { 0 };
	region_id regions[256];
	bool good = read_head(&head, whole, length), alike = good && head.region_count == steering->region_count;

	memset(tables, 0, partition->count * sizeof(*tables));
	memset(regions, NO_REGION, sizeof(regions));
	for (size_t r = 0; good && r < head.region_count; r++) {
		char name[256];

		memcpy(name, head.regions[r].name, head.regions[r].length);
		name[head.regions[r].length] = '\0';
		regions[r] = steering_region_find(steering, name);
		alike = alike && regions[r] == r;
	}
	for (size_t t = 0; good && t < head.entry_count; t++) {
		size_t g = find_group(&head.entries[t], steering, partition);

		if (g == partition->count || tables[g] != NULL)
			continue;
		tables[g] = read_table(&head.entries[t], (const uint8_t *)whole + head.entries[t].body, regions);
		good = tables[g] != NULL;
		if (good && alike)	/* numbers that mean something else now would be taken for the same inputs */
			tables[g]->inputs = head.entries[t].inputs;
	}
	for (size_t g = 0; !good && g < partition->count; g++) {
		slot_table_release(tables[g]);
		tables[g] = NULL;
	}
	free(head.entries);
	return good;
}

static size_t
find_group(const struct entry *entry, const struct steering *steering, const struct partition *partition)
{
	size_t g = 0;

	for (; g < partition->count; g++) {
		const struct demand_group *group = &partition->groups[g];
		const char *name = steering->groups[group->group].name;

		if (memcmp(country_at(group->country)->code, entry->country, 2) == 0
		    && strlen(name) == entry->name_length
		    && memcmp(name, entry->name, entry->name_length) == 0)
			break;
	}
	return g;
}

static bool
read_head(struct head *head, const void *whole, size_t length)
{
	struct cursor cursor = { whole, (const uint8_t *)whole + length, false };
	const uint8_t *magic = take(&cursor, MAGIC_LENGTH);
	size_t body;

	if (magic == NULL || memcmp(magic, MAGIC, MAGIC_LENGTH) != 0)
		return false;
	head->region_count = (size_t)take_number(&cursor, 2);
	for (size_t r = 0; r < head->region_count && r < REGIONS_MAX; r++) {
		head->regions[r].length = (size_t)take_number(&cursor, 1);
		head->regions[r].name = take(&cursor, head->regions[r].length);
	}
	head->entry_count = (size_t)take_number(&cursor, 2);
	if (cursor.failed || head->region_count > REGIONS_MAX)
		return false;
	head->entries = calloc(head->entry_count + 1, sizeof(*head->entries));
	if (head->entries == NULL)
		return false;
	for (size_t t = 0; t < head->entry_count; t++)
		read_entry(&cursor, &head->entries[t]);
	body = (size_t)(cursor.at - (const uint8_t *)whole);
	for (size_t t = 0; t < head->entry_count && !cursor.failed; t++) {
		struct entry *entry = &head->entries[t];

		entry->body = body;
		if (take(&cursor, entry->body_length) == NULL)
			return false;
		body += entry->body_length;
	}
	return !cursor.failed && cursor.at == cursor.end;
}

static void
read_entry(struct cursor *cursor, struct entry *entry)
{
	const uint8_t *country;

	entry->name_length = (size_t)take_number(cursor, 2);
	entry->name = take(cursor, entry->name_length);
	country = take(cursor, 2);
	entry->count = (uint32_t)take_number(cursor, 4);
	entry->heavy = (uint32_t)take_number(cursor, 4);
	entry->inputs = take_number(cursor, 8);
	entry->flags = (uint8_t)take_number(cursor, 1);
	entry->body_length = body_length(entry->count, entry->heavy, entry->flags);
	if (cursor->failed || entry->count == 0 || entry->flags > (FLAG_UNIFORM | FLAG_WEIGHTS)
	    || entry->heavy > HEAVY_MAX)
		cursor->failed = true;
	else
		memcpy(entry->country, country, 2);
}

static struct slot_table *
read_table(const struct entry *entry, const uint8_t *body, const region_id *regions)
{
	size_t slots = (size_t)entry->count + entry->heavy;
	const uint8_t *ranks = body + slots * SLOT_LIST, *heavy = ranks + slots * 2;
	struct slot_table *table = slot_table_new(entry->count, entry->heavy);
	float *weights = NULL;

	if (table == NULL)
		return NULL;
	if (entry->flags & FLAG_WEIGHTS && (weights = slot_table_weigh(table)) == NULL)
		goto fail;
	table->uniform = entry->flags & FLAG_UNIFORM;
	for (size_t i = 0; i < slots; i++) {
		for (unsigned p = 0; p < SLOT_LIST; p++)
			table->slots[i].list[p] = regions[body[p * slots + i]];
		table->slots[i].rank = (uint16_t)get_number(ranks + 2 * i, 2);
	}
	for (size_t i = 0; weights != NULL && i < slots; i++) {
		uint32_t bits = (uint32_t)get_number(heavy + (size_t)entry->heavy * HEAVY_SIZE + 4 * i, 4);

		memcpy(&weights[i], &bits, 4);
	}
	read_heavy(table, heavy);
	return table;
fail:
	slot_table_release(table);
	return NULL;
}

/* In the order in which they were placed, so that their hash table is the same again. */
static void
read_heavy(struct slot_table *table, const uint8_t *at)
{
	for (uint32_t i = 0; i < table->heavy_count; i++, at += HEAVY_SIZE)
		if (get_number(at, 8) != 0)
			slot_table_place(table, get_number(at, 8), i, (uint32_t)get_number(at + 8, 4));
}

/* --- octets -------------------------------------------------------------------------------------------------- */

static const uint8_t *
take(struct cursor *cursor, size_t length)
{
	const uint8_t *at = cursor->at;

	if (cursor->failed || length > (size_t)(cursor->end - cursor->at)) {
		cursor->failed = true;
		return NULL;
	}
	cursor->at += length;
	return at;
}

static uint64_t
take_number(struct cursor *cursor, unsigned octets)
{
	const uint8_t *at = take(cursor, octets);

	return at == NULL ? 0 : get_number(at, octets);
}

static uint64_t
get_number(const uint8_t *at, unsigned octets)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < octets; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static void
put_number(uint8_t **at, uint64_t value, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++)
		*(*at)++ = (uint8_t)(value >> 8 * i);
}

static void
put(uint8_t **at, const void *octets, size_t length)
{
	memcpy(*at, octets, length);
	*at += length;
}
