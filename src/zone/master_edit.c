/* master_edit.c -- from the words of an operator to edits of RRsets.
 * In: an owner, a type and RDATA as text; the zone and its text.  Out: the new text and the new zone.
 * Threads: any.  Memory: an arena that ends with the call, and what is given out.
 *
 * Signatures of an RRset stay with it: whether they still hold is for the checks of the zone. RRSIGs that are set or
 * deleted themselves are those of what they cover. */
#include "zone/master_edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "zone/rdata_list.h"
#include "zone/rrtype.h"
#include "zone/soa.h"
#include "zone/ttl.h"

#define TOO_LARGE "the RRset is too large for any DNS message (65535 octets)"
#define NODES 2		/* of one owner: a name, and an owner of NSEC3 */

struct wish {
	const struct zone *from;
	const char *text, *file;
	struct diags *diags;
	struct arena *arena;
	uint8_t owner[NAME_MAX];
	uint16_t type;			/* 0: all */
	uint32_t ttl;
	struct rdata_list wanted;
	const struct node *nodes[NODES];	/* or NULL */
	struct rrset_edit *edits;
	size_t count;
};

static bool wish_init(struct wish *wish, const char *owner, const char *type);
static bool wish_fini(struct wish *wish, bool good);
static bool carry_out(struct wish *wish, struct edited *to);
static bool is_possible(const struct wish *wish);
static bool collect(struct wish *wish);
static bool collect_all(struct wish *wish);
static bool collect_signatures(struct wish *wish);
static struct rrset_edit *edit_of(struct wish *wish, uint16_t type);
static bool lay_out(const struct wish *wish, uint16_t covers, uint8_t **wire, uint32_t *length, uint16_t *count);
static size_t wanted_length(const struct wish *wish);
static bool raise_serial(struct wish *wish);
static const struct rrset *old_rrset(const struct wish *wish, uint16_t type);
static bool refuse(const struct wish *wish, const char *suggestion, const char *format, ...)
	__attribute__((nonnull(1, 3))) PRINTF(3, 4);

bool
master_set(const char *text, const struct zone *from, const char *file, const char *owner, const char *type,
	uint32_t ttl, const char *const *rdata, size_t count, struct edited *to, struct diags *diags)
{
	struct wish wish = { .from = from, .text = text, .file = file, .ttl = ttl, .diags = diags };
	bool good = wish_init(&wish, owner, type);

	if (ttl > TTL_LARGEST)
		good = refuse(&wish, NULL, "the TTL %u is above %u", ttl, TTL_LARGEST);
	if (wish.type != 0)
		good = rdata_list_read(&wish.wanted, file, wish.type, zone_apex(from)->name, rdata, count, diags)
		    && good;
	return wish_fini(&wish, good && carry_out(&wish, to));
}

bool
master_delete(const char *text, const struct zone *from, const char *file, const char *owner, const char *type,
	struct edited *to, struct diags *diags)
{
	struct wish wish = { .from = from, .text = text, .file = file, .diags = diags };
	bool good = wish_init(&wish, owner, type);

	return wish_fini(&wish, good && carry_out(&wish, to));
}

static bool
wish_init(struct wish *wish, const char *owner, const char *type)
{
	bool good = true;

	if (name_parse(owner, wish->owner) == 0)
		good = refuse(wish, NULL, "the owner '%s' is no domain name", owner);
	else if (!name_is_under(wish->owner, zone_apex(wish->from)->name))
		good = refuse(wish, NULL, "the owner '%s' is outside the zone", owner);
	if (type != NULL && rrtype_is_data(rrtype_parse(type)))
		wish->type = rrtype_parse(type);
	else if (type != NULL)
		good = rrtype_parse(type) == 0 ? refuse(wish, rrtype_suggest(type), "unknown record type '%s'", type)
		    : refuse(wish, NULL, "%s is no type of records, only of messages", type);
	wish->arena = arena_new();
	return wish->arena != NULL ? good : refuse(wish, NULL, "out of memory");
}

