/* test_store_rows.c -- store/: every kind of row goes in by a job and comes out by a reader as it was. */
#include "store/store.h"

#include <math.h>

#include "store_folder.h"

/* What a reader's rows are written to, one line each, so that a test compares one text. */
static struct text seen;

static const char *
seen_take(void)
{
	static char *last;

	free(last);
	last = seen.bytes == NULL ? strdup("") : text_take(&seen);
	return last;
}

/* --- zones, steering, overrides, tokens -------------------------------------------------------------------------- */

static int
put_zones(struct store_txn *txn, void *arg UNUSED)
{
	CU_ASSERT_EQUAL(store_zone_put(txn, "gtm.example.org.", "second"), 0);
	CU_ASSERT_EQUAL(store_zone_put(txn, "gtm.example.com.", "first"), 0);
	CU_ASSERT_EQUAL(store_zone_put(txn, "old.example.", "x"), 0);
	CU_ASSERT_EQUAL(store_zone_put(txn, "GTM.example.com.", "first, again"), 0);
	CU_ASSERT_EQUAL(store_zone_delete(txn, "OLD.example."), 0);
	CU_ASSERT_EQUAL(store_zone_delete(txn, "old.example."), -ENOENT);
	return 0;
}

static bool
see_zone(void *arg UNUSED, const char *name, const char *text)
{
	text_printf(&seen, "%s=%s\n", name, text);
	return true;
}

static bool
see_first_zone(void *arg UNUSED, const char *name, const char *text)
{
	text_printf(&seen, "%s=%s\n", name, text);
	return false;
}

