/* tls_client.c -- see tls_client.h.
 * In: a name, a file, pins.  Out: an SSL_CTX that connects as RFC 9103 section 9.3 wants it for transfers: TLS 1.3,
 * ALPN "dot", strict authentication of the server.  Threads: control.
 * A server that doesn't speak of protocols, as NSD 4.6, is taken; one that names another ends the handshake.
 * One callback looks at the certificate, in the handshake: so nothing is ever sent to somebody else. */
#include "serve/tls_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_SIZE 32
#define PIN_SIZE 48		/* of the text with its NUL, rounded up */

struct tls_client {
	SSL_CTX *ssl;
	char *name;
	size_t pin_count;
	char (*pins)[PIN_SIZE];
};

static bool set_up(struct tls_client *client, const struct tls_client_wish *wish);
static bool set_trust(struct tls_client *client, const struct tls_client_wish *wish, struct text *why);
static int on_verify(X509_STORE_CTX *context, void *arg);
static bool is_pinned(const struct tls_client *client, X509 *certificate);

struct tls_client *
tls_client_new(const struct tls_client_wish *wish, struct text *why)
{
	struct tls_client *client = calloc(1, sizeof(*client));

	ERR_clear_error();
	if (client == NULL || !set_up(client, wish)) {
		text_puts(why, "TLS can't be set up: out of memory");
	} else if (set_trust(client, wish, why)) {
		return client;
	}
	ERR_clear_error();
	tls_client_free(client);
	return NULL;
}

void
tls_client_free(struct tls_client *client)
{
	if (client == NULL)
		return;
	SSL_CTX_free(client->ssl);
	free(client->name);
	free(client->pins);
	free(client);
}

static bool
set_up(struct tls_client *client, const struct tls_client_wish *wish)
{
	static const unsigned char dot[] = { 3, 'd', 'o', 't' };

	client->ssl = SSL_CTX_new(TLS_client_method());
	client->name = wish->name == NULL ? NULL : strdup(wish->name);
	client->pins = calloc(wish->pin_count + 1, sizeof(*client->pins));
	if (client->ssl == NULL || client->pins == NULL || (wish->name != NULL && client->name == NULL))
		return false;
	/* As certificates have it: without the final dot. */
	if (client->name != NULL && client->name[0] != '\0' && client->name[strlen(client->name) - 1] == '.')
		client->name[strlen(client->name) - 1] = '\0';
	for (size_t i = 0; i < wish->pin_count; i++)
		strncpy(client->pins[client->pin_count++], wish->pins[i], PIN_SIZE - 1);
	SSL_CTX_set_options(client->ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
	SSL_CTX_set_verify(client->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(client->ssl, on_verify, client);
	return SSL_CTX_set_min_proto_version(client->ssl, TLS1_3_VERSION) == 1
	    && SSL_CTX_set_alpn_protos(client->ssl, dot, sizeof(dot)) == 0;
}

static bool
set_trust(struct tls_client *client, const struct tls_client_wish *wish, struct text *why)
{
	if (wish->name == NULL)
		return true;
	if (wish->ca_file == NULL) {
		if (SSL_CTX_set_default_verify_paths(client->ssl) == 1)
			return true;
		text_puts(why, "the certificates that the system trusts can't be loaded");
	} else if (access(wish->ca_file, R_OK) != 0) {
		text_printf(why, "%s can't be read: %s", wish->ca_file, strerror(errno));
	} else if (SSL_CTX_load_verify_file(client->ssl, wish->ca_file) == 1) {
		return true;
	} else {
		text_printf(why, "%s holds no certificates in PEM", wish->ca_file);
	}
	return false;
}

static int
on_verify(X509_STORE_CTX *context, void *arg)
{
	const struct tls_client *client = arg;

	if (client->name != NULL && X509_verify_cert(context) != 1)
		return 0;
	if (client->pin_count == 0 || is_pinned(client, X509_STORE_CTX_get0_cert(context)))
		return 1;
	X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static bool
is_pinned(const struct tls_client *client, X509 *certificate)
{
	unsigned char *key = NULL, hash[EVP_MAX_MD_SIZE], text[4 * (HASH_SIZE + 2) / 3 + 1];
	unsigned size = 0;
	int length = certificate == NULL ? 0 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
	bool found = false;

	if (length > 0 && EVP_Digest(key, (size_t)length, hash, &size, EVP_sha256(), NULL) == 1 && size == HASH_SIZE) {
		EVP_EncodeBlock(text, hash, HASH_SIZE);
		for (size_t i = 0; i < client->pin_count; i++)
			found |= strcmp(client->pins[i], (const char *)text) == 0;
	}
	OPENSSL_free(key);
	return found;
}

SSL *
tls_client_ssl(const struct tls_client *client)
{
	SSL *ssl = SSL_new(client->ssl);

	if (ssl == NULL)
		return NULL;
	SSL_set_connect_state(ssl);
	if (client->name == NULL || (SSL_set1_host(ssl, client->name) == 1
	    && SSL_set_tlsext_host_name(ssl, client->name) == 1))
		return ssl;
	SSL_free(ssl);
	return NULL;
}
