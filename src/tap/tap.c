/* tap.c -- see tap.h.  In: an exchange.  Out: the same to whom it concerns.  Threads: workers. */
#include "tap/tap.h"

#include <time.h>

#include "dns/types.h"
#include "tap/dnstap.h"
#include "tap/query_log.h"

uint64_t
tap_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void
tap_take(const struct tap_seen *seen)
{
	/* What is no query at all isn't shown as one. */
	if (seen->request_length < HEADER_SIZE || seen->request[2] & FLAG_QR >> 8)
		return;
	if (seen->tap->dnstap != NULL)
		dnstap_take(seen->tap->dnstap, seen);
	if (seen->tap->query_log != NULL)
		query_log_take(seen->tap->query_log, seen);
}
