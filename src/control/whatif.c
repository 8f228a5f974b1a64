/* whatif.c -- see whatif.h.
 * In: the snapshot in service with its live words, demand, capacities, and what is supposed.  Out: loads before and
 * after, latency, who moves, who is left without a region.  Threads: control.
 * Loads are the certificate's, so that what is told here is what a plan is refused by. Who moves, and how far they are
 * then, is read off the slots, each picked with the words of now and with those of the supposed moment by the function
 * that answers. */
#include "control/whatif.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/state.h"
#include "steer/pick.h"

struct reckoning {
	const struct snapshot *snapshot;
	const struct certificate_terms *terms;
	const struct whatif_question *question;
	struct arena *arena;
	struct whatif *out;
	double *ms;			/* [demand group][region] */
	struct whatif_unserved *hit;
	double all, moved, served_before, served, cost_before, cost;
};

static bool reckon_loads(struct reckoning *r);
static void reckon_service(struct reckoning *r, const struct service *service);
static void reckon_group(struct reckoning *r, const struct service *service, uint16_t group, const struct live *after);
static double group_rate(const struct certificate_terms *terms, const char *service, const struct demand_group *group);
static struct pick_question question_of(const struct reckoning *r, const struct service *service, uint16_t group,
	const struct live *live);
static void suppose(const struct reckoning *r, const struct service *service, struct live *live);

bool
whatif_reckon(const struct snapshot *snapshot, const struct certificate_terms *terms,
	const struct whatif_question *question, struct arena *arena, struct whatif *out)
{
	size_t regions = snapshot->steering->region_count, groups = snapshot->partition->count;
	struct reckoning r = { .snapshot = snapshot, .terms = terms, .question = question, .arena = arena, .out = out };

	*out = (struct whatif){ .latency_before = NAN, .latency = NAN, .region_count = regions };
	out->regions = arena_alloc(arena, (regions + 1) * sizeof(*out->regions));
	r.ms = arena_alloc(arena, (groups * regions + 1) * sizeof(*r.ms));
	r.hit = arena_alloc(arena, (groups * snapshot->service_count + 1) * sizeof(*r.hit));
	if (out->regions == NULL || r.ms == NULL || r.hit == NULL || !reckon_loads(&r))
		return false;
	cost_table(snapshot->steering, snapshot->partition, question->latencies, question->latency_count, r.ms, NULL);
	for (size_t s = 0; s < snapshot->service_count; s++)
		reckon_service(&r, &snapshot->services[s]);
	out->hit = r.hit;
	out->moved = r.all > 0 ? r.moved / r.all : 0;
	if (out->known && r.served_before > 0)
		out->latency_before = r.cost_before / r.served_before;
	if (out->known && r.served > 0)
		out->latency = r.cost / r.served;
	return true;
}

static bool
reckon_loads(struct reckoning *r)
{
	struct whatif *out = r->out;
	double before[REGIONS_MAX], after[REGIONS_MAX], drained_before[REGIONS_MAX], drained[REGIONS_MAX], sum;

	for (size_t i = 0; i < out->region_count; i++) {
		struct whatif_region *region = &out->regions[i];

		*region = (struct whatif_region){ .capacity = r->terms->capacities[i], .let_in_before = 1,
			.dead = region_set_has(&r->terms->lost, (region_id)i),
			.lost = region_set_has(&r->question->lost, (region_id)i) };
		for (size_t s = 0; s < r->snapshot->service_count; s++)
			region->let_in_before = fmin(region->let_in_before,
			    live_admit(r->snapshot->services[s].live, (region_id)i) / (double)ADMIT_ALL);
		region->let_in = fmin(region->let_in_before, r->question->let_in[i]);
		drained_before[i] = 1 - region->let_in_before;
		drained[i] = 1 - region->let_in;
	}
	out->unserved_before = certificate_loads(r->snapshot, r->terms, (struct region_set){ { 0 } }, drained_before, 1,
	    before);
	out->unserved = certificate_loads(r->snapshot, r->terms, r->question->lost, drained, r->question->scale, after);
	if (isnan(out->unserved_before) || isnan(out->unserved))
		return false;
	sum = out->unserved_before;
	for (size_t i = 0; i < out->region_count; i++) {
		struct whatif_region *region = &out->regions[i];

		region->before = before[i];
		region->after = after[i];
		sum += before[i];
		if (region->capacity > 0 && after[i] > region->capacity * (1 + CERTIFICATE_SLACK)
		    && after[i] > before[i])
			out->overloaded = true;
	}
	out->known = sum > 0;
	return true;
}

