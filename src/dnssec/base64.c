/* base64.c -- base64 by OpenSSL, whose blocks leave it to the caller to subtract the padding.
 * In: octets or text.  Out: the other.  Threads: any.  What passes through here is often secret, so it's wiped. */
#include "dnssec/base64.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define PART 48		/* octets at a time: a multiple of 3, so that only the last part has padding */

void
base64_add(struct text *out, const uint8_t *bytes, size_t length)
{
	char some[PART / 3 * 4 + 1];

	for (size_t at = 0; at < length; at += PART) {
		size_t part = length - at < PART ? length - at : PART;
		int n = EVP_EncodeBlock((uint8_t *)some, bytes + at, (int)part);

		text_add(out, some, (size_t)n);
	}
	OPENSSL_cleanse(some, sizeof(some));
}

size_t
base64_decode(const char *text, size_t length, uint8_t *bytes, size_t size)
{
	uint8_t four[4], three[3];
	size_t have = 0, made = 0, padding = 0;

	for (size_t i = 0; i < length; i++) {
		if (isspace((unsigned char)text[i]))
			continue;
		if (padding > 0 && text[i] != '=')
			return 0;
		padding += text[i] == '=';
		four[have++] = (uint8_t)text[i];
		if (have < 4)
			continue;
		have = 0;
		if (padding > 2 || EVP_DecodeBlock(three, four, 4) != 3 || size - made < 3 - padding)
			return 0;
		memcpy(bytes + made, three, 3 - padding);
		made += 3 - padding;
	}
	OPENSSL_cleanse(three, sizeof(three));
	OPENSSL_cleanse(four, sizeof(four));
	return have == 0 ? made : 0;
}
