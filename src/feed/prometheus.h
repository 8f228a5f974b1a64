/* prometheus.h -- ranges of series from Prometheus' HTTP API (query_range). Threads: any; a pull, one thread. */
#ifndef ISOBAR_FEED_PROMETHEUS_H
#define ISOBAR_FEED_PROMETHEUS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/json.h"
#include "feed/pulled.h"

#define PROMETHEUS_POINTS_MAX 600	/* of a series in one pull; Prometheus itself refuses more than 11000 */

/* What is asked for: both ends are evaluated, all on multiples of the step, so that what is asked again yields the same
 * times. */
struct prometheus_range { int64_t from_ms, to_ms; };

/* What comes after `until` (.ms 0: nothing was pulled yet), at most `points` steps of it. False: nothing is due. */
bool prometheus_range(const struct steering_feed *feed, struct wall until, struct wall now, size_t points,
	struct prometheus_range *range) NONNULL MUST_USE;

/* "/api/v1/query_range?..." behind the feed's URL. Caller frees; NULL: out of memory. */
char *prometheus_url(const struct steering_feed *feed, const char *query, struct prometheus_range range) NONNULL
	MUST_USE;

/* Takes the answer to one query into `pulled`. `series` is an index into the feed's. */
void prometheus_read(struct pulled *pulled, size_t series, const cJSON *document, struct prometheus_range range)
	NONNULL;

/* Why Prometheus refused: its own words, or NULL. Borrowed from the document. */
const char *prometheus_error(const cJSON *document) NONNULL;

#endif
