/* dnstap_stream.h -- a connection to a reader of Frame Streams. Private to tap/.
 * Threads: one; dnstap_stream_hurry() from any. Calls wait for the reader up to some seconds. */
#ifndef ISOBAR_TAP_DNSTAP_STREAM_H
#define ISOBAR_TAP_DNSTAP_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/address.h"
#include "base/contract.h"

struct dnstap_stream;

/* `path` "": to `server` by TCP. NULL: out of memory. */
struct dnstap_stream *dnstap_stream_new(const char *path, const struct address *server, uint16_t port) NONNULL MUST_USE;
void dnstap_stream_free(struct dnstap_stream *stream);	/* closed; NULL is allowed */

bool dnstap_stream_open(struct dnstap_stream *stream) NONNULL;	/* false: there's nobody, or no reader of dnstap */
/* False: not all was sent, and the connection is of no more use but to be closed. */
bool dnstap_stream_write(struct dnstap_stream *stream, const struct iovec *frames, size_t count) NONNULL;
bool dnstap_stream_is_there(struct dnstap_stream *stream) NONNULL;	/* the reader hasn't hung up */
void dnstap_stream_close(struct dnstap_stream *stream) NONNULL;
void dnstap_stream_hurry(struct dnstap_stream *stream) NONNULL;	/* all waiting ends within half a second from now */

#endif
