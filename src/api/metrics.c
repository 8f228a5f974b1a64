/* metrics.c -- counters and states in Prometheus' text format 0.0.4.
 * In: the control's views and counters, the feeds' states in the store.  Out: text/plain.  Threads: control, but for
 * what is read of the store.
 * Every family is one block of HELP, TYPE and samples, as the format demands. Labels are services, regions, zones and
 * words of our own: never a query's name or a client, of which there is no end. Names follow Prometheus' conventions:
 * isobar_ in front, base units, _total behind counters. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/counters.h"
#include "api/feed_states.h"
#include "api/handlers.h"
#include "api/live_scores.h"
#include "api/resources.h"
#include "control/watch.h"
#include "dnssec/rollover.h"
#include "feed/in_force.h"

struct exposition {
	struct request *request;
	struct scene scene;
	struct text *out;
};

/* What is read of the store before. */
struct stored {
	struct feed_states feeds;
	struct live_scores scores;
};

static void add_server(struct exposition *x);
static void add_connections(struct exposition *x, const struct server *server, const struct counters *sum);
static void add_tls(struct exposition *x, const struct server *server, const struct counters *sum);
static void add_proxied(struct exposition *x, const struct counters *sum);
static void add_transfers(struct exposition *x, const struct counters *sum);
static void add_watched(struct exposition *x);
static void add_rcodes(struct exposition *x, const struct counters *sum);
static void add_guard(struct exposition *x, const struct counters *sum);
static void add_picks(struct exposition *x, const struct counters *sum);
static void add_answers(struct exposition *x);
static void add_demand(struct exposition *x);
static void add_residency(struct exposition *x);
static void add_states(struct exposition *x);
static void add_region_numbers(struct exposition *x);
static void region_gauge(struct exposition *x, const char *name, const char *help,
	double (*value)(const struct exposition *x, region_id region));
static void add_deaths(struct exposition *x);
static void add_admitted(struct exposition *x);
static void add_drains(struct exposition *x);
static void add_shares(struct exposition *x);
static void add_control(struct exposition *x);
static void add_certificate(struct exposition *x);
static void add_models(struct exposition *x);
static void add_feeds(struct exposition *x);
static void add_zones(struct exposition *x);
static void add_signing(struct exposition *x);
static void zone_gauge(struct exposition *x, const char *name, const char *help,
	double (*value)(const struct signing_view *zone));
static double signatures_of(const struct signing_view *zone);
static double expiry_of(const struct signing_view *zone);
static void add_keys(struct exposition *x);
static void add_store(struct exposition *x);
static void add_api(struct exposition *x);
static void family(struct exposition *x, const char *name, const char *type, const char *help);
static void single(struct exposition *x, const char *name, const char *type, const char *help, double value);
static void sample(struct exposition *x, const char *name, double value, const char *label, const char *label_value,
	const char *label2, const char *label2_value);
static void label_write(struct text *out, const char *label, const char *value);
static void number_write(struct text *out, double value);

/* Without the store all else is still told. */
void
metrics_read(struct request *request)
{
	struct stored *stored = arena_alloc(request->arena, sizeof(*stored));

	if (stored != NULL && feed_states_read(request, &stored->feeds) < 0)
		stored->feeds.count = 0;
	if (stored != NULL && live_scores_read(request, &stored->scores) < 0)
		stored->scores.count = 0;
	request->work = stored;
}

void
metrics_show(struct request *request)
{
	struct text out = { 0 };
	struct exposition x = { request, scene_now(request->control), &out };

	add_server(&x);
	add_answers(&x);
	add_demand(&x);
	add_residency(&x);
	add_states(&x);
	add_region_numbers(&x);
	add_deaths(&x);
	add_admitted(&x);
	add_shares(&x);
	add_control(&x);
	add_models(&x);
	add_feeds(&x);
	add_zones(&x);
	add_signing(&x);
	add_store(&x);
	add_api(&x);
	answer_body(request, 200, "text/plain; version=0.0.4; charset=utf-8", &out);
	request_answered(request);
}

static const char *const transports[TRANSPORTS] = { "udp", "tcp", "tls" };

/* --- queries ------------------------------------------------------------------------------------------------- */

