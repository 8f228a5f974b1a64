/* test_rollover.c -- dnssec/rollover: the times of keys step by step, and that no cache is ever left with records that
 * it can't validate, whatever it holds. */
#include "dnssec/rollover.h"

#include <errno.h>

#include "suite.h"

#define KEYS_MAX 64
#define STATES_MAX 4096

static const struct rollover_policy base_policy = {
	.algorithm = KEY_ECDSAP256SHA256, .key_ttl = 3600, .zone_ttl = 7200, .propagation_s = 600, .parent_ttl = 86400,
	.parent_propagation_s = 1800,
};

static struct wall
at(int64_t seconds)
{
	return (struct wall){ (1000000 + seconds) * 1000 };
}

static int64_t
seconds(struct wall time)
{
	return time.ms == 0 ? -1 : time.ms == KEY_SOME_DAY.ms ? -2 : time.ms / 1000 - 1000000;
}

struct world {
	struct rollover_policy policy;
	struct key keys[KEYS_MAX];
	size_t count;
};

/* What a daemon does: steps, and makes what is asked for, until nothing is. */
static struct wall
step(struct world *world, struct wall now)
{
	struct rollover_need need;
	struct wall next;

	while ((need = rollover_step(world->keys, world->count, &world->policy, now, &next)).key) {
		if (world->count == KEYS_MAX) {
			CU_FAIL("there is no end of new keys");
			break;
		}
		world->keys[world->count] = (struct key){ .role = need.role, .algorithm = need.algorithm,
			.tag = (uint16_t)world->count };
		world->count++;
	}
	return next;
}

struct expected { int64_t published, offered, ds_seen, active, retired, removed, withdrawn; };

static void
expect(const char *row, const struct world *world, size_t key, struct expected e)
{
	const struct key_times *t = &world->keys[key].times;
	char why[300];

	snprintf(why, sizeof(why), "%s, key %zu: published %ld offered %ld ds_seen %ld active %ld retired %ld removed %ld "
	    "withdrawn %ld", row, key, (long)seconds(t->published), (long)seconds(t->offered), (long)seconds(t->ds_seen),
	    (long)seconds(t->active), (long)seconds(t->retired), (long)seconds(t->removed), (long)seconds(t->withdrawn));
	suite_row(why, seconds(t->published) == e.published && seconds(t->offered) == e.offered
	    && seconds(t->ds_seen) == e.ds_seen && seconds(t->active) == e.active && seconds(t->retired) == e.retired
	    && seconds(t->removed) == e.removed && seconds(t->withdrawn) == e.withdrawn, "times", __FILE__, __LINE__);
}

static void
test_csk(void)
{
	struct world w = { .policy = base_policy };
	struct wall next;

	next = step(&w, at(0));
	CU_ASSERT_EQUAL(w.count, 1);
	expect("first", &w, 0, (struct expected){ 0, 600 + 7200, -1, 0, -1, -1, -1 });
	CU_ASSERT_EQUAL(seconds(next), 7800);
	SUITE_TEXT(key_state_text(&w.keys[0], at(0)), "published");
	SUITE_TEXT(key_state_text(&w.keys[0], at(7800)), "waiting for DS");
	CU_ASSERT_EQUAL(seconds(step(&w, at(7800))), -1);
	w.keys[0].times.ds_seen = at(9000);
	SUITE_TEXT(key_state_text(&w.keys[0], at(9000)), "active");

	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_KSK, at(100000)), -ENOENT);
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_CSK, at(100000)), 0);
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_CSK, at(100000)), -EALREADY);
	next = step(&w, at(100000));
	CU_ASSERT_EQUAL(w.count, 2);
	expect("new", &w, 1, (struct expected){ 100000, 104200, -1, 104200, -1, -1, -1 });
	expect("old", &w, 0, (struct expected){ 0, 7800, 9000, 0, 104200, -1, -1 });
	CU_ASSERT_EQUAL(seconds(next), 104200);
	CU_ASSERT(key_signs_zone(&w.keys[0], at(104199)) && !key_signs_zone(&w.keys[0], at(104200)));
	CU_ASSERT(!key_signs_zone(&w.keys[1], at(104199)) && key_signs_zone(&w.keys[1], at(104200)));
	CU_ASSERT(key_signs_keys(&w.keys[1], at(100000)) && key_signs_keys(&w.keys[0], at(999999)));
	CU_ASSERT(key_is_offered(&w.keys[0], at(104199)) && !key_is_offered(&w.keys[0], at(104200)));
	CU_ASSERT_EQUAL(seconds(step(&w, at(900000))), -1);	/* it waits for the parent as long as that takes */
	expect("waiting", &w, 0, (struct expected){ 0, 7800, 9000, 0, 104200, -1, -1 });
	w.keys[1].times.ds_seen = at(900000);
	next = step(&w, at(900000));
	expect("seen", &w, 0, (struct expected){ 0, 7800, 9000, 0, 104200, 900000 + 1800 + 86400, -1 });
	CU_ASSERT_EQUAL(seconds(next), 988200);
	SUITE_TEXT(key_state_text(&w.keys[0], at(900000)), "retired");
	SUITE_TEXT(key_state_text(&w.keys[0], at(988200)), "removed");
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_CSK, at(988199)), -EALREADY);
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_CSK, at(988200)), 0);
}

