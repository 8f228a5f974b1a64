/* round_recovery.c -- how a region that was dead comes back: not at once when it flaps, and by steps.
 * In: deaths, time, reports.  Out: how long a service is held down in a region, and what it lets in after.
 * Threads: control.
 *
 * For one (service, region):
 *  1. Each death counts one, and is forgotten by half every half-life. The first is free: a region that has died and is
 *     well again comes back. With the second that's still remembered (FLAPPING) it's held down from the death on, for
 *     the hold-down time (which is at least three times the highest TTL: before that most clients haven't even left),
 *     twice as long with every further death, and for HOLD_MOST_MS at most: longer is an operator's decision.
 *  2. It isn't held down where some clients may be sent nowhere else that lives: law leaves them no better place.
 *  3. It takes its own clients back by steps: caches are cold there, connection pools empty, and what killed it may be
 *     the load. Who comes at a step stays; nobody is moved twice. As backup of others it serves whole at once, for the
 *     alternative is nobody.
 *  4. A step lasts until the answers of the step before have run out and a report of what came of them has arrived
 *     (highest TTL and a health check interval), all of this time without a failed probe, without silence that no probe
 *     fills, and without fewer healthy backends than at the step's begin: else its time counts anew.
 *  5. While another region of the service is beyond its capacity, a step lasts only one health check interval: that one
 *     needs the help more than this one needs the rest.
 *  6. When no other region of the service is alive, it takes everything at once.
 * Considered: a ramp that rises with every tick. It would be as slow, and each of its steps too short to be judged. */
#include "control/round_state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FLAPPING 1.5			/* deaths remembered: two, of which the first not older than one half-life */
#define HOLD_MOST_MS INT64_C(3600000)
#define TTL_OTHERWISE_S 60		/* where neither steering nor we know that of the records */

static int64_t longest_answer_ms(const struct round *round, size_t service);
static int64_t step_ms(const struct round *round, const struct round_region *region, size_t service);
static bool is_held(const struct round *round, const struct round_region *region, size_t service);
static bool is_last_resort(const struct round *round, const struct round_region *region, size_t service);
static bool lives_elsewhere(const struct round *round, const struct round_region *region, size_t service,
	const struct region_set *legal);
static bool other_is_full(const struct round *round, const struct round_region *region, size_t service);
static void return_on(struct round *round, struct round_region *region, size_t service, struct wall wall);
static bool is_well(const struct round *round, struct round_region *region, size_t service);
static double health_of(const struct round_service *s);

void
round_died(struct round *round, size_t service, struct round_service *s)
{
	const struct recovery *recovery = &round->steering->recovery;
	int64_t least_ms = 3 * longest_answer_ms(round, service);

	s->returning = false;
	if (recovery->hold_down_ms == 0) {
		s->hold_ms = 0;
		return;
	}
	if (recovery->hold_down_ms > least_ms)
		least_ms = recovery->hold_down_ms;
	s->flaps = 1 + s->flaps * exp2(-(double)mono_ms_between(s->died, round->now) / recovery->half_life_ms);
	s->died = round->now;
	s->hold_ms = s->flaps < FLAPPING ? 0
		: (int64_t)fmin((double)least_ms * exp2(fmax(s->flaps - 2, 0)), HOLD_MOST_MS);
}

static int64_t
longest_answer_ms(const struct round *round, size_t service)
{
	uint32_t ttl = round->steering->services[service].ttl_max;

	return (int64_t)(ttl == 0 ? TTL_OTHERWISE_S : ttl) * 1000;
}

bool
round_may_return(const struct round *round, const struct round_region *region, size_t service)
{
	const struct round_service *s = &region->services[service];

	return s->dead && s->good_in_a_row >= ROUND_RISE && !is_held(round, region, service);
}

static bool
is_held(const struct round *round, const struct round_region *region, size_t service)
{
	const struct round_service *s = &region->services[service];

	return s->dead && mono_ms_between(s->died, round->now) < s->hold_ms && !is_last_resort(round, region, service);
}

/* For some client group no other region is alive where it may be sent. */
static bool
is_last_resort(const struct round *round, const struct round_region *region, size_t service)
{
	const struct steering_service *intent = &round->steering->services[service];

	for (uint16_t g = 0; g < round->steering->group_count; g++) {
		struct region_set legal = steering_legal(intent, &g, 1);

		if (region_set_has(&legal, (region_id)(region - round->regions))
		    && !lives_elsewhere(round, region, service, &legal))
			return true;
		if (intent->rule_count == 0)
			break;	/* all groups are alike */
	}
	return false;
}

/* In one of `legal`, or in any when that's NULL. */
static bool
lives_elsewhere(const struct round *round, const struct round_region *region, size_t service,
	const struct region_set *legal)
{
	const struct steering_service *intent = &round->steering->services[service];

	for (size_t i = 0; i < intent->region_count; i++) {
		region_id r = intent->regions[i].region;

		if (&round->regions[r] != region && (legal == NULL || region_set_has(legal, r))
		    && !round->regions[r].services[service].dead)
			return true;
	}
	return false;
}

struct mono
round_held_until(const struct round *round, region_id id, size_t service)
{
	const struct round_region *region = &round->regions[id];
	const struct round_service *s = &region->services[service];

	return is_held(round, region, service) ? mono_add_ms(s->died, s->hold_ms) : (struct mono){ 0 };
}

