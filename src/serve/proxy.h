/* proxy.h -- the PROXY protocol, version 2 (haproxy's doc/proxy-protocol.txt, section 2.2): who the client is when a
 * proxy stands in front. Threads: any; pure. */
#ifndef ISOBAR_SERVE_PROXY_H
#define ISOBAR_SERVE_PROXY_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"

#define PROXY_HEADER_MAX 4096	/* octets; TLVs make it long, and what they say isn't used here */

enum proxy_verdict {
	PROXY_CLIENT,		/* the header names a client */
	PROXY_LOCAL,		/* it names none: the connection's own address counts */
	PROXY_MORE,		/* so far it's the beginning of a header */
	PROXY_MISSING,		/* it's something else */
	PROXY_BAD,		/* a header that mustn't be */
	PROXY_VERDICTS
};

/* With CLIENT or LOCAL, *header is the number of octets to leave out; with CLIENT, *client is who asks. */
enum proxy_verdict proxy_read(const uint8_t *bytes, size_t length, size_t *header, struct address *client)
	NONNULL MUST_USE;

#endif
