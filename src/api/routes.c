/* routes.c -- which function answers what, and to whom.
 * In: a request with method and path.  Out: its row, with the path's parameters unescaped.
 * Threads: any; the table is constant.
 * One row for each method of a path: what isobar-api(7) documents is this table, and a test compares the two. Paths are
 * split before they're unescaped, since a zone's name may hold a slash (RFC 2317): 0%2F25.2.0.192.in-addr.arpa. */
#include "api/routes.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"

#define CHANGE_QUERIES "dry_run reason move_limit force"

const struct route routes[] = {
	/* What the processes of Isobar say. */
	{ "POST", "/v1/regions/{region}/reports", SCOPE_AGENT, BODY_JSON, false, NULL, report_read_body, report_take },
	{ "POST", "/v1/plan", SCOPE_PAE, BODY_JSON, true, NULL, NULL, plan_take },
	{ "POST", "/v1/predictions", SCOPE_PAE, BODY_JSON, false, NULL, predictions_read_body, predictions_take },
	{ "POST", "/v1/feeds/{feed}", SCOPE_PAE, BODY_JSON, true, NULL, feed_read_body, feed_take },
	{ "POST", "/v1/samples", SCOPE_PAE, BODY_JSON, true, NULL, samples_read_body, samples_take },
	{ "POST", "/v1/models", SCOPE_PAE, BODY_JSON, true, NULL, model_take, NULL },

	/* What there is. */
	{ "GET", "/v1/status", SCOPE_READ, BODY_NONE, false, NULL, NULL, status_show },
	{ "GET", "/v1/regions", SCOPE_READ, BODY_NONE, false, NULL, NULL, regions_show },
	{ "GET", "/v1/regions/{region}", SCOPE_REGION, BODY_NONE, false, NULL, NULL, region_show },
	{ "GET", "/v1/services", SCOPE_READ, BODY_NONE, false, NULL, NULL, services_show },
	{ "GET", "/v1/services/{service}", SCOPE_READ, BODY_NONE, false, NULL, NULL, service_show },
	{ "GET", "/v1/weights", SCOPE_READ, BODY_NONE, false, NULL, NULL, weights_show },
	{ "GET", "/v1/plan", SCOPE_READ, BODY_NONE, false, NULL, NULL, plan_show },
	{ "GET", "/v1/plan/diff", SCOPE_READ, BODY_NONE, false, "from to", plan_diff, NULL },
	{ "POST", "/v1/plan/diff", SCOPE_ADMIN, BODY_JSON, true, NULL, NULL, plan_try },
	{ "GET", "/v1/plan/history", SCOPE_READ, BODY_NONE, false, "limit", plan_history, NULL },
	{ "POST", "/v1/whatif", SCOPE_READ, BODY_JSON, false, NULL, whatif_read_body, whatif_show },
	{ "GET", "/v1/predictions", SCOPE_READ, BODY_NONE, false, "since", predictions_show, NULL },
	{ "GET", "/v1/models", SCOPE_READ, BODY_NONE, false, NULL, models_show, NULL },
	{ "GET", "/v1/models/{model}", SCOPE_READ, BODY_NONE, false, NULL, model_show, NULL },
	{ "POST", "/v1/models/{model}/review", SCOPE_PAE, BODY_JSON, true, NULL, model_review, NULL },
	{ "GET", "/v1/decisions", SCOPE_READ, BODY_NONE, false, NULL, decisions_show, NULL },
	{ "GET", "/v1/signals", SCOPE_READ, BODY_NONE, false, NULL, signals_read, signals_show },
	{ "GET", "/v1/feeds", SCOPE_READ, BODY_NONE, false, NULL, feeds_read, feeds_show },
	{ "GET", "/v1/demand", SCOPE_READ, BODY_NONE, false, "service heavy", NULL, demand_show },
	{ "GET", "/v1/explain", SCOPE_READ, BODY_NONE, false, "name client type at", explain_past,
	    explain_show },
	{ "GET", "/v1/stats", SCOPE_READ, BODY_NONE, false, NULL, NULL, stats_show },
	{ "GET", "/v1/audit", SCOPE_READ, BODY_NONE, false, "from limit verify", audit_show, NULL },

	/* What the operator changes. */
	{ "GET", "/v1/zones", SCOPE_READ, BODY_NONE, false, NULL, NULL, zones_show },
	{ "GET", "/v1/zones/{zone}", SCOPE_READ, BODY_NONE, false, NULL, NULL, zone_show },
	{ "PUT", "/v1/zones/{zone}", SCOPE_ADMIN, BODY_ZONE, true, CHANGE_QUERIES, zone_put, change_run },
	{ "DELETE", "/v1/zones/{zone}", SCOPE_ADMIN, BODY_NONE, false, CHANGE_QUERIES, zone_delete, change_run },
	{ "POST", "/v1/zones/{zone}/check", SCOPE_ADMIN, BODY_ZONE, true, NULL, zone_check_body, change_run },
	{ "GET", "/v1/zones/{zone}/records", SCOPE_READ, BODY_NONE, false, "owner type", NULL, records_show },
	{ "PUT", "/v1/zones/{zone}/records/{owner}/{type}", SCOPE_ADMIN, BODY_JSON, false, CHANGE_QUERIES, record_put,
	    change_run },
	{ "DELETE", "/v1/zones/{zone}/records/{owner}/{type}", SCOPE_ADMIN, BODY_NONE, false, CHANGE_QUERIES,
	    record_delete, change_run },
	{ "DELETE", "/v1/zones/{zone}/records/{owner}", SCOPE_ADMIN, BODY_NONE, false, CHANGE_QUERIES, record_delete,
	    change_run },
	{ "GET", "/v1/catalogs", SCOPE_READ, BODY_NONE, false, "zone", NULL, catalogs_show },
	{ "POST", "/v1/catalogs/{catalog}/confirm", SCOPE_ADMIN, BODY_EMPTY_OR_JSON, false, CHANGE_QUERIES,
	    catalog_confirm, change_run },
	{ "GET", "/v1/primaries", SCOPE_READ, BODY_NONE, false, "zone", NULL, primaries_show },
	{ "POST", "/v1/zones/{zone}/refresh", SCOPE_ADMIN, BODY_EMPTY_OR_JSON, false, "whole", NULL, zone_refresh },
	{ "GET", "/v1/secondaries", SCOPE_READ, BODY_NONE, false, "zone", NULL, secondaries_show },
	{ "GET", "/v1/keys", SCOPE_READ, BODY_NONE, false, "zone", NULL, keys_show },
	{ "POST", "/v1/zones/{zone}/keys", SCOPE_ADMIN, BODY_JSON, false, CHANGE_QUERIES, key_import, change_run },
	{ "POST", "/v1/zones/{zone}/keys/roll", SCOPE_ADMIN, BODY_JSON, false, CHANGE_QUERIES, key_roll, change_run },
	{ "POST", "/v1/zones/{zone}/keys/gone", SCOPE_ADMIN, BODY_JSON, false, CHANGE_QUERIES, key_gone, change_run },
	{ "POST", "/v1/zones/{zone}/keys/seen", SCOPE_ADMIN, BODY_JSON, false, CHANGE_QUERIES, key_seen, change_run },
	{ "GET", "/v1/zones/{zone}/keys/{tag}", SCOPE_LOCAL, BODY_NONE, false, NULL, NULL, key_export },
	{ "POST", "/v1/apply", SCOPE_ADMIN, BODY_JSON, true, CHANGE_QUERIES, apply_read_body, change_run },
	{ "GET", "/v1/export", SCOPE_READ, BODY_NONE, false, NULL, NULL, export_show },
	{ "GET", "/v1/overrides", SCOPE_READ, BODY_NONE, false, NULL, NULL, overrides_show },
	{ "POST", "/v1/overrides", SCOPE_ADMIN, BODY_JSON, false, "dry_run", override_read_body, change_run },
	{ "DELETE", "/v1/overrides/{id}", SCOPE_ADMIN, BODY_NONE, false, CHANGE_QUERIES " over_s", override_delete,
	    change_run },
	{ "GET", "/v1/drills", SCOPE_READ, BODY_NONE, false, NULL, drills_read, drills_show },
	{ "POST", "/v1/signals", SCOPE_ADMIN, BODY_JSON, false, NULL, signal_read_body, signal_take },
	{ "DELETE", "/v1/signals/{signal}", SCOPE_ADMIN, BODY_NONE, false, NULL, signal_end, NULL },
	{ "GET", "/v1/latency", SCOPE_READ, BODY_NONE, false, NULL, latency_show, NULL },
	{ "PUT", "/v1/latency", SCOPE_ADMIN, BODY_JSON, true, "dry_run reason", latency_read_body, latency_take },
	{ "DELETE", "/v1/latency", SCOPE_ADMIN, BODY_NONE, false, "dry_run reason", NULL, latency_clear },
	{ "GET", "/v1/tokens", SCOPE_ADMIN, BODY_NONE, false, NULL, tokens_show, NULL },
	{ "POST", "/v1/tokens", SCOPE_ADMIN, BODY_JSON, false, NULL, token_create, NULL },
	{ "DELETE", "/v1/tokens/{token}", SCOPE_ADMIN, BODY_NONE, false, NULL, token_delete, NULL },
	{ "POST", "/v1/models/train", SCOPE_ADMIN, BODY_EMPTY_OR_JSON, false, NULL, NULL, train_start },
	{ "GET", "/v1/dnstap", SCOPE_READ, BODY_NONE, false, NULL, NULL, dnstap_show },
	{ "PUT", "/v1/dnstap", SCOPE_ADMIN, BODY_JSON, false, NULL, dnstap_read_body, dnstap_switch },
	{ "GET", "/v1/query-log", SCOPE_READ, BODY_NONE, false, NULL, NULL, query_log_show },
	{ "PUT", "/v1/query-log", SCOPE_ADMIN, BODY_JSON, false, NULL, query_log_read_body, query_log_switch },
	{ "POST", "/v1/reload", SCOPE_ADMIN, BODY_EMPTY_OR_JSON, false, NULL, NULL, reload_run },
	{ "POST", "/v1/stop", SCOPE_LOCAL, BODY_EMPTY_OR_JSON, false, NULL, NULL, stop_run },

	/* For what watches the process. */
	{ "GET", "/livez", SCOPE_PUBLIC, BODY_NONE, false, NULL, live_show, NULL },
	{ "GET", "/readyz", SCOPE_PUBLIC, BODY_NONE, false, NULL, ready_check, ready_show },
	{ "GET", "/metrics", SCOPE_READ, BODY_NONE, false, NULL, metrics_read, metrics_show },
};
const size_t route_count = ARRAY_SIZE(routes);

