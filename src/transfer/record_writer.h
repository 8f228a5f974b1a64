/* record_writer.h -- records one by one into a message of a transfer, with compressed names (RFC 5936 section 3.4).
 * reply.h writes answers: few RRsets, each whole or not at all. Here a message takes what fits of a zone, and a table
 * finds in one probe what a search would.
 * Threads: any; touches nothing but its arguments. */
#ifndef ISOBAR_TRANSFER_RECORD_WRITER_H
#define ISOBAR_TRANSFER_RECORD_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define RECORD_WRITER_NAMES 512		/* places of names in a message of 16 KB: some hundred records */

struct resource_record {
	const uint8_t *owner;	/* lower case, wire form */
	uint16_t type, rdlength;
	uint32_t ttl;
	const uint8_t *rdata;
};

struct record_writer {
	uint8_t *bytes;
	size_t at, limit;
	unsigned count;		/* of records */
	uint16_t places[RECORD_WRITER_NAMES];	/* of names that were written, by hash; 0: none */
};

/* `at`: where records begin, behind header and question. The name of the question is at 12, if there is one. */
void record_writer_begin(struct record_writer *writer, uint8_t *bytes, size_t at, size_t limit) NONNULL;
/* False: it doesn't fit, and nothing was written. */
bool record_writer_put(struct record_writer *writer, const struct resource_record *record) NONNULL MUST_USE;

#endif
