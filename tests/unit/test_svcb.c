/* test_svcb.c -- zone/svcb through zone/rdata_list: the vectors of RFC 9460 appendix D, and what is refused. */
#include "zone/svcb.h"

#include "dns/name.h"
#include "dns/types.h"
#include "suite.h"
#include "zone/rdata_list.h"

/* The octets in hexadecimal, or the message. */
static const char *
read_one(const char *text, char out[static 2000])
{
	struct rdata_list list = { 0 };
	struct diags diags = { 0 };
	struct text said = { 0 };
	uint8_t origin[NAME_MAX];

	out[0] = '\0';
	if (name_parse("example.test.", origin) == 0)
		abort();
	if (rdata_list_read(&list, "f", TYPE_SVCB, origin, &text, 1, &diags)) {
		for (size_t i = 0; i < list.items[0].length; i++)
			sprintf(out + 2 * i, "%02x", list.items[0].rdata[i]);
	} else {
		diag_print(&diags, &said);
		snprintf(out, 2000, "%s", said.bytes == NULL ? "?" : said.bytes);
	}
	rdata_list_fini(&list);
	text_fini(&said);
	diag_fini(&diags);
	return out;
}

#define FOO_COM "03666f6f076578616d706c6503636f6d00"
#define FOO_ORG "03666f6f076578616d706c65036f726700"

static void
test_vectors(void)
{
	static const struct { const char *name, *text, *octets; } rows[] = {
		{ "figure 2: alias", "0 foo.example.com.", "0000" FOO_COM },
		{ "figure 3: '.'", "1 .", "000100" },
		{ "figure 4: port", "16 foo.example.com. port=53", "0010" FOO_COM "000300020035" },
		{ "figure 5: a key without a name", "1 foo.example.com. key667=hello", "0001" FOO_COM "029b000568656c6c6f" },
		{ "figure 6: quoted, \\DDD", "1 foo.example.com. key667=\"hello\\210qoo\"",
		    "0001" FOO_COM "029b000968656c6c6fd2716f6f" },
		{ "figure 7: two IPv6 hints", "1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
		    "0001" FOO_COM "00060020" "20010db8000000000000000000000001" "20010db8000000000000000000530001" },
		{ "figure 8: IPv6 in its mixed form", "1 example.com. ipv6hint=\"2001:db8:122:344::192.0.2.33\"",
		    "0001076578616d706c6503636f6d00" "00060010" "20010db80122034400000000c0000221" },
		{ "figure 9: sorted", "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
		    "0010" FOO_ORG "0000000400010004" "00010009" "026832" "0568332d3139" "00040004c0000201" },
		{ "figure 10: escapes of lists, quoted", "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
		    "0010" FOO_ORG "0001000c" "08665c6f6f2c626172" "026832" },
		{ "figure 10: escapes of lists", "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
		    "0010" FOO_ORG "0001000c" "08665c6f6f2c626172" "026832" },
		{ "relative target, no-default-alpn, ech", "1 foo alpn=h2 no-default-alpn ech=AAAA",
		    "0001" "03666f6f076578616d706c65047465737400" "00010003026832" "00020000" "00050003000000" },
		{ "dohpath and ohttp", "1 . dohpath=/q{?dns} ohttp", "000100" "000700082f717b3f646e737d" "00080000" },
	};
	char out[2000];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_TEXT(read_one(rows[i].text, out), rows[i].octets);
}

/* Appendix D.3, and others. */
static void
test_refused(void)
{
	static const struct { const char *name, *text, *why; } rows[] = {
		{ "a key twice", "1 foo key123=abc key123=def", "'key123=def' stands there twice" },
		{ "mandatory without a value", "1 foo mandatory", "'mandatory' has no value" },
		{ "alpn without a value", "1 foo alpn", "'alpn' has no value" },
		{ "port without a value", "1 foo port", "'port' has no value" },
		{ "ipv4hint without a value", "1 foo ipv4hint", "'ipv4hint' has no value" },
		{ "ipv6hint without a value", "1 foo ipv6hint", "'ipv6hint' has no value" },
		{ "no-default-alpn with one", "1 foo alpn=h2 no-default-alpn=abc", "'no-default-alpn=abc' takes no value" },
		{ "mandatory, not there", "1 foo mandatory=key123", "lack a key that 'mandatory' names" },
		{ "mandatory itself", "1 foo mandatory=mandatory", "names a key that there isn't, or itself" },
		{ "mandatory twice", "1 foo mandatory=key123,key123 key123=abc", "names a key twice" },
		{ "no-default-alpn alone", "1 foo no-default-alpn", "'no-default-alpn' without 'alpn'" },
		{ "a port too high", "1 foo port=65536", "'port=65536' is no port" },
		{ "an empty item", "1 foo alpn=h2,,h3", "has an empty item" },
		{ "IPv6 where IPv4 stands", "1 foo ipv4hint=2001:db8::1", "is no IPv4 address" },
		{ "an unknown name", "1 foo alpm=h2", "'alpm=h2' is no parameter" },
		{ "a key's number with a zero", "1 foo key01=a", "'key01=a' is no parameter" },
		{ "key65535", "1 foo key65535=a", "'key65535=a' is no parameter" },
		{ "not base64", "1 foo ech=!", "isn't base64" },
		{ "\\256", "1 foo key9=\\256", "broken escape" },
		{ "a priority too high", "65536 foo", "65536" },
	};
	char out[2000];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		read_one(rows[i].text, out);
		SUITE_ROW(rows[i].name, strstr(out, rows[i].why) != NULL);
		if (strstr(out, rows[i].why) == NULL)
			printf("# %s\n", out);
	}
}

static const struct suite_case cases[] = {
	{ .name = "the vectors of RFC 9460 appendix D", .run = test_vectors },
	{ .name = "what is refused", .run = test_refused },
};

int
main(void)
{
	return suite_run("svcb", cases, ARRAY_SIZE(cases));
}
