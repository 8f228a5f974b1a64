/* test_meter.c -- control/meter: what workers counted comes to the estimate once each, over all workers, while they count
 * on, across publications, and when counters overrun. */
#include "control/meter.h"

#include <math.h>
#include <pthread.h>

#include "base/rcu.h"
#include "packing/pack.h"
#include "world.h"

#define ZONE "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n" \
	"eu._region.www 60 A 192.0.2.1\nus._region.www 60 A 192.0.2.2\nus._region.www 60 AAAA ::1\n" \
	"eu._region.near 60 A 192.0.2.1\n"

static const struct world_parts parts = {
	.zones = { { "example.", ZONE } },
	.steering = "regions: {eu: , us: }\nclient-groups: {office: {networks: [10.1.0.0/16]}}\n"
	    "services:\n  near.example: {sharding-policy: priority, regions: {eu: }}\n"
	    "  www.example: {regions: {eu: , us: }, ttl: {max: 20s}}\n",
	.workers = 2,
};

struct bench {
	struct world world;
	struct estimate *estimate;
	struct meter *meter;
};

static struct bench *
bench_open(const struct world_parts *what)
{
	struct bench *b = calloc(1, sizeof(*b));

	world_open(&b->world, *what);
	b->estimate = estimate_new();
	b->meter = b->estimate == NULL ? NULL : meter_new(b->estimate);
	if (b->meter == NULL || !meter_begin(b->meter, b->world.snapshot, (struct mono){ 0 }))
		abort();
	return b;
}

static void
bench_close(struct bench *b)
{
	meter_free(b->meter);
	estimate_free(b->estimate);
	world_close(&b->world);
	free(b);
}

static struct mono
seconds(int64_t n)
{
	return (struct mono){ n * 1000000000 };
}

/* Questions/s that the estimate knows of. */
static double
asked(const struct bench *b, const char *service, uint16_t group)
{
	struct demand *demand = estimate_demand(b->estimate, b->world.steering, b->world.snapshot->locator, NULL, 0,
	    (struct wall){ 1 });
	const struct demand_rate *found = demand_find(demand_service_find(demand, service), group, COUNTRY_UNKNOWN);
	double rate_asked = found == NULL ? 0 : found->asked;

	demand_free(demand);
	return rate_asked;
}

static void
ask(struct bench *b, const char *question, const char *client, unsigned worker, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		world_ask(&b->world, question, (struct ask){ .client = client, .worker = worker });
}

