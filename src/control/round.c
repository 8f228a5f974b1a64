/* round.c -- decides which regions are dead, by rules that each can be read here.
 * In: reports, probe results, drains, predictions, time.  Out: live words and health events.
 * Threads: control.  Owns: the newest report of every agent, and a hold on the steering.
 *
 * For one (service, region):
 *  1. A report in which no backend of the service is healthy: dead at once. The agent has counted its own failed probes
 *     (rise and fall), so hysteresis on the way down would only add to the outage.
 *  2. Reports that don't mention the service say nothing about it: the outside-in probes count, and without a probe
 *     it's alive.
 *  3. Reports stay away for ROUND_SILENT_AFTER health check intervals: the region is silent, which alone proves nothing
 *     about its backends. Now the outside-in probes count: ROUND_PROBE_FALL failures in a row and it's dead. The same
 *     for a region that never had an agent. Without a probe it stays as it was last known.
 *  4. Back to life only after ROUND_RISE good reports (or probes, while those count) in a row: a region that comes back
 *     for a moment would move its clients twice. A report is good if it has a healthy backend of the service itself.
 * Only the region's own clients move, each to its own slot's backup; the tables stay as they are.
 *
 * Several agents of a region are taken together. One that is silent while others speak doesn't count: its backends may
 * be dead since. What it said of residency still does, for law doesn't end with a process.
 *
 * Which report is an agent's newest: the one with the higher sequence or the later time (as store_report_put() has it,
 * so that both agree after a restart), and that isn't late. After an outage of ours an agent sends what it has spooled,
 * in order: a replay of the past, in which the region would die and rise again. A report is late when it took longer to
 * get here than the agent's last one by more than the patience of rule 3. A clock that was set back looks the same at
 * first; but in a replay each report is less late than the one before, so after LATE_ALIKE that aren't, the next is
 * live. */
#include "control/round.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE_ALIKE 3	/* fewer: a replay with gaps is taken for live; more: silence after a clock was set */

/* What the agents of a region that speak now say of one service. */
struct tally {
	unsigned healthy, backends;
	bool good_news;			/* the report that has just come has a healthy backend */
	bool by_silent;			/* an agent that is silent now spoke of it */
	double load;			/* NAN: not reported */
	const char *detail;
};

struct round {
	struct steering *steering;
	struct round_region *regions;		/* by region id */
	size_t region_count;
	struct tally *tallies;			/* by service: room for judge_region() */
	unsigned constraints;			/* changes of what regions accept */
	round_event_fn *event;
	void *arg;
};

static size_t *match_services(const struct steering *from, const struct steering *to);
static bool region_new(struct round_region *region, const struct steering *steering, size_t id);
static void region_take_over(struct round_region *region, struct round_region *old, const struct steering *steering,
	const size_t *service_was);
static void region_fini(struct round_region *region);
static void regions_free(struct round_region *regions, size_t count);
static struct round_agent *agent_find(struct round_region *region, const char *name);
static struct round_agent *agent_slot(const struct round *round, struct round_region *region, struct mono now);
static bool is_news(const struct round *round, struct round_agent *agent, const struct report *report,
	struct wall wall);
static void judge_region(struct round *round, struct round_region *region, const struct report *news, struct wall wall);
static bool judge_constraints(const struct round *round, struct round_region *region);
static bool agents_accept(const struct round_region *region, const char *group);
static void judge_capacity(const struct round *round, struct round_region *region);
static bool agent_speaks(const struct round *round, const struct round_region *region, const struct round_agent *agent);
static void tally_agents(struct round *round, const struct round_region *region, const struct report *news);
static void tally_backends(struct round *round, const struct report *report, bool speaks, bool news);
static void tally_loads(struct round *round, const struct report *report);
static struct tally *tally_of(struct round *round, const char *service);
static void judge_service(struct round *round, struct round_region *region, size_t service, struct wall wall);
static void set_dead(struct round *round, struct round_region *region, size_t service, bool dead, const char *cause,
	struct wall wall);
