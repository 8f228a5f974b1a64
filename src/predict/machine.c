/* machine.c -- support vector machines: libsvm trains, its text is checked and read here, and decided by here.
 * In: rows and targets; or a model's text.  Out: the text; or decision values.
 * Threads: see machine.h. A machine owns its vectors.
 *
 * Why the text isn't read by svm_load_model(): that sets the process's locale, keeps a static line buffer, trusts the
 * file to be whole, and leaves vectors as lists of (index, value). Read into one dense array, four sums at a time, a
 * decision costs a quarter of svm_predict_values() and allocates nothing; a test holds the two against each other.
 * Evaluation and calibration use this function on the text as it ships, since libsvm writes vectors with 8 digits
 * only. */
#include "predict/machine.h"

#include <errno.h>
#include <libsvm/svm.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CACHE_MB 100
#define TOLERANCE 1e-3
#define BODY_MAX (64 << 20)	/* bytes of a model's text */

struct machine {
	enum machine_kind kind;
	size_t dimension, stride;	/* stride: dimension rounded up to a multiple of 4, the rest is 0 */
	size_t count;
	double gamma, rho;
	double sign;			/* -1 when libsvm's first class is the negative one */
	double *coefficients;		/* [count] */
	double *vectors;		/* [count][stride] */
};

/* What the text's header says, and how far reading got. */
struct reading {
	char *line, *next;
	unsigned number;
	struct text *error;
	bool typed, kernel, classes, labels, gamma, rho;
	size_t total, per_class;
};

static void quiet(const char *message);
static struct svm_node *nodes_of(const double *rows, size_t count, size_t dimension, struct svm_node **first);
static char *text_of(const struct svm_model *model, size_t *length);
static bool read_header(struct reading *r, struct machine *machine);
static bool read_header_line(struct reading *r, struct machine *machine, const char *key, const char *value);
static bool read_vectors(struct reading *r, struct machine *machine);
static bool read_vector(struct reading *r, struct machine *machine, size_t index);
static bool next_line(struct reading *r);
static bool read_double(const char **p, double *value);
static bool wrong(struct reading *r, const char *why);

char *
machine_train(const double *rows, const double *targets, size_t count, size_t dimension,
    const struct machine_settings *settings, size_t *length)
{
	static const int types[] = { [MACHINE_CLASSIFY] = C_SVC, [MACHINE_REGRESS] = EPSILON_SVR,
		[MACHINE_ONE_CLASS] = ONE_CLASS };
	bool classify = settings->kind == MACHINE_CLASSIFY;
	int label = 1;
	double weight = settings->weight;
	struct svm_parameter parameter = {
		.svm_type = types[settings->kind], .kernel_type = RBF, .gamma = settings->gamma,
		.cache_size = CACHE_MB, .eps = TOLERANCE, .C = settings->c, .p = settings->epsilon,
		.nu = settings->nu, .shrinking = 1,
		.nr_weight = classify ? 1 : 0, .weight_label = &label, .weight = &weight,
	};
	struct svm_problem problem = { .l = (int)count };
	struct svm_node *nodes = NULL, **vectors = calloc(count + 1, sizeof(struct svm_node *));
	double *y = calloc(count + 1, sizeof(*y));
	struct svm_model *model;
	char *text = NULL;

	if (vectors == NULL || y == NULL || (nodes = nodes_of(rows, count, dimension, vectors)) == NULL)
		goto out;
	for (size_t i = 0; i < count; i++)
		y[i] = settings->kind == MACHINE_REGRESS ? targets[i] : !classify || targets[i] > 0 ? 1 : -1;
	problem.x = vectors;
	problem.y = y;
	svm_set_print_string_function(quiet);
	if (svm_check_parameter(&problem, &parameter) != NULL)
		goto out;
	model = svm_train(&problem, &parameter);
	if (model == NULL)
		goto out;
	text = text_of(model, length);
	svm_free_and_destroy_model(&model);
out:
	free(nodes);
	free(vectors);
	free(y);
	return text;
}

static void
quiet(const char *message)
{
	(void)message;
}

