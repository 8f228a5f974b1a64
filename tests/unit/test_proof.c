/* test_proof.c -- control/proof: who has no legal region left in which loss, and what they get then; everybody else is
 * proven in silence. */
#include "control/proof.h"

#include <unistd.h>

#include "control/publish.h"
#include "mmdb.h"
#include "suite.h"

#define ZONE "@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.53\n"
#define WWW "eu._region.www 60 IN A 192.0.2.1\nus._region.www 60 IN A 192.0.2.2\nap._region.www 60 IN AAAA ::3\n"
#define GROUPS "client-groups: {office: {networks: [10.0.0.0/8]}, lab: {networks: [10.1.0.0/16]}, " \
	"far: {networks: [172.16.0.0/12]}}\n"
#define AT(latitude, longitude) "location: {latitude: " latitude ", longitude: " longitude "}"
#define REGIONS "regions: {eu: {risk-groups: [grid], " AT("50", "8") "}, us: {risk-groups: [grid], " AT("39", "-77") \
	"}, ap: {" AT("35", "139") "}}\n"

static const struct {
	const char *name, *steering;
	const char *warnings;		/* without file and line, one a line */
	size_t losses;
} rows[] = {
	{ .name = "nobody is bound", .steering = REGIONS GROUPS
	    "services: {www.example.: {sharding-policy: weighted-random, regions: [eu, us, ap]}}\n", .warnings = "",
	    .losses = 5 },
	{ .name = "one legal region, served all the same", .steering = REGIONS GROUPS
	    "services: {www.example.: {sharding-policy: weighted-random, regions: [eu, us, ap], residency: [{clients: "
	    "[office], regions: [eu]}]}}\n",
	    .warnings = "if eu is lost, the service 'www.example.' has no legal region left for clients of 'office', 'lab': "
	    "they get it all the same\n"
	    "if risk group grid is lost, the service 'www.example.' has no legal region left for clients of 'office', "
	    "'lab': they get it all the same\n", .losses = 5 },
	{ .name = "NODATA for a risk group", .steering = REGIONS GROUPS
	    "services: {www.example.: {sharding-policy: priority, when-all-down: nodata, regions: [eu, us, ap], residency: "
	    "[{clients: [far], regions: [eu, us]}]}}\n",
	    .warnings = "if risk group grid is lost, the service 'www.example.' has no legal region left for clients of "
	    "'far': they get NODATA with EDE 22\n", .losses = 5 },
	{ .name = "SERVFAIL, and two rules that join", .steering = REGIONS GROUPS
	    "services: {www.example.: {sharding-policy: geographic, when-all-down: servfail, regions: [eu, us, ap], "
	    "residency: [{clients: [office], regions: [us, ap]}, {clients: [lab], regions: [eu, ap]}]}}\n",
	    .warnings = "if ap is lost, the service 'www.example.' has no legal region left for clients of 'lab': they get "
	    "SERVFAIL with EDE 22\n", .losses = 5 },
	{ .name = "many groups are counted", .steering = "regions: {eu: , us: , ap: }\n"
	    "client-groups: {a: {networks: [10.1.0.0/16]}, b: {networks: [10.2.0.0/16]}, c: {networks: [10.3.0.0/16]}, "
	    "d: {networks: [10.4.0.0/16]}, e: {networks: [10.5.0.0/16]}, f: {networks: [10.6.0.0/16]}, "
	    "g: {networks: [10.7.0.0/16]}}\n"
	    "services: {www.example.: {sharding-policy: weighted-random, regions: [eu, us, ap], residency: [{clients: "
	    "[a, b, c, d, e, f, g], regions: [us]}]}}\n",
	    .warnings = "if us is lost, the service 'www.example.' has no legal region left for clients of 'a', 'b', 'c', "
	    "'d', 'e' and 2 more groups: they get it all the same\n", .losses = 4 },
	{ .name = "no service", .steering = "regions: {eu: , us: }\n", .warnings = "", .losses = 3 },
};

