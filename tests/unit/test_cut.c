/* test_cut.c -- plan/cut: pairs that aren't legal are taken out, what is left is scaled to 1 and stays in order. */
#include "plan/cut.h"

#include <math.h>

#include "conf/steering_yaml.h"
#include "steer/constrain.h"
#include "suite.h"

enum { A, B, C, D };

static const char steering_text[] =
	"regions: {a: {capacity: 1}, b: {capacity: 1}, c: {capacity: 1}, d: {capacity: 1}}\n"
	"client-groups: {one: {networks: [192.0.2.0/24]}}\n"
	"services: {www.example.: {sharding-policy: predictive, regions: [a, b, c, d]}}\n";

static struct steering *
steering_of(struct region_set legal)
{
	struct diags diags = { 0 };
	struct steering *base = steering_read(steering_text, "steering.yaml", &diags), *cut;
	struct region_set accepting[2] = { region_set_all(), legal };

	if (base == NULL)
		abort();
	cut = steering_constrain(base, accepting);
	if (cut == NULL)
		abort();
	steering_free(base);
	return cut;
}

struct row {
	const char *name;
	uint8_t legal;			/* bits */
	struct plan_pair pairs[8], expected[8];
	size_t count, expected_count;
};

static const struct row rows[] = {
	{ "all legal: as it was", 15, { { A, B, 0.5 }, { B, A, 0.5 } }, { { A, B, 0.5 }, { B, A, 0.5 } }, 2, 2 },
	{ "a forbidden primary goes, the rest is scaled", 14, { { A, B, 0.5 }, { B, C, 0.25 }, { C, B, 0.25 } },
	    { { B, C, 0.5 }, { C, B, 0.5 } }, 3, 2 },
	{ "a forbidden backup is taken off", 13, { { A, B, 0.5 }, { C, A, 0.5 } },
	    { { A, NO_REGION, 0.5 }, { C, A, 0.5 } }, 2, 2 },
	{ "pairs that become the same are one", 9,
	    { { A, B, 0.25 }, { A, C, 0.25 }, { A, NO_REGION, 0.25 }, { D, A, 0.25 } },
	    { { A, NO_REGION, 0.75 }, { D, A, 0.25 } }, 4, 2 },
	{ "without a backup comes last", 13, { { A, B, 0.25 }, { A, C, 0.25 }, { A, D, 0.25 }, { C, A, 0.25 } },
	    { { A, C, 0.25 }, { A, D, 0.25 }, { A, NO_REGION, 0.25 }, { C, A, 0.25 } }, 4, 4 },
	{ "shares that don't add up to 1 don't do so afterwards", 14, { { A, B, 1 }, { B, C, 0.5 }, { C, B, 0.5 } },
	    { { B, C, 1 }, { C, B, 1 } }, 3, 2 },
	{ "nothing is left", 8, { { A, B, 0.5 }, { B, A, 0.5 } }, { { 0, 0, 0 } }, 2, 0 },
	{ "nothing is legal", 0, { { A, B, 0.5 }, { B, A, 0.5 } }, { { 0, 0, 0 } }, 2, 0 },
	{ "the shed stay, the rest is scaled", 14, { { A, B, 0.5 }, { B, C, 0.25 }, { NO_REGION, NO_REGION, 0.25 } },
	    { { B, C, 0.5 }, { NO_REGION, NO_REGION, 0.5 } }, 3, 2 },
	{ "nobody is shed because the law has changed", 14, { { A, B, 0.75 }, { NO_REGION, NO_REGION, 0.25 } },
	    { { 0, 0, 0 } }, 2, 0 },
	{ "all are shed as planned", 15, { { NO_REGION, NO_REGION, 1 } }, { { NO_REGION, NO_REGION, 1 } }, 1, 1 },
	{ "a share of nothing is nothing", 1, { { A, B, 0 }, { B, A, 1 } }, { { 0, 0, 0 } }, 2, 0 },
};

