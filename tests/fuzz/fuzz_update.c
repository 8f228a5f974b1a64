/* fuzz_update.c -- transfer/update: any message is answered by an rcode, or makes a zone whose edited text reads as it,
 * and whose serial has risen if anything is different. */
#define FUZZ_NAME "update"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "transfer/update.h"
#include "zone/master.h"
#include "zone/soa.h"

static const uint8_t apex[] = "\7example\3com";
static const char text[] = "$TTL 60\n@ SOA ns1 h ( 9 ; serial\n 2 3 4 5 )\n  NS ns1\n  MX 10 mail\nns1 A 192.0.2.53\n"
    "a A 192.0.2.1\n  A 192.0.2.2\n  TXT x\ntwo NS ns1\nalias CNAME a\ndeep.er.name A 192.0.2.3\nd DNAME example.net.\n"
    "*.wild TXT y\neu._region.a A 192.0.2.4\n";

static void carry_out(const struct zone *zone, const struct rrset_edit *edits, size_t count);
static void compare(struct zone *edited, const char *after);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct zone *zone;
	struct diags diags = { 0 };
	struct arena *arena = arena_new();
	struct update *update;
	struct rrset_edit *edits;
	uint8_t name[NAME_MAX];
	size_t count;

	if (zone == NULL)
		zone = master_read(text, "zone", apex, &diags);
	diag_fini(&diags);
	if (zone == NULL || arena == NULL)
		abort();
	if (update_read(arena, bytes, length, &update) == RCODE_NOERROR) {
		if (update_zone(bytes, length, name) != RCODE_NOERROR)
			abort();
		for (size_t i = 0; i < update_count(update); i++)
			if (!name_is_under(update_at(update, i).owner, name))
				abort();
		if (name_compare(name, apex) == 0
		    && update_plan(update, zone, arena, &edits, &count) == RCODE_NOERROR && count > 0)
			carry_out(zone, edits, count);
	}
	arena_free(arena);
	return 0;
}

static void
carry_out(const struct zone *zone, const struct rrset_edit *edits, size_t count)
{
	struct zone *edited;
	char *after;

	switch (zone_edit(zone, edits, count, &edited)) {
	case ZONE_EDITED:
		break;
	case ZONE_EDIT_TOO_LARGE:
		return;
	default:
		abort();
	}
	if (!soa_is_newer(zone_serial(edited), zone_serial(zone)) || node_rrset(zone_apex(edited), TYPE_NS) == NULL)
		abort();
	after = text_edit(text, zone, edits, count);
	if (after == NULL)
		abort();
	compare(edited, after);
	free(after);
	zone_release(edited);
}

/* A zone with errors isn't read; one without is the same. */
static void
compare(struct zone *edited, const char *after)
{
	struct diags diags = { 0 };
	struct text first = { 0 }, second = { 0 };
	struct zone *again;

	if (!master_check(after, "edited", edited, &diags)) {
		diag_fini(&diags);
		return;
	}
	again = master_read(after, "edited", apex, &diags);
	if (again == NULL)
		abort();
	master_write(edited, &first);
	master_write(again, &second);
	if (first.failed || second.failed || strcmp(first.bytes, second.bytes) != 0)
		abort();
	zone_release(again);
	text_fini(&first);
	text_fini(&second);
	diag_fini(&diags);
}
