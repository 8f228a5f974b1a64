/* test_ratelimit.c -- serve/ratelimit: rates, bursts, networks, kinds, slip, exemptions, and a table that overflows. Time is
 * an argument, so every count is exact. */
#include "serve/ratelimit.h"

#include "suite.h"

#define SECOND UINT64_C(1000000000)
#define START (1000 * SECOND)

static const struct ratelimit_options usual = { .rates = { [RATE_ANSWER] = 10 }, .burst_ms = 1000, .slip = 2,
	.ipv4_prefix = 24, .ipv6_prefix = 56, .entries = 1024 };

static struct address
address_of(const char *text)
{
	struct address address;

	if (address_parse(text, &address) != 0)
		abort();
	return address;
}

static enum rate_verdict
take(struct ratelimit *limit, const char *client, enum rate_kind kind, uint64_t about, uint64_t now)
{
	struct address address = address_of(client);
	enum rate_kind which;

	return ratelimit_take(limit, &address, kind, about, now, &which);
}

/* How many of `count` at once are sent. */
static unsigned
sent(struct ratelimit *limit, const char *client, enum rate_kind kind, uint64_t about, uint64_t now, unsigned count)
{
	unsigned n = 0;

	while (count-- > 0)
		n += take(limit, client, kind, about, now) == RATE_SEND;
	return n;
}

