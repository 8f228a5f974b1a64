/* test_master_random.c -- master files by chance: what is written reads back as the same zone, what is set and deleted
 * leaves no trace, ldns reads the same records, and no bytes do harm. The dice are seeded: each run is the same. */
#include "zone/master.h"

#include <dirent.h>
#include <ldns/ldns.h>

#include "dns/types.h"
#include "suite.h"
#include "zone/rdata_write.h"

#define ZONES 60	/* generated ones in each test */
#define MUTATIONS 2000
#define OWNERS 12
#define RDATA_LARGEST 300

static const uint8_t apex[] = "\7example\3com";
static uint64_t seed;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static unsigned
dice(unsigned sides)
{
	uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ (z >> 31)) % sides);
}

/* --- zones and their comparison ----------------------------------------------------------------------------- */

static struct zone *
read_text(const char *text)
{
	struct diags diags = { 0 };
	struct zone *zone = master_read(text, "zone", apex, &diags);

	if (zone == NULL) {
		struct text messages = { 0 };

		diag_print(&diags, &messages);
		SUITE_TEXT(messages.bytes, "no errors");
		SUITE_TEXT(text, "a zone");
		text_fini(&messages);
	}
	diag_fini(&diags);
	return zone;
}

static bool
is_left_out(const struct node *node, const struct rrset *set, const uint8_t *owner, uint16_t type)
{
	return set->type == TYPE_SOA || (owner != NULL && (type == 0 || set->type == type)
	    && node->name_length == name_length(owner, NAME_MAX) && memcmp(node->name, owner, node->name_length) == 0);
}

static void describe_set(const struct node *node, const struct rrset *set, struct text *out);

/* All records as text but the SOA and the RRset of `owner` and `type` (0: all types). */
static void
describe(const struct zone *zone, const uint8_t *owner, uint16_t type, struct text *out)
{
	for (size_t i = 0; i < zone_node_count(zone); i++) {
		const struct node *node = zone_node_at(zone, i);

		for (uint16_t k = 0; k < node->rrset_count; k++) {
			const struct rrset *set = &node->rrsets[k];
			struct rrset signatures;

			if (is_left_out(node, set, owner, type))
				continue;
			describe_set(node, set, out);
			if (rrset_signatures(set, &signatures))
				describe_set(node, &signatures, out);
		}
	}
	for (size_t i = 0; i < zone_nsec3_count(zone); i++)
		describe_set(zone_nsec3_at(zone, i), zone_nsec3_at(zone, i)->rrsets, out);
}

static void
describe_set(const struct node *node, const struct rrset *set, struct text *out)
{
	for (const uint8_t *at = set->wire; at < set->wire + set->length; at += 2 + (at[0] << 8 | at[1])) {
		master_write_rr(node->name, set->type, set->ttl, at + 2, (uint16_t)(at[0] << 8 | at[1]), out);
		text_puts(out, "\n");
	}
}

static bool
same(const struct zone *a, const struct zone *b, const uint8_t *owner, uint16_t type)
{
	struct text text_a = { 0 }, text_b = { 0 };
	bool equal;

	text_puts(&text_a, "");
	text_puts(&text_b, "");
	describe(a, owner, type, &text_a);
	describe(b, owner, type, &text_b);
	equal = strcmp(text_a.bytes, text_b.bytes) == 0;
	if (!equal)
		SUITE_TEXT(text_a.bytes, text_b.bytes);
	text_fini(&text_a);
	text_fini(&text_b);
	return equal;
}

/* --- by chance ---------------------------------------------------------------------------------------------- */

/* A name below the apex of one to three labels, of any octets but capital letters. */
static size_t
random_name(uint8_t *name)
{
	static const char plain[] = "abcxyz019-_*";
	size_t at = 0;

	for (unsigned labels = 1 + dice(3); labels > 0; labels--) {
		unsigned length = 1 + dice(dice(8) == 0 ? 63 : 4);

		name[at++] = (uint8_t)length;
		for (unsigned i = 0; i < length; i++, at++) {
			name[at] = dice(6) > 0 ? (uint8_t)plain[dice(sizeof(plain) - 1)] : (uint8_t)dice(256);
			name_lower(&name[at], &name[at], 1);
		}
	}
	memcpy(name + at, apex, sizeof(apex));
	return at + sizeof(apex);
}

