/* decide.c -- what an answer is to hold: from a question and the snapshot to a short list of (section, owner, RRset).
 * Threads: any; no lock, allocation, log or system call.  Memory: the caller's decision.
 *
 * The algorithm is that of RFC 1034 section 4.3.2 with RFC 2308 (negative answers), RFC 4592 (wildcards), RFC 6604
 * (rcode of chains) and RFC 6672 (DNAME). What would need a search was laid down in the nodes when the zone was built
 * (zone.c), so a lookup is one probe for a name that exists and one for each missing label otherwise.
 *
 * Responses are minimal: no NS of the apex beside an answer. Glue and the addresses of NS, MX and SRV targets in the
 * same zone are added, and what SVCB and HTTPS records lead to (RFC 9460 section 4.1); glue that a referral needs
 * truncates when it doesn't fit (RFC 9471).
 * Types that no zone can hold are refused as such: FORMERR for those of the protocol itself, NOTIMP for the old mail
 * queries. Other numbers above 127 are unknown types like any (RFC 3597), with NODATA. */
#include "serve/decision.h"

#include <string.h>

#include "dns/wire.h"
#include "serve/denial.h"
#include "serve/observe.h"
#include "serve/steered.h"
#include "serve/transfers.h"

_Static_assert(2 + NAME_MAX >= IDENTITY_SIZE + 3, "an identity lies where a synthesized CNAME would");

static void decide_identity(struct decision *d);
static bool refuse_type(struct decision *d);
static void decide_name(struct decision *d, const uint8_t *owner, const uint8_t *name, const struct name_parts *parts);
static const struct node *visible(const struct decision *d, const struct node *node);
static const struct node *closest_encloser(const struct zone *zone, const uint8_t *name,
	const struct name_parts *parts);
static void decide_node(struct decision *d, const struct node *node, const uint8_t *owner, const struct gap *gap);
static const struct rrset *told_soa(const struct decision *d, const struct node *node);
static bool decide_steered(struct decision *d, const struct service *service, const uint8_t *owner,
	const struct gap *gap);
static struct steered_client client_of(const struct decision *d);
static void decide_any(struct decision *d, const struct node *node, const uint8_t *owner, const struct gap *gap);
static void decide_signatures(struct decision *d, const struct node *node, const uint8_t *owner, const struct gap *gap);
static void decide_dname(struct decision *d, const struct node *node, const uint8_t *name,
	const struct name_parts *parts);
static void follow(struct decision *d, const uint8_t *target);
static void decide_referral(struct decision *d, const struct node *cut);
static void decide_negative(struct decision *d, uint16_t rcode, uint32_t ttl);
static void decide_no_type(struct decision *d, const struct node *node, const struct gap *gap);
static void add_made(struct decision *d, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *wire);
static void add_targets(struct decision *d, const struct rrset *set, const struct node *cut);
static void add_service(struct decision *d, const struct rrset *set, const struct node *self, const uint8_t *owner);
static const struct node *target_node(const struct decision *d, const uint8_t *target);
static void add_of(struct decision *d, const struct node *node, const uint8_t *owner, uint16_t type, bool required);

void
decide(struct decision *d)
{
	const struct query *query = d->query;
	const struct zone_slot *slot;
	struct ruling ruling;
	unsigned from;

	if (query->subnet)
		counter_add(&d->env->counters->client_subnet, 1);
	if (query->class == CLASS_CH && (query->type == TYPE_TXT || query->type == TYPE_ANY)) {
		decide_identity(d);
		return;
	}
	if (query->class != CLASS_IN) {
		d->rcode = RCODE_REFUSED;
		return;
	}
	if (refuse_type(d))
		return;
	/* DS lies on the parent's side of a cut (RFC 4035 section 3.1.4.1): look above first. */
	from = query->type == TYPE_DS && query->parts.labels > 0;
	slot = snapshot_slot(d->env->snapshot, query->name, &query->parts, from);
	if (slot == NULL && from == 1)
		slot = snapshot_slot(d->env->snapshot, query->name, &query->parts, 0);
	if (slot == NULL) {
		d->rcode = RCODE_REFUSED;
		d->ede = EDE_NOT_AUTHORITATIVE;
		return;
	}
	if (!slot_is_served(slot, d->env->now, &ruling)) {
		d->rcode = ruling.rcode;
		d->ede = ruling.ede;
		d->ede_text = ruling.ede_text;
		return;
	}
	d->zone = slot->zone;
	d->slot = slot;
	if (slot->closed && !transfers_allow(d->env, zone_apex(d->zone)->name, d->tsig)) {
		d->rcode = RCODE_REFUSED;
		d->ede = EDE_PROHIBITED;
		return;
	}
	decide_name(d, query->name, query->name, &query->parts);
}

