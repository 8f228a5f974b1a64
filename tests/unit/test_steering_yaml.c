/* test_steering_yaml.c -- conf/steering_yaml and steer/steering: what a file means, every error of broken ones
 * (tests/fixtures/steering-broken: NAME.yaml gives exactly NAME.expect), the checks against zones, texts that were
 * damaged at random, and memory that runs out. */
#include "conf/steering_yaml.h"

#include <dirent.h>

#include "base/text.h"
#include "scarce.h"
#include "suite.h"
#include "zone/master.h"

/* What was said; freed by the caller. */
static char *
messages_of(struct diags *diags)
{
	struct text text = { 0 };

	text_puts(&text, "");
	diag_print(diags, &text);
	diag_fini(diags);
	return text_take(&text);
}

static struct steering *
read_good(const char *text)
{
	struct diags diags = { 0 };
	struct steering *steering = steering_read(text, "f", &diags);
	bool failed = diag_failed(&diags);
	char *messages = messages_of(&diags);

	if (failed)
		SUITE_TEXT(messages, "");
	free(messages);
	CU_ASSERT_FATAL(steering != NULL);
	return steering;
}

/* ---- broken files -------------------------------------------------------------------------------------------- */

static const char *
broken_folder(char folder[static 2048])
{
	const char *source = getenv("ISOBAR_SOURCE");

	snprintf(folder, 2048, "%s/tests/fixtures/steering-broken", source == NULL ? "." : source);
	return folder;
}

static int
is_yaml(const struct dirent *entry)
{
	const char *ending = strrchr(entry->d_name, '.');

	return ending != NULL && strcmp(ending, ".yaml") == 0;
}

/* The bytes of FOLDER/NAME, with another ending when one is given. */
static char *
load(const char *folder, const char *name, const char *ending)
{
	int stem = (int)(strrchr(name, '.') - name);
	char path[4096];
	size_t length;
	int error;

	snprintf(path, sizeof(path), "%s/%.*s%s", folder, stem, name, ending);
	return text_read_file(path, 1 << 20, &length, &error);
}

static void
test_broken(void)
{
	struct dirent **entries;
	char folder[2048];
	int count = scandir(broken_folder(folder), &entries, is_yaml, alphasort);

	CU_ASSERT_FATAL(count >= 50);
	for (int i = 0; i < count; i++) {
		struct diags diags = { 0 };
		char *text = load(folder, entries[i]->d_name, ".yaml");
		char *expected = load(folder, entries[i]->d_name, ".expect"), *messages;
		struct steering *steering;

		CU_ASSERT_FATAL(text != NULL && expected != NULL);
		steering = steering_read(text, entries[i]->d_name, &diags);
		messages = messages_of(&diags);
		SUITE_ROW(entries[i]->d_name, steering == NULL);
		SUITE_TEXT(messages, expected);
		free(messages);
		free(text);
		free(expected);
		free(entries[i]);
	}
	free(entries);
}

/* Errors that were in the list before, of another file, are no reason to refuse this one. */
static void
test_errors_of_others(void)
{
	struct diags diags = { 0 };
	struct steering *steering;

	diag_error(&diags, (struct diag_place){ .file = "other" }, NULL, "something else");
	steering = steering_read("regions: {a: {}}\nservices: {x: {regions: [a]}}\n", "f", &diags);
	CU_ASSERT_FATAL(steering != NULL);
	CU_ASSERT_EQUAL(diags.count, 1);
	steering_free(steering);
	diag_fini(&diags);
}

/* A text past the limit is refused before it's looked at. */
static void
test_too_large(void)
{
	size_t size = (8u << 20) + 2;
	char *text = malloc(size);
	struct diags diags = { 0 };
	char *messages;

	CU_ASSERT_FATAL(text != NULL);
	memset(text, '\n', size);
	text[size - 1] = '\0';
	CU_ASSERT_PTR_NULL(steering_read(text, "f", &diags));
	messages = messages_of(&diags);
	SUITE_TEXT(messages, "f: the file has 8388609 bytes, at most 8388608 are read\n");
	free(messages);
	free(text);
}

/* ---- good files ---------------------------------------------------------------------------------------------- */

