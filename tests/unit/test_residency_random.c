/* test_residency_random.c -- no pick is ever against the law: random worlds, real tables, whatever the live words say.
 * The judge is law_allows(), which reads the rules as they are written, beside what agents accept, which may only narrow.
 *	test_residency_random [PICKS]	10,000,000 if left out */
#include <unistd.h>

#include "mmdb.h"
#include "serve/steered.h"
#include "steer/constrain.h"
#include "steer/law.h"
#include "world.h"

#define CHOICES_PER_WORLD 2000	/* by address, besides the slots that are gone through */

struct dice { uint64_t state; };

struct law_world {
	struct world world;		/* its snapshot is that of the narrowed steering */
	struct steering *base, *narrowed;
	struct region_set accepting[16];
	struct compiled compiled;
	struct snapshot *snapshot;
};

static uint64_t picks_wanted, picks_made, worlds_made;
static struct geo *geo;

static const char zone[] = "@ 60 SOA ns hostmaster 1 7200 900 1209600 300\n@ 60 NS ns\nns 60 A 192.0.2.53\n"
	"r0._region.s0 60 A 192.0.2.1\nr1._region.s0 60 A 192.0.2.2\nr2._region.s0 60 A 192.0.2.3\nr3._region.s0 60 A "
	"192.0.2.4\nr0._region.s1 60 A 192.0.2.1\nr1._region.s1 60 A 192.0.2.2\nr2._region.s1 60 AAAA ::3\n"
	"r3._region.s1 60 AAAA ::4\ns0 60 A 192.0.2.99\n";

static const char *const addresses[] = {
	"10.200.1.1", "10.1.77.1", "10.1.2.3", "2001:db8:1::1", "2001:db8:2:3::1",	/* networks, inside each other */
	"192.0.2.7", "198.51.100.7", "203.0.113.7", "10.1.3.3",				/* countries, also in a network */
	"77.1.2.3", "2a00::1",								/* nothing is known */
};

static uint32_t
roll(struct dice *dice, uint32_t sides)
{
	dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((dice->state >> 33) * sides >> 31);
}

static void
open_geo(void)
{
	static const struct mmdb_entry networks[] = {
		{ "192.0.2.0/24", "DE" }, { "198.51.100.0/24", "US" }, { "203.0.113.0/24", "FR" }, { "10.1.3.0/24", "DE" },
	};
	char path[] = "/tmp/isobar-residency-XXXXXX";
	struct text error = { 0 };
	int fd = mkstemp(path);

	if (fd < 0)
		abort();
	close(fd);
	mmdb_write(path, 6, MMDB_NESTED, networks, ARRAY_SIZE(networks));
	geo = geo_open(path, &error);
	if (geo == NULL)
		abort();
	unlink(path);
}

/* Rules that leave some client nothing are refused when they're read: then others are thrown. */
static struct steering *
random_steering(struct dice *dice)
{
	static const char *const groups[] = { "wide", "site", "lab", "six", "germany", "europe", "default" };
	static const char *const policies[] = { "predictive", "weighted-random", "round-robin", "geographic", "priority",
		"weighted-random, sticky: false", "predictive, shed: true" };
	static const char *const downs[] = { "serve-legal", "nodata", "servfail" };

	for (;;) {
		struct text text = { 0 };
		struct diags diags = { 0 };
		struct steering *steering;

		text_puts(&text, "regions: {r0: {location: {latitude: 50, longitude: 8}}, r1: , r2: {location: {latitude: 1, "
		    "longitude: 100}}, r3: }\nclient-groups:\n  wide: {networks: [10.0.0.0/8]}\n  site: {networks: "
		    "[10.1.0.0/16]}\n  lab: {networks: [10.1.2.0/24, 10.1.3.0/24]}\n  six: {networks: ['2001:db8::/32', "
		    "'2001:db8:1::/48']}\n  germany: {countries: [DE]}\n  europe: {continents: [EU]}\nservices:\n");
		for (unsigned s = 0; s < 2; s++) {
			text_printf(&text, "  s%u.example:\n    regions: [r0, r1, r2, r3]\n    when-all-down: %s\n", s,
			    downs[roll(dice, 3)]);
			text_printf(&text, "    sharding-policy: %s\n    residency:\n",
			    policies[roll(dice, ARRAY_SIZE(policies) - s)]);
			for (unsigned k = 0; k < 1 + roll(dice, 4); k++) {
				unsigned first = roll(dice, 4), more = roll(dice, 4);

				text_printf(&text, "      - {clients: [%s], regions: [r%u", groups[roll(dice,
				    ARRAY_SIZE(groups))], first);
				for (unsigned i = 1; i <= more; i++)
					text_printf(&text, ", r%u", (first + i) % 4);
				text_puts(&text, "]}\n");
			}
		}
		steering = steering_read(text.bytes, "steering.yaml", &diags);
		diag_fini(&diags);
		text_fini(&text);
		if (steering != NULL)
			return steering;
	}
}