static bool
wish_fini(struct wish *wish, bool good)
{
	rdata_list_fini(&wish->wanted);
	arena_free(wish->arena);
	return good;
}

static bool
carry_out(struct wish *wish, struct edited *to)
{
	enum zone_edited result;

	wish->nodes[0] = zone_find_name(wish->from, wish->owner);
	wish->nodes[1] = zone_nsec3_find(wish->from, wish->owner);
	if (!is_possible(wish))
		return false;
	if (!collect(wish) || !raise_serial(wish))
		return refuse(wish, NULL, "out of memory");
	result = zone_edit(wish->from, wish->edits, wish->count, &to->zone);
	if (result == ZONE_EDIT_NO_SOA)
		return refuse(wish, NULL, "no SOA record at the apex");
	if (result == ZONE_EDIT_TOO_LARGE)
		return refuse(wish, NULL, TOO_LARGE);
	to->text = result == ZONE_EDITED ? text_edit(wish->text, wish->from, wish->edits, wish->count) : NULL;
	if (to->text != NULL)
		return true;
	zone_release(to->zone);
	return refuse(wish, NULL, "out of memory");
}

static bool
is_possible(const struct wish *wish)
{
	bool owner_exists = wish->nodes[1] != NULL || (wish->nodes[0] != NULL && wish->nodes[0]->rrset_count > 0);
	bool is_there = wish->type == 0 ? owner_exists : old_rrset(wish, wish->type) != NULL;
	char owner[NAME_TEXT_SIZE], type[16];

	if (wish->wanted.count > 0 && wish->type == TYPE_SOA && wish->nodes[0] != zone_apex(wish->from))
		return refuse(wish, NULL, "SOA away from the apex '%s'", name_text(zone_apex(wish->from)->name, owner));
	if (wanted_length(wish) > UINT16_MAX)
		return refuse(wish, NULL, TOO_LARGE);
	if (wish->wanted.count > 1 && wish->type == TYPE_SOA)
		return refuse(wish, NULL, "a zone has one SOA");
	for (unsigned n = 0; wish->type == TYPE_RRSIG && n < NODES && wish->nodes[n] != NULL; n++)
		for (unsigned i = 0; i < wish->nodes[n]->rrset_count; i++)
			is_there = is_there || wish->nodes[n]->rrsets[i].signature_count > 0;
	if (is_there || wish->wanted.count > 0)
		return true;
	name_text(wish->owner, owner);
	return owner_exists ? refuse(wish, NULL, "'%s' has no %s record", owner, rrtype_text(wish->type, type))
	    : refuse(wish, NULL, "no records at '%s'", owner);
}

/* --- edits ------------------------------------------------------------------------------------------------------ */

/* False: out of memory. */
static bool
collect(struct wish *wish)
{
	size_t most = wish->wanted.count + 3;
	struct rrset_edit *edit;
	const struct rrset *old;
	uint8_t *wire;

	for (unsigned n = 0; n < NODES; n++)
		most += wish->nodes[n] == NULL ? 0 : wish->nodes[n]->rrset_count;
	wish->edits = arena_alloc(wish->arena, most * sizeof(*wish->edits));
	if (wish->edits == NULL)
		return false;
	if (wish->type == 0)
		return collect_all(wish);
	if (wish->type == TYPE_RRSIG)
		return collect_signatures(wish);
	edit = edit_of(wish, wish->type);
	old = old_rrset(wish, wish->type);
	if (old != NULL && wish->wanted.count > 0) {
		edit->rrset = *old;
		edit->rrset.count = 0;
	}
	edit->rrset.ttl = wish->ttl;
	if (!lay_out(wish, 0, &wire, &edit->rrset.length, &edit->rrset.count))
		return false;
	edit->rrset.wire = wire;
	return true;
}

static bool
collect_all(struct wish *wish)
{
	for (unsigned n = 0; n < NODES; n++)
		for (unsigned i = 0; wish->nodes[n] != NULL && i < wish->nodes[n]->rrset_count; i++)
			edit_of(wish, wish->nodes[n]->rrsets[i].type);
	return true;
}

