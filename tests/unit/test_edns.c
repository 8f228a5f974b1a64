/* test_edns.c -- serve/answer and serve/guard: what a request carries beside its question, and what comes back for it, by
 * the RFC that says so; cookies that are required, and limits. */
#include "serve/guard.h"

#include "world.h"

static const char zone_text[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"www 60 A 192.0.2.1\n*.wild 60 A 192.0.2.2\nchild 60 NS ns.child\nns.child 60 A 192.0.2.3\n"
	"alias 60 HTTPS 0 pool\nself 60 HTTPS 1 . alpn=h2\nself 60 A 192.0.2.4\nself 60 AAAA 2001:db8::4\n"
	"pool 60 HTTPS 1 . port=8443\npool 60 A 192.0.2.5\n"
	"away 60 SVCB 1 svc.example.net.\nnone 60 HTTPS 0 .\nnone 60 A 192.0.2.6\n*.any 60 HTTPS 1 .\n*.any 60 A 192.0.2.7\n"
	"svc 60 SVCB 2 pool\ncaa 60 CAA 0 issue \"ca.example.net\"\n"
	"odd 60 TYPE65280 \\# 4 0A000001\nodd 60 CLASS1 TYPE731 \\# 6 abcdef 01 23 45\n"
	"region-1._region.steered 60 A 192.0.2.10\nregion-2._region.steered 60 A 192.0.2.20\n";

static const char steering[] = "regions: {region-1: {capacity: 1k}, region-2: {capacity: 1k}}\n"
	"client-groups: {lab: {networks: [198.51.100.0/24]}}\n"
	"services: {steered.example.com: {sharding-policy: predictive, regions: [region-1, region-2]}}\n";

#define NO "au example.com. 300 SOA ns.example.com. hostmaster.example.com. 1 7200 900 1209600 300\n"
#define WWW "an www.example.com. 60 A 192.0.2.1\n"
#define SECONDS UINT64_C(1000000000)

static struct world *world;
static struct guard *guard;
static struct cookie_secrets secrets = { .count = 1, .secrets = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } } };

struct request {
	const char *question;	/* NULL: none */
	unsigned flags;		/* beside those of the opcode */
	unsigned opcode, class;	/* class 0: IN */
	bool edns;
	unsigned version;
	const char *options;	/* hexadecimal, implies EDNS */
	const char *client;
	bool stream, encrypted, plan_stale, guarded;
	uint32_t now;
	uint64_t now_ns;
	const uint8_t *report_agent;
};

/* OPT's options as "CODE:HEX", in the order in which they stand. */
static void
add_options(char *text, const ldns_pkt *packet)
{
	const uint8_t *data;
	size_t size;

	if (!ldns_pkt_edns(packet) || ldns_pkt_edns_data(packet) == NULL)
		return;
	data = ldns_rdf_data(ldns_pkt_edns_data(packet));
	size = ldns_rdf_size(ldns_pkt_edns_data(packet));
	for (size_t at = 0; at + 4 <= size; at += 4u + wire_get_u16(data + at + 2)) {
		sprintf(text + strlen(text), " %u:", wire_get_u16(data + at));
		for (unsigned i = 0; i < wire_get_u16(data + at + 2); i++)
			sprintf(text + strlen(text), "%02x", data[at + 4 + i]);
	}
}

static size_t
make_request(uint8_t *bytes, const struct request *r)
{
	size_t length = HEADER_SIZE;

	if (r->question != NULL)
		length = world_request(bytes, r->question, (struct ask){ .edns = false });
	else
		memset(bytes, 0, HEADER_SIZE);
	wire_put_u16(bytes + 2, r->flags | r->opcode << 11);
	if (r->question != NULL && r->class != 0)
		wire_put_u16(bytes + length - 2, r->class);
	if (r->edns || r->options != NULL) {
		size_t options = r->options == NULL ? 0 : strlen(r->options) / 2;

		bytes[11] = 1;
		memset(bytes + length, 0, OPT_SIZE);
		wire_put_u16(bytes + length + 1, TYPE_OPT);
		wire_put_u16(bytes + length + 3, 1232);
		bytes[length + 6] = (uint8_t)r->version;
		wire_put_u16(bytes + length + 9, (unsigned)options);
		length += OPT_SIZE;
		for (size_t i = 0; i < options; i++) {
			unsigned value;

			sscanf(r->options + 2 * i, "%2x", &value);
			bytes[length++] = (uint8_t)value;
		}
	}
	return length;
}

