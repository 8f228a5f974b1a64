/* demand.c -- from counts to requests/s: by demand group, by slot, by heavy key.
 * In: the estimate.  Out: struct demand, rows for the store.  Threads: one; pure.
 *
 * For one demand group, in questions/s first:
 *  asked    what its units were asked, fading fast
 *  heavy    each key that was seen often enough has its part of that (as the slow counts tell), and behind its cache(s)
 *           key_rate() of it
 *  light    what is left, times the service's tail_factor()
 * then times `scale`, which regions' reports give, and the factors that they give to slots and keys. Light demand lies
 * over the slots as the shape has it, without the heavy keys' own questions.
 *
 * The error joins three: chance (1 / sqrt(questions)), caches (a third of what they were taken to hide), and once a
 * settled report has corrected that, a tenth of what it had to correct instead. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "estimate/state.h"
#include "steer/slots.h"

#define EVIDENCE 8.0		/* questions until a key counts as heavy: 35 % of error at the worst */
#define CACHE_DOUBT 0.33
#define REPORT_DOUBT 0.1
#define ERROR_LEAST 0.005

struct group_sum {
	double asked;		/* questions/s */
	double fast, slow;	/* counts; of their own windows */
	double factor;		/* of the units, by what they were asked */
	double pace;		/* questions/s now, by questions/s in the slow window */
	double heavy_seen, heavy_rate;	/* questions/s, and behind caches */
	size_t heavy_count;
	struct demand_key *heavy;
	float *factors;		/* of the heavy keys */
	float *apart;		/* heavy keys' questions by slot of the shape; NULL without one */
	const struct shape *shape;
};

static bool add_units(const struct estimate *estimate, const struct service_estimate *service,
	const struct partition *partition, struct group_sum *sums);
static size_t heavy_find(const struct service_estimate *service, const struct partition *partition,
	const struct group_sum *sums, uint16_t *groups);
static bool add_heavy(const struct service_estimate *service, size_t heavy, const uint16_t *groups, size_t group_count,
	struct arena *arena, struct group_sum *sums);
static double tail_of(const struct service_estimate *service, const struct group_sum *sums, size_t group_count,
	struct arena *arena);
static bool write_group(const struct service_estimate *service, const struct group_sum *sum, double tail,
	struct arena *arena, struct demand_rate *out);
static double error_of(const struct service_estimate *service, double count, double seen, double real);
static double factor_where_no_shape(const struct service_estimate *service, const struct demand_group *group);
static int heavier(const void *a, const void *b);
static uint16_t demand_group_of(const struct partition *partition, uint16_t group, uint8_t country);

struct demand *
estimate_demand(const struct estimate *estimate, const struct steering *steering, const struct locator *locator,
	const uint8_t *countries, size_t country_count, struct wall at)
{
	struct arena *arena = arena_new();
	struct demand *demand = arena == NULL ? NULL : arena_alloc(arena, sizeof(*demand));
	const struct partition *partition = demand == NULL ? NULL
	    : partition_new(steering, locator, countries, country_count, arena);
	struct demand_service *services = partition == NULL ? NULL
	    : arena_alloc(arena, (estimate->service_count + 1) * sizeof(*services));
	bool known = false;

	for (size_t s = 0; services != NULL && s < estimate->service_count; s++) {
		if (!service_demand(estimate, s, partition, arena, &services[s])) {
			services = NULL;
			break;
		}
		known = known || services[s].count > 0;
	}
	if (services == NULL || !known) {
		arena_free(arena);
		return NULL;
	}
	*demand = (struct demand){ arena, at, estimate->service_count, services };
	return demand;
}

bool
service_demand(const struct estimate *estimate, size_t s, const struct partition *partition, struct arena *arena,
	struct demand_service *out)
{
	const struct service_estimate *service = &estimate->services[s];
	struct group_sum *sums = arena_alloc(arena, partition->count * sizeof(*sums));
	struct demand_rate *groups = arena_alloc(arena, partition->count * sizeof(*groups));
	uint16_t *owners = arena_alloc(arena, (service->keys.count + 1) * sizeof(*owners));
	size_t heavy;
	double tail;

