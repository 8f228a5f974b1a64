/* rdata.h -- RDATA from presentation form to wire form, by ldns.
 * Threads: any, one call at a time per struct rdata_reader. */
#ifndef ISOBAR_ZONE_RDATA_H
#define ISOBAR_ZONE_RDATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"
#include "base/text.h"
#include "zone/lexer.h"

#define RDATA_MAX 65535

/* Start with { .file = FILE }; reused from record to record, so that reading a million allocates little. */
struct rdata_reader {
	const char *file;
	struct diags *diags;	/* or NULL: quiet */
	struct text line;	/* what ldns gets to read */
	struct text names;	/* the names of the record in wire form, one after the other */
	uint8_t bytes[RDATA_MAX];
	uint16_t length;
	bool no_memory;		/* why rdata_read() failed; sticks */
};

/* Reads the words behind the type into `bytes` and `length`: uncompressed, relative names completed by `origin`.
 * `type_token` is where a missing value is reported. False: reported. */
bool rdata_read(struct rdata_reader *reader, uint16_t type, const struct token *type_token,
	const struct token *values, size_t count, const uint8_t *origin) NONNULL MUST_USE;
void rdata_reader_fini(struct rdata_reader *reader) NONNULL;

#endif
