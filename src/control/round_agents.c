/* round_agents.c -- what a region's agents say: which report is news, and what several agents mean together.
 * In: reports.  Out: the newest of each agent; the groups that the region accepts, and its capacity.  Threads: control.
 *
 * Several agents of a region are taken together. One that is silent while others speak doesn't count: its backends may
 * be dead since. What it said of residency still does, for law doesn't end with a process.
 *
 * Which report is an agent's newest: the one with the higher sequence or the later time (as store_report_put() has it,
 * so that both agree after a restart), and that isn't late. After an outage of ours an agent sends what it has spooled,
 * in order: a replay of the past, in which the region would die and rise again. A report is late when it took longer to
 * get here than the agent's last one by more than the time after which a region counts as silent. A clock that was set
 * back looks the same at first; but in a replay each report is less late than the one before, so after LATE_ALIKE that
 * aren't, the next is live. */
#include "control/round_state.h"

#include <string.h>

#define LATE_ALIKE 3	/* fewer: a replay with gaps is taken for live; more: silence after a clock was set */

static struct round_agent *agent_find(struct round_region *region, const char *name);
static struct round_agent *agent_slot(const struct round *round, struct round_region *region, struct mono now);
static bool is_news(const struct round *round, struct round_agent *agent, const struct report *report,
	struct wall wall);

enum round_verdict
round_report(struct round *round, struct report *report, struct mono now, struct wall wall)
{
	region_id id = steering_region_find(round->steering, report->region);
	struct round_region *region;
	struct round_agent *agent;

	round_pass(round, now);
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
		round_tell(round, wall, region->name, "", "heard", "reports arrive again");
	region->state = REGION_UP;
	round_judge(round, region, report, wall);
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
	return mono_ms_between(oldest->heard, now) > round_patience_ms(round) ? oldest : NULL;
}

static bool
is_news(const struct round *round, struct round_agent *agent, const struct report *report, struct wall wall)
{
	int64_t late_ms = wall.ms - report->time.ms;
	bool alike;

	if (report->sequence <= agent->report->sequence && report->time.ms <= agent->report->time.ms)
		return false;
	if (late_ms - agent->late_ms <= round_patience_ms(round))
		return true;
	/* In a replay, more time passed between two reports when they were made than when they came. */
	alike = agent->replay_late_ms - late_ms < (report->time.ms - agent->replayed.ms) / 2;
	agent->replay_alike = alike ? agent->replay_alike + 1 : 0;
	agent->replay_late_ms = late_ms;
	agent->replayed = report->time;
	return agent->replay_alike > LATE_ALIKE;
}

bool
round_agent_speaks(const struct round *round, const struct round_region *region, const struct round_agent *agent)
{
	return mono_ms_between(agent->heard, region->heard) <= round_patience_ms(round);
}

int64_t
round_patience_ms(const struct round *round)
{
	return (int64_t)round->steering->health_check_interval_ms * ROUND_SILENT_AFTER;
}

bool
round_judge_constraints(const struct round *round, struct round_region *region)
{
	bool changed = false;

	region->constrained = false;
	for (unsigned i = 0; i < region->agent_count; i++)
		region->constrained |= region->agents[i].report->constrained;
	for (size_t g = 0; g < round->steering->group_count; g++) {
		bool accepted = round_agents_accept(region, round->steering->groups[g].name);

		changed |= accepted != region->accepts[g];
		region->accepts[g] = accepted;
	}
	return changed;
}

bool
round_agents_accept(const struct round_region *region, const char *group)
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
			if (!round_agents_accept(&round->regions[r], steering->groups[g].name))
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
void
round_judge_capacity(const struct round *round, struct round_region *region)
{
	const struct round_agent *newest = NULL;

	for (unsigned i = 0; i < region->agent_count; i++) {
		const struct round_agent *agent = &region->agents[i];

		if (agent->report->capacity > 0 && round_agent_speaks(round, region, agent)
		    && (newest == NULL || mono_ms_between(newest->heard, agent->heard) >= 0))
			newest = agent;
	}
	region->capacity = newest != NULL ? newest->report->capacity
		: round->steering->regions[region - round->regions].capacity;
}
