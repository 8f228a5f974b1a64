/* denial.c -- the proofs beside answers of signed zones: RFC 4035 section 3.1.3, RFC 5155 section 7.2.
 * In: what was looked for and not found.  Out: NSEC or NSEC3 RRsets of the authority section.
 * Threads: any; no lock, allocation, log or system call.
 *
 * NSEC: the record at or before a name denies it, and what it doesn't list. NSEC3: a name is denied by its closest
 * encloser, which has a record, and one that covers the next closer name. Where opt-out has left an encloser out of the
 * chain, the next one above that has a record stands for it (the closest provable encloser, section 7.2.1).
 * All is laid down in the zone but for the next closer name, which is looked for (zone_denial.c): with NSEC3 that is
 * the only hash that an answer computes.
 *
 * A steered name's second denial stands in place of the name's own record in the chain, should that be wanted for
 * something else, too (two of one owner were one RRset, signed by neither): it covers the same names. */
#include "serve/denial.h"

#include "dns/types.h"

static bool wants_proof(const struct decision *d);
static const struct node *deny_closer_nsec3(struct decision *d, const struct node *encloser,
	const uint8_t *next_closer, bool with_encloser, uint32_t ttl);
static void add_proof(struct decision *d, const struct node *node, uint32_t ttl);
static void add_set(struct decision *d, const uint8_t *owner, const struct rrset *set, uint32_t ttl, bool second);

void
deny_name(struct decision *d, const struct gap *gap, uint32_t ttl)
{
	static const uint8_t wildcard[] = { 1, '*' };
	const struct node *encloser;

	if (!wants_proof(d))
		return;
	if (zone_denial(d->zone) == ZONE_NSEC) {
		add_proof(d, zone_nsec_before(d->zone, gap->encloser, gap->next_closer), ttl);
		add_proof(d, zone_nsec_before(d->zone, gap->encloser, wildcard), ttl);
		return;
	}
	encloser = deny_closer_nsec3(d, gap->encloser, gap->next_closer, true, ttl);
	add_proof(d, zone_nsec3_wildcard(d->zone, encloser), ttl);
}

void
deny_type(struct decision *d, const struct node *node, const struct gap *gap, uint32_t ttl)
{
	if (!wants_proof(d))
		return;
	if (zone_denial(d->zone) == ZONE_NSEC) {
		add_proof(d, zone_nsec_at(d->zone, node), ttl);
		deny_closer(d, gap, ttl);
		return;
	}
	if (gap->encloser != NULL)
		deny_closer_nsec3(d, gap->encloser, gap->next_closer, true, ttl);
	if (zone_nsec3_of(d->zone, node) != NULL)
		add_proof(d, zone_nsec3_of(d->zone, node), ttl);
	else if (node->parent != NULL)		/* opt-out */
		deny_closer_nsec3(d, node->parent, node->name, true, ttl);
}

void
deny_steered(struct decision *d, const struct service *service, uint16_t type, const struct gap *gap, uint32_t ttl)
{
	const struct signed_name *name = service->signed_name;
	const struct rrset *denial = NULL;

	if (!wants_proof(d) || name == NULL)
		return;
	/* An alias stands for all types, and it's what isn't there now. */
	for (size_t i = 0; i < name->type_count; i++)
		if (name->types[i] == type || (denial == NULL && name->types[i] == TYPE_CNAME))
			denial = &name->denials[i];
	if (denial == NULL)
		return;
	add_set(d, name->denial_owner, denial, ttl, true);
	if (gap->encloser == NULL)
		return;
	if (zone_denial(d->zone) == ZONE_NSEC)
		deny_closer(d, gap, ttl);
	else
		deny_closer_nsec3(d, gap->encloser, gap->next_closer, true, ttl);
}

void
deny_closer(struct decision *d, const struct gap *gap, uint32_t ttl)
{
	if (gap->encloser == NULL || !wants_proof(d))
		return;
	if (zone_denial(d->zone) == ZONE_NSEC)
		add_proof(d, zone_nsec_before(d->zone, gap->encloser, gap->next_closer), ttl);
	else
		deny_closer_nsec3(d, gap->encloser, gap->next_closer, false, ttl);
}

static bool
wants_proof(const struct decision *d)
{
	return d->query->dnssec_ok && zone_denial(d->zone) != ZONE_UNSIGNED;
}

/* What covers the next closer name below the closest provable encloser, which is returned. */
static const struct node *
deny_closer_nsec3(struct decision *d, const struct node *encloser, const uint8_t *next_closer, bool with_encloser,
	uint32_t ttl)
{
	while (zone_nsec3_of(d->zone, encloser) == NULL && encloser->parent != NULL) {
		next_closer = encloser->name;
		encloser = encloser->parent;
	}
	if (with_encloser)
		add_proof(d, zone_nsec3_of(d->zone, encloser), ttl);
	add_proof(d, zone_nsec3_covering(d->zone, next_closer), ttl);
	return encloser;
}

/* `node` NULL: the chain is broken, or it needs no proof. */
static void
add_proof(struct decision *d, const struct node *node, uint32_t ttl)
{
	const struct rrset *set = node == NULL ? NULL
		: node_rrset(node, zone_denial(d->zone) == ZONE_NSEC ? TYPE_NSEC : TYPE_NSEC3);

	if (set != NULL)
		add_set(d, node->name, set, ttl, false);
}

/* RFC 9077: no longer than a negative answer; signers of old take the TTL of their choice. */
static void
add_set(struct decision *d, const uint8_t *owner, const struct rrset *set, uint32_t ttl, bool second)
{
	uint32_t most = zone_negative_ttl(d->zone);
	unsigned i = 0;

	if (ttl < most)
		most = ttl;
	while (i < d->count && (d->pieces[i].section != SECTION_AUTHORITY || d->pieces[i].set.type != set->type
	    || name_compare(d->pieces[i].owner, owner) != 0))
		i++;
	if (i < d->count && !second)
		return;
	if (i < d->count)
		d->pieces[i] = d->pieces[--d->count];
	decision_add(d, SECTION_AUTHORITY, owner, set, set->ttl < most ? set->ttl : most);
}
