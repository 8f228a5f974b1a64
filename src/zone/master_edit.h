/* master_edit.h -- changes of records in the text of a master file. Threads: any; nothing is shared. */
#ifndef ISOBAR_ZONE_MASTER_EDIT_H
#define ISOBAR_ZONE_MASTER_EDIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"

/* Edits of a master file's text that leave every other line as it was, comments too. `owner` is complete and in
 * presentation form. The new text (caller frees), or NULL with errors in `diags`: those of the arguments, and all that
 * the edited text would have as a zone. Warnings of the edited text are reported too.
 * master_set replaces the RRset (owner, type) by `count` records given as RDATA in presentation form, whose relative
 * names are completed by `origin`; a `count` of 0 deletes it.
 * Both raise the SOA serial by one (RFC 1982). An SOA that is set keeps its own serial if that is the newer one. */
char *master_set(const char *text, const char *file, const uint8_t *origin, const char *owner, const char *type,
	uint32_t ttl, const char *const *rdata, size_t count, struct diags *diags)
	__attribute__((nonnull(1, 2, 3, 4, 5, 9))) MUST_USE;
char *master_delete(const char *text, const char *file, const uint8_t *origin, const char *owner,
	const char *type /* or NULL: all types of the owner */, struct diags *diags)
	__attribute__((nonnull(1, 2, 3, 4, 6))) MUST_USE;

#endif
