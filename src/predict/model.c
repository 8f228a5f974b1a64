/* model.c -- the text of a failure model, and its probabilities.
 * In: a trained model, or text from a file or the store.  Out: the text, or a model that can predict.
 * Threads: any.
 * A model owns its machine.
 *
 * The text is "KEY VALUE..." lines, each key once, in this order, then the machine's text. The line `sha256` covers
 * all that is before it and all that is after: a model that was cut short or changed never predicts. Numbers have 17
 * digits, so that they read back the same to the bit. */
#include "predict/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "predict/window.h"

struct reading {
	const char *at, *end;
	unsigned line;
	struct text *error;
};

static void write_evidence(struct text *text, const struct evidence *evidence);
static void digest(const char *head, size_t head_length, const char *body, size_t body_length,
	char text[static SHA256_TEXT_SIZE]);
static bool read_header(struct reading *r, struct model *model);
static bool read_settings(struct reading *r, int format, struct machine_settings *s);
static bool read_metrics(struct reading *r, struct model *model);
static bool read_evidence(struct reading *r, struct evidence *evidence);
static bool read_scalings(struct reading *r, struct model *model);
static bool read_body(struct reading *r, struct model *model, const char *begin);
static bool read_line(struct reading *r, const char *key, char *value, size_t size);
static bool finite_all(const double *values, size_t count);
static bool wrong(struct reading *r, const char *format, ...) PRINTF(2, 3);

char *
model_write(const struct model *model, const char *body, size_t body_length, size_t *length)
{
	struct text text = { 0 };
	char hash[SHA256_TEXT_SIZE];

	text_printf(&text, "isobar-model %d\nkind failure\n", MODEL_FORMAT);
	text_printf(&text, "horizon-s %" PRId64 "\nstep-s %" PRId64 "\n", model->horizon_s, model->step_s);
	text_printf(&text, "metrics %zu\n", metrics_used(model->metrics));
	for (size_t m = 0; m < model->metrics->count; m++) {
		if (model->metrics->list[m].used)
			text_printf(&text, "metric %s\n", model->metrics->list[m].name);
	}
	text_printf(&text, "features %zu %s\n", model->table->count, feature_table_hash(model->table, hash));
	for (size_t i = 0; i < model->table->count; i++) {
		const struct scaling *s = &model->scalings[i];

		text_printf(&text, "feature %.17g %.17g %.17g %.17g %.17g %s\n", s->median, s->spread, s->mean,
		    s->deviation, s->weight, model->table->list[i].name);
		write_evidence(&text, &model->evidences[i]);
	}
	text_printf(&text, "trained %" PRId64 " %" PRId64 "\n", model->from_s, model->to_s);
	text_printf(&text, "rows %zu %zu %zu\n", model->rows, model->positives, model->events);
	text_printf(&text, "prevalence %.17g\n", model->prevalence);
	text_printf(&text, "skill %s\n", model->skill ? "yes" : "no");
	text_printf(&text, "platt %.17g %.17g %.17g %.17g %.17g\n", model->platt.slope, model->platt.offset,
	    model->platt.slope_variance, model->platt.covariance, model->platt.offset_variance);
	text_printf(&text, "svm %s %.17g %.17g %.17g\n", machine_kernel_names[model->settings.kernel],
	    model->settings.c, model->settings.gamma, model->settings.weight);
	text_printf(&text, "libsvm %d\nseed %" PRIu64 "\n", model->library, model->seed);
	if (!text.failed) {
		digest(text.bytes, text.length, body, body_length, hash);
		text_printf(&text, "sha256 %s\n", hash);
	}
	text_add(&text, body, body_length);
	*length = text.length;
	return text_take(&text);
}

static void
write_evidence(struct text *text, const struct evidence *evidence)
{
	text_printf(text, "evidence %zu", evidence->count);
	for (size_t i = 0; i < evidence->count; i++)
		text_printf(text, " %.17g %.17g", evidence->values[i], evidence->weights[i]);
	text_puts(text, "\n");
}

/* SHA-256 over both parts. */
static void
digest(const char *head, size_t head_length, const char *body, size_t body_length, char text[static SHA256_TEXT_SIZE])
{
	struct text both = { 0 };

	text_add(&both, head, head_length);
	text_add(&both, body, body_length);
	sha256_text(both.failed ? "" : both.bytes, both.failed ? 0 : both.length, text);
	text_fini(&both);
}

struct model *
model_read(const char *bytes, size_t length, struct text *error)
{
	struct model *model = calloc(1, sizeof(*model));
	struct reading r = { .at = bytes, .end = bytes + length, .error = error };

	if (model == NULL) {
		wrong(&r, "out of memory");
		return NULL;
	}
	if (!read_header(&r, model) || !read_body(&r, model, bytes)) {
		model_free(model);
		return NULL;
	}
	sha256_text(bytes, length, model->id);
	return model;
}

