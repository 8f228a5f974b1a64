/* test_outgoing.c -- transfer/outgoing, difference and edition: what is sent is the zone; a difference makes the one zone
 * of the other; histories, serials, readers; large zones in many signed messages. */
#include "transfer/outgoing.h"

#include "dns/types.h"
#include "dns/wire.h"
#include "suite.h"

#define NOW 1700000000u
#define RECORDS_MAX 20000

static const uint8_t apex[] = "\7example";
static struct tsig_key key = { .name = "\1k", .algorithm = TSIG_SHA256, .secret_length = 4, .secret = "abcd" };

struct list { size_t count; char *records[RECORDS_MAX]; };

/* `hosts` names with an address each, every `step`-th with another one. */
static struct zone *
make_zone(uint32_t serial, unsigned hosts, unsigned step)
{
	uint8_t soa[] = "\2ns\7example\0\4root\0" "\0\0\0\0" "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4";
	struct zone_builder *builder = zone_builder_new(apex);
	struct zone *zone = NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(builder);
	wire_put_u32(soa + 17, serial);
	CU_ASSERT_EQUAL_FATAL(zone_builder_add(builder, apex, TYPE_SOA, 60, soa, sizeof(soa) - 1), ZONE_ADDED);
	CU_ASSERT_EQUAL_FATAL(zone_builder_add(builder, apex, TYPE_NS, 60, (const uint8_t *)"\2NS\7example", 12), ZONE_ADDED);
	for (unsigned i = 0; i < hosts; i++) {
		char text[64];
		uint8_t name[NAME_MAX], address[4] = { 192, (uint8_t)(step > 0 && i % step == 0), (uint8_t)(i >> 8), (uint8_t)i };

		snprintf(text, sizeof(text), i % 10 == 0 ? "eu._region.h%u.example." : "h%u.example.", i);
		if (name_parse(text, name) == 0)
			abort();
		CU_ASSERT_EQUAL_FATAL(zone_builder_add(builder, name, TYPE_A, 60, address, 4), ZONE_ADDED);
	}
	CU_ASSERT_EQUAL_FATAL(zone_builder_freeze(builder, &zone), ZONE_OK);
	return zone;
}

static size_t
read_name(const uint8_t *message, size_t at, uint8_t name[static NAME_MAX])
{
	size_t length = 0, after = 0;

	for (;;) {
		uint8_t label = message[at];

		if (label >= 0xc0) {
			after = after == 0 ? at + 2 : after;
			at = (size_t)(label & 0x3f) << 8 | message[at + 1];
			continue;
		}
		memcpy(name + length, message + at, label + 1u);
		length += label + 1u;
		at += label + 1u;
		if (label == 0)
			return after == 0 ? at : after;
	}
}

/* Each record as a line; names in RDATA are left as they came, but for NS and SOA, which are cut off. */
static void
add_records(struct list *list, const uint8_t *message)
{
	uint8_t name[NAME_MAX];
	char text[NAME_TEXT_SIZE], line[NAME_TEXT_SIZE + 200];
	size_t at = HEADER_SIZE;

	for (unsigned q = 0; q < wire_get_u16(message + 4); q++)
		at = read_name(message, at, name) + 4;
	for (unsigned i = 0; i < wire_get_u16(message + 6); i++) {
		unsigned type, length, shown;

		at = read_name(message, at, name);
		type = wire_get_u16(message + at);
		length = wire_get_u16(message + at + 8);
		at += 10;
		shown = type == TYPE_A ? length : 0;
		snprintf(line, sizeof(line), "%s %u", name_text(name, text), type);
		for (unsigned k = 0; k < shown; k++)
			snprintf(line + strlen(line), sizeof(line) - strlen(line), " %u", message[at + k]);
		if (type == TYPE_SOA)
			snprintf(line + strlen(line), sizeof(line) - strlen(line), " %u",
			    (unsigned)wire_get_u32(message + at + length - 20));
		at += length;
		if (list->count == RECORDS_MAX)
			abort();
		list->records[list->count++] = strdup(line);
	}
}

static void
clear(struct list *list)
{
	while (list->count > 0)
		free(list->records[--list->count]);
}