/* As world_ask(), with the options in the first line. */
static const char *
ask(const struct request *r)
{
	static char text[100000];
	struct answer_env env = world_env(world, (struct ask){ .stream = r->stream, .client = r->client });
	uint8_t request[1000];
	size_t length = make_request(request, r), line;
	ldns_pkt *packet;

	env.encrypted = r->encrypted;
	env.plan_stale = r->plan_stale;
	env.idle_ms = 10000;
	env.guard = r->guarded ? guard : NULL;
	env.secrets = &secrets;
	env.now = r->now;
	env.now_ns = r->now_ns;
	env.report_agent = r->report_agent;
	world->length = answer(&env, request, length, world->response, r->stream ? ANSWER_SIZE_MAX : 1232);
	world_text(world);
	line = strcspn(world->text, "\n");
	/* The words for scope and EDE stand there as octets, too. */
	snprintf(text, sizeof(text), "%.*s", (int)(strstr(world->text, " scope") != NULL ?
	    (size_t)(strstr(world->text, " scope") - world->text) : strstr(world->text, " ede") != NULL ?
	    (size_t)(strstr(world->text, " ede") - world->text) : line), world->text);
	if (world->length > 0 && ldns_wire2pkt(&packet, world->response, world->length) == LDNS_STATUS_OK) {
		add_options(text, packet);
		ldns_pkt_free(packet);
	}
	return strcat(text, world->text + line);
}

struct row {
	const char *name;
	struct request request;
	const char *expected;
};

static void
check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = ask(&rows[i].request);

		if (strcmp(text, rows[i].expected) != 0)
			printf("# [%s]\n", rows[i].name);
		SUITE_TEXT(text, rows[i].expected);
	}
}

