/* record_writer.c -- see record_writer.h.
 * In: records with uncompressed names.  Out: a message's octets.  Threads: any.
 * A name is looked up suffix by suffix, longest first, by a hash of its octets; what the table tells is compared with
 * the message. Case counts, so that secondaries get each name as it's written. A place that two names want is the
 * newer one's: in canonical order that is the one that comes again. */
#include "transfer/record_writer.h"

#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dns/wire.h"

#define REACH 0x4000	/* of a compression pointer (RFC 1035 section 4.1.4) */

static size_t names_before(uint16_t type, unsigned *names);
static bool put_bytes(struct record_writer *writer, const uint8_t *bytes, size_t length);
static bool put_name(struct record_writer *writer, const uint8_t *name);
static bool is_at(const struct record_writer *writer, size_t at, const uint8_t *name);

void
record_writer_begin(struct record_writer *writer, uint8_t *bytes, size_t at, size_t limit)
{
	writer->bytes = bytes;
	writer->at = at;
	writer->limit = limit;
	writer->count = 0;
	memset(writer->places, 0, sizeof(writer->places));
	if (at > HEADER_SIZE)
		for (size_t name = HEADER_SIZE, length; bytes[name] != 0; name += bytes[name] + 1u) {
			length = name_length(bytes + name, at - name);
			writer->places[hash64(bytes + name, length, 0) % RECORD_WRITER_NAMES] = (uint16_t)name;
		}
}

bool
record_writer_put(struct record_writer *writer, const struct resource_record *record)
{
	size_t before = writer->at, fixed, done;
	unsigned names;

	if (!put_name(writer, record->owner) || writer->limit - writer->at < 10)
		goto full;
	fixed = writer->at;
	wire_put_u16(writer->bytes + fixed, record->type);
	wire_put_u16(writer->bytes + fixed + 2, CLASS_IN);
	wire_put_u32(writer->bytes + fixed + 4, record->ttl);
	writer->at += 10;
	done = names_before(record->type, &names);
	if (!put_bytes(writer, record->rdata, done))
		goto full;
	for (; names > 0; names--) {
		if (!put_name(writer, record->rdata + done))
			goto full;
		done += name_length(record->rdata + done, record->rdlength - done);
	}
	if (!put_bytes(writer, record->rdata + done, record->rdlength - done))
		goto full;
	wire_put_u16(writer->bytes + fixed + 8, (unsigned)(writer->at - fixed - 10));
	writer->count++;
	return true;
full:
	writer->at = before;
	return false;
}

/* The octets before the names in RDATA of types that may be compressed (RFC 3597 section 4), and how many names. */
static size_t
names_before(uint16_t type, unsigned *names)
{
	*names = type == TYPE_NS || type == TYPE_CNAME || type == TYPE_PTR || type == TYPE_MX ? 1
	    : type == TYPE_SOA ? 2 : 0;
	return type == TYPE_MX ? 2 : 0;
}

static bool
put_bytes(struct record_writer *writer, const uint8_t *bytes, size_t length)
{
	if (writer->limit - writer->at < length)
		return false;
	memcpy(writer->bytes + writer->at, bytes, length);
	writer->at += length;
	return true;
}

static bool
put_name(struct record_writer *writer, const uint8_t *name)
{
	size_t length = name_length(name, NAME_MAX);

	for (; *name != 0; length -= *name + 1u, name += *name + 1) {
		uint16_t *place = &writer->places[hash64(name, length, 0) % RECORD_WRITER_NAMES];

		if (*place != 0 && is_at(writer, *place, name)) {
			uint8_t pointer[2];

			wire_put_u16(pointer, 0xc000u | *place);
			return put_bytes(writer, pointer, 2);
		}
		if (writer->at < REACH)
			*place = (uint16_t)writer->at;
		if (!put_bytes(writer, name, *name + 1u))
			return false;
	}
	return put_bytes(writer, name, 1);
}

/* A record that didn't fit leaves places behind the end: nothing there is compared. */
static bool
is_at(const struct record_writer *writer, size_t at, const uint8_t *name)
{
	while (at < writer->at) {
		uint8_t length = writer->bytes[at];

		if (length >= 0xc0) {
			at = (size_t)(length & 0x3f) << 8 | writer->bytes[at + 1];
			continue;
		}
		if (length != *name || at + 1 + length > writer->at
		    || memcmp(writer->bytes + at, name, length + 1u) != 0)
			return false;
		if (length == 0)
			return true;
		at += length + 1u;
		name += length + 1;
	}
	return false;
}
