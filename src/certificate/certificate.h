/* certificate.h -- the check between a plan and its publication, and what the tables do when regions are lost: from the
 * compiled tables, not from what the planner meant. Shares no code with whatever made them. Pure; threads: any. */
#ifndef ISOBAR_CERTIFICATE_CERTIFICATE_H
#define ISOBAR_CERTIFICATE_CERTIFICATE_H

#include <stdbool.h>

#include "base/contract.h"
#include "base/text.h"
#include "plan/demand.h"
#include "plan/plan.h"
#include "serve/snapshot.h"

#define CERTIFICATE_SLACK 0.005	/* of a capacity: slots are whole */

struct certificate_terms {
	const struct plan *plan;	/* what was meant: demand, limits, overloads that are admitted; or NULL */
	const struct demand *demand;	/* of what the plan doesn't speak of; or NULL */
	const double *capacities;	/* requests/s by region, 0: not known */
	const struct snapshot *present;	/* in service, or NULL: for what would move, and what it does now */
	struct region_set lost;		/* already: all that follows is on top of that */
};

/* One state of the world: nobody lost, one region, or one risk group. */
struct certificate_case {
	const char *lost;		/* "", region or risk group; lives as long as the steering */
	struct region_set regions;
	double *loads;			/* requests/s by region */
	double unserved;		/* requests/s of clients without a live legal region */
};

/* Which check failed. */
enum certificate_fault {
	CERTIFICATE_GOOD,
	CERTIFICATE_LAW,		/* the tables hold what may not be answered, or can't be read as tables */
	CERTIFICATE_SHARES,		/* the tables don't do what the plan says */
	CERTIFICATE_DEMAND,		/* the plan counts on far less demand than there is */
	CERTIFICATE_LOADS,		/* a region would be overloaded. Without a plan that is told and not refused:
					 * static shares are the operator's own, and there is nothing to go back to */
};

struct certificate {
	struct arena *arena;
	bool good;
	enum certificate_fault fault;
	struct text why;		/* the first failing check with its numbers; empty when good */
	size_t case_count;		/* [0]: nobody lost; then each region that some service has; then risk groups */
	const struct certificate_case *cases;
	double *room;			/* by region: the largest part of it that may be drained, others untouched,
					 * 0 .. 1. Drains x are safe while sum(x / room) <= 1: loads are convex in x */
	double moved;			/* share of all demand whose primary changes from `present` */
	double worst_now, worst_lost;	/* load / capacity, the greatest; 0 without known capacities */
	const double *capacities;	/* by region, as they were given */
	double demand;			/* requests/s of everybody whose demand is known */
	double shed;			/* of them, those who get the owner's own records */
	uint64_t violations;		/* lists with a region outside the law: never above 0 when good */
};

/* `capacities` NULL in the terms: none is known.
 * Good when every list of every table holds only regions of its service that residency allows to the table's clients,
 * none twice, none after the end, never an empty list where a legal region exists and the plan sheds nobody, no rank
 * beyond all admission, equal lists where the table says so; when the slots' demand meets the plan's pairs; and when no
 * region's load passes its capacity in any case by more than CERTIFICATE_SLACK, or than what the plan admits to, or
 * than what the tables in service do in that case already. NULL: out of memory. */
struct certificate *certificate_check(const struct snapshot *snapshot, const struct certificate_terms *terms)
	NONNULL MUST_USE;
void certificate_free(struct certificate *certificate);

/* The case and region nearest to overload, or beyond it, as a sentence: "if us-east is lost, eu-west gets 48k
 * requests/s and can bear 50k (0.96)". Nothing when no load or capacity is known. */
void certificate_binding(const struct certificate *certificate, const struct steering *steering, struct text *text)
	NONNULL;

/* What the tables do with these regions lost, these parts (0 .. 1, by region; NULL: none) drained and all demand times
 * `scale`. `loads` [region_count]; returns what is unserved, or NAN: out of memory. For `whatif` and the cases
 * above. */
double certificate_loads(const struct snapshot *snapshot, const struct certificate_terms *terms, struct region_set lost,
	const double *drained, double scale, double *loads) __attribute__((nonnull(1, 2, 6)));

/* --- the same, asked often, and of each service by its own words: for drains ------------------------------------- */

struct load_model;

struct certificate_words {
	struct region_set lost;		/* beside those of the terms */
	double drained[REGIONS_MAX];	/* parts, 0 .. 1 */
};

/* NULL: out of memory. The snapshot must live as long. */
struct load_model *certificate_model(const struct snapshot *snapshot, const struct certificate_terms *terms)
	NONNULL MUST_USE;
/* `words` by service of the snapshot, `loads` [region_count]; returns what is unserved. */
double load_model_words(const struct load_model *model, const struct certificate_words *words, double *loads) NONNULL;
void load_model_free(struct load_model *model);		/* NULL is allowed */

#endif
