/* deflate.h -- the one door to zlib: octets packed and unpacked, and the lines of a file that may be packed.
 * Threads: any; a file belongs to one. */
#ifndef ISOBAR_BASE_DEFLATE_H
#define ISOBAR_BASE_DEFLATE_H

#include <stddef.h>

#include "base/contract.h"

/* RFC 1950. *packed octets to be freed; NULL: out of memory. */
void *deflate_pack(const void *octets, size_t length, size_t *packed) NONNULL MUST_USE;

/* *length octets to be freed, never more than `most`; NULL: out of memory, or they aren't whole, or have more behind
 * them. */
void *deflate_unpack(const void *packed, size_t packed_length, size_t most, size_t *length) NONNULL MUST_USE;

struct deflate_file;	/* gzip (RFC 1952), or plain text as it is */

struct deflate_file *deflate_open(const char *path) NONNULL MUST_USE;	/* NULL with errno */
void deflate_close(struct deflate_file *file);				/* NULL is allowed */
/* The next line with its end, cut to `size`. 1, 0 at the end, -1 when the data is broken. */
int deflate_line(struct deflate_file *file, char *line, size_t size) NONNULL;

#endif
