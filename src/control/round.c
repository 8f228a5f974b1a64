/* round.c -- decides which regions are dead, by rules that each can be read here.
 * In: reports, probe results, drains, predictions, time.  Out: live words and health events.
 * Threads: control.  Owns: the newest report of every agent, and a hold on the steering.
 *
 * For one (service, region):
 *  1. A report in which no backend of the service is healthy: dead at once. The agent has counted its own failed probes
 *     (rise and fall), so hysteresis on the way down would only add to the outage.
 *  2. Reports that don't mention the service say nothing about it: alive.
 *  3. Reports stay away for ROUND_SILENT_AFTER health check intervals: the region is silent, which alone proves nothing
 *     about its backends. Now the outside-in probes count: ROUND_PROBE_FALL failures in a row and it's dead. The same
 *     for a region that never had an agent.
 *  4. Back to life only after ROUND_RISE good reports (or probes, while silent) in a row: a region that comes back for
 *     a moment would move its clients twice.
 * Only the region's own clients move, each to its own slot's backup; the tables stay as they are. */
#include "control/round.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct round {
	struct steering *steering;
	struct round_region *regions;		/* by region id */
	size_t region_count;
	unsigned constraints;			/* changes of what regions accept */
	round_event_fn *event;
	void *arg;
};

static bool region_adopt(struct round *round, struct round_region *region, struct round_region *old,
	const struct steering *steering, size_t id);
static void region_fini(struct round_region *region);
static void judge_reports(struct round *round, struct round_region *region, struct wall wall);
static bool judge_constraints(struct round *round, struct round_region *region);
static bool agents_accept(const struct round_region *region, const char *group);
static void judge_service(struct round *round, struct round_region *region, size_t service, struct wall wall);
static void count_backends(const struct round_region *region, const char *name, struct round_service *s,
	const char **detail);
static void set_dead(struct round *round, struct round_region *region, size_t service, bool dead, const char *cause,
	struct wall wall);
static void update_state(struct round_region *region, size_t services);
static bool is_unsettled(const struct round_region *region, size_t service);
static void tell(struct round *round, struct wall at, const char *region, const char *service, const char *state,
	const char *cause);

struct round *
round_new(round_event_fn *event, void *arg)
{
	struct round *round = calloc(1, sizeof(*round));

	if (round != NULL) {
		round->event = event;
		round->arg = arg;
	}
	return round;
}

void
round_free(struct round *round)
{
	if (round == NULL)
		return;
	for (size_t r = 0; r < round->region_count; r++)
		region_fini(&round->regions[r]);
	free(round->regions);
	steering_free(round->steering);
	free(round);
}

static void
region_fini(struct round_region *region)
{
	for (unsigned i = 0; i < region->agent_count; i++)
		report_free(region->agents[i].report);
	free(region->services);
	free(region->accepts);
	free(region->name);
}

int
round_adopt(struct round *round, struct steering *steering, struct mono now, struct wall wall)
{
	struct round_region *regions = calloc(steering->region_count + 1, sizeof(*regions));
	size_t count = steering->region_count;

	if (regions == NULL)
		return -ENOMEM;
	/* First all that may fail, then the move: a failure leaves the round as it was. */
	for (size_t r = 0; r < count; r++) {
		regions[r].name = strdup(steering->regions[r].name);
		regions[r].services = calloc(steering->service_count + 1, sizeof(struct round_service));
		regions[r].accepts = calloc(steering->group_count, sizeof(bool));
		if (regions[r].name == NULL || regions[r].services == NULL || regions[r].accepts == NULL) {
			for (size_t k = 0; k <= r; k++)
				region_fini(&regions[k]);
			free(regions);
			return -ENOMEM;
		}
	}
	for (size_t r = 0; r < count; r++) {
		struct round_region *old = NULL;

		for (size_t k = 0; k < round->region_count; k++)
			if (strcmp(round->regions[k].name, regions[r].name) == 0)
				old = &round->regions[k];
		if (!region_adopt(round, &regions[r], old, steering, r))
			regions[r].heard = now;
	}
	for (size_t k = 0; k < round->region_count; k++)
		region_fini(&round->regions[k]);
	free(round->regions);
	steering_hold(steering);
	steering_free(round->steering);
	round->steering = steering;
	round->regions = regions;
	round->region_count = count;
	for (size_t r = 0; r < count; r++)
		judge_reports(round, &regions[r], wall);
	return 0;
}

