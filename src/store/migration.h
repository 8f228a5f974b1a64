/* migration.h -- the schema of the store as numbered steps, and the way from any older version to the newest. */
#ifndef ISOBAR_STORE_MIGRATION_H
#define ISOBAR_STORE_MIGRATION_H

#include <stdbool.h>

#include "base/contract.h"
#include "base/text.h"
#include "store/db.h"

/* What a file is, as its header and its list of tables tell. */
enum schema_state {
	SCHEMA_EMPTY,	/* a new file */
	SCHEMA_CURRENT,
	SCHEMA_OLDER,
	SCHEMA_NEWER,
	SCHEMA_FOREIGN,	/* a database of another program, or no database */
};

/* 0 or -errno; changes nothing. `path` is for the message in `error`, which is set for SCHEMA_NEWER, SCHEMA_FOREIGN
 * and failures. */
int schema_examine(struct db *db, const char *path, enum schema_state *state, struct text *error) NONNULL MUST_USE;

/* Runs the steps that are missing, all in one transaction. 0 or -errno with a message. */
int schema_migrate(struct db *db, const char *path, struct text *error) NONNULL MUST_USE;

#endif
