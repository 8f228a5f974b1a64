/* test_cookie.c -- dns/cookie: the vectors of RFC 9018 appendix A, what is taken and what isn't, secrets files, and that
 * nothing is allocated. */
#include "dns/cookie.h"

#include <malloc.h>

#include "dns/wire.h"
#include "suite.h"

static struct cookie_maker *maker;

static size_t
from_hex(uint8_t *to, const char *hex)
{
	size_t length = strlen(hex) / 2;

	for (size_t i = 0; i < length; i++) {
		unsigned value;

		if (sscanf(hex + 2 * i, "%2x", &value) != 1)
			abort();
		to[i] = (uint8_t)value;
	}
	return length;
}

static enum cookie_state
check(const char *secrets, const char *asked, const char *client, uint32_t now, char answered[static 49])
{
	struct cookie_secrets s = { 0 };
	struct query query = { 0 };
	struct address address;
	uint8_t bytes[64], cookie[COOKIE_SIZE];
	enum cookie_state state;

	for (; *secrets != '\0'; secrets += 32 + (secrets[32] == ' ')) {
		char one[33];

		snprintf(one, sizeof(one), "%s", secrets);
		from_hex(s.secrets[s.count++], one);
	}
	if (asked != NULL) {
		query.cookie_length = (uint8_t)from_hex(bytes, asked);
		query.cookie = bytes;
	}
	if (address_parse(client, &address) != 0)
		abort();
	memset(cookie, 0, sizeof(cookie));
	state = cookie_check(maker, &s, &query, &address, now, cookie);
	for (size_t i = 0; i < sizeof(cookie); i++)
		sprintf(answered + 2 * i, "%02x", cookie[i]);
	return state;
}

#define SECRET "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define OLD "dd3bdf9344b678b185a6f5cb60fca715"
#define NEW "445536bcd2513298075a5d379663c962"

/* Each step from what the one before made. */
static void
test_roll(void)
{
	static const struct { const char *name, *fresh, *after; enum cookie_roll step; } rows[] = {
		{ "a file that isn't there", SECRET, "current " SECRET "\n", COOKIE_ROLL_BEGUN },
		{ "a next one", NEW, "current " SECRET "\nnext " NEW "\n", COOKIE_ROLL_NEXT },
		{ "it makes cookies", OLD, "current " NEW "\nprevious " SECRET "\n", COOKIE_ROLL_TAKEN },
		{ "the previous one goes", OLD, "current " NEW "\n", COOKIE_ROLL_DONE },
		{ "and so on", OLD, "current " NEW "\nnext " OLD "\n", COOKIE_ROLL_NEXT },
	};
	struct text before = { 0 };
	enum cookie_roll step;
	const char *why = "";

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text after = { 0 };
		uint8_t fresh[COOKIE_SECRET_SIZE];

		from_hex(fresh, rows[i].fresh);
		SUITE_ROW(rows[i].name, cookie_secrets_roll(before.bytes == NULL ? "" : before.bytes, fresh, &after,
		    &step, &why) == 0);
		SUITE_ROW(rows[i].name, step == rows[i].step);
		SUITE_TEXT(after.bytes, rows[i].after);
		text_fini(&before);
		before = after;
	}
	text_fini(&before);
	CU_ASSERT_EQUAL(cookie_secrets_roll("current 12\n", (const uint8_t *)"0123456789abcdef", &before, &step, &why), 1);
	SUITE_TEXT(why, "a secret is 32 hexadecimal digits");
	CU_ASSERT_PTR_NULL(before.bytes);
}

