/* fuzz_tls.c -- serve/tls with the stream of messages behind it: a client's octets by TLS, cut as the first one says. The
 * second says who the client is: 0 the octets themselves; 1 a true one, which sends them when the handshake is over; 2 a
 * true one behind whose handshake they come as they are; 4 by TLS 1.2.
 * What the library makes of them is its own; ours is that no end of a handshake, however strange, lets octets through,
 * that what is to be sent is bounded, that a true client gets whole messages, and that nothing is left behind. */
#define FUZZ_NAME "tls"

#include "fuzz.h"
#include "../unit/certificate.h"
#include "../unit/sample_world.h"
#include "serve/stream.h"
#include "serve/tls.h"

#define REPLIES_SIZE ((size_t)4 << 20)
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

/* --- a true client --- */

struct client {
	SSL *ssl;
	BIO *in, *out;
	uint8_t got[REPLIES_SIZE];
	size_t length;
};

static void
client_open(struct client *client, SSL_CTX *context)
{
	client->ssl = SSL_new(context);
	client->in = BIO_new(BIO_s_mem());
	client->out = BIO_new(BIO_s_mem());
	client->length = 0;
	if (client->ssl == NULL || client->in == NULL || client->out == NULL)
		abort();
	SSL_set_bio(client->ssl, client->in, client->out);
	SSL_set_connect_state(client->ssl);
}

/* What each has for the other. False: the connection is over. */
static bool
carry(struct client *client, struct tls *tls, struct stream *stream, const struct answer_env *env)
{
	uint8_t bytes[4096];
	const uint8_t *unsent;
	size_t length;
	int count;

	while ((count = BIO_read(client->out, bytes, sizeof(bytes))) > 0)
		if (!tls_put(tls, bytes, (size_t)count))
			abort();
	if (!serve(tls, stream, env))
		return false;
	unsent = tls_unsent(tls, &length);
	if (length > UNSENT_MAX || (length > 0 && BIO_write(client->in, unsent, (int)length) != (int)length))
		abort();
	tls_sent(tls, length);
	while (SSL_is_init_finished(client->ssl) && client->length < sizeof(client->got)) {
		count = SSL_read(client->ssl, client->got + client->length, (int)(sizeof(client->got) - client->length));
		if (count <= 0)
			break;
		client->length += (size_t)count;
	}
	return true;
}

static void
client_shake(struct client *client, struct tls *tls, struct stream *stream, const struct answer_env *env)
{
	for (unsigned i = 0; i < 10 && !(SSL_is_init_finished(client->ssl) && tls_is_open(tls)); i++) {
		SSL_do_handshake(client->ssl);
		if (!carry(client, tls, stream, env))
			abort();
	}
	if (!SSL_is_init_finished(client->ssl) || !tls_is_open(tls))
		abort();
}

static void
client_check(const struct client *client)
{
	size_t at = 0;

	while (client->length - at >= 2 && client->length - at - 2 >= wire_get_u16(client->got + at)) {
		if (!sample_is_whole(client->got + at + 2, wire_get_u16(client->got + at)))
			abort();
		at += 2u + wire_get_u16(client->got + at);
	}
}

/* --- */

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct tls_context *context;
	static SSL_CTX *client_contexts[2];	/* of any version; of 1.2 */
	static struct sample *sample;
	static struct stream stream;
	static struct client client;
	struct answer_env env;
	size_t piece, unsent;
	struct tls *tls;
	bool is_true, speaks;

	if (context == NULL) {
		context = open_context();
		sample = sample_open();
		for (unsigned i = 0; i < 2; i++)
			client_contexts[i] = certificate_client("\3dot");
		SSL_CTX_set_max_proto_version(client_contexts[1], TLS1_2_VERSION);
	}
	if (length < 2 || length > 20000)
		return 0;
	env = world_env(&sample->world, (struct ask){ .stream = true });
	env.encrypted = true;
	tls = tls_new(context);
	if (tls == NULL)
		abort();
	stream_init(&stream);
	piece = bytes[0] == 0 ? length : bytes[0] * 8u;
	is_true = bytes[1] & 3;
	speaks = bytes[1] & 1;
	if (is_true) {
		client_open(&client, client_contexts[bytes[1] >> 2 & 1]);
		client_shake(&client, tls, &stream, &env);
	}
	for (size_t at = 2; at < length; at += piece) {
		size_t count = length - at < piece ? length - at : piece;

		if (speaks ? SSL_write(client.ssl, bytes + at, (int)count) != (int)count : !tls_put(tls, bytes + at, count))
			abort();
		if (is_true ? !carry(&client, tls, &stream, &env) : !serve(tls, &stream, &env))
			break;
	}
	tls_end(tls);
	(void)tls_unsent(tls, &unsent);
	if (unsent > UNSENT_MAX)
		abort();
	tls_sent(tls, unsent);
	if (is_true) {
		client_check(&client);
		SSL_free(client.ssl);
		ERR_clear_error();
	}
	tls_free(tls);
	stream_fini(&stream);
	return 0;
}
