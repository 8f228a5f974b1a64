/* zone_settings.h -- how each zone is served, and which zones are transferred in.
 * The one place that knows where such settings come from: all that asks for them asks here, so that a zone may get them
 * otherwise than by a section of its own.
 * Threads: control; reads a world, also one that isn't in service yet. */
#ifndef ISOBAR_CONTROL_ZONE_SETTINGS_H
#define ISOBAR_CONTROL_ZONE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "control/world.h"
#include "steer/steering.h"

/* NULL: nothing is written of it. `apex`: in lower case. Lives as long as the world. */
const struct steering_zone *zone_settings(const struct world *world, const uint8_t *apex) NONNULL;

/* Zones that come from primaries, whether they have come yet or not. */
struct transferred_zone {
	const uint8_t *apex;		/* lower case */
	const struct steering_zone *settings;	/* with one primary at least; its own name may be another */
};

/* In no order; each apex once. The list is in `arena`, what it leads to in the world. How many; SIZE_MAX: out of
 * memory. */
size_t zones_transferred(const struct world *world, struct arena *arena, const struct transferred_zone **list)
	NONNULL MUST_USE;

static inline bool
zone_is_transferred(const struct world *world, const uint8_t *apex)
{
	const struct steering_zone *settings = zone_settings(world, apex);

	return settings != NULL && settings->primary_count > 0;
}

#endif
