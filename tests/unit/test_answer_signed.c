/* test_answer_signed.c -- answers of a zone that arrived signed: tests/fixtures/zones-signed, the same zone with NSEC,
 * NSEC3, and NSEC3 with opt-out, signed by BIND's dnssec-signzone. What is stated here is which records come; that
 * validators accept them is shown in tests/daemon/validation.sh, and NSD is asked the same in differential.sh. */
#include "serve/answer.h"

#include "world.h"

#include "base/text.h"

/* In a line: header, then for each section its RRsets as "owner TYPE", with "+" when signed. Owners are relative to
 * example.com.; that of an NSEC3 is the name whose hash it is, in parentheses. */
static const char *
summary(struct world *world)
{
	static char line[4000];
	static const char *const marks[] = { " an", " au", " ad" };
	ldns_pkt *packet;

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(world_text(world), "\n"), world->text);
	if (ldns_wire2pkt(&packet, world->response, world->length) != LDNS_STATUS_OK)
		return "not a packet";
	for (unsigned s = 0; s < 3; s++) {
		const ldns_rr_list *list = s == 0 ? ldns_pkt_answer(packet) : s == 1 ? ldns_pkt_authority(packet)
			: ldns_pkt_additional(packet);
		char last[NAME_TEXT_SIZE + 40] = "", now[NAME_TEXT_SIZE + 40];

		for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
			const ldns_rr *rr = ldns_rr_list_rr(list, i);
			ldns_rr_type type = ldns_rr_get_type(rr);
			bool signature = type == LDNS_RR_TYPE_RRSIG;
			uint8_t owner[NAME_MAX];
			char text[NAME_TEXT_SIZE], *end, of[16];

			name_lower(owner, ldns_rdf_data(ldns_rr_owner(rr)), ldns_rdf_size(ldns_rr_owner(rr)));
			if (signature)
				type = ldns_rdf2native_int16(ldns_rr_rrsig_typecovered(rr));
			for (size_t n = 0; type == LDNS_RR_TYPE_NSEC3 && n < zone_node_count(world->zones[0]); n++) {
				const struct node *node = zone_node_at(world->zones[0], n);
				const struct node *hashed = zone_nsec3_of(world->zones[0], node);

				if (hashed != NULL && name_compare(hashed->name, owner) == 0)
					memcpy(owner, node->name, node->name_length);
			}
			name_text(owner, text);
			end = strstr(text, "example.com.");
			if (end != NULL)
				strcpy(end == text ? text : end - 1, end == text ? "@" : "");
			snprintf(now, sizeof(now), type == LDNS_RR_TYPE_NSEC3 ? " (%s) %s" : " %s %s", text,
			    rrtype_text((uint16_t)type, of));
			if (signature && strcmp(now, last) == 0) {
				if (line[strlen(line) - 1] != '+')
					strcat(line, "+");
				continue;
			}
			if (last[0] == '\0')
				strcat(line, marks[s]);
			if (signature)
				snprintf(now, sizeof(now), " %s RRSIG %s", text, of);
			if (strcmp(now, last) != 0)
				strcat(line, now);
			strcpy(last, now);
		}
	}
	ldns_pkt_free(packet);
	return line;
}

struct row {
	const char *question, *expected;
	bool plain;		/* without DO */
	unsigned payload;
	bool stream;
};

static void
check(const char *file, const struct row *rows, size_t count)
{
	const char *source = getenv("ISOBAR_SOURCE");
	struct world *world = malloc(sizeof(*world));
	char path[2048];
	size_t length;
	int error;
	char *text;

	snprintf(path, sizeof(path), "%s/tests/fixtures/zones-signed/%s.zone", source == NULL ? "." : source, file);
	text = text_read_file(path, 1 << 20, &length, &error);
	CU_ASSERT_FATAL(text != NULL && world != NULL);
	world_open(world, (struct world_parts){ .zones = { { "example.com.", text } } });
	for (size_t i = 0; i < count; i++) {
		const char *line;

		world_ask(world, rows[i].question, (struct ask){ .edns = true, .dnssec_ok = !rows[i].plain,
		    .payload = rows[i].payload == 0 ? 4096 : rows[i].payload, .stream = rows[i].stream });
		line = summary(world);
		if (strcmp(line, rows[i].expected) != 0)
			printf("# [%s] %s\n%s\n", file, rows[i].question, line);
		SUITE_TEXT(line, rows[i].expected);
	}
	world_close(world);
	free(text);
	free(world);
}

