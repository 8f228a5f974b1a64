/* seal.c -- a secret text under a passphrase, as three lines of text.
 * In: the secret, a passphrase, and what the secret belongs to.  Out: lines that may lie on a disk.
 * Threads: any.  Memory: the key and plain octets are wiped.
 *
 * scrypt with N = 2^15, r = 8, p = 1 takes 32 MB and some 70 ms here: enough that a passphrase of a few words can't be
 * guessed in bulk, and little enough for the start of a daemon that has some hundred keys. The numbers stand in the
 * text, so that they can rise; more than 256 MB is refused, since the text may be somebody else's.
 * GCM's nonce is random, and the key is another one each time because the salt is. */
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

struct cost { unsigned n, r, p; };

static int derive(const char *passphrase, const uint8_t *salt, struct cost cost, uint8_t key[static KEY_SIZE]);
static bool encrypt(const uint8_t *key, const uint8_t *nonce, const uint8_t *bound, size_t bound_length,
	const char *secret, size_t length, uint8_t *sealed);
static bool decrypt(const uint8_t *key, const uint8_t *nonce, const uint8_t *bound, size_t bound_length,
	const uint8_t *sealed, size_t length, uint8_t *secret);

bool
seal_is(const char *text)
{
	return strncmp(text, HEAD, strlen(HEAD)) == 0;
}

int
seal(const char *secret, size_t length, const char *passphrase, const uint8_t *bound, size_t bound_length,
    struct text *out)
{
	struct cost cost = { SCRYPT_N, SCRYPT_R, SCRYPT_P };
	uint8_t key[KEY_SIZE], salt[SALT_SIZE], nonce[NONCE_SIZE], *sealed;
	int error;

	if (length > SECRET_MAX)
		return -EINVAL;
	if (RAND_bytes(salt, sizeof(salt)) != 1 || RAND_bytes(nonce, sizeof(nonce)) != 1)
		return -EIO;
	sealed = malloc(length + TAG_SIZE);
	if (sealed == NULL)
		return -ENOMEM;
	error = derive(passphrase, salt, cost, key);
	if (error == 0 && !encrypt(key, nonce, bound, bound_length, secret, length, sealed))
		error = -EIO;
	OPENSSL_cleanse(key, sizeof(key));
	if (error == 0) {
		text_puts(out, HEAD);
		text_printf(out, "Scrypt: %u %u %u ", cost.n, cost.r, cost.p);
		base64_add(out, salt, sizeof(salt));
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

static int
derive(const char *passphrase, const uint8_t *salt, struct cost cost, uint8_t key[static KEY_SIZE])
{
	return EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, SALT_SIZE, cost.n, cost.r, cost.p, SCRYPT_MEMORY,
	    key, KEY_SIZE) == 1 ? 0 : -EIO;
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
unseal(const char *text, const char *passphrase, const uint8_t *bound, size_t bound_length, struct text *out)
{
	char salt64[32], nonce64[32];
	uint8_t key[KEY_SIZE], salt[SALT_SIZE], nonce[NONCE_SIZE], *sealed, *secret;
	struct cost cost;
	int end = 0, error;
	size_t length;

	if (!seal_is(text) || sscanf(text + strlen(HEAD), "Scrypt: %u %u %u %31s\nAES-256-GCM: %31s %n", &cost.n,
	    &cost.r, &cost.p, salt64, nonce64, &end) != 5 || end == 0
	    || base64_decode(salt64, strlen(salt64), salt, sizeof(salt)) != SALT_SIZE
	    || base64_decode(nonce64, strlen(nonce64), nonce, sizeof(nonce)) != NONCE_SIZE)
		return -EBADMSG;
	text += strlen(HEAD) + (size_t)end;
	sealed = malloc(SECRET_MAX + TAG_SIZE);
	secret = malloc(SECRET_MAX);
	error = sealed == NULL || secret == NULL ? -ENOMEM : 0;
	length = error != 0 ? 0 : base64_decode(text, strcspn(text, "\n"), sealed, SECRET_MAX + TAG_SIZE);
	if (error == 0 && length < TAG_SIZE)
		error = -EBADMSG;
	if (error == 0)
		error = derive(passphrase, salt, cost, key) == 0 ? 0 : -EBADMSG;
	if (error == 0 && !decrypt(key, nonce, bound, bound_length, sealed, length - TAG_SIZE, secret))
		error = -EACCES;
	if (error == 0) {
		text_add(out, (char *)secret, length - TAG_SIZE);
		error = out->failed ? -ENOMEM : 0;
	}
	OPENSSL_cleanse(key, sizeof(key));
	if (secret != NULL)
		OPENSSL_cleanse(secret, SECRET_MAX);
	free(secret);
	free(sealed);
	return error;
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
