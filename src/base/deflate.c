/* deflate.c -- see deflate.h.
 * What the store keeps is written often and read seldom, and most of it is zeros: the fastest level packs zeros as well
 * as the slowest. An unpacked length is never trusted before its octets are there: memory grows with what came out. */
#include "base/deflate.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FIRST_SIZE ((size_t)4096)	/* doubled as long as more comes out */

static void *unpack_into(z_stream *stream, size_t most, size_t *length);

void *
deflate_pack(const void *octets, size_t length, size_t *packed)
{
	uLongf size = compressBound(length);
	void *out = malloc(size);

	if (out == NULL || compress2(out, &size, octets, length, Z_BEST_SPEED) != Z_OK) {
		free(out);
		return NULL;
	}
	*packed = size;
	return out;
}

void *
deflate_unpack(const void *packed, size_t packed_length, size_t most, size_t *length)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)packed, .avail_in = (uInt)packed_length };
	void *out;

	if (packed_length > UINT_MAX || inflateInit(&stream) != Z_OK)
		return NULL;
	out = unpack_into(&stream, most, length);
	inflateEnd(&stream);
	return out;
}

static void *
unpack_into(z_stream *stream, size_t most, size_t *length)
{
	unsigned char *out = NULL;
	size_t size = 0;
	int status = Z_OK;

	*length = 0;
	while (status == Z_OK) {
		unsigned char *grown;

		if (*length == size) {
			if (size > most)
				break;
			size = size == 0 ? FIRST_SIZE : size * 2;
			grown = realloc(out, size);
			if (grown == NULL)
				break;
			out = grown;
		}
		stream->next_out = out + *length;
		stream->avail_out = (uInt)(size - *length > UINT_MAX ? UINT_MAX : size - *length);
		status = inflate(stream, Z_NO_FLUSH);
		*length = (size_t)(stream->next_out - out);
	}
	if (status == Z_STREAM_END && stream->avail_in == 0 && *length <= most)
		return out;
	free(out);
	return NULL;
}

/* --- files --------------------------------------------------------------------------------------------------- */

/* A gzFile is a pointer already; the name keeps zlib's types behind this door. */
struct deflate_file *
deflate_open(const char *path)
{
	return (struct deflate_file *)gzopen(path, "rb");
}

void
deflate_close(struct deflate_file *file)
{
	if (file != NULL)
		gzclose((gzFile)file);
}

int
deflate_line(struct deflate_file *file, char *line, size_t size)
{
	if (gzgets((gzFile)file, line, size > INT_MAX ? INT_MAX : (int)size) != NULL)
		return 1;
	return gzeof((gzFile)file) ? 0 : -1;
}
