/* drill.c -- watches a practice run and says what came of it.
 * In: the round, the counters of answers, what the drains' watch says.  Out: a reason to end it; a verdict.
 * Threads: control; no clock, no store.
 *
 * It ends at once when
 *  1. a region is dead for some service or silent, which none was when it began; its own too: then it's no practice;
 *  2. a survivor reports more load than its capacity times the loss limit of steering.yaml;
 *  3. a survivor's healthy backends are fewer, or answer slower, than when it began;
 *  4. an answer was outside of the law;
 *  5. all drains together aren't safe any more at the demand of now: another drain, a death, a wave of demand;
 *  6. the steering is another one: what was practised isn't what is served.
 * An operator ends it by ending the override. A restart ends it too: nobody has watched it in between.
 * Rates of errors aren't among what agents must report; backends that fail their probes are. */
#include "control/drill.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct steering *base_of(const struct steering *steering);
static bool is_well(const struct drill_world *world, region_id region, char *why, size_t size);
static double load_of(const struct round *round, region_id region);
static void look_at(const struct round_region *state, double *health, double *latency);
static bool check_region(struct drill *drill, const struct drill_world *world, region_id region);
static bool check_health(struct drill *drill, const struct drill_world *world, region_id region);
static uint64_t *count_answers(const struct drill_world *world);
static void add_regions(const struct drill *drill, cJSON *into);
static void add_answers(const struct drill *drill, const struct drill_world *world, cJSON *into);
static void add_words(const struct drill *drill, const char *ended, cJSON *into);

bool
drill_may_begin(const struct drill_world *world, region_id region, char *why, size_t size)
{
	const struct steering *steering = world->snapshot->steering;

	for (size_t r = 0; r < steering->region_count; r++)
		if (!is_well(world, (region_id)r, why, size))
			return false;
	if (round_region(world->round, region)->drained_to < 1) {
		snprintf(why, size, "region %s is drained already", steering->regions[region].name);
		return false;
	}
	return true;
}

static bool
is_well(const struct drill_world *world, region_id region, char *why, size_t size)
{
	const struct steering *steering = world->snapshot->steering;
	const struct round_region *state = round_region(world->round, region);
	const char *name = steering->regions[region].name;

	for (size_t s = 0; s < steering->service_count; s++)
		if (state->services[s].dead) {
			snprintf(why, size, "%s is dead in region %s", steering->services[s].name, name);
			return false;
		}
	if (state->state == REGION_SILENT) {
		snprintf(why, size, "region %s is silent", name);
		return false;
	}
	return true;
}

bool
drill_begin(struct drill *drill, const struct override *override, const struct drill_world *world, double moved)
{
	struct steering *steering = world->snapshot->owned_steering;

	memset(drill, 0, sizeof(*drill));
	drill->answers = count_answers(world);
	if (drill->answers == NULL)
		return false;
	drill->id = override->id;
	drill->began = override->from;
	drill->ends = override->until;
	drill->region = steering_region_find(steering, override->region);
	drill->share = override->value;
	drill->moved = moved;
	drill->steering = steering;
	steering_hold(steering);
	drill->violations = world->violations;
	for (size_t r = 0; r < steering->region_count; r++) {
		const struct round_region *state = round_region(world->round, (region_id)r);
		struct drill_region *region = &drill->regions[r];

		region->watched = r != drill->region;
		region->capacity = state->capacity;
		region->load = region->peak = load_of(world->round, (region_id)r);
		region->reported = state->reported;
		look_at(state, &region->health, &region->latency);
	}
	return true;
}

static uint64_t *
count_answers(const struct drill_world *world)
{
	const struct steering *steering = world->snapshot->steering;
	uint64_t *counts = calloc(steering->service_count * steering->region_count + 1, sizeof(*counts));

	for (size_t s = 0; s < steering->service_count && counts != NULL; s++)
		for (size_t r = 0; r < steering->region_count; r++)
			counts[s * steering->region_count + r] = world->answers(world->arg, steering->services[s].name,
			    steering->regions[r].name);
	return counts;
}

