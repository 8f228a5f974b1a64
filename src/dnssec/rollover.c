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
 * Keys of another algorithm come and go together, and one change at a time:
 *
 *	active      now: a validator may want signatures of every algorithm that is among the DNSKEYs
 *	published   when no cache has an RRset without them
 *	offered     when every cache that has a DNSKEY RRset has it with the new keys
 *	retired     of the old ones: then
 *	removed     of the old ones: when no cache has their DS
 *	withdrawn   of the old ones: when no cache has a DNSKEY RRset with them
 *
 * An operator's wish is kept in the key that is to go: it retires some day (KEY_SOME_DAY), and asks for a successor. */
#include "dnssec/rollover.h"

#include <errno.h>

enum duty { DUTY_ZONE = 1, DUTY_KEYS = 2 };

static void introduce(struct key *keys, size_t count, struct key *key, const struct rollover_policy *policy,
	struct wall now);
static void retire(struct key *keys, size_t count, struct key *key, const struct rollover_policy *policy,
	struct wall now);
static const struct key *of_other_algorithm(const struct key *keys, size_t count, const struct key *key);
static void replace_algorithm(struct key *key, const struct key *other, const struct rollover_policy *policy,
	struct wall now);
static struct rollover_need need(const struct key *keys, size_t count, const struct rollover_policy *policy,
	struct wall now);
static const struct key *alone_ahead(const struct key *keys, size_t count, struct wall now);
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

struct rollover_need
rollover_step(struct key *keys, size_t count, const struct rollover_policy *policy, struct wall now,
    struct wall *next)
{
	struct rollover_need needed;

	*next = (struct wall){ 0 };
	for (size_t i = 0; i < count; i++) {
		if (keys[i].times.published.ms == 0)
			introduce(keys, count, &keys[i], policy, now);
		if (keys[i].times.ds_gone.ms != 0 && !policy->leaving)	/* thought better of: it's offered again */
			keys[i].times.ds_seen = keys[i].times.ds_gone = (struct wall){ 0 };
	}
	for (size_t i = 0; i < count; i++)
		retire(keys, count, &keys[i], policy, now);
	needed = need(keys, count, policy, now);
	for (size_t i = 0; i < count; i++) {
		const struct key_times *times = &keys[i].times;
		const struct wall all[] = {
			times->published, times->offered, times->active, times->retired, times->removed,
			times->withdrawn, keys[i].role == KEY_ZSK && !is_set(times->retired)
			    ? lifetime_ends(&keys[i], policy) : (struct wall){ 0 },
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
	if (zone != NULL && zone->algorithm != key->algorithm) {
		key->times.active = now;
		now = key->times.published = add_s(now, policy->propagation_s, unsigned_ttl);
		if (duties_of(key->role) & DUTY_KEYS)
			key->times.offered = add_s(now, policy->propagation_s, policy->key_ttl);
		return;
	}
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
	const struct key *other;
	struct wall retired = { 0 }, removed;

	if (!has_come(key->times.published, now) || has_come(key->times.removed, now))
		return;
	other = of_other_algorithm(keys, count, key);
	if (other != NULL) {
		replace_algorithm(key, other, policy, now);
		return;
	}
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

/* The successor that signs keys, if it's of another algorithm; published or not yet. */
static const struct key *
of_other_algorithm(const struct key *keys, size_t count, const struct key *key)
{
	for (size_t i = 0; i < count; i++)
		if (duties_of(keys[i].role) & DUTY_KEYS && keys[i].algorithm != key->algorithm
		    && keys[i].times.published.ms > key->times.published.ms)
			return &keys[i];
	return NULL;
}

/* The times of a key whose successors are of another algorithm, whatever its role. */
static void
replace_algorithm(struct key *key, const struct key *other, const struct rollover_policy *policy, struct wall now)
{
	struct key_times *times = &key->times;

	if (!is_set(times->retired))
		times->retired = other->times.offered;
	if (times->withdrawn.ms == 0)
		times->withdrawn = KEY_SOME_DAY;
	if (is_set(times->removed) || !has_come(other->times.ds_seen, now))
		return;
	/* Not before now: until then its DNSKEY was there, and its signatures are to outlast that. */
	times->removed = later(now, add_s(later(other->times.ds_seen, other->times.offered),
	    policy->parent_propagation_s, policy->parent_ttl));
	times->withdrawn = add_s(times->removed, policy->propagation_s, policy->key_ttl);
}

static struct rollover_need
need(const struct key *keys, size_t count, const struct rollover_policy *policy, struct wall now)
{
	const struct key *ahead = alone_ahead(keys, count, now);
	const struct key *some = newest(keys, count, DUTY_ZONE, now);
	enum key_role first = policy->split ? KEY_KSK : KEY_CSK;
	struct rollover_need needed = { .key = true, .role = first, .algorithm = policy->algorithm };

	if (policy->leaving)
		return (struct rollover_need){ .key = false };
	if (ahead != NULL)
		return (struct rollover_need){ true, KEY_ZSK, ahead->algorithm };
	if (some == NULL)
		some = newest(keys, count, DUTY_KEYS, now);
	if (some != NULL && some->algorithm != policy->algorithm
	    && !under_way(keys, count, DUTY_ZONE | DUTY_KEYS, now))
		return needed;
	if (some != NULL)
		needed.algorithm = some->algorithm;
	if (wants(keys, count, first, policy, now))
		return needed;
	needed.role = KEY_ZSK;
	needed.key = policy->split && wants(keys, count, KEY_ZSK, policy, now);
	return needed;
}

/* A KSK that isn't published yet, since its algorithm is new, and no ZSK with it. */
static const struct key *
alone_ahead(const struct key *keys, size_t count, struct wall now)
{
	const struct key *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (keys[i].role == KEY_KSK && !has_come(keys[i].times.published, now))
			found = &keys[i];
	for (size_t i = 0; i < count && found != NULL; i++)
		if (keys[i].role == KEY_ZSK && keys[i].algorithm == found->algorithm
		    && keys[i].times.published.ms == found->times.published.ms)
			return NULL;
	return found;
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
		return !under_way(keys, count, duties_of(role), now);
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

		if (!(duties_of(key->role) & duties))
			continue;
		if (key->times.withdrawn.ms != 0 ? !has_come(key->times.withdrawn, now)
		    : !has_come(key->times.removed, now) && (is_set(key->times.retired)
		    || !has_come(key->times.active, now) || !has_come(key->times.published, now)))
			return true;
	}
	return false;
}

/* Keys that no parent was ever told of hold nobody up. */
struct wall
rollover_leaves(const struct key *keys, size_t count, const struct rollover_policy *policy, struct wall now)
{
	struct wall leaves = now;

	for (size_t i = 0; i < count; i++) {
		const struct key_times *times = &keys[i].times;

		if (has_come(times->removed, now) || (!has_come(times->offered, now) && times->ds_seen.ms == 0))
			continue;
		if (times->ds_gone.ms == 0)
			return KEY_SOME_DAY;
		leaves = later(leaves, add_s(times->ds_gone, policy->parent_propagation_s, policy->parent_ttl));
	}
	return leaves;
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
		return times->withdrawn.ms != 0 && !has_come(times->withdrawn, now) ? "withdrawing" : "removed";
	if (!has_come(times->published, now))
		return has_come(times->active, now) ? "signs ahead" : "new";
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
