/* drain_effect.c -- what drains do to those who take the clients.
 * In: overrides, the tables in service, demand.  Out: loads, the budget.  Threads: control; pure.
 *
 * Two measures of safety, since each says what the other can't. The loads are exact for what is drained and dead now.
 * The budget is the certificate's: loads are convex in the drained parts x, so whatever mixture of drains has
 * sum(x / room) <= 1 overloads nobody, also on the way there and in any order. A drain of one service counts in the
 * budget like one of the whole region; its loads are its own. */
#include "control/drain_effect.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Which drains count. */
enum side { BEFORE, AFTER };

/* Services for which the same regions are lost and drained: their loads are computed together. */
struct alike {
	struct region_set lost;
	double drained[REGIONS_MAX];
	size_t member_count;
	bool *members;				/* by service */
};

static bool compare(const struct drain_question *q, struct drain_effect *effect, const struct certificate_terms *terms,
	double scale);
static bool compare_alike(const struct drain_question *q, struct drain_effect *effect);
static void take_moves(struct drain_effect *effect, const double *before, const double *after, double unserved_more,
	double all);
static void judge(struct drain_effect *effect);
static double sum_of(const double *values, size_t count);
static bool loads(const struct drain_question *q, const struct certificate_terms *terms, double scale, enum side side,
	double *sums, double *unserved);
static struct alike *group_alike(const struct drain_question *q, enum side side, size_t *count);
static void fill(const struct drain_question *q, enum side side, size_t service, struct alike *alike);
static double let_in(const struct drain_question *q, enum side side, const char *region, const char *service);
static bool add_loads(const struct drain_question *q, const struct certificate_terms *terms, double scale,
	const struct alike *alike, double *sums, double *unserved);
static bool is_member(const struct snapshot *snapshot, const struct alike *alike, const char *name);
static double budget(const struct drain_question *q, enum side side, double *drained);

bool
drain_effect(const struct drain_question *q, struct drain_effect *effect)
{
	const struct plan *plan = q->terms->plan;
	double drained[REGIONS_MAX], scale = plan != NULL && plan->margin > 1 ? plan->margin : 1;

	memset(effect, 0, sizeof(*effect));
	effect->worst = NO_REGION;
	effect->region_count = q->snapshot->steering->region_count;
	effect->budget_before = budget(q, BEFORE, drained);
	effect->budget = budget(q, AFTER, drained);
	for (size_t r = 0; r < effect->region_count; r++) {
		effect->regions[r].capacity = q->terms->capacities[r];
		effect->regions[r].drained = drained[r];
	}
	if (!compare(q, effect, q->terms, scale))
		return false;
	if (!effect->known)
		return compare_alike(q, effect);
	judge(effect);
	return true;
}

