/* test_estimate.c -- plan/estimate: from counts to requests/s, as they are and behind caches; what reports correct; what a
 * new steering and a restart leave. The population is that of the literature: the k-th heaviest of 10^6 resolvers has
 * 1 / (k + 14) of the users. */
#include "estimate/estimate.h"

#include <math.h>

#include "packing/pack.h"
#include "steer/sketch.h"
#include "world.h"

#define ZONE "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
#define REGIONS 20
#define SOME_STEERING "regions: {eu: , us: , asia: }\nclient-groups:\n  office: {networks: [10.1.0.0/16]}\n" \
	"  europe: {continents: [EU]}\nservices:\n  www.example: {regions: {eu: , us: , asia: }}\n"

/* --- small ones ---------------------------------------------------------------------------------------------- */

static const struct world_parts some = {
	.zones = { { "example.", ZONE "eu._region.www 60 A 192.0.2.1\nus._region.www 60 A 192.0.2.2\n"
	    "asia._region.www 60 A 192.0.2.3\n" } },
	.steering = SOME_STEERING,
};

static struct estimate *
estimate_of(const struct world *world)
{
	struct estimate *estimate = estimate_new();

	if (estimate == NULL || !estimate_adopt(estimate, world->steering, world->snapshot->locator))
		abort();
	return estimate;
}

static struct demand *
demand_of(const struct estimate *estimate, const struct world *world, const uint8_t *countries, size_t count)
{
	return estimate_demand(estimate, world->steering, world->snapshot->locator, countries, count,
	    (struct wall){ 1000 });
}

static double
rate_of(const struct demand *demand, uint16_t group, uint8_t country)
{
	const struct demand_rate *found = demand_find(demand_service_find(demand, "www.example."), group, country);

	return found == NULL ? 0 : found->rate;
}

static void
test_groups(void)
{
	struct world *world = malloc(sizeof(*world));
	struct estimate *estimate;
	struct demand *demand;
	uint8_t france = country_find("FR"), germany = country_find("DE"), japan = country_find("JP");

	world_open(world, some);
	estimate = estimate_of(world);
	CU_ASSERT_PTR_NULL(demand_of(estimate, world, NULL, 0));
	for (int minute = 0; minute < 3; minute++) {
		estimate_count(estimate, 0, 1, COUNTRY_UNKNOWN, 600);
		estimate_count(estimate, 0, 2, france, 1200);
		estimate_count(estimate, 0, 2, germany, 300);
		estimate_count(estimate, 0, GROUP_DEFAULT, japan, 60);
		estimate_count(estimate, 0, GROUP_DEFAULT, COUNTRY_UNKNOWN, 60);
		estimate_pass(estimate, 60);
	}
	demand = demand_of(estimate, world, &france, 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(demand);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(demand, 1, COUNTRY_UNKNOWN), 10, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(demand, 2, france), 20, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(demand, 2, COUNTRY_UNKNOWN), 5, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(demand, 0, COUNTRY_UNKNOWN), 2, 1e-9);
	CU_ASSERT_EQUAL(demand_service_find(demand, "www.example.")->count, 4);
	demand_free(demand);
	estimate_free(estimate);
	world_close(world);
	free(world);
}

static void
test_fades(void)
{
	struct world *world = malloc(sizeof(*world));
	struct estimate *estimate;
	double factor = exp(-60 / ESTIMATE_RATE_S), expected = 0, window = 0;

	world_open(world, some);
	estimate = estimate_of(world);
	for (int minute = 0; minute < 10; minute++) {
		struct demand *demand;
		double asked = minute < 5 ? 600 : 60;

		estimate_count(estimate, 0, 0, COUNTRY_UNKNOWN, asked);
		estimate_pass(estimate, 60);
		expected = expected * factor + asked;
		window = window * factor + 60;
		demand = demand_of(estimate, world, NULL, 0);
		CU_ASSERT_DOUBLE_EQUAL(rate_of(demand, 0, COUNTRY_UNKNOWN), expected / window, 1e-9);
		demand_free(demand);
	}
	estimate_free(estimate);
	world_close(world);
	free(world);
}