static void
add_server(struct exposition *x)
{
	const struct server *server = control_server(x->request->control);
	struct counters sum = { 0 };

	server_counters(server, &sum);
	family(x, "isobar_queries_total", "counter", "Queries received, by transport.");
	for (size_t i = 0; i < TRANSPORTS; i++)
		sample(x, "isobar_queries_total", (double)sum.queries[i], "transport", transports[i], NULL, NULL);
	add_rcodes(x, &sum);
	add_picks(x, &sum);
	add_guard(x, &sum);
	single(x, "isobar_queries_dropped_total", "counter", "Packets without an answer: no header, or a response.",
	    (double)sum.dropped);
	single(x, "isobar_answers_truncated_total", "counter", "Answers by UDP that had to be truncated.",
	    (double)sum.truncated);
	single(x, "isobar_answers_steered_total", "counter", "Answers for steered names.", (double)sum.steered);
	single(x, "isobar_queries_client_subnet_total", "counter", "Queries with EDNS Client Subnet.",
	    (double)sum.client_subnet);
	single(x, "isobar_send_failures_total", "counter", "Answers that the kernel didn't take.",
	    (double)sum.send_failures);
	add_connections(x, server, &sum);
	add_tls(x, server, &sum);
	add_proxied(x, &sum);
	add_transfers(x, &sum);
	add_watched(x);
}

static void
add_watched(struct exposition *x)
{
	struct watch_state state;

	watch_state(x->request->control, &state);
	single(x, "isobar_dnstap_connected", "gauge", "1 while a reader takes frames of dnstap.",
	    state.dnstap.connected);
	single(x, "isobar_dnstap_frames_total", "counter", "Frames of dnstap that were sent.",
	    (double)state.dnstap.frames);
	single(x, "isobar_dnstap_dropped_total", "counter", "Frames that no reader took, or not soon enough.",
	    (double)state.dnstap.dropped);
	single(x, "isobar_query_log_on", "gauge", "1 while queries are written to the query log.", state.query_log_on);
	single(x, "isobar_query_log_lines_total", "counter", "Lines of the query log that were written.",
	    (double)state.query_log.lines);
	single(x, "isobar_query_log_dropped_total", "counter", "Lines of the query log that weren't written.",
	    (double)state.query_log.dropped);
}

static void
add_connections(struct exposition *x, const struct server *server, const struct counters *sum)
{
	static const char *const refusals[REFUSALS] = {
		[REFUSED_FULL] = "connections", [REFUSED_PREFIX] = "connections-per-prefix",
		[REFUSED_HANDSHAKES_FULL] = "handshakes", [REFUSED_HANDSHAKES_PREFIX] = "handshakes-per-prefix",
	};
	static const char *const waits[WAITS] = { [WAIT_QUERY] = "idle", [WAIT_REST] = "query",
		[WAIT_READER] = "answer", [WAIT_HEADER] = "header", [WAIT_HANDSHAKE] = "handshake" };

	single(x, "isobar_tcp_connections_open", "gauge", "Open connections of DNS clients, TLS included.",
	    server_connections(server));
	family(x, "isobar_tcp_connections_total", "counter", "Connections of DNS clients taken.");
	for (size_t i = TRANSPORT_TCP; i < TRANSPORTS; i++)
		sample(x, "isobar_tcp_connections_total", (double)sum->connections[i], "transport", transports[i],
		    NULL, NULL);
	family(x, "isobar_tcp_connections_refused_total", "counter", "Connections beyond a limit, by the limit.");
	for (size_t i = 0; i < REFUSALS; i++)
		sample(x, "isobar_tcp_connections_refused_total", (double)sum->refused[i], "limit", refusals[i], NULL,
		    NULL);
	family(x, "isobar_tcp_timeouts_total", "counter",
	    "Connections closed, by what their client took too long for.");
	for (size_t i = 0; i < WAITS; i++)
		sample(x, "isobar_tcp_timeouts_total", (double)sum->timeouts[i], "wait", waits[i], NULL, NULL);
	single(x, "isobar_tcp_pauses_total", "counter", "Times that queries had to wait, as answers weren't taken.",
	    (double)sum->paused);
}

