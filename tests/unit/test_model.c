/* test_model.c -- predict/scaling, platt, logistic, machine and model: what is read back, what is refused, and that our
 * decisions are libsvm's. */
#include "predict/model.h"

#include <errno.h>
#include <libsvm/svm.h>
#include <math.h>
#include <unistd.h>

#include "predict/evidence.h"
#include "predict/gate.h"
#include "predict/logistic.h"
#include "suite.h"

#define ROWS 400

static uint64_t state = 1;

static double
uniform(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(state >> 11) * 0x1p-53;
}

/* Two overlapping clouds in the first two features, noise in the others; hundredths, as scaling gives them. */
static void
clouds(double *rows, double *targets, size_t dimension)
{
	state = 1;
	for (size_t i = 0; i < ROWS; i++) {
		bool positive = i % 4 == 0;

		targets[i] = positive ? 1 : -1;
		for (size_t d = 0; d < dimension; d++) {
			double x = 4 * uniform() - 2 + (positive && d < 2 ? 1.5 : 0);

			rows[i * dimension + d] = rint(x * 100) / 100;
		}
	}
}

static void
test_scaling(void)
{
	double values[] = { 5, 1, 4, 2, 3, (double)NAN, 1000 }, same[] = { 7, 7, 7 }, burst[20] = { 0, 0, 3 };
	struct scaling scaling = scaling_fit(values, ARRAY_SIZE(values)), flat = scaling_fit(same, 3);
	struct scaling bursts = scaling_fit(burst, 20);
	double low = scaling_apply(&scaling, 1), high = scaling_apply(&scaling, 5);

	CU_ASSERT(scaling.median == 3.5);
	CU_ASSERT(low < high && scaling_apply(&scaling, 1000) > high);
	CU_ASSERT(scaling_apply(&scaling, 1e300) == SCALING_CLIP && scaling_apply(&scaling, -1e300) == -SCALING_CLIP);
	CU_ASSERT(scaling_apply(&scaling, (double)NAN) == 0);
	CU_ASSERT(scaling_apply(&flat, 7) == 0 && scaling_apply(&flat, 8) == 0);
	CU_ASSERT(scaling_apply(&bursts, 3) > 1);
	CU_ASSERT(high * 100 == rint(high * 100));
}

static void
test_platt(void)
{
	double scores[2000];
	bool positives[2000];
	struct platt platt, few;
	double low, high, few_low, few_high;
	double said = 0, came = 0;

	/* Outcomes drawn from a curve that we know. */
	state = 9;
	for (size_t i = 0; i < 2000; i++) {
		scores[i] = 6 * uniform() - 3;
		positives[i] = uniform() < 1 / (1 + exp(-(1.5 * scores[i] - 1)));
	}
	CU_ASSERT_EQUAL(platt_fit(scores, positives, 2000, 1000, &platt), 0);
	CU_ASSERT(fabs(platt.slope - 1.5) < 0.2 && fabs(platt.offset + 1) < 0.2);
	for (size_t i = 0; i < 2000; i++) {
		said += platt_probability(&platt, scores[i]);
		came += positives[i];
	}
	CU_ASSERT(fabs(said - came) < 2);
	/* Of a thousand incidents as sure as theory says; of ten, ten times as far. */
	platt_band(&platt, 0, &low, &high);
	CU_ASSERT(low < 1 / (1 + exp(1)) && high > 1 / (1 + exp(1)) && high - low < 0.05);
	CU_ASSERT_EQUAL(platt_fit(scores, positives, 2000, 10, &few), 0);
	platt_band(&few, 0, &few_low, &few_high);
	CU_ASSERT(few_high - few_low > 4 * (high - low));
	CU_ASSERT(platt_probability(&platt, 1e9) <= 1 && platt_probability(&platt, -1e9) >= 0);
	for (size_t i = 0; i < 2000; i++)
		scores[i] = -scores[i];
	CU_ASSERT_EQUAL(platt_fit(scores, positives, 2000, 1000, &platt), -EDOM);	/* higher would mean safer */
	scores[5] = (double)NAN;
	CU_ASSERT_EQUAL(platt_fit(scores, positives, 2000, 1000, &platt), -EDOM);
	for (size_t i = 0; i < 2000; i++) {
		scores[i] = (double)i;
		positives[i] = i > 1997;
	}
	CU_ASSERT_EQUAL(platt_fit(scores, positives, 2000, 1000, &platt), -EDOM);	/* two positives are too few */
}

