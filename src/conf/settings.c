/* settings.c -- the keys of isobar.yaml, and isobar.yaml to struct settings.
 * In: the text.  Out: the settings in an arena of their own, or every error of the file.
 * isobard reads them once, at its start: what may change while it runs (zones, steering, overrides, tokens) is in the
 * store. Every setting has a default, so that an empty file, or none, starts a daemon. */
#include "conf/settings.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "dns/name.h"
#include "tap/dnstap.h"

#define DAY_MS 86400e3
#define NSID_MAX 200	/* octets; IDENTITY_NAME_MAX of serve/identity.h */

/* The settings, and two that are words in the file. */
struct written_settings {
	struct settings settings;
	unsigned log, pae;	/* indices into log_levels and pae_modes */
};

#define SETTINGS(member) SETTING_AT(struct written_settings, settings.member)
#define OTHER(member) .other = offsetof(struct written_settings, settings.member)

static schema_check_fn check_socket_path;
static schema_check_fn check_nsid;
static schema_check_fn check_domain;
static schema_check_fn check_key_name;
static bool name_keys(struct settings *settings);
static void check_together(const struct settings *settings, const struct yaml_node *tree, const char *file,
	struct diags *diags);
static void check_limits(const struct settings *settings, const struct yaml_node *tree, const char *file,
	struct diags *diags);
static void check_tls(const struct settings *settings, const struct yaml_node *tree, const char *file,
	struct diags *diags);
static void check_dnstap(const struct settings *settings, const struct yaml_node *tree, const char *file,
	struct diags *diags);
