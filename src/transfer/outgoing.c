/* outgoing.c -- see outgoing.h.
 * In: an edition, a request.  Out: messages.  Threads: one at a time; nothing is allocated after outgoing_new().
 *
 * What is sent is a series of records that a cursor runs through; a message takes of it until it has MESSAGE_FULL
 * octets. More would bring little: names behind 16 KB can't be pointed to, and a slow reader's buffer would be larger.
 * A record that doesn't fit any more is the next message's first.
 *
 *	AXFR:    SOA, all RRsets but that, each with its signatures, owners in canonical order, NSEC3 with theirs, SOA
 *	IXFR:    SOA, the differences, SOA
 *	current: SOA
 *
 * The SOA's signatures are among the RRsets (RFC 5936 section 2.2), and in differences where they belong.
 * Question and OPT are in the first message only, but for padding, which is for each (RFC 7830 section 4); TSIG is in
 * each. How far to pad is no standard's yet (RFC 9103 section 7.8 leaves it open): it's what RFC 8467 has for answers.
 */
#include "transfer/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "transfer/record_writer.h"

#define MESSAGE_FULL 16384
#define PADDED_TO 468		/* RFC 8467 section 4.1 */
#define OPTION_HEAD 4u

enum phase { PHASE_FIRST, PHASE_NODES, PHASE_NSEC3, PHASE_DIFFERENCES, PHASE_END };

struct outgoing {
	const struct edition *edition;
	enum outgoing_kind kind;
	bool hide_regions, is_signed, edns, padded, dnssec_ok, question_sent;
	uint16_t id, flags, payload, question_length;
	uint8_t question[NAME_MAX + 4];
	struct tsig tsig;
	struct tsig_maker *maker;
	size_t octets;
	/* The cursor. */
	enum phase phase;
	size_t node;			/* or NSEC3, or difference */
	size_t at;			/* in the difference */
	unsigned set, record;		/* of the node; of the set, then of its signatures */
	const uint8_t *wire;		/* of the record; NULL: that of the set's first */
	struct rrset current;		/* the set, or its signatures */
	bool in_signatures;
	bool pending;			/* `next` wasn't sent yet */
	struct resource_record next;
};

static size_t begin(struct outgoing *o, uint8_t *message);
static size_t end(struct outgoing *o, uint8_t *message, size_t length, unsigned count, uint16_t rcode, uint64_t now);
static bool has_opt(const struct outgoing *o);
static size_t put_opt(const struct outgoing *o, uint8_t *message, size_t length);
static size_t room_behind(const struct outgoing *o);
static bool advance(struct outgoing *o);
static bool advance_node(struct outgoing *o);
static bool is_hidden(const struct outgoing *o, const struct node *node);
static bool advance_set(struct outgoing *o, const struct node *node);
static bool advance_difference(struct outgoing *o);
static bool is_region_record(const uint8_t *owner);
static void whole_soa(struct outgoing *o, enum phase next);

enum outgoing_kind
outgoing_choose(const struct edition *edition, bool incremental, uint32_t serial, size_t *first)
{
	*first = edition->difference_count;
	if (!incremental)
		return OUTGOING_FULL;
	if (serial == edition->serial || serial_is_newer(serial, edition->serial))
		return OUTGOING_CURRENT;
	*first = edition_find(edition, serial);
	return *first < edition->difference_count ? OUTGOING_DIFFERENCES : OUTGOING_FULL;
}

struct outgoing *
outgoing_new(const struct outgoing_wish *wish)
{
	struct outgoing *o = calloc(1, sizeof(*o));
	const struct query *query = wish->query;

	if (o == NULL)
		return NULL;
	o->edition = wish->edition;
	o->kind = wish->kind;
	o->hide_regions = wish->hide_regions;
	o->edns = query->edns;
	o->padded = wish->padded && query->edns;
	o->dnssec_ok = query->dnssec_ok;
	o->id = query->id;
	o->flags = (uint16_t)(FLAG_QR | FLAG_AA | (query->flags & FLAG_RD));
	o->payload = wish->payload;
	o->question_length = query->question_length;
	memcpy(o->question, wish->request + HEADER_SIZE, query->question_length);
	o->is_signed = wish->tsig != NULL;
	if (wish->tsig != NULL)
		o->tsig = *wish->tsig;
	o->maker = wish->maker;
	o->node = o->kind == OUTGOING_DIFFERENCES ? wish->first : 0;
	edition_read(o->edition);
	return o;
}

