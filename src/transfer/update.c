/* update.c -- what a message of DNS UPDATE asks for, and what comes of it (RFC 2136).
 * In: a message; a zone.  Out: an rcode; the RRsets that the zone is to have instead.
 * Threads: any; pure.  Memory: the caller's arena.
 *
 * Reading is the prescan (section 3.4.1), of all records that the message has, and so is free of any zone. Planning takes
 * the owners that updates name out of the zone as plain lists of records, signatures among them, does to these what
 * each update says, one after the other, and then compares: an RRset that is what it was is no edit. So whatever an
 * update's records undo among each other costs nothing.
 *
 * RDATA is the same if its names differ in case only: they are read in lower case, as those of master files are. What is added has the TTL for its whole RRset (RFC 2181 section
 * 5.2). Signatures are records like others here: of who signs himself; one whose RRset is gone goes with it if the
 * message says so. */
#include "transfer/update.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "dnssec/canonical.h"
#include "transfer/message_reader.h"
#include "zone/rdata_write.h"
#include "zone/rrtype.h"
#include "zone/soa.h"

#define TYPE_WKS 11
#define WKS_KEY 5		/* octets of its RDATA that tell one WKS from another: address and protocol */
#define RECORD_SMALLEST 11	/* octets: root, type, class, TTL, RDLENGTH */

/* A record of the message, as it stands there but for its names. */
struct update_line {
	const uint8_t *owner;
	uint16_t type, class;
	uint32_t ttl;
	uint16_t rdlength;
	const uint8_t *rdata;
};

struct update {
	const uint8_t *apex;
	struct update_line *wants;	/* prerequisites */
	size_t want_count;
	struct update_line *lines;
	size_t line_count;
};

/* A record that an owner had, or has now. */
struct held {
	struct held *next;
	bool was, is;
	uint16_t type;
	uint16_t covers;		/* of an RRSIG; else 0 */
	uint32_t ttl, old_ttl;
	uint16_t rdlength;
	const uint8_t *rdata;
};

struct owner {
	const uint8_t *name;
	struct held *records, **end;
};

struct planning {
	const struct update *update;
	const struct zone *zone;
	struct arena *arena;
	struct owner *owners;		/* by name */
	size_t owner_count;
	struct rrset_edit *edits;
	size_t count, size;
	bool no_memory, too_large;
};

static uint16_t read_lines(struct arena *arena, struct message_reader *reader, size_t count, bool updates,
	struct update *update);
static uint16_t scan_want(const struct update *update, const struct update_line *line);
static uint16_t scan_update(const struct update *update, const struct update_line *line);
static bool is_meta(uint16_t type);
static bool take_owners(struct planning *planning);
static int compare_owners(const void *a, const void *b);
static struct owner *find_owner(const struct planning *planning, const uint8_t *name);
static void take_node(struct planning *planning, struct owner *owner, const struct node *node);
static void take_wire(struct planning *planning, struct owner *owner, uint16_t type, uint32_t ttl, unsigned count,
	const uint8_t *wire);
static struct held *hold(struct planning *planning, struct owner *owner, const struct update_line *line);
static uint16_t hold_wants(const struct planning *planning);
static uint16_t hold_want(const struct owner *owner, const struct update_line *want);
static int compare_wants(const void *a, const void *b);
static bool hold_value(const struct owner *owner, const struct update_line *const *wants, size_t count);
static void do_line(struct planning *planning, const struct update_line *line);
static void add(struct planning *planning, struct owner *owner, const struct update_line *line);
static bool may_be_added(const struct owner *owner, const struct update_line *line);
static bool lives_beside_cname(uint16_t type);
static bool replaces(const struct held *held, const struct update_line *line);
static void delete_name(struct owner *owner, bool apex);
static void delete_rrset(struct owner *owner, uint16_t type);
static void delete_record(struct owner *owner, bool apex, const struct update_line *line);
static unsigned count_type(const struct owner *owner, uint16_t type);
static bool is_same(const struct held *held, const struct update_line *line);
static bool is_again(const struct held *held, const struct update_line *line);
static void compare_owner(struct planning *planning, const struct owner *owner);
static uint16_t set_of(const struct owner *owner, const struct held *held, bool before);
static void edit_type(struct planning *planning, const struct owner *owner, uint16_t type, size_t first);
static uint32_t lay_out(const struct owner *owner, uint16_t type, bool signatures, uint8_t *to, struct rrset *set);
static void raise_serial(struct planning *planning);
static void add_edit(struct planning *planning, const struct rrset_edit *edit);

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

