/* agent_settings.c -- the keys of isobar-rem.yaml, and isobar-rem.yaml to struct agent_settings.
 * In: the text.  Out: the settings in an arena of their own, or every error of the file.
 * Names of backends, services, prefixes and series go into reports, so they are held to the reports' form here, where a
 * mistake has a line, and not by isobard, which could only refuse every report. Whether the region, the services and
 * the client groups exist is for isobard to say: it alone knows steering.yaml. */
#include "conf/agent_settings.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "conf/checks.h"
#include "dns/name.h"
#include "report/report.h"

struct written_backend_probe {
	struct schema_place at;
	unsigned kind;			/* enum probe_kind */
	const char *path, *host, *status;
	uint32_t interval_ms, timeout_ms;
	unsigned rise, fall;
};

struct written_backend {
	struct schema_place at;
	const struct yaml_node *name, *service;
	struct address address;
	uint16_t port;
	struct written_backend_probe probe;
};

struct written_endpoint {
	struct schema_place at;
	const char *url, *prefix;
	const struct yaml_node *backend;
	const char *const *series;
	size_t series_count;
};

struct written_load {
	struct schema_place at;
	const struct yaml_node *service;
	const char *url, *metric, *errors;
};

struct written_agent {
	struct agent_settings settings;
	const struct yaml_node *agent;
	const struct written_backend *backends;
	const struct written_endpoint *endpoints;
	const struct written_load *loads;
	size_t backend_count, endpoint_count, load_count;
};

struct agent_reading {
	const char *file;
	struct arena *arena;
	struct diags *diags;
	struct agent_settings *settings;
	const struct written_agent *written;
};

static void take_agent_name(struct agent_reading *r);
static void take_backends(struct agent_reading *r);
static void take_probe(struct agent_reading *r, const struct written_backend *written, struct agent_probe *probe);
static void refuse_for_tcp(struct agent_reading *r, const struct written_backend_probe *probe);
static void check_names_once(struct agent_reading *r);
static void take_endpoints(struct agent_reading *r);
static void check_backend_known(struct agent_reading *r, const struct yaml_node *name);
static void check_metric_lengths(struct agent_reading *r, const struct written_endpoint *endpoint);
static void take_loads(struct agent_reading *r);
static const char *service_name(struct agent_reading *r, const struct yaml_node *name);
static void warn_without_token(struct agent_reading *r, const struct yaml_node *tree);
static void *room(struct agent_reading *r, size_t count, size_t size);
static void out_of_memory(struct agent_reading *r);

#define SETTINGS(member) SETTING_AT(struct written_agent, settings.member)
#define OTHER(member) .other = offsetof(struct written_agent, settings.member)

static const struct setting group_name = { SETTING_ITEM(SETTING_TEXT, const char *), .check = check_tag };
static const struct setting disk_path = { SETTING_ITEM(SETTING_TEXT, const char *), .check = check_path };
static const struct setting interface_name = { SETTING_ITEM(SETTING_TEXT, const char *), .check = check_report_name };
static const struct setting series_name = { SETTING_ITEM(SETTING_TEXT, const char *), .check = check_metric };

static const char *const probe_kinds[] = { "tcp", "http", "https", NULL };	/* from PROBE_TCP on */

static const struct setting probe_settings[] = {
	{ .key = "kind", SETTING_AT(struct written_backend_probe, kind), .type = SETTING_ENUM, .unit = "kind",
		.words = probe_kinds, .least = PROBE_TCP, .otherwise = "tcp",
		.help = "tcp: connect; http, https: GET" },
	{ .key = "path", SETTING_AT(struct written_backend_probe, path), .type = SETTING_TEXT, .unit = "path",
		.check = check_url_path, .help = "what to GET" },
	{ .key = "host", SETTING_AT(struct written_backend_probe, host), .type = SETTING_TEXT, .unit = "name",
		.check = check_host, .help = "host that is asked for, and whose certificate is expected" },
	{ .key = "status", SETTING_AT(struct written_backend_probe, status), .type = SETTING_TEXT, .unit = "range",
		.check = check_status_range, .otherwise = "200-399", .help = "HTTP status of a healthy answer" },
	{ .key = "interval", SETTING_AT(struct written_backend_probe, interval_ms), .type = SETTING_DURATION,
		.unit = "duration", .least = 100, .most = 3600e3, .otherwise = "5s",
		.help = "time between two probes" },
	{ .key = "timeout", SETTING_AT(struct written_backend_probe, timeout_ms), .type = SETTING_DURATION,
		.unit = "duration", .least = 10, .most = 300e3, .otherwise = "2s",
		.help = "a probe that takes longer has failed" },
	{ .key = "rise", SETTING_AT(struct written_backend_probe, rise), .type = SETTING_INTEGER, .unit = "number",
		.least = 1, .most = 100, .otherwise = "2", .help = "good probes in a row that make a backend healthy" },
	{ .key = "fall", SETTING_AT(struct written_backend_probe, fall), .type = SETTING_INTEGER, .unit = "number",
		.least = 1, .most = 100, .otherwise = "3", .help = "failed probes in a row that make it unhealthy" },
	{ .key = NULL },
};