static void
add_tls(struct exposition *x, const struct server *server, const struct counters *sum)
{
	static const char *const results[HANDSHAKES] = { [HANDSHAKE_FULL] = "full", [HANDSHAKE_RESUMED] = "resumed",
		[HANDSHAKE_FAILED] = "failed" };
	struct wall ends;

	single(x, "isobar_tls_handshakes_open", "gauge", "TLS handshakes under way.", server_handshakes(server));
	family(x, "isobar_tls_handshakes_total", "counter", "TLS handshakes, by how they ended.");
	for (size_t i = 0; i < HANDSHAKES; i++)
		sample(x, "isobar_tls_handshakes_total", (double)sum->handshakes[i], "result", results[i], NULL, NULL);
	family(x, "isobar_tls_certificate_end_time_seconds", "gauge", "When the certificate expires, since 1970.");
	if (control_tls_ends(x->request->control, &ends))
		sample(x, "isobar_tls_certificate_end_time_seconds", (double)ends.ms / 1000, NULL, NULL, NULL, NULL);
}

static void
add_transfers(struct exposition *x, const struct counters *sum)
{
	static const char *const kinds[TRANSFER_KINDS] = { "full", "differences", "current" };

	family(x, "isobar_transfers_total", "counter", "Zone transfers that were begun, by what was sent.");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		sample(x, "isobar_transfers_total", (double)sum->transfers[i], "kind", kinds[i], NULL, NULL);
	single(x, "isobar_transfers_refused_total", "counter", "Zone transfers that rules or limits forbade.",
	    (double)sum->transfers_refused);
	family(x, "isobar_tsig_total", "counter", "Requests with TSIG, by whether it was good.");
	sample(x, "isobar_tsig_total", (double)sum->tsig[0], "result", "good", NULL, NULL);
	sample(x, "isobar_tsig_total", (double)sum->tsig[1], "result", "bad", NULL, NULL);
}

static void
add_proxied(struct exposition *x, const struct counters *sum)
{
	static const char *const headers[PROXY_VERDICTS] = { [PROXY_CLIENT] = "client", [PROXY_LOCAL] = "local",
		[PROXY_MISSING] = "missing", [PROXY_BAD] = "bad" };

	family(x, "isobar_proxy_headers_total", "counter", "PROXY headers of the listed senders, by what they said.");
	for (size_t i = 0; i < PROXY_VERDICTS; i++)
		if (headers[i] != NULL)
			sample(x, "isobar_proxy_headers_total", (double)sum->proxied[i], "header", headers[i], NULL,
			    NULL);
}

static void
add_guard(struct exposition *x, const struct counters *sum)
{
	static const char *const cookies[] = { "none", "client", "invalid", "valid" };
	static const char *const kinds[] = { "answer", "referral", "nodata", "nxdomain", "error", "all" };

	family(x, "isobar_queries_cookie_total", "counter", "Queries, by what their DNS cookie was worth.");
	for (size_t i = 0; i < ARRAY_SIZE(cookies); i++)
		sample(x, "isobar_queries_cookie_total", (double)sum->cookies[i], "cookie", cookies[i], NULL, NULL);
	single(x, "isobar_cookies_demanded_total", "counter",
	    "Queries told to come again, with a cookie or by TCP, since cookies were required.",
	    (double)sum->cookies_demanded);
	family(x, "isobar_rate_limited_total", "counter", "Responses beyond a rate limit, by kind and action.");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		sample(x, "isobar_rate_limited_total", (double)sum->limited[0][i], "kind", kinds[i], "action",
		    "dropped");
		sample(x, "isobar_rate_limited_total", (double)sum->limited[1][i], "kind", kinds[i], "action",
		    "truncated");
	}
}

static void
add_rcodes(struct exposition *x, const struct counters *sum)
{
	static const char *const rcodes[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
		"YXDOMAIN" };

	family(x, "isobar_answers_total", "counter", "Answers sent, by response code.");
	for (size_t i = 0; i < ARRAY_SIZE(rcodes); i++)
		sample(x, "isobar_answers_total", (double)sum->rcodes[i], "rcode", rcodes[i], NULL, NULL);
}

static void
add_picks(struct exposition *x, const struct counters *sum)
{
	family(x, "isobar_picks_total", "counter", "Decisions for steered names, by how they came about.");
	for (size_t i = 0; i < PICK_OUTCOMES; i++)
		sample(x, "isobar_picks_total", (double)sum->picks[i], "outcome",
		    pick_outcome_text((enum pick_outcome)i), NULL, NULL);
}

static void
add_answers(struct exposition *x)
{
	const char *name = "isobar_service_answers_total";

	family(x, name, "counter", "Steered answers given, by service and region.");
	for (size_t s = 0; s < x->scene.snapshot->service_count; s++) {
		const struct steering_service *intent = x->scene.snapshot->services[s].intent;

		for (size_t i = 0; i < intent->region_count; i++) {
			const char *region = x->scene.steering->regions[intent->regions[i].region].name;

			sample(x, name, (double)control_answers(x->scene.control, intent->name, region), "service",
			    intent->name, "region", region);
		}
	}
}