bool
slot_is_served(const struct zone_slot *slot, uint32_t now, struct ruling *ruling)
{
	if (slot->zone != NULL && (slot->lease == NULL || lease_left(slot->lease, now) > 0))
		return true;
	*ruling = (struct ruling){ .rcode = RCODE_SERVFAIL,
	    .ede = slot->zone == NULL ? EDE_NOT_READY : EDE_INVALID_DATA,
	    .ede_text = slot->zone == NULL ? "the zone hasn't come from its primary yet"
	    : "the zone has expired: there's no word of its primary" };
	return false;
}

/* Names of the class CHAOS, for clients that may know. */
static void
decide_identity(struct decision *d)
{
	const struct answer_env *env = d->env;
	uint8_t *wire = d->synthesized[0];

	d->rcode = RCODE_REFUSED;
	if (!identity_allows(env->identity, &env->client)
	    || !identity_txt(env->identity, d->query, env->snapshot->epoch, wire))
		return;
	d->rcode = RCODE_NOERROR;
	d->authoritative = true;
	add_made(d, d->query->name, TYPE_TXT, 0, wire);
}

/* Meta types have no data (RFC 6895 section 3.1). */
static bool
refuse_type(struct decision *d)
{
	switch (d->query->type) {
	case TYPE_OPT:
	case TYPE_TKEY:
	case TYPE_TSIG:
	case TYPE_NXNAME:	/* RFC 9824 section 3.5; no zone has it, since its denial isn't compact here */
		d->rcode = RCODE_FORMERR;
		d->ede = EDE_INVALID_QUERY_TYPE;
		return true;
	case TYPE_MAILA:
	case TYPE_MAILB:
		d->rcode = RCODE_NOTIMP;
		return true;
	default:
		return false;
	}
}

/* `name` is `owner` in lower case; `owner` must live as long as the decision. */
static void
decide_name(struct decision *d, const uint8_t *owner, const uint8_t *name, const struct name_parts *parts)
{
	const struct node *found = zone_find(d->zone, name, parts, 0);
	const struct node *encloser = visible(d, found != NULL ? found : closest_encloser(d->zone, name, parts));
	const struct node *exact = found == encloser ? found : NULL;
	const struct node *dname = encloser->dname;
	struct gap gap = { NULL, NULL };

	if (dname == NULL && exact == NULL && node_rrset(encloser, TYPE_DNAME) != NULL)
		dname = encloser;
	if (encloser->cut != NULL && (dname == NULL || encloser->cut->labels <= dname->labels)
	    && !(exact == encloser->cut && d->query->type == TYPE_DS)) {
		decide_referral(d, encloser->cut);
		return;
	}
	d->authoritative = true;
	if (dname != NULL) {
		decide_dname(d, dname, owner, parts);
		return;
	}
	if (exact == NULL)
		gap = (struct gap){ encloser, name + parts->offset[parts->labels - encloser->labels - 1] };
	if (exact != NULL)
		decide_node(d, exact, owner, &gap);
	else if (encloser->wildcard != NULL)
		decide_node(d, encloser->wildcard, owner, &gap);
	else {
		decide_negative(d, RCODE_NXDOMAIN, UINT32_MAX);
		deny_name(d, &gap, UINT32_MAX);
	}
}

/* The node, or the next one above it that queries may find: names of region records may be hidden. */
static const struct node *
visible(const struct decision *d, const struct node *node)
{
	if ((node->flags & NODE_REGION_RECORD) != 0 && d->slot->hides)
		while ((node->flags & NODE_REGION_RECORD) != 0)
			node = node->parent;
	return node;
}

static const struct node *
closest_encloser(const struct zone *zone, const uint8_t *name, const struct name_parts *parts)
{
	unsigned apex = parts->labels - zone_apex(zone)->labels;

	for (unsigned i = 1; i < apex; i++) {
		const struct node *node = zone_find(zone, name, parts, i);

		if (node != NULL)
			return node;
	}
	return zone_apex(zone);
}

