/* catalog.c -- see catalog.h.
 * In: a zone, or a list of members.  Out: the members, or why the catalog is broken; a master file.
 * Threads: any; pure. References: RFC 9432; the sections named below are its.
 *
 * What isn't known is passed over: other types at known names, other properties, everything below `ext` (sections 3 and
 * 4.2). What is known and wrong breaks the catalog as a whole (section 5.1), so that half a list is never taken for a
 * whole one and nobody's zones are deleted for a slip. A property without a member is no property of anything.
 *
 * Nodes come in canonical order, in which a name is followed by those below it: one walk sees each member node and then
 * its properties. Doubled members are found when the list was sorted by zone. */
#include "transfer/catalog.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/types.h"
#include "dns/wire.h"

static const uint8_t version_label[] = "\7version", zones_label[] = "\5zones", group_label[] = "\5group",
    coo_label[] = "\3coo";

struct reading {
	const struct zone *zone;
	const uint8_t *apex;
	unsigned labels;		/* of the apex */
	struct arena *arena;
	struct text *why;
	struct catalog_member *members;
	size_t count, most;
	bool no_memory;
};

static bool check_version(struct reading *r);
static bool child_name(const struct reading *r, const uint8_t *label, uint8_t name[static NAME_MAX]);
static bool take_members(struct reading *r, const struct node *zones);
static bool take_node(struct reading *r, const struct node *node, bool *under_member);
static bool take_member(struct reading *r, const struct node *node, const struct rrset *pointer);
static bool take_property(struct reading *r, const struct node *node);
static bool take_owner(struct reading *r, const struct node *node, const struct rrset *pointer);
static bool take_groups(struct reading *r, const struct rrset *texts);
static char *group_text(struct reading *r, const uint8_t *rdata, uint16_t length);
static bool is_label(const uint8_t *name, const uint8_t *label);
static uint8_t *lower_name(struct reading *r, const uint8_t *name);
static bool check_doubles(struct reading *r);
static int compare_members(const void *a, const void *b);
static void write_group(struct text *text, const char *group);

bool
catalog_read(const struct zone *zone, size_t most, struct arena *arena, struct catalog *catalog, struct text *why)
{
	struct reading r = { .zone = zone, .apex = zone_apex(zone)->name, .labels = zone_apex(zone)->labels,
	    .arena = arena, .why = why, .most = most };
	uint8_t name[NAME_MAX];
	const struct node *zones;
	bool good;

	*catalog = (struct catalog){ 0 };
	if (!check_version(&r))
		return false;
	zones = child_name(&r, zones_label, name) ? zone_find_name(zone, name) : NULL;
	if (zones == NULL)
		return true;
	good = take_members(&r, zones) && check_doubles(&r);
	if (r.no_memory)
		text_puts(why, "out of memory");
	if (!good || r.no_memory)
		return false;
	*catalog = (struct catalog){ r.count, r.members };
	return true;
}

/* Section 4.2.1. */
static bool
check_version(struct reading *r)
{
	static const uint8_t two[] = { 0, 2, 1, '2' };
	uint8_t name[NAME_MAX];
	const struct node *node = child_name(r, version_label, name) ? zone_find_name(r->zone, name) : NULL;
	const struct rrset *texts = node == NULL ? NULL : node_rrset(node, TYPE_TXT);

	if (texts == NULL)
		text_puts(r->why, "it has no TXT record 'version'");
	else if (texts->count > 1)
		text_printf(r->why, "it has %u TXT records 'version' instead of one", (unsigned)texts->count);
	else if (texts->length != sizeof(two) || memcmp(texts->wire, two, sizeof(two)) != 0)
		text_puts(r->why, "its version isn't \"2\"");
	else
		return true;
	return false;
}

/* LABEL.APEX. False: there can't be such a name. */
static bool
child_name(const struct reading *r, const uint8_t *label, uint8_t name[static NAME_MAX])
{
	size_t length = label[0] + 1u, rest = name_length(r->apex, NAME_MAX);

	if (length + rest > NAME_MAX)
		return false;
	memcpy(name, label, length);
	memcpy(name + length, r->apex, rest);
	return true;
}