static void
test_negotiation(void)
{
	static const struct row rows[] = {
		{ .name = "no OPT in, no OPT out (6891 section 7)", .request = { .question = "www.example.com. A" },
		    .expected = "NOERROR aa\n" WWW },
		{ .name = "version 1 (6891 section 6.1.3)", .request = { .question = "www.example.com. A", .edns = true,
		    .version = 1 }, .expected = "NOERROR+1\n" },
		{ .name = "version 255, with options of ours", .request = { .question = "www.example.com. A",
		    .version = 255, .options = "00030000" }, .expected = "NOERROR+1\n" },
		{ .name = "unknown option (6891 section 6.1.2)", .request = { .question = "www.example.com. A",
		    .options = "fde90003616263" }, .expected = "NOERROR aa\n" WWW },
		{ .name = "unknown flags: Z and AD (8906 section 8.1.4)", .request = { .question = "www.example.com. A",
		    .flags = 0x60 }, .expected = "NOERROR aa\n" WWW },
		{ .name = "opcode 15 (8906 section 8.1.5)", .request = { .question = "www.example.com. A", .opcode = 15 },
		    .expected = "NOTIMP\n" },
		{ .name = "opcode 15, header alone", .request = { .opcode = 15 }, .expected = "NOTIMP\n" },
		{ .name = "header alone", .request = { .question = NULL }, .expected = "FORMERR\n" },
		{ .name = "header and OPT", .request = { .edns = true }, .expected = "FORMERR\n" },
		{ .name = "a response is never answered", .request = { .question = "www.example.com. A",
		    .flags = FLAG_QR }, .expected = "nothing" },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void
test_types(void)
{
	static const struct row rows[] = {
		/* RFC 6895 section 3.1: types that no zone can hold. */
		{ .name = "OPT", .request = { .question = "www.example.com. TYPE41", .edns = true },
		    .expected = "FORMERR 15:001e\n" },
		{ .name = "TSIG", .request = { .question = "www.example.com. TYPE250" }, .expected = "FORMERR\n" },
		{ .name = "TKEY", .request = { .question = "www.example.com. TYPE249" }, .expected = "FORMERR\n" },
		{ .name = "NXNAME (9824 section 3.5)", .request = { .question = "www.example.com. TYPE128", .edns = true },
		    .expected = "FORMERR 15:001e\n" },
		{ .name = "MAILA", .request = { .question = "www.example.com. TYPE254" }, .expected = "NOTIMP\n" },
		{ .name = "MAILB", .request = { .question = "www.example.com. TYPE253" }, .expected = "NOTIMP\n" },
		{ .name = "AXFR by UDP", .request = { .question = "example.com. AXFR" }, .expected = "REFUSED\n" },
		{ .name = "an unknown meta type is a type (8906 section 8.1.2)",
		    .request = { .question = "www.example.com. TYPE200" }, .expected = "NOERROR aa\n" NO },
		{ .name = "type 0", .request = { .question = "www.example.com. TYPE0" }, .expected = "NOERROR aa\n" NO },
		{ .name = "class ANY", .request = { .question = "www.example.com. A", .class = 255 },
		    .expected = "REFUSED\n" },
		{ .name = "class NONE", .request = { .question = "www.example.com. A", .class = 254 },
		    .expected = "REFUSED\n" },
		{ .name = "class HESIOD", .request = { .question = "www.example.com. A", .class = 4 },
		    .expected = "REFUSED\n" },
		{ .name = "CAA (8659)", .request = { .question = "caa.example.com. CAA" },
		    .expected = "NOERROR aa\nan caa.example.com. 60 CAA 0 issue \"ca.example.net\"\n" },
		{ .name = "unknown types (3597 section 5)", .request = { .question = "odd.example.com. TYPE65280" },
		    .expected = "NOERROR aa\nan odd.example.com. 60 TYPE65280 \\# 4 0a000001\n" },
		{ .name = "unknown types, in pieces", .request = { .question = "odd.example.com. TYPE731" },
		    .expected = "NOERROR aa\nan odd.example.com. 60 TYPE731 \\# 6 abcdef012345\n" },
	};

	check(rows, ARRAY_SIZE(rows));
}

/* RFC 9460 section 4.1. */
static void
test_services(void)
{
	static const struct row rows[] = {
		{ .name = "alias: the target's addresses and its own HTTPS", .request = { .question = "alias.example.com. HTTPS" },
		    .expected = "NOERROR aa\nan alias.example.com. 60 HTTPS 0 pool.example.com.\n"
		    "ad pool.example.com. 60 A 192.0.2.5\nad pool.example.com. 60 HTTPS 1 . port=8443\n" },
		{ .name = "'.' is the owner (section 2.5.2)", .request = { .question = "self.example.com. HTTPS" },
		    .expected = "NOERROR aa\nan self.example.com. 60 HTTPS 1 . alpn=h2\nad self.example.com. 60 A 192.0.2.4\n"
		    "ad self.example.com. 60 AAAA 2001:db8::4\n" },
		{ .name = "'.' of a wildcard is the name that was asked for", .request = { .question = "x.any.example.com. HTTPS" },
		    .expected = "NOERROR aa\nan x.any.example.com. 60 HTTPS 1 .\nad x.any.example.com. 60 A 192.0.2.7\n" },
		{ .name = "alias to '.' is no service (section 2.5.1)", .request = { .question = "none.example.com. HTTPS" },
		    .expected = "NOERROR aa\nan none.example.com. 60 HTTPS 0 .\n" },
		{ .name = "out of the zone", .request = { .question = "away.example.com. SVCB" },
		    .expected = "NOERROR aa\nan away.example.com. 60 SVCB 1 svc.example.net.\n" },
		{ .name = "SVCB brings no HTTPS", .request = { .question = "svc.example.com. SVCB" },
		    .expected = "NOERROR aa\nan svc.example.com. 60 SVCB 2 pool.example.com.\nad pool.example.com. 60 A "
		    "192.0.2.5\n" },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void
test_options(void)
{
	static const uint8_t agent[] = "\3rep\7example\3net\0";
	static const uint8_t own[] = "\7example\3com\0";
#define AGENT "18:03726570" "076578616d706c65" "036e657400"
	static const struct row rows[] = {
		/* RFC 7828 section 3.2, in units of 100 ms. */
		{ .name = "keepalive by TCP", .request = { .question = "www.example.com. A", .options = "000b0000",
		    .stream = true }, .expected = "NOERROR aa 11:0064\n" WWW },
		{ .name = "keepalive by UDP is ignored", .request = { .question = "www.example.com. A", .options =
		    "000b0000" }, .expected = "NOERROR aa\n" WWW },
		{ .name = "not asked for, not told", .request = { .question = "www.example.com. A", .edns = true,
		    .stream = true }, .expected = "NOERROR aa\n" WWW },
		/* RFC 7314. */
		{ .name = "EXPIRE of a primary", .request = { .question = "example.com. SOA", .options = "00090000" },
		    .expected = "NOERROR aa 9:00127500\nan example.com. 3600 SOA ns.example.com. hostmaster.example.com. 1 "
		    "7200 900 1209600 300\n" },
		{ .name = "EXPIRE of another type", .request = { .question = "example.com. NS", .options = "00090000" },
		    .expected = "NOERROR aa\nan example.com. 3600 NS ns.example.com.\nad ns.example.com. 3600 A "
		    "192.0.2.53\n" },
		{ .name = "EXPIRE where the SOA is no answer", .request = { .question = "www.example.com. SOA",
		    .options = "00090000" }, .expected = "NOERROR aa\n" NO },
		/* RFC 9567 section 6.3. */
		{ .name = "report agent", .request = { .question = "www.example.com. A", .edns = true, .report_agent = agent },
		    .expected = "NOERROR aa " AGENT "\n" WWW },
		{ .name = "report agent, no EDNS", .request = { .question = "www.example.com. A", .report_agent = agent },
		    .expected = "NOERROR aa\n" WWW },
		{ .name = "the reports themselves", .request = { .question = "www.example.com. A", .edns = true,
		    .report_agent = own }, .expected = "NOERROR aa\n" WWW },
	};

	check(rows, ARRAY_SIZE(rows));
}

static void
test_subnet(void)
{
	static const struct row rows[] = {
		{ .name = "static answers: scope 0 (section 7.2.1)", .request = { .question = "www.example.com. A",
		    .options = "000800070001" "1800" "c63364" }, .expected = "NOERROR aa 8:00011800c63364\n" WWW },
		{ .name = "names that aren't there: scope 0", .request = { .question = "no.example.com. A",
		    .options = "000800070001" "1800" "c63364" }, .expected = "NXDOMAIN aa 8:00011800c63364\n" NO },
		{ .name = "referrals: scope 0", .request = { .question = "x.child.example.com. A",
		    .options = "000800070001" "1800" "c63364" }, .expected = "NOERROR 8:00011800c63364\n"
		    "au child.example.com. 60 NS ns.child.example.com.\nad ns.child.example.com. 60 A 192.0.2.3\n" },
		{ .name = "other zones: scope 0", .request = { .question = "www.example.net. A",
		    .options = "000800070001" "1800" "c63364" }, .expected = "REFUSED 8:00011800c63364 15:0014\n" },
		{ .name = "a scope in a query (section 7.1.2)", .request = { .question = "www.example.com. A",
		    .options = "000800070001" "1818" "c63364" }, .expected = "FORMERR\n" },
		{ .name = "bits behind the prefix", .request = { .question = "www.example.com. A",
		    .options = "000800070001" "1400" "c63364" }, .expected = "FORMERR\n" },
		{ .name = "too many octets", .request = { .question = "www.example.com. A",
		    .options = "000800080001" "1800" "c6336400" }, .expected = "FORMERR\n" },
	};

	check(rows, ARRAY_SIZE(rows));
	/* Steered: which bits were looked at, also where there's nothing to give. */
	world_kill(world, "region-1", true);
	world_kill(world, "region-2", true);
	SUITE_TEXT(strstr(ask(&(struct request){ .question = "steered.example.com. A",
	    .options = "000800070001" "1800" "c63364" }), "15:"), "15:0003" "616c6c20726567696f6e732061726520646f776e"
	    "\nan steered.example.com. 60 A 192.0.2.10\n");
	world_kill(world, "region-1", false);
	world_kill(world, "region-2", false);
}

/* RFC 8914: what steering says. */
static void
test_stale_plan(void)
{
	const char *text = ask(&(struct request){ .question = "steered.example.com. A", .edns = true, .plan_stale = true });

	CU_ASSERT_PTR_NOT_NULL(strstr(text, "15:0003" "74686520706c616e206973206f6c64" "\n"));	/* "the plan is old" */
	SUITE_TEXT(ask(&(struct request){ .question = "www.example.com. A", .edns = true, .plan_stale = true }),
	    "NOERROR aa\n" WWW);
	CU_ASSERT_PTR_NULL(strstr(ask(&(struct request){ .question = "steered.example.com. A", .plan_stale = true }), "15:"));
}

/* RFC 7830 section 6, RFC 8467 section 4.1: where asked for, and only where it's encrypted. */
static void
test_padding(void)
{
	struct request r = { .question = "www.example.com. A", .options = "000c0000", .stream = true };

	ask(&r);
	CU_ASSERT(world->length < 100);
	r.encrypted = true;
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&r), " 12:0000"));
	CU_ASSERT_EQUAL(world->length, 468);
	r.options = "";
	ask(&r);
	CU_ASSERT(world->length < 100);
	/* Errors are padded, too. */
	r.options = "000c0000";
	r.question = "www.example.net. A";
	ask(&r);
	CU_ASSERT_EQUAL(world->length, 468);
}

/* --- cookies --------------------------------------------------------------------------------------------------- */

#define CLIENT_COOKIE "2464c4abcf10c957"

/* The option as the server gave it, for the next request. */
static void
copy_cookie(char option[static 57], const char *text)
{
	const char *at = strstr(text, " 10:");

	snprintf(option, 57, "000a0018%.48s", at == NULL ? "" : at + 4);
}

static void
guard_set(struct guard_options options)
{
	guard_free(guard);
	guard = guard_new(&options, 1);
	if (guard == NULL)
		abort();
}

static void
test_cookies(void)
{
	struct request r = { .question = "www.example.com. A", .options = "000a0008" CLIENT_COOKIE, .guarded = true,
		.now = 1000000 };
	char option[57];

	guard_set((struct guard_options){ .required = COOKIES_NEVER });
	copy_cookie(option, ask(&r));
	CU_ASSERT_EQUAL(strlen(option), 56);
	CU_ASSERT_PTR_NOT_NULL(strstr(world->text, WWW));
	r.options = option;
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&r), option + 8));
	CU_ASSERT_EQUAL(world->counters.cookies[COOKIE_CLIENT], 1);
	CU_ASSERT_EQUAL(world->counters.cookies[COOKIE_VALID], 1);
	/* Of another address: answered all the same, and told the right one (RFC 7873 section 5.2.4). */
	r.client = "127.0.0.2";
	CU_ASSERT_PTR_NULL(strstr(ask(&r), option + 8));
	CU_ASSERT_PTR_NOT_NULL(strstr(world->text, WWW));
	CU_ASSERT_EQUAL(world->counters.cookies[COOKIE_INVALID], 1);
	r.client = NULL;
	/* What another version's options mean, nobody knows. */
	r.version = 1;
	SUITE_TEXT(ask(&r), "NOERROR+1\n");
	r.version = 0;
	/* Without a question: RFC 7873 section 5.4. */
	r.question = NULL;
	CU_ASSERT_EQUAL(strncmp(ask(&r), "NOERROR 10:", 11), 0);
	r.client = "127.0.0.2";
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&r), "+1 10:"));	/* 23 is 1 * 16 + 7 */
	CU_ASSERT_EQUAL(world->response[3] & 15, 7);
	r.options = "000a0008" CLIENT_COOKIE;
	CU_ASSERT_EQUAL(strncmp(ask(&r), "NOERROR 10:", 11), 0);
	r.options = "000a0007" "2464c4abcf10c9";
	SUITE_TEXT(ask(&r), "FORMERR\n");
	/* Who has no cookies doesn't know that question. */
	r.options = "000a0008" CLIENT_COOKIE;
	r.guarded = false;
	SUITE_TEXT(ask(&r), "FORMERR\n");
}

