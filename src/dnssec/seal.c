/* seal.c -- a secret text under a passphrase, as three lines of text.
 * In: the secret, a passphrase, and what the secret belongs to.  Out: lines that may lie on a disk.
 * Threads: any.  Memory: the key and plain octets are wiped.
 *
 * scrypt with N = 2^15, r = 8, p = 1 takes 32 MB and some 70 ms here: enough that a passphrase of a few words can't be
 * guessed in bulk. The numbers stand in the text, so that they can rise; more than 256 MB is refused, since the text
 * may be somebody else's. What was derived is kept with the passphrase, and the first salt that is met, or made, is
 * used from then on: the start of a daemon with 10,000 keys derives once. GCM's nonces of 96 random bits allow 2^32
 * texts under one key (NIST SP 800-38D section 8.3). */
#include "dnssec/seal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnssec/base64.h"

#define HEAD "Isobar-sealed-key: v1\n"
#define SCRYPT_N 32768u
#define SCRYPT_R 8u
#define SCRYPT_P 1u
#define SCRYPT_MEMORY ((uint64_t)256 << 20)
#define KEY_SIZE 32
#define SALT_SIZE 16
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define SECRET_MAX 16384	/* octets; an RSA-4096 key has some 3,300 */

#define DERIVED_MAX 64	/* salts that are remembered; the one that is in use is the first */

struct cost { unsigned n, r, p; };

struct derived {
	uint8_t salt[SALT_SIZE], key[KEY_SIZE];
	struct cost cost;
};

struct passphrase {
	char *text;
	struct derived derived[DERIVED_MAX];
	size_t count;
};

static const struct cost usual_cost = { SCRYPT_N, SCRYPT_R, SCRYPT_P };


static const struct derived *derive(struct passphrase *passphrase, const uint8_t *salt, struct cost cost);
static bool read_head(const char *text, struct cost *cost, uint8_t salt[static SALT_SIZE],
	uint8_t nonce[static NONCE_SIZE], const char **rest);
static const struct derived *usual(const struct passphrase *passphrase);
static bool encrypt(const uint8_t *key, const uint8_t *nonce, const uint8_t *bound, size_t bound_length,
	const char *secret, size_t length, uint8_t *sealed);
static bool decrypt(const uint8_t *key, const uint8_t *nonce, const uint8_t *bound, size_t bound_length,
	const uint8_t *sealed, size_t length, uint8_t *secret);

struct passphrase *
passphrase_new(const char *text)
{
	struct passphrase *passphrase = calloc(1, sizeof(*passphrase));

	if (passphrase != NULL)
		passphrase->text = strdup(text);
	if (passphrase != NULL && passphrase->text != NULL)
		return passphrase;
	free(passphrase);
	return NULL;
}

void
passphrase_free(struct passphrase *passphrase)
{
	if (passphrase == NULL)
		return;
	OPENSSL_cleanse(passphrase->text, strlen(passphrase->text));
	free(passphrase->text);
	OPENSSL_cleanse(passphrase, sizeof(*passphrase));
	free(passphrase);
}

bool
passphrase_is(const struct passphrase *passphrase, const char *text)
{
	return strcmp(passphrase->text, text) == 0;
}

bool
seal_is(const char *text)
{
	return strncmp(text, HEAD, strlen(HEAD)) == 0;
}

bool
seal_is_usual(const char *text, const struct passphrase *passphrase)
{
	uint8_t salt[SALT_SIZE], nonce[NONCE_SIZE];
	const struct derived *derived = usual(passphrase);
	struct cost cost;
	const char *rest;

	return derived != NULL && read_head(text, &cost, salt, nonce, &rest)
	    && memcmp(&cost, &usual_cost, sizeof(cost)) == 0 && memcmp(salt, derived->salt, SALT_SIZE) == 0;
}

int
seal(const char *secret, size_t length, struct passphrase *passphrase, const uint8_t *bound, size_t bound_length,
    struct text *out)
{
	uint8_t salt[SALT_SIZE], nonce[NONCE_SIZE], *sealed;
	const struct derived *derived = usual(passphrase);
	int error = 0;

	if (length > SECRET_MAX)
		return -EINVAL;
	if (RAND_bytes(salt, sizeof(salt)) != 1 || RAND_bytes(nonce, sizeof(nonce)) != 1)
		return -EIO;
	if (derived == NULL)
		derived = derive(passphrase, salt, usual_cost);
	if (derived == NULL)
		return -EIO;
	sealed = malloc(length + TAG_SIZE);
	if (sealed == NULL)
		return -ENOMEM;
	if (!encrypt(derived->key, nonce, bound, bound_length, secret, length, sealed))
		error = -EIO;
	if (error == 0) {
		text_puts(out, HEAD);
		text_printf(out, "Scrypt: %u %u %u ", derived->cost.n, derived->cost.r, derived->cost.p);
		base64_add(out, derived->salt, SALT_SIZE);
		text_puts(out, "\nAES-256-GCM: ");
		base64_add(out, nonce, sizeof(nonce));
		text_puts(out, " ");
		base64_add(out, sealed, length + TAG_SIZE);
		text_puts(out, "\n");
		error = out->failed ? -ENOMEM : 0;
	}
	free(sealed);
	return error;
}

