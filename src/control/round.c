/* round.c -- the round itself: what is known of each region, kept across changes of the steering, and time passing.
 * In: steerings, predictions, time.  Out: views, and the state that the other files of the round work on.
 * Threads: control.  Owns: all regions' state, and a hold on the steering.
 *
 * The rules stand where they are carried out:
 *  round_agents.c    which report is news, what the agents of a region say together
 *  round_health.c    when a service is dead in a region
 *  round_silence.c   reports that stay away, and probes from outside
 *  round_recovery.c  how a region that was dead comes back
 *  round_words.c     drains, and the live words that queries see */
#include "control/round.h"

#include "control/round_state.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void regions_free(struct round_region *regions, size_t count);
static void region_fini(struct round_region *region);
static size_t *match_services(const struct steering *from, const struct steering *to);
static bool region_new(struct round_region *region, const struct steering *steering, size_t id);
static void region_take_over(struct round_region *region, struct round_region *old,
	const struct steering *steering, const size_t *service_was);

struct round *
round_new(round_event_fn *event, void *arg)
{
	struct round *round = calloc(1, sizeof(*round));

	if (round != NULL) {
		round->event = event;
		round->arg = arg;
	}
	return round;
}

void
round_free(struct round *round)
{
	if (round == NULL)
		return;
	regions_free(round->regions, round->region_count);
	free(round->tallies);
	steering_free(round->steering);
	free(round);
}

static void
regions_free(struct round_region *regions, size_t count)
{
	for (size_t r = 0; regions != NULL && r < count; r++)
		region_fini(&regions[r]);
	free(regions);
}

static void
region_fini(struct round_region *region)
{
	for (unsigned i = 0; i < region->agent_count; i++)
		report_free(region->agents[i].report);
	free(region->services);
	free(region->accepts);
	free(region->name);
}

int
round_adopt(struct round *round, struct steering *steering, struct mono now, struct wall wall)
{
	size_t count = steering->region_count;
	struct round_region *regions = calloc(count + 1, sizeof(*regions));
	struct tally *tallies = calloc(steering->service_count + 1, sizeof(*tallies));
	size_t *service_was = match_services(round->steering, steering);
	bool made = regions != NULL && tallies != NULL && service_was != NULL;

	round_pass(round, now);
	/* First all that may fail, then the move: a failure leaves the round as it was. */
	for (size_t r = 0; r < count && made; r++)
		made = region_new(&regions[r], steering, r);
	if (!made) {
		regions_free(regions, count);
		free(tallies);
		free(service_was);
		return -ENOMEM;
	}
	for (size_t r = 0; r < count; r++) {
		struct round_region *old = NULL;

		regions[r].heard = now;
		for (size_t k = 0; k < round->region_count && old == NULL; k++)
			if (strcmp(round->regions[k].name, regions[r].name) == 0)
				old = &round->regions[k];
		if (old != NULL)
			region_take_over(&regions[r], old, steering, service_was);
	}
	free(service_was);
	regions_free(round->regions, round->region_count);
	free(round->tallies);
	steering_hold(steering);
	steering_free(round->steering);
	round->steering = steering;
	round->regions = regions;
	round->region_count = count;
	round->tallies = tallies;
	for (size_t r = 0; r < count; r++)
		round_judge(round, &regions[r], NULL, wall);
	return 0;
}

/* For each service of `to` its number in `from`, or SIZE_MAX. NULL: out of memory. */
static size_t *
match_services(const struct steering *from, const struct steering *to)
{
	size_t *was = calloc(to->service_count + 1, sizeof(*was));

	for (size_t s = 0; was != NULL && s < to->service_count; s++) {
		const struct steering_service *service = from == NULL ? NULL
			: steering_service_find(from, to->services[s].name);

		was[s] = service == NULL ? SIZE_MAX : (size_t)(service - from->services);
	}
	return was;
}

static bool
region_new(struct round_region *region, const struct steering *steering, size_t id)
{
	region->name = strdup(steering->regions[id].name);
	region->services = calloc(steering->service_count + 1, sizeof(*region->services));
	region->accepts = calloc(steering->group_count, sizeof(bool));
	if (region->name == NULL || region->services == NULL || region->accepts == NULL)
		return false;
	for (size_t g = 0; g < steering->group_count; g++)
		region->accepts[g] = true;
	region->capacity = steering->regions[id].capacity;
	region->drained_to = 1;
	region->probability = region->load_forecast = region->anomaly_rank = NAN;
	snprintf(region->no_prediction, sizeof(region->no_prediction), "%s",
	    steering->prediction == PREDICTION_OFF ? "prediction is off in steering.yaml" :
	    "nothing was predicted yet");
	for (size_t s = 0; s < steering->service_count; s++)
		region->services[s] = (struct round_service){ .load = NAN, .drained_to = 1, .step_health = NAN };
	return true;
}

static void
region_take_over(struct round_region *region, struct round_region *old, const struct steering *steering,
	const size_t *service_was)
{
	for (size_t s = 0; s < steering->service_count; s++)
		if (service_was[s] != SIZE_MAX)
			region->services[s] = old->services[service_was[s]];
	region->state = old->state;
	region->agent_count = old->agent_count;
	memcpy(region->agents, old->agents, sizeof(region->agents));
	old->agent_count = 0;
	for (size_t g = 0; g < steering->group_count; g++)
		region->accepts[g] = round_agents_accept(region, steering->groups[g].name);
	region->reported = old->reported;
	region->heard = old->heard;
	region->constrained = old->constrained;
	region->drained_to = old->drained_to;
	if (steering->prediction == PREDICTION_OFF || old->outlook_count == 0)
		return;
	memcpy(region->outlooks, old->outlooks, sizeof(region->outlooks));
	region->outlook_count = old->outlook_count;
	region->probability = old->probability;
	region->load_forecast = old->load_forecast;
	region->anomaly_rank = old->anomaly_rank;
	memcpy(region->no_rank, old->no_rank, sizeof(region->no_rank));
	region->horizon_s = old->horizon_s;
	region->predicted = old->predicted;
	memcpy(region->no_prediction, old->no_prediction, sizeof(region->no_prediction));
}

void
round_tick(struct round *round, struct mono now, struct wall wall)
{
	round_pass(round, now);
	for (size_t r = 0; r < round->region_count; r++) {
		round_expire(&round->regions[r], wall);
		round_hear_silence(round, &round->regions[r], now, wall);
		round_recover(round, &round->regions[r], wall);
	}
}

void
round_tell(struct round *round, struct wall at, const char *region, const char *service, const char *state,
	const char *cause)
{
	struct health_event event = { at, region, service, state, cause };

	round->event(round->arg, &event);
}

const struct steering *
round_steering(const struct round *round)
{
	return round->steering;
}

const struct round_region *
round_region(const struct round *round, region_id region)
{
	return &round->regions[region];
}

const char *
region_state_text(enum region_state state)
{
	static const char *const texts[] = { "unknown", "up", "down", "silent" };

	return texts[state];
}
