/* steering_schema.c -- the keys of steering.yaml.
 * Constant data; steering.yaml(5) is tested against it. What needs more than one value to judge (names that must
 * resolve, orders, sums) is in steering_yaml.c. */
#include "conf/steering_schema.h"

#include "conf/checks.h"
#include "steer/steering.h"

#define TTL_MOST_MS (7 * 86400e3)	/* longer than a week nobody caches (RFC 8767 section 4 advises this cap) */

static const struct setting tag = { SETTING_ITEM(SETTING_TEXT, const char *), .check = check_tag };
static const struct setting country = {
	SETTING_ITEM(SETTING_WORD, const struct yaml_node *), .check = check_country };
static const struct setting continent = {
	SETTING_ITEM(SETTING_WORD, const struct yaml_node *), .check = check_continent };
static const struct setting name = { SETTING_ITEM(SETTING_WORD, const struct yaml_node *) };
static const struct setting feed_text = { SETTING_ITEM(SETTING_TEXT, const char *) };
static const struct setting network = {
	SETTING_ITEM(SETTING_PREFIX, struct written_network), .other = offsetof(struct written_network, node) };

static const struct setting region_location_settings[] = {
	{ .key = "country", SETTING_AT(struct written_location, country), .type = SETTING_WORD, .unit = "CC",
		.check = check_country, .help = "country, as its ISO 3166-1 two-letter code" },
	{ .key = "latitude", SETTING_AT(struct written_location, latitude), .type = SETTING_NUMBER, .unit = "degrees",
		.least = -90, .most = 90, .help = "north is positive" },
	{ .key = "longitude", SETTING_AT(struct written_location, longitude), .type = SETTING_NUMBER,
		.unit = "degrees", .least = -180, .most = 180, .help = "east is positive" },
	{ .key = NULL },
};

static const struct schema region_location = {
	.title = "location of a region", .size = sizeof(struct written_location), .placed = true,
	.settings = region_location_settings,
};

static const struct setting region_settings[] = {
	{ .key = "location", SETTING_AT(struct written_region, location), .type = SETTING_RECORD, .unit = "map",
		.schema = &region_location, .help = "where the region is" },
	{ .key = "capacity", SETTING_AT(struct written_region, capacity), .type = SETTING_RATE, .unit = "rate",
		.least = 1, .most = 1e9, .help = "requests per second that it can bear" },
	{ .key = "jurisdictions", SETTING_AT(struct written_region, jurisdictions), .type = SETTING_LIST,
		.unit = "names", .other = offsetof(struct written_region, jurisdiction_count), .item = &tag,
		.least = 1, .most = 64, .help = "bodies of law that hold there" },
	{ .key = "risk-groups", SETTING_AT(struct written_region, risk_groups), .type = SETTING_LIST,
		.unit = "names", .other = offsetof(struct written_region, risk_group_count), .item = &tag,
		.least = 1, .most = 64, .help = "regions that share one may fail together" },
	{ .key = "price", SETTING_AT(struct written_region, price_ms), .type = SETTING_DURATION, .unit = "duration",
		.otherwise = "0ms", .least = 0, .most = 60e3,
		.help = "latency that you would bear to spare a request there" },
	{ .key = NULL },
};

static const struct schema region = {
	.title = "regions", .size = sizeof(struct written_region), .placed = true,
	.settings = region_settings,
};

static const struct setting group_location_settings[] = {
	{ .key = "latitude", SETTING_AT(struct written_location, latitude), .type = SETTING_NUMBER, .unit = "degrees",
		.least = -90, .most = 90, .help = "north is positive" },
	{ .key = "longitude", SETTING_AT(struct written_location, longitude), .type = SETTING_NUMBER,
		.unit = "degrees", .least = -180, .most = 180, .help = "east is positive" },
	{ .key = NULL },
};

static const struct schema group_location = {
	.title = "location of a client group", .size = sizeof(struct written_location), .placed = true,
	.settings = group_location_settings,
};

