/* metrics.c -- counters and states for Prometheus: what is told, and of the daemon itself, its feeds, zones and store.
 * In: the control's views and counters, the feeds' states in the store.  Out: text/plain.  Threads: control, but for
 * what is read of the store.
 * Every family is one block of HELP, TYPE and samples (metric.h). Labels are services, regions, zones and words of our
 * own: never a query's name or a client, of which there is no end. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/counters.h"
#include "api/handlers.h"
#include "api/metrics_parts.h"
#include "dnssec/rollover.h"
#include "feed/in_force.h"
#include "zone/signed_check.h"

static void add_control(struct exposition *x);
static void add_models(struct exposition *x);
static void add_feeds(struct exposition *x);
static void add_zones(struct exposition *x);
static void add_signing(struct exposition *x);
static void zone_gauge(struct exposition *x, const char *name, const char *help,
	double (*value)(const struct signing_view *zone));
static double signatures_of(const struct signing_view *zone);
static void add_expiries(struct exposition *x);
static double seconds_until(struct wall time);
static void add_keys(struct exposition *x);
static void add_store(struct exposition *x);
static void add_api(struct exposition *x);

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
	struct exposition x = { request, scene_now(request->control), request->work, &out };

	metrics_server(&x);
	metrics_transfers(&x);
	metrics_primaries(&x);
	metrics_catalogs(&x);
	metrics_requests(&x);
	metrics_steering(&x);
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

/* --- the daemon ---------------------------------------------------------------------------------------------- */

