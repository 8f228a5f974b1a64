/* optimum.h -- how far a world can be filled at all. Pure; threads: one. */
#ifndef ISOBAR_TESTS_SIM_OPTIMUM_H
#define ISOBAR_TESTS_SIM_OPTIMUM_H

#include "globe.h"

/* By hour of the day, every `hour_step` of them, demand over the capacity of all regions; the rest is left alone. */
void optimum_find(const struct globe *globe, unsigned hour_step, double *optimum) NONNULL;

#endif
