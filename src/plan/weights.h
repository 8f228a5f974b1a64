/* weights.h -- static weights of a service: for policies that know nothing else, and as the target of the planner.
 * Pure; threads: any. */
#ifndef ISOBAR_PLAN_WEIGHTS_H
#define ISOBAR_PLAN_WEIGHTS_H

#include "base/arena.h"
#include "base/contract.h"
#include "plan/plan.h"
#include "steer/steering.h"

#define WEIGHTS_SURVIVAL_LEAST 0.05	/* the model alone never drains a region wholly: it must stay measurable */

/* As steering.yaml has them, in the order of service->regions. */
void weights_static(const struct steering_service *service, double *weights) NONNULL;

/* What is left of a target weight when the region fails with this probability: (1 - p)^2, at least
 * WEIGHTS_SURVIVAL_LEAST; 1 when it isn't known. */
double weights_survival(double p);

/* Weights to pairs within `legal`: x(k, b) = w_k w_b / (1 - w_k), so that on the loss of k its clients follow the
 * others' weights. Zero weights get no share while another legal region has weight; they back up a region that has
 * all of it. All legal weights zero: equal shares. In `arena`; *count pairs, 0 when no region is legal.
 * NULL: out of memory. */
const struct plan_pair *weights_pairs(const struct steering_service *service, const double *weights,
	struct region_set legal, struct arena *arena, size_t *count) NONNULL MUST_USE;

#endif