static bool is_loopback(const struct address *address);

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };
static const enum log_level log_values[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
static const char *const pae_modes[] = { "internal", "external", NULL };

static const struct setting listener_settings[] = {
	{ .key = "address", SETTING_AT(struct listener, address), .other = offsetof(struct listener, port),
		.type = SETTING_LISTEN, .unit = "ADDRESS@PORT", .port = 53, .required = true,
		.help = "where it listens" },
	{ .key = "udp-payload", SETTING_AT(struct listener, udp_payload), .type = SETTING_INTEGER, .unit = "octets",
		.least = 512, .most = 4096, .help = "largest UDP message that it sends or promises to read" },
	{ .key = NULL },
};

static const struct schema listener_schema = { .title = "listen", .size = sizeof(struct listener), .bare = "address",
	.settings = listener_settings };

static const struct setting listener = {
	SETTING_ITEM(SETTING_RECORD, struct listener), .unit = "map", .schema = &listener_schema };

static const struct setting allowed = { SETTING_ITEM(SETTING_PREFIX, struct prefix) };

static const struct setting identity_settings[] = {
	{ .key = "nsid", SETTINGS(nsid), .type = SETTING_TEXT, .unit = "text", .check = check_nsid, .otherwise = "\"\"",
		.help = "what this server calls itself, by NSID and as id.server; empty: nothing" },
	{ .key = "allow", SETTINGS(identity_allow), OTHER(identity_allow_count), .type = SETTING_LIST,
		.unit = "prefixes", .item = &allowed, .most = 256, .otherwise = "[127.0.0.0/8, \"::1/128\"]",
		.help = "clients that may ask for that, for the version and for the epoch" },
	{ .key = NULL },
};

static const struct schema identity = {
	.title = "identity", .size = sizeof(struct written_settings), .settings = identity_settings };

static const struct setting api_settings[] = {
	{ .key = "socket", SETTINGS(api_socket), .type = SETTING_TEXT, .unit = "path", .check = check_socket_path,
		.otherwise = "/run/isobar/isobar.sock", .help = "UNIX socket that isobarctl talks to" },
	{ .key = "listen", SETTINGS(api_listener.address), OTHER(api_listener.port), .type = SETTING_LISTEN,
		.unit = "ADDRESS@PORT", .port = 8053, .or_none = true, .otherwise = "127.0.0.1@8053",
		.help = "where agents and other clients with a token connect; none: nowhere" },
	{ .key = NULL },
};

static const struct schema api = {
	.title = "api", .size = sizeof(struct written_settings), .settings = api_settings };

/* RFC 7766 section 6.2.3 wants an idle time of some seconds. A descriptor and some 10 KB a connection set the rest.
 * Who has one address of a network tends to have them all: a /24, and of IPv6 the /56 that one customer gets. */
static const struct setting tcp_settings[] = {
	{ .key = "idle-timeout", SETTINGS(tcp_idle_timeout_ms), .type = SETTING_DURATION, .unit = "duration",
		.least = 100, .most = 3600e3, .otherwise = "10s",
		.help = "a connection on which no query begins is closed after this time" },
	{ .key = "query-timeout", SETTINGS(tcp_query_timeout_ms), .type = SETTING_DURATION, .unit = "duration",
		.least = 100, .most = 3600e3, .otherwise = "5s",
		.help = "a query that has begun must be whole after this time, a PROXY header too" },
	{ .key = "answer-timeout", SETTINGS(tcp_answer_timeout_ms), .type = SETTING_DURATION, .unit = "duration",
		.least = 100, .most = 3600e3, .otherwise = "10s",
		.help = "answers that wait must be taken after this time" },
	{ .key = "connections", SETTINGS(tcp_connections), .type = SETTING_INTEGER, .unit = "number",
		.least = 1, .most = 1e6, .otherwise = "1024", .help = "open connections of all clients together" },
	{ .key = "connections-per-prefix", SETTINGS(tcp_connections_per_prefix), .type = SETTING_INTEGER,
		.unit = "number", .least = 1, .most = 1e6, .otherwise = "64",
		.help = "open connections of one client, which is a prefix" },
	{ .key = "prefix-ipv4", SETTINGS(tcp_prefix_ipv4), .type = SETTING_INTEGER, .unit = "bits", .least = 1,
		.most = 32, .otherwise = "24", .help = "length of a client's prefix" },
	{ .key = "prefix-ipv6", SETTINGS(tcp_prefix_ipv6), .type = SETTING_INTEGER, .unit = "bits", .least = 1,
		.most = 128, .otherwise = "56", .help = "length of a client's prefix" },
	{ .key = "queries-in-flight", SETTINGS(tcp_queries_in_flight), .type = SETTING_INTEGER, .unit = "number",
		.least = 1, .most = 65535, .otherwise = "128",
		.help = "answers that may wait unread in a connection before no more queries are read from it" },
	{ .key = NULL },
};

static const struct schema tcp = {
	.title = "tcp", .size = sizeof(struct written_settings), .settings = tcp_settings };

static const char *const cookie_modes[] = { "never", "under-attack", "always", NULL };

static const struct setting cookie_settings[] = {
	{ .key = "enabled", SETTINGS(cookies), .type = SETTING_BOOL, .unit = "truth", .otherwise = "true",
		.help = "cookies are made and checked" },
	{ .key = "secrets", SETTINGS(cookie_secrets), .type = SETTING_TEXT, .unit = "path", .otherwise = "\"\"",
		.help = "file with the secrets that all servers of a zone share; empty: secrets of its own" },
	{ .key = "required", SETTINGS(cookies_required), .type = SETTING_ENUM, .unit = "mode", .words = cookie_modes,
		.otherwise = "never", .help = "when clients without a valid cookie must come again" },
	{ .key = "attack-rate", SETTINGS(attack_rate), .type = SETTING_INTEGER, .unit = "number", .least = 1,
		.most = 1e9, .otherwise = "50000", .help = "queries/s without a valid cookie that are an attack" },
	{ .key = NULL },
};

static const struct schema cookies = {
	.title = "cookies", .size = sizeof(struct written_settings), .settings = cookie_settings };

#define RATE_SETTING(name, member, what) { .key = name, SETTINGS(rates.member), .type = SETTING_INTEGER, \
	.unit = "number", .least = 0, .most = 1e6, .otherwise = "0", .help = what }

