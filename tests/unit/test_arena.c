/* test_arena.c -- base/arena: alignment, zeroing, growth past a block, and the formatted copy. */
#include "base/arena.h"

#include <stdalign.h>

#include "suite.h"

static void
test_aligned_and_zeroed(void)
{
	struct arena *arena = arena_new();

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	for (size_t size = 0; size < 200; size++) {
		unsigned char *p = arena_alloc(arena, size);

		CU_ASSERT_PTR_NOT_NULL_FATAL(p);
		CU_ASSERT_EQUAL((uintptr_t)p % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			CU_ASSERT_EQUAL(p[i], 0);
		memset(p, 0xff, size);
	}
	arena_free(arena);
}

static void
test_grows(void)
{
	struct arena *arena = arena_new();
	char *first, *large;

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	first = arena_text(arena, "first");
	large = arena_alloc(arena, (size_t)3 << 20);
	CU_ASSERT_PTR_NOT_NULL_FATAL(large);
	memset(large, 'x', (size_t)3 << 20);
	for (int i = 0; i < 10000; i++)
		CU_ASSERT_PTR_NOT_NULL(arena_copy(arena, "0123456789", 10));
	SUITE_TEXT(first, "first");
	CU_ASSERT(arena_size(arena) >= ((size_t)3 << 20) + 100000);
	arena_free(arena);
}

static void
test_refuses_overflow(void)
{
	struct arena *arena = arena_new();

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	CU_ASSERT_PTR_NULL(arena_alloc(arena, SIZE_MAX));
	CU_ASSERT_PTR_NULL(arena_alloc(arena, SIZE_MAX - 16));
	CU_ASSERT_PTR_NOT_NULL(arena_alloc(arena, 1));
	arena_free(arena);
	arena_free(NULL);
}

static void
test_printf(void)
{
	struct arena *arena = arena_new();

	CU_ASSERT_PTR_NOT_NULL_FATAL(arena);
	SUITE_TEXT(arena_printf(arena, "%s-%d", "region", 7), "region-7");
	SUITE_TEXT(arena_printf(arena, "%s", ""), "");
	arena_free(arena);
}

static const struct suite_case cases[] = {
	{ .name = "memory is aligned and zeroed", .run = test_aligned_and_zeroed },
	{ .name = "grows past its blocks and keeps what it has", .run = test_grows },
	{ .name = "a size that overflows is refused", .run = test_refuses_overflow },
	{ .name = "formatted text", .run = test_printf },
};

int
main(void)
{
	return suite_run("arena", cases, ARRAY_SIZE(cases));
}
