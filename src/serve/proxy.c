/* proxy.c -- see proxy.h.
 * In: the first octets of a connection, or a datagram.  Out: the client's address, and where the header ends.
 * Threads: any; pure.
 *
 * A header is a signature of 12 octets; version and command; family and transport; the length of what follows: the
 * addresses, and TLVs, which are skipped. The transport that it tells isn't held against ours: a proxy may take queries
 * by one and pass them on by another. Families that are assigned but have no IP address (UNSPEC, UNIX) count like the
 * command LOCAL, as the specification wants; values that aren't assigned are refused, as it wants as well. */
#include "serve/proxy.h"

#include <string.h>

#include "dns/wire.h"

#define FIXED 16		/* signature, version and command, family, length */

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };	/* version 2 in the upper half */
enum { FAMILY_UNSPEC, FAMILY_INET, FAMILY_INET6, FAMILY_UNIX, FAMILIES };
enum { OVER_UNSPEC, OVER_STREAM, OVER_DATAGRAM, OVERS };

static const uint8_t signature[12] = { '\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n' };
/* Source and destination, then both ports; of UNIX two paths. */
static const unsigned sizes[FAMILIES] = { 0, 4 + 4 + 4, 16 + 16 + 4, 108 + 108 };

enum proxy_verdict
proxy_read(const uint8_t *bytes, size_t length, size_t *header, struct address *client)
{
	size_t signed_length = length < sizeof(signature) ? length : sizeof(signature);
	unsigned command, family, transport, rest;

	if (memcmp(bytes, signature, signed_length) != 0)
		return PROXY_MISSING;
	if (length < FIXED)
		return PROXY_MORE;
	command = bytes[12];
	family = bytes[13] >> 4;
	transport = bytes[13] & 15u;
	rest = wire_get_u16(bytes + 14);
	if ((command != COMMAND_LOCAL && command != COMMAND_PROXY) || FIXED + rest > PROXY_HEADER_MAX)
		return PROXY_BAD;
	/* What LOCAL says of addresses doesn't count, not even as an error. */
	if (command == COMMAND_PROXY && (family >= FAMILIES || transport >= OVERS || rest < sizes[family]))
		return PROXY_BAD;
	if (length < FIXED + rest)
		return PROXY_MORE;
	*header = FIXED + rest;
	if (command == COMMAND_LOCAL || (family != FAMILY_INET && family != FAMILY_INET6))
		return PROXY_LOCAL;
	address_of_bytes(client, bytes + FIXED, family == FAMILY_INET ? 32 : 128);
	return PROXY_CLIENT;
}
