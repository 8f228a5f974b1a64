/* tls_context.h -- what every TLS connection of this server has in common: certificate, key, versions, ciphers, ALPN,
 * tickets. Made by the control thread at start and at a reload; immutable then, and read by workers. */
#ifndef ISOBAR_SERVE_TLS_CONTEXT_H
#define ISOBAR_SERVE_TLS_CONTEXT_H

#include "base/clock.h"
#include "base/contract.h"
#include "base/diag.h"
#include "serve/tickets.h"

struct tls_context {
	struct ssl_ctx_st *ssl;		/* OpenSSL's SSL_CTX, of which each connection has a reference of its own */
	struct wall begins, ends;	/* when the certificate is valid */
};

/* Reads both files, PEM: the certificate, then its chain; the key without a passphrase. NULL after errors, all of them
 * in `diags`; what is worth a warning is there too. `tickets` must outlive every connection. */
struct tls_context *tls_context_new(const char *certificate_file, const char *key_file, struct tickets *tickets,
	struct diags *diags) NONNULL MUST_USE;
void tls_context_free(struct tls_context *context);	/* NULL is allowed */

/* What is to be said of the certificate's time, into `text`. False: nothing. */
bool tls_context_fades(const struct tls_context *context, struct wall now, struct text *text) NONNULL;

#endif
