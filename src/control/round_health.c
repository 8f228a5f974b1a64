/* round_health.c -- decides which services are dead in a region, from what its agents say.
 * In: the newest report of every agent.  Out: dead or alive, with the cause; health events.  Threads: control.
 *
 * For one (service, region):
 *  1. A report in which no backend of the service is healthy: dead at once. The agent has counted its own failed probes
 *     (rise and fall), so hysteresis on the way down would only add to the outage.
 *  2. Reports that don't mention the service say nothing about it: the outside-in probes count (round_silence.c), and
 *     without a probe it's alive.
 *  3. Back to life only after ROUND_RISE good reports (or probes, while those count) in a row: a region that comes back
 *     for a moment would move its clients twice. A report is good if it has a healthy backend of the service itself.
 *     One that flaps is held down for longer, and all come back by steps (round_recovery.c).
 * Only the region's own clients move, each to its own slot's backup; the tables stay as they are. */
#include "control/round_state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void tally_agents(struct round *round, const struct round_region *region, const struct report *news);
static void tally_backends(struct round *round, const struct report *report, bool speaks, bool news);
static void tally_loads(struct round *round, const struct report *report);
static struct tally *tally_of(struct round *round, const char *name);
static void judge_service(struct round *round, struct round_region *region, size_t service, struct wall wall);
static void update_state(struct round_region *region, size_t services);

void
round_judge(struct round *round, struct round_region *region, const struct report *news, struct wall wall)
{
	if (region->agent_count == 0)
		return;
	round->constraints += round_judge_constraints(round, region);
	round_judge_capacity(round, region);
	tally_agents(round, region, news);
	for (size_t s = 0; s < round->steering->service_count; s++)
		judge_service(round, region, s, wall);
	update_state(region, round->steering->service_count);
}

static void
tally_agents(struct round *round, const struct round_region *region, const struct report *news)
{
	for (size_t s = 0; s < round->steering->service_count; s++)
		round->tallies[s] = (struct tally){ .load = NAN, .detail = "" };
	for (unsigned a = 0; a < region->agent_count; a++) {
		const struct report *report = region->agents[a].report;
		bool speaks = round_agent_speaks(round, region, &region->agents[a]);

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
			round_set_dead(round, region, service, false, "no report speaks of it any more", wall);
		return;
	}
	s->failed_probes = 0;
	if (s->healthy == 0) {
		snprintf(cause, sizeof(cause), "none of %u backends is healthy%s%s", s->backends,
		    *tally->detail != '\0' ? ": " : "", tally->detail);
		s->good_in_a_row = 0;
		round_set_dead(round, region, service, true, cause, wall);
	} else if (s->dead && tally->good_news) {
		s->good_in_a_row++;
		snprintf(cause, sizeof(cause), "%u of %u backends are healthy", s->healthy, s->backends);
		if (round_may_return(round, region, service))
			round_set_dead(round, region, service, false, cause, wall);
	}
}

void
round_set_dead(struct round *round, struct round_region *region, size_t service, bool dead, const char *cause,
	struct wall wall)
{
	struct round_service *s = &region->services[service];

	if (dead)
		snprintf(s->cause, sizeof(s->cause), "%s", cause);
	if (s->dead == dead)
		return;
	s->dead = dead;
	s->good_in_a_row = s->failed_probes = 0;
	if (dead) {
		round_died(round, service, s);
	} else {
		s->cause[0] = '\0';
		round_returns(round, region, service);
	}
	round_tell(round, wall, region->name, round->steering->services[service].name, dead ? "down" : "up", cause);
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
