/* test_certificate_loads.c -- plan/certificate on a world that is reckoned by hand: loads now and in each loss, room,
 * what is admitted, what is in service already, lies about weights and demand, shedding, moved shares.
 *
 *	clients of default: 120 requests/s; a first for 0.4 (then b), b for 0.3 (then c), c for 0.3 (then a)
 *	now           a 48  b 36  c 36
 *	a lost              84    36		b lost  a 48  c 72		c lost  a 84  b 36
 *	grid (a, b) lost: c has its own 36, b's 36, and a's 48, whose third place it is */
#include "certificate/certificate.h"

#include <math.h>

#include "steer/country.h"
#include "world.h"

static const char steering[] = "regions: {a: {risk-groups: [grid]}, b: {risk-groups: [grid]}, c: }\nservices:\n"
	"  www.example.com: {sharding-policy: predictive, regions: {a: , b: , c: }}\n"
	"  sheds.example.com: {sharding-policy: predictive, shed: true, regions: {a: , b: , c: }}\n";
static const char zone[] = "@ 3600 SOA ns hostmaster 1 7200 900 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.53\n"
	"a._region.www 60 A 192.0.2.1\nb._region.www 60 A 192.0.2.2\nc._region.www 60 A 192.0.2.3\n"
	"sheds 60 A 192.0.2.9\n"
	"a._region.sheds 60 A 192.0.2.1\nb._region.sheds 60 A 192.0.2.2\nc._region.sheds 60 A 192.0.2.3\n";

enum { A, B, C };
enum { SHEDS, WWW };	/* canonical order */

static const struct plan_pair ring[] = { { A, B, 0.4 }, { B, C, 0.3 }, { C, A, 0.3 } };
static const struct plan_pair shedding[] = { { A, B, 0.5 }, { B, A, 0.3 }, { NO_REGION, NO_REGION, 0.2 } };

struct hand {
	struct world world;
	struct plan_pair pairs[4];
	struct plan_group group;
	struct plan_service service;
	struct plan_overload overloads[2];
	struct plan plan;
	double capacities[REGIONS_MAX];
	struct certificate_terms terms;
	struct certificate *certificate;
};

static struct hand *
hand_open(const char *name, const struct plan_pair *pairs, size_t count)
{
	struct hand *hand = calloc(1, sizeof(*hand));

	memcpy(hand->pairs, pairs, count * sizeof(*pairs));
	hand->group = (struct plan_group){ .demand = 120, .error = NAN, .pair_count = count, .pairs = hand->pairs };
	hand->service = (struct plan_service){ name, 1, &hand->group };
	hand->plan = (struct plan){ .model = "", .normal_limit = 0.85, .loss_limit = 1, .margin = 1,
		.service_count = 1, .services = &hand->service, .overloads = hand->overloads };
	hand->terms = (struct certificate_terms){ .plan = &hand->plan, .capacities = hand->capacities };
	for (size_t r = A; r <= C; r++)
		hand->capacities[r] = 200;
	world_open(&hand->world, (struct world_parts){ .zones = { { "example.com.", zone } }, .steering = steering,
	    .plan = &hand->plan });
	return hand;
}

static const struct certificate *
check(struct hand *hand)
{
	certificate_free(hand->certificate);
	hand->certificate = certificate_check(hand->world.snapshot, &hand->terms);
	return hand->certificate;
}

static void
hand_close(struct hand *hand)
{
	certificate_free(hand->certificate);
	world_close(&hand->world);
	free(hand);
}

static struct slot_table *
table_of(struct hand *hand, size_t service)
{
	return (struct slot_table *)(uintptr_t)hand->world.snapshot->services[service].tables[0];
}

