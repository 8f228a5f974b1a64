/* signed_check.c -- the rules of signed zones: RFC 4035 section 2, RFC 5155 section 7.1, RFC 9276 section 3.1.
 * In: a frozen zone.  Out: findings by owner and type; which signatures count now.
 *
 * A zone is signed when its SOA is. Then every authoritative RRset has a signature of a key that is in the DNSKEY of
 * the apex, made by the zone, and nothing at or below a delegation has one but DS and NSEC. The chain must close, leave
 * nobody out, and list exactly the types that are there: what is wrong in it makes validators refuse answers about
 * names that have nothing to do with the mistake.
 * In any zone, an RRSIG without its RRset is an error. */
#include "zone/signed_check.h"

#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "zone/rrtype.h"

#define RRSIG_FIXED 18		/* octets before the signer's name */
#define NSEC3_OPT_OUT 1
#define KEYS_MAX 16		/* more DNSKEYs aren't looked at */

struct signed_zone_check {
	const struct zone *zone;
	const struct node *apex;
	bool complete;		/* false: some records couldn't be read, so nothing that is missing is told */
	uint16_t tags[KEYS_MAX];
	size_t tag_count;
	bool opt_out;
	struct findings *findings;
};

/* Types of the bitmap of an NSEC or NSEC3 (RFC 4034 section 4.1.2). */
struct bitmap { const uint8_t *bytes; size_t length; };

static void check_orphans(const struct zone *zone, struct findings *findings);
static void read_keys(struct signed_zone_check *check);
static uint16_t key_tag(const uint8_t *rdata, size_t length);
static void check_params(struct signed_zone_check *check);
static void check_signatures(struct signed_zone_check *check, const struct node *node);
static bool must_be_signed(const struct node *node, uint16_t type);
static void check_rrset(struct signed_zone_check *check, const struct node *node, const struct rrset *set);
static bool signature_fits(const struct signed_zone_check *check, const struct node *node, const uint8_t *rdata,
	size_t length);
static void check_nsec_chain(struct signed_zone_check *check);
static void check_nsec(struct signed_zone_check *check, const struct node *node, const struct node *next);
static void check_nsec3_chain(struct signed_zone_check *check);
static void check_nsec3(struct signed_zone_check *check, const struct node *node, const struct node *next);
static bool nsec3_leads_to(const uint8_t *rdata, size_t length, const struct node *next, struct bitmap *bitmap);
static void check_names_nsec3(struct signed_zone_check *check, const struct node *node);
static void check_bitmap(struct signed_zone_check *check, const struct node *node, const struct node *owner,
	uint16_t denial, struct bitmap bitmap);
static bool bitmap_has(struct bitmap bitmap, uint16_t type);
static size_t bitmap_count(struct bitmap bitmap);
static bool is_authoritative(const struct node *node);
static void count_signatures(struct zone_validity *validity, const struct node *node, uint32_t now);

bool
zone_is_signed(const struct zone *zone)
{
	return zone_soa(zone)->signature_count > 0;
}

void
signed_check(const struct zone *zone, bool complete, struct findings *findings)
{
	struct signed_zone_check check = {
		.zone = zone, .apex = zone_apex(zone), .complete = complete, .findings = findings,
	};

	if (complete)
		check_orphans(zone, findings);
	if (!zone_is_signed(zone))
		return;
	read_keys(&check);
	check_params(&check);
	for (size_t i = 0; i < zone_node_count(zone); i++)
		check_signatures(&check, zone_node_at(zone, i));
	for (size_t i = 0; i < zone_nsec3_count(zone); i++)
		check_signatures(&check, zone_nsec3_at(zone, i));
	if (!complete)
		return;
	if (zone_denial(zone) == ZONE_NSEC)
		check_nsec_chain(&check);
	else if (zone_denial(zone) == ZONE_NSEC3)
		check_nsec3_chain(&check);
}

static void
check_orphans(const struct zone *zone, struct findings *findings)
{
	for (size_t i = 0; i < zone_node_count(zone) + zone_nsec3_count(zone); i++) {
		const struct node *node = i < zone_node_count(zone) ? zone_node_at(zone, i)
			: zone_nsec3_at(zone, i - zone_node_count(zone));
		const struct rrset *set = node_rrset(node, TYPE_RRSIG);
		char type[16];

		if (set != NULL && wire_get_u16(set->wire) >= 2)
			findings_add(findings, DIAG_ERROR, node, TYPE_RRSIG,
			    "the RRSIG covers %s, of which there is no record here",
			    rrtype_text(wire_get_u16(set->wire + 2), type));
	}
}

/* --- keys and parameters ------------------------------------------------------------------------------------ */