static size_t
random_octets(uint8_t *to, size_t length)
{
	for (size_t i = 0; i < length; i++)
		to[i] = (uint8_t)dice(256);
	return length;
}

static size_t
random_string(uint8_t *to)
{
	size_t length = dice(20) == 0 ? 255 : dice(12);

	to[0] = (uint8_t)length;
	return 1 + random_octets(to + 1, length);
}

/* RDATA of a type; of those with a name in it, of names that need escapes too. */
static uint16_t
random_rdata(uint16_t type, uint8_t *rdata)
{
	size_t length = 0;

	switch (type) {
	case TYPE_A:
		return (uint16_t)random_octets(rdata, 4);
	case TYPE_AAAA:
		return (uint16_t)random_octets(rdata, 16);
	case TYPE_MX:
		length = random_octets(rdata, 2);
		return (uint16_t)(length + random_name(rdata + length));
	case TYPE_SRV:
		length = random_octets(rdata, 6);
		return (uint16_t)(length + random_name(rdata + length));
	case TYPE_CNAME:
	case TYPE_PTR:
		return (uint16_t)random_name(rdata);
	case TYPE_TXT:
		do
			length += random_string(rdata + length);
		while (length < RDATA_LARGEST - 256 && dice(2) == 0);
		return (uint16_t)length;
	case TYPE_DS:
		length = random_octets(rdata, 4);
		return (uint16_t)(length + random_octets(rdata + length, 1 + dice(40)));
	default:
		return (uint16_t)random_octets(rdata, dice(30));
	}
}

static uint16_t
random_type(void)
{
	static const uint16_t types[] = {
		TYPE_A, TYPE_A, TYPE_AAAA, TYPE_MX, TYPE_SRV, TYPE_PTR, TYPE_TXT, TYPE_TXT, TYPE_DS, 65280, 10,
	};

	return types[dice(ARRAY_SIZE(types))];
}

struct owners {
	uint8_t names[OWNERS][NAME_MAX];
	bool is_alias[OWNERS];
};

static struct zone *
random_zone(void)
{
	static const uint8_t soa[] = "\3ns1\7example\3com\0\1h\7example\3com\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5";
	struct zone_builder *builder = zone_builder_new(apex);
	struct owners owners = { 0 };
	uint8_t rdata[RDATA_LARGEST + 256];
	struct zone *zone = NULL;
	bool good = builder != NULL;

	good = good && zone_builder_add(builder, apex, TYPE_SOA, 60, soa, sizeof(soa) - 1) == ZONE_ADDED
	    && zone_builder_add(builder, apex, TYPE_NS, dice(100), (const uint8_t *)"\2ns\3net", 8) == ZONE_ADDED;
	for (unsigned i = 0; i < OWNERS; i++) {
		random_name(owners.names[i]);
		owners.is_alias[i] = dice(6) == 0;
		for (unsigned k = 0; k < i; k++)
			if (memcmp(owners.names[k], owners.names[i], name_length(owners.names[i], NAME_MAX)) == 0)
				owners.is_alias[i] = true, owners.names[i][0] = 0;
	}
	for (unsigned i = 0; i < 40 && good; i++) {
		unsigned k = dice(OWNERS);
		uint16_t type = owners.is_alias[k] ? TYPE_CNAME : random_type();

		if (owners.names[k][0] == 0)
			continue;
		good = zone_builder_add(builder, owners.names[k], type, dice(2) == 0 ? 60 : dice(3), rdata,
		    random_rdata(type, rdata)) != ZONE_NO_MEMORY;
		if (owners.is_alias[k])
			owners.names[k][0] = 0;		/* one CNAME is enough */
	}
	CU_ASSERT_FATAL(good && zone_builder_freeze(builder, &zone) == ZONE_OK);
	return zone;
}

/* --- a zone as a file that makes use of all that may be left out -------------------------------------------- */

