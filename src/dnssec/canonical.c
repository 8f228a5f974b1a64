/* canonical.c -- the canonical form of an RRset: what signer and validator must agree on to the octet.
 * In: an owner and its RRset in wire form.  Out: records one after the other, sorted, names in lower case.
 * Threads: any; memory is the caller's scratch, which grows to the largest RRset.
 *
 * Names in RDATA are lowered by zone/rdata_names.c. Own code and not ldns', because a zone's every
 * RRset comes by here at each signing, also those whose signatures are cached; the tests hold it against ldns'. */
#include "dnssec/canonical.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "zone/rdata_names.h"

static bool sort_rdatas(struct canonical_scratch *scratch, const struct rrset *set);
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
	bool lower = rdata_has_names(set->type);
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
			rdata_lower_names(set->type, (uint8_t *)scratch->lowered.bytes
			    + (wire + 2 - (const uint8_t *)scratch->lowered.bytes), length);
		scratch->rdatas[i] = (struct canonical_rdata){ wire + 2, length };
		wire += 2 + length;
	}
	if (set->count > 1)
		qsort(scratch->rdatas, set->count, sizeof(*scratch->rdatas), compare);
	return true;
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