static void
reckon_service(struct reckoning *r, const struct service *service)
{
	struct live *after = calloc(1, sizeof(*after));

	if (after == NULL)	/* who moves is then told too low, loads aren't */
		return;
	suppose(r, service, after);
	for (size_t g = 0; g < r->snapshot->partition->count; g++)
		reckon_group(r, service, (uint16_t)g, after);
	free(after);
}

/* The words of now, and what is supposed on top of them. */
static void
suppose(const struct reckoning *r, const struct service *service, struct live *live)
{
	for (size_t i = 0; i < ARRAY_SIZE(live->dead); i++)
		atomic_init(&live->dead[i], atomic_load_explicit(&service->live->dead[i], memory_order_relaxed));
	for (size_t i = 0; i < r->out->region_count; i++) {
		double let_in = r->question->let_in[i];
		admit now = live_admit(service->live, (region_id)i), then = (admit)lround(let_in * ADMIT_ALL);

		live_set_admit(live, (region_id)i, then < now ? then : now);
		if (region_set_has(&r->question->lost, (region_id)i))
			live_set_dead(live, (region_id)i, true);
	}
}

static void
reckon_group(struct reckoning *r, const struct service *service, uint16_t group, const struct live *after)
{
	const struct slot_table *table = service->tables[group];
	double requests = group_rate(r->terms, service->intent->name, &r->snapshot->partition->groups[group]);
	size_t regions = r->out->region_count, slots = (size_t)table->count + table->heavy_count;
	struct pick_question now = question_of(r, service, group, service->live), then = now;
	double weight = r->out->known ? isfinite(requests) ? requests : 0 : 1, gone = 0;

	then.live = after;
	for (size_t i = 0; i < slots; i++) {
		double part = weight * (table->weights != NULL ? (double)table->weights[i] : 1.0 / (double)slots);
		struct pick was, is;

		now.slot = then.slot = &table->slots[i];
		now.rank = then.rank = table->uniform ? ADMIT_ALL / 2 : table->slots[i].rank;
		was = slots_pick(&now);
		is = slots_pick(&then);
		r->all += part;
		r->moved += was.region == is.region ? 0 : part;
		if (was.region != NO_REGION) {
			r->served_before += part;
			r->cost_before += part * r->ms[group * regions + was.region];
		}
		if (is.region != NO_REGION) {
			r->served += part;
			r->cost += part * r->ms[group * regions + is.region];
		} else if (was.region != NO_REGION) {
			gone += table->weights != NULL ? (double)table->weights[i] : 1.0 / (double)slots;
		}
	}
	if (gone > 0)
		r->hit[r->out->hit_count++] = (struct whatif_unserved){ service->intent->name, group,
			isfinite(requests) ? gone * requests * r->question->scale : NAN, gone,
			region_set_count(now.legal) < service->order_count
			    ? "residency lets them go to nobody else" : "no region is left" };
}

/* Requests/s, as the certificate counts them. */
static double
group_rate(const struct certificate_terms *terms, const char *service, const struct demand_group *group)
{
	const struct demand_service *measured = demand_service_find(terms->demand, service);
	const struct demand_rate *known = measured == NULL ? NULL : demand_find(measured, group->group, group->country);

	for (size_t s = 0; terms->plan != NULL && s < terms->plan->service_count; s++) {
		const struct plan_service *planned = &terms->plan->services[s];

		for (size_t g = 0; strcmp(planned->name, service) == 0 && g < planned->group_count; g++)
			if (planned->groups[g].group == group->group && planned->groups[g].country == group->country
			    && isfinite(planned->groups[g].demand))
				return planned->groups[g].demand;
	}
	return known == NULL ? NAN : known->rate;
}

static struct pick_question
question_of(const struct reckoning *r, const struct service *service, uint16_t group, const struct live *live)
{
	return (struct pick_question){
		.live = live,
		.legal = partition_legal(r->snapshot->partition, r->snapshot->locator, service->intent, group),
		.able = region_set_all(),
		.order = service->order,
		.order_count = service->order_count,
		/* Who serves on although it's dead doesn't serve. */
		.when_all_down = ALL_DOWN_NODATA,
		.may_shed = service->intent->shed,
	};
}

bool
control_whatif(const struct control *control, const struct whatif_question *question, struct arena *arena,
	struct whatif *out)
{
	const struct publisher *publisher = &control->publisher;
	double capacities[REGIONS_MAX];
	struct certificate_terms terms;
	struct plan *cut;
	bool good;

	certify_terms(publisher, control->round, control->plan, control_demand(control), wall_now(), capacities, &cut,
	    &terms);
	good = whatif_reckon(publisher->current, &terms, question, arena, out);
	plan_free(cut);
	return good;
}
