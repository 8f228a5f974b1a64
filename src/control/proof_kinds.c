/* proof_kinds.c -- the kinds of clients that a service has.
 * In: a snapshot.  Out: law and table of each kind, and an address of it where one is known.  Threads: as proof.c.
 * There are clients of a network in a country, of a country in no network, and of no known country. A resolver without
 * ECS is a client like any other: its address is of one of these. Countries have no address without a search through
 * the database; proof_places.c takes clients to be there. */
#include "control/proof_parts.h"

#include <stdlib.h>
#include <string.h>

#include "serve/steered.h"

static void list_kinds(struct prover *p);
static void list_network_kinds(struct prover *p, const uint8_t *countries, size_t count);
static void add_kind(struct prover *p, const struct kind *kind);
static void locate_kinds(struct prover *p);
static void locate_kind(struct prover *p, const struct address *address);

void
proof_kinds(struct prover *p)
{
	p->kind_count = 0;
	list_kinds(p);
	locate_kinds(p);
}

/* Without a database no client has a country. Of countries that narrow a network's law alike one is enough. */
static void
list_kinds(struct prover *p)
{
	const struct service *service = p->service;
	const struct locator *locator = p->snapshot->locator;
	unsigned countries = p->snapshot->geo == NULL ? 1 : country_count();
	uint8_t unlike[COUNTRIES_MAX];
	size_t unlike_count = 0;

	for (unsigned c = 0; c < countries; c++) {
		const struct region_set *joined = service->legal_by_country_in_network;
		bool by_country = service->by_country != NULL && c != COUNTRY_UNKNOWN;
		uint16_t group = locator_country_group(locator, (uint8_t)c);
		size_t k = 0;

		add_kind(p, &(struct kind){ .legal = service->legal_by_country[c],
		    .table = by_country ? service->by_country : service->tables[p->snapshot->partition->by_country[c]],
		    .slot = by_country ? c : UINT32_MAX, .name = p->snapshot->steering->groups[group].name });
		while (k < unlike_count && memcmp(&joined[unlike[k]], &joined[c], sizeof(*joined)) != 0)
			k++;
		if (k == unlike_count)
			unlike[unlike_count++] = (uint8_t)c;
	}
	list_network_kinds(p, unlike, unlike_count);
}

static void
list_network_kinds(struct prover *p, const uint8_t *countries, size_t count)
{
	const struct service *service = p->service;
	const struct locator *locator = p->snapshot->locator;

	for (size_t n = 1; n < locator_network_count(locator); n++) {
		uint16_t group = locator_network_group(locator, (uint16_t)n);
		const char *name = p->snapshot->steering->groups[group].name;

		for (size_t k = 0; k < count; k++)
			add_kind(p, &(struct kind){ .legal = region_set_and(service->legal_by_network[n],
			    service->legal_by_country_in_network[countries[k]]), .table = service->tables[group],
			    .slot = UINT32_MAX, .country = countries[k], .name = name });
	}
}

/* Groups may share a table; warnings name each. Kinds of one group come one after the other: the search begins at the
 * last. */
static void
add_kind(struct prover *p, const struct kind *kind)
{
	struct kind *grown;

	for (size_t i = p->kind_count; i-- > 0;)
		if (p->kinds[i].table == kind->table && p->kinds[i].slot == kind->slot && p->kinds[i].name == kind->name
		    && memcmp(&p->kinds[i].legal, &kind->legal, sizeof(kind->legal)) == 0)
			return;
	if (p->kind_count == p->kind_size) {
		p->kind_size = p->kind_size == 0 ? 64 : p->kind_size * 2;
		grown = realloc(p->kinds, p->kind_size * sizeof(*grown));
		if (grown == NULL) {
			p->failed = true;
			p->kind_size = p->kind_count;
			return;
		}
		p->kinds = grown;
	}
	p->kinds[p->kind_count++] = *kind;
}

/* The first address of each network, and some that most steerings have in no network. */
static void
locate_kinds(struct prover *p)
{
	static const char *const others[] = { "192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1" };
	const struct steering *steering = p->snapshot->steering;

	for (size_t g = 0; g < steering->group_count; g++)
		for (size_t i = 0; i < steering->groups[g].network_count; i++)
			locate_kind(p, &steering->groups[g].networks[i].address);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct address address;

		if (address_parse(others[i], &address) == 0)
			locate_kind(p, &address);
	}
}

static void
locate_kind(struct prover *p, const struct address *address)
{
	struct steered chosen;
	struct steered_client client = { *address, (uint8_t)(address->bits == 32 ? 32 : 48) };
	const struct service *service = p->service;
	const char *name;

	if (service->type_count == 0)
		return;
	steered_choose(&chosen, p->snapshot, service, &client, service->types[0].type, NULL);
	name = p->snapshot->steering->groups[chosen.place.group].name;
	for (size_t i = 0; i < p->kind_count; i++) {
		struct kind *kind = &p->kinds[i];

		if (kind->name != name || kind->table != chosen.table
		    || (kind->slot != UINT32_MAX && kind->slot != chosen.slot)
		    || memcmp(&kind->legal, &chosen.legal, sizeof(kind->legal)) != 0)
			continue;
		kind->located = true;
		kind->address = *address;
		return;
	}
	diag_error(p->diags, (struct diag_place){ .file = p->file, .line = service->intent->line }, NULL,
	    "%s: a client of '%s' is of no kind that the proof knows", service->intent->name, name);
}
