/* tls.c -- see tls.h.
 * In: octets of TLS from the socket, plain octets of answers.  Out: the other of each.
 * Threads: the worker that accepted the connection.  Memory: OpenSSL's, freed with the connection.
 * OpenSSL reads and writes two memory BIOs, so it never sees a socket and never blocks: when it has nothing more to
 * read it says so, and what it wants to write is always taken. What may be sent is bounded by what the caller writes,
 * which is no more than one buffer of answers between two sendings. */
#include "serve/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct tls {
	SSL *ssl;
	BIO *in, *out;		/* the SSL's own */
	unsigned long error;	/* OpenSSL's, when it's over */
	size_t sent;		/* of what `out` holds; it's emptied when all has gone */
};

static struct tls *make(SSL *ssl);

struct tls *
tls_new(const struct tls_context *context)
{
	SSL *ssl = SSL_new(context->ssl);

	if (ssl != NULL)
		SSL_set_accept_state(ssl);
	return make(ssl);
}

struct tls *
tls_new_client(const struct tls_client *client)
{
	return make(tls_client_ssl(client));
}

/* `ssl` is taken; NULL: it couldn't be made. */
static struct tls *
make(SSL *ssl)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL) {
		SSL_free(ssl);
		return NULL;
	}
	tls->ssl = ssl;
	tls->in = BIO_new(BIO_s_mem());
	tls->out = BIO_new(BIO_s_mem());
	if (tls->ssl == NULL || tls->in == NULL || tls->out == NULL) {
		BIO_free(tls->in);
		BIO_free(tls->out);
		SSL_free(tls->ssl);
		free(tls);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_bio(tls->ssl, tls->in, tls->out);
	return tls;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

bool
tls_put(struct tls *tls, const uint8_t *bytes, size_t length)
{
	return length == 0 || (length <= INT_MAX && BIO_write(tls->in, bytes, (int)length) == (int)length);
}

ssize_t
tls_read(struct tls *tls, uint8_t *to, size_t size)
{
	size_t count = 0;

	ERR_clear_error();
	if (SSL_read_ex(tls->ssl, to, size, &count) == 1)
		return (ssize_t)count;
	if (SSL_get_error(tls->ssl, 0) == SSL_ERROR_WANT_READ)
		return 0;
	tls->error = ERR_peek_last_error();
	return -1;
}

void
tls_trouble(const struct tls *tls, struct text *why)
{
	long verified = SSL_get_verify_result(tls->ssl);
	const char *reason = ERR_reason_error_string(tls->error);

	if (verified == X509_V_ERR_APPLICATION_VERIFICATION)
		text_puts(why, "its key is none of the pins");
	else if (verified != X509_V_OK)
		text_printf(why, "its certificate: %s", X509_verify_cert_error_string(verified));
	else
		text_puts(why, tls->error == 0 ? "it ended the connection" : reason == NULL ? "unknown error" : reason);
}

bool
tls_write(struct tls *tls, const uint8_t *bytes, size_t length)
{
	size_t count;

	ERR_clear_error();
	return length == 0 || SSL_write_ex(tls->ssl, bytes, length, &count) == 1;
}

const uint8_t *
tls_unsent(const struct tls *tls, size_t *length)
{
	char *bytes;
	long held = BIO_get_mem_data(tls->out, &bytes);

	*length = held > 0 ? (size_t)held - tls->sent : 0;
	return *length == 0 ? NULL : (const uint8_t *)bytes + tls->sent;
}

void
tls_sent(struct tls *tls, size_t count)
{
	size_t left;

	tls->sent += count;
	(void)tls_unsent(tls, &left);
	if (left > 0)
		return;
	tls->sent = 0;
	(void)BIO_reset(tls->out);
}

void
tls_end(struct tls *tls)
{
	ERR_clear_error();
	/* In the middle of a handshake there's nobody to say it to. */
	if (SSL_is_init_finished(tls->ssl))
		(void)SSL_shutdown(tls->ssl);
}

bool
tls_is_open(const struct tls *tls)
{
	return SSL_is_init_finished(tls->ssl);
}

bool
tls_is_resumed(const struct tls *tls)
{
	return SSL_session_reused(tls->ssl);
}

bool
tls_carries_zones(const struct tls *tls)
{
	const unsigned char *protocol;
	unsigned length;

	SSL_get0_alpn_selected(tls->ssl, &protocol, &length);
	return SSL_version(tls->ssl) >= TLS1_3_VERSION && length == 3 && memcmp(protocol, "dot", 3) == 0;
}
