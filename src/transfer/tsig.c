/* tsig.c -- see tsig.h.
 * In: messages and keys.  Out: verdicts, and messages with a TSIG record behind them.  Threads: the maker's own.
 *
 * What is digested (RFC 8945 section 4.3): the MAC of the message before in the exchange with its length, if there is
 * one; the message without TSIG, with its original ID and an ARCOUNT of one less; and the variables: all of them in the
 * first message of each side, times alone in those that follow in a sequence (section 5.3.1). We sign each message of
 * a sequence: to leave some out saves an HMAC and makes an error known later.
 *
 * The order of the checks is that of section 5.2: key, MAC, time, truncation. Errors about key and MAC are told without
 * a signature, others with one (section 5.3.2). A MAC that was cut short is refused, though it's checked first: nobody
 * needs shorter ones (section 5.2.2.1 leaves it to us). */
#include "transfer/tsig.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/types.h"
#include "dns/wire_name.h"

struct tsig_maker {
	EVP_MAC *hmac;
	EVP_MAC_CTX *contexts[TSIG_ALGORITHMS];
};

/* A TSIG record, taken apart. */
struct tsig_record {
	uint8_t name[NAME_MAX], algorithm[NAME_MAX];	/* lower case */
	size_t name_length, algorithm_length;
	uint64_t time;
	uint16_t fudge, mac_length, original_id, error, other_length;
	const uint8_t *mac, *other;
};

/* What is digested of it. */
struct variables {
	const uint8_t *name, *algorithm;	/* lower case */
	size_t name_length, algorithm_length;
	uint64_t time;
	uint16_t fudge, error, other_length;
	const uint8_t *other;
};

static const struct algorithm { const char *text, *digest; uint8_t length; } algorithms[TSIG_ALGORITHMS] = {
	[TSIG_SHA1] = { "hmac-sha1", "SHA1", 20 },
	[TSIG_SHA224] = { "hmac-sha224", "SHA224", 28 },
	[TSIG_SHA256] = { "hmac-sha256", "SHA256", 32 },
	[TSIG_SHA384] = { "hmac-sha384", "SHA384", 48 },
	[TSIG_SHA512] = { "hmac-sha512", "SHA512", 64 },
};

static bool read_record(struct tsig_record *record, const uint8_t *message, size_t length, size_t at);
static size_t read_name(struct wire_reader *r, bool compressed, uint8_t name[static NAME_MAX]);
static bool is_algorithm(const struct tsig_key *key, const uint8_t *name, size_t length);
static size_t algorithm_name(enum tsig_algorithm algorithm, uint8_t name[static NAME_MAX]);
static bool check_mac(struct tsig_maker *maker, const struct tsig *tsig, const struct tsig_record *record,
	const uint8_t *message, size_t length);
static size_t digest(struct tsig_maker *maker, const struct tsig *tsig, const uint8_t *header, const uint8_t *body,
	size_t length, const struct variables *variables, uint8_t mac[static TSIG_MAC_MAX]);
static void digest_begin(EVP_MAC_CTX *context, const struct tsig *tsig);
static void digest_variables(EVP_MAC_CTX *context, const struct variables *variables);
static bool in_time(uint64_t time, uint16_t fudge, uint64_t now);
static size_t sign(struct tsig *tsig, struct tsig_maker *maker, uint8_t *message, size_t length,
	struct variables *variables);
static size_t put_record(uint8_t *message, size_t length, const struct variables *variables, const uint8_t *mac,
	size_t mac_length);
static void put_u48(uint8_t *to, uint64_t value);
static size_t find_last_record(const uint8_t *message, size_t length);

const struct tsig_key *
tsig_key_find(const struct tsig_keys *keys, const uint8_t *name)
{
	size_t length = name_length(name, NAME_MAX);

	for (size_t i = 0; i < keys->count; i++)
		if (name_length(keys->keys[i].name, NAME_MAX) == length
		    && memcmp(keys->keys[i].name, name, length) == 0)
			return &keys->keys[i];
	return NULL;
}

const char *
tsig_algorithm_text(enum tsig_algorithm algorithm)
{
	return algorithms[algorithm].text;
}

