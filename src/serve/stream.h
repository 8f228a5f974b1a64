/* stream.h -- DNS messages in a stream of octets (RFC 1035 section 4.2.2, RFC 7766): queries in, answers out in the
 * order of the queries. TCP and TLS share it; it knows no socket, so that a fuzz target can drive it.
 * Threads: one at a time for each stream; no allocation, no system call. */
#ifndef ISOBAR_SERVE_STREAM_H
#define ISOBAR_SERVE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "serve/answer.h"

#define STREAM_MESSAGE_MAX (2 + 65535)
#define STREAM_LATER SIZE_MAX

/* An answer of many messages, or of one that isn't there yet. It's asked for the next one when there's room for it,
 * which is when the client has taken what was before; queries behind it wait until its last. */
struct stream_source {
	/* Its length; 0: there are no more; STREAM_LATER: there's one after stream_wake(). */
	size_t (*next)(void *arg, uint8_t *message, size_t size);
	void (*end)(void *arg);		/* after the last, or when the stream ends before it; or NULL */
	void *arg;
};

struct stream {
	struct stream_source source;	/* next NULL: none */
	bool later;			/* the source's next message isn't there yet: nothing can be answered */
	unsigned waiting;		/* messages in `out` */
	size_t in_used, out_used;
	uint8_t in[STREAM_MESSAGE_MAX];	/* not yet answered */
	uint8_t out[2 * STREAM_MESSAGE_MAX];	/* not yet taken */
};

void stream_init(struct stream *stream) NONNULL;
void stream_fini(struct stream *stream) NONNULL;

/* Where octets of the client's belong, then how many there were. With *size 0 there's a whole query, at least. */
uint8_t *stream_room(struct stream *stream, size_t *size) NONNULL;
void stream_took(struct stream *stream, size_t count) NONNULL;
void stream_skip(struct stream *stream, size_t count) NONNULL;	/* leaves out the first of what came */

/* There is something to answer, now. */
bool stream_asks(const struct stream *stream) NONNULL;

/* Answers until nothing is asked, `in_flight` messages wait in `out`, or it has no room for the longest message.
 * env: everything but `stream` is the caller's. Returns how many queries were taken from `in`. */
unsigned stream_answer(struct stream *stream, const struct answer_env *env, unsigned in_flight) NONNULL;

/* The query that was just taken is answered by these messages. */
void stream_begin(struct stream *stream, const struct stream_source *source) NONNULL;

/* The source has its next message now. */
void stream_wake(struct stream *stream) NONNULL;

/* The first octets of `out` have gone. */
void stream_sent(struct stream *stream, size_t count) NONNULL;

#endif
