/* fuzz_answer.c -- serve/answer: any octets are either left alone or get a response that is whole, has their id, and
 * keeps its limit. The first octet says how they came: 1 by TCP, 2 and 4 which regions are dead, 8 by IPv6, 16 with
 * cookies, 32 where they're required, 64 by TLS. */
#define FUZZ_NAME "answer"

#include "fuzz.h"
#include "../unit/sample_world.h"
#include "serve/guard.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct guard_options free_to_all, required = { .required = COOKIES_ALWAYS };
	static const struct cookie_secrets secrets = { .count = 1 };
	static struct sample *sample;
	static struct guard *guards[2];
	static uint8_t large[ANSWER_SIZE_MAX];
	struct ask ask = { .stream = length > 0 && (bytes[0] & 1), .client = length > 0 && (bytes[0] & 8) ?
	    "2001:db8::1" : NULL };
	struct answer_env env;
	uint8_t *small = malloc(512);
	size_t answered;

	if (sample == NULL) {
		sample = sample_open();
		guards[0] = guard_new(&free_to_all, 1);
		guards[1] = guard_new(&required, 1);
	}
	if (small == NULL)
		abort();
	for (region_id r = 0; length > 0 && r < 2; r++)
		for (size_t s = 0; s < sample->world.snapshot->service_count; s++)
			live_set_dead(world_live(&sample->world, s), r, bytes[0] >> (1 + r) & 1);
	env = world_env(&sample->world, ask);
	if (length > 0) {
		env.guard = bytes[0] & 16 ? guards[bytes[0] >> 5 & 1] : NULL;
		env.secrets = &secrets;
		env.encrypted = bytes[0] & 64;
		bytes++;
		length--;
	}
	/* By UDP with the least room there may be, on the heap for the address sanitizer. */
	answered = answer(&env, bytes, length, ask.stream ? large : small, ask.stream ? sizeof(large) : 512);
	if (answered > (ask.stream ? sizeof(large) : 512))
		abort();
	if (answered == 0 && length >= HEADER_SIZE && (bytes[2] & 0x80) == 0)
		abort();
	if (answered > 0 && (memcmp(ask.stream ? large : small, bytes, 2) != 0
	    || !sample_is_whole(ask.stream ? large : small, answered)))
		abort();
	free(small);
	return 0;
}