static const struct schema probe = {
	.title = "probe", .size = sizeof(struct written_backend_probe), .placed = true, .settings = probe_settings };

static const struct setting backend_settings[] = {
	{ .key = "name", SETTING_AT(struct written_backend, name), .type = SETTING_WORD, .unit = "name",
		.required = true, .check = check_report_name, .help = "its name in reports; unique" },
	{ .key = "service", SETTING_AT(struct written_backend, service), .type = SETTING_WORD, .unit = "domain name",
		.required = true, .check = check_service_name, .help = "the service that it's a backend of" },
	{ .key = "address", SETTING_AT(struct written_backend, address), .type = SETTING_LISTEN, .unit = "ADDRESS@PORT",
		.other = offsetof(struct written_backend, port), .required = true, .help = "what is probed" },
	{ .key = "probe", SETTING_AT(struct written_backend, probe), .type = SETTING_RECORD, .unit = "map",
		.schema = &probe, .help = "how it is probed" },
	{ .key = NULL },
};

static const struct schema backend = {
	.title = "backends", .size = sizeof(struct written_backend), .placed = true, .settings = backend_settings };
static const struct setting backend_item = {
	SETTING_ITEM(SETTING_RECORD, struct written_backend), .schema = &backend };

static const struct setting endpoint_settings[] = {
	{ .key = "url", SETTING_AT(struct written_endpoint, url), .type = SETTING_TEXT, .unit = "URL",
		.required = true, .check = check_url, .help = "page in the Prometheus text format" },
	{ .key = "prefix", SETTING_AT(struct written_endpoint, prefix), .type = SETTING_TEXT, .unit = "text",
		.check = check_metric_prefix, .help = "put before the name of each series" },
	{ .key = "backend", SETTING_AT(struct written_endpoint, backend), .type = SETTING_WORD, .unit = "name",
		.help = "the backend that the metrics are of; else they are the region's" },
	{ .key = "series", SETTING_AT(struct written_endpoint, series), .type = SETTING_LIST, .unit = "list of series",
		.other = offsetof(struct written_endpoint, series_count), .item = &series_name, .least = 1,
		.most = 1000, .help = "what to report of it; else all gauges and counters" },
	{ .key = NULL },
};

static const struct schema endpoint = {
	.title = "metrics-endpoints", .size = sizeof(struct written_endpoint), .placed = true,
	.settings = endpoint_settings };
static const struct setting endpoint_item = {
	SETTING_ITEM(SETTING_RECORD, struct written_endpoint), .schema = &endpoint };

static const struct setting load_settings[] = {
	{ .key = "service", SETTING_AT(struct written_load, service), .type = SETTING_WORD, .unit = "domain name",
		.required = true, .check = check_service_name, .help = "the service whose requests are counted" },
	{ .key = "url", SETTING_AT(struct written_load, url), .type = SETTING_TEXT, .unit = "URL",
		.required = true, .check = check_url, .help = "page in the Prometheus text format" },
	{ .key = "metric", SETTING_AT(struct written_load, metric), .type = SETTING_TEXT, .unit = "series",
		.required = true, .check = check_metric, .help = "counter of requests" },
	{ .key = "errors", SETTING_AT(struct written_load, errors), .type = SETTING_TEXT, .unit = "series",
		.check = check_metric, .help = "counter of those that failed, in the same page" },
	{ .key = NULL },
};

static const struct schema load = {
	.title = "load", .size = sizeof(struct written_load), .placed = true, .settings = load_settings };
static const struct setting load_item = { SETTING_ITEM(SETTING_RECORD, struct written_load), .schema = &load };