static void
test_nsec(void)
{
	static const struct row rows[] = {
		{ .question = "www.example.com. A", .expected = "NOERROR aa an www A+" },
		{ .question = "www.example.com. A", .expected = "NOERROR aa an www A", .plain = true },
		{ .question = "example.com. SOA", .expected = "NOERROR aa an @ SOA+" },
		{ .question = "example.com. DNSKEY", .expected = "NOERROR aa an @ DNSKEY+" },
		{ .question = "example.com. NS", .expected = "NOERROR aa an @ NS+ ad ns A+" },
		{ .question = "mail.example.com. MX", .expected = "NOERROR aa an mail MX+ ad mx A+" },
		{ .question = "www.example.com. ANY", .expected = "NOERROR aa an www A+" },
		{ .question = "www.example.com. RRSIG", .expected = "NOERROR aa an www RRSIG A" },
		{ .question = "www.example.com. NSEC", .expected = "NOERROR aa an www NSEC+" },
		{ .question = "www.example.com. NSEC3", .expected = "NOERROR aa au @ SOA+ www NSEC+" },
		{ .question = "www.example.com. TXT", .expected = "NOERROR aa au @ SOA+ www NSEC+" },
		{ .question = "www.example.com. TXT", .expected = "NOERROR aa au @ SOA", .plain = true },
		{ .question = "in.a.tree.example.com. A", .expected = "NOERROR aa au @ SOA+ towild NSEC+" },
		{ .question = "in.a.tree.example.com. RRSIG", .expected = "NOERROR aa au @ SOA+ towild NSEC+" },
		{ .question = "nothere.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ mx NSEC+ @ NSEC+" },
		{ .question = "nothere.example.com. A", .expected = "NXDOMAIN aa au @ SOA", .plain = true },
		{ .question = "zzz.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ www NSEC+ @ NSEC+" },
		{ .question = "!.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ @ NSEC+" },
		{ .question = "x.www.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ www NSEC+" },
		{ .question = "b.tree.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ deep.in.a.tree NSEC+ towild NSEC+" },
		{ .question = "x.wild.example.com. A", .expected = "NOERROR aa an x.wild A+ au *.wild NSEC+" },
		{ .question = "x.y.wild.example.com. A", .expected = "NOERROR aa an x.y.wild A+ au *.wild NSEC+" },
		{ .question = "x.wild.example.com. TXT", .expected = "NOERROR aa au @ SOA+ *.wild NSEC+" },
		{ .question = "*.wild.example.com. A", .expected = "NOERROR aa an *.wild A+" },
		{ .question = "*.wild.example.com. TXT", .expected = "NOERROR aa au @ SOA+ *.wild NSEC+" },
		{ .question = "towild.example.com. A", .expected = "NOERROR aa an towild CNAME+ x.wild A+ au *.wild NSEC+" },
		{ .question = "x.cn.example.com. A", .expected = "NOERROR aa an x.cn CNAME+ www A+ au *.cn NSEC+" },
		{ .question = "x.cn.example.com. TXT", .expected = "NOERROR aa an x.cn CNAME+ au *.cn NSEC+ @ SOA+ www NSEC+" },
		{ .question = "alias.example.com. A", .expected = "NOERROR aa an alias CNAME+ www A+" },
		{ .question = "away.example.com. A", .expected = "NOERROR aa an away CNAME+" },
		{ .question = "dangling.example.com. A", .expected = "NXDOMAIN aa an dangling CNAME+ au @ SOA+ mx NSEC+ @ NSEC+" },
		{ .question = "x.dname.example.com. A", .expected = "NOERROR aa an dname DNAME+ x.dname CNAME x.target A+" },
		{ .question = "y.dname.example.com. A",
		    .expected = "NXDOMAIN aa an dname DNAME+ y.dname CNAME au @ SOA+ x.target NSEC+ secure NSEC+" },
		{ .question = "www.secure.example.com. A", .expected = "NOERROR au secure NS secure DS+ ad ns.secure A" },
		{ .question = "secure.example.com. DS", .expected = "NOERROR aa an secure DS+" },
		{ .question = "secure.example.com. A", .expected = "NOERROR au secure NS ad ns.secure A", .plain = true },
		{ .question = "secure.example.com. NSEC", .expected = "NOERROR au secure NS secure DS+ ad ns.secure A" },
		{ .question = "www.insecure.example.com. A", .expected = "NOERROR au insecure NS insecure NSEC+ ad ns.insecure A" },
		{ .question = "insecure.example.com. DS", .expected = "NOERROR aa au @ SOA+ insecure NSEC+" },
		{ .question = "x.far.away.off.example.com. A", .expected = "NOERROR au far.away.off NS far.away.off NSEC+" },
		{ .question = "away.off.example.com. A", .expected = "NOERROR aa au @ SOA+ ns NSEC+" },
		{ .question = "x.away.off.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ far.away.off NSEC+ ns NSEC+" },
		{ .question = "example.com. DS", .expected = "NOERROR aa au @ SOA+ @ NSEC+" },
		{ .question = "example.com. TXT", .expected = "NOERROR aa au @ SOA+ @ NSEC+" },
	};

	check("nsec", rows, ARRAY_SIZE(rows));
}

