/* cost.c -- distances and measurements into milliseconds.
 * In: the steering, the demand groups, measured rows.  Out: a table.  Threads: any; pure. */
#include "plan/cost.h"

#include <math.h>
#include <string.h>

#define KM_PER_MS 199.86	/* light in fibre: two thirds of that in vacuum */
#define DETOUR 1.4		/* cables against the great circle */
#define LAST_MILE_MS 4.0

static struct location middle_of_countries(const struct client_group *group);

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
