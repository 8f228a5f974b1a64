/* probe.c -- a timer for each backend, a probe at each tick, a verdict from the results.
 * In: backends. Out: their states, and a call when a verdict changes.
 * Threads: the loop's. http/prober does the probing and never blocks.
 * Ownership: `probes` holds the timers and is freed with the last of them; the prober is freed first, so that no result
 * comes afterwards.
 * Timing: each gap varies by a tenth, so that neither the probes of one agent nor those of many fall into step. The
 * first probes are spread over a millisecond each. A backend without a verdict is probed again right after its result:
 * a new agent knows its region after `fall` quick probes instead of `fall` intervals.
 * A result that tells nothing of the backend (prober.h: unknown) counts as missed and leaves the verdict alone. */
#include "probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "http/prober.h"

#define UNDECIDED_GAP_MS 100	/* a server that starts gets a moment; a dead one is known in a third of a second */
#define FIRST_SPREAD_MS 1	/* per backend, at most an interval in all */

struct watch {
	struct probes *probes;
	struct backend_state *state;
	uv_timer_t timer;
	uint64_t started;		/* uv_now() */
	uint64_t rounds;
};

struct probes {
	struct prober *prober;
	struct backend_state *states;
	struct watch *watches;
	size_t count, undecided, open_timers;
	struct tally tally;
	probes_changed_fn *changed;
	void *arg;
};

static void state_inherit(struct backend_state *state, const struct probes *former);
static bool same_probe(const struct agent_backend *a, const struct agent_backend *b);
static bool same_text(const char *a, const char *b);
static void on_timer(uv_timer_t *timer);
static void on_result(void *arg, const struct probe_result *result);
static bool note(struct watch *watch, const struct probe_result *result);
static void tell(const struct backend_state *state);
static void next_arm(struct watch *watch);
static void on_timer_closed(uv_handle_t *handle);
static void memory_free(struct probes *probes);

struct probes *
probes_new(uv_loop_t *loop, const struct agent_backend *backends, size_t count, const struct probes *former,
    probes_changed_fn *changed, void *arg)
{
	struct probes *probes = calloc(1, sizeof(*probes));

	if (probes == NULL)
		return NULL;
	probes->states = calloc(count + 1, sizeof(*probes->states));
	probes->watches = calloc(count + 1, sizeof(*probes->watches));
	probes->prober = prober_new(loop);
	if (probes->states == NULL || probes->watches == NULL || probes->prober == NULL) {
		prober_free(probes->prober);
		memory_free(probes);
		return NULL;
	}
	probes->count = count;
	probes->changed = changed;
	probes->arg = arg;
	for (size_t i = 0; i < count; i++) {
		struct watch *watch = &probes->watches[i];
		uint32_t interval_ms = backends[i].probe.interval_ms;

		probes->states[i] = (struct backend_state){ .backend = &backends[i], .latency_ms = NAN };
		if (former != NULL)
			state_inherit(&probes->states[i], former);
		probes->undecided += health_undecided(&probes->states[i].health) ? 1 : 0;
		watch->probes = probes;
		watch->state = &probes->states[i];
		watch->timer.data = watch;
		uv_timer_init(loop, &watch->timer);
		probes->open_timers++;
		uv_timer_start(&watch->timer, on_timer, i * FIRST_SPREAD_MS % interval_ms, 0);
	}
	return probes;
}

void
probes_free(struct probes *probes)
{
	if (probes == NULL)
		return;
	prober_free(probes->prober);
	if (probes->count == 0)
		memory_free(probes);
	else
		for (size_t i = 0; i < probes->count; i++)
			uv_close((uv_handle_t *)&probes->watches[i].timer, on_timer_closed);
}

const struct backend_state *
probes_states(const struct probes *probes, size_t *count)
{
	*count = probes->count;
	return probes->states;
}

bool
probes_decided(const struct probes *probes)
{
	return probes->undecided == 0;
}

struct tally *
probes_tally(struct probes *probes)
{
	return &probes->tally;
}

uint32_t
probe_gap_ms(const struct agent_probe *probe, bool undecided, uint64_t dice)
{
	uint32_t tenth = probe->interval_ms / 10;

	if (undecided && probe->interval_ms > UNDECIDED_GAP_MS)
		return UNDECIDED_GAP_MS;
	return probe->interval_ms - tenth + (uint32_t)(dice % (2 * (uint64_t)tenth + 1));
}

