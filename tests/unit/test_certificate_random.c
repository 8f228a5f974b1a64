/* test_certificate_random.c -- plan/certificate on random worlds: its loads are those of walking every slot by
 * slots_pick() with the live words set, and no drain within its budget overloads anybody.
 * Tables hold blocks of 16 slots with one list and even ranks, so that drains by sixteenths are exact. */
#include "certificate/certificate.h"

#include <math.h>

#include "conf/steering_yaml.h"
#include "steer/country.h"
#include "steer/pick.h"
#include "suite.h"

#define WORLDS 1000
#define BLOCK 16
#define SERVICES 3

struct dice { uint64_t state; };

struct random_world {
	struct steering *steering;
	struct snapshot *snapshot;
	struct demand demand;
	double capacities[REGIONS_MAX];
	struct arena *arena;
};

static uint32_t
roll(struct dice *dice, uint32_t sides)
{
	dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((dice->state >> 33) * sides >> 31);
}

static struct steering *
random_steering(struct dice *dice)
{
	static const char *const downs[] = { "serve-legal", "nodata", "servfail" };
	unsigned regions = 2 + roll(dice, 7), services = 1 + roll(dice, SERVICES);
	struct text text = { 0 };
	struct diags diags = { 0 };
	struct steering *steering;

	text_puts(&text, "regions:\n");
	for (unsigned r = 0; r < regions; r++)
		text_printf(&text, "  r%u: {risk-groups: [grid%u%s]}\n", r, roll(dice, 3), roll(dice, 2) ? ", sea" : "");
	text_puts(&text, "client-groups:\n  some: {countries: [DE, FR]}\n  net: {networks: [10.0.0.0/8]}\nservices:\n");
	for (unsigned s = 0; s < services; s++) {
		unsigned first = roll(dice, regions), count = 1 + roll(dice, regions), turned = roll(dice, count);

		text_printf(&text, "  s%u.example.com:\n    sharding-policy: predictive\n    when-all-down: %s\n", s,
		    downs[roll(dice, 3)]);
		if (roll(dice, 2))
			text_puts(&text, "    shed: true\n");
		text_puts(&text, "    regions:\n");
		for (unsigned i = 0; i < count; i++)
			text_printf(&text, "      r%u: {priority: %u}\n", (first + i) % regions,
			    1 + (i + turned) % count);
		if (count > 1 && roll(dice, 2))
			text_printf(&text, "    residency: [{clients: [some], regions: [r%u, r%u]}]\n", first,
			    (first + 1) % regions);
	}
	steering = steering_read(text.bytes, "steering.yaml", &diags);
	if (steering == NULL) {
		struct text why = { 0 };

		diag_print(&diags, &why);
		fprintf(stderr, "%s%s", why.bytes, text.bytes);
		abort();
	}
	diag_fini(&diags);
	text_fini(&text);
	return steering;
}

static void
random_list(struct dice *dice, const struct steering_service *service, struct region_set legal, region_id *list)
{
	region_id left[REGIONS_MAX];
	unsigned count = 0, length;

	memset(list, NO_REGION, SLOT_LIST);
	for (size_t i = 0; i < service->region_count; i++)
		if (region_set_has(&legal, service->regions[i].region))
			left[count++] = service->regions[i].region;
	length = 1 + roll(dice, SLOT_LIST);
	if (service->shed && roll(dice, 5) == 0)
		length = 0;
	for (unsigned i = 0; i < length && count > 0; i++) {
		unsigned at = roll(dice, count);

		list[i] = left[at];
		left[at] = left[--count];
	}
}

static struct slot_table *
random_table(struct dice *dice, const struct steering_service *service, struct region_set legal)
{
	uint32_t common = 1 + roll(dice, 12), heavy = roll(dice, 3);
	struct slot_table *table = slot_table_new(common * BLOCK, heavy * BLOCK);
	float *weights = roll(dice, 4) == 0 ? NULL : slot_table_weigh(table);
	double sum = 0;

	for (uint32_t b = 0; b < common + heavy; b++) {
		double weight = 1 + roll(dice, 1000);
		region_id list[SLOT_LIST];

		random_list(dice, service, legal, list);
		for (uint32_t i = 0; i < BLOCK; i++) {
			struct slot *slot = &table->slots[b * BLOCK + i];

			memcpy(slot->list, list, SLOT_LIST);
			slot->rank = (uint16_t)((2 * i + 1) * 65535 / (2 * BLOCK));
			if (weights != NULL)
				weights[b * BLOCK + i] = (float)weight;
			sum += weight;
		}
	}
	for (uint32_t i = 0; weights != NULL && i < table->count + table->heavy_count; i++)
		weights[i] = (float)((double)weights[i] / sum);
	for (uint32_t i = 0; i < table->heavy_count; i++)
		slot_table_place(table, 1 + roll(dice, 1 << 30) * (uint64_t)BLOCK * 4 + i, i, roll(dice, 1 << 30));
	return table;
}