static bool
read_header(struct reading *r, struct model *model)
{
	char value[512], hash[SHA256_TEXT_SIZE], theirs[SHA256_TEXT_SIZE];
	struct platt *p = &model->platt;
	size_t features;
	int format;

	if (!read_line(r, "isobar-model", value, sizeof(value)))
		return wrong(r, "this is no model of isobar");
	if (sscanf(value, "%d", &format) != 1 || format < MODEL_FORMAT_OLDEST ||
	    format > MODEL_FORMAT)
		return wrong(r, "format %.20s; this program reads formats %d to %d", value, MODEL_FORMAT_OLDEST,
		    MODEL_FORMAT);
	if (!read_line(r, "kind", value, sizeof(value)) || strcmp(value, "failure") != 0)
		return wrong(r, "kind is not 'failure'");
	if (!read_line(r, "horizon-s", value, sizeof(value)) || sscanf(value, "%" SCNd64, &model->horizon_s) != 1 ||
	    model->horizon_s < WINDOW_STEP_S || model->horizon_s > 86400)
		return wrong(r, "no horizon between a minute and a day");
	if (!read_line(r, "step-s", value, sizeof(value)) || sscanf(value, "%" SCNd64, &model->step_s) != 1 ||
	    model->step_s < 1 || model->step_s > 86400)
		return wrong(r, "no step between a second and a day");
	if (!read_metrics(r, model))
		return false;
	if (!read_line(r, "features", value, sizeof(value)) || sscanf(value, "%zu %64s", &features, theirs) != 2 ||
	    features != model->table->count || strcmp(theirs, feature_table_hash(model->table, hash)) != 0)
		return wrong(r, "made for another list of features; train it again");
	if (!read_scalings(r, model))
		return false;
	if (!read_line(r, "trained", value, sizeof(value)) ||
	    sscanf(value, "%" SCNd64 " %" SCNd64, &model->from_s, &model->to_s) != 2)
		return wrong(r, "no training span");
	if (!read_line(r, "rows", value, sizeof(value)) ||
	    sscanf(value, "%zu %zu %zu", &model->rows, &model->positives, &model->events) != 3)
		return wrong(r, "no row counts");
	if (!read_line(r, "prevalence", value, sizeof(value)) || sscanf(value, "%lf", &model->prevalence) != 1 ||
	    !(model->prevalence >= 0 && model->prevalence <= 1))
		return wrong(r, "the prevalence is no probability");
	if (!read_line(r, "skill", value, sizeof(value)) || (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0))
		return wrong(r, "skill is neither yes nor no");
	model->skill = strcmp(value, "yes") == 0;
	if (!read_line(r, "platt", value, sizeof(value)) ||
	    sscanf(value, "%lf %lf %lf %lf %lf", &p->slope, &p->offset, &p->slope_variance, &p->covariance,
	    &p->offset_variance) != 5 ||
	    !finite_all((double[]){ p->slope, p->offset, p->slope_variance, p->covariance, p->offset_variance }, 5) ||
	    p->slope_variance < 0 || p->offset_variance < 0 || (model->skill && !(p->slope > 0)))
		return wrong(r, "the calibration isn't a rising curve");
	if (!read_settings(r, format, &model->settings))
		return wrong(r, "no settings of the machine");
	if (!read_line(r, "libsvm", value, sizeof(value)) || sscanf(value, "%d", &model->library) != 1)
		return wrong(r, "no library version");
	if (!read_line(r, "seed", value, sizeof(value)) || sscanf(value, "%" SCNu64, &model->seed) != 1)
		return wrong(r, "no seed");
	return true;
}

static bool
read_settings(struct reading *r, int format, struct machine_settings *s)
{
	char value[512], *numbers = value;

	if (!read_line(r, "svm", value, sizeof(value)))
		return false;
	if (format > 2) {
		bool linear = strncmp(value, "linear ", 7) == 0;

		if (!linear && strncmp(value, "rbf ", 4) != 0)
			return false;
		s->kernel = linear ? MACHINE_LINEAR : MACHINE_RBF;
		numbers = strchr(value, ' ');
	}
	return sscanf(numbers, "%lf %lf %lf", &s->c, &s->gamma, &s->weight) == 3 &&
	    finite_all((double[]){ s->c, s->gamma, s->weight }, 3);
}

/* The table of features follows from the metrics. */
static bool
read_metrics(struct reading *r, struct model *model)
{
	char value[512];
	size_t count;

	if (!read_line(r, "metrics", value, sizeof(value)) || sscanf(value, "%zu", &count) != 1 || count == 0 ||
	    count > METRICS_MAX)
		return wrong(r, "no list of metrics");
	model->metrics = metrics_new();
	for (size_t i = 0; i < count && model->metrics != NULL; i++) {
		if (!read_line(r, "metric", value, sizeof(value)) ||
		    metrics_add(model->metrics, value) == METRIC_NONE || metrics_used(model->metrics) != i + 1)
			return wrong(r, "the name of a metric is missing, or there twice");
	}
	model->table = model->metrics == NULL ? NULL : feature_table_new(model->metrics, model->metrics);
	model->evidences = calloc(FEATURES_MAX, sizeof(*model->evidences));
	return (model->table != NULL && model->evidences != NULL) || wrong(r, "out of memory");
}

