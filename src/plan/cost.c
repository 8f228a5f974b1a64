/* cost.c -- distances and measurements into milliseconds.
 * In: the steering, the demand groups, measured rows.  Out: a table.  Threads: any; pure.
 * The table is filled with distances first. Rows are then laid over it in the order of their worth, so that the best of
 * those that fit comes last and stands. Names are looked up in a sorted list: an import may have a hundred thousand
 * rows. Without the memory for that order, distances stand. */
#include "plan/cost.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KM_PER_MS 199.86	/* light in fibre: two thirds of that in vacuum */
#define DETOUR 1.4		/* cables against the great circle */
#define LAST_MILE_MS 4.0

struct name { const char *text; uint16_t group; };

/* A row, resolved. */
struct measured {
	const struct latency_row *row;
	uint16_t group;			/* or NO_GROUP */
	uint8_t country;		/* or COUNTRY_UNKNOWN */
	region_id region;
};

#define NO_GROUP UINT16_MAX

static struct location middle_of_countries(const struct client_group *group);
static double distance_cost(struct location from, struct location to);
static void lay_over(const struct steering *steering, const struct partition *partition,
	const struct latency_row *rows, size_t row_count, double *ms, bool *known);
static bool resolve(const struct steering *steering, const struct name *names, const struct latency_row *row,
	struct measured *measured);
static uint16_t find_group(const struct steering *steering, const struct name *names, const char *text, size_t length);
static int compare_names(const void *a, const void *b);
static int compare_worth(const void *a, const void *b);
static unsigned rank_of(const struct measured *measured);
static void apply(const struct steering *steering, const struct partition *partition, const struct measured *measured,
	double *ms, bool *known);

double
cost_of_distance(double km)
{
	return LAST_MILE_MS + 2 * DETOUR * km / KM_PER_MS;
}

struct location
demand_location(const struct steering *steering, const struct demand_group *group)
{
	if (group->country != COUNTRY_UNKNOWN) {
		const struct country *country = country_at(group->country);

		return (struct location){ true, country->latitude, country->longitude };
	}
	if (steering->groups[group->group].location.known)
		return steering->groups[group->group].location;
	return middle_of_countries(&steering->groups[group->group]);
}

/* As vectors on the sphere; unknown where there are none, or where they cancel out. */
static struct location
middle_of_countries(const struct client_group *group)
{
	double x = 0, y = 0, z = 0, radian = 3.14159265358979323846 / 180;

	for (unsigned c = 1; c < country_count(); c++) {
		const struct country *country = country_at((uint8_t)c);
		bool inside = false;

		for (size_t i = 0; i < group->country_count && !inside; i++)
			inside = strcmp(group->countries[i], country->code) == 0;
		for (size_t i = 0; i < group->continent_count && !inside; i++)
			inside = strcmp(group->continents[i], country->continent) == 0;
		if (!inside)
			continue;
		x += cos(country->latitude * radian) * cos(country->longitude * radian);
		y += cos(country->latitude * radian) * sin(country->longitude * radian);
		z += sin(country->latitude * radian);
	}
	if (x * x + y * y + z * z < 1e-12)
		return (struct location){ false, 0, 0 };
	return (struct location){ true, atan2(z, sqrt(x * x + y * y)) / radian, atan2(y, x) / radian };
}

void
cost_table(const struct steering *steering, const struct partition *partition, const struct latency_row *rows,
	size_t row_count, double *ms, bool *known)
{
	for (size_t i = 0; i < partition->count; i++) {
		struct location from = demand_location(steering, &partition->groups[i]);

		if (known != NULL)
			known[i] = from.known;
		for (size_t r = 0; r < steering->region_count; r++)
			ms[i * steering->region_count + r] = distance_cost(from, steering->regions[r].location);
	}
	if (row_count > 0)
		lay_over(steering, partition, rows, row_count, ms, known);
}

