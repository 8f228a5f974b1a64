/* test_answer.c -- serve/answer on zones without steering: the algorithm of RFC 1034 section 4.3.2 and what grew on it.
 * The same questions are put to NSD in tests/daemon/differential.sh; here stand those with a text to hold them to, and
 * those where we differ on purpose. */
#include "serve/answer.h"

#include "world.h"

#define SOA "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
#define SOA_TEXT(apex) "au " apex " 300 SOA ns." apex " hostmaster." apex " 1 7200 900 1209600 300\n"
#define NO SOA_TEXT("example.com.")

/* RFC 4592 section 2.2.1, the zone "example". */
static const char wildcards[] = SOA
	"*                 3600 TXT \"this is a wildcard\"\n"
	"*                 3600 MX 10 host1\n"
	"sub.*             3600 TXT \"this is not a wildcard\"\n"
	"host1             3600 A 192.0.2.1\n"
	"_ssh._tcp.host1   3600 SRV 0 0 22 host1\n"
	"_ssh._tcp.host2   3600 SRV 0 0 22 host2\n"
	"host2             3600 A 192.0.2.2\n"
	"subdel            3600 NS ns.example.com.\n"
	"subdel            3600 NS ns.example.net.\n";

static const char plain[] = SOA
	"www 60 A 192.0.2.1\nwww 60 A 192.0.2.2\nwww 60 AAAA 2001:db8::1\nwww 60 TXT hello\n"
	"Mixed.Case 60 A 192.0.2.3\n"
	"deep.in.a.tree 60 A 192.0.2.4\n"
	"alias 60 CNAME www\nalias2 120 CNAME alias\noutside 60 CNAME www.example.net.\n"
	"dangling 60 CNAME nothere\ntowild 60 CNAME x.wild\n*.wild 30 A 192.0.2.9\n*.loops 30 CNAME x.loops\n"
	"loop1 60 CNAME loop2\nloop2 60 CNAME loop3\nloop3 60 CNAME loop1\nself 60 CNAME self\n"
	"nodata 60 CNAME ns\n"
	"dname 90 DNAME target\ndname 90 A 192.0.2.5\nx.target 60 A 192.0.2.6\nmore 90 DNAME example.net.\n"
	"ring1 60 DNAME ring2\nring2 60 DNAME ring1\ninward 60 DNAME a.inward\ngrow 60 DNAME a.grow2\ngrow2 60 DNAME "
	    "b.b.grow\n"
	"todname 60 CNAME x.dname\n"
	"*.cn 30 CNAME www\n"
	"mail 60 MX 10 mx1\nmail 60 MX 20 MX2\nmail 60 MX 30 mx.example.net.\nmx1 60 A 192.0.2.7\nmx2 60 AAAA "
	    "2001:db8::7\n"
	"_sip._udp 60 SRV 0 0 5060 mx1\n"
	"child 3600 NS ns1.child\nchild 3600 NS ns\nchild 3600 NS ns.other\nchild 3600 NS ns.example.net.\n"
	"child 3600 DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	"ns1.child 3600 A 192.0.2.61\nns1.child 3600 AAAA 2001:db8::61\n"
	"other 3600 NS ns.other\nns.other 3600 A 192.0.2.62\n"
	"unsigned 3600 NS ns.example.net.\n"
	"toother 60 CNAME www.other\n"
	"*.*.star 60 A 192.0.2.10\n"
	"nested 3600 NS ns.nested\nns.nested 3600 A 192.0.2.63\n"
	"nested 3600 DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
	"svc 60 HTTPS 1 . alpn=h2\n"
	"chain0 60 CNAME chain1\nchain1 60 CNAME chain2\nchain2 60 CNAME chain3\nchain3 60 CNAME chain4\n"
	"chain4 60 CNAME chain5\nchain5 60 CNAME chain6\nchain6 60 CNAME chain7\nchain7 60 CNAME chain8\n"
	"chain8 60 CNAME chain9\nchain9 60 CNAME chain10\nchain10 60 CNAME chain11\nchain11 60 CNAME chain12\n"
	"chain12 60 CNAME chain13\nchain13 60 A 192.0.2.14\n";