static void
random_demand(struct dice *dice, struct random_world *world)
{
	struct demand_service *services = arena_alloc(world->arena,
		world->steering->service_count * sizeof(*services));

	world->demand.services = services;
	for (size_t s = 0; s < world->steering->service_count; s++) {
		struct demand_rate *rates = arena_alloc(world->arena, 8 * sizeof(*rates));

		services[s] = (struct demand_service){ .name = world->steering->services[s].name, .groups = rates };
		for (uint16_t g = 0; g < world->steering->group_count; g++) {
			if (roll(dice, 5) > 0)
				rates[services[s].count++] = (struct demand_rate){ .group = g,
				    .rate = roll(dice, 10000) };
			if (g == 1 && roll(dice, 2))
				rates[services[s].count++] = (struct demand_rate){ .group = g,
				    .country = country_find("FR"), .rate = roll(dice, 5000) };
		}
	}
	world->demand.service_count = world->steering->service_count;
}

static void
random_open(struct dice *dice, struct random_world *world)
{
	uint8_t cut[] = { country_find("FR") };
	struct service_tables *tables;
	struct locator *locator;
	const struct partition *partition;

	memset(world, 0, sizeof(*world));
	world->arena = arena_new();
	world->steering = random_steering(dice);
	locator = locator_new(world->steering, NULL);
	partition = partition_new(world->steering, locator, cut, ARRAY_SIZE(cut), world->arena);
	tables = arena_alloc(world->arena, world->steering->service_count * sizeof(*tables));
	for (size_t s = 0; s < world->steering->service_count; s++) {
		const struct steering_service *service = &world->steering->services[s];

		tables[s].groups = arena_alloc(world->arena, partition->count * sizeof(struct slot_table *));
		for (uint16_t g = 0; g < partition->count; g++)
			tables[s].groups[g] = random_table(dice, service,
				partition_legal(partition, locator, service, g));
	}
	world->snapshot = snapshot_new(&(struct snapshot_parts){ .epoch = 1, .steering = world->steering,
	    .zones = &(struct zone *){ NULL }, .countries = cut, .country_count = ARRAY_SIZE(cut), .tables = tables,
	    .worker_count = 1 });
	for (size_t s = 0; s < world->steering->service_count; s++)
		for (size_t g = 0; g < partition->count; g++)
			slot_table_release(tables[s].groups[g]);
	locator_free(locator);
	random_demand(dice, world);
	for (size_t r = 0; r < world->steering->region_count; r++)
		world->capacities[r] = roll(dice, 8) == 0 ? 0 : 1000 + roll(dice, 40000);
}

static void
random_close(struct random_world *world)
{
	snapshot_free(world->snapshot);
	steering_free(world->steering);
	arena_free(world->arena);
}

static double
rate_of(const struct random_world *world, const struct service *service, size_t g)
{
	const struct demand_group *group = &world->snapshot->partition->groups[g];
	const struct demand_rate *found = demand_find(demand_service_find(&world->demand, service->intent->name),
		group->group, group->country);

	return found == NULL ? 0 : found->rate;
}

/* Every slot of every table, one by one, as a worker would; `words` by service. */
static double
walk_words(const struct random_world *world, const struct certificate_words *words, double *loads, double *shed)
{
	double unserved = 0;

	memset(loads, 0, REGIONS_MAX * sizeof(*loads));
	*shed = 0;
	for (size_t s = 0; s < world->snapshot->service_count; s++) {
		const struct service *service = &world->snapshot->services[s];

		for (size_t r = 0; r < world->steering->region_count; r++) {
			live_set_dead(service->live, (region_id)r, region_set_has(&words[s].lost, (region_id)r));
			live_set_admit(service->live, (region_id)r,
			    (admit)lround(65535 * (1 - words[s].drained[r])));
		}
		for (uint16_t g = 0; g < world->snapshot->partition->count; g++) {
			const struct slot_table *table = service->tables[g];
			size_t count = (size_t)table->count + table->heavy_count;

			for (size_t i = 0; i < count; i++) {
				double part = table->weights == NULL ? 1 / (double)count : (double)table->weights[i];
				struct pick_question question = { .slot = &table->slots[i], .live = service->live,
					.legal = partition_legal(world->snapshot->partition, world->snapshot->locator,
					    service->intent, g),
					.able = region_set_all(), .rank = table->slots[i].rank,
					.may_shed = service->intent->shed, .order = service->order,
					.order_count = service->order_count,
					.when_all_down = service->intent->when_all_down };
				struct pick pick = slots_pick(&question);

				part *= rate_of(world, service, g);
				if (pick.outcome == PICK_SHED)
					*shed += part;
				else if (pick.region == NO_REGION || pick.outcome == PICK_ALL_DOWN)
					unserved += part;
				else
					loads[pick.region] += part;
			}
		}
	}
	return unserved;
}