static const char example[] =
    "health-check-interval: 3s\n"
    "pae-update-interval: 1m\n"
    "geo-database: /usr/share/GeoIP/country.mmdb\n"
    "planning: {normal-limit: 0.7, loss-limit: 0.9, safety: 0.99, failure-cost: 5s, churn-cost: 0ms,\n"
    "           weight-cost: 40ms, nearest: 9, move-limit: 0.5}\n"
    "regions:\n"
    "  eu-west: {location: {country: IE, latitude: 53.3, longitude: -6.3}, capacity: 50k, jurisdictions: [EU, IE]}\n"
    "  us-east: {location: {latitude: 38.9, longitude: -77.5}, capacity: 1.5M, risk-groups: [grid-east],\n"
    "            price: 15ms}\n"
    "  no-north: {location: {country: NO}}\n"
    "  ap-south:\n"
    "client-groups:\n"
    "  nordic:  {countries: [NO, SE], continents: [AN]}\n"
    "  office:  {networks: [203.0.113.0/24, '2001:db8:77::/48'], location: {latitude: 1, longitude: -2.5}}\n"
    "services:\n"
    "  WWW.gtm.example.com:\n"
    "    sharding-policy: weighted-random\n"
    "    regions: {us-east: {weight: 3, priority: 2}, eu-west: {weight: 0.5, priority: 1}}\n"
    "    sticky: false\n"
    "    ttl: {max: 60s, min: 10s}\n"
    "    residency:\n"
    "      - {clients: [office, default], regions: [eu-west]}\n"
    "      - {clients: [nordic], regions: [us-east, eu-west]}\n"
    "    when-all-down: nodata\n"
    "    probe: {kind: https, path: /healthz}\n"
    "  api.gtm.example.com.:\n"
    "    regions: [no-north, ap-south]\n"
    "    latency-max: 120ms\n"
    "    class: 9\n"
    "    shed: true\n"
    "    probe: {kind: tcp, port: 5432}\n"
    "  rr.example.com: {sharding-policy: round-robin, regions: {ap-south: }, when-all-down: servfail,\n"
    "                   probe: {kind: http, port: 8080}}\n"
    "  near.example.com: {sharding-policy: geographic, regions: [no-north]}\n"
    "  first.example.com: {sharding-policy: priority, regions: [us-east, eu-west, ap-south]}\n"
    "prediction: advice\n";

static void
test_regions(void)
{
	struct steering *s = read_good(example);

	CU_ASSERT_EQUAL(s->health_check_interval_ms, 3000);
	CU_ASSERT_EQUAL(s->pae_update_interval_ms, 60000);
	CU_ASSERT_EQUAL(s->prediction, PREDICTION_ADVICE);
	SUITE_TEXT(s->geo_database, "/usr/share/GeoIP/country.mmdb");
	CU_ASSERT_EQUAL_FATAL(s->region_count, 4);
	SUITE_TEXT(s->regions[0].name, "eu-west");
	SUITE_TEXT(s->regions[0].country, "IE");
	CU_ASSERT(s->regions[0].location.known && s->regions[0].location.latitude == 53.3);
	CU_ASSERT(s->regions[0].location.longitude == -6.3);
	CU_ASSERT(s->regions[0].capacity == 50000);
	CU_ASSERT_EQUAL_FATAL(s->regions[0].jurisdiction_count, 2);
	SUITE_TEXT(s->regions[0].jurisdictions[1], "IE");
	SUITE_TEXT(s->regions[1].country, "");
	CU_ASSERT(s->regions[1].capacity == 1500000);
	CU_ASSERT_EQUAL_FATAL(s->regions[1].risk_group_count, 1);
	SUITE_TEXT(s->regions[1].risk_groups[0], "grid-east");
	/* Norway, by the middle of its land; YAML would have NO for false. */
	SUITE_TEXT(s->regions[2].country, "NO");
	CU_ASSERT(s->regions[2].location.known && s->regions[2].location.latitude > 58);
	CU_ASSERT(!s->regions[3].location.known && s->regions[3].capacity == 0);
	CU_ASSERT(s->regions[1].price == 15 && s->regions[0].price == 0);
	steering_free(s);
}

