/* dnstap_stream.c -- see dnstap_stream.h; the one door to libfstrm.
 * In: frames.  Out: the same in a Frame Stream of content type protobuf:dnstap.Dnstap, with its handshakes.
 * Threads: one.  Ownership: the library's writer lives as long as the connection.
 *
 * The socket is ours and not the library's, whose calls wait for a reader without an end. It doesn't block: what can't
 * go on is waited for in small steps, so that the daemon's end isn't held up. */
#include "tap/dnstap_stream.h"

#include <errno.h>
#include <fstrm.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define CONTENT "protobuf:dnstap.Dnstap"
#define PATIENCE_MS 10000	/* a reader that takes nothing for as long is as good as gone */
#define HURRIED_MS 500
#define STEP_MS 100
#define PIECES_MOST 256		/* libfstrm passes no more at once: a length and a frame each */

struct dnstap_stream {
	struct sockaddr_storage to;
	socklen_t to_length;
	int fd;				/* or -1 */
	int64_t hurry_ns;		/* monotonic; since when nothing is waited for long; 0: not yet. Any thread's */
	struct fstrm_writer *writer;	/* or NULL */
};

static struct fstrm_writer *make_writer(struct dnstap_stream *stream);
static fstrm_res on_open(void *arg);
static fstrm_res on_close(void *arg);
static fstrm_res on_read(void *arg, void *bytes, size_t count);
static fstrm_res on_write(void *arg, const struct iovec *pieces, int count);
static bool write_all(struct dnstap_stream *stream, struct iovec *pieces, size_t count);
static bool wait_for(struct dnstap_stream *stream, short events);

struct dnstap_stream *
dnstap_stream_new(const char *path, const struct address *server, uint16_t port)
{
	struct dnstap_stream *stream = calloc(1, sizeof(*stream));
	struct sockaddr_un local = { .sun_family = AF_UNIX };

	if (stream == NULL)
		return NULL;
	stream->fd = -1;
	if (*path == '\0') {
		stream->to_length = address_to_sockaddr(server, port, &stream->to);
	} else {
		strncpy(local.sun_path, path, sizeof(local.sun_path) - 1);
		memcpy(&stream->to, &local, sizeof(local));
		stream->to_length = sizeof(local);
	}
	return stream;
}

void
dnstap_stream_free(struct dnstap_stream *stream)
{
	free(stream);
}

bool
dnstap_stream_open(struct dnstap_stream *stream)
{
	stream->writer = make_writer(stream);
	if (stream->writer == NULL)
		return false;
	if (fstrm_writer_open(stream->writer) == fstrm_res_success)
		return true;
	dnstap_stream_close(stream);
	return false;
}

static struct fstrm_writer *
make_writer(struct dnstap_stream *stream)
{
	struct fstrm_writer_options *options = fstrm_writer_options_init();
	struct fstrm_rdwr *socket = fstrm_rdwr_init(stream);
	struct fstrm_writer *writer;

	fstrm_writer_options_add_content_type(options, CONTENT, sizeof(CONTENT) - 1);
	fstrm_rdwr_set_open(socket, on_open);
	fstrm_rdwr_set_close(socket, on_close);
	fstrm_rdwr_set_read(socket, on_read);
	fstrm_rdwr_set_write(socket, on_write);
	writer = fstrm_writer_init(options, &socket);
	fstrm_rdwr_destroy(&socket);
	fstrm_writer_options_destroy(&options);
	return writer;
}

static fstrm_res
on_open(void *arg)
{
	struct dnstap_stream *stream = arg;
	int error = 0;
	socklen_t size = sizeof(error);

	stream->fd = socket(stream->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0)
		return fstrm_res_failure;
	if (connect(stream->fd, (const struct sockaddr *)&stream->to, stream->to_length) == 0)
		return fstrm_res_success;
	if (errno != EINPROGRESS || !wait_for(stream, POLLOUT)
	    || getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		return fstrm_res_failure;
	return fstrm_res_success;
}

static fstrm_res
on_close(void *arg)
{
	struct dnstap_stream *stream = arg;

	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
	return fstrm_res_success;
}

static fstrm_res
on_read(void *arg, void *bytes, size_t count)
{
	struct dnstap_stream *stream = arg;
	uint8_t *to = bytes;

	while (count > 0) {
		ssize_t got = recv(stream->fd, to, count, 0);

		if (got > 0) {
			to += got;
			count -= (size_t)got;
		} else if (got == 0 || (errno != EINTR && (errno != EAGAIN || !wait_for(stream, POLLIN)))) {
			return fstrm_res_failure;
		}
	}
	return fstrm_res_success;
}

/* The library's pieces are const, and sending a part of them moves them: a copy is sent. */
static fstrm_res
on_write(void *arg, const struct iovec *pieces, int count)
{
	struct iovec copy[PIECES_MOST];
	size_t rest = (size_t)count;

	for (size_t n; rest > 0; rest -= n, pieces += n) {
		n = rest < PIECES_MOST ? rest : PIECES_MOST;
		memcpy(copy, pieces, n * sizeof(*copy));
		if (!write_all(arg, copy, n))
			return fstrm_res_failure;
	}
	return fstrm_res_success;
}

static bool
write_all(struct dnstap_stream *stream, struct iovec *pieces, size_t count)
{
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = count };

	while (message.msg_iovlen > 0) {
		ssize_t sent = sendmsg(stream->fd, &message, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR && (errno != EAGAIN || !wait_for(stream, POLLOUT)))
			return false;
		while (message.msg_iovlen > 0 && sent > 0 && (size_t)sent >= message.msg_iov->iov_len) {
			sent -= (ssize_t)message.msg_iov->iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (sent > 0) {
			message.msg_iov->iov_base = (uint8_t *)message.msg_iov->iov_base + sent;
			message.msg_iov->iov_len -= (size_t)sent;
		}
	}
	return true;
}

static bool
wait_for(struct dnstap_stream *stream, short events)
{
	struct pollfd socket = { .fd = stream->fd, .events = events };
	struct mono began = mono_now(), now;

	do {
		struct mono hurry = { __atomic_load_n(&stream->hurry_ns, __ATOMIC_RELAXED) };
		int ready = poll(&socket, 1, STEP_MS);

		if (ready > 0)
			return true;	/* also for errors, which the next call tells */
		if (ready < 0 && errno != EINTR)
			return false;
		now = mono_now();
		if (hurry.ns != 0 && mono_ms_between(hurry, now) >= HURRIED_MS)
			return false;
	} while (mono_ms_between(began, now) < PATIENCE_MS);
	return false;
}

bool
dnstap_stream_write(struct dnstap_stream *stream, const struct iovec *frames, size_t count)
{
	return fstrm_writer_writev(stream->writer, frames, (int)count) == fstrm_res_success;
}

/* A reader says nothing between its two handshakes: what can be read is its end. */
bool
dnstap_stream_is_there(struct dnstap_stream *stream)
{
	struct pollfd socket = { .fd = stream->fd, .events = POLLIN | POLLRDHUP };

	return poll(&socket, 1, 0) <= 0;
}

/* After a good end the library tells the reader, and waits until that has read all. */
void
dnstap_stream_close(struct dnstap_stream *stream)
{
	fstrm_writer_destroy(&stream->writer);
	on_close(stream);
}

void
dnstap_stream_hurry(struct dnstap_stream *stream)
{
	__atomic_store_n(&stream->hurry_ns, mono_now().ns, __ATOMIC_RELAXED);
}