/* Takes over what is known; false when the region is new. */
static bool
region_adopt(struct round *round, struct round_region *region, struct round_region *old,
	const struct steering *steering, size_t id)
{
	for (size_t g = 0; g < steering->group_count; g++)
		region->accepts[g] = true;
	region->capacity = steering->regions[id].capacity;
	region->drained_to = 1;
	region->probability = region->load_forecast = NAN;
	snprintf(region->no_prediction, sizeof(region->no_prediction), "nothing was predicted yet");
	for (size_t s = 0; s < steering->service_count; s++)
		region->services[s].load = NAN;
	if (old == NULL)
		return false;
	for (size_t s = 0; s < steering->service_count; s++)
		for (size_t k = 0; k < round->steering->service_count; k++)
			if (strcmp(steering->services[s].name, round->steering->services[k].name) == 0)
				region->services[s] = old->services[k];
	region->state = old->state;
	region->agent_count = old->agent_count;
	memcpy(region->agents, old->agents, sizeof(region->agents));
	old->agent_count = 0;
	region->reported = old->reported;
	region->heard = old->heard;
	region->constrained = old->constrained;
	region->drained_to = old->drained_to;
	region->probability = old->probability;
	region->load_forecast = old->load_forecast;
	region->horizon_s = old->horizon_s;
	region->predicted = old->predicted;
	memcpy(region->no_prediction, old->no_prediction, sizeof(region->no_prediction));
	return true;
}

enum round_verdict
round_report(struct round *round, struct report *report, struct mono now, struct wall wall)
{
	region_id id = steering_region_find(round->steering, report->region);
	struct round_region *region;
	struct round_agent *agent = NULL;

	if (id == NO_REGION)
		return ROUND_UNKNOWN_REGION;
	region = &round->regions[id];
	for (unsigned i = 0; i < region->agent_count; i++)
		if (strcmp(region->agents[i].report->agent, report->agent) == 0)
			agent = &region->agents[i];
	if (agent != NULL && report->sequence <= agent->report->sequence)
		return ROUND_OLD;
	if (agent == NULL) {
		if (region->agent_count == ROUND_AGENTS_MAX)
			return ROUND_TOO_MANY_AGENTS;
		agent = &region->agents[region->agent_count++];
	}
	report_free(agent->report);
	agent->report = report;
	agent->heard = region->heard = now;
	region->reported = wall;
	if (region->state == REGION_SILENT)
		tell(round, wall, region->name, "", "heard", "reports arrive again");
	region->state = REGION_UP;
	judge_reports(round, region, wall);
	return ROUND_TAKEN;
}

static void
judge_reports(struct round *round, struct round_region *region, struct wall wall)
{
	if (region->agent_count == 0)
		return;
	round->constraints += judge_constraints(round, region);
	for (unsigned i = 0; i < region->agent_count; i++) {
		const struct report *report = region->agents[i].report;

		if (report->capacity > 0)
			region->capacity = report->capacity;
	}
	for (size_t s = 0; s < round->steering->service_count; s++)
		judge_service(round, region, s, wall);
	update_state(region, round->steering->service_count);
}

/* True when it has changed. A group counts as accepted when every agent that constrains the region names it. */
static bool
judge_constraints(struct round *round, struct round_region *region)
{
	bool changed = false;

	region->constrained = false;
	for (unsigned i = 0; i < region->agent_count; i++)
		region->constrained |= region->agents[i].report->constrained;
	for (size_t g = 0; g < round->steering->group_count; g++) {
		bool accepted = agents_accept(region, round->steering->groups[g].name);

		changed |= accepted != region->accepts[g];
		region->accepts[g] = accepted;
	}
	return changed;
}

static bool
agents_accept(const struct round_region *region, const char *group)
{
	for (unsigned i = 0; i < region->agent_count; i++) {
		const struct report *report = region->agents[i].report;
		bool named = false;

		for (size_t k = 0; k < report->accept_count && !named; k++)
			named = strcmp(report->accepts[k], group) == 0;
		if (report->constrained && !named)
			return false;
	}
	return true;
}