static void
test_groups(void)
{
	struct steering *s = read_good(example);

	CU_ASSERT_EQUAL_FATAL(s->group_count, 3);
	SUITE_TEXT(s->groups[GROUP_DEFAULT].name, "default");
	SUITE_TEXT(s->groups[1].name, "nordic");
	CU_ASSERT_EQUAL_FATAL(s->groups[1].country_count, 2);
	SUITE_TEXT(s->groups[1].countries[0], "NO");
	SUITE_TEXT(s->groups[1].countries[1], "SE");
	CU_ASSERT_EQUAL_FATAL(s->groups[1].continent_count, 1);
	SUITE_TEXT(s->groups[1].continents[0], "AN");
	CU_ASSERT_FALSE(s->groups[1].location.known);
	CU_ASSERT_EQUAL_FATAL(s->groups[2].network_count, 2);
	CU_ASSERT(s->groups[2].networks[0].length == 24 && s->groups[2].networks[0].address.bits == 32);
	CU_ASSERT(s->groups[2].networks[1].length == 48 && s->groups[2].networks[1].address.bits == 128);
	CU_ASSERT(s->groups[2].location.known && s->groups[2].location.longitude == -2.5);
	steering_free(s);
}

static void
test_services(void)
{
	static const char *const order[] = {
		"first.example.com.", "api.gtm.example.com.", "www.gtm.example.com.", "near.example.com.",
		"rr.example.com.",
	};
	struct steering *s = read_good(example);
	const struct steering_service *www;

	CU_ASSERT_EQUAL_FATAL(s->service_count, ARRAY_SIZE(order));
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		SUITE_TEXT(s->services[i].name, order[i]);
		CU_ASSERT(i == 0 || name_compare(s->services[i - 1].owner, s->services[i].owner) < 0);
	}
	www = &s->services[2];
	CU_ASSERT(memcmp(www->owner, "\3www\3gtm\7example\3com", 21) == 0);
	CU_ASSERT_EQUAL(www->policy, POLICY_WEIGHTED_RANDOM);
	CU_ASSERT_EQUAL_FATAL(www->region_count, 2);
	CU_ASSERT(www->regions[0].region == 1 && www->regions[0].weight == 3 && www->regions[0].priority == 2);
	CU_ASSERT(www->regions[1].region == 0 && www->regions[1].weight == 0.5 && www->regions[1].priority == 1);
	CU_ASSERT_FALSE(www->sticky);
	CU_ASSERT(www->ttl_max == 60 && www->ttl_min == 10);
	CU_ASSERT_EQUAL(www->when_all_down, ALL_DOWN_NODATA);
	CU_ASSERT(www->probe == PROBE_HTTPS && www->probe_port == 443);
	SUITE_TEXT(www->probe_path, "/healthz");
	CU_ASSERT_EQUAL(www->line, 16);
	CU_ASSERT(www->weighted && www->latency_max_ms == 0 && www->class == 5 && !www->shed);
	CU_ASSERT(!s->services[1].weighted && s->services[1].latency_max_ms == 120);
	CU_ASSERT(s->services[1].class == 9 && s->services[1].shed);
	CU_ASSERT_EQUAL_FATAL(www->rule_count, 2);
	CU_ASSERT_EQUAL_FATAL(www->rules[0].group_count, 2);
	CU_ASSERT(www->rules[0].groups[0] == 2 && www->rules[0].groups[1] == GROUP_DEFAULT);
	CU_ASSERT(region_set_has(&www->rules[0].regions, 0) && region_set_count(www->rules[0].regions) == 1);
	CU_ASSERT_EQUAL(region_set_count(www->rules[1].regions), 2);
	CU_ASSERT(s->services[1].probe == PROBE_TCP && s->services[1].probe_port == 5432);
	CU_ASSERT_PTR_NULL(s->services[1].probe_path);
	CU_ASSERT(s->services[4].probe == PROBE_HTTP && s->services[4].probe_port == 8080);
	SUITE_TEXT(s->services[4].probe_path, "/");
	CU_ASSERT(s->services[4].policy == POLICY_ROUND_ROBIN && !s->services[4].sticky);
	CU_ASSERT_EQUAL(s->services[4].when_all_down, ALL_DOWN_SERVFAIL);
	CU_ASSERT_EQUAL(s->services[3].policy, POLICY_GEOGRAPHIC);
	CU_ASSERT_EQUAL(s->services[0].policy, POLICY_PRIORITY);
	CU_ASSERT_EQUAL_FATAL(s->services[0].region_count, 3);
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT(s->services[0].regions[i].priority == i + 1 && s->services[0].regions[i].weight == 1);
	CU_ASSERT_EQUAL(s->services[0].regions[2].region, 3);
	steering_free(s);
}

