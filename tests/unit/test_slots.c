/* test_slots.c -- steer/slots: how evenly client prefixes fall on a table. No dice: all neighbours of some blocks, and
 * fixed sequences of prefixes. */
#include "steer/slots.h"

#include "suite.h"

#define SLOTS 1024u
#define SEEDS 20

static struct address
ipv4(uint32_t bits)
{
	return (struct address){ .bits = 32, .bytes = { (uint8_t)(bits >> 24), (uint8_t)(bits >> 16),
	    (uint8_t)(bits >> 8),
		(uint8_t)bits } };
}

/* The 256 networks /24 of one /16 lie a 256th of the circle apart, each in its own stretch of slots. */
static void
test_neighbours(void)
{
	struct slot_table *table = slot_table_new(SLOTS, 0);

	for (uint32_t block = 0; block < 64; block++) {
		bool taken[256] = { false };
		uint32_t offset = UINT32_MAX;

		for (uint32_t i = 0; i < 256; i++) {
			struct address client = ipv4((block * 1021 + 7) << 16 | i << 8 | 99);
			uint32_t slot = slots_place(table, &client, 32, 12345);

			CU_ASSERT_FALSE(taken[slot / (SLOTS / 256)]);
			taken[slot / (SLOTS / 256)] = true;
			if (offset == UINT32_MAX)
				offset = slot % (SLOTS / 256);
			CU_ASSERT_EQUAL(slot % (SLOTS / 256), offset);
		}
	}
	slot_table_release(table);
}

/* Share of `count` prefixes that fall below `part` of the table. */
static double
share(const struct slot_table *table, uint64_t seed, uint32_t first, uint32_t factor, unsigned count, double part)
{
	unsigned below = 0;

	for (unsigned i = 0; i < count; i++) {
		struct address client = ipv4((first + i) * factor << 8);

		below += slots_place(table, &client, 24, seed) < part * table->count;
	}
	return (double)below / count;
}

static void
test_shares(void)
{
	static const double parts[] = { 0.05, 0.25, 0.5, 0.6, 0.95 };
	struct slot_table *table = slot_table_new(65536, 0);
	double worst_neighbours = 0, worst_scattered = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++)
		for (size_t p = 0; p < ARRAY_SIZE(parts); p++) {
			/* 10,000 networks in a row, and 10,000 strewn over all of IPv4 (the factor is odd: none twice).
			 * */
			double a = share(table, seed, 0x0a0000, 1, 10000, parts[p]) - parts[p];
			double b = share(table, seed, 77, 0x9e3779b1, 10000, parts[p]) - parts[p];

			worst_neighbours = a * a > worst_neighbours * worst_neighbours ? a : worst_neighbours;
			worst_scattered = b * b > worst_scattered * worst_scattered ? b : worst_scattered;
		}
	CU_ASSERT(worst_neighbours < 0.003 && worst_neighbours > -0.003);
	/* Strewn prefixes are as good as independent: 0.5 % is one sigma at a half. 100 trials stay below four. */
	CU_ASSERT(worst_scattered < 0.02 && worst_scattered > -0.02);
	printf("# worst error of a share: %.4f for neighbours, %.4f for strewn networks\n", worst_neighbours,
	    worst_scattered);
	slot_table_release(table);
}

static void
test_key(void)
{
	struct slot_table *table = slot_table_new(65536, 0), *other = slot_table_new(1, 0);
	struct address a = ipv4(0xc0000201), b = ipv4(0xc00002fe), c = ipv4(0xc0000301), v6 = { .bits = 128 }, near;

	/* Clients of one /24 share a key, whether they are known by a /24 or in full. */
	CU_ASSERT_EQUAL(slots_place(table, &a, 32, 1), slots_place(table, &b, 32, 1));
	CU_ASSERT_EQUAL(slots_place(table, &a, 24, 1), slots_place(table, &b, 32, 1));
	CU_ASSERT_NOT_EQUAL(slots_place(table, &a, 32, 1), slots_place(table, &c, 32, 1));
	CU_ASSERT_NOT_EQUAL(slots_place(table, &a, 32, 1), slots_place(table, &a, 32, 2));
	CU_ASSERT_NOT_EQUAL(slots_place(table, &a, 24, 1), slots_place(table, &a, 23, 1));
	CU_ASSERT_EQUAL(slots_key_length(&a, 32), 24);
	CU_ASSERT_EQUAL(slots_key_length(&a, 16), 16);
	CU_ASSERT_EQUAL(slots_key_length(&v6, 128), 56);
	CU_ASSERT_EQUAL(slots_key_length(&v6, 48), 48);
	memcpy(v6.bytes, "\x20\x01\x0d\xb8\0\1\2\3\4\5\6\7\x08\x09\x0a\x0b", 16);
	near = v6;
	near.bytes[7] = 0xff;
	CU_ASSERT_EQUAL(slots_place(table, &v6, 128, 1), slots_place(table, &near, 128, 1));
	near.bytes[6] ^= 1;
	CU_ASSERT_NOT_EQUAL(slots_place(table, &v6, 128, 1), slots_place(table, &near, 128, 1));
	CU_ASSERT_EQUAL(slots_place(table, &v6, 48, 1), slots_place(table, &near, 48, 1));
	CU_ASSERT_EQUAL(slots_place(other, &v6, 128, 1), 0);
	for (unsigned length = 0; length <= 128; length++)	/* no length reads out of bounds */
		CU_ASSERT(slots_place(table, &v6, length, length) < table->count);
	slot_table_release(other);
	slot_table_release(table);
}