static void
test_required(void)
{
	struct request r = { .question = "www.example.com. A", .guarded = true, .now = 1000000 };
	char option[57];

	guard_set((struct guard_options){ .required = COOKIES_ALWAYS });
	SUITE_TEXT(ask(&r), "NOERROR tc\n");
	r.edns = true;
	SUITE_TEXT(ask(&r), "NOERROR tc\n");
	r.options = "000a0008" CLIENT_COOKIE;
	copy_cookie(option, ask(&r));
	CU_ASSERT_EQUAL(strncmp(world->text, "7+1", 3), 0);	/* BADCOOKIE */
	CU_ASSERT_EQUAL(wire_get_u16(world->response + 6), 0);
	r.options = option;
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&r), WWW));
	r.options = NULL;
	r.stream = true;
	CU_ASSERT_PTR_NOT_NULL(strstr(ask(&r), WWW));
	CU_ASSERT_EQUAL(world->counters.cookies_demanded, 3);
	world->counters.cookies_demanded = 0;
}

static void
test_under_attack(void)
{
	struct request r = { .question = "www.example.com. A", .guarded = true, .now = 1000000 };
	const uint64_t second = UINT64_C(1) << 30;
	static const struct { const char *name; unsigned queries; bool after; } seconds[] = {
		{ .name = "below the rate", .queries = 10 },
		{ .name = "above it", .queries = 11, .after = true },
		{ .name = "the next second, while it goes on", .queries = 5, .after = true },
		{ .name = "half the rate still is one", .queries = 4, .after = true },
		{ .name = "it's over after a quiet second", .queries = 4, .after = false },
	};

	guard_set((struct guard_options){ .required = COOKIES_UNDER_ATTACK, .attack_rate = 10 });
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		const char *text = "";

		r.now_ns = (100 + i) * second;
		for (unsigned q = 0; q < seconds[i].queries; q++)
			text = ask(&r);
		SUITE_ROW(seconds[i].name, (strcmp(text, "NOERROR tc\n") == 0) == seconds[i].after);
	}
}