/* Services of which nothing was asked yet have no sample. */
static void
add_demand(struct exposition *x)
{
	static const struct { const char *name, *help; size_t at; } gauges[] = {
		{ "isobar_service_demand_requests_per_second", "What clients ask for, wherever they are sent.",
		    offsetof(struct demand_sum, rate) },
		{ "isobar_service_demand_error_ratio", "Relative standard error of that.",
		    offsetof(struct demand_sum, error) },
		{ "isobar_service_questions_per_second", "DNS questions that were counted for it.",
		    offsetof(struct demand_sum, asked) },
	};
	const struct demand *demand = control_demand(x->request->control);

	for (size_t i = 0; i < ARRAY_SIZE(gauges); i++) {
		family(x, gauges[i].name, "gauge", gauges[i].help);
		for (size_t s = 0; demand != NULL && s < demand->service_count; s++) {
			struct demand_sum sum = demand_sum(&demand->services[s]);

			if (demand->services[s].count > 0)
				/* cppcheck-suppress invalidPointerCast ; offsetof() of doubles */
				sample(x, gauges[i].name, *(const double *)((const char *)&sum + gauges[i].at),
				    "service", demand->services[s].name, NULL, NULL);
		}
	}
}

static void
add_residency(struct exposition *x)
{
	uint64_t checked, violations;

	control_lawful(x->request->control, &checked, &violations);
	single(x, "isobar_residency_checked_total", "counter", "Answers that were held against the rules, a sample.",
	    (double)checked);
	single(x, "isobar_residency_violations_total", "counter", "Those of them outside of the rules: must be 0.",
	    (double)violations);
}

/* --- regions ------------------------------------------------------------------------------------------------- */

/* One sample a state, 1 for the one that holds. */
static void
add_states(struct exposition *x)
{
	static const enum region_state states[] = { REGION_UP, REGION_DOWN, REGION_SILENT, REGION_UNKNOWN };
	const char *name = "isobar_region_state";

	family(x, name, "gauge", "1 for the state that the region is in, 0 for the others.");
	for (size_t r = 0; r < x->scene.steering->region_count; r++) {
		enum region_state now = round_region(x->scene.round, (region_id)r)->state;

		for (size_t i = 0; i < ARRAY_SIZE(states); i++)
			sample(x, name, states[i] == now, "region", x->scene.steering->regions[r].name, "state",
			    region_state_text(states[i]));
	}
}

static double
capacity_of(const struct exposition *x, region_id region)
{
	double capacity = round_region(x->scene.round, region)->capacity;

	return capacity > 0 ? capacity : NAN;
}

static double
load_of(const struct exposition *x, region_id region)
{
	return region_load(&x->scene, region);
}

static double
probability_of(const struct exposition *x, region_id region)
{
	return round_region(x->scene.round, region)->probability;
}

static double
anomaly_of(const struct exposition *x, region_id region)
{
	return round_region(x->scene.round, region)->anomaly_rank;
}

static double
forecast_of(const struct exposition *x, region_id region)
{
	return round_region(x->scene.round, region)->load_forecast;
}

static double
admitted_of(const struct exposition *x, region_id region)
{
	return round_region(x->scene.round, region)->drained_to;
}

static double
report_age_of(const struct exposition *x, region_id region)
{
	const struct round_region *state = round_region(x->scene.round, region);

	return state->reported.ms == 0 ? NAN : (double)mono_ms_between(state->heard, x->scene.now) / 1000;
}

static void
add_region_numbers(struct exposition *x)
{
	region_gauge(x, "isobar_region_capacity_requests_per_second", "What the region can bear.", capacity_of);
	region_gauge(x, "isobar_region_load_requests_per_second", "What the region's agents report.", load_of);
	region_gauge(x, "isobar_region_load_forecast_requests_per_second", "Load expected at the horizon.",
	    forecast_of);
	region_gauge(x, "isobar_region_failure_probability", "Of a failure that begins within the horizon.",
	    probability_of);
	region_gauge(x, "isobar_region_anomaly_rank", "Share of the time before that was less odd than now.",
	    anomaly_of);
	region_gauge(x, "isobar_region_admitted_ratio", "Share that operators let in: 1 all, 0 drained.", admitted_of);
	region_gauge(x, "isobar_region_report_age_seconds", "Time since the last report.", report_age_of);
}

