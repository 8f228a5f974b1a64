/* test_tsig.c -- transfer/tsig: requests by another implementation, what is refused and how, responses, sequences.
 * The vectors were made with Python's hmac, message and variables put together by hand:
 *	hmac.new(b"0123456789abcdef0123456789abcdef", MESSAGE + VARIABLES, hashlib.sha256) */
#include "transfer/tsig.h"

#include "dns/query.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "suite.h"

#define NOW 1700000000u		/* 0x6553f100 */
#define REQUEST "\x12\x34\0\0\0\1\0\0\0\0\0\1" "\7example\3com\0\0\6\0\1"
#define VECTOR_SHA256 "80534a5aac54e1c1498177f4dac283d068f86bb69ef2ae024d501d7a8f205e4d"
#define VECTOR_SHA512 "0c690480f6835828bda2351cdba32c2aa787e7e3d13d7006ac8dd2e2622dfb4b" \
	"6e1506087d65406aff0bf0f09f561958941c5fcc5f38cb5bc0606e4d3ce9c586"

static struct tsig_key keys[2];
static const struct tsig_keys all = { 2, keys };
static struct tsig_maker *maker;

static void
set_up(void)
{
	static const char *const names[] = { "key.example.", "long.example." };

	for (unsigned i = 0; i < 2; i++) {
		keys[i].algorithm = i == 0 ? TSIG_SHA256 : TSIG_SHA512;
		keys[i].secret_length = 32;
		memcpy(keys[i].secret, "0123456789abcdef0123456789abcdef", 32);
		if (name_parse(names[i], keys[i].name) == 0)
			abort();
	}
	if (maker == NULL)
		maker = tsig_maker_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(maker);
}

static size_t
plain_request(uint8_t *bytes)
{
	memcpy(bytes, REQUEST, sizeof(REQUEST) - 1);
	bytes[11] = 0;
	return sizeof(REQUEST) - 1;
}

struct vector { const char *name; size_t key; const char *mac; };

static void
read_hex(uint8_t *to, const char *hex)
{
	for (unsigned value; sscanf(hex, "%2x", &value) == 1; hex += 2)
		*to++ = (uint8_t)value;
}

/* What tsig_sign_request() makes is what Python makes of the same octets. */
static void
test_vectors(void)
{
	static const struct vector vectors[] = {
		{ .name = "hmac-sha256", .key = 0, .mac = VECTOR_SHA256 },
		{ .name = "hmac-sha512", .key = 1, .mac = VECTOR_SHA512 },
	};

	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint8_t bytes[600], expected[TSIG_MAC_MAX];
		struct tsig tsig, seen;
		size_t plain = plain_request(bytes);
		size_t length = tsig_sign_request(&tsig, maker, &keys[v->key], bytes, plain, NOW);

		read_hex(expected, v->mac);
		SUITE_ROW(v->name, tsig.mac_length == strlen(v->mac) / 2);
		SUITE_ROW(v->name, memcmp(tsig.mac, expected, tsig.mac_length) == 0);
		SUITE_ROW(v->name, bytes[11] == 1);
		SUITE_ROW(v->name, tsig_verify(&seen, maker, &all, bytes, length, plain, NOW) == TSIG_GOOD);
		SUITE_ROW(v->name, seen.key == &keys[v->key]);
	}
}

/* A signed request, changed, and what comes of it. */
struct refusal {
	const char *name;
	size_t at;		/* from the end of the message; 0: nothing is changed */
	uint8_t with;		/* XOR */
	int late;		/* seconds after the request */
	const char *key;	/* renamed to that, of the same length */
	enum tsig_verdict verdict;
	uint16_t error;
	bool signs;		/* the response is signed */
};

#define TAIL 6u			/* original ID, error, other length */