void
outgoing_free(struct outgoing *o)
{
	if (o == NULL)
		return;
	edition_done(o->edition);
	free(o);
}

/* --- messages ------------------------------------------------------------------------------------------------ */

size_t
outgoing_next(struct outgoing *o, uint8_t *message, size_t size, uint64_t now)
{
	struct record_writer writer;
	size_t from;

	if (outgoing_is_done(o))
		return 0;
	from = begin(o, message);
	record_writer_begin(&writer, message, from, size - room_behind(o));
	while (writer.at < MESSAGE_FULL) {
		if (!o->pending && !advance(o))
			break;
		o->pending = true;
		if (!record_writer_put(&writer, &o->next))
			break;
		o->pending = false;
	}
	/* A record that fits into no message would be tried for ever. */
	if (writer.count == 0)
		return outgoing_fail(o, message, now);
	/* The last record may have been this one's: then there's no other message. */
	if (!o->pending)
		o->pending = advance(o);
	return end(o, message, writer.at, writer.count, RCODE_NOERROR, now);
}

bool
outgoing_is_done(const struct outgoing *o)
{
	return o->phase == PHASE_END && !o->pending;
}

size_t
outgoing_fail(struct outgoing *o, uint8_t *message, uint64_t now)
{
	size_t length = begin(o, message);

	o->phase = PHASE_END;
	o->pending = false;
	return end(o, message, length, 0, RCODE_SERVFAIL, now);
}

static size_t
begin(struct outgoing *o, uint8_t *message)
{
	size_t length = o->question_sent ? 0 : o->question_length;

	memcpy(message + HEADER_SIZE, o->question, length);
	return HEADER_SIZE + length;
}

static size_t
end(struct outgoing *o, uint8_t *message, size_t length, unsigned count, uint16_t rcode, uint64_t now)
{
	bool opt = has_opt(o);

	wire_put_u16(message, o->id);
	wire_put_u16(message + 2, o->flags | (unsigned)rcode);
	wire_put_u16(message + 4, o->question_sent ? 0 : 1);
	wire_put_u16(message + 6, count);
	wire_put_u16(message + 8, 0);
	wire_put_u16(message + 10, opt);
	if (opt)
		length = put_opt(o, message, length);
	o->question_sent = true;
	if (o->is_signed)
		length = tsig_sign(&o->tsig, o->maker, message, length, now);
	o->octets += length;
	return length;
}

static bool
has_opt(const struct outgoing *o)
{
	return o->edns && (o->padded || !o->question_sent);
}

static size_t
put_opt(const struct outgoing *o, uint8_t *message, size_t length)
{
	uint8_t *p = message + length;
	size_t behind = o->is_signed ? tsig_room(&o->tsig) : 0;

	p[0] = 0;
	wire_put_u16(p + 1, TYPE_OPT);
	wire_put_u16(p + 3, o->payload);
	wire_put_u32(p + 5, o->dnssec_ok ? 0x8000 : 0);
	wire_put_u16(p + 9, 0);
	length += OPT_SIZE;
	if (o->padded) {
		size_t padding = (PADDED_TO - (length + OPTION_HEAD + behind) % PADDED_TO) % PADDED_TO;

		wire_put_u16(p + 9, (unsigned)(OPTION_HEAD + padding));
		wire_put_u16(p + OPT_SIZE, EDNS_PADDING);
		wire_put_u16(p + OPT_SIZE + 2, (unsigned)padding);
		memset(p + OPT_SIZE + OPTION_HEAD, 0, padding);
		length += OPTION_HEAD + padding;
	}
	return length;
}

static size_t
room_behind(const struct outgoing *o)
{
	return (has_opt(o) ? OPT_SIZE : 0u) + (o->padded ? OPTION_HEAD + PADDED_TO : 0u)
	    + (o->is_signed ? tsig_room(&o->tsig) : 0u);
}