static const struct setting spool_settings[] = {
	{ .key = "path", SETTINGS(spool_path), .type = SETTING_TEXT, .unit = "path", .check = check_path,
		.otherwise = ISOBAR_STATE_DIR "/rem-spool", .help = "folder for reports that couldn't be sent yet" },
	{ .key = "limit", SETTINGS(spool_limit), .type = SETTING_SIZE, .unit = "size", .least = 65536,
		.most = 1099511627776, .otherwise = "64M", .help = "past this the oldest reports are dropped" },
	{ .key = NULL },
};

static const struct schema spool = {
	.title = "spool", .size = sizeof(struct written_agent), .settings = spool_settings };

static const struct setting system_settings[] = {
	{ .key = "metrics", SETTINGS(system_metrics), .type = SETTING_BOOL, .unit = "bool", .otherwise = "true",
		.help = "report CPU, memory, disk, network and load of this machine" },
	{ .key = "disks", SETTINGS(disks), OTHER(disk_count), .type = SETTING_LIST, .unit = "list of paths",
		.item = &disk_path, .least = 1, .most = 64, .otherwise = "[/]",
		.help = "a path on each file system to watch" },
	{ .key = "interfaces", SETTINGS(interfaces), OTHER(interface_count), .type = SETTING_LIST,
		.unit = "list of names", .item = &interface_name, .least = 1, .most = 64,
		.help = "network interfaces to watch; else all but loopback" },
	{ .key = NULL },
};

static const struct schema system_schema = {
	.title = "system", .size = sizeof(struct written_agent), .settings = system_settings };

static const struct setting top_settings[] = {
	{ .key = "region", SETTINGS(region), .type = SETTING_TEXT, .unit = "name", .required = true,
		.check = check_region_name, .help = "the region, as steering.yaml calls it" },
	{ .key = "agent", SETTING_AT(struct written_agent, agent), .type = SETTING_WORD, .unit = "name",
		.check = check_report_name, .help = "the agent's name in reports; else the host's name" },
	{ .key = "controller", SETTINGS(controller), .type = SETTING_TEXT, .unit = "URL",
		.check = check_controller, .otherwise = "http://127.0.0.1:8053", .help = "where isobard listens" },
	{ .key = "token-file", SETTINGS(token_file), .type = SETTING_TEXT, .unit = "path", .check = check_path,
		.help = "file with the agent's token" },
	{ .key = "interval", SETTINGS(interval_ms), .type = SETTING_DURATION, .unit = "duration",
		.least = 100, .most = 3600e3, .otherwise = "5s", .help = "time between two reports" },
	{ .key = "spool", .type = SETTING_RECORD, .unit = "map", .schema = &spool,
		.help = "where reports wait while isobard is away" },
	{ .key = "capacity", SETTINGS(capacity), .type = SETTING_RATE, .unit = "rate", .least = 1, .most = 1e9,
		.help = "requests per second that the region can bear; else as steering.yaml says" },
	{ .key = "accepts", SETTINGS(accepts), OTHER(accept_count), .type = SETTING_LIST, .unit = "list of names",
		.item = &group_name, .least = 1, .most = CLIENT_GROUPS_MAX,
		.help = "the only client groups that may be sent here" },
	{ .key = "backends", SETTING_AT(struct written_agent, backends), .type = SETTING_LIST, .unit = "list of maps",
		.other = offsetof(struct written_agent, backend_count), .item = &backend_item, .least = 1,
		.most = REPORT_BACKENDS_MAX, .help = "the servers to probe" },
	{ .key = "metrics-endpoints", SETTING_AT(struct written_agent, endpoints), .type = SETTING_LIST,
		.unit = "list of maps", .other = offsetof(struct written_agent, endpoint_count), .item = &endpoint_item,
		.least = 1, .most = 1000, .help = "pages of metrics to read" },
	{ .key = "load", SETTING_AT(struct written_agent, loads), .type = SETTING_LIST, .unit = "list of maps",
		.other = offsetof(struct written_agent, load_count), .item = &load_item, .least = 1, .most = 1000,
		.help = "where the requests per second of a service are counted" },
	{ .key = "latency-file", SETTINGS(latency_file), .type = SETTING_TEXT, .unit = "path", .check = check_path,
		.help = "table of latencies between clients and this region" },
	{ .key = "system", .type = SETTING_RECORD, .unit = "map", .schema = &system_schema,
		.help = "metrics of this machine" },
	{ .key = NULL },
};