/* Records in an order by chance, that of each RRset kept, with blank owners, $ORIGIN, $TTL, parentheses, comments. */
static void
write_wildly(const struct zone *zone, struct text *out)
{
	static const char *const ends[] = { "\n", "\n", " ; comment (\n", "\r\n", "\n\n; line\n   \n", "\t\n" };
	/* Without $TTL, the TTL stated last is inherited. */
	bool has_default = dice(3) > 0, has_ttl = has_default;
	uint32_t inherited_ttl = 60;
	const uint8_t *owner = NULL, *origin = apex;
	char text[NAME_TEXT_SIZE], type[16];

	if (has_default)
		text_puts(out, "$TTL 60\n");
	for (size_t i = 0; i < zone_node_count(zone); i++) {
		const struct node *node = zone_node_at(zone, i);

		for (uint16_t k = 0; k < node->rrset_count; k++) {
			const struct rrset *set = &node->rrsets[k];

			for (const uint8_t *at = set->wire; at < set->wire + set->length;
			    at += 2 + (at[0] << 8 | at[1])) {
				bool open = dice(5) == 0;

				if (has_default && dice(6) == 0) {
					inherited_ttl = dice(2) == 0 ? 60 : dice(3);
					text_printf(out, "$TTL %u\n", inherited_ttl);
				}
				if (dice(6) == 0) {
					origin = dice(2) == 0 || node->parent == NULL ? apex : node->parent->name;
					text_printf(out, "$ORIGIN %s\n", name_text(origin, text));
				}
				if (owner == node->name && dice(2) == 0)
					text_puts(out, dice(2) == 0 ? "  " : "\t\t");
				else if (dice(3) == 0)
					text_printf(out, "%s ", name_text(node->name, text));
				else
					text_printf(out, "%s\t", master_write_name(node->name, origin, text));
				owner = node->name;
				if (!has_ttl || set->ttl != inherited_ttl || dice(3) == 0) {
					text_printf(out, dice(2) == 0 ? "%u " : "%u IN ", set->ttl);
					inherited_ttl = has_default ? inherited_ttl : set->ttl;
					has_ttl = true;
				} else if (dice(2) == 0)
					text_puts(out, "in ");
				text_printf(out, "%s %s", rrtype_text(set->type, type), open ? "( ; (\n " : "");
				rdata_write(set->type, at + 2, (uint16_t)(at[0] << 8 | at[1]), out);
				text_puts(out, open ? "\n)" : "");
				text_puts(out, ends[dice(ARRAY_SIZE(ends))]);
			}
		}
	}
}

/* --- the tests ---------------------------------------------------------------------------------------------- */

static void
test_write_and_read(void)
{
	for (seed = 1; seed <= ZONES * 1000; seed = (seed / 1000 + 1) * 1000) {
		uint64_t number = seed;
		struct zone *zone = random_zone(), *again;
		struct text tidy = { 0 }, wild = { 0 };

		master_write(zone, &tidy);
		again = read_text(tidy.bytes);
		CU_ASSERT(again != NULL && same(zone, again, NULL, 0));
		CU_ASSERT(again != NULL && zone_serial(again) == 1);
		zone_release(again);
		write_wildly(zone, &wild);
		again = read_text(wild.bytes);
		CU_ASSERT(again != NULL && same(zone, again, NULL, 0));
		zone_release(again);
		zone_release(zone);
		text_fini(&tidy);
		text_fini(&wild);
		seed = number;
	}
}

/* RDATA in presentation form, one to three of them. */
static size_t
random_values(uint16_t type, char *values[3])
{
	size_t count = 1 + dice(3);

	for (size_t i = 0; i < count; i++) {
		uint8_t rdata[RDATA_LARGEST + 256];
		struct text text = { 0 };

		rdata_write(type, rdata, random_rdata(type, rdata), &text);
		values[i] = text_take(&text);
	}
	return count;
}

