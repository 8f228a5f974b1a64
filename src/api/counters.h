/* counters.h -- what the API counts. Threads: written by the API's threads, read by any; each number on its own. */
#ifndef ISOBAR_API_COUNTERS_H
#define ISOBAR_API_COUNTERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define API_STATUS_MAX 600

struct api_counters {
	atomic_bool ready;				/* the control thread runs */
	_Atomic uint64_t answers[API_STATUS_MAX];	/* by HTTP status */
	_Atomic uint64_t unauthenticated, forbidden;
	_Atomic uint64_t body_bytes;			/* received */
};

#endif