const struct schema agent_settings_schema = {
	.title = "top level", .size = sizeof(struct written_agent), .settings = top_settings };

struct agent_settings *
agent_settings_read(const char *text, const char *file, struct diags *diags)
{
	struct written_agent written = { .backend_count = 0 };
	struct agent_reading r = { .file = file, .diags = diags, .written = &written };
	size_t before = diags->errors;
	const struct yaml_node *tree;

	r.arena = arena_new();
	r.settings = r.arena == NULL ? NULL : arena_alloc(r.arena, sizeof(*r.settings));
	tree = r.settings == NULL ? NULL : yaml_read(text, file, r.arena, diags);
	if (r.settings == NULL) {
		out_of_memory(&r);
	} else if (tree != NULL) {
		schema_read(&agent_settings_schema, tree, file, r.arena, diags, &written);
		*r.settings = written.settings;
		r.settings->arena = r.arena;
		r.settings->constrained = r.settings->accept_count > 0;
		take_agent_name(&r);
		take_backends(&r);
		take_endpoints(&r);
		take_loads(&r);
		warn_without_token(&r, tree);
	}
	if (diags->errors == before)
		return r.settings;
	arena_free(r.arena);
	return NULL;
}

void
agent_settings_free(struct agent_settings *settings)
{
	if (settings != NULL)
		arena_free(settings->arena);
}

static void
take_agent_name(struct agent_reading *r)
{
	struct diag_place place = { .file = r->file };
	struct schema_why why = { "", "" };
	char host[HOST_NAME_MAX + 1] = "";

	if (r->written->agent != NULL) {
		r->settings->agent = r->written->agent->text;
		return;
	}
	if (gethostname(host, sizeof(host)) != 0 || host[HOST_NAME_MAX] != '\0' || host[0] == '\0')
		diag_error(r->diags, place, NULL, "this host has no name: give the agent one, by 'agent'");
	else if (!check_report_name(host, &why))
		diag_error(r->diags, place, NULL, "this host's name '%s' %s: give the agent one, by 'agent'",
		    yaml_shown(host).text, why.text);
	r->settings->agent = arena_text(r->arena, host);
	if (r->settings->agent == NULL)
		out_of_memory(r);
}

static void
take_backends(struct agent_reading *r)
{
	size_t count = r->written->backend_count;
	struct agent_backend *backends = room(r, count, sizeof(*backends));

	if (backends == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct written_backend *written = &r->written->backends[i];

		backends[i] = (struct agent_backend){ .address = written->address, .port = written->port,
			.name = written->name == NULL ? "" : written->name->text,
			.service = service_name(r, written->service) };
		take_probe(r, written, &backends[i].probe);
	}
	r->settings->backends = backends;
	r->settings->backend_count = count;
	check_names_once(r);
}

static void
take_probe(struct agent_reading *r, const struct written_backend *written, struct agent_probe *target)
{
	const struct written_backend_probe *given = &written->probe;
	const struct yaml_node *node = given->at.node;

	*target = (struct agent_probe){ .kind = (enum probe_kind)given->kind, .path = given->path, .host = given->host,
		.interval_ms = given->interval_ms, .timeout_ms = given->timeout_ms, .rise = given->rise,
		.fall = given->fall };
	status_range(given->status, &target->status_least, &target->status_most);
	if (target->kind == PROBE_TCP && node != NULL)
		refuse_for_tcp(r, given);
	else if (target->kind != PROBE_TCP && target->path == NULL)
		target->path = "/";
	if (target->timeout_ms > target->interval_ms)
		diag_error(r->diags, yaml_place(r->file, node == NULL ? written->at.node : node), NULL,
		    "'timeout' (%ums) is above 'interval' (%ums)", target->timeout_ms, target->interval_ms);
}

static void
refuse_for_tcp(struct agent_reading *r, const struct written_backend_probe *given)
{
	static const char *const of_http[] = { "path", "host", "status" };

	for (size_t i = 0; i < ARRAY_SIZE(of_http); i++) {
		const struct yaml_node *node = yaml_member(given->at.node, of_http[i]);

		if (node != NULL)
			diag_error(r->diags, yaml_place(r->file, node), NULL,
			    "'%s' is for kind http or https; a TCP probe only connects", of_http[i]);
	}
}