static void
test_rows(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct plan_group groups[] = { { .group = 0, .pair_count = row->count, .pairs = row->pairs },
			{ .group = 1, .pair_count = row->count, .pairs = row->pairs } };
		struct plan_service service = { "www.example.", 2, groups };
		struct plan plan = { .model = "m", .made = { 7 }, .service_count = 1, .services = &service };
		struct steering *steering = steering_of((struct region_set){ { row->legal } });
		struct plan *cut = plan_cut(&plan, steering);
		const struct plan_group *group;

		if (cut == NULL)
			abort();
		SUITE_ROW(row->name, cut->service_count == 1 && cut->services[0].group_count == 2 && cut->made.ms == 7);
		group = &cut->services[0].groups[1];
		SUITE_ROW(row->name, group->pair_count == row->expected_count);
		for (size_t p = 0; p < group->pair_count; p++)
			SUITE_ROW(row->name, group->pairs[p].primary == row->expected[p].primary
			    && group->pairs[p].backup == row->expected[p].backup
			    && fabs(group->pairs[p].share - row->expected[p].share) < 1e-12);
		group = &cut->services[0].groups[0];	/* the other group is free */
		SUITE_ROW(row->name, group->pair_count == row->count);
		steering_free(steering);
		plan_free(cut);
	}
}

static void
test_lawful(void)
{
	static const struct { const char *name; uint8_t legal; struct plan_pair pair; region_id order; const char *why; }
	lawful[] = {
		{ "all legal", 15, { A, B, 1 }, C, NULL },
		{ "primary", 14, { A, B, 1 }, C, "www.example.: clients of one: the plan sends 1.0000 of them to a, which "
		    "residency forbids" },
		{ "backup", 13, { A, B, 0.5 }, C, "www.example.: clients of one: the plan backs up 0.5000 of them by b, "
		    "which residency forbids" },
		{ "order", 11, { A, B, 1 }, C, "www.example.: clients of one: the plan's order has c, which residency "
		    "forbids" },
		{ "no backup, shed", 1, { NO_REGION, NO_REGION, 1 }, A, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lawful); i++) {
		struct plan_group group = { .group = 1, .pair_count = 1, .pairs = &lawful[i].pair, .order_count = 1,
			.order = &lawful[i].order };
		struct plan_service service = { "www.example.", 1, &group };
		struct plan plan = { .model = "m", .service_count = 1, .services = &service };
		struct steering *steering = steering_of((struct region_set){ { lawful[i].legal } });
		struct text why = { 0 };

		SUITE_ROW(lawful[i].name, plan_is_lawful(&plan, steering, &why) == (lawful[i].why == NULL));
		SUITE_TEXT(why.bytes, lawful[i].why);
		text_fini(&why);
		steering_free(steering);
	}
}

static void
test_lives_alone(void)
{
	struct plan_pair pairs[] = { { A, B, 1 } };
	struct plan_group groups[] = { { .group = 0, .pair_count = 1, .pairs = pairs } };
	char name[] = "www.example.", gone[] = "gone.example.", model[] = "model";
	struct plan_service services[] = { { name, 1, groups }, { gone, 1, groups } };
	struct plan plan = { .model = model, .service_count = 2, .services = services };
	struct steering *steering = steering_of(region_set_all());
	struct plan *cut = plan_cut(&plan, steering);

	if (cut == NULL)
		abort();
	memset(name, 'x', sizeof(name) - 1);
	memset(model, 'x', sizeof(model) - 1);
	memset(services, 0, sizeof(services));
	SUITE_TEXT(cut->services[0].name, "www.example.");
	SUITE_TEXT(cut->model, "model");
	SUITE_TEXT(cut->services[1].name, "gone.example.");	/* left as it is: it has no table */
	CU_ASSERT_EQUAL(cut->services[1].groups[0].pair_count, 1);
	plan_free(cut);
	plan = (struct plan){ .model = "" };
	cut = plan_cut(&plan, steering);
	CU_ASSERT_PTR_NOT_NULL(cut);
	plan_free(cut);
	steering_free(steering);
}

static const struct suite_case cases[] = {
	{ .name = "pairs", .run = test_rows },
	{ .name = "who is sent against the law", .run = test_lawful },
	{ .name = "a cut plan lives without the one it was cut from", .run = test_lives_alone },
};

int
main(void)
{
	return suite_run("cut", cases, ARRAY_SIZE(cases));
}
