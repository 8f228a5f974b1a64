/* rdata_fields.h -- of what kind each word of RDATA is, by ldns' table of types. Threads: any; pure. */
#ifndef ISOBAR_ZONE_RDATA_FIELDS_H
#define ISOBAR_ZONE_RDATA_FIELDS_H

#include <ldns/ldns.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kind of the i-th word, from 0, of a type that has a form of its own (rrtype_has_form()). */
ldns_rdf_type rdata_field_kind(uint16_t type, size_t i);

/* True when such a field, standing last, is all words that are left. */
bool rdata_field_takes_rest(ldns_rdf_type kind);

#endif