/* libsvm's sparse rows: zeros are left out, -1 ends a row. `first[i]` is where row i begins. */
static struct svm_node *
nodes_of(const double *rows, size_t count, size_t dimension, struct svm_node **first)
{
	struct svm_node *nodes = malloc((count * (dimension + 1) + 1) * sizeof(*nodes)), *node = nodes;

	if (nodes == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		first[i] = node;
		for (size_t d = 0; d < dimension; d++) {
			double value = rows[i * dimension + d];

			if (value != 0)
				*node++ = (struct svm_node){ .index = (int)d + 1, .value = value };
		}
		*node++ = (struct svm_node){ .index = -1 };
	}
	return nodes;
}

/* libsvm only writes to a path: that of a file in memory. */
static char *
text_of(const struct svm_model *model, size_t *length)
{
	char path[64], *text = NULL;
	int fd = memfd_create("model", MFD_CLOEXEC), error;

	if (fd < 0)
		return NULL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (svm_save_model(path, model) == 0)
		text = text_read_file(path, BODY_MAX, length, &error);
	close(fd);
	return text;
}

struct machine *
machine_read(const char *bytes, size_t length, size_t dimension, struct text *error)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	char *copy = malloc(length + 1);
	struct reading r = { .next = copy, .error = error };

	if (machine == NULL || copy == NULL) {
		wrong(&r, "out of memory");
		goto fail;
	}
	memcpy(copy, bytes, length);
	copy[length] = '\0';
	machine->dimension = dimension;
	machine->stride = (dimension + 3) / 4 * 4;
	if (strlen(copy) != length) {
		wrong(&r, "a NUL byte");
		goto fail;
	}
	if (!read_header(&r, machine) || !read_vectors(&r, machine))
		goto fail;
	free(copy);
	return machine;
fail:
	free(copy);
	machine_free(machine);
	return NULL;
}

static bool
read_header(struct reading *r, struct machine *machine)
{
	while (next_line(r)) {
		char *value = strchr(r->line, ' ');

		if (strcmp(r->line, "SV") == 0)
			break;
		if (value == NULL)
			return wrong(r, "a header line without a value");
		*value++ = '\0';
		if (!read_header_line(r, machine, r->line, value))
			return false;
	}
	if (r->line == NULL)
		return wrong(r, "cut short: no vectors");
	if (!r->typed || !r->kernel || !r->classes || !r->gamma || !r->rho || r->total == 0 ||
	    (machine->kind == MACHINE_CLASSIFY && (!r->labels || r->per_class != r->total)))
		return wrong(r, "an incomplete header");
	return true;
}

static bool
read_header_line(struct reading *r, struct machine *machine, const char *key, const char *value)
{
	const char *p = value;
	unsigned a, b;
	int one, two;
	char end;

	if (strcmp(key, "svm_type") == 0) {
		static const char *const names[] = { [MACHINE_CLASSIFY] = "c_svc", [MACHINE_REGRESS] = "epsilon_svr",
			[MACHINE_ONE_CLASS] = "one_class" };

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			if (strcmp(value, names[i]) != 0)
				continue;
			machine->kind = (enum machine_kind)i;
			r->typed = true;
		}
		machine->sign = 1;
		return r->typed || wrong(r, "svm_type is neither c_svc nor epsilon_svr nor one_class");
	}
	if (strcmp(key, "kernel_type") == 0) {
		r->kernel = strcmp(value, "rbf") == 0;
		return r->kernel || wrong(r, "kernel_type isn't rbf");
	}
	if (strcmp(key, "gamma") == 0) {
		r->gamma = read_double(&p, &machine->gamma) && *p == '\0' && machine->gamma > 0;
		return r->gamma || wrong(r, "gamma isn't a positive number");
	}
	if (strcmp(key, "rho") == 0) {
		r->rho = read_double(&p, &machine->rho) && *p == '\0';
		return r->rho || wrong(r, "rho isn't a finite number");
	}
	if (strcmp(key, "nr_class") == 0) {
		r->classes = strcmp(value, "2") == 0;
		return r->classes || wrong(r, "nr_class isn't 2");
	}
	if (strcmp(key, "total_sv") == 0) {
		if (sscanf(value, "%u%c", &a, &end) != 1 || a == 0 || a > MACHINE_VECTORS_MAX)
			return wrong(r, "total_sv is out of range");
		r->total = a;
		return true;
	}
	if (strcmp(key, "label") == 0) {
		r->labels = sscanf(value, "%d %d%c", &one, &two, &end) == 2 && one == -two && (one == 1 || one == -1);
		machine->sign = one == 1 ? 1 : -1;
		return r->labels || wrong(r, "labels aren't 1 and -1");
	}
	if (strcmp(key, "nr_sv") == 0) {
		if (sscanf(value, "%u %u%c", &a, &b, &end) != 2 || a > MACHINE_VECTORS_MAX || b > MACHINE_VECTORS_MAX)
			return wrong(r, "nr_sv is out of range");
		r->per_class = (size_t)a + b;
		return true;
	}
	return wrong(r, "an unknown header line");
}

