/* test_train.c -- predict/train and compare: learns what can be learned, claims nothing where there is nothing, and
 * does the same twice. On a small world whose failures are known: memory that rises for half an hour, at random
 * times. */
#include "predict/train.h"

#include <math.h>

#include "backtest/compare.h"
#include "predict/fit.h"
#include "predict/model.h"
#include "suite.h"

#define DAYS 4
#define MINUTES (DAYS * 1440)
#define START INT64_C(1600041600)
#define HORIZON 600
#define RAMP_MIN 30

static uint64_t state;

static double
uniform(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(state >> 11) * 0x1p-53;
}

enum world { WORLD_RAMPS, WORLD_SHUFFLED, WORLD_QUIET };

static struct dataset *
new_world(void)
{
	struct metrics *metrics = metrics_new();
	struct dataset *dataset;

	metrics_add(metrics, "mem");
	metrics_add(metrics, "cpu");
	metrics_add(metrics, "rps");
	dataset = dataset_new(1, metrics);
	metrics_free(metrics);
	return dataset;
}

/* About one incident in three hours; in a shuffled world the incidents are elsewhere than the ramps. */
static struct dataset *
make_world(enum world world)
{
	struct dataset *dataset = new_world();
	struct dataset_series *series = &dataset->series[0];
	size_t next = 400;

	state = 42;
	series->name = strdup("a");
	series->window = window_new(dataset->metrics, START, 60, MINUTES);
	series->label_from_s = START;
	series->label_to_s = START + MINUTES * 60;
	for (size_t i = 0; i < MINUTES; i++) {
		double ramp;

		if (i > next + 5)
			next = i + 90 + (size_t)(200 * uniform());
		ramp = next >= i && next - i < RAMP_MIN ? 1 - (double)(next - i) / RAMP_MIN : 0;
		window_set(series->window, METRIC_MEM, i, 0.5 + 0.45 * ramp + 0.02 * uniform());
		window_set(series->window, METRIC_CPU, i, 0.3 + 0.1 * uniform());
		window_set(series->window, METRIC_RPS, i, 100 + 20 * uniform());
		if (world != WORLD_QUIET && i == next) {
			int64_t at = START + (int64_t)i * 60;

			if (world == WORLD_SHUFFLED)
				at = START + (int64_t)(400 + (MINUTES - 500) * uniform()) * 60;
			CU_ASSERT_EQUAL(incidents_add(&series->incidents, (struct incident){ at, at + 300 }), 0);
		}
	}
	incidents_merge(&series->incidents);
	return dataset;
}

static const struct train_settings settings = { .from_s = START, .to_s = START + MINUTES * 42, .horizon_s = HORIZON,
	.seed = 1, .rows_most = 400 };

static struct model *
train(const struct dataset *dataset)
{
	struct text error = { 0 };
	size_t length;
	char *bytes = train_failure(dataset, &settings, &length, &error);
	struct model *model = bytes == NULL ? NULL : model_read(bytes, length, &error);

	SUITE_TEXT(error.bytes, NULL);
	free(bytes);
	return model;
}

static void
test_learns(void)
{
	struct dataset *dataset = make_world(WORLD_RAMPS);
	struct model *model = train(dataset);
	struct comparison c;
	const struct evaluation *scores = c.scores;

	CU_ASSERT(model != NULL && model->skill);
	CU_ASSERT_EQUAL(compare(dataset, model, model->to_s + HORIZON, START + MINUTES * 60, &c), 0);
	CU_ASSERT(scores[CONTESTANT_MODEL].average_precision > 0.9);
	CU_ASSERT(scores[CONTESTANT_MODEL].brier_skill > 0.7);
	CU_ASSERT(scores[CONTESTANT_MODEL].best.recall > 0.9);
	CU_ASSERT(scores[CONTESTANT_MODEL].average_precision > scores[CONTESTANT_EWMA].average_precision);
	CU_ASSERT(fabs(scores[CONTESTANT_BASE_RATE].average_precision - scores[CONTESTANT_MODEL].prevalence) < 1e-12);
	CU_ASSERT(fabs(scores[CONTESTANT_BASE_RATE].roc_auc - 0.5) < 1e-12);
	model_free(model);
	dataset_free(dataset);
}

/* Memory alone announces, so a plane tells as much as any border: the simplest machine is chosen. */
static void
test_chooses_linear(void)
{
	struct dataset *dataset = make_world(WORLD_RAMPS);
	struct model *model = train(dataset);

	CU_ASSERT(model->settings.kernel == MACHINE_LINEAR && machine_kernel(model->machine) == MACHINE_LINEAR);
	CU_ASSERT_EQUAL(machine_vectors(model->machine), 1);
	model_free(model);
	dataset_free(dataset);
}

/* Incidents that nothing announces: no better than the base rate, and no pretence of it. */
static void
test_shuffled(void)
{
	struct dataset *dataset = make_world(WORLD_SHUFFLED);
	struct model *model = train(dataset);
	struct comparison c;

	CU_ASSERT(model != NULL);
	CU_ASSERT_EQUAL(compare(dataset, model, model->to_s + HORIZON, START + MINUTES * 60, &c), 0);
	CU_ASSERT(c.scores[CONTESTANT_MODEL].average_precision < 2 * c.scores[CONTESTANT_MODEL].prevalence);
	CU_ASSERT(fabs(c.scores[CONTESTANT_MODEL].roc_auc - 0.5) < 0.15);
	CU_ASSERT(c.scores[CONTESTANT_MODEL].brier_skill > -0.05);
	model_free(model);
	dataset_free(dataset);
}