/* A part of a path between two slashes. */
struct segment { const char *text; size_t length; };

static bool path_matches(const char *pattern, const char *path);
static bool segment_next(const char **at, struct segment *segment);
static bool method_matches(const struct route *route, const char *method);
static enum route_match params_take(struct request *request, const char *pattern);
static bool utf8_valid(const unsigned char *s);
static bool known_query(const struct route *route, const char *name);

enum route_match
route_find(struct request *request, const struct route *table, size_t count, struct text *allow)
{
	bool path_known = false;

	for (size_t i = 0; i < count; i++) {
		if (!path_matches(table[i].pattern, request->path))
			continue;
		if (method_matches(&table[i], request->method)) {
			request->route = &table[i];
			return params_take(request, table[i].pattern);
		}
		text_printf(allow, "%s%s%s", path_known ? ", " : "", table[i].method,
		    strcmp(table[i].method, "GET") == 0 ? ", HEAD" : "");
		path_known = true;
	}
	return path_known ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}

/* A literal row and a {...} of the same shape don't meet in one method: /v1/models/train is a POST, /v1/models/{model}
 * a GET. */
static bool
path_matches(const char *pattern, const char *path)
{
	struct segment expected, found;

	for (;;) {
		bool more = segment_next(&pattern, &expected);

		if (more != segment_next(&path, &found))
			return false;
		if (!more)
			return true;
		if (expected.length > 0 && expected.text[0] == '{') {
			if (found.length == 0)
				return false;
		} else if (expected.length != found.length || memcmp(expected.text, found.text, found.length) != 0) {
			return false;
		}
	}
}

