/* rdata_write.h -- RDATA from wire form to presentation form, by ldns. Threads: any; nothing is shared. */
#ifndef ISOBAR_ZONE_RDATA_WRITE_H
#define ISOBAR_ZONE_RDATA_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"

/* Presentation form that rdata_read() and any other server reads back to the same octets; RFC 3597's form where the
 * type is unknown, the octets don't fit it, or it would become too long. */
void rdata_write(uint16_t type, const uint8_t *rdata, uint16_t length, struct text *out) NONNULL;

/* True when the octets are RDATA of the type, uncompressed and with nothing behind; of an unknown type all are. */
bool rdata_well_formed(uint16_t type, const uint8_t *rdata, uint16_t length) NONNULL;

#endif
