/* test_pace.c -- serve/pace: what one prefix may begin in a second, whatever others do; what isn't limited. */
#include "serve/pace.h"

#include "suite.h"

#define SECOND UINT64_C(1000000000)

static struct address
address_of(const char *text)
{
	struct address address;

	if (address_parse(text, &address) != 0)
		abort();
	return address;
}

/* How many of `count` are taken at that time. */
static unsigned
begin(struct pace *pace, const char *client, unsigned count, uint64_t at)
{
	const struct address address = address_of(client);
	unsigned taken = 0;

	for (unsigned i = 0; i < count; i++)
		taken += pace_take(pace, &address, at);
	return taken;
}

static void
test_rate(void)
{
	static const struct { const char *name, *client; unsigned count; uint64_t at; unsigned taken; } rows[] = {
		{ "two seconds' worth at once", "192.0.2.1", 50, 100 * SECOND, 20 },
		{ "its neighbour is the same client", "192.0.2.200", 5, 100 * SECOND, 0 },
		{ "another prefix has its own", "192.0.3.1", 50, 100 * SECOND, 20 },
		{ "and so has one of IPv6", "2001:db8::1", 50, 100 * SECOND, 20 },
		{ "a tenth of a second later", "192.0.2.1", 5, 100 * SECOND + SECOND / 10, 1 },
		{ "a second later", "192.0.2.1", 50, 101 * SECOND + SECOND / 10, 10 },
		{ "what isn't used is kept for two seconds", "192.0.2.1", 50, 200 * SECOND, 20 },
	};
	const struct pace_limits limits = { 10, 24, 56 };
	struct pace *pace = pace_new(&limits);
	const struct address unknown = { .bits = 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(pace);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_ROW(rows[i].name, begin(pace, rows[i].client, rows[i].count, rows[i].at) == rows[i].taken);
	for (unsigned i = 0; i < 100; i++)
		CU_ASSERT(pace_take(pace, &unknown, 300 * SECOND));
	pace_free(pace);
}

static void
test_unlimited(void)
{
	const struct pace_limits limits = { 0, 24, 56 };
	struct pace *pace = pace_new(&limits);

	CU_ASSERT_PTR_NOT_NULL_FATAL(pace);
	CU_ASSERT_EQUAL(begin(pace, "192.0.2.1", 1000, SECOND), 1000);
	pace_free(pace);
	pace_free(NULL);
}

static const struct suite_case cases[] = {
	{ .name = "a rate for each prefix", .run = test_rate },
	{ .name = "no rate", .run = test_unlimited },
};

int
main(void)
{
	return suite_run("pace", cases, ARRAY_SIZE(cases));
}
