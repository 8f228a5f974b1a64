/* certificate.h -- the check between a plan and its publication: from the compiled tables, not from what the planner
 * meant. Shares no code with whatever made the tables. Pure; threads: any. */
#ifndef ISOBAR_PLAN_CERTIFICATE_H
#define ISOBAR_PLAN_CERTIFICATE_H

#include <stdbool.h>

#include "base/contract.h"
#include "base/text.h"
#include "plan/plan.h"
#include "serve/snapshot.h"

/* True when every list of every table holds only regions of its service that residency allows to the table's clients,
 * none twice, none after the end, never an empty list where a legal region exists, no rank beyond all admission, and
 * equal slots where the table says so; and when the slots' shares meet the plan's (`plan` may be NULL): each primary to
 * one slot, each (primary, backup) pair to two, no other pair. Else false, with the first failing check and its numbers
 * in `why`. */
bool certificate_check(const struct snapshot *snapshot, const struct plan *plan, struct text *why)
	__attribute__((nonnull(1, 3))) MUST_USE;

#endif