/* --- limits ---------------------------------------------------------------------------------------------------- */

static struct guard_options
limits(enum rate_kind kind, unsigned slip)
{
	struct guard_options options = { .limited = true, .rates = { .burst_ms = 1000, .slip = slip, .ipv4_prefix = 24,
	    .ipv6_prefix = 56, .entries = 1024 } };

	options.rates.rates[kind] = 5;
	return options;
}

/* Each kind of answer is counted by what it's about, so that no flood finds a way round. */
static void
test_limits(void)
{
	static const struct {
		const char *name;
		enum rate_kind kind;
		const char *first, *second;	/* counted together, or not */
		bool together;
		unsigned class;
	} rows[] = {
		{ .name = "one name", .kind = RATE_ANSWER, .first = "www.example.com. A", .second = "www.example.com. A",
		    .together = true },
		{ .name = "two names", .kind = RATE_ANSWER, .first = "www.example.com. A", .second = "self.example.com. A" },
		{ .name = "names of one wildcard", .kind = RATE_ANSWER, .first = "a.wild.example.com. A",
		    .second = "b.wild.example.com. A", .together = true },
		{ .name = "names that aren't there", .kind = RATE_NXDOMAIN, .first = "a.example.com. A",
		    .second = "b.x.example.com. MX", .together = true },
		{ .name = "types that aren't there", .kind = RATE_NODATA, .first = "www.example.com. MX",
		    .second = "self.example.com. TXT", .together = true },
		{ .name = "one delegation", .kind = RATE_REFERRAL, .first = "a.child.example.com. A",
		    .second = "b.child.example.com. A", .together = true },
		{ .name = "errors", .kind = RATE_ERROR, .first = "a.example.net. A", .second = "b.example.org. A",
		    .together = true },
		{ .name = "all", .kind = RATE_ALL, .first = "www.example.com. A", .second = "b.example.org. A",
		    .together = true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct request r = { .question = rows[i].first, .guarded = true, .now_ns = 100 * SECONDS };

		memset(&world->counters, 0, sizeof(world->counters));
		guard_set(limits(rows[i].kind, 0));
		for (unsigned n = 0; n < 5; n++)
			SUITE_ROW(rows[i].name, strcmp(ask(&r), "nothing") != 0);
		r.question = rows[i].second;
		SUITE_ROW(rows[i].name, (strcmp(ask(&r), "nothing") == 0) == rows[i].together);
		SUITE_ROW(rows[i].name, world->counters.limited[0][rows[i].kind] == rows[i].together);
		r.client = "127.0.1.1";		/* another network */
		SUITE_ROW(rows[i].name, strcmp(ask(&r), "nothing") != 0);
		r.client = NULL;
		r.stream = true;
		SUITE_ROW(rows[i].name, strcmp(ask(&r), "nothing") != 0);
	}
}

static void
test_slip(void)
{
	struct request r = { .question = "www.example.com. A", .guarded = true, .now_ns = 100 * SECONDS, .now = 1000000,
	    .options = "000a0008" CLIENT_COOKIE };
	struct guard_options options = limits(RATE_ANSWER, 2);
	char option[57];

	guard_set(options);
	for (unsigned n = 0; n < 5; n++)
		copy_cookie(option, ask(&r));
	SUITE_TEXT(ask(&r), "nothing");
	CU_ASSERT_EQUAL(strncmp(ask(&r), "NOERROR aa tc 10:", 17), 0);
	CU_ASSERT_EQUAL(wire_get_u16(world->response + 6), 0);
	/* Whoever has a cookie is at its address: never limited. */
	r.options = option;
	for (unsigned n = 0; n < 10; n++)
		CU_ASSERT_PTR_NOT_NULL(strstr(ask(&r), WWW));
	/* Counted only. */
	options.count_only = true;
	guard_set(options);
	memset(&world->counters, 0, sizeof(world->counters));
	r.options = NULL;
	for (unsigned n = 0; n < 10; n++)
		CU_ASSERT_PTR_NOT_NULL(strstr(ask(&r), WWW));
	CU_ASSERT_EQUAL(world->counters.limited[0][RATE_ANSWER] + world->counters.limited[1][RATE_ANSWER], 5);
}

/* A large resolver asks for many of its clients: each network of a tailored answer has a rate of its own. */
static void
test_tailored(void)
{
	struct request r = { .question = "steered.example.com. A", .guarded = true, .now_ns = 100 * SECONDS };
	char option[23];

	guard_set(limits(RATE_ANSWER, 0));
	for (unsigned network = 0; network < 20; network++) {
		snprintf(option, sizeof(option), "000800070001" "1800" "c633%02x", network);
		r.options = option;
		for (unsigned n = 0; n < 5; n++)
			CU_ASSERT_PTR_NOT_NULL(strstr(ask(&r), "an steered"));
		SUITE_TEXT(ask(&r), "nothing");
	}
}

static const struct suite_case cases[] = {
	{ .name = "versions, flags, opcodes (RFC 6891, RFC 8906)", .run = test_negotiation },
	{ .name = "types and classes (RFC 6895, RFC 3597)", .run = test_types },
	{ .name = "SVCB and HTTPS (RFC 9460)", .run = test_services },
	{ .name = "options (RFC 7828, RFC 7314, RFC 9567)", .run = test_options },
	{ .name = "client subnet (RFC 7871)", .run = test_subnet },
	{ .name = "an old plan (RFC 8914)", .run = test_stale_plan },
	{ .name = "padding (RFC 7830, RFC 8467)", .run = test_padding },
	{ .name = "cookies (RFC 7873)", .run = test_cookies },
	{ .name = "cookies are required", .run = test_required },
	{ .name = "cookies are required under attack", .run = test_under_attack },
	{ .name = "limits by kind", .run = test_limits },
	{ .name = "slip, cookies, counting only", .run = test_slip },
	{ .name = "limits of tailored answers", .run = test_tailored },
};

int
main(void)
{
	int status;

	world = malloc(sizeof(*world));
	world_open(world, (struct world_parts){ .zones = { { "example.com.", zone_text } }, .steering = steering });
	status = suite_run("edns", cases, ARRAY_SIZE(cases));
	guard_free(guard);
	world_close(world);
	free(world);
	return status;
}