void
round_returns(struct round *round, const struct round_region *region, size_t service)
{
	struct round_service *s = &round->regions[region - round->regions].services[service];

	s->returning = round->steering->recovery.step_count > 0 && lives_elsewhere(round, region, service, NULL);
	s->step = 0;
	s->stepped = round->now;
	s->step_health = health_of(s);
}

double
round_return_admits(const struct round *round, region_id region, size_t service)
{
	const struct round_service *s = &round->regions[region].services[service];

	return s->returning && s->step < round->steering->recovery.step_count
		? round->steering->recovery.steps[s->step] : 1;
}

/* Whoever was held down comes back as soon as the time is over; whoever returns takes the next step. */
void
round_recover(struct round *round, struct round_region *region, struct wall wall)
{
	for (size_t s = 0; s < round->steering->service_count; s++) {
		if (round_may_return(round, region, s))
			round_set_dead(round, region, s, false, "well again, and held down for long enough", wall);
		else if (region->services[s].returning)
			return_on(round, region, s, wall);
	}
}

static void
return_on(struct round *round, struct round_region *region, size_t service, struct wall wall)
{
	struct round_service *s = &region->services[service];
	size_t count = round->steering->recovery.step_count;
	int64_t wait_ms = step_ms(round, region, service);

	if (!is_well(round, region, service)) {
		s->stepped = round->now;
		s->step_health = health_of(s);
		return;
	}
	/* After a restart several at once. */
	while (s->step < count && mono_ms_between(s->stepped, round->now) >= wait_ms) {
		s->stepped = mono_add_ms(s->stepped, wait_ms);
		s->step_health = health_of(s);
		s->step++;
	}
	if (s->step < count && lives_elsewhere(round, region, service, NULL))
		return;
	s->returning = false;
	round_tell(round, wall, region->name, round->steering->services[service].name, "returned",
	    s->step < count ? "nobody else is alive" : "it has been well at every step");
}

static bool
is_well(const struct round *round, struct round_region *region, size_t service)
{
	const struct round_service *s = &region->services[service];
	bool is_probed = round->steering->services[service].probe != PROBE_NONE;

	if (s->failed_probes > 0 || (region->state == REGION_SILENT && !is_probed))
		return false;
	return !isfinite(s->step_health) || !isfinite(health_of(s)) || health_of(s) >= s->step_health;
}

static double
health_of(const struct round_service *s)
{
	return s->backends == 0 ? NAN : (double)s->healthy / s->backends;
}

static int64_t
step_ms(const struct round *round, const struct round_region *region, size_t service)
{
	int64_t interval_ms = round->steering->health_check_interval_ms, usual_ms = round->steering->recovery.step_ms;

	if (usual_ms == 0)
		usual_ms = longest_answer_ms(round, service) + interval_ms;
	return other_is_full(round, region, service) && interval_ms < usual_ms ? interval_ms : usual_ms;
}

static bool
other_is_full(const struct round *round, const struct round_region *region, size_t service)
{
	const struct steering_service *intent = &round->steering->services[service];

	for (size_t i = 0; i < intent->region_count; i++) {
		const struct round_region *other = &round->regions[intent->regions[i].region];
		double load = 0;

		for (size_t s = 0; s < round->steering->service_count; s++)
			load += isfinite(other->services[s].load) ? other->services[s].load : 0;
		if (other != region && other->capacity > 0 && load > other->capacity && other->state == REGION_UP)
			return true;
	}
	return false;
}

/* --- a restart ----------------------------------------------------------------------------------------------- */

/* Deaths and returns are health events in the store: what they led to is worked out again, with the steps of a return
 * taken to have gone well, as round_recover() does it. */
void
round_recall(struct round *round, const struct health_event *event, struct mono now, struct wall wall)
{
	region_id r = steering_region_find(round->steering, event->region);
	const struct steering_service *intent = steering_service_find(round->steering, event->service);
	struct mono at = mono_add_ms(now, -(wall.ms - event->at.ms)), present = round->now;
	struct round_service *s;
	size_t service;

	if (r == NO_REGION || intent == NULL || event->at.ms > wall.ms)
		return;
	service = (size_t)(intent - round->steering->services);
	s = &round->regions[r].services[service];
	round->now = at;
	if (strcmp(event->state, "down") == 0 && !s->dead) {
		s->dead = true;
		snprintf(s->cause, sizeof(s->cause), "%s", event->cause);
		round_died(round, service, s);
	} else if (strcmp(event->state, "up") == 0 && s->dead) {
		s->dead = false;
		s->cause[0] = '\0';
		round_returns(round, &round->regions[r], service);
	} else if (strcmp(event->state, "returned") == 0) {
		s->returning = false;
	}
	round->now = present;
}

/* Dead it stays only where somebody can say that it's well again. */
void
round_recalled(struct round *round)
{
	for (size_t r = 0; r < round->region_count; r++)
		for (size_t s = 0; s < round->steering->service_count; s++) {
			struct round_service *service = &round->regions[r].services[s];

			if (service->dead && !service->reported && round->steering->services[s].probe == PROBE_NONE) {
				service->dead = false;
				service->cause[0] = '\0';
			}
		}
}