bool
round_accepting(const struct round *round, const struct steering *steering, struct region_set *accepting)
{
	bool constrained = false;

	for (size_t g = 0; g < steering->group_count; g++)
		accepting[g] = region_set_all();
	for (size_t r = 0; r < round->region_count; r++) {
		region_id id = steering_region_find(steering, round->regions[r].name);

		if (id == NO_REGION || !round->regions[r].constrained)
			continue;
		constrained = true;
		for (size_t g = 0; g < steering->group_count; g++)
			if (!agents_accept(&round->regions[r], steering->groups[g].name))
				region_set_remove(&accepting[g], id);
	}
	return constrained;
}

unsigned
round_constraints(const struct round *round)
{
	return round->constraints;
}

static void
judge_service(struct round *round, struct round_region *region, size_t service, struct wall wall)
{
	struct round_service *s = &region->services[service];
	const char *detail = "";
	char cause[sizeof(s->cause)];

	count_backends(region, round->steering->services[service].name, s, &detail);
	if (!s->reported || region->state == REGION_SILENT)
		return;
	if (s->healthy == 0) {
		snprintf(cause, sizeof(cause), "none of %u backends is healthy%s%s", s->backends,
		    *detail != '\0' ? ": " : "", detail);
		s->good_in_a_row = 0;
		set_dead(round, region, service, true, cause, wall);
	} else if (s->dead && ++s->good_in_a_row >= ROUND_RISE) {
		snprintf(cause, sizeof(cause), "%u of %u backends are healthy", s->healthy, s->backends);
		set_dead(round, region, service, false, cause, wall);
	}
}

static void
count_backends(const struct round_region *region, const char *name, struct round_service *s, const char **detail)
{
	s->healthy = s->backends = 0;
	s->load = NAN;
	for (unsigned a = 0; a < region->agent_count; a++) {
		const struct report *report = region->agents[a].report;

		for (size_t i = 0; i < report->backend_count; i++) {
			if (strcasecmp(report->backends[i].service, name) != 0)
				continue;
			s->backends++;
			s->healthy += report->backends[i].healthy;
			if (!report->backends[i].healthy)
				*detail = report->backends[i].detail;
		}
		for (size_t i = 0; i < report->load_count; i++)
			if (strcasecmp(report->loads[i].service, name) == 0)
				s->load = (isnan(s->load) ? 0 : s->load) + report->loads[i].requests_per_second;
	}
	s->reported = s->backends > 0;
}

static void
set_dead(struct round *round, struct round_region *region, size_t service, bool dead, const char *cause,
	struct wall wall)
{
	struct round_service *s = &region->services[service];

	if (dead)
		snprintf(s->cause, sizeof(s->cause), "%s", cause);
	if (s->dead == dead)
		return;
	s->dead = dead;
	s->good_in_a_row = s->failed_probes = 0;
	if (!dead)
		s->cause[0] = '\0';
	tell(round, wall, region->name, round->steering->services[service].name, dead ? "down" : "up", cause);
}

static void
update_state(struct round_region *region, size_t services)
{
	bool reported = false, alive = false;

	if (region->state == REGION_SILENT || region->state == REGION_UNKNOWN)
		return;
	for (size_t s = 0; s < services; s++)
		if (region->services[s].reported) {
			reported = true;
			alive |= !region->services[s].dead;
		}
	region->state = reported && !alive ? REGION_DOWN : REGION_UP;
}

void
round_probe(struct round *round, region_id id, size_t service, bool healthy, const char *detail, struct wall wall)
{
	struct round_region *region;
	struct round_service *s;
	char cause[sizeof(s->cause)];

	/* The steering may have changed, or the region may have spoken, while the probe was under way. */
	if (id >= round->region_count || service >= round->steering->service_count
	    || !round_wants_probe(round, id, service))
		return;
	region = &round->regions[id];
	s = &region->services[service];
	if (healthy) {
		s->failed_probes = 0;
		if (s->dead && ++s->good_in_a_row >= ROUND_RISE)
			set_dead(round, region, service, false, "the outside-in probe succeeds again", wall);
		return;
	}
	s->good_in_a_row = 0;
	if (++s->failed_probes >= ROUND_PROBE_FALL) {
		snprintf(cause, sizeof(cause), "%s, and the outside-in probe fails: %s",
		    region->state == REGION_SILENT ? "no reports" : "no agent was heard", detail);
		set_dead(round, region, service, true, cause, wall);
	}
}