bool
tsig_algorithm_parse(const char *text, enum tsig_algorithm *algorithm)
{
	for (unsigned i = 0; i < TSIG_ALGORITHMS; i++)
		if (strcasecmp(text, algorithms[i].text) == 0) {
			*algorithm = (enum tsig_algorithm)i;
			return true;
		}
	return false;
}

struct tsig_maker *
tsig_maker_new(void)
{
	struct tsig_maker *maker = calloc(1, sizeof(*maker));

	if (maker == NULL)
		return NULL;
	maker->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	for (unsigned i = 0; maker->hmac != NULL && i < TSIG_ALGORITHMS; i++) {
		/* OpenSSL takes no const here, and doesn't write. */
		char *name = (char *)(uintptr_t)algorithms[i].digest;
		OSSL_PARAM parameters[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		    OSSL_PARAM_construct_end() };

		maker->contexts[i] = EVP_MAC_CTX_new(maker->hmac);
		if (maker->contexts[i] == NULL || EVP_MAC_CTX_set_params(maker->contexts[i], parameters) != 1) {
			tsig_maker_free(maker);
			return NULL;
		}
	}
	if (maker->hmac != NULL)
		return maker;
	tsig_maker_free(maker);
	return NULL;
}

void
tsig_maker_free(struct tsig_maker *maker)
{
	if (maker == NULL)
		return;
	for (unsigned i = 0; i < TSIG_ALGORITHMS; i++)
		EVP_MAC_CTX_free(maker->contexts[i]);
	EVP_MAC_free(maker->hmac);
	free(maker);
}

/* --- a request that came ------------------------------------------------------------------------------------- */

enum tsig_verdict
tsig_verify(struct tsig *tsig, struct tsig_maker *maker, const struct tsig_keys *keys, const uint8_t *request,
	size_t length, size_t at, uint64_t now)
{
	struct tsig_record record;
	const struct tsig_key *key;
	size_t full;

	*tsig = (struct tsig){ .error = TSIG_NOERROR };
	if (!read_record(&record, request, length, at))
		return TSIG_MALFORMED;
	tsig->time = record.time;
	tsig->name_length = (uint16_t)record.name_length;
	tsig->algorithm_length = (uint16_t)record.algorithm_length;
	memcpy(tsig->name, record.name, record.name_length);
	memcpy(tsig->algorithm, record.algorithm, record.algorithm_length);
	key = tsig_key_find(keys, tsig->name);
	if (key == NULL || !is_algorithm(key, tsig->algorithm, record.algorithm_length)) {
		tsig->error = TSIG_BADKEY;
		return TSIG_REFUSED;
	}
	full = algorithms[key->algorithm].length;
	if (record.mac_length > full || record.mac_length < 10 || record.mac_length < full / 2)
		return TSIG_MALFORMED;
	tsig->key = key;
	if (!check_mac(maker, tsig, &record, request, at)) {
		tsig->key = NULL;
		tsig->error = TSIG_BADSIG;
		return TSIG_REFUSED;
	}
	tsig->mac_length = (uint8_t)record.mac_length;
	memcpy(tsig->mac, record.mac, record.mac_length);
	if (!in_time(record.time, record.fudge, now))
		tsig->error = TSIG_BADTIME;
	else if (record.mac_length < full)
		tsig->error = TSIG_BADTRUNC;
	return tsig->error == TSIG_NOERROR ? TSIG_GOOD : TSIG_REFUSED;
}