static void
read_keys(struct signed_zone_check *check)
{
	const struct rrset *set = node_rrset(check->apex, TYPE_DNSKEY);
	const uint8_t *wire = set == NULL ? NULL : set->wire;

	if (set == NULL && check->complete)
		findings_add(check->findings, DIAG_ERROR, check->apex, TYPE_SOA,
		    "the zone is signed, but has no DNSKEY");
	for (unsigned i = 0; set != NULL && i < set->count && check->tag_count < KEYS_MAX;
	    i++, wire += 2 + wire_get_u16(wire))
		check->tags[check->tag_count++] = key_tag(wire + 2, wire_get_u16(wire));
}

/* RFC 4034 appendix B. */
static uint16_t
key_tag(const uint8_t *rdata, size_t length)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += i & 1 ? rdata[i] : (uint32_t)rdata[i] << 8;
	return (uint16_t)(sum + (sum >> 16 & 0xffff));
}

static void
check_params(struct signed_zone_check *check)
{
	const struct rrset *set = node_rrset(check->apex, TYPE_NSEC3PARAM);
	const uint8_t *wire = set == NULL ? NULL : set->wire;
	bool too_many = false;

	for (unsigned i = 0; set != NULL && i < set->count; i++, wire += 2 + wire_get_u16(wire)) {
		unsigned iterations = wire_get_u16(wire) < 5 ? 0 : wire_get_u16(wire + 4);

		too_many |= iterations > ZONE_ITERATIONS_MAX;
		if (iterations > ZONE_ITERATIONS_MAX)
			findings_add(check->findings, DIAG_ERROR, check->apex, TYPE_NSEC3PARAM,
			    "NSEC3 with %u iterations: validators don't follow more than %u, and every negative answer "
			    "pays for them (RFC 9276 section 3.1: none)", iterations, ZONE_ITERATIONS_MAX);
		else if (iterations > 0)
			findings_add(check->findings, DIAG_WARNING, check->apex, TYPE_NSEC3PARAM,
			    "NSEC3 with %u iterations, where RFC 9276 section 3.1 wants none", iterations);
	}
	if (zone_denial(check->zone) == ZONE_UNSIGNED && check->complete && !too_many)
		findings_add(check->findings, DIAG_ERROR, check->apex, TYPE_SOA,
		    "the zone is signed, but has no NSEC or NSEC3 at its apex: it can't prove what isn't there");
	for (size_t i = 0; i < zone_nsec3_count(check->zone); i++)
		check->opt_out |= (zone_nsec3_at(check->zone, i)->rrsets[0].wire[3] & NSEC3_OPT_OUT) != 0;
}

/* --- signatures --------------------------------------------------------------------------------------------- */

static void
check_signatures(struct signed_zone_check *check, const struct node *node)
{
	char type[16];

	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = &node->rrsets[i];

		if (set->type == TYPE_RRSIG)
			continue;
		if (must_be_signed(node, set->type))
			check_rrset(check, node, set);
		else if (set->signature_count > 0)
			findings_add(check->findings, DIAG_ERROR, node, TYPE_RRSIG,
			    "RRSIG over %s at or below a delegation, where only DS and NSEC are the zone's own",
			    rrtype_text(set->type, type));
	}
}

static bool
must_be_signed(const struct node *node, uint16_t type)
{
	return is_authoritative(node) && (node->cut == NULL || type == TYPE_DS || type == TYPE_NSEC);
}

static bool
is_authoritative(const struct node *node)
{
	return (node->cut == NULL || node->cut == node) && node->dname == NULL;
}

static void
check_rrset(struct signed_zone_check *check, const struct node *node, const struct rrset *set)
{
	const uint8_t *wire = set->signatures;
	bool fits = false;
	char type[16];

	rrtype_text(set->type, type);
	for (unsigned i = 0; i < set->signature_count; i++, wire += 2 + wire_get_u16(wire))
		fits |= signature_fits(check, node, wire + 2, wire_get_u16(wire));
	if (set->signature_count == 0 && check->complete)
		findings_add(check->findings, DIAG_ERROR, node, set->type,
		    "the zone is signed, but these %s records aren't", type);
	else if (set->signature_count > 0 && !fits && check->tag_count > 0 && check->tag_count < KEYS_MAX)
		findings_add(check->findings, DIAG_ERROR, node, TYPE_RRSIG,
		    "no RRSIG over %s is this zone's, for this name, and by a key of its DNSKEY", type);
}

