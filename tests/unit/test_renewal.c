/* test_renewal.c -- control/renewal: the moments of a table of situations, and what must hold for any. */
#include "control/renewal.h"

#include "suite.h"

#define AT 1000000000000

static const struct zone_bounds wide = { 1, 1000000, 1, 1000000, 1, 100000000 };

struct row {
	const char *name;
	struct renewal renewal;
	struct zone_bounds bounds;	/* all 0: wide */
	int64_t next_s;			/* after AT, in seconds */
};

#define LOADED .loaded = true, .refresh = 3600, .retry = 600, .expire = 86400, .expires = { AT + 86400000 }

static const struct row rows[] = {
	{ .name = "never tried", .renewal = { .failures = 0 }, .next_s = -AT / 1000 },
	{ .name = "never came, failed once", .renewal = { .failures = 1, .tried = { AT } }, .next_s = 5 },
	{ .name = "never came, failed twice", .renewal = { .failures = 2, .tried = { AT } }, .next_s = 8 },
	{ .name = "never came, failed often", .renewal = { .failures = 4000000000, .tried = { AT } }, .next_s = 3600 },
	{ .name = "refreshed", .renewal = { LOADED, .refreshed = { AT }, .tried = { AT } }, .next_s = 3600 },
	{ .name = "failed once", .renewal = { LOADED, .refreshed = { AT - 9 }, .tried = { AT }, .failures = 1 },
		.next_s = 600 },
	{ .name = "failed twice", .renewal = { LOADED, .refreshed = { AT - 9 }, .tried = { AT }, .failures = 2 },
		.next_s = 900 },
	{ .name = "failed often", .renewal = { LOADED, .refreshed = { AT - 9 }, .tried = { AT }, .failures = 50 },
		.next_s = 3600 },
	{ .name = "notified", .renewal = { LOADED, .refreshed = { AT - 9000 }, .tried = { AT - 9000 },
		.notified = { AT } }, .next_s = 0 },
	{ .name = "notified when it was just tried", .renewal = { LOADED, .refreshed = { AT }, .tried = { AT },
		.notified = { AT + 10 } }, .next_s = 1 },
	{ .name = "notified when it's due anyway", .renewal = { LOADED, .refreshed = { AT - 3600000 },
		.tried = { AT - 3600000 }, .notified = { AT + 9000 } }, .next_s = 0 },
	{ .name = "REFRESH below its bound", .renewal = { .loaded = true, .refresh = 1, .refreshed = { AT },
		.tried = { AT } }, .bounds = { 30, 60, 1, 9, 1, 9 }, .next_s = 30 },
	{ .name = "REFRESH above its bound", .renewal = { LOADED, .refreshed = { AT }, .tried = { AT } },
		.bounds = { 30, 60, 1, 9, 1, 9 }, .next_s = 60 },
	{ .name = "RETRY above its bound", .renewal = { LOADED, .refreshed = { AT }, .tried = { AT }, .failures = 1 },
		.bounds = { 30, 60, 1, 9, 1, 9 }, .next_s = 9 },
	{ .name = "EXPIRE before REFRESH", .renewal = { .loaded = true, .refresh = 3600, .retry = 60, .expire = 20,
		.refreshed = { AT }, .tried = { AT }, .expires = { AT + 20000 } }, .next_s = 10 },
};

static void
test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		int64_t next = renewal_next(&r->renewal, r->bounds.refresh_max == 0 ? &wide : &r->bounds, 0).ms;
		char row[200];

		snprintf(row, sizeof(row), "%s: %lld ms", r->name, (long long)(next - AT));
		SUITE_ROW(row, next == AT + r->next_s * 1000);
	}
}

