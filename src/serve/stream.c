/* stream.c -- see stream.h.
 * In: octets, cut anywhere.  Out: messages, each with its length in front.
 * Threads: the caller's.  Memory: the two buffers; nothing is allocated.
 *
 * A message in `in` is whole when its length says so; what is answered is taken out at once, so `in` always begins with
 * a message. As it holds the longest one, a full buffer has a whole query.
 * `out` has room for two of the longest: while one waits to be taken, the next can be made. */
#include "serve/stream.h"

#include <string.h>

#include "dns/wire.h"

static bool has_query(const struct stream *stream, size_t at);
static bool has_room(const struct stream *stream, unsigned in_flight);
static size_t answer_query(struct stream *stream, const struct answer_env *env, size_t at);
static void show(struct tap_seen *seen, const struct stream *stream, size_t at, size_t length);
static void go_on(struct stream *stream, unsigned in_flight);
static void add(struct stream *stream, size_t length);

void
stream_init(struct stream *stream)
{
	memset(stream, 0, offsetof(struct stream, in));
}

void
stream_fini(struct stream *stream)
{
	if (stream->source.next != NULL && stream->source.end != NULL)
		stream->source.end(stream->source.arg);
	stream->source.next = NULL;
	stream->later = false;
}

uint8_t *
stream_room(struct stream *stream, size_t *size)
{
	*size = sizeof(stream->in) - stream->in_used;
	return stream->in + stream->in_used;
}

void
stream_took(struct stream *stream, size_t count)
{
	stream->in_used += count;
}

void
stream_skip(struct stream *stream, size_t count)
{
	stream->in_used -= count;
	memmove(stream->in, stream->in + count, stream->in_used);
}

bool
stream_asks(const struct stream *stream)
{
	return !stream->later && (stream->source.next != NULL || has_query(stream, 0));
}

static bool
has_query(const struct stream *stream, size_t at)
{
	return stream->in_used - at >= 2 && stream->in_used - at - 2 >= wire_get_u16(stream->in + at);
}

unsigned
stream_answer(struct stream *stream, const struct answer_env *env, unsigned in_flight)
{
	unsigned count = 0;
	size_t at = 0;

	go_on(stream, in_flight);
	while (stream->source.next == NULL && has_query(stream, at) && has_room(stream, in_flight)) {
		at += answer_query(stream, env, at);
		count++;
		go_on(stream, in_flight);
	}
	if (at > 0)
		stream_skip(stream, at);
	return count;
}

static bool
has_room(const struct stream *stream, unsigned in_flight)
{
	return (stream->waiting == 0 || stream->waiting < in_flight)
	    && sizeof(stream->out) - stream->out_used >= STREAM_MESSAGE_MAX;
}

/* How many octets the query has. */
static size_t
answer_query(struct stream *stream, const struct answer_env *env, size_t at)
{
	struct answer_env streamed = *env;
	struct stream_source source = { .next = NULL };
	size_t size = wire_get_u16(stream->in + at), length;

	streamed.stream = true;
	streamed.source = &source;
	if (env->seen != NULL)
		streamed.note = &env->seen->note;
	length = answer(&streamed, stream->in + at + 2, size, stream->out + stream->out_used + 2, ANSWER_SIZE_MAX);
	if (env->seen != NULL)
		show(env->seen, stream, at, length);
	add(stream, length);
	if (source.next != NULL)
		stream_begin(stream, &source);
	return 2 + size;
}

/* To who watches, before the buffers move; the note is empty again for the next query. */
static void
show(struct tap_seen *seen, const struct stream *stream, size_t at, size_t length)
{
	seen->request = stream->in + at + 2;
	seen->request_length = wire_get_u16(stream->in + at);
	seen->response = stream->out + stream->out_used + 2;
	seen->response_length = length;
	seen->answered_ns = tap_now_ns();
	tap_take(seen);
	seen->note = (struct tap_note){ .zone = NULL };
}

void
stream_begin(struct stream *stream, const struct stream_source *source)
{
	stream->source = *source;
}

void
stream_wake(struct stream *stream)
{
	stream->later = false;
}

/* Takes what the source has, until that was the last of it, or the next isn't there yet, or there's no room. */
static void
go_on(struct stream *stream, unsigned in_flight)
{
	while (stream->source.next != NULL && !stream->later && has_room(stream, in_flight)) {
		size_t length = stream->source.next(stream->source.arg, stream->out + stream->out_used + 2,
		    ANSWER_SIZE_MAX);

		if (length == 0)
			stream_fini(stream);
		else if (length == STREAM_LATER)
			stream->later = true;
		else
			add(stream, length);
	}
}

/* The message behind `out` belongs to it; 0: there is none. */
static void
add(struct stream *stream, size_t length)
{
	if (length == 0)
		return;
	wire_put_u16(stream->out + stream->out_used, (unsigned)length);
	stream->out_used += 2 + length;
	stream->waiting++;
}

void
stream_sent(struct stream *stream, size_t count)
{
	stream->out_used -= count;
	memmove(stream->out, stream->out + count, stream->out_used);
	if (stream->out_used == 0)
		stream->waiting = 0;
}
