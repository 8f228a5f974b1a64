/* journal.c -- the record of every change that an operator or the system makes: gapless, and chained by hashes.
 * In: who did what and why, inside the transaction of the change itself.  Out: a revision; rows; the verdict on the
 * chain.
 * A row's hash is SHA-256 over its canonical form, which names the format, and then has each field with its length
 * before it, so that no two rows have the same form:
 *
 *	isobar-journal-1\n LENGTH:FIELD\n ...      for revision, at_ms, author, action, reason, body, previous
 *
 * `previous` is the hash of the row before (64 zeros for the first), so changing, removing or inserting a row changes
 * every hash after it. What a chain can't show by itself is that its end was cut off: keep store_revision() and the
 * last hash elsewhere, as replication does.
 * The revision is counted here and not by SQLite, which may leave gaps: a follower knows by a gap that it missed a row.
 * Threads: writing on the writer thread, reading by each reader's own. */
#include "store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "store/txn.h"

#define ENTRY "revision, at_ms, author, action, reason, body, previous, hash"	/* see entry_of() */
#define BEFORE_FIRST "0000000000000000000000000000000000000000000000000000000000000000"

struct link {
	int64_t revision;
	char hash[SHA256_TEXT_SIZE];
};

static int journal_last(struct db *db, struct link *last);
static int entry_hash(const struct journal_row *entry, char hash[static SHA256_TEXT_SIZE]);
static void field_add(struct text *form, const char *field);
static struct journal_row entry_of(sqlite3_stmt *rows);
static int entry_check(const struct journal_row *entry, struct link *last, bool *good);

int
store_journal_add(struct store_txn *txn, struct wall at, const char *author, const char *action, const char *reason,
	const char *body, uint64_t *revision)
{
	struct link last;
	struct journal_row entry = { .at = at, .author = author, .action = action, .reason = reason, .body = body };
	char hash[SHA256_TEXT_SIZE];
	int error = journal_last(txn->db, &last);

	if (error != 0)
		return error;
	entry.revision = (uint64_t)last.revision + 1;
	entry.previous = last.hash;
	error = entry_hash(&entry, hash);
	if (error == 0)
		error = db_run(txn->db, "INSERT INTO journal (" ENTRY ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		    DB_VALUES(db_integer(last.revision + 1), db_integer(at.ms), db_text(author), db_text(action),
			db_text(reason), db_text(body), db_text(last.hash), db_text(hash)));
	if (error == 0)
		*revision = entry.revision;
	return error;
}

static int
journal_last(struct db *db, struct link *last)
{
	sqlite3_stmt *rows;
	int got = db_query(db, "SELECT revision, hash FROM journal ORDER BY revision DESC LIMIT 1", DB_NONE, &rows);

	*last = (struct link){ .hash = BEFORE_FIRST };
	if (got == 0)
		got = db_next(rows);
	if (got == 1) {
		last->revision = sqlite3_column_int64(rows, 0);
		snprintf(last->hash, sizeof(last->hash), "%s", db_column_text(rows, 1));
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

static int
entry_hash(const struct journal_row *entry, char hash[static SHA256_TEXT_SIZE])
{
	struct text form = { 0 };
	char number[24];
	int error = 0;

	text_puts(&form, "isobar-journal-1\n");
	snprintf(number, sizeof(number), "%" PRIu64, entry->revision);
	field_add(&form, number);
	snprintf(number, sizeof(number), "%" PRId64, entry->at.ms);
	field_add(&form, number);
	field_add(&form, entry->author);
	field_add(&form, entry->action);
	field_add(&form, entry->reason);
	field_add(&form, entry->body);
	field_add(&form, entry->previous);
	if (form.failed)
		error = -ENOMEM;
	else
		sha256_text(form.bytes, form.length, hash);
	text_fini(&form);
	return error;
}

static void
field_add(struct text *form, const char *field)
{
	text_printf(form, "%zu:", strlen(field));
	text_puts(form, field);
	text_puts(form, "\n");
}

int
store_journal(struct store_reader *reader, uint64_t from_revision, size_t most,
	bool (*row)(void *arg, const struct journal_row *entry), void *arg)
{
	int64_t limit = most > INT64_MAX ? INT64_MAX : (int64_t)most;
	int64_t from = from_revision > INT64_MAX ? INT64_MAX : (int64_t)from_revision;
	sqlite3_stmt *rows;
	int got = db_query(&reader->db, "SELECT " ENTRY " FROM journal WHERE revision >= ?"
	    " ORDER BY revision LIMIT ?", DB_VALUES(db_integer(from), db_integer(limit)), &rows);

	while (got >= 0 && (got = db_next(rows)) == 1) {
		struct journal_row entry = entry_of(rows);

		if (!row(arg, &entry))
			break;
	}
	db_end(rows);
	return got < 0 ? got : 0;
}

static struct journal_row
entry_of(sqlite3_stmt *rows)
{
	return (struct journal_row){
		.revision = (uint64_t)sqlite3_column_int64(rows, 0),
		.at = { sqlite3_column_int64(rows, 1) },
		.author = db_column_text(rows, 2),
		.action = db_column_text(rows, 3),
		.reason = db_column_text(rows, 4),
		.body = db_column_text(rows, 5),
		.previous = db_column_text(rows, 6),
		.hash = db_column_text(rows, 7),
	};
}

int
store_journal_verify(struct store_reader *reader, uint64_t *revisions, uint64_t *first_bad)
{
	struct link last = { .hash = BEFORE_FIRST };
	sqlite3_stmt *rows;
	bool good = true;
	int got = db_query(&reader->db, "SELECT " ENTRY " FROM journal ORDER BY revision", DB_NONE, &rows);

	*revisions = 0;
	*first_bad = 0;
	while (got >= 0 && good && (got = db_next(rows)) == 1) {
		struct journal_row entry = entry_of(rows);
		int error = entry_check(&entry, &last, &good);

		if (error != 0)
			got = error;
		else if (good)
			++*revisions;
	}
	db_end(rows);
	if (!good)
		*first_bad = *revisions + 1;
	return got < 0 ? got : good ? 0 : -EBADMSG;
}

/* Whether the entry follows on `last`; if so it becomes the last. */
static int
entry_check(const struct journal_row *entry, struct link *last, bool *good)
{
	char hash[SHA256_TEXT_SIZE] = "";
	int error = entry_hash(entry, hash);

	*good = error == 0 && entry->revision == (uint64_t)last->revision + 1 &&
	    strcmp(entry->previous, last->hash) == 0 && strcmp(entry->hash, hash) == 0;
	last->revision++;
	memcpy(last->hash, hash, sizeof(hash));
	return error;
}

uint64_t
store_revision(struct store_reader *reader)
{
	struct link last;

	return journal_last(&reader->db, &last) == 0 ? (uint64_t)last.revision : 0;
}