static bool
take_members(struct reading *r, const struct node *zones)
{
	size_t count = zone_node_count(r->zone), first = 0, high = count, nodes;
	bool under_member = false;

	while (first < high) {
		size_t middle = first + (high - first) / 2;

		if (name_compare(zone_node_at(r->zone, middle)->name, zones->name) <= 0)
			first = middle + 1;
		else
			high = middle;
	}
	nodes = first;
	while (nodes < count && name_is_under(zone_node_at(r->zone, nodes)->name, zones->name))
		nodes++;
	r->members = arena_alloc(r->arena, (nodes - first + 1) * sizeof(*r->members));
	if (r->members == NULL) {
		r->no_memory = true;
		return false;
	}
	for (size_t i = first; i < nodes; i++)
		if (!take_node(r, zone_node_at(r->zone, i), &under_member))
			return false;
	return true;
}

/* `under_member`: what comes next may be a property of the last member. */
static bool
take_node(struct reading *r, const struct node *node, bool *under_member)
{
	const struct rrset *pointer;

	if (node->labels == r->labels + 2u) {
		pointer = node_rrset(node, TYPE_PTR);
		*under_member = pointer != NULL;
		return pointer == NULL || take_member(r, node, pointer);
	}
	return !*under_member || node->labels != r->labels + 3u || take_property(r, node);
}

/* Section 4.1. */
static bool
take_member(struct reading *r, const struct node *node, const struct rrset *pointer)
{
	char text[NAME_TEXT_SIZE];
	struct catalog_member *member = &r->members[r->count];

	if (pointer->count > 1) {
		text_printf(r->why, "the member %s has %u PTR records instead of one", name_text(node->name, text),
		    (unsigned)pointer->count);
		return false;
	}
	if (r->count == r->most) {
		text_printf(r->why, "it has more than %zu members", r->most);
		return false;
	}
	member->zone = lower_name(r, pointer->wire + 2);
	member->label = arena_copy(r->arena, node->name, node->name[0] + 1u);
	if (member->zone == NULL || member->label == NULL)
		r->no_memory = true;
	r->count++;
	return !r->no_memory;
}

static bool
take_property(struct reading *r, const struct node *node)
{
	const struct rrset *set;

	if (is_label(node->name, coo_label) && (set = node_rrset(node, TYPE_PTR)) != NULL)
		return take_owner(r, node, set);
	if (is_label(node->name, group_label) && (set = node_rrset(node, TYPE_TXT)) != NULL)
		return take_groups(r, set);
	return true;
}

/* Section 4.3.1. */
static bool
take_owner(struct reading *r, const struct node *node, const struct rrset *pointer)
{
	char text[NAME_TEXT_SIZE];

	if (pointer->count > 1) {
		text_printf(r->why, "%s has %u PTR records instead of one", name_text(node->name, text),
		    (unsigned)pointer->count);
		return false;
	}
	r->members[r->count - 1].owner = lower_name(r, pointer->wire + 2);
	r->no_memory |= r->members[r->count - 1].owner == NULL;
	return !r->no_memory;
}

/* Section 4.3.2: there may be several, for several consumers. */
static bool
take_groups(struct reading *r, const struct rrset *texts)
{
	struct catalog_member *member = &r->members[r->count - 1];
	const char **groups = arena_alloc(r->arena, texts->count * sizeof(char *));
	const uint8_t *wire = texts->wire;

	for (unsigned i = 0; groups != NULL && i < texts->count; i++, wire += 2 + wire_get_u16(wire)) {
		const char *group = group_text(r, wire + 2, wire_get_u16(wire));

		if (group != NULL)
			groups[member->group_count++] = group;
	}
	member->groups = groups;
	r->no_memory |= groups == NULL;
	return !r->no_memory;
}