static bool
read_scalings(struct reading *r, struct model *model)
{
	for (size_t i = 0; i < model->table->count; i++) {
		struct scaling *s = &model->scalings[i];
		const char *name = model->table->list[i].name;
		char value[512];
		int end = 0;

		if (!read_line(r, "feature", value, sizeof(value)) ||
		    sscanf(value, "%lf %lf %lf %lf %lf %n", &s->median, &s->spread, &s->mean, &s->deviation,
		    &s->weight, &end) != 5 || strcmp(value + end, name) != 0)
			return wrong(r, "the scaling of feature '%s' is missing", name);
		if (!finite_all((double[]){ s->median, s->spread, s->mean, s->deviation, s->weight }, 5) ||
		    !(s->spread > 0) || s->deviation < 0)
			return wrong(r, "the scaling of feature '%s' isn't finite", name);
		if (!read_evidence(r, &model->evidences[i]))
			return wrong(r, "the evidence of feature '%s' is no rising list of finite numbers", name);
	}
	return true;
}

static bool
read_evidence(struct reading *r, struct evidence *evidence)
{
	char value[1024];
	const char *p = value;
	int length = 0;

	if (!read_line(r, "evidence", value, sizeof(value)) || sscanf(p, "%zu%n", &evidence->count, &length) != 1 ||
	    evidence->count > EVIDENCE_KNOTS_MAX)
		return false;
	for (size_t i = 0; i < evidence->count; i++) {
		double *v = &evidence->values[i], *w = &evidence->weights[i];

		p += length;
		if (sscanf(p, "%lf %lf%n", v, w, &length) != 2 || !finite_all((double[]){ *v, *w }, 2) ||
		    (i > 0 && *v <= v[-1]))
			return false;
	}
	return p[length] == '\0';
}

static bool
read_body(struct reading *r, struct model *model, const char *begin)
{
	char theirs[128], ours[SHA256_TEXT_SIZE];
	size_t head = (size_t)(r->at - begin);

	if (!read_line(r, "sha256", theirs, sizeof(theirs)))
		return wrong(r, "no checksum");
	digest(begin, head, r->at, (size_t)(r->end - r->at), ours);
	if (strcmp(theirs, ours) != 0)
		return wrong(r, "the checksum doesn't match: cut short or changed");
	if (!model->skill)
		return r->at == r->end || wrong(r, "a machine behind a model without skill");
	model->machine = machine_read(r->at, (size_t)(r->end - r->at), model->table->count, r->error);
	return model->machine != NULL && (machine_kernel(model->machine) == model->settings.kernel ||
	    wrong(r, "the machine has another kernel than 'svm' names"));
}

/* The next line must begin with `key` and a blank; the rest goes to `value`. */
static bool
read_line(struct reading *r, const char *key, char *value, size_t size)
{
	const char *newline = r->at == r->end ? NULL : memchr(r->at, '\n', (size_t)(r->end - r->at));
	size_t key_length = strlen(key), length;

	r->line++;
	if (newline == NULL)
		return false;
	length = (size_t)(newline - r->at);
	if (length <= key_length || memcmp(r->at, key, key_length) != 0 || r->at[key_length] != ' ' ||
	    length - key_length - 1 >= size)
		return false;
	memcpy(value, r->at + key_length + 1, length - key_length - 1);
	value[length - key_length - 1] = '\0';
	r->at = newline + 1;
	return true;
}

static bool
finite_all(const double *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(values[i]))
			return false;
	}
	return true;
}

static bool
wrong(struct reading *r, const char *format, ...)
{
	char message[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (r->error->length == 0)
		text_printf(r->error, "line %u: %s", r->line, message);
	return false;
}

void
model_free(struct model *model)
{
	if (model == NULL)
		return;
	machine_free(model->machine);
	feature_table_free(model->table);
	free(model->evidences);
	metrics_free(model->metrics);
	free(model);
}

double
model_score(const struct model *model, const double *features)
{
	double scaled[FEATURES_MAX];

	if (model->machine == NULL)
		return 0;
	for (size_t i = 0; i < model->table->count; i++)
		scaled[i] = evidence_of(&model->evidences[i], features[i]);
	return machine_decide(model->machine, scaled);
}

void
model_band(const struct model *model, const double *features, double *low, double *high)
{
	*low = *high = (double)NAN;
	if (model->skill)
		platt_band(&model->platt, model_score(model, features), low, high);
}

double
model_probability(const struct model *model, const double *features)
{
	return model->skill ? platt_probability(&model->platt, model_score(model, features)) : model->prevalence;
}

double
model_strangeness(const struct model *model, const double *features)
{
	double beyond = 0, all = 0;

	for (size_t i = 0; i < model->table->count; i++) {
		const struct scaling *s = &model->scalings[i];
		double squared = s->weight * s->weight, most = SCALING_CLIP * s->weight - SCALING_STEP;

		all += squared;
		if (isfinite(features[i]) && s->deviation > 0 && fabs(scaling_apply(s, features[i])) >= most)
			beyond += squared;
	}
	return all > 0 ? beyond / all : 0;
}