	*out = (struct demand_service){ .name = arena_text(arena, service->name), .groups = groups,
	    .scale = service->scale, .ttl_s = service->ttl_s };
	if (sums == NULL || groups == NULL || owners == NULL || out->name == NULL)
		return false;
	if (service->fast_s <= 0 || !add_units(estimate, service, partition, sums))
		return true;
	heavy = heavy_find(service, partition, sums, owners);
	if (!add_heavy(service, heavy, owners, partition->count, arena, sums))
		return false;
	tail = tail_of(service, sums, partition->count, arena);
	for (size_t g = 0; g < partition->count; g++) {
		if (sums[g].asked <= 0)
			continue;
		groups[out->count].group = partition->groups[g].group;
		groups[out->count].country = partition->groups[g].country;
		if (!write_group(service, &sums[g], tail, arena, &groups[out->count++]))
			return false;
	}
	demand_sort(groups, out->count);
	return true;
}

/* False: nothing was asked. */
static bool
add_units(const struct estimate *estimate, const struct service_estimate *service, const struct partition *partition,
	struct group_sum *sums)
{
	bool asked = false;

	for (size_t u = 0; u < unit_count(estimate); u++) {
		const struct unit *unit = &service->units[u];
		struct group_sum *sum = &sums[demand_group_of(partition, unit_group(estimate, u),
		    unit_country(estimate, u))];

		sum->fast += unit->fast;
		sum->slow += unit->slow;
		sum->factor += unit->fast * unit->factor;
	}
	for (size_t g = 0; g < partition->count; g++) {
		struct group_sum *sum = &sums[g];

		if (!(sum->fast > 0 && sum->slow > 0)) {
			*sum = (struct group_sum){ 0 };
			continue;
		}
		asked = true;
		sum->asked = sum->fast / service->fast_s;
		sum->factor /= sum->fast;
		sum->pace = sum->asked / (sum->slow / service->slow_s);
		sum->shape = shape_find(service, partition->groups[g].group, partition->groups[g].country);
		if (sum->shape == NULL)
			sum->factor *= factor_where_no_shape(service, &partition->groups[g]);
	}
	return asked;
}

/* What reports say of the whole client group, for a country that was never a table by itself. */
static double
factor_where_no_shape(const struct service_estimate *service, const struct demand_group *group)
{
	const struct shape *shape = group->country == COUNTRY_UNKNOWN ? NULL
	    : shape_find(service, group->group, COUNTRY_UNKNOWN);
	double sum = 0, weighed = 0;

	for (uint32_t i = 0; shape != NULL && i < shape->count; i++) {
		sum += (double)shape->counts[i];
		weighed += (double)shape->counts[i] * (double)shape->factors[i];
	}
	return sum > 0 ? weighed / sum : 1;
}

/* The first so many keys of the list are heavy; each one's demand group. */
static size_t
heavy_find(const struct service_estimate *service, const struct partition *partition, const struct group_sum *sums,
	uint16_t *groups)
{
	size_t count = 0;

	while (count < service->keys.count && count < DEMAND_HEAVY_MAX
	    && service->keys.list[count].count >= EVIDENCE) {
		groups[count] = demand_group_of(partition, service->keys.list[count].group,
		    service->keys.list[count].country);
		if (sums[groups[count]].asked <= 0)
			groups[count] = UINT16_MAX;
		count++;
	}
	return count;
}

static uint16_t
demand_group_of(const struct partition *partition, uint16_t group, uint8_t country)
{
	return country == COUNTRY_UNKNOWN ? group : partition->by_country[country];
}