/* The first that has the cost of now. */
static const struct derived *
usual(const struct passphrase *passphrase)
{
	for (size_t i = 0; i < passphrase->count; i++)
		if (memcmp(&passphrase->derived[i].cost, &usual_cost, sizeof(usual_cost)) == 0)
			return &passphrase->derived[i];
	return NULL;
}

/* When there are too many, the last one gives way. NULL: the cost is refused, or memory is out. */
static const struct derived *
derive(struct passphrase *passphrase, const uint8_t *salt, struct cost cost)
{
	size_t at = passphrase->count < DERIVED_MAX ? passphrase->count : DERIVED_MAX - 1;
	struct derived *to = &passphrase->derived[at];

	for (size_t i = 0; i < passphrase->count; i++)
		if (memcmp(passphrase->derived[i].salt, salt, SALT_SIZE) == 0
		    && memcmp(&passphrase->derived[i].cost, &cost, sizeof(cost)) == 0)
			return &passphrase->derived[i];
	passphrase->count = at;
	if (EVP_PBE_scrypt(passphrase->text, strlen(passphrase->text), salt, SALT_SIZE, cost.n, cost.r, cost.p,
	    SCRYPT_MEMORY, to->key, KEY_SIZE) != 1)
		return NULL;
	memcpy(to->salt, salt, SALT_SIZE);
	to->cost = cost;
	passphrase->count++;
	return to;
}

static bool
encrypt(const uint8_t *key, const uint8_t *nonce, const uint8_t *bound, size_t bound_length, const char *secret,
    size_t length, uint8_t *sealed)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n = 0;
	bool good = context != NULL && EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key, nonce, NULL) == 1
	    && EVP_EncryptUpdate(context, NULL, &n, bound, (int)bound_length) == 1
	    && EVP_EncryptUpdate(context, sealed, &n, (const uint8_t *)secret, (int)length) == 1
	    && EVP_EncryptFinal_ex(context, sealed + n, &n) == 1
	    && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, sealed + length) == 1;

	EVP_CIPHER_CTX_free(context);
	return good;
}

int
unseal(const char *text, struct passphrase *passphrase, const uint8_t *bound, size_t bound_length, struct text *out)
{
	uint8_t salt[SALT_SIZE], nonce[NONCE_SIZE], *sealed, *secret;
	const struct derived *derived = NULL;
	struct cost cost;
	int error;
	size_t length;

	if (!read_head(text, &cost, salt, nonce, &text))
		return -EBADMSG;
	sealed = malloc(SECRET_MAX + TAG_SIZE);
	secret = malloc(SECRET_MAX);
	error = sealed == NULL || secret == NULL ? -ENOMEM : 0;
	length = error != 0 ? 0 : base64_decode(text, strcspn(text, "\n"), sealed, SECRET_MAX + TAG_SIZE);
	if (error == 0 && length < TAG_SIZE)
		error = -EBADMSG;
	if (error == 0 && (derived = derive(passphrase, salt, cost)) == NULL)
		error = -EBADMSG;
	if (error == 0 && !decrypt(derived->key, nonce, bound, bound_length, sealed, length - TAG_SIZE, secret))
		error = -EACCES;
	if (error == 0) {
		text_add(out, (char *)secret, length - TAG_SIZE);
		error = out->failed ? -ENOMEM : 0;
	}
	if (secret != NULL)
		OPENSSL_cleanse(secret, SECRET_MAX);
	free(secret);
	free(sealed);
	return error;
}

static bool
read_head(const char *text, struct cost *cost, uint8_t salt[static SALT_SIZE], uint8_t nonce[static NONCE_SIZE],
    const char **rest)
{
	char salt64[32], nonce64[32];
	int end = 0;

	if (!seal_is(text) || sscanf(text + strlen(HEAD), "Scrypt: %u %u %u %31s\nAES-256-GCM: %31s %n", &cost->n,
	    &cost->r, &cost->p, salt64, nonce64, &end) != 5 || end == 0
	    || base64_decode(salt64, strlen(salt64), salt, SALT_SIZE) != SALT_SIZE
	    || base64_decode(nonce64, strlen(nonce64), nonce, NONCE_SIZE) != NONCE_SIZE)
		return false;
	*rest = text + strlen(HEAD) + (size_t)end;
	return true;
}

static bool
decrypt(const uint8_t *key, const uint8_t *nonce, const uint8_t *bound, size_t bound_length, const uint8_t *sealed,
    size_t length, uint8_t *secret)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	uint8_t tag[TAG_SIZE];
	int n = 0;
	bool good;

	memcpy(tag, sealed + length, TAG_SIZE);
	good = context != NULL && EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), key, nonce, NULL) == 1
	    && EVP_DecryptUpdate(context, NULL, &n, bound, (int)bound_length) == 1
	    && EVP_DecryptUpdate(context, secret, &n, sealed, (int)length) == 1
	    && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1
	    && EVP_DecryptFinal_ex(context, secret + n, &n) == 1;
	EVP_CIPHER_CTX_free(context);
	return good;
}
