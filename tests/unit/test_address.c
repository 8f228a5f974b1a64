/* test_address.c -- base/address: text and socket forms, prefixes, and what is refused. */
#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "suite.h"

static void
test_parse(void)
{
	static const struct {
		const char *text, *canonical;
		unsigned bits;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", 32 },
		{ "0.0.0.0", "0.0.0.0", 32 },
		{ "2001:DB8:0::1", "2001:db8::1", 128 },
		{ "::", "::", 128 },
		{ "::ffff:192.0.2.1", "192.0.2.1", 32 },
		{ "::ffff:c000:201", "192.0.2.1", 32 },
	};
	static const char *const bad[] = { "", "192.0.2", "192.0.2.256", "192.0.02.1", "1.2.3.4.5", "2001:db8", ":::",
		"192.0.2.1/24", "fe80::1%eth0", " 192.0.2.1", "host" };
	char text[ADDRESS_TEXT_SIZE];
	struct address address;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT_EQUAL(address_parse(rows[i].text, &address), 0);
		CU_ASSERT_EQUAL(address.bits, rows[i].bits);
		SUITE_TEXT(address_text(&address, text), rows[i].canonical);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		SUITE_ROW(bad[i], address_parse(bad[i], &address) == -EINVAL);
	}
	SUITE_TEXT(address_text(&(struct address){ 0 }, text), "none");
}

static void
test_sockaddr(void)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1" };
	struct sockaddr_storage storage;
	struct address address, back;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CU_ASSERT_EQUAL(address_parse(texts[i], &address), 0);
		CU_ASSERT_EQUAL(address_to_sockaddr(&address, 53, &storage),
		    i == 0 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		CU_ASSERT_EQUAL(((struct sockaddr_in *)&storage)->sin_port, htons(53));
		address_of_sockaddr(&back, (const struct sockaddr *)&storage);
		CU_ASSERT_EQUAL(memcmp(&address, &back, sizeof(back)), 0);
	}
	memset(&storage, 0, sizeof(storage));
	storage.ss_family = AF_UNIX;
	address_of_sockaddr(&back, (const struct sockaddr *)&storage);
	CU_ASSERT_EQUAL(back.bits, 0);
}

static void
test_mapped_sockaddr(void)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char text[ADDRESS_TEXT_SIZE];
	struct address address;

	CU_ASSERT_EQUAL(inet_pton(AF_INET6, "::ffff:198.51.100.7", &in6.sin6_addr), 1);
	address_of_sockaddr(&address, (const struct sockaddr *)&in6);
	SUITE_TEXT(address_text(&address, text), "198.51.100.7");
}

static void
test_listen(void)
{
	static const struct {
		const char *text, *address;
		unsigned port;
	} good[] = {
		{ "127.0.0.1", "127.0.0.1", 53 },
		{ "127.0.0.1@5353", "127.0.0.1", 5353 },
		{ "::1@65535", "::1", 65535 },
		{ "::@0", "::", 0 },
	};
	static const char *const bad[] = { "", "@53", "127.0.0.1@", "127.0.0.1@65536", "127.0.0.1@+53", "127.0.0.1@53x",
		"127.0.0.1:53", "127.0.0.1@99999999999", "[::1]@53", "localhost@53" };
	char text[ADDRESS_TEXT_SIZE];
	struct address address;
	uint16_t port = 1;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CU_ASSERT_EQUAL(address_parse_listen(good[i].text, 53, &address, &port), 0);
		SUITE_TEXT(address_text(&address, text), good[i].address);
		CU_ASSERT_EQUAL(port, good[i].port);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		SUITE_ROW(bad[i], address_parse_listen(bad[i], 53, &address, &port) == -EINVAL);
	}
}

static void
test_prefix_parse(void)
{
	static const struct {
		const char *text;
		int rc;
		const char *canonical;
	} rows[] = {
		{ "192.0.2.0/24", 0, "192.0.2.0/24" },
		{ "0.0.0.0/0", 0, "0.0.0.0/0" },
		{ "192.0.2.7/32", 0, "192.0.2.7/32" },
		{ "10.128.0.0/9", 0, "10.128.0.0/9" },
		{ "2001:db8:77::/48", 0, "2001:db8:77::/48" },
		{ "::/0", 0, "::/0" },
		{ "2001:db8::1/128", 0, "2001:db8::1/128" },
		{ "::ffff:192.0.2.0/120", 0, "192.0.2.0/24" },
		{ "192.0.2.1/24", -EDOM, "192.0.2.0/24" },
		{ "10.64.0.0/9", -EDOM, "10.0.0.0/9" },
		{ "2001:db8::1/64", -EDOM, "2001:db8::/64" },
		{ "192.0.2.0/33", -ERANGE, NULL },
		{ "2001:db8::/129", -ERANGE, NULL },
		{ "192.0.2.0/4294967320", -ERANGE, NULL },
		{ "::ffff:192.0.2.0/24", -ERANGE, NULL },
		{ "192.0.2.0", -EINVAL, NULL },
		{ "192.0.2.0/", -EINVAL, NULL },
		{ "192.0.2.0/x", -EINVAL, NULL },
		{ "192.0.2.0/-1", -EINVAL, NULL },
		{ "192.0.2.0/ 24", -EINVAL, NULL },
		{ "192.0.2/24", -EINVAL, NULL },
		{ "/24", -EINVAL, NULL },
	};
	char text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix prefix = { 0 };

		SUITE_ROW(rows[i].text, prefix_parse(rows[i].text, &prefix) == rows[i].rc);
		if (rows[i].canonical != NULL)
			SUITE_TEXT(prefix_text(&prefix, text), rows[i].canonical);
	}
}

static void
test_covers(void)
{
	static const struct {
		const char *prefix, *address;
		bool covers;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.0", true },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.7/32", "192.0.2.7", true },
		{ "192.0.2.7/32", "192.0.2.6", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "203.0.113.9", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "2001:db8::1/128", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::2", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct prefix prefix;
		struct address address;

		CU_ASSERT_EQUAL(prefix_parse(rows[i].prefix, &prefix), 0);
		CU_ASSERT_EQUAL(address_parse(rows[i].address, &address), 0);
		SUITE_ROW(rows[i].address, prefix_covers(&prefix, &address) == rows[i].covers);
	}
}

/* Every length, against bits counted one by one. */
static void
test_mask(void)
{
	for (unsigned length = 0; length <= 128; length++) {
		struct address address = { .bits = 128 };

		memset(address.bytes, 0xff, sizeof(address.bytes));
		address_mask(&address, length);
		for (unsigned bit = 0; bit < 128; bit++)
			CU_ASSERT_EQUAL(address.bytes[bit / 8] >> (7 - bit % 8) & 1, bit < length);
	}
}

static const struct suite_case cases[] = {
	{ .name = "addresses as text, both ways", .run = test_parse },
	{ .name = "addresses as socket addresses, both ways", .run = test_sockaddr },
	{ .name = "an IPv4-mapped socket address is IPv4", .run = test_mapped_sockaddr },
	{ .name = "listeners with and without a port", .run = test_listen },
	{ .name = "prefixes, and what is wrong with them", .run = test_prefix_parse },
	{ .name = "a prefix covers its addresses only", .run = test_covers },
	{ .name = "masks of every length", .run = test_mask },
};

int
main(void)
{
	return suite_run("address", cases, ARRAY_SIZE(cases));
}