static const struct setting client_group_settings[] = {
	{ .key = "networks", SETTING_AT(struct written_group, networks), .type = SETTING_LIST, .unit = "prefixes",
		.other = offsetof(struct written_group, network_count), .item = &network, .least = 1,
		.help = "clients in these networks" },
	{ .key = "countries", SETTING_AT(struct written_group, countries), .type = SETTING_LIST, .unit = "CCs",
		.other = offsetof(struct written_group, country_count), .item = &country, .least = 1,
		.help = "clients in these countries" },
	{ .key = "continents", SETTING_AT(struct written_group, continents), .type = SETTING_LIST, .unit = "codes",
		.other = offsetof(struct written_group, continent_count), .item = &continent, .least = 1,
		.help = "clients in these continents" },
	{ .key = "location", SETTING_AT(struct written_group, location), .type = SETTING_RECORD, .unit = "map",
		.schema = &group_location, .help = "where most of its clients are" },
	{ .key = NULL },
};

static const struct schema client_group = {
	.title = "client-groups", .size = sizeof(struct written_group), .placed = true,
	.settings = client_group_settings,
};

static const struct setting service_region_settings[] = {
	{ .key = "weight", SETTING_AT(struct written_service_region, weight), .type = SETTING_NUMBER, .unit = "number",
		.otherwise = "1", .least = 0, .most = 1e6, .help = "share relative to the other regions" },
	{ .key = "priority", SETTING_AT(struct written_service_region, priority), .type = SETTING_INTEGER,
		.unit = "number", .least = 1, .most = REGIONS_MAX, .help = "place in the order; 1 comes first" },
	{ .key = NULL },
};

static const struct schema service_region = {
	.title = "regions of a service", .size = sizeof(struct written_service_region), .placed = true,
	.settings = service_region_settings,
};

static const struct setting ttl_settings[] = {
	{ .key = "max", SETTING_AT(struct written_service, ttl_max), .type = SETTING_DURATION, .unit = "duration",
		.least = 1e3, .most = TTL_MOST_MS, .divisor = 1e3, .help = "highest TTL of an answer" },
	{ .key = "min", SETTING_AT(struct written_service, ttl_min), .type = SETTING_DURATION, .unit = "duration",
		.least = 1e3, .most = TTL_MOST_MS, .divisor = 1e3, .help = "lowest TTL when trouble is near" },
	{ .key = NULL },
};

static const struct schema ttl = {
	.title = "ttl", .size = sizeof(struct written_service),
	.settings = ttl_settings,
};

static const struct setting residency_settings[] = {
	{ .key = "clients", SETTING_AT(struct written_rule, clients), .type = SETTING_LIST, .unit = "names",
		.other = offsetof(struct written_rule, client_count), .item = &name, .least = 1, .required = true,
		.help = "client groups that the rule binds" },
	{ .key = "regions", SETTING_AT(struct written_rule, regions), .type = SETTING_LIST, .unit = "names",
		.other = offsetof(struct written_rule, region_count), .item = &name, .least = 1, .required = true,
		.help = "the only regions where they may be sent" },
	{ .key = NULL },
};

static const struct schema residency = {
	.title = "residency", .size = sizeof(struct written_rule), .placed = true,
	.settings = residency_settings,
};

static const struct setting rule = { SETTING_ITEM(SETTING_RECORD, struct written_rule), .schema = &residency };

static const char *const probe_kinds[] = { "tcp", "http", "https", NULL };	/* from PROBE_TCP on */

static const struct setting probe_settings[] = {
	{ .key = "kind", SETTING_AT(struct written_probe, kind), .type = SETTING_ENUM, .unit = "kind",
		.words = probe_kinds, .least = PROBE_TCP, .required = true,
		.help = "tcp: connect; http, https: GET" },
	{ .key = "port", SETTING_AT(struct written_probe, port), .type = SETTING_INTEGER, .unit = "number",
		.least = 1, .most = UINT16_MAX, .help = "port of the addresses in the region records" },
	{ .key = "path", SETTING_AT(struct written_probe, path), .type = SETTING_TEXT, .unit = "path",
		.check = check_url_path, .help = "what to GET" },
	{ .key = NULL },
};

static const struct schema probe = {
	.title = "probe", .size = sizeof(struct written_probe), .placed = true,
	.settings = probe_settings,
};

static const char *const policies[] = {
	[POLICY_PREDICTIVE] = "predictive", [POLICY_WEIGHTED_RANDOM] = "weighted-random",
	[POLICY_ROUND_ROBIN] = "round-robin", [POLICY_GEOGRAPHIC] = "geographic",
	[POLICY_PRIORITY] = "priority",
	[POLICY_PRIORITY + 1] = NULL,
};

static const char *const all_down_answers[] = {
	[ALL_DOWN_SERVE_LEGAL] = "serve-legal", [ALL_DOWN_NODATA] = "nodata", [ALL_DOWN_SERVFAIL] = "servfail",
	[ALL_DOWN_SERVFAIL + 1] = NULL,
};