/* NAN: none is reported. */
static double
load_of(const struct round *round, region_id region)
{
	const struct round_region *state = round_region(round, region);
	double sum = NAN;

	for (size_t s = 0; s < round_steering(round)->service_count; s++)
		if (isfinite(state->services[s].load))
			sum = (isfinite(sum) ? sum : 0) + state->services[s].load;
	return sum;
}

/* The newest reports of all agents together. */
static void
look_at(const struct round_region *state, double *health, double *latency)
{
	unsigned backends = 0, healthy = 0, timed = 0;
	double sum = 0;

	for (unsigned a = 0; a < state->agent_count; a++) {
		const struct report *report = state->agents[a].report;

		for (size_t b = 0; b < report->backend_count; b++) {
			backends++;
			healthy += report->backends[b].healthy;
			if (report->backends[b].healthy && isfinite(report->backends[b].latency_ms)) {
				timed++;
				sum += report->backends[b].latency_ms;
			}
		}
	}
	*health = backends == 0 ? NAN : (double)healthy / backends;
	*latency = timed == 0 ? NAN : sum / timed;
}

bool
drill_check(struct drill *drill, const struct drill_world *world)
{
	if (drill->ended[0] != '\0')
		return false;
	if (base_of(world->snapshot->steering) != base_of(drill->steering))
		snprintf(drill->ended, sizeof(drill->ended), "the steering has changed");
	else if (world->violations > drill->violations)
		snprintf(drill->ended, sizeof(drill->ended), "an answer was outside of the residency rules");
	for (size_t r = 0; r < drill->steering->region_count && drill->ended[0] == '\0'; r++)
		if (is_well(world, (region_id)r, drill->ended, sizeof(drill->ended)) && drill->regions[r].watched)
			check_region(drill, world, (region_id)r);
		else if (!drill->regions[r].watched)
			drill->regions[r].peak = fmax(drill->regions[r].peak, load_of(world->round, (region_id)r));
	if (drill->ended[0] == '\0' && world->unsafe != NULL)
		snprintf(drill->ended, sizeof(drill->ended), "%s", world->unsafe);
	return drill->ended[0] != '\0';
}

/* What the operator wrote: narrowed by what regions accept it's another one with each publication. */
static const struct steering *
base_of(const struct steering *steering)
{
	return steering->base != NULL ? steering->base : steering;
}

/* False: it must end. */
static bool
check_region(struct drill *drill, const struct drill_world *world, region_id id)
{
	struct drill_region *region = &drill->regions[id];
	const struct round_region *state = round_region(world->round, id);
	double load = load_of(world->round, id), limit = drill->steering->planning.loss_limit;

	region->capacity = state->capacity;
	region->peak = fmax(region->peak, load);	/* the other one, when one is NAN */
	if (state->capacity > 0 && load > limit * state->capacity) {
		snprintf(drill->ended, sizeof(drill->ended),
		    "region %s bears %.0f requests/s, which is beyond %.0f %% of its capacity of %.0f", state->name,
		    load, 100 * limit, state->capacity);
		return false;
	}
	if (state->reported.ms == region->reported.ms)
		return true;
	region->reported = state->reported;
	return check_health(drill, world, id);
}

static bool
check_health(struct drill *drill, const struct drill_world *world, region_id id)
{
	struct drill_region *region = &drill->regions[id];
	const struct round_region *state = round_region(world->round, id);
	double health, latency;

	look_at(state, &health, &latency);
	if (health < region->health - DRILL_HEALTH_FALL) {
		snprintf(drill->ended, sizeof(drill->ended),
		    "%.0f %% of the backends of region %s are healthy, %.0f %% were when it began", 100 * health,
		    state->name, 100 * region->health);
		return false;
	}
	if (latency > DRILL_SLOW_TIMES * region->latency && latency > region->latency + DRILL_SLOW_MS)
		region->slow_in_a_row++;
	else
		region->slow_in_a_row = 0;
	if (region->slow_in_a_row >= DRILL_SLOW_REPORTS) {
		snprintf(drill->ended, sizeof(drill->ended),
		    "the backends of region %s answer within %.0f ms, %.0f ms it was when it began", state->name,
		    latency, region->latency);
		return false;
	}
	return true;
}

