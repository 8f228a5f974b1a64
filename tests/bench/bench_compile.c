/* bench_compile.c -- milliseconds to make a service's tables: all of them, one group's, none.
 * In: nothing. Out: a line for each size of world: the least of ROUNDS rounds, and what must be met.
 * Demand is known by slot, with as many heavy keys as there may be; every group is planned with pairs of its own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/steering_yaml.h"
#include "packing/compile.h"

#define ROUNDS 7
#define PAIRS 12		/* a group: K = 6 nearest regions, two backups each */
#define FULL_MS 20.0		/* for 65,536 slots */
#define DELTA_MS 1.0

static const struct size { unsigned groups, regions; bool demand; } sizes[] = {
	{ 1, 24, false }, { 1, 24, true }, { 64, 24, true }, { 64, 100, true }, { 2000, 100, true },
};

struct bench {
	struct steering *steering;
	struct plan plan;
	struct plan_service planned;
	struct plan_group *groups;
	struct plan_pair *pairs;
	struct demand demand;
	struct demand_service service;
	struct demand_rate *rates;
	float *slots;
	struct demand_key *keys;
};

static uint64_t state = 88172645463325252u;

static double
dice(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (double)(state * UINT64_C(2685821657736338717) >> 11) * 0x1p-53;
}

static struct steering *
steering_of(const struct size *size)
{
	char *text = malloc(200 + size->regions * 40 + size->groups * 60), *at = text;
	struct diags diags = { 0 };
	struct steering *steering;

	at += sprintf(at, "regions:\n");
	for (unsigned r = 0; r < size->regions; r++)
		at += sprintf(at, "  r%u: {capacity: 1k}\n", r);
	at += sprintf(at, size->groups > 1 ? "client-groups:\n" : "");
	for (unsigned g = 1; g < size->groups; g++)
		at += sprintf(at, "  g%u: {networks: [10.%u.%u.0/24]}\n", g, g / 256, g % 256);
	at += sprintf(at, "services:\n  www.example.com:\n    sharding-policy: predictive\n    regions: {");
	for (unsigned r = 0; r < size->regions; r++)
		at += sprintf(at, "%sr%u: ", r == 0 ? "" : ", ", r);
	sprintf(at, "}\n");
	steering = steering_read(text, "steering.yaml", &diags);
	if (steering == NULL)
		abort();
	diag_fini(&diags);
	free(text);
	return steering;
}

static void
change_pairs(struct bench *b, size_t group)
{
	struct plan_pair *pairs = &b->pairs[group * PAIRS];
	double sum = 0;

	for (unsigned p = 0; p < PAIRS; p++)
		sum += pairs[p].share = 0.02 + dice();
	for (unsigned p = 0; p < PAIRS; p++)
		pairs[p].share /= sum;
}

static void
bench_open(struct bench *b, const struct size *size)
{
	uint32_t known = size->groups > 1000 ? 32 : size->groups > 1 ? 1024 : 65536;
	size_t heavy = DEMAND_HEAVY_MAX / size->groups;

	b->steering = steering_of(size);
	b->groups = calloc(size->groups, sizeof(*b->groups));
	b->pairs = calloc(size->groups * PAIRS, sizeof(*b->pairs));
	b->rates = calloc(size->groups, sizeof(*b->rates));
	b->slots = calloc((size_t)size->groups * known, sizeof(*b->slots));
	b->keys = calloc(size->groups * heavy + 1, sizeof(*b->keys));
	for (unsigned g = 0; g < size->groups; g++) {
		float *slots = &b->slots[(size_t)g * known];
		struct demand_key *keys = &b->keys[g * heavy];
		unsigned first = (unsigned)(dice() * (size->regions - 6));

		for (unsigned p = 0; p < PAIRS; p++)
			b->pairs[g * PAIRS + p] = (struct plan_pair){ (region_id)(first + p / 2),
				(region_id)(first + (p / 2 + 1 + p % 2) % 6), 0 };
		for (unsigned p = 0; p < PAIRS; p += 2)		/* by backup */
			if (b->pairs[g * PAIRS + p].backup > b->pairs[g * PAIRS + p + 1].backup) {
				region_id swap = b->pairs[g * PAIRS + p].backup;

				b->pairs[g * PAIRS + p].backup = b->pairs[g * PAIRS + p + 1].backup;
				b->pairs[g * PAIRS + p + 1].backup = swap;
			}
		change_pairs(b, g);
		b->groups[g] = (struct plan_group){ .group = (uint16_t)g, .pairs = &b->pairs[g * PAIRS],
			.pair_count = PAIRS };
		b->rates[g] = (struct demand_rate){ .group = (uint16_t)g, .slot_count = known, .slots = slots,
			.heavy_count = heavy, .heavy = keys };
		for (uint32_t i = 0; i < known; i++) {
			slots[i] = (float)(1 / (dice() * 5000 + 14));
			b->rates[g].rate += (double)slots[i];
		}
		for (size_t i = 0; i < heavy; i++) {
			keys[i] = (struct demand_key){ { .bits = 32, .bytes = { (uint8_t)(i >> 8), (uint8_t)i,
				(uint8_t)(dice() * 256) } }, 24, 1.0 / (double)(i + 14) };
			b->rates[g].rate += keys[i].rate;
		}
	}
	b->planned = (struct plan_service){ "www.example.com.", size->groups, b->groups };
	b->plan = (struct plan){ .service_count = 1, .services = &b->planned };
	b->service = (struct demand_service){ .name = "www.example.com.", .scale = 1, .count = size->groups,
		.groups = b->rates };
	b->demand = (struct demand){ .service_count = 1, .services = &b->service };
}