static bool
signature_fits(const struct signed_zone_check *check, const struct node *node, const uint8_t *rdata, size_t length)
{
	uint8_t signer[NAME_MAX];
	size_t signer_length = length <= RRSIG_FIXED ? 0 : name_length(rdata + RRSIG_FIXED, length - RRSIG_FIXED);
	unsigned labels = node->name[0] == 1 && node->name[1] == '*' ? node->labels - 1u : node->labels;

	if (signer_length != check->apex->name_length || rdata[3] != labels)
		return false;
	name_lower(signer, rdata + RRSIG_FIXED, signer_length);
	if (memcmp(signer, check->apex->name, signer_length) != 0)
		return false;
	for (size_t i = 0; i < check->tag_count; i++)
		if (check->tags[i] == wire_get_u16(rdata + 16))
			return true;
	return false;
}

/* --- NSEC --------------------------------------------------------------------------------------------------- */

static void
check_nsec_chain(struct signed_zone_check *check)
{
	const struct node *last = NULL;

	for (size_t i = 0; i < zone_node_count(check->zone); i++) {
		const struct node *node = zone_node_at(check->zone, i);

		if (!is_authoritative(node) || node->rrset_count == 0)
			continue;
		if (node_rrset(node, TYPE_NSEC) == NULL) {
			findings_add(check->findings, DIAG_ERROR, node, node->rrsets[0].type,
			    "the name has no NSEC, as every name of this zone must");
			continue;
		}
		if (last != NULL)
			check_nsec(check, last, node);
		last = node;
	}
	if (last != NULL)
		check_nsec(check, last, check->apex);
}

static void
check_nsec(struct signed_zone_check *check, const struct node *node, const struct node *next)
{
	const struct rrset *set = node_rrset(node, TYPE_NSEC);
	size_t length = wire_get_u16(set->wire), target = name_length(set->wire + 2, length);
	uint8_t name[NAME_MAX];
	char text[NAME_TEXT_SIZE], wanted[NAME_TEXT_SIZE];

	if (set->count > 1)
		findings_add(check->findings, DIAG_ERROR, node, TYPE_NSEC, "more than one NSEC");
	if (target == 0)
		return;		/* not RDATA of an NSEC; told where it's read */
	name_lower(name, set->wire + 2, target);
	if (target != next->name_length || memcmp(name, next->name, target) != 0)
		findings_add(check->findings, DIAG_ERROR, node, TYPE_NSEC,
		    "the NSEC leads to '%s', but the next name is '%s'", name_text(name, text),
		    name_text(next->name, wanted));
	check_bitmap(check, node, node, TYPE_NSEC, (struct bitmap){ set->wire + 2 + target, length - target });
}

/* --- NSEC3 -------------------------------------------------------------------------------------------------- */

static void
check_nsec3_chain(struct signed_zone_check *check)
{
	const struct node *first = NULL, *last = NULL;

	for (size_t i = 0; i < zone_nsec3_count(check->zone) && zone_nsec3_is_used(check->zone, i); i++) {
		const struct node *node = zone_nsec3_at(check->zone, i);

		if (last == NULL)
			first = node;
		else
			check_nsec3(check, last, node);
		last = node;
	}
	if (last != NULL)
		check_nsec3(check, last, first);
	for (size_t i = 0; i < zone_node_count(check->zone); i++)
		check_names_nsec3(check, zone_node_at(check->zone, i));
}

static void
check_nsec3(struct signed_zone_check *check, const struct node *node, const struct node *next)
{
	const struct rrset *set = node_rrset(node, TYPE_NSEC3);
	struct bitmap bitmap;

	if (!nsec3_leads_to(set->wire + 2, wire_get_u16(set->wire), next, &bitmap))
		findings_add(check->findings, DIAG_ERROR, node, TYPE_NSEC3,
		    "the NSEC3 doesn't lead to the next hash of the zone, '%.32s'", (const char *)next->name + 1);
}

static bool
nsec3_leads_to(const uint8_t *rdata, size_t length, const struct node *next, struct bitmap *bitmap)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	size_t at = length < 5 ? SIZE_MAX : 5u + rdata[4];

	*bitmap = (struct bitmap){ NULL, 0 };
	if (at >= length || rdata[at] != 20 || at + 21 > length)
		return false;
	*bitmap = (struct bitmap){ rdata + at + 21, length - at - 21 };
	for (unsigned i = 0; i < 32; i++) {
		const uint8_t *p = rdata + at + 1 + i * 5 / 8;
		unsigned shift = i * 5 % 8, two = (unsigned)p[0] << 8 | (shift > 3 ? p[1] : 0);

		if (next->name[1 + i] != digits[two >> (11 - shift) & 31])
			return false;
	}
	return true;
}

