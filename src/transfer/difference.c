/* difference.c -- two zones, walked side by side.
 * In: frozen zones.  Out: octets that an IXFR sends as they are.  Threads: the caller's.
 *
 * Nodes come in canonical order, RRsets by type, so one pass finds what only one side has. Within an RRset that isn't
 * the same octet by octet, records are sorted and merged; with another TTL all of them are exchanged (RFC 2181 section
 * 5.2: one TTL an RRset). NSEC3 owners have no order of their own and are sorted first.
 * Names of region records are in it: who may not have them gets it without (outgoing.c). */
#include "transfer/difference.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "transfer/edition.h"

struct sides {
	struct text removed, added;
	size_t count;
	bool changed;			/* beyond the SOA */
	const uint8_t **scratch;	/* records of two RRsets */
	size_t scratch_size;
	bool failed;
};

static void walk_nodes(struct sides *s, const struct zone *from, const struct zone *to);
static void walk_nsec3(struct sides *s, const struct zone *from, const struct zone *to);
static const struct node **sorted_nsec3(struct sides *s, const struct zone *zone);
static int compare_nodes(const void *a, const void *b);
static void one_node(struct sides *s, const struct node *from, const struct node *to);
static void one_set(struct sides *s, const uint8_t *owner, const struct rrset *from, const struct rrset *to);
static void one_part(struct sides *s, const uint8_t *owner, uint16_t type, const struct rrset *from,
	const struct rrset *to);
static const uint8_t **sorted_records(const struct rrset *set, const uint8_t **list);
static int compare_records(const void *a, const void *b);
static void put(struct sides *s, struct text *to, const uint8_t *owner, uint16_t type, uint32_t ttl,
	const uint8_t *wire);
static void put_all(struct sides *s, struct text *to, const uint8_t *owner, uint16_t type, const struct rrset *set);
static struct difference *finish(struct sides *s, const struct rrset *from_soa, const struct rrset *to_soa);

struct difference *
difference_new(const struct zone *from, const struct rrset *from_soa, const struct zone *to, const struct rrset *to_soa)
{
	struct sides s = { 0 };
	const uint8_t *apex = zone_apex(to)->name;
	struct difference *difference;

	put_all(&s, &s.removed, apex, TYPE_SOA, from_soa);
	put_all(&s, &s.added, apex, TYPE_SOA, to_soa);
	if (from != to) {
		walk_nodes(&s, from, to);
		walk_nsec3(&s, from, to);
	}
	s.failed |= s.removed.failed || s.added.failed;
	difference = s.failed ? NULL : finish(&s, from_soa, to_soa);
	text_fini(&s.removed);
	text_fini(&s.added);
	free(s.scratch);
	return difference;
}

