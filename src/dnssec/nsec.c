/* nsec.c -- the denial chain by NSEC (RFC 4034 section 4, RFC 4035 section 2.3).
 * In: the owners of the chain, in canonical order.  Out: each one's NSEC; the last one's leads back to the apex.
 * Threads: any.  Memory: the signing's arena. */
#include <stdlib.h>

#include "dns/types.h"
#include "dnssec/signer_parts.h"

bool
nsec_add(struct work *work)
{
	size_t count;
	struct chain_owner *owners = chain_owners(work, &count);
	bool good = owners != NULL;

	for (size_t i = 0; i < count && good; i++) {
		const struct node *node = owners[i].node, *next = owners[(i + 1) % count].node;

		good = chain_add(work, &owners[i], node->name, TYPE_NSEC, next->name, next->name_length);
	}
	free(owners);
	return good;
}
