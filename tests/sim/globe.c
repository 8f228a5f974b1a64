/* globe.c -- countries, cloud sites, capacities and the day.
 * In: how many regions, how finely countries are cut, a seed.  Out: plain data.
 *
 * Users are millions of people online, rounded from what national statistics and the ITU publish for 2022 to 2024; they
 * only set the proportions. Sites are towns where large clouds have regions; the order is that in which one might open
 * them: the first 12 cover the continents, 24 give each large market a second one.
 * Capacity: an operator builds where the users are, but not exactly. A group's users are spread over the three nearest
 * legal sites by 1/2, 1/3, 1/6, and the sum is blurred by a log-normal factor (sigma 0.3). Nobody's policy was looked at
 * when that rule was written.
 * The law: people of the European Union may be served in the EU, the UK or Switzerland only; people in China in China
 * and Hong Kong only. In a world with fewer than three such regions the rule is left out, since no service would be built
 * that one loss takes away.
 * The day: demand follows 1 + 0.5 cos(2 pi (local hour - 20) / 24), local by longitude: three times as much in the
 * evening as in the morning. */
#include "globe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"
#include "plan/cost.h"
#include "steer/country.h"

static const struct { char code[3]; double users; } people[] = {
	{ "CN", 1090 }, { "IN", 880 }, { "US", 315 }, { "ID", 215 }, { "BR", 185 }, { "RU", 130 }, { "PK", 110 },
	{ "JP", 108 }, { "MX", 107 }, { "NG", 105 }, { "PH", 85 }, { "EG", 82 }, { "DE", 79 }, { "VN", 78 },
	{ "BD", 75 }, { "IR", 73 }, { "TR", 73 }, { "GB", 66 }, { "TH", 63 }, { "FR", 60 }, { "IT", 51 },
	{ "KR", 50 }, { "ES", 46 }, { "ZA", 45 }, { "AR", 40 }, { "CO", 39 }, { "CA", 36 }, { "SA", 36 },
	{ "IQ", 34 }, { "MA", 34 }, { "DZ", 33 }, { "MY", 33 }, { "PL", 33 }, { "UA", 30 }, { "UZ", 29 },
	{ "PE", 26 }, { "AU", 25 }, { "GH", 24 }, { "MM", 24 }, { "ET", 22 }, { "KE", 22 }, { "TW", 22 },
	{ "VE", 20 }, { "TZ", 19 }, { "CL", 18 }, { "KZ", 18 }, { "NL", 17.3 }, { "RO", 17 }, { "NP", 16 },
	{ "LK", 12 }, { "BE", 11 }, { "SE", 10.2 }, { "AE", 9.4 }, { "CZ", 9.3 }, { "PT", 9.1 }, { "GR", 8.8 },
	{ "HU", 8.8 }, { "AT", 8.6 }, { "CH", 8.6 }, { "IL", 8.4 }, { "HK", 7 }, { "DK", 5.8 }, { "SG", 5.8 },
	{ "NO", 5.4 }, { "FI", 5.3 }, { "IE", 5 }, { "NZ", 5 },
};

static const struct { const char *town; char country[3]; double latitude, longitude; } sites[] = {
	{ "ashburn", "US", 39.0, -77.5 }, { "frankfurt", "DE", 50.1, 8.7 }, { "singapore", "SG", 1.3, 103.8 },
	{ "mumbai", "IN", 19.1, 72.9 }, { "beijing", "CN", 39.9, 116.4 }, { "saopaulo", "BR", -23.5, -46.6 },
	{ "tokyo", "JP", 35.7, 139.7 }, { "portland", "US", 45.5, -122.7 }, { "shanghai", "CN", 31.2, 121.5 },
	{ "johannesburg", "ZA", -26.2, 28.0 }, { "dubai", "AE", 25.2, 55.3 }, { "sydney", "AU", -33.9, 151.2 },
	{ "london", "GB", 51.5, -0.1 }, { "dallas", "US", 32.8, -96.8 }, { "hyderabad", "IN", 17.4, 78.5 },
	{ "hongkong", "HK", 22.3, 114.2 }, { "paris", "FR", 48.9, 2.4 }, { "jakarta", "ID", -6.2, 106.8 },
	{ "guangzhou", "CN", 23.1, 113.3 }, { "queretaro", "MX", 20.6, -100.4 }, { "seoul", "KR", 37.6, 127.0 },
	{ "stockholm", "SE", 59.3, 18.1 }, { "delhi", "IN", 28.6, 77.2 }, { "lagos", "NG", 6.5, 3.4 },
	{ "dublin", "IE", 53.3, -6.3 }, { "milan", "IT", 45.5, 9.2 }, { "warsaw", "PL", 52.2, 21.0 },
	{ "santiago", "CL", -33.4, -70.7 }, { "osaka", "JP", 34.7, 135.5 }, { "montreal", "CA", 45.5, -73.6 },
	{ "losangeles", "US", 34.1, -118.2 }, { "chengdu", "CN", 30.6, 104.1 }, { "istanbul", "TR", 41.0, 29.0 },
	{ "madrid", "ES", 40.4, -3.7 }, { "melbourne", "AU", -37.8, 145.0 }, { "zurich", "CH", 47.4, 8.5 },
	{ "telaviv", "IL", 32.1, 34.8 }, { "bogota", "CO", 4.7, -74.1 }, { "bangkok", "TH", 13.8, 100.5 },
	{ "columbus", "US", 40.0, -83.0 },
};

