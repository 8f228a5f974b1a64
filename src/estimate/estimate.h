/* estimate.h -- how much clients ask for, from what workers count and what regions report: plain arithmetic over counts
 * and seconds, which gives the same numbers for the same input.
 * Threads: one. Services, groups and regions are those of the steering that was adopted last. */
#ifndef ISOBAR_ESTIMATE_ESTIMATE_H
#define ISOBAR_ESTIMATE_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "plan/demand.h"
#include "serve/snapshot.h"
#include "steer/locate.h"

#define ESTIMATE_RATE_S 120.0	/* counts of groups fade by 1/e in this time: day and night are followed, */
#define ESTIMATE_SHAPE_S 1800.0	/* and those of slots and keys in this: there are many of them */

struct estimate;

struct estimate *estimate_new(void) MUST_USE;
void estimate_free(struct estimate *estimate);	/* NULL is allowed */

/* What is known is kept by name. False: out of memory; nothing has changed. */
bool estimate_adopt(struct estimate *estimate, const struct steering *steering, const struct locator *locator)
	NONNULL MUST_USE;

/* --- what workers count -------------------------------------------------------------------------------------- */

void estimate_set_ttl(struct estimate *estimate, size_t service, double ttl_s) NONNULL;	/* of the answers */

/* Questions since estimate_pass(); `country` is COUNTRY_UNKNOWN for clients that are located by network. */
void estimate_count(struct estimate *estimate, size_t service, uint16_t group, uint8_t country, double questions)
	NONNULL;
void estimate_pass(struct estimate *estimate, double seconds) NONNULL;

/* Of one demand group: questions by slot, and the time they took to come. False: out of memory. */
bool estimate_slots(struct estimate *estimate, size_t service, const struct demand_group *group, uint32_t count,
	const uint32_t *questions, double seconds) NONNULL;
/* Of one client prefix since estimate_pass_keys(). `spread`: they were counted by slot, too. False: out of memory. */
bool estimate_key(struct estimate *estimate, size_t service, uint64_t key, const struct place *place,
	double questions, bool spread) NONNULL;
void estimate_pass_keys(struct estimate *estimate, size_t service, double seconds) NONNULL;

/* --- what regions report ------------------------------------------------------------------------------------- */

/* What each region should be getting of a service by its tables and live words as they are: `loads` by region. False:
 * out of memory, or nothing is known. */
bool estimate_expect(const struct estimate *estimate, const struct snapshot *snapshot, size_t service, double *loads)
	NONNULL MUST_USE;

/* Tables and live words have been as they are for as long as caches keep answers, and these are the loads that regions
 * have reported since (requests/s, NAN: none). Demand is corrected by them, all the way (`step` 1) or a part of it.
 * A region whose load didn't follow a change of what it should be getting is left out until it does. False: out of
 * memory, or no report. */
bool estimate_correct(struct estimate *estimate, const struct snapshot *snapshot, size_t service,
	const double *loads, double step) NONNULL;
/* Requests/s of a service by demand group. What is learnt of keys and caches between the two calls doesn't change how
 * much there is, once regions' reports have corrected it: what they said included that already. */
void estimate_totals(const struct estimate *estimate, const struct partition *partition, size_t service,
	double *totals) NONNULL;
void estimate_keep_totals(struct estimate *estimate, const struct partition *partition, size_t service,
	const double *totals) NONNULL;
bool estimate_distrusts(const struct estimate *estimate, size_t service, region_id region) NONNULL;

/* --- what is made of it -------------------------------------------------------------------------------------- */

/* By the demand groups that these countries make (partition.h). NULL: out of memory, or nothing was ever asked. */
struct demand *estimate_demand(const struct estimate *estimate, const struct steering *steering,
	const struct locator *locator, const uint8_t *countries, size_t country_count, struct wall at)
	__attribute__((nonnull(1, 2, 3))) MUST_USE;

/* The groups, and of each the countries with at least `least` of the service's demand by themselves; the others are
 * with their group. A country that was by itself the last time stays so down to the half of that. In `arena`; NULL: out
 * of memory. */
struct estimate_row { const char *service; uint16_t group; uint8_t country; double rate, error, asked; };
const struct estimate_row *estimate_rows(struct estimate *estimate, double least, struct arena *arena,
	size_t *count) NONNULL MUST_USE;

/* Goes on where an earlier process was; for a new estimate that has adopted this steering. False: out of memory, and
 * part of it may be missing. */
bool estimate_restore(struct estimate *estimate, const struct demand *demand, const struct steering *steering,
	const struct locator *locator) NONNULL;

#endif
