/* drain_effect.c -- what drains do to those who take the clients.
 * In: overrides, the tables in service, demand.  Out: loads, the budget.  Threads: control; pure.
 *
 * Judged isn't only where the drains lead. They come and go by the clock and by hand, each for itself, and caches
 * follow at their own pace: any mixture of them may be reached. Whatever a region's drain does, it takes clients from
 * there and brings no other region less (loads.c: who leaves goes to the next of his list, and who goes around a region
 * that is drained whole does the same). So a region gets the most when all the others are drained as far as they will
 * be and nobody is kept away from itself; this bound is reached, so what is refused can happen. What that brings it, as
 * a part of what it has left without any drain, is the budget used; each drain counts in it by the load that it really
 * moves.
 *
 * That admits whatever the certificate's room does: sum(x / room) <= 1 keeps every region within its capacity, at the
 * most that it may get too (test_certificate_random). It admits more, since rooms are of one region with no other. What
 * is dead now is lost in all of it, and what comes back from death lets in as much as it does now. */
#include "control/drain_effect.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Whose drains count for a region; dead it is all the same. */
enum side {
	ALL,			/* nobody is kept away, not for a return from death either */
	NONE,			/* no drain */
	BEFORE,
	AFTER,
};

struct asking {
	const struct drain_question *q;
	struct load_model *model;
	double scale;				/* of all demand */
	struct certificate_words *words;	/* by service of the snapshot */
	struct region_set held;			/* by the last question: some clients are kept away from these */
};

static bool asking_open(struct asking *asking, const struct drain_question *q, const struct certificate_terms *terms,
	double scale);
static void asking_close(struct asking *asking);
static void compare(struct asking *asking, struct drain_effect *effect);
static void find_drained(struct asking *asking, const double *none, struct drain_effect *effect);
static bool compare_alike(const struct drain_question *q, struct drain_effect *effect);
static void take_moves(struct drain_effect *effect, const double *before, const double *after, double unserved_more,
	double all);
static double budget(const struct drain_effect *effect, enum side side, const double *none);
static void judge(struct drain_effect *effect);
static double sum_of(const double *values, size_t count);
static double ask_most(struct asking *asking, enum side side, double *loads, double *most);
static double ask(struct asking *asking, enum side side, region_id region, enum side its, double *loads);
static double let_in(const struct drain_question *q, enum side side, const char *region, const char *service);

bool
drain_effect(const struct drain_question *q, struct drain_effect *effect)
{
	const struct plan *plan = q->terms->plan;
	struct asking asking;
	bool good = asking_open(&asking, q, q->terms, plan != NULL && plan->margin > 1 ? plan->margin : 1);

	memset(effect, 0, sizeof(*effect));
	effect->budget_before = effect->budget = NAN;
	effect->worst = NO_REGION;
	effect->region_count = q->snapshot->steering->region_count;
	for (size_t r = 0; r < effect->region_count; r++)
		effect->regions[r].capacity = q->terms->capacities[r];
	if (good)
		compare(&asking, effect);
	asking_close(&asking);
	if (good && effect->known)
		judge(effect);
	return good && (effect->known || compare_alike(q, effect));
}

static bool
asking_open(struct asking *asking, const struct drain_question *q, const struct certificate_terms *terms, double scale)
{
	*asking = (struct asking){ .q = q, .scale = scale, .model = certificate_model(q->snapshot, terms),
		.words = calloc(q->snapshot->service_count + 1, sizeof(*asking->words)) };
	return asking->model != NULL && asking->words != NULL;
}

static void
asking_close(struct asking *asking)
{
	load_model_free(asking->model);
	free(asking->words);
}

static void
compare(struct asking *asking, struct drain_effect *effect)
{
	double loads[REGIONS_MAX], none[REGIONS_MAX], before[REGIONS_MAX], after[REGIONS_MAX], most_before[REGIONS_MAX],
	    most[REGIONS_MAX], unserved_before, all;

	unserved_before = ask_most(asking, BEFORE, before, most_before);
	all = sum_of(before, effect->region_count) + unserved_before;
	effect->unserved = ask_most(asking, AFTER, after, most);
	ask_most(asking, NONE, loads, none);
	effect->known = all > 0;
	for (size_t r = 0; r < effect->region_count && effect->known; r++) {
		effect->regions[r].before = before[r];
		effect->regions[r].after = after[r];
		effect->regions[r].most_before = most_before[r];
		effect->regions[r].most = most[r];
	}
	find_drained(asking, loads, effect);
	if (!effect->known)
		return;
	effect->budget_before = budget(effect, BEFORE, none);
	effect->budget = budget(effect, AFTER, none);
	take_moves(effect, before, after, effect->unserved - unserved_before, all);
}

/* By load; where it has none, by what is asked for. `none`: loads without drains. */
static void
find_drained(struct asking *asking, const double *none, struct drain_effect *effect)
{
	const struct steering *steering = asking->q->snapshot->steering;
	double own[REGIONS_MAX];

	for (size_t r = 0; r < effect->region_count; r++) {
		double drained = 1 - let_in(asking->q, AFTER, steering->regions[r].name, NULL);

		if (drained > 0 && none[r] > 0) {
			ask(asking, NONE, (region_id)r, AFTER, own);
			drained = fmax(1 - own[r] / none[r], 0);
		}
		effect->regions[r].drained = drained;
	}
}