static void
test_zones(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(store_call(store, put_zones, NULL), 0);
	CU_ASSERT_EQUAL(store_zones(reader, see_zone, NULL), 0);
	SUITE_TEXT(seen_take(), "GTM.example.com.=first, again\ngtm.example.org.=second\n");
	CU_ASSERT_EQUAL(store_zones(reader, see_first_zone, NULL), 0);
	SUITE_TEXT(seen_take(), "GTM.example.com.=first, again\n");
	CU_ASSERT_EQUAL(store_zones(reader, see_zone, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strchr(seen_take(), 's'));
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
put_steering(struct store_txn *txn, void *arg)
{
	return store_steering_put(txn, arg);
}

static void
test_steering(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct text text = { 0 };
	char first[] = "regions: {}\n", second[] = "regions: {\xc3\xa9t\xc3\xa9: {}}\n";

	CU_ASSERT_EQUAL(store_steering(reader, &text), 0);
	CU_ASSERT_EQUAL(text.length, 0);
	CU_ASSERT_EQUAL(store_call(store, put_steering, first), 0);
	CU_ASSERT_EQUAL(store_call(store, put_steering, second), 0);
	CU_ASSERT_EQUAL(store_steering(reader, &text), 0);
	SUITE_TEXT(text.bytes, second);
	text_fini(&text);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static struct override
drain(const char *region, double value)
{
	return (struct override){ .kind = "drain", .region = region, .service = "", .value = value, .reason = "storm",
		.author = "ann", .from = { 1000 }, .until = { 2000 } };
}

static int
put_overrides(struct store_txn *txn, void *arg UNUSED)
{
	struct override first = drain("eu-west", 0.25), second = drain("us-east", 0), third = drain("ap", 1);

	CU_ASSERT_EQUAL(store_override_put(txn, &first), 0);
	CU_ASSERT_EQUAL(store_override_put(txn, &second), 0);
	CU_ASSERT_EQUAL(store_override_put(txn, &third), 0);
	CU_ASSERT_EQUAL(first.id, 1);
	CU_ASSERT_EQUAL(third.id, 3);
	first.value = 0.5;
	first.service = "www.gtm.example.com.";
	CU_ASSERT_EQUAL(store_override_put(txn, &first), 0);
	CU_ASSERT_EQUAL(store_override_delete(txn, third.id), 0);
	CU_ASSERT_EQUAL(store_override_delete(txn, third.id), -ENOENT);
	CU_ASSERT_EQUAL(store_override_put(txn, &third), -ENOENT);
	third.id = 0;
	CU_ASSERT_EQUAL(store_override_put(txn, &third), 0);
	CU_ASSERT_EQUAL(third.id, 4);	/* ids are never given twice */
	second.id = 0;
	second.kind = "shove";
	CU_ASSERT_EQUAL(store_override_put(txn, &second), -EINVAL);
	return 0;
}

static bool
see_override(void *arg UNUSED, const struct override *o)
{
	text_printf(&seen, "%lld %s %s '%s' %g %s %s %lld-%lld\n", (long long)o->id, o->kind, o->region, o->service,
	    o->value, o->reason, o->author, (long long)o->from.ms, (long long)o->until.ms);
	return true;
}

static void
test_overrides(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(store_call(store, put_overrides, NULL), 0);
	CU_ASSERT_EQUAL(store_overrides(reader, see_override, NULL), 0);
	SUITE_TEXT(seen_take(), "1 drain eu-west 'www.gtm.example.com.' 0.5 storm ann 1000-2000\n"
	    "2 drain us-east '' 0 storm ann 1000-2000\n"
	    "4 drain ap '' 1 storm ann 1000-2000\n");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
put_tokens(struct store_txn *txn, void *arg UNUSED)
{
	struct token_row ops = { "ops", "admin", "aa", { 10 }, { 0 } };
	struct token_row rem = { "rem", "agent:eu", "bb", { 20 }, { 30 } };
	struct token_row same_name = { "ops", "read", "cc", { 1 }, { 0 } };
	struct token_row same_hash = { "o", "read", "aa", { 1 }, { 0 } };

	CU_ASSERT_EQUAL(store_token_put(txn, &rem), 0);
	CU_ASSERT_EQUAL(store_token_put(txn, &ops), 0);
	CU_ASSERT_EQUAL(store_token_put(txn, &same_name), -EEXIST);
	CU_ASSERT_EQUAL(store_token_put(txn, &same_hash), -EEXIST);
	CU_ASSERT_EQUAL(store_token_delete(txn, "nobody"), -ENOENT);
	return 0;
}

static int
delete_token(struct store_txn *txn, void *arg)
{
	return store_token_delete(txn, arg);
}

static bool
see_token(void *arg UNUSED, const struct token_row *t)
{
	text_printf(&seen, "%s %s %s %lld %lld\n", t->name, t->scope, t->hash, (long long)t->created.ms,
	    (long long)t->expires.ms);
	return true;
}

static void
test_tokens(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	char ops[] = "ops";

	CU_ASSERT_EQUAL(store_call(store, put_tokens, NULL), 0);
	CU_ASSERT_EQUAL(store_tokens(reader, see_token, NULL), 0);
	SUITE_TEXT(seen_take(), "ops admin aa 10 0\nrem agent:eu bb 20 30\n");
	CU_ASSERT_EQUAL(store_call(store, delete_token, ops), 0);
	CU_ASSERT_EQUAL(store_call(store, delete_token, ops), -ENOENT);
	CU_ASSERT_EQUAL(store_tokens(reader, see_token, NULL), 0);
	SUITE_TEXT(seen_take(), "rem agent:eu bb 20 30\n");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* --- health events, predictions, plans, models ------------------------------------------------------------------- */

static int
put_events(struct store_txn *txn, void *arg UNUSED)
{
	struct health_event events[] = {
		{ { 2000 }, "eu", "", "up", "answers again" },
		{ { 1000 }, "eu", "", "down", "3 of 3 backends" },
		{ { 2000 }, "us", "www.", "drained", "by ann" },
		{ { 3000 }, "us", "", "silent", "no report" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		CU_ASSERT_EQUAL(store_health_event_put(txn, &events[i]), 0);
	return 0;
}

static bool
see_event(void *arg UNUSED, const struct health_event *e)
{
	text_printf(&seen, "%lld %s '%s' %s: %s\n", (long long)e->at.ms, e->region, e->service, e->state, e->cause);
	return true;
}

static void
test_health_events(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(store_call(store, put_events, NULL), 0);
	CU_ASSERT_EQUAL(store_health_events(reader, (struct wall){ 1000 }, (struct wall){ 3000 }, see_event, NULL), 0);
	SUITE_TEXT(seen_take(), "1000 eu '' down: 3 of 3 backends\n2000 eu '' up: answers again\n"
	    "2000 us 'www.' drained: by ann\n");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
put_predictions(struct store_txn *txn, void *arg UNUSED)
{
	struct prediction none = { .at = { 1000 }, .region = "eu", .service = "", .horizon_s = 300, .role = "serving",
		.probability = NAN, .load_forecast = NAN, .model = "", .reason = "no model", .why = "",
		.anomaly_rank = NAN, .anomaly_reason = "calm" };
	struct prediction failure = { .at = { 2000 }, .region = "eu", .service = "", .horizon_s = 300,
		.role = "serving", .probability = 0.75, .probability_low = 0.5, .probability_high = 0.875,
		.load_forecast = NAN, .share = 0.25, .admit = 1, .model = "m1", .reason = "", .why = "[1]",
		.anomaly_rank = 0.75, .anomaly_why = "[2]" };
	struct prediction load = { .at = { 2000 }, .region = "eu", .service = "www.", .horizon_s = 600,
		.role = "shadow", .probability = NAN, .load_forecast = 1234.5, .load_low = 1000, .load_high = 1500,
		.model = "m2", .reason = "", .why = "" };

	CU_ASSERT_EQUAL(store_prediction_put(txn, &load), 0);
	CU_ASSERT_EQUAL(store_prediction_put(txn, &none), 0);
	CU_ASSERT_EQUAL(store_prediction_put(txn, &failure), 0);
	failure.probability = 0.5;
	CU_ASSERT_EQUAL(store_prediction_put(txn, &failure), 0);	/* the same again: the last one stands */
	return 0;
}

static bool
see_prediction(void *arg UNUSED, const struct prediction *p)
{
	text_printf(&seen, "%lld %s '%s' %u ", (long long)p->at.ms, p->region, p->service, p->horizon_s);
	text_printf(&seen, isnan(p->probability) ? "none " : "%g ", p->probability);
	text_printf(&seen, isnan(p->load_forecast) ? "none " : "%g ", p->load_forecast);
	text_printf(&seen, "'%s' '%s'", p->model, p->reason);
	if (p->probability_low > 0)
		text_printf(&seen, " %g..%g share %g admit %g %s", p->probability_low, p->probability_high, p->share,
		    p->admit, p->why);
	if (p->anomaly_why[0] != '\0')
		text_printf(&seen, " odd %g %s", p->anomaly_rank, p->anomaly_why);
	if (isnan(p->anomaly_rank))
		text_printf(&seen, " no rank: %s", p->anomaly_reason);
	if (p->load_low > 0)
		text_printf(&seen, " %g..%g", p->load_low, p->load_high);
	text_printf(&seen, " %s\n", p->role);
	return true;
}

static void
test_predictions(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(store_call(store, put_predictions, NULL), 0);
	CU_ASSERT_EQUAL(store_predictions(reader, (struct wall){ 0 }, see_prediction, NULL), 0);
	SUITE_TEXT(seen_take(), "1000 eu '' 300 none none '' 'no model' no rank: calm serving\n"
	    "2000 eu '' 300 0.5 none 'm1' '' 0.5..0.875 share 0.25 admit 1 [1] odd 0.75 [2] serving\n"
	    "2000 eu 'www.' 600 none 1234.5 'm2' '' 1000..1500 shadow\n");
	CU_ASSERT_EQUAL(store_predictions(reader, (struct wall){ 2001 }, see_prediction, NULL), 0);
	SUITE_TEXT(seen_take(), "");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
put_plans(struct store_txn *txn, void *arg UNUSED)
{
	CU_ASSERT_EQUAL(store_plan_put(txn, (struct wall){ 1 }, 7, "published", "{\"epoch\":7}"), 0);
	CU_ASSERT_EQUAL(store_plan_put(txn, (struct wall){ 2 }, 8, "published", "{\"epoch\":8}"), 0);
	CU_ASSERT_EQUAL(store_plan_put(txn, (struct wall){ 3 }, 9, "refused: no legal region", "{\"epoch\":9}"), 0);
	return 0;
}

static void
test_plans(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct text body = { 0 };
	uint64_t epoch = 0;

	CU_ASSERT_EQUAL(store_latest_plan(reader, &epoch, &body), -ENOENT);
	CU_ASSERT_EQUAL(store_call(store, put_plans, NULL), 0);
	CU_ASSERT_EQUAL(store_latest_plan(reader, &epoch, &body), 0);
	CU_ASSERT_EQUAL(epoch, 8);
	SUITE_TEXT(body.bytes, "{\"epoch\":8}");
	text_fini(&body);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
put_models(struct store_txn *txn, void *arg UNUSED)
{
	struct model_row old = { "aa", "failure", 300, { 1000 }, "serving", "{}", "a\0b", 3 };
	struct model_row new = { "bb", "load", 0, { 2000 }, "candidate", "{\"n\":1}", "", 0 };
	struct model_decision first = { { 3000 }, "aa", "failure", 300, "promoted", "better", "{}" };
	struct model_decision second = { { 4000 }, "aa", "failure", 300, "returned", "drifted", "" };

	CU_ASSERT_EQUAL(store_model_put(txn, &old), 0);
	CU_ASSERT_EQUAL(store_model_put(txn, &new), 0);
	CU_ASSERT_EQUAL(store_model_status(txn, "aa", "retired"), 0);
	CU_ASSERT_EQUAL(store_model_status(txn, "zz", "retired"), -ENOENT);
	CU_ASSERT_EQUAL(store_model_status(txn, "aa", "resting"), -EINVAL);
	CU_ASSERT_EQUAL(store_model_decision_put(txn, &first), 0);
	CU_ASSERT_EQUAL(store_model_decision_put(txn, &second), 0);
	return 0;
}

static bool
see_model(void *arg UNUSED, const struct model_row *m)
{
	text_printf(&seen, "%s %s %u %lld %s %s %zu %s\n", m->id, m->kind, m->horizon_s, (long long)m->trained.ms, m->status, m->card,
	    m->blob_length, m->blob == NULL ? "-" : m->blob_length == 0 ? "empty" : memcmp(m->blob, "a\0b", 3) == 0 ? "a0b" : "?");
	return true;
}

static bool
see_decision(void *arg UNUSED, const struct model_decision *d)
{
	text_printf(&seen, "%lld %s %s %u %s %s %s\n", (long long)d->at.ms, d->model, d->kind, d->horizon_s, d->action,
	    d->reason, d->numbers);
	return true;
}

static void
test_models(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(store_call(store, put_models, NULL), 0);
	CU_ASSERT_EQUAL(store_models(reader, true, see_model, NULL), 0);
	SUITE_TEXT(seen_take(), "bb load 0 2000 candidate {\"n\":1} 0 empty\naa failure 300 1000 retired {} 3 a0b\n");
	CU_ASSERT_EQUAL(store_model_decisions(reader, 1, see_decision, NULL), 0);
	SUITE_TEXT(seen_take(), "4000 aa failure 300 returned drifted \n");
	CU_ASSERT_EQUAL(store_model_decisions(reader, 9, see_decision, NULL), 0);
	SUITE_TEXT(seen_take(), "4000 aa failure 300 returned drifted \n3000 aa failure 300 promoted better {}\n");
	CU_ASSERT_EQUAL(store_models(reader, false, see_model, NULL), 0);
	SUITE_TEXT(seen_take(), "bb load 0 2000 candidate {\"n\":1} 0 -\naa failure 300 1000 retired {} 3 -\n");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* --- demand and latency ------------------------------------------------------------------------------------------ */

static int
put_demand(struct store_txn *txn, void *arg UNUSED)
{
	struct demand_row rows[] = {
		{ { 60000 }, "www.", "default", "", 10, 0.25, 2 }, { { 60000 }, "api.", "europe", "DE", 7.5, NAN, 1 },
		{ { 0 }, "www.", "default", "", 9, 0.5, 2 }, { { 120000 }, "www.", "default", "", 11, 0.5, 3 },
		{ { 60000 }, "www.", "default", "", 12, 0.125, 4 },	/* again: corrected */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(store_demand_put(txn, &rows[i]), 0);
	CU_ASSERT_EQUAL(store_demand_state_put(txn, (struct wall){ 1 }, "ab", 2), 0);
	CU_ASSERT_EQUAL(store_demand_state_put(txn, (struct wall){ 2 }, "a\0c", 3), 0);
	return 0;
}

static bool
see_demand(void *arg, const struct demand_row *d)
{
	text_printf(&seen, "%lld %s %s '%s' %g ", (long long)d->at.ms, d->service, d->group, d->country, d->rate);
	text_printf(&seen, isnan(d->error) ? "- %g\n" : "%2$g %1$g\n", d->asked, d->error);
	return arg == NULL;
}

static void
test_demand(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct wall at = { 0 };
	void *body = NULL;
	size_t length = 0;

	CU_ASSERT_EQUAL(store_demand_state(reader, &at, &body, &length), -ENOENT);
	CU_ASSERT_EQUAL(store_call(store, put_demand, NULL), 0);
	CU_ASSERT_EQUAL(store_demand(reader, (struct wall){ 0 }, (struct wall){ 120000 }, see_demand, NULL), 0);
	SUITE_TEXT(seen_take(), "0 www. default '' 9 0.5 2\n60000 api. europe 'DE' 7.5 - 1\n"
	    "60000 www. default '' 12 0.125 4\n");
	CU_ASSERT_EQUAL(store_demand(reader, (struct wall){ 1 }, (struct wall){ INT64_MAX }, see_demand, &at), 0);
	SUITE_TEXT(seen_take(), "60000 api. europe 'DE' 7.5 - 1\n");
	CU_ASSERT_EQUAL_FATAL(store_demand_state(reader, &at, &body, &length), 0);
	CU_ASSERT(at.ms == 2 && length == 3 && memcmp(body, "a\0c", 3) == 0);
	free(body);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
put_latencies(struct store_txn *txn, void *arg)
{
	struct latency_entry rows[] = {
		{ "germany", "us", "import", 91.5, { 1 } }, { "DE", "eu", "import", 12, { 1 } },
		{ "germany", "us", "agent", 88, { 2 } }, { "germany", "us", "import", 90, { 3 } },
	};

	if (arg != NULL)
		return store_latency_clear(txn, arg);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(store_latency_put(txn, &rows[i]), 0);
	rows[0].source = "hearsay";
	CU_ASSERT_EQUAL(store_latency_put(txn, &rows[0]), -EINVAL);
	return 0;
}

static bool
see_latency(void *arg UNUSED, const struct latency_entry *l)
{
	text_printf(&seen, "%s %s %s %g %lld\n", l->region, l->clients, l->source, l->ms, (long long)l->at.ms);
	return true;
}

static void
test_latencies(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	char import[] = "import";

	CU_ASSERT_EQUAL(store_call(store, put_latencies, NULL), 0);
	CU_ASSERT_EQUAL(store_latencies(reader, see_latency, NULL), 0);
	SUITE_TEXT(seen_take(), "eu DE import 12 1\nus germany agent 88 2\nus germany import 90 3\n");
	CU_ASSERT_EQUAL(store_call(store, put_latencies, import), 0);
	CU_ASSERT_EQUAL(store_latencies(reader, see_latency, NULL), 0);
	SUITE_TEXT(seen_take(), "us germany agent 88 2\n");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* --- reports ----------------------------------------------------------------------------------------------------- */

static const struct report_backend two_backends[] = {
	{ "a", "www.gtm.example.com.", "192.0.2.1:80", true, 1.5, "" },
	{ "b", "www.gtm.example.com.", "192.0.2.2:80", false, NAN, "connection refused" },
};
static const struct report_load one_load[] = { { "www.gtm.example.com.", 120.5 } };
static const struct report_metric two_metrics[] = { { "cpu", "ratio", "", 0.25 }, { "rtt", "ms", "a", 12 } };

static struct report
report(uint64_t sequence, int64_t at_ms)
{
	return (struct report){ .agent = "rem-1", .region = "eu", .sequence = sequence, .time = { at_ms },
		.capacity = 500, .backend_count = 2, .backends = two_backends, .load_count = 1, .loads = one_load,
		.metric_count = 2, .metrics = two_metrics };
}

struct arrival {
	struct report report;
	struct wall received;
};

static int
put_report(struct store_txn *txn, void *arg)
{
	const struct arrival *arrival = arg;

	return store_report_put(txn, &arrival->report, arrival->received);
}

static int
arrive(struct store *store, struct report what, int64_t received_ms)
{
	struct arrival arrival = { what, { received_ms } };

	return store_call(store, put_report, &arrival);
}

/* What an agent measured replaces what agents said before of this region, and only that; a report that says nothing of
 * it, or that is older than the newest, changes nothing. */
static void
test_report_latencies(void)
{
	static const struct report_latency first[] = { { "germany", 80 }, { "FR", 85.5 } }, second[] = { { "FR", 70 } };
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct report said = report(5, 5000);

	CU_ASSERT_EQUAL(store_call(store, put_latencies, NULL), 0);
	said.measured = true;
	said.latencies = first;
	said.latency_count = 2;
	CU_ASSERT_EQUAL(arrive(store, said, 5001), 0);
	CU_ASSERT_EQUAL(arrive(store, report(6, 6000), 6001), 0);
	said.sequence = 4;
	said.time.ms = 4000;
	said.latencies = second;
	said.latency_count = 1;
	CU_ASSERT_EQUAL(arrive(store, said, 6002), 0);
	CU_ASSERT_EQUAL(store_latencies(reader, see_latency, NULL), 0);
	SUITE_TEXT(seen_take(), "eu DE import 12 1\neu FR agent 85.5 5000\neu germany agent 80 5000\n"
	    "us germany agent 88 2\nus germany import 90 3\n");
	said.sequence = 7;
	said.time.ms = 7000;
	CU_ASSERT_EQUAL(arrive(store, said, 7001), 0);
	CU_ASSERT_EQUAL(store_latencies(reader, see_latency, NULL), 0);
	SUITE_TEXT(seen_take(), "eu DE import 12 1\neu FR agent 70 7000\nus germany agent 88 2\n"
	    "us germany import 90 3\n");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

struct seeing {
	struct store_reader *reader;
};

static bool
see_sample(void *arg UNUSED, const struct sample_row *s)
{
	text_printf(&seen, " %lld:%g", (long long)s->at.ms, s->value);
	return true;
}

static bool
see_series(void *arg, const struct series_row *series)
{
	struct seeing *seeing = arg;

	text_printf(&seen, "%s/%s/%s [%s]", series->region, series->backend, series->name, series->unit);
	CU_ASSERT_EQUAL(store_samples(seeing->reader, series->id, RESOLUTION_RAW, (struct wall){ 0 },
	    (struct wall){ INT64_MAX }, see_sample, NULL), 0);
	text_puts(&seen, "\n");
	return true;
}

static const char *
all_series(struct store_reader *reader, const char *region)
{
	struct seeing seeing = { reader };

	CU_ASSERT_EQUAL(store_series(reader, region, see_series, &seeing), 0);
	return seen_take();
}

static bool
see_report(void *arg UNUSED, const char *region, const char *agent, struct wall received, const char *json)
{
	struct diags diags = { 0 };
	struct report *back = report_read(json, strlen(json), region, &diags);

	CU_ASSERT_PTR_NOT_NULL_FATAL(back);
	text_printf(&seen, "%s %s %lld: sequence %llu at %lld, %zu backends\n", region, agent, (long long)received.ms,
	    (unsigned long long)back->sequence, (long long)back->time.ms, back->backend_count);
	report_free(back);
	diag_fini(&diags);
	return true;
}

static const char *
latest(struct store_reader *reader)
{
	CU_ASSERT_EQUAL(store_latest_reports(reader, see_report, NULL), 0);
	return seen_take();
}

static void
test_report_becomes_samples(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(arrive(store, report(1, 5000), 5100), 0);
	SUITE_TEXT(all_series(reader, NULL), "eu//backends_healthy [ratio] 5000:0.5\n"
	    "eu//capacity [requests/s] 5000:500\n"
	    "eu//cpu [ratio] 5000:0.25\n"
	    "eu//load:www.gtm.example.com. [requests/s] 5000:120.5\n"
	    "eu/a/rtt [ms] 5000:12\n");
	SUITE_TEXT(all_series(reader, "us"), "");
	SUITE_TEXT(latest(reader), "eu rem-1 5100: sequence 1 at 5000, 2 backends\n");
	CU_ASSERT_EQUAL(store_counters(store).samples, 5);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static void
test_report_counts_once(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct report again = report(1, 6000), other = report(1, 7000);

	CU_ASSERT_EQUAL(arrive(store, report(1, 5000), 5100), 0);
	CU_ASSERT_EQUAL(arrive(store, again, 6100), -EEXIST);
	CU_ASSERT_EQUAL(store_counters(store).samples, 5);
	SUITE_TEXT(latest(reader), "eu rem-1 5100: sequence 1 at 5000, 2 backends\n");
	CU_ASSERT_PTR_NULL(strstr(all_series(reader, "eu"), "6000:"));
	other.agent = "rem-2";	/* sequences count per agent */
	CU_ASSERT_EQUAL(arrive(store, other, 7100), 0);
	SUITE_TEXT(latest(reader), "eu rem-1 5100: sequence 1 at 5000, 2 backends\n"
	    "eu rem-2 7100: sequence 1 at 7000, 2 backends\n");
	other.sequence = 0;
	CU_ASSERT_EQUAL(arrive(store, other, 7100), -EINVAL);
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static void
test_report_newest(void)
{
	static const struct {
		const char *name;
		uint64_t sequence;
		int64_t at_ms;
		bool newest;
	} arrivals[] = {
		{ "first", 10, 10000, true },
		{ "next", 12, 12000, true },
		{ "spooled, late", 11, 11000, false },
		{ "clock went wrong", 13, 99000, true },
		{ "clock was set back", 14, 14000, true },
		{ "count was lost", 1, 15000, true },
		{ "old one of the old count", 9, 9000, true },	/* a higher count than 1: taken as newer */
	};
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	for (size_t i = 0; i < ARRAY_SIZE(arrivals); i++) {
		char expected[32];
		bool newest;

		CU_ASSERT_EQUAL(arrive(store, report(arrivals[i].sequence, arrivals[i].at_ms), 20000), 0);
		snprintf(expected, sizeof(expected), "sequence %llu at ", (unsigned long long)arrivals[i].sequence);
		newest = strstr(latest(reader), expected) != NULL;
		if (newest != arrivals[i].newest)
			CU_FAIL(arrivals[i].name);
	}
	CU_ASSERT_PTR_NOT_NULL(strstr(all_series(reader, "eu"),
	    "9000:500 10000:500 11000:500 12000:500 14000:500 15000"));
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static void
test_report_unit_changes(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);
	struct report_metric metric = { "memory", "bytes", "", 2048 };
	struct report first = { .agent = "r", .region = "eu", .sequence = 1, .time = { 1000 }, .metric_count = 1,
		.metrics = &metric };

	CU_ASSERT_EQUAL(arrive(store, first, 1000), 0);
	SUITE_TEXT(all_series(reader, "eu"), "eu//memory [bytes] 1000:2048\n");
	metric = (struct report_metric){ "memory", "ratio", "", 0.5 };
	first.sequence = 2;
	first.time.ms = 2000;
	CU_ASSERT_EQUAL(arrive(store, first, 2000), 0);
	SUITE_TEXT(all_series(reader, "eu"), "eu//memory [ratio] 1000:2048 2000:0.5\n");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* --- what comes from outside --------------------------------------------------------------------------------------- */

static struct signal_row
storm(const char *key, const char *region, double severity, int64_t at)
{
	return (struct signal_row){ .source = "feed:nws", .key = key, .name = "weather", .region = region,
		.text = "Gale", .severity = severity, .certainty = 0.5, .onset = { 1000 }, .expires = { 9000 },
		.received = { at }, .updated = { at } };
}

static bool
see_signal(void *arg UNUSED, const struct signal_row *s)
{
	text_printf(&seen, "%lld %s %s %s %s %g %g %lld-%lld %lld %lld %lld\n", (long long)s->id, s->source, s->key,
	    s->region, s->name, s->severity, s->certainty, (long long)s->onset.ms, (long long)s->expires.ms,
	    (long long)s->received.ms, (long long)s->updated.ms, (long long)s->ended.ms);
	return true;
}

static int
put_signals(struct store_txn *txn, void *arg UNUSED)
{
	struct signal_row rows[] = { storm("a", "us-east", 1, 100), storm("a", "eu-west", 1, 100),
		storm("b", "eu-west", (double)NAN, 100), storm("a", "us-east", 0.25, 200) };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(store_signal_put(txn, &rows[i]), 0);
	rows[0].source = "ann";
	CU_ASSERT_EQUAL(store_signal_put(txn, &rows[0]), 0);
	return 0;
}

static int
end_signals(struct store_txn *txn, void *arg UNUSED)
{
	CU_ASSERT_EQUAL(store_signals_end_others(txn, "feed:nws", (struct wall){ 200 }), 0);
	CU_ASSERT_EQUAL(store_signal_end(txn, 1, (struct wall){ 300 }), 0);
	CU_ASSERT_EQUAL(store_signal_end(txn, 1, (struct wall){ 400 }), -ENOENT);
	return 0;
}

static int
revive_signal(struct store_txn *txn, void *arg UNUSED)
{
	struct signal_row row = storm("b", "eu-west", 0.5, 500);

	return store_signal_put(txn, &row);
}

static void
test_signals(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(store_call(store, put_signals, NULL), 0);
	CU_ASSERT_EQUAL(store_signals(reader, (struct wall){ 0 }, see_signal, NULL), 0);
	SUITE_TEXT(seen_take(), "2 feed:nws a eu-west weather 1 0.5 1000-9000 100 100 0\n"
	    "3 feed:nws b eu-west weather nan 0.5 1000-9000 100 100 0\n"
	    "1 feed:nws a us-east weather 0.25 0.5 1000-9000 100 200 0\n"
	    "5 ann a us-east weather 1 0.5 1000-9000 100 100 0\n");
	CU_ASSERT_EQUAL(store_call(store, end_signals, NULL), 0);
	CU_ASSERT_EQUAL(store_signals(reader, (struct wall){ 250 }, see_signal, NULL), 0);
	SUITE_TEXT(seen_take(), "1 feed:nws a us-east weather 0.25 0.5 1000-9000 100 300 300\n"
	    "5 ann a us-east weather 1 0.5 1000-9000 100 100 0\n");
	CU_ASSERT_EQUAL(store_call(store, revive_signal, NULL), 0);
	CU_ASSERT_EQUAL(store_signals(reader, (struct wall){ 500 }, see_signal, NULL), 0);
	SUITE_TEXT(seen_take(), "3 feed:nws b eu-west weather 0.5 0.5 1000-9000 100 500 0\n"
	    "5 ann a us-east weather 1 0.5 1000-9000 100 100 0\n");
	CU_ASSERT_EQUAL(store_signals(reader, (struct wall){ 9000 }, see_signal, NULL), 0);
	SUITE_TEXT(seen_take(), "");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static int
put_feeds(struct store_txn *txn, void *arg UNUSED)
{
	struct feed_row row = { .name = "nws", .tried = { 100 }, .succeeded = { 100 }, .until = { 90 }, .pulls = 1,
		.items = 7, .left_out = 2, .bytes = 1000, .took_ms = 30, .error = "", .notes = "[1]" };

	CU_ASSERT_EQUAL(store_feed_put(txn, &row), 0);
	row = (struct feed_row){ .name = "nws", .tried = { 200 }, .pulls = 1, .failures = 1, .took_ms = 5,
		.error = "timed out", .notes = "[]" };
	CU_ASSERT_EQUAL(store_feed_put(txn, &row), 0);
	row = (struct feed_row){ .name = "aaa", .tried = { 200 }, .pulls = 1, .failures = 1, .error = "x", .notes = "[]" };
	CU_ASSERT_EQUAL(store_feed_put(txn, &row), 0);
	return 0;
}

static bool
see_feed(void *arg UNUSED, const struct feed_row *f)
{
	text_printf(&seen, "%s %lld %lld %lld %d/%d %d-%d %d %d '%s' %s\n", f->name, (long long)f->tried.ms,
	    (long long)f->succeeded.ms, (long long)f->until.ms, (int)f->failures, (int)f->pulls, (int)f->items,
	    (int)f->left_out, (int)f->bytes, (int)f->took_ms, f->error, f->notes);
	return true;
}

/* A failure keeps what the last success told. */
static void
test_feeds(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(store_call(store, put_feeds, NULL), 0);
	CU_ASSERT_EQUAL(store_feeds(reader, see_feed, NULL), 0);
	SUITE_TEXT(seen_take(), "aaa 200 0 0 1/1 0-0 0 0 'x' []\nnws 200 100 90 1/2 7-2 0 5 'timed out' [1]\n");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

/* As many as there may be: seven trainings after the one that served. */
static int
put_many_models(struct store_txn *txn, void *arg UNUSED)
{
	static const struct model_row models[] = {
		{ "served-1", "failure", 600, { 1 }, "retired", "", "", 0 },
		{ "served-2", "failure", 600, { 2 }, "retired", "", "", 0 },
		{ "serves", "failure", 600, { 3 }, "serving", "", "", 0 },
		{ "c1", "failure", 600, { 11 }, "candidate", "", "", 0 },
		{ "c2", "failure", 600, { 12 }, "candidate", "", "", 0 },
		{ "c3", "failure", 600, { 13 }, "candidate", "", "", 0 },
		{ "c4", "failure", 600, { 14 }, "candidate", "", "", 0 },
		{ "c5", "failure", 600, { 15 }, "candidate", "", "", 0 },
		{ "c6", "failure", 600, { 16 }, "candidate", "", "", 0 },
		{ "c7", "failure", 600, { 17 }, "candidate", "", "", 0 },
		{ "another kind", "load", 600, { 4 }, "retired", "", "", 0 },
		{ "another horizon", "failure", 300, { 5 }, "candidate", "", "", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(models); i++)
		CU_ASSERT_EQUAL(store_model_put(txn, &models[i]), 0);
	return 0;
}

static bool
see_model_name(void *arg UNUSED, const struct model_row *m)
{
	text_printf(&seen, "%s; ", m->id);
	return true;
}

static int
put_old_model(struct store_txn *txn, void *arg UNUSED)
{
	struct model_row old = { "trained long ago", "failure", 600, { 1 }, "candidate", "", "", 0 };

	return store_model_put(txn, &old);
}

static void
test_models_are_few(void)
{
	struct folder folder = folder_open();
	struct store *store = folder_store(&folder);
	struct store_reader *reader = folder_reader(&folder);

	CU_ASSERT_EQUAL(store_call(store, put_many_models, NULL), 0);
	CU_ASSERT_EQUAL(store_models(reader, false, see_model_name, NULL), 0);
	SUITE_TEXT(seen_take(), "c7; c6; c5; c4; another horizon; another kind; serves; served-2; ");
	/* What was taken a moment ago is there, whatever its date. */
	CU_ASSERT_EQUAL(store_call(store, put_old_model, NULL), 0);
	CU_ASSERT_EQUAL(store_models(reader, false, see_model_name, NULL), 0);
	SUITE_TEXT(seen_take(), "c7; c6; c5; c4; another horizon; another kind; serves; served-2; trained long ago; ");
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
}

static const struct suite_case cases[] = {
	{ .name = "zones: put, replace whatever the case, delete, in order", .run = test_zones },
	{ .name = "steering: none at first, then the last text", .run = test_steering },
	{ .name = "overrides: ids, change, delete, a kind that isn't one", .run = test_overrides },
	{ .name = "tokens: one of a name and of a hash", .run = test_tokens },
	{ .name = "health events: by time, up to but not with the end", .run = test_health_events },
	{ .name = "predictions: NAN is none, and comes back so", .run = test_predictions },
	{ .name = "plans: the last that was published", .run = test_plans },
	{ .name = "models: newest first, blob only on demand", .run = test_models },
	{ .name = "models: of those that don't serve, few are kept", .run = test_models_are_few },
	{ .name = "demand: by time, a minute again replaces it; the newest state", .run = test_demand },
	{ .name = "latencies: the newest of each source; one source cleared", .run = test_latencies },
	{ .name = "signals: what comes again replaces, what isn't told any more ends", .run = test_signals },
	{ .name = "feeds: a failure keeps what the last success told", .run = test_feeds },
	{ .name = "report: latencies of the newest report", .run = test_report_latencies },
	{ .name = "report: its numbers become samples", .run = test_report_becomes_samples },
	{ .name = "report: a sequence counts once; nothing of its second is stored", .run = test_report_counts_once },
	{ .name = "report: which one is the agent's newest", .run = test_report_newest },
	{ .name = "report: a series takes on a new unit", .run = test_report_unit_changes },
};

int
main(void)
{
	return suite_run("store_rows", cases, ARRAY_SIZE(cases));
}