static void
test_zsk(void)
{
	struct world w = { .policy = base_policy };
	struct wall next;

	w.policy.split = true;
	w.policy.zsk_lifetime_s = 90000;
	next = step(&w, at(0));
	CU_ASSERT_EQUAL(w.count, 2);
	CU_ASSERT_EQUAL(w.keys[0].role, KEY_KSK);
	CU_ASSERT_EQUAL(w.keys[1].role, KEY_ZSK);
	expect("KSK", &w, 0, (struct expected){ 0, 7800, -1, 0, -1, -1, -1 });
	expect("ZSK", &w, 1, (struct expected){ 0, -1, -1, 0, -1, -1, -1 });
	CU_ASSERT_EQUAL(seconds(next), 7800);
	CU_ASSERT_EQUAL(seconds(step(&w, at(7800))), 90000 - 4200);
	CU_ASSERT_EQUAL(seconds(step(&w, at(85799))), 85800);
	next = step(&w, at(85800));
	CU_ASSERT_EQUAL(w.count, 3);
	expect("next ZSK", &w, 2, (struct expected){ 85800, -1, -1, 90000, -1, -1, -1 });
	expect("old ZSK", &w, 1, (struct expected){ 0, -1, -1, 0, 90000, 90000 + 600 + 7200, -1 });
	SUITE_TEXT(key_state_text(&w.keys[2], at(85800)), "published");
	CU_ASSERT_EQUAL(seconds(next), 90000);
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_ZSK, at(90000)), -EALREADY);
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_KSK, at(90000)), 0);
	step(&w, at(90000));
	CU_ASSERT_EQUAL(w.count, 4);
	expect("next KSK", &w, 3, (struct expected){ 90000, 94200, -1, 90000, -1, -1, -1 });
	expect("old KSK", &w, 0, (struct expected){ 0, 7800, -1, 0, 94200, -1, -1 });
}

/* A daemon that wasn't there when something was due does it once, and late. */
static void
test_late(void)
{
	struct world w = { .policy = base_policy };

	w.policy.split = true;
	w.policy.zsk_lifetime_s = 90000;
	step(&w, at(0));
	step(&w, at(1000000));
	CU_ASSERT_EQUAL(w.count, 3);
	expect("next ZSK", &w, 2, (struct expected){ 1000000, -1, -1, 1004200, -1, -1, -1 });
	expect("old ZSK", &w, 1, (struct expected){ 0, -1, -1, 0, 1004200, 1012000, -1 });
	w.policy.zsk_lifetime_s = 0;
	CU_ASSERT_EQUAL(seconds(step(&w, at(9000000))), -1);
	CU_ASSERT_EQUAL(w.count, 3);
}

