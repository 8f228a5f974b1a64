/* cut.h -- a plan cut to what is legal now. Pure; threads: any. */
#ifndef ISOBAR_PLAN_CUT_H
#define ISOBAR_PLAN_CUT_H

#include <stdbool.h>

#include "base/contract.h"
#include "base/text.h"
#include "plan/plan.h"

/* Does the plan keep to residency? Else `why` says who is sent where against it. A plan that was made for the law as it
 * is must; one that was made before may be cut. Out of memory: it doesn't. */
bool plan_is_lawful(const struct plan *plan, const struct steering *steering, struct text *why) NONNULL;

/* The plan without the pairs that `steering` forbids, each group's rest scaled to the whole; a forbidden backup is
 * taken off its primary. Groups with nothing left are left out, so that static weights fill them.
 * NULL: out of memory. */
struct plan *plan_cut(const struct plan *plan, const struct steering *steering) NONNULL MUST_USE;

#endif