static void
decide_node(struct decision *d, const struct node *node, const uint8_t *owner, const struct gap *gap)
{
	uint16_t type = d->query->type;
	const struct rrset *set;

	d->about = node;
	if (type == TYPE_RRSIG) {
		decide_signatures(d, node, owner, gap);
		return;
	}
	if (node->flags & NODE_REGIONS && type != TYPE_NSEC) {
		const struct service *service = snapshot_service(d->env->snapshot, node);

		if (service != NULL && decide_steered(d, service, owner, gap))
			return;
	}
	if (type == TYPE_ANY) {
		decide_any(d, node, owner, gap);
		return;
	}
	set = type == TYPE_SOA ? told_soa(d, node) : node_rrset(node, type);
	if (set == NULL && (set = node_rrset(node, TYPE_CNAME)) == NULL) {
		decide_no_type(d, node, gap);
		return;
	}
	decision_add(d, SECTION_ANSWER, owner, set, set->ttl);
	deny_closer(d, gap, UINT32_MAX);
	if (set->type != type)
		follow(d, set->wire + 2);
	else if (type == TYPE_SVCB || type == TYPE_HTTPS)
		add_service(d, set, node, owner);
	else
		add_targets(d, set, NULL);
}

/* With the serial that transfers have, so that who asks whether something is new is told the same. */
static const struct rrset *
told_soa(const struct decision *d, const struct node *node)
{
	const struct transfer_zone *zone = d->env->transfers == NULL || (node->flags & NODE_APEX) == 0 ? NULL
	    : transfers_zone(d->env->transfers, node->name);

	return zone != NULL ? &zone->edition->soa : node_rrset(node, TYPE_SOA);
}

/* False when the service isn't steered for this type: then the owner's own records count. */
static bool
decide_steered(struct decision *d, const struct service *service, const uint8_t *owner, const struct gap *gap)
{
	const struct answer_env *env = d->env;
	struct steered_client client = client_of(d);
	struct steered chosen;
	uint16_t type = d->query->type;

	/* One RRset is enough for ANY (RFC 8482 section 4.1): that of the first type. */
	if (type == TYPE_ANY && service->type_count > 0)
		type = service->types[0].type;
	steered_choose(&chosen, env->snapshot, service, &client, type, env->row->turns);
	if (!chosen.applies)
		return false;
	counter_add(&env->counters->steered, 1);
	counter_add(&env->counters->picks[chosen.pick.outcome], 1);
	observe(env, service, &client, &chosen, type);
	d->service = service;
	/* A prefix of length 0 gets scope 0 (RFC 7871 section 7.2.1). */
	if (chosen.scope > d->scope && d->query->subnet_length > 0)
		d->scope = chosen.scope;
	if (chosen.rrset == NULL) {
		d->ede = chosen.pick.outcome == PICK_NONE_LEGAL ? EDE_PROHIBITED : EDE_NO_REACHABLE_AUTHORITY;
		d->ede_text = chosen.pick.outcome == PICK_NONE_LEGAL ? "no region may serve this client"
		    : "all regions are down";
		if (chosen.pick.outcome != PICK_SERVFAIL) {
			decide_negative(d, RCODE_NOERROR, chosen.ttl);
			deny_steered(d, service, type, gap, chosen.ttl);
			return true;
		}
		d->rcode = RCODE_SERVFAIL;
		d->authoritative = false;
		return true;
	}
	if (chosen.pick.outcome == PICK_ALL_DOWN) {
		d->ede = EDE_STALE_ANSWER;
		d->ede_text = "all regions are down";
	} else if (env->plan_stale && service->intent->policy == POLICY_PREDICTIVE) {
		d->ede = EDE_STALE_ANSWER;
		d->ede_text = "the plan is old";
	}
	if (chosen.pick.region != NO_REGION) {
		d->region = env->snapshot->steering->regions[chosen.pick.region].name;
		counter_add(&env->row->picks[service->index * env->snapshot->steering->region_count
		    + chosen.pick.region], 1);
	}
	decision_add(d, SECTION_ANSWER, owner, chosen.rrset, chosen.ttl);
	deny_closer(d, gap, chosen.ttl);
	if (chosen.rrset->type == TYPE_CNAME && type != TYPE_CNAME)
		follow(d, chosen.rrset->wire + 2);
	else if (type == TYPE_SVCB || type == TYPE_HTTPS)
		add_service(d, chosen.rrset, NULL, owner);
	else
		add_targets(d, chosen.rrset, NULL);
	return true;
}

