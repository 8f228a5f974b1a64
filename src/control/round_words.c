/* round_words.c -- drains in force, and the live words that queries see.
 * In: overrides, the round's verdicts.  Out: admit and dead words, TTL caps.  Threads: control. */
#include "control/round_state.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "control/drain.h"

static double least_share(const struct override *overrides, size_t count, const char *region, const char *service,
	struct wall wall, const char **reason);
static void note_drain(struct round *round, const char *region, const char *service, double was, double is,
	const char *reason, struct wall wall);
static bool is_unsettled(const struct round *round, const struct round_region *region, size_t service);

void
round_overrides(struct round *round, const struct override *overrides, size_t count, struct wall wall)
{
	for (size_t r = 0; r < round->region_count; r++) {
		struct round_region *region = &round->regions[r];
		const char *reason = "";
		double share = least_share(overrides, count, region->name, "", wall, &reason);

		note_drain(round, region->name, "", region->drained_to, share, reason, wall);
		region->drained_to = share;
		for (size_t s = 0; s < round->steering->service_count; s++) {
			const char *service = round->steering->services[s].name;

			share = least_share(overrides, count, region->name, service, wall, &reason);
			note_drain(round, region->name, service, region->services[s].drained_to, share, reason, wall);
			region->services[s].drained_to = share;
		}
	}
}

static double
least_share(const struct override *overrides, size_t count, const char *region, const char *service, struct wall wall,
	const char **reason)
{
	double least = 1;

	for (size_t i = 0; i < count; i++) {
		const struct override *o = &overrides[i];
		double share = 1;

		if (strcmp(o->region, region) == 0 && strcmp(o->service, service) == 0)
			share = drain_share(o, wall);
		if (share < least) {
			least = share;
			*reason = o->reason;
		}
	}
	return least;
}

static void
note_drain(struct round *round, const char *region, const char *service, double was, double is, const char *reason,
	struct wall wall)
{
	if (is < 1 && was == 1)
		round_tell(round, wall, region, service, "drained", reason);
	else if (is == 1 && was < 1)
		round_tell(round, wall, region, service, "undrained", "no drain is in force any more");
}

double
round_admits(const struct round *round, region_id id, size_t service)
{
	const struct round_region *region = &round->regions[id];

	return fmin(fmin(region->drained_to, region->services[service].drained_to),
	    round_return_admits(round, id, service));
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
			admit admitted = (admit)(round_admits(round, r, s) * ADMIT_ALL + 0.5);

			/* Only what changes is stored: the workers read these words all the time. */
			if (live_is_dead(service->live, r) != region->services[s].dead)
				live_set_dead(service->live, r, region->services[s].dead);
			if (live_admit(service->live, r) != admitted)
				live_set_admit(service->live, r, admitted);
			if (is_unsettled(round, region, s))
				cap = service->intent->ttl_min;
		}
		if (atomic_load_explicit(&service->live->ttl_cap, memory_order_relaxed) != cap)
			atomic_store_explicit(&service->live->ttl_cap, cap, memory_order_relaxed);
	}
}

/* True while the answer may have to change soon: then it shouldn't be kept for long. What is dead is settled until it
 * begins to come back, and while it's held down for longer than an answer lasts. */
static bool
is_unsettled(const struct round *round, const struct round_region *region, size_t service)
{
	const struct round_service *s = &region->services[service];
	struct mono held_until = round_held_until(round, (region_id)(region - round->regions), service);
	int64_t ttl_ms = (int64_t)round->steering->services[service].ttl_max * 1000;

	if (s->dead)
		return s->good_in_a_row > 0
		    && (held_until.ns == 0 || mono_ms_between(round->now, held_until) <= ttl_ms);
	return s->failed_probes > 0 || s->returning || region->state == REGION_SILENT
	    || (round->steering->prediction == PREDICTION_ON && region->probability >= ROUND_UNSETTLED_PROBABILITY);
}
