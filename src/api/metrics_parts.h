/* metrics_parts.h -- who tells what of the metrics: shared by the files metrics*.c alone.  Threads: control. */
#ifndef ISOBAR_API_METRICS_PARTS_H
#define ISOBAR_API_METRICS_PARTS_H

#include "api/feed_states.h"
#include "api/live_scores.h"
#include "api/metric.h"
#include "api/request.h"
#include "api/resources.h"
#include "base/contract.h"

/* What is read of the store before. */
struct stored {
	struct feed_states feeds;
	struct live_scores scores;
};

struct exposition {
	struct request *request;
	struct scene scene;
	const struct stored *stored;	/* or NULL */
	struct text *out;
};

#define METRIC_RCODES 11
extern const char *const metric_rcodes[METRIC_RCODES];	/* those that are counted, by number */

void metrics_server(struct exposition *x) NONNULL;	/* metrics_server.c: what clients ask and get */
void metrics_transfers(struct exposition *x) NONNULL;	/* metrics_transfers.c: zones to secondaries */
void metrics_primaries(struct exposition *x) NONNULL;	/* metrics_primaries.c: zones from primaries */
void metrics_catalogs(struct exposition *x) NONNULL;	/* metrics_catalogs.c: members of catalog zones */
void metrics_requests(struct exposition *x) NONNULL;	/* metrics_requests.c: UPDATE and NOTIFY of others */
void metrics_steering(struct exposition *x) NONNULL;	/* metrics_steering.c: demand, regions, plans, drains */

#endif
