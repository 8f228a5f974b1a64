/* machine.h -- the one door to libsvm: training, its model text, and decision values of what was read back.
 * Threads: machine_train() and machine_classify() one at a time (libsvm has process-wide state): they are meant for a
 * forked child, see child.h.
 * The rest: any; a machine is immutable. */
#ifndef ISOBAR_PREDICT_MACHINE_H
#define ISOBAR_PREDICT_MACHINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"
#include "base/text.h"

#define MACHINE_VECTORS_MAX 2500	/* support vectors: more cost more than a tenth of a millisecond a prediction */

/* C-SVC, epsilon-SVR, one-class SVM. */
enum machine_kind { MACHINE_CLASSIFY, MACHINE_REGRESS, MACHINE_ONE_CLASS };
enum machine_kernel { MACHINE_RBF, MACHINE_LINEAR };
extern const char *const machine_kernel_names[];	/* as libsvm writes them */

struct machine_settings {
	enum machine_kind kind;
	enum machine_kernel kernel;
	double c, gamma;	/* gamma: RBF */
	double weight;		/* classify: C of the positives is c x weight */
	double epsilon;		/* regress: errors below don't count */
	double nu;		/* one class: at most this share of the rows lies outside; no C */
};

/* `count` rows of `dimension` finite numbers, one after the other; targets > 0 are positives when classifying,
 * and aren't looked at for one class. libsvm's model text; caller frees. NULL: out of memory, or settings that libsvm
 * refuses. Can take minutes and can't be cancelled. */
char *machine_train(const double *rows, const double *targets, size_t count, size_t dimension,
	const struct machine_settings *settings, size_t *length) NONNULL MUST_USE;

/* Rows for several trainings: the products that kernels are made of are reckoned once. Borrows `rows`. NULL: out of
 * memory. */
struct machine_rows;
struct machine_rows *machine_rows_new(const double *rows, size_t count, size_t dimension) NONNULL MUST_USE;
void machine_rows_free(struct machine_rows *rows);	/* NULL is allowed */
/* As machine_train(), of kind MACHINE_CLASSIFY. */
char *machine_classify(const struct machine_rows *rows, const double *targets, const struct machine_settings *settings,
	size_t *length) NONNULL MUST_USE;

struct machine;

/* Reads and checks every byte of the text; NULL with the reason in `error`. */
struct machine *machine_read(const char *bytes, size_t length, size_t dimension, struct text *error) NONNULL MUST_USE;
void machine_free(struct machine *machine);	/* NULL is allowed */
size_t machine_vectors(const struct machine *machine) NONNULL;	/* a linear one that was trained here has 1 */

enum machine_kernel machine_kernel(const struct machine *machine) NONNULL;

/* Classify: the distance from the border, > 0 for positives. Regress: the value. One class: the distance from the
 * border, > 0 inside. */
double machine_decide(const struct machine *machine, const double *row) NONNULL;

int machine_library_version(void);

#endif