static struct world *
world_of(const char *steering)
{
	struct zone_text zone = { .file = "example", .name = "example.", .text = ZONE WWW };
	struct diags diags = { 0 };
	struct world *world = world_edit(NULL, &(struct world_edit){ .zone_count = 1, .zones = &zone,
	    .steering = steering, .steering_file = "steering.yaml" }, &diags);

	if (world == NULL) {
		struct text text = { 0 };

		diag_print(&diags, &text);
		fprintf(stderr, "%s", text.bytes);
		abort();
	}
	diag_fini(&diags);
	return world;
}

static char *
proven(const char *steering, struct proof *proof, bool *good)
{
	struct world *world = world_of(steering);
	struct diags diags = { 0 };
	struct text text = { 0 };

	*good = residency_prove(world, "steering.yaml", &diags, proof) && !diag_failed(&diags);
	text_puts(&text, "");
	for (size_t i = 0; i < diags.count; i++)
		text_printf(&text, "%s\n", diags.list[i].message);
	diag_fini(&diags);
	world_free(world);
	return text_take(&text);
}

static void
test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct proof proof;
		bool good;
		char *warnings = proven(rows[i].steering, &proof, &good);

		SUITE_ROW(rows[i].name, good);
		SUITE_TEXT(warnings, rows[i].warnings);
		SUITE_ROW(rows[i].name, proof.losses == rows[i].losses);
		/* Each kind is picked for at least once for each of the two types. */
		SUITE_ROW(rows[i].name, proof.picks >= 2 * proof.kinds);
		free(warnings);
	}
}

/* A network may lie in a country whose law leaves it nothing: only a database knows, and the answer is an explicit none. */
static void
test_countries(void)
{
	static const struct mmdb_entry networks[] = { { "10.1.0.0/16", "DE" } };
	char path[] = "/tmp/isobar-proof-XXXXXX", steering[1000], *warnings;
	int fd = mkstemp(path);
	struct proof proof;
	bool good;

	if (fd < 0)
		abort();
	close(fd);
	mmdb_write(path, 6, MMDB_NESTED, networks, ARRAY_SIZE(networks));
	snprintf(steering, sizeof(steering), "geo-database: %s\n" REGIONS
	    "client-groups: {office: {networks: [10.0.0.0/8]}, germany: {countries: [DE]}}\n"
	    "services: {www.example.: {sharding-policy: geographic, regions: [eu, us, ap], residency: [{clients: [office], "
	    "regions: [us, ap]}, {clients: [germany], regions: [eu]}, {clients: [default], regions: [eu, us, ap]}]}}\n", path);
	warnings = proven(steering, &proof, &good);
	CU_ASSERT(good);
	SUITE_TEXT(warnings, "the service 'www.example.' has no legal region for clients of 'office' in countries such as "
	    "DE: they get NODATA with EDE 18\n"
	    "if eu is lost, the service 'www.example.' has no legal region left for clients of 'germany': they get it all "
	    "the same\nif risk group grid is lost, the service 'www.example.' has no legal region left for clients of "
	    "'germany': they get it all the same\n");
	CU_ASSERT(proof.kinds > 200);	/* a geographic service has a list for each country */
	free(warnings);
	unlink(path);
}

/* --- what is compiled wrongly -------------------------------------------------------------------------------- */

static void
no_event(void *arg UNUSED, const struct health_event *event UNUSED)
{
}

static uint16_t
network_of(const struct snapshot *snapshot, const char *text)
{
	struct address address;
	struct place place;

	if (address_parse(text, &address) != 0)
		abort();
	locate(snapshot->locator, &address, &place);
	return place.network;
}

/* Snapshots are constant for everybody else. */
#define WRITABLE(type, pointer) ((type *)(uintptr_t)(pointer))

static const struct region_set nobody, everybody = { { 7 } };

static void
damage_nothing(struct service *service UNUSED, const struct snapshot *snapshot UNUSED)
{
}

static void
damage_country(struct service *service, const struct snapshot *snapshot UNUSED)
{
	WRITABLE(struct region_set, service->legal_by_country)[country_find("DE")] = everybody;
}