static bool
planning_is(const struct planning *a, const struct planning *b)
{
	return a->normal_limit == b->normal_limit && a->loss_limit == b->loss_limit && a->safety == b->safety &&
	    a->failure_cost_ms == b->failure_cost_ms && a->churn_cost_ms == b->churn_cost_ms &&
	    a->weight_cost_ms == b->weight_cost_ms && a->nearest == b->nearest && a->move_most == b->move_most;
}

/* The table's defaults are those that a steering has without a file. */
static void
test_planning(void)
{
	static const struct planning written = { .normal_limit = 0.7, .loss_limit = 0.9, .safety = 0.99,
		.failure_cost_ms = 5000, .churn_cost_ms = 0, .weight_cost_ms = 40, .nearest = 9, .move_most = 0.5 };
	static const char *const empty[] = { "", "planning: {}\n" };
	struct steering *s = read_good(example);

	CU_ASSERT(planning_is(&s->planning, &written));
	steering_free(s);
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		s = read_good(empty[i]);
		CU_ASSERT(planning_is(&s->planning, &planning_default));
		steering_free(s);
	}
}

static void
test_recovery(void)
{
	static const double written[] = { 0.2, 0.6 };
	struct steering *s = read_good("recovery: {hold-down: 1m, half-life: 2m, steps: [0.2, 0.6, 1], step-time: 3s}\n");

	CU_ASSERT_EQUAL(s->recovery.hold_down_ms, 60000);
	CU_ASSERT_EQUAL(s->recovery.half_life_ms, 120000);
	CU_ASSERT_EQUAL(s->recovery.step_ms, 3000);
	CU_ASSERT_EQUAL_FATAL(s->recovery.step_count, 2);
	CU_ASSERT_EQUAL(memcmp(s->recovery.steps, written, sizeof(written)), 0);
	steering_free(s);
	s = read_good("recovery: {steps: [1]}\n");
	CU_ASSERT_EQUAL(s->recovery.step_count, 0);
	steering_free(s);
	s = read_good("recovery: {hold-down: 0s}\n");
	CU_ASSERT_EQUAL(s->recovery.hold_down_ms, 0);
	CU_ASSERT_EQUAL(s->recovery.half_life_ms, recovery_default.half_life_ms);
	CU_ASSERT_EQUAL(s->recovery.step_ms, 0);
	CU_ASSERT_EQUAL_FATAL(s->recovery.step_count, recovery_default.step_count);
	CU_ASSERT_EQUAL(s->recovery.steps[0], 0.05);
	steering_free(s);
}

static void
test_defaults(void)
{
	static const char *const empty[] = { "", "\n# nothing\n", "---\n", "~", "{}" };
	struct steering *s;

	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		s = read_good(empty[i]);
		CU_ASSERT_EQUAL(s->health_check_interval_ms, 5000);
		CU_ASSERT_EQUAL(s->pae_update_interval_ms, 10000);
		CU_ASSERT_EQUAL(s->prediction, PREDICTION_ON);
		CU_ASSERT_PTR_NULL(s->geo_database);
		CU_ASSERT(s->region_count == 0 && s->service_count == 0 && s->group_count == 1);
		steering_free(s);
	}
	s = read_good("regions: {a: }\nservices: {x: {regions: [a]}}\n");
	CU_ASSERT_EQUAL_FATAL(s->service_count, 1);
	CU_ASSERT_EQUAL(s->services[0].policy, POLICY_PREDICTIVE);
	CU_ASSERT(s->services[0].sticky);
	CU_ASSERT(s->services[0].ttl_max == 0 && s->services[0].ttl_min == 0);
	CU_ASSERT_EQUAL(s->services[0].when_all_down, ALL_DOWN_SERVE_LEGAL);
	CU_ASSERT_EQUAL(s->services[0].probe, PROBE_NONE);
	CU_ASSERT(s->services[0].rule_count == 0);
	steering_free(s);
}

#define TWO "regions: {a: {}, b: {}}\n"

