/* fuzz_incoming.c -- transfer/incoming: whatever a primary sends is taken in or refused with a word; what is taken can be
 * laid out as a zone, or applied to the version that is there.
 * The first octet says what was asked, the rest is messages, each with its length before it, as a stream has them. */
#define FUZZ_NAME "incoming"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "transfer/incoming.h"

#define ID 0x1234

static const uint8_t apex[] = "\7example";

static struct zone *
make_base(void)
{
	static const uint8_t soa[] = "\2ns\7example\0\4root\0" "\0\0\0\3" "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4";
	struct zone_builder *builder = zone_builder_new(apex);
	struct zone *zone = NULL;

	if (builder == NULL
	    || zone_builder_add(builder, apex, TYPE_SOA, 60, soa, sizeof(soa) - 1) != ZONE_ADDED
	    || zone_builder_add(builder, apex, TYPE_NS, 60, (const uint8_t *)"\2ns\7example", 12) != ZONE_ADDED
	    || zone_builder_add(builder, (const uint8_t *)"\1a\7example", TYPE_A, 60, (const uint8_t *)"\300\0\2\1", 4)
	    != ZONE_ADDED || zone_builder_freeze(builder, &zone) != ZONE_OK)
		abort();
	return zone;
}

static void
look(struct incoming *in, enum incoming_step step, const struct zone *base)
{
	const struct rrset_edit *edits;
	struct zone *zone = NULL;
	size_t count;

	switch (step) {
	case INCOMING_ZONE:
		if (zone_builder_freeze(incoming_take(in), &zone) != ZONE_OK || zone_serial(zone) != incoming_serial(in))
			abort();
		break;
	case INCOMING_EDITS:
		incoming_edits(in, &edits, &count);
		if (zone_edit(base, edits, count, &zone) == ZONE_EDITED && zone_serial(zone) != incoming_serial(in))
			abort();
		break;
	case INCOMING_FAILED:
	case INCOMING_AGAIN_WHOLE:
	case INCOMING_AGAIN_PLAIN:
		if (*incoming_trouble(in) == '\0')
			abort();
		break;
	default:
		break;
	}
	zone_release(zone);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct zone *base;
	struct incoming_wish wish = { .apex = apex, .stream = true, .octets_most = 1 << 20, .id = ID };
	enum incoming_step step = INCOMING_MORE;
	struct incoming *in;

	if (base == NULL)
		base = make_base();
	if (length == 0)
		return 0;
	wish.kind = (enum incoming_kind)(bytes[0] % 3);
	wish.any_serial = (bytes[0] & 4) != 0;
	wish.stream = (bytes[0] & 8) == 0;
	wish.base = wish.kind == INCOMING_DIFFERENCES || (bytes[0] & 16) != 0 ? base : NULL;
	in = incoming_new(&wish);
	if (in == NULL)
		abort();
	for (size_t at = 1; at + 2 <= length && (step == INCOMING_MORE || step == INCOMING_FOREIGN);) {
		size_t size = wire_get_u16(bytes + at), left = length - at - 2;
		uint8_t *message;

		size = size < left ? size : left;
		message = malloc(size + 1);
		if (message == NULL)
			abort();
		memcpy(message, bytes + at + 2, size);
		step = incoming_message(in, message, size, 1700000000);
		free(message);
		at += 2 + size;
	}
	look(in, step, base);
	incoming_free(in);
	return 0;
}
