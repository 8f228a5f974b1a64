/* tls.h -- one TLS connection as a filter: the other end's octets in and plain ones out, and the other way. It knows no
 * socket. Threads: one at a time for each. */
#ifndef ISOBAR_SERVE_TLS_H
#define ISOBAR_SERVE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/contract.h"
#include "serve/tls_client.h"
#include "serve/tls_context.h"

struct tls;

struct tls *tls_new(const struct tls_context *context) NONNULL MUST_USE;	/* NULL: out of memory */
/* The other end: a connection to a server. The handshake begins with the first tls_read(). */
struct tls *tls_new_client(const struct tls_client *client) NONNULL MUST_USE;
void tls_free(struct tls *tls);	/* NULL is allowed */

/* What came from the client. False: out of memory. */
bool tls_put(struct tls *tls, const uint8_t *bytes, size_t length) NONNULL MUST_USE;

/* Plain octets of what came; the handshake goes on with it. 0: none yet; below 0: the client has ended it, or broke the
 * rules. What is to be sent to it may grow by this. */
ssize_t tls_read(struct tls *tls, uint8_t *to, size_t size) NONNULL MUST_USE;

/* Plain octets for the client, all of them. False: it can't be. After the handshake only. */
bool tls_write(struct tls *tls, const uint8_t *bytes, size_t length) NONNULL MUST_USE;

/* What is to be sent: stays where it is until the next call other than tls_unsent(). */
const uint8_t *tls_unsent(const struct tls *tls, size_t *length) NONNULL;
void tls_sent(struct tls *tls, size_t count) NONNULL;

void tls_end(struct tls *tls) NONNULL;	/* the last word to the client is to be sent */

bool tls_is_open(const struct tls *tls) NONNULL;	/* the handshake is over */
/* Why tls_read() said that it's over, in words, into `why`. */
void tls_trouble(const struct tls *tls, struct text *why) NONNULL;
bool tls_is_resumed(const struct tls *tls) NONNULL;	/* by a ticket */
/* Zones may go by it: TLS 1.3, and "dot" was agreed on (RFC 9103 sections 7.1 and 7.2). */
bool tls_carries_zones(const struct tls *tls) NONNULL;

#endif
