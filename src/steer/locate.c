/* locate.c -- networks by a binary prefix tree, countries and continents by tables.
 * In: the steering's client groups.  Out: for an address its group, network, country, and the scope of that.
 * Threads: built by one, read by any.  Memory: one arena.
 *
 * The tree has one node a bit. A node carries the longest network that ends at or above it once the tree is closed, so
 * a search just falls until it can't. Where it stops is also the scope: every address that shares the bits looked at
 * falls off at the same place. Operators' lists have some thousand prefixes; a level costs a load that mostly hits the
 * cache, so multi-bit strides were left out.
 *
 * Shares follow the most specific group alone. Law doesn't: an office in Germany stays in Germany, so residency joins
 * the rules of all the groups that hold a client (locator_legal). */
#include "steer/locate.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "steer/country.h"

#define NETWORKS_MAX 65535

struct branch {
	struct branch *child[2];
	uint16_t network;	/* that ends here; 0: none */
};

/* A network of the operator's, with the next one that covers it. */
struct network {
	uint16_t group;
	uint16_t covering;	/* 0: none */
};

struct locator {
	struct arena *arena;
	const struct steering *steering;
	const struct geo *geo;
	bool asks_geo;
	struct branch root4, root6;
	struct network *networks;
	size_t network_count;			/* the first is "none" */
	uint16_t by_country[COUNTRIES_MAX];	/* group by country or continent; GROUP_DEFAULT: neither */
	uint16_t country_group[COUNTRIES_MAX];	/* GROUP_DEFAULT: none names the country */
	uint16_t continent_group[COUNTRIES_MAX];
};

static bool add_networks(struct locator *locator);
static bool add_network(struct locator *locator, const struct prefix *prefix, uint16_t group);
static void close_tree(struct locator *locator, struct branch *branch, uint16_t covering);
static void add_countries(struct locator *locator);
static bool service_asks_country(const struct steering *steering);
static uint8_t fall(const struct branch *root, const struct address *address, uint16_t *network);

struct locator *
locator_new(const struct steering *steering, const struct geo *geo)
{
	struct locator *locator = calloc(1, sizeof(*locator));

	if (locator == NULL)
		return NULL;
	locator->steering = steering;
	locator->geo = geo;
	locator->arena = arena_new();
	if (locator->arena == NULL || !add_networks(locator)) {
		locator_free(locator);
		return NULL;
	}
	add_countries(locator);
	locator->asks_geo = geo != NULL && service_asks_country(steering);
	return locator;
}

void
locator_free(struct locator *locator)
{
	if (locator == NULL)
		return;
	arena_free(locator->arena);
	free(locator);
}

static bool
add_networks(struct locator *locator)
{
	const struct steering *steering = locator->steering;
	size_t total = 1;

	for (size_t g = 0; g < steering->group_count; g++)
		total += steering->groups[g].network_count;
	if (total > NETWORKS_MAX)
		return false;
	locator->networks = arena_alloc(locator->arena, total * sizeof(*locator->networks));
	if (locator->networks == NULL)
		return false;
	locator->network_count = 1;
	for (size_t g = 0; g < steering->group_count; g++)
		for (size_t i = 0; i < steering->groups[g].network_count; i++)
			if (!add_network(locator, &steering->groups[g].networks[i], (uint16_t)g))
				return false;
	close_tree(locator, &locator->root4, 0);
	close_tree(locator, &locator->root6, 0);
	return true;
}

static bool
add_network(struct locator *locator, const struct prefix *prefix, uint16_t group)
{
	struct branch *at = prefix->address.bits == 32 ? &locator->root4 : &locator->root6;

	for (unsigned i = 0; i < prefix->length; i++) {
		unsigned bit = prefix->address.bytes[i / 8] >> (7 - i % 8) & 1;

		if (at->child[bit] == NULL) {
			at->child[bit] = arena_alloc(locator->arena, sizeof(*at));
			if (at->child[bit] == NULL)
				return false;
		}
		at = at->child[bit];
	}
	if (at->network == 0)
		at->network = (uint16_t)locator->network_count++;
	locator->networks[at->network].group = group;
	return true;
}