static const char nested[] = SOA "www 60 A 192.0.2.20\nns.deeper 60 A 192.0.2.21\n";

struct row {
	const char *name, *question, *expected;
	struct ask ask;
};

static void
check(const struct world_parts *parts, const struct row *rows, size_t count)
{
	struct world *world = malloc(sizeof(*world));

	world_open(world, *parts);
	for (size_t i = 0; i < count; i++) {
		const char *text = world_ask(world, rows[i].question, rows[i].ask);

		if (strcmp(text, rows[i].expected) != 0)
			printf("# [%s]\n", rows[i].name);
		SUITE_TEXT(text, rows[i].expected);
	}
	world_close(world);
	free(world);
}

static const struct world_parts usual = { .zones = {
	{ "example.com.", plain }, { "nested.example.com.", nested } } };

static void
test_names(void)
{
	static const struct row rows[] = {
		{ .name = "exact", .question = "www.example.com. A",
		    .expected = "NOERROR aa\nan www.example.com. 60 A 192.0.2.1\nan www.example.com. 60 A "
		    "192.0.2.2\n" },
		{ .name = "another type", .question = "www.example.com. AAAA",
		    .expected = "NOERROR aa\nan www.example.com. 60 AAAA 2001:db8::1\n" },
		{ .name = "any: one RRset (RFC 8482)", .question = "www.example.com. ANY",
		    .expected = "NOERROR aa\nan www.example.com. 60 A 192.0.2.1\nan www.example.com. 60 A "
		    "192.0.2.2\n" },
		{ .name = "letters come back as they were sent", .question = "www.example.com. TXT",
		    .ask = { .letters = "wWw.eXAMPLe.cOm" },
		    .expected = "NOERROR aa\nan wWw.eXAMPLe.cOm. 60 TXT \"hello\"\n" },
		{ .name = "case in the zone doesn't matter", .question = "mixed.case.example.com. A",
		    .expected = "NOERROR aa\nan mixed.case.example.com. 60 A 192.0.2.3\n" },
		{ .name = "no such type", .question = "www.example.com. MX", .expected = "NOERROR aa\n" NO },
		{ .name = "unknown type", .question = "www.example.com. TYPE65000", .expected = "NOERROR aa\n" NO },
		{ .name = "no such name", .question = "nothere.example.com. A", .expected = "NXDOMAIN aa\n" NO },
		{ .name = "no such name, any", .question = "nothere.example.com. ANY", .expected = "NXDOMAIN aa\n" NO },
		{ .name = "below a name", .question = "x.www.example.com. A", .expected = "NXDOMAIN aa\n" NO },
		{ .name = "empty non-terminal", .question = "in.a.tree.example.com. A", .expected = "NOERROR aa\n" NO },
		{ .name = "empty non-terminal, any", .question = "tree.example.com. ANY", .expected =
		    "NOERROR aa\n" NO },
		{ .name = "beside an empty non-terminal", .question = "b.tree.example.com. A",
		    .expected = "NXDOMAIN aa\n" NO },
		{ .name = "apex", .question = "example.com. SOA",
		    .expected = "NOERROR aa\nan example.com. 3600 SOA ns.example.com. hostmaster.example.com."
		    " 1 7200 900 1209600 300\n" },
		{ .name = "apex nameservers with their addresses", .question = "example.com. NS",
		    .expected = "NOERROR aa\nan example.com. 3600 NS ns.example.com.\nad ns.example.com. 3600 A "
		    "192.0.2.53\n" },
		{ .name = "apex, no such type", .question = "example.com. A", .expected = "NOERROR aa\n" NO },
		{ .name = "additional addresses of MX", .question = "mail.example.com. MX",
		    .expected = "NOERROR aa\nan mail.example.com. 60 MX 10 mx1.example.com.\n"
		    "an mail.example.com. 60 MX 20 mx2.example.com.\nan mail.example.com. 60 MX 30 mx.example.net.\n"
		    "ad mx1.example.com. 60 A 192.0.2.7\nad mx2.example.com. 60 AAAA 2001:db8::7\n" },
		{ .name = "additional addresses of SRV", .question = "_sip._udp.example.com. SRV",
		    .expected = "NOERROR aa\nan _sip._udp.example.com. 60 SRV 0 0 5060 mx1.example.com.\n"
		    "ad mx1.example.com. 60 A 192.0.2.7\n" },
		{ .name = "newer type", .question = "svc.example.com. HTTPS",
		    .expected = "NOERROR aa\nan svc.example.com. 60 HTTPS 1 . alpn=h2\n" },
		{ .name = "another zone", .question = "www.example.org. A", .expected = "REFUSED\n" },
		{ .name = "another zone, with the reason", .question = "www.example.org. A", .ask = { .edns = true },
		    .expected = "REFUSED ede 20\n" },
		{ .name = "above our zones", .question = "com. A", .expected = "REFUSED\n" },
		{ .name = "root", .question = ". NS", .expected = "REFUSED\n" },
		{ .name = "transfer", .question = "example.com. AXFR", .expected = "REFUSED\n" },
		{ .name = "incremental transfer", .question = "example.com. IXFR", .expected = "REFUSED\n" },
		{ .name = "OPT as a question", .question = "example.com. TYPE41", .expected = "FORMERR\n" },
		{ .name = "nested zone", .question = "www.nested.example.com. A",
		    .expected = "NOERROR aa\nan www.nested.example.com. 60 A 192.0.2.20\n" },
		{ .name = "nested zone, no such name", .question = "nothere.nested.example.com. A",
		    .expected = "NXDOMAIN aa\n" SOA_TEXT("nested.example.com.") },
		{ .name = "nested zone's apex", .question = "nested.example.com. NS",
		    .expected = "NOERROR aa\nan nested.example.com. 3600 NS ns.nested.example.com.\n"
		    "ad ns.nested.example.com. 3600 A 192.0.2.53\n" },
		{ .name = "DS of a nested zone is the parent's", .question = "nested.example.com. DS",
		    .expected = "NOERROR aa\nan nested.example.com. 3600 DS 1 13 2 "
		    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n" },
		{ .name = "DS inside a nested zone", .question = "www.nested.example.com. DS",
		    .expected = "NOERROR aa\n" SOA_TEXT("nested.example.com.") },
		{ .name = "DS of an apex without the parent", .question = "example.com. DS", .expected =
		    "NOERROR aa\n" NO },
	};

	check(&usual, rows, ARRAY_SIZE(rows));
}

static void
test_chains(void)
{
	static const struct row rows[] = {
		{ .name = "alias", .question = "alias.example.com. AAAA",
		    .expected = "NOERROR aa\nan alias.example.com. 60 CNAME www.example.com.\n"
		    "an www.example.com. 60 AAAA 2001:db8::1\n" },
		{ .name = "alias of an alias", .question = "alias2.example.com. TXT",
		    .expected = "NOERROR aa\nan alias2.example.com. 120 CNAME alias.example.com.\n"
		    "an alias.example.com. 60 CNAME www.example.com.\nan www.example.com. 60 TXT \"hello\"\n" },
		{ .name = "the alias itself", .question = "alias.example.com. CNAME",
		    .expected = "NOERROR aa\nan alias.example.com. 60 CNAME www.example.com.\n" },
		{ .name = "alias, any", .question = "alias.example.com. ANY",
		    .expected = "NOERROR aa\nan alias.example.com. 60 CNAME www.example.com.\n" },
		{ .name = "out of the zone", .question = "outside.example.com. A",
		    .expected = "NOERROR aa\nan outside.example.com. 60 CNAME www.example.net.\n" },
		{ .name = "to a name that isn't there (RFC 6604)", .question = "dangling.example.com. A",
		    .expected = "NXDOMAIN aa\nan dangling.example.com. 60 CNAME nothere.example.com.\n" NO },
		{ .name = "to a name without the type", .question = "nodata.example.com. AAAA",
		    .expected = "NOERROR aa\nan nodata.example.com. 60 CNAME ns.example.com.\n" NO },
		{ .name = "to a wildcard", .question = "towild.example.com. A",
		    .expected = "NOERROR aa\nan towild.example.com. 60 CNAME x.wild.example.com.\n"
		    "an x.wild.example.com. 30 A 192.0.2.9\n" },
		{ .name = "wildcard alias", .question = "x.cn.example.com. AAAA",
		    .expected = "NOERROR aa\nan x.cn.example.com. 30 CNAME www.example.com.\n"
		    "an www.example.com. 60 AAAA 2001:db8::1\n" },
		{ .name = "to a delegation", .question = "toother.example.com. A",
		    .expected = "NOERROR aa\nan toother.example.com. 60 CNAME www.other.example.com.\n"
		    "au other.example.com. 3600 NS ns.other.example.com.\nad ns.other.example.com. 3600 A "
		    "192.0.2.62\n" },
		{ .name = "loop of three", .question = "loop2.example.com. A",
		    .expected = "NOERROR aa\nan loop2.example.com. 60 CNAME loop3.example.com.\n"
		    "an loop3.example.com. 60 CNAME loop1.example.com.\nan loop1.example.com. 60 CNAME "
		    "loop2.example.com.\n" },
		{ .name = "loop of one", .question = "self.example.com. A",
		    .expected = "NOERROR aa\nan self.example.com. 60 CNAME self.example.com.\n" },
		{ .name = "loop by a wildcard", .question = "y.loops.example.com. A",
		    .expected = "NOERROR aa\nan y.loops.example.com. 30 CNAME x.loops.example.com.\n"
		    "an x.loops.example.com. 30 CNAME x.loops.example.com.\n" },
		{ .name = "a chain of 13: the resolver asks on", .question = "chain0.example.com. A",
		    .ask = { .stream = true },
		    .expected = "NOERROR aa\nan chain0.example.com. 60 CNAME chain1.example.com.\n"
		    "an chain1.example.com. 60 CNAME chain2.example.com.\nan chain2.example.com. 60 CNAME "
		    "chain3.example.com.\n"
		    "an chain3.example.com. 60 CNAME chain4.example.com.\nan chain4.example.com. 60 CNAME "
		    "chain5.example.com.\n"
		    "an chain5.example.com. 60 CNAME chain6.example.com.\nan chain6.example.com. 60 CNAME "
		    "chain7.example.com.\n"
		    "an chain7.example.com. 60 CNAME chain8.example.com.\nan chain8.example.com. 60 CNAME "
		    "chain9.example.com.\n"
		    "an chain9.example.com. 60 CNAME chain10.example.com.\nan chain10.example.com. 60 CNAME "
		    "chain11.example.com.\n"
		    "an chain11.example.com. 60 CNAME chain12.example.com.\nan chain12.example.com. 60 CNAME "
		    "chain13.example.com.\n" },
		{ .name = "DNAME", .question = "x.dname.example.com. A",
		    .expected = "NOERROR aa\nan dname.example.com. 90 DNAME target.example.com.\n"
		    "an x.dname.example.com. 90 CNAME x.target.example.com.\nan x.target.example.com. 60 A "
		    "192.0.2.6\n" },
		{ .name = "DNAME keeps the letters of the rest", .question = "x.dname.example.com. A",
		    .ask = { .letters = "X.dNAme.example.com" },
		    .expected = "NOERROR aa\nan dNAme.example.com. 90 DNAME target.example.com.\n"
		    "an X.dNAme.example.com. 90 CNAME x.target.example.com.\nan x.target.example.com. 60 A "
		    "192.0.2.6\n" },
		{ .name = "DNAME to a name that isn't there", .question = "y.dname.example.com. A",
		    .expected = "NXDOMAIN aa\nan dname.example.com. 90 DNAME target.example.com.\n"
		    "an y.dname.example.com. 90 CNAME y.target.example.com.\n" NO },
		{ .name = "DNAME's own name has data", .question = "dname.example.com. A",
		    .expected = "NOERROR aa\nan dname.example.com. 90 A 192.0.2.5\n" },
		{ .name = "DNAME asked for", .question = "dname.example.com. DNAME",
		    .expected = "NOERROR aa\nan dname.example.com. 90 DNAME target.example.com.\n" },
		{ .name = "DNAME out of the zone", .question = "a.b.more.example.com. A",
		    .expected = "NOERROR aa\nan more.example.com. 90 DNAME example.net.\n"
		    "an a.b.more.example.com. 90 CNAME a.b.example.net.\n" },
		{ .name = "the CNAME made from a DNAME", .question = "x.dname.example.com. CNAME",
		    .expected = "NOERROR aa\nan dname.example.com. 90 DNAME target.example.com.\n"
		    "an x.dname.example.com. 90 CNAME x.target.example.com.\n" },
		{ .name = "alias into a DNAME", .question = "todname.example.com. A",
		    .expected = "NOERROR aa\nan todname.example.com. 60 CNAME x.dname.example.com.\n"
		    "an dname.example.com. 90 DNAME target.example.com.\n"
		    "an x.dname.example.com. 90 CNAME x.target.example.com.\nan x.target.example.com. 60 A "
		    "192.0.2.6\n" },
		{ .name = "DNAME into itself", .question = "x.inward.example.com. A",
		    .expected = "NOERROR aa\nan inward.example.com. 60 DNAME a.inward.example.com.\n"
		    "an x.inward.example.com. 60 CNAME x.a.inward.example.com.\n" },
		{ .name = "two DNAMEs in a ring, each once", .question = "x.ring1.example.com. A",
		    .expected = "NOERROR aa\nan ring1.example.com. 60 DNAME ring2.example.com.\n"
		    "an x.ring1.example.com. 60 CNAME x.ring2.example.com.\nan ring2.example.com. 60 DNAME "
		    "ring1.example.com.\n"
		    "an x.ring2.example.com. 60 CNAME x.ring1.example.com.\n" },
		{ .name = "too long a name by DNAME", .expected = "YXDOMAIN aa\nan dname.example.com. 90 DNAME "
		    "target.example.com.\n",
		    .question = "0123456789012345678901234567890123456789012345678901234567890ab."
		    "0123456789012345678901234567890123456789012345678901234567890ab."
		    "0123456789012345678901234567890123456789012345678901234567890ab."
		    "0123456789012345678901234567890123456789012.dname.example.com. A" },
	};

	check(&usual, rows, ARRAY_SIZE(rows));
}

/* Each DNAME stands once, though the chain passes it again and again with longer names. */
static void
test_growing_chain(void)
{
	struct world *world = malloc(sizeof(*world));
	const char *text, *at;
	unsigned dnames = 0, cnames = 0;

	world_open(world, usual);
	text = world_ask(world, "x.grow.example.com. A", (struct ask){ .stream = true });
	for (at = text; (at = strstr(at, " DNAME ")) != NULL; at++)
		dnames++;
	for (at = text; (at = strstr(at, " CNAME ")) != NULL; at++)
		cnames++;
	CU_ASSERT_EQUAL(dnames, 2);
	CU_ASSERT_EQUAL(cnames, 12);
	world_close(world);
	free(world);
}

static void
test_wildcards(void)
{
#define W SOA_TEXT("example.")
	static const struct row rows[] = {
		/* RFC 4592 section 2.2.1: these are answered from the wildcard ... */
		{ .name = "MX by the wildcard", .question = "host3.example. MX",
		    .expected = "NOERROR aa\nan host3.example. 3600 MX 10 host1.example.\nad host1.example. 3600 A "
		    "192.0.2.1\n" },
		{ .name = "no such type at the wildcard", .question = "host3.example. A", .expected =
		    "NOERROR aa\n" W },
		{ .name = "TXT by the wildcard", .question = "foo.bar.example. TXT",
		    .expected = "NOERROR aa\nan foo.bar.example. 3600 TXT \"this is a wildcard\"\n" },
		/* ... and these aren't. */
		{ .name = "the name exists", .question = "host1.example. MX", .expected = "NOERROR aa\n" W },
		{ .name = "the asterisk label is below", .question = "sub.*.example. MX", .expected =
		    "NOERROR aa\n" W },
		{ .name = "empty non-terminal exists", .question = "_telnet._tcp.host1.example. SRV",
		    .expected = "NXDOMAIN aa\n" W },
		{ .name = "delegated", .question = "host.subdel.example. A",
		    .expected = "NOERROR\nau subdel.example. 3600 NS ns.example.com.\nau subdel.example. 3600 NS "
		    "ns.example.net.\n" },
		{ .name = "below the asterisk", .question = "ghost.*.example. MX", .expected = "NXDOMAIN aa\n" W },
		{ .name = "the asterisk itself", .question = "*.example. TXT",
		    .expected = "NOERROR aa\nan *.example. 3600 TXT \"this is a wildcard\"\n" },
		{ .name = "letters are kept", .question = "foo.example. TXT", .ask = { .letters = "fOo.eXample" },
		    .expected = "NOERROR aa\nan fOo.eXample. 3600 TXT \"this is a wildcard\"\n" },
	};
	static const struct row others[] = {
		{ .name = "wildcard below a wildcard", .question = "x.*.star.example.com. A",
		    .expected = "NOERROR aa\nan x.*.star.example.com. 60 A 192.0.2.10\n" },
		{ .name = "wildcard that is an empty non-terminal", .question = "x.star.example.com. A",
		    .expected = "NOERROR aa\n" NO },
		{ .name = "two labels under it", .question = "y.x.star.example.com. A", .expected = "NOERROR aa\n" NO },
		{ .name = "deep under a wildcard", .question = "a.b.c.d.wild.example.com. A",
		    .expected = "NOERROR aa\nan a.b.c.d.wild.example.com. 30 A 192.0.2.9\n" },
		{ .name = "wildcard's parent is no match", .question = "wild.example.com. A", .expected =
		    "NOERROR aa\n" NO },
	};

	check(&(struct world_parts){ .zones = { { "example.", wildcards } } }, rows, ARRAY_SIZE(rows));
	check(&usual, others, ARRAY_SIZE(others));
}

static void
test_delegations(void)
{
#define CHILD "NOERROR\nau child.example.com. 3600 NS ns1.child.example.com.\nau child.example.com. 3600 NS " \
	"ns.example.com.\n" \
	"au child.example.com. 3600 NS ns.other.example.com.\nau child.example.com. 3600 NS ns.example.net.\n"
#define CHILD_DS "child.example.com. 3600 DS 12345 13 2 " \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
#define CHILD_GLUE "ad ns1.child.example.com. 3600 A 192.0.2.61\nad ns1.child.example.com. 3600 AAAA 2001:db8::61\n" \
	"ad ns.example.com. 3600 A 192.0.2.53\nad ns.other.example.com. 3600 A 192.0.2.62\n"
	static const struct row rows[] = {
		{ .name = "below the cut", .question = "a.b.child.example.com. A", .expected = CHILD CHILD_GLUE },
		{ .name = "at the cut", .question = "child.example.com. A", .expected = CHILD CHILD_GLUE },
		{ .name = "at the cut, NS", .question = "child.example.com. NS", .expected = CHILD CHILD_GLUE },
		{ .name = "at the cut, ANY", .question = "child.example.com. ANY", .expected = CHILD CHILD_GLUE },
		{ .name = "SOA of the child", .question = "child.example.com. SOA", .expected = CHILD CHILD_GLUE },
		{ .name = "glue isn't an answer", .question = "ns1.child.example.com. A",
		    .expected = CHILD CHILD_GLUE },
		{ .name = "DS with DO", .question = "x.child.example.com. A", .ask = { .dnssec_ok = true },
		    .expected = CHILD "au " CHILD_DS CHILD_GLUE },
		{ .name = "DS asked for", .question = "child.example.com. DS", .expected = "NOERROR aa\nan " CHILD_DS },
		{ .name = "DS below the cut", .question = "x.child.example.com. DS", .expected = CHILD CHILD_GLUE },
		{ .name = "no DS", .question = "unsigned.example.com. DS", .expected = "NOERROR aa\n" NO },
		{ .name = "no DS, with DO", .question = "www.unsigned.example.com. A", .ask = { .dnssec_ok = true },
		    .expected = "NOERROR\nau unsigned.example.com. 3600 NS ns.example.net.\n" },
	};

	check(&usual, rows, ARRAY_SIZE(rows));
}

/* 20 records of 100 octets: whole over TCP, cut over UDP, and exactly as much as EDNS allows. */
static void
test_truncation(void)
{
	static char zone[8000] = SOA;
	struct world *world = malloc(sizeof(*world));

	for (unsigned i = 0; i < 20; i++)
		sprintf(zone + strlen(zone), "big 60 TXT \"%02u%s\"\n", i,
		    "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345");
	for (unsigned i = 0; i < 12; i++)
		sprintf(zone + strlen(zone), "cut 60 NS nameserver-number-%02u.cut\nnameserver-number-%02u.cut 60 A "
		    "192.0.2.1\n"
		    "nameserver-number-%02u.cut 60 AAAA 2001:db8::1\nsoft 60 NS nameserver-number-%02u.cut\n", i, i, i,
		    i);
	world_open(world, (struct world_parts){ .zones = { { "example.com.", zone } } });
	SUITE_TEXT(world_ask(world, "big.example.com. TXT", (struct ask){ .edns = false }), "NOERROR aa tc\n");
	SUITE_TEXT(world_ask(world, "big.example.com. TXT", (struct ask){ .edns = true }), "NOERROR aa tc\n");
	SUITE_TEXT(world_ask(world, "big.example.com. TXT", (struct ask){ .payload = 4096 }), "NOERROR aa tc\n");
	CU_ASSERT_EQUAL(world->counters.truncated, 3);
	world_ask(world, "big.example.com. TXT", (struct ask){ .stream = true });
	CU_ASSERT_EQUAL(world->response[2] & 2, 0);
	CU_ASSERT_EQUAL(wire_get_u16(world->response + 6), 20);
	/* A referral whose own glue doesn't fit must say so (RFC 9471); other nameservers' addresses are a courtesy. */
	world_ask(world, "www.cut.example.com. A", (struct ask){ .edns = false });
	CU_ASSERT_EQUAL(world->response[2] & 2, 2);
	CU_ASSERT_EQUAL(wire_get_u16(world->response + 8), 12);
	world_ask(world, "www.soft.example.com. A", (struct ask){ .edns = false });
	CU_ASSERT_EQUAL(world->response[2] & 2, 0);
	CU_ASSERT_EQUAL(wire_get_u16(world->response + 8), 12);
	world_ask(world, "www.cut.example.com. A", (struct ask){ .payload = 1232 });
	CU_ASSERT_EQUAL(world->response[2] & 2, 0);
	CU_ASSERT_EQUAL(wire_get_u16(world->response + 10), 12 * 2 + 1);
	world_close(world);
	free(world);
}

static void
test_edns(void)
{
	static const struct row rows[] = {
		{ .name = "OPT is answered with OPT", .question = "www.example.com. TXT", .ask = { .edns = true },
		    .expected = "NOERROR aa\nan www.example.com. 60 TXT \"hello\"\n" },
		{ .name = "scope 0 where nothing depends on the client", .question = "www.example.com. TXT",
		    .ask = { .subnet = "192.0.2.0/24" },
		    .expected = "NOERROR aa scope 0\nan www.example.com. 60 TXT \"hello\"\n" },
		{ .name = "scope 0 with no name", .question = "nothere.example.com. A", .ask = { .subnet =
		    "2001:db8::/56" },
		    .expected = "NXDOMAIN aa scope 0\n" NO },
		{ .name = "scope 0 where refused", .question = "www.example.org. A", .ask = { .subnet =
		    "192.0.2.0/24" },
		    .expected = "REFUSED scope 0 ede 20\n" },
	};
	static const struct { const char *name, *bytes; size_t size; const char *expected; } raw[] = {
#define RAW(text) .bytes = text, .size = sizeof(text) - 1
		{ .name = "response", RAW("\0\1\x80\0\0\1\0\0\0\0\0\0\0\0\1\0\1"), .expected = "nothing" },
		{ .name = "half a header", RAW("\0\1\0\0\0\1"), .expected = "nothing" },
		{ .name = "header alone", RAW("\0\1\0\0\0\0\0\0\0\0\0\0"), .expected = "FORMERR\n" },
		{ .name = "update", RAW("\0\1\x28\0\0\1\0\0\0\0\0\0\0\0\6\0\1"), .expected = "9\n" },	/* NOTAUTH */
		{ .name = "status", RAW("\0\1\x10\0\0\1\0\0\0\0\0\0\0\0\6\0\1"), .expected = "NOTIMP\n" },
		{ .name = "class chaos", RAW("\0\1\0\0\0\1\0\0\0\0\0\0\7version\4bind\0\0\x10\0\3"), .expected =
		    "REFUSED\n" },
		{ .name = "EDNS version 1", RAW("\0\1\0\0\0\1\0\0\0\0\0\1\3www\7example\3com\0\0\1\0\1"
		    "\0\0\x29\4\xd0\0\1\0\0\0\0"), .expected = "NOERROR+1\n" },
		{ .name = "two subnets, the second without end",
		    RAW("\0\1\0\0\0\1\0\0\0\0\0\1\3www\7example\3com\0\0\1\0\1"
		    "\0\0\x29\4\xd0\0\0\0\0\0\x33" "\0\x08\0\7\0\1\x18\0\xc0\0\2" "\0\x08\0\x24\0\1\xff\0"
		    "0123456789abcdef0123456789abcdef"), .expected = "FORMERR scope 0\n" },
	};
	struct world *world = malloc(sizeof(*world));
	struct answer_env env;

	check(&usual, rows, ARRAY_SIZE(rows));
	world_open(world, usual);
	env = world_env(world, (struct ask){ .edns = false });
	for (size_t i = 0; i < ARRAY_SIZE(raw); i++) {
		world->length = answer(&env, (const uint8_t *)raw[i].bytes, raw[i].size, world->response, 1232);
		SUITE_TEXT(world_text(world), raw[i].expected);
	}
	CU_ASSERT_EQUAL(world->counters.dropped, 2);
	CU_ASSERT_EQUAL(world->counters.queries[TRANSPORT_UDP], ARRAY_SIZE(raw) - 2);
	CU_ASSERT_EQUAL(world->counters.rcodes[RCODE_FORMERR], 2);
	CU_ASSERT_EQUAL(world->counters.rcodes[RCODE_NOTIMP], 1);
	world_close(world);
	free(world);
}

/* The root zone, a zone that is no more than its apex, and none at all. */
static void
test_odd_zones(void)
{
	static const struct row root[] = {
		{ .name = "delegation", .question = "www.com. A",
		    .expected = "NOERROR\nau com. 60 NS ns.com.\nad ns.com. 60 A 192.0.2.1\n" },
		{ .name = "apex", .question = ". NS",
		    .expected = "NOERROR aa\nan . 3600 NS ns.\nad ns. 3600 A 192.0.2.53\n" },
		{ .name = "no such name", .question = "a.b. A", .expected =
		    "NXDOMAIN aa\nau . 300 SOA ns. hostmaster. 1 7200 900 1209600 300\n" },
		{ .name = "DS of the root", .question = ". DS", .expected =
		    "NOERROR aa\nau . 300 SOA ns. hostmaster. 1 7200 900 1209600 300\n" },
	};
	static const struct row none[] = {
		{ .name = "any name", .question = "a.b. A", .expected = "REFUSED\n" },
		{ .name = "root", .question = ". A", .expected = "REFUSED\n" },
		{ .name = "DS", .question = "a. DS", .expected = "REFUSED\n" },
	};

	check(&(struct world_parts){ .zones = { { ".", SOA "com 60 NS ns.com\nns.com 60 A 192.0.2.1\n" } } },
	    root, ARRAY_SIZE(root));
	check(&(struct world_parts){ .steering = NULL }, none, ARRAY_SIZE(none));
}

static const struct suite_case cases[] = {
	{ .name = "names, types and zones", .run = test_names },
	{ .name = "CNAME and DNAME", .run = test_chains },
	{ .name = "a chain that grows", .run = test_growing_chain },
	{ .name = "wildcards", .run = test_wildcards },
	{ .name = "delegations", .run = test_delegations },
	{ .name = "truncation", .run = test_truncation },
	{ .name = "EDNS and broken requests", .run = test_edns },
	{ .name = "the root zone, and no zone", .run = test_odd_zones },
};

int
main(void)
{
	return suite_run("answer", cases, ARRAY_SIZE(cases));
}
