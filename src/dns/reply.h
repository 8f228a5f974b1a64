/* reply.h -- writes a response: header, question, records with compressed names, OPT, truncation.
 * It knows names and limits and nothing of zones. Threads: any; touches nothing but its arguments. */
#ifndef ISOBAR_DNS_REPLY_H
#define ISOBAR_DNS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/query.h"
#include "dns/types.h"

#define REPLY_UDP_DEFAULT 1232		/* avoids fragments on practically every path (RFC 9715 and its sources) */
#define REPLY_NAMES_MAX 48		/* label starts remembered for compression; more names are written in full */

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

struct reply {
	uint8_t *bytes;
	size_t limit;		/* records must end before this; what OPT needs is already taken off */
	size_t at;
	uint16_t flags;
	uint16_t rcode;		/* extended */
	uint16_t counts[3];
	bool truncated;
	unsigned name_count;
	uint16_t names[REPLY_NAMES_MAX];	/* offsets of label starts, of names that end in the message */
	const struct query *query;
	uint16_t payload;	/* what we say that we can take; REPLY_UDP_DEFAULT unless set */
	uint8_t subnet_scope;
	int ede;		/* enum ede */
	const char *nsid;	/* or NULL */
	size_t nsid_length;
};

/* Copies header and question of the request (its case kept). `limit` is the most octets that may be sent. */
void reply_begin(struct reply *reply, const struct query *query, const uint8_t *request, uint8_t *bytes, size_t limit)
	NONNULL;

/* The answer to NSID, before any record is added; borrowed until reply_finish(). Without EDNS in the request nothing
 * happens, and where it doesn't fit it's left out. */
void reply_identify(struct reply *reply, const char *nsid, size_t length) NONNULL;

/* Adds the RRset whole or not at all: `wire` holds `count` times RDLENGTH and RDATA. When it doesn't fit, answer and
 * authority records truncate the message (TC, RFC 2181 section 9), additional ones are just left out.
 * `owner` uncompressed; the class is that of the question. False when it was left out. */
bool reply_add(struct reply *reply, enum section section, const uint8_t *owner, uint16_t type, uint32_t ttl,
	uint16_t count, const uint8_t *wire, uint32_t length) NONNULL;

/* Writes OPT where the request had one, and the header. The length of the message. */
size_t reply_finish(struct reply *reply) NONNULL;

#endif