static void
test_refusals(void)
{
	static const struct refusal refusals[] = {
		{ .name = "as it was", .verdict = TSIG_GOOD, .signs = true },
		{ .name = "at the fudge's end", .late = TSIG_FUDGE, .verdict = TSIG_GOOD, .signs = true },
		{ .name = "too late", .late = TSIG_FUDGE + 1, .verdict = TSIG_REFUSED, .error = TSIG_BADTIME,
		    .signs = true },
		{ .name = "too early", .late = -TSIG_FUDGE - 1, .verdict = TSIG_REFUSED, .error = TSIG_BADTIME,
		    .signs = true },
		{ .name = "another MAC", .at = TAIL + 1, .with = 1, .verdict = TSIG_REFUSED, .error = TSIG_BADSIG },
		{ .name = "another time", .at = TAIL + 32 + 5, .with = 1, .verdict = TSIG_REFUSED, .error = TSIG_BADSIG },
		{ .name = "another original ID", .at = TAIL, .with = 1, .verdict = TSIG_REFUSED, .error = TSIG_BADSIG },
		{ .name = "an error field of its own", .at = TAIL - 3, .with = 1, .verdict = TSIG_REFUSED,
		    .error = TSIG_BADSIG },
		{ .name = "another key", .key = "\3kez", .verdict = TSIG_REFUSED, .error = TSIG_BADKEY },
		{ .name = "upper case", .key = "\3KEY", .verdict = TSIG_GOOD, .signs = true },
		{ .name = "another algorithm", .at = TAIL + 32 + 10 + 2, .with = 1, .verdict = TSIG_REFUSED,
		    .error = TSIG_BADKEY },
		{ .name = "other data that isn't there", .at = 1, .with = 1, .verdict = TSIG_MALFORMED },
		{ .name = "a MAC longer than there is", .at = TAIL + 32 + 1, .with = 1, .verdict = TSIG_MALFORMED },
		{ .name = "a TTL", .at = TAIL + 32 + 10 + 13 + 3, .with = 1, .verdict = TSIG_MALFORMED },
		{ .name = "class IN", .at = TAIL + 32 + 10 + 13 + 7, .with = 0xfe, .verdict = TSIG_MALFORMED },
	};

	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *r = &refusals[i];
		uint8_t bytes[600], response[600];
		struct tsig ours, seen;
		size_t plain = plain_request(bytes), length, answered;
		uint64_t now = (uint64_t)((int64_t)NOW + r->late);

		length = tsig_sign_request(&ours, maker, &keys[0], bytes, plain, NOW);
		bytes[length - r->at] ^= r->at > 0 ? r->with : 0;
		if (r->key != NULL)
			memcpy(bytes + plain, r->key, strlen(r->key));
		SUITE_ROW(r->name, tsig_verify(&seen, maker, &all, bytes, length, plain, now) == r->verdict);
		SUITE_ROW(r->name, seen.error == r->error);
		if (r->verdict == TSIG_MALFORMED)
			continue;
		SUITE_ROW(r->name, (seen.key != NULL) == r->signs);
		/* What is said of it can be read by who asked, and believed when it's signed. */
		plain_request(response);
		response[2] = 0x80;
		answered = tsig_sign(&seen, maker, response, plain, now);
		SUITE_ROW(r->name, answered == plain + tsig_room(&seen));
		SUITE_ROW(r->name, response[11] == 1);
		answered = tsig_verify_response(&ours, maker, response, answered, now);
		if (r->late == 0 && r->error == 0)
			SUITE_ROW(r->name, answered == plain && response[11] == 0);
		else if (r->error != 0)
			SUITE_ROW(r->name, answered == 0);
		if (r->error == TSIG_BADTIME)	/* the request's time, and the server's */
			SUITE_ROW(r->name, memcmp(response + plain + 13 + 10 + 13, "\0\0\x65\x53\xf1\0", 6) == 0
			    && wire_get_u32(response + plain + tsig_room(&seen) - 4) == now);
	}
}

static void
test_short_macs(void)
{
	static const struct { const char *name; size_t kept; enum tsig_verdict verdict; uint16_t error; } cases[] = {
		{ "half", 16, TSIG_REFUSED, TSIG_BADTRUNC }, { "all but one", 31, TSIG_REFUSED, TSIG_BADTRUNC },
		{ "less than half", 15, TSIG_MALFORMED, 0 }, { "none", 0, TSIG_MALFORMED, 0 },
	};

	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t bytes[600];
		struct tsig ours, seen;
		size_t plain = plain_request(bytes), length, mac, kept = cases[i].kept;

		length = tsig_sign_request(&ours, maker, &keys[0], bytes, plain, NOW);
		mac = length - TAIL - 32;
		wire_put_u16(bytes + mac - 2, (unsigned)kept);
		wire_put_u16(bytes + plain + 13 + 8, (unsigned)(13 + 16 + kept));
		memmove(bytes + mac + kept, bytes + mac + 32, TAIL);
		length -= 32 - kept;
		SUITE_ROW(cases[i].name, tsig_verify(&seen, maker, &all, bytes, length, plain, NOW) == cases[i].verdict);
		SUITE_ROW(cases[i].name, seen.error == cases[i].error);
	}
}