/* Of each RRset the signatures that are wanted for it; then those that cover nothing. */
static bool
collect_signatures(struct wish *wish)
{
	struct rrset_edit *edit;
	uint32_t length;
	uint8_t *wire;

	for (unsigned n = 0; n < NODES; n++)
		for (unsigned i = 0; wish->nodes[n] != NULL && i < wish->nodes[n]->rrset_count; i++) {
			const struct rrset *set = &wish->nodes[n]->rrsets[i];

			if (set->type == TYPE_RRSIG)
				continue;
			edit = edit_of(wish, set->type);
			edit->rrset = *set;
			if (!lay_out(wish, set->type, &wire, &length, &edit->rrset.signature_count))
				return false;
			edit->rrset.signature_length = (uint16_t)length;
			edit->rrset.signatures = wire;
		}
	edit = edit_of(wish, TYPE_RRSIG);
	edit->rrset.ttl = wish->ttl;
	if (!lay_out(wish, 0, &wire, &edit->rrset.length, &edit->rrset.count))
		return false;
	edit->rrset.wire = wire;
	return true;
}

static struct rrset_edit *
edit_of(struct wish *wish, uint16_t type)
{
	struct rrset_edit *edit = &wish->edits[wish->count++];

	*edit = (struct rrset_edit){ .owner = wish->owner, .type = type, .rrset = { .type = type } };
	return edit;
}

/* What is wanted; of signatures those that cover this, 0 being nothing that is there. */
static bool
lay_out(const struct wish *wish, uint16_t covers, uint8_t **wire, uint32_t *length, uint16_t *count)
{
	uint8_t *to = arena_alloc(wish->arena, wanted_length(wish));

	if (to == NULL)
		return false;
	*wire = to;
	*count = 0;
	for (size_t i = 0; i < wish->wanted.count; i++) {
		const struct rdata_item *item = &wish->wanted.items[i];
		uint16_t about = wish->type == TYPE_RRSIG ? wire_get_u16(item->rdata) : 0;

		if ((about != 0 && old_rrset(wish, about) == NULL ? 0 : about) != covers)
			continue;
		wire_put_u16(to, item->length);
		memcpy(to + 2, item->rdata, item->length);
		to += 2 + item->length;
		++*count;
	}
	*length = (uint32_t)(to - *wire);
	return true;
}

static size_t
wanted_length(const struct wish *wish)
{
	size_t length = 0;

	for (size_t i = 0; i < wish->wanted.count; i++)
		length += 2u + wish->wanted.items[i].length;
	return length;
}

/* An SOA that is set has at least the serial that follows. */
static bool
raise_serial(struct wish *wish)
{
	const struct rrset *soa = zone_soa(wish->from);
	struct rrset_edit *edit = NULL;
	uint8_t *wire;

	for (size_t i = 0; i < wish->count; i++)
		if (wish->edits[i].type == TYPE_SOA && wish->nodes[0] == zone_apex(wish->from))
			edit = &wish->edits[i];
	if (edit != NULL && edit->rrset.count == 0)
		return true;
	if (edit == NULL) {
		edit = edit_of(wish, TYPE_SOA);
		edit->owner = zone_apex(wish->from)->name;
		edit->rrset = *soa;
	}
	wire = arena_copy(wish->arena, edit->rrset.wire, edit->rrset.length);
	if (wire == NULL)
		return false;
	soa_raise(wire + 2, zone_serial(wish->from));
	edit->rrset.wire = wire;
	return true;
}

static const struct rrset *
old_rrset(const struct wish *wish, uint16_t type)
{
	const struct node *node = wish->nodes[type == TYPE_NSEC3];

	return node == NULL ? NULL : node_rrset(node, type);
}

static bool
refuse(const struct wish *wish, const char *suggestion, const char *format, ...)
{
	va_list args;
	char *message = NULL;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	diag_error(wish->diags, (struct diag_place){ .file = wish->file }, suggestion, "%s",
	    message != NULL ? message : "out of memory");
	free(message);
	return false;
}