static bool
add_heavy(const struct service_estimate *service, size_t heavy, const uint16_t *groups, size_t group_count,
	struct arena *arena, struct group_sum *sums)
{
	for (size_t k = 0; k < heavy; k++)
		if (groups[k] != UINT16_MAX)
			sums[groups[k]].heavy_count++;
	for (size_t g = 0; g < group_count; g++) {
		struct group_sum *sum = &sums[g];

		sum->heavy = arena_alloc(arena, (sum->heavy_count + 1) * sizeof(*sum->heavy));
		sum->factors = arena_alloc(arena, (sum->heavy_count + 1) * sizeof(*sum->factors));
		if (sum->shape != NULL && sum->heavy_count > 0)
			sum->apart = arena_alloc(arena, sum->shape->count * sizeof(*sum->apart));
		if (sum->heavy == NULL || sum->factors == NULL
		    || (sum->apart == NULL && sum->shape != NULL && sum->heavy_count > 0))
			return false;
		sum->heavy_count = 0;
	}
	for (size_t k = 0; k < heavy; k++) {
		const struct known_key *known = &service->keys.list[k];
		struct group_sum *sum = groups[k] == UINT16_MAX ? NULL : &sums[groups[k]];
		struct prefix prefix;
		double real;

		if (sum == NULL)
			continue;
		slots_key_read(known->key, &prefix);
		real = key_rate(known->count, service->keys_s, service->ttl_s) * sum->pace;
		sum->heavy_seen += known->count / service->keys_s * sum->pace;
		sum->heavy_rate += real;
		sum->heavy[sum->heavy_count] = (struct demand_key){ prefix.address, prefix.length, real };
		sum->factors[sum->heavy_count++] = known->factor;
		if (sum->apart != NULL)
			sum->apart[slots_common(slots_position(known->key, service->seed), sum->shape->count)] +=
			    (float)known->spread;
	}
	return true;
}

static double
tail_of(const struct service_estimate *service, const struct group_sum *sums, size_t group_count, struct arena *arena)
{
	size_t count = 0;
	double seen = 0, tail = 1, *rates;

	for (size_t g = 0; g < group_count; g++)
		count += sums[g].heavy_count;
	rates = arena_alloc(arena, (count + 1) * sizeof(*rates));
	count = 0;
	for (size_t g = 0; g < group_count && rates != NULL; g++) {
		for (size_t k = 0; k < sums[g].heavy_count; k++)
			rates[count++] = sums[g].heavy[k].rate;
		seen += sums[g].asked > sums[g].heavy_seen ? sums[g].asked - sums[g].heavy_seen : 0;
	}
	if (rates != NULL) {
		qsort(rates, count, sizeof(*rates), heavier);
		tail = tail_factor(rates, count, seen, service->ttl_s);
	}
	return tail;
}

static int
heavier(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x < *y) - (*x > *y);
}

static int
heavier_key(const void *a, const void *b)
{
	const struct demand_key *x = a, *y = b;

	if (x->rate != y->rate)
		return x->rate < y->rate ? 1 : -1;
	return memcmp(&x->address, &y->address, sizeof(x->address));
}

static bool
write_group(const struct service_estimate *service, const struct group_sum *sum, double tail, struct arena *arena,
	struct demand_rate *out)
{
	double scale = service->scale * sum->factor, seen_light = sum->asked - sum->heavy_seen, light, plain;
	float *slots;

	light = seen_light > 0 ? seen_light * tail : 0;
	plain = light + sum->heavy_rate;
	out->asked = sum->asked;
	out->error = error_of(service, sum->fast, sum->asked, plain);
	out->heavy_count = sum->heavy_count;
	out->heavy = sum->heavy;
	for (size_t k = 0; k < sum->heavy_count; k++) {
		sum->heavy[k].rate *= scale * (double)sum->factors[k];
		out->rate += sum->heavy[k].rate;
	}
	qsort(sum->heavy, sum->heavy_count, sizeof(*sum->heavy), heavier_key);
	if (sum->shape == NULL) {
		out->rate += scale * light;
		return true;
	}
	out->slot_count = sum->shape->count;
	out->slots = slots = arena_alloc(arena, sum->shape->count * sizeof(*slots));
	if (slots == NULL)
		return false;
	shape_shares(sum->shape, sum->apart, slots);
	for (uint32_t i = 0; i < sum->shape->count; i++) {
		slots[i] = (float)(scale * light * (double)slots[i] * (double)sum->shape->factors[i]);
		out->rate += (double)slots[i];
	}
	return true;
}

