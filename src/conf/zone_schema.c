/* zone_schema.c -- the keys of one zone in steering.yaml: how it's signed, where it comes from, who gets it.
 * Constant data; steering.yaml(5) is tested against it. */
#include "conf/steering_schema.h"

#include "conf/checks.h"
#include "dnssec/signer.h"

#define DAYS_MS 86400e3
#define TTL_MOST_MS (7 * DAYS_MS)	/* as in steering_schema.c */

static const char *const signing_states[] = { "off", "on", "removing", NULL };
static const char *const algorithms[] = { "ecdsap256sha256", "ed25519", "imported", NULL };
static const char *const key_layouts[] = { "csk", "split", NULL };
static const char *const denials[] = { [DENIAL_NSEC] = "nsec", [DENIAL_NSEC3] = "nsec3", [DENIAL_NSEC3 + 1] = NULL };
static const char *const region_records[] = { "shown", "hidden", NULL };

static const struct setting dnssec_settings[] = {
	{ .key = "state", SETTING_AT(struct written_dnssec, on), .type = SETTING_ENUM, .unit = "word",
		.words = signing_states, .otherwise = "on", .help = "whether isobard signs the zone" },
	{ .key = "algorithm", SETTING_AT(struct written_dnssec, algorithm), .type = SETTING_ENUM, .unit = "word",
		.words = algorithms, .otherwise = "ecdsap256sha256", .help = "of keys that are made" },
	{ .key = "keys", SETTING_AT(struct written_dnssec, keys), .type = SETTING_ENUM, .unit = "word",
		.words = key_layouts, .otherwise = "csk", .help = "one key for everything, or a KSK and a ZSK" },
	{ .key = "denial", SETTING_AT(struct written_dnssec, denial), .type = SETTING_ENUM, .unit = "word",
		.words = denials, .otherwise = "nsec", .help = "how it's proven that a name or type isn't there" },
	{ .key = "validity", SETTING_AT(struct written_dnssec, validity_s), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "14d", .least = 60e3, .most = 365 * DAYS_MS, .divisor = 1e3,
		.help = "how long a signature is valid" },
	{ .key = "refresh", SETTING_AT(struct written_dnssec, refresh_s), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "5d", .least = 10e3, .most = 364 * DAYS_MS, .divisor = 1e3,
		.help = "a signature with less than this left is made anew" },
	{ .key = "zsk-lifetime", SETTING_AT(struct written_dnssec, zsk_lifetime_s), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "90d", .least = 0, .most = 3650 * DAYS_MS, .divisor = 1e3,
		.help = "how long a ZSK signs before the next one does; 0s: until it's rolled" },
	{ .key = "key-ttl", SETTING_AT(struct written_dnssec, key_ttl), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "1h", .least = 1e3, .most = TTL_MOST_MS, .divisor = 1e3,
		.help = "TTL of DNSKEY, CDS and CDNSKEY" },
	{ .key = "parent-ttl", SETTING_AT(struct written_dnssec, parent_ttl), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "1d", .least = 1e3, .most = TTL_MOST_MS, .divisor = 1e3,
		.help = "TTL of DS in the parent zone" },
	{ .key = "propagation", SETTING_AT(struct written_dnssec, propagation_s), .type = SETTING_DURATION,
		.unit = "duration", .otherwise = "1h", .least = 0, .most = 30 * DAYS_MS, .divisor = 1e3,
		.help = "until every server has a change, of this zone or of its parent" },
	{ .key = NULL },
};

static const struct schema dnssec = {
	.title = "dnssec of a zone", .size = sizeof(struct written_dnssec), .placed = true, .bare = "state",
	.settings = dnssec_settings,
};

static const char *const transports[] = { "any", "tls", NULL };
static const char *const as_zone_or_shown[] = { "as-zone", "shown", NULL };

static const struct setting transfer_from = { SETTING_ITEM(SETTING_PREFIX, struct prefix) };

