/* members.h -- which zones are members of which catalog (RFC 9432), as a part of a world: of the catalogs that isobard
 * makes of its zones, and of those of others that it follows.
 * What a followed catalog lists is served as its template says, without a line in steering.yaml.
 * Threads: control; immutable once made. */
#ifndef ISOBAR_CONTROL_MEMBERS_H
#define ISOBAR_CONTROL_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"
#include "steer/steering.h"
#include "store/store.h"

struct world;

struct membership {
	const char *zone, *catalog;	/* presentation form, final dot, lower case */
	const uint8_t *apex;		/* of the zone; lower case */
	const char *label;		/* of its node, as it stands in the catalog */
	const char *group;		/* that it's served by, or that it has; "": none */
	enum catalog_role role;		/* of isobard in this catalog */
	/* Made here: how often it had come before, and whether it's there now or was once. */
	uint32_t time;
	bool gone;
	const struct steering_zone *settings;	/* followed: in the world's steering; else NULL */
};

/* A member that isn't followed, since its name is another's (section 5.2). */
struct member_clash {
	const char *zone, *catalog;
	const char *holder;		/* the catalog that has it; "": it's a zone of this server's own */
};

struct members {
	unsigned holds;
	struct arena *arena;
	size_t count, clash_count;
	const struct membership *list;	/* by apex in canonical order, then by catalog */
	const struct member_clash *clashes;
};

struct members *members_new(void) MUST_USE;	/* none; held once. NULL: out of memory */
void members_hold(struct members *members) NONNULL;
void members_release(struct members *members);	/* the last one frees; NULL is allowed */

/* The catalog that the zone follows. NULL: none. `members` NULL: there are none. */
const struct membership *members_followed(const struct members *members, const uint8_t *apex)
	__attribute__((nonnull(2)));
/* Of this catalog, also when it's gone; or NULL. */
const struct membership *members_find(const struct members *members, const uint8_t *apex, const char *catalog)
	__attribute__((nonnull(2, 3)));
/* Does a zone that was followed stay as it was? Another catalog may have it now; or a section of steering.yaml. */
bool members_stays(const struct members *members, const struct steering *steering, const struct membership *was)
	NONNULL;
/* How many are in the catalog now. */
size_t members_count(const struct members *members, const char *catalog) __attribute__((nonnull(2)));

/* The members of `world`, whose zones and steering are those that are to be, and with whom it comes: `base` is the
 * world before (or NULL), `stored` the members before where there is no base (or NULL). A broken catalog, and one that
 * takes away too many members at once, is an error where it's new, and with it nothing changes. NULL after errors. */
struct members *members_make(const struct world *world, const struct world *base, const struct members *stored,
	bool confirmed, struct diags *diags) __attribute__((nonnull(1, 5))) MUST_USE;

/* --- members_store.c ------------------------------------------------------------------------------------------ */

/* As members_make() takes them. NULL: they can't be read. */
struct members *members_load(struct store_reader *reader) NONNULL MUST_USE;
/* What differs. On the store's writer. */
int members_store(struct store_txn *txn, const struct members *from /* or NULL */, const struct members *to)
	__attribute__((nonnull(1, 3)));
/* To the log: zones that came and went by catalogs, and members that are somebody's already. */
void members_tell(const struct members *from /* or NULL */, const struct members *to) __attribute__((nonnull(2)));

#endif