static void
random_open(struct dice *dice, struct law_world *w)
{
	memset(w, 0, offsetof(struct law_world, world) + offsetof(struct world, response));
	world_open(&w->world, (struct world_parts){ .zones = { { "example.", zone } } });
	w->base = random_steering(dice);
	for (size_t g = 0; g < w->base->group_count; g++)
		w->accepting[g] = roll(dice, 3) > 0 ? region_set_all()
			: (struct region_set){ { roll(dice, 16), UINT64_MAX, UINT64_MAX, UINT64_MAX } };
	w->narrowed = steering_constrain(w->base, w->accepting);
	memset(&w->compiled, 0, sizeof(w->compiled));
	if (w->narrowed == NULL || compile_tables(&w->compiled, w->narrowed, NULL, NULL, NULL) != 0)
		abort();
	w->snapshot = snapshot_new(&(struct snapshot_parts){ .epoch = 1, .steering = w->narrowed, .geo = geo,
	    .zones = w->world.zones, .zone_count = w->world.zone_count, .tables = w->compiled.services,
	    .worker_count = 1 });
	if (w->snapshot == NULL)
		abort();
	compiled_fini(&w->compiled);
	worlds_made++;
}

static void
random_close(struct law_world *w)
{
	snapshot_free(w->snapshot);
	steering_free(w->narrowed);
	steering_free(w->base);
	world_close(&w->world);
}

/* By the operator's rules alone. What agents accept is in the narrowed steering's rules, and must not add to these. */
static struct region_set
lawful_for(const struct law_world *w, size_t service, const struct address *address, bool *widened)
{
	struct region_set lawful = { { 0 } };

	for (region_id r = 0; r < w->base->region_count; r++) {
		bool base = law_allows(w->base, &w->base->services[service], geo, address, r);
		bool narrowed = law_allows(w->narrowed, &w->narrowed->services[service], geo, address, r);

		*widened |= narrowed && !base;
		if (base && narrowed)
			region_set_add(&lawful, r);
	}
	return lawful;
}

static void
random_words(struct dice *dice, struct live *live)
{
	static const admit levels[] = { ADMIT_ALL, ADMIT_ALL, ADMIT_NONE, 1, 20000, 65534 };

	for (region_id r = 0; r < 4; r++)
		live_set_admit(live, r, levels[roll(dice, ARRAY_SIZE(levels))]);
}

/* Each slot of the table that this address is answered from, with every set of dead regions. */
static unsigned
all_slots(struct dice *dice, const struct law_world *w, const struct steered *chosen, struct region_set lawful,
	size_t service)
{
	const struct service *s = &w->snapshot->services[service];
	size_t count = (size_t)chosen->table->count + chosen->table->heavy_count;
	unsigned wrong = 0;
	struct live live = { 0 };

	for (uint64_t dead = 0; dead < 16; dead++) {
		random_words(dice, &live);
		for (region_id r = 0; r < 4; r++)
			live_set_dead(&live, r, dead >> r & 1);
		for (size_t i = 0; i < count; i++) {
			struct pick_question question = { .slot = &chosen->table->slots[i], .live = &live,
				.legal = chosen->legal, .able = chosen->able, .rank = chosen->table->slots[i].rank,
				.may_shed = s->intent->shed, .order = s->order, .order_count = s->order_count,
				.when_all_down = s->intent->when_all_down };
			struct pick pick = slots_pick(&question);
			struct region_set alive = region_set_and(region_set_and(lawful, chosen->able),
				(struct region_set){ { ~dead } });

			wrong += pick.region != NO_REGION && !region_set_has(&lawful, pick.region);
			/* And somebody is answered as long as somebody may be. */
			wrong += !region_set_is_empty(alive) && !region_set_has(&alive, pick.region);
		}
		picks_made += count;
	}
	return wrong;
}