static const struct setting service_settings[] = {
	{ .key = "sharding-policy", SETTING_AT(struct written_service, policy), .type = SETTING_ENUM, .unit = "policy",
		.words = policies, .otherwise = "predictive", .help = "how clients are shared over the regions" },
	{ .key = "regions", SETTING_AT(struct written_service, regions), .type = SETTING_NAMES, .unit = "map or list",
		.other = offsetof(struct written_service, region_count), .schema = &service_region, .least = 1,
		.most = REGIONS_MAX, .required = true, .help = "the regions that serve it" },
	{ .key = "sticky", SETTING_AT(struct written_service, sticky), .type = SETTING_BOOL, .unit = "bool",
		.otherwise = "true", .help = "a client keeps its region" },
	{ .key = "ttl", .type = SETTING_RECORD, .unit = "map", .schema = &ttl, .help = "bounds of the answers' TTL" },
	{ .key = "residency", SETTING_AT(struct written_service, rules), .type = SETTING_LIST, .unit = "list of maps",
		.other = offsetof(struct written_service, rule_count), .item = &rule, .least = 1, .most = 1000,
		.help = "where clients may be sent, by law" },
	{ .key = "when-all-down", SETTING_AT(struct written_service, when_all_down), .type = SETTING_ENUM,
		.unit = "answer", .words = all_down_answers,
		.otherwise = "serve-legal", .help = "the answer when no legal region is up" },
	{ .key = "probe", SETTING_AT(struct written_service, probe), .type = SETTING_RECORD, .unit = "map",
		.schema = &probe, .help = "how isobard itself tries the regions of this service" },
	{ .key = "latency-max", SETTING_AT(struct written_service, latency_max_ms), .type = SETTING_DURATION,
		.unit = "duration", .least = 1, .most = 60e3,
		.help = "no client is planned farther away while there is another way" },
	{ .key = "class", SETTING_AT(struct written_service, class), .type = SETTING_INTEGER, .unit = "number",
		.otherwise = "5", .least = 1, .most = 9, .help = "1 is the most important; 9 is shed first" },
	{ .key = "shed", SETTING_AT(struct written_service, shed), .type = SETTING_BOOL, .unit = "bool",
		.otherwise = "false", .help = "under overload clients may get the service's own records" },
	{ .key = NULL },
};

static const struct schema service = {
	.title = "services", .size = sizeof(struct written_service), .placed = true,
	.settings = service_settings,
};

static const struct setting planning_settings[] = {
	{ .key = "normal-limit", SETTING_AT(struct written_planning, normal_limit), .type = SETTING_NUMBER,
		.unit = "number", .otherwise = "0.85", .least = 0.1, .most = 1,
		.help = "part of a capacity that is filled while all is well" },
	{ .key = "loss-limit", SETTING_AT(struct written_planning, loss_limit), .type = SETTING_NUMBER,
		.unit = "number", .otherwise = "0.99", .least = 0.1, .most = 1,
		.help = "part of a capacity that is filled after the loss of a region or risk group" },
	{ .key = "safety", SETTING_AT(struct written_planning, safety), .type = SETTING_NUMBER, .unit = "number",
		.otherwise = "0.95", .least = 0.5, .most = 0.9999,
		.help = "probability with which demand stays below what is planned for" },
	{ .key = "failure-cost", SETTING_AT(struct written_planning, failure_cost_ms), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "1s", .least = 0, .most = 3600e3,
		.help = "what a region's failure costs a request, as latency" },
	{ .key = "churn-cost", SETTING_AT(struct written_planning, churn_cost_ms), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "2ms", .least = 0, .most = 60e3,
		.help = "latency to be gained before a client is moved" },
	{ .key = "weight-cost", SETTING_AT(struct written_planning, weight_cost_ms), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "200ms", .least = 0, .most = 60e3,
		.help = "latency to be gained before shares leave written weights" },
	{ .key = "nearest", SETTING_AT(struct written_planning, nearest), .type = SETTING_INTEGER, .unit = "number",
		.otherwise = "6", .least = 2, .most = REGIONS_MAX,
		.help = "regions that are tried first for a client" },
	{ .key = "move-limit", SETTING_AT(struct written_planning, move_most), .type = SETTING_NUMBER,
		.unit = "number", .otherwise = "0.25", .least = 0.01, .most = 1,
		.help = "share of clients that a change may move unasked" },
	{ .key = NULL },
};

