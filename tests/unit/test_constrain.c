/* test_constrain.c -- steer/constrain: what regions accept can only narrow, for every client in every group. */
#include "steer/constrain.h"

#include "conf/steering_yaml.h"
#include "suite.h"

#define GROUPS 4	/* default, a, b, c */

static const char text[] =
	"regions: {x: {capacity: 1}, y: {capacity: 1}, z: {capacity: 1}}\n"
	"client-groups:\n"
	"  {a: {networks: [192.0.2.0/24]}, b: {networks: [198.51.100.0/24]}, c: {networks: [203.0.113.0/24]}}\n"
	"services:\n"
	"  all.example.: {sharding-policy: priority, regions: [x, y, z]}\n"
	"  law.example.:\n"
	"    {sharding-policy: priority, regions: [x, y, z], residency: [{clients: [a], regions: [x, y]}]}\n"
	"  two.example.: {sharding-policy: priority, regions: [x, y]}\n";

static struct steering *
read_steering(const char *from)
{
	struct diags diags = { 0 };
	struct steering *steering = steering_read(from, "steering.yaml", &diags);

	if (steering == NULL)
		abort();
	return steering;
}

static struct region_set
set_of(unsigned bits)
{
	return (struct region_set){ { bits } };
}

static bool
same_set(struct region_set a, struct region_set b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static struct region_set
accepted_by_all(const struct region_set *accepting, const uint16_t *groups, size_t count)
{
	struct region_set set = region_set_all();

	for (size_t i = 0; i < count; i++)
		set = region_set_and(set, accepting[groups[i]]);
	return set;
}

/* Every choice of three regions for each of the four groups, every client of one or two groups, every service: legal is
 * exactly what was legal before and is accepted in each group. */
static void
test_exhaustive(void)
{
	struct steering *base = read_steering(text);
	unsigned wrong = 0;

	for (unsigned code = 0; code < 1u << 3 * GROUPS; code++) {
		struct region_set accepting[GROUPS];
		struct steering *steering;

		for (unsigned g = 0; g < GROUPS; g++)
			accepting[g] = (code >> 3 * g & 7) == 7 && code % 2 == 1 ? region_set_all()
			    : set_of(code >> 3 * g & 7);
		steering = steering_constrain(base, accepting);
		if (steering == NULL)
			abort();
		for (size_t s = 0; s < base->service_count; s++)
			for (uint16_t g = 0; g < GROUPS; g++)
				for (uint16_t h = g; h < GROUPS; h++) {
					uint16_t groups[] = { g, h };
					struct region_set legal = steering_legal(&steering->services[s], groups, 2);
					struct region_set before = steering_legal(&base->services[s], groups, 2);
					struct region_set accepted = accepted_by_all(accepting, groups, 2);

					wrong += !same_set(legal, region_set_and(before, accepted));
				}
		steering_free(steering);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_EQUAL(base->holds, 0);
	steering_free(base);
}

static void
test_few_rules(void)
{
	struct steering *base = read_steering(text), *steering;
	struct region_set accepting[GROUPS] = { region_set_all(), set_of(1), set_of(1), set_of(3) };

	steering = steering_constrain(base, accepting);
	if (steering == NULL)
		abort();
	CU_ASSERT_EQUAL(steering_service_find(steering, "all.example.")->rule_count, 2);
	CU_ASSERT_EQUAL(steering_service_find(steering, "law.example.")->rule_count, 3);
	CU_ASSERT_EQUAL(steering_service_find(base, "law.example.")->rule_count, 1);
	CU_ASSERT_EQUAL(steering_region_find(steering, "z"), 2);
	steering_free(base);	/* the narrowed one holds it */
	SUITE_TEXT(steering->services[0].name, "all.example.");
	SUITE_TEXT(steering->groups[3].name, "c");
	steering_free(steering);
}

static void
test_no_services(void)
{
	struct steering *base = steering_empty(), *steering;
	struct region_set accepting[1] = { { { 0 } } };

	if (base == NULL)
		abort();
	steering = steering_constrain(base, accepting);
	CU_ASSERT_PTR_NOT_NULL(steering);
	steering_free(steering);
	steering_free(base);
}

static const struct suite_case cases[] = {
	{ .name = "legal is what was legal and is accepted, for every choice", .run = test_exhaustive },
	{ .name = "groups that are accepted alike share a rule", .run = test_few_rules },
	{ .name = "without services", .run = test_no_services },
};

int
main(void)
{
	return suite_run("constrain", cases, ARRAY_SIZE(cases));
}
