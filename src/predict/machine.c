/* machine.c -- support vector machines: the text that libsvm trained is checked and read here, and decided by here.
 * In: a model's text.  Out: decision values.
 * Threads: see machine.h. A machine owns its vectors.
 *
 * Why the text isn't read by svm_load_model(): that sets the process's locale, keeps a static line buffer, trusts the
 * file to be whole, and leaves vectors as lists of (index, value). Read into one dense array, four sums at a time, a
 * decision costs a quarter of svm_predict_values() and allocates nothing; a test holds the two against each other.
 * Evaluation and calibration use this function on the text as it ships, since libsvm writes vectors with 8 digits
 * only. */
#include "predict/machine.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const machine_kernel_names[] = { [MACHINE_RBF] = "rbf", [MACHINE_LINEAR] = "linear" };

struct machine {
	enum machine_kind kind;
	enum machine_kernel kernel;
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

static bool read_header(struct reading *r, struct machine *machine);
static bool read_header_line(struct reading *r, struct machine *machine, const char *key, const char *value);
static bool read_vectors(struct reading *r, struct machine *machine);
static bool read_vector(struct reading *r, struct machine *machine, size_t index);
static bool next_line(struct reading *r);
static bool read_double(const char **p, double *value);
static bool wrong(struct reading *r, const char *why);
static double product(const double *a, const double *b, size_t stride);
static double distance_squared(const double *a, const double *b, size_t stride);

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
	if (!r->typed || !r->kernel || !r->classes || r->gamma != (machine->kernel == MACHINE_RBF) || !r->rho ||
	    r->total == 0 ||
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
		machine->kernel = strcmp(value, "linear") == 0 ? MACHINE_LINEAR : MACHINE_RBF;
		r->kernel = strcmp(value, machine_kernel_names[machine->kernel]) == 0;
		return r->kernel || wrong(r, "kernel_type is neither rbf nor linear");
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

enum machine_kernel
machine_kernel(const struct machine *machine)
{
	return machine->kernel;
}

double
machine_decide(const struct machine *machine, const double *row)
{
	double padded[machine->stride], sum = 0;

	memset(padded, 0, sizeof(padded));
	memcpy(padded, row, machine->dimension * sizeof(*row));
	for (size_t i = 0; i < machine->count; i++) {
		const double *vector = machine->vectors + i * machine->stride;

		sum += machine->coefficients[i] * (machine->kernel == MACHINE_LINEAR ?
		    product(padded, vector, machine->stride) :
		    exp(-machine->gamma * distance_squared(padded, vector, machine->stride)));
	}
	return (sum - machine->rho) * machine->sign;
}

static double
product(const double *a, const double *b, size_t stride)
{
	double s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	for (size_t d = 0; d < stride; d += 4) {
		s0 += a[d] * b[d];
		s1 += a[d + 1] * b[d + 1];
		s2 += a[d + 2] * b[d + 2];
		s3 += a[d + 3] * b[d + 3];
	}
	return (s0 + s1) + (s2 + s3);
}

static double
distance_squared(const double *a, const double *b, size_t stride)
{
	double s0 = 0, s1 = 0, s2 = 0, s3 = 0;

	for (size_t d = 0; d < stride; d += 4) {
		double d0 = a[d] - b[d], d1 = a[d + 1] - b[d + 1];
		double d2 = a[d + 2] - b[d + 2], d3 = a[d + 3] - b[d + 3];

		s0 += d0 * d0;
		s1 += d1 * d1;
		s2 += d2 * d2;
		s3 += d3 * d3;
	}
	return (s0 + s1) + (s2 + s3);
}