static void
test_counts(void)
{
	struct bench *b = bench_open(&parts);

	ask(b, "www.example. A", "192.0.2.9", 0, 30);
	ask(b, "www.example. A", "192.0.2.9", 1, 30);
	ask(b, "www.example. AAAA", "192.0.2.9", 1, 50);	/* who asks for AAAA asks for A, too */
	ask(b, "www.example. A", "10.1.2.3", 1, 12);
	ask(b, "near.example. A", "10.1.2.3", 0, 6);
	meter_read(b->meter, seconds(6));
	CU_ASSERT_DOUBLE_EQUAL(asked(b, "www.example.", 0), 10, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(asked(b, "www.example.", 1), 2, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(asked(b, "near.example.", 1), 1, 1e-9);
	CU_ASSERT_EQUAL(meter_questions(b->meter), 78);
	meter_read(b->meter, seconds(6));
	meter_read(b->meter, seconds(12));
	CU_ASSERT_EQUAL(meter_questions(b->meter), 78);
	CU_ASSERT(asked(b, "www.example.", 0) < 6);
	CU_ASSERT_DOUBLE_EQUAL(meter_ttl(&b->world.snapshot->services[1]), 20, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(meter_ttl(&b->world.snapshot->services[0]), 60, 1e-9);
	bench_close(b);
}

/* The counters stand just below 2^32 at first; so does their sum over the workers at times. */
static void
test_overrun(void)
{
	struct bench *b = bench_open(&parts);
	const struct service *www = &b->world.snapshot->services[1];
	size_t cell = www->index * b->world.snapshot->cell_count + COUNTRY_UNKNOWN;
	uint64_t before;

	for (unsigned w = 0; w < 2; w++)
		b->world.snapshot->rows[w].asked[cell] = UINT32_MAX - 4;
	meter_read(b->meter, seconds(1));
	before = meter_questions(b->meter);
	ask(b, "www.example. A", "192.0.2.9", 0, 10);
	ask(b, "www.example. A", "192.0.2.9", 1, 3);
	meter_read(b->meter, seconds(2));
	CU_ASSERT_EQUAL(meter_questions(b->meter) - before, 13);
	bench_close(b);
}

/* Slots are counted where they are, and what a publication takes out of service isn't lost. */
static void
test_publication(void)
{
	struct bench *b = bench_open(&parts);
	struct snapshot *next = world_snapshot(&b->world, 2, NULL, NULL, 2);
	struct demand *demand;
	const struct demand_rate *all;
	double sum = 0;
	size_t used = 0;

	for (unsigned i = 0; i < 200; i++) {
		char client[32];

		snprintf(client, sizeof(client), "172.16.%u.1", i);
		ask(b, "www.example. A", client, i % 2, 3);
	}
	meter_end(b->meter, seconds(10));
	snapshot_free(b->world.snapshot);
	b->world.snapshot = next;
	CU_ASSERT(meter_begin(b->meter, next, seconds(10)));
	ask(b, "www.example. A", "172.16.0.1", 0, 40);
	meter_read(b->meter, seconds(20));
	CU_ASSERT_EQUAL(meter_questions(b->meter), 640);
	meter_read_slots(b->meter, 1, seconds(20));
	demand = estimate_demand(b->estimate, b->world.steering, next->locator, NULL, 0, (struct wall){ 1 });
	all = demand_find(demand_service_find(demand, "www.example."), 0, COUNTRY_UNKNOWN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	CU_ASSERT_EQUAL(all->slot_count, next->services[1].tables[0]->count);
	for (uint32_t i = 0; i < all->slot_count; i++) {
		sum += (double)all->slots[i];
		used += (double)all->slots[i] > 2 * all->rate / all->slot_count;
	}
	CU_ASSERT_DOUBLE_EQUAL(sum, all->rate, 1e-3);
	CU_ASSERT(used > 150 && used <= 200);
	demand_free(demand);
	bench_close(b);
}

/* One table with a heavy key: its questions are counted in its own slot, not among the others. */
static void
test_own_slot(void)
{
	struct bench *b = bench_open(&parts);
	struct demand_key heavy = { .length = 24, .rate = 5 };
	float slots[1024];
	struct demand_rate rates = { .rate = 10, .asked = 10, .slot_count = 1024, .slots = slots, .heavy_count = 1,
	    .heavy = &heavy };
	struct compiled compiled;
	struct snapshot *next;
	struct demand *demand;
	const struct demand_rate *all;
	static const region_id others[] = { 0, 1 };
	static const struct plan_pair pairs[] = { { 0, 1, 0.5 }, { 1, 0, 0.5 } };

	for (unsigned i = 0; i < 1024; i++)
		slots[i] = 5.0f / 1024;
	if (address_parse("192.0.2.0", &heavy.address) != 0
	    || compile_tables(&compiled, b->world.steering, NULL, NULL, NULL) != 0)
		abort();
	slot_table_release(compiled.services[1].groups[0]);
	compiled.services[1].groups[0] = pack_slots(&(struct pack_input){ .pairs = pairs, .pair_count = 2,
	    .others = others, .other_count = 2, .turning_count = 2, .slots = 1024, .demand = &rates, .heavy_count = 1,
	    .seed = b->world.snapshot->services[1].seed });
	next = snapshot_new(&(struct snapshot_parts){ .epoch = 2, .steering = b->world.steering,
	    .zones = b->world.zones, .zone_count = b->world.zone_count, .tables = compiled.services,
	    .worker_count = 2 });
	if (next == NULL)
		abort();
	compiled_fini(&compiled);
	meter_end(b->meter, seconds(1));
	snapshot_free(b->world.snapshot);
	b->world.snapshot = next;
	CU_ASSERT(meter_begin(b->meter, next, seconds(1)));
	ask(b, "www.example. A", "192.0.2.77", 1, 300);
	ask(b, "www.example. A", "198.51.100.1", 0, 100);
	meter_read(b->meter, seconds(61));
	meter_read_slots(b->meter, 1, seconds(61));
	demand = estimate_demand(b->estimate, b->world.steering, next->locator, NULL, 0, (struct wall){ 1 });
	all = demand_find(demand_service_find(demand, "www.example."), 0, COUNTRY_UNKNOWN);
	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	CU_ASSERT_EQUAL(all->heavy_count, 1);
	CU_ASSERT(all->heavy_count == 1 && memcmp(&all->heavy[0].address, &heavy.address, sizeof(heavy.address)) == 0);
	CU_ASSERT_DOUBLE_EQUAL(all->asked, 400.0 / 61, 0.1);
	demand_free(demand);
	bench_close(b);
}

/* --- while workers count ------------------------------------------------------------------------------------- */

#define QUESTIONS 20000u

struct asker {
	struct bench *bench;
	struct counters counters;
	struct sketch *sketch;		/* exchanged by the reader */
	bool done;
};

static void *
run_asker(void *arg)
{
	struct asker *asker = arg;
	struct answer_env env = { .snapshot = asker->bench->world.snapshot,
	    .row = &asker->bench->world.snapshot->rows[1], .counters = &asker->counters, .udp_payload = 1232,
	    .client.bits = 32 };
	uint8_t request[600], response[1232];
	size_t length = world_request(request, "www.example. A", (struct ask){ .edns = true });

	rcu_reader_register();
	for (unsigned i = 0; i < QUESTIONS; i++) {
		env.sketch = rcu_load(asker->sketch);
		env.client.bytes[0] = 172;
		env.client.bytes[2] = (uint8_t)(i % 16);
		(void)answer(&env, request, length, response, sizeof(response));
		rcu_reader_quiescent();
	}
	rcu_reader_unregister();
	__atomic_store_n(&asker->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void
test_threads(void)
{
	struct asker asker = { .bench = bench_open(&parts), .sketch = sketch_new(64, 1) };
	struct sketch *spare = sketch_new(64, 2);
	pthread_t thread;
	uint64_t sketched = 0;
	int64_t now = 1;
	bool done;

	if (asker.sketch == NULL || spare == NULL || pthread_create(&thread, NULL, run_asker, &asker) != 0)
		abort();
	do {
		done = __atomic_load_n(&asker.done, __ATOMIC_ACQUIRE);
		meter_read(asker.bench->meter, seconds(now));
		meter_read_slots(asker.bench->meter, 1, seconds(now++));
		sketch_tell_time(asker.sketch, (uint32_t)now);
		sketch_clear(spare, 1);
		spare = rcu_exchange(asker.sketch, spare);
		rcu_wait_readers();
		sketched += sketch_questions(spare);
		meter_take(asker.bench->meter, spare, 1000);
	} while (!done);
	pthread_join(thread, NULL);
	meter_read(asker.bench->meter, seconds(now));
	CU_ASSERT_EQUAL(meter_questions(asker.bench->meter), QUESTIONS);
	CU_ASSERT_EQUAL(sketched + sketch_questions(asker.sketch), QUESTIONS);
	sketch_free(asker.sketch);
	sketch_free(spare);
	bench_close(asker.bench);
}

int
main(void)
{
	static const struct suite_case cases[] = {
		{ .name = "each question is counted once, for its group", .run = test_counts },
		{ .name = "counters that overrun", .run = test_overrun },
		{ .name = "a publication loses nothing", .run = test_publication },
		{ .name = "a key with a slot of its own", .run = test_own_slot },
		{ .name = "workers count on meanwhile", .run = test_threads },
	};

	return suite_run("meter", cases, ARRAY_SIZE(cases));
}
