/* certify.h -- what the certificate is told of the world as it is now, and the one of what is in service, kept true.
 * Threads: control. */
#ifndef ISOBAR_CONTROL_CERTIFY_H
#define ISOBAR_CONTROL_CERTIFY_H

#include "base/clock.h"
#include "base/contract.h"
#include "control/publish.h"

#define CERTIFY_EVERY_MS 60000	/* room for drains is at most this old */
#define CERTIFY_PLAN_MS 600000	/* a plan's demand counts for so long; then what is measured does */

/* Requests/s by region of `steering`: as agents report, else as it says; 0: not known. By name: the round may have the
 * steering before. */
void certify_capacities(const struct round *round, const struct steering *steering, double *capacities) NONNULL;

/* Regions that are dead now for every service that has them. */
struct region_set certify_lost(const struct round *round, const struct steering *steering) NONNULL;

/* What is in service, as it's to be reckoned now: `plan` while it's fresh, else `measured`; each may be NULL.
 * `capacities` [REGIONS_MAX] becomes the terms'. `cut` is freed by the caller after use; the terms borrow it. */
void certify_terms(const struct publisher *publisher, const struct round *round, const struct plan *plan,
	const struct demand *measured, struct wall now, double *capacities, struct plan **cut,
	struct certificate_terms *terms) __attribute__((nonnull(1, 2, 6, 7, 8)));

/* The publisher's certificate is a minute old, or capacities or dead regions are others. */
bool certify_is_due(const struct publisher *publisher, const struct round *round, struct mono now) NONNULL;
/* Makes it anew. */
void certify_keep(struct publisher *publisher, const struct round *round, const struct plan *plan,
	const struct demand *measured, struct mono now, struct wall wall) __attribute__((nonnull(1, 2)));

#endif
