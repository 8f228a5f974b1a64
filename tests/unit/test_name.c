/* test_name.c -- dns/name: text and wire form both ways, limits, case, order, suffix hashes. */
#include "dns/name.h"

#include "suite.h"

static const uint8_t *
wire(const char *text)
{
	static uint8_t names[2][NAME_MAX];
	static unsigned turn;

	turn ^= 1;
	CU_ASSERT_NOT_EQUAL_FATAL(name_parse(text, names[turn]), 0);
	return names[turn];
}

static void
test_text(void)
{
	static const struct {
		const char *name, *text, *again;	/* again: NULL when the text is no name */
		size_t length;
	} rows[] = {
		{ .name = "root", .text = ".", .again = ".", .length = 1 },
		{ .name = "complete", .text = "www.example.com.", .again = "www.example.com.", .length = 17 },
		{ .name = "without the final dot", .text = "a.b", .again = "a.b.", .length = 5 },
		{ .name = "lower case", .text = "WWW.ExAmPlE.", .again = "www.example.", .length = 13 },
		{ .name = "escaped dot", .text = "a\\.b.c.", .again = "a\\.b.c.", .length = 7 },
		{ .name = "decimal escapes", .text = "\\000\\255\\046.", .again = "\\000\\255\\..", .length = 5 },
		{ .name = "escaped letter is lowered", .text = "\\065.", .again = "a.", .length = 3 },
		{ .name = "special characters", .text = "\\\"\\;\\(\\)\\@\\$\\\\.",
		    .again = "\\\"\\;\\(\\)\\@\\$\\\\.", .length = 9 },
		{ .name = "blank", .text = "a b.", .again = "a\\032b.", .length = 5 },
		{ .name = "wildcard and underscore", .text = "*._tcp.x.", .again = "*._tcp.x.", .length = 10 },
		{ .name = "label of 63 octets",
		    .text = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg.",
		    .again = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg.", .length = 65 },
		{ .name = "label of 64 octets",
		    .text = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg." },
		{ .name = "empty", .text = "" },
		{ .name = "empty label", .text = "a..b." },
		{ .name = "leading dot", .text = ".a." },
		{ .name = "two dots", .text = ".." },
		{ .name = "escape at the end", .text = "a\\" },
		{ .name = "escape above 255", .text = "\\256." },
		{ .name = "escape with a sign", .text = "\\1+2." },
		{ .name = "escape with a blank", .text = "\\1 2." },
		{ .name = "escape of two digits", .text = "\\12." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t name[NAME_MAX];
		char text[NAME_TEXT_SIZE];
		size_t length = name_parse(rows[i].text, name);

		SUITE_ROW(rows[i].name, length == rows[i].length);
		if (length == 0 || rows[i].again == NULL)
			continue;
		SUITE_TEXT(name_text(name, text), rows[i].again);
		SUITE_ROW(rows[i].name, name_length(name, NAME_MAX) == length);
	}
}

/* 255 octets are a name, 256 aren't, whether the last label is ended by a dot or by the end of the text. */
static void
test_longest(void)
{
	char text[300];
	uint8_t name[NAME_MAX];

	for (size_t octets = 250; octets < 260; octets++)
		for (int dot = 0; dot < 2; dot++) {
			size_t at = 0;

			/* Labels of one octet, and a last one that fills up: text is as long as wire form, less two. */
			while (at + 2 < octets - 2)
				at += (size_t)sprintf(text + at, "a.");
			while (at < octets - 2)
				at += (size_t)sprintf(text + at, "b");
			if (text[at - 1] == '.')
				continue;
			text[at] = dot ? '.' : '\0';
			text[at + 1] = '\0';
			CU_ASSERT_EQUAL(name_parse(text, name), octets <= 255 ? octets : 0);
		}
}

static void
test_length(void)
{
	static const struct {
		const char *name;
		const uint8_t *bytes;
		size_t size, expected;
	} rows[] = {
#define BYTES(text) .bytes = (const uint8_t *)(text), .size = sizeof(text) - 1
		{ .name = "root", BYTES("\0"), .expected = 1 },
		{ .name = "nothing", BYTES(""), .expected = 0 },
		{ .name = "label without end", BYTES("\1a"), .expected = 0 },
		{ .name = "label cut", BYTES("\3ab"), .expected = 0 },
		{ .name = "one label", BYTES("\1a\0"), .expected = 3 },
		{ .name = "bytes behind don't count", BYTES("\1a\0xyz"), .expected = 3 },
		{ .name = "pointer", BYTES("\1a\xc0\x0c"), .expected = 0 },
		{ .name = "label of 64", BYTES("\x40" "a"), .expected = 0 },
#undef BYTES
	};
	uint8_t longest[300];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_ROW(rows[i].name, name_length(rows[i].bytes, rows[i].size) == rows[i].expected);
	for (size_t i = 0; i < sizeof(longest); i += 2) {
		longest[i] = 1;
		longest[i + 1] = 'a';
	}
	CU_ASSERT_EQUAL(name_length(longest, sizeof(longest)), 0);
	longest[254] = 0;
	CU_ASSERT_EQUAL(name_length(longest, sizeof(longest)), 255);
	CU_ASSERT_EQUAL(name_length(longest, 254), 0);
	longest[254] = 1;
	longest[256] = 0;
	CU_ASSERT_EQUAL(name_length(longest, sizeof(longest)), 0);
}

static void
test_parts(void)
{
	struct name_parts parts, other;
	uint8_t name[NAME_MAX];
	uint8_t deepest[255];

	CU_ASSERT_EQUAL(name_parse("a.bc.def.", name), 10);
	name_take_apart(&parts, name);
	CU_ASSERT_EQUAL(parts.labels, 3);
	CU_ASSERT_EQUAL(parts.length, 10);
	CU_ASSERT(parts.offset[0] == 0 && parts.offset[1] == 2 && parts.offset[2] == 5 && parts.offset[3] == 9);
	name_take_apart(&other, name + 2);
	CU_ASSERT(other.hash[0] == parts.hash[1] && other.hash[1] == parts.hash[2] && other.hash[2] == parts.hash[3]);
	CU_ASSERT(parts.hash[0] != parts.hash[1]);
	for (unsigned i = 0; i < 254; i += 2) {
		deepest[i] = 1;
		deepest[i + 1] = 'x';
	}
	deepest[254] = 0;
	name_take_apart(&parts, deepest);
	CU_ASSERT_EQUAL(parts.labels, NAME_LABELS_MAX);
	CU_ASSERT_EQUAL(parts.length, NAME_MAX);
	CU_ASSERT_EQUAL(name_labels(deepest), NAME_LABELS_MAX);
	name_take_apart(&parts, (const uint8_t *)"");
	CU_ASSERT(parts.labels == 0 && parts.length == 1 && parts.offset[0] == 0);
}

/* name_read() beside the three that it stands for, for any octets and lengths. */
static void
test_read(void)
{
	uint64_t state = 7;
	unsigned whole = 0;

	for (unsigned round = 0; round < 20000; round++) {
		uint8_t bytes[300], name[NAME_MAX], expected[NAME_MAX];
		struct name_parts parts, expected_parts;
		size_t size = (state = state * UINT64_C(6364136223846793005) + 1) >> 33 & 255, length, at = 0;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)((state = state * UINT64_C(6364136223846793005) + 1) >> 40);
		while (at < size && round % 8 != 0) {	/* labels of a length that allows for whole names */
			bytes[at] &= round % 4 != 0 ? 15 : 63;
			at += bytes[at] + 1u;
		}
		length = name_length(bytes, size);
		CU_ASSERT_EQUAL(name_read(&parts, name, bytes, size), length);
		if (length == 0)
			continue;
		whole++;
		for (size_t i = 0; i < length; i++)
			expected[i] = bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] + 32 : bytes[i];
		name_take_apart(&expected_parts, expected);
		CU_ASSERT_EQUAL(memcmp(name, expected, length), 0);
		CU_ASSERT(parts.labels == expected_parts.labels && parts.length == expected_parts.length);
		CU_ASSERT_EQUAL(memcmp(parts.offset, expected_parts.offset, parts.labels + 1u), 0);
		CU_ASSERT_EQUAL(memcmp(parts.hash, expected_parts.hash, (parts.labels + 1u) * sizeof(parts.hash[0])), 0);
	}
	CU_ASSERT(whole > 1000);
}

static void
test_under(void)
{
	static const struct { const char *name, *child, *parent; bool expected; } rows[] = {
		{ .name = "itself", .child = "a.b.", .parent = "a.b.", .expected = true },
		{ .name = "below", .child = "x.a.b.", .parent = "a.b.", .expected = true },
		{ .name = "all is under the root", .child = "a.", .parent = ".", .expected = true },
		{ .name = "root under root", .child = ".", .parent = ".", .expected = true },
		{ .name = "above", .child = "b.", .parent = "a.b.", .expected = false },
		{ .name = "same end of a label", .child = "xa.b.", .parent = "a.b.", .expected = false },
		{ .name = "same length, other name", .child = "c.b.", .parent = "a.b.", .expected = false },
		{ .name = "same octets, other labels", .child = "a\\.b.", .parent = "b.", .expected = false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_ROW(rows[i].name, name_is_under(wire(rows[i].child), wire(rows[i].parent)) == rows[i].expected);
	CU_ASSERT(name_is_under((const uint8_t *)"\1X\1A\0", (const uint8_t *)"\1a\0"));
	CU_ASSERT(name_equal((const uint8_t *)"\1X\1[\0", (const uint8_t *)"\1x\1[\0", 5));
	CU_ASSERT_FALSE(name_equal((const uint8_t *)"\1[\0", (const uint8_t *)"\1{\0", 3));
}

/* The example of RFC 4034 section 6.1, and what could be mistaken. */
static void
test_order(void)
{
	static const char *const sorted[] = {
		".", "example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.", "z.example.",
		"\\001.z.example.", "*.z.example.", "\\200.z.example.", "zz.example.", "exampleb.",
	};

	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++)
		for (size_t k = 0; k < ARRAY_SIZE(sorted); k++) {
			uint8_t a[NAME_MAX], b[NAME_MAX];
			int order;

			CU_ASSERT(name_parse(sorted[i], a) > 0 && name_parse(sorted[k], b) > 0);
			order = name_compare(a, b);
			SUITE_ROW(sorted[i], (order < 0) == (i < k) && (order == 0) == (i == k));
		}
}

static const struct suite_case cases[] = {
	{ .name = "text to wire form and back", .run = test_text },
	{ .name = "255 octets and no more", .run = test_longest },
	{ .name = "validity of wire form", .run = test_length },
	{ .name = "a name taken apart", .run = test_parts },
	{ .name = "read in one pass", .run = test_read },
	{ .name = "under a parent, in any case", .run = test_under },
	{ .name = "canonical order", .run = test_order },
};

int
main(void)
{
	return suite_run("name", cases, ARRAY_SIZE(cases));
}
