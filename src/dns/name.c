/* name.c -- names in wire form: validity, case, suffix hashes, order and text.
 * In: bytes of a packet or of a master file.  Out: lengths, hashes, comparisons; nothing is kept.
 * Threads: any; pure.
 * A suffix's hash is made from the hash of the suffix to its right and the label in front of it, so one pass from the
 * root yields all of them: the zone search, the lookup and the search for the closest encloser share that pass. */
#include "dns/name.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define ROOT_HASH UINT64_C(0x9e3779b97f4a7c15)

static void lower8(uint8_t *to, const uint8_t *from);
static uint8_t lower(uint8_t c);
static void end_parts(struct name_parts *parts, const uint8_t *name, unsigned labels, unsigned at);
static int compare_labels(const uint8_t *a, const uint8_t *b);

size_t
name_length(const uint8_t *name, size_t size)
{
	size_t at = 0;

	while (at < size && name[at] != 0) {
		if (name[at] > 63)
			return 0;
		at += (size_t)name[at] + 1;
		if (at >= NAME_MAX)
			return 0;
	}
	return at < size ? at + 1 : 0;
}

void
name_lower(uint8_t *to, const uint8_t *name, size_t length)
{
	/* Length octets are at most 63, so they never look like a letter. The last eight may be done twice. */
	if (length < 8) {
		for (size_t i = 0; i < length; i++)
			to[i] = lower(name[i]);
		return;
	}
	for (size_t i = 0; i + 8 < length; i += 8)
		lower8(to + i, name + i);
	lower8(to + length - 8, name + length - 8);
}

/* Eight octets at once: those from 'A' to 'Z' get 0x20. Bit 7 of each sum tells whether its octet is beyond the bound;
 * the sums are of seven bits, so that none carries into the next. */
static void
lower8(uint8_t *to, const uint8_t *from)
{
	const uint64_t each = UINT64_C(0x0101010101010101), high = each * 0x80;
	uint64_t octets, seven;

	memcpy(&octets, from, 8);
	seven = octets & ~high;
	octets |= ((seven + each * (0x80 - 'A')) & ~(seven + each * (0x80 - 'Z' - 1)) & ~octets & high) >> 2;
	memcpy(to, &octets, 8);
}

static uint8_t
lower(uint8_t c)
{
	return (uint8_t)(c - 'A') < 26 ? c | 0x20 : c;
}

bool
name_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

void
name_take_apart(struct name_parts *parts, const uint8_t *name)
{
	unsigned labels = 0, at = 0;

	while (name[at] != 0) {
		parts->offset[labels++] = (uint8_t)at;
		at += name[at] + 1u;
	}
	end_parts(parts, name, labels, at);
}

size_t
name_read(struct name_parts *parts, uint8_t name[static NAME_MAX], const uint8_t *bytes, size_t size)
{
	unsigned labels = 0, at = 0;

	while (at < size && bytes[at] != 0) {
		parts->offset[labels++] = (uint8_t)at;
		if (bytes[at] > 63)
			return 0;
		at += bytes[at] + 1u;
		if (at >= NAME_MAX)
			return 0;
	}
	if (at >= size)
		return 0;
	name_lower(name, bytes, at + 1);
	end_parts(parts, name, labels, at);
	return at + 1;
}

/* The root's label is at `at`. */
static void
end_parts(struct name_parts *parts, const uint8_t *name, unsigned labels, unsigned at)
{
	parts->offset[labels] = (uint8_t)at;
	parts->labels = (uint8_t)labels;
	parts->length = (uint8_t)(at + 1);
	parts->hash[labels] = ROOT_HASH;
	for (unsigned i = labels; i-- > 0;) {
		const uint8_t *label = name + parts->offset[i];

		parts->hash[i] = hash64(label, label[0] + 1u, parts->hash[i + 1]);
	}
}

unsigned
name_labels(const uint8_t *name)
{
	unsigned labels = 0;

	for (; *name != 0; name += *name + 1)
		labels++;
	return labels;
}

bool
name_is_under(const uint8_t *name, const uint8_t *parent)
{
	unsigned skip = name_labels(name), parent_labels = name_labels(parent);

	if (skip < parent_labels)
		return false;
	for (skip -= parent_labels; skip > 0; skip--)
		name += *name + 1;
	return name_length(name, NAME_MAX) == name_length(parent, NAME_MAX)
	    && name_equal(name, parent, name_length(parent, NAME_MAX));
}

int
name_compare(const uint8_t *a, const uint8_t *b)
{
	const uint8_t *labels_a[NAME_LABELS_MAX + 1], *labels_b[NAME_LABELS_MAX + 1];
	unsigned na = 0, nb = 0;

	for (; *a != 0; a += *a + 1)
		labels_a[na++] = a;
	for (; *b != 0; b += *b + 1)
		labels_b[nb++] = b;
	while (na > 0 && nb > 0) {
		int order = compare_labels(labels_a[--na], labels_b[--nb]);

		if (order != 0)
			return order;
	}
	return (na > 0) - (nb > 0);
}

static int
compare_labels(const uint8_t *a, const uint8_t *b)
{
	size_t shorter = a[0] < b[0] ? a[0] : b[0];
	int order = memcmp(a + 1, b + 1, shorter);

	return order != 0 ? order : (a[0] > b[0]) - (a[0] < b[0]);
}

const char *
name_text(const uint8_t *name, char text[static NAME_TEXT_SIZE])
{
	char *to = text;

	if (*name == 0)
		*to++ = '.';
	for (; *name != 0; name += *name + 1) {
		for (unsigned i = 1; i <= *name; i++) {
			uint8_t c = name[i];

			if (c <= ' ' || c > '~') {
				snprintf(to, 5, "\\%03u", c);
				to += 4;
				continue;
			}
			if (strchr(".\\\"$;@()", c) != NULL)
				*to++ = '\\';
			*to++ = (char)c;
		}
		*to++ = '.';
	}
	*to = '\0';
	return text;
}

size_t
name_parse(const char *text, uint8_t name[static NAME_MAX])
{
	size_t length = name_parse_as_is(text, name);

	name_lower(name, name, length);
	return length;
}

size_t
name_parse_as_is(const char *text, uint8_t name[static NAME_MAX])
{
	size_t label = 0, at = 1;

	if (strcmp(text, ".") == 0) {
		name[0] = 0;
		return 1;
	}
	for (const char *p = text; *p != '\0'; p++) {
		unsigned c = (unsigned char)*p;

		if (c == '.') {
			if (at == label + 1)
				return 0;
			name[label] = (uint8_t)(at - label - 1);
			label = at++;
			if (at > NAME_MAX)
				return 0;
			continue;
		}
		if (c == '\\') {
			unsigned value;
			int used = 0;

			if (p[1] >= '0' && p[1] <= '9') {
				if (sscanf(p + 1, "%3u%n", &value, &used) != 1 || used != 3 || value > 255)
					return 0;
				c = value;
				p += 3;
			} else if (p[1] == '\0') {
				return 0;
			} else {
				c = (unsigned char)*++p;
			}
		}
		if (at - label - 1 >= 63 || at >= NAME_MAX - 1)
			return 0;
		name[at++] = (uint8_t)c;
	}
	if (at == label + 1) {			/* ended in a dot, or empty */
		if (label == 0)
			return 0;
		name[label] = 0;
		return at;
	}
	name[label] = (uint8_t)(at - label - 1);
	name[at] = 0;
	return at + 1;
}