/* The same on every machine and in every build: a change of these moves every client, and must be wanted. */
static void
test_fixed(void)
{
	static const struct { uint32_t address; unsigned length; uint64_t seed; } keys[] = {
		{ 0xc0000200, 24, 0 }, { 0x0a000000, 8, 1 }, { 0xcb007100, 22, UINT64_C(0xfedcba9876543210) },
	};
	struct slot_table *table = slot_table_new(65536, 0);
	char text[100] = "";

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct address client = ipv4(keys[i].address);

		sprintf(text + strlen(text), "%u ", slots_place(table, &client, keys[i].length, keys[i].seed));
	}
	SUITE_TEXT(text, "31924 47903 34087 ");
	slot_table_release(table);
}

/* Keys are told apart by every bit of the prefix, by its length and by its family, and can be read back. */
static void
test_key_numbers(void)
{
	static const struct { const char *prefix; } rows[] = {
		{ "0.0.0.0/0" }, { "::/0" }, { "192.0.2.0/24" }, { "192.0.2.0/23" }, { "192.0.3.0/24" }, { "0.0.0.0/24" },
		{ "::/24" }, { "c000:200::/24" }, { "2001:db8::/56" }, { "2001:db8::/55" }, { "2001:db8:0:100::/56" },
		{ "128.0.0.0/1" }, { "8000::/1" },
	};
	uint64_t keys[ARRAY_SIZE(rows)];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix prefix, back;

		CU_ASSERT_EQUAL_FATAL(prefix_parse(rows[i].prefix, &prefix), 0);
		keys[i] = slots_key(&prefix.address, prefix.length);
		SUITE_ROW(rows[i].prefix, keys[i] != 0);
		for (size_t k = 0; k < i; k++)
			SUITE_ROW(rows[i].prefix, keys[k] != keys[i]);
		slots_key_read(keys[i], &back);
		SUITE_ROW(rows[i].prefix, memcmp(&back.address, &prefix.address, sizeof(back.address)) == 0
		    && back.length == prefix.length);
	}
}

/* As many heavy keys as there may be: each is found, nobody else is, and neighbours aren't mistaken for them. */
static void
test_heavy(void)
{
	enum { HEAVY = 4096 };
	struct slot_table *table = slot_table_new(1024, HEAVY), *again = slot_table_new(1024, HEAVY);
	unsigned wrong = 0;

	for (uint32_t i = 0; i < HEAVY; i++) {
		struct address client = ipv4(i * 3 << 8);
		uint64_t key = slots_key(&client, 24);

		slot_table_place(table, key, HEAVY - 1 - i, (uint32_t)(slots_position(key, 9) >> 32));
		slot_table_place(again, key, HEAVY - 1 - i, (uint32_t)(slots_position(key, 9) >> 32));
	}
	CU_ASSERT_EQUAL(memcmp(table->heavy, again->heavy, (table->heavy_mask + 1) * sizeof(struct heavy_key)), 0);
	CU_ASSERT(table->heavy_mask + 1 >= 2 * HEAVY);
	for (uint32_t i = 0; i < 3 * HEAVY; i++) {
		struct address client = ipv4(i << 8 | 200);
		uint32_t slot = slots_place(table, &client, 32, 9);
		uint32_t common = slots_common(slots_position(slots_key(&client, 32), 9), 1024);

		wrong += slot != (i % 3 == 0 ? 1024 + HEAVY - 1 - i / 3 : common);
		wrong += slots_place(table, &client, 23, 9) >= 1024;	/* another key */
		wrong += slots_heavy(table, slots_key(&client, 24)) != (i % 3 == 0 ? slot : UINT32_MAX);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	slot_table_release(table);
	slot_table_release(again);
}

/* Neighbours' ranks are a 256th apart too, so that a drain takes an even part of every block. */
static void
test_key_ranks(void)
{
	for (uint32_t block = 0; block < 32; block++)
		for (unsigned admitted = 1; admitted < 65535; admitted += 4111) {
			unsigned below = 0;

			for (uint32_t i = 0; i < 256; i++) {
				struct address client = ipv4((block * 977 + 3) << 16 | i << 8);

				below += slots_rank(&client, 24, 77) < admitted;
			}
			CU_ASSERT(below <= 256 * admitted / 65535 + 1 && below + 1 >= 256 * admitted / 65535);
		}
}

static void
test_table(void)
{
	struct slot_table *table = slot_table_new(3, 0);

	CU_ASSERT_EQUAL(table->count, 3);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned p = 0; p < SLOT_LIST; p++)
			CU_ASSERT_EQUAL(table->slots[i].list[p], NO_REGION);
	slot_table_hold(table);
	slot_table_release(table);
	CU_ASSERT_EQUAL(table->count, 3);	/* still held */
	slot_table_release(table);
	slot_table_release(NULL);
	CU_ASSERT_EQUAL(sizeof(struct slot), 8);
}

static const struct suite_case cases[] = {
	{ .name = "neighbours lie evenly", .run = test_neighbours },
	{ .name = "shares of 10,000 networks", .run = test_shares },
	{ .name = "what makes a key", .run = test_key },
	{ .name = "the same on every node", .run = test_fixed },
	{ .name = "keys are numbers", .run = test_key_numbers },
	{ .name = "heavy keys", .run = test_heavy },
	{ .name = "ranks of keys", .run = test_key_ranks },
	{ .name = "tables are held", .run = test_table },
};

int
main(void)
{
	return suite_run("slots", cases, ARRAY_SIZE(cases));
}
