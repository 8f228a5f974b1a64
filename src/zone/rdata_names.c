/* rdata_names.c -- the names in RDATA whose case doesn't count.
 * In: RDATA.  Out: the same in lower case.  Threads: any; pure.
 *
 * RFC 4034 section 6.2 lists the types; RFC 6840 section 5.1 takes NSEC out of that list. Later types keep the case of
 * their names (RFC 3597 section 7), which is signed with them. */
#include "zone/rdata_names.h"

#include "dns/name.h"
#include "dns/types.h"

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

bool
rdata_has_names(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].type == type)
			return true;
	return false;
}

void
rdata_lower_names(uint16_t type, uint8_t *rdata, size_t length)
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