/* --- what came of it ----------------------------------------------------------------------------------------- */

cJSON *
drill_verdict(const struct drill *drill, const struct drill_world *world, const char *ended, struct wall now)
{
	char text[CLOCK_TEXT_SIZE];
	cJSON *root = cJSON_CreateObject();

	cJSON_AddNumberToObject(root, "drill", (double)drill->id);
	cJSON_AddStringToObject(root, "region", drill->steering->regions[drill->region].name);
	cJSON_AddNumberToObject(root, "fraction", round(1e6 * (1 - drill->share)) / 1e6);
	cJSON_AddStringToObject(root, "began", wall_text(drill->began, text));
	cJSON_AddStringToObject(root, "until", wall_text(now, text));
	cJSON_AddNumberToObject(root, "moved", drill->moved);
	cJSON_AddBoolToObject(root, "completed", ended == NULL);
	add_words(drill, ended, root);
	add_regions(drill, cJSON_AddArrayToObject(root, "regions"));
	add_answers(drill, world, cJSON_AddArrayToObject(root, "answers"));
	return root;
}

static void
add_words(const struct drill *drill, const char *ended, cJSON *into)
{
	double most = NAN;
	size_t fullest = 0;
	char words[320];

	for (size_t r = 0; r < drill->steering->region_count; r++) {
		double fill = drill->regions[r].peak / drill->regions[r].capacity;

		if (drill->regions[r].watched && isfinite(fill) && !(fill <= most)) {
			most = fill;
			fullest = r;
		}
	}
	if (ended != NULL)
		snprintf(words, sizeof(words), "ended before its time: %s", ended);
	else if (isfinite(most))
		snprintf(words, sizeof(words),
		    "nobody was overloaded: region %s bore the most, %.0f %% of its capacity",
		    drill->steering->regions[fullest].name, 100 * most);
	else
		snprintf(words, sizeof(words), "nothing went wrong; no survivor reports its load and has a capacity");
	cJSON_AddStringToObject(into, "verdict", words);
}

static void
add_regions(const struct drill *drill, cJSON *into)
{
	for (size_t r = 0; r < drill->steering->region_count; r++) {
		const struct drill_region *region = &drill->regions[r];
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "region", drill->steering->regions[r].name);
		cJSON_AddBoolToObject(entry, "survivor", region->watched);
		json_add_number(entry, "load_before", region->load);
		json_add_number(entry, "load_peak", region->peak);
		json_add_number(entry, "capacity", region->capacity > 0 ? region->capacity : NAN);
		cJSON_AddItemToArray(into, entry);
	}
}

/* Given while it ran; none of services that the steering doesn't have any more. */
static void
add_answers(const struct drill *drill, const struct drill_world *world, cJSON *into)
{
	const struct steering *steering = drill->steering;

	for (size_t s = 0; s < steering->service_count; s++)
		for (size_t i = 0; i < steering->services[s].region_count; i++) {
			region_id r = steering->services[s].regions[i].region;
			const char *service = steering->services[s].name, *region = steering->regions[r].name;
			cJSON *entry = cJSON_CreateObject();

			cJSON_AddStringToObject(entry, "service", service);
			cJSON_AddStringToObject(entry, "region", region);
			cJSON_AddNumberToObject(entry, "count", (double)(world->answers(world->arg, service, region)
			    - drill->answers[s * steering->region_count + r]));
			cJSON_AddItemToArray(into, entry);
		}
}

void
drill_fini(struct drill *drill)
{
	steering_free((struct steering *)(uintptr_t)drill->steering);
	free(drill->answers);
	memset(drill, 0, sizeof(*drill));
}
