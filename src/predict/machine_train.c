/* machine_train.c -- libsvm learns: rows and targets to a model's text.
 * In: rows and targets.  Out: the text, for machine_read().
 * Threads: see machine.h.
 *
 * libsvm keeps rows as lists of (index, value), and most of its time goes into their products. Training tries several
 * settings on the same rows, so products of dense rows are reckoned once (machine_rows), and libsvm is given each
 * setting's kernel as a table (its PRECOMPUTED kernel). The text then names the kernel that the table was made by, with
 * the rows themselves as vectors: it's the same machine, a test holds the two ways against each other. Tables take
 * sixteen octets a pair: longer samples, and those that memory is too short for, go the plain way.
 *
 * The border of a linear machine is a plane, and its normal, the sum of the weighted vectors, is all that a decision
 * needs: the text has it as the only vector. */
#include "predict/machine.h"

#include <libsvm/svm.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CACHE_MB 100
#define TOLERANCE 1e-3
#define BODY_MAX (64 << 20)	/* bytes of a model's text */
#define TABLE_ROWS_MOST 5000	/* a table of 400 MB, beside 100 MB of products: half of what training may take */
#define TILE 32			/* rows whose products with as many others stay in a processor's cache */

struct machine_rows {
	const double *rows;	/* not its own */
	size_t count, dimension;
	float *products;	/* [count][count]; NULL: too many rows, or too little memory for a table */
	struct svm_node *table;	/* of one setting after the other: libsvm's form of its kernel */
};

static void fill_products(struct machine_rows *rows);
static float product(const double *a, const double *b, size_t dimension);
static void fill_table(const struct machine_rows *rows, const struct machine_settings *settings,
	struct svm_node **first);
static double kernel_of(const struct machine_rows *rows, const struct machine_settings *settings, size_t i, size_t j);
static char *train(struct svm_node **vectors, struct svm_node **rows, const double *targets, size_t count,
	size_t dimension, const struct machine_settings *settings, size_t *length);
static void quiet(const char *message);
static struct svm_node *nodes_of(const double *rows, size_t count, size_t dimension, struct svm_node **first);
static struct svm_node *flatten(struct svm_model *model, size_t dimension);
static char *text_of(const struct svm_model *model, size_t *length);

struct machine_rows *
machine_rows_new(const double *rows, size_t count, size_t dimension)
{
	struct machine_rows *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	*r = (struct machine_rows){ .rows = rows, .count = count, .dimension = dimension };
	if (count > TABLE_ROWS_MOST)
		return r;
	r->products = malloc((count * count + 1) * sizeof(*r->products));
	r->table = malloc((count * (count + 1) + 1) * sizeof(*r->table));
	if (r->products != NULL && r->table != NULL) {
		fill_products(r);
		return r;
	}
	free(r->products);
	free(r->table);
	r->products = NULL;
	r->table = NULL;
	return r;
}

void
machine_rows_free(struct machine_rows *rows)
{
	if (rows == NULL)
		return;
	free(rows->products);
	free(rows->table);
	free(rows);
}

static void
fill_products(struct machine_rows *rows)
{
	size_t n = rows->count, d = rows->dimension;

	for (size_t from = 0; from < n; from += TILE) {
		size_t to = from + TILE < n ? from + TILE : n;

		for (size_t i = 0; i < to; i++) {
			for (size_t j = from > i ? from : i; j < to; j++) {
				float value = product(rows->rows + i * d, rows->rows + j * d, d);

				rows->products[i * n + j] = value;
				rows->products[j * n + i] = value;
			}
		}
	}
}

static float
product(const double *a, const double *b, size_t dimension)
{
	double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
	size_t d = 0;

	for (; d + 4 <= dimension; d += 4) {
		s0 += a[d] * b[d];
		s1 += a[d + 1] * b[d + 1];
		s2 += a[d + 2] * b[d + 2];
		s3 += a[d + 3] * b[d + 3];
	}
	for (; d < dimension; d++)
		s0 += a[d] * b[d];
	return (float)((s0 + s1) + (s2 + s3));
}

char *
machine_classify(const struct machine_rows *rows, const double *targets, const struct machine_settings *settings,
    size_t *length)
{
	struct svm_node **vectors = calloc(rows->count + 1, sizeof(struct svm_node *));
	struct svm_node **first = calloc(rows->count + 1, sizeof(struct svm_node *));
	struct svm_node *nodes = NULL;
	char *text = NULL;

	if (rows->products == NULL) {
		text = machine_train(rows->rows, targets, rows->count, rows->dimension, settings, length);
	} else if (vectors != NULL && first != NULL) {
		fill_table(rows, settings, vectors);
		nodes = nodes_of(rows->rows, rows->count, rows->dimension, first);
		if (nodes != NULL)
			text = train(vectors, first, targets, rows->count, rows->dimension, settings, length);
	}
	free(nodes);
	free(vectors);
	free(first);
	return text;
}