static bool
segment_next(const char **at, struct segment *segment)
{
	if (**at != '/')
		return false;
	segment->text = ++*at;
	segment->length = strcspn(*at, "/");
	*at += segment->length;
	return true;
}

static bool
method_matches(const struct route *route, const char *method)
{
	return strcmp(route->method, method) == 0 || (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static enum route_match
params_take(struct request *request, const char *pattern)
{
	const char *path = request->path;
	struct segment expected, found;
	size_t count = 0;
	int error;

	while (segment_next(&pattern, &expected) && segment_next(&path, &found)) {
		if (expected.length == 0 || expected.text[0] != '{')
			continue;
		error = route_unescape(request->arena, found.text, found.length, &request->params[count++]);
		if (error != 0)
			return error == -ENOMEM ? ROUTE_NO_MEMORY : ROUTE_BAD_PATH;
	}
	return ROUTE_FOUND;
}

int
route_unescape(struct arena *arena, const char *text, size_t length, const char **plain)
{
	char *out = arena_alloc(arena, length + 1);
	size_t used = 0;

	*plain = out;
	if (out == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < length; i++) {
		unsigned c = (unsigned char)text[i];

		if (c == '%') {
			if (length - i < 3 || !isxdigit((unsigned char)text[i + 1]) ||
			    !isxdigit((unsigned char)text[i + 2]) || sscanf(text + i + 1, "%2x", &c) != 1)
				return -EINVAL;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return -EINVAL;
		out[used++] = (char)c;
	}
	return utf8_valid((const unsigned char *)out) ? 0 : -EINVAL;
}

/* RFC 3629: what goes into answers must be text. */
static bool
utf8_valid(const unsigned char *s)
{
	static const struct { unsigned char first, last, least, most, more; } forms[] = {
		{ 0x01, 0x7f, 0, 0, 0 }, { 0xc2, 0xdf, 0x80, 0xbf, 1 }, { 0xe0, 0xe0, 0xa0, 0xbf, 2 },
		{ 0xe1, 0xec, 0x80, 0xbf, 2 }, { 0xed, 0xed, 0x80, 0x9f, 2 }, { 0xee, 0xef, 0x80, 0xbf, 2 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 3 }, { 0xf1, 0xf3, 0x80, 0xbf, 3 }, { 0xf4, 0xf4, 0x80, 0x8f, 3 },
	};

	while (*s != '\0') {
		size_t form = 0;

		while (form < ARRAY_SIZE(forms) && (*s < forms[form].first || *s > forms[form].last))
			form++;
		if (form == ARRAY_SIZE(forms))
			return false;
		s++;
		for (unsigned i = 0; i < forms[form].more; i++, s++)
			if (*s < (i == 0 ? forms[form].least : 0x80) || *s > (i == 0 ? forms[form].most : 0xbf))
				return false;
	}
	return true;
}

bool
route_check_queries(struct request *request)
{
	struct diags diags = { 0 };

	for (size_t i = 0; i < request->query_count; i++) {
		const char *name = request->queries[i].name;

		if (!known_query(request->route, name))
			diag_error(&diags, request_place(NULL), request->route->queries,
			    "there is no parameter '%s' here", name);
		for (size_t j = 0; j < i; j++)
			if (strcmp(request->queries[j].name, name) == 0)
				diag_error(&diags, request_place(NULL), NULL,
				    "the parameter '%s' is given twice", name);
	}
	if (diag_failed(&diags))
		answer_invalid(request, &diags);
	diag_fini(&diags);
	return request->answer.status == 0;
}

static bool
known_query(const struct route *route, const char *name)
{
	const char *at = route->queries;
	size_t length = strlen(name);

	while (at != NULL && *at != '\0') {
		size_t word = strcspn(at, " ");

		if (word == length && memcmp(at, name, length) == 0)
			return true;
		at += word + (at[word] == ' ');
	}
	return false;
}
