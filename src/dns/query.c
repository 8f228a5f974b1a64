/* query.c -- reads a request: header, one question, and an OPT record among the additional ones.
 * In: the bytes from the network.  Out: struct query and a verdict; nothing is kept, nothing is logged.
 * Threads: any; pure.
 *
 * Strict where an answer could be wrong (two OPTs, or one that isn't additional, trailing bytes inside an option, an
 * ECS address with bits behind its prefix: FORMERR by RFC 6891 section 6.1.1 and RFC 7871 section 7.1.2), lenient where
 * it can't be: other records are skipped (RFC 8906 asks servers to stay quiet about those that they don't know).
 * A field is set only when all of it was good, since the error's answer is made from them.
 * TSIG is found here and judged elsewhere: nothing may come behind it (RFC 8945 section 5.1).
 * Without a question there is only one good request: the one for a server's cookie (RFC 7873 section 5.4, which RFC
 * 9619 section 4 leaves standing). Two questions never are (RFC 9619). */
#include "dns/query.h"

#include <string.h>

#include "dns/wire.h"

static enum query_verdict verdict_of(const struct query *query, enum query_verdict verdict);
static enum query_verdict read_question(struct query *query, struct wire_reader *r);
static enum query_verdict read_records(struct query *query, struct wire_reader *r, unsigned others,
	unsigned additional);
static enum query_verdict read_record(struct query *query, struct wire_reader *r, bool additional);
static bool skip_name(struct wire_reader *r);
static enum query_verdict read_opt(struct query *query, uint16_t payload, uint32_t ttl, const uint8_t *options,
	uint16_t length);
static enum query_verdict read_option(struct query *query, uint16_t code, const uint8_t *option, uint16_t length);
static enum query_verdict read_cookie(struct query *query, const uint8_t *option, uint16_t length);
static enum query_verdict read_subnet(struct query *query, const uint8_t *option, uint16_t length);

enum query_verdict
query_read(struct query *query, const uint8_t *bytes, size_t length)
{
	struct wire_reader r = { .bytes = bytes, .size = length };
	const uint8_t *header;
	unsigned questions, others, additional;
	enum query_verdict verdict = QUERY_FORMERR;

	/* Not all of it: name and parts are 1.4 kB, and valid only with a question. */
	query->question_length = 0;
	query->edns = query->dnssec_ok = query->nsid = query->subnet = false;
	query->expire = query->keepalive = query->padding = false;
	query->cookie = NULL;
	query->tsig = 0;
	query->subnet_length = 0;
	query->payload = 512;
	header = wire_bytes(&r, HEADER_SIZE);
	if (header == NULL)
		return QUERY_DROP;
	query->id = wire_get_u16(header);
	query->flags = wire_get_u16(header + 2);
	questions = wire_get_u16(header + 4);
	others = (unsigned)wire_get_u16(header + 6) + wire_get_u16(header + 8);
	additional = wire_get_u16(header + 10);
	if (query->flags & FLAG_QR)
		return QUERY_DROP;
	if (questions == 1)
		verdict = read_question(query, &r);
	/* An error's answer has OPT, too, when the request has one (RFC 6891 section 6.1.1). */
	if (verdict == QUERY_OK || questions == 0) {
		enum query_verdict records = read_records(query, &r, others, additional);

		if (verdict == QUERY_OK || records == QUERY_BADVERS || (records == QUERY_OK && query->cookie != NULL))
			verdict = records;
	}
	return (query->flags & FLAGS_OPCODE) == OPCODE_QUERY << 11 ? verdict : verdict_of(query, verdict);
}

static enum query_verdict
verdict_of(const struct query *query, enum query_verdict verdict)
{
	switch ((query->flags & FLAGS_OPCODE) >> 11) {
	case OPCODE_NOTIFY:
		return verdict != QUERY_OK ? verdict : query->question_length > 0 ? QUERY_NOTIFY : QUERY_FORMERR;
	case OPCODE_UPDATE:
		return verdict != QUERY_OK ? verdict : query->question_length > 0 ? QUERY_UPDATE : QUERY_FORMERR;
	default:
		return QUERY_NOTIMP;
	}
}

static enum query_verdict
read_question(struct query *query, struct wire_reader *r)
{
	size_t length = name_read(&query->parts, query->name, r->bytes + r->at, r->size - r->at);
	const uint8_t *fixed;

	if (length == 0)
		return QUERY_FORMERR;
	wire_bytes(r, length);
	fixed = wire_bytes(r, 4);
	if (fixed == NULL)
		return QUERY_FORMERR;
	query->type = wire_get_u16(fixed);
	query->class = wire_get_u16(fixed + 2);
	query->question_length = (uint16_t)(length + 4);
	return QUERY_OK;
}

