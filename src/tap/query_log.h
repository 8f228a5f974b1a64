/* query_log.h -- one line for each query, to a file or to the log.
 *	TIME CLIENT@PORT TRANSPORT NAME TYPE RCODE REGION POLICY
 * "-" stands where there is nothing: no region for a name that isn't steered, no rcode where no response was sent.
 * Threads: query_log_new() and query_log_free() and the views by control; query_log_take() by workers. */
#ifndef ISOBAR_TAP_QUERY_LOG_H
#define ISOBAR_TAP_QUERY_LOG_H

#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "tap/tap.h"

struct query_log;

struct query_log_counts { uint64_t lines, dropped; };

/* One query of `sample` is written, behind what the file holds; `path` "": by log_info(). NULL with a message. */
struct query_log *query_log_new(const char *path, unsigned workers, uint32_t sample, struct text *error)
	NONNULL MUST_USE;
/* No worker uses it any more. What was taken is written; `counts` are the last ones. NULL is allowed. */
void query_log_free(struct query_log *log, struct query_log_counts *counts) __attribute__((nonnull(2)));

void query_log_take(struct query_log *log, const struct tap_seen *seen) NONNULL;
void query_log_counts(const struct query_log *log, struct query_log_counts *counts) NONNULL;

#endif