static const char union_members[] = "AT BE CZ DE DK ES FI FR GR HU IE IT NL PL PT RO SE";
static const char union_law[] = "AT BE CZ DE DK ES FI FR GR HU IE IT NL PL PT RO SE GB CH", china_law[] = "CN HK";

static void place_regions(struct globe *globe);
static void place_groups(struct globe *globe, const struct globe_options *options);
static struct region_set regions_in(const struct globe *globe, const char *countries);
static void rank_regions(struct globe *globe);
static void build_capacity(struct globe *globe, uint64_t seed);

struct globe *
globe_new(struct globe_options options)
{
	struct globe *globe = calloc(1, sizeof(*globe));

	if (globe == NULL)
		abort();
	globe->region_count = options.regions;
	globe->group_count = ARRAY_SIZE(people) * options.parts;
	if (options.groups_most > 0 && globe->group_count > options.groups_most)
		globe->group_count = options.groups_most;
	globe->regions = calloc(globe->region_count, sizeof(*globe->regions));
	globe->groups = calloc(globe->group_count, sizeof(*globe->groups));
	globe->latency = calloc(globe->group_count * globe->region_count, sizeof(*globe->latency));
	if (globe->regions == NULL || globe->groups == NULL || globe->latency == NULL)
		abort();
	place_regions(globe);
	place_groups(globe, &options);
	rank_regions(globe);
	build_capacity(globe, options.seed);
	return globe;
}

void
globe_free(struct globe *globe)
{
	if (globe == NULL)
		return;
	free(globe->regions);
	free(globe->groups);
	free(globe->latency);
	free(globe);
}

/* The second and third region of a site lie some 60 km apart: near enough for the same clients. */
static void
place_regions(struct globe *globe)
{
	for (size_t r = 0; r < globe->region_count; r++) {
		struct globe_region *region = &globe->regions[r];
		size_t site = r % ARRAY_SIZE(sites), nth = r / ARRAY_SIZE(sites);

		snprintf(region->name, sizeof(region->name), nth == 0 ? "%s" : "%s-%zu", sites[site].town, nth + 1);
		memcpy(region->country, sites[site].country, 3);
		region->latitude = sites[site].latitude + 0.5 * (double)nth;
		region->longitude = sites[site].longitude;
	}
}

/* Parts of a country lie within some 6 degrees of its middle and have shares that differ up to four times. */
static void
place_groups(struct globe *globe, const struct globe_options *options)
{
	struct dice dice = dice_new(options->seed, 1);
	struct region_set europe = regions_in(globe, union_law), china = regions_in(globe, china_law), everywhere = { { 0 } };
	double sum = 0;

	for (size_t r = 0; r < globe->region_count; r++)
		region_set_add(&everywhere, (region_id)r);
	for (size_t g = 0; g < globe->group_count; g++) {
		struct globe_group *group = &globe->groups[g];
		size_t nation = g / options->parts, part = g % options->parts;
		const char *code = people[nation].code;
		const struct country *country = country_at(country_find(code));

		memcpy(group->country, code, 3);
		snprintf(group->name, sizeof(group->name), options->parts == 1 ? "%s" : "%s-%zu", code, part + 1);
		group->latitude = country->latitude;
		group->longitude = country->longitude;
		group->share = people[nation].users;
		if (options->parts > 1) {
			group->latitude += 6 * (dice_uniform(&dice) - 0.5);
			group->longitude += 12 * (dice_uniform(&dice) - 0.5);
			group->share *= 0.25 + 0.75 * dice_uniform(&dice);
		}
		group->peak_utc = fmod(20 - country->longitude / 15 + 24, 24);
		group->legal = everywhere;
		if (!options->anywhere && strstr(union_members, code) != NULL && region_set_count(europe) >= 3)
			group->legal = europe;
		if (!options->anywhere && strcmp(code, "CN") == 0 && region_set_count(china) >= 3)
			group->legal = china;
		sum += group->share;
	}
	for (size_t g = 0; g < globe->group_count; g++)
		globe->groups[g].share /= sum;
}