static const struct {
	const char *name, *text, *messages;
} accepted[] = {
	{ "rules that leave each client a region", TWO
		"client-groups: {lan: {networks: [10.0.0.0/8]}, lab: {networks: [10.1.0.0/16]}}\n"
		"services: {x: {regions: [a, b], residency: [{clients: [lan], regions: [a, b]},"
		" {clients: [lab], regions: [b]}, {clients: [lan, default], regions: [b]}]}}\n", "" },
	{ "networks side by side have no client in common", TWO
		"client-groups: {l: {networks: [10.0.0.0/9, '2001:db8::/33']},\n"
		"                r: {networks: [10.128.0.0/9, '2001:db8:8000::/33']}}\n"
		"services: {x: {regions: [a, b], residency: [{clients: [l], regions: [a]},"
		" {clients: [r], regions: [b]}]}}\n", "" },
	{ "countries of different continents have no client in common", TWO "geo-database: g\n"
		"client-groups: {de: {countries: [DE]}, us: {continents: [NA]}}\n"
		"services: {x: {regions: [a, b], residency: [{clients: [de], regions: [a]},"
		" {clients: [us], regions: [b]}, {clients: [default], regions: [a]}]}}\n", "" },
	{ "by country without a database", TWO
		"client-groups: {de: {countries: [DE], networks: [10.0.0.0/8]}, eu: {continents: [EU]}}\n"
		"services:\n  x:\n    regions: [a, b]\n    residency:\n      - {clients: [de, eu], regions: [a]}\n",
		"f:7:7: warning: clients of unknown country may be sent anywhere, as no rule names the group "
		"'default'\n"
		"f:7:20: warning: no client is found by country without a 'geo-database': the rule doesn't bind 'de' "
		"outside its networks\n"
		"f:7:24: warning: no client is found by country without a 'geo-database': the rule doesn't bind "
		"'eu'\n" },
	{ "a byte order mark and CRLF", "\xef\xbb\xbfregions: {a: {}}\r\nservices:\r\n  x: {regions: [a]}\r\n", "" },
	{ "names in any case, and with underscores",
		TWO "services:\n  Www.Example.COM: {regions: [a]}\n  _dmarc.x: {regions: [b]}\n", "" },
};

static void
test_accepted(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(accepted); i++) {
		struct diags diags = { 0 };
		struct steering *s = steering_read(accepted[i].text, "f", &diags);
		char *messages = messages_of(&diags);

		SUITE_TEXT(messages, accepted[i].messages);
		SUITE_ROW(accepted[i].name, s != NULL);
		steering_free(s);
		free(messages);
	}
}

/* 255 regions, 1999 groups and a rule over all of them: the numbers fit, and the check of residency keeps its time. */
static void
test_limits(void)
{
	struct text text = { 0 };
	struct steering *s;

	text_puts(&text, "regions:\n");
	for (int i = 0; i < REGIONS_MAX; i++)
		text_printf(&text, "  r%d: {}\n", i);
	text_puts(&text, "client-groups:\n");
	for (int i = 0; i < CLIENT_GROUPS_MAX - 1; i++)
		text_printf(&text, "  g%d: {networks: [10.%d.%d.0/24, 10.%d.%d.128/25]}\n", i, i / 256, i % 256,
		    i / 256, i % 256);
	text_puts(&text, "services:\n  x:\n    regions: [r0");
	for (int i = 1; i < REGIONS_MAX; i++)
		text_printf(&text, ", r%d", i);
	text_puts(&text, "]\n    residency:\n      - {regions: [r254], clients: [default");
	for (int i = 0; i < CLIENT_GROUPS_MAX - 1; i++)
		text_printf(&text, ", g%d", i);
	text_puts(&text, "]}\n");
	CU_ASSERT_FATAL(!text.failed);
	s = read_good(text.bytes);
	CU_ASSERT_EQUAL(s->region_count, REGIONS_MAX);
	CU_ASSERT_EQUAL(s->group_count, CLIENT_GROUPS_MAX);
	CU_ASSERT_EQUAL(s->services[0].rules[0].group_count, CLIENT_GROUPS_MAX);
	CU_ASSERT(region_set_has(&s->services[0].rules[0].regions, 254));
	steering_free(s);
	text_fini(&text);
}

/* ---- steering.c ---------------------------------------------------------------------------------------------- */