/* With opt-out, delegations without DS and what leads only to such may have none. */
static void
check_names_nsec3(struct signed_zone_check *check, const struct node *node)
{
	const struct node *denial = is_authoritative(node) ? zone_nsec3_of(check->zone, node) : NULL;
	const struct rrset *set = denial == NULL ? NULL : node_rrset(denial, TYPE_NSEC3);
	bool may_lack = check->opt_out && (node->rrset_count == 0
	    || (node->cut == node && node_rrset(node, TYPE_DS) == NULL));
	struct bitmap bitmap;

	if (!is_authoritative(node))
		return;
	if (denial == NULL) {
		if (!may_lack)
			findings_add(check->findings, DIAG_ERROR, node,
			    node->rrset_count == 0 ? TYPE_NSEC3 : node->rrsets[0].type,
			    "the name has no NSEC3, as every name of this zone must");
		return;
	}
	nsec3_leads_to(set->wire + 2, wire_get_u16(set->wire), denial, &bitmap);
	check_bitmap(check, node, denial, TYPE_NSEC3, bitmap);
}

/* --- types -------------------------------------------------------------------------------------------------- */

/* All that is there, and nothing else; at a delegation only what is the zone's own. */
static void
check_bitmap(struct signed_zone_check *check, const struct node *node, const struct node *owner, uint16_t denial,
	struct bitmap bitmap)
{
	bool any_signed = false;
	size_t count = 0;
	char type[16], text[NAME_TEXT_SIZE], name[16];

	rrtype_text(denial, name);
	for (unsigned i = 0; i < node->rrset_count; i++) {
		uint16_t t = node->rrsets[i].type;

		if (node->cut == node && t != TYPE_NS && t != TYPE_DS && t != TYPE_NSEC)
			continue;
		any_signed |= node->rrsets[i].signature_count > 0;
		count++;
		if (!bitmap_has(bitmap, t))
			findings_add(check->findings, DIAG_ERROR, owner, denial,
			    "the %s of '%s' doesn't list %s, which is there", name, name_text(node->name, text),
			    rrtype_text(t, type));
	}
	count += any_signed && bitmap_has(bitmap, TYPE_RRSIG);
	if (bitmap_count(bitmap) > count)
		findings_add(check->findings, DIAG_ERROR, owner, denial,
		    "the %s of '%s' lists a type that isn't there", name, name_text(node->name, text));
}

static bool
bitmap_has(struct bitmap bitmap, uint16_t type)
{
	for (size_t at = 0; at + 2 <= bitmap.length && at + 2 + bitmap.bytes[at + 1] <= bitmap.length;
	    at += 2u + bitmap.bytes[at + 1])
		if (bitmap.bytes[at] == type >> 8)
			return (type & 255u) / 8 < bitmap.bytes[at + 1]
			    && (bitmap.bytes[at + 2 + (type & 255u) / 8] & 0x80 >> (type & 7)) != 0;
	return false;
}

static size_t
bitmap_count(struct bitmap bitmap)
{
	size_t count = 0;

	for (size_t at = 0; at + 2 <= bitmap.length && at + 2 + bitmap.bytes[at + 1] <= bitmap.length;
	    at += 2u + bitmap.bytes[at + 1])
		for (unsigned i = 0; i < bitmap.bytes[at + 1]; i++)
			count += (size_t)__builtin_popcount(bitmap.bytes[at + 2 + i]);
	return count;
}

/* --- times -------------------------------------------------------------------------------------------------- */

struct zone_validity
zone_validity(const struct zone *zone, struct wall now)
{
	struct zone_validity validity = { 0 };
	uint32_t seconds = (uint32_t)(now.ms / 1000);

	for (size_t i = 0; i < zone_node_count(zone); i++)
		count_signatures(&validity, zone_node_at(zone, i), seconds);
	for (size_t i = 0; i < zone_nsec3_count(zone); i++)
		count_signatures(&validity, zone_nsec3_at(zone, i), seconds);
	if (validity.until.ms != 0)
		validity.until.ms = (now.ms / 1000 + validity.until.ms) * 1000;
	return validity;
}

/* `until` is first kept as seconds from now. */
static void
count_signatures(struct zone_validity *validity, const struct node *node, uint32_t now)
{
	for (unsigned i = 0; i < node->rrset_count; i++) {
		const struct rrset *set = &node->rrsets[i];
		const uint8_t *wire = set->signatures;

		for (unsigned k = 0; k < set->signature_count; k++, wire += 2 + wire_get_u16(wire)) {
			int32_t left, ago;

			if (wire_get_u16(wire) < RRSIG_FIXED)
				continue;
			left = (int32_t)(wire_get_u32(wire + 10) - now);
			ago = (int32_t)(now - wire_get_u32(wire + 14));
			validity->expired += left < 0;
			validity->early += ago < 0;
			if ((left < 0 || ago < 0) && validity->node == NULL) {
				validity->node = node;
				validity->type = set->type;
			}
			if (left > 0 && (validity->until.ms == 0 || left < validity->until.ms))
				validity->until.ms = left;
		}
	}
}
