/* fuzz_answer.c -- serve/answer: any octets are either left alone or get a response that is whole, has their id, and
 * keeps its limit. The first octet says how they came: 1 by TCP, 2 and 4 which regions are dead, 8 by IPv6, 16 with
 * cookies, 32 where they're required, 64 by TLS.
 * Everybody may update example.com and is a primary of example.org; what waits for the control thread is read, planned
 * against the zone and answered as it would do it. */
#define FUZZ_NAME "answer"

#include "fuzz.h"
#include "../unit/sample_world.h"
#include "serve/guard.h"
#include "serve/requests.h"
#include "serve/stream.h"
#include "transfer/update.h"

static void ready(void *arg, struct deferred *request);
static bool do_update(const struct answer_env *env, const struct zone *zone);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct guard_options free_to_all, required = { .required = COOKIES_ALWAYS };
	static const struct cookie_secrets secrets = { .count = 1 };
	static struct sample *sample;
	static struct guard *guards[2];
	static uint8_t large[ANSWER_SIZE_MAX];
	static const struct update_rule everybody;
	static struct notify_source source;
	static const struct request_zone zones[] = {
		{ .apex = (const uint8_t *)"\7example\3com", .rule_count = 1, .rules = &everybody },
		{ .apex = (const uint8_t *)"\7example\3org", .secondary = true, .source_count = 1, .sources = &source },
	};
	static const struct requests requests = { .zone_count = ARRAY_SIZE(zones), .zones = zones };
	static const struct later later = { .ready = ready };
	static struct request_desk *desk;
	struct notice notice;
	struct stream_source stream;
	struct ask ask = { .stream = length > 0 && (bytes[0] & 1), .client = length > 0 && (bytes[0] & 8) ?
	    "2001:db8::1" : NULL };
	struct answer_env env;
	uint8_t *small = malloc(512);
	size_t answered;

	if (sample == NULL) {
		sample = sample_open();
		guards[0] = guard_new(&free_to_all, 1);
		guards[1] = guard_new(&required, 1);
		desk = request_desk_new(&(struct request_limits){ 1, 1 }, 1);
		if (desk == NULL)
			abort();
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
	env.requests = &requests;
	env.request_desk = desk;
	env.later = &later;
	env.source = &stream;
	source.address = env.client;
	/* By UDP with the least room there may be, on the heap for the address sanitizer. */
	answered = answer(&env, bytes, length, ask.stream ? large : small, ask.stream ? sizeof(large) : 512);
	if (answered > (ask.stream ? sizeof(large) : 512))
		abort();
	while (request_desk_next_notice(desk, &notice))
		;
	if (answered == 0 && length >= HEADER_SIZE && (bytes[2] & 0x80) == 0
	    && !do_update(&env, sample->world.zones[0]))
		abort();
	if (answered > 0 && (memcmp(ask.stream ? large : small, bytes, 2) != 0
	    || !sample_is_whole(ask.stream ? large : small, answered)))
		abort();
	free(small);
	return 0;
}

static void
ready(void *arg, struct deferred *request)
{
	(void)arg;
	(void)request;
}

/* False: none waits, so what was asked has no response. */
static bool
do_update(const struct answer_env *env, const struct zone *zone)
{
	struct deferred *request = request_desk_next(env->request_desk);
	struct arena *arena = arena_new();
	struct rrset_edit *edits;
	struct update *update;
	uint16_t rcode;
	size_t count;

	if (request == NULL || arena == NULL)
		return false;
	rcode = update_read(arena, request->message, request->length, &update);
	for (size_t i = 0; rcode == RCODE_NOERROR && i < update_count(update); i++)
		if (!name_is_under(update_at(update, i).owner, zone_apex(zone)->name))
			abort();
	if (rcode == RCODE_NOERROR)
		rcode = update_plan(update, zone, arena, &edits, &count);
	arena_free(arena);
	deferred_answer(request, rcode, EDE_OTHER, "as it was");
	request = request_desk_answered(env->request_desk, 0);
	answer_later(env, request);
	if (request->response_length > 0 && (memcmp(request->response, request->message, 2) != 0
	    || !sample_is_whole(request->response, request->response_length)))
		abort();
	deferred_free(request);
	return true;
}