static const struct setting rate_settings[] = {
	RATE_SETTING("answers", answers, "answers/s with the records of one name; 0: any"),
	RATE_SETTING("referrals", referrals, "referrals/s to one delegation; 0: any"),
	RATE_SETTING("nodata", nodata, "answers/s of one zone that there are no such records; 0: any"),
	RATE_SETTING("nxdomain", nxdomain, "answers/s of one zone that there is no such name; 0: any"),
	RATE_SETTING("errors", errors, "errors/s, whatever their cause; 0: any"),
	RATE_SETTING("all", all, "responses/s of all kinds together; 0: any"),
	{ .key = "burst", SETTINGS(rates.burst_ms), .type = SETTING_DURATION, .unit = "duration", .least = 1e3,
		.most = 60e3, .otherwise = "5s", .help = "the time whose responses may come at once" },
	{ .key = "slip", SETTINGS(rates.slip), .type = SETTING_INTEGER, .unit = "number", .least = 0, .most = 100,
		.otherwise = "2", .help = "each n-th response beyond a rate is sent truncated; 0: none is" },
	{ .key = "ipv4-prefix", SETTINGS(rates.ipv4_prefix), .type = SETTING_INTEGER, .unit = "bits", .least = 8,
		.most = 32, .otherwise = "24", .help = "clients of a network this large are counted together" },
	{ .key = "ipv6-prefix", SETTINGS(rates.ipv6_prefix), .type = SETTING_INTEGER, .unit = "bits", .least = 16,
		.most = 128, .otherwise = "56", .help = "the same for IPv6" },
	{ .key = "exempt", SETTINGS(rates.exempt), OTHER(rates.exempt_count), .type = SETTING_LIST, .unit = "prefixes",
		.item = &allowed, .most = 256, .otherwise = "[127.0.0.0/8, \"::1/128\"]",
		.help = "clients that are never limited" },
	{ .key = "count-only", SETTINGS(rates.count_only), .type = SETTING_BOOL, .unit = "truth", .otherwise = "false",
		.help = "what is beyond a rate is counted, and sent all the same" },
	{ .key = "table", SETTINGS(rates.table), .type = SETTING_INTEGER, .unit = "number", .least = 1024,
		.most = 16777216, .otherwise = "65536", .help = "networks and names that one worker remembers" },
	{ .key = NULL },
};

static const struct schema rates = {
	.title = "rate-limit", .size = sizeof(struct written_settings), .settings = rate_settings };

static const struct setting tls_listener = {
	SETTING_ITEM(SETTING_LISTEN, struct listener), .other = offsetof(struct listener, port), .port = 853 };

static const struct setting tls_settings[] = {
	{ .key = "listen", SETTINGS(tls_listeners), OTHER(tls_listener_count), .type = SETTING_LIST,
		.unit = "ADDRESS@PORTs", .item = &tls_listener, .most = 256, .otherwise = "[]",
		.help = "where queries are answered by TLS" },
	{ .key = "certificate", SETTINGS(tls_certificate), .type = SETTING_TEXT, .unit = "path",
		.help = "PEM file of the certificate and its chain" },
	{ .key = "key", SETTINGS(tls_key), .type = SETTING_TEXT, .unit = "path",
		.help = "PEM file of its private key" },
	{ .key = "handshake-timeout", SETTINGS(tls_handshake_timeout_ms), .type = SETTING_DURATION,
		.unit = "duration", .least = 100, .most = 3600e3, .otherwise = "5s",
		.help = "a handshake must be through after this time" },
	{ .key = "handshakes", SETTINGS(tls_handshakes), .type = SETTING_INTEGER, .unit = "number",
		.least = 1, .most = 1e6, .otherwise = "256", .help = "handshakes under way of all clients together" },
	{ .key = "handshakes-per-prefix", SETTINGS(tls_handshakes_per_prefix), .type = SETTING_INTEGER,
		.unit = "number", .least = 1, .most = 1e6, .otherwise = "32",
		.help = "handshakes under way of one client" },
	{ .key = "handshake-rate", SETTINGS(tls_handshake_rate), .type = SETTING_INTEGER, .unit = "number",
		.least = 0, .most = 1e6, .otherwise = "100",
		.help = "handshakes that one client may begin in a second" },
	{ .key = NULL },
};

static const struct schema tls = {
	.title = "tls", .size = sizeof(struct written_settings), .settings = tls_settings };