static struct steered_client
client_of(const struct decision *d)
{
	/* A prefix of length 0 asks not to be used (RFC 7871 section 7.1.2): the resolver's address then counts. */
	if (d->query->subnet && d->query->subnet_length > 0)
		return (struct steered_client){ d->query->subnet_address, d->query->subnet_length };
	/* IPv6 resolvers of one site share a /48. */
	return (struct steered_client){ d->env->client, d->env->client.bits == 32 ? 32 : 48 };
}

static void
decide_any(struct decision *d, const struct node *node, const uint8_t *owner, const struct gap *gap)
{
	if (node->rrset_count == 0) {
		decide_no_type(d, node, gap);
		return;
	}
	decision_add(d, SECTION_ANSWER, owner, &node->rrsets[0], node->rrsets[0].ttl);
	deny_closer(d, gap, UINT32_MAX);
}

/* What RFC 8482 says of ANY holds for RRSIG, too (section 7): those over one RRset are enough. */
static void
decide_signatures(struct decision *d, const struct node *node, const uint8_t *owner, const struct gap *gap)
{
	struct rrset signatures;

	for (unsigned i = 0; i < node->rrset_count; i++)
		if (rrset_signatures(&node->rrsets[i], &signatures)) {
			decision_add(d, SECTION_ANSWER, owner, &signatures, signatures.ttl);
			deny_closer(d, gap, UINT32_MAX);
			return;
		}
	decide_no_type(d, node, gap);
}

/* RFC 6672 section 3.2: the DNAME, and a CNAME made from it whose TTL is the DNAME's. */
static void
decide_dname(struct decision *d, const struct node *node, const uint8_t *name, const struct name_parts *parts)
{
	const struct rrset *set = node_rrset(node, TYPE_DNAME);
	const uint8_t *target = set->wire + 2;
	size_t target_length = name_length(target, NAME_MAX);
	size_t kept = parts->offset[parts->labels - node->labels];
	uint8_t *wire;

	decision_add(d, SECTION_ANSWER, node->name, set, set->ttl);
	if (kept + target_length > NAME_MAX) {
		d->rcode = RCODE_YXDOMAIN;
		return;
	}
	if (d->links == CHAIN_MAX || d->count == PIECES_MAX)
		return;
	wire = d->synthesized[d->links];
	wire_put_u16(wire, (unsigned)(kept + target_length));
	memcpy(wire + 2, name, kept);
	memcpy(wire + 2 + kept, target, target_length);
	add_made(d, name, TYPE_CNAME, set->ttl, wire);
	/* A DNAME that leads below itself would go on until the name is too long: one link says it all. */
	if (d->query->type != TYPE_CNAME && d->query->type != TYPE_ANY && !name_is_under(target, node->name))
		follow(d, wire + 2);
}

/* The chain goes on inside the zone only: what lies in another one, the resolver asks for itself. */
static void
follow(struct decision *d, const uint8_t *target)
{
	uint8_t name[NAME_MAX];
	struct name_parts parts;

	if (d->links++ == CHAIN_MAX || !name_is_under(target, zone_apex(d->zone)->name))
		return;
	name_lower(name, target, name_length(target, NAME_MAX));
	name_take_apart(&parts, name);
	for (unsigned i = 0; i < d->count; i++)		/* a loop: the chain so far is the answer */
		if (d->pieces[i].set.type == TYPE_CNAME && name_length(d->pieces[i].owner, NAME_MAX) == parts.length
		    && name_equal(d->pieces[i].owner, name, parts.length))
			return;
	decide_name(d, target, name, &parts);
}

static void
decide_referral(struct decision *d, const struct node *cut)
{
	const struct rrset *ns = node_rrset(cut, TYPE_NS), *ds = node_rrset(cut, TYPE_DS);

	d->about = cut;
	decision_add(d, SECTION_AUTHORITY, cut->name, ns, ns->ttl);
	if (ds == NULL)
		deny_type(d, cut, &(struct gap){ NULL, NULL }, UINT32_MAX);
	else if (d->query->dnssec_ok)
		decision_add(d, SECTION_AUTHORITY, cut->name, ds, ds->ttl);
	add_targets(d, ns, cut);
}

static void
decide_negative(struct decision *d, uint16_t rcode, uint32_t ttl)
{
	uint32_t negative = zone_negative_ttl(d->zone);

	if (ttl > negative)
		ttl = negative;
	d->rcode = rcode;
	d->about = d->zone;
	decision_add(d, SECTION_AUTHORITY, zone_apex(d->zone)->name, zone_soa(d->zone), ttl);
}