static void
test_logistic(void)
{
	double rows[ROWS * 5], targets[ROWS], right = 0;
	struct logistic logistic;

	clouds(rows, targets, 5);
	CU_ASSERT_EQUAL(logistic_fit(rows, targets, ROWS, 5, &logistic), 0);
	for (size_t i = 0; i < ROWS; i++)
		right += (logistic_score(&logistic, rows + i * 5) > 0) == (targets[i] > 0);
	CU_ASSERT(right / ROWS > 0.8);
	CU_ASSERT(fabs(logistic.weights[4]) < fabs(logistic.weights[0]) / 3);
	CU_ASSERT_EQUAL(logistic_fit(rows, targets, 1, LOGISTIC_DIMENSION_MAX + 1, &logistic), -EINVAL);
}

static struct machine_settings
settings_of(enum machine_kernel kernel)
{
	return (struct machine_settings){ .kind = MACHINE_CLASSIFY, .kernel = kernel, .c = 1,
		.gamma = kernel == MACHINE_RBF ? 0.2 : 0, .weight = 2 };
}

static char *
train_small(enum machine_kernel kernel, size_t dimension, size_t *length)
{
	static double rows[ROWS * FEATURES_MAX], targets[ROWS];
	struct machine_settings settings = settings_of(kernel);

	clouds(rows, targets, dimension);
	return machine_train(rows, targets, ROWS, dimension, &settings, length);
}

/* What libsvm itself says of the same text. */
static void
same_as_libsvm(enum machine_kernel kernel)
{
	enum { DIMENSION = 7 };
	double rows[ROWS * DIMENSION], targets[ROWS], right = 0;
	struct text error = { 0 };
	size_t length;
	char *body = train_small(kernel, DIMENSION, &length), path[] = "/tmp/test_model.XXXXXX";
	struct machine *machine = machine_read(body, length, DIMENSION, &error);
	int fd = mkstemp(path);
	struct svm_model *theirs;

	CU_ASSERT_EQUAL(text_write_file(path, body, length), 0);
	theirs = svm_load_model(path);
	CU_ASSERT(machine != NULL && theirs != NULL);
	CU_ASSERT_EQUAL(machine_vectors(machine), (size_t)theirs->l);
	clouds(rows, targets, DIMENSION);
	for (size_t i = 0; i < ROWS; i++) {
		struct svm_node nodes[DIMENSION + 1];
		double value, ours = machine_decide(machine, rows + i * DIMENSION);

		for (int d = 0; d < DIMENSION; d++)
			nodes[d] = (struct svm_node){ d + 1, rows[i * DIMENSION + (size_t)d] };
		nodes[DIMENSION].index = -1;
		svm_predict_values(theirs, nodes, &value);
		value *= theirs->label[0];
		CU_ASSERT(fabs(ours - value) < 1e-10 * (1 + fabs(value)));
		right += (ours > 0) == (targets[i] > 0);
	}
	CU_ASSERT(right / ROWS > 0.8);
	svm_free_and_destroy_model(&theirs);
	machine_free(machine);
	close(fd);
	unlink(path);
	free(body);
}

static void
test_machine_is_libsvm(void)
{
	same_as_libsvm(MACHINE_RBF);
	same_as_libsvm(MACHINE_LINEAR);
}

/* Trained by a table of products, or by rows: one machine, as far as libsvm's tolerance goes; a linear one is a single
 * vector, and the product with it is what that many vectors sum up to. */