static void
test_lookups(void)
{
	struct steering *s = read_good(example);
	const struct steering_service *www = steering_service_find(s, "wWw.GTM.example.com");
	struct region_set legal;

	CU_ASSERT_EQUAL(steering_region_find(s, "eu-west"), 0);
	CU_ASSERT_EQUAL(steering_region_find(s, "ap-south"), 3);
	CU_ASSERT_EQUAL(steering_region_find(s, "EU-west"), NO_REGION);
	CU_ASSERT_PTR_EQUAL_FATAL(www, &s->services[2]);
	CU_ASSERT_PTR_EQUAL(steering_service_find(s, "rr.example.com."), &s->services[4]);
	CU_ASSERT_PTR_NULL(steering_service_find(s, "example.com"));
	CU_ASSERT_PTR_NULL(steering_service_find(s, "a..b"));
	legal = steering_legal(www, NULL, 0);
	CU_ASSERT(region_set_count(legal) == 2 && region_set_has(&legal, 0) && region_set_has(&legal, 1));
	legal = steering_legal(www, (const uint16_t[]){ 1 }, 1);
	CU_ASSERT_EQUAL(region_set_count(legal), 2);
	legal = steering_legal(www, (const uint16_t[]){ 1, 2 }, 2);
	CU_ASSERT(region_set_count(legal) == 1 && region_set_has(&legal, 0));
	legal = steering_legal(www, (const uint16_t[]){ GROUP_DEFAULT }, 1);
	CU_ASSERT(region_set_count(legal) == 1 && region_set_has(&legal, 0));
	SUITE_TEXT(sharding_policy_text(POLICY_ROUND_ROBIN), "round-robin");
	SUITE_TEXT(sharding_policy_text((enum sharding_policy)99), "unknown");
	steering_hold(s);
	steering_free(s);
	CU_ASSERT_EQUAL(s->region_count, 4);	/* still held */
	steering_free(s);
	steering_free(NULL);
}

static void
test_empty(void)
{
	struct steering *s = steering_empty();

	CU_ASSERT_FATAL(s != NULL);
	CU_ASSERT(s->group_count == 1 && s->region_count == 0 && s->service_count == 0);
	CU_ASSERT_EQUAL(s->health_check_interval_ms, 5000);
	CU_ASSERT_EQUAL(steering_region_find(s, "a"), NO_REGION);
	CU_ASSERT_PTR_NULL(steering_service_find(s, "a."));
	steering_free(s);
}

/* ---- zones --------------------------------------------------------------------------------------------------- */

#define SOA "@ 60 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 60 IN NS ns1\nns1 60 IN A 192.0.2.53\n"
#define WWW TWO "services:\n  www.example.com: {regions: [a, b]}\n"
#define SHED TWO "services:\n  www.example.com: {regions: [a, b], shed: true}\n"