/* A long value may be cut into several strings. NULL: it's none that anybody could have written here. */
static char *
group_text(struct reading *r, const uint8_t *rdata, uint16_t length)
{
	char *text = arena_alloc(r->arena, length + 1u);
	size_t to = 0;

	r->no_memory |= text == NULL;
	for (size_t at = 0; text != NULL && at < length; at += rdata[at] + 1u) {
		memcpy(text + to, rdata + at + 1, rdata[at]);
		to += rdata[at];
	}
	return text == NULL || to == 0 || memchr(text, 0, to) != NULL ? NULL : text;
}

static bool
is_label(const uint8_t *name, const uint8_t *label)
{
	return memcmp(name, label, label[0] + 1u) == 0;
}

/* NULL: out of memory. */
static uint8_t *
lower_name(struct reading *r, const uint8_t *name)
{
	size_t length = name_length(name, NAME_MAX);
	uint8_t *copy = arena_alloc(r->arena, length);

	if (copy != NULL)
		name_lower(copy, name, length);
	return copy;
}

static bool
check_doubles(struct reading *r)
{
	char text[NAME_TEXT_SIZE];

	if (r->count > 1)
		qsort(r->members, r->count, sizeof(*r->members), compare_members);
	for (size_t i = 1; i < r->count; i++)
		if (name_compare(r->members[i - 1].zone, r->members[i].zone) == 0) {
			text_printf(r->why, "the zone %s is a member twice", name_text(r->members[i].zone, text));
			return false;
		}
	return true;
}

static int
compare_members(const void *a, const void *b)
{
	const struct catalog_member *x = a, *y = b;

	return name_compare(x->zone, y->zone);
}

const struct catalog_member *
catalog_find(const struct catalog *catalog, const uint8_t *zone)
{
	struct catalog_member wanted = { .zone = zone };

	return catalog->count == 0 ? NULL
	    : bsearch(&wanted, catalog->members, catalog->count, sizeof(wanted), compare_members);
}

/* --- writing ------------------------------------------------------------------------------------------------- */

const char *
catalog_label(const uint8_t *zone, uint32_t time, char label[static CATALOG_LABEL_SIZE])
{
	uint8_t bytes[4 + NAME_MAX];
	char digits[SHA256_TEXT_SIZE];
	size_t length = name_length(zone, NAME_MAX);

	wire_put_u32(bytes, time);
	memcpy(bytes + 4, zone, length);
	memcpy(label, sha256_text(bytes, 4 + length, digits), CATALOG_LABEL_SIZE - 1);
	label[CATALOG_LABEL_SIZE - 1] = '\0';
	return label;
}

/* Who consumes it asks once an hour, and is told of changes; what it expires after is what the longest repair of all
 * producers may take (four weeks): members stay even then. Nobody caches any of it. */
#define CATALOG_SOA "invalid. invalid. 1 3600 600 2419200 0"

char *
catalog_write(const char *apex, const struct catalog_entry *entries, size_t count)
{
	const char *parent = strcmp(apex, ".") == 0 ? "" : apex;
	struct text text = { 0 };

	text_printf(&text, "%s 0 IN SOA " CATALOG_SOA "\n%s 0 IN NS invalid.\nversion.%s 0 IN TXT \"2\"\n", apex, apex,
	    parent);
	for (size_t i = 0; i < count; i++) {
		const struct catalog_entry *entry = &entries[i];

		text_printf(&text, "%s.zones.%s 0 IN PTR %s\n", entry->label, parent, entry->zone);
		if (entry->group == NULL)
			continue;
		text_printf(&text, "group.%s.zones.%s 0 IN TXT ", entry->label, parent);
		write_group(&text, entry->group);
	}
	return text_take(&text);
}

static void
write_group(struct text *text, const char *group)
{
	text_puts(text, "\"");
	for (; *group != '\0'; group++) {
		unsigned char c = (unsigned char)*group;

		if (c < ' ' || c > '~')
			text_printf(text, "\\%03u", c);
		else
			text_printf(text, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	text_puts(text, "\"\n");
}
