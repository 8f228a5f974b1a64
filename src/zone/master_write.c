/* master_write.c -- a zone as a master file that any server reads.
 * In: a zone. Out: text. Owners are relative to $ORIGIN and stand on every line, so that a line found by grep or shown
 * by diff speaks for itself; names in RDATA are complete, so that it can be copied to another zone.
 * $TTL is that of the SOA, and only records that differ from it state their own. An RRset is followed by its
 * signatures, and NSEC3 records stand at the end. */
#include "zone/master_write.h"

#include <string.h>

#include "dns/types.h"
#include "zone/rdata_write.h"
#include "zone/rrtype.h"

static void write_node(const struct node *node, const uint8_t *origin, uint32_t ttl, struct text *out);
static void write_signed(const struct node *node, const struct rrset *set, const uint8_t *origin, uint32_t ttl,
	struct text *out);
static void write_set(const struct node *node, const struct rrset *set, const uint8_t *origin, uint32_t ttl,
	struct text *out);

void
master_write(const struct zone *zone, struct text *out)
{
	const struct node *apex = zone_apex(zone);
	const struct rrset *soa = zone_soa(zone);
	char text[NAME_TEXT_SIZE];

	text_printf(out, "$ORIGIN %s\n$TTL %u\n", name_text(apex->name, text), soa->ttl);
	write_signed(apex, soa, apex->name, soa->ttl, out);
	for (size_t i = 0; i < zone_node_count(zone); i++)
		write_node(zone_node_at(zone, i), apex->name, soa->ttl, out);
	for (size_t i = 0; i < zone_nsec3_count(zone); i++)
		write_node(zone_nsec3_at(zone, i), apex->name, soa->ttl, out);
}

static void
write_node(const struct node *node, const uint8_t *origin, uint32_t ttl, struct text *out)
{
	for (uint16_t i = 0; i < node->rrset_count; i++)
		if (node->rrsets[i].type != TYPE_SOA)
			write_signed(node, &node->rrsets[i], origin, ttl, out);
}

static void
write_signed(const struct node *node, const struct rrset *set, const uint8_t *origin, uint32_t ttl, struct text *out)
{
	struct rrset signatures;

	write_set(node, set, origin, ttl, out);
	if (rrset_signatures(set, &signatures))
		write_set(node, &signatures, origin, ttl, out);
}

static void
write_set(const struct node *node, const struct rrset *set, const uint8_t *origin, uint32_t ttl, struct text *out)
{
	const uint8_t *at = set->wire;
	char owner[NAME_TEXT_SIZE], type[16];

	master_write_name(node->name, origin, owner);
	rrtype_text(set->type, type);
	for (uint16_t i = 0; i < set->count; i++) {
		uint16_t rdlength = (uint16_t)(at[0] << 8 | at[1]);

		text_puts(out, owner);
		if (set->ttl != ttl)
			text_printf(out, "\t%u", set->ttl);
		text_printf(out, "\tIN\t%s\t", type);
		rdata_write(set->type, at + 2, rdlength, out);
		text_add(out, "\n", 1);
		at += 2 + (size_t)rdlength;
	}
}

void
master_write_rr(const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t rdlength,
    struct text *out)
{
	char name[NAME_TEXT_SIZE], type_name[16];

	text_printf(out, "%s %u IN %s ", name_text(owner, name), ttl, rrtype_text(type, type_name));
	rdata_write(type, rdata, rdlength, out);
}

const char *
master_write_name(const uint8_t *name, const uint8_t *origin, char text[static NAME_TEXT_SIZE])
{
	unsigned labels = name_labels(name), origin_labels = name_labels(origin);
	uint8_t relative[NAME_MAX];
	size_t at = 0;

	if (origin_labels == 0 || !name_is_under(name, origin))
		return name_text(name, text);
	if (labels == origin_labels)
		return strcpy(text, "@");
	for (unsigned i = 0; i < labels - origin_labels; i++)
		at += name[at] + 1u;
	memcpy(relative, name, at);
	relative[at] = 0;
	name_text(relative, text);
	text[strlen(text) - 1] = '\0';		/* the final dot */
	return text;
}
