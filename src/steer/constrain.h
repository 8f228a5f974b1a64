/* constrain.h -- what the regions themselves accept, laid over what the operator wants. Pure; threads: any. */
#ifndef ISOBAR_STEER_CONSTRAIN_H
#define ISOBAR_STEER_CONSTRAIN_H

#include "base/contract.h"
#include "steer/steering.h"

/* `base` with one more residency rule for every client group that some region doesn't accept. `accepting[g]` are the
 * regions that accept group g. A constraint can only narrow: rules are joined by AND, so a client in several groups
 * must be accepted in each of them. Holds `base`; its names and numbers are the same. NULL: out of memory. */
struct steering *steering_constrain(struct steering *base, const struct region_set *accepting) NONNULL MUST_USE;

#endif
