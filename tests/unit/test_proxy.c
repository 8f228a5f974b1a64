/* test_proxy.c -- serve/proxy: headers of the PROXY protocol, version 2, whole, cut, and wrong. */
#include "serve/proxy.h"

#include "suite.h"

#define SIGNED "\r\n\r\n\0\r\nQUIT\n"
#define IPV4 "\xc0\0\2\1" "\x7f\0\0\1" "\x30\x39\0\x35"
#define IPV6 "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" "\x30\x39\0\x35"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1" "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1" "\x30\x39\0\x35"
#define BYTES(text) text, sizeof(text) - 1

static const struct row {
	const char *name, *bytes;
	size_t length;
	enum proxy_verdict verdict;
	size_t header;
	const char *client;
} rows[] = {
	{ "IPv4 by TCP", BYTES(SIGNED "\x21\x11\0\x0c" IPV4 "rest"), PROXY_CLIENT, 28, "192.0.2.1" },
	{ "IPv4 by UDP", BYTES(SIGNED "\x21\x12\0\x0c" IPV4), PROXY_CLIENT, 28, "192.0.2.1" },
	{ "IPv4, no transport", BYTES(SIGNED "\x21\x10\0\x0c" IPV4), PROXY_CLIENT, 28, "192.0.2.1" },
	{ "IPv6", BYTES(SIGNED "\x21\x21\0\x24" IPV6 "rest"), PROXY_CLIENT, 52, "2001:db8::1" },
	{ "IPv4 in IPv6", BYTES(SIGNED "\x21\x22\0\x24" MAPPED), PROXY_CLIENT, 52, "192.0.2.1" },
	{ "a TLV behind the addresses", BYTES(SIGNED "\x21\x11\0\x11" IPV4 "\1\0\2ab" "rest"), PROXY_CLIENT, 33,
		"192.0.2.1" },
	{ "a TLV that isn't one", BYTES(SIGNED "\x21\x11\0\x0e" IPV4 "\xff\xff"), PROXY_CLIENT, 30, "192.0.2.1" },
	{ "LOCAL", BYTES(SIGNED "\x20\0\0\0rest"), PROXY_LOCAL, 16, NULL },
	{ "LOCAL with addresses, which don't count", BYTES(SIGNED "\x20\x11\0\x0c" IPV4), PROXY_LOCAL, 28, NULL },
	{ "LOCAL of a family that isn't one", BYTES(SIGNED "\x20\xff\0\2xy"), PROXY_LOCAL, 18, NULL },
	{ "a family of no addresses", BYTES(SIGNED "\x21\0\0\0"), PROXY_LOCAL, 16, NULL },
	{ "a family of no addresses, with some", BYTES(SIGNED "\x21\0\0\4abcd"), PROXY_LOCAL, 20, NULL },
	{ "UNIX sockets cut short", BYTES(SIGNED "\x21\x31\0\x04" "abcd"), PROXY_BAD, 0, NULL },
	{ "a family that isn't one", BYTES(SIGNED "\x21\x41\0\x0c" IPV4), PROXY_BAD, 0, NULL },
	{ "a transport that isn't one", BYTES(SIGNED "\x21\x13\0\x0c" IPV4), PROXY_BAD, 0, NULL },
	{ "a command that isn't one", BYTES(SIGNED "\x22\x11\0\x0c" IPV4), PROXY_BAD, 0, NULL },
	{ "version 1 in the form of version 2", BYTES(SIGNED "\x11\x11\0\x0c" IPV4), PROXY_BAD, 0, NULL },
	{ "version 3", BYTES(SIGNED "\x31\x11\0\x0c" IPV4), PROXY_BAD, 0, NULL },
	{ "too short for IPv4", BYTES(SIGNED "\x21\x11\0\x0b" IPV4), PROXY_BAD, 0, NULL },
	{ "too short for IPv6", BYTES(SIGNED "\x21\x21\0\x0c" IPV4), PROXY_BAD, 0, NULL },
	{ "too long for us", BYTES(SIGNED "\x21\x11\x0f\xf1" IPV4), PROXY_BAD, 0, NULL },
	{ "as long as may be, and not yet here", BYTES(SIGNED "\x21\x11\x0f\xf0" IPV4), PROXY_MORE, 0, NULL },
	{ "version 1", BYTES("PROXY TCP4 192.0.2.1 127.0.0.1 12345 53\r\n"), PROXY_MISSING, 0, NULL },
	{ "a query", BYTES("\x12\x34\0\0\0\1\0\0\0\0\0\0\3www\0\0\1\0\1"), PROXY_MISSING, 0, NULL },
	{ "nearly signed", BYTES("\r\n\r\n\0\r\nQUIT\r"), PROXY_MISSING, 0, NULL },
	{ "nothing", BYTES(""), PROXY_MORE, 0, NULL },
};

static enum proxy_verdict
read_exactly(const struct row *row, size_t length, size_t *header, struct address *client)
{
	uint8_t *copy = malloc(length + 1);	/* on the heap, so that the address sanitizer sees one octet too many */
	uint8_t *bytes = copy == NULL ? NULL : copy + 1;
	enum proxy_verdict verdict;

	if (copy == NULL)
		abort();
	memcpy(bytes, row->bytes, length);
	verdict = proxy_read(bytes, length, header, client);
	free(copy);
	return verdict;
}

static void
test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct address client = { .bits = 0 };
		char text[ADDRESS_TEXT_SIZE];
		size_t header = 0;

		SUITE_ROW(rows[i].name, read_exactly(&rows[i], rows[i].length, &header, &client) == rows[i].verdict);
		SUITE_ROW(rows[i].name, header == rows[i].header);
		if (rows[i].client != NULL)
			SUITE_TEXT(address_text(&client, text), rows[i].client);
		else
			SUITE_ROW(rows[i].name, client.bits == 0);
	}
}

/* Octet by octet a header is a beginning until it's whole, and nothing behind it changes what it says. */
static void
test_cuts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (size_t length = 0; length <= rows[i].length; length++) {
			struct address client;
			size_t header;
			enum proxy_verdict verdict = read_exactly(&rows[i], length, &header, &client);

			if (rows[i].header > 0)
				SUITE_ROW(rows[i].name, verdict == (length < rows[i].header ? PROXY_MORE
				    : rows[i].verdict));
			else
				SUITE_ROW(rows[i].name, verdict == PROXY_MORE || verdict == rows[i].verdict);
		}
	}
}

static const struct suite_case cases[] = {
	{ .name = "headers", .run = test_rows },
	{ .name = "cut anywhere", .run = test_cuts },
};

int
main(void)
{
	return suite_run("proxy", cases, ARRAY_SIZE(cases));
}