/* Regions without a number have no sample. */
static void
region_gauge(struct exposition *x, const char *name, const char *help,
    double (*value)(const struct exposition *x, region_id region))
{
	family(x, name, "gauge", help);
	for (size_t r = 0; r < x->scene.steering->region_count; r++) {
		double number = value(x, (region_id)r);

		if (isfinite(number))
			sample(x, name, number, "region", x->scene.steering->regions[r].name, NULL, NULL);
	}
}

static void
add_deaths(struct exposition *x)
{
	const char *name = "isobar_service_region_dead";

	family(x, name, "gauge", "1 where the service is dead in the region, so that nobody is sent there.");
	for (size_t s = 0; s < x->scene.snapshot->service_count; s++) {
		const struct service *service = &x->scene.snapshot->services[s];

		for (size_t i = 0; i < service->intent->region_count; i++) {
			region_id region = service->intent->regions[i].region;

			sample(x, name, live_is_dead(service->live, region), "service", service->intent->name, "region",
			    x->scene.steering->regions[region].name);
		}
	}
}

static void
add_admitted(struct exposition *x)
{
	const char *name = "isobar_service_region_admitted_ratio";

	family(x, name, "gauge", "Share of its own clients that the region takes now: drains, and returns from death.");
	for (size_t s = 0; s < x->scene.snapshot->service_count; s++) {
		const struct service *service = &x->scene.snapshot->services[s];

		for (size_t i = 0; i < service->intent->region_count; i++) {
			region_id region = service->intent->regions[i].region;

			sample(x, name, live_admit(service->live, region) / (double)ADMIT_ALL, "service",
			    service->intent->name, "region", x->scene.steering->regions[region].name);
		}
	}
}

static void
add_drains(struct exposition *x)
{
	const struct drains_state *drains = control_drains(x->request->control);

	single(x, "isobar_drains_in_force", "gauge", "Drains and drills that aren't over.", drains->in_force);
	family(x, "isobar_drain_budget_used_ratio", "gauge",
	    "What drains may bring a region while they come and go, by what it has left, where that is most: up to 1 "
	    "nobody is overloaded.");
	if (drains->in_force == 0 || !isnan(drains->budget))
		sample(x, "isobar_drain_budget_used_ratio", drains->in_force == 0 ? 0 : drains->budget, NULL, NULL,
		    NULL, NULL);
	single(x, "isobar_drains_unsafe", "gauge",
	    "1 while the drains in force overload somebody, or may while they come and go.", drains->unsafe);
}

/* Planned, for clients of no particular group. */
static void
add_shares(struct exposition *x)
{
	const char *name = "isobar_service_region_share_ratio";
	double planned[REGIONS_MAX], now[REGIONS_MAX];

	family(x, name, "gauge", "Planned share of the default client group.");
	for (size_t s = 0; s < x->scene.snapshot->service_count; s++) {
		const struct service *service = &x->scene.snapshot->services[s];

		scene_shares(service, GROUP_DEFAULT, planned, now);
		for (size_t i = 0; i < service->intent->region_count; i++) {
			region_id region = service->intent->regions[i].region;

			sample(x, name, planned[region], "service", service->intent->name, "region",
			    x->scene.steering->regions[region].name);
		}
	}
}

/* --- the daemon ---------------------------------------------------------------------------------------------- */

