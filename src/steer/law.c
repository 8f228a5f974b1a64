/* law.c -- residency by reading the rules, for one address at a time.
 * In: the steering as it was written (conf/), an address, a region.  Out: whether that's allowed.
 * Threads: any; pure.
 * Answers use masks that are compiled once for each network and country (locate.c, snapshot.c). Here nothing is
 * compiled, and nothing of that is used: each rule is asked whether it names a group that holds the address. That is
 * slow, and right for another reason than the masks, so workers ask it of a sample of their answers. */
#include "steer/law.h"

#include <strings.h>

#include "steer/country.h"

struct person {
	const struct steering *steering;
	const struct geo *geo;
	const struct address *address;
	bool located;				/* `country` is known: given, or the database was asked */
	const struct country *country;
};

static bool allows(const struct steering_service *service, struct person *person, region_id region);
static bool serves(const struct steering_service *service, region_id region);
static bool rule_names(const struct residency_rule *rule, struct person *person);
static bool group_holds(const struct client_group *group, struct person *person);
static bool no_group_holds(struct person *person);

bool
law_allows(const struct steering *steering, const struct steering_service *service, const struct geo *geo,
	const struct address *address, region_id region)
{
	struct person person = { .steering = steering, .geo = geo, .address = address };

	return allows(service, &person, region);
}

bool
law_allows_in(const struct steering *steering, const struct steering_service *service, uint8_t country,
	const struct address *address, region_id region)
{
	struct person person = { .steering = steering, .address = address, .located = true,
		.country = country_at(country) };

	return allows(service, &person, region);
}

static bool
allows(const struct steering_service *service, struct person *person, region_id region)
{
	if (!serves(service, region))
		return false;
	for (size_t i = 0; i < service->rule_count; i++)
		if (!region_set_has(&service->rules[i].regions, region) && rule_names(&service->rules[i], person))
			return false;
	return true;
}

static bool
serves(const struct steering_service *service, region_id region)
{
	for (size_t i = 0; i < service->region_count; i++)
		if (service->regions[i].region == region)
			return true;
	return false;
}

static bool
rule_names(const struct residency_rule *rule, struct person *person)
{
	for (size_t i = 0; i < rule->group_count; i++)
		if (rule->groups[i] == GROUP_DEFAULT ? no_group_holds(person)
		    : group_holds(&person->steering->groups[rule->groups[i]], person))
			return true;
	return false;
}

static bool
group_holds(const struct client_group *group, struct person *person)
{
	uint8_t length;

	if (person->address->bits == 0)
		return false;
	for (size_t i = 0; i < group->network_count; i++)
		if (prefix_covers(&group->networks[i], person->address))
			return true;
	if (group->country_count + group->continent_count == 0 || (person->geo == NULL && !person->located))
		return false;
	if (!person->located)
		person->country = country_at(geo_country(person->geo, person->address, &length));
	person->located = true;
	for (size_t i = 0; i < group->country_count; i++)
		if (strcasecmp(group->countries[i], person->country->code) == 0)
			return true;
	for (size_t i = 0; i < group->continent_count; i++)
		if (strcasecmp(group->continents[i], person->country->continent) == 0)
			return true;
	return false;
}

/* Who is in no other group is in "default". */
static bool
no_group_holds(struct person *person)
{
	for (size_t i = GROUP_DEFAULT + 1; i < person->steering->group_count; i++)
		if (group_holds(&person->steering->groups[i], person))
			return false;
	return true;
}

size_t
law_work(const struct steering *steering, const struct steering_service *service)
{
	size_t work = 0, all = 0;

	for (size_t i = 0; i < steering->group_count; i++)
		all += 1 + steering->groups[i].network_count;
	for (size_t i = 0; i < service->rule_count; i++)
		for (size_t k = 0; k < service->rules[i].group_count; k++) {
			uint16_t group = service->rules[i].groups[k];

			work += group == GROUP_DEFAULT ? all : 1 + steering->groups[group].network_count;
		}
	return work;
}
