/* test_deflate.c -- base/deflate: what is packed comes out again; damage and excess don't. */
#include "base/deflate.h"

#include "base/hash.h"
#include "suite.h"

static void
fill(unsigned char *octets, size_t length, unsigned seed, bool zeros)
{
	for (size_t i = 0; i < length; i++)
		octets[i] = (unsigned char)(zeros && i % 1000 != 7 ? 0 : hash64(&i, sizeof(i), seed));
}

static void
test_round_trip(void)
{
	static const size_t lengths[] = { 0, 1, 4095, 4096, 4097, 700000 };

	for (size_t i = 0; i < ARRAY_SIZE(lengths) * 2; i++) {
		size_t length = lengths[i / 2], packed_length = 0, again_length = 1;
		unsigned char *octets = malloc(length + 1);
		void *packed, *again;

		fill(octets, length, (unsigned)i, i % 2 == 0);
		packed = deflate_pack(octets, length, &packed_length);
		CU_ASSERT_PTR_NOT_NULL_FATAL(packed);
		again = deflate_unpack(packed, packed_length, length, &again_length);
		CU_ASSERT_PTR_NOT_NULL_FATAL(again);
		CU_ASSERT_EQUAL(again_length, length);
		CU_ASSERT_EQUAL(memcmp(again, octets, length), 0);
		if (i % 2 == 0 && length > 100000)
			CU_ASSERT(packed_length < length / 50);
		free(again);
		free(packed);
		free(octets);
	}
}

static void
test_refused(void)
{
	unsigned char octets[5000];
	size_t packed_length, length;
	unsigned char *packed, *longer;

	fill(octets, sizeof(octets), 1, false);
	packed = deflate_pack(octets, sizeof(octets), &packed_length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(packed);
	CU_ASSERT_PTR_NULL(deflate_unpack(packed, packed_length, sizeof(octets) - 1, &length));
	for (size_t cut = 0; cut < packed_length; cut += 97)
		CU_ASSERT_PTR_NULL(deflate_unpack(packed, cut, sizeof(octets), &length));
	longer = calloc(1, packed_length + 1);
	memcpy(longer, packed, packed_length);
	CU_ASSERT_PTR_NULL(deflate_unpack(longer, packed_length + 1, sizeof(octets), &length));
	packed[packed_length / 2] ^= 0x10;
	CU_ASSERT_PTR_NULL(deflate_unpack(packed, packed_length, sizeof(octets), &length));
	free(longer);
	free(packed);
}

static const struct suite_case cases[] = {
	{ .name = "what is packed comes out again", .run = test_round_trip },
	{ .name = "cut, longer, changed or larger octets are refused", .run = test_refused },
};

int
main(void)
{
	return suite_run("deflate", cases, ARRAY_SIZE(cases));
}
