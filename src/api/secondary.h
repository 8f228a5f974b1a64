/* secondary.h -- the secondaries of a zone: who is told of it, and who fetched it, as one list.
 * Threads: control. */
#ifndef ISOBAR_API_SECONDARY_H
#define ISOBAR_API_SECONDARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "control/notify.h"
#include "control/secondaries.h"
#include "serve/transfers.h"

struct secondary {
	struct address address;
	const struct tsig_key *key;	/* that it's told or fetches with, or NULL */
	bool is_told;			/* NOTIFY is for it: */
	struct notify_view notify;
	const struct transfer_record *last;	/* since the start; or NULL */
	size_t behind;			/* serials that it lacks, by that; SIZE_MAX: not known */
	bool lags;			/* it fetched an older one than the present, or NOTIFY reaches it in vain */
};

/* What was fetched, by zone. */
struct secondary_records {
	struct transfer_record *records;
	size_t count;
};

/* False: out of memory. */
bool secondary_records_read(const struct control *control, struct secondary_records *records) NONNULL MUST_USE;
void secondary_records_free(struct secondary_records *records) NONNULL;

/* Those of one zone, those that are told first: to be freed, *count of them. NULL: out of memory. */
struct secondary *secondaries_of_zone(const struct control *control, const struct secondary_records *records,
	const uint8_t *apex, size_t *count) NONNULL MUST_USE;

#endif
