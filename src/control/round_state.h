/* round_state.h -- what the files of the round share (round.c lists them). Private to them. */
#ifndef ISOBAR_CONTROL_ROUND_STATE_H
#define ISOBAR_CONTROL_ROUND_STATE_H

#include "control/round.h"

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
	struct tally *tallies;			/* by service: room for round_judge() */
	unsigned constraints;			/* changes of what regions accept */
	struct mono now;			/* of the newest report, tick or steering */
	round_event_fn *event;
	void *arg;
};

/* round.c */
void round_tell(struct round *round, struct wall at, const char *region, const char *service, const char *state,
	const char *cause) NONNULL;

/* round_agents.c */
int64_t round_patience_ms(const struct round *round) NONNULL;	/* without a report: then a region is silent */
/* Compared with the region's newest report and not with the clock: so a region that is silent as a whole keeps the last
 * that was known of it. */
bool round_agent_speaks(const struct round *round, const struct round_region *region, const struct round_agent *agent)
	NONNULL;
bool round_agents_accept(const struct round_region *region, const char *group) NONNULL;
/* True when it has changed. A group counts as accepted when every agent that constrains the region names it. */
bool round_judge_constraints(const struct round *round, struct round_region *region) NONNULL;
void round_judge_capacity(const struct round *round, struct round_region *region) NONNULL;

/* round_health.c. `news`: the report that has just come, or NULL when only the steering has changed. */
void round_judge(struct round *round, struct round_region *region, const struct report *news, struct wall wall)
	__attribute__((nonnull(1, 2)));
void round_set_dead(struct round *round, struct round_region *region, size_t service, bool dead, const char *cause,
	struct wall wall) NONNULL;

/* The time may have gone on: now is the later of both. */
static inline void
round_pass(struct round *round, struct mono now)
{
	if (mono_ms_between(round->now, now) > 0)
		round->now = now;
}

/* round_recovery.c */
void round_died(struct round *round, size_t service, struct round_service *s) NONNULL;
/* Alive again: at the first step of its return, or whole. */
void round_returns(struct round *round, const struct round_region *region, size_t service) NONNULL;
/* Well for long enough, and held down no more: it may be alive again. */
bool round_may_return(const struct round *round, const struct round_region *region, size_t service) NONNULL;
void round_recover(struct round *round, struct round_region *region, struct wall wall) NONNULL;	/* time passes */

/* round_outlook.c */
void round_expire(struct round_region *region, struct wall wall) NONNULL;	/* predictions that are over */

/* round_silence.c */
void round_hear_silence(struct round *round, struct round_region *region, struct mono now, struct wall wall) NONNULL;

#endif
