/* identity.h -- which server this is and which epoch it answers from, for clients that may know: by NSID (RFC 5001) and
 * by TXT in the class CHAOS (RFC 4892). Threads: any; nothing is allocated. */
#ifndef ISOBAR_SERVE_IDENTITY_H
#define ISOBAR_SERVE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "dns/query.h"

#define IDENTITY_NAME_MAX 200
#define IDENTITY_SIZE 254	/* name, "epoch" and a number; with three octets of lengths a decision has room */

struct identity {
	const char *name;		/* "": it isn't told, but the epoch is */
	size_t allow_count;
	const struct prefix *allow;	/* who may know; everybody else gets REFUSED, and no NSID */
};

/* NULL allows nobody. */
bool identity_allows(const struct identity *identity, const struct address *client) __attribute__((nonnull(2)));

/* "NAME epoch 7" or "epoch 7"; the number of octets. */
size_t identity_text(const struct identity *identity, uint64_t epoch, char text[static IDENTITY_SIZE]) NONNULL;

/* What TXT holds for a name of the class CHAOS: RDLENGTH and one string, into `wire`. False: no such name, or there is
 * nothing to tell. */
bool identity_txt(const struct identity *identity, const struct query *query, uint64_t epoch,
	uint8_t wire[static IDENTITY_SIZE + 3]) NONNULL;

#endif
