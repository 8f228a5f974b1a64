/* round.h -- from what agents, probes and operators say to which regions are dead and how much each admits.
 * A state machine without sockets, clock or store: the daemon and the scenario tests drive it alike.
 * Threads: the control thread. Times are arguments. */
#ifndef ISOBAR_CONTROL_ROUND_H
#define ISOBAR_CONTROL_ROUND_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/contract.h"
#include "report/report.h"
#include "serve/snapshot.h"
#include "steer/steering.h"
#include "store/store.h"

#define ROUND_AGENTS_MAX 8		/* per region; further agents are refused */
#define ROUND_SILENT_AFTER 3		/* health check intervals without a report: the region counts as silent */
#define ROUND_PROBE_FALL 2		/* failed outside-in probes in a row until a silent region is dead */
#define ROUND_RISE 2			/* good reports or probes in a row until a dead region is alive again */
#define ROUND_HORIZONS_MAX 4		/* predictions of further ones are kept in the store only */
#define ROUND_UNSETTLED_PROBABILITY 0.1	/* from here on a region's answers get the service's least TTL */

enum region_state {
	REGION_UNKNOWN,		/* never heard; taken for alive */
	REGION_UP,
	REGION_DOWN,		/* no service has a healthy backend */
	REGION_SILENT,		/* reports stay away; alive until probes say otherwise */
};

/* How one service stands in one region. */
struct round_service {
	bool dead;
	bool reported;			/* agents that speak now have backends of this service */
	unsigned healthy, backends;	/* of the newest reports of all agents */
	unsigned good_in_a_row;		/* reports or probes, while dead */
	unsigned failed_probes;		/* in a row, while alive */
	double load;			/* requests/s, NAN: not reported */
	char cause[160];		/* why dead, "" otherwise */
	double drained_to;		/* the share that drains of this service alone let in */
	/* Coming back from death (round_recovery.c). */
	double flaps;			/* deaths, as they were remembered at the last one */
	struct mono died;
	int64_t hold_ms;		/* from `died`: not alive again before */
	bool returning;			/* alive, and lets in `recovery.steps[step]` */
	size_t step;
	struct mono stepped;		/* when this step's time began to count */
	double step_health;		/* the part of its backends that was healthy then; NAN: not reported */
};

/* One agent's newest report. */
struct round_agent {
	struct report *report;
	struct mono heard;
	int64_t late_ms;		/* from its time to ours, as the two clocks tell it */
	struct wall replayed;		/* the last report that came late: its time, */
	int64_t replay_late_ms;		/* how late, */
	unsigned replay_alike;		/* and how many in a row weren't less late than the one before */
};

/* What was predicted for one horizon. */
struct round_outlook {
	uint32_t horizon_s;
	struct wall at;
	double probability, probability_low, probability_high;	/* NAN: none */
	double load, load_low, load_high;			/* requests/s; NAN: none */
	char reason[128];		/* why there is no probability, or "" */
	double anomaly_rank;		/* how odd the region was then; NAN: no rank */
	char no_rank[128];		/* why there is none, or "" */
};

struct round_region {
	char *name;
	enum region_state state;
	unsigned agent_count;
	struct round_agent agents[ROUND_AGENTS_MAX];
	struct wall reported;		/* newest report; .ms 0: never */
	struct mono heard;
	double capacity;		/* reported, else of the steering; 0: unknown */
	bool constrained;		/* its agents accept only some client groups */
	bool *accepts;			/* by client group of the present steering */
	double drained_to;		/* the share that drains of the whole region let in: 1 all, 0 none */
	struct round_outlook outlooks[ROUND_HORIZONS_MAX];	/* by horizon, the shortest first */
	size_t outlook_count;
	/* Of them the one nearest to ten minutes: what is shown, and what the TTL depends on. */
	double probability;		/* NAN: no prediction */
	double load_forecast;		/* NAN: none */
	uint32_t horizon_s;
	char no_prediction[128];	/* why there is none */
	double anomaly_rank;		/* how odd the region was, 0 .. 1; NAN: no rank. Advice alone */
	char no_rank[128];		/* why there is none */
	struct wall predicted;
	struct round_service *services;	/* by service index of the present steering */
};

struct round;

typedef void round_event_fn(void *arg, const struct health_event *event);

struct round *round_new(round_event_fn *event, void *arg) __attribute__((nonnull(1))) MUST_USE;
void round_free(struct round *round);

/* The steering in force from here on (held). Regions and services are matched by name; what is known is kept.
 * 0 or -ENOMEM. */
int round_adopt(struct round *round, struct steering *steering, struct mono now, struct wall wall) NONNULL MUST_USE;

enum round_verdict { ROUND_TAKEN, ROUND_OLD, ROUND_UNKNOWN_REGION, ROUND_TOO_MANY_AGENTS };

/* ROUND_TAKEN: the report is the round's now. ROUND_OLD: older than the newest known of that agent, or spooled and
 * late: samples, not state; the caller keeps it, as in all other cases. `wall` is the time of receipt, `now` the
 * same. */
enum round_verdict round_report(struct round *round, struct report *report, struct mono now, struct wall wall)
	NONNULL MUST_USE;

/* The result of an outside-in probe of (region, service). */
void round_probe(struct round *round, region_id region, size_t service, bool healthy, const char *detail,
	struct wall wall) NONNULL;
bool round_wants_probe(const struct round *round, region_id region, size_t service) NONNULL;

/* For each client group the regions that accept it; false when all accept all. `accepting` has room for the groups of
 * the steering, which may be one that is to be adopted next: groups are matched by name. */
bool round_accepting(const struct round *round, const struct steering *steering, struct region_set *accepting) NONNULL;

/* Counts up with every change of what regions accept: then the residency must be compiled anew. */
unsigned round_constraints(const struct round *round) NONNULL;

/* All overrides there are: of the drains and drills in force now the one that lets in least counts (drain.h). */
void round_overrides(struct round *round, const struct override *overrides, size_t count, struct wall wall)
	__attribute__((nonnull(1)));

/* A "down" or "up" of the time before a restart, by time: what was dead is dead, what was returning is, and what
 * flapped is remembered. Before the reports; then round_recalled(), when they are there. No events come of it. */
void round_recall(struct round *round, const struct health_event *event, struct mono now, struct wall wall) NONNULL;
void round_recalled(struct round *round) NONNULL;

/* Of one that serves; shadows change nothing. */
void round_predict(struct round *round, const struct prediction *prediction) NONNULL;

/* Time passes: silence is noticed here, and predictions that have expired. */
void round_tick(struct round *round, struct mono now, struct wall wall) NONNULL;

/* The share of its own clients that the region lets in for the service on its way back from death; 1: it isn't on
 * it. */
double round_return_admits(const struct round *round, region_id region, size_t service) NONNULL;
/* The least of that and of what its drains let in. */
double round_admits(const struct round *round, region_id region, size_t service) NONNULL;

/* Until when it's held down, dead though it's well; .ns 0: it isn't. */
struct mono round_held_until(const struct round *round, region_id region, size_t service) NONNULL;

/* Writes the live words of every service of the snapshot, which was built from the adopted steering. */
void round_write(const struct round *round, const struct snapshot *snapshot) NONNULL;

/* For views. */
const struct steering *round_steering(const struct round *round) NONNULL;
const struct round_region *round_region(const struct round *round, region_id region) NONNULL;
const char *region_state_text(enum region_state state);

#endif
