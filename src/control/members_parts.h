/* members_parts.h -- lists of memberships while they are made. Private to the files of members.
 * Threads: control. */
#ifndef ISOBAR_CONTROL_MEMBERS_PARTS_H
#define ISOBAR_CONTROL_MEMBERS_PARTS_H

#include "control/members.h"

/* As members_followed(), members_find() and members_stays(), in the part of a list that is in order. */
const struct membership *memberships_followed(const struct membership *list, size_t count, const uint8_t *apex)
	__attribute__((nonnull(3)));
const struct membership *memberships_find(const struct membership *list, size_t count, const uint8_t *apex,
	const char *catalog) __attribute__((nonnull(3, 4)));
bool memberships_stay(const struct membership *list, size_t count, const struct steering *steering,
	const struct membership *was) __attribute__((nonnull(3, 4)));
int memberships_compare(const void *a, const void *b) NONNULL;	/* of qsort() */

#endif
