/* incoming.c -- see incoming.h.
 * In: messages of a primary.  Out: a request; then a zone that is being built, or edits.
 * Threads: one at a time.  Memory: the zone that grows (zone.h) or the edits (patch.h); no message is kept.
 *
 * What a sequence of records may be (RFC 5936 section 2.2, RFC 1995 section 4; S is the new SOA, B the one that we
 * have):
 *
 *	S				there is nothing newer, when its serial isn't newer than B's
 *	S records... S			the zone, in answer to AXFR or IXFR
 *	S, B gone... S1 come..., S1 gone... S come..., S	differences, one or more
 *
 * The second record tells which: an SOA is the beginning of differences (or the end of an empty zone). Messages may be
 * cut anywhere. The SOA at the end must be the one of the beginning; nothing may follow.
 *
 * With a key every message counts only when its MAC, or that of a later one, is good; so an error in the content that
 * is told after unsigned messages may be somebody else's, and costs a retry. What is built of them is given out only
 * when the last message was signed. */
#include "transfer/incoming.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "transfer/edition.h"
#include "transfer/message_reader.h"
#include "transfer/patch.h"
#include "zone/rdata_write.h"
#include "zone/rrtype.h"

#define EDNS_SIZE 1232		/* what a path carries without fragments */
#define PADDED_TO 128		/* RFC 8467 section 4.1 */
#define TROUBLE_SIZE 512

enum place {
	AT_BEGINNING,
	BEHIND_FIRST,		/* the second record tells what it is */
	IN_ZONE,
	IN_GONE,
	IN_COME,
	AT_END,
};

struct incoming {
	enum incoming_kind kind;
	uint8_t apex[NAME_MAX];
	size_t apex_length;
	const struct zone *base;
	bool any_serial, plain, stream, padded;
	const struct tsig_key *key;
	struct tsig_maker *maker;
	struct tsig tsig;
	size_t octets_most;
	uint16_t id;
	enum place place;
	struct zone_builder *builder;
	struct patch *patch;
	const struct rrset_edit *edits;
	size_t edit_count;
	uint8_t soa[2 * NAME_MAX + 20];	/* the new one's RDATA */
	uint16_t soa_length;
	uint32_t serial;		/* the new one */
	uint32_t at_serial;		/* of the version that the differences have led to */
	bool has_expire, is_signed;	/* is_signed: the last message */
	uint32_t expire;
	size_t octets, records, messages;
	char trouble[TROUBLE_SIZE];
	struct message_reader reader;
};

static size_t put_options(const struct incoming *in, uint8_t *message, size_t at);
static enum incoming_step check_header(struct incoming *in, const uint8_t *message, size_t length);
static enum incoming_step check_rcode(struct incoming *in, uint16_t rcode);
static enum incoming_step check_signature(struct incoming *in, uint8_t *message, size_t *length, uint64_t now);
static enum incoming_step check_question(struct incoming *in, const uint8_t *message);
static enum incoming_step take_records(struct incoming *in, const uint8_t *message);
static enum incoming_step check_record(struct incoming *in, const struct resource_record *record);
static enum incoming_step take_record(struct incoming *in, const struct resource_record *record);
static enum incoming_step take_first(struct incoming *in, const struct resource_record *record);
static enum incoming_step take_second(struct incoming *in, const struct resource_record *record);
static enum incoming_step begin_zone(struct incoming *in);
static enum incoming_step add_to_zone(struct incoming *in, const struct resource_record *record);
static enum incoming_step begin_difference(struct incoming *in, const struct resource_record *record);
static enum incoming_step take_difference(struct incoming *in, const struct resource_record *record);
static enum incoming_step patched(struct incoming *in, enum patched result, const struct resource_record *record);
static uint32_t serial_of(const uint8_t *soa);
static bool is_new_soa(const struct incoming *in, const struct resource_record *record);
static enum incoming_step end_of_message(struct incoming *in);
static void take_rest(struct incoming *in, const uint8_t *message);
static void take_options(struct incoming *in, const uint8_t *options, size_t length);
static enum incoming_step fail(struct incoming *in, const char *format, ...) PRINTF(2, 3);
static enum incoming_step no_memory(struct incoming *in);

