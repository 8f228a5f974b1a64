/* test_clock.c -- base/clock: RFC 3339 both ways, its errors, and intervals. */
#include "base/clock.h"

#include <errno.h>

#include "suite.h"

static void
test_text(void)
{
	static const struct {
		const char *name;
		int64_t ms;
		const char *text;
	} rows[] = {
		{ "the epoch", 0, "1970-01-01T00:00:00.000Z" },
		{ "milliseconds", 1795364452007, "2026-11-22T16:20:52.007Z" },
		{ "before the epoch", -1, "1969-12-31T23:59:59.999Z" },
		{ "leap day", 1709164800000, "2024-02-29T00:00:00.000Z" },
	};
	char text[CLOCK_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wall back = { 1 };

		SUITE_TEXT(wall_text((struct wall){ rows[i].ms }, text), rows[i].text);
		CU_ASSERT_EQUAL(wall_parse(rows[i].text, &back), 0);
		CU_ASSERT_EQUAL(back.ms, rows[i].ms);
	}
	/* Years past 9999 still end within the buffer. */
	wall_text((struct wall){ INT64_MAX }, text);
	CU_ASSERT(memchr(text, '\0', sizeof(text)) != NULL);
	wall_text((struct wall){ INT64_MIN }, text);
	CU_ASSERT(memchr(text, '\0', sizeof(text)) != NULL);
}

static void
test_parse(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "2026-11-22T16:20:52Z", 1795364452000 },
		{ "2026-11-22T16:20:52.5Z", 1795364452500 },
		{ "2026-11-22T16:20:52.123456Z", 1795364452123 },
		{ "2026-11-22T18:20:52+02:00", 1795364452000 },
		{ "2026-11-22T10:50:52.25-05:30", 1795364452250 },
		{ "2026-11-22t16:20:52z", 1795364452000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wall at = { -1 };

		SUITE_ROW(rows[i].text, wall_parse(rows[i].text, &at) == 0);
		SUITE_ROW(rows[i].text, at.ms == rows[i].ms);
	}
}

static void
test_parse_errors(void)
{
	static const char *const bad[] = {
		"", "now", "2026-11-22", "2026-11-22T16:20:52", "2026-11-22 16:20:52Z", "2026-11-22T16:20:52Zx",
		"2026-11-22T16:20:52.Z", "2026-11-22T16:20:52+2", "2026-11-22T16:20:52+02:00x", "2026-13-01T00:00:00Z",
		"2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T16:60:00Z",
		"2026-11-22T16:20:52+24:00", "2026-11-22T16:20:52+-2:00", "2026-11-22T16:20:52+02:60",
		" 2026-11-22T16:20:52Z", "26-11-22T16:20:52Z", "2026-1-2T16:20:52Z", "2026-11-22T16:20: 2Z",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct wall at = { 7 };

		SUITE_ROW(bad[i], wall_parse(bad[i], &at) == -EINVAL);
	}
}

static void
test_intervals(void)
{
	struct mono start = { 5000000000 }, later = mono_add_ms(start, 1500);

	CU_ASSERT_EQUAL(mono_ms_between(start, later), 1500);
	CU_ASSERT_EQUAL(mono_ms_between(later, start), -1500);
	CU_ASSERT(mono_ms_between(mono_now(), mono_now()) >= 0);
	CU_ASSERT(wall_now().ms > 1700000000000);
}

static const struct suite_case cases[] = {
	{ .name = "a time as text, and back", .run = test_text },
	{ .name = "fractions and offsets are read", .run = test_parse },
	{ .name = "what isn't RFC 3339 is refused", .run = test_parse_errors },
	{ .name = "intervals", .run = test_intervals },
};

int
main(void)
{
	return suite_run("clock", cases, ARRAY_SIZE(cases));
}