static const uint8_t request[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0" "\7example\0\0\xfc\0\1";

/* All messages of it; how many. With `maker` each is signed, and checked. */
static unsigned
run(struct outgoing_wish *wish, struct list *list, struct tsig_maker *maker, size_t most)
{
	static uint8_t message[65535];
	uint8_t signed_request[600];
	struct query query;
	struct tsig ours, seen;
	struct outgoing *outgoing;
	unsigned count = 0;
	size_t length;

	memcpy(signed_request, request, sizeof(request) - 1);
	if (maker != NULL) {
		const struct tsig_keys keys = { 1, &key };

		length = tsig_sign_request(&ours, maker, &key, signed_request, sizeof(request) - 1, NOW);
		CU_ASSERT_EQUAL(tsig_verify(&seen, maker, &keys, signed_request, length, sizeof(request) - 1, NOW),
		    TSIG_GOOD);
		wish->tsig = &seen;
		wish->maker = maker;
	}
	CU_ASSERT_EQUAL(query_read(&query, request, sizeof(request) - 1), QUERY_OK);
	query.edns = wish->padded;
	wish->query = &query;
	wish->request = request;
	outgoing = outgoing_new(wish);
	CU_ASSERT_PTR_NOT_NULL_FATAL(outgoing);
	CU_ASSERT_TRUE(edition_is_read(wish->edition));
	while ((length = outgoing_next(outgoing, message, most, NOW)) > 0) {
		CU_ASSERT_TRUE(length <= most);
		count++;
		CU_ASSERT_TRUE(!wish->padded || length % 468 == 0);
		if (maker != NULL)
			CU_ASSERT_TRUE(tsig_verify_response(&ours, maker, message, length, NOW) > 0);
		add_records(list, message);
	}
	CU_ASSERT_TRUE(outgoing_is_done(outgoing));
	outgoing_free(outgoing);
	CU_ASSERT_FALSE(edition_is_read(wish->edition));
	return count;
}

static void
test_full(void)
{
	static struct list list;
	struct zone *zone = make_zone(7, 5000, 0);
	struct edition *edition = edition_new(zone, 9);
	struct tsig_maker *maker = tsig_maker_new();
	struct outgoing_wish wish = { .edition = edition, .kind = OUTGOING_FULL };

	CU_ASSERT_TRUE(run(&wish, &list, maker, 65535) > 5);
	CU_ASSERT_EQUAL(list.count, 5003);
	SUITE_TEXT(list.records[0], "example. 6 9");
	SUITE_TEXT(list.records[list.count - 1], "example. 6 9");
	clear(&list);
	/* Each octet of room counts. */
	for (size_t most = 512; most < 560; most++) {
		CU_ASSERT_TRUE(run(&wish, &list, maker, most) > 100);
		CU_ASSERT_EQUAL(list.count, 5003);
		clear(&list);
	}
	/* Padding is for each message (RFC 7830 section 4). */
	wish.padded = true;
	for (size_t most = 1200; most < 1220; most++) {
		CU_ASSERT_TRUE(run(&wish, &list, maker, most) > 100);
		CU_ASSERT_EQUAL(list.count, 5003);
		clear(&list);
	}
	wish.tsig = NULL;
	run(&wish, &list, NULL, 65535);
	CU_ASSERT_EQUAL(list.count, 5003);
	clear(&list);
	wish.padded = false;
	wish.hide_regions = true;
	run(&wish, &list, NULL, 65535);
	CU_ASSERT_EQUAL(list.count, 4503);
	clear(&list);
	edition_free(edition);
	zone_release(zone);
	tsig_maker_free(maker);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What IXFR says makes the old zone's records the new one's. */
static void
test_difference(void)
{
	static struct list old, fresh, sent;
	struct zone *zones[] = { make_zone(1, 300, 0), make_zone(2, 310, 7), make_zone(3, 290, 5) };
	struct edition *editions[3];
	size_t at = 1;

	for (unsigned i = 0; i < 3; i++) {
		editions[i] = edition_new(zones[i], i + 1);
		if (i > 0)
			edition_follow(editions[i], editions[i - 1], 1 << 20);
	}
	CU_ASSERT_EQUAL(editions[2]->difference_count, 2);
	run(&(struct outgoing_wish){ .edition = editions[0], .kind = OUTGOING_FULL }, &old, NULL, 65535);
	run(&(struct outgoing_wish){ .edition = editions[2], .kind = OUTGOING_FULL }, &fresh, NULL, 65535);
	run(&(struct outgoing_wish){ .edition = editions[2], .kind = OUTGOING_DIFFERENCES }, &sent, NULL, 700);
	SUITE_TEXT(sent.records[0], "example. 6 3");
	SUITE_TEXT(sent.records[1], "example. 6 1");
	for (unsigned part = 0; at + 1 < sent.count; part++) {
		do {
			for (size_t i = 0; part % 2 == 0 && i < old.count; i++)
				if (strcmp(old.records[i], sent.records[at]) == 0) {
					free(old.records[i]);
					old.records[i] = old.records[--old.count];
					i = old.count;
				}
			if (part % 2 == 1)
				old.records[old.count++] = strdup(sent.records[at]);
			at++;
		} while (strncmp(sent.records[at], "example. 6", 10) != 0);
	}
	SUITE_TEXT(sent.records[sent.count - 1], "example. 6 3");
	/* Each full transfer has its SOA twice, of which the first one was found and replaced. */
	for (struct list *list = &old; list != NULL; list = list == &old ? &fresh : NULL) {
		qsort(list->records, list->count, sizeof(char *), compare);
		for (size_t i = 0; i < list->count; i++)
			if (strncmp(list->records[i], "example. 6", 10) == 0) {
				free(list->records[i]);
				memmove(list->records + i, list->records + i + 1, (--list->count - i) * sizeof(char *));
				i--;
			}
	}
	CU_ASSERT_EQUAL(old.count, fresh.count);
	for (size_t i = 0; i < old.count && i < fresh.count; i++)
		SUITE_TEXT(old.records[i], fresh.records[i]);
	clear(&old);
	clear(&fresh);
	clear(&sent);
	for (unsigned i = 0; i < 3; i++) {
		edition_free(editions[i]);
		zone_release(zones[i]);
	}
}

static void
test_history(void)
{
	struct zone *a = make_zone(1, 100, 0), *b = make_zone(1, 100, 2);
	struct edition *edition = edition_new(a, UINT32_MAX - 1);
	size_t first;

	for (uint32_t i = 0; i < 10; i++) {
		struct edition *next = edition_new(i % 2 == 0 ? b : a, edition->serial + 1);

		edition_follow(next, edition, 12000);
		edition_free(edition);
		edition = next;
	}
	CU_ASSERT_TRUE(edition->difference_octets <= 12000);
	CU_ASSERT_TRUE(edition->difference_count >= 2 && edition->difference_count < 10);
	CU_ASSERT_EQUAL(edition->serial, 8);
	CU_ASSERT_EQUAL(outgoing_choose(edition, true, 7, &first), OUTGOING_DIFFERENCES);
	CU_ASSERT_EQUAL(first, edition->difference_count - 1);
	CU_ASSERT_EQUAL(outgoing_choose(edition, true, 8, &first), OUTGOING_CURRENT);
	CU_ASSERT_EQUAL(outgoing_choose(edition, true, 9, &first), OUTGOING_CURRENT);
	CU_ASSERT_EQUAL(outgoing_choose(edition, true, UINT32_MAX, &first), OUTGOING_FULL);
	CU_ASSERT_EQUAL(outgoing_choose(edition, false, 8, &first), OUTGOING_FULL);
	CU_ASSERT_TRUE(serial_is_newer(0, UINT32_MAX));
	CU_ASSERT_FALSE(serial_is_newer(UINT32_MAX, 0));
	CU_ASSERT_FALSE(serial_is_newer(5, 5));
	edition_free(edition);
	zone_release(a);
	zone_release(b);
}

static const struct suite_case cases[] = {
	{ .name = "a zone in messages", .run = test_full },
	{ .name = "differences make one zone of the other", .run = test_difference },
	{ .name = "what is remembered, and serials around zero", .run = test_history },
};

int
main(void)
{
	return suite_run("outgoing", cases, ARRAY_SIZE(cases));
}