static void
test_roles(void)
{
	struct world w = { .policy = base_policy };

	step(&w, at(0));
	w.policy.split = true;
	step(&w, at(50000));
	CU_ASSERT_EQUAL(w.count, 3);
	expect("CSK to split", &w, 0, (struct expected){ 0, 7800, -1, 0, 54200, -1, -1 });
	expect("KSK", &w, 1, (struct expected){ 50000, 54200, -1, 50000, -1, -1, -1 });
	expect("ZSK", &w, 2, (struct expected){ 50000, -1, -1, 54200, -1, -1, -1 });
	w.policy.split = false;
	step(&w, at(50001));
	CU_ASSERT_EQUAL(w.count, 3);	/* one thing after the other */
	w.keys[1].times.ds_seen = at(60000);
	step(&w, at(60000));
	expect("CSK gone", &w, 0, (struct expected){ 0, 7800, -1, 0, 54200, 148200, -1 });
	step(&w, at(148200));
	CU_ASSERT_EQUAL(w.count, 4);
	expect("CSK again", &w, 3, (struct expected){ 148200, 152400, -1, 152400, -1, -1, -1 });
	expect("KSK retires", &w, 1, (struct expected){ 50000, 54200, 60000, 50000, 152400, -1, -1 });
	expect("ZSK retires", &w, 2, (struct expected){ 50000, -1, -1, 54200, 152400, 152400 + 7800, -1 });
}

/* Another algorithm: the conservative way, with all keys at once. */
static void
test_algorithm(void)
{
	struct world w = { .policy = base_policy };
	struct wall next;

	w.policy.split = true;
	step(&w, at(0));
	w.keys[0].times.ds_seen = at(8000);
	w.policy.algorithm = KEY_ED25519;
	next = step(&w, at(50000));
	CU_ASSERT_EQUAL(w.count, 4);
	CU_ASSERT_EQUAL(w.keys[2].algorithm, KEY_ED25519);
	CU_ASSERT_EQUAL(w.keys[3].algorithm, KEY_ED25519);
	CU_ASSERT_EQUAL(seconds(next), 57800);
	expect("new KSK", &w, 2, (struct expected){ 57800, 57800 + 4200, -1, 50000, -1, -1, -1 });
	expect("new ZSK", &w, 3, (struct expected){ 57800, -1, -1, 50000, -1, -1, -1 });
	expect("old KSK stays", &w, 0, (struct expected){ 0, 7800, 8000, 0, 62000, -1, -2 });
	SUITE_TEXT(key_state_text(&w.keys[3], at(50000)), "signs ahead");
	CU_ASSERT(key_signs_zone(&w.keys[3], at(50000)) && key_signs_zone(&w.keys[1], at(50000)));
	CU_ASSERT(!key_signs_keys(&w.keys[2], at(57799)) && key_signs_offers(&w.keys[2], at(50000)));
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_ZSK, at(50000)), -EALREADY);
	next = step(&w, at(57800));
	CU_ASSERT_EQUAL(w.count, 4);
	CU_ASSERT_EQUAL(seconds(next), 62000);
	expect("old KSK", &w, 0, (struct expected){ 0, 7800, 8000, 0, 62000, -1, -2 });
	expect("old ZSK", &w, 1, (struct expected){ 0, -1, -1, 0, 62000, -1, -2 });
	CU_ASSERT(key_signs_zone(&w.keys[1], at(900000)) && key_is_published(&w.keys[1], at(900000)));
	CU_ASSERT_EQUAL(seconds(step(&w, at(70000))), -1);
	w.keys[2].times.ds_seen = at(80000);
	next = step(&w, at(80000));
	CU_ASSERT_EQUAL(seconds(next), 80000 + 88200);
	for (size_t i = 0; i < 2; i++)
		SUITE_ROW("both go together", seconds(w.keys[i].times.removed) == 168200
		    && seconds(w.keys[i].times.withdrawn) == 168200 + 4200);
	CU_ASSERT(!key_is_published(&w.keys[1], at(168200)) && key_signs_zone(&w.keys[1], at(172399)));
	CU_ASSERT(!key_signs_zone(&w.keys[1], at(172400)) && !key_signs_offers(&w.keys[0], at(172400)));
	CU_ASSERT(key_signs_offers(&w.keys[0], at(172399)) && !key_signs_keys(&w.keys[0], at(168200)));
	SUITE_TEXT(key_state_text(&w.keys[1], at(168200)), "withdrawing");
	SUITE_TEXT(key_state_text(&w.keys[1], at(172400)), "removed");
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_ZSK, at(172399)), -EALREADY);
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_ZSK, at(172400)), 0);
}

