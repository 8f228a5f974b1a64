/* publish.h -- from a world and a plan to what queries see: compile, certify, exchange the pointer, retire the old.
 * The only caller of server_publish(). Threads: control. */
#ifndef ISOBAR_CONTROL_PUBLISH_H
#define ISOBAR_CONTROL_PUBLISH_H

#include "base/contract.h"
#include "base/text.h"
#include "certificate/certificate.h"
#include "control/round.h"
#include "control/world.h"
#include "packing/compile.h"
#include "plan/plan.h"
#include "serve/server.h"

struct publisher {
	struct server *server;			/* NULL until the workers run */
	struct snapshot *current;		/* NULL before the first */
	struct geo_file *geo;			/* of the current snapshot */
	struct leases *leases;			/* of zones that come from primaries; or NULL: none do */
	struct demand *demand;			/* that its tables were packed by; NULL: none was known */
	struct meter *meter;			/* that reads workers' counters, also of what is retired; or NULL */
	uint64_t epoch;				/* of the newest */
	unsigned constraints;			/* round_constraints() that the current one was built with */
	struct certificate *certificate;	/* of what is in service; certify_keep() keeps it true. NULL before the
						 * first */
	struct mono certified;			/* when */
	struct region_set lost;			/* with these dead */
	unsigned worker_count;
	struct answered { char *service, *region; uint64_t count; } *answered;	/* of retired snapshots; sorted */
	size_t answered_count;
	uint64_t checked, violations;		/* of retired snapshots */
	/* Or NULL: sees both when workers see the new one and the old one is still there; `old` may be NULL. */
	void (*published)(void *arg, const struct snapshot *old, const struct snapshot *now);
	void *published_arg;
};

/* What would be published, built and certified but not seen by anybody. */
struct candidate {
	struct snapshot *snapshot;
	struct geo_file *geo;
	struct demand *demand;			/* NULL: that of the publisher goes on */
	unsigned constraints;
	struct certificate *certificate;
	double *moved;				/* by service of the snapshot */
};

/* What the regions accept (the round knows) narrows the world's residency, and the plan is cut to that. `demand` is
 * taken, unless false is returned; NULL: tables go on being packed by that of what is in service, and move nobody for
 * its sake.
 * False with the reason in `why`: out of memory, or the certificate's refusal of what may not be answered or isn't what
 * the plan says. Tables that merely overload are built, and candidate->certificate isn't good: whether something better
 * is in service is for the caller to judge. */
bool publish_build(const struct publisher *publisher, const struct world *world, const struct round *round,
	const struct plan *plan, struct demand *demand, struct candidate *candidate, struct text *why)
	__attribute__((nonnull(1, 2, 3, 6, 7))) MUST_USE;
void candidate_fini(struct candidate *candidate) NONNULL;

/* The round adopts the steering, its words are written, then workers see the candidate, which is consumed.
 * 0 or -ENOMEM: nothing has changed then. */
int publish_commit(struct publisher *publisher, struct candidate *candidate, struct round *round, struct mono now,
	struct wall wall) NONNULL MUST_USE;

/* Answers given for (service, region) by all snapshots so far. */
uint64_t publish_answers(const struct publisher *publisher, const char *service, const char *region) NONNULL;
/* Answers of all snapshots so far that were held against the law, and those outside of it. */
void publish_lawful(const struct publisher *publisher, uint64_t *checked, uint64_t *violations) NONNULL;
void publisher_fini(struct publisher *publisher) NONNULL;	/* after the server has stopped */

#endif
