/* rdata_fields.c -- from the place of a word in RDATA to its kind.
 * In: a type and a place. Out: ldns' name for the kind. ldns counts fields, people write words: they differ where a
 * field is several words. Those stand last, but for HIP, whose first field is three words with names behind them. */
#include "zone/rdata_fields.h"

#include "zone/rrtype.h"

ldns_rdf_type
rdata_field_kind(uint16_t type, size_t i)
{
	const ldns_rr_descriptor *descriptor = ldns_rr_descript(type);
	size_t most = ldns_rr_descriptor_maximum(descriptor);

	if (type == RRTYPE_IPSECKEY)
		return LDNS_RDF_TYPE_IPSECKEY;
	if (type == RRTYPE_HIP)
		return i < 3 ? LDNS_RDF_TYPE_HIP : LDNS_RDF_TYPE_DNAME;
	return ldns_rr_descriptor_field_type(descriptor, i < most ? i : most - 1);
}

bool
rdata_field_takes_rest(ldns_rdf_type kind)
{
	switch (kind) {
	case LDNS_RDF_TYPE_APL:
	case LDNS_RDF_TYPE_B64:
	case LDNS_RDF_TYPE_HEX:
	case LDNS_RDF_TYPE_HIP:
	case LDNS_RDF_TYPE_IPSECKEY:
	case LDNS_RDF_TYPE_LOC:
	case LDNS_RDF_TYPE_NSAP:
	case LDNS_RDF_TYPE_BITMAP:
	case LDNS_RDF_TYPE_SVCPARAMS:
	case LDNS_RDF_TYPE_WKS:
		return true;
	default:
		return false;
	}
}