/* Nothing is known of demand: every client group of every service counts alike, for who moves and where. */
static bool
compare_alike(const struct drain_question *q, struct drain_effect *effect)
{
	const struct steering *steering = q->snapshot->steering;
	size_t groups = steering->group_count, services = q->snapshot->service_count;
	struct demand_rate *rates = calloc(groups + 1, sizeof(*rates));
	struct demand_service *list = calloc(services + 1, sizeof(*list));
	struct demand demand = { .service_count = services, .services = list };
	struct certificate_terms terms = { .demand = &demand, .capacities = q->terms->capacities };
	struct drain_effect alike = { .region_count = effect->region_count };
	struct asking asking = { 0 };
	bool good = rates != NULL && list != NULL;

	for (size_t g = 0; g < groups && good; g++)
		rates[g] = (struct demand_rate){ .group = (uint16_t)g, .rate = 1 };
	for (size_t s = 0; s < services && good; s++)
		list[s] = (struct demand_service){ .name = q->snapshot->services[s].intent->name, .count = groups,
		    .groups = rates };
	good = good && asking_open(&asking, q, &terms, 1);
	if (good)
		compare(&asking, &alike);
	asking_close(&asking);
	effect->moved = alike.moved;
	for (size_t r = 0; r < effect->region_count; r++)
		effect->regions[r].gained = alike.regions[r].gained;
	free(rates);
	free(list);
	return good;
}

/* Only one region's words change, so nobody goes from one of the others to another: what a region gains has come from
 * there. */
static void
take_moves(struct drain_effect *effect, const double *before, const double *after, double unserved_more, double all)
{
	double gained = fmax(unserved_more, 0);

	for (size_t r = 0; r < effect->region_count; r++)
		gained += fmax(after[r] - before[r], 0);
	effect->moved = gained / all;
	for (size_t r = 0; r < effect->region_count && gained > 0; r++)
		effect->regions[r].gained = fmax(after[r] - before[r], 0) / gained;
}

static double
budget(const struct drain_effect *effect, enum side side, const double *none)
{
	double used = 0;

	for (size_t r = 0; r < effect->region_count; r++) {
		const struct drain_region *region = &effect->regions[r];
		double brought = (side == BEFORE ? region->most_before : region->most) - none[r];
		double left = region->capacity * (1 + CERTIFICATE_SLACK) - none[r];

		if (region->capacity > 0 && brought > 1e-9 * region->capacity)
			used = fmax(used, left > 0 ? brought / left : INFINITY);
	}
	return used;
}

static void
judge(struct drain_effect *effect)
{
	double most = 0;

	for (size_t r = 0; r < effect->region_count; r++) {
		const struct drain_region *region = &effect->regions[r];

		if (drain_overbooks(region) && region->most / region->capacity > most) {
			most = region->most / region->capacity;
			effect->worst = (region_id)r;
		}
	}
}

static double
sum_of(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return sum;
}

/* --- questions ------------------------------------------------------------------------------------------------- */

/* `loads` where the drains lead, `most` what each region may get meanwhile; returns what is unserved in the end. */
static double
ask_most(struct asking *asking, enum side side, double *loads, double *most)
{
	size_t count = asking->q->snapshot->steering->region_count;
	double unserved = ask(asking, side, NO_REGION, side, loads), own[REGIONS_MAX];
	struct region_set held = asking->held;

	memcpy(most, loads, count * sizeof(*most));
	for (size_t r = 0; r < count; r++)
		if (region_set_has(&held, (region_id)r)) {
			ask(asking, side, (region_id)r, ALL, own);
			most[r] = own[r];
		}
	return unserved;
}

/* Every region's drains of `side`, as far as they will go, but of `region` its own; returns what is unserved. */
static double
ask(struct asking *asking, enum side side, region_id region, enum side its, double *loads)
{
	const struct snapshot *snapshot = asking->q->snapshot;
	const struct steering *steering = snapshot->steering;
	double unserved;

	asking->held = (struct region_set){ { 0 } };
	for (size_t s = 0; s < snapshot->service_count; s++) {
		const struct service *service = &snapshot->services[s];
		size_t number = (size_t)(service->intent - steering->services);
		struct certificate_words *words = &asking->words[s];

		words->lost = (struct region_set){ { 0 } };
		for (size_t i = 0; i < service->order_count; i++) {
			region_id r = service->order[i];
			enum side of = r == region ? its : side;
			double in = of == ALL ? 1 : fmin(round_return_admits(asking->q->round, r, number),
				let_in(asking->q, of, steering->regions[r].name, service->intent->name));

			if (round_region(asking->q->round, r)->services[number].dead)
				region_set_add(&words->lost, r);
			if (in < 1)
				region_set_add(&asking->held, r);
			words->drained[r] = 1 - in;
		}
	}
	unserved = load_model_words(asking->model, asking->words, loads) * asking->scale;
	for (size_t r = 0; r < steering->region_count; r++)
		loads[r] *= asking->scale;
	return unserved;
}

/* `service` NULL: the least of any. */
static double
let_in(const struct drain_question *q, enum side side, const char *region, const char *service)
{
	double least = 1;

	for (size_t i = 0; i <= q->override_count; i++) {
		const struct override *o = i < q->override_count ? &q->overrides[i] : side == AFTER ? q->with : NULL;

		if (o == NULL || strcmp(o->region, region) != 0 || side == NONE || (side == BEFORE && q->against_none))
			continue;
		if (service != NULL && o->service[0] != '\0' && strcmp(o->service, service) != 0)
			continue;
		if (i < q->override_count && side == AFTER && o->id != 0
		    && (o->id == q->without || (q->with != NULL && o->id == q->with->id)))
			continue;
		/* The change itself is told by where it leads, also when that is back. */
		least = fmin(least, o == q->with ? o->value : drain_goal(o, q->at));
	}
	return least;
}