static void
test_expiry(void)
{
	const struct zone_bounds bounds = { 1, 2, 1, 2, 100, 1000 };
	const uint32_t less = 50, more = 5000;

	CU_ASSERT_EQUAL(renewal_expiry(500, &bounds, NULL, (struct wall){ 0 }, (struct wall){ AT }).ms, AT + 500000);
	CU_ASSERT_EQUAL(renewal_expiry(5, &bounds, NULL, (struct wall){ 0 }, (struct wall){ AT }).ms, AT + 100000);
	CU_ASSERT_EQUAL(renewal_expiry(5000, &bounds, NULL, (struct wall){ 0 }, (struct wall){ AT }).ms, AT + 1000000);
	CU_ASSERT_EQUAL(renewal_expiry(500, &bounds, &less, (struct wall){ 0 }, (struct wall){ AT }).ms, AT + 50000);
	CU_ASSERT_EQUAL(renewal_expiry(500, &bounds, &more, (struct wall){ 0 }, (struct wall){ AT }).ms, AT + 500000);
	CU_ASSERT_EQUAL(renewal_expiry(500, &bounds, &less, (struct wall){ AT + 70000 }, (struct wall){ AT }).ms,
	    AT + 70000);
}

/* --- what must hold for any ------------------------------------------------------------------------------------- */

static uint64_t state = 7;

static uint32_t
any(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) >> (state >> 59);
}

static void
order(uint32_t *least, uint32_t *most)
{
	uint32_t a = any() % 315360000 + 1, b = any() % 315360000 + 1;

	*least = a < b ? a : b;
	*most = a < b ? b : a;
}

static void
test_any(void)
{
	for (unsigned i = 0; i < suite_rounds(200000); i++) {
		struct zone_bounds b;
		struct renewal r = { .loaded = any() % 2, .refresh = any() * 2, .retry = any() * 2, .expire = any() * 2,
			.failures = any() % 3 == 0 ? 0 : any() };
		struct wall next, sooner;
		int64_t most, least;
		uint32_t dice = any();

		order(&b.refresh_min, &b.refresh_max);
		order(&b.retry_min, &b.retry_max);
		order(&b.expire_min, &b.expire_max);
		r.tried.ms = AT;
		r.refreshed.ms = r.loaded ? AT - (r.failures > 0 ? any() : 0) : 0;
		r.expires = renewal_expiry(r.expire, &b, NULL, (struct wall){ 0 }, r.refreshed);
		CU_ASSERT_TRUE(r.expires.ms >= r.refreshed.ms + b.expire_min * INT64_C(1000));
		CU_ASSERT_TRUE(r.expires.ms <= r.refreshed.ms + b.expire_max * INT64_C(1000));
		next = renewal_next(&r, &b, dice);
		/* After the last try, within the bounds, and jitter takes a tenth at most. */
		most = (r.failures > 0 && b.retry_max > b.refresh_max) || !r.loaded
		    ? (b.retry_max > 3600 ? b.retry_max : 3600) : b.refresh_max;
		least = r.loaded && r.failures == 0 ? b.refresh_min : b.retry_min;
		least = least < b.expire_min ? least : b.expire_min;
		CU_ASSERT_TRUE(next.ms > AT);
		CU_ASSERT_TRUE(next.ms <= AT + most * 1000);
		CU_ASSERT_TRUE(next.ms >= AT + least * 400);
		CU_ASSERT_TRUE(next.ms <= renewal_next(&r, &b, 0).ms);
		/* While the primary is well the zone never expires. */
		if (r.loaded && r.failures == 0)
			CU_ASSERT_TRUE(next.ms < r.expires.ms);
		/* Another failure never brings the next try forward; NOTIFY never puts it off. */
		r.notified.ms = AT + any();
		sooner = renewal_next(&r, &b, dice);
		CU_ASSERT_TRUE(sooner.ms <= next.ms && sooner.ms > AT);
		r.notified.ms = 0;
		if (r.failures > 0 && r.failures < UINT32_MAX) {
			r.failures++;
			CU_ASSERT_TRUE(renewal_next(&r, &b, dice).ms >= next.ms);
		}
	}
}

static const struct suite_case cases[] = {
	{ .name = "when it's asked again", .run = test_rows },
	{ .name = "when it expires", .run = test_expiry },
	{ .name = "what holds for any timers", .run = test_any },
};

int
main(void)
{
	return suite_run("renewal", cases, ARRAY_SIZE(cases));
}