static double
walk(const struct random_world *world, struct region_set lost, const double *drained, double *loads, double *shed)
{
	struct certificate_words words[SERVICES] = { 0 };

	for (size_t s = 0; s < world->snapshot->service_count; s++) {
		words[s].lost = lost;
		for (size_t r = 0; r < world->steering->region_count && drained != NULL; r++)
			words[s].drained[r] = drained[r];
	}
	return walk_words(world, words, loads, shed);
}

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-6 * (1 + fabs(b));
}

static bool
same_loads(const struct random_world *world, const double *a, const double *b)
{
	for (size_t r = 0; r < world->steering->region_count; r++)
		if (!near(a[r], b[r]))
			return false;
	return true;
}

static void
test_loads(void)
{
	size_t wrong = 0, cases = 0, unlawful = 0;
	unsigned worlds = suite_rounds(WORLDS);

	for (uint64_t seed = 1; seed <= worlds; seed++) {
		struct dice dice = { seed };
		struct random_world world;
		struct certificate_terms terms = { .demand = &world.demand, .capacities = world.capacities };
		struct certificate *certificate;
		double loads[REGIONS_MAX], walked[REGIONS_MAX], drained[REGIONS_MAX] = { 0 }, shed, unserved;

		random_open(&dice, &world);
		if (roll(&dice, 4) == 0)
			region_set_add(&terms.lost, (region_id)roll(&dice, (uint32_t)world.steering->region_count));
		certificate = certificate_check(world.snapshot, &terms);
		unlawful += certificate->violations;
		for (size_t i = 0; i < certificate->case_count; i++, cases++) {
			const struct certificate_case *one = &certificate->cases[i];

			unserved = walk(&world, region_set_or(one->regions, terms.lost), NULL, walked, &shed);
			wrong += !same_loads(&world, one->loads, walked) || !near(one->unserved, unserved)
			    || !near(certificate->shed, shed);
		}
		for (int i = 0; i < 5; i++, cases++) {
			struct region_set lost = { { roll(&dice, 256) & ((1u << world.steering->region_count) - 1) } };

			for (size_t r = 0; r < world.steering->region_count; r++)
				drained[r] = roll(&dice, 3) == 0 ? (double)roll(&dice, BLOCK + 1) / BLOCK : 0;
			unserved = walk(&world, region_set_or(lost, terms.lost), drained, walked, &shed);
			wrong += !near(certificate_loads(world.snapshot, &terms, lost, drained, 1, loads), unserved)
			    || !same_loads(&world, loads, walked);
		}
		certificate_free(certificate);
		random_close(&world);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(unlawful, 0);
	CU_ASSERT(cases > 10 * (size_t)worlds);
}

/* Spends the whole budget on a few regions at random, by whole sixteenths. */
static void
random_drains(struct dice *dice, const struct random_world *world, const double *room, double *drained)
{
	double budget = 1;

	memset(drained, 0, REGIONS_MAX * sizeof(*drained));
	for (int i = 0; i < 4; i++) {
		size_t r = roll(dice, (uint32_t)world->steering->region_count);
		double most = budget * room[r], part = i == 3 ? 1 : (double)roll(dice, 101) / 100;

		if (drained[r] > 0 || room[r] <= 0)
			continue;
		drained[r] = floor(most * part * BLOCK) / BLOCK;
		budget -= drained[r] / room[r];
	}
}

static void
test_budget(void)
{
	size_t overloaded = 0, spent = 0, tight = 0, beyond = 0;
	unsigned worlds = suite_rounds(WORLDS);

	for (uint64_t seed = 1; seed <= worlds; seed++) {
		struct dice dice = { seed + 1000000 };
		struct random_world world;
		struct certificate_terms terms = { .demand = &world.demand, .capacities = world.capacities };
		struct certificate *certificate;
		double walked[REGIONS_MAX], drained[REGIONS_MAX], shed;

		random_open(&dice, &world);
		certificate = certificate_check(world.snapshot, &terms);
		for (int i = 0; i < 10; i++) {
			random_drains(&dice, &world, certificate->room, drained);
			walk(&world, (struct region_set){ { 0 } }, drained, walked, &shed);
			for (size_t r = 0; r < world.steering->region_count; r++) {
				double own = drained[r], loads[REGIONS_MAX];
				double most = fmax(world.capacities[r] * (1 + CERTIFICATE_SLACK),
					certificate->cases[0].loads[r]);

				drained[r] = 0;
				certificate_loads(world.snapshot, &terms, (struct region_set){ { 0 } }, drained, 1, loads);
				drained[r] = own;
				overloaded += world.capacities[r] > 0 && (walked[r] > most * (1 + 1e-6)
				    || loads[r] > most * (1 + 1e-6));
				spent += own > 0;
			}
		}
		/* And it's no smaller than it must be: a sixteenth more than a room that isn't whole is too much. */
		for (size_t f = 0; f < world.steering->region_count; f++) {
			bool full = false;

			if (certificate->room[f] > 1 - 1.0 / BLOCK || certificate->room[f] <= 0)
				continue;
			memset(drained, 0, sizeof(drained));
			drained[f] = (floor(certificate->room[f] * BLOCK) + 1) / BLOCK;
			walk(&world, (struct region_set){ { 0 } }, drained, walked, &shed);
			for (size_t r = 0; r < world.steering->region_count; r++)
				full |= world.capacities[r] > 0 && r != f
				    && walked[r] > world.capacities[r] * (1 + CERTIFICATE_SLACK);
			tight++;
			beyond += full;
		}
		certificate_free(certificate);
		random_close(&world);
	}
	CU_ASSERT_EQUAL(overloaded, 0);
	CU_ASSERT(spent > worlds);
	CU_ASSERT(tight > worlds / 10);
	CU_ASSERT_EQUAL(beyond, tight);
}

static void
random_words(struct dice *dice, const struct random_world *world, struct certificate_words *words)
{
	memset(words, 0, SERVICES * sizeof(*words));
	for (size_t s = 0; s < world->snapshot->service_count; s++)
		for (size_t r = 0; r < world->steering->region_count; r++) {
			if (roll(dice, 8) == 0)
				region_set_add(&words[s].lost, (region_id)r);
			if (roll(dice, 3) == 0)
				words[s].drained[r] = (double)roll(dice, BLOCK + 1) / BLOCK;
		}
}

/* Whatever of each drain is in force, no region gets more than with all but its own. */
static void
test_most(void)
{
	size_t wrong = 0, beyond = 0, reached = 0;

	for (uint64_t seed = 1; seed <= WORLDS; seed++) {
		struct dice dice = { seed + 2000000 };
		struct random_world world;
		struct certificate_terms terms = { .demand = &world.demand, .capacities = world.capacities };
		struct certificate_words words[SERVICES], mixed[SERVICES];
		struct load_model *model;
		double loads[REGIONS_MAX], walked[REGIONS_MAX], shed, unserved;

		random_open(&dice, &world);
		model = certificate_model(world.snapshot, &terms);
		random_words(&dice, &world, words);
		unserved = walk_words(&world, words, walked, &shed);
		wrong += !near(load_model_words(model, words, loads), unserved) || !same_loads(&world, loads, walked);
		for (size_t r = 0; r < world.steering->region_count; r++) {
			memcpy(mixed, words, sizeof(words));
			for (size_t s = 0; s < SERVICES; s++)
				mixed[s].drained[r] = 0;
			load_model_words(model, mixed, loads);
			for (int i = 0; i < 5; i++) {
				for (size_t s = 0; s < SERVICES; s++)
					for (size_t k = 0; k < world.steering->region_count; k++)
						mixed[s].drained[k] = floor(words[s].drained[k] * roll(&dice, 3) / 2
						    * BLOCK) / BLOCK;
				walk_words(&world, mixed, walked, &shed);
				beyond += walked[r] > loads[r] * (1 + 1e-6) + 1e-6;
				reached += walked[r] > 0 && near(walked[r], loads[r]);
			}
		}
		load_model_free(model);
		random_close(&world);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(beyond, 0);
	CU_ASSERT(reached > WORLDS);
}

static const struct suite_case cases[] = {
	{ .name = "loads are those of walking every slot", .run = test_loads },
	{ .name = "no drain within the budget overloads", .run = test_budget },
	{ .name = "what a region may get most while drains come and go", .run = test_most },
};

int
main(void)
{
	return suite_run("certificate_random", cases, ARRAY_SIZE(cases));
}