/* Recursion is at most 128 deep. */
static void
close_tree(struct locator *locator, struct branch *branch, uint16_t covering)
{
	if (branch->network != 0)
		locator->networks[branch->network].covering = covering;
	else
		branch->network = covering;
	for (int bit = 0; bit < 2; bit++)
		if (branch->child[bit] != NULL)
			close_tree(locator, branch->child[bit], branch->network);
}

static void
add_countries(struct locator *locator)
{
	const struct steering *steering = locator->steering;

	for (size_t g = 1; g < steering->group_count; g++) {
		const struct client_group *group = &steering->groups[g];

		for (size_t i = 0; i < group->country_count; i++)
			locator->country_group[country_find(group->countries[i])] = (uint16_t)g;
		for (size_t i = 0; i < group->continent_count; i++)
			for (unsigned c = 1; c < country_count(); c++)
				if (strcmp(country_at((uint8_t)c)->continent, group->continents[i]) == 0)
					locator->continent_group[c] = (uint16_t)g;
	}
	locator->country_group[COUNTRY_UNKNOWN] = GROUP_DEFAULT;
	for (unsigned c = 1; c < country_count(); c++)
		locator->by_country[c] = locator->country_group[c] != GROUP_DEFAULT ? locator->country_group[c]
			: locator->continent_group[c];
}

/* Asking the database costs some hundred nanoseconds: not when nothing would depend on it. Where clients are is what
 * planning is about, so planned services ask. */
static bool
service_asks_country(const struct steering *steering)
{
	for (size_t g = 1; g < steering->group_count; g++)
		if (steering->groups[g].country_count > 0 || steering->groups[g].continent_count > 0)
			return true;
	for (size_t s = 0; s < steering->service_count; s++)
		if (steering->services[s].policy == POLICY_GEOGRAPHIC
		    || steering->services[s].policy == POLICY_PREDICTIVE)
			return true;
	return false;
}

void
locate(const struct locator *locator, const struct address *address, struct place *place)
{
	uint8_t length = 0;

	place->network = 0;
	place->country = COUNTRY_UNKNOWN;
	place->scope = 0;
	place->group = GROUP_DEFAULT;
	if (address->bits == 0)
		return;
	place->scope = fall(address->bits == 32 ? &locator->root4 : &locator->root6, address, &place->network);
	if (locator->asks_geo) {
		place->country = geo_country(locator->geo, address, &length);
		if (length > place->scope)
			place->scope = length;
	}
	place->group = place->network != 0 ? locator->networks[place->network].group
		: locator->by_country[place->country];
}

static uint8_t
fall(const struct branch *root, const struct address *address, uint16_t *network)
{
	const struct branch *at = root;
	unsigned depth = 0;

	for (;;) {
		const struct branch *next;

		*network = at->network;
		if ((at->child[0] == NULL && at->child[1] == NULL) || depth == address->bits)
			return (uint8_t)depth;
		next = at->child[address->bytes[depth / 8] >> (7 - depth % 8) & 1];
		depth++;
		if (next == NULL)
			return (uint8_t)depth;
		at = next;
	}
}

size_t
locator_network_count(const struct locator *locator)
{
	return locator->network_count;
}

uint16_t
locator_network_group(const struct locator *locator, uint16_t network)
{
	return locator->networks[network].group;
}

uint16_t
locator_country_group(const struct locator *locator, uint8_t country)
{
	return locator->by_country[country];
}

struct region_set
locator_legal(const struct locator *locator, const struct steering_service *service, uint16_t network,
	uint8_t country)
{
	uint16_t groups[130];		/* at most one network a bit, a country and a continent */
	size_t count = 0;

	for (uint16_t n = network; n != 0; n = locator->networks[n].covering)
		groups[count++] = locator->networks[n].group;
	if (locator->country_group[country] != GROUP_DEFAULT)
		groups[count++] = locator->country_group[country];
	if (locator->continent_group[country] != GROUP_DEFAULT)
		groups[count++] = locator->continent_group[country];
	if (count == 0)
		groups[count++] = GROUP_DEFAULT;
	return steering_legal(service, groups, count);
}
