/* owner.h -- owners as people write them, within a zone. Threads: any; pure. */
#ifndef ISOBAR_ZONE_OWNER_H
#define ISOBAR_ZONE_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/name.h"

/* "@", a name relative to the zone, or a complete one: with a final dot, or one that already ends in the zone's name
 * (who writes www.example.com in the zone example.com doesn't mean www.example.com.example.com). Lower-case wire form.
 * False: no name, or not in the zone. */
bool owner_parse(const char *text, const uint8_t *apex, uint8_t owner[static NAME_MAX]) NONNULL;

#endif