/* False when it isn't the last record, too. */
static bool
read_record(struct tsig_record *record, const uint8_t *message, size_t length, size_t at)
{
	struct wire_reader r = { .bytes = message, .size = length, .at = at };
	size_t from;
	uint16_t type, class, rdlength;
	uint32_t ttl, high;

	record->name_length = read_name(&r, true, record->name);
	type = wire_u16(&r);
	class = wire_u16(&r);
	ttl = wire_u32(&r);
	rdlength = wire_u16(&r);
	from = r.at;
	record->algorithm_length = read_name(&r, false, record->algorithm);
	high = wire_u16(&r);
	record->time = (uint64_t)high << 32 | wire_u32(&r);
	record->fudge = wire_u16(&r);
	record->mac_length = wire_u16(&r);
	record->mac = wire_bytes(&r, record->mac_length);
	record->original_id = wire_u16(&r);
	record->error = wire_u16(&r);
	record->other_length = wire_u16(&r);
	record->other = wire_bytes(&r, record->other_length);
	return !r.failed && type == TYPE_TSIG && class == CLASS_ANY && ttl == 0 && r.at - from == rdlength
	    && r.at == length;
}

/* In lower case; 0, and the reader fails: there is none. Owners may be compressed, as by BIND, names in RDATA may not
 * (RFC 3597 section 4). */
static size_t
read_name(struct wire_reader *r, bool compressed, uint8_t name[static NAME_MAX])
{
	uint8_t plain[NAME_MAX];
	size_t length = wire_name(r, compressed, plain);

	name_lower(name, plain, length);
	return length;
}

static bool
is_algorithm(const struct tsig_key *key, const uint8_t *name, size_t length)
{
	uint8_t own[NAME_MAX];

	return algorithm_name(key->algorithm, own) == length && memcmp(own, name, length) == 0;
}

static size_t
algorithm_name(enum tsig_algorithm algorithm, uint8_t name[static NAME_MAX])
{
	const char *text = algorithms[algorithm].text;
	size_t length = strlen(text);

	name[0] = (uint8_t)length;
	memcpy(name + 1, text, length + 1);
	return length + 2;
}

/* `length`: of the message without TSIG. Cut short, the MAC is compared as far as it goes. */
static bool
check_mac(struct tsig_maker *maker, const struct tsig *tsig, const struct tsig_record *record, const uint8_t *message,
	size_t length)
{
	const struct variables variables = {
		.name = tsig->name, .name_length = tsig->name_length, .algorithm = tsig->algorithm,
		.algorithm_length = tsig->algorithm_length, .time = record->time, .fudge = record->fudge,
		.error = record->error, .other_length = record->other_length, .other = record->other,
	};
	uint8_t header[HEADER_SIZE], mac[TSIG_MAC_MAX];

	memcpy(header, message, HEADER_SIZE);
	wire_put_u16(header, record->original_id);
	wire_put_u16(header + 10, wire_get_u16(header + 10) - 1u);
	return digest(maker, tsig, header, message + HEADER_SIZE, length - HEADER_SIZE, &variables, mac)
	    >= record->mac_length && CRYPTO_memcmp(mac, record->mac, record->mac_length) == 0;
}

/* The length of the MAC. It can't fail with a context that was set up; if it does, any message might pass. */
static size_t
digest(struct tsig_maker *maker, const struct tsig *tsig, const uint8_t *header, const uint8_t *body, size_t length,
	const struct variables *variables, uint8_t mac[static TSIG_MAC_MAX])
{
	EVP_MAC_CTX *context = maker->contexts[tsig->key->algorithm];
	size_t size;

	if (tsig->unsigned_count == 0)	/* else it's begun */
		digest_begin(context, tsig);
	EVP_MAC_update(context, header, HEADER_SIZE);
	EVP_MAC_update(context, body, length);
	if (tsig->begun) {
		uint8_t timers[8];

		put_u48(timers, variables->time);
		wire_put_u16(timers + 6, variables->fudge);
		EVP_MAC_update(context, timers, sizeof(timers));
	} else {
		digest_variables(context, variables);
	}
	if (EVP_MAC_final(context, mac, &size, TSIG_MAC_MAX) != 1)
		abort();
	return size;
}

static void
digest_begin(EVP_MAC_CTX *context, const struct tsig *tsig)
{
	uint8_t before[2];

	wire_put_u16(before, tsig->mac_length);
	if (EVP_MAC_init(context, tsig->key->secret, tsig->key->secret_length, NULL) != 1)
		abort();
	if (tsig->mac_length > 0) {
		EVP_MAC_update(context, before, 2);
		EVP_MAC_update(context, tsig->mac, tsig->mac_length);
	}
}

