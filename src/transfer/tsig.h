/* tsig.h -- messages that are signed by a shared secret (RFC 8945): requests checked, responses and sequences of them
 * signed; requests of our own signed, their responses checked.
 * Threads: keys are immutable; a struct tsig_maker belongs to one thread, and a struct tsig to one exchange. Nothing is
 * allocated but by libcrypto, and only for messages that have a TSIG. */
#ifndef ISOBAR_TRANSFER_TSIG_H
#define ISOBAR_TRANSFER_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/name.h"

enum tsig_algorithm { TSIG_SHA1, TSIG_SHA224, TSIG_SHA256, TSIG_SHA384, TSIG_SHA512, TSIG_ALGORITHMS };

#define TSIG_MAC_MAX 64		/* octets: SHA-512 */
#define TSIG_SECRET_MAX 256	/* longer ones are refused; more than the hash's block adds nothing */
#define TSIG_FUDGE 300		/* seconds that clocks may differ, as RFC 8945 section 10 advises */

struct tsig_key {
	const char *text;		/* the name as it's written in settings, for people */
	uint8_t name[NAME_MAX];		/* lower case */
	enum tsig_algorithm algorithm;
	uint16_t secret_length;
	uint8_t secret[TSIG_SECRET_MAX];
};

struct tsig_keys {
	size_t count;
	const struct tsig_key *keys;
};

const struct tsig_key *tsig_key_find(const struct tsig_keys *keys, const uint8_t *name) NONNULL;	/* or NULL */
const char *tsig_algorithm_text(enum tsig_algorithm algorithm);		/* "hmac-sha256" */
bool tsig_algorithm_parse(const char *text, enum tsig_algorithm *algorithm) NONNULL MUST_USE;

struct tsig_maker;
struct tsig_maker *tsig_maker_new(void) MUST_USE;	/* NULL: no memory, or libcrypto can't do it */
void tsig_maker_free(struct tsig_maker *maker);		/* NULL is allowed */

enum tsig_error {		/* field Error, RFC 8945 section 3 */
	TSIG_NOERROR = 0, TSIG_BADSIG = 16, TSIG_BADKEY = 17, TSIG_BADTIME = 18, TSIG_BADTRUNC = 22,
};

/* One exchange: a request and its responses. */
struct tsig {
	const struct tsig_key *key;	/* NULL: responses are not signed, and tell the error */
	uint16_t error;			/* enum tsig_error, that responses tell */
	bool begun;			/* a response was signed, or checked: the next ones are linked to it */
	uint8_t unsigned_count;		/* of messages that tsig_follow() took since the last signed one */
	uint64_t time;			/* that the request told; Unix time, seconds */
	uint8_t mac_length;
	uint8_t mac[TSIG_MAC_MAX];	/* of the last message */
	uint16_t name_length, algorithm_length;
	uint8_t name[NAME_MAX], algorithm[NAME_MAX];	/* as the request had them */
};

enum tsig_verdict {
	TSIG_GOOD,
	TSIG_MALFORMED,		/* FORMERR, and no TSIG in the response */
	TSIG_REFUSED,		/* NOTAUTH, and .error says why */
};

/* Checks the request whose last record, at `at`, is its TSIG (query_read() tells). `now`: Unix time, seconds. `maker`
 * may be NULL where there are no keys. */
enum tsig_verdict tsig_verify(struct tsig *tsig, struct tsig_maker *maker, const struct tsig_keys *keys,
	const uint8_t *request, size_t length, size_t at, uint64_t now) __attribute__((nonnull(1, 3, 4))) MUST_USE;

/* The octets that a response needs for it. */
size_t tsig_room(const struct tsig *tsig) NONNULL;

/* Adds TSIG to the response, behind all else, whose buffer has tsig_room() more octets. Its new length. Called for each
 * message of a sequence. `maker` may be NULL where tsig->key is. */
size_t tsig_sign(struct tsig *tsig, struct tsig_maker *maker, uint8_t *response, size_t length, uint64_t now)
	__attribute__((nonnull(1, 3)));

/* The same for a request of ours, which begins an exchange. `request` has TSIG_ROOM_MAX more octets. */
#define TSIG_ROOM_MAX (2 * NAME_MAX + 10 + 16 + TSIG_MAC_MAX + 6)
size_t tsig_sign_request(struct tsig *tsig, struct tsig_maker *maker, const struct tsig_key *key, uint8_t *request,
	size_t length, uint64_t now) NONNULL;

/* Checks a response to it, or the next signed message of a sequence. The length without TSIG, whose ARCOUNT is one less
 * then; 0: it isn't to be believed, and tsig->error may say what the server found wrong. */
size_t tsig_verify_response(struct tsig *tsig, struct tsig_maker *maker, uint8_t *response, size_t length, uint64_t now)
	NONNULL MUST_USE;

/* In a sequence some messages behind the first may be unsigned (section 5.3.1), and the next signed one says whether
 * they are true: none of them is to be believed before, and the last of all must be signed. The maker is this
 * exchange's alone meanwhile. False: there is no signed one before, or too many were unsigned. */
#define TSIG_UNSIGNED_MAX 99
bool tsig_follow(struct tsig *tsig, struct tsig_maker *maker, const uint8_t *response, size_t length) NONNULL MUST_USE;
bool tsig_is_signed(const uint8_t *response, size_t length) NONNULL;	/* its last record is a TSIG */

#endif