static const struct schema planning = {
	.title = "planning", .size = sizeof(struct written_planning), .placed = true,
	.settings = planning_settings,
};

static const struct setting step = { SETTING_ITEM(SETTING_NUMBER, double), .least = 0.001, .most = 1 };

static const struct setting recovery_settings[] = {
	{ .key = "hold-down", SETTING_AT(struct written_recovery, hold_down_ms), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "5m", .least = 0, .most = 3600e3,
		.help = "how long a region that flaps stays down at the least" },
	{ .key = "half-life", SETTING_AT(struct written_recovery, half_life_ms), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "15m", .least = 1e3, .most = 86400e3,
		.help = "time in which half of a region's flapping is forgotten" },
	{ .key = "steps", SETTING_AT(struct written_recovery, steps), .type = SETTING_LIST, .unit = "numbers",
		.other = offsetof(struct written_recovery, step_count), .item = &step, .least = 1, .most = 20,
		.help = "shares of its clients that a region takes back, one after the other" },
	{ .key = "step-time", SETTING_AT(struct written_recovery, step_ms), .type = SETTING_DURATION,
		.unit = "duration", .least = 1e3, .most = 86400e3, .help = "how long a step lasts" },
	{ .key = NULL },
};

static const struct schema recovery = {
	.title = "recovery", .size = sizeof(struct written_recovery), .placed = true,
	.settings = recovery_settings,
};

static const struct setting feed_region_settings[] = {
	{ .key = "called", SETTING_AT(struct written_feed_region, called), .type = SETTING_LIST, .unit = "texts",
		.other = offsetof(struct written_feed_region, called_count), .item = &feed_text, .least = 1,
		.most = 1000, .help = "what the feed calls it, if not by its own name" },
	{ .key = NULL },
};

static const struct schema feed_region = {
	.title = "regions of a feed", .size = sizeof(struct written_feed_region), .placed = true,
	.settings = feed_region_settings,
};

static const struct setting feed_map_settings[] = {
	{ .key = "region", SETTING_AT(struct written_map, region), .type = SETTING_TEXT, .unit = "pointer",
		.check = check_json_pointer, .help = "the region's name; without it an item is of all its regions" },
	{ .key = "id", SETTING_AT(struct written_map, id), .type = SETTING_TEXT, .unit = "pointer",
		.check = check_json_pointer, .help = "what tells the item from others" },
	{ .key = "severity", SETTING_AT(struct written_map, severity), .type = SETTING_TEXT, .unit = "pointer",
		.check = check_json_pointer, .required = true,
		.help = "how bad it is: a number from 0 to 1, true or false, or a word" },
	{ .key = "certainty", SETTING_AT(struct written_map, certainty), .type = SETTING_TEXT, .unit = "pointer",
		.check = check_json_pointer, .help = "how sure that is; 1 if left out" },
	{ .key = "onset", SETTING_AT(struct written_map, onset), .type = SETTING_TEXT, .unit = "pointer",
		.check = check_json_pointer, .help = "when it begins; now if left out" },
	{ .key = "expires", SETTING_AT(struct written_map, expires), .type = SETTING_TEXT, .unit = "pointer",
		.check = check_json_pointer, .help = "when it ends" },
	{ .key = "text", SETTING_AT(struct written_map, text), .type = SETTING_TEXT, .unit = "pointer",
		.check = check_json_pointer, .help = "what it is, for people" },
	{ .key = NULL },
};

static const struct schema feed_map = {
	.title = "map", .size = sizeof(struct written_map), .placed = true,
	.settings = feed_map_settings,
};

static const struct setting feed_word_settings[] = {
	{ .key = "means", SETTING_AT(struct written_word, means), .type = SETTING_NUMBER, .unit = "number",
		.least = 0, .most = 1, .required = true, .help = "as a number" },
	{ .key = NULL },
};

static const struct schema feed_word = {
	.title = "words", .size = sizeof(struct written_word), .placed = true,
	.settings = feed_word_settings,
};

static const struct setting feed_series_settings[] = {
	{ .key = "query", SETTING_AT(struct written_series, query), .type = SETTING_TEXT, .unit = "PromQL",
		.required = true, .help = "what is asked, an instant vector" },
	{ .key = "unit", SETTING_AT(struct written_series, unit), .type = SETTING_TEXT, .unit = "unit",
		.check = check_report_name, .help = "unit of the metric" },
	{ .key = NULL },
};

