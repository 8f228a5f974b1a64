/* test_certificate.c -- plan/certificate: sound tables pass, and each kind of damage is found and named. */
#include "certificate/certificate.h"

#include "packing/pack.h"
#include "steer/country.h"
#include "world.h"

static const char zone[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"eu._region.www 60 A 192.0.2.1\nus._region.www 60 A 198.51.100.1\nap._region.www 60 A 203.0.113.1\n"
	"eu._region.near 60 A 192.0.2.1\nus._region.near 60 A 198.51.100.1\n";
static const char steering[] = "regions: {eu: {location: {latitude: 50, longitude: 8}},"
	" us: {location: {latitude: 39, longitude: -77}}, ap: , other: }\n"
	"client-groups: {germany: {countries: [DE]}}\nservices:\n"
	"  near.example.com: {sharding-policy: geographic, regions: {eu: , us: },"
	" residency: [{clients: [germany], regions: [eu]}]}\n"
	"  www.example.com: {sharding-policy: predictive, regions: {eu: , us: , ap: },"
	" residency: [{clients: [germany], regions: [eu, us]}]}\n";

enum { EU, US, AP, OTHER };
enum { NEAR, WWW };

static const struct plan_pair planned[] = { { EU, US, 0.5 }, { EU, AP, 0.1 }, { US, EU, 0.1 }, { AP, EU, 0.3 } };
static struct plan_pair pairs[ARRAY_SIZE(planned)];
static const struct plan_group group = { .group = GROUP_DEFAULT, .pair_count = ARRAY_SIZE(pairs), .pairs = pairs };
static const struct plan_service service = { "www.example.com.", 1, &group };
static const struct plan plan = { .model = "", .service_count = 1, .services = &service };

/* Tables may be written here: the test made them. */
static bool
certified(const struct snapshot *snapshot, const struct plan *meant, struct text *why)
{
	double capacities[REGIONS_MAX] = { 0 };
	struct certificate *certificate = certificate_check(snapshot,
		&(struct certificate_terms){ .plan = meant, .capacities = capacities });
	bool good = certificate->good;

	if (!good)
		text_puts(why, certificate->why.bytes);
	certificate_free(certificate);
	return good;
}

static struct slot *
slot_of(struct world *world, size_t s, size_t g, uint32_t i)
{
	return &((struct slot_table *)(uintptr_t)world->snapshot->services[s].tables[g])->slots[i];
}

static void
damage_nothing(struct world *world)
{
	(void)world;
}

static void
damage_foreign(struct world *world)
{
	slot_of(world, WWW, 0, 1000)->list[2] = OTHER;
}

static void
damage_residency(struct world *world)
{
	slot_of(world, WWW, 1, 77)->list[1] = AP;
}

static void
damage_twice(struct world *world)
{
	slot_of(world, WWW, 0, 5)->list[2] = slot_of(world, WWW, 0, 5)->list[0];
}

static void
damage_gap(struct world *world)
{
	slot_of(world, WWW, 1, 9)->list[3] = slot_of(world, WWW, 1, 9)->list[0];
}

static void
damage_empty(struct world *world)
{
	memset(slot_of(world, WWW, 0, 32767)->list, NO_REGION, SLOT_LIST);
}

static void
damage_rank(struct world *world)
{
	slot_of(world, WWW, 0, 3)->rank = 65535;
}

static void
damage_uniform(struct world *world)
{
	((struct slot_table *)(uintptr_t)world->snapshot->services[WWW].tables[0])->uniform = true;
}

static void
damage_country(struct world *world)
{
	struct slot_table *table = (struct slot_table *)(uintptr_t)world->snapshot->services[NEAR].by_country;

	table->slots[country_find("DE")].list[1] = US;
}

/* Two slots change their primary: more than rounding explains. */
static void
damage_share(struct world *world)
{
	for (uint32_t i = 0, n = 0; n < 2; i++)
		if (slot_of(world, WWW, 0, i)->list[0] == US) {
			region_id *list = slot_of(world, WWW, 0, i)->list;

			list[0] = EU;
			list[1] = US;
			n++;
		}
}

static void
damage_backup(struct world *world)
{
	for (uint32_t i = 0, n = 0; n < 3; i++) {
		region_id *list = slot_of(world, WWW, 0, i)->list;

		if (list[0] == EU && list[1] == US) {
			list[1] = AP;
			list[2] = US;
			n++;
		}
	}
}

static void
damage_unplanned(struct world *world)
{
	for (uint32_t i = 0;; i++) {
		region_id *list = slot_of(world, WWW, 0, i)->list;

		if (list[0] == AP) {
			list[1] = US;
			list[2] = EU;
			break;
		}
	}
}

static void
damage_plan(struct world *world)
{
	(void)world;
	pairs[0].share = 0.6;
}

static const struct {
	const char *name;
	void (*damage)(struct world *);
	const char *why;
} rows[] = {
	{ .name = "sound", .damage = damage_nothing, .why = NULL },
	{ .name = "a region of another service", .damage = damage_foreign,
	    .why = "www.example.com.: clients of default: the list of slot 1000 of 32768 holds a region that "
	    "residency forbids" },
	{ .name = "forbidden by residency", .damage = damage_residency,
	    .why = "www.example.com.: clients of germany: the list of slot 77 of 32768 holds a region that residency "
	    "forbids" },
	{ .name = "twice", .damage = damage_twice,
	    .why = "www.example.com.: clients of default: the list of slot 5 of 32768 holds a region twice" },
	{ .name = "behind the end", .damage = damage_gap,
	    .why = "www.example.com.: clients of germany: the list of slot 9 of 32768 goes on after its end" },
	{ .name = "empty", .damage = damage_empty,
	    .why = "www.example.com.: clients of default: the list of slot 32767 of 32768 is empty though a region is "
	    "legal" },
	{ .name = "rank", .damage = damage_rank,
	    .why = "www.example.com.: clients of default: the list of slot 3 of 32768 has a rank that no admission "
	    "reaches" },
	{ .name = "not uniform", .damage = damage_uniform, .why = "www.example.com.: clients of default: the list of "
	    "slot 16384 of 32768"
	    " differs from the first, though all are said to be equal" },
	{ .name = "by country", .damage = damage_country,
	    .why = "near.example.com.: clients in DE: the list holds a region that residency forbids" },
	{ .name = "primary's share", .damage = damage_share,
	    .why = "www.example.com.: clients of default: eu has 0.6001 of the slots, planned 0.6000" },
	{ .name = "pair's share", .damage = damage_backup,
	    .why = "www.example.com.: clients of default: eu backed up by us has 0.4999 of the slots, planned "
	    "0.5000" },
	{ .name = "a pair that isn't planned", .damage = damage_unplanned,
	    .why = "www.example.com.: clients of default: ap backed up by us has 0.0000 of the slots, and isn't planned" },
	{ .name = "the plan's sum", .damage = damage_plan,
	    .why = "www.example.com.: clients of default: shares add up to 1.100000" },
};

static void
test_damage(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world *world = malloc(sizeof(*world));
		struct text why = { 0 };
		bool good;

		memcpy(pairs, planned, sizeof(pairs));
		world_open(world, (struct world_parts){ .zones = { { "example.com.", zone } }, .steering = steering,
		    .plan = &plan });
		rows[i].damage(world);
		good = certified(world->snapshot, &plan, &why);
		SUITE_ROW(rows[i].name, good == (rows[i].why == NULL));
		SUITE_TEXT(why.bytes, rows[i].why);
		text_fini(&why);
		world_close(world);
		free(world);
	}
}

