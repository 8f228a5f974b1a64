/* rollover.c -- the times of keys, from the times of others and what caches may hold.
 * In: keys, policy, clock.  Out: times that weren't set yet, and a wish for a key. A time that has been set stays, so
 * that a changed policy or a late call can't take back what resolvers have relied on.
 * Threads: any; pure.
 *
 * A key has one or both of two duties: it signs the zone (ZSK, CSK), and it signs keys, which makes it the one that the
 * parent's DS leads to (KSK, CSK). For each duty the newest key is the successor of the others, whatever their roles,
 * so that going from a CSK to KSK and ZSK and back is a rollover like any.
 *
 *	published   now
 *	active      signs the zone: when every cache that has a DNSKEY RRset has it with this key (RFC 7583 section
 *	            3.2.1, Ipub = Dprp + TTLkey); the first of all at once
 *	offered     signs keys: the same (section 3.3.2); the first of all when no cache has an unsigned RRset any more
 *	retired     of the predecessor: then
 *	removed     of the predecessor: when no cache has a signature by it (Iret = Dprp + TTLsig, without Dsgn, since
 *	            all change at once), and no cache has the old DS: DprpP + TTLds after the new one was seen
 *
 * An operator's wish is kept in the key that is to go: it retires some day (KEY_SOME_DAY), and asks for a successor. */
#include "dnssec/rollover.h"

#include <errno.h>

enum duty { DUTY_ZONE = 1, DUTY_KEYS = 2 };

static void introduce(struct key *keys, size_t count, struct key *key, const struct rollover_policy *policy,
	struct wall now);
static void retire(struct key *keys, size_t count, struct key *key, const struct rollover_policy *policy,
	struct wall now);
static enum rollover_need need(const struct key *keys, size_t count, const struct rollover_policy *policy,
	struct wall now);
static bool wants(const struct key *keys, size_t count, enum key_role role, const struct rollover_policy *policy,
	struct wall now);
static struct wall lifetime_ends(const struct key *key, const struct rollover_policy *policy);
static bool under_way(const struct key *keys, size_t count, unsigned duties, struct wall now);
static const struct key *newest(const struct key *keys, size_t count, enum duty duty, struct wall now);
static unsigned duties_of(enum key_role role);
static bool has_come(struct wall time, struct wall now);
static bool is_set(struct wall time);
static struct wall add_s(struct wall time, uint32_t a, uint32_t b);
static struct wall later(struct wall a, struct wall b);
static void sooner(struct wall *next, struct wall time, struct wall now);

enum rollover_need
rollover_step(struct key *keys, size_t count, const struct rollover_policy *policy, struct wall now, struct wall *next)
{
	enum rollover_need needed;

	*next = (struct wall){ 0 };
	for (size_t i = 0; i < count; i++)
		if (keys[i].times.published.ms == 0)
			introduce(keys, count, &keys[i], policy, now);
	for (size_t i = 0; i < count; i++)
		retire(keys, count, &keys[i], policy, now);
	needed = need(keys, count, policy, now);
	for (size_t i = 0; i < count; i++) {
		const struct key_times *times = &keys[i].times;
		const struct wall all[] = {
			times->published, times->offered, times->active, times->retired, times->removed,
			keys[i].role == KEY_ZSK && !is_set(times->retired) ? lifetime_ends(&keys[i], policy)
			    : (struct wall){ 0 },
		};

		for (size_t t = 0; t < ARRAY_SIZE(all); t++)
			sooner(next, all[t], now);
	}
	return needed;
}

/* The times of a key that is new. */
static void
introduce(struct key *keys, size_t count, struct key *key, const struct rollover_policy *policy, struct wall now)
{
	const struct key *zone = newest(keys, count, DUTY_ZONE, now), *parent = newest(keys, count, DUTY_KEYS, now);
	uint32_t unsigned_ttl = policy->zone_ttl > policy->key_ttl ? policy->zone_ttl : policy->key_ttl;
	struct wall known = add_s(now, policy->propagation_s, policy->key_ttl);

	if (key->times.created.ms == 0)
		key->times.created = now;
	key->times.published = now;
	key->times.active = duties_of(key->role) & DUTY_ZONE && zone != NULL ? known : now;
	if (duties_of(key->role) & DUTY_KEYS)
		key->times.offered = parent != NULL ? known : add_s(now, policy->propagation_s, unsigned_ttl);
}

/* The times of a key that has a successor in all that it does. */
static void
retire(struct key *keys, size_t count, struct key *key, const struct rollover_policy *policy, struct wall now)
{
	const struct key *zone = newest(keys, count, DUTY_ZONE, now), *parent = newest(keys, count, DUTY_KEYS, now);
	unsigned duties = duties_of(key->role);
	struct wall retired = { 0 }, removed;

	if (has_come(key->times.removed, now))
		return;
	if (duties & DUTY_ZONE && (zone == NULL || zone == key))
		return;
	if (duties & DUTY_KEYS && (parent == NULL || parent == key))
		return;
	if (duties & DUTY_ZONE)
		retired = zone->times.active;
	if (duties & DUTY_KEYS)
		retired = later(retired, parent->times.offered);
	if (!is_set(key->times.retired))
		key->times.retired = retired;
	if (is_set(key->times.removed) || (duties & DUTY_KEYS && !has_come(parent->times.ds_seen, now)))
		return;
	removed = key->times.retired;
	if (duties & DUTY_ZONE)
		removed = add_s(removed, policy->propagation_s, policy->zone_ttl);
	if (duties & DUTY_KEYS)
		removed = later(removed, add_s(later(parent->times.ds_seen, parent->times.offered),
		    policy->parent_propagation_s, policy->parent_ttl));
	key->times.removed = removed;
}

