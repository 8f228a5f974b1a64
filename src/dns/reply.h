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
#define REPLY_OPTIONS_MAX 1152		/* octets of OPT's options; all that we write, padded, come to less */
#define REPLY_PADDED_TO 468		/* RFC 8467 section 4.1 */
#define REPLY_NAMES_MAX 48		/* label starts remembered for compression; more names are written in full */

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

struct reply {
	uint8_t *bytes;
	size_t limit;		/* records must end before this; what OPT needs for now is already taken off */
	size_t at;
	uint16_t flags;
	uint16_t rcode;		/* extended */
	uint16_t counts[3];
	bool truncated;
	unsigned name_count;
	uint16_t names[REPLY_NAMES_MAX];	/* offsets of label starts, of names that end in the message */
	const struct query *query;
	uint16_t payload;	/* what we say that we can take; REPLY_UDP_DEFAULT unless set */
	bool padded;		/* to a multiple of REPLY_PADDED_TO, as far as the limit allows */
	size_t options_length;
	uint8_t options[REPLY_OPTIONS_MAX];
};

/* Copies header and question of the request (its case kept). `limit` is the most octets that may be sent. */
void reply_begin(struct reply *reply, const struct query *query, const uint8_t *request, uint8_t *bytes, size_t limit)
	NONNULL;

/* An EDNS option, at any time before reply_finish(). False: the request had no EDNS, or there is no room. What must be
 * there is put in before the records, what may be left out behind them. */
bool reply_option(struct reply *reply, uint16_t code, const void *data, size_t length)
	__attribute__((nonnull(1)));
bool reply_subnet(struct reply *reply, uint8_t scope) NONNULL;	/* ECS, as the query had it (RFC 7871 section 7.2.1) */
bool reply_error(struct reply *reply, enum ede code, const char *text) NONNULL;	/* EDE, RFC 8914; text may be "" */

/* Takes all records back and says TC: the client is to ask by TCP. */
void reply_truncate(struct reply *reply) NONNULL;

/* Adds the RRset whole or not at all: `wire` holds `count` times RDLENGTH and RDATA. When it doesn't fit, answer and
 * authority records truncate the message (TC, RFC 2181 section 9), additional ones are just left out.
 * `owner` uncompressed; the class is that of the question. False when it was left out. */
bool reply_add(struct reply *reply, enum section section, const uint8_t *owner, uint16_t type, uint32_t ttl,
	uint16_t count, const uint8_t *wire, uint32_t length) NONNULL;

/* An RRset with its signatures, all in that form. */
struct reply_rrset {
	uint16_t type, count;
	uint16_t signature_count;	/* 0: none */
	uint32_t ttl;			/* of both (RFC 4035 section 5.3.3 lets it be lower than the original) */
	uint32_t length, signature_length;
	const uint8_t *wire, *signatures;
};

/* The same with signatures: what is signed is there with them or not at all (RFC 4035 section 3.1.1), but for
 * additional records, which may do without. */
bool reply_add_signed(struct reply *reply, enum section section, const uint8_t *owner, const struct reply_rrset *set)
	NONNULL;

/* Writes OPT where the request had one, and the header. The length of the message. */
size_t reply_finish(struct reply *reply) NONNULL;

#endif
