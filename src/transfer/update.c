/* update.c -- what a message of DNS UPDATE asks for (RFC 2136).
 * In: a message.  Out: an rcode; prerequisites and updates.
 * Threads: any; pure.  Memory: the caller's arena.
 *
 * Reading is the prescan too (section 3.4.1), of all records, since that asks for nothing that a zone has. So who sends
 * a prerequisite that doesn't hold and an update that is malformed gets to know of the latter, not the former.
 *
 * Names in RDATA are read in lower case, of the types of RFC 4034 section 6.2, as those of master files are. */
#include "transfer/update.h"

#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "transfer/message_reader.h"
#include "transfer/update_parts.h"
#include "zone/rdata_names.h"
#include "zone/rdata_write.h"
#include "zone/rrtype.h"

#define RECORD_SMALLEST 11	/* octets: root, type, class, TTL, RDLENGTH */

static uint16_t read_lines(struct arena *arena, struct message_reader *reader, size_t count, bool updates,
	struct update *update);
static uint16_t scan_want(const struct update *update, const struct update_line *line);
static uint16_t scan_update(const struct update *update, const struct update_line *line);
static bool is_meta(uint16_t type);

uint16_t
update_zone(const uint8_t *message, size_t length, uint8_t apex[static NAME_MAX])
{
	struct message_reader reader;
	const uint8_t *name;
	uint16_t type, class;

	if (length < HEADER_SIZE || wire_get_u16(message + 4) != 1)
		return RCODE_FORMERR;
	message_reader_init(&reader, message, length);
	if (!message_reader_question(&reader, &name, &type, &class) || type != TYPE_SOA)
		return RCODE_FORMERR;
	memcpy(apex, name, name_length(name, NAME_MAX));
	return class == CLASS_IN ? RCODE_NOERROR : RCODE_NOTAUTH;
}

uint16_t
update_read(struct arena *arena, const uint8_t *message, size_t length, struct update **update)
{
	uint8_t apex[NAME_MAX];
	struct message_reader reader;
	struct update *read;
	const uint8_t *name;
	uint16_t type, class, rcode = update_zone(message, length, apex);

	if (rcode != RCODE_NOERROR)
		return rcode;
	read = arena_alloc(arena, sizeof(*read));
	if (read == NULL)
		return RCODE_SERVFAIL;
	*update = read;
	read->apex = arena_copy(arena, apex, name_length(apex, NAME_MAX));
	if (read->apex == NULL)
		return RCODE_SERVFAIL;
	message_reader_init(&reader, message, length);
	if (!message_reader_question(&reader, &name, &type, &class))
		return RCODE_FORMERR;
	rcode = read_lines(arena, &reader, wire_get_u16(message + 6), false, read);
	return rcode == RCODE_NOERROR ? read_lines(arena, &reader, wire_get_u16(message + 8), true, read) : rcode;
}

static uint16_t
read_lines(struct arena *arena, struct message_reader *reader, size_t count, bool updates, struct update *update)
{
	struct update_line *lines;
	struct resource_record record;

	if (count > (reader->wire.size - reader->wire.at) / RECORD_SMALLEST)
		return RCODE_FORMERR;
	lines = arena_alloc(arena, (count + 1) * sizeof(*lines));
	if (lines == NULL)
		return RCODE_SERVFAIL;
	for (size_t i = 0; i < count; i++) {
		uint16_t rcode;
		uint8_t *rdata;

		if (!message_reader_next(reader, &record))
			return RCODE_FORMERR;
		rdata = arena_copy(arena, record.rdata, record.rdlength);
		lines[i] = (struct update_line){
			.owner = arena_copy(arena, record.owner, name_length(record.owner, NAME_MAX)),
			.type = record.type, .class = reader->class, .ttl = record.ttl, .rdlength = record.rdlength,
			.rdata = rdata,
		};
		if (lines[i].owner == NULL || rdata == NULL)
			return RCODE_SERVFAIL;
		rdata_lower_names(record.type, rdata, record.rdlength);
		rcode = updates ? scan_update(update, &lines[i]) : scan_want(update, &lines[i]);
		if (rcode != RCODE_NOERROR)
			return rcode;
	}
	if (updates) {
		update->lines = lines;
		update->line_count = count;
	} else {
		update->wants = lines;
		update->want_count = count;
	}
	return RCODE_NOERROR;
}

/* Section 3.2.5, as far as it's about form. */
static uint16_t
scan_want(const struct update *update, const struct update_line *line)
{
	if (line->ttl != 0)
		return RCODE_FORMERR;
	if (!name_is_under(line->owner, update->apex))
		return RCODE_NOTZONE;
	switch (line->class) {
	case CLASS_ANY:
	case CLASS_NONE:
		return line->rdlength != 0 || (line->type != TYPE_ANY && is_meta(line->type))
		    ? RCODE_FORMERR : RCODE_NOERROR;
	case CLASS_IN:
		return is_meta(line->type) || !rdata_well_formed(line->type, line->rdata, line->rdlength)
		    ? RCODE_FORMERR : RCODE_NOERROR;
	default:
		return RCODE_FORMERR;
	}
}

/* Section 3.4.1.3. */
static uint16_t
scan_update(const struct update *update, const struct update_line *line)
{
	if (!name_is_under(line->owner, update->apex))
		return RCODE_NOTZONE;
	switch (line->class) {
	case CLASS_IN:
		return is_meta(line->type) || !rdata_well_formed(line->type, line->rdata, line->rdlength)
		    ? RCODE_FORMERR : RCODE_NOERROR;
	case CLASS_ANY:
		return line->ttl != 0 || line->rdlength != 0 || (line->type != TYPE_ANY && is_meta(line->type))
		    ? RCODE_FORMERR : RCODE_NOERROR;
	case CLASS_NONE:
		return line->ttl != 0 || is_meta(line->type) ? RCODE_FORMERR : RCODE_NOERROR;
	default:
		return RCODE_FORMERR;
	}
}

static bool
is_meta(uint16_t type)
{
	return !rrtype_is_data(type);
}

size_t
update_count(const struct update *update)
{
	return update->line_count;
}

struct update_record
update_at(const struct update *update, size_t i)
{
	const struct update_line *line = &update->lines[i];
	enum update_act act = line->class == CLASS_IN ? UPDATE_ADD : line->class == CLASS_NONE ? UPDATE_DELETE_RECORD
		: line->type == TYPE_ANY ? UPDATE_DELETE_NAME : UPDATE_DELETE_RRSET;

	return (struct update_record){ .owner = line->owner, .type = line->type, .act = act };
}