/* Every policy's tables, sticky or not, with and without a plan for all of it. */
static void
test_all_policies(void)
{
	static const char *const policies[] = { "sharding-policy: predictive",
	    "sharding-policy: predictive, sticky: false",
		"sharding-policy: weighted-random", "sharding-policy: weighted-random, sticky: false",
		"sharding-policy: round-robin", "sharding-policy: priority", "sharding-policy: geographic" };

	memcpy(pairs, planned, sizeof(pairs));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		for (int with = 0; with < 2; with++) {
			struct world *world = malloc(sizeof(*world));
			struct text why = { 0 };
			char text[1000];

			snprintf(text, sizeof(text), "regions: {eu: {location: {latitude: 50, longitude: 8}}, us: "
			    "{location: {latitude: 39, longitude: -77}},"
			    " ap: {location: {latitude: 35, longitude: 139}}}\nclient-groups: {germany: {countries: "
			    "[DE]}, "
			    "net: {networks: [10.0.0.0/8]}}\nservices:\n  www.example.com: {%s, regions: {eu: , us: , "
			    "ap: }, "
			    "residency: [{clients: [germany], regions: [eu, us]}, {clients: [net], regions: [ap]}]}\n",
			    policies[i]);
			world_open(world, (struct world_parts){ .zones = { { "example.com.", zone } }, .steering = text,
			    .plan = with ? &plan : NULL });
			SUITE_ROW(policies[i], certified(world->snapshot, with ? &plan : NULL, &why));
			SUITE_TEXT(why.bytes, NULL);
			text_fini(&why);
			world_close(world);
			free(world);
		}
}

static const struct suite_case cases[] = {
	{ .name = "each kind of damage", .run = test_damage },
	{ .name = "sound tables of every policy", .run = test_all_policies },
};

int
main(void)
{
	return suite_run("certificate", cases, ARRAY_SIZE(cases));
}
