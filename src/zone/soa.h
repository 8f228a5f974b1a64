/* soa.h -- the serial in the RDATA of an SOA. Threads: any; pure. */
#ifndef ISOBAR_ZONE_SOA_H
#define ISOBAR_ZONE_SOA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"

/* `rdata` is well-formed. */
uint32_t soa_serial(const uint8_t *rdata) NONNULL;
/* The serial becomes one more than `before`, unless it's newer already (RFC 1982 section 3). */
void soa_raise(uint8_t *rdata, uint32_t before) NONNULL;
bool soa_is_newer(uint32_t serial, uint32_t than);

#endif