static void
add_control(struct exposition *x)
{
	struct control_status status;

	control_status(x->request->control, &status);
	family(x, "isobar_build_info", "gauge", "1, with the version as a label.");
	sample(x, "isobar_build_info", 1, "version", PACKAGE_VERSION, NULL, NULL);
	single(x, "isobar_start_time_seconds", "gauge", "When isobard started, since 1970.",
	    (double)status.started.ms / 1000);
	single(x, "isobar_epoch", "gauge", "Number of the snapshot in service.", (double)status.epoch);
	single(x, "isobar_published_time_seconds", "gauge", "When it was published, since 1970.",
	    (double)status.published.ms / 1000);
	single(x, "isobar_revision", "gauge", "Last revision of the journal that is in service.",
	    (double)status.revision);
	single(x, "isobar_plan_time_seconds", "gauge", "When the plan in service was made, since 1970; 0: none.",
	    (double)status.planned.ms / 1000);
	single(x, "isobar_plan_refused", "gauge", "1 when the last proposed plan was refused.",
	    status.plan_refused[0] != '\0');
	family(x, "isobar_plans_total", "counter", "Proposed plans, by what the certificate said.");
	sample(x, "isobar_plans_total", (double)status.certified, "result", "certified", NULL, NULL);
	sample(x, "isobar_plans_total", (double)status.refused, "result", "refused", NULL, NULL);
	add_certificate(x);
	add_drains(x);
	single(x, "isobar_pae_running", "gauge", "1 while isobar-pae runs as a child.", status.pae_running);
	single(x, "isobar_pae_restarts_total", "counter", "How often isobar-pae was started again.",
	    status.pae_restarts);
	family(x, "isobar_reports_total", "counter", "Reports of agents, by what became of them.");
	sample(x, "isobar_reports_total", (double)status.reports, "result", "taken", NULL, NULL);
	sample(x, "isobar_reports_total", (double)status.reports_duplicate, "result", "duplicate", NULL, NULL);
	sample(x, "isobar_reports_total", (double)status.reports_refused, "result", "refused", NULL, NULL);
}

static void
add_certificate(struct exposition *x)
{
	const struct certificate *certificate = control_certificate(x->request->control);

	family(x, "isobar_load_worst_ratio", "gauge",
	    "Load by capacity of the fullest region, now and after the worst loss; 0: not known.");
	if (certificate != NULL) {
		sample(x, "isobar_load_worst_ratio", certificate->worst_now, "case", "now", NULL, NULL);
		sample(x, "isobar_load_worst_ratio", certificate->worst_lost, "case", "lost", NULL, NULL);
	}
	family(x, "isobar_drain_room", "gauge", "The largest part of a region that may be drained with no other.");
	for (size_t r = 0; certificate != NULL && r < x->scene.steering->region_count; r++)
		sample(x, "isobar_drain_room", certificate->room[r], "region", x->scene.steering->regions[r].name, NULL,
		    NULL);
}

/* --- models in service ------------------------------------------------------------------------------------------ */

static double
score_proven(const struct live_score *score)
{
	return score->proven;
}

static double
score_time(const struct live_score *score)
{
	return (double)score->at.ms / 1000;
}

/* By their last review. What wasn't known then has no sample. */
static void
add_models(struct exposition *x)
{
	static const struct {
		const char *name, *help;
		enum live_number number;
		double (*value)(const struct live_score *score);	/* or NULL: the number */
	} families[] = {
		{ "isobar_model_proven", "1 once enough incidents came in service for the scores to mean something.",
		    LIVE_NUMBERS, score_proven },
		{ "isobar_model_live_time_seconds", "When the model in service was last reviewed, since 1970.",
		    LIVE_NUMBERS, score_time },
		{ "isobar_model_live_events", "Incidents that the scores in service are of.", LIVE_INCIDENTS, NULL },
		{ "isobar_model_live_average_precision", "Average precision in service.", LIVE_PRECISION, NULL },
		{ "isobar_model_live_base_rate", "What average precision would be by chance.", LIVE_BASE_RATE, NULL },
		{ "isobar_model_live_brier_skill", "Brier skill in service: above 0 it beats the base rate.",
		    LIVE_SKILL, NULL },
		{ "isobar_model_live_calibration_error", "How far probabilities were off the rates that came.",
		    LIVE_CALIBRATION, NULL },
		{ "isobar_model_live_recall", "Incidents announced, at one false alarm a region and day at most.",
		    LIVE_RECALL, NULL },
		{ "isobar_model_live_false_alarms_per_day", "False alarms a region and day, at that threshold.",
		    LIVE_FALSE_ALARMS, NULL },
	};
	const struct stored *stored = x->request->work;

	for (size_t i = 0; stored != NULL && i < ARRAY_SIZE(families); i++) {
		family(x, families[i].name, "gauge", families[i].help);
		for (size_t k = 0; k < stored->scores.count; k++) {
			const struct live_score *score = &stored->scores.list[k];
			double value = families[i].value != NULL ? families[i].value(score) :
			    score->numbers[families[i].number];
			char horizon[16];

			snprintf(horizon, sizeof(horizon), "%u", score->horizon_s);
			if (score->current && isfinite(value))
				sample(x, families[i].name, value, "kind", score->kind, "horizon", horizon);
		}
	}
}

/* --- feeds ------------------------------------------------------------------------------------------------------- */

