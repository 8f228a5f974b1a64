/* client.h -- one HTTP request, waited for; for isobarctl, isobar-pae and the agent's pushes. libcurl does the work.
 * Threads: one client, one thread; only http_client_cancel() is for others. */
#ifndef ISOBAR_HTTP_CLIENT_H
#define ISOBAR_HTTP_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

struct http_client;

struct http_response {
	long status;		/* 0: no response at all, see `error` */
	char *body;		/* NUL-terminated; owned by the response */
	size_t length;
	uint32_t retry_after_s;	/* the Retry-After of the response; 0: it had none */
	char error[256];	/* why there was no response, "" otherwise */
};

/* `url`: "unix:/run/isobar/isobar.sock" or "http(s)://host:port". `token` is sent as a bearer token, or NULL.
 * NULL: out of memory or a URL that is neither. */
struct http_client *http_client_new(const char *url, const char *token, uint32_t timeout_ms)
	__attribute__((nonnull(1))) MUST_USE;
void http_client_free(struct http_client *client);

/* `path` begins with "/". `body` NULL: none; else JSON. Connections are kept. 0, or -errno when nothing came back:
 * -ECONNREFUSED and -ENOENT mean that nobody listens. */
int http_call(struct http_client *client, const char *method, const char *path, const char *body,
	struct http_response *response) __attribute__((nonnull(1, 2, 3, 5))) MUST_USE;
/* From any thread: the call under way, and every later one, ends within a second or so with -ECANCELED. */
void http_client_cancel(struct http_client *client) NONNULL;
void http_response_fini(struct http_response *response) NONNULL;

#endif