/* The text; the zone is checked. */
static char *
edit_well(struct edited *edited, struct diags *diags)
{
	char *text = edited->text;

	if (edited->zone != NULL && !master_check(text, "zone", edited->zone, diags)) {
		struct text messages = { 0 };

		diag_print(diags, &messages);
		SUITE_TEXT(messages.bytes, "no errors");
		text_fini(&messages);
	}
	zone_release(edited->zone);
	diag_fini(diags);
	return text;
}

/* An RRset is put in, changed, and taken out: each time nothing else has changed, and in the end nothing at all. */
static void
set_and_delete(const struct zone *zone, const char *text)
{
	struct diags diags = { 0 };
	uint8_t owner[NAME_MAX];
	char name[NAME_TEXT_SIZE], type_name[16], *values[3];
	const struct node *near = zone_node_at(zone, dice((unsigned)zone_node_count(zone)));
	uint16_t type = 65300;
	char *now = NULL;

	random_name(owner);
	if (near->parent != NULL && near->rrset_count > 0 && node_rrset(near, TYPE_CNAME) == NULL && dice(3) > 0)
		memcpy(owner, near->name, near->name_length);
	else if (zone_find_name(zone, owner) != NULL)
		return;
	for (unsigned step = 0; step < 3 && (step == 0 || now != NULL); step++) {
		size_t count = random_values(type, values);
		struct zone *before = read_text(step == 0 ? text : now), *after;
		struct edited next = { NULL, NULL };

		name_text(owner, name);
		rrtype_text(type, type_name);
		CU_ASSERT(step < 2 ? master_set(step == 0 ? text : now, before, "zone", name, type_name, dice(3),
		    (const char *const *)values, count, &next, &diags)
		    : master_delete(now, before, "zone", name, type_name, &next, &diags));
		zone_release(before);
		free(now);
		now = edit_well(&next, &diags);
		after = now == NULL ? NULL : read_text(now);
		CU_ASSERT(after != NULL && same(zone, after, step < 2 ? owner : NULL, type));
		CU_ASSERT(after != NULL && zone_serial(after) == zone_serial(zone) + step + 1);
		if (after != NULL) {
			const struct node *node = zone_find_name(after, owner);
			const struct rrset *set = node == NULL ? NULL : node_rrset(node, type);

			CU_ASSERT((set != NULL) == (step < 2));
			CU_ASSERT(set == NULL || set->count <= count);
		}
		zone_release(after);
		for (size_t i = 0; i < count; i++)
			free(values[i]);
	}
	free(now);
}

/* An RRset that stands in the zone is deleted: all others stay. */
static void
delete_one(const struct zone *zone, const char *text)
{
	const struct node *node = zone_node_at(zone, dice((unsigned)zone_node_count(zone)));
	struct diags diags = { 0 };
	char name[NAME_TEXT_SIZE], type_name[16], *now;
	struct zone *before, *after;
	struct edited next = { NULL, NULL };
	uint16_t type = 0;

	if (node->parent == NULL || node->rrset_count == 0)
		return;
	if (dice(3) > 0)
		type = node->rrsets[dice(node->rrset_count)].type;
	before = read_text(text);
	CU_ASSERT(master_delete(text, before, "zone", name_text(node->name, name),
	    type == 0 ? NULL : rrtype_text(type, type_name), &next, &diags));
	zone_release(before);
	now = edit_well(&next, &diags);
	after = now == NULL ? NULL : read_text(now);
	CU_ASSERT(after != NULL && same(zone, after, node->name, type));
	zone_release(after);
	free(now);
}

static void
test_edit(void)
{
	for (unsigned number = 1; number <= ZONES; number++) {
		struct text wild = { 0 };
		struct zone *zone;

		seed = number * 7919;
		zone = random_zone();
		write_wildly(zone, &wild);
		for (unsigned i = 0; i < 4; i++) {
			set_and_delete(zone, wild.bytes);
			delete_one(zone, wild.bytes);
		}
		zone_release(zone);
		text_fini(&wild);
	}
}

/* --- good fixtures ------------------------------------------------------------------------------------------ */

static int
is_zone(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".zone") == 0;
}