static void
bench_close(struct bench *b)
{
	steering_free(b->steering);
	free(b->groups);
	free(b->pairs);
	free(b->rates);
	free(b->slots);
	free(b->keys);
}

/* Milliseconds; *next is what was made, as the previous one of the next. */
static double
compile(const struct bench *b, const struct size *size, const struct snapshot *previous, struct snapshot **next)
{
	struct compiled compiled;
	struct mono from = mono_now(), to;
	int failed = compile_tables(&compiled, b->steering, &b->plan, size->demand ? &b->demand : NULL, previous);

	to = mono_now();
	if (failed != 0)
		abort();
	*next = snapshot_new(&(struct snapshot_parts){ .epoch = 1, .steering = b->steering, .zones = NULL,
	    .tables = compiled.services, .worker_count = 1 });
	if (*next == NULL)
		abort();
	compiled_fini(&compiled);
	return (double)(to.ns - from.ns) / 1e6;
}

enum { FRESH, ALL, ONE, NONE, KINDS };

static void
measure(const struct size *size)
{
	struct bench b;
	double best[KINDS] = { INFINITY, INFINITY, INFINITY, INFINITY };
	size_t slots = 0;
	bool met;

	bench_open(&b, size);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct snapshot *snapshot = NULL, *next;

		for (unsigned kind = FRESH; kind < KINDS; kind++) {
			for (size_t g = 0; kind == ALL && g < size->groups; g++)
				change_pairs(&b, g);
			if (kind == ONE)
				change_pairs(&b, size->groups / 2);
			best[kind] = fmin(best[kind], compile(&b, size, snapshot, &next));
			snapshot_free(snapshot);
			snapshot = next;
		}
		slots = 0;
		for (size_t g = 0; g < size->groups; g++)
			slots += snapshot->services[0].tables[g]->count + snapshot->services[0].tables[g]->heavy_count;
		snapshot_free(snapshot);
	}
	met = fmax(best[FRESH], best[ALL]) / (double)slots * SLOTS_PER_SERVICE < FULL_MS && best[NONE] < DELTA_MS
	    && (size->groups == 1 || best[ONE] < DELTA_MS);
	printf("%6u %8u %8s %8zu %9.2f %9.2f %9.2f %9.2f  %s\n", size->groups, size->regions,
	    size->demand ? "known" : "unknown", slots, best[FRESH], best[ALL], best[ONE], best[NONE],
	    met ? "met" : "NOT MET");
	bench_close(&b);
}

int
main(void)
{
	printf("milliseconds; must: all < %.0f for %u slots, one group of many and none < %.0f\n", FULL_MS,
	    SLOTS_PER_SERVICE, DELTA_MS);
	printf("%6s %8s %8s %8s %9s %9s %9s %9s\n", "groups", "regions", "demand", "slots", "fresh", "all", "one",
	    "none");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		measure(&sizes[i]);
	return 0;
}
