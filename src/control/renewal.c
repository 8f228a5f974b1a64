/* renewal.c -- see renewal.h.
 * In: a zone's timers and what happened.  Out: two moments.  Threads: any.
 *
 * After a success the next look is REFRESH later; after a failure RETRY, and half as much again for each further one,
 * up to REFRESH: a primary that is away for a week needn't be asked each minute of it. A zone that never came has no
 * timers: it's asked for after 5 s at first, up to an hour at last. All within the operator's bounds.
 * NOTIFY and an operator's wish bring the next look forward to now, but not nearer than a second to the last one: who
 * may send NOTIFY may not make us a source of a flood.
 * Where EXPIRE isn't above REFRESH the zone would go away while its primary is well: then it's looked at when half of
 * the time is over. */
#include "control/renewal.h"

#define FIRST_S 5
#define UNLOADED_MOST_S 3600
#define NOTIFIED_MS 1000
#define GROWTHS 40		/* beyond, any interval has reached its most */

static int64_t bounded(uint32_t seconds, uint32_t least, uint32_t most);
static int64_t interval_s(const struct renewal *r, const struct zone_bounds *bounds);
static int64_t less_a_tenth(int64_t ms, uint32_t dice);

struct wall
renewal_next(const struct renewal *r, const struct zone_bounds *bounds, uint32_t dice)
{
	int64_t from = r->failures == 0 && r->loaded ? r->refreshed.ms : r->tried.ms;
	int64_t interval = interval_s(r, bounds) * 1000, next;

	if (from == 0)
		return (struct wall){ 0 };
	if (r->loaded && r->failures == 0 && r->expires.ms > from && from + interval >= r->expires.ms)
		interval = (r->expires.ms - from) / 2;
	next = from + less_a_tenth(interval, dice);
	if (r->notified.ms != 0) {
		int64_t soon = r->tried.ms + NOTIFIED_MS > r->notified.ms ? r->tried.ms + NOTIFIED_MS : r->notified.ms;

		next = soon < next ? soon : next;
	}
	return (struct wall){ next };
}

static int64_t
interval_s(const struct renewal *r, const struct zone_bounds *bounds)
{
	int64_t most = r->loaded ? bounded(r->refresh, bounds->refresh_min, bounds->refresh_max) : UNLOADED_MOST_S;
	int64_t interval = bounded(r->loaded ? r->retry : FIRST_S, bounds->retry_min, bounds->retry_max);

	if (r->loaded && r->failures == 0)
		return most;
	most = most > interval ? most : interval;
	for (unsigned i = 1; i < r->failures && i < GROWTHS && interval < most; i++)
		interval += (interval + 1) / 2;
	return interval < most ? interval : most;
}

static int64_t
bounded(uint32_t seconds, uint32_t least, uint32_t most)
{
	return seconds < least ? least : seconds > most ? most : seconds;
}

static int64_t
less_a_tenth(int64_t ms, uint32_t dice)
{
	return ms - ms / 10 * (int64_t)(dice % 1024) / 1024;
}

/* A secondary in between tells how long it may still go on; nobody may longer than the SOA says. Word of the same
 * version never makes its time shorter (RFC 7314 section 4). */
struct wall
renewal_expiry(uint32_t soa_expire, const struct zone_bounds *bounds, const uint32_t *option, struct wall before,
	struct wall now)
{
	int64_t seconds = bounded(soa_expire, bounds->expire_min, bounds->expire_max), until;

	if (option != NULL && *option < seconds)
		seconds = *option;
	until = now.ms + seconds * 1000;
	return (struct wall){ until > before.ms ? until : before.ms };
}