static const struct setting proxy_settings[] = {
	{ .key = "from", SETTINGS(proxies), OTHER(proxy_count), .type = SETTING_LIST, .unit = "prefixes",
		.item = &allowed, .most = 256, .otherwise = "[]",
		.help = "who says by a PROXY header for whom it asks" },
	{ .key = NULL },
};

static const struct schema proxy = {
	.title = "proxy-protocol", .size = sizeof(struct written_settings), .settings = proxy_settings };

static const struct setting dnssec_settings[] = {
	{ .key = "passphrase-file", SETTINGS(dnssec_passphrase_file), .type = SETTING_TEXT, .unit = "path",
		.otherwise = "\"\"", .help = "its first line seals private keys in the store" },
	{ .key = NULL },
};

static const struct schema dnssec = {
	.title = "dnssec", .size = sizeof(struct written_settings), .settings = dnssec_settings };

static const struct setting dnstap_settings[] = {
	{ .key = "socket", SETTINGS(dnstap.socket), .type = SETTING_TEXT, .unit = "path", .check = check_socket_path,
		.otherwise = "\"\"", .help = "UNIX socket of the reader of dnstap; empty: none" },
	{ .key = "server", SETTINGS(dnstap.server.address), OTHER(dnstap.server.port), .type = SETTING_LISTEN,
		.unit = "ADDRESS@PORT", .port = 6000, .or_none = true, .otherwise = "none",
		.help = "where the reader takes TCP instead; none: nowhere" },
	{ .key = "sample", SETTINGS(dnstap.sample), .type = SETTING_INTEGER, .unit = "number", .least = 1,
		.most = 1e6, .otherwise = "1", .help = "one query of so many is told" },
	{ .key = "queries", SETTINGS(dnstap.queries), .type = SETTING_BOOL, .unit = "truth", .otherwise = "true",
		.help = "queries are told" },
	{ .key = "responses", SETTINGS(dnstap.responses), .type = SETTING_BOOL, .unit = "truth", .otherwise = "true",
		.help = "responses are told" },
	{ .key = NULL },
};

static const struct schema dnstap = {
	.title = "dnstap", .size = sizeof(struct written_settings), .settings = dnstap_settings };

static const struct setting query_log_settings[] = {
	{ .key = "file", SETTINGS(query_log), .type = SETTING_TEXT, .unit = "path", .otherwise = "\"\"",
		.help = "where queries are written while an operator wants it; empty: the log" },
	{ .key = NULL },
};

static const struct schema query_log = {
	.title = "query-log", .size = sizeof(struct written_settings), .settings = query_log_settings };

static const char *const tsig_algorithms[] = {
	"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512", NULL,
};

static const struct setting tsig_settings[] = {
	{ .key = "algorithm", SETTING_AT(struct tsig_setting, algorithm), .type = SETTING_ENUM, .unit = "algorithm",
		.words = tsig_algorithms, .otherwise = "hmac-sha256", .help = "of the key" },
	{ .key = "secret-file", SETTING_AT(struct tsig_setting, secret_file), .type = SETTING_TEXT, .unit = "path",
		.required = true, .help = "file with the secret in base64, or as tsig-keygen writes it" },
	{ .key = NULL },
};

static const struct schema tsig = {
	.title = "tsig-keys", .size = sizeof(struct tsig_setting), .placed = true, .settings = tsig_settings };

static const struct setting transfer_settings[] = {
	{ .key = "at-once", SETTINGS(transfers), .type = SETTING_INTEGER, .unit = "number", .least = 1, .most = 1e6,
		.otherwise = "32", .help = "transfers to all secondaries together" },
	{ .key = "per-client", SETTINGS(transfers_per_client), .type = SETTING_INTEGER, .unit = "number", .least = 1,
		.most = 1e6, .otherwise = "8", .help = "transfers to one address at once" },
	{ .key = "timeout", SETTINGS(transfer_longest_ms), .type = SETTING_DURATION, .unit = "duration", .least = 1e3,
		.most = DAY_MS, .otherwise = "30m", .help = "a transfer that takes longer is ended" },
	{ .key = "in-at-once", SETTINGS(transfers_in), .type = SETTING_INTEGER, .unit = "number", .least = 1,
		.most = 1000, .otherwise = "8", .help = "transfers from primaries together" },
	{ .key = NULL },
};

