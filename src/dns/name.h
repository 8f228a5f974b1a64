/* name.h -- domain names in wire form (RFC 1035 section 3.1), and the hashes of all their suffixes.
 * A `name` here is always uncompressed and ends with the root label. Threads: any; pure. */
#ifndef ISOBAR_DNS_NAME_H
#define ISOBAR_DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define NAME_MAX 255		/* octets on the wire, root label included (RFC 1035 section 2.3.4) */
#define NAME_LABELS_MAX 127	/* labels without the root */
#define NAME_TEXT_SIZE 1025	/* 255 octets, each at most \DDD, and NUL */

/* A name taken apart: where each label begins, and the hash of each suffix.
 * offset[0] is the leftmost label; hash[i] is the hash of the name that begins at label i (lower case);
 * hash[labels] is that of the root. */
struct name_parts {
	uint8_t labels;
	uint8_t length;
	uint8_t offset[NAME_LABELS_MAX + 1];
	uint64_t hash[NAME_LABELS_MAX + 1];
};

/* Length of the valid name at `name` within `size` bytes, or 0: no compression pointers, at most 255 octets. */
size_t name_length(const uint8_t *name, size_t size) NONNULL;

void name_lower(uint8_t *to, const uint8_t *name, size_t length) NONNULL;	/* RFC 4343: ASCII only */
bool name_equal(const uint8_t *a, const uint8_t *b, size_t length) NONNULL;	/* ignoring ASCII case */

/* `name` must be valid and in lower case. */
void name_take_apart(struct name_parts *parts, const uint8_t *name) NONNULL;
/* Three things in one pass, for who reads a question: name_length() of the name at `bytes`, its lower case in `name`,
 * and its parts. 0: it isn't whole, or malformed. */
size_t name_read(struct name_parts *parts, uint8_t name[static NAME_MAX], const uint8_t *bytes, size_t size) NONNULL;
unsigned name_labels(const uint8_t *name) NONNULL;

/* True when `name` is `parent` or below it. Any case. */
bool name_is_under(const uint8_t *name, const uint8_t *parent) NONNULL;

/* RFC 4034 section 6.1 canonical order: <0, 0, >0. Lower case expected. */
int name_compare(const uint8_t *a, const uint8_t *b) NONNULL;

/* Presentation form (RFC 1035 section 5.1, with \DDD and \X), ending in a dot. Returns `text`. */
const char *name_text(const uint8_t *name, char text[static NAME_TEXT_SIZE]) NONNULL;

/* Reads presentation form into lower-case wire form; a name without a final dot is taken as complete.
 * The length, or 0 when it is no name. */
size_t name_parse(const char *text, uint8_t name[static NAME_MAX]) NONNULL MUST_USE;
/* In the case that it has. */
size_t name_parse_as_is(const char *text, uint8_t name[static NAME_MAX]) NONNULL MUST_USE;

#endif