/* At REPORT_BACKENDS_MAX 8 million comparisons that mostly end at the first octets: some 20 ms. */
static void
check_names_once(struct agent_reading *r)
{
	for (size_t i = 0; i < r->written->backend_count; i++) {
		const struct yaml_node *name = r->written->backends[i].name;

		for (size_t k = 0; name != NULL && k < i; k++) {
			const struct yaml_node *before = r->written->backends[k].name;

			if (before == NULL || strcmp(before->text, name->text) != 0)
				continue;
			diag_error(r->diags, yaml_place(r->file, name), NULL,
			    "the backend '%s' is here twice; the first is in line %u", name->text, before->line);
			break;
		}
	}
}

static void
take_endpoints(struct agent_reading *r)
{
	size_t count = r->written->endpoint_count;
	struct agent_metrics_endpoint *endpoints = room(r, count, sizeof(*endpoints));

	if (endpoints == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct written_endpoint *written = &r->written->endpoints[i];

		endpoints[i] = (struct agent_metrics_endpoint){ .url = written->url,
			.prefix = written->prefix == NULL ? "" : written->prefix,
			.backend = written->backend == NULL ? "" : written->backend->text,
			.series = written->series, .series_count = written->series_count };
		if (written->backend != NULL)
			check_backend_known(r, written->backend);
		check_metric_lengths(r, written);
	}
	r->settings->endpoints = endpoints;
	r->settings->endpoint_count = count;
}

static void
check_backend_known(struct agent_reading *r, const struct yaml_node *name)
{
	size_t count = r->settings->backend_count;
	const char **names = room(r, count, sizeof(*names));

	for (size_t i = 0; names != NULL && i < count; i++) {
		names[i] = r->settings->backends[i].name;
		if (strcmp(names[i], name->text) == 0)
			return;
	}
	if (names != NULL)
		diag_error(r->diags, yaml_place(r->file, name), text_suggest(name->text, names, count),
		    "there is no backend '%s'", yaml_shown(name->text).text);
}

/* The name in the report is the prefix and the series' alias, else its name without labels. */
static void
check_metric_lengths(struct agent_reading *r, const struct written_endpoint *written)
{
	size_t prefix = written->prefix == NULL ? 0 : strlen(written->prefix);

	for (size_t i = 0; i < written->series_count; i++) {
		size_t name = strcspn(written->series[i], "={");

		if (prefix + name > REPORT_NAME_MAX)
			diag_error(r->diags, yaml_place(r->file, yaml_member(written->at.node, "series")), NULL,
			    "with its prefix, '%s' makes a name of more than %d octets",
			    yaml_shown(written->series[i]).text, REPORT_NAME_MAX);
	}
}

static void
take_loads(struct agent_reading *r)
{
	size_t count = r->written->load_count;
	struct agent_load *loads = room(r, count, sizeof(*loads));

	if (loads == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct written_load *written = &r->written->loads[i];

		loads[i] = (struct agent_load){ service_name(r, written->service), written->url, written->metric,
			written->errors };
	}
	r->settings->loads = loads;
	r->settings->load_count = count;
}

/* The form that isobard knows services by: lower case, final dot. */
static const char *
service_name(struct agent_reading *r, const struct yaml_node *name)
{
	uint8_t owner[NAME_MAX];
	char text[NAME_TEXT_SIZE];
	const char *copy;

	if (name == NULL || name_parse(name->text, owner) == 0)
		return "";
	copy = arena_text(r->arena, name_text(owner, text));
	if (copy == NULL)
		out_of_memory(r);
	return copy;
}

static void
warn_without_token(struct agent_reading *r, const struct yaml_node *tree)
{
	const struct yaml_node *controller = yaml_member(tree, "controller");

	if (strncmp(r->settings->controller, "unix:", 5) != 0 && r->settings->token_file == NULL)
		diag_warning(r->diags, yaml_place(r->file, controller == NULL ? tree : controller), NULL,
		    "isobard takes no report over TCP without a token, and there is no 'token-file'");
}

static void *
room(struct agent_reading *r, size_t count, size_t size)
{
	void *bytes = arena_alloc(r->arena, count * size + 1);

	if (bytes == NULL)
		out_of_memory(r);
	return bytes;
}

static void
out_of_memory(struct agent_reading *r)
{
	diag_error(r->diags, (struct diag_place){ .file = r->file }, NULL, "out of memory");
}
