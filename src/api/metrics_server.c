/* metrics_server.c -- see metrics_parts.h: queries, answers, limits, connections, and who watches.
 * In: the counters of all workers, summed.  Out: text.  Threads: control. */
#include "api/metrics_parts.h"
#include "control/watch.h"

static void add_rcodes(struct exposition *x, const struct counters *sum);
static void add_picks(struct exposition *x, const struct counters *sum);
static void add_guard(struct exposition *x, const struct counters *sum);
static void add_connections(struct exposition *x, const struct server *server, const struct counters *sum);
static void add_tls(struct exposition *x, const struct server *server, const struct counters *sum);
static void add_proxied(struct exposition *x, const struct counters *sum);
static void add_watched(struct exposition *x);

static const char *const transports[TRANSPORTS] = { "udp", "tcp", "tls" };

const char *const metric_rcodes[METRIC_RCODES] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
	"YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE" };

void
metrics_server(struct exposition *x)
{
	const struct server *server = control_server(x->request->control);
	struct counters sum = { 0 };

	server_counters(server, &sum);
	metric_family(x->out, "isobar_queries_total", "counter", "Queries received, by transport.");
	for (size_t i = 0; i < TRANSPORTS; i++)
		metric_sample(x->out, "isobar_queries_total", (double)sum.queries[i], "transport", transports[i], NULL,
		    NULL);
	add_rcodes(x, &sum);
	add_picks(x, &sum);
	add_guard(x, &sum);
	metric_single(x->out, "isobar_queries_dropped_total", "counter",
	    "Packets without an answer: no header, or a response.", (double)sum.dropped);
	metric_single(x->out, "isobar_answers_truncated_total", "counter", "Answers by UDP that had to be truncated.",
	    (double)sum.truncated);
	metric_single(x->out, "isobar_answers_steered_total", "counter", "Answers for steered names.",
	    (double)sum.steered);
	metric_single(x->out, "isobar_queries_client_subnet_total", "counter", "Queries with EDNS Client Subnet.",
	    (double)sum.client_subnet);
	metric_single(x->out, "isobar_send_failures_total", "counter", "Answers that the kernel didn't take.",
	    (double)sum.send_failures);
	add_connections(x, server, &sum);
	add_tls(x, server, &sum);
	add_proxied(x, &sum);
	add_watched(x);
}

static void
add_rcodes(struct exposition *x, const struct counters *sum)
{
	metric_family(x->out, "isobar_answers_total", "counter", "Answers sent, by response code.");
	for (size_t i = 0; i < METRIC_RCODES; i++)
		metric_sample(x->out, "isobar_answers_total", (double)sum->rcodes[i], "rcode", metric_rcodes[i], NULL,
		    NULL);
}

static void
add_picks(struct exposition *x, const struct counters *sum)
{
	metric_family(x->out, "isobar_picks_total", "counter", "Decisions for steered names, by how they came about.");
	for (size_t i = 0; i < PICK_OUTCOMES; i++)
		metric_sample(x->out, "isobar_picks_total", (double)sum->picks[i], "outcome",
		    pick_outcome_text((enum pick_outcome)i), NULL, NULL);
}

static void
add_guard(struct exposition *x, const struct counters *sum)
{
	static const char *const cookies[] = { "none", "client", "invalid", "valid" };
	static const char *const kinds[] = { "answer", "referral", "nodata", "nxdomain", "error", "all" };

	metric_family(x->out, "isobar_queries_cookie_total", "counter", "Queries, by what their DNS cookie was worth.");
	for (size_t i = 0; i < ARRAY_SIZE(cookies); i++)
		metric_sample(x->out, "isobar_queries_cookie_total", (double)sum->cookies[i], "cookie", cookies[i],
		    NULL, NULL);
	metric_single(x->out, "isobar_cookies_demanded_total", "counter",
	    "Queries told to come again, with a cookie or by TCP, since cookies were required.",
	    (double)sum->cookies_demanded);
	metric_family(x->out, "isobar_rate_limited_total", "counter",
	    "Responses beyond a rate limit, by kind and action.");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		metric_sample(x->out, "isobar_rate_limited_total", (double)sum->limited[0][i], "kind", kinds[i],
		    "action", "dropped");
		metric_sample(x->out, "isobar_rate_limited_total", (double)sum->limited[1][i], "kind", kinds[i],
		    "action", "truncated");
	}
}