/* --- reading ------------------------------------------------------------------------------------------------------- */

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
		canonical_lower(record.type, rdata, record.rdlength);
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

/* --- planning ------------------------------------------------------------------------------------------------------ */

uint16_t
update_plan(const struct update *update, const struct zone *zone, struct arena *arena, struct rrset_edit **edits,
	size_t *count)
{
	struct planning planning = { .update = update, .zone = zone, .arena = arena };
	uint16_t rcode;

	planning.edits = arena_alloc(arena, sizeof(*planning.edits));
	planning.size = 1;
	if (planning.edits == NULL || !take_owners(&planning))
		return RCODE_SERVFAIL;
	rcode = hold_wants(&planning);
	if (rcode != RCODE_NOERROR)
		return rcode;
	for (size_t i = 0; i < update->line_count && !planning.no_memory; i++)
		do_line(&planning, &update->lines[i]);
	for (size_t i = 0; i < planning.owner_count && !planning.no_memory; i++)
		compare_owner(&planning, &planning.owners[i]);
	if (planning.count > 0 && !planning.no_memory && !planning.too_large)
		raise_serial(&planning);
	if (planning.no_memory || planning.too_large)
		return planning.no_memory ? RCODE_SERVFAIL : RCODE_REFUSED;
	*edits = planning.edits;
	*count = planning.count;
	return RCODE_NOERROR;
}

/* --- the owners that the message names ----------------------------------------------------------------------------- */

static bool
take_owners(struct planning *planning)
{
	const struct update *update = planning->update;
	size_t most = update->want_count + update->line_count + 1, kept = 0;
	struct owner *owners = arena_alloc(planning->arena, most * sizeof(*owners));

	if (owners == NULL)
		return false;
	owners[planning->owner_count++].name = update->apex;
	for (size_t i = 0; i < update->want_count; i++)
		owners[planning->owner_count++].name = update->wants[i].owner;
	for (size_t i = 0; i < update->line_count; i++)
		owners[planning->owner_count++].name = update->lines[i].owner;
	qsort(owners, planning->owner_count, sizeof(*owners), compare_owners);
	for (size_t i = 1; i < planning->owner_count; i++)
		if (compare_owners(&owners[kept], &owners[i]) != 0)
			owners[++kept] = owners[i];
	planning->owners = owners;
	planning->owner_count = kept + 1;
	for (size_t i = 0; i < planning->owner_count; i++) {
		owners[i].end = &owners[i].records;
		take_node(planning, &owners[i], zone_find_name(planning->zone, owners[i].name));
		take_node(planning, &owners[i], zone_nsec3_find(planning->zone, owners[i].name));
	}
	return !planning->no_memory;
}

static int
compare_owners(const void *a, const void *b)
{
	const struct owner *x = a, *y = b;

	return name_compare(x->name, y->name);
}

static struct owner *
find_owner(const struct planning *planning, const uint8_t *name)
{
	return bsearch(&(struct owner){ .name = name }, planning->owners, planning->owner_count,
		sizeof(*planning->owners), compare_owners);
}

static void
take_node(struct planning *planning, struct owner *owner, const struct node *node)
{
	for (unsigned i = 0; node != NULL && i < node->rrset_count; i++) {
		const struct rrset *set = &node->rrsets[i];

		take_wire(planning, owner, set->type, set->ttl, set->count, set->wire);
		take_wire(planning, owner, TYPE_RRSIG, set->ttl, set->signature_count, set->signatures);
	}
}