static enum rollover_need
need(const struct key *keys, size_t count, const struct rollover_policy *policy, struct wall now)
{
	if (!policy->split)
		return wants(keys, count, KEY_CSK, policy, now) ? ROLLOVER_NEW_CSK : ROLLOVER_NOTHING;
	if (wants(keys, count, KEY_KSK, policy, now))
		return ROLLOVER_NEW_KSK;
	return wants(keys, count, KEY_ZSK, policy, now) ? ROLLOVER_NEW_ZSK : ROLLOVER_NOTHING;
}

/* No key of this role is there to stay: there is none, or it's to go and has no successor. */
static bool
wants(const struct key *keys, size_t count, enum key_role role, const struct rollover_policy *policy, struct wall now)
{
	const struct key *key = newest(keys, count, duties_of(role) & DUTY_ZONE ? DUTY_ZONE : DUTY_KEYS, now);
	struct wall ends;

	if (key == NULL)
		return true;
	if (key->role != role)
		return !under_way(keys, count, duties_of(role), now);
	if (key->times.retired.ms == KEY_SOME_DAY.ms)
		return true;
	ends = lifetime_ends(key, policy);
	return role == KEY_ZSK && has_come(ends, now) && !under_way(keys, count, DUTY_ZONE, now);
}

/* When its successor is to be published, so that it takes over at the end of the lifetime. */
static struct wall
lifetime_ends(const struct key *key, const struct rollover_policy *policy)
{
	uint32_t ahead = policy->propagation_s + policy->key_ttl;

	if (policy->zsk_lifetime_s == 0 || key->times.active.ms == 0)
		return (struct wall){ 0 };
	return policy->zsk_lifetime_s <= ahead ? key->times.active
	    : add_s(key->times.active, policy->zsk_lifetime_s - ahead, 0);
}

/* A key with one of these duties is on its way in or out. A wish alone isn't under way. */
static bool
under_way(const struct key *keys, size_t count, unsigned duties, struct wall now)
{
	for (size_t i = 0; i < count; i++) {
		const struct key *key = &keys[i];

		if (!(duties_of(key->role) & duties) || has_come(key->times.removed, now))
			continue;
		if (is_set(key->times.retired) || !has_come(key->times.active, now))
			return true;
	}
	return false;
}

int
rollover_start(struct key *keys, size_t count, enum key_role role, struct wall now)
{
	struct key *current = NULL;

	if (under_way(keys, count, duties_of(role), now))
		return -EALREADY;
	for (size_t i = 0; i < count; i++)
		if (keys[i].role == role && key_is_published(&keys[i], now))
			current = &keys[i];
	if (current == NULL)
		return -ENOENT;
	if (current->times.retired.ms == KEY_SOME_DAY.ms)
		return -EALREADY;
	current->times.retired = KEY_SOME_DAY;
	return 0;
}

/* The last one that was published and isn't removed. Of two at the same moment the later in the list. */
static const struct key *
newest(const struct key *keys, size_t count, enum duty duty, struct wall now)
{
	const struct key *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (duties_of(keys[i].role) & duty && key_is_published(&keys[i], now)
		    && (found == NULL || keys[i].times.published.ms >= found->times.published.ms))
			found = &keys[i];
	return found;
}

static unsigned
duties_of(enum key_role role)
{
	return role == KEY_CSK ? DUTY_ZONE | DUTY_KEYS : role == KEY_KSK ? DUTY_KEYS : DUTY_ZONE;
}

const char *
key_state_text(const struct key *key, struct wall now)
{
	const struct key_times *times = &key->times;

	if (has_come(times->removed, now))
		return "removed";
	if (!has_come(times->published, now))
		return "new";
	if (has_come(times->retired, now))
		return "retired";
	if (key->role == KEY_ZSK)
		return has_come(times->active, now) ? "active" : "published";
	if (!has_come(times->offered, now))
		return "published";
	return has_come(times->ds_seen, now) ? "active" : "waiting for DS";
}

static bool
has_come(struct wall time, struct wall now)
{
	return time.ms != 0 && time.ms <= now.ms;
}

static bool
is_set(struct wall time)
{
	return time.ms != 0 && time.ms != KEY_SOME_DAY.ms;
}

static struct wall
add_s(struct wall time, uint32_t a, uint32_t b)
{
	return (struct wall){ time.ms + ((int64_t)a + b) * 1000 };
}

static struct wall
later(struct wall a, struct wall b)
{
	return a.ms > b.ms ? a : b;
}

static void
sooner(struct wall *next, struct wall time, struct wall now)
{
	if (is_set(time) && time.ms > now.ms && (next->ms == 0 || time.ms < next->ms))
		next->ms = time.ms;
}