/* If features could see ten minutes ahead, the score would tell: a shift of the metrics against the labels does. */
static void
test_shifted(void)
{
	struct dataset *dataset = make_world(WORLD_RAMPS), *shifted = make_world(WORLD_RAMPS);
	struct model *model = train(dataset);
	struct comparison honest, early;

	/* Metrics 40 minutes late: ramps begin after the incident that they announce. */
	for (size_t i = MINUTES - 1; i >= 40; i--) {
		for (size_t m = 0; m < METRIC_KNOWN; m++)
			if (shifted->series[0].window->values[m] != NULL)
				window_set(shifted->series[0].window, m, i,
				    shifted->series[0].window->values[m][i - 40]);
	}
	CU_ASSERT_EQUAL(compare(dataset, model, model->to_s + HORIZON, START + MINUTES * 60, &honest), 0);
	CU_ASSERT_EQUAL(compare(shifted, model, model->to_s + HORIZON, START + MINUTES * 60, &early), 0);
	CU_ASSERT(early.scores[CONTESTANT_MODEL].average_precision <
	    honest.scores[CONTESTANT_MODEL].average_precision / 4);
	model_free(model);
	dataset_free(dataset);
	dataset_free(shifted);
}

/* What happens behind the training span changes no byte of the model; nor does doing it again. */
static void
test_same_bytes(void)
{
	struct dataset *dataset = make_world(WORLD_RAMPS);
	struct window *window = dataset->series[0].window;
	struct text error = { 0 };
	size_t lengths[2];
	char *bytes[2];

	bytes[0] = train_failure(dataset, &settings, &lengths[0], &error);
	for (size_t i = MINUTES * 7 / 10; i < MINUTES; i++)
		window_set(window, METRIC_MEM, i, 0.97);
	for (size_t i = 0; i < 50; i++)
		CU_ASSERT_EQUAL(incidents_add(&dataset->series[0].incidents,
		    (struct incident){ settings.to_s + 3600 + (int64_t)i * 900,
		        settings.to_s + 3700 + (int64_t)i * 900 }), 0);
	incidents_merge(&dataset->series[0].incidents);
	bytes[1] = train_failure(dataset, &settings, &lengths[1], &error);
	CU_ASSERT(bytes[0] != NULL && bytes[1] != NULL);
	CU_ASSERT(lengths[0] == lengths[1] && memcmp(bytes[0], bytes[1], lengths[0]) == 0);
	free(bytes[0]);
	free(bytes[1]);
	dataset_free(dataset);
}

/* A thinned pool is what samples are drawn from: they have the size that was asked for, and both kinds of rows. */
static void
test_sample_size(void)
{
	enum { COUNT = 40000, POSITIVES = 100, MOST = 1000, WIDTH = 8 };
	struct pool pool = { .rows = { calloc(COUNT, sizeof(struct row)), COUNT }, .width = WIDTH, .pseudo = 1 };
	size_t positives = 0;
	struct fit fit;

	state = 5;
	for (uint32_t i = 0; i < COUNT; i++)
		pool.rows.list[i] = (struct row){ .step = i, .weight = 1, .positive = i % (COUNT / POSITIVES) == 0 };
	pool.share = rows_thin(&pool.rows, COUNT / 4, settings.seed);
	pool.features = calloc(pool.rows.count * WIDTH, sizeof(*pool.features));
	pool.times = calloc(pool.rows.count, sizeof(*pool.times));
	for (size_t i = 0; i < pool.rows.count * WIDTH; i++)
		pool.features[i] = uniform() + (pool.rows.list[i / WIDTH].positive ? 0.3 : 0);
	CU_ASSERT_EQUAL(fit_prepare(&fit, &pool, INT64_MAX, MOST, settings.seed), 0);
	for (size_t i = 0; i < fit.count; i++)
		positives += fit.targets[i] > 0;
	CU_ASSERT(fit.count > MOST * 9 / 10 && fit.count < MOST * 11 / 10);
	CU_ASSERT_EQUAL(positives, POSITIVES);
	fit_fini(&fit);
	rows_fini(&pool.rows);
	free(pool.features);
	free(pool.times);
}

static void
test_too_little(void)
{
	struct dataset *dataset = make_world(WORLD_QUIET);
	struct text error = { 0 };
	size_t length;

	CU_ASSERT(train_failure(dataset, &settings, &length, &error) == NULL);
	SUITE_TEXT(error.bytes, "0 incidents in the training span; at least 5 are needed");
	text_fini(&error);
	dataset_free(dataset);
}

static const struct suite_case cases[] = {
	{ .name = "what is announced is foreseen", .run = test_learns },
	{ .name = "linear evidence takes a linear machine", .run = test_chooses_linear },
	{ .name = "shuffled labels give chance", .run = test_shuffled },
	{ .name = "a shift of time is caught", .run = test_shifted },
	{ .name = "the future changes no byte", .run = test_same_bytes },
	{ .name = "a sample of the size asked for", .run = test_sample_size },
	{ .name = "too few incidents", .run = test_too_little },
};

int
main(void)
{
	return suite_run("train", cases, ARRAY_SIZE(cases));
}