static void
test_slots(void)
{
	unsigned wrong = 0;
	bool widened = false;

	for (uint64_t seed = 1; picks_made < picks_wanted || worlds_made < 3; seed++) {
		struct dice dice = { seed };
		struct law_world w;

		random_open(&dice, &w);
		for (size_t s = 0; s < w.snapshot->service_count; s++)
			for (size_t a = 0; a < ARRAY_SIZE(addresses); a++) {
				struct steered_client client = { .length = 48 };
				struct steered chosen;

				if (address_parse(addresses[a], &client.address) != 0)
					abort();
				client.length = (uint8_t)(client.address.bits == 32 ? 32 : 48);
				steered_choose(&chosen, w.snapshot, &w.snapshot->services[s], &client, TYPE_A, NULL);
				wrong += all_slots(&dice, &w, &chosen, lawful_for(&w, s, &client.address, &widened), s);
			}
		random_close(&w);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(!widened);
	CU_ASSERT(worlds_made >= 3);
}

/* Random clients with prefixes of any length, random types, words that change all the time. */
static void
test_choices(void)
{
	static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
	unsigned wrong = 0, answered = 0, worlds = suite_rounds(300);
	bool widened = false;

	for (uint64_t seed = 1; seed <= worlds; seed++) {
		struct dice dice = { seed + 1000 };
		struct law_world w;

		random_open(&dice, &w);
		for (unsigned i = 0; i < CHOICES_PER_WORLD; i++) {
			size_t s = roll(&dice, 2);
			struct live *live = w.snapshot->services[s].live;
			struct steered_client client;
			struct steered chosen;
			struct region_set lawful;

			if (address_parse(addresses[roll(&dice, ARRAY_SIZE(addresses))], &client.address) != 0)
				abort();
			for (unsigned b = 1 + roll(&dice, 3); b < client.address.bits / 8; b++)
				client.address.bytes[b] = (uint8_t)roll(&dice, 256);
			client.length = (uint8_t)(1 + roll(&dice, client.address.bits));
			if (roll(&dice, 10) == 0) {
				random_words(&dice, live);
				for (region_id r = 0; r < 4; r++)
					live_set_dead(live, r, roll(&dice, 3) == 0);
			}
			steered_choose(&chosen, w.snapshot, &w.snapshot->services[s], &client, types[roll(&dice, 2)],
			    w.snapshot->rows[0].turns);
			if (!chosen.applies)	/* no region has such records: nothing is steered */
				continue;
			lawful = lawful_for(&w, s, &client.address, &widened);
			wrong += chosen.pick.region != NO_REGION && !region_set_has(&lawful, chosen.pick.region);
			answered += chosen.pick.region != NO_REGION;
		}
		random_close(&w);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(!widened);
	CU_ASSERT(answered > worlds * CHOICES_PER_WORLD / 3);
}

static const struct suite_case cases[] = {
	{ .name = "every slot, every set of dead regions", .run = test_slots },
	{ .name = "random clients, words that change", .run = test_choices },
};

int
main(int argc, char **argv)
{
	int status;

	picks_wanted = suite_rounds(10000000);
	if (argc > 1)
		picks_wanted = strtoull(argv[1], NULL, 10);
	open_geo();
	status = suite_run("residency_random", cases, ARRAY_SIZE(cases));
	geo_close(geo);
	printf("# %llu picks in %llu worlds\n", (unsigned long long)picks_made, (unsigned long long)worlds_made);
	return status;
}
