/* tls_context.c -- see tls_context.h.
 * In: two files.  Out: an SSL_CTX that accepts what DNS over TLS should (RFC 7858, RFC 8310, RFC 9325).
 * Threads: made and freed by control; the callbacks run in workers and touch only their connection and the tickets.
 *
 * TLS 1.2 and 1.3. Of 1.2 only the suites with forward secrecy and authenticated encryption; of 1.3 those of the
 * library, all of which have both. No renegotiation, which would let a client have handshakes without a connection; no
 * compression; no early data, which could be replayed.
 * A client that names protocols by ALPN must name "dot"; one that names none is taken, as RFC 7858 is older than that.
 * Sessions are resumed by tickets only, so nothing is remembered for a client here. */
#include "serve/tls_context.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/text.h"

#define FILE_SIZE_MAX ((size_t)1 << 20)
#define SESSION_SECONDS 7200	/* no longer than TICKETS_KEYS - 1 turns, or else tickets outlive their keys */
#define SUITES_OF_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define DAY_MS (86400 * INT64_C(1000))
#define FADES_MS (14 * DAY_MS)	/* a certificate that is renewed in time never comes as near to its end */
#define FADES_PART 6		/* or this part of its whole time: one that lives for days only is renewed late */

static bool set_up(SSL_CTX *ssl, struct tickets *tickets);
static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered,
	unsigned offered_length, void *arg);
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
	int sealing);
static int seal(struct tickets *tickets, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac);
static int unseal(struct tickets *tickets, const unsigned char *name, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac);
static bool set_mac(EVP_MAC_CTX *mac, struct ticket_key *key);
static bool load(struct tls_context *context, const char *certificate_file, const char *key_file,
	struct diags *diags);
static BIO *open_file(const char *file, struct text *text, struct diags *diags);
static X509 *load_certificate(SSL_CTX *ssl, const char *file, struct diags *diags);
static bool load_chain(SSL_CTX *ssl, BIO *bio, const char *file, struct diags *diags);
static EVP_PKEY *load_key(const char *file, struct diags *diags);
static void see_who_reads(const char *file, struct diags *diags);
static int no_passphrase(char *buffer, int size, int writing, void *arg);
static struct wall time_of(const ASN1_TIME *time);
static const char *reason(void);

struct tls_context *
tls_context_new(const char *certificate_file, const char *key_file, struct tickets *tickets, struct diags *diags)
{
	struct tls_context *context = calloc(1, sizeof(*context));

	ERR_clear_error();
	if (context == NULL)
		goto no_memory;
	context->ssl = SSL_CTX_new(TLS_server_method());
	if (context->ssl == NULL || !set_up(context->ssl, tickets))
		goto no_memory;
	if (load(context, certificate_file, key_file, diags))
		return context;
	tls_context_free(context);
	return NULL;
no_memory:
	diag_error(diags, (struct diag_place){ .file = certificate_file }, NULL, "TLS can't be set up: %s", reason());
	tls_context_free(context);
	return NULL;
}

void
tls_context_free(struct tls_context *context)
{
	if (context == NULL)
		return;
	SSL_CTX_free(context->ssl);
	free(context);
}

static bool
set_up(SSL_CTX *ssl, struct tickets *tickets)
{
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_PRIORITIZE_CHACHA
	    | SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* Many connections are idle most of the time. */
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ssl, SESSION_SECONDS);
	SSL_CTX_set_alpn_select_cb(ssl, on_alpn, NULL);
	SSL_CTX_set_app_data(ssl, tickets);
	SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
	return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1
	    && SSL_CTX_set_cipher_list(ssl, SUITES_OF_1_2) == 1
	    && SSL_CTX_set_session_id_context(ssl, (const unsigned char *)"dot", 3) == 1
	    && SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, on_ticket) == 1;
}

