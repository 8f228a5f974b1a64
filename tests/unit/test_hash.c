/* test_hash.c -- base/hash against published values. */
#include "base/hash.h"

#include "suite.h"

/* FIPS 180-4 examples. */
static void
test_sha256(void)
{
	char text[SHA256_TEXT_SIZE];

	SUITE_TEXT(sha256_text("", 0, text), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	SUITE_TEXT(sha256_text("abc", 3, text), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* The first is xxHash's own vector for XXH3 of no bytes. */
static void
test_hash64(void)
{
	CU_ASSERT_EQUAL(hash64("", 0, 0), 0x2d06800538d394c2);
	CU_ASSERT_NOT_EQUAL(hash64("a", 1, 0), hash64("a", 1, 1));
	CU_ASSERT_NOT_EQUAL(hash64("a", 1, 0), hash64("b", 1, 0));
}

static const struct suite_case cases[] = {
	{ .name = "SHA-256 as published", .run = test_sha256 },
	{ .name = "XXH3 as published, and seeded", .run = test_hash64 },
};

int
main(void)
{
	return suite_run("hash", cases, ARRAY_SIZE(cases));
}