static void
decide_no_type(struct decision *d, const struct node *node, const struct gap *gap)
{
	decide_negative(d, RCODE_NOERROR, UINT32_MAX);
	deny_type(d, node, gap, UINT32_MAX);
}

struct piece *
decision_add(struct decision *d, enum section section, const uint8_t *owner, const struct rrset *set, uint32_t ttl)
{
	struct piece *piece;

	for (unsigned i = 0; i < d->count; i++)
		if (d->pieces[i].set.wire == set->wire
		    && (section == SECTION_ADDITIONAL || d->pieces[i].owner == owner))
			return &d->pieces[i];
	if (d->count == PIECES_MAX)
		return NULL;
	piece = &d->pieces[d->count++];
	piece->section = section;
	piece->required = false;
	piece->owner = owner;
	piece->set = (struct reply_rrset){
		.type = set->type, .count = set->count, .ttl = ttl, .length = set->length, .wire = set->wire,
		.signature_count = d->query->dnssec_ok ? set->signature_count : 0,
		.signature_length = set->signature_length, .signatures = set->signatures,
	};
	return piece;
}

/* One record that no zone has. */
static void
add_made(struct decision *d, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *wire)
{
	const struct rrset made = {
		.type = type, .count = 1, .ttl = ttl, .length = 2u + wire_get_u16(wire), .wire = wire,
	};

	decision_add(d, SECTION_ANSWER, owner, &made, ttl);
}

/* Addresses of the names that NS, MX and SRV records point to, as far as this zone knows them. Behind a cut they are
 * glue, and those below the very cut are required: nobody else could tell them. */
static void
add_targets(struct decision *d, const struct rrset *set, const struct node *cut)
{
	size_t before = set->type == TYPE_NS ? 0 : set->type == TYPE_MX ? 2 : set->type == TYPE_SRV ? 6 : SIZE_MAX;
	const uint8_t *wire = set->wire;

	if (before == SIZE_MAX)
		return;
	for (unsigned i = 0; i < set->count && d->count < PIECES_MAX; i++, wire += 2 + wire_get_u16(wire)) {
		static const uint16_t types[] = { TYPE_A, TYPE_AAAA };
		const struct node *node = target_node(d, wire + 2 + before);

		if (node == NULL || (cut == NULL && node->cut != NULL))
			continue;
		for (unsigned t = 0; t < ARRAY_SIZE(types); t++)
			add_of(d, node, node->name, types[t], cut != NULL && name_is_under(node->name, cut->name));
	}
}

/* RFC 9460 section 4.1: addresses and further SVCB records of the targets in the zone. "." is the owner itself where
 * the record isn't an alias (section 2.5.2), and nothing where it is (section 2.5.1). `self` is the owner's node, or
 * NULL where its addresses depend on the client. */
static void
add_service(struct decision *d, const struct rrset *set, const struct node *self, const uint8_t *owner)
{
	const uint16_t types[] = { TYPE_A, TYPE_AAAA, set->type };
	const uint8_t *wire = set->wire;

	for (unsigned i = 0; i < set->count && d->count < PIECES_MAX; i++, wire += 2 + wire_get_u16(wire)) {
		bool is_self = wire[4] == 0, is_alias = wire_get_u16(wire + 2) == 0;
		const struct node *node = !is_self ? target_node(d, wire + 4) : is_alias ? NULL : self;

		for (unsigned t = 0; node != NULL && node->cut == NULL && t < ARRAY_SIZE(types); t++)
			add_of(d, node, is_self ? owner : node->name, types[t], false);
	}
}

/* The node of a record's target, when this zone has it and everybody gets the same records of it. */
static const struct node *
target_node(const struct decision *d, const uint8_t *target)
{
	uint8_t name[NAME_MAX];
	const struct node *node;

	if (!name_is_under(target, zone_apex(d->zone)->name))
		return NULL;
	name_lower(name, target, name_length(target, NAME_MAX));
	node = zone_find_name(d->zone, name);
	/* A steered name's addresses depend on who asks for them. */
	return node == NULL || visible(d, node) != node
	    || (node->flags & NODE_REGIONS && snapshot_service(d->env->snapshot, node) != NULL)
	    ? NULL : node;
}

static void
add_of(struct decision *d, const struct node *node, const uint8_t *owner, uint16_t type, bool required)
{
	const struct rrset *set = node_rrset(node, type);
	struct piece *piece = set == NULL ? NULL : decision_add(d, SECTION_ADDITIONAL, owner, set, set->ttl);

	if (piece != NULL)
		piece->required |= required;
}
