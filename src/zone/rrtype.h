/* rrtype.h -- record types by name and by number (RFC 3597 section 5). Threads: any; pure. */
#ifndef ISOBAR_ZONE_RRTYPE_H
#define ISOBAR_ZONE_RRTYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"

/* Those that only this folder knows by name; the others are in dns/types.h. */
enum {
	RRTYPE_NULL = 10, RRTYPE_SIG = 24, RRTYPE_KEY = 25, RRTYPE_LOC = 29, RRTYPE_NXT = 30, RRTYPE_IPSECKEY = 45,
	RRTYPE_HIP = 55,
};

uint16_t rrtype_parse(const char *text) NONNULL;	/* "AAAA", "TYPE65"; 0 when unknown */
const char *rrtype_text(uint16_t type, char text[static 16]) NONNULL;

/* The name that `text` most likely meant, or NULL. */
const char *rrtype_suggest(const char *text) NONNULL;

/* False for types that only queries and messages have: OPT, TKEY, TSIG, IXFR, AXFR, ANY and the like (RFC 6895
 * section 3.1). */
bool rrtype_is_data(uint16_t type);

/* True when the type has a presentation form of its own; else only RFC 3597's form is known. */
bool rrtype_has_form(uint16_t type);

#endif