static void
test_machine_by_table(void)
{
	enum { DIMENSION = 7 };
	double rows[ROWS * DIMENSION], targets[ROWS];
	struct machine_rows *prepared;

	clouds(rows, targets, DIMENSION);
	prepared = machine_rows_new(rows, ROWS, DIMENSION);
	CU_ASSERT(prepared != NULL);
	for (enum machine_kernel kernel = MACHINE_RBF; kernel <= MACHINE_LINEAR; kernel++) {
		struct machine_settings settings = settings_of(kernel);
		struct text error = { 0 };
		size_t lengths[2];
		char *plain = machine_train(rows, targets, ROWS, DIMENSION, &settings, &lengths[0]);
		char *tabled = machine_classify(prepared, targets, &settings, &lengths[1]);
		struct machine *a = machine_read(plain, lengths[0], DIMENSION, &error);
		struct machine *b = machine_read(tabled, lengths[1], DIMENSION, &error);

		SUITE_TEXT(error.bytes, NULL);
		CU_ASSERT(a != NULL && b != NULL);
		CU_ASSERT(machine_kernel(a) == kernel && machine_kernel(b) == kernel);
		CU_ASSERT(kernel == MACHINE_LINEAR ? machine_vectors(b) == 1 : machine_vectors(b) > 50);
		for (size_t i = 0; i < ROWS; i++)
			CU_ASSERT(fabs(machine_decide(a, rows + i * DIMENSION) -
			    machine_decide(b, rows + i * DIMENSION)) < 0.01);
		machine_free(a);
		machine_free(b);
		free(plain);
		free(tabled);
	}
	machine_rows_free(prepared);
}

/* A cloud around the origin: of what it was made from, a share of about nu lies outside, and what is far away more so. */
static void
test_machine_one_class(void)
{
	double rows[ROWS * 2];
	struct machine_settings settings = { .kind = MACHINE_ONE_CLASS, .nu = 0.1, .gamma = 0.5 };
	struct text error = { 0 };
	struct machine *machine;
	size_t length, outside = 0;
	char *body;

	state = 1;
	for (size_t i = 0; i < ROWS * 2; i++)
		rows[i] = uniform() + uniform() + uniform() - 1.5;
	body = machine_train(rows, rows, ROWS, 2, &settings, &length);
	CU_ASSERT(body != NULL);
	machine = machine_read(body, length, 2, &error);
	CU_ASSERT(machine != NULL);
	for (size_t i = 0; i < ROWS; i++)
		outside += machine_decide(machine, rows + i * 2) < -1e-6;
	CU_ASSERT(outside <= ROWS / 10 + 2 && outside >= ROWS / 20);
	CU_ASSERT(machine_decide(machine, (const double[]){ 0, 0 }) > 0);
	CU_ASSERT(machine_decide(machine, (const double[]){ 2, 2 }) <
	    machine_decide(machine, (const double[]){ 1.4, 1.4 }));
	machine_free(machine);
	free(body);
}

static void
test_machine_regresses(void)
{
	double rows[100], targets[100];
	struct machine_settings settings = { .kind = MACHINE_REGRESS, .c = 10, .gamma = 0.5, .epsilon = 0.01 };
	struct text error = { 0 };
	struct machine *machine;
	size_t length;
	char *body;

	for (size_t i = 0; i < 100; i++) {
		rows[i] = (double)i / 25 - 2;
		targets[i] = sin(rows[i]);
	}
	body = machine_train(rows, targets, 100, 1, &settings, &length);
	machine = machine_read(body, length, 1, &error);
	CU_ASSERT(machine != NULL);
	for (size_t i = 0; i < 100; i++)
		CU_ASSERT(fabs(machine_decide(machine, &rows[i]) - targets[i]) < 0.03);
	machine_free(machine);
	free(body);
}

