/* steered.c -- locate, law, slot, pick.
 * In: a service, a client, a type.  Out: the region and its RRset, with all that led there.
 * Threads: any; writes only the worker's own turn.
 *
 * The stages have one order, and each only narrows what the one before left:
 *  1. place: the client's group, network and country;
 *  2. law: the regions that residency leaves;
 *  3. able: the regions that have records of the type (or a CNAME that stands for all types);
 *  4. slot: by the client's key (sticky) or by turn; one slot where the answer doesn't depend on the client, and then
 *     the key gives a rank, so that a partial drain takes a part of them;
 *  5. pick: the slot's list against the live words (pick.c);
 *  6. scope: how many bits of the client's address took part: those of the key where they chose a slot, or may have
 *     chosen by rank. */
#include "serve/steered.h"

#include "dns/types.h"
#include "steer/country.h"

static struct region_set legal_regions(const struct service *service, const struct place *place);
static struct region_set able_regions(const struct service *service, uint16_t type);
static void choose_slot(struct steered *out, const struct snapshot *snapshot, const struct service *service,
	const struct steered_client *client, uint16_t type, uint32_t *turns);
static bool partly_drained(const struct service *service, const struct slot *slot);
static void widen_scope(struct steered *out, const struct steered_client *client);
static const struct rrset *rrset_or_alias(const struct node *node, uint16_t type);
static uint32_t answer_ttl(const struct service *service, uint32_t ttl);

void
steered_choose(struct steered *out, const struct snapshot *snapshot, const struct service *service,
	const struct steered_client *client, uint16_t type, uint32_t *turns)
{
	const struct rrset *own = service->intent->shed ? rrset_or_alias(service->node, type) : NULL;

	steered_place(out, snapshot, service, client, type, own != NULL, turns);
	if (!out->applies)
		return;
	if (out->pick.region != NO_REGION)
		out->rrset = rrset_or_alias(service->variants[out->pick.region], type);
	else if (out->pick.outcome == PICK_SHED)
		out->rrset = own;
	out->ttl = answer_ttl(service, out->rrset != NULL ? out->rrset->ttl : zone_negative_ttl(service->zone));
}

void
steered_place(struct steered *out, const struct snapshot *snapshot, const struct service *service,
	const struct steered_client *client, uint16_t type, bool may_shed, uint32_t *turns)
{
	locate(snapshot->locator, &client->address, &out->place);
	steered_at(out, snapshot, service, client, type, may_shed, turns);
}

void
steered_at(struct steered *out, const struct snapshot *snapshot, const struct service *service,
	const struct steered_client *client, uint16_t type, bool may_shed, uint32_t *turns)
{
	struct pick_question question;

	out->rrset = NULL;
	out->able = able_regions(service, type);
	out->applies = !region_set_is_empty(out->able);
	if (!out->applies)
		return;
	out->legal = legal_regions(service, &out->place);
	out->scope = out->place.scope;
	choose_slot(out, snapshot, service, client, type, turns);
	question = (struct pick_question){
		.slot = &out->table->slots[out->slot],
		.rank = out->rank,
		.may_shed = may_shed,
		.live = service->live,
		.legal = out->legal,
		.able = out->able,
		.order = service->order,
		.order_count = service->order_count,
		.when_all_down = service->intent->when_all_down,
	};
	out->pick = slots_pick(&question);
}

static struct region_set
legal_regions(const struct service *service, const struct place *place)
{
	if (place->network == 0)
		return service->legal_by_country[place->country];
	return region_set_and(service->legal_by_network[place->network],
	    service->legal_by_country_in_network[place->country]);
}

static struct region_set
able_regions(const struct service *service, uint16_t type)
{
	struct region_set able = { { 0 } };

	for (size_t t = 0; t < service->type_count; t++)
		if (service->types[t].type == type || service->types[t].type == TYPE_CNAME)
			able = region_set_or(able, service->types[t].regions);
	return able;
}

static void
choose_slot(struct steered *out, const struct snapshot *snapshot, const struct service *service,
	const struct steered_client *client, uint16_t type, uint32_t *turns)
{
	bool by_country = service->by_country != NULL && out->place.network == 0
	    && out->place.country != COUNTRY_UNKNOWN;

	out->demand_group = partition_find(snapshot->partition, &out->place);
	out->table = by_country ? service->by_country : service->tables[out->demand_group];
	out->slot = by_country ? out->place.country : 0;
	if (by_country || out->table->uniform) {
		out->rank = 0;
		if (partly_drained(service, &out->table->slots[out->slot])) {
			out->rank = slots_rank(&client->address, client->length, service->seed);
			widen_scope(out, client);
		}
		return;
	}
	if (service->intent->sticky) {
		out->slot = slots_place(out->table, &client->address, client->length, service->seed);
		widen_scope(out, client);
	} else if (turns != NULL) {
		/* A and AAAA of one client arrive in turn: a counter a type keeps them from halving the regions. */
		size_t turn = (service->index * snapshot->partition->count + out->demand_group)
			* TURNS_PER_TABLE + type % TURNS_PER_TABLE;

		out->slot = turns[turn]++ % out->table->count;
	}
	out->rank = out->table->slots[out->slot].rank;
}

/* Only the primary takes by rank. */
static bool
partly_drained(const struct service *service, const struct slot *slot)
{
	admit admitted = slot->list[0] == NO_REGION ? ADMIT_ALL : live_admit(service->live, slot->list[0]);

	return admitted != ADMIT_ALL && admitted != ADMIT_NONE;
}

static void
widen_scope(struct steered *out, const struct steered_client *client)
{
	unsigned key_length = slots_key_length(&client->address, client->length);

	if (key_length > out->scope)
		out->scope = (uint8_t)key_length;
}

static const struct rrset *
rrset_or_alias(const struct node *node, uint16_t type)
{
	const struct rrset *set = node_rrset(node, type);

	return set != NULL ? set : node_rrset(node, TYPE_CNAME);
}

/* Never above the operator's most, and no longer than the time in which something is expected to change. */
static uint32_t
answer_ttl(const struct service *service, uint32_t ttl)
{
	uint32_t cap = atomic_load_explicit(&service->live->ttl_cap, memory_order_relaxed);

	if (service->intent->ttl_max != 0 && ttl > service->intent->ttl_max)
		ttl = service->intent->ttl_max;
	if (cap != 0 && ttl > cap)
		ttl = cap;
	return ttl;
}
