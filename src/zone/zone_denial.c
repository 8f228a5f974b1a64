/* zone_denial.c -- the chain of a signed zone, and where in it a name is that doesn't exist.
 * In: nodes in canonical order, owners of NSEC3.  Out: the owner of the NSEC or NSEC3 that an answer needs.
 * Threads: any, once the zone is frozen.
 *
 * NSEC. Nodes lie in memory in canonical order, so for a node the search compares addresses. A name that doesn't exist
 * is given by its closest encloser and the label below that (the next closer name): what lies under the encloser is
 * told apart by that one label, what doesn't by its address again.
 *
 * NSEC3. The chain is sorted by hash, and hashes are evenly spread: the search begins where the hash should be, and
 * needs a step or two. What matches each node, and what covers the "*." below it, is found when the zone is frozen, so
 * that an answer hashes one name, the next closer one. Below a delegation or a DNAME nothing is denied.
 *
 * A chain may be incomplete (a zone that is broken: zone_check() tells), so nothing here relies on more than its
 * order. */
#include "base/hash.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "zone/zone_parts.h"

#include <stdlib.h>
#include <string.h>

#define NSEC3_SHA1 1		/* the only algorithm there is (RFC 5155 section 11) */
#define SALT_MAX 255

/* What is common to the RDATA of NSEC3 and NSEC3PARAM. */
struct nsec3_params {
	uint8_t algorithm, flags;
	uint16_t iterations;
	uint8_t salt_length;
	const uint8_t *salt;
};

static bool link_nsec(struct zone *zone);
static bool link_nsec3(struct zone *zone);
static bool params_read(struct nsec3_params *params, const uint8_t *wire);
static size_t sort_chain(struct zone *zone, const struct nsec3_params *params);
static bool in_chain(const struct node *node, const struct nsec3_params *params);
static int compare_hashes(const void *a, const void *b);
static bool hash_nodes(struct zone *zone);
static bool is_authoritative(const struct node *node);
static int compare_below(const struct node *node, const struct node *encloser, const uint8_t *label);
static const struct node *chain_node(const struct zone *zone, size_t i);
static void hash_label(const struct zone *zone, const uint8_t *name, char label[static NSEC3_LABEL]);
static size_t chain_find(const struct zone *zone, const char label[static NSEC3_LABEL], bool *matches);
static uint64_t label_value(const char *label);

bool
zone_deny(struct zone *zone)
{
	return link_nsec3(zone) && (zone->denial != ZONE_UNSIGNED || link_nsec(zone));
}

enum zone_denial
zone_denial(const struct zone *zone)
{
	return zone->denial;
}

/* --- NSEC --------------------------------------------------------------------------------------------------- */

static bool
link_nsec(struct zone *zone)
{
	size_t count = 0;

	if (node_rrset(zone->nodes, TYPE_NSEC) == NULL)
		return true;
	for (size_t i = 0; i < zone->node_count; i++)
		count += is_authoritative(&zone->nodes[i]) && node_rrset(&zone->nodes[i], TYPE_NSEC) != NULL;
	zone->denial = ZONE_NSEC;
	zone->nsec_count = count;
	if (count == zone->node_count)
		return true;
	zone->nsec = arena_alloc(zone->arena, count * sizeof(struct node *));
	if (zone->nsec == NULL)
		return false;
	count = 0;
	for (size_t i = 0; i < zone->node_count; i++)
		if (is_authoritative(&zone->nodes[i]) && node_rrset(&zone->nodes[i], TYPE_NSEC) != NULL)
			zone->nsec[count++] = &zone->nodes[i];
	return true;
}

/* The names that a chain has: not those below a delegation or a DNAME. */
static bool
is_authoritative(const struct node *node)
{
	return (node->cut == NULL || node->cut == node) && node->dname == NULL;
}

/* The apex is always in the chain, so there is a node at or before each. */
const struct node *
zone_nsec_at(const struct zone *zone, const struct node *node)
{
	size_t low = 0, high = zone->nsec_count;

	if (zone->nsec == NULL)
		return node;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (zone->nsec[middle] <= node)
			low = middle;
		else
			high = middle;
	}
	return zone->nsec[low];
}

const struct node *
zone_nsec_before(const struct zone *zone, const struct node *encloser, const uint8_t *label)
{
	size_t low = 0, high = zone->nsec_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (compare_below(chain_node(zone, middle), encloser, label) <= 0)
			low = middle;
		else
			high = middle;
	}
	return chain_node(zone, low);
}

