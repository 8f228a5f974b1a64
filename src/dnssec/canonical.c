/* canonical.c -- the canonical form of an RRset: what signer and validator must agree on to the octet.
 * In: an owner and its RRset in wire form.  Out: records one after the other, sorted, names in lower case.
 * Threads: any; memory is the caller's scratch, which grows to the largest RRset.
 *
 * RFC 4034 section 6.2 lists the types whose RDATA has names to be lowered; RFC 6840 section 5.1 takes NSEC out of that
 * list. Later types keep the case of their names (RFC 3597 section 7). Own code and not ldns', because a zone's every
 * RRset comes by here at each signing, also those whose signatures are cached; the tests hold it against ldns'. */
#include "dnssec/canonical.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dns/wire.h"

/* Where the names of a type's RDATA lie: behind so many octets, one after the other. */
static const struct { uint16_t type; uint8_t before, names; } places[] = {
	{ TYPE_NS, 0, 1 }, { 3 /* MD */, 0, 1 }, { 4 /* MF */, 0, 1 }, { TYPE_CNAME, 0, 1 }, { TYPE_SOA, 0, 2 },
	{ 7 /* MB */, 0, 1 }, { 8 /* MG */, 0, 1 }, { 9 /* MR */, 0, 1 }, { TYPE_PTR, 0, 1 }, { 14 /* MINFO */, 0, 2 },
	{ TYPE_MX, 2, 1 }, { 17 /* RP */, 0, 2 }, { 18 /* AFSDB */, 2, 1 }, { 21 /* RT */, 2, 1 },
	{ 24 /* SIG */, 18, 1 }, { 26 /* PX */, 2, 2 }, { 30 /* NXT */, 0, 1 }, { TYPE_SRV, 6, 1 },
	{ 35 /* NAPTR */, 4, 1 }, { 36 /* KX */, 2, 1 }, { TYPE_DNAME, 0, 1 },
};
#define NAPTR 35
#define NAPTR_STRINGS 3		/* flags, services, regexp: before the name */

static bool sort_rdatas(struct canonical_scratch *scratch, const struct rrset *set);
static bool has_names(uint16_t type);
static int compare(const void *a, const void *b);

void
canonical_add(struct text *out, const uint8_t *owner, const struct rrset *set, struct canonical_scratch *scratch)
{
	size_t owner_length = name_length(owner, NAME_MAX);
	uint8_t fixed[10];

	if (!sort_rdatas(scratch, set)) {
		out->failed = true;
		return;
	}
	wire_put_u16(fixed, set->type);
	wire_put_u16(fixed + 2, CLASS_IN);
	wire_put_u32(fixed + 4, set->ttl);
	for (unsigned i = 0; i < set->count; i++) {
		const struct canonical_rdata *rdata = &scratch->rdatas[i];

		/* Names that differ only in case make one record here (RFC 4034 section 6.3). */
		if (i > 0 && compare(rdata - 1, rdata) == 0)
			continue;
		wire_put_u16(fixed + 8, (unsigned)rdata->length);
		text_add(out, (const char *)owner, owner_length);
		text_add(out, (const char *)fixed, sizeof(fixed));
		text_add(out, (const char *)rdata->bytes, rdata->length);
	}
}

static bool
sort_rdatas(struct canonical_scratch *scratch, const struct rrset *set)
{
	bool lower = has_names(set->type);
	const uint8_t *wire = set->wire;

	if (set->count > scratch->size) {
		free(scratch->rdatas);
		scratch->rdatas = calloc(set->count, sizeof(*scratch->rdatas));
		scratch->size = scratch->rdatas == NULL ? 0 : set->count;
	}
	if (scratch->rdatas == NULL)
		return false;
	if (lower) {
		scratch->lowered.length = 0;
		text_add(&scratch->lowered, (const char *)wire, set->length);
		if (scratch->lowered.failed)
			return false;
		wire = (const uint8_t *)scratch->lowered.bytes;
	}
	for (unsigned i = 0; i < set->count; i++) {
		size_t length = wire_get_u16(wire);

		if (lower)
			canonical_lower(set->type, (uint8_t *)scratch->lowered.bytes
			    + (wire + 2 - (const uint8_t *)scratch->lowered.bytes), length);
		scratch->rdatas[i] = (struct canonical_rdata){ wire + 2, length };
		wire += 2 + length;
	}
	if (set->count > 1)
		qsort(scratch->rdatas, set->count, sizeof(*scratch->rdatas), compare);
	return true;
}

static bool
has_names(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].type == type)
			return true;
	return false;
}

void
canonical_lower(uint16_t type, uint8_t *rdata, size_t length)
{
	size_t i = 0, at;

	while (i < ARRAY_SIZE(places) && places[i].type != type)
		i++;
	if (i == ARRAY_SIZE(places))
		return;
	at = places[i].before;
	for (unsigned s = 0; type == NAPTR && s < NAPTR_STRINGS && at < length; s++)
		at += 1 + (size_t)rdata[at];
	for (unsigned n = 0; n < places[i].names && at < length; n++) {
		size_t name = name_length(rdata + at, length - at);

		name_lower(rdata + at, rdata + at, name);
		at += name == 0 ? length : name;
	}
}

/* As left-justified unsigned octets; the shorter comes first (RFC 4034 section 6.3). */
static int
compare(const void *a, const void *b)
{
	const struct canonical_rdata *x = a, *y = b;
	int order = memcmp(x->bytes, y->bytes, x->length < y->length ? x->length : y->length);

	return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

void
canonical_fini(struct canonical_scratch *scratch)
{
	text_fini(&scratch->lowered);
	free(scratch->rdatas);
	*scratch = (struct canonical_scratch){ 0 };
}
