/* fuzz_tls.c -- serve/tls with the stream of messages behind it: a client's octets by TLS, cut as the first one says. What
 * the library makes of them is its own; ours is that no end of a handshake, however strange, lets octets through, that
 * what is to be sent is bounded, and that nothing is left behind. */
#define FUZZ_NAME "tls"

#include "fuzz.h"
#include "../unit/certificate.h"
#include "../unit/sample_world.h"
#include "serve/stream.h"
#include "serve/tls.h"

#define UNSENT_MAX ((size_t)300000)	/* a buffer of answers, a handshake, alerts */

static struct tls_context *
open_context(void)
{
	struct certificate files;
	struct tickets *tickets = tickets_new(mono_now());
	struct diags diags = { 0 };
	struct tls_context *context;

	certificate_open(&files);
	if (tickets == NULL)
		abort();
	context = tls_context_new(files.certificate, files.key, tickets, &diags);
	if (context == NULL)
		abort();
	certificate_close(&files);
	return context;
}

/* False: the connection is over. */
static bool
serve(struct tls *tls, struct stream *stream, const struct answer_env *env)
{
	ssize_t count;
	size_t room;

	do {
		uint8_t *to = stream_room(stream, &room);

		count = room == 0 ? 0 : tls_read(tls, to, room);
		if (count > 0 && !tls_is_open(tls))
			abort();
		if (count > 0)
			stream_took(stream, (size_t)count);
		stream_answer(stream, env, 100);
		if (stream->out_used > 0 && !tls_write(tls, stream->out, stream->out_used))
			return false;
		stream_sent(stream, stream->out_used);
	} while (count > 0);
	return count == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct tls_context *context;
	static struct sample *sample;
	static struct stream stream;
	struct answer_env env;
	size_t piece, unsent;
	struct tls *tls;

	if (context == NULL) {
		context = open_context();
		sample = sample_open();
	}
	if (length == 0)
		return 0;
	env = world_env(&sample->world, (struct ask){ .stream = true });
	env.encrypted = true;
	tls = tls_new(context);
	if (tls == NULL)
		abort();
	stream_init(&stream);
	piece = bytes[0] == 0 ? length : bytes[0] * 8u;
	for (size_t at = 1; at < length; at += piece) {
		if (!tls_put(tls, bytes + at, length - at < piece ? length - at : piece))
			abort();
		if (!serve(tls, &stream, &env))
			break;
	}
	tls_end(tls);
	(void)tls_unsent(tls, &unsent);
	if (unsent > UNSENT_MAX)
		abort();
	tls_sent(tls, unsent);
	tls_free(tls);
	stream_fini(&stream);
	return 0;
}
