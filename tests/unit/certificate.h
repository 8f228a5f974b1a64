/* certificate.h -- certificates and keys for tests, made as they are needed: a folder of their own, files in it. */
#ifndef ISOBAR_TESTS_CERTIFICATE_H
#define ISOBAR_TESTS_CERTIFICATE_H

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

struct certificate {
	char folder[64];
	char certificate[96], key[96];	/* paths */
};

/* Writes both files again: with a new key, valid from and to that many seconds from now. */
static inline void
certificate_write(const struct certificate *files, const char *name, long from, long to)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *subject;
	FILE *file;

	if (key == NULL || x == NULL)
		abort();
	subject = X509_get_subject_name(x);
	if (X509_set_version(x, 2) != 1 || ASN1_INTEGER_set(X509_get_serialNumber(x), 1) != 1
	    || X509_gmtime_adj(X509_getm_notBefore(x), from) == NULL
	    || X509_gmtime_adj(X509_getm_notAfter(x), to) == NULL || X509_set_pubkey(x, key) != 1
	    || X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) != 1
	    || X509_set_issuer_name(x, subject) != 1 || X509_sign(x, key, EVP_sha256()) == 0)
		abort();
	file = fopen(files->certificate, "w");
	if (file == NULL || PEM_write_X509(file, x) != 1 || fclose(file) != 0)
		abort();
	file = fopen(files->key, "w");
	if (file == NULL || PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 || fclose(file) != 0)
		abort();
	X509_free(x);
	EVP_PKEY_free(key);
}

static inline void
certificate_open(struct certificate *files)
{
	strcpy(files->folder, "/tmp/isobar-tls-XXXXXX");
	if (mkdtemp(files->folder) == NULL)
		abort();
	snprintf(files->certificate, sizeof(files->certificate), "%s/certificate", files->folder);
	snprintf(files->key, sizeof(files->key), "%s/key", files->folder);
	certificate_write(files, "ns1.example.com", -86400, 86400 * 90L);
	if (chmod(files->key, 0600) != 0)
		abort();
}

static inline void
certificate_close(const struct certificate *files)
{
	unlink(files->certificate);
	unlink(files->key);
	rmdir(files->folder);
}

/* What a client of DNS over TLS would use; `alpn` is a list in wire form, or NULL. */
static inline SSL_CTX *
certificate_client(const char *alpn)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL)
		abort();
	if (alpn != NULL && SSL_CTX_set_alpn_protos(context, (const unsigned char *)alpn, (unsigned)strlen(alpn)) != 0)
		abort();
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	return context;
}

#endif
