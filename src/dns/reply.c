/* reply.c -- the encoder.
 * In: decisions (section, owner, RRset).  Out: a message that never passes its limit.
 * Threads: any; touches nothing but its arguments.
 *
 * Compression: offsets of label starts that were written are remembered; a name is looked up suffix by suffix among
 * them, longest first. The qname comes first and most owners are the qname or end in its zone, so few comparisons are
 * made; the table is short for the same reason. RDATA is compressed only for the types of RFC 1035 (RFC 3597
 * section 4 forbids more).
 * Space for OPT is set aside at the start, and for each option when it's put in, so that they are never the victims of
 * truncation. */
#include "dns/reply.h"

#include <string.h>

#include "dns/wire.h"

/* How the RDATA of compressible types is made: octets before the names, and how many names follow. */
struct rdata_names { uint8_t before, names; };

static struct rdata_names rdata_names(uint16_t type);
static bool put_records(struct reply *reply, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *wire,
	uint32_t length);
static bool put_record(struct reply *reply, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
	uint16_t length);
static bool put_bytes(struct reply *reply, const uint8_t *bytes, size_t length);
static bool put_name(struct reply *reply, const uint8_t *name);
static int find_suffix(const struct reply *reply, const uint8_t *name);
static bool same_name_at(const struct reply *reply, size_t at, const uint8_t *name);
static void put_opt(struct reply *reply);
static void put_padding(struct reply *reply);

void
reply_begin(struct reply *reply, const struct query *query, const uint8_t *request, uint8_t *bytes, size_t limit)
{
	reply->bytes = bytes;
	reply->query = query;
	reply->flags = (uint16_t)(FLAG_QR | (query->flags & (FLAGS_OPCODE | FLAG_RD)));
	reply->rcode = RCODE_NOERROR;
	memset(reply->counts, 0, sizeof(reply->counts));
	reply->truncated = false;
	reply->name_count = 0;
	reply->payload = REPLY_UDP_DEFAULT;
	reply->padded = false;
	reply->options_length = 0;
	memcpy(bytes + HEADER_SIZE, request + HEADER_SIZE, query->question_length);
	reply->at = HEADER_SIZE + (size_t)query->question_length;
	reply->limit = limit;
	if (query->edns)
		reply->limit -= OPT_SIZE;
	if (query->question_length > 0)
		for (unsigned i = 0; i < query->parts.labels && i < REPLY_NAMES_MAX; i++)
			reply->names[reply->name_count++] = (uint16_t)(HEADER_SIZE + query->parts.offset[i]);
}

bool
reply_option(struct reply *reply, uint16_t code, const void *data, size_t length)
{
	uint8_t *option = reply->options + reply->options_length;

	if (!reply->query->edns || reply->limit - reply->at < 4 + length
	    || sizeof(reply->options) - reply->options_length < 4 + length)
		return false;
	wire_put_u16(option, code);
	wire_put_u16(option + 2, (unsigned)length);
	if (length > 0)
		memcpy(option + 4, data, length);
	reply->options_length += 4 + length;
	reply->limit -= 4 + length;
	return true;
}

bool
reply_subnet(struct reply *reply, uint8_t scope)
{
	const struct query *query = reply->query;
	size_t length = (query->subnet_length + 7u) / 8;
	uint8_t data[4 + sizeof(query->subnet_address.bytes)];

	if (!query->subnet)
		return false;
	wire_put_u16(data, query->subnet_family);
	data[2] = query->subnet_length;
	data[3] = scope;
	memcpy(data + 4, query->subnet_address.bytes, length);
	return reply_option(reply, EDNS_CLIENT_SUBNET, data, 4 + length);
}

bool
reply_error(struct reply *reply, enum ede code, const char *text)
{
	uint8_t data[2 + EDE_TEXT_MAX];
	size_t length = strlen(text);

	if (length > EDE_TEXT_MAX)
		length = EDE_TEXT_MAX;
	wire_put_u16(data, (unsigned)code);
	memcpy(data + 2, text, length);
	return reply_option(reply, EDNS_ERROR, data, 2 + length);
}

void
reply_truncate(struct reply *reply)
{
	reply->at = HEADER_SIZE + (size_t)reply->query->question_length;
	memset(reply->counts, 0, sizeof(reply->counts));
	reply->truncated = true;
}

bool
reply_add(struct reply *reply, enum section section, const uint8_t *owner, uint16_t type, uint32_t ttl, uint16_t count,
	const uint8_t *wire, uint32_t length)
{
	const struct reply_rrset set = { .type = type, .count = count, .ttl = ttl, .length = length, .wire = wire };

	return reply_add_signed(reply, section, owner, &set);
}

bool
reply_add_signed(struct reply *reply, enum section section, const uint8_t *owner, const struct reply_rrset *set)
{
	size_t at = reply->at;
	unsigned names = reply->name_count;
	unsigned count = set->count;

	if (reply->truncated)
		return false;
	if (!put_records(reply, owner, set->type, set->ttl, set->wire, set->length))
		goto full;
	if (set->signature_count > 0) {
		size_t before = reply->at;
		unsigned names_before = reply->name_count;

		if (put_records(reply, owner, TYPE_RRSIG, set->ttl, set->signatures, set->signature_length))
			count += set->signature_count;
		else if (section != SECTION_ADDITIONAL)
			goto full;
		else {
			reply->at = before;
			reply->name_count = names_before;
		}
	}
	reply->counts[section] = (uint16_t)(reply->counts[section] + count);
	return true;
full:
	reply->at = at;
	reply->name_count = names;
	reply->truncated = section != SECTION_ADDITIONAL;
	return false;
}

