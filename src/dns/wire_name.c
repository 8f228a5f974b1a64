/* wire_name.c -- see wire_name.h.
 * In: a message.  Out: a name.  Threads: any.
 * Each pointer must lead before the place where the labels that lead to it began, so this ends. */
#include "dns/wire_name.h"

#include <string.h>

size_t
wire_name(struct wire_reader *reader, bool compressed, uint8_t name[static NAME_MAX])
{
	size_t at = reader->at, limit = reader->at, length = 0;
	bool jumped = false;

	while (!reader->failed && at < reader->size) {
		uint8_t label = reader->bytes[at];

		if (label >= 0xc0 && compressed && at + 1 < reader->size) {
			size_t to = (size_t)(label & 0x3f) << 8 | reader->bytes[at + 1];

			if (!jumped)
				reader->at = at + 2;
			jumped = true;
			if (to >= limit)
				break;
			at = limit = to;
			continue;
		}
		if (label > 63 || at + 1 + label > reader->size || length + 1 + label > NAME_MAX)
			break;
		memcpy(name + length, reader->bytes + at, 1u + label);
		length += 1u + label;
		at += 1u + label;
		if (label == 0) {
			if (!jumped)
				reader->at = at;
			return length;
		}
	}
	reader->failed = true;
	return 0;
}
