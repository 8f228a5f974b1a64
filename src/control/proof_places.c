/* proof_places.c -- clients in every network and country, taken the way that a query goes, and judged by the rules.
 * In: a snapshot, whose live words are ours.  Out: errors.  Threads: as proof.c.
 *
 * steered_at() is what answers, from the client's place on; law_allows_in() reads the rules as they are written and
 * knows nothing of the masks and tables that the other one goes by. They have nothing in common but the steering, so a
 * wrong mask, table, order or list is found, whichever made it. A place is a network or none, and a country or none:
 * each country alone, each network with its unlike countries, as the rules tell them apart.
 *
 * In each state of the live words: nothing lost, each region, each risk group, everything (fail-open, or an explicit
 * none); nothing drained, a half of everything, all of it. With ECS and without, which is another key and so another
 * slot. A plan that was made for other rules may leave lists of regions that aren't legal any more: such lists are
 * asked as well, each region being first. */
#include "control/proof_parts.h"

#include <stdlib.h>
#include <string.h>

#include "serve/steered.h"
#include "steer/law.h"

#define EVERYTHING "everything"

/* Who is judged at the moment. */
struct client {
	const struct spot *spot;
	uint8_t country;
	uint16_t group;
	struct region_set allowed;	/* by the rules */
	bool refused;			/* one error for each is enough */
};

static void add_edges(struct prover *p, const struct prefix *prefix);
static void add_spot(struct prover *p, const struct address *address);
static bool step(struct address *address, int by);
static void prove_spot(struct prover *p, const struct spot *spot);
static bool is_new(const struct region_set *seen, size_t count, struct region_set allowed);
static struct region_set allowed_at(const struct prover *p, const struct spot *spot, uint8_t country);
static void prove_client(struct prover *p, struct client *client);
static struct region_set all_regions(const struct prover *p);
static void prove_state(struct prover *p, struct client *client, struct region_set lost, const char *name,
	admit admitted);
static void set_words(const struct prover *p, struct region_set lost, admit admitted);
static void prove_answer(struct prover *p, struct client *client, struct region_set lost, const char *name,
	admit admitted, uint8_t length, uint16_t type);
static struct steered answer_for(const struct prover *p, const struct client *client, uint8_t length, uint16_t type);
static void judge(struct prover *p, struct client *client, const struct pick *pick, struct region_set able,
	struct region_set lost, const char *name, bool drained);
static void prove_stale(struct prover *p, struct client *client, struct region_set lost, const char *name);

/* --- where one may be ---------------------------------------------------------------------------------------- */

/* What a network has beside those within it begins or ends where it does, or where one of those does. */
void
proof_spots(struct prover *p)
{
	static const char *const plain[] = { "192.0.2.1", "2001:db8::1" };
	const struct steering *steering = p->snapshot->steering;

	p->told = arena_alloc(p->arena, steering->group_count);
	p->failed = p->told == NULL;
	for (size_t i = 0; i < ARRAY_SIZE(plain) && !p->failed; i++) {
		struct address address;

		if (address_parse(plain[i], &address) == 0)
			add_spot(p, &address);
	}
	for (size_t g = 0; g < steering->group_count && !p->failed; g++)
		for (size_t i = 0; i < steering->groups[g].network_count; i++)
			add_edges(p, &steering->groups[g].networks[i]);
}

static void
add_edges(struct prover *p, const struct prefix *prefix)
{
	struct address first = prefix->address, last = first, before, after;

	for (unsigned bit = prefix->length; bit < last.bits; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	before = first;
	after = last;
	add_spot(p, &first);
	add_spot(p, &last);
	if (step(&before, -1))
		add_spot(p, &before);
	if (step(&after, 1))
		add_spot(p, &after);
}

/* False: there is none. */
static bool
step(struct address *address, int by)
{
	for (size_t i = address->bits / 8; i-- > 0;) {
		address->bytes[i] = (uint8_t)(address->bytes[i] + by);
		if (address->bytes[i] != (by > 0 ? 0 : 255))
			return true;
	}
	return false;
}

static void
add_spot(struct prover *p, const struct address *address)
{
	struct place place;
	struct spot *grown;

	locate(p->snapshot->locator, address, &place);
	for (size_t i = 0; i < p->spot_count; i++)
		if (p->spots[i].network == place.network)
			return;
	if (p->spot_count == p->spot_size) {
		p->spot_size = p->spot_size == 0 ? 64 : p->spot_size * 2;
		grown = realloc(p->spots, p->spot_size * sizeof(*grown));
		if (grown == NULL) {
			p->failed = true;
			p->spot_size = p->spot_count;
			return;
		}
		p->spots = grown;
	}
	p->spots[p->spot_count++] = (struct spot){ place.network, *address };
}

/* --- who is judged ------------------------------------------------------------------------------------------- */

void
proof_places(struct prover *p)
{
	memset(p->told, 0, p->snapshot->steering->group_count);
	for (size_t i = 0; i < p->spot_count && p->service->type_count > 0; i++)
		prove_spot(p, &p->spots[i]);
	set_words(p, (struct region_set){ { 0 } }, ADMIT_ALL);
}

/* In no network every country has a table and a law of its own; within one, of those with the same law one is enough.
 * Without a database no client has a country. */
static void
prove_spot(struct prover *p, const struct spot *spot)
{
	const struct locator *locator = p->snapshot->locator;
	unsigned countries = p->snapshot->geo == NULL ? 1 : country_count();
	struct region_set seen[COUNTRIES_MAX];
	size_t seen_count = 0;

	for (unsigned c = 0; c < countries; c++) {
		struct client client = { .spot = spot, .country = (uint8_t)c,
			.allowed = allowed_at(p, spot, (uint8_t)c),
			.group = spot->network != 0 ? locator_network_group(locator, spot->network)
			    : locator_country_group(locator, (uint8_t)c) };

		if (spot->network != 0 && !is_new(seen, seen_count, client.allowed))
			continue;
		seen[seen_count++] = client.allowed;
		p->proof->places++;
		prove_client(p, &client);
	}
}

static bool
is_new(const struct region_set *seen, size_t count, struct region_set allowed)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(&seen[i], &allowed, sizeof(allowed)) == 0)
			return false;
	return true;
}

