/* test_demand_forecast.c -- predict/demand_forecast: rates and errors from a store whose demand is made by hand, so that
 * what a good forecast is, and how far off it must be, is known. */
#include "load/demand_forecast.h"

#include <math.h>

#include "conf/steering_yaml.h"
#include "steer/country.h"
#include "store_folder.h"
#include "suite.h"

#define MINUTE INT64_C(60000)
#define NOW (INT64_C(29900000) * MINUTE)	/* in 2026 */

static const char text[] = "regions: {a: {}}\nclient-groups: {lan: {networks: [10.0.0.0/8]}}\n"
    "services: {www.: {regions: [a]}, api.: {regions: [a]}}\n";

struct world {
	struct folder folder;
	struct store *store;
	struct store_reader *reader;
	struct steering *steering;
	struct demand_forecaster *forecaster;
};

/* Rows of `count` series over the minutes [from, to) before NOW. */
struct making {
	int64_t from, to;
	size_t count;
	double (*rate)(size_t series, int64_t minute);
	double error;
};

static int
make_rows(struct store_txn *txn, void *arg)
{
	static const char *const countries[] = { "", "DE", "FR", "US", "IN", "JP", "BR", "GB" };
	const struct making *making = arg;
	int status = 0;

	for (int64_t m = making->from; m < making->to && status == 0; m++) {
		for (size_t s = 0; s < making->count && status == 0; s++) {
			struct demand_row row = { { NOW + m * MINUTE }, "www.", "default", countries[s], making->rate(s, m),
				making->error, 1 };

			status = store_demand_put(txn, &row);
		}
	}
	return status;
}

static void
world_open(struct world *world, const struct making *making)
{
	struct diags diags = { 0 };

	world->folder = folder_open();
	world->store = folder_store(&world->folder);
	world->reader = folder_reader(&world->folder);
	world->steering = steering_read(text, "f", &diags);
	world->forecaster = demand_forecaster_new(world->reader);
	if (world->steering == NULL || world->forecaster == NULL ||
	    store_call(world->store, make_rows, (void *)(uintptr_t)making) != 0)
		abort();
	diag_fini(&diags);
}

static struct demand_forecasts
look(struct world *world, int64_t minutes)
{
	CU_ASSERT_EQUAL_FATAL(demand_forecaster_update(world->forecaster, world->steering,
	    (struct wall){ NOW + minutes * MINUTE + 1000 }, 60), 0);
	return demand_forecaster_ask(world->forecaster);
}

static void
world_close(struct world *world)
{
	demand_forecaster_free(world->forecaster);
	steering_free(world->steering);
	store_reader_close(world->reader);
	store_close(world->store);
	folder_close(&world->folder);
}

