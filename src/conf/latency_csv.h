/* latency_csv.h -- measured latencies as a table in a text file (isobarctl(8), isobar-rem.yaml(5)). Threads: any. */
#ifndef ISOBAR_CONF_LATENCY_CSV_H
#define ISOBAR_CONF_LATENCY_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"
#include "steer/steering.h"

#define LATENCY_ROWS_MAX 200000
#define LATENCY_MS_MOST 60000.0

struct latency_line {
	const char *clients;	/* client group, country code, or "group/CC" */
	const char *region;	/* "" in a table of one region */
	double ms;
	unsigned line, clients_column, region_column;	/* where it stands */
};

struct latency_table {
	size_t count;
	const struct latency_line *lines;	/* in the order of the file */
};

/* "clients,region,milliseconds" as the first line, or, for a table of one region, "clients,milliseconds". Blank lines
 * and those that begin with '#' say nothing. `text` is NUL-terminated. False after errors, all of them in `diags` with
 * line and column. */
bool latency_csv_read(const char *text, const char *file, bool one_region, struct arena *arena,
	struct latency_table *table, struct diags *diags) NONNULL;

/* Are these clients ones that the steering can tell from others? A client group's name, a country, or both. */
bool latency_clients_known(const struct steering *steering, const char *clients) NONNULL;

/* The names that the steering doesn't have, as errors with their place. */
void latency_check_names(const struct latency_table *table, const struct steering *steering, const char *file,
	struct diags *diags) NONNULL;

#endif