/* Calls `fn` with the text of each NAME.zone in tests/fixtures/FOLDER, and its name. */
static void
each_fixture(const char *folder, int least, void (*fn)(const char *text, const char *name))
{
	const char *source = getenv("ISOBAR_SOURCE");
	struct dirent **entries;
	char path[4096], base[2048];
	int count;

	snprintf(base, sizeof(base), "%s/tests/fixtures/%s", source == NULL ? "." : source, folder);
	count = scandir(base, &entries, is_zone, alphasort);
	CU_ASSERT_FATAL(count >= least);
	for (int i = 0; i < count; i++) {
		size_t length;
		int error;
		char *text;

		snprintf(path, sizeof(path), "%s/%s", base, entries[i]->d_name);
		text = text_read_file(path, 1 << 20, &length, &error);
		CU_ASSERT_PTR_NOT_NULL_FATAL(text);
		fn(text, entries[i]->d_name);
		free(text);
		free(entries[i]);
	}
	free(entries);
}

/* ldns' RDATA with names in lower case, as a zone has them. */
static uint16_t
ldns_rdata(const ldns_rr *rr, uint8_t *rdata)
{
	size_t length = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);

		if (ldns_rdf_get_type(rdf) == LDNS_RDF_TYPE_DNAME)
			name_lower(rdata + length, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
		else if (ldns_rdf_size(rdf) > 0)
			memcpy(rdata + length, ldns_rdf_data(rdf), ldns_rdf_size(rdf));
		length += ldns_rdf_size(rdf);
	}
	return (uint16_t)length;
}

static bool
has_record(const struct zone *zone, const ldns_rr *rr)
{
	static uint8_t rdata[65535];
	uint16_t length = ldns_rdata(rr, rdata);
	uint8_t owner[NAME_MAX];
	const struct node *node;
	const struct rrset *set;
	struct rrset signatures;

	name_lower(owner, ldns_rdf_data(ldns_rr_owner(rr)), ldns_rdf_size(ldns_rr_owner(rr)));
	node = zone_find_name(zone, owner);
	for (size_t i = 0; i < zone_nsec3_count(zone) && ldns_rr_get_type(rr) == LDNS_RR_TYPE_NSEC3; i++)
		node = zone_nsec3_at(zone, i);
	set = node == NULL ? NULL : node_rrset(node, (uint16_t)ldns_rr_get_type(rr));
	if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG
	    && rrset_signatures(node_rrset(node, (uint16_t)(rdata[0] << 8 | rdata[1])), &signatures))
		set = &signatures;
	if (set == NULL || set->ttl != ldns_rr_ttl(rr))
		return false;
	for (const uint8_t *at = set->wire; at < set->wire + set->length; at += 2 + (at[0] << 8 | at[1]))
		if ((at[0] << 8 | at[1]) == length && memcmp(at + 2, rdata, length) == 0)
			return true;
	return false;
}

static void
compare_with_ldns(const char *text, const char *name)
{
	struct zone *zone;
	FILE *file;
	ldns_rdf *origin = NULL;
	ldns_zone *theirs = NULL;
	ldns_rr_list *records;

	/* It has what ldns can't read: the class before the TTL, a relative $ORIGIN, quotes side by side. */
	if (strcmp(name, "forms.zone") == 0)
		return;
	zone = read_text(text);
	file = fmemopen((char *)(uintptr_t)text, strlen(text), "r");
	origin = ldns_dname_new_frm_str("example.com.");
	CU_ASSERT_FATAL(zone != NULL && file != NULL && origin != NULL);
	CU_ASSERT_EQUAL_FATAL(ldns_zone_new_frm_fp(&theirs, file, origin, 0, LDNS_RR_CLASS_IN), LDNS_STATUS_OK);
	records = ldns_zone_rrs(theirs);
	CU_ASSERT_EQUAL(ldns_rr_list_rr_count(records) + 1, zone_records(zone));
	CU_ASSERT(has_record(zone, ldns_zone_soa(theirs)));
	for (size_t i = 0; i < ldns_rr_list_rr_count(records); i++)
		if (!has_record(zone, ldns_rr_list_rr(records, i))) {
			char *theirs_text = ldns_rr2str(ldns_rr_list_rr(records, i));

			SUITE_TEXT(theirs_text, "a record of ours");
			free(theirs_text);
		}
	ldns_zone_deep_free(theirs);
	ldns_rdf_deep_free(origin);
	fclose(file);
	zone_release(zone);
}

