/* agent.c -- when reports are made, and of what.
 * In: settings. Out: reports, handed to push.
 * Threads: the loop's; nothing here blocks (probe.h, gather.h, push.h see to that).
 * Latencies between clients and the region, where something measures them (latency_file.h), go with the first report
 * after they have changed: they are the controller's until it's told others.
 * Ownership: the agent owns its settings and all parts; timers live inside it, so it is freed with the last of them.
 *
 * A round, each interval:
 *  1. gather: the machine's values and the endpoints' pages are fetched on worker threads.
 *  2. When the last of them has answered, or half the interval is over, the report is made of what is there: one slow
 *     endpoint costs its own metrics and never the report.
 *  3. The tally of probes begins anew.
 * When a verdict changes, a report goes out at once, with health and load but without metrics: those belong to whole
 * intervals, and a sample too many would weigh the moment of a failure twice. Changes that follow within AT_ONCE_GAP_MS
 * share one report.
 * The first report waits until every backend has a verdict, at most FIRST_ROUNDS_MOST rounds: half a view of a region
 * could pass for half a region. */
#include "agent.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "compose.h"
#include "gather.h"
#include "latency_file.h"
#include "probe.h"
#include "push.h"

#define AT_ONCE_GAP_MS 100	/* a rack that goes down is ten reports a second, a tenth of a second late */
#define FIRST_ROUNDS_MOST 2

struct agent {
	uv_loop_t *loop;
	struct agent_settings *settings;
	struct push *push;		/* NULL: a reload lost the spool's folder */
	struct probes *probes;
	struct gather *gather;
	struct latency_file *latencies;	/* or NULL: nothing measures them */
	uv_timer_t round, grace, soon;
	unsigned open_timers;
	unsigned rounds;		/* without a report so far, up to FIRST_ROUNDS_MOST */
	bool reported;			/* the first report went out */
	bool waiting;			/* for the end of a round's gather */
	uint64_t at_once;		/* uv_now() of the last report of that kind */
};

static bool parts_start(struct agent *agent, const struct agent_settings *settings, struct text *error);
static bool push_replace(struct agent *agent, const struct agent_settings *settings, struct text *error);
static struct push *push_of(const struct agent_settings *settings, struct text *error);
static bool same_push(const struct agent_settings *a, const struct agent_settings *b);
static bool same_folder(const struct agent_settings *a, const struct agent_settings *b);
static void on_round(uv_timer_t *timer);
static void on_gathered(void *arg);
static void on_grace(uv_timer_t *timer);
static void round_finish(struct agent *agent);
static void on_changed(void *arg);
static void on_soon(uv_timer_t *timer);
static void report_send(struct agent *agent, bool with_metrics);
static bool metric_take(void *arg, const struct gathered *value);
static void add_counters(struct agent *agent, struct composer *composer);
static void on_timer_closed(uv_handle_t *handle);

struct agent *
agent_start(uv_loop_t *loop, struct agent_settings *settings, struct text *error)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (agent == NULL) {
		text_puts(error, "out of memory");
		return NULL;
	}
	agent->loop = loop;
	agent->push = push_of(settings, error);
	if (agent->push == NULL)
		goto free_agent;
	agent->round.data = agent->grace.data = agent->soon.data = agent;
	uv_timer_init(loop, &agent->round);
	uv_timer_init(loop, &agent->grace);
	uv_timer_init(loop, &agent->soon);
	agent->open_timers = 3;
	agent->settings = settings;
	if (!parts_start(agent, settings, error)) {
		agent->settings = NULL;	/* stays the caller's */
		agent_stop(agent);
		return NULL;
	}
	return agent;
free_agent:
	free(agent);
	return NULL;
}

int
agent_reload(struct agent *agent, struct agent_settings *settings, struct text *error)
{
	struct agent_settings *former = agent->settings;

	if (!same_push(former, settings) && !push_replace(agent, settings, error))
		return -EIO;
	if (!parts_start(agent, settings, error))
		return -ENOMEM;
	agent->settings = settings;
	agent_settings_free(former);
	return 0;
}

void
agent_stop(struct agent *agent)
{
	if (agent == NULL)
		return;
	if (agent->reported)
		report_send(agent, false);
	probes_free(agent->probes);
	gather_free(agent->gather);
	latency_file_free(agent->latencies);
	agent->latencies = NULL;
	push_stop(agent->push);
	agent_settings_free(agent->settings);
	agent->settings = NULL;
	uv_close((uv_handle_t *)&agent->round, on_timer_closed);
	uv_close((uv_handle_t *)&agent->grace, on_timer_closed);
	uv_close((uv_handle_t *)&agent->soon, on_timer_closed);
}

/* Probes, gathering and the round's timer by these settings, in place of those there are. */
static bool
parts_start(struct agent *agent, const struct agent_settings *settings, struct text *error)
{
	struct gather *gather = gather_new(agent->loop, settings, on_gathered, agent);
	struct probes *probes = gather == NULL ? NULL : probes_new(agent->loop, settings->backends,
	    settings->backend_count, agent->probes, on_changed, agent);

	struct latency_file *latencies = settings->latency_file == NULL ? NULL :
	    latency_file_new(settings->latency_file);

	if (probes == NULL || (latencies == NULL && settings->latency_file != NULL)) {
		gather_free(gather);
		probes_free(probes);
		latency_file_free(latencies);
		text_puts(error, "out of memory");
		return false;
	}
	gather_free(agent->gather);
	probes_free(agent->probes);
	latency_file_free(agent->latencies);
	agent->latencies = latencies;
	agent->gather = gather;
	agent->probes = probes;
	agent->waiting = false;
	uv_timer_stop(&agent->grace);
	uv_timer_start(&agent->round, on_round, settings->interval_ms, settings->interval_ms);
	/* The counters' first values, so that the first report has rates. */
	if (!gather_begin(gather) && settings->backend_count == 0)
		uv_timer_start(&agent->soon, on_soon, 0, 0);
	return true;
}