const struct edition *
outgoing_edition(const struct outgoing *o)
{
	return o->edition;
}

enum outgoing_kind
outgoing_kind(const struct outgoing *o)
{
	return o->kind;
}

size_t
outgoing_octets(const struct outgoing *o)
{
	return o->octets;
}

/* --- the cursor ---------------------------------------------------------------------------------------------- */

/* The next record into o->next. False: there are no more. */
static bool
advance(struct outgoing *o)
{
	switch (o->phase) {
	case PHASE_FIRST:
		whole_soa(o, o->kind == OUTGOING_FULL ? PHASE_NODES
		    : o->kind == OUTGOING_DIFFERENCES ? PHASE_DIFFERENCES : PHASE_END);
		return true;
	case PHASE_NODES:
	case PHASE_NSEC3:
		if (!advance_node(o))
			whole_soa(o, PHASE_END);
		return true;
	case PHASE_DIFFERENCES:
		if (!advance_difference(o))
			whole_soa(o, PHASE_END);
		return true;
	default:
		return false;
	}
}

static void
whole_soa(struct outgoing *o, enum phase next)
{
	const struct rrset *soa = &o->edition->soa;

	o->next = (struct resource_record){ zone_apex(o->edition->zone)->name, TYPE_SOA,
	    wire_get_u16(soa->wire), soa->ttl, soa->wire + 2 };
	o->phase = next;
}

static bool
advance_node(struct outgoing *o)
{
	const struct zone *zone = o->edition->zone;

	for (;;) {
		bool hashed = o->phase == PHASE_NSEC3;
		const struct node *node;

		if (o->node == (hashed ? zone_nsec3_count(zone) : zone_node_count(zone))) {
			if (hashed)
				return false;
			o->phase = PHASE_NSEC3;
			o->node = 0;
			continue;
		}
		node = hashed ? zone_nsec3_at(zone, o->node) : zone_node_at(zone, o->node);
		if (!is_hidden(o, node) && advance_set(o, node))
			return true;
		o->node++;
		o->set = 0;
	}
}

static bool
is_hidden(const struct outgoing *o, const struct node *node)
{
	return o->hide_regions && (node->flags & NODE_REGION_RECORD) != 0;
}

/* The next record of the node, from o->set on. */
static bool
advance_set(struct outgoing *o, const struct node *node)
{
	for (; o->set < node->rrset_count; o->set++, o->wire = NULL, o->in_signatures = false) {
		const struct rrset *set = &node->rrsets[o->set];

		if (set->type == TYPE_SOA)
			set = &o->edition->soa;
		if (o->wire == NULL) {
			o->current = *set;
			o->wire = set->wire;
			o->record = 0;
			/* The SOA comes first and last, its signatures in between. */
			if (set->type == TYPE_SOA)
				o->record = set->count;
		}
		if (o->record == o->current.count && !o->in_signatures) {
			o->in_signatures = true;
			o->record = 0;
			rrset_signatures(set, &o->current);
			o->wire = o->current.wire;
		}
		if (o->record == o->current.count)
			continue;
		o->next = (struct resource_record){ node->name, o->current.type, wire_get_u16(o->wire), o->current.ttl,
		    o->wire + 2 };
		o->record++;
		o->wire += 2 + wire_get_u16(o->wire);
		return true;
	}
	return false;
}

static bool
advance_difference(struct outgoing *o)
{
	for (; o->node < o->edition->difference_count; o->node++, o->at = 0)
		while (difference_next(o->edition->differences[o->node], &o->at, &o->next))
			if (!o->hide_regions || !is_region_record(o->next.owner))
				return true;
	return false;
}

static bool
is_region_record(const uint8_t *owner)
{
	static const uint8_t label[8] = { 7, '_', 'r', 'e', 'g', 'i', 'o', 'n' };

	for (; *owner != 0; owner += *owner + 1)
		if (memcmp(owner, label, *owner == 7 ? sizeof(label) : 1) == 0)
			return true;
	return false;
}