/* A zone is unsigned when no cache has a DS of it any more. */
static void
test_leaves(void)
{
	struct world w = { .policy = base_policy };

	step(&w, at(0));
	w.policy.leaving = true;
	CU_ASSERT_EQUAL(seconds(rollover_leaves(w.keys, w.count, &w.policy, at(100))), 100);	/* nobody was told */
	CU_ASSERT_EQUAL(seconds(rollover_leaves(w.keys, w.count, &w.policy, at(7800))), -2);
	w.keys[0].times.ds_seen = at(9000);
	CU_ASSERT_EQUAL(rollover_start(w.keys, w.count, KEY_CSK, at(10000)), 0);
	step(&w, at(10000));
	CU_ASSERT_EQUAL(w.count, 1);	/* no new keys */
	CU_ASSERT_EQUAL(seconds(rollover_leaves(w.keys, w.count, &w.policy, at(10000))), -2);
	w.keys[0].times.ds_gone = at(20000);
	step(&w, at(20000));
	CU_ASSERT_EQUAL(seconds(rollover_leaves(w.keys, w.count, &w.policy, at(20000))), 20000 + 88200);
	CU_ASSERT_EQUAL(seconds(rollover_leaves(w.keys, w.count, &w.policy, at(200000))), 200000);
	w.policy.leaving = false;
	step(&w, at(30000));
	CU_ASSERT_EQUAL(seconds(w.keys[0].times.ds_gone), -1);
	CU_ASSERT_EQUAL(seconds(w.keys[0].times.ds_seen), -1);
	w.keys[0].times.removed = at(30000);
	CU_ASSERT_EQUAL(seconds(rollover_leaves(w.keys, w.count, &w.policy, at(30000))), 30000);
}

/* --- caches --------------------------------------------------------------------------------------------------------- */

/* What is to be had from servers at a moment, as sets of keys. */
struct state {
	int64_t since;		/* seconds */
	uint64_t dnskeys, key_signers, zone_signers, offer_signers, ds;
};

struct history {
	struct state states[STATES_MAX];
	size_t count;
};

static void
remember(struct history *history, const struct world *world, int64_t now, uint64_t ds)
{
	struct state state = { .since = now, .ds = ds };
	struct state *last = history->count == 0 ? NULL : &history->states[history->count - 1];

	for (size_t i = 0; i < world->count; i++) {
		state.dnskeys |= (uint64_t)key_is_published(&world->keys[i], at(now)) << i;
		state.key_signers |= (uint64_t)key_signs_keys(&world->keys[i], at(now)) << i;
		state.zone_signers |= (uint64_t)key_signs_zone(&world->keys[i], at(now)) << i;
		state.offer_signers |= (uint64_t)key_signs_offers(&world->keys[i], at(now)) << i;
	}
	if (last != NULL && last->dnskeys == state.dnskeys && last->key_signers == state.key_signers
	    && last->zone_signers == state.zone_signers && last->offer_signers == state.offer_signers
	    && last->ds == state.ds)
		return;
	if (history->count < STATES_MAX)
		history->states[history->count++] = state;
}

/* Whether state `i` was to be had less than `age` seconds before `now`. */
static bool
within(const struct history *history, size_t i, int64_t now, int64_t age)
{
	return i + 1 == history->count || history->states[i + 1].since > now - age;
}

/* Of every algorithm among `keys` at least one is among `there`. */
static bool
each_algorithm(const struct world *world, uint64_t keys, uint64_t there)
{
	bool good = true;

	for (size_t i = 0; i < world->count; i++) {
		bool found = (keys >> i & 1) == 0;

		for (size_t k = 0; k < world->count && !found; k++)
			found = (there >> k & 1) && world->keys[k].algorithm == world->keys[i].algorithm;
		good &= found;
	}
	return good;
}

/* A resolver may hold DS, DNSKEY and a signature of any three moments that their TTLs and the servers' lag allow: they
 * must make a chain, for strict resolvers one of each algorithm that the DS, and that the DNSKEYs have (RFC 4035 section
 * 2.2). Only a resolver with a DS validates. */
static bool
all_validate(const struct history *history, const struct world *world, int64_t now)
{
	const struct rollover_policy *policy = &world->policy;
	int64_t ds_age = (int64_t)policy->parent_ttl + policy->parent_propagation_s;
	int64_t key_age = (int64_t)policy->key_ttl + policy->propagation_s;
	int64_t zone_age = (int64_t)policy->zone_ttl + policy->propagation_s;

	for (size_t d = history->count; d-- > 0 && within(history, d, now, ds_age);)
		for (size_t k = history->count; k-- > 0 && within(history, k, now, key_age);) {
			const struct state *keys = &history->states[k];
			uint64_t ds = history->states[d].ds;

			if (ds == 0)
				continue;
			if (!each_algorithm(world, ds, ds & keys->key_signers & keys->dnskeys))
				return false;
			for (size_t s = history->count; s-- > 0 && within(history, s, now, zone_age);)
				if (!each_algorithm(world, keys->dnskeys, history->states[s].zone_signers & keys->dnskeys))
					return false;
			for (size_t s = history->count; s-- > 0 && within(history, s, now, key_age);)
				if (!each_algorithm(world, keys->dnskeys, history->states[s].offer_signers & keys->dnskeys))
					return false;
		}
	return true;
}

