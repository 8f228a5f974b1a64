/* cookie.c -- makes and checks server cookies.
 * In: a client's cookie, its address, the time, secrets.  Out: what the cookie is worth, and the next one.
 * Threads: the maker's own.  Memory: the maker, made once; EVP_MAC_init() with a key restarts its context in place
 * (100,000 checks are counted without an allocation by tests/unit/test_cookie.c).
 *
 * RFC 9018 section 4: 1 octet version, 3 reserved, 4 of time, and the SipHash-2-4 over the client's cookie, those 8
 * octets and the client's address. The time makes it expire without any memory of clients; nothing else about them is
 * in it. The reserved octets are hashed as they came, since later versions of the format may use them (section 4.2).
 * A cookie is renewed when half its life is over, else it goes back as it came, which saves a hash. */
#include "dns/cookie.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dns/wire.h"

#define COOKIE_VERSION 1
#define HASH_AT 16		/* of the whole cookie */
#define LIFE_S 3600		/* RFC 9018 section 4.3: one hour ... */
#define RENEW_S 1800		/* ... of which the second half is for those who ask again in time, */
#define AHEAD_S 300		/* and five minutes that clocks of one set of servers may differ */

enum { CURRENT, PREVIOUS, NEXT };	/* in the order in which cookies are checked */
static const char *const words[COOKIE_SECRETS_MAX] = { "current", "previous", "next" };

struct secrets_file {
	bool seen[COOKIE_SECRETS_MAX];
	uint8_t secrets[COOKIE_SECRETS_MAX][COOKIE_SECRET_SIZE];
};

struct cookie_maker {
	EVP_MAC *siphash;
	EVP_MAC_CTX *context;
};

static bool is_ours(struct cookie_maker *maker, const struct cookie_secrets *secrets, const uint8_t *cookie,
	const struct address *client);
static void hash(struct cookie_maker *maker, const uint8_t *secret, const uint8_t *cookie,
	const struct address *client, uint8_t out[static 8]);
static enum cookie_roll take_step(struct secrets_file *file, const uint8_t *fresh);
static int read_file(struct secrets_file *file, const char *text, const char **why);
static size_t line_word(const char *line, size_t length);
static bool read_hex(uint8_t *to, const char *text, size_t length);

struct cookie_maker *
cookie_maker_new(void)
{
	struct cookie_maker *maker = calloc(1, sizeof(*maker));
	unsigned size = 8;
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_construct_end() };

	if (maker == NULL)
		return NULL;
	maker->siphash = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	maker->context = maker->siphash == NULL ? NULL : EVP_MAC_CTX_new(maker->siphash);
	if (maker->context != NULL && EVP_MAC_CTX_set_params(maker->context, parameters) == 1)
		return maker;
	cookie_maker_free(maker);
	return NULL;
}

void
cookie_maker_free(struct cookie_maker *maker)
{
	if (maker == NULL)
		return;
	EVP_MAC_CTX_free(maker->context);
	EVP_MAC_free(maker->siphash);
	free(maker);
}

enum cookie_state
cookie_check(struct cookie_maker *maker, const struct cookie_secrets *secrets, const struct query *query,
	const struct address *client, uint32_t now, uint8_t cookie[static COOKIE_SIZE])
{
	enum cookie_state state = COOKIE_CLIENT;

	if (query->cookie == NULL)
		return COOKIE_NONE;
	if (query->cookie_length > COOKIE_CLIENT_SIZE) {
		/* In serial number arithmetic, as the time wraps around (RFC 9018 section 4.3). */
		int32_t age = query->cookie_length != COOKIE_SIZE ? LIFE_S + 1
		    : (int32_t)(now - wire_get_u32(query->cookie + 12));

		state = age <= LIFE_S && age >= -AHEAD_S && query->cookie[8] == COOKIE_VERSION
		    && is_ours(maker, secrets, query->cookie, client) ? COOKIE_VALID : COOKIE_INVALID;
		if (state == COOKIE_VALID && age < RENEW_S) {
			memcpy(cookie, query->cookie, COOKIE_SIZE);
			return state;
		}
	}
	memcpy(cookie, query->cookie, COOKIE_CLIENT_SIZE);
	wire_put_u32(cookie + 8, (uint32_t)COOKIE_VERSION << 24);
	wire_put_u32(cookie + 12, now);
	hash(maker, secrets->secrets[0], cookie, client, cookie + HASH_AT);
	return state;
}

static bool
is_ours(struct cookie_maker *maker, const struct cookie_secrets *secrets, const uint8_t *cookie,
	const struct address *client)
{
	uint8_t expected[8];

	for (size_t i = 0; i < secrets->count; i++) {
		hash(maker, secrets->secrets[i], cookie, client, expected);
		if (CRYPTO_memcmp(expected, cookie + HASH_AT, sizeof(expected)) == 0)
			return true;
	}
	return false;
}

