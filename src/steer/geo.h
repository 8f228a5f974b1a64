/* geo.h -- the country of an address by an mmdb file that the operator names; the one door to libmaxminddb.
 * Threads: an open database may be asked by any number of threads; asking allocates nothing. */
#ifndef ISOBAR_STEER_GEO_H
#define ISOBAR_STEER_GEO_H

#include <stdint.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/contract.h"
#include "base/text.h"

struct geo;

/* NULL with a message for the operator in `error`. The file is mapped: replace it by rename, never in place. */
struct geo *geo_open(const char *path, struct text *error) NONNULL MUST_USE;
void geo_close(struct geo *geo);

/* Index into steer/country.h; *length is the prefix length that shares this answer. */
uint8_t geo_country(const struct geo *geo, const struct address *address, uint8_t *length) NONNULL;
struct wall geo_built(const struct geo *geo) NONNULL;	/* when the database was made */

#endif