/* RFC 9018 appendix A. */
static void
test_vectors(void)
{
	static const struct {
		const char *name, *secrets, *asked, *client, *answered;
		uint32_t now;
		enum cookie_state state;
	} rows[] = {
		{ .name = "A.1: learning a new server cookie", .secrets = SECRET, .asked = "2464c4abcf10c957",
		    .client = "198.51.100.100", .now = 1559731985, .state = COOKIE_CLIENT,
		    .answered = "2464c4abcf10c957010000005cf79f111f8130c3eee29480" },
		{ .name = "A.2: the same client learning a renewed one", .secrets = SECRET,
		    .asked = "2464c4abcf10c957010000005cf79f111f8130c3eee29480", .client = "198.51.100.100",
		    .now = 1559734385, .state = COOKIE_VALID,
		    .answered = "2464c4abcf10c957010000005cf7a871d4a564a1442aca77" },
		{ .name = "A.3: another client, reserved octets that aren't zero", .secrets = SECRET,
		    .asked = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", .client = "203.0.113.203",
		    .now = 1559734700, .state = COOKIE_INVALID /* it is over an hour old */,
		    .answered = "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e" },
		{ .name = "A.3, when it was an hour old", .secrets = SECRET,
		    .asked = "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", .client = "203.0.113.203",
		    .now = 0x5cf78f71 + 3600, .state = COOKIE_VALID },
		{ .name = "A.4: IPv6, and a secret that was rolled over", .secrets = NEW " " OLD,
		    .asked = "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
		    .client = "2001:db8:220:1:59de:d0f4:8769:82b8", .now = 1559741961, .state = COOKIE_VALID },
		{ .name = "A.4, what that client is told", .secrets = NEW, .asked = "22681ab97d52c298",
		    .client = "2001:db8:220:1:59de:d0f4:8769:82b8", .now = 1559741961, .state = COOKIE_CLIENT,
		    .answered = "22681ab97d52c298010000005cf7c609a6bb79d16625507a" },
	};
	char answered[49];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		SUITE_ROW(rows[i].name, check(rows[i].secrets, rows[i].asked, rows[i].client, rows[i].now, answered)
		    == rows[i].state);
		if (rows[i].answered != NULL)
			SUITE_TEXT(answered, rows[i].answered);
	}
}

static void
test_states(void)
{
#define GOOD "2464c4abcf10c957010000005cf79f111f8130c3eee29480"
#define MADE 1559731985u
	static const struct {
		const char *name, *asked, *client;
		uint32_t now;
		enum cookie_state state;
		bool renewed;
	} rows[] = {
		{ .name = "none", .now = MADE, .state = COOKIE_NONE },
		{ .name = "fresh: it goes back as it came", .asked = GOOD, .now = MADE, .state = COOKIE_VALID },
		{ .name = "just under half an hour", .asked = GOOD, .now = MADE + 1799, .state = COOKIE_VALID },
		{ .name = "half an hour", .asked = GOOD, .now = MADE + 1800, .state = COOKIE_VALID, .renewed = true },
		{ .name = "an hour", .asked = GOOD, .now = MADE + 3600, .state = COOKIE_VALID, .renewed = true },
		{ .name = "too old", .asked = GOOD, .now = MADE + 3601, .state = COOKIE_INVALID, .renewed = true },
		{ .name = "five minutes ahead", .asked = GOOD, .now = MADE - 300, .state = COOKIE_VALID },
		{ .name = "too far ahead", .asked = GOOD, .now = MADE - 301, .state = COOKIE_INVALID, .renewed = true },
		{ .name = "of another address", .asked = GOOD, .client = "198.51.100.101", .now = MADE,
		    .state = COOKIE_INVALID, .renewed = true },
		{ .name = "of another client's cookie", .asked = "2464c4abcf10c956" "010000005cf79f111f8130c3eee29480",
		    .now = MADE, .state = COOKIE_INVALID, .renewed = true },
		{ .name = "one bit off", .asked = "2464c4abcf10c957010000005cf79f111f8130c3eee29481", .now = MADE,
		    .state = COOKIE_INVALID, .renewed = true },
		{ .name = "version 2", .asked = "2464c4abcf10c957020000005cf79f111f8130c3eee29480", .now = MADE,
		    .state = COOKIE_INVALID, .renewed = true },
		{ .name = "another software's, of 8 octets", .asked = "2464c4abcf10c9570123456789abcdef", .now = MADE,
		    .state = COOKIE_INVALID, .renewed = true },
		{ .name = "of 32 octets", .asked = GOOD "0123456789abcdef0123456789abcdef", .now = MADE,
		    .state = COOKIE_INVALID, .renewed = true },
	};
	char answered[49], again[49];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *client = rows[i].client == NULL ? "198.51.100.100" : rows[i].client;

		SUITE_ROW(rows[i].name, check(SECRET, rows[i].asked, client, rows[i].now, answered) == rows[i].state);
		if (rows[i].state == COOKIE_NONE)
			continue;
		SUITE_ROW(rows[i].name, (strcmp(answered, rows[i].asked) != 0) == rows[i].renewed);
		/* Whatever came, what goes back is good. */
		SUITE_ROW(rows[i].name, check(SECRET, answered, client, rows[i].now, again) == COOKIE_VALID);
	}
	/* Times wrap around in 2106. */
	CU_ASSERT_EQUAL(check(SECRET, "2464c4abcf10c957", "192.0.2.1", UINT32_MAX - 10, answered), COOKIE_CLIENT);
	CU_ASSERT_EQUAL(check(SECRET, answered, "192.0.2.1", 100, again), COOKIE_VALID);
}

