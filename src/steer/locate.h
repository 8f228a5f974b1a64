/* locate.h -- which client group does an address belong to, and for how large a neighbourhood is that so.
 * Compiled once from the steering; asked by workers. Threads: any; asking touches nothing but its arguments. */
#ifndef ISOBAR_STEER_LOCATE_H
#define ISOBAR_STEER_LOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "steer/geo.h"
#include "steer/steering.h"

struct locator;

struct place {
	uint16_t group;		/* for shares: by network (longest prefix), country, continent, or else default */
	uint16_t network;	/* which of the operator's networks; 0: none. Index for legal_by_network */
	uint8_t country;	/* steer/country.h; COUNTRY_UNKNOWN without a database */
	uint8_t scope;		/* the prefix length all of whose addresses have this very place */
};

/* `geo` may be NULL; it's borrowed and must outlive the locator. NULL: out of memory. */
struct locator *locator_new(const struct steering *steering, const struct geo *geo)
	__attribute__((nonnull(1))) MUST_USE;
void locator_free(struct locator *locator);

void locate(const struct locator *locator, const struct address *address, struct place *place) NONNULL;

/* Residency, compiled: where a client at this network and in this country may be sent, given what a service's rules
 * say. A client belongs to the groups of every network that covers it, of its country and of its continent, or else to
 * the default group; each rule that names one of them binds it. */
size_t locator_network_count(const struct locator *locator) NONNULL;	/* place.network is below this */
uint16_t locator_network_group(const struct locator *locator, uint16_t network) NONNULL;	/* network > 0 */
uint16_t locator_country_group(const struct locator *locator, uint8_t country) NONNULL;	/* GROUP_DEFAULT: none */
struct region_set locator_legal(const struct locator *locator, const struct steering_service *service,
	uint16_t network, uint8_t country) NONNULL;

#endif
