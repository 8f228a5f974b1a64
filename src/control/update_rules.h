/* update_rules.h -- who may hand in what, for the workers; and whether an UPDATE may do what it wants to.
 * Threads: control; what is made for workers is immutable. */
#ifndef ISOBAR_CONTROL_UPDATE_RULES_H
#define ISOBAR_CONTROL_UPDATE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/text.h"
#include "control/world.h"
#include "serve/requests.h"
#include "transfer/tsig.h"
#include "transfer/update.h"

/* The rules of a world's zones, in `arena`. `storeless`: nothing could be kept. NULL: out of memory. */
struct requests *update_rules_make(const struct world *world, const struct tsig_keys *keys, bool storeless,
	struct arena *arena) NONNULL MUST_USE;

/* Why this isn't done, in few words; NULL: nothing is in the way. `rules` are those of the zone, which is `zone` as
 * it's written. */
const char *update_rules_forbid(const struct request_zone *rules, const struct requester *who,
	const struct update *update, const struct world *world, const struct zone *zone) NONNULL;

/* What was changed, for the journal: "delete OWNER TYPE; set OWNER TYPE: RDATA, RDATA". */
void update_rules_words(const struct rrset_edit *edits, size_t count, struct text *words) NONNULL;

#endif
