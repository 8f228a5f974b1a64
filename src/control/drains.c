/* drains.c -- judges drains against the demand, capacities and deaths of now.
 * In: overrides, the tables in service.  Out: effects of changes for whoever asks; a warning when what is in force
 * isn't safe any more.  Threads: control.
 * An operator's drain is never ended because of that: it was wanted, for a reason that we don't know. It's told, in the
 * log, as a health event and in the status, and that all survivors but one are full may be better than the reason. */
#include "control/drains.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/state.h"

#define JUDGE_MS 5000		/* demand and capacities change slower; a death is judged at once */
#define PERCENT 100

static bool effect_of(const struct control *control, const struct drain_question *asked, struct drain_effect *effect);
static void judge(struct control *control, struct wall wall);
static void describe(const struct control *control, const struct drain_effect *effect, char *why, size_t size);

bool
drains_effect(const struct control *control, const struct override *with, int64_t without,
	struct drain_effect *effect)
{
	struct drain_question question = { .with = with, .without = without, .at = wall_now() };

	return effect_of(control, &question, effect);
}

/* `asked` has what is asked for, and the time; the rest is what there is now. */
static bool
effect_of(const struct control *control, const struct drain_question *asked, struct drain_effect *effect)
{
	const struct publisher *publisher = &control->publisher;
	struct drain_question question = *asked;
	double capacities[REGIONS_MAX];
	struct certificate_terms terms;
	struct plan *cut;
	bool done;

	certify_terms(publisher, control->round, control->plan, control_demand(control), asked->at, capacities, &cut,
	    &terms);
	question.snapshot = publisher->current;
	question.terms = &terms;
	question.round = control->round;
	question.overrides = control->overrides;
	question.override_count = control->override_count;
	done = drain_effect(&question, effect);
	plan_free(cut);
	return done;
}

double
drains_safe_share(const struct control *control, const struct override *override)
{
	struct override trial = *override;
	struct drain_effect effect;
	unsigned safe = PERCENT, unsafe = (unsigned)floor(override->value * PERCENT);

	while (safe - unsafe > 1) {
		unsigned middle = (safe + unsafe) / 2;

		trial.value = (double)middle / PERCENT;
		if (drains_effect(control, &trial, 0, &effect) && effect.worst == NO_REGION)
			safe = middle;
		else
			unsafe = middle;
	}
	return (double)safe / PERCENT;
}

void
drains_watch(struct control *control, struct mono now, struct wall wall)
{
	struct drains_state *state = &control->drains;
	struct region_set lost = certify_lost(control->round, control->publisher.current->steering);
	unsigned before = state->in_force;

	state->in_force = 0;
	for (size_t i = 0; i < control->override_count; i++)
		state->in_force += wall.ms >= control->overrides[i].from.ms
		    && !drain_is_over(&control->overrides[i], wall);
	if (state->in_force == before && memcmp(&lost, &state->lost, sizeof(lost)) == 0
	    && mono_ms_between(state->judged, now) < JUDGE_MS)
		return;
	state->judged = now;
	state->lost = lost;
	judge(control, wall);
}

static void
judge(struct control *control, struct wall wall)
{
	struct drains_state *state = &control->drains;
	struct drain_question question = { .against_none = true, .at = wall };
	struct drain_effect effect;
	bool was_unsafe = state->unsafe;

	state->budget = NAN;
	state->unsafe = false;
	if (state->in_force > 0 && effect_of(control, &question, &effect)) {
		state->budget = effect.budget;
		state->unsafe = effect.worst != NO_REGION;
		describe(control, &effect, state->why, sizeof(state->why));
	}
	if (state->unsafe && !was_unsafe)
		log_warning("%s; nothing is ended because of that: isobarctl undrain, or make room", state->why);
	else if (was_unsafe && !state->unsafe)
		log_info("the drains in force are safe again");
}

static void
describe(const struct control *control, const struct drain_effect *effect, char *why, size_t size)
{
	const struct steering *steering = control->publisher.current->steering;
	const struct drain_region *worst = &effect->regions[effect->worst == NO_REGION ? 0 : effect->worst];
	const char *name = effect->worst == NO_REGION ? "" : steering->regions[effect->worst].name;

	why[0] = '\0';
	if (effect->worst == NO_REGION)
		return;
	if (drain_overloads(worst))
		snprintf(why, size, "the drains in force bring %.0f requests/s to region %s, which bears %.0f",
		    worst->after, name, worst->capacity);
	else
		snprintf(why, size,
		    "the drains in force use %.0f %% of their budget: if its own ended first, region %s would get "
		    "%.0f requests/s of the %.0f that it bears", 100 * effect->budget, name, worst->most,
		    worst->capacity);
}