static void
test_cases(void)
{
	static const struct { const char *name, *lost; double loads[3]; } rows[] = {
		{ .name = "now", .lost = "", .loads = { 48, 36, 36 } },
		{ .name = "a", .lost = "a", .loads = { 0, 84, 36 } },
		{ .name = "b", .lost = "b", .loads = { 48, 0, 72 } },
		{ .name = "c", .lost = "c", .loads = { 84, 36, 0 } },
		{ .name = "risk group", .lost = "grid", .loads = { 0, 0, 120 } },
	};
	struct hand *hand = hand_open("www.example.com.", ring, ARRAY_SIZE(ring));
	const struct certificate *certificate = check(hand);

	CU_ASSERT(certificate->good);
	CU_ASSERT_EQUAL(certificate->case_count, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		SUITE_TEXT(certificate->cases[i].lost, rows[i].lost);
		for (size_t r = A; r <= C; r++)	/* slots are whole: 120 / 65,536 each */
			SUITE_ROW(rows[i].name, fabs(certificate->cases[i].loads[r] - rows[i].loads[r]) < 0.01);
		SUITE_ROW(rows[i].name, certificate->cases[i].unserved == 0);
	}
	CU_ASSERT_DOUBLE_EQUAL(certificate->demand, 120, 1e-9);
	CU_ASSERT_DOUBLE_EQUAL(certificate->worst_now, 48.0 / 200, 1e-4);
	CU_ASSERT_DOUBLE_EQUAL(certificate->worst_lost, 120.0 / 200, 1e-4);
	for (size_t r = A; r <= C; r++)
		CU_ASSERT_EQUAL(certificate->room[r], 1);
	hand_close(hand);
}