static void
test_rate(void)
{
	struct ratelimit *limit = ratelimit_new(&usual, 1);
	unsigned count = 0;

	CU_ASSERT_EQUAL(sent(limit, "192.0.2.1", RATE_ANSWER, 7, START, 100), 10);
	CU_ASSERT_EQUAL(sent(limit, "192.0.2.1", RATE_ANSWER, 7, START + SECOND / 10 - 1, 100), 0);
	CU_ASSERT_EQUAL(sent(limit, "192.0.2.1", RATE_ANSWER, 7, START + SECOND / 10, 100), 1);
	CU_ASSERT_EQUAL(sent(limit, "192.0.2.1", RATE_ANSWER, 7, START + 3 * SECOND, 100), 10);
	/* A flood of 1000/s still gets its 10/s. */
	for (unsigned i = 0; i < 10000; i++)
		count += sent(limit, "192.0.2.1", RATE_ANSWER, 7, START + 10 * SECOND + i * SECOND / 1000, 1);
	CU_ASSERT(count >= 109 && count <= 110);
	/* What stays below isn't touched. */
	for (unsigned i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(take(limit, "192.0.2.1", RATE_ANSWER, 7, START + 100 * SECOND + i * SECOND / 10), RATE_SEND);
	ratelimit_free(limit);
}

static void
test_keys(void)
{
	static const struct { const char *name, *client; enum rate_kind kind; uint64_t about; bool limited; } rows[] = {
		{ .name = "the same", .client = "192.0.2.1", .about = 7, .limited = true },
		{ .name = "a neighbour", .client = "192.0.2.255", .about = 7, .limited = true },
		{ .name = "another network", .client = "192.0.3.1", .about = 7 },
		{ .name = "another name", .client = "192.0.2.1", .about = 8 },
		{ .name = "a kind without a limit", .client = "192.0.2.1", .kind = RATE_NXDOMAIN, .about = 7 },
		{ .name = "IPv6, the same", .client = "2001:db8:0:1::1", .about = 7, .limited = true },
		{ .name = "IPv6, of the same site", .client = "2001:db8:0:ff::1", .about = 7, .limited = true },
		{ .name = "IPv6, another site", .client = "2001:db8:0:100::1", .about = 7 },
	};
	struct ratelimit *limit = ratelimit_new(&usual, 2);

	sent(limit, "192.0.2.1", RATE_ANSWER, 7, START, 10);
	sent(limit, "2001:db8:0:1::1", RATE_ANSWER, 7, START, 10);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_ROW(rows[i].name, (take(limit, rows[i].client, rows[i].kind, rows[i].about, START) != RATE_SEND)
		    == rows[i].limited);
	ratelimit_free(limit);
}

static void
test_all(void)
{
	struct ratelimit_options options = usual;
	struct ratelimit *limit;
	struct address client = address_of("192.0.2.1");
	enum rate_kind which;

	options.rates[RATE_ALL] = 15;
	limit = ratelimit_new(&options, 3);
	CU_ASSERT_EQUAL(sent(limit, "192.0.2.1", RATE_ANSWER, 7, START, 100), 10);
	CU_ASSERT_EQUAL(sent(limit, "192.0.2.1", RATE_ERROR, 0, START, 100), 5);
	CU_ASSERT_NOT_EQUAL(ratelimit_take(limit, &client, RATE_ERROR, 0, START, &which), RATE_SEND);
	CU_ASSERT_EQUAL(which, RATE_ALL);
	CU_ASSERT_NOT_EQUAL(ratelimit_take(limit, &client, RATE_ANSWER, 7, START, &which), RATE_SEND);
	CU_ASSERT_EQUAL(which, RATE_ANSWER);
	ratelimit_free(limit);
}

static void
test_slip(void)
{
	static const struct { unsigned slip, truncated; } rows[] = { { 0, 0 }, { 1, 100 }, { 2, 50 }, { 10, 10 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ratelimit_options options = usual;
		struct ratelimit *limit;
		unsigned truncated = 0, dropped = 0;

		options.slip = rows[i].slip;
		limit = ratelimit_new(&options, 4);
		sent(limit, "192.0.2.1", RATE_ANSWER, 7, START, 10);
		for (unsigned n = 0; n < 100; n++) {
			enum rate_verdict verdict = take(limit, "192.0.2.1", RATE_ANSWER, 7, START);

			truncated += verdict == RATE_TRUNCATE;
			dropped += verdict == RATE_DROP;
		}
		CU_ASSERT_EQUAL(truncated, rows[i].truncated);
		CU_ASSERT_EQUAL(truncated + dropped, 100);
		ratelimit_free(limit);
	}
}

static void
test_exempt(void)
{
	struct prefix exempt[2];
	struct ratelimit_options options = usual;
	struct ratelimit *limit;

	if (prefix_parse("192.0.2.128/25", &exempt[0]) != 0 || prefix_parse("2001:db8::/32", &exempt[1]) != 0)
		abort();
	options.exempt = exempt;
	options.exempt_count = 2;
	limit = ratelimit_new(&options, 5);
	CU_ASSERT_EQUAL(sent(limit, "192.0.2.129", RATE_ANSWER, 7, START, 100), 100);
	CU_ASSERT_EQUAL(sent(limit, "2001:db8::1", RATE_ANSWER, 7, START, 100), 100);
	/* A neighbour isn't exempt, and what the exempt one took counts. */
	CU_ASSERT_EQUAL(sent(limit, "192.0.2.1", RATE_ANSWER, 7, START, 100), 0);
	ratelimit_free(limit);
}

/* Far more networks than there are buckets, each asking once: the flooding one stays limited, and nobody else is. */
static void
test_overflow(void)
{
	struct ratelimit *limit = ratelimit_new(&usual, 6);
	unsigned victims = 0, flood = 0, rounds = suite_rounds(200000);

	for (uint32_t i = 0; i < rounds; i++) {
		struct address client = { .bits = 32, .bytes = { 10, (uint8_t)(i >> 8), (uint8_t)i, 1 } };
		uint64_t now = START + i * (SECOND / 100000);	/* 100,000 networks a second */
		enum rate_kind which;

		client.bytes[0] = (uint8_t)(10 + (i >> 16));
		victims += ratelimit_take(limit, &client, RATE_ANSWER, 7, now, &which) == RATE_SEND;
		flood += take(limit, "192.0.2.1", RATE_ANSWER, 7, now) == RATE_SEND;
	}
	CU_ASSERT_EQUAL(victims, rounds);
	CU_ASSERT(flood <= rounds / 10000 + 10 + 1);
	ratelimit_free(limit);
}

static const struct suite_case cases[] = {
	{ .name = "rate and burst", .run = test_rate },
	{ .name = "networks, names and kinds", .run = test_keys },
	{ .name = "all kinds together", .run = test_all },
	{ .name = "slip", .run = test_slip },
	{ .name = "exempt networks", .run = test_exempt },
	{ .name = "a table that overflows", .run = test_overflow },
};

int
main(void)
{
	return suite_run("ratelimit", cases, ARRAY_SIZE(cases));
}
