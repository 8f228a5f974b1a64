/* watch.h -- who watches the queries: the reader of dnstap, and the query log; switched on and off while isobard runs.
 * Threads: control. */
#ifndef ISOBAR_CONTROL_WATCH_H
#define ISOBAR_CONTROL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/diag.h"
#include "base/text.h"
#include "tap/dnstap.h"
#include "tap/query_log.h"

struct control;
struct watch;

#define QUERY_LOG_FOR_S 600		/* so that nobody forgets it */
#define QUERY_LOG_FOR_MOST_S 86400
#define WATCH_SAMPLE_MOST 1000000

struct query_log_wish {
	bool on;
	uint32_t sample;		/* one query of so many */
	int64_t for_s;			/* then it ends by itself */
};

struct watch_state {
	bool dnstap_wanted;		/* the settings name a reader */
	bool dnstap_on, query_log_on;
	struct dnstap_state dnstap;	/* since the start; zeros without a reader in the settings */
	uint32_t dnstap_sample, query_log_sample;
	struct wall query_log_until;	/* .ms 0: it's off */
	const char *query_log_file;	/* "": the log */
	struct query_log_counts query_log;	/* since the start */
};

/* After the server. dnstap is on from here if the settings name a reader. False with the reason in `diags`. */
bool watch_start(struct control *control, struct diags *diags) NONNULL;
void watch_tick(struct control *control, struct mono now) NONNULL;
void watch_end(struct control *control) NONNULL;	/* after the server; all that was taken is written */

/* False: it can't be, and why. A change has its row in the journal; turning off what is off is none. */
bool watch_dnstap(struct control *control, bool on, const char *author, struct text *why) NONNULL;
/* What is on already goes on with the new sample, and ends at the new time. */
bool watch_query_log(struct control *control, const struct query_log_wish *wish, const char *author, struct text *why)
	NONNULL;
void watch_state(const struct control *control, struct watch_state *state) NONNULL;

#endif
