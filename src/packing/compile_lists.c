/* compile_lists.c -- tables of one list for all clients of a group: the nearest first, or the first of the order.
 * In: a service's groups, or countries, with their law.  Out: tables.  Threads: control. */
#include "base/hash.h"
#include "packing/compile_parts.h"
#include "plan/cost.h"
#include "steer/country.h"

static struct location country_location(const struct job *job, uint8_t country);

struct slot_table *
compile_list(const struct job *job, const struct service_tables *tables, uint16_t group)
{
	struct location from = { false, 0, 0 };
	struct region_set legal = job->subjects[group].legal;
	region_id order[REGIONS_MAX];
	struct slot_table *table;
	uint64_t inputs;

	if (job->service->policy == POLICY_GEOGRAPHIC)
		from = demand_location(job->steering, &job->partition->groups[group]);
	inputs = hash64((const double[]){ from.known, from.latitude, from.longitude }, 3 * sizeof(double), job->hash);
	inputs = hash64(&legal, sizeof(legal), inputs);
	table = compile_keep(job, tables, group, inputs);
	if (table != NULL)
		return table;
	table = pack_list(order, compile_order(job, legal, from, order));
	if (table != NULL)
		table->inputs = inputs;
	return table;
}

/* A client in no network group is served from the region nearest to its country, or to its group where that has a
 * location of its own. Law is that of the country; networks narrow it when picked. */
struct slot_table *
compile_countries(const struct job *job)
{
	const struct slot_table *last = job->last == NULL ? NULL : job->last->by_country;
	struct region_set legal[COUNTRIES_MAX] = { { { 0 } } };
	struct slot_table *table;
	uint64_t inputs = job->hash;

	for (unsigned c = 1; c < country_count(); c++) {
		struct location from = country_location(job, (uint8_t)c);

		legal[c] = locator_legal(job->locator, job->service, 0, (uint8_t)c);
		inputs = hash64((const double[]){ from.latitude, from.longitude }, 2 * sizeof(double), inputs);
	}
	inputs = hash64(legal, sizeof(legal), inputs);
	if (last != NULL && job->same_regions && last->inputs == inputs) {
		table = (struct slot_table *)(uintptr_t)last;
		slot_table_hold(table);
		return table;
	}
	table = slot_table_new(COUNTRIES_MAX, 0);
	for (unsigned c = 1; table != NULL && c < country_count(); c++) {
		region_id order[REGIONS_MAX];
		size_t count = compile_order(job, legal[c], country_location(job, (uint8_t)c), order);

		for (size_t i = 0; i < count && i < SLOT_LIST; i++)
			table->slots[c].list[i] = order[i];
	}
	if (table != NULL)
		table->inputs = inputs;
	return table;
}

static struct location
country_location(const struct job *job, uint8_t country)
{
	const struct country *at = country_at(country);
	uint16_t group = locator_country_group(job->locator, country);

	if (job->steering->groups[group].location.known)
		return job->steering->groups[group].location;
	return (struct location){ true, at->latitude, at->longitude };
}

/* Legal regions, the best first: by distance where both ends are known, else by priority and as written. Regions of
 * weight 0 come last: they are the last resort. Insertion sort: stable, and lists are short. */
size_t
compile_order(const struct job *job, struct region_set legal, struct location from, region_id *order)
{
	double keys[REGIONS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < job->service->region_count; i++) {
		const struct service_region *sr = &job->service->regions[i];
		const struct location *to = &job->steering->regions[sr->region].location;
		double key = sr->priority;
		size_t at;

		if (!region_set_has(&legal, sr->region))
			continue;
		if (from.known)
			key = to->known ? great_circle_km(from.latitude, from.longitude, to->latitude, to->longitude)
				: 1e6;
		if (sr->weight <= 0)
			key += 1e9;
		for (at = count++; at > 0 && keys[at - 1] > key; at--) {
			keys[at] = keys[at - 1];
			order[at] = order[at - 1];
		}
		keys[at] = key;
		order[at] = sr->region;
	}
	return count;
}