struct incoming *
incoming_new(const struct incoming_wish *wish)
{
	struct incoming *in = calloc(1, sizeof(*in));

	if (in == NULL)
		return NULL;
	in->kind = wish->kind;
	in->apex_length = name_length(wish->apex, NAME_MAX);
	memcpy(in->apex, wish->apex, in->apex_length);
	in->base = wish->base;
	in->any_serial = wish->any_serial;
	in->plain = wish->plain;
	in->stream = wish->stream;
	in->padded = wish->padded;
	in->key = wish->key;
	in->octets_most = wish->octets_most;
	in->id = wish->id;
	if (in->key == NULL || (in->maker = tsig_maker_new()) != NULL)
		return in;
	incoming_free(in);
	return NULL;
}

void
incoming_free(struct incoming *in)
{
	if (in == NULL)
		return;
	zone_builder_free(in->builder);
	patch_free(in->patch);
	tsig_maker_free(in->maker);
	free(in);
}

/* --- the request ---------------------------------------------------------------------------------------------- */

/* IXFR tells our SOA in the authority section (RFC 1995 section 3). */
size_t
incoming_request(struct incoming *in, uint8_t request[static INCOMING_REQUEST_MAX], uint64_t now)
{
	static const uint16_t types[] = { TYPE_SOA, TYPE_IXFR, TYPE_AXFR };
	size_t at = HEADER_SIZE;

	memset(request, 0, HEADER_SIZE);
	wire_put_u16(request, in->id);
	wire_put_u16(request + 4, 1);
	memcpy(request + at, in->apex, in->apex_length);
	at += in->apex_length;
	wire_put_u16(request + at, types[in->kind]);
	wire_put_u16(request + at + 2, CLASS_IN);
	at += 4;
	if (in->kind == INCOMING_DIFFERENCES) {
		const struct rrset *soa = zone_soa(in->base);

		wire_put_u16(request + 8, 1);
		wire_put_u16(request + at, 0xc000 | HEADER_SIZE);
		wire_put_u16(request + at + 2, TYPE_SOA);
		wire_put_u16(request + at + 4, CLASS_IN);
		wire_put_u32(request + at + 6, soa->ttl);
		memcpy(request + at + 10, soa->wire, soa->length);
		at += 10 + soa->length;
	}
	if (!in->plain)
		at = put_options(in, request, at);
	return in->key == NULL ? at : tsig_sign_request(&in->tsig, in->maker, in->key, request, at, now);
}

/* EXPIRE, empty, asks for it (RFC 7314 section 2). */
static size_t
put_options(const struct incoming *in, uint8_t *message, size_t at)
{
	uint8_t *opt = message + at;
	size_t length = 4, end = at + OPT_SIZE + 4;

	memset(opt, 0, OPT_SIZE);
	wire_put_u16(opt + 1, TYPE_OPT);
	wire_put_u16(opt + 3, in->stream ? UINT16_MAX : EDNS_SIZE);
	wire_put_u16(opt + OPT_SIZE, EDNS_EXPIRE);
	wire_put_u16(opt + OPT_SIZE + 2, 0);
	if (in->padded) {
		size_t padding = PADDED_TO - (end + 4) % PADDED_TO;

		wire_put_u16(message + end, EDNS_PADDING);
		wire_put_u16(message + end + 2, (unsigned)padding);
		memset(message + end + 4, 0, padding);
		length += 4 + padding;
	}
	wire_put_u16(opt + OPT_SIZE - 2, (unsigned)length);
	wire_put_u16(message + 10, 1);
	return at + OPT_SIZE + length;
}

/* --- a message ------------------------------------------------------------------------------------------------ */