static double
error_of(const struct service_estimate *service, double count, double seen, double real)
{
	double chance = 1 / sqrt(count > 1 ? count : 1), caches = CACHE_DOUBT * (real > seen ? 1 - seen / real : 0);

	if (isfinite(service->residual))
		caches = REPORT_DOUBT * service->residual;
	if (caches < ERROR_LEAST)
		caches = ERROR_LEAST;
	return sqrt(chance * chance + caches * caches);
}

/* --- rows ---------------------------------------------------------------------------------------------------- */

/* One partition with every country cut out; then those that are too small go back to their group. */
const struct estimate_row *
estimate_rows(struct estimate *estimate, double least, struct arena *arena, size_t *count)
{
	size_t groups = estimate->group_count, most = groups;
	struct partition all = { 0 };
	struct demand_group *cut = arena_alloc(arena, unit_count(estimate) * sizeof(*cut));
	size_t *places = arena_alloc(arena, unit_count(estimate) * sizeof(*places));	/* by unit: its row + 1 */
	struct estimate_row *rows;

	*count = 0;
	if (cut == NULL || places == NULL)
		return NULL;
	for (size_t g = 0; g < groups; g++)
		cut[g] = (struct demand_group){ (uint16_t)g, COUNTRY_UNKNOWN };
	for (unsigned c = 0; c < COUNTRIES_MAX; c++) {
		all.by_country[c] = c == COUNTRY_UNKNOWN ? estimate->by_country[c] : (uint16_t)most;
		if (c != COUNTRY_UNKNOWN)
			cut[most++] = (struct demand_group){ estimate->by_country[c], (uint8_t)c };
	}
	all.count = most;
	all.groups = cut;
	rows = arena_alloc(arena, estimate->service_count * most * sizeof(*rows) + 1);
	for (size_t s = 0; rows != NULL && s < estimate->service_count; s++) {
		struct demand_service service;
		double sum = 0;

		memset(places, 0, unit_count(estimate) * sizeof(*places));
		if (!service_demand(estimate, s, &all, arena, &service))
			return NULL;
		for (size_t g = 0; g < service.count; g++)
			sum += service.groups[g].rate;
		for (size_t g = 0; g < service.count; g++) {
			const struct demand_rate *from = &service.groups[g];
			struct unit *unit = &estimate->services[s].units[unit_of(estimate, from->group, from->country)];
			bool alone = from->country == COUNTRY_UNKNOWN
			    || from->rate >= (unit->alone ? least / 2 : least) * sum;
			uint8_t country = alone ? from->country : COUNTRY_UNKNOWN;
			size_t *place = &places[unit_of(estimate, from->group, country)];
			struct estimate_row *to;

			unit->alone = alone;
			if (*place == 0) {
				rows[*count] = (struct estimate_row){ estimate->services[s].name, from->group,
				    country, 0, 0, 0 };
				*place = ++*count;
			}
			to = &rows[*place - 1];
			/* Errors are independent but for what caches hide; the sum of them is on the safe side. */
			to->error = to->rate + from->rate > 0
			    ? (to->error * to->rate + from->error * from->rate) / (to->rate + from->rate) : 0;
			to->rate += from->rate;
			to->asked += from->asked;
		}
	}
	return rows;
}

/* --- a restart ----------------------------------------------------------------------------------------------- */

static bool restore_group(struct estimate *estimate, struct service_estimate *service, const struct demand_rate *was);
static bool restore_factors(struct estimate *estimate, size_t s, const struct demand_service *was,
	const struct partition *partition, struct arena *arena);

/* As if it had been counted for one time constant: new counts weigh as much as these after as long. Then the factors
 * are set so that the very rates come out that went in. */