static void
take_wire(struct planning *planning, struct owner *owner, uint16_t type, uint32_t ttl, unsigned count,
	const uint8_t *wire)
{
	for (unsigned i = 0; i < count; i++, wire += 2 + wire_get_u16(wire)) {
		struct held *held = hold(planning, owner, &(struct update_line){
			.type = type, .ttl = ttl, .rdlength = wire_get_u16(wire), .rdata = wire + 2 });

		if (held == NULL)
			return;
		held->was = true;
		held->old_ttl = ttl;
	}
}

/* NULL: out of memory. */
static struct held *
hold(struct planning *planning, struct owner *owner, const struct update_line *line)
{
	struct held *held = arena_alloc(planning->arena, sizeof(*held));

	if (held == NULL) {
		planning->no_memory = true;
		return NULL;
	}
	*held = (struct held){
		.is = true, .type = line->type, .ttl = line->ttl, .rdlength = line->rdlength, .rdata = line->rdata,
		.covers = line->type == TYPE_RRSIG ? wire_get_u16(line->rdata) : 0,
	};
	*owner->end = held;
	owner->end = &held->next;
	return held;
}

/* --- prerequisites, section 3.2 ------------------------------------------------------------------------------------ */

/* Those about an RRset's value are held together when all others have been. */
static uint16_t
hold_wants(const struct planning *planning)
{
	const struct update *update = planning->update;
	const struct update_line **values = arena_alloc(planning->arena,
		(update->want_count + 1) * sizeof(const struct update_line *));
	size_t count = 0, end;
	uint16_t rcode = values == NULL ? RCODE_SERVFAIL : RCODE_NOERROR;

	for (size_t i = 0; i < update->want_count && rcode == RCODE_NOERROR; i++) {
		const struct update_line *want = &update->wants[i];

		if (want->class == CLASS_IN)
			values[count++] = want;
		else
			rcode = hold_want(find_owner(planning, want->owner), want);
	}
	if (count > 0)
		qsort(values, count, sizeof(const struct update_line *), compare_wants);
	for (size_t i = 0; i < count && rcode == RCODE_NOERROR; i = end) {
		for (end = i + 1; end < count && compare_wants(&values[i], &values[end]) == 0;)
			end++;
		if (!hold_value(find_owner(planning, values[i]->owner), values + i, end - i))
			rcode = RCODE_NXRRSET;
	}
	return rcode;
}

static uint16_t
hold_want(const struct owner *owner, const struct update_line *want)
{
	bool any = want->type == TYPE_ANY, is_there = count_type(owner, want->type) > 0;

	if (want->class == CLASS_ANY && !is_there)
		return any ? RCODE_NXDOMAIN : RCODE_NXRRSET;
	if (want->class == CLASS_NONE && is_there)
		return any ? RCODE_YXDOMAIN : RCODE_YXRRSET;
	return RCODE_NOERROR;
}

static int
compare_wants(const void *a, const void *b)
{
	const struct update_line *const *x = a, *const *y = b;
	int order = name_compare((*x)->owner, (*y)->owner);

	return order != 0 ? order : ((*x)->type > (*y)->type) - ((*x)->type < (*y)->type);
}

/* All that is wanted is there, and nothing else. The TTL doesn't count (section 2.4.2). */
static bool
hold_value(const struct owner *owner, const struct update_line *const *wants, size_t count)
{
	for (const struct held *held = owner->records; held != NULL; held = held->next) {
		bool is_wanted = !held->is || held->type != wants[0]->type;

		for (size_t i = 0; i < count && !is_wanted; i++)
			is_wanted = is_same(held, wants[i]);
		if (!is_wanted)
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct held *held = owner->records;

		while (held != NULL && !(held->is && is_same(held, wants[i])))
			held = held->next;
		if (held == NULL)
			return false;
	}
	return true;
}

/* --- updates, section 3.4.2 ---------------------------------------------------------------------------------------- */

static void
do_line(struct planning *planning, const struct update_line *line)
{
	struct owner *owner = find_owner(planning, line->owner);
	bool apex = compare_owners(owner, &(struct owner){ .name = planning->update->apex }) == 0;

	if (line->class == CLASS_IN)
		add(planning, owner, line);
	else if (line->class == CLASS_NONE)
		delete_record(owner, apex, line);
	else if (line->type == TYPE_ANY)
		delete_name(owner, apex);
	else if (!apex || (line->type != TYPE_SOA && line->type != TYPE_NS))
		delete_rrset(owner, line->type);
}

