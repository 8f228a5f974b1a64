/* series.h -- samples of series in a request's body: what a feed pulled, or which signals are in force. Threads: a
 * request's. */
#ifndef ISOBAR_API_SERIES_H
#define ISOBAR_API_SERIES_H

#include <stdbool.h>
#include <stddef.h>

#include "api/request.h"
#include "base/contract.h"
#include "base/json.h"
#include "steer/steering.h"
#include "store/store.h"

#define SERIES_SAMPLES_MAX 16384	/* in one request, as many as a report may bring */
#define SERIES_INCIDENTS_MAX 1024

struct series_point { struct wall at; double value; };

struct series_entry {
	const char *region, *backend, *name, *unit;
	size_t count;
	const struct series_point *points;
};

/* A time in which a region was down, from records that were kept elsewhere. */
struct series_incident { const char *region; struct wall from, to; };

struct series_list {
	size_t count, samples;
	const struct series_entry *entries;
	size_t incident_count;			/* only in POST /v1/samples */
	const struct series_incident *incidents;
};

/* The member "series" of `o`, in the request's arena; errors in the object's list. */
struct series_list series_read(struct request *request, const struct json_object *o, bool required) NONNULL;
/* An error for each region that there isn't. Control thread. */
void series_check(const struct series_list *list, const struct steering *steering, struct diags *diags) NONNULL;
int series_put(struct store_txn *txn, const struct series_list *list) NONNULL MUST_USE;	/* in a job */

#endif