static const struct schema transfers = {
	.title = "transfer", .size = sizeof(struct written_settings), .settings = transfer_settings };

static const struct setting retention_settings[] = {
	{ .key = "samples", SETTINGS(keep_samples_ms), .type = SETTING_DURATION, .unit = "duration",
		.least = 3600e3, .most = 3650 * DAY_MS, .otherwise = "2d", .help = "metrics as they were reported" },
	{ .key = "minutes", SETTINGS(keep_minutes_ms), .type = SETTING_DURATION, .unit = "duration",
		.least = 3600e3, .most = 3650 * DAY_MS, .otherwise = "40d", .help = "metrics summed up by minute" },
	{ .key = "hours", SETTINGS(keep_hours_ms), .type = SETTING_DURATION, .unit = "duration",
		.least = 3600e3, .most = 3650 * DAY_MS, .otherwise = "400d", .help = "metrics summed up by hour" },
	{ .key = "reports", SETTINGS(keep_reports_ms), .type = SETTING_DURATION, .unit = "duration",
		.least = 3600e3, .most = 3650 * DAY_MS, .otherwise = "2d", .help = "reports of the agents, whole" },
	{ .key = NULL },
};

static const struct schema retention = {
	.title = "retention", .size = sizeof(struct written_settings), .settings = retention_settings };

static const struct setting top_settings[] = {
	{ .key = "listen", SETTINGS(listeners), OTHER(listener_count), .type = SETTING_LIST, .unit = "listeners",
		.item = &listener, .least = 1, .most = 256, .otherwise = "[0.0.0.0@53, \"::@53\"]",
		.help = "where queries are answered, by UDP and TCP" },
	{ .key = "workers", SETTINGS(workers), .type = SETTING_INTEGER, .unit = "number", .least = 0, .most = 256,
		.otherwise = "0", .help = "threads that answer; 0: one for each processor" },
	{ .key = "udp-payload", SETTINGS(udp_payload), .type = SETTING_INTEGER, .unit = "octets", .least = 512,
		.most = 4096, .otherwise = "1232", .help = "largest UDP message that is sent or promised to be read" },
	{ .key = "dnssec", .type = SETTING_RECORD, .unit = "map", .schema = &dnssec,
		.help = "the keys of zones that isobard signs" },
	{ .key = "cookies", .type = SETTING_RECORD, .unit = "map", .schema = &cookies,
		.help = "how clients show that they are at their address" },
	{ .key = "rate-limit", .type = SETTING_RECORD, .unit = "map", .schema = &rates,
		.help = "how many responses a network of clients gets by UDP" },
	{ .key = "report-agent", SETTINGS(report_agent), .type = SETTING_TEXT, .unit = "domain", .check = check_domain,
		.otherwise = "\"\"", .help = "where resolvers report what they find wrong; empty: nowhere" },
	{ .key = "identity", .type = SETTING_RECORD, .unit = "map", .schema = &identity,
		.help = "who may ask which server this is" },
	{ .key = "tcp", .type = SETTING_RECORD, .unit = "map", .schema = &tcp, .help = "limits of TCP, and of TLS" },
	{ .key = "tls", .type = SETTING_RECORD, .unit = "map", .schema = &tls, .help = "DNS over TLS" },
	{ .key = "proxy-protocol", .type = SETTING_RECORD, .unit = "map", .schema = &proxy,
		.help = "proxies that stand in front" },
	{ .key = "dnstap", .type = SETTING_RECORD, .unit = "map", .schema = &dnstap,
		.help = "who gets each query and response to see" },
	{ .key = "query-log", .type = SETTING_RECORD, .unit = "map", .schema = &query_log,
		.help = "one line for each query, while an operator wants it" },
	{ .key = "tsig-keys", SETTINGS(tsig_keys), OTHER(tsig_key_count), .type = SETTING_MAP, .unit = "map",
		.schema = &tsig, .check = check_key_name, .help = "keys that messages are signed with, by name" },
	{ .key = "transfer", .type = SETTING_RECORD, .unit = "map", .schema = &transfers,
		.help = "limits of zone transfers" },
	{ .key = "zones", SETTINGS(zones), .type = SETTING_TEXT, .unit = "path",
		.otherwise = ISOBAR_CONFIG_DIR "/zones", .help = "folder that an empty store is filled from" },
	{ .key = "store", SETTINGS(store), .type = SETTING_TEXT, .unit = "path",
		.otherwise = ISOBAR_STATE_DIR "/isobar.db", .help = "SQLite file with all that isobard knows" },
	{ .key = "models", SETTINGS(models), .type = SETTING_TEXT, .unit = "path",
		.otherwise = ISOBAR_MODELS_DIR, .help = "folder of the shipped models" },
	{ .key = "pae", SETTING_AT(struct written_settings, pae), .type = SETTING_ENUM, .unit = "mode",
		.words = pae_modes, .otherwise = "internal",
		.help = "internal: isobard starts isobar-pae; external: something else does" },
	{ .key = "api", .type = SETTING_RECORD, .unit = "map", .schema = &api, .help = "where the HTTP API listens" },
	{ .key = "retention", .type = SETTING_RECORD, .unit = "map", .schema = &retention,
		.help = "how long the store keeps what it was told" },
	{ .key = "log", SETTING_AT(struct written_settings, log), .type = SETTING_ENUM, .unit = "level",
		.words = log_levels, .otherwise = "info", .help = "the least important messages that are written" },
	{ .key = NULL },
};