static void
digest_variables(EVP_MAC_CTX *context, const struct variables *variables)
{
	static const uint8_t class_and_ttl[] = { 0, CLASS_ANY, 0, 0, 0, 0 };
	uint8_t numbers[12];

	put_u48(numbers, variables->time);
	wire_put_u16(numbers + 6, variables->fudge);
	wire_put_u16(numbers + 8, variables->error);
	wire_put_u16(numbers + 10, variables->other_length);
	EVP_MAC_update(context, variables->name, variables->name_length);
	EVP_MAC_update(context, class_and_ttl, sizeof(class_and_ttl));
	EVP_MAC_update(context, variables->algorithm, variables->algorithm_length);
	EVP_MAC_update(context, numbers, sizeof(numbers));
	EVP_MAC_update(context, variables->other, variables->other_length);
}

static bool
in_time(uint64_t time, uint16_t fudge, uint64_t now)
{
	return time <= now ? now - time <= fudge : time - now <= fudge;
}

/* --- responses to it ----------------------------------------------------------------------------------------- */

size_t
tsig_room(const struct tsig *tsig)
{
	size_t mac = tsig->key == NULL ? 0 : algorithms[tsig->key->algorithm].length;

	return tsig->name_length + 10u + tsig->algorithm_length + 16u + mac + (tsig->error == TSIG_BADTIME ? 6u : 0u);
}

/* Of an unsigned one the time is the request's, as that of BADTIME is (section 5.2.3). */
size_t
tsig_sign(struct tsig *tsig, struct tsig_maker *maker, uint8_t *response, size_t length, uint64_t now)
{
	uint8_t server_time[6];
	struct variables variables = {
		.name = tsig->name, .name_length = tsig->name_length, .algorithm = tsig->algorithm,
		.algorithm_length = tsig->algorithm_length, .fudge = TSIG_FUDGE, .error = tsig->error,
		.time = tsig->key == NULL || tsig->error == TSIG_BADTIME ? tsig->time : now,
		.other = server_time, .other_length = tsig->error == TSIG_BADTIME ? sizeof(server_time) : 0,
	};

	put_u48(server_time, now);
	return sign(tsig, maker, response, length, &variables);
}

static size_t
sign(struct tsig *tsig, struct tsig_maker *maker, uint8_t *message, size_t length, struct variables *variables)
{
	uint8_t mac[TSIG_MAC_MAX];
	size_t size = 0;

	if (tsig->key != NULL) {
		size = digest(maker, tsig, message, message + HEADER_SIZE, length - HEADER_SIZE, variables, mac);
		memcpy(tsig->mac, mac, size);
	}
	tsig->mac_length = (uint8_t)size;
	tsig->begun = true;
	return put_record(message, length, variables, mac, size);
}

static size_t
put_record(uint8_t *message, size_t length, const struct variables *variables, const uint8_t *mac, size_t mac_length)
{
	uint8_t *p = message + length;

	memcpy(p, variables->name, variables->name_length);
	p += variables->name_length;
	wire_put_u16(p, TYPE_TSIG);
	wire_put_u16(p + 2, CLASS_ANY);
	wire_put_u32(p + 4, 0);
	wire_put_u16(p + 8, (unsigned)(variables->algorithm_length + 16 + mac_length + variables->other_length));
	p += 10;
	memcpy(p, variables->algorithm, variables->algorithm_length);
	p += variables->algorithm_length;
	put_u48(p, variables->time);
	wire_put_u16(p + 6, variables->fudge);
	wire_put_u16(p + 8, (unsigned)mac_length);
	p += 10;
	memcpy(p, mac, mac_length);
	p += mac_length;
	memcpy(p, message, 2);		/* the original ID */
	wire_put_u16(p + 2, variables->error);
	wire_put_u16(p + 4, variables->other_length);
	p += 6;
	memcpy(p, variables->other, variables->other_length);
	p += variables->other_length;
	wire_put_u16(message + 10, wire_get_u16(message + 10) + 1u);
	return (size_t)(p - message);
}