static void
damage_unknown_country(struct service *service, const struct snapshot *snapshot UNUSED)
{
	WRITABLE(struct region_set, service->legal_by_country)[COUNTRY_UNKNOWN] = nobody;
}

static void
damage_network(struct service *service, const struct snapshot *snapshot)
{
	WRITABLE(struct region_set, service->legal_by_network)[network_of(snapshot, "10.1.1.1")] = everybody;
}

static void
damage_country_in_network(struct service *service, const struct snapshot *snapshot UNUSED)
{
	WRITABLE(struct region_set, service->legal_by_country_in_network)[country_find("DE")] = everybody;
}

static void
damage_order(struct service *service, const struct snapshot *snapshot UNUSED)
{
	service->order_count = 1;
}

static void
test_damage(void)
{
	static const struct {
		const char *name;
		void (*damage)(struct service *service, const struct snapshot *snapshot);
		const char *error;		/* in one of them, or NULL: there is none */
	} damages[] = {
		{ "nothing", damage_nothing, NULL },
		{ "the law of a country", damage_country, "clients of 'germany' would get us when this is lost: eu" },
		{ "the law of no country", damage_unknown_country, "clients of 'default' would get no answer" },
		{ "the law of a network", damage_network, "clients of 'office' would get eu" },
		{ "the law of a country in a network", damage_country_in_network, "clients of 'office' would get us" },
		{ "regions that nobody tries", damage_order, "against the law" },
	};
	static const struct mmdb_entry networks[] = { { "10.1.0.0/16", "DE" } };
	char path[] = "/tmp/isobar-proof-XXXXXX", steering[1000];
	int fd = mkstemp(path);
	struct world *world;

	if (fd < 0)
		abort();
	close(fd);
	mmdb_write(path, 6, MMDB_NESTED, networks, ARRAY_SIZE(networks));
	snprintf(steering, sizeof(steering), "geo-database: %s\n" REGIONS
	    "client-groups: {office: {networks: [10.0.0.0/8]}, germany: {countries: [DE]}}\n"
	    "services: {www.example.: {sharding-policy: predictive, regions: [eu, us, ap], residency: [{clients: [office], "
	    "regions: [us, ap]}, {clients: [germany], regions: [eu, ap]}]}}\n", path);
	world = world_of(steering);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct publisher publisher = { .worker_count = 1 };
		struct round *round = round_new(no_event, NULL);
		struct candidate candidate;
		struct text why = { 0 };
		struct diags diags = { 0 };
		struct proof proof;
		bool found = false;

		CU_ASSERT_FATAL(publish_build(&publisher, world, round, NULL, NULL, &candidate, &why));
		damages[i].damage(WRITABLE(struct service, &candidate.snapshot->services[0]), candidate.snapshot);
		SUITE_ROW(damages[i].name, residency_prove_snapshot(world, candidate.snapshot, "steering.yaml", &diags,
		    &proof));
		SUITE_ROW(damages[i].name, diag_failed(&diags) == (damages[i].error != NULL));
		for (size_t k = 0; k < diags.count && damages[i].error != NULL; k++)
			found |= strstr(diags.list[k].message, damages[i].error) != NULL;
		SUITE_ROW(damages[i].name, found == (damages[i].error != NULL));
		/* Each country in no network; within one, those that the rules tell apart: Germany and the rest. */
		SUITE_ROW(damages[i].name, proof.places == country_count() + 2);
		SUITE_ROW(damages[i].name, diags.errors <= 8);	/* not one for each country */
		diag_fini(&diags);
		candidate_fini(&candidate);
		round_free(round);
		text_fini(&why);
	}
	world_free(world);
	unlink(path);
}

static const struct suite_case cases[] = {
	{ .name = "what is left in each loss", .run = test_rows },
	{ .name = "networks in countries", .run = test_countries },
	{ .name = "laws and tables that are wrong", .run = test_damage },
};

int
main(void)
{
	return suite_run("proof", cases, ARRAY_SIZE(cases));
}
