/* master_read.h -- a zone from a master file (RFC 1035 section 5). Threads: any; nothing is shared. */
#ifndef ISOBAR_ZONE_MASTER_READ_H
#define ISOBAR_ZONE_MASTER_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "dns/name.h"
#include "zone/zone.h"

/* Streams `text` (NUL-terminated) into a zone: syntax by ldns, then the checks of a whole zone (SOA, NS at the apex,
 * CNAME and DNAME alone, out-of-zone records, glue, records below a cut, TTLs that differ, targets that don't exist).
 * Every error and warning lands in `diags` with `file` and line. `origin` is the apex. NULL after errors. */
struct zone *master_read(const char *text, const char *file, const uint8_t *origin, struct diags *diags)
	NONNULL MUST_USE;

/* What master_read() finds in the zone as a whole, for one that came by an edit of its text. False: errors. */
bool master_check(const char *text, const char *file, const struct zone *zone, struct diags *diags) NONNULL;

/* "www.example.com.zone" or "www.example.com" -> the apex in wire form, 0 when the file name is no zone name.
 * Hidden files, "steering.yaml" and names ending in "~", ".bak", ".yaml", ".md" are no zones. */
size_t master_file_apex(const char *file_name, uint8_t apex[static NAME_MAX]) NONNULL;

#endif
