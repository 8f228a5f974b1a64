/* outgoing.h -- a zone on its way to a secondary: AXFR (RFC 5936) and IXFR (RFC 1995), message by message.
 * One pass over an immutable zone, without a copy: the next message is made when it's asked for, so a slow reader costs
 * this state and holds its edition. Threads: one at a time. */
#ifndef ISOBAR_TRANSFER_OUTGOING_H
#define ISOBAR_TRANSFER_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/query.h"
#include "transfer/edition.h"
#include "transfer/tsig.h"

enum outgoing_kind {
	OUTGOING_FULL,		/* the zone: AXFR, and IXFR from a serial that isn't known any more */
	OUTGOING_DIFFERENCES,
	OUTGOING_CURRENT,	/* the SOA alone: the client has it, or must come by TCP */
};
#define OUTGOING_KINDS 3

struct outgoing_wish {
	const struct edition *edition;	/* that the caller sees under RCU; held until outgoing_free() */
	const struct query *query;
	const uint8_t *request;		/* that it was read from */
	enum outgoing_kind kind;
	size_t first;			/* of edition->differences */
	bool hide_regions;		/* leave out the names of region records */
	bool padded;			/* it's encrypted, and the request asks for padding */
	uint16_t payload;		/* what OPT says that we can take */
	const struct tsig *tsig;	/* of the request, or NULL; copied */
	struct tsig_maker *maker;	/* with tsig: of the thread that asks for messages */
};

/* Which kind it is to be. `serial`: the client's, for IXFR. */
enum outgoing_kind outgoing_choose(const struct edition *edition, bool incremental, uint32_t serial, size_t *first)
	NONNULL;

struct outgoing;
struct outgoing *outgoing_new(const struct outgoing_wish *wish) NONNULL MUST_USE;	/* NULL: out of memory */
void outgoing_free(struct outgoing *outgoing);

/* The length of the next message in `message`, which holds `size` octets, at least 512; 0: there are no more.
 * `now`: Unix time, seconds. */
size_t outgoing_next(struct outgoing *outgoing, uint8_t *message, size_t size, uint64_t now) NONNULL;
bool outgoing_is_done(const struct outgoing *outgoing) NONNULL;		/* the last message was made */

/* The message that says that it can't go on; none follows. 1024 octets, and what TSIG takes, hold it. */
size_t outgoing_fail(struct outgoing *outgoing, uint8_t *message, uint64_t now) NONNULL;

/* What it did until now. */
const struct edition *outgoing_edition(const struct outgoing *outgoing) NONNULL;
enum outgoing_kind outgoing_kind(const struct outgoing *outgoing) NONNULL;
size_t outgoing_octets(const struct outgoing *outgoing) NONNULL;

#endif