const struct schema settings_schema = {
	.title = "top level", .size = sizeof(struct written_settings), .settings = top_settings };

struct settings *
settings_read(const char *text, const char *file, struct diags *diags)
{
	struct written_settings written = { .log = 0 };
	struct arena *arena = arena_new();
	struct settings *settings = arena == NULL ? NULL : arena_alloc(arena, sizeof(*settings));
	size_t before = diags->errors;
	const struct yaml_node *tree;

	if (settings == NULL) {
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "out of memory");
		arena_free(arena);
		return NULL;
	}
	tree = yaml_read(text, file, arena, diags);
	if (tree != NULL) {
		schema_read(&settings_schema, tree, file, arena, diags, &written);
		check_together(&written.settings, tree, file, diags);
	}
	if (diags->errors > before) {
		arena_free(arena);
		return NULL;
	}
	*settings = written.settings;
	settings->arena = arena;
	settings->log = log_values[written.log];
	settings->pae_external = written.pae == 1;
	if (name_keys(settings))
		return settings;
	diag_error(diags, (struct diag_place){ .file = file }, NULL, "out of memory");
	arena_free(arena);
	return NULL;
}

void
settings_free(struct settings *settings)
{
	if (settings != NULL)
		arena_free(settings->arena);
}

static bool
check_socket_path(const char *value, struct schema_why *why)
{
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (strlen(value) <= most)
		return true;
	snprintf(why->text, sizeof(why->text), "is too long for a socket's path: at most %zu octets", most);
	return false;
}

static bool
check_nsid(const char *value, struct schema_why *why)
{
	size_t length = 0;

	while (value[length] > ' ' && value[length] < 0x7f)
		length++;
	if (value[length] == '\0' && length <= NSID_MAX)
		return true;
	snprintf(why->text, sizeof(why->text), "must be at most %d printable characters without spaces", NSID_MAX);
	return false;
}

static bool
check_domain(const char *value, struct schema_why *why)
{
	uint8_t name[NAME_MAX];

	/* The root would be no agent at all (RFC 9567 section 5). */
	if (*value == '\0' || (name_parse(value, name) > 1))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a domain name");
	return false;
}

static bool
check_key_name(const char *value, struct schema_why *why)
{
	uint8_t name[NAME_MAX];

	if (name_parse(value, name) > 1)
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a domain name, which a key's name is");
	return false;
}

