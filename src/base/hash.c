/* hash.c -- SHA-256 and SHA-1 by OpenSSL.
 * SHA-256 fails only when libcrypto can't be used at all (no memory, no provider); then no token and no audit row can
 * be trusted, and going on would be worse than stopping.
 * SHA-1 is called by its old interface: 140 ns for a name, where EVP takes 330 ns even with a context that is ready,
 * and needs such a context in each thread. It's plain arithmetic that can't fail. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

void
sha256(const void *bytes, size_t length, uint8_t digest[static SHA256_SIZE])
{
	if (EVP_Digest(bytes, length, digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

const char *
sha256_text(const void *bytes, size_t length, char text[static SHA256_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_SIZE];

	sha256(bytes, length, digest);
	for (size_t i = 0; i < SHA256_SIZE; i++) {
		text[2 * i] = digits[digest[i] >> 4];
		text[2 * i + 1] = digits[digest[i] & 15];
	}
	text[SHA256_TEXT_SIZE - 1] = '\0';
	return text;
}

bool
sha256_text_same(const char *a, const char *b)
{
	return strlen(a) == SHA256_TEXT_SIZE - 1 && strlen(b) == SHA256_TEXT_SIZE - 1 &&
	    CRYPTO_memcmp(a, b, SHA256_TEXT_SIZE - 1) == 0;
}

void
sha1(const void *bytes, size_t length, uint8_t digest[static SHA1_SIZE])
{
	SHA_CTX context;

	SHA1_Init(&context);
	SHA1_Update(&context, bytes, length);
	SHA1_Final(digest, &context);
}