static void
test_behind_cache(void)
{
	static const struct { const char *name; double count, window, ttl, expected; } rows[] = {
		{ "no question", 0, 600, 60, 0 }, { "no window", 5, 0, 60, 0 }, { "no cache", 120, 600, 0, 0.2 },
		{ "half the time cached", 5, 600, 60, 5.0 / 300 }, { "nearly always", 9, 600, 60, 9.0 / 60 },
		{ "always", 10, 600, 60, 10.0 / 12 }, { "more than one cache can ask", 20, 600, 60, 20.0 / 12 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_ROW(rows[i].name, fabs(demand_behind_cache(rows[i].count, rows[i].window, rows[i].ttl)
		    - rows[i].expected) < 1e-12);
}

/* Key and slots of one group: what is heavy is taken from the slots. */
static void
test_heavy(void)
{
	struct world *world = malloc(sizeof(*world));
	struct estimate *estimate;
	struct demand *demand;
	const struct demand_rate *group;
	struct prefix prefix;
	struct place place = { .group = 0 };
	struct demand_group all = { 0, COUNTRY_UNKNOWN };
	static uint32_t questions[1024];
	uint32_t slot;
	uint64_t key;
	double sum = 0;

	world_open(world, some);
	estimate = estimate_of(world);
	if (prefix_parse("192.0.2.0/24", &prefix) != 0)
		abort();
	key = slots_key(&prefix.address, 24);
	slot = slots_common(slots_position(key, world->snapshot->services[0].seed), 1024);
	for (uint32_t i = 0; i < 1024; i++)
		questions[i] = i < 512 ? 10 : 30;
	questions[slot] += 2000;
	for (int minute = 0; minute < 3; minute++) {
		estimate_count(estimate, 0, 0, COUNTRY_UNKNOWN, 512 * 10 + 512 * 30 + 2000);
		estimate_pass(estimate, 60);
		CU_ASSERT(estimate_slots(estimate, 0, &all, 1024, questions, 60));
		CU_ASSERT(estimate_key(estimate, 0, key, &place, 2000, true));
		estimate_pass_keys(estimate, 0, 60);
	}
	demand = demand_of(estimate, world, NULL, 0);
	group = demand_find(demand_service_find(demand, "www.example."), 0, COUNTRY_UNKNOWN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(group);
	CU_ASSERT_EQUAL(group->heavy_count, 1);
	CU_ASSERT_DOUBLE_EQUAL(group->heavy[0].rate, 2000.0 / 60, 1e-6);
	CU_ASSERT_EQUAL(slots_key(&group->heavy[0].address, group->heavy[0].length), key);
	CU_ASSERT_EQUAL(group->slot_count, 1024);
	for (uint32_t i = 0; i < group->slot_count; i++)
		sum += (double)group->slots[i];
	CU_ASSERT_DOUBLE_EQUAL(sum, 20480.0 / 60, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(group->rate, 22480.0 / 60, 0.01);
	/* Three minutes of 10 and 30: chance explains a part of the difference, and that part isn't believed. */
	CU_ASSERT((double)group->slots[0] > 10.0 / 60 && (double)group->slots[0] < 12.0 / 60);
	CU_ASSERT((double)group->slots[1023] < 30.0 / 60 && (double)group->slots[1023] > 28.0 / 60);
	demand_free(demand);
	estimate_free(estimate);
	world_close(world);
	free(world);
}

/* --- a restart, and another steering ------------------------------------------------------------------------- */

static void
test_restart(void)
{
	struct world *world = malloc(sizeof(*world));
	struct estimate *estimate, *again;
	struct demand *demand, *read, *back;
	const struct demand_rate *was, *is;
	struct demand_group all = { 0, COUNTRY_UNKNOWN };
	struct prefix prefix;
	struct place place = { .group = 0 };
	static uint32_t questions[1024];
	uint8_t france = country_find("FR");
	size_t length;
	void *octets;

	world_open(world, some);
	estimate = estimate_of(world);
	estimate_set_ttl(estimate, 0, 30);
	for (uint32_t i = 0; i < 1024; i++)
		questions[i] = 100 + i % 7 * 50;
	estimate_count(estimate, 0, 0, COUNTRY_UNKNOWN, 300000);
	estimate_count(estimate, 0, 2, france, 1000);
	estimate_pass(estimate, 600);
	if (prefix_parse("2001:db8:1:100::/56", &prefix) != 0
	    || !estimate_key(estimate, 0, slots_key(&prefix.address, 56), &place, 15, true)
	    || !estimate_slots(estimate, 0, &all, 1024, questions, 600))
		abort();
	estimate_pass_keys(estimate, 0, 600);
	demand = demand_of(estimate, world, &france, 1);
	octets = demand_write(demand, world->steering, &length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(octets);
	read = demand_read(octets, length, world->steering);
	CU_ASSERT_PTR_NOT_NULL_FATAL(read);
	again = estimate_of(world);
	CU_ASSERT(estimate_restore(again, read, world->steering, world->snapshot->locator));
	back = demand_of(again, world, &france, 1);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(back, 2, france), rate_of(demand, 2, france), 1e-9);
	was = demand_find(&demand->services[0], 0, COUNTRY_UNKNOWN);
	is = demand_find(&back->services[0], 0, COUNTRY_UNKNOWN);
	CU_ASSERT_DOUBLE_EQUAL(is->rate, was->rate, 1e-3);
	CU_ASSERT_DOUBLE_EQUAL(is->asked, was->asked, 1e-9);
	CU_ASSERT_EQUAL(is->heavy_count, 1);
	CU_ASSERT_EQUAL(was->heavy_count, 1);
	CU_ASSERT_DOUBLE_EQUAL(is->heavy[0].rate, was->heavy[0].rate, 1e-6);
	for (uint32_t i = 0; i < 1024; i++)
		CU_ASSERT_DOUBLE_EQUAL((double)is->slots[i], (double)was->slots[i], 1e-4);
	/* Octets that were cut or changed are refused, or are no more than other numbers. */
	for (size_t cut = 0; cut < length; cut += 7)
		CU_ASSERT_PTR_NULL(demand_read(octets, cut, world->steering));
	for (size_t i = 0; i < length; i += 5) {
		((uint8_t *)octets)[i] ^= 0x41;
		demand_free(demand_read(octets, length, world->steering));
		((uint8_t *)octets)[i] ^= 0x41;
	}
	free(octets);
	demand_free(demand);
	demand_free(read);
	demand_free(back);
	estimate_free(estimate);
	estimate_free(again);
	world_close(world);
	free(world);
}

static void
test_steering_changes(void)
{
	struct world *world = malloc(sizeof(*world)), *other = malloc(sizeof(*other));
	struct world_parts changed = some;
	struct estimate *estimate;
	struct demand *demand;
	struct demand_group office = { 1, COUNTRY_UNKNOWN };
	static const uint32_t questions[4] = { 1, 2, 3, 4 };
	uint8_t france = country_find("FR");

	changed.steering = "regions: {asia: , eu: , us: }\nclient-groups:\n  france: {countries: [FR]}\n"
	    "  office: {networks: [10.1.0.0/16]}\n"
	    "services:\n  www.example: {regions: {eu: , us: , asia: }}\n";
	world_open(world, some);
	world_open(other, changed);
	estimate = estimate_of(world);
	estimate_count(estimate, 0, 1, COUNTRY_UNKNOWN, 600);
	estimate_count(estimate, 0, 2, france, 1200);
	estimate_count(estimate, 0, 2, COUNTRY_UNKNOWN, 60);
	CU_ASSERT(estimate_slots(estimate, 0, &office, 4, questions, 60));
	estimate_pass(estimate, 60);
	CU_ASSERT(estimate_adopt(estimate, other->steering, other->snapshot->locator));
	demand = demand_of(estimate, other, NULL, 0);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(demand, 2, COUNTRY_UNKNOWN), 10, 1e-6);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(demand, 1, COUNTRY_UNKNOWN), 20, 1e-6);
	CU_ASSERT_EQUAL(demand_find(&demand->services[0], 2, COUNTRY_UNKNOWN)->slot_count, 4);
	CU_ASSERT_EQUAL(demand_find(&demand->services[0], 1, COUNTRY_UNKNOWN)->slot_count, 0);
	demand_free(demand);
	estimate_free(estimate);
	world_close(world);
	world_close(other);
	free(world);
	free(other);
}

/* --- the population ------------------------------------------------------------------------------------------ */

#define RESOLVERS 1000000u
#define RESOLUTIONS 20000.0	/* of clients, each second */
#define REQUESTS 7.5		/* of each resolution */
#define TTL 60.0
#define CACHE 0.02		/* resolutions/s of a resolver's one cache: larger ones are farms */
#define MINUTES 40

static struct address
resolver(uint32_t k)
{
	uint32_t place = k * 2654435761u % (1u << 24);

	return (struct address){ .bytes = { (uint8_t)(place >> 16), (uint8_t)(place >> 8), (uint8_t)place, 1 },
	    .bits = 32 };
}

static double
uniform(uint64_t *dice)
{
	*dice = *dice * 6364136223846793005u + 1442695040888963407u;
	return (double)(*dice >> 11) * 0x1p-53;
}

static uint32_t
poisson(uint64_t *dice, double mean)
{
	double limit = exp(-mean), product = uniform(dice);
	uint32_t n = 0;

	if (mean > 30)
		return (uint32_t)fmax(0, round(mean + sqrt(mean) * (uniform(dice) + uniform(dice) + uniform(dice)
		    + uniform(dice) - 2) * 1.732));
	for (; product > limit; n++)
		product *= uniform(dice);
	return n;
}

struct population {
	struct world world;
	struct estimate *estimate;
	double *asks;		/* clients' resolutions/s of each */
	uint32_t *order;	/* as they arrive */
};

static double
seen_of(double asks)
{
	double caches = ceil(asks / CACHE);

	return asks / (1 + asks / caches * TTL);
}

/* Forty minutes of questions, through a sketch and slot counters as a worker has them. */
static void
measure(struct population *p)
{
	const struct snapshot *snapshot = p->world.snapshot;
	const struct slot_table *table = snapshot->services[0].tables[0];
	struct demand_group all = { 0, COUNTRY_UNKNOWN };
	uint32_t *slots = calloc(table->count + table->heavy_count, sizeof(*slots));
	struct sketch *sketch = sketch_new(SKETCH_SIZE, 99);
	struct place place = { .group = 0 };
	uint64_t dice = 4711;
	unsigned minutes = suite_rounds(MINUTES);

	for (unsigned minute = 0; minute < minutes; minute++) {
		double sum = 0;

		memset(slots, 0, table->count * sizeof(*slots));
		sketch_clear(sketch, 1);
		for (uint32_t i = 0; i < RESOLVERS; i++) {
			uint32_t k = (uint32_t)((i + (uint64_t)minute * 7919) * 777767777u % RESOLVERS);
			uint32_t n = poisson(&dice, 60 * seen_of(p->asks[k]));
			struct address address = resolver(k);

			if (n == 0)
				continue;
			sketch_tell_time(sketch, (uint32_t)((uint64_t)i * 60000 / RESOLVERS));
			slots[slots_place(table, &address, 32, snapshot->services[0].seed)] += n;
			sum += n;
			while (n-- > 0)
				sketch_see(sketch, snapshot->services[0].seed, &address, 32);
		}
		estimate_count(p->estimate, 0, 0, COUNTRY_UNKNOWN, sum);
		estimate_pass(p->estimate, 60);
		CU_ASSERT(estimate_slots(p->estimate, 0, &all, table->count, slots, 60));
		for (size_t e = 0; e < sketch_count(sketch); e++) {
			struct sketch_entry entry = sketch_at(sketch, e);
			double guess = sketch_guess(&entry, 60000);

			if (guess > 0)
				CU_ASSERT(estimate_key(p->estimate, 0, entry.key, &place, guess, true));
		}
		estimate_pass_keys(p->estimate, 0, 60);
	}
	sketch_free(sketch);
	free(slots);
}

static void
true_loads(const struct population *p, const struct snapshot *snapshot, double *loads)
{
	const struct service *service = &snapshot->services[0];

	memset(loads, 0, REGIONS_MAX * sizeof(*loads));
	for (uint32_t k = 0; k < RESOLVERS; k++) {
		struct address address = resolver(k);
		uint32_t slot = slots_place(service->tables[0], &address, 32, service->seed);

		loads[service->tables[0]->slots[slot].list[0]] += p->asks[k] * REQUESTS;
	}
}

/* Of what was expected of each region against what it gets: root of the mean square, as a part of the mean; shares only
 * where `shares`. */
static double
error_of(const double *expected, const double *loads, bool shares)
{
	double all = 0, all_expected = 0, squares = 0;

	for (unsigned r = 0; r < REGIONS; r++) {
		all += loads[r];
		all_expected += expected[r];
	}
	for (unsigned r = 0; r < REGIONS; r++) {
		double e = (shares ? expected[r] / all_expected * all : expected[r]) / loads[r] - 1;

		squares += e * e;
	}
	return sqrt(squares / REGIONS);
}

/* Every region the same share of what demand is taken to be. */
static struct slot_table *
pack(const struct population *p, const struct demand *demand)
{
	struct plan_pair pairs[REGIONS];
	region_id others[REGIONS];
	const struct service *service = &p->world.snapshot->services[0];
	const struct demand_rate *asks = demand_find(&demand->services[0], 0, COUNTRY_UNKNOWN);
	struct slot_table *table;

	for (unsigned r = 0; r < REGIONS; r++) {
		others[r] = (region_id)r;
		pairs[r] = (struct plan_pair){ (region_id)r, (region_id)((r + 1) % REGIONS), 1.0 / REGIONS };
	}
	table = pack_slots(&(struct pack_input){ .pairs = pairs, .pair_count = REGIONS, .others = others,
	    .other_count = REGIONS, .turning_count = REGIONS, .slots = SLOTS_PER_SERVICE,
	    .previous = service->tables[0], .demand = asks, .heavy_count = asks->heavy_count, .seed = service->seed });
	if (table == NULL)
		abort();
	return table;
}

static struct snapshot *
publish(struct population *p)
{
	struct compiled compiled;
	struct demand *demand = demand_of(p->estimate, &p->world, NULL, 0);
	struct snapshot *snapshot;

	if (demand == NULL || compile_tables(&compiled, p->world.steering, NULL, NULL, p->world.snapshot) != 0)
		abort();
	slot_table_release(compiled.services[0].groups[0]);
	compiled.services[0].groups[0] = pack(p, demand);
	snapshot = snapshot_new(&(struct snapshot_parts){ .epoch = p->world.snapshot->epoch + 1,
	    .steering = p->world.steering, .zones = p->world.zones, .zone_count = p->world.zone_count,
	    .tables = compiled.services, .worker_count = 1 });
	if (snapshot == NULL)
		abort();
	compiled_fini(&compiled);
	demand_free(demand);
	return snapshot;
}

static void
replace(struct population *p)
{
	struct snapshot *next = publish(p);

	snapshot_free(p->world.snapshot);
	p->world.snapshot = next;
}

static void
population_open(struct population *p)
{
	struct text zone = { 0 }, steering = { 0 };
	struct world_parts parts = { 0 };
	double sum = 0;

	text_puts(&zone, ZONE);
	text_puts(&steering, "regions:\n");
	for (unsigned r = 0; r < REGIONS; r++) {
		text_printf(&zone, "r%u._region.www 60 A 192.0.2.%u\n", r, r + 1);
		text_printf(&steering, "  r%u:\n", r);
	}
	text_puts(&steering, "services:\n  www.example:\n    regions:\n");
	for (unsigned r = 0; r < REGIONS; r++)
		text_printf(&steering, "      r%u:\n", r);
	parts.zones[0].apex = "example.";
	parts.zones[0].text = zone.bytes;
	parts.steering = steering.bytes;
	world_open(&p->world, parts);
	p->estimate = estimate_of(&p->world);
	estimate_set_ttl(p->estimate, 0, TTL);
	p->asks = malloc(RESOLVERS * sizeof(*p->asks));
	for (uint32_t k = 0; k < RESOLVERS; k++)
		sum += p->asks[k] = 1.0 / (k + 14);
	for (uint32_t k = 0; k < RESOLVERS; k++)
		p->asks[k] *= RESOLUTIONS / sum;
	text_fini(&zone);
	text_fini(&steering);
}

/* What STEERING's table of errors is about: shares over twenty regions before a report, and after a settled one. */
static void
test_population(void)
{
	struct population *p = calloc(1, sizeof(*p));
	double loads[REGIONS_MAX], expected[REGIONS_MAX], alike[REGIONS_MAX], by_count, by_demand, first, second;

	population_open(p);
	for (unsigned r = 0; r < REGIONS; r++)
		alike[r] = 1;
	true_loads(p, p->world.snapshot, loads);
	by_count = error_of(alike, loads, true);
	measure(p);
	replace(p);
	true_loads(p, p->world.snapshot, loads);
	CU_ASSERT(estimate_expect(p->estimate, p->world.snapshot, 0, expected));
	by_demand = error_of(expected, loads, true);
	for (unsigned r = REGIONS; r < REGIONS_MAX; r++)
		loads[r] = NAN;
	CU_ASSERT(estimate_correct(p->estimate, p->world.snapshot, 0, loads, 1));
	CU_ASSERT(estimate_expect(p->estimate, p->world.snapshot, 0, expected));
	CU_ASSERT(error_of(expected, loads, false) < 1e-4);
	replace(p);
	true_loads(p, p->world.snapshot, loads);
	CU_ASSERT(estimate_expect(p->estimate, p->world.snapshot, 0, expected));
	first = error_of(expected, loads, false);
	CU_ASSERT(estimate_correct(p->estimate, p->world.snapshot, 0, loads, 1));
	replace(p);
	true_loads(p, p->world.snapshot, loads);
	CU_ASSERT(estimate_expect(p->estimate, p->world.snapshot, 0, expected));
	second = error_of(expected, loads, false);
	printf("# error of a region's load, rms: slots counted alike %.2f %%, by measured demand %.2f %%, after one settled "
	    "report %.3f %%, after two %.3f %%\n", 100 * by_count, 100 * by_demand, 100 * first, 100 * second);
	CU_ASSERT(by_count > 0.03);
	CU_ASSERT(by_demand < 0.75 * by_count);
	CU_ASSERT(first < 0.005);
	CU_ASSERT(second < first);
	estimate_free(p->estimate);
	world_close(&p->world);
	free(p->asks);
	free(p);
}

/* --- agents that lie ----------------------------------------------------------------------------------------- */

static void
test_distrust(void)
{
	static const struct {
		const char *name;
		double before[3], after[3];	/* reported, while what's expected of us goes from 1/3 to 0 */
		bool distrusted;
	} rows[] = {
		{ "it follows", { 100, 100, 100 }, { 200, 100, 1 }, false },
		{ "it stays as it was", { 100, 100, 100 }, { 100, 100, 100 }, true },
		{ "it follows by a third", { 100, 100, 100 }, { 126, 100, 100 }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world *world = malloc(sizeof(*world));
		struct estimate *estimate;
		double expected[REGIONS_MAX];

		world_open(world, some);
		estimate = estimate_of(world);
		estimate_count(estimate, 0, 0, COUNTRY_UNKNOWN, 6000);
		estimate_pass(estimate, 60);
		CU_ASSERT(estimate_correct(estimate, world->snapshot, 0, rows[i].before, 1));
		CU_ASSERT(estimate_expect(estimate, world->snapshot, 0, expected));
		for (unsigned r = 0; r < 3; r++)
			SUITE_ROW(rows[i].name, fabs(expected[r] - rows[i].before[r]) < 1.5);
		world_kill(world, "asia", true);
		CU_ASSERT(estimate_expect(estimate, world->snapshot, 0, expected));
		SUITE_ROW(rows[i].name, expected[2] == 0 && expected[0] > 120 && expected[1] > 120);
		estimate_correct(estimate, world->snapshot, 0, rows[i].after, 1);
		SUITE_ROW(rows[i].name, estimate_distrusts(estimate, 0, 0) == rows[i].distrusted);
		estimate_free(estimate);
		world_close(world);
		free(world);
	}
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "groups, and countries that are cut out", .run = test_groups },
		{ .name = "old counts fade", .run = test_fades },
		{ .name = "a cache hides questions", .run = test_behind_cache },
		{ .name = "a heavy key stands apart from its slot", .run = test_heavy },
		{ .name = "a restart goes on with the same rates", .run = test_restart },
		{ .name = "another steering keeps what has the same name", .run = test_steering_changes },
		{ .name = "a load that doesn't follow is distrusted", .run = test_distrust },
		{ .name = "a million resolvers behind caches", .run = test_population },
	};

	return suite_run("estimate", cases, ARRAY_SIZE(cases));
}
