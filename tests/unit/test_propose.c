/* test_propose.c -- plan/propose with plan/groups and plan/targets: what the planner is asked, seen in the plans that it
 * makes of small worlds, whose right plan can be told by hand. */
#include "planner/propose.h"

#include <math.h>

#include "conf/steering_yaml.h"
#include "suite.h"

#define MOST 40

struct scene {
	struct steering *steering;
	struct planner *planner;
	struct plan_region beliefs[MOST];
	struct demand_forecast demand[400];
	struct region_set dead[8];
	struct proposal proposal;
};

static void
scene_open(struct scene *scene, const char *text)
{
	struct diags diags = { 0 };
	struct text said = { 0 };

	memset(scene, 0, sizeof(*scene));
	scene->steering = steering_read(text, "f", &diags);
	diag_print(&diags, &said);
	if (scene->steering == NULL) {
		printf("%s\n", said.bytes);
		abort();
	}
	text_fini(&said);
	diag_fini(&diags);
	scene->planner = planner_new();
	for (size_t r = 0; r < scene->steering->region_count; r++)
		scene->beliefs[r] = (struct plan_region){ .region = (region_id)r, .probability = NAN, .horizon_s = 600,
			.load_forecast = NAN, .capacity = scene->steering->regions[r].capacity, .reason = "", .price_why = "" };
	scene->proposal = (struct proposal){ .steering = scene->steering, .regions = scene->beliefs,
		.demand = { .list = scene->demand }, .model = "m", .based_on = 7, .now = { 1000 } };
}

static void
ask(struct scene *scene, uint16_t service, uint16_t group, const char *country, double demand)
{
	scene->demand[scene->proposal.demand.count++] = (struct demand_forecast){ .service = service, .group = group,
		.country = country == NULL ? COUNTRY_UNKNOWN : country_find(country), .rate = demand, .error = 0 };
}

static struct plan *
propose(struct scene *scene)
{
	struct plan *plan = plan_propose(scene->planner, &scene->proposal);

	if (plan == NULL)
		abort();
	return plan;
}

static void
scene_close(struct scene *scene)
{
	planner_free(scene->planner);
	steering_free(scene->steering);
}

/* The share of region `r` as primary; NAN: the plan doesn't speak of the group. */
static double
share(const struct plan *plan, size_t service, uint16_t group, const char *country, int r)
{
	uint8_t c = country == NULL ? COUNTRY_UNKNOWN : country_find(country);
	double sum = 0;

	for (size_t g = 0; g < plan->services[service].group_count; g++) {
		const struct plan_group *one = &plan->services[service].groups[g];

		if (one->group != group || one->country != c)
			continue;
		for (size_t i = 0; i < one->pair_count; i++)
			sum += one->pairs[i].primary == (r < 0 ? NO_REGION : r) ? one->pairs[i].share : 0;
		return sum;
	}
	return (double)NAN;
}

static bool
near(double a, double b)
{
	return fabs(a - b) < 1e-3;
}

#define THREE "regions:\n" \
	"  eu: {location: {country: IE}, capacity: 100}\n" \
	"  us: {location: {country: US, latitude: 38.9, longitude: -77.5}, capacity: 100}\n" \
	"  ap: {location: {country: IN}, capacity: 100}\n"
#define GROUPS "client-groups:\n" \
	"  germany: {networks: [198.51.100.0/24], location: {latitude: 51.2, longitude: 10.4}}\n" \
	"  india: {networks: [203.0.113.0/24], location: {latitude: 21.1, longitude: 78}}\n"

enum { EU, US, AP };
enum { DEFAULT, GERMANY, INDIA };