/* As libsvm wants it: of each row, its number from 1, then the kernel with each row. */
static void
fill_table(const struct machine_rows *rows, const struct machine_settings *settings, struct svm_node **first)
{
	size_t n = rows->count;

	for (size_t i = 0; i < n; i++)
		first[i] = rows->table + i * (n + 1);
	for (size_t i = 0; i < n; i++) {
		first[i][0] = (struct svm_node){ .index = 0, .value = (double)(i + 1) };
		for (size_t j = 0; j < i; j++) {
			double value = kernel_of(rows, settings, i, j);

			first[i][j + 1] = (struct svm_node){ .index = (int)j + 1, .value = value };
			first[j][i + 1] = (struct svm_node){ .index = (int)i + 1, .value = value };
		}
		first[i][i + 1] = (struct svm_node){ .index = (int)i + 1, .value = kernel_of(rows, settings, i, i) };
	}
}

static double
kernel_of(const struct machine_rows *rows, const struct machine_settings *settings, size_t i, size_t j)
{
	const float *p = rows->products;
	size_t n = rows->count;
	double between = (double)p[i * n + j];

	if (settings->kernel == MACHINE_LINEAR)
		return between;
	return exp(-settings->gamma * fmax(0, (double)p[i * n + i] + (double)p[j * n + j] - 2 * between));
}

char *
machine_train(const double *rows, const double *targets, size_t count, size_t dimension,
    const struct machine_settings *settings, size_t *length)
{
	struct svm_node **vectors = calloc(count + 1, sizeof(struct svm_node *));
	struct svm_node *nodes = vectors == NULL ? NULL : nodes_of(rows, count, dimension, vectors);
	char *text = nodes == NULL ? NULL : train(vectors, NULL, targets, count, dimension, settings, length);

	free(nodes);
	free(vectors);
	return text;
}

/* `rows` NULL: `vectors` are rows; else `vectors` are those of a table, and `rows` the rows that they stand for. */
static char *
train(struct svm_node **vectors, struct svm_node **rows, const double *targets, size_t count, size_t dimension,
    const struct machine_settings *settings, size_t *length)
{
	static const int types[] = { [MACHINE_CLASSIFY] = C_SVC, [MACHINE_REGRESS] = EPSILON_SVR,
		[MACHINE_ONE_CLASS] = ONE_CLASS };
	bool classify = settings->kind == MACHINE_CLASSIFY;
	int label = 1, kernel = settings->kernel == MACHINE_LINEAR ? LINEAR : RBF;
	double weight = settings->weight;
	struct svm_parameter parameter = {
		.svm_type = types[settings->kind], .kernel_type = rows == NULL ? kernel : PRECOMPUTED,
		.gamma = settings->gamma,
		.cache_size = CACHE_MB, .eps = TOLERANCE, .C = settings->c, .p = settings->epsilon,
		.nu = settings->nu, .shrinking = 1,
		.nr_weight = classify ? 1 : 0, .weight_label = &label, .weight = &weight,
	};
	struct svm_problem problem = { .l = (int)count, .x = vectors, .y = calloc(count + 1, sizeof(double)) };
	struct svm_node *normal = NULL;
	struct svm_model *model = NULL;
	char *text = NULL;

	if (problem.y == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		problem.y[i] = settings->kind == MACHINE_REGRESS ? targets[i] : !classify || targets[i] > 0 ? 1 : -1;
	svm_set_print_string_function(quiet);
	if (svm_check_parameter(&problem, &parameter) == NULL)
		model = svm_train(&problem, &parameter);
	if (model != NULL) {
		for (int i = 0; i < model->l && rows != NULL; i++)
			model->SV[i] = rows[(size_t)model->SV[i][0].value - 1];
		model->param.kernel_type = kernel;
		if (kernel == RBF || (normal = flatten(model, dimension)) != NULL)
			text = text_of(model, length);
		svm_free_and_destroy_model(&model);
	}
	free(normal);
	free(problem.y);
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

/* Makes the normal the model's only vector. NULL: out of memory, or there is no vector. */
static struct svm_node *
flatten(struct svm_model *model, size_t dimension)
{
	double *sums = calloc(dimension + 1, sizeof(*sums));
	struct svm_node *normal = NULL, *one[1];

	if (sums != NULL && model->l > 0) {
		for (int i = 0; i < model->l; i++) {
			for (const struct svm_node *node = model->SV[i]; node->index != -1; node++)
				sums[node->index - 1] += model->sv_coef[0][i] * node->value;
		}
		normal = nodes_of(sums, 1, dimension, one);
	}
	if (normal != NULL) {
		model->l = 1;
		model->SV[0] = normal;
		model->sv_coef[0][0] = 1;
		if (model->nSV != NULL) {
			model->nSV[0] = 1;
			model->nSV[1] = 0;
		}
	}
	free(sums);
	return normal;
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

int
machine_library_version(void)
{
	return libsvm_version;
}