static bool
read_vectors(struct reading *r, struct machine *machine)
{
	machine->coefficients = calloc(r->total, sizeof(double));
	machine->vectors = calloc(r->total * machine->stride, sizeof(double));
	if (machine->coefficients == NULL || machine->vectors == NULL)
		return wrong(r, "out of memory");
	for (machine->count = 0; machine->count < r->total; machine->count++) {
		if (!next_line(r))
			return wrong(r, "cut short: vectors are missing");
		if (!read_vector(r, machine, machine->count))
			return false;
	}
	if (next_line(r))
		return wrong(r, "more lines than vectors");
	return true;
}

/* "COEFFICIENT INDEX:VALUE INDEX:VALUE ...", indices rising from 1. */
static bool
read_vector(struct reading *r, struct machine *machine, size_t index)
{
	const char *p = r->line;
	long last = 0;

	if (!read_double(&p, &machine->coefficients[index]))
		return wrong(r, "a coefficient that isn't a finite number");
	while (*p == ' ')
		p++;
	while (*p != '\0') {
		char *end;
		long place;
		double value;

		errno = 0;
		place = strtol(p, &end, 10);
		if (errno != 0 || *end != ':' || place <= last || place > (long)machine->dimension)
			return wrong(r, "an index that isn't of this feature list");
		p = end + 1;
		if (!read_double(&p, &value))
			return wrong(r, "a value that isn't a finite number");
		machine->vectors[index * machine->stride + (size_t)place - 1] = value;
		last = place;
		while (*p == ' ')
			p++;
	}
	return true;
}

/* Cuts the next line out of the text. A last line without its newline was cut short: there is none. */
static bool
next_line(struct reading *r)
{
	char *end = strchr(r->next, '\n');

	r->line = end == NULL ? NULL : r->next;
	r->number++;
	if (end == NULL)
		return *r->next != '\0' ? wrong(r, "a line without its end") : false;
	*end = '\0';
	r->next = end + 1;
	return true;
}

static bool
read_double(const char **p, double *value)
{
	char *end;

	*value = strtod(*p, &end);
	if (end == *p || !isfinite(*value) || (*end != ' ' && *end != '\0'))
		return false;
	*p = end;
	return true;
}

/* Says so, once; false. */
static bool
wrong(struct reading *r, const char *why)
{
	if (r->error->length == 0)
		text_printf(r->error, "line %u of the model's body: %s", r->number, why);
	return false;
}

void
machine_free(struct machine *machine)
{
	if (machine == NULL)
		return;
	free(machine->coefficients);
	free(machine->vectors);
	free(machine);
}

size_t
machine_vectors(const struct machine *machine)
{
	return machine->count;
}

double
machine_decide(const struct machine *machine, const double *row)
{
	double padded[machine->stride], sum = 0;

	memset(padded, 0, sizeof(padded));
	memcpy(padded, row, machine->dimension * sizeof(*row));
	for (size_t i = 0; i < machine->count; i++) {
		const double *vector = machine->vectors + i * machine->stride;
		double s0 = 0, s1 = 0, s2 = 0, s3 = 0;

		for (size_t d = 0; d < machine->stride; d += 4) {
			double d0 = padded[d] - vector[d], d1 = padded[d + 1] - vector[d + 1];
			double d2 = padded[d + 2] - vector[d + 2], d3 = padded[d + 3] - vector[d + 3];

			s0 += d0 * d0;
			s1 += d1 * d1;
			s2 += d2 * d2;
			s3 += d3 * d3;
		}
		sum += machine->coefficients[i] * exp(-machine->gamma * ((s0 + s1) + (s2 + s3)));
	}
	return (sum - machine->rho) * machine->sign;
}

int
machine_library_version(void)
{
	return libsvm_version;
}
