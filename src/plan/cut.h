/* cut.h -- a plan cut to what is legal now. Pure; threads: any. */
#ifndef ISOBAR_PLAN_CUT_H
#define ISOBAR_PLAN_CUT_H

#include "base/contract.h"
#include "plan/plan.h"

/* The plan without the pairs that `steering` forbids, each group's rest scaled to the whole; a forbidden backup is
 * taken off its primary. Groups with nothing left are left out, so that static weights fill them.
 * NULL: out of memory. */
struct plan *plan_cut(const struct plan *plan, const struct steering *steering) NONNULL MUST_USE;

#endif