static double
distance_cost(struct location from, struct location to)
{
	if (!from.known || !to.known)
		return COST_UNKNOWN_MS;
	return cost_of_distance(great_circle_km(from.latitude, from.longitude, to.latitude, to.longitude));
}

static void
lay_over(const struct steering *steering, const struct partition *partition, const struct latency_row *rows,
	size_t row_count, double *ms, bool *known)
{
	struct name *names = malloc(steering->group_count * sizeof(*names));
	struct measured *list = malloc(row_count * sizeof(*list));
	size_t count = 0;

	if (names != NULL && list != NULL) {
		for (size_t g = 0; g < steering->group_count; g++)
			names[g] = (struct name){ steering->groups[g].name, (uint16_t)g };
		qsort(names, steering->group_count, sizeof(*names), compare_names);
		for (size_t i = 0; i < row_count; i++)
			count += resolve(steering, names, &rows[i], &list[count]);
		qsort(list, count, sizeof(*list), compare_worth);
		for (size_t i = 0; i < count; i++)
			apply(steering, partition, &list[i], ms, known);
	}
	free(names);
	free(list);
}

/* False for names that the steering doesn't have (any more). */
static bool
resolve(const struct steering *steering, const struct name *names, const struct latency_row *row,
	struct measured *measured)
{
	const char *slash = strchr(row->clients, '/'), *country = slash == NULL ? row->clients : slash + 1;

	*measured = (struct measured){ .row = row, .group = NO_GROUP,
		.region = steering_region_find(steering, row->region) };
	if (measured->region == NO_REGION || !(row->ms >= 0 && isfinite(row->ms)))
		return false;
	if (strlen(country) == 2 && country[0] >= 'A' && country[0] <= 'Z')
		measured->country = country_find(country);
	if (slash != NULL || measured->country == COUNTRY_UNKNOWN)
		measured->group = find_group(steering, names, row->clients,
		    slash == NULL ? strlen(row->clients) : (size_t)(slash - row->clients));
	if (slash != NULL)
		return measured->group != NO_GROUP && measured->country != COUNTRY_UNKNOWN;
	return measured->group != NO_GROUP || measured->country != COUNTRY_UNKNOWN;
}

static uint16_t
find_group(const struct steering *steering, const struct name *names, const char *text, size_t length)
{
	size_t low = 0, high = steering->group_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strncmp(names[middle].text, text, length);

		if (order == 0 && names[middle].text[length] == '\0')
			return names[middle].group;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NO_GROUP;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

/* The best comes last. Rows that are alike in all go by their place, so that the order is one. */
static int
compare_worth(const void *a, const void *b)
{
	const struct measured *x = a, *y = b;

	if (rank_of(x) != rank_of(y))
		return rank_of(x) < rank_of(y) ? -1 : 1;
	if (x->row->measured != y->row->measured)
		return x->row->measured ? 1 : -1;
	if (x->row->at_ms != y->row->at_ms)
		return x->row->at_ms < y->row->at_ms ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

static unsigned
rank_of(const struct measured *measured)
{
	if (measured->country == COUNTRY_UNKNOWN)
		return 0;
	return measured->group == NO_GROUP ? 1 : 2;
}

static void
apply(const struct steering *steering, const struct partition *partition, const struct measured *measured, double *ms,
	bool *known)
{
	/* A client group by itself comes first, countries that are cut out come behind all groups. */
	size_t first = measured->group < steering->group_count && measured->country == COUNTRY_UNKNOWN ?
	    measured->group : steering->group_count;

	for (size_t i = first; i < partition->count; i = i < steering->group_count ? steering->group_count : i + 1) {
		const struct demand_group *group = &partition->groups[i];

		if (measured->group != NO_GROUP && group->group != measured->group)
			continue;
		if (measured->country != COUNTRY_UNKNOWN && group->country != measured->country)
			continue;
		ms[i * steering->region_count + measured->region] = measured->row->ms;
		if (known != NULL)
			known[i] = true;
	}
}