static void
test_nsec3(void)
{
	static const struct row rows[] = {
		{ .question = "www.example.com. A", .expected = "NOERROR aa an www A+" },
		{ .question = "www.example.com. A", .expected = "NOERROR aa an www A", .plain = true },
		{ .question = "example.com. SOA", .expected = "NOERROR aa an @ SOA+" },
		{ .question = "example.com. DNSKEY", .expected = "NOERROR aa an @ DNSKEY+" },
		{ .question = "example.com. NS", .expected = "NOERROR aa an @ NS+ ad ns A+" },
		{ .question = "mail.example.com. MX", .expected = "NOERROR aa an mail MX+ ad mx A+" },
		{ .question = "www.example.com. ANY", .expected = "NOERROR aa an www A+" },
		{ .question = "www.example.com. RRSIG", .expected = "NOERROR aa an www RRSIG A" },
		{ .question = "www.example.com. NSEC", .expected = "NOERROR aa au @ SOA+ (www) NSEC3+" },
		{ .question = "example.com. NSEC3PARAM", .expected = "NOERROR aa an @ NSEC3PARAM+" },
		{ .question = "www.example.com. TXT", .expected = "NOERROR aa au @ SOA+ (www) NSEC3+" },
		{ .question = "www.example.com. TXT", .expected = "NOERROR aa au @ SOA", .plain = true },
		{ .question = "in.a.tree.example.com. A", .expected = "NOERROR aa au @ SOA+ (in.a.tree) NSEC3+" },
		{ .question = "in.a.tree.example.com. RRSIG", .expected = "NOERROR aa au @ SOA+ (in.a.tree) NSEC3+" },
		{ .question = "nothere.example.com. A",
		    .expected = "NXDOMAIN aa au @ SOA+ (@) NSEC3+ (away.off) NSEC3+ (in.a.tree) NSEC3+" },
		{ .question = "nothere.example.com. A", .expected = "NXDOMAIN aa au @ SOA", .plain = true },
		{ .question = "zzz.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ (@) NSEC3+ (secure) NSEC3+ (in.a.tree) NSEC3+" },
		{ .question = "!.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ (@) NSEC3+ (secure) NSEC3+ (in.a.tree) NSEC3+" },
		{ .question = "x.www.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ (www) NSEC3+ (mail) NSEC3+ (target) NSEC3+" },
		{ .question = "b.tree.example.com. A",
		    .expected = "NXDOMAIN aa au @ SOA+ (tree) NSEC3+ (a.tree) NSEC3+ (away.off) NSEC3+" },
		{ .question = "x.wild.example.com. A", .expected = "NOERROR aa an x.wild A+ au (target) NSEC3+" },
		{ .question = "x.y.wild.example.com. A", .expected = "NOERROR aa an x.y.wild A+ au (wild) NSEC3+" },
		{ .question = "x.wild.example.com. TXT",
		    .expected = "NOERROR aa au @ SOA+ (wild) NSEC3+ (target) NSEC3+ (*.wild) NSEC3+" },
		{ .question = "*.wild.example.com. A", .expected = "NOERROR aa an *.wild A+" },
		{ .question = "*.wild.example.com. TXT", .expected = "NOERROR aa au @ SOA+ (*.wild) NSEC3+" },
		{ .question = "towild.example.com. A", .expected = "NOERROR aa an towild CNAME+ x.wild A+ au (target) NSEC3+" },
		{ .question = "x.cn.example.com. A", .expected = "NOERROR aa an x.cn CNAME+ www A+ au (away.off) NSEC3+" },
		{ .question = "x.cn.example.com. TXT", .expected = "NOERROR aa an x.cn CNAME+ au (away.off) NSEC3+ @ SOA+ (www) NSEC3+" },
		{ .question = "alias.example.com. A", .expected = "NOERROR aa an alias CNAME+ www A+" },
		{ .question = "away.example.com. A", .expected = "NOERROR aa an away CNAME+" },
		{ .question = "dangling.example.com. A",
		    .expected = "NXDOMAIN aa an dangling CNAME+ au @ SOA+ (@) NSEC3+ (away.off) NSEC3+ (in.a.tree) NSEC3+" },
		{ .question = "x.dname.example.com. A", .expected = "NOERROR aa an dname DNAME+ x.dname CNAME x.target A+" },
		{ .question = "y.dname.example.com. A",
		    .expected = "NXDOMAIN aa an dname DNAME+ y.dname CNAME au @ SOA+ (target) NSEC3+ (insecure) NSEC3+ (x.target) NSEC3+" },
		{ .question = "www.secure.example.com. A", .expected = "NOERROR au secure NS secure DS+ ad ns.secure A" },
		{ .question = "secure.example.com. DS", .expected = "NOERROR aa an secure DS+" },
		{ .question = "secure.example.com. A", .expected = "NOERROR au secure NS ad ns.secure A", .plain = true },
		{ .question = "secure.example.com. NSEC", .expected = "NOERROR au secure NS secure DS+ ad ns.secure A" },
		{ .question = "www.insecure.example.com. A", .expected = "NOERROR au insecure NS (insecure) NSEC3+ ad ns.insecure A" },
		{ .question = "insecure.example.com. DS", .expected = "NOERROR aa au @ SOA+ (insecure) NSEC3+" },
		{ .question = "x.far.away.off.example.com. A", .expected = "NOERROR au far.away.off NS (far.away.off) NSEC3+" },
		{ .question = "away.off.example.com. A", .expected = "NOERROR aa au @ SOA+ (away.off) NSEC3+" },
		{ .question = "x.away.off.example.com. A",
		    .expected = "NXDOMAIN aa au @ SOA+ (away.off) NSEC3+ (off) NSEC3+ (a.tree) NSEC3+" },
		{ .question = "example.com. DS", .expected = "NOERROR aa au @ SOA+ (@) NSEC3+" },
		{ .question = "example.com. TXT", .expected = "NOERROR aa au @ SOA+ (@) NSEC3+" },
	};

	check("nsec3", rows, ARRAY_SIZE(rows));
}

