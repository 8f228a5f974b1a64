/* arena.c -- bump allocation in growing blocks.
 * The first block is small, since most arenas serve one request; each next one doubles up to 1 MiB, so that a
 * zone of 10^6 names costs some hundred mallocs. A request larger than a block gets a block of its own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BLOCK ((size_t)4096)
#define LARGEST_BLOCK ((size_t)1 << 20)

struct block {
	struct block *next;
	size_t size, used;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *blocks;
	size_t total;
};

static struct block *block_add(struct arena *arena, size_t need);

struct arena *
arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void
arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	for (struct block *b = arena->blocks, *next; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(arena);
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	size_t need = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	struct block *b = arena->blocks;
	void *p;

	if (size > PTRDIFF_MAX / 2)	/* no object is that large, and below it no sum here overflows */
		return NULL;
	if (b == NULL || b->size - b->used < need) {
		b = block_add(arena, need);
		if (b == NULL)
			return NULL;
	}
	p = b->bytes + b->used;
	b->used += need;
	arena->total += need;
	return memset(p, 0, size);
}

static struct block *
block_add(struct arena *arena, size_t need)
{
	size_t size = arena->blocks == NULL ? FIRST_BLOCK : arena->blocks->size * 2;
	struct block *b;

	if (size > LARGEST_BLOCK)
		size = LARGEST_BLOCK;
	if (size < need)
		size = need;
	b = malloc(sizeof(*b) + size);
	if (b == NULL)
		return NULL;
	b->size = size;
	b->used = 0;
	b->next = arena->blocks;
	arena->blocks = b;
	return b;
}

void *
arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	void *p = arena_alloc(arena, size);

	if (p != NULL && size > 0)
		memcpy(p, bytes, size);
	return p;
}

char *
arena_text(struct arena *arena, const char *text)
{
	return arena_copy(arena, text, strlen(text) + 1);
}

char *
arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	char *text = NULL;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length >= 0)
		text = arena_alloc(arena, (size_t)length + 1);
	if (text != NULL)
		vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	va_end(args);
	return text;
}

size_t
arena_size(const struct arena *arena)
{
	return arena->total;
}