static void
walk_nodes(struct sides *s, const struct zone *from, const struct zone *to)
{
	size_t i = 0, k = 0, froms = zone_node_count(from), tos = zone_node_count(to);

	while (i < froms || k < tos) {
		const struct node *a = i < froms ? zone_node_at(from, i) : NULL;
		const struct node *b = k < tos ? zone_node_at(to, k) : NULL;
		int order = a == NULL ? 1 : b == NULL ? -1 : name_compare(a->name, b->name);

		one_node(s, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

static void
walk_nsec3(struct sides *s, const struct zone *from, const struct zone *to)
{
	size_t i = 0, k = 0, froms = zone_nsec3_count(from), tos = zone_nsec3_count(to);
	const struct node **a = sorted_nsec3(s, from), **b = sorted_nsec3(s, to);

	while (!s->failed && (i < froms || k < tos)) {
		int order = i == froms ? 1 : k == tos ? -1 : compare_nodes(&a[i], &b[k]);

		one_node(s, order <= 0 ? a[i] : NULL, order >= 0 ? b[k] : NULL);
		i += order <= 0;
		k += order >= 0;
	}
	free(a);
	free(b);
}

static const struct node **
sorted_nsec3(struct sides *s, const struct zone *zone)
{
	size_t count = zone_nsec3_count(zone);
	const struct node **list = malloc((count + 1) * sizeof(struct node *));

	s->failed |= list == NULL;
	for (size_t i = 0; list != NULL && i < count; i++)
		list[i] = zone_nsec3_at(zone, i);
	if (list != NULL && count > 1)
		qsort(list, count, sizeof(struct node *), compare_nodes);
	return list;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return name_compare((*x)->name, (*y)->name);
}

/* One of them may be NULL. */
static void
one_node(struct sides *s, const struct node *from, const struct node *to)
{
	unsigned i = 0, k = 0, froms = from == NULL ? 0 : from->rrset_count, tos = to == NULL ? 0 : to->rrset_count;
	const uint8_t *owner;

	assert(from != NULL || to != NULL);
	owner = from != NULL ? from->name : to->name;
	while (i < froms || k < tos) {
		const struct rrset *a = i < froms ? &from->rrsets[i] : NULL, *b = k < tos ? &to->rrsets[k] : NULL;
		int order = a == NULL ? 1 : b == NULL ? -1 : (int)a->type - (int)b->type;

		one_set(s, owner, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

/* The SOA's own record is there already. */
static void
one_set(struct sides *s, const uint8_t *owner, const struct rrset *from, const struct rrset *to)
{
	struct rrset a = { 0 }, b = { 0 };
	bool changed = s->changed;
	uint16_t type;

	assert(from != NULL || to != NULL);
	type = from != NULL ? from->type : to->type;
	if (type != TYPE_SOA)
		one_part(s, owner, type, from, to);
	if (from != NULL)
		rrset_signatures(from, &a);
	if (to != NULL)
		rrset_signatures(to, &b);
	one_part(s, owner, TYPE_RRSIG, &a, &b);
	if (type == TYPE_SOA)
		s->changed = changed;
}

static void
one_part(struct sides *s, const uint8_t *owner, uint16_t type, const struct rrset *from, const struct rrset *to)
{
	const uint8_t **a, **b;
	unsigned i = 0, k = 0, froms = from == NULL ? 0 : from->count, tos = to == NULL ? 0 : to->count;
	uint32_t old_ttl = froms > 0 ? from->ttl : 0, new_ttl = tos > 0 ? to->ttl : 0;
	bool all;

	if (froms == tos && old_ttl == new_ttl
	    && (froms == 0 || (from->length == to->length && memcmp(from->wire, to->wire, from->length) == 0)))
		return;
	if ((size_t)froms + tos > s->scratch_size) {
		const uint8_t **grown = realloc(s->scratch, ((size_t)froms + tos) * sizeof(uint8_t *));

		s->failed |= grown == NULL;
		if (grown == NULL)
			return;
		s->scratch = grown;
		s->scratch_size = (size_t)froms + tos;
	}
	a = froms > 0 ? sorted_records(from, s->scratch) : s->scratch;
	b = tos > 0 ? sorted_records(to, s->scratch + froms) : s->scratch;
	all = old_ttl != new_ttl;
	while (i < froms || k < tos) {
		int order = i == froms ? 1 : k == tos ? -1 : compare_records(&a[i], &b[k]);

		s->changed |= order != 0 || all;
		if (order < 0 || (order == 0 && all))
			put(s, &s->removed, owner, type, old_ttl, a[i]);
		if (order > 0 || (order == 0 && all))
			put(s, &s->added, owner, type, new_ttl, b[k]);
		i += order <= 0;
		k += order >= 0;
	}
}

static const uint8_t **
sorted_records(const struct rrset *set, const uint8_t **list)
{
	const uint8_t *wire = set->wire;

	for (unsigned i = 0; i < set->count; i++, wire += 2 + wire_get_u16(wire))
		list[i] = wire;
	qsort(list, set->count, sizeof(*list), compare_records);
	return list;
}

static int
compare_records(const void *a, const void *b)
{
	const uint8_t *const *x = a, *const *y = b;
	unsigned m = wire_get_u16(*x), n = wire_get_u16(*y);

	return m != n ? (m < n ? -1 : 1) : memcmp(*x + 2, *y + 2, m);
}

static void
put_all(struct sides *s, struct text *to, const uint8_t *owner, uint16_t type, const struct rrset *set)
{
	const uint8_t *wire = set->wire;

	for (unsigned i = 0; i < set->count; i++, wire += 2 + wire_get_u16(wire))
		put(s, to, owner, type, set->ttl, wire);
}

/* `wire`: RDLENGTH and RDATA. */
static void
put(struct sides *s, struct text *to, const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *wire)
{
	uint8_t fixed[6];

	wire_put_u16(fixed, type);
	wire_put_u32(fixed + 2, ttl);
	text_add(to, (const char *)owner, name_length(owner, NAME_MAX));
	text_add(to, (const char *)fixed, sizeof(fixed));
	text_add(to, (const char *)wire, 2u + wire_get_u16(wire));
	s->count++;
}

static struct difference *
finish(struct sides *s, const struct rrset *from_soa, const struct rrset *to_soa)
{
	struct difference *d = malloc(sizeof(*d));

	if (d == NULL)
		return NULL;
	*d = (struct difference){
		.from = wire_get_u32(from_soa->wire + 2 + soa_serial_at(from_soa->wire + 2)),
		.to = wire_get_u32(to_soa->wire + 2 + soa_serial_at(to_soa->wire + 2)),
		.added = s->removed.length, .length = s->removed.length + s->added.length,
		.record_count = s->count, .is_empty = !s->changed, .holds = 1,
	};
	d->records = malloc(d->length);
	if (d->records == NULL) {
		free(d);
		return NULL;
	}
	memcpy(d->records, s->removed.bytes, s->removed.length);
	memcpy(d->records + d->added, s->added.bytes, s->added.length);
	return d;
}

void
difference_hold(struct difference *difference)
{
	difference->holds++;
}

void
difference_release(struct difference *difference)
{
	if (difference == NULL || --difference->holds > 0)
		return;
	free(difference->records);
	free(difference);
}

bool
difference_next(const struct difference *difference, size_t *at, struct resource_record *record)
{
	const uint8_t *p = difference->records + *at;
	size_t owner;

	if (*at == difference->length)
		return false;
	owner = name_length(p, NAME_MAX);
	*record = (struct resource_record){
		.owner = p, .type = wire_get_u16(p + owner), .ttl = wire_get_u32(p + owner + 2),
		.rdlength = wire_get_u16(p + owner + 6), .rdata = p + owner + 8,
	};
	*at += owner + 8 + record->rdlength;
	return true;
}