static struct region_set
allowed_at(const struct prover *p, const struct spot *spot, uint8_t country)
{
	const struct steering_service *intent = p->service->intent;
	struct region_set allowed = { { 0 } };

	for (size_t i = 0; i < intent->region_count; i++)
		if (law_allows_in(p->snapshot->steering, intent, country, &spot->address, intent->regions[i].region))
			region_set_add(&allowed, intent->regions[i].region);
	return allowed;
}

/* --- in each state ------------------------------------------------------------------------------------------- */

static void
prove_client(struct prover *p, struct client *client)
{
	static const admit admits[] = { ADMIT_ALL, ADMIT_ALL / 2, ADMIT_NONE };

	for (size_t a = 0; a < ARRAY_SIZE(admits) && !client->refused; a++) {
		for (size_t i = 0; i < p->loss_count; i++)
			prove_state(p, client, p->losses[i].regions, p->losses[i].name, admits[a]);
		prove_state(p, client, all_regions(p), EVERYTHING, admits[a]);
	}
	for (size_t i = 0; i < p->loss_count && !client->refused; i++)
		prove_stale(p, client, p->losses[i].regions, p->losses[i].name);
	prove_stale(p, client, all_regions(p), EVERYTHING);
}

static struct region_set
all_regions(const struct prover *p)
{
	struct region_set all = { { 0 } };

	for (size_t r = 0; r < p->snapshot->steering->region_count; r++)
		region_set_add(&all, (region_id)r);
	return all;
}

static void
prove_state(struct prover *p, struct client *client, struct region_set lost, const char *name, admit admitted)
{
	const struct service *service = p->service;
	uint8_t bits = client->spot->address.bits;

	set_words(p, lost, admitted);
	for (size_t t = 0; t < service->type_count && !client->refused; t++) {
		prove_answer(p, client, lost, name, admitted, bits, service->types[t].type);
		prove_answer(p, client, lost, name, admitted, bits == 32 ? 24 : 48, service->types[t].type);
	}
}

static void
set_words(const struct prover *p, struct region_set lost, admit admitted)
{
	for (size_t r = 0; r < p->snapshot->steering->region_count; r++) {
		live_set_dead(p->service->live, (region_id)r, region_set_has(&lost, (region_id)r));
		live_set_admit(p->service->live, (region_id)r, admitted);
	}
}

static void
prove_answer(struct prover *p, struct client *client, struct region_set lost, const char *name, admit admitted,
	uint8_t length, uint16_t type)
{
	struct steered chosen = answer_for(p, client, length, type);

	judge(p, client, &chosen.pick, chosen.able, lost, name, admitted == ADMIT_NONE);
}

static struct steered
answer_for(const struct prover *p, const struct client *client, uint8_t length, uint16_t type)
{
	struct steered_client from = { client->spot->address, length };
	struct steered chosen = { .place = { .network = client->spot->network, .country = client->country,
	    .group = client->group } };

	steered_at(&chosen, p->snapshot, p->service, &from, type, false, NULL);
	return chosen;
}

static void
judge(struct prover *p, struct client *client, const struct pick *pick, struct region_set able, struct region_set lost,
	const char *name, bool drained)
{
	p->proof->picks++;
	if (client->refused || proof_is_lawful(p->service, pick, region_set_and(client->allowed, able), lost, drained))
		return;
	client->refused = true;
	if (p->told[client->group])
		return;
	p->told[client->group] = true;
	proof_refuse(p, p->snapshot->steering->groups[client->group].name, name, pick);
}

/* Lists that no table has: each region first, the next one behind it. */
static void
prove_stale(struct prover *p, struct client *client, struct region_set lost, const char *name)
{
	const struct service *service = p->service;
	struct steered chosen;

	set_words(p, lost, ADMIT_ALL);
	chosen = answer_for(p, client, client->spot->address.bits, service->types[0].type);
	for (size_t i = 0; i < service->order_count; i++) {
		struct slot slot = { .list = { service->order[i], service->order[(i + 1) % service->order_count],
		    NO_REGION, NO_REGION } };
		struct pick_question question = { .slot = &slot, .live = service->live, .legal = chosen.legal,
			.able = chosen.able, .order = service->order, .order_count = service->order_count,
			.when_all_down = service->intent->when_all_down };
		struct pick pick = slots_pick(&question);

		judge(p, client, &pick, chosen.able, lost, name, false);
	}
}