/* Section 3.4.2.2. What was deleted before by the same message comes back to its place. */
static void
add(struct planning *planning, struct owner *owner, const struct update_line *line)
{
	uint32_t ttl = line->ttl > INT32_MAX ? 0 : line->ttl;	/* RFC 2181 section 8 */
	struct held *same = NULL;

	if (!may_be_added(owner, line))
		return;
	for (struct held *held = owner->records; held != NULL; held = held->next) {
		if (held->is ? is_same(held, line) : same == NULL && is_again(held, line))
			same = held;
		if (held->is && replaces(held, line))
			held->is = false;
	}
	if (same == NULL)
		same = hold(planning, owner, line);
	if (same == NULL)
		return;
	same->is = true;
	for (struct held *held = owner->records; held != NULL; held = held->next)
		if (held->is && held->type == same->type && held->covers == same->covers)
			held->ttl = ttl;
}

static bool
may_be_added(const struct owner *owner, const struct update_line *line)
{
	for (const struct held *held = owner->records; held != NULL; held = held->next) {
		if (!held->is)
			continue;
		if (line->type == TYPE_SOA && held->type == TYPE_SOA)
			return soa_is_newer(soa_serial(line->rdata), soa_serial(held->rdata));
		if (line->type == TYPE_CNAME && !lives_beside_cname(held->type))
			return false;
		if (held->type == TYPE_CNAME && !lives_beside_cname(line->type))
			return false;
	}
	return line->type != TYPE_SOA;
}

/* CNAME itself, and what signs it or speaks of it (RFC 4034 section 3, RFC 2181 section 10.1). */
static bool
lives_beside_cname(uint16_t type)
{
	return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3
	    || type == RRTYPE_KEY;
}

/* Of which an owner has one only: SOA, CNAME; DNAME (RFC 6672 section 2.4); WKS by address and protocol. */
static bool
replaces(const struct held *held, const struct update_line *line)
{
	if (held->type != line->type)
		return false;
	if (line->type == TYPE_WKS)
		return held->rdlength >= WKS_KEY && line->rdlength >= WKS_KEY
		    && memcmp(held->rdata, line->rdata, WKS_KEY) == 0;
	return line->type == TYPE_SOA || line->type == TYPE_CNAME || line->type == TYPE_DNAME;
}

/* Section 3.4.2.3: of the apex, SOA and NS stay. */
static void
delete_name(struct owner *owner, bool apex)
{
	for (struct held *held = owner->records; held != NULL; held = held->next)
		if (!apex || (held->type != TYPE_SOA && held->type != TYPE_NS))
			held->is = false;
}

static void
delete_rrset(struct owner *owner, uint16_t type)
{
	for (struct held *held = owner->records; held != NULL; held = held->next)
		if (held->type == type)
			held->is = false;
}

/* Section 3.4.2.4: not the SOA, and not the last NS of the apex. */
static void
delete_record(struct owner *owner, bool apex, const struct update_line *line)
{
	if (apex && (line->type == TYPE_SOA || (line->type == TYPE_NS && count_type(owner, TYPE_NS) == 1)))
		return;
	for (struct held *held = owner->records; held != NULL; held = held->next)
		if (is_same(held, line))
			held->is = false;
}

static unsigned
count_type(const struct owner *owner, uint16_t type)
{
	unsigned count = 0;

	for (const struct held *held = owner->records; held != NULL; held = held->next)
		count += held->is && (held->type == type || type == TYPE_ANY);
	return count;
}

static bool
is_same(const struct held *held, const struct update_line *line)
{
	return held->type == line->type
	    && rdata_same(line->type, held->rdata, held->rdlength, line->rdata, line->rdlength);
}

/* --- what is different now ----------------------------------------------------------------------------------------- */