static void
put_u48(uint8_t *to, uint64_t value)
{
	wire_put_u16(to, (unsigned)(value >> 32 & 0xffff));
	wire_put_u32(to + 2, (uint32_t)value);
}

/* --- a request of ours --------------------------------------------------------------------------------------- */

size_t
tsig_sign_request(struct tsig *tsig, struct tsig_maker *maker, const struct tsig_key *key, uint8_t *request,
	size_t length, uint64_t now)
{
	static const uint8_t nothing[1];
	struct variables variables = { .time = now, .fudge = TSIG_FUDGE, .other = nothing };

	*tsig = (struct tsig){ .key = key, .time = now };
	tsig->name_length = (uint16_t)name_length(key->name, NAME_MAX);
	memcpy(tsig->name, key->name, tsig->name_length);
	tsig->algorithm_length = (uint16_t)algorithm_name(key->algorithm, tsig->algorithm);
	variables.name = tsig->name;
	variables.name_length = tsig->name_length;
	variables.algorithm = tsig->algorithm;
	variables.algorithm_length = tsig->algorithm_length;
	length = sign(tsig, maker, request, length, &variables);
	tsig->begun = false;		/* the first response has all variables again */
	return length;
}

size_t
tsig_verify_response(struct tsig *tsig, struct tsig_maker *maker, uint8_t *response, size_t length, uint64_t now)
{
	struct tsig_record record;
	size_t at = find_last_record(response, length);

	if (at == 0 || !read_record(&record, response, length, at))
		return 0;
	if (record.name_length != tsig->name_length || memcmp(record.name, tsig->name, tsig->name_length) != 0
	    || record.algorithm_length != tsig->algorithm_length
	    || memcmp(record.algorithm, tsig->algorithm, tsig->algorithm_length) != 0)
		return 0;
	tsig->error = record.error;
	if (record.mac_length != algorithms[tsig->key->algorithm].length
	    || !check_mac(maker, tsig, &record, response, at) || !in_time(record.time, record.fudge, now)
	    || record.error != TSIG_NOERROR)
		return 0;
	memcpy(tsig->mac, record.mac, record.mac_length);
	tsig->mac_length = (uint8_t)record.mac_length;
	tsig->begun = true;
	tsig->unsigned_count = 0;
	wire_put_u16(response + 10, wire_get_u16(response + 10) - 1u);
	return at;
}

bool
tsig_is_signed(const uint8_t *response, size_t length)
{
	struct tsig_record record;
	size_t at = find_last_record(response, length);

	return at != 0 && read_record(&record, response, length, at);
}

bool
tsig_follow(struct tsig *tsig, struct tsig_maker *maker, const uint8_t *response, size_t length)
{
	EVP_MAC_CTX *context = maker->contexts[tsig->key->algorithm];

	if (!tsig->begun || tsig->unsigned_count == TSIG_UNSIGNED_MAX)
		return false;
	if (tsig->unsigned_count++ == 0)
		digest_begin(context, tsig);
	EVP_MAC_update(context, response, length);
	return true;
}

/* Where the last of all records begins; 0: there is none, or the message is broken. */
static size_t
find_last_record(const uint8_t *message, size_t length)
{
	struct wire_reader r = { .bytes = message, .size = length, .at = HEADER_SIZE };
	unsigned records, questions;
	size_t at = 0;

	if (length < HEADER_SIZE || wire_get_u16(message + 10) == 0)
		return 0;
	questions = wire_get_u16(message + 4);
	records = wire_get_u16(message + 6);
	records += wire_get_u16(message + 8);
	records += wire_get_u16(message + 10);
	for (unsigned i = 0; i < questions + records && !r.failed; i++) {
		uint8_t label;

		at = r.at;
		while ((label = wire_u8(&r)) != 0 && label < 0xc0)
			wire_bytes(&r, label);
		if (label >= 0xc0)
			wire_u8(&r);
		wire_bytes(&r, 4);
		if (i >= questions) {
			wire_bytes(&r, 4);
			wire_bytes(&r, wire_u16(&r));
		}
	}
	return r.failed || r.at != length ? 0 : at;
}