/* The three steps of a rollover, as two servers pass them at different times: each takes what the other makes. */
static void
test_rollover(void)
{
	static const char *const steps[] = { OLD, OLD " " NEW, NEW " " OLD, NEW };
	char made[49], again[49];

	for (size_t a = 0; a < ARRAY_SIZE(steps); a++)
		for (size_t b = 0; b < ARRAY_SIZE(steps); b++) {
			size_t apart = a > b ? a - b : b - a;

			CU_ASSERT_EQUAL(check(steps[a], "2464c4abcf10c957", "192.0.2.1", 1000000, made), COOKIE_CLIENT);
			if (apart <= 1)
				CU_ASSERT_EQUAL(check(steps[b], made, "192.0.2.1", 1000000, again), COOKIE_VALID);
		}
}

static void
test_files(void)
{
	static const struct { const char *name, *text, *why; int line; size_t count; } rows[] = {
		{ .name = "one", .text = "current " SECRET "\n", .count = 1 },
		{ .name = "all, any order, comments, no end", .text = "# ours\n\nnext\t" NEW "  \r\nprevious " OLD
		    "\ncurrent   E5E973E5A6B2A43F48E7DC849E37BFCF", .count = 3 },
		{ .name = "empty", .text = "", .line = -1, .why = "there is no 'current' secret" },
		{ .name = "no current one", .text = "next " NEW "\n", .line = -1, .why = "there is no 'current' secret" },
		{ .name = "too short", .text = "\ncurrent e5e9\n", .line = 2, .why = "a secret is 32 hexadecimal digits" },
		{ .name = "too long", .text = "current " SECRET "00\n", .line = 1,
		    .why = "a secret is 32 hexadecimal digits" },
		{ .name = "no digits", .text = "current g5e973e5a6b2a43f48e7dc849e37bfcf\n", .line = 1,
		    .why = "a secret is 32 hexadecimal digits" },
		{ .name = "nothing behind", .text = "current\n", .line = 1, .why = "a secret is 32 hexadecimal digits" },
		{ .name = "another word", .text = "curent " SECRET "\n", .line = 1,
		    .why = "a line is 'current', 'previous' or 'next' and a secret" },
		{ .name = "indented", .text = "current " SECRET "\n next " NEW "\n", .line = 2,
		    .why = "a line is 'current', 'previous' or 'next' and a secret" },
		{ .name = "twice", .text = "current " SECRET "\ncurrent " NEW "\n", .line = 2,
		    .why = "this secret stands there twice" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cookie_secrets secrets = { 0 };
		uint8_t expected[COOKIE_SECRET_SIZE];
		const char *why = NULL;

		SUITE_ROW(rows[i].name, cookie_secrets_parse(&secrets, rows[i].text, &why) == rows[i].line);
		SUITE_ROW(rows[i].name, secrets.count == rows[i].count);
		from_hex(expected, SECRET);
		if (rows[i].line != 0)
			SUITE_TEXT(why, rows[i].why);
		else
			SUITE_ROW(rows[i].name, memcmp(secrets.secrets[0], expected, sizeof(expected)) == 0);
	}
}

/* The query path allocates nothing: glibc counts. */
static void
test_no_allocation(void)
{
#if defined __GLIBC__ && !defined __SANITIZE_ADDRESS__
	struct mallinfo2 before, after;
	char answered[49];
	unsigned rounds = suite_rounds(100000);

	check(SECRET, GOOD, "198.51.100.100", MADE, answered);
	before = mallinfo2();
	for (unsigned i = 0; i < rounds; i++)
		check(NEW " " SECRET, GOOD, "198.51.100.100", MADE + 1800, answered);
	after = mallinfo2();
	CU_ASSERT(before.uordblks == after.uordblks && before.arena == after.arena);
#endif
}

static const struct suite_case cases[] = {
	{ .name = "secrets are rolled over in steps", .run = test_roll },
	{ .name = "the vectors of RFC 9018 appendix A", .run = test_vectors },
	{ .name = "what a cookie is worth", .run = test_states },
	{ .name = "a secret is rolled over", .run = test_rollover },
	{ .name = "secrets files", .run = test_files },
	{ .name = "nothing is allocated", .run = test_no_allocation },
};

int
main(void)
{
	int status;

	maker = cookie_maker_new();
	if (maker == NULL)
		abort();
	status = suite_run("cookie", cases, ARRAY_SIZE(cases));
	cookie_maker_free(maker);
	return status;
}
