/* test_schema.c -- conf/schema, member, scalar and yaml: each type of value with its errors, by a table of its own. */
#include "conf/schema.h"

#include <math.h>

#include "conf/member.h"
#include "suite.h"

struct record {
	struct schema_place at;
	const char *text;
	const struct yaml_node *word;
	uint16_t small;
	uint64_t large;
	double number, rate;
	uint32_t ms, seconds;
	uint64_t octets;
	bool flag;
	int choice;
	struct address address, listen;
	uint16_t port;
	struct prefix prefix;
	const double *numbers;
	size_t number_count;
};

#define AT(member) SETTING_AT(struct record, member)

static const char *const words[] = { "alpha", "beta", NULL };
static const struct setting number_item = { SETTING_ITEM(SETTING_NUMBER, double), .least = 0, .most = 10 };
static const struct setting settings[] = {
	{ .key = "text", AT(text), .type = SETTING_TEXT, .otherwise = "as it was" },
	{ .key = "word", AT(word), .type = SETTING_WORD },
	{ .key = "small", AT(small), .type = SETTING_INTEGER, .least = 0, .most = 65535, .otherwise = "7" },
	{ .key = "large", AT(large), .type = SETTING_INTEGER, .least = 1, .most = 9e15 },
	{ .key = "number", AT(number), .type = SETTING_NUMBER, .least = -1.5, .most = 1e6 },
	{ .key = "rate", AT(rate), .type = SETTING_RATE, .least = 1, .most = 5e6 },
	{ .key = "ms", AT(ms), .type = SETTING_DURATION, .least = 1, .most = 30 * 86400e3 },
	{ .key = "seconds", AT(seconds), .type = SETTING_DURATION, .least = 1e3, .most = 3600e3, .divisor = 1e3 },
	{ .key = "octets", AT(octets), .type = SETTING_SIZE, .least = 512, .most = 4294967296 },
	{ .key = "flag", AT(flag), .type = SETTING_BOOL, .otherwise = "true" },
	{ .key = "choice", AT(choice), .type = SETTING_ENUM, .words = words, .least = 3 },
	{ .key = "address", AT(address), .type = SETTING_ADDRESS },
	{ .key = "listen", AT(listen), .other = offsetof(struct record, port), .type = SETTING_LISTEN, .port = 53,
		.or_none = true },
	{ .key = "prefix", AT(prefix), .type = SETTING_PREFIX },
	{ .key = "numbers", AT(numbers), .other = offsetof(struct record, number_count), .type = SETTING_LIST,
		.item = &number_item, .most = 3, .otherwise = "[1, 2]" },
	{ .key = NULL },
};
static const struct schema schema = {
	.title = "test", .size = sizeof(struct record), .placed = true, .settings = settings };

/* Reads `text`; what was said comes back, to be freed. The record's texts live in `arena`. */
static char *
read_record(const char *text, struct arena *arena, struct record *record)
{
	struct diags diags = { 0 };
	struct text said = { 0 };
	const struct yaml_node *tree = yaml_read(text, "f", arena, &diags);

	*record = (struct record){ .small = 1 };
	if (tree != NULL)
		schema_read(&schema, tree, "f", arena, &diags, record);
	text_puts(&said, "");
	diag_print(&diags, &said);
	diag_fini(&diags);
	return text_take(&said);
}