/* The node against LABEL.ENCLOSER. */
static int
compare_below(const struct node *node, const struct node *encloser, const uint8_t *label)
{
	const uint8_t *name = node->name, *suffix = name + (node->name_length - encloser->name_length);
	size_t shorter;
	int order;

	if (node <= encloser)
		return -1;
	if (node->labels <= encloser->labels)
		return 1;
	for (unsigned i = node->labels - encloser->labels; i > 1; i--)
		name += *name + 1;
	if (name + *name + 1 != suffix || memcmp(suffix, encloser->name, encloser->name_length) != 0)
		return 1;
	shorter = *name < *label ? *name : *label;
	order = memcmp(name + 1, label + 1, shorter);
	return order != 0 ? order : (*name > *label) - (*name < *label);
}

static const struct node *
chain_node(const struct zone *zone, size_t i)
{
	return zone->nsec == NULL ? &zone->nodes[i] : zone->nsec[i];
}

/* --- NSEC3 -------------------------------------------------------------------------------------------------- */

static bool
link_nsec3(struct zone *zone)
{
	const struct rrset *set = node_rrset(zone->nodes, TYPE_NSEC3PARAM);
	const uint8_t *wire = set == NULL ? NULL : set->wire;

	for (size_t i = 0; i < zone->nsec3_count; i++)
		zone->nsec3[i].parent = zone->nodes;
	for (unsigned i = 0; set != NULL && i < set->count; i++, wire += 2 + wire_get_u16(wire)) {
		struct nsec3_params params;

		if (!params_read(&params, wire) || params.flags != 0 || params.iterations > ZONE_ITERATIONS_MAX)
			continue;
		zone->nsec3_chain = sort_chain(zone, &params);
		if (zone->nsec3_chain == 0)
			continue;
		zone->denial = ZONE_NSEC3;
		zone->iterations = params.iterations;
		zone->salt = params.salt;
		zone->salt_length = params.salt_length;
		return hash_nodes(zone);
	}
	return true;
}

static bool
params_read(struct nsec3_params *params, const uint8_t *wire)
{
	size_t length = wire_get_u16(wire);

	wire += 2;
	if (length < 5 || length < 5u + wire[4])
		return false;
	*params = (struct nsec3_params){
		.algorithm = wire[0], .flags = wire[1], .iterations = wire_get_u16(wire + 2), .salt_length = wire[4],
		.salt = wire + 5,
	};
	return params->algorithm == NSEC3_SHA1;
}

/* Those of the chain come first, by hash. How many they are. */
static size_t
sort_chain(struct zone *zone, const struct nsec3_params *params)
{
	size_t count = 0;

	for (size_t i = 0; i < zone->nsec3_count; i++)
		if (in_chain(&zone->nsec3[i], params)) {
			struct node node = zone->nsec3[i];

			zone->nsec3[i] = zone->nsec3[count];
			zone->nsec3[count++] = node;
		}
	qsort(zone->nsec3, count, sizeof(*zone->nsec3), compare_hashes);
	return count;
}

static bool
in_chain(const struct node *node, const struct nsec3_params *params)
{
	const struct rrset *set = node_rrset(node, TYPE_NSEC3);
	struct nsec3_params own;

	return set != NULL && set->count == 1 && node->name[0] == NSEC3_LABEL
	    && node->labels == node->parent->labels + 1
	    && params_read(&own, set->wire) && own.iterations == params->iterations
	    && own.salt_length == params->salt_length && memcmp(own.salt, params->salt, own.salt_length) == 0;
}

/* Base32hex keeps the order of what it writes (RFC 4648 section 7). */
static int
compare_hashes(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return memcmp(x->name + 1, y->name + 1, NSEC3_LABEL);
}

static bool
hash_nodes(struct zone *zone)
{
	char label[NSEC3_LABEL];
	uint8_t name[NAME_MAX + 2] = { 1, '*' };

	zone->nsec3_own = arena_alloc(zone->arena, zone->node_count * sizeof(uint32_t));
	zone->nsec3_wildcard = arena_alloc(zone->arena, zone->node_count * sizeof(uint32_t));
	if (zone->nsec3_own == NULL || zone->nsec3_wildcard == NULL)
		return false;
	for (size_t i = 0; i < zone->node_count; i++) {
		const struct node *node = &zone->nodes[i];
		bool matches;
		size_t found;

		if (!is_authoritative(node))
			continue;
		hash_label(zone, node->name, label);
		found = chain_find(zone, label, &matches);
		zone->nsec3_own[i] = matches ? (uint32_t)found + 1 : 0;
		if (node->wildcard != NULL || node->cut != NULL || node->name_length + 2 > NAME_MAX)
			continue;
		memcpy(name + 2, node->name, node->name_length);
		hash_label(zone, name, label);
		zone->nsec3_wildcard[i] = (uint32_t)chain_find(zone, label, &matches) + 1;
	}
	return true;
}

