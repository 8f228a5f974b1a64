/* rdata_names.h -- names in RDATA, of the types in which their case doesn't count (RFC 4034 section 6.2). Threads: any;
 * pure. */
#ifndef ISOBAR_ZONE_RDATA_NAMES_H
#define ISOBAR_ZONE_RDATA_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

bool rdata_has_names(uint16_t type);
/* Into lower case; RDATA that isn't well-formed as far as it is. */
void rdata_lower_names(uint16_t type, uint8_t *rdata, size_t length) NONNULL;

#endif