static const struct schema feed_series = {
	.title = "series", .size = sizeof(struct written_series), .placed = true,
	.settings = feed_series_settings,
};

static const char *const feed_kinds[] = {
	[FEED_JSON] = "json", [FEED_GEOJSON] = "geojson", [FEED_CAP] = "cap", [FEED_CAP_XML] = "cap-xml",
	[FEED_PROMETHEUS] = "prometheus", [FEED_PROMETHEUS + 1] = NULL,
};

static const struct setting feed_settings[] = {
	{ .key = "kind", SETTING_AT(struct written_feed, kind), .type = SETTING_ENUM, .unit = "kind",
		.words = feed_kinds, .required = true, .help = "what the URL yields" },
	{ .key = "url", SETTING_AT(struct written_feed, url), .type = SETTING_TEXT, .unit = "URL",
		.check = check_feed_url, .required = true, .help = "where it is, by http or https" },
	{ .key = "interval", SETTING_AT(struct written_feed, interval_ms), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "1m", .least = 1e3, .most = 86400e3,
		.help = "time between two pulls" },
	{ .key = "timeout", SETTING_AT(struct written_feed, timeout_ms), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "10s", .least = 100, .most = 60e3,
		.help = "for each request of a pull, all of it" },
	{ .key = "stale-after", SETTING_AT(struct written_feed, stale_ms), .type = SETTING_DURATION,
		.unit = "duration", .least = 1e3, .most = 7 * 86400e3,
		.help = "so long after the last success nothing is known by it" },
	{ .key = "size-max", SETTING_AT(struct written_feed, size_most), .type = SETTING_SIZE, .unit = "size",
		.otherwise = "8M", .least = 1024, .most = 67108864, .help = "a longer body is refused" },
	{ .key = "token-file", SETTING_AT(struct written_feed, token_file), .type = SETTING_TEXT, .unit = "path",
		.check = check_path, .help = "file with a bearer token, for its owner only" },
	{ .key = "ca-file", SETTING_AT(struct written_feed, ca_file), .type = SETTING_TEXT, .unit = "path",
		.check = check_path, .help = "certificates that are trusted, instead of the system's" },
	{ .key = "signal", SETTING_AT(struct written_feed, signal), .type = SETTING_TEXT, .unit = "name",
		.check = check_tag, .help = "name of the signal; that of the feed if left out" },
	{ .key = "lasts", SETTING_AT(struct written_feed, lasts_ms), .type = SETTING_DURATION, .unit = "duration",
		.otherwise = "1h", .least = 1e3, .most = 7 * 86400e3,
		.help = "how long an item is in force that doesn't say so itself" },
	{ .key = "regions", SETTING_AT(struct written_feed, regions), .type = SETTING_NAMES, .unit = "map or list",
		.other = offsetof(struct written_feed, region_count), .schema = &feed_region, .least = 1,
		.most = REGIONS_MAX, .help = "the regions that it speaks of; all if left out" },
	{ .key = "items", SETTING_AT(struct written_feed, items), .type = SETTING_TEXT, .unit = "pointer",
		.check = check_json_pointer, .help = "where the list of items is; the whole if left out" },
	{ .key = "map", SETTING_AT(struct written_feed, map), .type = SETTING_RECORD, .unit = "map",
		.schema = &feed_map, .help = "where in an item things are" },
	{ .key = "words", SETTING_AT(struct written_feed, words), .type = SETTING_MAP, .unit = "map",
		.other = offsetof(struct written_feed, word_count), .schema = &feed_word, .most = 100,
		.help = "words for severity and certainty besides those of CAP" },
	{ .key = "region-label", SETTING_AT(struct written_feed, region_label), .type = SETTING_TEXT,
		.unit = "label", .check = check_label, .otherwise = "region", .help = "label that names the region" },
	{ .key = "backend-label", SETTING_AT(struct written_feed, backend_label), .type = SETTING_TEXT,
		.unit = "label", .check = check_label, .help = "label that names the backend, if there is one" },
	{ .key = "step", SETTING_AT(struct written_feed, step_ms), .type = SETTING_DURATION, .unit = "duration",
		.otherwise = "15s", .least = 1e3, .most = 3600e3, .help = "time between two samples" },
	{ .key = "delay", SETTING_AT(struct written_feed, delay_ms), .type = SETTING_DURATION, .unit = "duration",
		.otherwise = "5s", .least = 0, .most = 3600e3,
		.help = "how old a sample must be, so that it has been scraped" },
	{ .key = "history", SETTING_AT(struct written_feed, history_ms), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "1h", .least = 1e3, .most = 2 * 86400e3,
		.help = "how far back it's pulled at first, and after an outage" },
	{ .key = "series-max", SETTING_AT(struct written_feed, series_most), .type = SETTING_INTEGER,
		.unit = "number", .otherwise = "1000", .least = 1, .most = 10000,
		.help = "a query that yields more series is refused" },
	{ .key = "series", SETTING_AT(struct written_feed, series), .type = SETTING_MAP, .unit = "map",
		.other = offsetof(struct written_feed, series_count), .schema = &feed_series, .most = 100,
		.check = check_report_name, .help = "what is pulled, by the name of its metric" },
	{ .key = NULL },
};