static const struct {
	const char *name, *steering, *zone, *messages;	/* the zone is example.com */
} fits[] = {
	{ "as it should be", WWW, SOA "a._region.www 60 IN A 192.0.2.1\nb._region.www 60 IN A 192.0.2.2\n", "" },
	{ "static records of other types stay", WWW, SOA "www 60 IN TXT \"x\"\na._region.www 60 IN A 192.0.2.1\n"
		"b._region.www 60 IN A 192.0.2.2\n", "" },
	{ "another zone's name", TWO "services:\n  www.example.org: {regions: [a]}\n", SOA,
		"f:3: the service 'www.example.org.' lies in none of the zones\n" },
	{ "no region records at all", WWW, SOA,
		"f:3: the region 'a' of the service 'www.example.com.' has no records: they belong at "
		"a._region.www.example.com.\n"
		"f:3: the region 'b' of the service 'www.example.com.' has no records: they belong at "
		"b._region.www.example.com.\n" },
	{ "a misspelled region", WWW, SOA "a._region.www 60 IN A 192.0.2.1\nc._region.www 60 IN A 192.0.2.2\n",
		"f:3: the region 'b' of the service 'www.example.com.' has no records: they belong at "
		"b._region.www.example.com.\n"
		"f:3: warning: the records of 'c._region.www.example.com.' are never answered: the service "
		"'www.example.com.' has no such region\n" },
	{ "types that differ", WWW, SOA "a._region.www 60 IN A 192.0.2.1\na._region.www 60 IN AAAA 2001:db8::1\n"
		"b._region.www 60 IN A 192.0.2.2\n",
		"f:3: warning: the region 'b' of the service 'www.example.com.' has no AAAA records: its clients "
		"get them from another region\n" },
	{ "CNAME in one region, addresses in the other", WWW, SOA "a._region.www 60 IN CNAME x\nx 60 IN A 192.0.2.1\n"
		"b._region.www 60 IN A 192.0.2.2\n",
		"f:3: the service 'www.example.com.' mixes a CNAME (region 'a') with other records (region 'b')\n" },
	{ "CNAME in all regions", WWW, SOA "a._region.www 60 IN CNAME x\nx 60 IN A 192.0.2.1\n"
		"b._region.www 60 IN CNAME x\n", "" },
	{ "CNAME at an apex", TWO "services:\n  example.com: {regions: [a]}\n",
		SOA "a._region 60 IN CNAME x\nx 60 IN A 192.0.2.1\n",
		"f:3: the service 'example.com.' is a zone's apex, where no CNAME may stand (region 'a')\n" },
	{ "addresses at an apex", TWO "services:\n  example.com: {regions: [a]}\n",
		SOA "a._region 60 IN A 192.0.2.1\n", "" },
	{ "hidden static records", WWW, SOA "www 60 IN A 192.0.2.9\na._region.www 60 IN A 192.0.2.1\n"
		"b._region.www 60 IN A 192.0.2.2\n",
		"f:3: warning: the A records of 'www.example.com.' itself are hidden by those of its regions\n" },
	{ "records for clients that are shed", SHED, SOA "www 60 IN A 192.0.2.9\na._region.www 60 IN A 192.0.2.1\n"
		"b._region.www 60 IN A 192.0.2.2\n", "" },
	{ "no records for clients that are shed", SHED, SOA "www 60 IN A 192.0.2.9\na._region.www 60 IN A 192.0.2.1\n"
		"b._region.www 60 IN A 192.0.2.2\na._region.www 60 IN AAAA 2001:db8::1\n"
		"b._region.www 60 IN AAAA 2001:db8::2\n",
		"f:3: 'shed: true' needs AAAA records at 'www.example.com.' itself: they are the answer for clients "
		"that no region has room for\n" },
	{ "no owner for clients that are shed", SHED, SOA "a._region.www 60 IN A 192.0.2.1\n"
		"b._region.www 60 IN A 192.0.2.2\n",
		"f:3: 'shed: true' needs A records at 'www.example.com.' itself: they are the answer for clients that "
		"no region has room for\n" },
	{ "CNAMEs where clients may be shed", SHED, SOA "a._region.www 60 IN CNAME x\nx 60 IN A 192.0.2.1\n"
		"b._region.www 60 IN CNAME x\n",
		"f:3: 'shed: true' needs addresses at 'www.example.com.' itself, but its regions have CNAMEs, which no "
		"other record may stand beside\n" },
	{ "a static CNAME", WWW, SOA "www 60 IN CNAME ns1\n"
		"a._region.www 60 IN A 192.0.2.1\nb._region.www 60 IN A 192.0.2.2\n",
		"f:3: the service 'www.example.com.' has a CNAME of its own beside its regions' records\n" },
	{ "delegated away", TWO "services:\n  www.sub.example.com: {regions: [a]}\n",
		SOA "sub 60 IN NS ns1.sub\nns1.sub 60 IN A 192.0.2.3\nwww.sub 60 IN A 192.0.2.1\n",
		"f:3: the service 'www.sub.example.com.' is delegated away at 'sub.example.com.'\n" },
	{ "region records without a service", TWO, SOA "a._region.www 60 IN A 192.0.2.1\n",
		"f: warning: 'www.example.com.' has region records in its zone, but is no service\n" },
};

static void
test_zones(void)
{
	uint8_t origin[NAME_MAX];

	CU_ASSERT_FATAL(name_parse("example.com", origin) != 0);
	for (size_t i = 0; i < ARRAY_SIZE(fits); i++) {
		struct diags diags = { 0 }, of_zone = { 0 };
		struct steering *s = read_good(fits[i].steering);
		struct zone *zone = master_read(fits[i].zone, "z", origin, &of_zone);
		char *messages = messages_of(&of_zone);

		SUITE_ROW(messages, zone != NULL);
		free(messages);
		if (zone != NULL)
			steering_check_zones(s, "f", &zone, 1, &diags);
		messages = messages_of(&diags);
		SUITE_TEXT(messages, fits[i].messages);
		free(messages);
		zone_release(zone);
		steering_free(s);
	}
}

