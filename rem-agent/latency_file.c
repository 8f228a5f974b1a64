/* latency_file.c -- see latency_file.h.
 * In: a table "clients,milliseconds" in a file.  Out: rows for the next report, when they're new.
 * A change is told by the file's time, size and number: whoever writes it should write another and rename it, as half a
 * table would be reported as a whole one. */
#include "latency_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "conf/latency_csv.h"

#define FILE_MAX ((size_t)1 << 20)

struct latency_file {
	char *path;
	struct stat seen;		/* of the last look; st_ino 0: none yet, or it couldn't be seen */
	bool missing;			/* that was said already */
	bool news;
	struct arena *arena;		/* of the rows */
	struct report_latency *latencies;
	size_t count;
};

static bool has_changed(const struct stat *a, const struct stat *b);
static void read_again(struct latency_file *file);
static bool take_table(struct latency_file *file, const struct latency_table *table, struct arena *arena);
static void log_all(const struct diags *diags);

struct latency_file *
latency_file_new(const char *path)
{
	struct latency_file *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return NULL;
	file->path = strdup(path);
	if (file->path == NULL) {
		free(file);
		return NULL;
	}
	return file;
}

void
latency_file_free(struct latency_file *file)
{
	if (file == NULL)
		return;
	arena_free(file->arena);
	free(file->path);
	free(file);
}

void
latency_file_look(struct latency_file *file)
{
	struct stat now;

	if (stat(file->path, &now) < 0) {
		if (!file->missing)
			log_warning("%s: %s; the last latencies stay", file->path, strerror(errno));
		file->missing = true;
		file->seen = (struct stat){ 0 };
		return;
	}
	file->missing = false;
	if (!has_changed(&file->seen, &now))
		return;
	file->seen = now;
	read_again(file);
}

static bool
has_changed(const struct stat *a, const struct stat *b)
{
	return a->st_ino != b->st_ino || a->st_dev != b->st_dev || a->st_size != b->st_size ||
	    a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static void
read_again(struct latency_file *file)
{
	struct arena *arena = arena_new();
	struct latency_table table;
	struct diags diags = { 0 };
	size_t length;
	int error = 0;
	char *text = text_read_file(file->path, FILE_MAX, &length, &error);

	if (text == NULL || arena == NULL) {
		log_warning("%s: %s; the last latencies stay", file->path,
		    text == NULL ? strerror(-error) : "out of memory");
	} else if (!latency_csv_read(text, file->path, true, arena, &table, &diags)) {
		log_all(&diags);
	} else if (table.count > REPORT_LATENCIES_MAX) {
		log_warning("%s: %zu rows, of %d at most; the last latencies stay", file->path, table.count,
		    REPORT_LATENCIES_MAX);
	} else if (take_table(file, &table, arena)) {
		log_info("%s: %zu latencies", file->path, table.count);
		arena = NULL;
	}
	arena_free(arena);
	diag_fini(&diags);
	free(text);
}

/* The arena is taken when all went well. */
static bool
take_table(struct latency_file *file, const struct latency_table *table, struct arena *arena)
{
	struct report_latency *latencies = arena_alloc(arena, (table->count + 1) * sizeof(*latencies));

	if (latencies == NULL)
		return false;
	for (size_t i = 0; i < table->count; i++)
		latencies[i] = (struct report_latency){ table->lines[i].clients, table->lines[i].ms };
	arena_free(file->arena);
	file->arena = arena;
	file->latencies = latencies;
	file->count = table->count;
	file->news = true;
	return true;
}

static void
log_all(const struct diags *diags)
{
	for (size_t i = 0; i < diags->count; i++)
		log_warning("%s:%u:%u: %s", diags->list[i].file, diags->list[i].line, diags->list[i].column,
		    diags->list[i].message);
}

bool
latency_file_news(const struct latency_file *file, const struct report_latency **latencies, size_t *count)
{
	*latencies = file->latencies;
	*count = file->count;
	return file->news;
}

void
latency_file_told(struct latency_file *file)
{
	file->news = false;
}