static void
test_ldns(void)
{
	each_fixture("zones-good", 4, compare_with_ldns);
}

/* --- mutations ---------------------------------------------------------------------------------------------- */

static char *bases[100];
static size_t base_count;

static void
collect(const char *text, const char *name UNUSED)
{
	if (base_count < ARRAY_SIZE(bases))
		bases[base_count++] = strdup(text);
}

/* Changes, doubles, or takes out a piece; octets that mean something come more often. */
static void
mutate(struct text *text)
{
	static const char special[] = "()\";\\$@. \t\n\r0#-*_=,\"(";
	char *bytes = text->bytes;
	size_t at = text->length == 0 ? 0 : dice((unsigned)text->length), length = dice(dice(4) == 0 ? 200 : 8);
	struct text longer = { 0 };

	if (text->length == 0)
		return;
	if (length > text->length - at)
		length = text->length - at;
	switch (dice(4)) {
	case 0:
		bytes[at] = (char)(1 + dice(255));
		return;
	case 1:
		bytes[at] = special[dice(sizeof(special) - 1)];
		return;
	case 2:
		memmove(bytes + at, bytes + at + length, text->length - at - length + 1);
		text->length -= length;
		return;
	default:
		text_add(&longer, bytes, at + length);
		text_puts(&longer, bytes + at);
		text_fini(text);
		*text = longer;
	}
}

/* Whatever comes: a zone or errors, never both; a zone reads back from what it is written as; an edit gives a zone. */
static void
read_mutated(const char *text)
{
	const char *const rdata[] = { "192.0.2.200" };
	struct diags diags = { 0 };
	struct zone *zone = master_read(text, "zone", apex, &diags), *again;
	struct text out = { 0 };
	struct edited edited = { NULL, NULL };

	CU_ASSERT_EQUAL(zone == NULL, diag_failed(&diags));
	diag_fini(&diags);
	if (zone != NULL) {
		master_write(zone, &out);
		again = read_text(out.bytes);
		CU_ASSERT(again != NULL && same(zone, again, NULL, 0));
		zone_release(again);
		text_fini(&out);
	}
	if (zone != NULL && master_set(text, zone, "zone", "eu._region.www.example.com.", "A", 60, rdata, 1, &edited,
	    &diags)) {
		CU_ASSERT(strstr(edited.text, "192.0.2.200") != NULL);
		again = master_check(edited.text, "zone", edited.zone, &diags) ? read_text(edited.text) : NULL;
		CU_ASSERT(again == NULL || same(again, edited.zone, NULL, 0));
		zone_release(again);
		zone_release(edited.zone);
		free(edited.text);
	}
	zone_release(zone);
	diag_fini(&diags);
}

static void
test_mutations(void)
{
	unsigned mutations = suite_rounds(MUTATIONS);

	each_fixture("zones-good", 4, collect);
	each_fixture("zones-broken", 50, collect);
	seed = 4711;
	for (unsigned i = 0; i < mutations; i++) {
		struct text text = { 0 };

		text_puts(&text, bases[dice((unsigned)base_count)]);
		for (unsigned k = 1 + dice(6); k > 0; k--)
			mutate(&text);
		read_mutated(text.length == 0 ? "" : text.bytes);
		text_fini(&text);
	}
	for (size_t i = 0; i < base_count; i++)
		free(bases[i]);
}

static const struct suite_case cases[] = {
	{ .name = "what is written reads back as the same zone", .run = test_write_and_read },
	{ .name = "edits change nothing else", .run = test_edit },
	{ .name = "ldns reads the same records", .run = test_ldns },
	{ .name = "mutated files do no harm", .run = test_mutations },
};

int
main(void)
{
	return suite_run("master_random", cases, ARRAY_SIZE(cases));
}
