/* shape.h -- how the questions of one demand group lie over its slots, as counts that fade.
 * Threads: one. */
#ifndef ISOBAR_ESTIMATE_SHAPE_H
#define ISOBAR_ESTIMATE_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"

struct shape {
	uint16_t group;
	uint8_t country;	/* of the demand group */
	uint32_t count;		/* slots: a power of two, or any where the table had so */
	float *counts;		/* questions, fading */
	float *factors;		/* what regions' reports say of each slot, 1: nothing */
};

/* Zero counts. False: out of memory; nothing to be freed then. */
bool shape_init(struct shape *shape, uint16_t group, uint8_t country, uint32_t count) NONNULL MUST_USE;
void shape_fini(struct shape *shape) NONNULL;

/* The table has another size now: slots are halves or doubles of what they were. */
bool shape_resize(struct shape *shape, uint32_t count) NONNULL MUST_USE;

/* What is there is kept to the part `keep`, then these are added. */
void shape_add(struct shape *shape, const uint32_t *questions, double keep) NONNULL;

/* Each slot's share of the group, sum 1, without the questions of keys that stand apart (`apart`, by slot; or NULL).
 * A slot that was asked little says little: it is drawn to the mean as far as chance explains the differences. */
void shape_shares(const struct shape *shape, const float *apart, float *shares) __attribute__((nonnull(1, 3)));

#endif
