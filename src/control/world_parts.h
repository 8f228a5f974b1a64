/* world_parts.h -- what the files of a world share. Private to them. Threads: control, or isobarctl. */
#ifndef ISOBAR_CONTROL_WORLD_PARTS_H
#define ISOBAR_CONTROL_WORLD_PARTS_H

#include "control/world.h"

/* Held once; that of `base` where the text is the same. NULL after errors, or without memory. */
struct world_zone *world_zone_make(const struct zone_text *from, const struct world *base, struct diags *diags)
	__attribute__((nonnull(1, 3))) MUST_USE;
void world_zone_release(struct world_zone *zone);	/* NULL is allowed */
void world_zones_sort(struct world *world) NONNULL;

/* world_catalogs.c: with its zones and its steering the world gets its members. What they take away goes, catalogs that
 * are made here come. False after errors. */
bool world_follow_catalogs(struct world *world, const struct world *base, const struct world_edit *edit,
	struct diags *diags) __attribute__((nonnull(1, 3, 4))) MUST_USE;

/* world_transferred.c: zones that come from primaries stay when the rest is replaced. Before members are known, and
 * once more when they are. False after errors. */
bool world_keep_transferred(struct world *world, const struct world *base, const struct world_edit *edit,
	struct diags *diags) __attribute__((nonnull(1, 3, 4))) MUST_USE;
/* With its members: they are as they came, unless edit->transferred, and those without a section go. */
bool world_settle_transferred(struct world *world, const struct world *base, const struct world_edit *edit,
	struct diags *diags) __attribute__((nonnull(1, 3, 4))) MUST_USE;

#endif