static void
test_nearest(void)
{
	struct scene scene;
	struct plan *plan;

	scene_open(&scene, THREE GROUPS "services: {www.: {regions: [eu, us, ap]}, first.: {sharding-policy: priority,"
	    " regions: [eu]}}\n");
	ask(&scene, 1, GERMANY, NULL, 40);
	ask(&scene, 1, INDIA, NULL, 40);
	plan = propose(&scene);
	SUITE_TEXT(plan->method, "optimal");
	CU_ASSERT_EQUAL_FATAL(plan->service_count, 1);	/* the other one isn't predictive */
	SUITE_TEXT(plan->services[0].name, "www.");
	CU_ASSERT(near(share(plan, 0, GERMANY, NULL, EU), 1) && near(share(plan, 0, INDIA, NULL, AP), 1));
	/* Nobody knows where the others are: they follow capacity. */
	CU_ASSERT(near(share(plan, 0, DEFAULT, NULL, EU), 1.0 / 3));
	CU_ASSERT(plan->services[0].groups[GERMANY].demand == 40 && plan->services[0].groups[GERMANY].error == 0);
	CU_ASSERT(plan->latency > 4 && plan->latency < 60);
	CU_ASSERT(plan->based_on == 7 && plan->made.ms == 1000 && plan->step == 1);
	SUITE_TEXT(plan->model, "m");
	CU_ASSERT(plan->normal_limit == 0.85 && plan->loss_limit == 0.99 && plan->margin == 1);
	plan_free(plan);
	scene_close(&scene);
}

