/* ttl.h -- times to live as a master file writes them. Threads: any; pure. */
#ifndef ISOBAR_ZONE_TTL_H
#define ISOBAR_ZONE_TTL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"
#include "zone/lexer.h"

#define TTL_LARGEST UINT32_C(2147483647)	/* RFC 2181 section 8 */

/* Seconds, or with units as BIND reads them: "90", "1h30m", "2W". False when it's neither, or above TTL_LARGEST. */
bool ttl_parse(const struct token *token, uint32_t *ttl) NONNULL MUST_USE;

#endif