static void
test_opt_out(void)
{
	static const struct row rows[] = {
		{ .question = "www.insecure.example.com. A",
		    .expected = "NOERROR au insecure NS (@) NSEC3+ (in.a.tree) NSEC3+ ad ns.insecure A" },
		{ .question = "insecure.example.com. DS", .expected = "NOERROR aa au @ SOA+ (@) NSEC3+ (in.a.tree) NSEC3+" },
		{ .question = "insecure.example.com. DS", .expected = "NOERROR aa au @ SOA", .plain = true },
		{ .question = "x.far.away.off.example.com. A", .expected = "NOERROR au far.away.off NS (@) NSEC3+ (*.wild) NSEC3+" },
		{ .question = "far.away.off.example.com. DS", .expected = "NOERROR aa au @ SOA+ (@) NSEC3+ (*.wild) NSEC3+" },
		{ .question = "away.off.example.com. A", .expected = "NOERROR aa au @ SOA+ (@) NSEC3+ (*.wild) NSEC3+" },
		{ .question = "x.away.off.example.com. A",
		    .expected = "NXDOMAIN aa au @ SOA+ (@) NSEC3+ (*.wild) NSEC3+ (in.a.tree) NSEC3+" },
		{ .question = "x.off.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ (@) NSEC3+ (*.wild) NSEC3+ (in.a.tree) NSEC3+" },
		{ .question = "nothere.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ (@) NSEC3+ (*.cn) NSEC3+ (in.a.tree) NSEC3+" },
		{ .question = "www.secure.example.com. A", .expected = "NOERROR au secure NS secure DS+ ad ns.secure A" },
	};

	check("optout", rows, ARRAY_SIZE(rows));
}

/* What is signed is there with its signatures or not at all; only additional records may do without. */
static void
test_truncation(void)
{
	static const struct row rows[] = {
		{ .question = "example.com. DNSKEY", .expected = "NOERROR aa an @ DNSKEY+", .payload = 512 },
		{ .question = "www.example.com. A", .expected = "NOERROR aa an www A+", .payload = 512 },
		{ .question = "mail.example.com. MX", .expected = "NOERROR aa an mail MX+ ad mx A+", .payload = 512 },
		{ .question = "nothere.example.com. A", .expected = "NXDOMAIN aa au @ SOA+ mx NSEC+ @ NSEC+", .payload = 512 },
		{ .question = "nothere.example.com. A",
		    .expected = "NXDOMAIN aa au @ SOA+ mx NSEC+ @ NSEC+", .payload = 512, .stream = true },
		{ .question = "x.cn.example.com. TXT", .expected = "NOERROR aa tc an x.cn CNAME+ au *.cn NSEC+ @ SOA+", .payload = 512 },
		{ .question = "www.secure.example.com. A", .expected = "NOERROR au secure NS secure DS+ ad ns.secure A", .payload = 512 },
	};

	check("nsec", rows, ARRAY_SIZE(rows));
}

static const struct suite_case cases[] = {
	{ .name = "NSEC", .run = test_nsec },
	{ .name = "NSEC3", .run = test_nsec3 },
	{ .name = "NSEC3 with opt-out", .run = test_opt_out },
	{ .name = "truncation", .run = test_truncation },
};

int
main(void)
{
	return suite_run("answer_signed", cases, ARRAY_SIZE(cases));
}
