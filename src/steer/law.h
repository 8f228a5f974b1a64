/* law.h -- residency, read from the rules themselves for one address: an independent second opinion on the compiled
 * masks that answers use. Pure, no allocation; threads: any. */
#ifndef ISOBAR_STEER_LAW_H
#define ISOBAR_STEER_LAW_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"
#include "steer/geo.h"
#include "steer/steering.h"

/* May this region serve a client at this address, by every rule that names a group it belongs to? `geo` may be NULL. */
bool law_allows(const struct steering *steering, const struct steering_service *service, const struct geo *geo,
	const struct address *address, region_id region) __attribute__((nonnull(1, 2, 4)));

/* The same of a client at this address who is in this country, whatever a database says. */
bool law_allows_in(const struct steering *steering, const struct steering_service *service, uint8_t country,
	const struct address *address, region_id region) NONNULL;

/* How many groups and networks it may look at. */
size_t law_work(const struct steering *steering, const struct steering_service *service) NONNULL;

#endif
