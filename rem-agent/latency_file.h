/* latency_file.h -- latencies between clients and this region, as something else measures them and writes them into a
 * file. Threads: the loop's; looking is one stat() of a local file, reading it a matter of a millisecond. */
#ifndef ISOBAR_REM_LATENCY_FILE_H
#define ISOBAR_REM_LATENCY_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"
#include "report/report.h"

struct latency_file;

/* NULL: out of memory. */
struct latency_file *latency_file_new(const char *path) NONNULL MUST_USE;
void latency_file_free(struct latency_file *file);		/* NULL is allowed */

/* Reads it again if it has changed. What is wrong with it is logged, once for each change, and the last good content
 * stays. */
void latency_file_look(struct latency_file *file) NONNULL;

/* True while there is content that no report has had; then it's here, until the next look. */
bool latency_file_news(const struct latency_file *file, const struct report_latency **latencies, size_t *count)
	NONNULL MUST_USE;
void latency_file_told(struct latency_file *file) NONNULL;	/* a report has it now */

#endif
