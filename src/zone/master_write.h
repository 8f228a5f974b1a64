/* master_write.h -- zones and records as master files. Threads: any; nothing is shared. */
#ifndef ISOBAR_ZONE_MASTER_WRITE_H
#define ISOBAR_ZONE_MASTER_WRITE_H

#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "zone/zone.h"

/* The zone as a master file: $ORIGIN, $TTL, SOA first, then canonical order. For the export of zones that came
 * otherwise. */
void master_write(const struct zone *zone, struct text *out) NONNULL;

/* One record in presentation form "OWNER TTL CLASS TYPE RDATA", e.g. to list it. */
void master_write_rr(const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t rdlength,
	struct text *out) NONNULL;

/* `name` as it's written under `origin`: "@", relative, or complete with a final dot. Returns `text`. */
const char *master_write_name(const uint8_t *name, const uint8_t *origin, char text[static NAME_TEXT_SIZE]) NONNULL;

#endif