static void
state_inherit(struct backend_state *state, const struct probes *former)
{
	for (size_t i = 0; i < former->count; i++) {
		if (same_probe(former->states[i].backend, state->backend)) {
			state->health = former->states[i].health;
			state->latency_ms = former->states[i].latency_ms;
			memcpy(state->detail, former->states[i].detail, sizeof(state->detail));
			return;
		}
	}
}

static bool
same_probe(const struct agent_backend *a, const struct agent_backend *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->service, b->service) == 0 && a->port == b->port &&
	    a->address.bits == b->address.bits &&
	    memcmp(a->address.bytes, b->address.bytes, sizeof(a->address.bytes)) == 0 &&
	    a->probe.kind == b->probe.kind && same_text(a->probe.path, b->probe.path) &&
	    same_text(a->probe.host, b->probe.host) && a->probe.status_least == b->probe.status_least &&
	    a->probe.status_most == b->probe.status_most;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
on_timer(uv_timer_t *timer)
{
	struct watch *watch = timer->data;
	const struct agent_backend *backend = watch->state->backend;
	struct probe_target target = {
		.scheme = backend->probe.kind == PROBE_HTTPS ? PROBE_SCHEME_HTTPS :
		    backend->probe.kind == PROBE_HTTP ? PROBE_SCHEME_HTTP : PROBE_SCHEME_TCP,
		.address = backend->address,
		.port = backend->port,
		.host = backend->probe.host,
		.path = backend->probe.path,
		.status_least = backend->probe.status_least,
		.status_most = backend->probe.status_most,
		.timeout_ms = backend->probe.timeout_ms,
	};

	watch->started = uv_now(timer->loop);
	watch->rounds++;
	prober_start(watch->probes->prober, &target, on_result, watch);
}

static void
on_result(void *arg, const struct probe_result *result)
{
	struct watch *watch = arg;
	struct probes *probes = watch->probes;
	bool changed = note(watch, result);

	next_arm(watch);
	if (changed)
		probes->changed(probes->arg);	/* last: it may free the probes */
}

static bool
note(struct watch *watch, const struct probe_result *result)
{
	struct backend_state *state = watch->state;
	struct probes *probes = watch->probes;
	const struct agent_probe *probe = &state->backend->probe;
	bool was_undecided = health_undecided(&state->health);

	if (result->unknown) {
		probes->tally.missed++;
		log_debug("%s of %s: the probe told nothing: %s", state->backend->name, state->backend->service,
		    result->detail);
		return false;
	}
	snprintf(state->detail, sizeof(state->detail), "%s", result->detail);
	if (result->healthy) {
		state->latency_ms = result->latency_ms;
		tally_good(&probes->tally, result->latency_ms);
	} else {
		probes->tally.bad++;
	}
	if (!health_note(&state->health, result->healthy, probe->rise, probe->fall))
		return false;
	if (was_undecided)
		probes->undecided--;
	tell(state);
	return true;
}

static void
tell(const struct backend_state *state)
{
	char address[ADDRESS_TEXT_SIZE];

	address_text(&state->backend->address, address);
	if (state->health.verdict == VERDICT_UP)
		log_info("%s of %s at %s port %u is up (%.1f ms)", state->backend->name, state->backend->service,
		    address, (unsigned)state->backend->port, state->latency_ms);
	else
		log_warning("%s of %s at %s port %u is down: %s", state->backend->name, state->backend->service,
		    address, (unsigned)state->backend->port, state->detail);
}

static void
next_arm(struct watch *watch)
{
	const struct agent_backend *backend = watch->state->backend;
	uint64_t dice = hash64(backend->name, strlen(backend->name), watch->rounds + (uint64_t)backend->port);
	bool undecided = health_undecided(&watch->state->health);
	uint64_t gap = probe_gap_ms(&backend->probe, undecided, dice);
	uint64_t elapsed = uv_now(watch->timer.loop) - watch->started;

	if (undecided)
		elapsed = 0;	/* from the result on */
	uv_timer_start(&watch->timer, on_timer, elapsed < gap ? gap - elapsed : 0, 0);
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;

	if (--watch->probes->open_timers == 0)
		memory_free(watch->probes);
}

static void
memory_free(struct probes *probes)
{
	tally_fini(&probes->tally);
	free(probes->states);
	free(probes->watches);
	free(probes);
}
