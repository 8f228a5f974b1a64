/* message_reader.c -- see message_reader.h.
 * In: a message.  Out: records.  Threads: any.
 * Names are expanded in the RDATA of those types in which they may be compressed, or were by some servers once
 * (RFC 3597 section 4). All other RDATA is a view of the message. */
#include "transfer/message_reader.h"

#include <string.h>

#include "dns/types.h"

/* What stands where in RDATA. */
struct form {
	uint16_t type;
	uint8_t before, strings, names;	/* octets, then character-strings, then names; what follows is plain */
};

static const struct form *form_of(uint16_t type);
static bool expand(struct message_reader *reader, const struct form *form, uint16_t rdlength,
	struct resource_record *record);
static bool copy(struct message_reader *reader, size_t *length, size_t count);

void
message_reader_init(struct message_reader *reader, const uint8_t *message, size_t length)
{
	reader->wire = (struct wire_reader){ .bytes = message, .size = length, .at = HEADER_SIZE };
}

bool
message_reader_question(struct message_reader *reader, const uint8_t **name, uint16_t *type, uint16_t *class)
{
	uint8_t plain[NAME_MAX];
	size_t length = wire_name(&reader->wire, true, plain);

	name_lower(reader->owner, plain, length);
	*name = reader->owner;
	*type = wire_u16(&reader->wire);
	*class = wire_u16(&reader->wire);
	return !reader->wire.failed;
}

bool
message_reader_next(struct message_reader *reader, struct resource_record *record)
{
	struct wire_reader *wire = &reader->wire;
	const struct form *form;
	uint8_t plain[NAME_MAX];
	size_t length = wire_name(wire, true, plain);

	name_lower(reader->owner, plain, length);
	record->owner = reader->owner;
	record->type = wire_u16(wire);
	reader->class = wire_u16(wire);
	record->ttl = wire_u32(wire);
	record->rdlength = wire_u16(wire);
	if (wire->failed || wire->size - wire->at < record->rdlength) {
		wire->failed = true;
		return false;
	}
	form = form_of(record->type);
	if (form != NULL && record->rdlength > 0)	/* an UPDATE has records without RDATA */
		return expand(reader, form, record->rdlength, record);
	record->rdata = wire->bytes + wire->at;
	wire->at += record->rdlength;
	return true;
}

static const struct form *
form_of(uint16_t type)
{
	static const struct form forms[] = {
		{ TYPE_NS, 0, 0, 1 }, { 3, 0, 0, 1 }, { 4, 0, 0, 1 }, { TYPE_CNAME, 0, 0, 1 }, { TYPE_SOA, 0, 0, 2 },
		{ 7, 0, 0, 1 }, { 8, 0, 0, 1 }, { 9, 0, 0, 1 }, { TYPE_PTR, 0, 0, 1 }, { 14, 0, 0, 2 },
		{ TYPE_MX, 2, 0, 1 }, { 17, 0, 0, 2 }, { 18, 2, 0, 1 }, { 21, 2, 0, 1 }, { 26, 2, 0, 2 },
		{ TYPE_SRV, 6, 0, 1 }, { 35, 4, 3, 1 }, { 36, 2, 0, 1 }, { TYPE_DNAME, 0, 0, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (forms[i].type == type)
			return &forms[i];
	return NULL;
}

static bool
expand(struct message_reader *reader, const struct form *form, uint16_t rdlength, struct resource_record *record)
{
	struct wire_reader *wire = &reader->wire;
	size_t end = wire->at + rdlength, length = 0;
	bool good = copy(reader, &length, form->before);

	for (unsigned i = 0; i < form->strings && good && wire->at < end; i++)
		good = copy(reader, &length, wire->bytes[wire->at] + 1u);
	for (unsigned i = 0; i < form->names && good; i++) {
		size_t name = wire->at < end ? wire_name(wire, true, reader->rdata + length) : 0;

		good = name > 0;
		length += name;
	}
	good = good && wire->at <= end && copy(reader, &length, end - wire->at);
	if (!good) {
		wire->failed = true;
		return false;
	}
	record->rdata = reader->rdata;
	record->rdlength = (uint16_t)length;
	return true;
}

static bool
copy(struct message_reader *reader, size_t *length, size_t count)
{
	const uint8_t *bytes;

	if (count + NAME_MAX > sizeof(reader->rdata) - *length || (bytes = wire_bytes(&reader->wire, count)) == NULL)
		return false;
	memcpy(reader->rdata + *length, bytes, count);
	*length += count;
	return true;
}

/* The parts before the names, strings among them, must be the same octets. */
bool
rdata_same(uint16_t type, const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length)
{
	const struct form *form;
	size_t before, names = 0;

	if (a_length != b_length)
		return false;
	if (memcmp(a, b, a_length) == 0)
		return true;
	form = form_of(type);
	if (form == NULL)
		return false;
	before = form->before;
	for (unsigned i = 0; i < form->strings && before < a_length; i++)
		before += a[before] + 1u;
	if (before > a_length || memcmp(a, b, before) != 0)
		return false;
	for (unsigned i = 0; i < form->names; i++)
		names += name_length(a + before + names, a_length - before - names);
	return name_equal(a + before, b + before, names)
	    && memcmp(a + before + names, b + before + names, a_length - before - names) == 0;
}