bool
round_wants_probe(const struct round *round, region_id id, size_t service)
{
	enum region_state state = round->regions[id].state;

	if (round->steering->services[service].probe == PROBE_NONE)
		return false;
	return state == REGION_SILENT || state == REGION_UNKNOWN;
}

void
round_overrides(struct round *round, const struct override *overrides, size_t count, struct wall wall)
{
	for (size_t r = 0; r < round->region_count; r++) {
		struct round_region *region = &round->regions[r];
		double least = 1;
		const char *reason = "";

		for (size_t i = 0; i < count; i++)
			if (strcmp(overrides[i].kind, "drain") == 0 && strcmp(overrides[i].region, region->name) == 0
			    && overrides[i].value < least) {
				least = overrides[i].value;
				reason = overrides[i].reason;
			}
		if (least < 1 && region->drained_to == 1)
			tell(round, wall, region->name, "", "drained", reason);
		else if (least == 1 && region->drained_to < 1)
			tell(round, wall, region->name, "", "undrained", "no drain is in force any more");
		region->drained_to = least;
	}
}

void
round_predict(struct round *round, const struct prediction *prediction)
{
	region_id id = steering_region_find(round->steering, prediction->region);
	struct round_region *region;

	if (id == NO_REGION || *prediction->service != '\0')
		return;
	region = &round->regions[id];
	region->probability = prediction->probability;
	region->load_forecast = prediction->load_forecast;
	region->horizon_s = prediction->horizon_s;
	region->predicted = prediction->at;
	snprintf(region->no_prediction, sizeof(region->no_prediction), "%s", prediction->reason);
}

void
round_tick(struct round *round, struct mono now, struct wall wall)
{
	int64_t patience = (int64_t)round->steering->health_check_interval_ms * ROUND_SILENT_AFTER;
	char cause[80];

	for (size_t r = 0; r < round->region_count; r++) {
		struct round_region *region = &round->regions[r];

		if (region->state == REGION_UNKNOWN || region->state == REGION_SILENT
		    || mono_ms_between(region->heard, now) <= patience)
			continue;
		region->state = REGION_SILENT;
		for (size_t s = 0; s < round->steering->service_count; s++)
			region->services[s].failed_probes = region->services[s].good_in_a_row = 0;
		snprintf(cause, sizeof(cause), "no report for %.1f s", (double)patience / 1000);
		tell(round, wall, region->name, "", "silent", cause);
	}
}

void
round_write(const struct round *round, const struct snapshot *snapshot)
{
	assert(snapshot->service_count == round->steering->service_count);
	for (size_t s = 0; s < snapshot->service_count; s++) {
		const struct service *service = &snapshot->services[s];
		uint32_t cap = 0;

		for (size_t i = 0; i < service->order_count; i++) {
			region_id r = service->order[i];
			const struct round_region *region = &round->regions[r];

			live_set_dead(service->live, r, region->services[s].dead);
			live_set_admit(service->live, r, (admit)(region->drained_to * ADMIT_ALL + 0.5));
			if (is_unsettled(region, s))
				cap = service->intent->ttl_min;
		}
		atomic_store_explicit(&service->live->ttl_cap, cap, memory_order_relaxed);
	}
}

/* True while the answer may have to change soon: then it shouldn't be kept for long. */
static bool
is_unsettled(const struct round_region *region, size_t service)
{
	const struct round_service *s = &region->services[service];

	return s->good_in_a_row > 0 || s->failed_probes > 0 || region->state == REGION_SILENT
	    || region->probability >= ROUND_UNSETTLED_PROBABILITY;
}

static void
tell(struct round *round, struct wall at, const char *region, const char *service, const char *state,
	const char *cause)
{
	struct health_event event = { at, region, service, state, cause };

	round->event(round->arg, &event);
}

const struct steering *
round_steering(const struct round *round)
{
	return round->steering;
}

const struct round_region *
round_region(const struct round *round, region_id region)
{
	return &round->regions[region];
}

const char *
region_state_text(enum region_state state)
{
	static const char *const texts[] = { "unknown", "up", "down", "silent" };

	return texts[state];
}