/* Signatures before the rcode: what isn't from the primary can't say how it is. */
enum incoming_step
incoming_message(struct incoming *in, uint8_t *message, size_t length, uint64_t now)
{
	enum incoming_step step = check_header(in, message, length);

	if (step == INCOMING_MORE)
		step = check_signature(in, message, &length, now);
	if (step == INCOMING_MORE) {
		message_reader_init(&in->reader, message, length);
		step = check_rcode(in, wire_get_u16(message + 2) & 15);
	}
	if (step == INCOMING_MORE)
		step = check_question(in, message);
	if (step == INCOMING_MORE)
		step = take_records(in, message);
	in->messages++;
	return step == INCOMING_MORE ? end_of_message(in) : step;
}

static enum incoming_step
check_header(struct incoming *in, const uint8_t *message, size_t length)
{
	uint16_t flags;

	in->octets += length;
	if (in->octets > in->octets_most)
		return fail(in, "it sends more than %zu octets, the most that this zone may have", in->octets_most);
	if (length < HEADER_SIZE)
		return in->stream ? fail(in, "it sent %zu octets, which is no message", length) : INCOMING_FOREIGN;
	flags = wire_get_u16(message + 2);
	if (wire_get_u16(message) != in->id || (flags & FLAG_QR) == 0)
		return in->stream ? fail(in, "its message %zu isn't an answer to this request", in->messages + 1)
		    : INCOMING_FOREIGN;
	if ((flags & FLAGS_OPCODE) != 0)
		return fail(in, "its answer has the opcode %u", (flags & FLAGS_OPCODE) >> 11);
	if ((flags & FLAG_TC) != 0)
		return in->stream ? fail(in, "it cut message %zu short", in->messages + 1) : INCOMING_TRUNCATED;
	return INCOMING_MORE;
}

static enum incoming_step
check_signature(struct incoming *in, uint8_t *message, size_t *length, uint64_t now)
{
	static const char *const errors[] = { [TSIG_BADSIG] = "BADSIG: it has another secret",
		[TSIG_BADKEY] = "BADKEY: it doesn't know the key", [TSIG_BADTIME] = "BADTIME: the clocks differ",
		[TSIG_BADTRUNC] = "BADTRUNC" };
	unsigned rcode = wire_get_u16(message + 2) & 15;

	if (in->key == NULL)
		return INCOMING_MORE;
	in->is_signed = tsig_is_signed(message, *length);
	if (in->is_signed) {
		*length = tsig_verify_response(&in->tsig, in->maker, message, *length, now);
		if (*length > 0)
			return INCOMING_MORE;
		if (in->tsig.error != TSIG_NOERROR)
			return fail(in, "TSIG with the key '%s': it says %s", in->key->text,
			    in->tsig.error < ARRAY_SIZE(errors) && errors[in->tsig.error] != NULL
			    ? errors[in->tsig.error] : "that it's wrong");
		return fail(in, "TSIG with the key '%s': the signature of message %zu isn't good", in->key->text,
		    in->messages + 1);
	}
	if (in->stream && in->tsig.begun && tsig_follow(&in->tsig, in->maker, message, *length))
		return INCOMING_MORE;
	return fail(in, "TSIG with the key '%s': message %zu isn't signed (its rcode is %u)", in->key->text,
	    in->messages + 1, rcode);
}

static enum incoming_step
check_rcode(struct incoming *in, uint16_t rcode)
{
	static const char *const words[16] = { [RCODE_FORMERR] = "FORMERR", [RCODE_SERVFAIL] = "SERVFAIL",
		[RCODE_NXDOMAIN] = "NXDOMAIN", [RCODE_NOTIMP] = "NOTIMP", [RCODE_REFUSED] = "REFUSED",
		[RCODE_NOTAUTH] = "NOTAUTH" };

	if (rcode == RCODE_NOERROR)
		return INCOMING_MORE;
	if (words[rcode] != NULL)
		fail(in, "it answers %s with %s", in->kind == INCOMING_SOA ? "for the SOA"
		    : in->kind == INCOMING_WHOLE ? "AXFR" : "IXFR", words[rcode]);
	else
		fail(in, "it answers with the rcode %u", rcode);
	if (rcode == RCODE_FORMERR && !in->plain)
		return INCOMING_AGAIN_PLAIN;
	if ((rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP) && in->kind == INCOMING_DIFFERENCES)
		return INCOMING_AGAIN_WHOLE;
	return INCOMING_FAILED;
}