static void
test_values(void)
{
	static const struct {
		const char *key, *text;
		double value;
	} rows[] = {
		{ "small", "0", 0 }, { "small", "65535", 65535 }, { "small", "'12'", 12 }, { "small", "+3", 3 },
		{ "small", "007", 7 }, { "large", "9000000000000000", 9e15 },
		{ "number", "-1.5", -1.5 }, { "number", "1e-3", 0.001 }, { "number", "2.50E+2", 250 },
		{ "rate", "800", 800 }, { "rate", "50k", 50e3 }, { "rate", "1.5M", 1.5e6 }, { "rate", "0.001M", 1e3 },
		{ "ms", "1ms", 1 }, { "ms", "5s", 5e3 }, { "ms", "10m", 600e3 }, { "ms", "2h", 7200e3 },
		{ "ms", "30d", 30 * 86400e3 }, { "seconds", "5s", 5 }, { "seconds", "2000ms", 2 },
		{ "seconds", "1h", 3600 }, { "octets", "512", 512 }, { "octets", "1k", 1024 },
		{ "octets", "3M", 3145728 }, { "octets", "4G", 4294967296 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena *arena = arena_new();
		struct record record;
		char text[100], *said;
		double value;

		CU_ASSERT_FATAL(arena != NULL);
		snprintf(text, sizeof(text), "%s: %s", rows[i].key, rows[i].text);
		said = read_record(text, arena, &record);
		SUITE_TEXT(said, "");
		value = strcmp(rows[i].key, "small") == 0 ? record.small : strcmp(rows[i].key, "large") == 0 ?
		    (double)record.large : strcmp(rows[i].key, "number") == 0 ? record.number :
		    strcmp(rows[i].key, "rate") == 0 ? record.rate : strcmp(rows[i].key, "ms") == 0 ? record.ms :
		    strcmp(rows[i].key, "seconds") == 0 ? record.seconds : (double)record.octets;
		SUITE_ROW(text, fabs(value - rows[i].value) < 1e-9);
		free(said);
		arena_free(arena);
	}
}

static void
test_others(void)
{
	struct arena *arena = arena_new();
	struct record r;
	char *said;

	CU_ASSERT_FATAL(arena != NULL);
	said = read_record("{text: 'a b', word: x, flag: false, choice: beta, address: 2001:db8::1,\n"
	    " listen: '::1@5300', prefix: 10.0.0.0/8, numbers: [3, 4, 5]}", arena, &r);
	SUITE_TEXT(said, "");
	free(said);
	SUITE_TEXT(r.text, "a b");
	CU_ASSERT_FATAL(r.word != NULL);
	CU_ASSERT(r.word->line == 1 && r.word->column == 21);
	CU_ASSERT(!r.flag && r.choice == 4);
	CU_ASSERT(r.address.bits == 128 && r.listen.bits == 128 && r.port == 5300);
	CU_ASSERT(r.prefix.length == 8 && r.prefix.address.bytes[0] == 10);
	CU_ASSERT(r.number_count == 3 && r.numbers[2] == 5);
	CU_ASSERT(r.small == 7);
	CU_ASSERT(r.at.key == NULL && r.at.node != NULL && yaml_member(r.at.node, "flag") != NULL);
	said = read_record("{listen: 192.0.2.1, numbers: []}", arena, &r);
	SUITE_TEXT(said, "");
	free(said);
	CU_ASSERT(r.listen.bits == 32 && r.port == 53 && r.flag && r.number_count == 0);
	SUITE_TEXT(r.text, "as it was");
	said = read_record("listen: none", arena, &r);
	SUITE_TEXT(said, "");
	free(said);
	CU_ASSERT(r.listen.bits == 0 && r.port == 0);
	CU_ASSERT(r.number_count == 2 && r.numbers[1] == 2);
	arena_free(arena);
}

static void
test_errors(void)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{ "small: 65536", "f:1:8: 'small' must be from 0 to 65535, not '65536'\n" },
		{ "small: 1.0", "f:1:8: 'small' takes a whole number, not '1.0'\n" },
		{ "small: -0x1", "f:1:8: 'small' takes a whole number, not '-0x1'\n" },
		{ "small: ' 1'", "f:1:8: 'small' takes a whole number, not ' 1'\n" },
		{ "small: 1 ", "" },
		{ "small: ''", "f:1:8: 'small' takes a whole number, not ''\n" },
		{ "small: 99999999999999999999999999999999", "f:1:8: 'small' takes a whole number, not "
			"'99999999999999999999999999999999'\n" },
		{ "small: 9999999999999999999999999999999", "f:1:8: 'small' must be from 0 to 65535, not "
			"'9999999999999999999999999999999'\n" },
		{ "number: .5", "f:1:9: 'number' takes a number, not '.5'\n" },
		{ "number: 5.", "f:1:9: 'number' takes a number, not '5.'\n" },
		{ "number: 1e", "f:1:9: 'number' takes a number, not '1e'\n" },
		{ "number: nan", "f:1:9: 'number' takes a number, not 'nan'\n" },
		{ "number: 1e999", "f:1:9: 'number' takes a number, not '1e999'\n" },
		{ "number: 1,5", "f:1:9: 'number' takes a number, not '1,5'\n" },
		{ "rate: 6M", "f:1:7: 'rate' must be from 1 to 5M, not '6M'\n" },
		{ "rate: 50m", "f:1:7: 'rate' takes requests per second such as 800 or 50k, not '50m' "
			"(did you mean '50M'?)\n" },
		{ "ms: 1.5s", "f:1:5: 'ms' takes a time with its unit, such as 500ms, 5s, 10m, 1h or 7d, not "
			"'1.5s'\n" },
		{ "ms: 5M", "f:1:5: 'ms' takes a time with its unit, such as 500ms, 5s, 10m, 1h or 7d, not '5M' "
			"(did you mean '5m'?)\n" },
		{ "ms: 0s", "f:1:5: 'ms' must be from 1ms to 30d, not '0s'\n" },
		{ "seconds: 1500ms", "f:1:10: 'seconds' takes whole seconds, not '1500ms'\n" },
		{ "octets: 64KiB", "f:1:9: 'octets' takes a size such as 4096, 64k or 64M, not '64KiB' "
			"(did you mean '64k'?)\n" },
		{ "octets: 5G", "f:1:9: 'octets' must be from 512 to 4G, not '5G'\n" },
		{ "flag: True", "f:1:7: 'flag' takes true or false, not 'True' (did you mean 'true'?)\n" },
		{ "flag: no", "f:1:7: 'flag' takes true or false, not 'no' (did you mean 'false'?)\n" },
		{ "choice: bet", "f:1:9: 'choice' takes one of alpha, beta, not 'bet' (did you mean 'beta'?)\n" },
		{ "address: localhost", "f:1:10: 'address' takes an IP address such as 192.0.2.1 or 2001:db8::1, "
			"not 'localhost'\n" },
		{ "listen: nope", "f:1:9: 'listen' takes ADDRESS@PORT such as 127.0.0.1@8053, or none, not 'nope'\n" },
		{ "listen: 127.0.0.1@65536", "f:1:9: 'listen' takes ADDRESS@PORT such as 127.0.0.1@8053, or none, "
			"not '127.0.0.1@65536'\n" },
		{ "prefix: 10.0.0.1/8", "f:1:9: prefix: '10.0.0.1/8' has bits behind its prefix length "
			"(did you mean '10.0.0.0/8'?)\n" },
		{ "numbers: [1, x, {}, 11]", "f:1:10: 'numbers' has 4 entries; at most 3 are possible\n"
			"f:1:14: 'numbers' takes a number, not 'x'\n"
			"f:1:17: each entry of 'numbers' must be a single value, not a map {KEY: VALUE}\n" },
		{ "text: ''", "f:1:7: 'text' is empty\n" },
		{ "text:", "f:1:6: 'text' has no value\n" },
		{ "text: [a]", "f:1:7: 'text' must be a single value, not a list [A, B]\n" },
		{ "txt: a", "f:1:1: unknown key 'txt' (did you mean 'text'?)\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena *arena = arena_new();
		struct record record;
		char *said;

		CU_ASSERT_FATAL(arena != NULL);
		said = read_record(rows[i].text, arena, &record);
		SUITE_TEXT(said, rows[i].said);
		free(said);
		arena_free(arena);
	}
}