static const struct setting transfer_settings[] = {
	{ .key = "from", SETTING_AT(struct written_transfer, from),
		.other = offsetof(struct written_transfer, from_count), .type = SETTING_LIST, .unit = "prefixes",
		.item = &transfer_from, .most = 256, .otherwise = "[]",
		.help = "addresses of secondaries; empty: any" },
	{ .key = "key", SETTING_AT(struct written_transfer, key), .type = SETTING_TEXT, .unit = "name",
		.check = check_zone_name, .help = "TSIG key that the request must be signed with" },
	{ .key = "transport", SETTING_AT(struct written_transfer, transport), .type = SETTING_ENUM, .unit = "word",
		.words = transports, .otherwise = "any", .help = "whether only TLS will do" },
	{ .key = "region-records", SETTING_AT(struct written_transfer, region_records), .type = SETTING_ENUM,
		.unit = "word", .words = as_zone_or_shown, .otherwise = "as-zone",
		.help = "whether these secondaries get region records that the zone hides" },
	{ .key = NULL },
};

static const struct schema transfer = {
	.title = "transfer of a zone", .size = sizeof(struct written_transfer), .placed = true,
	.settings = transfer_settings,
};

static const struct setting transfer_item = {
	SETTING_ITEM(SETTING_RECORD, struct written_transfer), .unit = "map", .schema = &transfer };

static const struct setting notify_settings[] = {
	{ .key = "to", SETTING_AT(struct written_notify, to), .other = offsetof(struct written_notify, port),
		.type = SETTING_LISTEN, .unit = "ADDRESS@PORT", .port = 53, .required = true,
		.help = "the secondary" },
	{ .key = "key", SETTING_AT(struct written_notify, key), .type = SETTING_TEXT, .unit = "name",
		.check = check_zone_name, .help = "TSIG key that it's signed with" },
	{ .key = NULL },
};

static const struct schema notify = {
	.title = "notify of a zone", .size = sizeof(struct written_notify), .placed = true, .bare = "to",
	.settings = notify_settings,
};

static const struct setting notify_item = {
	SETTING_ITEM(SETTING_RECORD, struct written_notify), .unit = "map", .schema = &notify };

static const char *const refused_or_accepted[] = { "refused", "accepted", NULL };

static const struct setting update_name = { SETTING_ITEM(SETTING_TEXT, const char *) };
static const struct setting update_type = { SETTING_ITEM(SETTING_TEXT, const char *), .check = check_rrtype };

static const struct setting update_settings[] = {
	{ .key = "key", SETTING_AT(struct written_update, key), .type = SETTING_TEXT, .unit = "name",
		.check = check_zone_name, .help = "TSIG key that the update must be signed with" },
	{ .key = "from", SETTING_AT(struct written_update, from),
		.other = offsetof(struct written_update, from_count), .type = SETTING_LIST, .unit = "prefixes",
		.item = &transfer_from, .most = 256, .otherwise = "[]", .help = "addresses of clients; empty: any" },
	{ .key = "names", SETTING_AT(struct written_update, names),
		.other = offsetof(struct written_update, name_count), .type = SETTING_LIST, .unit = "names",
		.item = &update_name, .most = 256, .otherwise = "[]",
		.help = "owners that may be changed; a label '*' stands for any; empty: all" },
	{ .key = "types", SETTING_AT(struct written_update, types),
		.other = offsetof(struct written_update, type_count), .type = SETTING_LIST, .unit = "types",
		.item = &update_type, .most = 64, .otherwise = "[]",
		.help = "types that may be changed; empty: all but SOA, NS and those of DNSSEC" },
	{ .key = "transport", SETTING_AT(struct written_update, transport), .type = SETTING_ENUM, .unit = "word",
		.words = transports, .otherwise = "any", .help = "whether only TLS will do" },
	{ .key = "unsigned", SETTING_AT(struct written_update, without_key), .type = SETTING_ENUM, .unit = "word",
		.words = refused_or_accepted, .otherwise = "refused",
		.help = "whether an address is enough, without a key" },
	{ .key = NULL },
};

static const struct schema update = {
	.title = "update of a zone", .size = sizeof(struct written_update), .placed = true,
	.settings = update_settings,
};

static const struct setting update_item = {
	SETTING_ITEM(SETTING_RECORD, struct written_update), .unit = "map", .schema = &update };

