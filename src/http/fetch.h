/* fetch.h -- a GET from a server that isn't ours: bounded in time and octets, and strict about where it may lead.
 * Threads: any; each call stands for itself. */
#ifndef ISOBAR_HTTP_FETCH_H
#define ISOBAR_HTTP_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "http/client.h"

struct http_fetch {
	const char *url;		/* http or https */
	const char *token;		/* bearer token, or NULL; never goes to another host or port */
	const char *ca_file;		/* certificates that are trusted, or NULL: the system's */
	const char *accept;		/* media types */
	uint32_t timeout_ms;		/* for all of it, redirects included */
	size_t size_most;		/* octets of the body, unpacked */
};

/* 0 with a response of any status, or -errno with its `error`: -EMSGSIZE the body is too large, -EPROTONOSUPPORT
 * another scheme. */
int http_fetch(const struct http_fetch *fetch, struct http_response *response) NONNULL MUST_USE;

/* `text` with everything escaped that isn't unreserved (RFC 3986). Caller frees; NULL: out of memory. */
char *http_escape(const char *text) NONNULL MUST_USE;

#endif
