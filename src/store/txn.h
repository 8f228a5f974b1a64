/* txn.h -- what the files of store/ share about a transaction and a reader; the rest of the program sees names only. */
#ifndef ISOBAR_STORE_TXN_H
#define ISOBAR_STORE_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "store/db.h"
#include "store/store.h"

struct store_txn {
	struct db *db;
	const struct store_options *options;	/* with the defaults filled in */
	uint64_t samples;			/* stored so far in this transaction */
};

struct store_reader {
	struct db db;
};

/* epochs.c: forgets what no moment from `floor_ms` on needs; a bounded piece. */
int epochs_expire(struct store_txn *txn, int64_t floor_ms, bool *more) NONNULL MUST_USE;

/* Opens for writing: migrates an older schema, sets WAL, synchronous=FULL, foreign keys and the busy timeout. A missing
 * file is made if `create` says so. 0 or -errno with a message. */
int store_connect(struct db *db, const char *path, bool create, struct text *error) NONNULL MUST_USE;

#endif