const struct node *
zone_nsec3_of(const struct zone *zone, const struct node *node)
{
	uint32_t found = zone->nsec3_own[node - zone->nodes];

	return found == 0 ? NULL : &zone->nsec3[found - 1];
}

const struct node *
zone_nsec3_wildcard(const struct zone *zone, const struct node *node)
{
	uint32_t found = zone->nsec3_wildcard[node - zone->nodes];

	return found == 0 ? NULL : &zone->nsec3[found - 1];
}

const struct node *
zone_nsec3_covering(const struct zone *zone, const uint8_t *name)
{
	char label[NSEC3_LABEL];
	bool matches;

	hash_label(zone, name, label);
	return &zone->nsec3[chain_find(zone, label, &matches)];
}

/* By hash in the chain; the others one by one, which are few but in a zone that changes its parameters. */
const struct node *
zone_nsec3_find(const struct zone *zone, const uint8_t *owner)
{
	size_t low = 0, high = zone->nsec3_chain;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(zone->nsec3[middle].name, owner);

		if (order == 0)
			return &zone->nsec3[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = zone->nsec3_chain; i < zone->nsec3_count; i++)
		if (name_compare(zone->nsec3[i].name, owner) == 0)
			return &zone->nsec3[i];
	return NULL;
}

/* RFC 5155 section 5, and the label that owners have of it. */
static void
hash_label(const struct zone *zone, const uint8_t *name, char label[static NSEC3_LABEL])
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint8_t bytes[NAME_MAX + SALT_MAX], hash[SHA1_SIZE];
	size_t length = name_length(name, NAME_MAX);

	memcpy(bytes, name, length);
	memcpy(bytes + length, zone->salt, zone->salt_length);
	sha1(bytes, length + zone->salt_length, hash);
	for (unsigned i = 0; i < zone->iterations; i++) {
		memcpy(bytes, hash, SHA1_SIZE);
		memcpy(bytes + SHA1_SIZE, zone->salt, zone->salt_length);
		sha1(bytes, SHA1_SIZE + (size_t)zone->salt_length, hash);
	}
	for (unsigned i = 0; i < NSEC3_LABEL; i++) {
		unsigned at = i * 5 / 8, two = (unsigned)hash[at] << 8 | (at + 1 < SHA1_SIZE ? hash[at + 1] : 0u);

		label[i] = digits[two >> (11 - i * 5 % 8) & 31];
	}
}

/* The last one at or before the hash; before the first one comes the last. */
static size_t
chain_find(const struct zone *zone, const char label[static NSEC3_LABEL], bool *matches)
{
	size_t count = zone->nsec3_chain, low, high, step = 4;

	/* Hashes are spread evenly: where it should be, and from there outwards in widening steps. */
	low = high = (size_t)((label_value(label) * count) >> 30);
	while (low > 0 && memcmp(zone->nsec3[low].name + 1, label, NSEC3_LABEL) > 0) {
		high = low;
		low = low > step ? low - step : 0;
		step *= 2;
	}
	for (high = high > low ? high : low + 1; high < count
	    && memcmp(zone->nsec3[high].name + 1, label, NSEC3_LABEL) <= 0; step *= 2) {
		low = high;
		high += step;
	}
	if (high > count)
		high = count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(zone->nsec3[middle].name + 1, label, NSEC3_LABEL) <= 0)
			low = middle;
		else
			high = middle;
	}
	*matches = memcmp(zone->nsec3[low].name + 1, label, NSEC3_LABEL) == 0;
	if (low == 0 && memcmp(zone->nsec3[0].name + 1, label, NSEC3_LABEL) > 0)
		return count - 1;
	return low;
}

/* The first 30 bits. */
static uint64_t
label_value(const char *label)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 6; i++)
		value = value << 5 | (uint64_t)(label[i] <= '9' ? label[i] - '0' : label[i] - 'a' + 10);
	return value;
}