static struct region_set
regions_in(const struct globe *globe, const char *countries)
{
	struct region_set set = { { 0 } };

	for (size_t r = 0; r < globe->region_count; r++)
		if (strstr(countries, globe->regions[r].country) != NULL)
			region_set_add(&set, (region_id)r);
	return set;
}

static void
rank_regions(struct globe *globe)
{
	for (size_t g = 0; g < globe->group_count; g++) {
		struct globe_group *group = &globe->groups[g];
		double *latency = globe->latency + g * globe->region_count;

		for (size_t r = 0; r < globe->region_count; r++) {
			size_t at;

			latency[r] = cost_of_distance(great_circle_km(group->latitude, group->longitude,
				globe->regions[r].latitude, globe->regions[r].longitude));
			if (!region_set_has(&group->legal, (region_id)r))
				continue;
			for (at = group->near_count++; at > 0 && latency[group->near[at - 1]] > latency[r]; at--)
				group->near[at] = group->near[at - 1];
			group->near[at] = (region_id)r;
		}
	}
}

static void
build_capacity(struct globe *globe, uint64_t seed)
{
	static const double parts[] = { 1 / 2.0, 1 / 3.0, 1 / 6.0 };
	struct dice dice = dice_new(seed, 2);
	double sum = 0;

	for (size_t g = 0; g < globe->group_count; g++)
		for (size_t i = 0; i < ARRAY_SIZE(parts) && i < globe->groups[g].near_count; i++)
			globe->regions[globe->groups[g].near[i]].capacity += globe->groups[g].share * parts[i];
	for (size_t r = 0; r < globe->region_count; r++) {
		/* A site that is nobody's third was built all the same: a tenth of the mean. */
		globe->regions[r].capacity = (globe->regions[r].capacity + 0.1 / (double)globe->region_count)
			* exp(0.3 * dice_normal(&dice));
		sum += globe->regions[r].capacity;
	}
	for (size_t r = 0; r < globe->region_count; r++)
		globe->regions[r].capacity *= GLOBE_CAPACITY / sum;
}

void
globe_demand(const struct globe *globe, double hour, double total, double *demand)
{
	double sum = 0;

	for (size_t g = 0; g < globe->group_count; g++) {
		const struct globe_group *group = &globe->groups[g];

		demand[g] = group->share * (1 + 0.5 * cos((hour - group->peak_utc) * 6.283185307179586 / 24));
		sum += demand[g];
	}
	for (size_t g = 0; g < globe->group_count; g++)
		demand[g] *= total / sum;
}

void
globe_loads(const struct globe *globe, const double *demand, const double *shares, double *loads)
{
	memset(loads, 0, globe->region_count * sizeof(*loads));
	for (size_t g = 0; g < globe->group_count; g++)
		for (size_t r = 0; r < globe->region_count; r++)
			loads[r] += demand[g] * shares[g * globe->region_count + r];
}

double
globe_excess(const struct globe *globe, struct region_set dead, const double *loads, double total, double slack)
{
	double excess = total;

	for (size_t r = 0; r < globe->region_count; r++) {
		double room = region_set_has(&dead, (region_id)r) ? 0 : globe->regions[r].capacity * (1 + slack);

		excess -= loads[r] < room ? loads[r] : room;
	}
	return excess > 1e-6 * total ? excess : 0;	/* below: rounding of sums */
}

double
globe_fill(const struct globe *globe, struct region_set dead, const double *loads)
{
	double fill = 0;

	for (size_t r = 0; r < globe->region_count; r++)
		if (!region_set_has(&dead, (region_id)r) && loads[r] > fill * globe->regions[r].capacity)
			fill = loads[r] / globe->regions[r].capacity;
	return fill;
}

double
globe_mean_latency(const struct globe *globe, const double *demand, const double *shares)
{
	double sum = 0, weight = 0;

	for (size_t g = 0; g < globe->group_count; g++)
		for (size_t r = 0; r < globe->region_count; r++) {
			double w = demand[g] * shares[g * globe->region_count + r];

			sum += w * globe->latency[g * globe->region_count + r];
			weight += w;
		}
	return sum / weight;
}

struct region_set
globe_lost(region_id a, region_id b)
{
	struct region_set set = { { 0 } };

	if (a != NO_REGION)
		region_set_add(&set, a);
	if (b != NO_REGION)
		region_set_add(&set, b);
	return set;
}