/* Messages behind the first may have none (RFC 5936 section 2.2.1). */
static enum incoming_step
check_question(struct incoming *in, const uint8_t *message)
{
	static const uint16_t types[] = { TYPE_SOA, TYPE_IXFR, TYPE_AXFR };
	unsigned count = wire_get_u16(message + 4);
	const uint8_t *name;
	uint16_t type, class;

	if (count == 0 && in->messages > 0)
		return INCOMING_MORE;
	if (count == 1 && message_reader_question(&in->reader, &name, &type, &class)
	    && name_compare(name, in->apex) == 0 && type == types[in->kind] && class == CLASS_IN)
		return INCOMING_MORE;
	return in->stream || in->messages > 0 ? fail(in, "its message %zu has another question", in->messages + 1)
	    : INCOMING_FOREIGN;
}

static enum incoming_step
take_records(struct incoming *in, const uint8_t *message)
{
	unsigned count = wire_get_u16(message + 6);
	struct resource_record record;
	enum incoming_step step = INCOMING_MORE;

	for (unsigned i = 0; i < count && step == INCOMING_MORE; i++) {
		if (!message_reader_next(&in->reader, &record))
			return fail(in, "its message %zu is broken at record %u", in->messages + 1, i + 1);
		in->records++;
		step = check_record(in, &record);
		if (step == INCOMING_MORE)
			step = take_record(in, &record);
		else if (in->kind == INCOMING_SOA && step == INCOMING_FAILED && in->place == BEHIND_FIRST)
			step = INCOMING_MORE;	/* beside the SOA anything may stand */
	}
	if (step == INCOMING_MORE)
		take_rest(in, message);
	return step;
}

static enum incoming_step
check_record(struct incoming *in, const struct resource_record *record)
{
	char name[NAME_TEXT_SIZE], type[16];

	name_text(record->owner, name);
	rrtype_text(record->type, type);
	if (in->reader.class != CLASS_IN)
		return fail(in, "'%.200s' %s isn't of the class IN", name, type);
	if (!name_is_under(record->owner, in->apex))
		return fail(in, "'%.200s' %s is outside the zone", name, type);
	if (!rrtype_is_data(record->type))
		return fail(in, "'%.200s' has a record of the type %s, which no zone can hold", name, type);
	if (record->type == TYPE_SOA && name_compare(record->owner, in->apex) != 0)
		return fail(in, "'%.200s' has an SOA, and isn't the apex", name);
	if (!rdata_well_formed(record->type, record->rdata, record->rdlength))
		return fail(in, "'%.200s' %s has RDATA that isn't of its type", name, type);
	return INCOMING_MORE;
}

static enum incoming_step
take_record(struct incoming *in, const struct resource_record *record)
{
	switch (in->place) {
	case AT_BEGINNING:
		return take_first(in, record);
	case BEHIND_FIRST:
		return in->kind == INCOMING_SOA ? INCOMING_MORE : take_second(in, record);
	case IN_ZONE:
		return add_to_zone(in, record);
	case IN_GONE:
	case IN_COME:
		return take_difference(in, record);
	case AT_END:
		break;
	}
	return fail(in, "there are records behind the SOA at the end");
}