static enum query_verdict
read_records(struct query *query, struct wire_reader *r, unsigned others, unsigned additional)
{
	enum query_verdict verdict = QUERY_OK;

	for (; others > 0 && verdict == QUERY_OK; others--)
		verdict = read_record(query, r, false);
	for (; additional > 0 && verdict == QUERY_OK; additional--)
		verdict = read_record(query, r, true);
	return verdict == QUERY_OK && r->at != r->size ? QUERY_FORMERR : verdict;
}

static enum query_verdict
read_record(struct query *query, struct wire_reader *r, bool additional)
{
	size_t owner = r->at;
	uint16_t type, class, length;
	const uint8_t *fixed, *rdata;

	if (!skip_name(r) || (fixed = wire_bytes(r, 10)) == NULL)
		return QUERY_FORMERR;
	type = wire_get_u16(fixed);
	class = wire_get_u16(fixed + 2);
	length = wire_get_u16(fixed + 8);
	rdata = wire_bytes(r, length);
	if (r->failed || query->tsig != 0)
		return QUERY_FORMERR;
	if (type == TYPE_TSIG) {
		query->tsig = (uint16_t)owner;
		return additional && class == CLASS_ANY ? QUERY_OK : QUERY_FORMERR;
	}
	if (type != TYPE_OPT)
		return QUERY_OK;
	if (!additional || query->edns || r->bytes[owner] != 0)
		return QUERY_FORMERR;
	query->edns = true;
	return read_opt(query, class, wire_get_u32(fixed + 4), rdata, length);
}

static bool
skip_name(struct wire_reader *r)
{
	uint8_t length;

	while ((length = wire_u8(r)) != 0) {
		if (length >= 0xc0) {
			wire_u8(r);
			break;
		}
		if (length > 63)
			return false;
		wire_bytes(r, length);
	}
	return !r->failed;
}

static enum query_verdict
read_opt(struct query *query, uint16_t payload, uint32_t ttl, const uint8_t *options, uint16_t length)
{
	struct wire_reader r = { .bytes = options, .size = length };

	query->payload = payload < 512 ? 512 : payload;
	query->dnssec_ok = (ttl & 0x8000) != 0;
	if ((ttl >> 16 & 0xff) != 0)
		return QUERY_BADVERS;
	while (r.at < r.size) {
		uint16_t code = wire_u16(&r), size = wire_u16(&r);
		const uint8_t *option = wire_bytes(&r, size);

		if (r.failed || read_option(query, code, option, size) != QUERY_OK)
			return QUERY_FORMERR;
	}
	return QUERY_OK;
}

/* What isn't known is ignored (RFC 6891 section 6.1.2). */
static enum query_verdict
read_option(struct query *query, uint16_t code, const uint8_t *option, uint16_t length)
{
	switch (code) {
	case EDNS_NSID:		/* what it holds is to be ignored (RFC 5001 section 2.1) */
		query->nsid = true;
		return QUERY_OK;
	case EDNS_CLIENT_SUBNET:
		return read_subnet(query, option, length);
	case EDNS_EXPIRE:
		query->expire = true;
		return QUERY_OK;
	case EDNS_COOKIE:
		return read_cookie(query, option, length);
	case EDNS_KEEPALIVE:
		query->keepalive = true;
		return QUERY_OK;
	case EDNS_PADDING:
		query->padding = true;
		return QUERY_OK;
	default:
		return QUERY_OK;
	}
}

/* Of several only the first counts (RFC 7873 section 5.3); other lengths are malformed (section 5.2.2). */
static enum query_verdict
read_cookie(struct query *query, const uint8_t *option, uint16_t length)
{
	if (query->cookie != NULL)
		return QUERY_OK;
	if (length != COOKIE_CLIENT_SIZE && (length < COOKIE_CLIENT_SIZE + 8 || length > COOKIE_CLIENT_SIZE + 32))
		return QUERY_FORMERR;
	query->cookie = option;
	query->cookie_length = (uint8_t)length;
	return QUERY_OK;
}

static enum query_verdict
read_subnet(struct query *query, const uint8_t *option, uint16_t length)
{
	struct wire_reader r = { .bytes = option, .size = length };
	uint16_t family = wire_u16(&r);
	uint8_t prefix = wire_u8(&r), scope = wire_u8(&r);
	size_t bytes = (prefix + 7u) / 8;
	const uint8_t *p = wire_bytes(&r, bytes);
	struct address address = { 0 }, masked;

	if (r.failed || r.at != r.size || scope != 0 || query->subnet)
		return QUERY_FORMERR;
	if (family == 1 && prefix <= 32)
		address.bits = 32;
	else if (family == 2 && prefix <= 128)
		address.bits = 128;
	else if (family != 0 || prefix != 0)
		return QUERY_FORMERR;
	memcpy(address.bytes, p, bytes);
	masked = address;
	address_mask(&masked, prefix);
	if (memcmp(&masked, &address, sizeof(masked)) != 0)
		return QUERY_FORMERR;
	query->subnet = true;
	query->subnet_address = address;
	query->subnet_family = family;
	query->subnet_length = prefix;
	return QUERY_OK;
}
