/* rdata_list.h -- the RDATA of one RRset, given as text by an operator. Threads: any; nothing is shared. */
#ifndef ISOBAR_ZONE_RDATA_LIST_H
#define ISOBAR_ZONE_RDATA_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/diag.h"

struct rdata_item {
	uint8_t *rdata;
	uint16_t length;
	bool written;		/* for the caller; false at first */
};

/* Start with { 0 }. No two items are equal (RFC 2181 section 5). */
struct rdata_list {
	struct rdata_item *items;
	size_t count;
};

/* Reads all `count` texts, each one line in presentation form; relative names are completed by `origin`. Every error
 * is reported under `file`, with the number of the text but without a line. False after errors. */
bool rdata_list_read(struct rdata_list *list, const char *file, uint16_t type, const uint8_t *origin,
	const char *const *texts, size_t count, struct diags *diags)
	__attribute__((nonnull(1, 2, 4, 7))) MUST_USE;
void rdata_list_fini(struct rdata_list *list) NONNULL;

/* The item with this RDATA that is not yet `written`, or NULL. */
struct rdata_item *rdata_list_find(const struct rdata_list *list, const uint8_t *rdata, uint16_t length) NONNULL;

#endif