static bool
compare(const struct drain_question *q, struct drain_effect *effect, const struct certificate_terms *terms,
	double scale)
{
	double before[REGIONS_MAX], after[REGIONS_MAX], unserved_before, unserved, all;

	if (!loads(q, terms, scale, BEFORE, before, &unserved_before)
	    || !loads(q, terms, scale, AFTER, after, &unserved))
		return false;
	all = sum_of(before, effect->region_count) + unserved_before;
	if (!(all > 0))
		return true;
	effect->known = true;
	effect->unserved = unserved;
	for (size_t r = 0; r < effect->region_count; r++) {
		effect->regions[r].before = before[r];
		effect->regions[r].after = after[r];
	}
	take_moves(effect, before, after, unserved - unserved_before, all);
	return true;
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
	bool good = rates != NULL && list != NULL;

	for (size_t g = 0; g < groups && good; g++)
		rates[g] = (struct demand_rate){ .group = (uint16_t)g, .rate = 1 };
	for (size_t s = 0; s < services && good; s++)
		list[s] = (struct demand_service){ .name = q->snapshot->services[s].intent->name, .count = groups,
		    .groups = rates };
	good = good && compare(q, &alike, &terms, 1);
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

static void
judge(struct drain_effect *effect)
{
	double most = 1 + CERTIFICATE_SLACK;

	for (size_t r = 0; r < effect->region_count; r++) {
		const struct drain_region *region = &effect->regions[r];
		double filled = region->capacity > 0 ? region->after / region->capacity : 0;

		/* Overloaded it may be without the change; then the change must not add to it. */
		if (filled > most && region->after > region->before * (1 + 1e-9)) {
			most = filled;
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

/* --- loads --------------------------------------------------------------------------------------------------- */

static bool
loads(const struct drain_question *q, const struct certificate_terms *terms, double scale, enum side side, double *sums,
	double *unserved)
{
	size_t count;
	struct alike *list = group_alike(q, side, &count);
	bool good = list != NULL;

	*unserved = 0;
	memset(sums, 0, REGIONS_MAX * sizeof(*sums));
	for (size_t i = 0; i < count && good; i++)
		good = add_loads(q, terms, scale, &list[i], sums, unserved);
	for (size_t i = 0; i < count; i++)
		free(list[i].members);
	free(list);
	return good;
}

/* Mostly there is one: drains are of regions, and regions die whole. NULL: out of memory. */
static struct alike *
group_alike(const struct drain_question *q, enum side side, size_t *count)
{
	size_t services = q->snapshot->service_count;
	struct alike *list = NULL, *grown, *own;

	*count = 0;
	for (size_t s = 0, i; s < services || *count == 0; s++) {
		grown = realloc(list, (*count + 1) * sizeof(*list));
		if (grown == NULL)
			goto fail;
		list = grown;
		own = &list[*count];
		fill(q, side, s, own);
		for (i = 0; i < *count; i++)
			if (memcmp(&list[i].lost, &own->lost, sizeof(own->lost)) == 0
			    && memcmp(list[i].drained, own->drained, sizeof(own->drained)) == 0)
				break;
		if (i == *count) {
			own->members = calloc(services + 1, sizeof(bool));
			if (own->members == NULL)
				goto fail;
			++*count;
		}
		list[i].members[s] = true;
		list[i].member_count += s < services;
	}
	return list;
fail:
	for (size_t i = 0; i < *count; i++)
		free(list[i].members);
	free(list);
	*count = 0;
	return NULL;
}

/* The service's regions as they are, but for drains: those go as far as they will. */
static void
fill(const struct drain_question *q, enum side side, size_t service, struct alike *alike)
{
	const struct steering *steering = q->snapshot->steering;

	memset(alike, 0, sizeof(*alike));
	for (size_t r = 0; r < steering->region_count && service < steering->service_count; r++) {
		const struct round_service *s = &round_region(q->round, (region_id)r)->services[service];

		if (s->dead)
			region_set_add(&alike->lost, (region_id)r);
		alike->drained[r] = 1 - fmin(round_return_admits(q->round, (region_id)r, service),
		    let_in(q, side, steering->regions[r].name, steering->services[service].name));
	}
}

/* `service` NULL: the least of any. */
static double
let_in(const struct drain_question *q, enum side side, const char *region, const char *service)
{
	double least = 1;

	for (size_t i = 0; i <= q->override_count; i++) {
		const struct override *o = i < q->override_count ? &q->overrides[i] : side == AFTER ? q->with : NULL;

		if (o == NULL || strcmp(o->region, region) != 0 || (side == BEFORE && q->against_none))
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

static bool
add_loads(const struct drain_question *q, const struct certificate_terms *terms, double scale,
	const struct alike *alike, double *sums, double *unserved)
{
	struct certificate_terms own = *terms;
	struct plan plan;
	struct demand demand;
	struct plan_service *planned = NULL;
	struct demand_service *asked = NULL;
	double part[REGIONS_MAX] = { 0 };
	bool whole = alike->member_count == q->snapshot->service_count, good = true;

	if (!whole && terms->plan != NULL) {
		plan = *terms->plan;
		planned = calloc(plan.service_count + 1, sizeof(*planned));
		good = planned != NULL;
		plan.service_count = 0;
		for (size_t i = 0; i < terms->plan->service_count && good; i++)
			if (is_member(q->snapshot, alike, terms->plan->services[i].name))
				planned[plan.service_count++] = terms->plan->services[i];
		plan.services = planned;
		own.plan = &plan;
	}
	if (!whole && terms->demand != NULL) {
		demand = *terms->demand;
		asked = calloc(demand.service_count + 1, sizeof(*asked));
		good = good && asked != NULL;
		demand.service_count = 0;
		for (size_t i = 0; i < terms->demand->service_count && good; i++)
			if (is_member(q->snapshot, alike, terms->demand->services[i].name))
				asked[demand.service_count++] = terms->demand->services[i];
		demand.services = asked;
		own.demand = &demand;
	}
	if (good)
		*unserved += certificate_loads(q->snapshot, &own, alike->lost, alike->drained, scale, part);
	for (size_t r = 0; r < q->snapshot->steering->region_count && good; r++)
		sums[r] += part[r];
	free(planned);
	free(asked);
	return good;
}

static bool
is_member(const struct snapshot *snapshot, const struct alike *alike, const char *name)
{
	const struct steering_service *service = steering_service_find(snapshot->steering, name);

	return service != NULL && alike->members[service - snapshot->steering->services];
}

static double
budget(const struct drain_question *q, enum side side, double *drained)
{
	const struct steering *steering = q->snapshot->steering;
	double used = 0;

	for (size_t r = 0; r < steering->region_count; r++) {
		drained[r] = 1 - let_in(q, side, steering->regions[r].name, NULL);
		if (drained[r] > 0 && q->room != NULL)
			used += q->room[r] > 0 ? drained[r] / q->room[r] : INFINITY;
	}
	return q->room == NULL ? NAN : used;
}
