/* bench_answer.c -- nanoseconds for an answer, from the request's octets to the response's, on one thread.
 * In: nothing. Out: a line for each kind of question: the least of ROUNDS rounds, since what else the machine does only
 * ever adds. Clients differ from query to query, as they do in life. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "../unit/sample_world.h"
#include "serve/guard.h"

#define ROUNDS 15
#define QUERIES 200000

static const struct {
	const char *name, *question;
	struct ask ask;
	bool guarded, cookie;
	const char *file;	/* of a zone that arrived signed: that of tests/fixtures/zones-signed, or NULL */
} kinds[] = {
	{ .name = "plain", .question = "www.example.com. A", .ask = { .edns = true } },
	{ .name = "plain, no EDNS", .question = "www.example.com. A" },
	{ .name = "plain, within rates", .question = "www.example.com. A", .ask = { .edns = true }, .guarded = true },
	{ .name = "plain, with a cookie", .question = "www.example.com. A", .ask = { .edns = true }, .guarded = true,
	    .cookie = true },
	{ .name = "alias", .question = "alias.example.com. A", .ask = { .edns = true } },
	{ .name = "wildcard", .question = "x.wild.example.com. TXT", .ask = { .edns = true } },
	{ .name = "delegation", .question = "x.child.example.com. A", .ask = { .edns = true } },
	{ .name = "no such name", .question = "nothere.example.com. A", .ask = { .edns = true } },
	{ .name = "not our zone", .question = "www.example.net. A", .ask = { .edns = true } },
	{ .name = "steered, by resolver", .question = "sticky.example.com. A", .ask = { .edns = true } },
	{ .name = "steered, by ECS", .question = "sticky.example.com. A", .ask = { .subnet = "10.1.2.0/24" } },
	{ .name = "steered, in turn", .question = "turn.example.com. A", .ask = { .edns = true } },
	{ .name = "steered, nearest", .question = "near.example.com. AAAA", .ask = { .subnet = "192.0.2.0/24" } },
	{ .name = "signed", .question = "www.example.com. A", .ask = { .dnssec_ok = true }, .file = "nsec" },
	{ .name = "signed, without DO", .question = "www.example.com. A", .ask = { .edns = true }, .file = "nsec" },
	{ .name = "signed, wildcard", .question = "x.wild.example.com. A", .ask = { .dnssec_ok = true }, .file = "nsec" },
	{ .name = "signed, delegation", .question = "x.insecure.example.com. A", .ask = { .dnssec_ok = true },
	    .file = "nsec" },
	{ .name = "NSEC, no such name", .question = "nothere.example.com. A", .ask = { .dnssec_ok = true },
	    .file = "nsec" },
	{ .name = "NSEC3, no such type", .question = "www.example.com. MX", .ask = { .dnssec_ok = true },
	    .file = "nsec3" },
	{ .name = "NSEC3, no such name", .question = "nothere.example.com. A", .ask = { .dnssec_ok = true },
	    .file = "nsec3" },
};

/* With a sketch as a busy worker has it. */
static double
measure(struct world *world, struct sketch *sketch, struct guard *guard, size_t kind)
{
	static const struct cookie_secrets secrets = { .count = 1 };
	struct answer_env env = world_env(world, kinds[kind].ask);
	uint8_t request[600], response[1232];
	size_t length = world_request(request, kinds[kind].question, kinds[kind].ask), octets = 0;
	double least = 1e9;

	env.sketch = sketch;
	if (kinds[kind].guarded) {
		env.guard = guard;
		env.secrets = &secrets;
	}
	if (kinds[kind].cookie) {
		static const uint8_t option[] = { 0, EDNS_COOKIE, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8 };

		wire_put_u16(request + length - 2, sizeof(option));
		memcpy(request + length, option, sizeof(option));
		length += sizeof(option);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct mono from = mono_now(), to;

		for (uint32_t q = 0; q < QUERIES; q++) {
			env.client.bytes[1] = (uint8_t)(q >> 8);
			env.client.bytes[2] = (uint8_t)q;
			if (kinds[kind].ask.subnet != NULL)
				request[length - 1] = (uint8_t)q;
			octets += answer(&env, request, length, response, sizeof(response));
		}
		to = mono_now();
		if ((double)(to.ns - from.ns) / QUERIES < least)
			least = (double)(to.ns - from.ns) / QUERIES;
	}
	if (octets == 0)
		abort();
	return least;
}

static struct world *
signed_world(const char *file)
{
	const char *source = getenv("ISOBAR_SOURCE");
	struct world *world = malloc(sizeof(*world));
	char path[2048], *text;
	size_t length;
	int error;

	snprintf(path, sizeof(path), "%s/tests/fixtures/zones-signed/%s.zone", source == NULL ? "." : source, file);
	text = text_read_file(path, 1 << 20, &length, &error);
	if (world == NULL || text == NULL)
		abort();
	world_open(world, (struct world_parts){ .zones = { { "example.com.", text } } });
	free(text);
	return world;
}

int
main(void)
{
	/* Nobody is beyond these, so that what is measured is the counting. */
	static const struct guard_options limits = { .limited = true, .rates = { .rates = { [RATE_ANSWER] = 1000000000,
	    [RATE_ALL] = 1000000000 }, .burst_ms = 60000, .slip = 2, .ipv4_prefix = 24, .ipv6_prefix = 56,
	    .entries = 65536 } };
	struct sample *sample = sample_open();
	struct sketch *sketch = sketch_new(SKETCH_SIZE, 1);
	struct guard *guard = guard_new(&limits, 1);

	if (sketch == NULL || guard == NULL)
		abort();
	sketch_clear(sketch, SKETCH_EVERY_BUSY);

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct world *world = kinds[k].file == NULL ? &sample->world : signed_world(kinds[k].file);

		printf("%-22s %6.0f ns\n", kinds[k].name, measure(world, sketch, guard, k));
		if (kinds[k].file != NULL) {
			world_close(world);
			free(world);
		}
	}
	guard_free(guard);
	sketch_free(sketch);
	sample_close(sample);
	return 0;
}