static const struct setting pin = { SETTING_ITEM(SETTING_TEXT, const char *), .check = check_pin };

static const struct setting primary_tls_settings[] = {
	{ .key = "name", SETTING_AT(struct written_primary_tls, name), .type = SETTING_TEXT, .unit = "name",
		.check = check_zone_name, .help = "that its certificate must be for" },
	{ .key = "ca-file", SETTING_AT(struct written_primary_tls, ca_file), .type = SETTING_TEXT, .unit = "path",
		.check = check_path, .help = "certificates that it must be signed by, PEM; else those of the system" },
	{ .key = "pins", SETTING_AT(struct written_primary_tls, pins), .type = SETTING_LIST, .unit = "texts",
		.other = offsetof(struct written_primary_tls, pin_count), .item = &pin, .most = 16, .otherwise = "[]",
		.help = "SHA-256 of public keys, base64: its own must be one of them" },
	{ .key = NULL },
};

static const struct schema primary_tls = {
	.title = "tls of a primary", .size = sizeof(struct written_primary_tls), .placed = true, .bare = "name",
	.settings = primary_tls_settings,
};

static const struct setting primary_settings[] = {
	{ .key = "address", SETTING_AT(struct written_primary, address), .type = SETTING_TEXT, .unit = "ADDRESS@PORT",
		.check = check_address_port, .required = true, .help = "the primary; port 53 by itself, by TLS 853" },
	{ .key = "key", SETTING_AT(struct written_primary, key), .type = SETTING_TEXT, .unit = "name",
		.check = check_zone_name, .help = "TSIG key of requests, and of what answers them" },
	{ .key = "tls", SETTING_AT(struct written_primary, tls), .type = SETTING_RECORD, .unit = "map",
		.schema = &primary_tls, .help = "how it's known by TLS, in which case nothing goes by UDP and TCP" },
	{ .key = NULL },
};

static const struct schema primary = {
	.title = "primaries of a zone", .size = sizeof(struct written_primary), .placed = true, .bare = "address",
	.settings = primary_settings,
};

static const struct setting primary_item = {
	SETTING_ITEM(SETTING_RECORD, struct written_primary), .unit = "map", .schema = &primary };

#define BOUND(name, member, default_text, help_text) { .key = name, SETTING_AT(struct written_zone, member), \
	.type = SETTING_DURATION, .unit = "duration", .otherwise = default_text, .least = 1e3, .most = 3650 * DAYS_MS, \
	.divisor = 1e3, .help = help_text }

static const char *const catalog_roles[] = { "producer", "consumer", NULL };
static const char *const catalog_members[] = { "listed", "all", NULL };
static const struct schema template;

static const struct setting catalog_settings[] = {
	{ .key = "role", SETTING_AT(struct written_catalog, role), .type = SETTING_ENUM, .unit = "word",
		.words = catalog_roles, .required = true,
		.help = "whether isobard makes the catalog, of its zones, or follows one" },
	{ .key = "members", SETTING_AT(struct written_catalog, members), .type = SETTING_ENUM, .unit = "word",
		.words = catalog_members, .otherwise = "listed",
		.help = "which zones a producer's has: those whose catalog-zone it is, or all that name no other" },
	{ .key = "member-limit", SETTING_AT(struct written_catalog, most), .type = SETTING_INTEGER, .unit = "number",
		.otherwise = "10000", .least = 1, .most = 1e6, .help = "members that a consumer follows at most" },
	{ .key = "deletion-limit", SETTING_AT(struct written_catalog, deletion_most), .type = SETTING_NUMBER,
		.unit = "number", .otherwise = "0.5", .least = 0, .most = 1,
		.help = "share of its members that a consumer deletes at once unasked" },
	{ .key = "templates", SETTING_AT(struct written_catalog, templates),
		.other = offsetof(struct written_catalog, template_count), .type = SETTING_MAP, .unit = "map",
		.schema = &template, .most = 256, .check = check_catalog_group,
		.help = "how a consumer serves members, by group" },
	{ .key = NULL },
};

static const struct schema catalog = {
	.title = "catalog of a zone", .size = sizeof(struct written_catalog), .placed = true, .bare = "role",
	.settings = catalog_settings,
};