static enum incoming_step
take_first(struct incoming *in, const struct resource_record *record)
{
	if (record->type != TYPE_SOA)
		return fail(in, "its answer doesn't begin with the SOA");
	memcpy(in->soa, record->rdata, record->rdlength);
	in->soa_length = record->rdlength;
	in->serial = serial_of(in->soa);
	in->place = BEHIND_FIRST;
	if (in->kind == INCOMING_SOA || in->base == NULL || in->any_serial
	    || serial_is_newer(in->serial, zone_serial(in->base)))
		return in->kind == INCOMING_WHOLE ? begin_zone(in) : INCOMING_MORE;
	if (in->serial == zone_serial(in->base))
		return INCOMING_CURRENT;
	return fail(in, "its serial %u is older than the one in service, %u", (unsigned)in->serial,
	    (unsigned)zone_serial(in->base));
}

/* In answer to IXFR. */
static enum incoming_step
take_second(struct incoming *in, const struct resource_record *record)
{
	enum incoming_step step;

	if (record->type == TYPE_SOA && !is_new_soa(in, record))
		return begin_difference(in, record);
	step = begin_zone(in);
	return step == INCOMING_MORE ? add_to_zone(in, record) : step;
}

static uint32_t
serial_of(const uint8_t *soa)
{
	return wire_get_u32(soa + soa_serial_at(soa));
}

static bool
is_new_soa(const struct incoming *in, const struct resource_record *record)
{
	return rdata_same(TYPE_SOA, record->rdata, record->rdlength, in->soa, in->soa_length);
}

/* --- the zone ------------------------------------------------------------------------------------------------- */

static enum incoming_step
begin_zone(struct incoming *in)
{
	in->place = IN_ZONE;
	in->builder = zone_builder_new(in->apex);
	return in->builder == NULL ? no_memory(in) : INCOMING_MORE;
}

/* The SOA is added when it comes again: so it's never there twice. */
static enum incoming_step
add_to_zone(struct incoming *in, const struct resource_record *record)
{
	char name[NAME_TEXT_SIZE], type[16];

	if (record->type == TYPE_SOA) {
		if (!is_new_soa(in, record))
			return fail(in, "the SOA at the end is another (serial %u, and %u at the beginning): the zone "
			    "has changed meanwhile", (unsigned)serial_of(record->rdata), (unsigned)in->serial);
		in->place = AT_END;
	}
	switch (zone_builder_add(in->builder, record->owner, record->type, record->ttl, record->rdata,
	    record->rdlength)) {
	case ZONE_ADDED:
	case ZONE_DUPLICATE:
	case ZONE_TTL_DIFFERS:
		return INCOMING_MORE;
	case ZONE_NOT_UNDER_APEX:
		break;
	case ZONE_RRSET_TOO_LARGE:
		return fail(in, "the records '%.200s' %s are too many for any message", name_text(record->owner, name),
		    rrtype_text(record->type, type));
	case ZONE_NO_MEMORY:
		return no_memory(in);
	}
	return fail(in, "'%.200s' is outside the zone", name_text(record->owner, name));
}

/* --- differences ---------------------------------------------------------------------------------------------- */

static enum incoming_step
begin_difference(struct incoming *in, const struct resource_record *record)
{
	uint32_t from = serial_of(record->rdata), have = in->patch == NULL ? zone_serial(in->base) : in->at_serial;

	if (from != have) {
		fail(in, "its difference begins with the serial %u, and %u is what it must fit", (unsigned)from,
		    (unsigned)have);
		return INCOMING_AGAIN_WHOLE;
	}
	if (in->patch == NULL && (in->patch = patch_new(in->base)) == NULL)
		return no_memory(in);
	in->place = IN_GONE;
	return INCOMING_MORE;
}

static enum incoming_step
take_difference(struct incoming *in, const struct resource_record *record)
{
	if (record->type != TYPE_SOA)
		return patched(in, in->place == IN_GONE ? patch_remove(in->patch, record)
		    : patch_add(in->patch, record), record);
	if (in->place == IN_GONE) {
		in->place = IN_COME;
		in->at_serial = serial_of(record->rdata);
		return patched(in, patch_add(in->patch, record), record);
	}
	if (in->at_serial != in->serial)
		return begin_difference(in, record);
	if (!is_new_soa(in, record))
		return fail(in, "the SOA at the end of the differences (serial %u) isn't that of their beginning, %u",
		    (unsigned)serial_of(record->rdata), (unsigned)in->serial);
	in->place = AT_END;
	return INCOMING_MORE;
}

