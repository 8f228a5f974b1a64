/* moved.c -- how many clients get another region first than they have now.
 * In: the new tables and those in service.  Out: the share of all demand.  Threads: any; pure.
 * Counts of slots may differ, when one divides the other: a slot is then compared with each one that it becomes part
 * of, or that becomes part of it. A heavy key is looked up in the old table as a worker would: it may have had no slot
 * of its own then. */
#include "certificate/parts.h"

#include <math.h>
#include <string.h>

struct pair {		/* of tables of the same clients */
	const struct slot_table *from, *to;
	region_id now[REGIONS_MAX + 1];		/* region of the present snapshot -> of the new one */
};

static const struct service *service_in(const struct snapshot *snapshot, const char *name);
static double common_moved(const struct pair *pair, double *weight);
static double heavy_moved(const struct pair *pair, double *weight);
static region_id first_of(const struct pair *pair, uint32_t slot, bool from);

double
certificate_moved(const struct tabled *tabled, const struct certificate_terms *terms)
{
	const struct snapshot *to = tabled->snapshot, *from = terms->present;
	double moved = 0, all = 0, known = 0;
	struct pair pair;

	if (from == NULL)
		return 0;
	memset(pair.now, NO_REGION, sizeof(pair.now));
	for (size_t r = 0; r < from->steering->region_count; r++)
		pair.now[r] = steering_region_find(to->steering, from->steering->regions[r].name);
	for (size_t i = 0; i < to->service_count * tabled->groups; i++)
		known += isnan(tabled->rates[i]) ? 0 : tabled->rates[i];
	for (size_t s = 0; s < to->service_count; s++) {
		const struct service *new = &to->services[s], *old = service_in(from, new->intent->name);

		if (old == NULL)	/* its clients had no region: they don't move */
			continue;
		for (size_t g = 0; g < tabled->groups; g++) {
			const struct demand_group *group = &to->partition->groups[g];
			double demand = tabled->rates[s * tabled->groups + g], part, weight = 0;

			demand = known <= 0 ? 1 : isnan(demand) ? 0 : demand;
			if (demand <= 0)
				continue;
			pair.to = new->tables[g];
			pair.from = old->tables[terms_place(from,
				terms_group(to->steering, from->steering, group->group), group->country)];
			part = common_moved(&pair, &weight) + heavy_moved(&pair, &weight);
			moved += weight > 0 ? demand * part / weight : 0;
			all += demand;
		}
	}
	return all > 0 ? moved / all : 0;
}

static const struct service *
service_in(const struct snapshot *snapshot, const char *name)
{
	for (size_t s = 0; s < snapshot->service_count; s++)
		if (strcmp(snapshot->services[s].intent->name, name) == 0)
			return &snapshot->services[s];
	return NULL;
}

static double
common_moved(const struct pair *pair, double *weight)
{
	uint32_t most = pair->from->count > pair->to->count ? pair->from->count : pair->to->count;
	double moved = 0;

	if (pair->from == pair->to) {
		*weight += 1;
		return 0;
	}
	for (uint32_t i = 0; i < most; i++) {
		uint32_t to = (uint32_t)((uint64_t)i * pair->to->count / most);
		uint32_t from = (uint32_t)((uint64_t)i * pair->from->count / most);
		double part = table_weight(pair->to, to) * pair->to->count / most;

		*weight += part;
		if (first_of(pair, to, false) != first_of(pair, from, true))
			moved += part;
	}
	return moved;
}

static double
heavy_moved(const struct pair *pair, double *weight)
{
	double moved = 0;

	for (size_t k = 0; pair->from != pair->to && pair->to->heavy_count > 0 && k <= pair->to->heavy_mask; k++) {
		const struct heavy_key *key = &pair->to->heavy[k];
		uint32_t from, to = pair->to->count + key->index;

		if (key->key == 0)
			continue;
		from = slots_heavy(pair->from, key->key);
		if (from == UINT32_MAX)
			from = slots_common((uint64_t)key->position << 32, pair->from->count);
		*weight += table_weight(pair->to, to);
		if (first_of(pair, to, false) != first_of(pair, from, true))
			moved += table_weight(pair->to, to);
	}
	return moved;
}

static region_id
first_of(const struct pair *pair, uint32_t slot, bool from)
{
	region_id first = (from ? pair->from : pair->to)->slots[slot].list[0];

	return from && first != NO_REGION ? pair->now[first] : first;
}
