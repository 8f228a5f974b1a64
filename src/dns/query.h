/* query.h -- a request as bytes, turned into a question that can be answered, or into the error that it deserves.
 * Threads: any; pure. */
#ifndef ISOBAR_DNS_QUERY_H
#define ISOBAR_DNS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "dns/name.h"
#include "dns/types.h"

#define COOKIE_CLIENT_SIZE 8	/* octets of a cookie that the client made, RFC 7873 section 4.1 */

struct query {
	uint16_t id, flags;		/* flags as they came */
	uint16_t type, class;
	uint8_t name[NAME_MAX];		/* lower case */
	struct name_parts parts;	/* of `name` */
	uint16_t question_length;	/* name, type and class, as they stand after the header; 0: no question */
	bool edns;			/* an OPT record was there */
	bool dnssec_ok;
	bool nsid;			/* asks who answers, RFC 5001 */
	uint16_t payload;		/* what the requester can take by UDP; at least 512 */
	bool subnet;			/* EDNS Client Subnet, RFC 7871 */
	struct address subnet_address;	/* bits behind the prefix are zero; .bits 0 for the prefix 0 of no family */
	uint16_t subnet_family;
	uint8_t subnet_length;
	const uint8_t *cookie;		/* as it came, in the request's octets; NULL: none, RFC 7873 */
	uint8_t cookie_length;		/* 8, or 16 to 40 with a server's part */
	bool expire;			/* asks for the zone's EXPIRE, RFC 7314 */
	bool keepalive;			/* asks how long a stream may idle, RFC 7828 */
	bool padding;			/* the response may be padded, RFC 7830 */
	uint16_t tsig;			/* where the TSIG record begins, which is the last; 0: none, RFC 8945 */
};

enum query_verdict {
	QUERY_OK,
	QUERY_DROP,		/* not even a header, or a response: never answered */
	QUERY_FORMERR,
	QUERY_NOTIMP,
	QUERY_BADVERS,
	QUERY_NOTAUTH,
	QUERY_NOTIFY,		/* a good one (RFC 1996) */
	QUERY_UPDATE,		/* one whose header, zone and OPT are good (RFC 2136) */
};

/* Fills `query` as far as it could be read: an error answer echoes the id and, where it was whole, the question. */
enum query_verdict query_read(struct query *query, const uint8_t *bytes, size_t length) NONNULL;

#endif
