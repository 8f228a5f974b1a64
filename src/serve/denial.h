/* denial.h -- what a signed zone says of what isn't there, to who wants it (DO). In other zones, and for others,
 * nothing is added. Threads: any; each with its own decision. */
#ifndef ISOBAR_SERVE_DENIAL_H
#define ISOBAR_SERVE_DENIAL_H

#include "base/contract.h"
#include "serve/decision.h"
#include "serve/snapshot.h"

/* `ttl`: the most that a proof may be kept beside the zone's own limit (RFC 9077). */

/* The name doesn't exist, nor a wildcard for it. */
void deny_name(struct decision *d, const struct gap *gap, uint32_t ttl) NONNULL;
/* The node has no such type; also where it answers for a name in a gap. A delegation without DS, too. */
void deny_type(struct decision *d, const struct node *node, const struct gap *gap, uint32_t ttl) NONNULL;
/* No region's records of the type may be answered now: the second denial of a steered name. */
void deny_steered(struct decision *d, const struct service *service, uint16_t type, const struct gap *gap, uint32_t ttl)
	NONNULL;
/* A wildcard has answered: there is no closer name. Nothing without a gap. */
void deny_closer(struct decision *d, const struct gap *gap, uint32_t ttl) NONNULL;

#endif