/* Each case of one service "www." in three regions, with all demand in one group. */
static void
test_terms(void)
{
	static const struct {
		const char *name, *service;
		uint16_t group;
		double demand, p[3], shares[3];	/* NAN: it doesn't matter where */
	} rows[] = {
		{ "weights stand where there is room", "{regions: {eu: {weight: 5}, us: {weight: 3}, ap: {weight: 2}}}", DEFAULT,
		    50, { NAN, NAN, NAN }, { 0.5, 0.3, 0.2 } },
		{ "weights stand, also for those who are near one", "{regions: {eu: {weight: 5}, us: {weight: 3}, ap: {weight:"
		    " 2}}}", INDIA, 50, { NAN, NAN, NAN }, { 0.5, 0.3, 0.2 } },
		{ "a danger takes some of a weight", "{regions: {eu: {weight: 5}, us: {weight: 3}, ap: {weight: 2}}}", DEFAULT,
		    50, { NAN, NAN, 0.1 }, { 5 / 9.62, 3 / 9.62, 1.62 / 9.62 } },
		{ "a region that is likely to fail loses all but a trace", "{regions: {eu: {weight: 5}, us: {weight: 3}, ap: {weight:"
		    " 2}}}", DEFAULT, 50, { NAN, NAN, 0.9 }, { NAN, NAN, 0.01 } },
		{ "a trace of those who are near stays", "{regions: [eu, us, ap]}", INDIA, 50, { NAN, NAN, 0.9 },
		    { 0.95, 0, 0.05 } },
		{ "the last resort gets nothing", "{regions: {eu: {weight: 1}, us: {weight: 1}, ap: {weight: 0}}}", INDIA, 50,
		    { NAN, NAN, NAN }, { 0.5, 0.5, 0 } },
		{ "no region is more than 85 % full", "{regions: [eu, us, ap]}", GERMANY, 100, { NAN, NAN, NAN },
		    { 0.85, 0, 0.15 } },
		{ "law before all", "{regions: [eu, us, ap], residency: [{clients: [germany], regions: [us, ap]}]}", GERMANY,
		    50, { NAN, NAN, NAN }, { 0, 0.5, 0.5 } },	/* within a millisecond */
		{ "a cap on latency", "{regions: {eu: {weight: 1}, us: {weight: 1}, ap: {weight: 1}}, latency-max: 80ms}",
		    GERMANY, 50, { NAN, NAN, NAN }, { 1, 0, 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct scene scene;
		struct text text = { 0 };
		struct plan *plan;

		text_printf(&text, THREE GROUPS "services: {www.: %s}\n", rows[i].service);
		scene_open(&scene, text.bytes);
		text_fini(&text);
		for (size_t r = 0; r < 3; r++)
			scene.beliefs[r].probability = rows[i].p[r];
		ask(&scene, 0, rows[i].group, NULL, rows[i].demand);
		plan = propose(&scene);
		for (int r = 0; r < 3; r++) {
			double got = share(plan, 0, rows[i].group, NULL, r);

			if (isnan(rows[i].shares[r]))
				continue;
			if (fabs(got - rows[i].shares[r]) > 0.002)
				printf("%s: region %d has %g\n", rows[i].name, r, got);
			SUITE_ROW(rows[i].name, fabs(got - rows[i].shares[r]) <= 0.002);
		}
		SUITE_TEXT(plan->regions[AP].reason, "");
		plan_free(plan);
		scene_close(&scene);
	}
}

/* Prices, overloads and relaxations in words. */
static void
test_words(void)
{
	struct scene scene;
	struct plan *plan;
	bool found = false;

	scene_open(&scene, "regions: {a: {capacity: 100, risk-groups: [grid]}, b: {capacity: 100, risk-groups: [grid]},\n"
	    "  c: {capacity: 100}}\nservices: {www.: {regions: [a, b, c]}}\n");
	ask(&scene, 0, DEFAULT, NULL, 95);
	plan = propose(&scene);
	SUITE_TEXT(plan->method, "optimal");
	CU_ASSERT_EQUAL(plan->overload_count, 0);
	plan_free(plan);
	scene.demand[0].rate = 180;	/* the loss of the grid leaves 100 */
	plan = propose(&scene);
	SUITE_TEXT(plan->method, "relaxed");
	CU_ASSERT(plan->relaxation_count > 0 && plan->overload_count > 0);
	for (size_t i = 0; i < plan->overload_count; i++)
		found = found || (strcmp(plan->overloads[i].lost, "grid") == 0 && plan->overloads[i].region == 2 &&
		    near(plan->overloads[i].fill, 1.8 + PLAN_PACKING));
	CU_ASSERT(found);
	CU_ASSERT(plan->relaxations[0].step[0] != '\0' && plan->relaxations[0].why[0] != '\0');
	plan_free(plan);
	scene_close(&scene);

	/* Germans want eu, which fills up when us is lost: americans go there then. */
	scene_open(&scene, "regions:\n  eu: {location: {country: DE}, capacity: 100}\n"
	    "  us: {location: {country: US}, capacity: 100}\n  ap: {location: {country: IN}, capacity: 100}\n"
	    "client-groups: {germany: {networks: [198.51.100.0/24], location: {latitude: 51, longitude: 10}},\n"
	    "  america: {networks: [192.0.2.0/24], location: {latitude: 39, longitude: -98}}}\n"
	    "services: {www.: {regions: [eu, us, ap]}}\n");
	scene.beliefs[1].probability = 0.02;
	ask(&scene, 0, 1, NULL, 70);
	ask(&scene, 0, 2, NULL, 60);
	plan = propose(&scene);
	SUITE_TEXT(plan->regions[0].price_why, "is full if us is lost");
	CU_ASSERT(plan->regions[0].price > 0);
	SUITE_TEXT(plan->regions[2].price_why, "");
	CU_ASSERT(plan->regions[2].price == 0);
	plan_free(plan);
	scene_close(&scene);
}

static void
test_shed(void)
{
	struct scene scene;
	struct plan *plan;

	scene_open(&scene, "regions: {a: {capacity: 100}, b: {capacity: 100}}\n"
	    "services: {gold.: {regions: [a, b], class: 1}, lead.: {regions: [a, b], class: 9, shed: true}}\n");
	ask(&scene, 0, DEFAULT, NULL, 100);
	ask(&scene, 1, DEFAULT, NULL, 150);
	plan = propose(&scene);
	CU_ASSERT(near(share(plan, 0, DEFAULT, NULL, -1), 0));
	CU_ASSERT(share(plan, 1, DEFAULT, NULL, -1) > 0.3 && share(plan, 1, DEFAULT, NULL, -1) < 0.4);
	plan_free(plan);
	scene_close(&scene);
}

/* Static services take room; their clients aren't planned. */
static void
test_fixed(void)
{
	struct scene scene;
	struct plan *plan;

	scene_open(&scene, THREE GROUPS "services:\n  a.: {regions: [eu, us]}\n"
	    "  b.: {sharding-policy: priority, regions: {eu: {priority: 1}, us: {priority: 2}}}\n"
	    "  c.: {sharding-policy: geographic, regions: [eu, us, ap]}\n"
	    "  d.: {sharding-policy: weighted-random, regions: {us: {weight: 1}, ap: {weight: 3}}}\n");
	ask(&scene, 0, GERMANY, NULL, 50);
	ask(&scene, 1, INDIA, NULL, 30);	/* in eu */
	ask(&scene, 2, GERMANY, NULL, 15);	/* in eu, the nearest */
	ask(&scene, 3, GERMANY, NULL, 4);	/* in ap, most of it */
	plan = propose(&scene);
	CU_ASSERT_EQUAL(plan->service_count, 1);
	CU_ASSERT(near(share(plan, 0, GERMANY, NULL, EU), 40.0 / 50) && near(share(plan, 0, GERMANY, NULL, US), 10.0 / 50));
	plan_free(plan);
	scene_close(&scene);
}

/* Countries of much demand are groups of their own, and stay so until they have half of that. */
static void
test_countries(void)
{
	struct scene scene;
	struct plan *plan, *again;

	scene_open(&scene, "geo-database: g\n" THREE "client-groups: {europe: {continents: [EU]}}\n"
	    "services: {www.: {regions: [eu, us, ap]}}\n");
	ask(&scene, 0, 1, "DE", 60);
	ask(&scene, 0, 1, "FR", 0.2);
	ask(&scene, 0, 1, NULL, 5);
	ask(&scene, 0, DEFAULT, "IN", 30);
	plan = propose(&scene);
	CU_ASSERT_EQUAL(plan->services[0].group_count, 4);	/* default, default/IN, europe, europe/DE */
	CU_ASSERT(near(share(plan, 0, DEFAULT, "IN", AP), 1) && near(share(plan, 0, 1, "DE", EU), 1));
	CU_ASSERT(isnan(share(plan, 0, 1, "FR", EU)));
	CU_ASSERT(near(plan->services[0].groups[2].demand, 5.2));	/* with the French */
	scene.proposal.last = plan;
	scene.demand[0].rate = 0.35;
	scene.demand[1].rate = 0.35;
	again = propose(&scene);
	CU_ASSERT(!isnan(share(again, 0, 1, "DE", EU)) && !isnan(share(again, 0, 1, "FR", EU)));
	plan_free(plan);
	scene.proposal.last = again;
	scene.demand[0].rate = 0.13;	/* more than half of a two-hundredth; less than that */
	scene.demand[1].rate = 0.05;
	plan = propose(&scene);
	CU_ASSERT(!isnan(share(plan, 0, 1, "DE", EU)) && isnan(share(plan, 0, 1, "FR", EU)));
	plan_free(plan);
	plan_free(again);
	scene_close(&scene);
}

/* What was planned last stays where it is as good. */
static void
test_memory(void)
{
	struct scene scene, other;
	struct plan *plan, *again;

	scene_open(&scene, "regions: {a: {capacity: 100}, b: {capacity: 100}, c: {capacity: 100}}\n"
	    "services: {www.: {regions: {a: {weight: 5}, b: {weight: 3}, c: {weight: 2}}}}\n");
	ask(&scene, 0, DEFAULT, NULL, 60);
	plan = propose(&scene);
	scene.proposal.last = plan;
	scene.demand[0].rate = 61;
	again = propose(&scene);
	CU_ASSERT(plan_compare(plan, again).paired < 1e-6);
	plan_free(again);
	/* By name: regions of another steering have other numbers. */
	scene_open(&other, "regions: {n: {capacity: 100}, c: {capacity: 100}, b: {capacity: 100}, a: {capacity: 100}}\n"
	    "services: {www.: {regions: [n, c, b, a]}}\n");
	other.proposal.last = plan;
	other.proposal.last_steering = scene.steering;
	ask(&other, 0, DEFAULT, NULL, 60);
	again = propose(&other);
	CU_ASSERT(near(share(again, 0, DEFAULT, NULL, 3), 0.5) && near(share(again, 0, DEFAULT, NULL, 2), 0.3));
	CU_ASSERT(near(share(again, 0, DEFAULT, NULL, 0), 0));	/* nothing is gained by moving anybody there */
	plan_free(again);
	scene_close(&other);
	plan_free(plan);
	scene_close(&scene);
}

static void
test_dead(void)
{
	struct scene scene;
	struct plan *plan;

	scene_open(&scene, THREE "services: {a.: {regions: [eu, us]}, b.: {regions: [eu, us, ap]}}\n");
	ask(&scene, 0, DEFAULT, NULL, 30);
	ask(&scene, 1, DEFAULT, NULL, 30);
	region_set_add(&scene.dead[0], US);
	region_set_add(&scene.dead[1], US);
	scene.proposal.dead = scene.dead;
	plan = propose(&scene);
	CU_ASSERT(near(share(plan, 0, DEFAULT, NULL, EU), 1) && share(plan, 1, DEFAULT, NULL, US) == 0);
	plan_free(plan);
	region_set_add(&scene.dead[0], EU);	/* nothing lives: the law says where they belong */
	plan = propose(&scene);
	CU_ASSERT(share(plan, 1, DEFAULT, NULL, US) == 0);
	plan_free(plan);
	scene_close(&scene);
}

/* Two hundred services under the same terms ask one question; each is told its own demand. */
static void
test_many_services(void)
{
	struct text text = { 0 };
	struct scene scene;
	struct plan *plan, *again;
	struct diags diags = { 0 };
	char *json, *json_again;

	text_puts(&text, "regions:\n");
	for (int r = 0; r < MOST; r++)
		text_printf(&text, "  r%d: {capacity: 1k, location: {latitude: %d, longitude: %d}}\n", r, r % 10 * 10 - 50,
		    r * 9 - 180);
	text_puts(&text, "client-groups:\n");
	for (int g = 0; g < 100; g++)
		text_printf(&text, "  g%d: {networks: [10.%d.0.0/16], location: {latitude: %d, longitude: %d}}\n", g, g,
		    g % 12 * 10 - 60, g * 3 - 170);
	text_puts(&text, "services:\n");
	for (int s = 0; s < 200; s++) {
		text_printf(&text, "  s%d.example.: {regions: [r0", s);
		for (int r = 1; r < MOST; r++)
			text_printf(&text, ", r%d", r);
		text_puts(&text, "]}\n");
	}
	scene_open(&scene, text.bytes);
	for (uint16_t i = 0; i < 400; i++)
		ask(&scene, i % 200, (uint16_t)(1 + i % 100), NULL, 10 + i % 7);
	plan = propose(&scene);
	CU_ASSERT_EQUAL(plan->service_count, 200);
	SUITE_TEXT(plan->method, "optimal");
	for (size_t s = 1; s < 200; s++) {
		CU_ASSERT(plan->services[s].group_count >= 99);
		CU_ASSERT(plan->services[s].groups[1].pairs == plan->services[0].groups[1].pairs);
	}
	json = plan_write(plan, scene.steering);
	CU_ASSERT_FATAL(json != NULL);
	CU_ASSERT(strlen(json) < 4 << 20);
	again = plan_read(json, strlen(json), scene.steering, &diags);
	CU_ASSERT_FATAL(again != NULL);
	CU_ASSERT(plan_compare(plan, again).paired < 1e-12);	/* the last digit of a text */
	CU_ASSERT(again->services[199].groups[1].pairs == again->services[0].groups[1].pairs);
	json_again = plan_write(again, scene.steering);
	SUITE_TEXT(json_again, json);
	free(json);
	free(json_again);
	plan_free(again);
	diag_fini(&diags);
	plan_free(plan);
	scene_close(&scene);
	text_fini(&text);
}

static const struct suite_case cases[] = {
	{ .name = "near, with nothing wanted and room enough", .run = test_nearest },
	{ .name = "weights, dangers, limits, law and caps", .run = test_terms },
	{ .name = "prices, overloads and relaxations in words", .run = test_words },
	{ .name = "who is shed", .run = test_shed },
	{ .name = "services that aren't planned take room", .run = test_fixed },
	{ .name = "countries of much demand by themselves", .run = test_countries },
	{ .name = "what was planned last", .run = test_memory },
	{ .name = "regions that have been dead for long", .run = test_dead },
	{ .name = "two hundred services, one question", .run = test_many_services },
};

int
main(void)
{
	return suite_run("propose", cases, ARRAY_SIZE(cases));
}