static const struct schema feed = {
	.title = "feeds", .size = sizeof(struct written_feed), .placed = true,
	.settings = feed_settings,
};

static const char *const prediction_uses[] = {
	[PREDICTION_ON] = "on", [PREDICTION_ADVICE] = "advice", [PREDICTION_OFF] = "off",
	[PREDICTION_OFF + 1] = NULL,
};

static const struct setting top_settings[] = {
	{ .key = "health-check-interval", SETTING_AT(struct written_steering, health_check_interval_ms),
		.type = SETTING_DURATION, .unit = "duration", .otherwise = "5s", .least = 100, .most = 3600e3,
		.help = "time between outside-in probes, and between an agent's reports at most" },
	{ .key = "pae-update-interval", SETTING_AT(struct written_steering, pae_update_interval_ms),
		.type = SETTING_DURATION, .unit = "duration", .otherwise = "10s", .least = 1e3, .most = 86400e3,
		.help = "time between two predictions" },
	{ .key = "prediction", SETTING_AT(struct written_steering, prediction), .type = SETTING_ENUM, .unit = "use",
		.words = prediction_uses, .otherwise = "on",
		.help = "whether plans heed forecasts of failures, people alone do, or none are made" },
	{ .key = "geo-database", SETTING_AT(struct written_steering, geo_database), .type = SETTING_TEXT,
		.unit = "path", .check = check_path, .help = "MaxMind DB file that knows the country of an address" },
	{ .key = "planning", SETTING_AT(struct written_steering, planning), .type = SETTING_RECORD, .unit = "map",
		.schema = &planning, .help = "how careful the planner is, and what it weighs against what" },
	{ .key = "recovery", SETTING_AT(struct written_steering, recovery), .type = SETTING_RECORD, .unit = "map",
		.schema = &recovery, .help = "how a region that was dead takes its clients back" },
	{ .key = "feeds", SETTING_AT(struct written_steering, feeds), .type = SETTING_MAP, .unit = "map",
		.other = offsetof(struct written_steering, feed_count), .schema = &feed, .most = FEEDS_MAX,
		.check = check_tag, .help = "what others know: alerts, states, metrics of Prometheus, by name" },
	{ .key = "regions", SETTING_AT(struct written_steering, regions), .type = SETTING_MAP, .unit = "map",
		.other = offsetof(struct written_steering, region_count), .schema = &region, .most = REGIONS_MAX,
		.check = check_region_name, .help = "the regions, by name" },
	{ .key = "client-groups", SETTING_AT(struct written_steering, groups), .type = SETTING_MAP, .unit = "map",
		.other = offsetof(struct written_steering, group_count), .schema = &client_group,
		.most = CLIENT_GROUPS_MAX - 1, .check = check_group_name,
		.help = "clients that are planned alike, by name" },
	{ .key = "services", SETTING_AT(struct written_steering, services), .type = SETTING_MAP, .unit = "map",
		.other = offsetof(struct written_steering, service_count), .schema = &service,
		.check = check_service_name, .help = "the names that are steered" },
	{ .key = "zones", SETTING_AT(struct written_steering, zones), .type = SETTING_MAP, .unit = "map",
		.other = offsetof(struct written_steering, zone_count), .schema = &zone_schema,
		.check = check_zone_name, .help = "how zones are served, by name" },
	{ .key = NULL },
};

const struct schema steering_schema = {
	.title = "top level", .size = sizeof(struct written_steering),
	.settings = top_settings,
};
