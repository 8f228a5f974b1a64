/* primary_version.h -- from what was transferred to a version that could be served: the zone laid out, its text, and
 * the checks that every zone goes through, all on a thread. Threads: control, but for the work itself. */
#ifndef ISOBAR_CONTROL_PRIMARY_VERSION_H
#define ISOBAR_CONTROL_PRIMARY_VERSION_H

#include <stdbool.h>
#include <uv.h>

#include "base/contract.h"
#include "transfer/incoming.h"
#include "zone/zone.h"

struct primary_version {
	struct zone *zone;		/* held once; NULL: there's none, `trouble` says why */
	char *text;			/* its master file */
	char *trouble;			/* "" when all is well; NULL: out of memory */
	bool by_difference;
};

/* Calls done(arg, version) later, on the loop, and the version is the receiver's. `incoming` is taken, and has come to
 * INCOMING_ZONE, or to INCOMING_EDITS of `base`, whose text is `text`: both stay until `done`. `name`: for messages.
 * False: out of memory. */
bool primary_version_begin(uv_loop_t *loop, struct incoming *incoming, const char *name, const struct zone *base,
	const char *text, void (*done)(void *arg, struct primary_version *version), void *arg)
	__attribute__((nonnull(1, 2, 3, 6))) MUST_USE;
void primary_version_free(struct primary_version *version);	/* NULL is allowed */

#endif