static uint32_t
dice(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* The clock goes by tens, so that every state is seen from its first second on. */
static uint32_t
tens(uint64_t *state, uint32_t below)
{
	return dice(state) % below / 10 * 10;
}

/* One life of a zone: keys roll by themselves and by wish, roles change, the parent takes up DS late, and the daemon
 * sleeps now and then. */
static size_t
live(uint64_t seed)
{
	size_t keys;
	uint64_t random = seed * 77 + 1, ds = 0;
	struct world *w = calloc(1, sizeof(*w));
	struct history *history = calloc(1, sizeof(*history));
	int64_t asleep_until = 0, parent_acts = -1, now = 0;
	char why[100];

	w->policy = (struct rollover_policy){
		.algorithm = KEY_ECDSAP256SHA256, .split = dice(&random) % 2, .zsk_lifetime_s = 500 + dice(&random) % 4000,
		.key_ttl = tens(&random, 300), .zone_ttl = tens(&random, 600), .propagation_s = tens(&random, 100),
		.parent_ttl = tens(&random, 500), .parent_propagation_s = tens(&random, 100),
	};
	for (; now < 20000 && w->count < KEYS_MAX - 4; now += 10) {
		if (now >= asleep_until) {
			if (dice(&random) % 300 == 0)
				asleep_until = now + dice(&random) % 3000;
			if (dice(&random) % 100 == 0 && w->count > 0)
				(void)!rollover_start(w->keys, w->count, (enum key_role)(dice(&random) % 3), at(now));
			if (dice(&random) % 500 == 0)
				w->policy.split = !w->policy.split;
			if (dice(&random) % 400 == 0)
				w->policy.algorithm = w->policy.algorithm == KEY_ED25519 ? KEY_ECDSAP256SHA256 : KEY_ED25519;
			step(w, at(now));
			/* The operator, or who looks, tells that the parent has what is offered. */
			if (parent_acts >= 0 && now >= parent_acts) {
				for (size_t i = 0; i < w->count; i++)
					if (ds >> i & 1 && w->keys[i].times.ds_seen.ms == 0)
						w->keys[i].times.ds_seen = at(now);
				parent_acts = -1;
			}
		}
		if (parent_acts < 0 && dice(&random) % 20 == 0) {
			uint64_t offered = 0;

			for (size_t i = 0; i < w->count; i++)
				offered |= (uint64_t)key_is_offered(&w->keys[i], at(now)) << i;
			if (offered != 0 && offered != ds) {
				ds = offered;
				parent_acts = now + dice(&random) % 200;
			}
		}
		remember(history, w, now, ds);
		if (!all_validate(history, w, now)) {
			snprintf(why, sizeof(why), "seed %lu, second %ld", (unsigned long)seed, (long)now);
			suite_row(why, 0, "every cache validates", __FILE__, __LINE__);
			break;
		}
	}
	keys = w->count;
	free(history);
	free(w);
	return keys;
}

static void
test_caches(void)
{
	unsigned lives = suite_rounds(300);
	size_t keys = 0;

	for (unsigned seed = 0; seed < lives; seed++)
		keys += live(seed);
	CU_ASSERT(keys > 10 * lives);	/* there was something to see */
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "a CSK is introduced, rolled, waits for its DS", .run = test_csk },
		{ .name = "ZSKs roll by themselves, KSKs by wish", .run = test_zsk },
		{ .name = "what was slept through is done once", .run = test_late },
		{ .name = "from CSK to KSK and ZSK and back", .run = test_roles },
		{ .name = "from one algorithm to another", .run = test_algorithm },
		{ .name = "a zone is unsigned after its DS", .run = test_leaves },
		{ .name = "every cache validates at every moment", .run = test_caches },
	};

	return suite_run("rollover", cases, ARRAY_SIZE(cases));
}