/* The tree is in the arena, too, but nothing else needs it. */
static bool
name_keys(struct settings *settings)
{
	struct tsig_setting *keys = arena_copy(settings->arena, settings->tsig_keys,
	    settings->tsig_key_count * sizeof(*keys));

	for (size_t i = 0; keys != NULL && i < settings->tsig_key_count; i++) {
		keys[i].name = keys[i].at.key->text;
		keys[i].line = keys[i].at.key->line;
	}
	settings->tsig_keys = keys;
	return keys != NULL;
}

static void
check_together(const struct settings *settings, const struct yaml_node *tree, const char *file, struct diags *diags)
{
	const struct yaml_node *listeners = yaml_member(tree, "api");
	const struct address *address = &settings->api_listener.address;

	check_limits(settings, tree, file, diags);
	check_tls(settings, tree, file, diags);
	check_dnstap(settings, tree, file, diags);
	if (listeners != NULL && address->bits != 0 && !is_loopback(address))
		diag_warning(diags, yaml_place(file, listeners), NULL,
		    "the API isn't encrypted: tokens can be read on the way to an address that isn't loopback");
}

static void
check_limits(const struct settings *settings, const struct yaml_node *tree, const char *file, struct diags *diags)
{
	const struct yaml_node *tcp_node = yaml_member(tree, "tcp"), *tls_node = yaml_member(tree, "tls");

	if (tcp_node != NULL && settings->tcp_connections_per_prefix > settings->tcp_connections)
		diag_error(diags, yaml_place(file, tcp_node), NULL,
		    "'connections-per-prefix' (%u) is above 'connections' (%u)", settings->tcp_connections_per_prefix,
		    settings->tcp_connections);
	if (tls_node != NULL && settings->tls_handshakes_per_prefix > settings->tls_handshakes)
		diag_error(diags, yaml_place(file, tls_node), NULL,
		    "'handshakes-per-prefix' (%u) is above 'handshakes' (%u)", settings->tls_handshakes_per_prefix,
		    settings->tls_handshakes);
}

static void
check_tls(const struct settings *settings, const struct yaml_node *tree, const char *file, struct diags *diags)
{
	const struct yaml_node *node = yaml_member(tree, "tls");

	if (node == NULL)
		return;
	if ((settings->tls_certificate == NULL) != (settings->tls_key == NULL))
		diag_error(diags, yaml_place(file, node), NULL,
		    "'certificate' and 'key' belong together: one is missing");
	else if (settings->tls_listener_count > 0 && settings->tls_certificate == NULL)
		diag_error(diags, yaml_place(file, node), NULL, "to listen takes a 'certificate' and a 'key'");
}

static void
check_dnstap(const struct settings *settings, const struct yaml_node *tree, const char *file, struct diags *diags)
{
	const struct yaml_node *node = yaml_member(tree, "dnstap");
	const struct dnstap_settings *d = &settings->dnstap;
	bool by_socket, by_tcp = d->server.address.bits != 0;

	if (node == NULL || d->socket == NULL)
		return;
	by_socket = *d->socket != '\0';
	if ((by_socket || by_tcp) && !dnstap_is_built())
		diag_error(diags, yaml_place(file, node), NULL, "this isobard was built without dnstap");
	if (by_socket && by_tcp)
		diag_error(diags, yaml_place(file, node), NULL, "'socket' and 'server' exclude each other");
	if ((by_socket || by_tcp) && !d->queries && !d->responses)
		diag_error(diags, yaml_place(file, node), NULL, "neither 'queries' nor 'responses' are told");
	else if (!by_socket && !by_tcp)
		diag_warning(diags, yaml_place(file, node), NULL, "without 'socket' or 'server' nothing is told");
	if (by_tcp && !is_loopback(&d->server.address))
		diag_warning(diags, yaml_place(file, node), NULL,
		    "dnstap isn't encrypted: queries can be read on the way to an address that isn't loopback");
}

static bool
is_loopback(const struct address *address)
{
	static const uint8_t ipv6[16] = { [15] = 1 };

	return address->bits == 32 ? address->bytes[0] == 127 : memcmp(address->bytes, ipv6, sizeof(ipv6)) == 0;
}