/* Each message of a sequence rests on the one before: none may be left out, doubled or exchanged. */
static void
test_sequence(void)
{
	uint8_t bytes[600], messages[3][600], copy[600];
	struct tsig ours, seen, before;
	size_t plain = plain_request(bytes), lengths[3];

	set_up();
	plain = tsig_sign_request(&ours, maker, &keys[1], bytes, plain, NOW);
	CU_ASSERT_EQUAL(tsig_verify(&seen, maker, &all, bytes, plain, sizeof(REQUEST) - 1, NOW), TSIG_GOOD);
	for (unsigned i = 0; i < 3; i++) {
		lengths[i] = plain_request(messages[i]);
		messages[i][3] = (uint8_t)i;
		lengths[i] = tsig_sign(&seen, maker, messages[i], lengths[i], NOW + i);
	}
	for (unsigned i = 0; i < 3; i++) {
		before = ours;
		if (i < 2) {
			memcpy(copy, messages[i + 1], lengths[i + 1]);
			CU_ASSERT_EQUAL(tsig_verify_response(&before, maker, copy, lengths[i + 1], NOW + 2), 0);
		}
		CU_ASSERT_EQUAL(tsig_verify_response(&ours, maker, messages[i], lengths[i], NOW + 2),
		    sizeof(REQUEST) - 1);
	}
}

/* BIND compresses the key's name where it can. */
static void
test_compressed_owner(void)
{
	uint8_t bytes[600], squeezed[600];
	struct tsig ours, seen;
	struct tsig_keys one;
	struct tsig_key key;
	size_t plain = plain_request(bytes), length;

	set_up();
	key = keys[0];
	memcpy(key.name, "\1k\7example\3com\0", 15);
	one = (struct tsig_keys){ 1, &key };
	length = tsig_sign_request(&ours, maker, &key, bytes, plain, NOW);
	memcpy(squeezed, bytes, plain);
	memcpy(squeezed + plain, "\1k\xc0\x0c", 4);
	memcpy(squeezed + plain + 4, bytes + plain + 15, length - plain - 15);
	CU_ASSERT_EQUAL(tsig_verify(&seen, maker, &one, squeezed, length - 11, plain, NOW), TSIG_GOOD);
	memcpy(squeezed + plain, "\1k\xc0", 3);		/* to itself: it ends */
	squeezed[plain + 3] = (uint8_t)plain;
	CU_ASSERT_EQUAL(tsig_verify(&seen, maker, &one, squeezed, length - 11, plain, NOW), TSIG_MALFORMED);
}

static void
test_words(void)
{
	enum tsig_algorithm algorithm;

	for (unsigned i = 0; i < TSIG_ALGORITHMS; i++) {
		CU_ASSERT_TRUE(tsig_algorithm_parse(tsig_algorithm_text((enum tsig_algorithm)i), &algorithm));
		CU_ASSERT_EQUAL(algorithm, i);
	}
	CU_ASSERT_FALSE(tsig_algorithm_parse("hmac-md5.sig-alg.reg.int", &algorithm));
}

static void
test_tidy(void)
{
	tsig_maker_free(maker);
	tsig_maker_free(NULL);
	maker = NULL;
}

static const struct suite_case cases[] = {
	{ .name = "as Python reckons it", .run = test_vectors },
	{ .name = "what is refused, and how", .run = test_refusals },
	{ .name = "MACs cut short", .run = test_short_macs },
	{ .name = "a sequence of messages", .run = test_sequence },
	{ .name = "a compressed key name", .run = test_compressed_owner },
	{ .name = "names of algorithms", .run = test_words },
	{ .name = "freed", .run = test_tidy },
};

int
main(void)
{
	return suite_run("tsig", cases, ARRAY_SIZE(cases));
}