static double
feed_last_success(const struct steering_feed *feed UNUSED, const struct feed_row *row, struct wall now UNUSED)
{
	return row == NULL ? 0 : (double)row->succeeded.ms / 1000;
}

static double
feed_fresh(const struct steering_feed *feed, const struct feed_row *row, struct wall now)
{
	return row != NULL && !feed_is_stale(feed, row->succeeded, now);
}

static double
feed_pulls(const struct steering_feed *feed UNUSED, const struct feed_row *row, struct wall now UNUSED)
{
	return row == NULL ? 0 : (double)row->pulls;
}

static double
feed_failures(const struct steering_feed *feed UNUSED, const struct feed_row *row, struct wall now UNUSED)
{
	return row == NULL ? 0 : (double)row->failures;
}

static double
feed_items(const struct steering_feed *feed UNUSED, const struct feed_row *row, struct wall now UNUSED)
{
	return row == NULL ? 0 : (double)row->items;
}

static double
feed_left_out(const struct steering_feed *feed UNUSED, const struct feed_row *row, struct wall now UNUSED)
{
	return row == NULL ? 0 : (double)row->left_out;
}

static void
add_feeds(struct exposition *x)
{
	static const struct {
		const char *name, *type, *help;
		double (*value)(const struct steering_feed *feed, const struct feed_row *row, struct wall now);
	} families[] = {
		{ "isobar_feed_fresh", "gauge", "1 while the feed says something; 0: it failed too long.", feed_fresh },
		{ "isobar_feed_last_success_timestamp_seconds", "gauge", "When it was last pulled; 0: never.",
		    feed_last_success },
		{ "isobar_feed_pulls_total", "counter", "Pulls of the feed.", feed_pulls },
		{ "isobar_feed_failures_total", "counter", "Pulls of the feed that failed.", feed_failures },
		{ "isobar_feed_items", "gauge", "What the last good pull held.", feed_items },
		{ "isobar_feed_items_left_out", "gauge", "What of it couldn't be used.", feed_left_out },
	};
	const struct stored *stored = x->request->work;
	const struct feed_states *states = stored == NULL ? NULL : &stored->feeds;
	struct wall now = wall_now();

	for (size_t i = 0; states != NULL && i < ARRAY_SIZE(families); i++) {
		family(x, families[i].name, families[i].type, families[i].help);
		for (size_t f = 0; f < x->scene.steering->feed_count; f++) {
			const struct steering_feed *feed = &x->scene.steering->feeds[f];

			sample(x, families[i].name, families[i].value(feed, feed_states_find(states, feed->name), now),
			    "feed", feed->name, NULL, NULL);
		}
	}
}

static void
add_zones(struct exposition *x)
{
	char name[NAME_TEXT_SIZE];

	single(x, "isobar_zones", "gauge", "Zones in service.", (double)x->scene.snapshot->zone_count);
	family(x, "isobar_zone_serial", "gauge", "SOA serial of the zone.");
	for (size_t i = 0; i < x->scene.snapshot->zone_count; i++)
		sample(x, "isobar_zone_serial", zone_serial(x->scene.snapshot->zones[i]), "zone",
		    name_text(zone_apex(x->scene.snapshot->zones[i])->name, name), NULL, NULL);
	family(x, "isobar_zone_records", "gauge", "Records of the zone.");
	for (size_t i = 0; i < x->scene.snapshot->zone_count; i++)
		sample(x, "isobar_zone_records", (double)zone_records(x->scene.snapshot->zones[i]), "zone",
		    name_text(zone_apex(x->scene.snapshot->zones[i])->name, name), NULL, NULL);
}

static void
add_signing(struct exposition *x)
{
	single(x, "isobar_signatures_made_total", "counter", "Signatures made since the start; answering makes none.",
	    (double)signatures_made());
	if (control_signer(x->request->control) == NULL)
		return;
	zone_gauge(x, "isobar_zone_signatures", "Signatures of a zone that is signed here.", signatures_of);
	zone_gauge(x, "isobar_zone_signature_expiry_seconds", "Time until the first signature of a zone expires.",
	    expiry_of);
	add_keys(x);
}

static void
zone_gauge(struct exposition *x, const char *name, const char *help, double (*value)(const struct signing_view *zone))
{
	struct signing_view zone;

	family(x, name, "gauge", help);
	for (size_t i = 0; signing_views(control_signer(x->request->control), i, &zone, 1) == 1; i++)
		if (zone.signed_zone != NULL)
			sample(x, name, value(&zone), "zone", zone.zone, NULL, NULL);
}