static void
test_machine_refuses(void)
{
	static const struct {
		const char *name, *text, *why;
	} rows[] = {
		{ "nothing", "", "line 1 of the model's body: cut short: no vectors" },
		{ "another kind", "svm_type nu_svc\n", "line 1 of the model's body: svm_type is neither c_svc nor "
		    "epsilon_svr nor one_class" },
		{ "another kernel", "svm_type c_svc\nkernel_type sigmoid\n",
		    "line 2 of the model's body: kernel_type is neither rbf nor linear" },
		{ "linear with a gamma", "svm_type c_svc\nkernel_type linear\ngamma 1\nnr_class 2\ntotal_sv 1\nrho "
		    "0\nlabel 1 -1\nnr_sv 1 0\nSV\n1 1:1\n", "line 9 of the model's body: an incomplete header" },
		{ "no gamma", "svm_type c_svc\nkernel_type rbf\nnr_class 2\ntotal_sv 1\nrho 0\nlabel 1 -1\nnr_sv 1 "
		    "0\nSV\n1 1:1\n",
		    "line 8 of the model's body: an incomplete header" },
		{ "gamma is no number", "gamma nan\n", "line 1 of the model's body: gamma isn't a positive number" },
		{ "gamma with more behind", "gamma 1x\n", "line 1 of the model's body: gamma isn't a positive number" },
		{ "too many vectors", "total_sv 1000000\n", "line 1 of the model's body: total_sv is out of range" },
		{ "three classes", "nr_class 3\n", "line 1 of the model's body: nr_class isn't 2" },
		{ "other labels", "label 1 2\n", "line 1 of the model's body: labels aren't 1 and -1" },
		{ "an unknown line", "probA 1\n", "line 1 of the model's body: an unknown header line" },
		{ "a key alone", "rho\n", "line 1 of the model's body: a header line without a value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text error = { 0 };
		struct machine *machine = machine_read(rows[i].text, strlen(rows[i].text), 3, &error);

		CU_ASSERT(machine == NULL);
		SUITE_TEXT(error.bytes, rows[i].why);
		machine_free(machine);
		text_fini(&error);
	}
}

static void
test_machine_refuses_vectors(void)
{
	static const char head[] = "svm_type c_svc\nkernel_type rbf\ngamma 0.5\nnr_class 2\ntotal_sv 2\nrho "
	    "0.25\nlabel 1 -1\n"
	    "nr_sv 1 1\nSV\n";
	static const struct {
		const char *name, *vectors, *why;
	} rows[] = {
		{ "good", "1 1:1 3:2 \n-1 2:1 \n", NULL },
		{ "one is missing", "1 1:1\n", "line 11 of the model's body: cut short: vectors are missing" },
		{ "one too many", "1 1:1\n1 1:1\n1 1:1\n", "line 12 of the model's body: more lines than vectors" },
		{ "the last line is cut", "1 1:1\n1 1:", "line 11 of the model's body: a line without its end" },
		{ "a value that is no number", "1 1:nan\n-1 2:1\n",
		    "line 10 of the model's body: a value that isn't a finite number" },
		{ "an infinite coefficient", "inf 1:1\n-1 2:1\n",
		    "line 10 of the model's body: a coefficient that isn't a finite number" },
		{ "an index too high", "1 4:1\n-1 2:1\n", "line 10 of the model's body: an index that isn't of this "
		    "feature list" },
		{ "an index twice", "1 2:1 2:1\n-1 2:1\n", "line 10 of the model's body: an index that isn't of this "
		    "feature list" },
		{ "an index of zero", "1 0:1\n-1 2:1\n", "line 10 of the model's body: an index that isn't of this "
		    "feature list" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const double at[] = { 0, 1, 0 };
		struct text error = { 0 }, text = { 0 };
		struct machine *machine;

		text_puts(&text, head);
		text_puts(&text, rows[i].vectors);
		machine = machine_read(text.bytes, text.length, 3, &error);
		SUITE_TEXT(error.bytes, rows[i].why);
		CU_ASSERT((machine == NULL) == (rows[i].why != NULL));
		if (machine != NULL)	/* exp(-0.5 x 5) of the first, 1 of the second */
			CU_ASSERT(fabs(machine_decide(machine, at) - (exp(-0.5 * 6) - 1 - 0.25)) < 1e-12);
		machine_free(machine);
		text_fini(&text);
		text_fini(&error);
	}
}

/* A whole model; caller frees the text. */
static char *
small_model(bool skill, enum machine_kernel kernel, size_t *length)
{
	struct model model = { .horizon_s = 600, .skill = skill, .platt = { 2, -3, 0.01, 0, 0.04 }, .prevalence = 0.01, .from_s = 100,
		.to_s = 200, .rows = 5, .positives = 2, .events = 1, .settings = settings_of(kernel),
		.library = 324, .seed = 7, .step_s = 60, .metrics = metrics_new(),
		.evidences = calloc(FEATURES_MAX, sizeof(*model.evidences)) };
	size_t body_length;
	char *body, *text;

	metrics_add(model.metrics, "cpu");
	metrics_add(model.metrics, "any name");
	model.table = feature_table_new(model.metrics, model.metrics);
	body = train_small(kernel, model.table->count, &body_length);
	for (size_t i = 0; i < model.table->count; i++)
		model.scalings[i] = (struct scaling){ 0.1, 1.0 / 3, 0, 1, 0.5 };
	model.evidences[1] = (struct evidence){ 2, { -1.0 / 3, 2 }, { 0.5, -0.25 } };
	text = model_write(&model, body, skill ? body_length : 0, length);
	free(body);
	feature_table_free(model.table);
	free(model.evidences);
	metrics_free(model.metrics);
	return text;
}

static void
round_trip(enum machine_kernel kernel)
{
	size_t length, again_length, body_length;
	char *text = small_model(true, kernel, &length), *again, *body;
	struct text error = { 0 };
	struct model *model = model_read(text, length, &error);
	double features[FEATURES_MAX] = { 0.5, 0.7 }, p;

	CU_ASSERT(model != NULL);
	SUITE_TEXT(error.bytes, NULL);
	CU_ASSERT_EQUAL(model->horizon_s, 600);
	CU_ASSERT(model->settings.kernel == kernel);
	CU_ASSERT(model->scalings[3].spread == 1.0 / 3);
	CU_ASSERT(model->evidences[1].values[0] == -1.0 / 3 && model->evidences[1].weights[1] == -0.25);
	CU_ASSERT_EQUAL(strlen(model->id), 64);
	body = train_small(kernel, model->table->count, &body_length);
	again = model_write(model, body, body_length, &again_length);
	CU_ASSERT(again_length == length && memcmp(text, again, length) == 0);
	p = model_probability(model, features);
	CU_ASSERT(p > 0 && p < 1);
	for (size_t i = 0; i < model->table->count; i++)
		features[i] = (double)NAN;
	CU_ASSERT(isfinite(model_probability(model, features)));
	CU_ASSERT(model_strangeness(model, features) == 0);
	for (size_t i = 0; i < model->table->count; i++)
		features[i] = i % 2 == 0 ? 0.1 : 1e30;
	CU_ASSERT(fabs(model_strangeness(model, features) - 0.5) < 0.05);
	model_free(model);
	free(text);
	free(again);
	free(body);
}

static void
test_model_round_trip(void)
{
	round_trip(MACHINE_RBF);
	round_trip(MACHINE_LINEAR);
}

/* Written before kernels had names: the same model, RBF. */
static void
test_model_format_2(void)
{
	size_t length;
	char *text = small_model(true, MACHINE_RBF, &length), hash[SHA256_TEXT_SIZE];
	char *svm = strstr(text, "\nsvm rbf "), *sum = strstr(text, "\nsha256 "), *body = strchr(sum + 1, '\n') + 1;
	struct text head = { 0 }, both = { 0 }, error = { 0 };
	struct model *new = model_read(text, length, &error), *old;
	const double features[FEATURES_MAX] = { 0.5, 0.7 };

	text_puts(&head, "isobar-model 2");
	text_add(&head, text + strlen("isobar-model 3"), (size_t)(svm - text) - strlen("isobar-model 3"));
	text_puts(&head, "\nsvm ");
	text_add(&head, svm + strlen("\nsvm rbf "), (size_t)(sum + 1 - svm) - strlen("\nsvm rbf "));
	text_add(&both, head.bytes, head.length);
	text_puts(&both, body);
	sha256_text(both.bytes, both.length, hash);
	text_printf(&head, "sha256 %s\n%s", hash, body);
	old = model_read(head.bytes, head.length, &error);
	SUITE_TEXT(error.bytes, NULL);
	CU_ASSERT(new != NULL && old != NULL && old->settings.kernel == MACHINE_RBF);
	CU_ASSERT(model_probability(old, features) == model_probability(new, features));
	model_free(new);
	model_free(old);
	text_fini(&head);
	text_fini(&both);
	free(text);
}

static void
test_model_without_skill(void)
{
	size_t length;
	char *text = small_model(false, MACHINE_RBF, &length);
	struct text error = { 0 };
	struct model *model = model_read(text, length, &error);

	CU_ASSERT(model != NULL && model->machine == NULL);
	CU_ASSERT(model_probability(model, (const double[FEATURES_MAX]){ 9 }) == 0.01);
	model_free(model);
	free(text);
}

/* Damage of every kind, with its message; the checksum would catch most, but the first error is the most useful one. */
static void
test_model_refuses(void)
{
	static const struct {
		const char *name, *from, *to, *why;
	} rows[] = {
		{ "another format", "isobar-model 3", "isobar-model 1",
		    "line 1: format 1; this program reads formats 2 to 3" },
		{ "a later format", "isobar-model 3", "isobar-model 4", "line 1: format 4; this program reads" },
		{ "an unknown kernel", "svm rbf", "svm sigmoid", "no settings of the machine" },
		{ "no kernel", "svm rbf ", "svm ", "no settings of the machine" },
		{ "something else", "isobar-model 3", "svm_type c_svc", "line 1: this is no model of isobar" },
		{ "another kind", "kind failure", "kind load000", "line 2: kind is not 'failure'" },
		{ "another list", "\nfeatures ", "\nfeatures 1", "line 8: made for another list of features; train it "
		    "again" },
		{ "another step", "step-s 60", "step-s 0", "line 4: no step between a second and a day" },
		{ "another metric", "metric cpu", "metric mem", "line 8: made for another list of features" },
		{ "a metric twice", "metric any name", "metric cpu", "line 7: the name of a metric is missing, or" },
		{ "too many metrics", "metrics 2", "metrics 999", "line 5: no list of metrics" },
		{ "a scaling that is no number", "feature 0.10000000000000001", "feature nan",
		    "line 9: the scaling of feature 'cpu_mean5' isn't finite" },
		{ "a scaling less", " cpu_z", " cpu_y", "line 11: the scaling of feature 'cpu_z' is missing" },
		{ "too many knots", "evidence 0\n", "evidence 99\n", "line 10: the evidence of feature 'cpu_mean5' is" },
		{ "a knot less", "evidence 2 ", "evidence 3 ", "line 12: the evidence of feature 'cpu_z' is" },
		{ "falling knots", "evidence 2 -", "evidence 2 9", "line 12: the evidence of feature 'cpu_z' is" },
		{ "an impossible rate", "prevalence 0.01", "prevalence 1.01", "prevalence is no probability" },
		{ "a falling curve", "platt 2", "platt -2", "the calibration isn't a rising curve" },
		{ "one digit", "seed 7", "seed 8", "the checksum doesn't match: cut short or changed" },
		{ "one digit of a vector", "\nSV\n0.", "\nSV\n1.", "the checksum doesn't match: cut short or changed" },
	};
	size_t length;
	char *text = small_model(true, MACHINE_RBF, &length);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text error = { 0 }, changed = { 0 };
		const char *place = strstr(text, rows[i].from);
		struct model *model;

		if (place == NULL) {	/* the first coefficient is negative or 1 or more: take another digit */
			place = strstr(text, "\nSV\n") + 4;
			text_add(&changed, text, (size_t)(place - text));
			text_add(&changed, *place == '9' ? "8" : "9", 1);
			text_puts(&changed, place + 1);
		} else {
			text_add(&changed, text, (size_t)(place - text));
			text_puts(&changed, rows[i].to);
			text_puts(&changed, place + strlen(rows[i].from));
		}
		model = model_read(changed.bytes, changed.length, &error);
		CU_ASSERT(model == NULL);
		if (error.bytes == NULL || strstr(error.bytes, rows[i].why) == NULL)
			SUITE_TEXT(error.bytes, rows[i].why);
		model_free(model);
		text_fini(&changed);
		text_fini(&error);
	}
	free(text);
}

/* Cut short anywhere, it's refused. */
static void
test_model_cut_short(void)
{
	size_t length;
	char *text = small_model(true, MACHINE_RBF, &length);

	for (size_t cut = 0; cut < length; cut += cut < 8000 ? 97 : 9973) {
		struct text error = { 0 };
		struct model *model = model_read(text, cut, &error);

		CU_ASSERT(model == NULL && error.length > 0);
		model_free(model);
		text_fini(&error);
	}
	free(text);
}

/* One value in a hundred announces: there the curve is high, elsewhere low, and between them it's a line. */
static void
test_evidence(void)
{
	static double values[10000];
	static bool positives[10000];
	double strengths[3] = { 0, 1, 0.2 }, weights[3];
	struct evidence evidence;

	for (size_t i = 0; i < 10000; i++) {
		values[i] = (double)(i * 7919 % 10000);
		positives[i] = values[i] >= 9900 ? i % 2 == 0 : i % 200 == 0;
	}
	CU_ASSERT(evidence_fit(values, positives, 10000, 20, &evidence));
	CU_ASSERT_EQUAL(evidence.count, EVIDENCE_KNOTS_MAX);
	CU_ASSERT(evidence_of(&evidence, 1e9) > 3 && evidence_of(&evidence, 5000) < 0);
	CU_ASSERT(evidence_of(&evidence, -1e9) == evidence_of(&evidence, 0));
	CU_ASSERT(evidence_of(&evidence, (double)NAN) == 0);
	for (double x = 0; x < 10000; x += 50)
		CU_ASSERT(fabs(evidence_of(&evidence, x) - evidence_of(&evidence, x + 1)) < 0.5);
	CU_ASSERT(evidence_strength(&evidence, values, 10000) > 0.3);
	/* What is the same everywhere, or nowhere known, tells nothing. */
	for (size_t i = 0; i < 10000; i++)
		values[i] = 3;
	CU_ASSERT(evidence_fit(values, positives, 10000, 20, &evidence));
	CU_ASSERT(fabs(evidence_of(&evidence, 3)) < 0.02);
	for (size_t i = 0; i < 10000; i++)
		values[i] = (double)NAN;
	CU_ASSERT(evidence_fit(values, positives, 10000, 20, &evidence));
	CU_ASSERT_EQUAL(evidence.count, 0);
	evidence_weigh(strengths, weights, 3);
	CU_ASSERT(fabs(weights[0] / weights[1] - EVIDENCE_LEAST) < 1e-12 && fabs(weights[2] / weights[1] - 0.2) < 1e-12);
	CU_ASSERT(fabs(weights[0] * weights[0] + weights[1] * weights[1] + weights[2] * weights[2] - 3) < 1e-9);
}

/* Scores that tell pass, scores that don't are stopped. */
static void
test_gate(void)
{
	static struct judged rows[40000];

	for (int told = 0; told < 2; told++) {
		struct gate gate;
		int status;

		for (size_t i = 0; i < 40000; i++) {
			bool positive = i % 1440 < 10;
			double noise = (double)(i * 7919 % 1000) / 1000;

			rows[i] = (struct judged){ .series = (uint32_t)(i / 20000), .t = (int64_t)(i % 20000) * 60,
				.positive = positive, .weight = 1,
				.score = told == 1 && positive ? 1 + noise : noise };
		}
		status = gate_judge(rows, 40000, 28, 1, 1, &gate);
		if (told == 1)
			CU_ASSERT(status == 0 && gate.skill > 0.5 && gate.sure > 0.99);
		if (told == 0)
			CU_ASSERT(status == -EDOM || gate.skill < GATE_SKILL || gate.sure < GATE_SURE);
	}
}

static const struct suite_case cases[] = {
	{ .name = "weights of evidence", .run = test_evidence },
	{ .name = "skill must be proved", .run = test_gate },
	{ .name = "scaling", .run = test_scaling },
	{ .name = "a curve to probabilities", .run = test_platt },
	{ .name = "logistic regression", .run = test_logistic },
	{ .name = "decisions are libsvm's", .run = test_machine_is_libsvm },
	{ .name = "by a table or by rows, one machine", .run = test_machine_by_table },
	{ .name = "regression", .run = test_machine_regresses },
	{ .name = "a one-class machine", .run = test_machine_one_class },
	{ .name = "a machine's header is checked", .run = test_machine_refuses },
	{ .name = "a machine's vectors are checked", .run = test_machine_refuses_vectors },
	{ .name = "a model reads back the same", .run = test_model_round_trip },
	{ .name = "a model of the format before", .run = test_model_format_2 },
	{ .name = "a model without skill says the base rate", .run = test_model_without_skill },
	{ .name = "a damaged model is refused", .run = test_model_refuses },
	{ .name = "a model cut short is refused", .run = test_model_cut_short },
};

int
main(void)
{
	return suite_run("model", cases, ARRAY_SIZE(cases));
}