static void
add_connections(struct exposition *x, const struct server *server, const struct counters *sum)
{
	static const char *const refusals[REFUSALS] = {
		[REFUSED_FULL] = "connections", [REFUSED_PREFIX] = "connections-per-prefix",
		[REFUSED_HANDSHAKES_FULL] = "handshakes", [REFUSED_HANDSHAKES_PREFIX] = "handshakes-per-prefix",
		[REFUSED_HANDSHAKE_RATE] = "handshake-rate",
	};
	static const char *const waits[WAITS] = { [WAIT_QUERY] = "idle", [WAIT_REST] = "query",
		[WAIT_READER] = "answer", [WAIT_HEADER] = "header", [WAIT_HANDSHAKE] = "handshake" };

	metric_single(x->out, "isobar_tcp_connections_open", "gauge", "Open connections of DNS clients, TLS included.",
	    server_connections(server));
	metric_family(x->out, "isobar_tcp_connections_total", "counter", "Connections of DNS clients taken.");
	for (size_t i = TRANSPORT_TCP; i < TRANSPORTS; i++)
		metric_sample(x->out, "isobar_tcp_connections_total", (double)sum->connections[i], "transport",
		    transports[i], NULL, NULL);
	metric_family(x->out, "isobar_tcp_connections_refused_total", "counter",
	    "Connections beyond a limit, by the limit.");
	for (size_t i = 0; i < REFUSALS; i++)
		metric_sample(x->out, "isobar_tcp_connections_refused_total", (double)sum->refused[i], "limit",
		    refusals[i], NULL, NULL);
	metric_family(x->out, "isobar_tcp_timeouts_total", "counter",
	    "Connections closed, by what their client took too long for.");
	for (size_t i = 0; i < WAITS; i++)
		metric_sample(x->out, "isobar_tcp_timeouts_total", (double)sum->timeouts[i], "wait", waits[i], NULL,
		    NULL);
	metric_single(x->out, "isobar_tcp_gave_way_total", "counter",
	    "Idle connections that were closed for new ones, at a limit.", (double)sum->gave_way);
	metric_single(x->out, "isobar_tcp_pauses_total", "counter",
	    "Times that queries had to wait, as answers weren't taken.", (double)sum->paused);
}

static void
add_tls(struct exposition *x, const struct server *server, const struct counters *sum)
{
	static const char *const results[HANDSHAKES] = { [HANDSHAKE_FULL] = "full", [HANDSHAKE_RESUMED] = "resumed",
		[HANDSHAKE_FAILED] = "failed" };
	struct wall ends;

	metric_single(x->out, "isobar_tls_handshakes_open", "gauge", "TLS handshakes under way.",
	    server_handshakes(server));
	metric_family(x->out, "isobar_tls_handshakes_total", "counter", "TLS handshakes, by how they ended.");
	for (size_t i = 0; i < HANDSHAKES; i++)
		metric_sample(x->out, "isobar_tls_handshakes_total", (double)sum->handshakes[i], "result", results[i],
		    NULL, NULL);
	metric_family(x->out, "isobar_tls_certificate_end_time_seconds", "gauge",
	    "When the certificate expires, since 1970.");
	if (control_tls_ends(x->request->control, &ends))
		metric_sample(x->out, "isobar_tls_certificate_end_time_seconds", (double)ends.ms / 1000, NULL, NULL,
		    NULL, NULL);
}

static void
add_proxied(struct exposition *x, const struct counters *sum)
{
	static const char *const headers[PROXY_VERDICTS] = { [PROXY_CLIENT] = "client", [PROXY_LOCAL] = "local",
		[PROXY_MISSING] = "missing", [PROXY_BAD] = "bad" };

	metric_family(x->out, "isobar_proxy_headers_total", "counter",
	    "PROXY headers of the listed senders, by what they said.");
	for (size_t i = 0; i < PROXY_VERDICTS; i++)
		if (headers[i] != NULL)
			metric_sample(x->out, "isobar_proxy_headers_total", (double)sum->proxied[i], "header",
			    headers[i], NULL, NULL);
}

static void
add_watched(struct exposition *x)
{
	struct watch_state state;

	watch_state(x->request->control, &state);
	metric_single(x->out, "isobar_dnstap_connected", "gauge", "1 while a reader takes frames of dnstap.",
	    state.dnstap.connected);
	metric_single(x->out, "isobar_dnstap_frames_total", "counter", "Frames of dnstap that were sent.",
	    (double)state.dnstap.frames);
	metric_single(x->out, "isobar_dnstap_dropped_total", "counter",
	    "Frames that no reader took, or not soon enough.", (double)state.dnstap.dropped);
	metric_single(x->out, "isobar_query_log_on", "gauge", "1 while queries are written to the query log.",
	    state.query_log_on);
	metric_single(x->out, "isobar_query_log_lines_total", "counter", "Lines of the query log that were written.",
	    (double)state.query_log.lines);
	metric_single(x->out, "isobar_query_log_dropped_total", "counter",
	    "Lines of the query log that weren't written.", (double)state.query_log.dropped);
}
