/* series.h -- from pages of samples to the values of a report: gauges as they are, counters as rates per second.
 * Threads: one set, one thread at a time; no I/O. */
#ifndef ISOBAR_REM_SERIES_H
#define ISOBAR_REM_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"

/* What is wanted of one page, and the counters that were seen last. */
struct series_set;

struct series_set *series_set_new(void) MUST_USE;
void series_set_free(struct series_set *set);

/* Wants the sum of all series that match. Its index, or -EINVAL for a bad selector, -ENOMEM. */
int series_set_want(struct series_set *set, const char *selector) NONNULL MUST_USE;

/* Wants every gauge and counter, each name's series added up; histograms' buckets are left out. */
void series_set_want_all(struct series_set *set) NONNULL;

struct series_value {
	const char *name;	/* the selector's alias or name, or the page's; lives until the next digest */
	double value;		/* NAN: not on the page, or a counter that has no rate yet */
	bool rate;		/* per second */
};

/* Reads one page. The values of the wanted ones come first, in their order, then those of want_all. The list is owned
 * by the set until the next digest. NULL: out of memory. */
const struct series_value *series_set_digest(struct series_set *set, const char *page, struct mono now, size_t *count)
	NONNULL;

#endif