#define CATALOG_KEYS 3		/* at the beginning; a catalog's members can't have them */

static const struct setting zone_settings[] = {
	{ .key = "catalog", SETTING_AT(struct written_zone, catalog), .type = SETTING_RECORD, .unit = "map",
		.schema = &catalog, .help = "that the zone is a catalog of zones" },
	{ .key = "catalog-zone", SETTING_AT(struct written_zone, catalog_zone), .type = SETTING_WORD, .unit = "name",
		.check = check_zone_name, .help = "the producer's catalog that the zone is a member of" },
	{ .key = "catalog-group", SETTING_AT(struct written_zone, catalog_group), .type = SETTING_TEXT,
		.unit = "text", .check = check_catalog_group, .help = "its group there" },
	{ .key = "dnssec", SETTING_AT(struct written_zone, dnssec), .type = SETTING_RECORD, .unit = "map",
		.schema = &dnssec, .help = "signing by isobard" },
	{ .key = "region-records", SETTING_AT(struct written_zone, region_records), .type = SETTING_ENUM,
		.unit = "word", .words = region_records, .otherwise = "shown",
		.help = "whether the names of region records are answered" },
	{ .key = "transfer", SETTING_AT(struct written_zone, transfers),
		.other = offsetof(struct written_zone, transfer_count), .type = SETTING_LIST, .unit = "maps",
		.item = &transfer_item, .most = 64, .otherwise = "[]",
		.help = "who may have the zone by AXFR and IXFR" },
	{ .key = "notify", SETTING_AT(struct written_zone, notifies),
		.other = offsetof(struct written_zone, notify_count), .type = SETTING_LIST, .unit = "maps",
		.item = &notify_item, .most = 64, .otherwise = "[]", .help = "who is told of each new serial" },
	{ .key = "update", SETTING_AT(struct written_zone, updates),
		.other = offsetof(struct written_zone, update_count), .type = SETTING_LIST, .unit = "maps",
		.item = &update_item, .most = 64, .otherwise = "[]",
		.help = "who may change records by DNS UPDATE, and which" },
	{ .key = "health-serial-interval", SETTING_AT(struct written_zone, health_serial_ms),
		.type = SETTING_DURATION, .unit = "duration", .otherwise = "60s", .least = 0, .most = 7 * DAYS_MS,
		.help = "how often regions that die and return may make a new serial" },
	{ .key = "ixfr-history", SETTING_AT(struct written_zone, ixfr_history), .type = SETTING_SIZE, .unit = "size",
		.otherwise = "1M", .least = 0, .most = 1e9, .help = "octets of differences that are kept for IXFR" },
	{ .key = "primaries", SETTING_AT(struct written_zone, primaries),
		.other = offsetof(struct written_zone, primary_count), .type = SETTING_LIST, .unit = "maps",
		.item = &primary_item, .most = 16, .otherwise = "[]", .help = "where the zone is transferred from" },
	BOUND("refresh-min-interval", refresh_min_s, "2s", "bounds of the SOA's REFRESH"),
	BOUND("refresh-max-interval", refresh_max_s, "30d", "bounds of the SOA's REFRESH"),
	BOUND("retry-min-interval", retry_min_s, "1s", "bounds of the SOA's RETRY"),
	BOUND("retry-max-interval", retry_max_s, "14d", "bounds of the SOA's RETRY"),
	BOUND("expire-min-interval", expire_min_s, "3s", "bounds of the SOA's EXPIRE"),
	BOUND("expire-max-interval", expire_max_s, "3650d", "bounds of the SOA's EXPIRE"),
	{ .key = "zone-max-size", SETTING_AT(struct written_zone, size_most), .type = SETTING_SIZE, .unit = "size",
		.otherwise = "1G", .least = 1024, .most = 68719476736.0, .help = "octets that a transfer in may have" },
	{ .key = NULL },
};

const struct schema zone_schema = {
	.title = "zones", .size = sizeof(struct written_zone), .placed = true,
	.settings = zone_settings,
};

static const struct schema template = {
	.title = "zones", .size = sizeof(struct written_zone), .placed = true,
	.settings = zone_settings + CATALOG_KEYS,
};