/* A value in -1 .. 1 that nobody could foresee, the same each time. */
static double
dice(size_t a, int64_t b)
{
	uint64_t x = (uint64_t)b * 0x9e3779b97f4a7c15u + a * 0xbf58476d1ce4e5b9u;

	x ^= x >> 31;
	x *= 0x94d049bb133111ebu;
	x ^= x >> 29;
	return (double)(x >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

static double
steady(size_t series, int64_t minute UNUSED)
{
	return 100.0 * (double)(series + 1);
}

/* Each step of five minutes errs by itself. */
static double
alone(size_t series, int64_t minute)
{
	return 100 * exp(0.2 * dice(series, (minute + 1000004) / 5));
}

static double
together(size_t series UNUSED, int64_t minute)
{
	return 100 * exp(0.2 * dice(99, (minute + 1000004) / 5));
}

static double
daily(size_t series UNUSED, int64_t minute)
{
	return 1000 * (1 + 0.8 * sin(2 * 3.14159265358979 * (double)(minute % 1440) / 1440));
}

static void
test_steady(void)
{
	struct making making = { -120, 0, 3, steady, 0.05 };
	struct world world;
	struct demand_forecasts forecasts;

	world_open(&world, &making);
	forecasts = look(&world, 0);
	CU_ASSERT_EQUAL_FATAL(forecasts.count, 3);
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT(fabs(forecasts.list[i].rate - 100.0 * (double)(i + 1)) < 0.5);
		CU_ASSERT(forecasts.list[i].error < 0.01 && forecasts.list[i].group == GROUP_DEFAULT);
	}
	CU_ASSERT_EQUAL(forecasts.list[1].country, country_find("DE"));
	CU_ASSERT_EQUAL(forecasts.list[1].service, (uint16_t)(steering_service_find(world.steering, "www.") -
	    world.steering->services));
	CU_ASSERT(forecasts.common_error < 0.01);
	world_close(&world);
}

/* What errs alone isn't common, and the other way round. */
static void
test_errors(void)
{
	struct making making = { -1440, 0, 8, alone, NAN };
	struct world world;
	struct demand_forecasts forecasts;

	world_open(&world, &making);
	forecasts = look(&world, 0);
	CU_ASSERT_EQUAL_FATAL(forecasts.count, 8);
	/* 0.2 x dice has 0.115; a forecast by smoothing errs by that and by what it learnt last. */
	for (size_t i = 0; i < 8; i++)
		CU_ASSERT(forecasts.list[i].error > 0.1 && forecasts.list[i].error < 0.2);
	CU_ASSERT(forecasts.common_error < 0.035);
	world_close(&world);
	making.rate = together;
	world_open(&world, &making);
	forecasts = look(&world, 0);
	for (size_t i = 0; i < 8; i++)
		CU_ASSERT(forecasts.list[i].error < 0.02);
	CU_ASSERT(forecasts.common_error > 0.1 && forecasts.common_error < 0.2);
	world_close(&world);
}

/* Of 8 series and two hours, 80 of 100 means of five minutes are within the quantiles told before. */
static void
test_quantiles(void)
{
	struct making making = { -1440, 0, 8, alone, NAN };
	size_t within = 0, count = 0;
	struct world world;

	world_open(&world, &making);
	for (int64_t m = 0; m < 120; m += 5) {
		struct making more = { m, m + 5, 8, alone, NAN };
		struct demand_forecasts forecasts = look(&world, m - 1);

		CU_ASSERT_EQUAL_FATAL(forecasts.count, 8);
		for (size_t i = 0; i < 8; i++, count++) {
			double truth = 0;

			for (int64_t k = m; k < m + 5; k++)
				truth += alone(i, k) / 5;
			CU_ASSERT(forecasts.list[i].low < forecasts.list[i].high);
			within += truth >= forecasts.list[i].low && truth <= forecasts.list[i].high ? 1 : 0;
		}
		CU_ASSERT_EQUAL(store_call(world.store, make_rows, &more), 0);
	}
	printf("# the quantiles held %.3f\n", (double)within / (double)count);
	CU_ASSERT((double)within >= 0.72 * (double)count && (double)within <= 0.88 * (double)count);
	world_close(&world);
}

static void
test_day(void)
{
	struct making making = { -3 * 1440, 0, 1, daily, NAN };
	struct world world;
	struct demand_forecasts forecasts;

	world_open(&world, &making);
	forecasts = look(&world, 0);
	CU_ASSERT(fabs(forecasts.list[0].rate / daily(0, 2) - 1) < 0.05);
	CU_ASSERT(forecasts.common_error < 0.05);
	world_close(&world);
}

static void
test_little_is_known(void)
{
	struct making making = { -3, 0, 2, steady, 0.4 }, again = { -3, 0, 2, steady, NAN }, old = { -100, -70, 1, steady, 0 };
	struct world world;
	struct demand_forecasts forecasts;

	world_open(&world, &making);
	forecasts = look(&world, 0);
	CU_ASSERT_EQUAL_FATAL(forecasts.count, 2);
	CU_ASSERT(forecasts.list[1].rate == 200 && forecasts.list[1].error == 0.4);
	CU_ASSERT(isnan(forecasts.list[1].low) && isnan(forecasts.list[1].high));	/* no forecast */
	CU_ASSERT(forecasts.common_error == DEMAND_ERROR_COMMON);
	world_close(&world);
	world_open(&world, &again);
	forecasts = look(&world, 0);
	CU_ASSERT(forecasts.list[0].rate == 100 && forecasts.list[0].error == DEMAND_ERROR_UNKNOWN);
	world_close(&world);
	world_open(&world, &old);	/* an hour of silence: nobody asks any more */
	forecasts = look(&world, 0);
	CU_ASSERT(forecasts.count == 1 && forecasts.list[0].rate == 0);
	world_close(&world);
	making.count = 0;
	world_open(&world, &making);
	CU_ASSERT_EQUAL(look(&world, 0).count, 0);
	world_close(&world);
}

/* Minute by minute it says what it says when it reads everything anew; a correction of the last minutes counts. */
static void
test_goes_on(void)
{
	struct making making = { -200, 0, 3, alone, NAN }, more = { 0, 7, 3, alone, NAN }, late = { 4, 7, 3, steady, NAN };
	struct world world;
	struct demand_forecaster *anew;
	struct demand_forecasts a, b;

	world_open(&world, &making);
	look(&world, 0);
	CU_ASSERT_EQUAL(store_call(world.store, make_rows, &more), 0);
	look(&world, 7);
	CU_ASSERT_EQUAL(store_call(world.store, make_rows, &late), 0);
	a = look(&world, 8);
	anew = demand_forecaster_new(world.reader);
	CU_ASSERT_EQUAL(demand_forecaster_update(anew, world.steering, (struct wall){ NOW + 8 * MINUTE + 1000 }, 60), 0);
	b = demand_forecaster_ask(anew);
	CU_ASSERT_EQUAL_FATAL(a.count, b.count);
	for (size_t i = 0; i < a.count; i++)
		CU_ASSERT(fabs(a.list[i].rate - b.list[i].rate) < 0.02 * b.list[i].rate);
	CU_ASSERT(a.list[2].rate > 150);
	demand_forecaster_free(anew);
	world_close(&world);
}

/* Three times as much in the present minute: at once. A third of it: not yet. */
static double
crowd(size_t series, int64_t minute)
{
	return minute < 0 ? 100 : series == 0 ? 300 : 33;
}

static void
test_surprise(void)
{
	struct making making = { -600, 1, 2, crowd, 0.1 };
	struct world world;
	struct demand_forecasts forecasts;

	world_open(&world, &making);
	forecasts = look(&world, 0);
	CU_ASSERT_EQUAL_FATAL(forecasts.count, 2);
	CU_ASSERT(forecasts.list[0].rate == 300);
	CU_ASSERT(forecasts.list[1].rate > 60);
	world_close(&world);
}

static const struct suite_case cases[] = {
	{ .name = "what is steady stays so", .run = test_steady },
	{ .name = "errors of one and of all", .run = test_errors },
	{ .name = "the quantiles hold 80 of 100", .run = test_quantiles },
	{ .name = "the time of day", .run = test_day },
	{ .name = "the last rate where little is known", .run = test_little_is_known },
	{ .name = "what rises is believed at once, what falls later", .run = test_surprise },
	{ .name = "minute by minute as all at once", .run = test_goes_on },
};

int
main(void)
{
	return suite_run("demand_forecast", cases, ARRAY_SIZE(cases));
}
