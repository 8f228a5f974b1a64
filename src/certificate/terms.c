/* terms.c -- which of the plan's groups and which measured rates belong to which table.
 * In: a snapshot, plan and demand.  Out: for each (service, demand group) its plan and its demand.  Threads: any; pure.
 * The plan's demand goes before the measured one: it's a forecast, and what was promised was promised for it. What it
 * doesn't speak of (static services, groups left out) is weighed as measured.
 * Terms are of one steering's numbers. Against another snapshot, such as the one in service, groups are found by name;
 * a country that isn't cut out there belongs to its group. */
#include "certificate/parts.h"

#include <math.h>
#include <string.h>

static void take_plan(struct tabled *tabled, size_t s, const struct steering *names, const struct plan_service *plan);
static void take_demand(struct tabled *tabled, size_t s, const struct steering *names,
	const struct demand_service *demand);
static const struct plan_service *plan_service_of(const struct plan *plan, const struct service *service);

bool
tabled_make(struct tabled *tabled, const struct snapshot *snapshot, const struct steering *names,
	const struct certificate_terms *terms, struct arena *arena)
{
	size_t count = snapshot->service_count * snapshot->partition->count;

	*tabled = (struct tabled){
		.snapshot = snapshot, .groups = snapshot->partition->count,
		.planned = arena_alloc(arena, (count + 1) * sizeof(*tabled->planned)),
		.rates = arena_alloc(arena, (count + 1) * sizeof(*tabled->rates)),
	};
	if (tabled->planned == NULL || tabled->rates == NULL)
		return false;
	for (size_t i = 0; i < count; i++)
		tabled->rates[i] = NAN;
	for (size_t s = 0; s < snapshot->service_count; s++) {
		const struct service *service = &snapshot->services[s];
		const struct plan_service *plan = plan_service_of(terms->plan, service);
		const struct demand_service *demand = demand_service_find(terms->demand, service->intent->name);

		if (plan != NULL)
			take_plan(tabled, s, names, plan);
		if (demand != NULL)
			take_demand(tabled, s, names, demand);
	}
	return true;
}

/* Groups that fall together here add up; the plan of the first of them is the table's. */
static void
take_plan(struct tabled *tabled, size_t s, const struct steering *names, const struct plan_service *plan)
{
	for (size_t k = 0; k < plan->group_count; k++) {
		const struct plan_group *group = &plan->groups[k];
		size_t at = s * tabled->groups + terms_place(tabled->snapshot,
			terms_group(names, tabled->snapshot->steering, group->group), group->country);

		if (tabled->planned[at] == NULL)
			tabled->planned[at] = group;
		if (isfinite(group->demand))
			tabled->rates[at] = (isnan(tabled->rates[at]) ? 0 : tabled->rates[at]) + group->demand;
	}
}

static void
take_demand(struct tabled *tabled, size_t s, const struct steering *names, const struct demand_service *demand)
{
	for (size_t k = 0; k < demand->count; k++) {
		const struct demand_rate *measured = &demand->groups[k];
		size_t at;

		if (measured->group >= names->group_count || !(measured->rate >= 0))
			continue;
		at = s * tabled->groups + terms_place(tabled->snapshot,
			terms_group(names, tabled->snapshot->steering, measured->group), measured->country);
		if (tabled->planned[at] != NULL && isfinite(tabled->planned[at]->demand))
			continue;
		tabled->rates[at] = (isnan(tabled->rates[at]) ? 0 : tabled->rates[at]) + measured->rate;
	}
}

/* Plans speak of predictive services only; of one that is static now they count for nothing. */
static const struct plan_service *
plan_service_of(const struct plan *plan, const struct service *service)
{
	if (plan == NULL || service->intent->policy != POLICY_PREDICTIVE)
		return NULL;
	for (size_t k = 0; k < plan->service_count; k++)
		if (strcmp(plan->services[k].name, service->intent->name) == 0)
			return &plan->services[k];
	return NULL;
}

uint16_t
terms_group(const struct steering *from, const struct steering *to, uint16_t group)
{
	const char *name;

	if (from->groups == to->groups)		/* narrowed steerings share them */
		return group;
	name = from->groups[group].name;
	if (group < to->group_count && strcmp(to->groups[group].name, name) == 0)
		return group;
	for (uint16_t g = 0; g < to->group_count; g++)
		if (strcmp(to->groups[g].name, name) == 0)
			return g;
	return GROUP_DEFAULT;
}

size_t
terms_place(const struct snapshot *snapshot, uint16_t group, uint8_t country)
{
	const struct partition *partition = snapshot->partition;

	if (country != COUNTRY_UNKNOWN && partition->by_country[country] >= snapshot->steering->group_count)
		return partition->by_country[country];
	return group;
}