/* Long values are cut between characters; control characters, which would reach a terminal, are not shown. */
static void
test_shown(void)
{
	char ascii[200], umlauts[201];

	memset(ascii, 'x', sizeof(ascii) - 1);
	ascii[sizeof(ascii) - 1] = '\0';
	CU_ASSERT_EQUAL(strlen(yaml_shown(ascii).text), 83);
	for (size_t shift = 0; shift < 2; shift++) {
		memset(umlauts, 'x', shift);
		for (size_t i = shift; i + 2 < sizeof(umlauts); i += 2)
			memcpy(umlauts + i, "\xc3\xa4", 2);
		umlauts[sizeof(umlauts) - 1 - (sizeof(umlauts) - 1 - shift) % 2] = '\0';
		/* Whole: an even number of octets of umlauts before the three dots. */
		CU_ASSERT_EQUAL((strlen(yaml_shown(umlauts).text) - 3 - shift) % 2, 0);
	}
	SUITE_TEXT(yaml_shown("a\nb\x1b[31m\x7f").text, "a?b?[31m?");
	SUITE_TEXT(yaml_shown("").text, "");
}

static const struct suite_case cases[] = {
	{ .name = "quantities in their units", .run = test_values },
	{ .name = "other types, and defaults", .run = test_others },
	{ .name = "errors say what is taken", .run = test_errors },
	{ .name = "values in messages are cut and cleaned", .run = test_shown },
};

int
main(void)
{
	return suite_run("schema", cases, ARRAY_SIZE(cases));
}
