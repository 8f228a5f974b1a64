/* program.h -- the linear program of the planner, grown row by row and column by column. Inner to the planner.
 * Threads: one per struct program. */
#ifndef ISOBAR_PLANNER_PROGRAM_H
#define ISOBAR_PLANNER_PROGRAM_H

#include "base/clock.h"
#include "planner/lp.h"
#include "planner/scene.h"

enum column_kind {
	COLUMN_LOAD,			/* what `primary` serves normally */
	COLUMN_PAIR,			/* demand of a client on (primary, backup) */
	COLUMN_KEPT,			/* the same, as far as the last plan had it */
	COLUMN_SHED,			/* demand of a client that gets its static answer */
	COLUMN_OVER,			/* what exceeds the row of cell `of` */
	COLUMN_MARGIN,			/* what is taken of the margin of cell `of`, where margins yield */
	COLUMN_EXCESS,			/* what exceeds allowance `of` */
};

struct program_column {
	enum column_kind kind;
	region_id primary, backup;
	unsigned char basis;
	uint32_t client;
	uint32_t of;			/* over, margin: scenario * region_count + region, or UINT32_MAX: entry */
	double cost, upper, value, reduced;
};

enum row_kind {
	ROW_CLIENT,			/* pairs and shed of `client` = its demand */
	ROW_LOAD,			/* pairs with primary `region` - its load = 0 */
	ROW_FILL,			/* load of `region` in `scenario` <= limit */
	ROW_ALLOWANCE,			/* what `client` has on `region` - excess <= allowance */
	ROW_ENTRY,			/* what is new on `region` while the old is still there <= limit */
	ROW_CLASS,			/* shed of a class <= what must be */
};

struct program_row {
	enum row_kind kind;
	region_id region;
	unsigned char basis;
	uint32_t client, scenario;	/* ROW_CLASS: the class; ROW_ALLOWANCE: the allowance */
	double lower, upper, dual;
};

/* So much of a client may be on a region without cost. */
struct allowance {
	uint32_t client;
	region_id region;
	bool churn;			/* else of a target */
	uint32_t row;
	double amount, cost;
};

/* Pairs that are kept for each client when the first prices are known: with all of K x K the solver took twice as long,
 * with two the pairs that were left out came back. */
#define PROGRAM_POOL 4

enum program_mode {
	PROGRAM_COST,			/* the least cost */
	PROGRAM_OVER,			/* the least sum beyond the limits that haven't given way */
	PROGRAM_CAPS,			/* the least demand beyond latency caps, nothing beyond limits */
};

enum program_result { PROGRAM_OPTIMAL, PROGRAM_TIME, PROGRAM_FAILED };

struct program {
	struct scene *scene;
	struct lp *lp;
	struct mono deadline, hurry;	/* from `hurry` on, what is good enough is enough */
	enum program_mode mode;
	double over_cost;		/* of what exceeds a limit, in PROGRAM_COST */
	enum lp_method method;		/* that the next solve begins with */
	bool entry;			/* with transition rows */
	bool warm, pruned;
	bool solved;			/* once at least, by cost */
	bool failed;			/* memory is out; sticks */
	size_t column_count, column_size, row_count, row_size, allowance_count, allowance_size;
	struct program_column *columns;
	struct program_row *rows;
	struct allowance *allowances;
	/* Where things are, or UINT32_MAX. */
	uint32_t *client_row;		/* by client */
	uint32_t *first_column;		/* by client, of those made at first */
	uint32_t *fill_row;		/* [scenario * region_count + region] */
	uint32_t *entry_row;		/* by region */
	uint32_t *class_row;		/* by class, 0 .. 9 */
	uint32_t *first_allowance;	/* by client, into allowances that are sorted by client; one more at the end */
	struct program_pairs { uint64_t *slots; size_t size, used; } known;	/* pairs that have a column */
	struct program_matrix *matrix;
	double *shed;			/* by client, of the last solution */
	size_t iterations;
	double objective;
};

/* The program with its first rows and columns: for each client what it had, and the pairs among its nearest; `warm`:
 * fewer of these, since a memory will bring the right ones. */
struct program *program_new(struct scene *scene, struct lp *lp, bool warm) NONNULL MUST_USE;
void program_free(struct program *program);

/* What program_new() begins with: for each client its allowances, what it had, and its nearest. */
void program_add_clients(struct program *program) NONNULL;
/* Indices; 0 with program->failed. */
size_t program_add_column(struct program *program, struct program_column column) NONNULL;
size_t program_add_row(struct program *program, struct program_row row) NONNULL;
/* Room for one more item. */
bool program_grow(struct program *program, void **array, size_t *size, size_t count, size_t item) NONNULL;

bool program_has_pair(const struct program *program, size_t c, region_id primary, region_id backup) NONNULL;
void program_add_pair(struct program *program, size_t c, region_id primary, region_id backup) NONNULL;
void program_add_fill(struct program *program, size_t scenario, region_id region) NONNULL;
/* From now on rows may take of their margins, as far as scene_bound(). */
void program_yield_margins(struct program *program) NONNULL;
void program_add_entry(struct program *program, region_id region) NONNULL;
/* At most `most` (scaled) of the class may be shed. */
void program_add_class(struct program *program, unsigned class, double most) NONNULL;
/* Pairs by which each client is served by the nearest region that has room left by then: where capacity is short, pairs
 * among the nearest alone would leave most of it out of reach. */
void program_add_spread(struct program *program) NONNULL;
/* Leaves out the dearest of the pairs that aren't used, until there are PROGRAM_POOL for each client; once. */
void program_prune(struct program *program) NONNULL;
/* Makes the pair's column, adding it if there's none, one that the next solve begins with; `first`: and no other of
 * this client. A pair that isn't allowed (any more) is left out. */
void program_make_basic(struct program *program, size_t c, region_id primary, region_id backup, bool first) NONNULL;
/* The last plan as the columns' values: until the first solve. */
void program_value_last_plan(struct program *program) NONNULL;
/* Limits anew from the scene, after it changed. */
void program_limits(struct program *program) NONNULL;

/* Room for newcomers at a region while caches still lead the old ones there, scaled. */
double program_entry_limit(const struct program *program, region_id region) NONNULL;
/* ms for a pair that the last plan didn't have. */
double program_sticky(const struct program *program, size_t c) NONNULL;
/* How much of a demand on this pair lies beyond the client's latency cap: 0, 1 for one of them, 2 for both. */
double program_beyond(const struct program *program, size_t c, region_id primary, region_id backup) NONNULL;

/* Solves what is there, once. */
enum program_result program_solve(struct program *program, enum lp_method method) NONNULL MUST_USE;

/* What exceeds the limits that haven't given way, scaled. */
double program_over(const struct program *program) NONNULL;
/* What exceeds the transition rows, scaled. */
double program_over_entry(const struct program *program) NONNULL;
/* Without transition rows from now on. */
void program_drop_entries(struct program *program) NONNULL;

#endif
