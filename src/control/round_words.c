/* round_words.c -- drains in force, and the live words that queries see.
 * In: overrides, the round's verdicts.  Out: admit and dead words, TTL caps.  Threads: control. */
#include "control/round_state.h"

#include <assert.h>
#include <string.h>

static bool is_in_force(const struct override *override, struct wall wall);
static bool is_unsettled(const struct round_region *region, size_t service);

void
round_overrides(struct round *round, const struct override *overrides, size_t count, struct wall wall)
{
	for (size_t r = 0; r < round->region_count; r++) {
		struct round_region *region = &round->regions[r];
		double least = 1;
		const char *reason = "";

		for (size_t i = 0; i < count; i++)
			if (strcmp(overrides[i].kind, "drain") == 0 && strcmp(overrides[i].region, region->name) == 0
			    && is_in_force(&overrides[i], wall) && overrides[i].value < least) {
				least = overrides[i].value;
				reason = overrides[i].reason;
			}
		if (least < 1 && region->drained_to == 1)
			round_tell(round, wall, region->name, "", "drained", reason);
		else if (least == 1 && region->drained_to < 1)
			round_tell(round, wall, region->name, "", "undrained", "no drain is in force any more");
		region->drained_to = least;
	}
}

static bool
is_in_force(const struct override *override, struct wall wall)
{
	return override->from.ms <= wall.ms && (override->until.ms == 0 || override->until.ms > wall.ms);
}

void
round_write(const struct round *round, const struct snapshot *snapshot)
{
	assert(snapshot->service_count == round->steering->service_count);
	for (size_t s = 0; s < snapshot->service_count; s++) {
		const struct service *service = &snapshot->services[s];
		uint32_t cap = 0;

		for (size_t i = 0; i < service->order_count; i++) {
			region_id r = service->order[i];
			const struct round_region *region = &round->regions[r];
			admit admitted = (admit)(region->drained_to * ADMIT_ALL + 0.5);

			/* Only what changes is stored: the workers read these words all the time. */
			if (live_is_dead(service->live, r) != region->services[s].dead)
				live_set_dead(service->live, r, region->services[s].dead);
			if (live_admit(service->live, r) != admitted)
				live_set_admit(service->live, r, admitted);
			if (is_unsettled(region, s))
				cap = service->intent->ttl_min;
		}
		if (atomic_load_explicit(&service->live->ttl_cap, memory_order_relaxed) != cap)
			atomic_store_explicit(&service->live->ttl_cap, cap, memory_order_relaxed);
	}
}

/* True while the answer may have to change soon: then it shouldn't be kept for long. What is dead is settled until it
 * begins to come back. */
static bool
is_unsettled(const struct round_region *region, size_t service)
{
	const struct round_service *s = &region->services[service];

	if (s->dead)
		return s->good_in_a_row > 0;
	return s->failed_probes > 0 || region->state == REGION_SILENT
	    || region->probability >= ROUND_UNSETTLED_PROBABILITY;
}