static bool
put_records(struct reply *reply, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *wire,
	uint32_t length)
{
	for (const uint8_t *end = wire + length; wire < end; wire += 2 + wire_get_u16(wire))
		if (!put_record(reply, owner, type, ttl, wire + 2, wire_get_u16(wire)))
			return false;
	return true;
}

static bool
put_record(struct reply *reply, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata,
	uint16_t length)
{
	struct rdata_names shape = rdata_names(type);
	size_t fixed, i = shape.before;
	uint8_t *p;

	if (!put_name(reply, owner) || reply->limit - reply->at < 10)
		return false;
	fixed = reply->at;
	p = reply->bytes + fixed;
	wire_put_u16(p, type);
	wire_put_u16(p + 2, reply->query->class == CLASS_CH ? CLASS_CH : CLASS_IN);
	wire_put_u32(p + 4, ttl);
	reply->at += 10;
	if (!put_bytes(reply, rdata, shape.before))
		return false;
	for (unsigned n = 0; n < shape.names; n++) {
		if (!put_name(reply, rdata + i))
			return false;
		i += name_length(rdata + i, length - i);
	}
	if (!put_bytes(reply, rdata + i, length - i))
		return false;
	wire_put_u16(reply->bytes + fixed + 8, (unsigned)(reply->at - fixed - 10));
	return true;
}

static struct rdata_names
rdata_names(uint16_t type)
{
	switch (type) {
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
		return (struct rdata_names){ 0, 1 };
	case TYPE_SOA:
		return (struct rdata_names){ 0, 2 };
	case TYPE_MX:
		return (struct rdata_names){ 2, 1 };
	default:
		return (struct rdata_names){ 0, 0 };
	}
}

static bool
put_bytes(struct reply *reply, const uint8_t *bytes, size_t length)
{
	if (reply->limit - reply->at < length)
		return false;
	memcpy(reply->bytes + reply->at, bytes, length);
	reply->at += length;
	return true;
}

static bool
put_name(struct reply *reply, const uint8_t *name)
{
	for (; *name != 0; name += *name + 1) {
		/* The owner of most records is the name asked for, which stands right behind the header. */
		int found = name == reply->query->name ? HEADER_SIZE : find_suffix(reply, name);

		if (found >= 0) {
			if (reply->limit - reply->at < 2)
				return false;
			wire_put_u16(reply->bytes + reply->at, 0xc000u | (unsigned)found);
			reply->at += 2;
			return true;
		}
		if (reply->at < 0x4000 && reply->name_count < REPLY_NAMES_MAX)
			reply->names[reply->name_count++] = (uint16_t)reply->at;
		if (!put_bytes(reply, name, *name + 1u))
			return false;
	}
	return put_bytes(reply, name, 1);
}

static int
find_suffix(const struct reply *reply, const uint8_t *name)
{
	for (unsigned i = 0; i < reply->name_count; i++)
		if (same_name_at(reply, reply->names[i], name))
			return reply->names[i];
	return -1;
}

/* Compares `name` with the one at `at` in the message, which may end in a pointer that we wrote. A name that is still
 * being written ends at reply->at, where nothing may be read. */
static bool
same_name_at(const struct reply *reply, size_t at, const uint8_t *name)
{
	for (;;) {
		uint8_t length;

		if (at >= reply->at)
			return false;
		length = reply->bytes[at];
		if (length >= 0xc0) {
			at = (size_t)(length & 0x3f) << 8 | reply->bytes[at + 1];
			continue;
		}
		if (length != *name || !name_equal(reply->bytes + at, name, length + 1u))
			return false;
		if (length == 0)
			return true;
		at += length + 1u;
		name += length + 1u;
	}
}

size_t
reply_finish(struct reply *reply)
{
	uint8_t *p = reply->bytes;
	unsigned additional = reply->counts[SECTION_ADDITIONAL];

	if (reply->query->edns) {
		put_opt(reply);
		additional++;
	}
	wire_put_u16(p, reply->query->id);
	wire_put_u16(p + 2, reply->flags | (reply->truncated ? (unsigned)FLAG_TC : 0u) | (reply->rcode & 15u));
	wire_put_u16(p + 4, reply->query->question_length > 0);
	wire_put_u16(p + 6, reply->counts[SECTION_ANSWER]);
	wire_put_u16(p + 8, reply->counts[SECTION_AUTHORITY]);
	wire_put_u16(p + 10, additional);
	return reply->at;
}

static void
put_opt(struct reply *reply)
{
	uint8_t *p = reply->bytes + reply->at;

	if (reply->padded)
		put_padding(reply);
	p[0] = 0;
	wire_put_u16(p + 1, TYPE_OPT);
	wire_put_u16(p + 3, reply->payload);
	wire_put_u32(p + 5, (uint32_t)(reply->rcode >> 4) << 24 | (reply->query->dnssec_ok ? 0x8000u : 0u));
	wire_put_u16(p + 9, (unsigned)reply->options_length);
	memcpy(p + OPT_SIZE, reply->options, reply->options_length);
	reply->at += OPT_SIZE + reply->options_length;
}

static void
put_padding(struct reply *reply)
{
	static const uint8_t zeros[REPLY_PADDED_TO];
	size_t length = reply->at + OPT_SIZE + reply->options_length + 4;

	(void)reply_option(reply, EDNS_PADDING, zeros, (REPLY_PADDED_TO - length % REPLY_PADDED_TO) % REPLY_PADDED_TO);
}