/* The new one is there before the old one goes, unless both want the same folder, which only one can have. */
static bool
push_replace(struct agent *agent, const struct agent_settings *settings, struct text *error)
{
	struct push *former = agent->push, *push;

	if (same_folder(agent->settings, settings)) {
		push_stop(former);
		former = NULL;
		agent->push = NULL;
	}
	push = push_of(settings, error);
	if (push != NULL) {
		push_stop(former);
		agent->push = push;
	} else if (agent->push == NULL) {
		struct text again = { 0 };

		agent->push = push_of(agent->settings, &again);
		text_fini(&again);
	}
	return push != NULL;
}

static struct push *
push_of(const struct agent_settings *settings, struct text *error)
{
	struct push_settings push = {
		.controller = settings->controller,
		.token_file = settings->token_file,
		.region = settings->region,
		.spool_path = settings->spool_path,
		.spool_limit = settings->spool_limit,
	};

	return push_start(&push, error);
}

/* A reload is also how an operator says "read the token again", so a token file always makes a new push. */
static bool
same_push(const struct agent_settings *a, const struct agent_settings *b)
{
	return a->token_file == NULL && b->token_file == NULL && strcmp(a->controller, b->controller) == 0 &&
	    a->spool_limit == b->spool_limit && same_folder(a, b);
}

static bool
same_folder(const struct agent_settings *a, const struct agent_settings *b)
{
	return strcmp(a->region, b->region) == 0 && strcmp(a->spool_path, b->spool_path) == 0;
}

/* --- when ---------------------------------------------------------------------------------------------------- */

static void
on_round(uv_timer_t *timer)
{
	struct agent *agent = timer->data;
	uint64_t half = agent->settings->interval_ms / 2;

	if (agent->rounds < FIRST_ROUNDS_MOST)
		agent->rounds++;
	agent->waiting = true;
	if (gather_begin(agent->gather))
		uv_timer_start(&agent->grace, on_grace, half, 0);
	else
		round_finish(agent);
}

static void
on_gathered(void *arg)
{
	struct agent *agent = arg;

	if (agent->waiting)
		round_finish(agent);
	else if (!agent->reported)
		on_changed(agent);	/* perhaps only the backends' verdicts are still missing */
}

static void
on_grace(uv_timer_t *timer)
{
	round_finish(timer->data);
}

static void
round_finish(struct agent *agent)
{
	agent->waiting = false;
	uv_timer_stop(&agent->grace);
	if (!probes_decided(agent->probes) && !agent->reported && agent->rounds < FIRST_ROUNDS_MOST)
		return;
	report_send(agent, true);
	tally_clear(probes_tally(agent->probes));
}

static void
on_changed(void *arg)
{
	struct agent *agent = arg;
	uint64_t now = uv_now(agent->loop), due = agent->at_once + AT_ONCE_GAP_MS;

	if (!agent->reported && !probes_decided(agent->probes))
		return;
	if (!uv_is_active((const uv_handle_t *)&agent->soon))
		uv_timer_start(&agent->soon, on_soon, agent->at_once == 0 || now >= due ? 0 : due - now, 0);
}

static void
on_soon(uv_timer_t *timer)
{
	struct agent *agent = timer->data;

	agent->at_once = uv_now(agent->loop);
	report_send(agent, false);
}

/* --- what ---------------------------------------------------------------------------------------------------- */

static void
report_send(struct agent *agent, bool with_metrics)
{
	uint64_t sequence;
	struct composer *composer;
	const struct backend_state *states;
	const struct report_latency *latencies;
	size_t count;
	char *json = NULL;

	if (agent->push == NULL) {
		log_error("no report: the spool couldn't be opened");
		return;
	}
	sequence = push_sequence(agent->push);
	composer = composer_new(agent->settings, sequence, wall_now());
	if (composer != NULL) {
		states = probes_states(agent->probes, &count);
		composer_backends(composer, states, count);
		for (size_t i = 0; i < agent->settings->load_count; i++)
			composer_load(composer, agent->settings->loads[i].service, gather_load(agent->gather, i),
			    gather_errors(agent->gather, i));
		if (with_metrics) {
			gather_values(agent->gather, metric_take, composer);
			composer_requests(composer);
			composer_probes(composer, probes_tally(agent->probes), gather_failed(agent->gather));
			add_counters(agent, composer);
		}
		if (with_metrics && agent->latencies != NULL) {
			latency_file_look(agent->latencies);
			if (latency_file_news(agent->latencies, &latencies, &count))
				composer_latencies(composer, latencies, count);
		}
		json = composer_finish(composer);
	}
	composer_free(composer);
	if (json == NULL) {
		log_error("no report: out of memory");
		return;
	}
	agent->reported = true;
	if (with_metrics && agent->latencies != NULL)
		latency_file_told(agent->latencies);
	push_submit(agent->push, sequence, json);
}

static bool
metric_take(void *arg, const struct gathered *value)
{
	composer_metric(arg, value->prefix, value->name, value->unit, value->backend, value->value);
	return true;
}

/* How reporting itself goes, since nobody else could tell. */
static void
add_counters(struct agent *agent, struct composer *composer)
{
	struct push_counters counters = push_counters(agent->push);

	composer_metric(composer, "", "agent_waiting", "", "", (double)counters.waiting);
	composer_metric(composer, "", "agent_dropped", "", "", (double)counters.dropped);
	composer_metric(composer, "", "agent_refused", "", "", (double)counters.refused);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct agent *agent = handle->data;

	if (--agent->open_timers == 0)
		free(agent);
}