static enum incoming_step
patched(struct incoming *in, enum patched result, const struct resource_record *record)
{
	char name[NAME_TEXT_SIZE], type[16];

	name_text(record->owner, name);
	rrtype_text(record->type, type);
	switch (result) {
	case PATCHED:
		return INCOMING_MORE;
	case PATCH_MISSING:
		fail(in, "its difference takes away '%.200s' %s, which isn't there", name, type);
		return INCOMING_AGAIN_WHOLE;
	case PATCH_TOO_LARGE:
		return fail(in, "the records '%.200s' %s are too many for any message", name, type);
	case PATCH_NO_MEMORY:
		break;
	}
	return no_memory(in);
}

/* --- the end of a message ------------------------------------------------------------------------------------- */

static enum incoming_step
end_of_message(struct incoming *in)
{
	enum incoming_step step;

	if (in->place == AT_BEGINNING)
		return in->kind == INCOMING_SOA ? fail(in, "its answer has no SOA")
		    : fail(in, "its answer has no records");
	if (in->kind == INCOMING_SOA)
		return INCOMING_ANSWERED;
	if (in->place != AT_END)
		return INCOMING_MORE;
	if (in->key != NULL && !in->is_signed)
		return fail(in, "TSIG with the key '%s': the last message isn't signed", in->key->text);
	if (in->patch == NULL)
		return INCOMING_ZONE;
	step = patched(in, patch_edits(in->patch, &in->edits, &in->edit_count),
	    &(struct resource_record){ .owner = in->apex, .type = TYPE_RRSIG });
	return step == INCOMING_MORE ? INCOMING_EDITS : step;
}

/* Authority and additional sections: the options alone are of interest. */
static void
take_rest(struct incoming *in, const uint8_t *message)
{
	unsigned count = (unsigned)wire_get_u16(message + 8) + wire_get_u16(message + 10);
	struct resource_record record;

	for (unsigned i = 0; i < count && message_reader_next(&in->reader, &record); i++)
		if (record.type == TYPE_OPT && record.owner[0] == 0)
			take_options(in, record.rdata, record.rdlength);
}

static void
take_options(struct incoming *in, const uint8_t *options, size_t length)
{
	struct wire_reader r = { .bytes = options, .size = length };

	while (r.at < length) {
		uint16_t code = wire_u16(&r), size = wire_u16(&r);
		const uint8_t *value = wire_bytes(&r, size);

		if (r.failed)
			return;
		if (code != EDNS_EXPIRE || size != 4)
			continue;
		in->has_expire = true;
		in->expire = wire_get_u32(value);
	}
}

static enum incoming_step
fail(struct incoming *in, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(in->trouble, sizeof(in->trouble), format, args);
	va_end(args);
	return INCOMING_FAILED;
}

static enum incoming_step
no_memory(struct incoming *in)
{
	return fail(in, "out of memory");
}

/* --- what came of it ------------------------------------------------------------------------------------------ */

const char *
incoming_trouble(const struct incoming *in)
{
	return in->trouble;
}

uint32_t
incoming_serial(const struct incoming *in)
{
	return in->serial;
}

bool
incoming_expire(const struct incoming *in, uint32_t *seconds)
{
	*seconds = in->expire;
	return in->has_expire;
}

size_t
incoming_octets(const struct incoming *in)
{
	return in->octets;
}

size_t
incoming_records(const struct incoming *in)
{
	return in->records;
}

struct zone_builder *
incoming_take(struct incoming *in)
{
	struct zone_builder *builder = in->builder;

	in->builder = NULL;
	return builder;
}

void
incoming_edits(const struct incoming *in, const struct rrset_edit **edits, size_t *count)
{
	*edits = in->edits;
	*count = in->edit_count;
}
