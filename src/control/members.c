/* members.c -- a list of members, and what is found in it.
 * In: a list in order.  Out: memberships.  Threads: control.  How one comes about: members_make.c. */
#include "control/members.h"

#include <stdlib.h>
#include <string.h>

#include "control/members_parts.h"
#include "dns/name.h"

static size_t first_of(const struct membership *list, size_t count, const uint8_t *apex);

struct members *
members_new(void)
{
	struct members *members = calloc(1, sizeof(*members));

	if (members == NULL)
		return NULL;
	members->holds = 1;
	members->arena = arena_new();
	if (members->arena != NULL)
		return members;
	free(members);
	return NULL;
}

void
members_hold(struct members *members)
{
	members->holds++;
}

void
members_release(struct members *members)
{
	if (members == NULL || --members->holds > 0)
		return;
	arena_free(members->arena);
	free(members);
}

const struct membership *
members_followed(const struct members *members, const uint8_t *apex)
{
	return members == NULL ? NULL : memberships_followed(members->list, members->count, apex);
}

const struct membership *
memberships_followed(const struct membership *list, size_t count, const uint8_t *apex)
{
	for (size_t i = first_of(list, count, apex); i < count && name_compare(list[i].apex, apex) == 0; i++)
		if (list[i].role == CATALOG_CONSUMER)
			return &list[i];
	return NULL;
}

bool
members_stays(const struct members *members, const struct steering *steering, const struct membership *was)
{
	return memberships_stay(members->list, members->count, steering, was);
}

bool
memberships_stay(const struct membership *list, size_t count, const struct steering *steering,
	const struct membership *was)
{
	const struct membership *now = memberships_followed(list, count, was->apex);

	return now != NULL ? strcmp(now->label, was->label) == 0 : steering_zone_find(steering, was->apex) != NULL;
}

const struct membership *
members_find(const struct members *members, const uint8_t *apex, const char *catalog)
{
	return members == NULL ? NULL : memberships_find(members->list, members->count, apex, catalog);
}

const struct membership *
memberships_find(const struct membership *list, size_t count, const uint8_t *apex, const char *catalog)
{
	for (size_t i = first_of(list, count, apex); i < count && name_compare(list[i].apex, apex) == 0; i++)
		if (strcmp(list[i].catalog, catalog) == 0)
			return &list[i];
	return NULL;
}

size_t
members_count(const struct members *members, const char *catalog)
{
	size_t count = 0;

	for (size_t i = 0; members != NULL && i < members->count; i++)
		count += !members->list[i].gone && strcmp(members->list[i].catalog, catalog) == 0;
	return count;
}

/* Where memberships of the zone begin, or would. */
static size_t
first_of(const struct membership *list, size_t count, const uint8_t *apex)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(list[middle].apex, apex) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
memberships_compare(const void *a, const void *b)
{
	const struct membership *x = a, *y = b;
	int order = name_compare(x->apex, y->apex);

	return order != 0 ? order : strcmp(x->catalog, y->catalog);
}
