/* master.h -- zones from and to master files (RFC 1035 section 5); ldns reads and writes the records.
 * Threads: any, one call at a time per argument. */
#ifndef ISOBAR_ZONE_MASTER_H
#define ISOBAR_ZONE_MASTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "base/text.h"
#include "zone/zone.h"

/* Streams `text` (NUL-terminated) into a zone: syntax by ldns, then the checks of a whole zone (SOA, NS at the apex,
 * CNAME and DNAME alone, out-of-zone records, glue, records below a cut, TTLs that differ, targets that don't exist).
 * Every error and warning lands in `diags` with `file` and line. `origin` is the apex. NULL after errors. */
struct zone *master_read(const char *text, const char *file, const uint8_t *origin, struct diags *diags)
	NONNULL MUST_USE;

/* "www.example.com.zone" or "www.example.com" -> the apex in wire form, 0 when the file name is no zone name.
 * Hidden files, "steering.yaml" and names ending in "~", ".bak", ".yaml", ".md" are no zones. */
size_t master_file_apex(const char *file_name, uint8_t apex[static NAME_MAX]) NONNULL;

/* The zone as a master file: $ORIGIN, $TTL, SOA first, then canonical order. For export of zones that came otherwise. */
void master_write(const struct zone *zone, struct text *out) NONNULL;

/* One record in presentation form "OWNER TTL CLASS TYPE RDATA", e.g. to list it. */
void master_write_rr(const uint8_t *owner, uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t rdlength,
	struct text *out) NONNULL;

/* Edits of a master file's text that leave every other line as it was, comments too. `owner` is complete and in
 * presentation form. The new text (caller frees), or NULL with errors in `diags`.
 * master_set replaces the RRset (owner, type) by `count` records given as RDATA in presentation form.
 * Both raise the SOA serial by one (RFC 1982). */
char *master_set(const char *text, const char *file, const uint8_t *origin, const char *owner, const char *type,
	uint32_t ttl, const char *const *rdata, size_t count, struct diags *diags) NONNULL MUST_USE;
char *master_delete(const char *text, const char *file, const uint8_t *origin, const char *owner,
	const char *type /* or NULL: all types of the owner */, struct diags *diags)
	__attribute__((nonnull(1, 2, 3, 4, 6))) MUST_USE;

uint16_t rrtype_parse(const char *text) NONNULL;	/* "AAAA", "TYPE65"; 0 when unknown */
const char *rrtype_text(uint16_t type, char text[static 16]) NONNULL;

#endif