/* A zone that arrived signed has no keys here. */
static void
test_signed_zone(void)
{
	const char *source = getenv("ISOBAR_SOURCE");
	struct diags diags = { 0 };
	struct steering *s = read_good(WWW);
	char path[2048], *text, *messages;
	uint8_t origin[NAME_MAX];
	struct zone *zone;
	size_t length;
	int error;

	snprintf(path, sizeof(path), "%s/tests/fixtures/zones-signed/nsec.zone", source == NULL ? "." : source);
	text = text_read_file(path, 1 << 20, &length, &error);
	CU_ASSERT_FATAL(text != NULL && name_parse("example.com", origin) != 0);
	zone = master_read(text, "z", origin, &diags);
	CU_ASSERT_FATAL(zone != NULL && !diag_failed(&diags));
	diag_fini(&diags);
	steering_check_zones(s, "f", &zone, 1, &diags);
	messages = messages_of(&diags);
	SUITE_TEXT(messages, "f:3: the service 'www.example.com.' can't be steered: its zone 'example.com.' is signed "
	    "already, and only who has its keys can sign the answers of its regions; give the zone without DNSSEC "
	    "records and let isobard sign it\n");
	free(messages);
	zone_release(zone);
	steering_free(s);
	free(text);
}

/* ---- damage -------------------------------------------------------------------------------------------------- */

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A few octets changed, doubled, dropped or set to what YAML gives a meaning. */
static void
damage(char *text, size_t length, uint64_t *state)
{
	static const char meaning[] = "{}[]:,#&*!|>'\"%@`- \n\t?~.0k/";
	unsigned times = 1 + (unsigned)(next_random(state) % 4);

	while (times-- > 0) {
		size_t at = next_random(state) % length, from = next_random(state) % length;
		size_t span = 1 + next_random(state) % 20;

		switch (next_random(state) % 4) {
		case 0:
			text[at] = meaning[next_random(state) % (sizeof(meaning) - 1)];
			break;
		case 1:
			text[at] = (char)(1 + next_random(state) % 255);
			break;
		default:	/* a piece of the text at another place */
			span = span > length - at ? length - at : span;
			span = span > length - from ? length - from : span;
			memmove(text + at, text + from, span);
			break;
		}
	}
}

static void
test_damaged(void)
{
	struct dirent **entries;
	char folder[2048];
	int count = scandir(broken_folder(folder), &entries, is_yaml, alphasort);
	uint64_t state = 88172645463325252;

	CU_ASSERT_FATAL(count > 0);
	for (int i = 0; i <= count; i++) {
		char *original = i == count ? strdup(example) : load(folder, entries[i]->d_name, ".yaml");
		size_t length = strlen(original);
		int rounds = i == count ? 2000 : length > 10000 ? 2 : 30;

		for (int k = 0; k < rounds; k++) {
			char *text = strdup(original);
			struct diags diags = { 0 };
			struct steering *s;

			damage(text, length, &state);
			s = steering_read(text, "f", &diags);
			if (diag_failed(&diags) != (s == NULL))
				SUITE_TEXT(text, "refused if, and only if, it has an error");
			steering_free(s);
			diag_fini(&diags);
			free(text);
		}
		free(original);
		if (i < count)
			free(entries[i]);
	}
	free(entries);
}

static bool
read_scarcely(void)
{
	struct diags diags = { 0 };
	struct steering *s = steering_read(example, "f", &diags);
	bool failed = diags.errors > 0;

	CU_ASSERT(failed == (s == NULL));
	steering_free(s);
	diag_fini(&diags);
	return !failed;
}

static void
test_scarce(void)
{
	SCARCE_EACH(read_scarcely);
}

static const struct suite_case cases[] = {
	{ .name = "each broken file gives exactly its errors, one file all of them", .run = test_broken },
	{ .name = "errors of other files don't count", .run = test_errors_of_others },
	{ .name = "a text past the limit is refused", .run = test_too_large },
	{ .name = "regions", .run = test_regions },
	{ .name = "client groups", .run = test_groups },
	{ .name = "services, sorted by owner", .run = test_services },
	{ .name = "defaults", .run = test_defaults },
	{ .name = "what planning says", .run = test_planning },
	{ .name = "what recovery says", .run = test_recovery },
	{ .name = "what is accepted, with its warnings", .run = test_accepted },
	{ .name = "as many regions and groups as there may be", .run = test_limits },
	{ .name = "looking up regions, services and legal regions", .run = test_lookups },
	{ .name = "an empty steering", .run = test_empty },
	{ .name = "checks against zones", .run = test_zones },
	{ .name = "a zone that is signed already", .run = test_signed_zone },
	{ .name = "damaged texts are refused or read, never more", .run = test_damaged },
	{ .name = "memory that runs out is an error", .run = test_scarce },
};

int
main(void)
{
	return suite_run("steering_yaml", cases, ARRAY_SIZE(cases));
}