bool
estimate_restore(struct estimate *estimate, const struct demand *demand, const struct steering *steering,
	const struct locator *locator)
{
	bool good = true;

	for (size_t s = 0; s < estimate->service_count && good; s++) {
		struct service_estimate *service = &estimate->services[s];
		const struct demand_service *was = demand_service_find(demand, service->name);
		struct arena *arena = was == NULL || was->count == 0 ? NULL : arena_new();
		uint8_t countries[COUNTRIES_MAX];
		size_t count = 0;
		const struct partition *partition;

		if (arena == NULL)
			continue;
		service->scale = was->scale > 0 ? was->scale : 1;
		service->ttl_s = was->ttl_s;
		service->fast_s = ESTIMATE_RATE_S;
		service->slow_s = service->keys_s = ESTIMATE_SHAPE_S;
		for (size_t g = 0; g < was->count && good; g++) {
			good = restore_group(estimate, service, &was->groups[g]);
			if (was->groups[g].country != COUNTRY_UNKNOWN && count < COUNTRIES_MAX)
				countries[count++] = was->groups[g].country;
		}
		keys_pass(&service->keys, 0);
		partition = partition_new(steering, locator, countries, count, arena);
		good = good && partition != NULL && restore_factors(estimate, s, was, partition, arena);
		arena_free(arena);
	}
	return good;
}

static bool
restore_group(struct estimate *estimate, struct service_estimate *service, const struct demand_rate *was)
{
	struct unit *unit = &service->units[unit_of(estimate, was->group, was->country)];
	struct place place = { .group = was->group, .country = was->country };
	struct shape *shape;

	unit->fast += was->asked * ESTIMATE_RATE_S;
	unit->slow += was->asked * ESTIMATE_SHAPE_S;
	for (size_t k = 0; k < was->heavy_count; k++) {
		double real = was->heavy[k].rate / service->scale;
		struct known_key *known = keys_find(&service->keys, slots_key(&was->heavy[k].address,
		    was->heavy[k].length));

		if (known == NULL)
			return false;
		known->group = place.group;
		known->country = place.country;
		known->fresh = ESTIMATE_SHAPE_S * real / (1 + real * service->ttl_s);
	}
	if (was->slot_count == 0 || shape_find(service, was->group, was->country) != NULL)
		return true;
	shape = shape_new(service, was->group, was->country, was->slot_count);
	if (shape == NULL)
		return false;
	for (uint32_t i = 0; i < was->slot_count; i++)
		shape->counts[i] = was->rate <= 0 ? 0
		    : (float)((double)was->slots[i] / was->rate * was->asked * ESTIMATE_SHAPE_S);
	return true;
}

static bool
restore_factors(struct estimate *estimate, size_t s, const struct demand_service *was,
	const struct partition *partition, struct arena *arena)
{
	struct service_estimate *service = &estimate->services[s];
	struct demand_service now;

	if (!service_demand(estimate, s, partition, arena, &now))
		return false;
	for (size_t g = 0; g < now.count; g++) {
		const struct demand_rate *is = &now.groups[g], *should = demand_find(was, is->group, is->country);
		struct shape *shape = shape_find(service, is->group, is->country);

		if (should == NULL || is->rate <= 0)
			continue;
		for (uint32_t i = 0; shape != NULL && i < shape->count; i++)
			if ((double)is->slots[i] > 0)
				shape->factors[i] = (float)((double)should->slots[i] / (double)is->slots[i]);
		if (shape == NULL)
			service->units[unit_of(estimate, is->group, is->country)].factor = should->rate / is->rate;
		for (size_t k = 0; shape != NULL && k < should->heavy_count; k++) {
			struct known_key *known = keys_find(&service->keys, slots_key(&should->heavy[k].address,
			    should->heavy[k].length));
			double real = known == NULL ? 0 : service->scale
			    * key_rate(known->count, service->keys_s, service->ttl_s);

			if (real > 0)
				known->factor = (float)(should->heavy[k].rate / real);
		}
	}
	return true;
}