static void update_state(struct round_region *region, size_t services);
static bool is_in_force(const struct override *override, struct wall wall);
static int64_t patience_ms(const struct round *round);
static void expire_prediction(struct round_region *region, struct wall wall);
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
	regions_free(round->regions, round->region_count);
	free(round->tallies);
	steering_free(round->steering);
	free(round);
}

static void
regions_free(struct round_region *regions, size_t count)
{
	for (size_t r = 0; regions != NULL && r < count; r++)
		region_fini(&regions[r]);
	free(regions);
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

/* --- steering ------------------------------------------------------------------------------------------------ */

int
round_adopt(struct round *round, struct steering *steering, struct mono now, struct wall wall)
{
	size_t count = steering->region_count;
	struct round_region *regions = calloc(count + 1, sizeof(*regions));
	struct tally *tallies = calloc(steering->service_count + 1, sizeof(*tallies));
	size_t *service_was = match_services(round->steering, steering);
	bool made = regions != NULL && tallies != NULL && service_was != NULL;

	/* First all that may fail, then the move: a failure leaves the round as it was. */
	for (size_t r = 0; r < count && made; r++)
		made = region_new(&regions[r], steering, r);
	if (!made) {
		regions_free(regions, count);
		free(tallies);
		free(service_was);
		return -ENOMEM;
	}
	for (size_t r = 0; r < count; r++) {
		struct round_region *old = NULL;

		regions[r].heard = now;
		for (size_t k = 0; k < round->region_count && old == NULL; k++)
			if (strcmp(round->regions[k].name, regions[r].name) == 0)
				old = &round->regions[k];
		if (old != NULL)
			region_take_over(&regions[r], old, steering, service_was);
	}
	free(service_was);
	regions_free(round->regions, round->region_count);
	free(round->tallies);
	steering_hold(steering);
	steering_free(round->steering);
	round->steering = steering;
	round->regions = regions;
	round->region_count = count;
	round->tallies = tallies;
	for (size_t r = 0; r < count; r++)
		judge_region(round, &regions[r], NULL, wall);
	return 0;
}

/* For each service of `to` its number in `from`, or SIZE_MAX. NULL: out of memory. */
static size_t *
match_services(const struct steering *from, const struct steering *to)
{
	size_t *was = calloc(to->service_count + 1, sizeof(*was));

	for (size_t s = 0; was != NULL && s < to->service_count; s++) {
		const struct steering_service *service = from == NULL ? NULL
			: steering_service_find(from, to->services[s].name);

		was[s] = service == NULL ? SIZE_MAX : (size_t)(service - from->services);
	}
	return was;
}

static bool
region_new(struct round_region *region, const struct steering *steering, size_t id)
{
	region->name = strdup(steering->regions[id].name);
	region->services = calloc(steering->service_count + 1, sizeof(*region->services));
	region->accepts = calloc(steering->group_count, sizeof(bool));
	if (region->name == NULL || region->services == NULL || region->accepts == NULL)
		return false;
	for (size_t g = 0; g < steering->group_count; g++)
		region->accepts[g] = true;
	region->capacity = steering->regions[id].capacity;
	region->drained_to = 1;
	region->probability = region->load_forecast = NAN;
	snprintf(region->no_prediction, sizeof(region->no_prediction), "nothing was predicted yet");
	for (size_t s = 0; s < steering->service_count; s++)
		region->services[s].load = NAN;
	return true;
}

static void
region_take_over(struct round_region *region, struct round_region *old, const struct steering *steering,
	const size_t *service_was)
{
	for (size_t s = 0; s < steering->service_count; s++)
		if (service_was[s] != SIZE_MAX)
			region->services[s] = old->services[service_was[s]];
	region->state = old->state;
	region->agent_count = old->agent_count;
	memcpy(region->agents, old->agents, sizeof(region->agents));
	old->agent_count = 0;
	for (size_t g = 0; g < steering->group_count; g++)
		region->accepts[g] = agents_accept(region, steering->groups[g].name);
	region->reported = old->reported;
	region->heard = old->heard;
	region->constrained = old->constrained;
	region->drained_to = old->drained_to;
	region->probability = old->probability;
	region->load_forecast = old->load_forecast;
	region->horizon_s = old->horizon_s;
	region->predicted = old->predicted;
	memcpy(region->no_prediction, old->no_prediction, sizeof(region->no_prediction));
}

/* --- reports ------------------------------------------------------------------------------------------------- */

enum round_verdict
round_report(struct round *round, struct report *report, struct mono now, struct wall wall)
{
	region_id id = steering_region_find(round->steering, report->region);
	struct round_region *region;
	struct round_agent *agent;

	if (id == NO_REGION)
		return ROUND_UNKNOWN_REGION;
	region = &round->regions[id];
	agent = agent_find(region, report->agent);
	if (agent != NULL && !is_news(round, agent, report, wall))
		return ROUND_OLD;
	if (agent == NULL)
		agent = agent_slot(round, region, now);
	if (agent == NULL)
		return ROUND_TOO_MANY_AGENTS;
	report_free(agent->report);
	*agent = (struct round_agent){ .report = report, .heard = now, .late_ms = wall.ms - report->time.ms };
	/* Reports of the time before a restart come in the agents' order, not in that of time. */
	if (region->reported.ms == 0 || mono_ms_between(region->heard, now) > 0)
		region->heard = now;
	if (wall.ms > region->reported.ms)
		region->reported = wall;
	if (region->state == REGION_SILENT)
		tell(round, wall, region->name, "", "heard", "reports arrive again");
	region->state = REGION_UP;
	judge_region(round, region, report, wall);
	return ROUND_TAKEN;
}

static struct round_agent *
agent_find(struct round_region *region, const char *name)
{
	for (unsigned i = 0; i < region->agent_count; i++)
		if (strcmp(region->agents[i].report->agent, name) == 0)
			return &region->agents[i];
	return NULL;
}

/* A free place, or that of the agent which is silent for the longest: agents that get a new name with each start would
 * fill all places otherwise. NULL: all of them speak. */
static struct round_agent *
agent_slot(const struct round *round, struct round_region *region, struct mono now)
{
	struct round_agent *oldest = &region->agents[0];

	if (region->agent_count < ROUND_AGENTS_MAX)
		return &region->agents[region->agent_count++];
	for (unsigned i = 1; i < region->agent_count; i++)
		if (mono_ms_between(region->agents[i].heard, oldest->heard) > 0)
			oldest = &region->agents[i];
	return mono_ms_between(oldest->heard, now) > patience_ms(round) ? oldest : NULL;
}

static bool
is_news(const struct round *round, struct round_agent *agent, const struct report *report, struct wall wall)
{
	int64_t late_ms = wall.ms - report->time.ms;
	bool alike;

	if (report->sequence <= agent->report->sequence && report->time.ms <= agent->report->time.ms)
		return false;
	if (late_ms - agent->late_ms <= patience_ms(round))
		return true;
	/* In a replay, more time passed between two reports when they were made than when they came. */
	alike = agent->replay_late_ms - late_ms < (report->time.ms - agent->replayed.ms) / 2;
	agent->replay_alike = alike ? agent->replay_alike + 1 : 0;
	agent->replay_late_ms = late_ms;
	agent->replayed = report->time;
	return agent->replay_alike > LATE_ALIKE;
}

/* `news`: the report that has just come, or NULL when only the steering has changed. */
static void
judge_region(struct round *round, struct round_region *region, const struct report *news, struct wall wall)
{
	if (region->agent_count == 0)
		return;
	round->constraints += judge_constraints(round, region);
	judge_capacity(round, region);
	tally_agents(round, region, news);
	for (size_t s = 0; s < round->steering->service_count; s++)
		judge_service(round, region, s, wall);
	update_state(region, round->steering->service_count);
}

/* True when it has changed. A group counts as accepted when every agent that constrains the region names it. */
static bool
judge_constraints(const struct round *round, struct round_region *region)
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

/* What the newest of the agents that speak says, else the steering. */
static void
judge_capacity(const struct round *round, struct round_region *region)
{
	const struct round_agent *newest = NULL;

	for (unsigned i = 0; i < region->agent_count; i++) {
		const struct round_agent *agent = &region->agents[i];

		if (agent->report->capacity > 0 && agent_speaks(round, region, agent)
		    && (newest == NULL || mono_ms_between(newest->heard, agent->heard) >= 0))
			newest = agent;
	}
	region->capacity = newest != NULL ? newest->report->capacity
		: round->steering->regions[region - round->regions].capacity;
}

/* Compared with the region's newest report and not with the clock: so a region that is silent as a whole keeps the last
 * that was known of it. */
static bool
agent_speaks(const struct round *round, const struct round_region *region, const struct round_agent *agent)
{
	return mono_ms_between(agent->heard, region->heard) <= patience_ms(round);
}

static void
tally_agents(struct round *round, const struct round_region *region, const struct report *news)
{
	for (size_t s = 0; s < round->steering->service_count; s++)
		round->tallies[s] = (struct tally){ .load = NAN, .detail = "" };
	for (unsigned a = 0; a < region->agent_count; a++) {
		const struct report *report = region->agents[a].report;
		bool speaks = agent_speaks(round, region, &region->agents[a]);

		tally_backends(round, report, speaks, report == news);
		if (speaks)
			tally_loads(round, report);
	}
}

static void
tally_backends(struct round *round, const struct report *report, bool speaks, bool news)
{
	struct tally *tally = NULL;

	for (size_t i = 0; i < report->backend_count; i++) {
		const struct report_backend *backend = &report->backends[i];

		/* Agents list their backends service by service. */
		if (i == 0 || strcmp(backend->service, report->backends[i - 1].service) != 0)
			tally = tally_of(round, backend->service);
		if (tally == NULL)
			continue;
		if (!speaks) {
			tally->by_silent = true;
			continue;
		}
		tally->backends++;
		tally->healthy += backend->healthy;
		tally->good_news |= news && backend->healthy;
		if (!backend->healthy)
			tally->detail = backend->detail;
	}
}

static void
tally_loads(struct round *round, const struct report *report)
{
	for (size_t i = 0; i < report->load_count; i++) {
		struct tally *tally = tally_of(round, report->loads[i].service);

		if (tally != NULL)
			tally->load = (isnan(tally->load) ? 0 : tally->load) + report->loads[i].requests_per_second;
	}
}

/* NULL: the steering has no such service. */
static struct tally *
tally_of(struct round *round, const char *name)
{
	const struct steering_service *service = steering_service_find(round->steering, name);

	return service == NULL ? NULL : &round->tallies[service - round->steering->services];
}

static void
judge_service(struct round *round, struct round_region *region, size_t service, struct wall wall)
{
	const struct tally *tally = &round->tallies[service];
	struct round_service *s = &region->services[service];
	char cause[sizeof(s->cause)];

	s->healthy = tally->healthy;
	s->backends = tally->backends;
	s->load = tally->load;
	s->reported = tally->backends > 0;
	if (region->state == REGION_SILENT)
		return;
	if (!s->reported) {
		if (!tally->by_silent && round->steering->services[service].probe == PROBE_NONE)
			set_dead(round, region, service, false, "no report speaks of it any more", wall);
		return;
	}
	s->failed_probes = 0;
	if (s->healthy == 0) {
		snprintf(cause, sizeof(cause), "none of %u backends is healthy%s%s", s->backends,
		    *tally->detail != '\0' ? ": " : "", tally->detail);
		s->good_in_a_row = 0;
		set_dead(round, region, service, true, cause, wall);
	} else if (s->dead && tally->good_news && ++s->good_in_a_row >= ROUND_RISE) {
		snprintf(cause, sizeof(cause), "%u of %u backends are healthy", s->healthy, s->backends);
		set_dead(round, region, service, false, cause, wall);
	}
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
	if (s->dead || ++s->failed_probes >= ROUND_PROBE_FALL) {
		snprintf(cause, sizeof(cause), "%s, and the outside-in probe fails: %s",
		    region->state == REGION_SILENT ? "no reports"
		    : region->state == REGION_UNKNOWN ? "no agent was heard" : "no report speaks of it", detail);
		set_dead(round, region, service, true, cause, wall);
	}
}

bool
round_wants_probe(const struct round *round, region_id id, size_t service)
{
	const struct round_region *region = &round->regions[id];

	if (round->steering->services[service].probe == PROBE_NONE)
		return false;
	return region->state == REGION_SILENT || region->state == REGION_UNKNOWN || !region->services[service].reported;
}

/* --- overrides, predictions, time ---------------------------------------------------------------------------- */

void
round_overrides(struct round *round, const struct override *overrides, size_t count, struct wall wall)
{
	for (size_t r = 0; r < round->region_count; r++) {
		struct round_region *region = &round->regions[r];
		double least = 1;
		const char *reason = "";

		for (size_t i = 0; i < count; i++)
			if (strcmp(overrides[i].kind, "drain") == 0 && strcmp(overrides[i].region, region->name) == 0
			    && is_in_force(&overrides[i], wall) && overrides[i].value < least) {
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

static bool
is_in_force(const struct override *override, struct wall wall)
{
	return override->from.ms <= wall.ms && (override->until.ms == 0 || override->until.ms > wall.ms);
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
	int64_t patience = patience_ms(round);
	char cause[80];

	for (size_t r = 0; r < round->region_count; r++) {
		struct round_region *region = &round->regions[r];

		expire_prediction(region, wall);
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

static int64_t
patience_ms(const struct round *round)
{
	return (int64_t)round->steering->health_check_interval_ms * ROUND_SILENT_AFTER;
}

/* It spoke of a failure within the horizon. When that is over and no other has come, nothing is known any more. */
static void
expire_prediction(struct round_region *region, struct wall wall)
{
	if ((isnan(region->probability) && isnan(region->load_forecast))
	    || wall.ms - region->predicted.ms <= (int64_t)region->horizon_s * 1000)
		return;
	region->probability = region->load_forecast = NAN;
	snprintf(region->no_prediction, sizeof(region->no_prediction),
	    "the last prediction is older than its horizon of %u s",
	    region->horizon_s);
}

/* --- what queries see ---------------------------------------------------------------------------------------- */

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
			admit admitted = (admit)(region->drained_to * ADMIT_ALL + 0.5);

			/* Only what changes is stored: the workers read these words all the time. */
			if (live_is_dead(service->live, r) != region->services[s].dead)
				live_set_dead(service->live, r, region->services[s].dead);
			if (live_admit(service->live, r) != admitted)
				live_set_admit(service->live, r, admitted);
			if (is_unsettled(region, s))
				cap = service->intent->ttl_min;
		}
		if (atomic_load_explicit(&service->live->ttl_cap, memory_order_relaxed) != cap)
			atomic_store_explicit(&service->live->ttl_cap, cap, memory_order_relaxed);
	}
}

/* True while the answer may have to change soon: then it shouldn't be kept for long. What is dead is settled until it
 * begins to come back. */
static bool
is_unsettled(const struct round_region *region, size_t service)
{
	const struct round_service *s = &region->services[service];

	if (s->dead)
		return s->good_in_a_row > 0;
	return s->failed_probes > 0 || region->state == REGION_SILENT
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