static void
test_limits(void)
{
	static const struct {
		const char *name;
		double capacities[3];
		struct plan_overload admitted;
		const char *why;
	} rows[] = {
		{ .name = "bearable", .capacities = { 84, 84, 120 } },
		{ .name = "within the slack of whole slots", .capacities = { 83.7, 84, 120 } },
		{ .name = "beyond it", .capacities = { 84, 83.16, 120 },
		    .why = "if a is lost, b gets 84 requests/s and can bear 83.16 (1.01)" },
		{ .name = "the worst is told", .capacities = { 70, 40, 60 },
		    .why = "if a is lost, b gets 84 requests/s and can bear 40 (2.10)" },
		{ .name = "risk group", .capacities = { 84, 84, 100 },
		    .why = "if risk group grid is lost, c gets 120 requests/s and can bear 100 (1.20)" },
		{ .name = "now", .capacities = { 40, 100, 200 },
		    .admitted = { "c", A, 2.2 }, .why = "a gets 48 requests/s now and can bear 40 (1.20)" },
		{ .name = "admitted", .capacities = { 84, 70, 120 }, .admitted = { "a", B, 1.2 } },
		{ .name = "admitted now: so in all cases", .capacities = { 84, 200, 30 }, .admitted = { "", C, 4 } },
		{ .name = "admitted elsewhere", .capacities = { 84, 70, 120 }, .admitted = { "c", B, 1.2 },
		    .why = "if a is lost, b gets 84 requests/s and can bear 70 (1.20)" },
		{ .name = "admitted to less", .capacities = { 84, 70, 120 }, .admitted = { "a", B, 1.15 },
		    .why = "if a is lost, b gets 84 requests/s and can bear 70 (1.20)" },
		{ .name = "not known", .capacities = { 0, 0, 0 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hand *hand = hand_open("www.example.com.", ring, ARRAY_SIZE(ring));
		const struct certificate *certificate;

		memcpy(hand->capacities, rows[i].capacities, sizeof(rows[i].capacities));
		hand->overloads[0] = rows[i].admitted;
		hand->plan.overload_count = rows[i].admitted.lost != NULL;
		certificate = check(hand);
		SUITE_ROW(rows[i].name, certificate->good == (rows[i].why == NULL));
		SUITE_ROW(rows[i].name, certificate->fault
			== (rows[i].why == NULL ? CERTIFICATE_GOOD : CERTIFICATE_LOADS));
		SUITE_TEXT(certificate->why.bytes, rows[i].why);
		/* Without a plan nobody promised anything: told, not refused. */
		hand->terms.plan = NULL;
		SUITE_ROW(rows[i].name, check(hand)->good);
		hand_close(hand);
	}
}

/* What is in service does it too: then nothing gets worse. Halved demand in the present's own plan doesn't matter, since
 * both are weighed by the same. */
static void
test_present(void)
{
	struct hand *hand = hand_open("www.example.com.", ring, ARRAY_SIZE(ring));
	struct hand *other = hand_open("www.example.com.", (struct plan_pair[]){ { A, C, 1 } }, 1);

	hand->capacities[B] = 70;
	CU_ASSERT(!check(hand)->good);
	hand->terms.present = hand->world.snapshot;
	CU_ASSERT(check(hand)->good);
	CU_ASSERT_EQUAL(hand->certificate->moved, 0);
	hand->terms.present = other->world.snapshot;	/* all in a, backed up by c: b has less there */
	CU_ASSERT(!check(hand)->good);
	CU_ASSERT_DOUBLE_EQUAL(hand->certificate->moved, 0.6, 1e-4);
	hand_close(other);
	hand_close(hand);
}

static void
test_room(void)
{
	struct hand *hand = hand_open("www.example.com.", ring, ARRAY_SIZE(ring));
	const struct certificate *certificate;
	double loads[REGIONS_MAX], drained[REGIONS_MAX] = { 0 };
	struct text text = { 0 };

	/* a's 48 go to b, which has 36 of 60: 24 and the slack of 0.3 are left. */
	hand->capacities[B] = 60;
	certificate = check(hand);
	CU_ASSERT_DOUBLE_EQUAL(certificate->room[A], 24.3 / 48, 1e-3);
	CU_ASSERT_EQUAL(certificate->room[B], 1);
	CU_ASSERT_EQUAL(certificate->room[C], 1);
	drained[A] = 0.5;
	CU_ASSERT_EQUAL(certificate_loads(hand->world.snapshot, &hand->terms, (struct region_set){ { 0 } }, drained, 1.5,
	    loads), 0);
	CU_ASSERT_DOUBLE_EQUAL(loads[A], 1.5 * 24, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(loads[B], 1.5 * 60, 0.01);
	certificate_binding(certificate, hand->world.steering, &text);
	SUITE_TEXT(text.bytes, "if a is lost, b gets 84 requests/s and can bear 60 (1.40)");
	text_fini(&text);
	/* Full already: nothing more. */
	hand->capacities[B] = 30;
	CU_ASSERT_EQUAL(check(hand)->room[A], 0);
	/* With a lost already, b has 84 and c takes all of it. */
	hand->capacities[B] = 200;
	hand->capacities[C] = 78;
	region_set_add(&hand->terms.lost, A);
	certificate = check(hand);
	CU_ASSERT_DOUBLE_EQUAL(certificate->cases[0].loads[B], 84, 0.01);
	/* Half of b's own 36 more than c's 36; a's clients, whose second place it is, leave only when all of b goes. */
	CU_ASSERT(certificate->room[B] < 1 && certificate->room[B] > 0.99);
	hand_close(hand);
}

static void
damage_weights(struct slot_table *table)
{
	table->weights[3] += table->weights[7];
	table->weights[7] = 0;
}

static void
damage_weight_sum(struct slot_table *table)
{
	for (uint32_t i = 0; i < table->count; i++)
		table->weights[i] *= 1.01f;
}

static void
damage_weight_sign(struct slot_table *table)
{
	table->weights[9] = -0.5f;
}

static void
damage_nothing(struct slot_table *table)
{
	(void)table;
}

/* Half of the demand is in a 16th of the slots. Weights that say otherwise would make any table fit. */
static void
test_weights(void)
{
	static const struct {
		const char *name;
		void (*damage)(struct slot_table *);
		enum certificate_fault fault;
		const char *why;
	} rows[] = {
		{ .name = "true", .damage = damage_nothing },
		{ .name = "a lie", .damage = damage_weights, .fault = CERTIFICATE_SHARES,
		    .why = "www.example.com.: clients of default: 3.1 % of the demand lies in other slots than the table "
		    "was packed for" },
		{ .name = "sum", .damage = damage_weight_sum, .fault = CERTIFICATE_SHARES,
		    .why = "www.example.com.: clients of default: the weights of the slots add up to 1.0100" },
		{ .name = "negative", .damage = damage_weight_sign, .fault = CERTIFICATE_SHARES,
		    .why = "www.example.com.: clients of default: the weight of slot 9 is -0.5" },
	};
	float measured[256];
	struct demand_rate measure = { .rate = 120, .slot_count = 256, .slots = measured };
	struct demand_service service = { .name = "www.example.com.", .count = 1, .groups = &measure };
	struct demand demand = { .service_count = 1, .services = &service };

	for (size_t i = 0; i < 256; i++)
		measured[i] = i < 16 ? 60.0f / 16 : 60.0f / 240;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hand *hand = hand_open("www.example.com.", ring, ARRAY_SIZE(ring));
		struct slot_table *table = slot_table_new(256, 0);
		struct slot_table **place = (struct slot_table **)(uintptr_t)&hand->world.snapshot->services[WWW].tables[0];
		struct slot_table *was = *place;
		double sums[3] = { 0 };

		CU_ASSERT_PTR_NOT_NULL_FATAL(slot_table_weigh(table));
		for (uint32_t k = 0; k < 256; k++) {
			/* The lightest that fit: a till 0.4, b till 0.7, then c. */
			size_t first = sums[A] + measured[255 - k] / 120.0 <= 0.4 ? A
				: sums[B] + measured[255 - k] / 120.0 <= 0.3 ? B : C;

			table->slots[255 - k] = (struct slot){ .list = { (region_id)first, (region_id)((first + 1) % 3),
			    NO_REGION, NO_REGION }, .rank = 32767 };
			sums[first] += measured[255 - k] / 120.0;
			table->weights[255 - k] = measured[255 - k] / 120.0f;
		}
		rows[i].damage(table);
		*place = table;
		hand->terms.demand = &demand;
		SUITE_TEXT(check(hand)->why.bytes, rows[i].why);
		SUITE_ROW(rows[i].name, hand->certificate->fault == rows[i].fault);
		*place = was;
		slot_table_release(table);
		hand_close(hand);
	}
}

/* The real packing, by a demand that is as skewed as resolvers' is: some heavy keys, most slots next to nothing. */
static void
test_packed(void)
{
	struct hand *hand = hand_open("www.example.com.", ring, ARRAY_SIZE(ring));
	float slots[4096];
	struct demand_key heavy[40];
	struct demand_rate measure = { .rate = 0, .slot_count = ARRAY_SIZE(slots), .slots = slots,
		.heavy_count = ARRAY_SIZE(heavy), .heavy = heavy };
	struct demand_service service = { .name = "www.example.com.", .count = 1, .groups = &measure };
	struct demand demand = { .service_count = 1, .services = &service };
	struct compiled compiled = { 0 };
	struct snapshot *snapshot;
	const struct certificate *certificate;

	for (size_t i = 0; i < ARRAY_SIZE(slots); i++) {
		slots[i] = (float)(i % 7 == 0 ? 0 : 1.0 / (1 + (double)(i * 2654435761u % 4096)));
		measure.rate += (double)slots[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(heavy); i++) {
		heavy[i] = (struct demand_key){ .length = 24, .rate = 1.0 / (double)(1 + i) };
		CU_ASSERT_EQUAL_FATAL(address_parse("10.0.0.0", &heavy[i].address), 0);
		heavy[i].address.bytes[1] = (uint8_t)i;
		measure.rate += heavy[i].rate;
	}
	CU_ASSERT_EQUAL_FATAL(compile_tables(&compiled, hand->world.steering, &hand->plan, &demand, NULL), 0);
	snapshot = snapshot_new(&(struct snapshot_parts){ .epoch = 2, .steering = hand->world.steering,
	    .zones = hand->world.zones, .zone_count = hand->world.zone_count, .tables = compiled.services,
	    .worker_count = 1 });
	CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot);
	compiled_fini(&compiled);
	CU_ASSERT(snapshot->services[WWW].tables[0]->heavy_count > 0);
	hand->terms.demand = &demand;
	hand->terms.present = hand->world.snapshot;
	hand->certificate = certificate_check(snapshot, &hand->terms);
	certificate = hand->certificate;
	SUITE_TEXT(certificate->why.bytes, NULL);
	/* Within the heaviest slot, which is a tenth of it. */
	CU_ASSERT_DOUBLE_EQUAL(certificate->cases[0].loads[A], 48, 1);
	CU_ASSERT_DOUBLE_EQUAL(certificate->cases[1].loads[B], 84, 1);
	CU_ASSERT(certificate->moved > 0);
	/* What is known of the demand now isn't what it was packed by. */
	slots[1] += (float)measure.rate;
	certificate_free(hand->certificate);
	hand->certificate = certificate_check(snapshot, &hand->terms);
	CU_ASSERT_EQUAL(hand->certificate->fault, CERTIFICATE_SHARES);
	snapshot_free(snapshot);
	hand_close(hand);
}

static void
test_demand(void)
{
	static const struct { const char *name; double measured; const char *why; } rows[] = {
		{ .name = "as claimed", .measured = 120 },
		{ .name = "twice that", .measured = 240 },
		{ .name = "more than twice", .measured = 241,
		    .why = "the plan counts on 120 requests/s where isobard sees 241: less than half" },
		{ .name = "far less", .measured = 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hand *hand = hand_open("www.example.com.", ring, ARRAY_SIZE(ring));
		struct demand_rate measure = { .rate = rows[i].measured };
		struct demand_service service = { .name = "www.example.com.", .count = 1, .groups = &measure };
		struct demand demand = { .service_count = 1, .services = &service };

		hand->terms.demand = &demand;
		SUITE_TEXT(check(hand)->why.bytes, rows[i].why);
		SUITE_ROW(rows[i].name, hand->certificate->fault
			== (rows[i].why == NULL ? CERTIFICATE_GOOD : CERTIFICATE_DEMAND));
		/* The plan's word goes for the loads. */
		CU_ASSERT_DOUBLE_EQUAL(hand->certificate->demand, 120, 1e-9);
		hand_close(hand);
	}
}

static void
test_shed(void)
{
	struct hand *hand = hand_open("sheds.example.com.", shedding, ARRAY_SIZE(shedding));
	const struct certificate *certificate = check(hand);
	struct slot_table *table = table_of(hand, SHEDS);
	uint32_t at = 0;

	SUITE_TEXT(certificate->why.bytes, NULL);
	CU_ASSERT_DOUBLE_EQUAL(certificate->shed, 24, 0.01);
	CU_ASSERT_DOUBLE_EQUAL(certificate->cases[0].loads[A], 60, 0.01);
	CU_ASSERT_EQUAL(certificate->cases[1].unserved, 0);
	for (int n = 0; n < 2; at++)	/* two more than planned */
		if (table->slots[at].list[0] != NO_REGION) {
			memset(table->slots[at].list, NO_REGION, SLOT_LIST);
			n++;
		}
	certificate = check(hand);
	CU_ASSERT_EQUAL(certificate->fault, CERTIFICATE_SHARES);
	hand_close(hand);
	/* A service that may not: no list may be empty. */
	hand = hand_open("www.example.com.", ring, ARRAY_SIZE(ring));
	memcpy(hand->pairs, shedding, sizeof(shedding));
	SUITE_TEXT(check(hand)->why.bytes, "www.example.com.: clients of default: the plan sheds 0.2000 of them, and the "
	    "service doesn't allow it");
	hand_close(hand);
}

static const struct suite_case cases[] = {
	{ .name = "loads now and in each loss", .run = test_cases },
	{ .name = "what a region can bear", .run = test_limits },
	{ .name = "what is in service already", .run = test_present },
	{ .name = "room for drains", .run = test_room },
	{ .name = "weights of slots", .run = test_weights },
	{ .name = "packed by demand", .run = test_packed },
	{ .name = "a plan that knows of too little demand", .run = test_demand },
	{ .name = "shedding", .run = test_shed },
};

int
main(void)
{
	return suite_run("certificate_loads", cases, ARRAY_SIZE(cases));
}
