/* message_reader.h -- the records of a message one by one, with uncompressed names: what record_writer.h writes, and
 * what others do. Threads: any; touches nothing but its arguments. */
#ifndef ISOBAR_TRANSFER_MESSAGE_READER_H
#define ISOBAR_TRANSFER_MESSAGE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/wire_name.h"
#include "transfer/record_writer.h"

#define NAMED_RDATA_MAX (4 + 3 * 256 + 2 * NAME_MAX + 20)	/* of the longest type whose names may be compressed */

struct message_reader {
	struct wire_reader wire;
	uint16_t class;			/* of the last record */
	uint8_t owner[NAME_MAX], rdata[NAMED_RDATA_MAX];
};

/* Stands at the first question, of a message that has a header at least. */
void message_reader_init(struct message_reader *reader, const uint8_t *message, size_t length) NONNULL;
/* A question: its name in lower case, valid until the next call. False: it's broken, as all that follows. */
bool message_reader_question(struct message_reader *reader, const uint8_t **name, uint16_t *type, uint16_t *class)
	NONNULL MUST_USE;
/* The next record, valid until the next call: its owner in lower case, names in RDATA as they are. Of OPT and TSIG too.
 * Whether RDATA is well-formed otherwise isn't looked at. False: it's broken, as all that follows. */
bool message_reader_next(struct message_reader *reader, struct resource_record *record) NONNULL MUST_USE;

/* Are these two the same RDATA? Names in it compare without regard to case (RFC 4034 section 6.2; RFC 6840 section 5.1
 * for the types). */
bool rdata_same(uint16_t type, const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length) NONNULL;

#endif