static double
signatures_of(const struct signing_view *zone)
{
	return (double)zone->signed_zone->signatures;
}

static double
expiry_of(const struct signing_view *zone)
{
	return (double)(zone->signed_zone->expires.ms - wall_now().ms) / 1000;
}

/* By state and not by tag: a dashboard wants to know that one waits for its DS, and tags come and go. */
static void
add_keys(struct exposition *x)
{
	static const char name[] = "isobar_zone_keys";
	static const char *const states[] = { "published", "waiting for DS", "active", "retired" };
	struct signing_view zone;
	struct wall now = wall_now();

	family(x, name, "gauge", "Keys of a zone that is signed here, by state.");
	for (size_t i = 0; signing_views(control_signer(x->request->control), i, &zone, 1) == 1; i++)
		for (size_t s = 0; s < ARRAY_SIZE(states) && zone.signed_zone != NULL; s++) {
			unsigned count = 0;

			for (size_t k = 0; k < zone.key_count; k++)
				count += strcmp(key_state_text(&zone.keys[k], now), states[s]) == 0;
			sample(x, name, count, "zone", zone.zone, "state", states[s]);
		}
}

static void
add_store(struct exposition *x)
{
	struct store_counters counters;
	struct control_status status;

	if (x->request->store == NULL)
		return;
	counters = store_counters(x->request->store);
	control_status(x->request->control, &status);
	single(x, "isobar_store_failing", "gauge", "1 while the store can't be written.", status.store_failing);
	single(x, "isobar_store_jobs_total", "counter", "Writes that were asked of the store.", (double)counters.jobs);
	single(x, "isobar_store_batches_total", "counter", "Transactions that the store committed.",
	    (double)counters.batches);
	single(x, "isobar_store_failures_total", "counter", "Writes that failed.", (double)counters.failures);
	single(x, "isobar_store_samples_total", "counter", "Samples that were stored.", (double)counters.samples);
	single(x, "isobar_store_queue", "gauge", "Writes that wait.", (double)store_queue_length(x->request->store));
}

static void
add_api(struct exposition *x)
{
	const struct api_counters *counters = x->request->counters;

	family(x, "isobar_api_requests_total", "counter", "Requests of the API answered, by HTTP status.");
	for (unsigned i = 0; i < API_STATUS_MAX; i++) {
		uint64_t count = atomic_load_explicit(&counters->answers[i], memory_order_relaxed);
		char code[16];

		snprintf(code, sizeof(code), "%u", i);
		if (count > 0)
			sample(x, "isobar_api_requests_total", (double)count, "code", code, NULL, NULL);
	}
	single(x, "isobar_api_body_bytes_total", "counter", "Octets of bodies received by the API.",
	    (double)atomic_load_explicit(&counters->body_bytes, memory_order_relaxed));
}

/* --- the format ---------------------------------------------------------------------------------------------- */

static void
family(struct exposition *x, const char *name, const char *type, const char *help)
{
	text_printf(x->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
single(struct exposition *x, const char *name, const char *type, const char *help, double value)
{
	family(x, name, type, help);
	sample(x, name, value, NULL, NULL, NULL, NULL);
}

static void
sample(struct exposition *x, const char *name, double value, const char *label, const char *label_value,
    const char *label2, const char *label2_value)
{
	text_puts(x->out, name);
	if (label != NULL) {
		text_puts(x->out, "{");
		label_write(x->out, label, label_value);
		if (label2 != NULL) {
			text_puts(x->out, ",");
			label_write(x->out, label2, label2_value);
		}
		text_puts(x->out, "}");
	}
	text_puts(x->out, " ");
	number_write(x->out, value);
	text_puts(x->out, "\n");
}

static void
label_write(struct text *out, const char *label, const char *value)
{
	text_printf(out, "%s=\"", label);
	for (const char *c = value; *c != '\0'; c++) {
		if (*c == '"' || *c == '\\')
			text_puts(out, "\\");
		text_add(out, *c == '\n' ? "\\n" : c, *c == '\n' ? 2 : 1);
	}
	text_puts(out, "\"");
}

/* Whole numbers as such: a counter isn't to be read as 1.23e+06. */
static void
number_write(struct text *out, double value)
{
	if (value == floor(value) && fabs(value) < 1e15)
		text_printf(out, "%" PRId64, (int64_t)value);
	else
		text_printf(out, "%.17g", value);
}