/* Each RRset that is no longer what it was, once. */
static void
compare_owner(struct planning *planning, const struct owner *owner)
{
	size_t first = planning->count;

	for (const struct held *held = owner->records; held != NULL; held = held->next) {
		uint16_t before = held->was ? set_of(owner, held, true) : 0, now = held->is ? set_of(owner, held, false) : 0;
		bool same_ttl = held->ttl == held->old_ttl || before == held->covers;

		if (before == now && (before == 0 || same_ttl))
			continue;
		if (before != 0)
			edit_type(planning, owner, before, first);
		if (now != 0)
			edit_type(planning, owner, now, first);
	}
}

/* The type of the RRset that the record is, or was, in: a signature is in that which it covers, if that is there. */
static uint16_t
set_of(const struct owner *owner, const struct held *held, bool before)
{
	for (const struct held *h = owner->records; held->covers != 0 && h != NULL; h = h->next)
		if (h->type == held->covers && (before ? h->was : h->is))
			return held->covers;
	return held->type;
}

static void
edit_type(struct planning *planning, const struct owner *owner, uint16_t type, size_t first)
{
	struct rrset set = { .type = type };
	uint32_t length, signatures;
	uint8_t *wire;

	for (size_t i = first; i < planning->count; i++)
		if (planning->edits[i].type == type)
			return;
	length = lay_out(owner, type, false, NULL, &set);
	signatures = lay_out(owner, type, true, NULL, &set);
	if (length > UINT16_MAX || signatures > UINT16_MAX) {
		planning->too_large = true;
		return;
	}
	wire = arena_alloc(planning->arena, (size_t)length + signatures);
	if (wire == NULL) {
		planning->no_memory = true;
		return;
	}
	set = (struct rrset){ .type = type, .wire = wire, .signatures = wire + length };
	set.length = lay_out(owner, type, false, wire, &set);
	set.signature_length = (uint16_t)lay_out(owner, type, true, wire + length, &set);
	add_edit(planning, &(struct rrset_edit){ .owner = owner->name, .type = type, .rrset = set });
}

/* Data or signatures, counted; written if there is where to. The octets. */
static uint32_t
lay_out(const struct owner *owner, uint16_t type, bool signatures, uint8_t *to, struct rrset *set)
{
	uint32_t length = 0;

	for (const struct held *held = owner->records; held != NULL; held = held->next) {
		if (!held->is || set_of(owner, held, false) != type || (held->type != type) != signatures)
			continue;
		if (to != NULL) {
			wire_put_u16(to + length, held->rdlength);
			memcpy(to + length + 2, held->rdata, held->rdlength);
		}
		length += 2u + held->rdlength;
		if (signatures) {
			set->signature_count++;
		} else {
			set->count++;
			set->ttl = held->ttl;
		}
	}
	return length;
}

/* To the octet. */
static bool
is_again(const struct held *held, const struct update_line *line)
{
	return held->type == line->type && held->rdlength == line->rdlength
	    && memcmp(held->rdata, line->rdata, line->rdlength) == 0;
}

/* Section 3.6, unless the message brought a newer one. */
static void
raise_serial(struct planning *planning)
{
	const struct rrset *soa = zone_soa(planning->zone);
	struct rrset_edit edit = { .owner = planning->update->apex, .type = TYPE_SOA, .rrset = *soa };
	uint8_t *wire;

	for (size_t i = 0; i < planning->count; i++)
		if (planning->edits[i].type == TYPE_SOA && name_compare(planning->edits[i].owner, edit.owner) == 0)
			return;
	wire = arena_copy(planning->arena, soa->wire, soa->length);
	if (wire == NULL) {
		planning->no_memory = true;
		return;
	}
	soa_raise(wire + 2, zone_serial(planning->zone));
	edit.rrset.wire = wire;
	add_edit(planning, &edit);
}

static void
add_edit(struct planning *planning, const struct rrset_edit *edit)
{
	if (planning->count == planning->size) {
		size_t size = planning->size * 8;
		struct rrset_edit *edits = arena_alloc(planning->arena, size * sizeof(*edits));

		if (edits == NULL) {
			planning->no_memory = true;
			return;
		}
		memcpy(edits, planning->edits, planning->count * sizeof(*edits));
		planning->edits = edits;
		planning->size = size;
	}
	planning->edits[planning->count++] = *edit;
}
