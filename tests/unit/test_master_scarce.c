/* test_master_scarce.c -- zone/master when memory runs out: never half a zone, half a text, or a serial not raised. */
#include "zone/master.h"

#include "scarce.h"

#define ZONE "$TTL 60\n@ SOA ns1 h 9 2 3 4 5\n NS ns1\nns1 A 192.0.2.53\nsub NS ns.sub\nns.sub A 192.0.2.1\n" \
	"www A 192.0.2.1\n TXT \"x\" y\nmail MX 10 ns1\nold TYPE65280 \\# 1 01\nc CAA 0 issue \"x\"\n"
#define DOUBTFUL ZONE "x MX 10 www.example.com\nx MX 20 192.0.2.1\ny.ns1 CNAME nowhere\n"
#define BROKEN ZONE "www CNAME ns1\nx AAA 192.0.2.1\nwww A 192.0.2.300\n"
#define EDITED "$TTL 60\n@ SOA ns1 h 10 2 3 4 5\n NS ns1\nns1 A 192.0.2.53\nsub NS ns.sub\nns.sub A 192.0.2.1\n" \
	"www A 192.0.2.1\nwww A 192.0.2.2\n TXT \"x\" y\nmail MX 10 ns1\nold TYPE65280 \\# 1 01\nc CAA 0 issue \"x\"\n"
#define CUT "$TTL 60\n@ SOA ns1 h 10 2 3 4 5\n NS ns1\nns1 A 192.0.2.53\nsub NS ns.sub\nns.sub A 192.0.2.1\n" \
	"www TXT \"x\" y\nmail MX 10 ns1\nold TYPE65280 \\# 1 01\nc CAA 0 issue \"x\"\n"

static const uint8_t apex[] = "\7example\3com";

static bool
read_good(void)
{
	struct diags diags = { 0 };
	struct zone *zone = master_read(ZONE, "z", apex, &diags);
	bool good = zone != NULL && diags.count == 0;

	CU_ASSERT((zone == NULL) == diag_failed(&diags));
	CU_ASSERT(zone == NULL || zone_records(zone) == 10);
	zone_release(zone);
	diag_fini(&diags);
	return good;
}

static bool
read_doubtful(void)
{
	struct diags diags = { 0 };
	struct zone *zone = master_read(DOUBTFUL, "z", apex, &diags);
	bool good = zone != NULL && diags.count == 3;

	for (size_t i = 0; i < diags.count && good; i++)
		good = diags.list[i].message != NULL && diags.list[i].file != NULL && diags.list[i].line > 0;
	good = good && diags.list[0].suggestion != NULL;
	CU_ASSERT((zone == NULL) == diag_failed(&diags));
	zone_release(zone);
	diag_fini(&diags);
	return good;
}

static bool
read_broken(void)
{
	struct diags diags = { 0 };
	struct zone *zone = master_read(BROKEN, "z", apex, &diags);
	bool good = diags.count == 3 && diags.errors == 3;

	for (size_t i = 0; i < diags.count && good; i++)
		good = diags.list[i].message != NULL && diags.list[i].file != NULL && diags.list[i].line > 0;
	CU_ASSERT(zone == NULL && diag_failed(&diags));
	diag_fini(&diags);
	return good && diags.count == 0;
}

static struct zone *written;

static bool
set(void)
{
	static const char *const rdata[] = { "192.0.2.1", "192.0.2.2" };
	struct diags diags = { 0 };
	struct edited edited = { NULL, NULL };
	bool good = master_set(ZONE, written, "z", "www.example.com", "A", 60, rdata, 2, &edited, &diags);

	CU_ASSERT(good != diag_failed(&diags));
	if (good)
		SUITE_TEXT(edited.text, EDITED);
	if (good) {
		zone_release(edited.zone);
		free(edited.text);
	}
	diag_fini(&diags);
	return good;
}

static bool
delete(void)
{
	struct diags diags = { 0 };
	struct edited edited = { NULL, NULL };
	bool good = master_delete(ZONE, written, "z", "www.example.com", "A", &edited, &diags);

	CU_ASSERT(good != diag_failed(&diags));
	if (good)
		SUITE_TEXT(edited.text, CUT);
	if (good) {
		zone_release(edited.zone);
		free(edited.text);
	}
	diag_fini(&diags);
	return good;
}

static bool
write_zone(void)
{
	struct text out = { 0 };
	bool good;

	master_write(written, &out);
	good = !out.failed;
	text_fini(&out);
	return good;
}

static void
test_read(void)
{
	SCARCE_EACH(read_good);
	SCARCE_EACH(read_doubtful);
	SCARCE_EACH(read_broken);
}

static void
test_edit(void)
{
	struct diags diags = { 0 };

	written = master_read(ZONE, "z", apex, &diags);
	CU_ASSERT_PTR_NOT_NULL_FATAL(written);
	SCARCE_EACH(set);
	SCARCE_EACH(delete);
	zone_release(written);
	diag_fini(&diags);
}

static void
test_write(void)
{
	struct diags diags = { 0 };

	written = master_read(ZONE, "z", apex, &diags);
	CU_ASSERT_PTR_NOT_NULL_FATAL(written);
	SCARCE_EACH(write_zone);
	zone_release(written);
	diag_fini(&diags);
}

static const struct suite_case cases[] = {
	{ .name = "reading", .run = test_read },
	{ .name = "editing", .run = test_edit },
	{ .name = "writing", .run = test_write },
};

int
main(void)
{
	return suite_run("master without memory", cases, ARRAY_SIZE(cases));
}