/* It can't fail with a context that was set up; if it does, cookies would be guessable, so there are none any more. */
static void
hash(struct cookie_maker *maker, const uint8_t *secret, const uint8_t *cookie, const struct address *client,
	uint8_t out[static 8])
{
	size_t length;

	if (EVP_MAC_init(maker->context, secret, COOKIE_SECRET_SIZE, NULL) != 1
	    || EVP_MAC_update(maker->context, cookie, HASH_AT) != 1
	    || EVP_MAC_update(maker->context, client->bytes, client->bits / 8u) != 1
	    || EVP_MAC_final(maker->context, out, &length, 8) != 1)
		abort();
}

int
cookie_secrets_parse(struct cookie_secrets *secrets, const char *text, const char **why)
{
	struct secrets_file file;
	int line = read_file(&file, text, why);

	secrets->count = 0;
	for (size_t i = 0; i < COOKIE_SECRETS_MAX && line == 0; i++)
		if (file.seen[i])
			memcpy(secrets->secrets[secrets->count++], file.secrets[i], COOKIE_SECRET_SIZE);
	OPENSSL_cleanse(&file, sizeof(file));
	return line;
}

int
cookie_secrets_roll(const char *text, const uint8_t fresh[static COOKIE_SECRET_SIZE], struct text *out,
    enum cookie_roll *step, const char **why)
{
	struct secrets_file file = { 0 };
	int line = *text == '\0' ? 0 : read_file(&file, text, why);

	if (line == 0) {
		*step = take_step(&file, fresh);
		for (size_t i = 0; i < COOKIE_SECRETS_MAX; i++) {
			if (!file.seen[i])
				continue;
			text_printf(out, "%s ", words[i]);
			for (size_t k = 0; k < COOKIE_SECRET_SIZE; k++)
				text_printf(out, "%02x", file.secrets[i][k]);
			text_puts(out, "\n");
		}
	}
	OPENSSL_cleanse(&file, sizeof(file));
	return line;
}

static enum cookie_roll
take_step(struct secrets_file *file, const uint8_t *fresh)
{
	if (!file->seen[CURRENT]) {
		memcpy(file->secrets[CURRENT], fresh, COOKIE_SECRET_SIZE);
		file->seen[CURRENT] = true;
		return COOKIE_ROLL_BEGUN;
	}
	if (file->seen[NEXT]) {
		memcpy(file->secrets[PREVIOUS], file->secrets[CURRENT], COOKIE_SECRET_SIZE);
		memcpy(file->secrets[CURRENT], file->secrets[NEXT], COOKIE_SECRET_SIZE);
		file->seen[PREVIOUS] = true;
		file->seen[NEXT] = false;
		return COOKIE_ROLL_TAKEN;
	}
	if (file->seen[PREVIOUS]) {
		file->seen[PREVIOUS] = false;
		return COOKIE_ROLL_DONE;
	}
	memcpy(file->secrets[NEXT], fresh, COOKIE_SECRET_SIZE);
	file->seen[NEXT] = true;
	return COOKIE_ROLL_NEXT;
}

static int
read_file(struct secrets_file *file, const char *text, const char **why)
{
	int line = 0;

	*file = (struct secrets_file){ 0 };
	while (*text != '\0') {
		size_t length = strcspn(text, "\n"), word = line_word(text, length), which = 0, from = word;
		const char *start = text;

		line++;
		text += length + (text[length] == '\n');
		if (word == 0)
			continue;
		while (which < COOKIE_SECRETS_MAX
		    && (strlen(words[which]) != word || strncmp(start, words[which], word) != 0))
			which++;
		*why = "a line is 'current', 'previous' or 'next' and a secret";
		if (which == COOKIE_SECRETS_MAX)
			return line;
		*why = "this secret stands there twice";
		if (file->seen[which])
			return line;
		while (start[from] == ' ' || start[from] == '\t')
			from++;
		while (length > from && (start[length - 1] == ' ' || start[length - 1] == '\r'))
			length--;
		*why = "a secret is 32 hexadecimal digits";
		if (!read_hex(file->secrets[which], start + from, length - from))
			return line;
		file->seen[which] = true;
	}
	*why = "there is no 'current' secret";
	return file->seen[CURRENT] ? 0 : -1;
}

/* The length of the line's first word; 0: a comment, or empty. */
static size_t
line_word(const char *line, size_t length)
{
	size_t word = strcspn(line, " \t\r\n");

	return *line == '#' || word > length || strspn(line, " \t\r") >= length ? 0 : word == 0 ? 1 : word;
}

static bool
read_hex(uint8_t *to, const char *text, size_t length)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";

	if (length != (size_t)2 * COOKIE_SECRET_SIZE)
		return false;
	for (size_t i = 0; i < length; i++) {
		const char *digit = memchr(digits, text[i], sizeof(digits) - 1);
		size_t value;

		if (digit == NULL)
			return false;
		value = (size_t)(digit - digits) % 16;
		to[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : to[i / 2] | value);
	}
	return true;
}

bool
cookie_secret_random(uint8_t secret[static COOKIE_SECRET_SIZE])
{
	return getrandom(secret, COOKIE_SECRET_SIZE, 0) == COOKIE_SECRET_SIZE;
}