static int
on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered,
	unsigned offered_length, void *arg)
{
	static const unsigned char dot[] = { 3, 'd', 'o', 't' };
	unsigned char *selected;
	(void)ssl;
	(void)arg;

	if (SSL_select_next_proto(&selected, length, dot, sizeof(dot), offered, offered_length)
	    != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*chosen = selected;
	return SSL_TLSEXT_ERR_OK;
}

/* --- tickets --- */

/* OpenSSL's contract: 1 it's done, 2 it's done and the client should get a new ticket, 0 no ticket, below 0 error. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing)
{
	struct tickets *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	return sealing ? seal(tickets, name, iv, cipher, mac) : unseal(tickets, name, iv, cipher, mac);
}

static int
seal(struct tickets *tickets, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct ticket_key key;
	bool done;

	tickets_newest(tickets, &key);
	memcpy(name, key.name, sizeof(key.name));
	done = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1
	    && EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1 && set_mac(mac, &key);
	OPENSSL_cleanse(&key, sizeof(key));
	return done ? 1 : -1;
}

static int
unseal(struct tickets *tickets, const unsigned char *name, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac)
{
	struct ticket_key key;
	bool newest, done;

	if (!tickets_find(tickets, name, &key, &newest))
		return 0;
	done = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1 && set_mac(mac, &key);
	OPENSSL_cleanse(&key, sizeof(key));
	return !done ? -1 : newest ? 1 : 2;
}

static bool
set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/* --- files --- */

static bool
load(struct tls_context *context, const char *certificate_file, const char *key_file, struct diags *diags)
{
	X509 *certificate = load_certificate(context->ssl, certificate_file, diags);
	EVP_PKEY *key = load_key(key_file, diags);
	bool loaded = false;

	if (certificate == NULL || key == NULL)
		goto done;
	context->begins = time_of(X509_get0_notBefore(certificate));
	context->ends = time_of(X509_get0_notAfter(certificate));
	if (X509_check_private_key(certificate, key) != 1)
		diag_error(diags, (struct diag_place){ .file = key_file }, NULL,
		    "isn't the key of the certificate in %s", certificate_file);
	else if (SSL_CTX_use_PrivateKey(context->ssl, key) != 1)
		diag_error(diags, (struct diag_place){ .file = key_file }, NULL, "can't be used: %s", reason());
	else
		loaded = true;
done:
	X509_free(certificate);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return loaded;
}

/* The file's text, and a reader of it. NULL after an error. */
static BIO *
open_file(const char *file, struct text *text, struct diags *diags)
{
	BIO *bio;
	int error;

	text->bytes = text_read_file(file, FILE_SIZE_MAX, &text->length, &error);
	if (text->bytes == NULL) {
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "can't be read: %s", strerror(-error));
		return NULL;
	}
	bio = BIO_new_mem_buf(text->bytes, (int)text->length);
	if (bio == NULL)
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "out of memory");
	return bio;
}

/* The first of the file; those behind it are its chain. */
static X509 *
load_certificate(SSL_CTX *ssl, const char *file, struct diags *diags)
{
	struct text text = { 0 };
	BIO *bio = open_file(file, &text, diags);
	X509 *certificate = NULL;

	if (bio == NULL)
		goto done;
	certificate = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	if (certificate == NULL) {
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "holds no certificate in PEM: %s",
		    reason());
	} else if (SSL_CTX_use_certificate(ssl, certificate) != 1) {
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "can't be used: %s", reason());
	} else if (load_chain(ssl, bio, file, diags)) {
		goto done;
	}
	X509_free(certificate);
	certificate = NULL;
done:
	BIO_free(bio);
	text_fini(&text);
	return certificate;
}

static bool
load_chain(SSL_CTX *ssl, BIO *bio, const char *file, struct diags *diags)
{
	X509 *next;
	unsigned count = 1;

	for (; (next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL; count++) {
		if (SSL_CTX_add0_chain_cert(ssl, next) == 1)
			continue;
		X509_free(next);
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "certificate %u can't be used: %s",
		    count + 1, reason());
		return false;
	}
	/* That's how the end of the file looks. */
	if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
		ERR_clear_error();
		return true;
	}
	diag_error(diags, (struct diag_place){ .file = file }, NULL, "certificate %u can't be read: %s", count + 1,
	    reason());
	return false;
}

static EVP_PKEY *
load_key(const char *file, struct diags *diags)
{
	struct text text = { 0 };
	BIO *bio = open_file(file, &text, diags);
	EVP_PKEY *key = NULL;

	if (bio != NULL) {
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
		if (key == NULL)
			diag_error(diags, (struct diag_place){ .file = file }, NULL,
			    "holds no private key in PEM without a passphrase: %s", reason());
		else
			see_who_reads(file, diags);
	}
	BIO_free(bio);
	if (text.bytes != NULL)
		OPENSSL_cleanse(text.bytes, text.length);
	text_fini(&text);
	return key;
}

static void
see_who_reads(const char *file, struct diags *diags)
{
	struct stat status;

	if (stat(file, &status) == 0 && (status.st_mode & S_IROTH) != 0)
		diag_warning(diags, (struct diag_place){ .file = file }, NULL, "everybody on this machine may read it");
}

/* Else OpenSSL would ask at the terminal. */
static int
no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static struct wall
time_of(const ASN1_TIME *time)
{
	struct tm parts;

	if (ASN1_TIME_to_tm(time, &parts) != 1)
		return (struct wall){ 0 };
	return (struct wall){ (int64_t)timegm(&parts) * 1000 };
}

/* The library's last word, which is empty of its queue then. */
static const char *
reason(void)
{
	unsigned long error = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(error);

	ERR_clear_error();
	return text == NULL ? error == 0 ? "out of memory" : "unknown error" : text;
}

/* --- time --- */

bool
tls_context_fades(const struct tls_context *context, struct wall now, struct text *text)
{
	int64_t left = context->ends.ms - now.ms, whole = context->ends.ms - context->begins.ms;
	char when[CLOCK_TEXT_SIZE];

	if (context->begins.ms > now.ms) {
		text_printf(text, "the certificate isn't valid before %s", wall_text(context->begins, when));
		return true;
	}
	if (left <= 0) {
		text_printf(text, "the certificate expired at %s", wall_text(context->ends, when));
		return true;
	}
	if (left > FADES_MS || left > whole / FADES_PART)
		return false;
	text_printf(text, "the certificate expires at %s, in %lld hours", wall_text(context->ends, when),
	    (long long)(left / 3600000));
	return true;
}
