/* identity.c -- see identity.h.
 * In: a query of the class CHAOS, the epoch.  Out: octets.  Threads: any; no allocation, no system call. */
#include "serve/identity.h"

#include <string.h>

#include "dns/wire.h"

/* Names in wire form. version.server and hostname.bind are what other servers answer to as well. */
static const char version_bind[] = "\7version\4bind", version_server[] = "\7version\6server";
static const char id_server[] = "\2id\6server", hostname_bind[] = "\10hostname\4bind",
    epoch_isobar[] = "\5epoch\6isobar";

static bool is_named(const struct query *query, const char *name);
static size_t put_number(char *to, uint64_t value);

bool
identity_allows(const struct identity *identity, const struct address *client)
{
	for (size_t i = 0; identity != NULL && i < identity->allow_count; i++)
		if (prefix_covers(&identity->allow[i], client))
			return true;
	return false;
}

size_t
identity_text(const struct identity *identity, uint64_t epoch, char text[static IDENTITY_SIZE])
{
	size_t length = strlen(identity->name);

	memcpy(text, identity->name, length);
	if (length > 0)
		text[length++] = ' ';
	memcpy(text + length, "epoch ", 6);
	return length + 6 + put_number(text + length + 6, epoch);
}

bool
identity_txt(const struct identity *identity, const struct query *query, uint64_t epoch,
	uint8_t wire[static IDENTITY_SIZE + 3])
{
	char *string = (char *)wire + 3;
	size_t length = 0;

	if (is_named(query, version_bind) || is_named(query, version_server)) {
		length = sizeof("isobar " PACKAGE_VERSION) - 1;
		memcpy(string, "isobar " PACKAGE_VERSION, length);
	} else if (is_named(query, id_server) || is_named(query, hostname_bind)) {
		length = strlen(identity->name);
		memcpy(string, identity->name, length);
	} else if (is_named(query, epoch_isobar)) {
		length = put_number(string, epoch);
	}
	wire_put_u16(wire, (unsigned)length + 1);
	wire[2] = (uint8_t)length;
	return length > 0;
}

static bool
is_named(const struct query *query, const char *name)
{
	size_t length = strlen(name) + 1;	/* with the root's label */

	return query->parts.length == length && memcmp(query->name, name, length) == 0;
}

static size_t
put_number(char *to, uint64_t value)
{
	char digits[20];
	size_t count = 0;

	do
		digits[count++] = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	for (size_t i = 0; i < count; i++)
		to[i] = digits[count - 1 - i];
	return count;
}
