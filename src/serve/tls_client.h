/* tls_client.h -- how a server that we connect to must prove who it is: by a certificate for its name, by its public
 * key, or by both. Made by control; immutable then. */
#ifndef ISOBAR_SERVE_TLS_CLIENT_H
#define ISOBAR_SERVE_TLS_CLIENT_H

#include <stddef.h>

#include "base/contract.h"
#include "base/text.h"

struct tls_client;

struct tls_client_wish {
	const char *name;		/* that the certificate must be for; NULL: pins alone count */
	const char *ca_file;		/* PEM; NULL: those that the system trusts */
	size_t pin_count;
	const char *const *pins;	/* SHA-256 of SubjectPublicKeyInfo, base64; all is copied */
};

/* NULL with the reason in `why`: a file that can't be read, or out of memory. */
struct tls_client *tls_client_new(const struct tls_client_wish *wish, struct text *why) NONNULL MUST_USE;
void tls_client_free(struct tls_client *client);	/* after its connections; NULL is allowed */

/* For tls.c: an SSL that is to connect. NULL: out of memory. */
struct ssl_st *tls_client_ssl(const struct tls_client *client) NONNULL MUST_USE;

#endif