static void
add_control(struct exposition *x)
{
	struct control_status status;

	control_status(x->request->control, &status);
	metric_family(x->out, "isobar_build_info", "gauge", "1, with the version as a label.");
	metric_sample(x->out, "isobar_build_info", 1, "version", PACKAGE_VERSION, NULL, NULL);
	metric_single(x->out, "isobar_start_time_seconds", "gauge", "When isobard started, since 1970.",
	    (double)status.started.ms / 1000);
	metric_single(x->out, "isobar_epoch", "gauge", "Number of the snapshot in service.", (double)status.epoch);
	metric_single(x->out, "isobar_published_time_seconds", "gauge", "When it was published, since 1970.",
	    (double)status.published.ms / 1000);
	metric_single(x->out, "isobar_revision", "gauge", "Last revision of the journal that is in service.",
	    (double)status.revision);
	metric_single(x->out, "isobar_pae_running", "gauge", "1 while isobar-pae runs as a child.", status.pae_running);
	metric_single(x->out, "isobar_pae_restarts_total", "counter", "How often isobar-pae was started again.",
	    status.pae_restarts);
	metric_family(x->out, "isobar_reports_total", "counter", "Reports of agents, by what became of them.");
	metric_sample(x->out, "isobar_reports_total", (double)status.reports, "result", "taken", NULL, NULL);
	metric_sample(x->out, "isobar_reports_total", (double)status.reports_duplicate, "result", "duplicate", NULL,
	    NULL);
	metric_sample(x->out, "isobar_reports_total", (double)status.reports_refused, "result", "refused", NULL, NULL);
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
	const struct stored *stored = x->stored;

	for (size_t i = 0; stored != NULL && i < ARRAY_SIZE(families); i++) {
		metric_family(x->out, families[i].name, "gauge", families[i].help);
		for (size_t k = 0; k < stored->scores.count; k++) {
			const struct live_score *score = &stored->scores.list[k];
			double value = families[i].value != NULL ? families[i].value(score) :
			    score->numbers[families[i].number];
			char horizon[16];

			snprintf(horizon, sizeof(horizon), "%u", score->horizon_s);
			if (score->current && isfinite(value))
				metric_sample(x->out, families[i].name, value, "kind", score->kind, "horizon", horizon);
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
	const struct stored *stored = x->stored;
	const struct feed_states *states = stored == NULL ? NULL : &stored->feeds;
	struct wall now = wall_now();

	for (size_t i = 0; states != NULL && i < ARRAY_SIZE(families); i++) {
		metric_family(x->out, families[i].name, families[i].type, families[i].help);
		for (size_t f = 0; f < x->scene.steering->feed_count; f++) {
			const struct steering_feed *feed = &x->scene.steering->feeds[f];
			double value = families[i].value(feed, feed_states_find(states, feed->name), now);

			metric_sample(x->out, families[i].name, value, "feed", feed->name, NULL, NULL);
		}
	}
}

static void
add_zones(struct exposition *x)
{
	char name[NAME_TEXT_SIZE];

	metric_single(x->out, "isobar_zones", "gauge", "Zones in service.", (double)x->scene.snapshot->zone_count);
	metric_family(x->out, "isobar_zone_serial", "gauge", "SOA serial of the zone.");
	for (size_t i = 0; i < x->scene.snapshot->zone_count; i++)
		metric_sample(x->out, "isobar_zone_serial", zone_serial(x->scene.snapshot->zones[i]), "zone",
		    name_text(zone_apex(x->scene.snapshot->zones[i])->name, name), NULL, NULL);
	metric_family(x->out, "isobar_zone_records", "gauge", "Records of the zone.");
	for (size_t i = 0; i < x->scene.snapshot->zone_count; i++)
		metric_sample(x->out, "isobar_zone_records", (double)zone_records(x->scene.snapshot->zones[i]), "zone",
		    name_text(zone_apex(x->scene.snapshot->zones[i])->name, name), NULL, NULL);
}

static void
add_signing(struct exposition *x)
{
	metric_single(x->out, "isobar_signatures_made_total", "counter",
	    "Signatures made since the start; answering makes none.", (double)signatures_made());
	add_expiries(x);
	if (control_signer(x->request->control) == NULL)
		return;
	zone_gauge(x, "isobar_zone_signatures", "Signatures of a zone that is signed here.", signatures_of);
	add_keys(x);
}

/* Of zones that are signed here, and of those that arrive signed: what has expired there counts as 0. */
static void
add_expiries(struct exposition *x)
{
	static const char name[] = "isobar_zone_signature_expiry_seconds";
	const struct signer *signer = control_signer(x->request->control);
	struct zone_validity validity;
	struct signing_view zone;
	const char *arrived;

	metric_family(x->out, name, "gauge", "Time until the first signature of a zone expires.");
	for (size_t i = 0; signer != NULL && signing_views(signer, i, &zone, 1) == 1; i++)
		if (zone.signed_zone != NULL)
			metric_sample(x->out, name, seconds_until(zone.signed_zone->expires), "zone", zone.zone, NULL,
			    NULL);
	for (size_t i = 0; control_arrived(x->request->control, i, &arrived, &validity); i++)
		metric_sample(x->out, name, validity.expired > 0 ? 0 : seconds_until(validity.until), "zone", arrived,
		    NULL, NULL);
}

static void
zone_gauge(struct exposition *x, const char *name, const char *help, double (*value)(const struct signing_view *zone))
{
	struct signing_view zone;

	metric_family(x->out, name, "gauge", help);
	for (size_t i = 0; signing_views(control_signer(x->request->control), i, &zone, 1) == 1; i++)
		if (zone.signed_zone != NULL)
			metric_sample(x->out, name, value(&zone), "zone", zone.zone, NULL, NULL);
}

static double
signatures_of(const struct signing_view *zone)
{
	return (double)zone->signed_zone->signatures;
}

static double
seconds_until(struct wall time)
{
	return (double)(time.ms - wall_now().ms) / 1000;
}

/* By state and not by tag: a dashboard wants to know that one waits for its DS, and tags come and go. */
static void
add_keys(struct exposition *x)
{
	static const char name[] = "isobar_zone_keys";
	static const char *const states[] = { "signs ahead", "published", "waiting for DS", "active", "retired",
		"withdrawing" };
	struct signing_view zone;
	struct wall now = wall_now();

	metric_family(x->out, name, "gauge", "Keys of a zone that is signed here, by state.");
	for (size_t i = 0; signing_views(control_signer(x->request->control), i, &zone, 1) == 1; i++)
		for (size_t s = 0; s < ARRAY_SIZE(states) && zone.signed_zone != NULL; s++) {
			unsigned count = 0;

			for (size_t k = 0; k < zone.key_count; k++)
				count += strcmp(key_state_text(&zone.keys[k], now), states[s]) == 0;
			metric_sample(x->out, name, count, "zone", zone.zone, "state", states[s]);
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
	metric_single(x->out, "isobar_store_failing", "gauge", "1 while the store can't be written.",
	    status.store_failing);
	metric_single(x->out, "isobar_store_jobs_total", "counter", "Writes that were asked of the store.",
	    (double)counters.jobs);
	metric_single(x->out, "isobar_store_batches_total", "counter", "Transactions that the store committed.",
	    (double)counters.batches);
	metric_single(x->out, "isobar_store_failures_total", "counter", "Writes that failed.",
	    (double)counters.failures);
	metric_single(x->out, "isobar_store_samples_total", "counter", "Samples that were stored.",
	    (double)counters.samples);
	metric_single(x->out, "isobar_store_queue", "gauge", "Writes that wait.",
	    (double)store_queue_length(x->request->store));
}

static void
add_api(struct exposition *x)
{
	const struct api_counters *counters = x->request->counters;

	metric_family(x->out, "isobar_api_requests_total", "counter", "Requests of the API answered, by HTTP status.");
	for (unsigned i = 0; i < API_STATUS_MAX; i++) {
		uint64_t count = atomic_load_explicit(&counters->answers[i], memory_order_relaxed);
		char code[16];

		snprintf(code, sizeof(code), "%u", i);
		if (count > 0)
			metric_sample(x->out, "isobar_api_requests_total", (double)count, "code", code, NULL, NULL);
	}
	metric_single(x->out, "isobar_api_body_bytes_total", "counter", "Octets of bodies received by the API.",
	    (double)atomic_load_explicit(&counters->body_bytes, memory_order_relaxed));
}
