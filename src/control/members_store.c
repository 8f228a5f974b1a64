/* members_store.c -- members to and from the store, and to the log.
 * In: the members before and after a change.  Out: the rows that differ; a line for each zone that came or went.
 * Threads: control; members_store() on the store's writer, which only reads what is immutable. */
#include "control/members_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "dns/name.h"

#define TOLD_MOST 20	/* lines of one change; ten thousand more would say no more */

struct loading { struct members *members; struct membership *list; size_t room; bool failed; };

static bool on_row(void *arg, const struct member_row *row);
static bool is_same(const struct membership *a, const struct membership *b);
static const struct membership *next_followed(const struct members *members, size_t *i);
static void tell_members(const struct members *from, const struct members *to);
static void tell_clashes(const struct members *from, const struct members *to);

struct members *
members_load(struct store_reader *reader)
{
	struct loading loading = { .members = members_new() };

	if (loading.members == NULL)
		return NULL;
	if (store_members(reader, on_row, &loading) != 0 || loading.failed) {
		free(loading.list);
		members_release(loading.members);
		return NULL;
	}
	if (loading.members->count > 1)
		qsort(loading.list, loading.members->count, sizeof(*loading.list), memberships_compare);
	loading.members->list = arena_copy(loading.members->arena, loading.list,
	    loading.members->count * sizeof(*loading.list));
	free(loading.list);
	if (loading.members->list != NULL)
		return loading.members;
	members_release(loading.members);
	return NULL;
}

static bool
on_row(void *arg, const struct member_row *row)
{
	struct loading *loading = arg;
	struct members *members = loading->members;
	struct membership *member;
	uint8_t apex[NAME_MAX];
	size_t length = name_parse(row->zone, apex);

	if (length == 0)
		return true;
	if (members->count == loading->room) {
		size_t room = loading->room * 2 + 64;
		struct membership *list = realloc(loading->list, room * sizeof(*list));

		loading->failed = list == NULL;
		if (list == NULL)
			return false;
		loading->list = list;
		loading->room = room;
	}
	member = &loading->list[members->count++];
	*member = (struct membership){
		.zone = arena_text(members->arena, row->zone), .catalog = arena_text(members->arena, row->catalog),
		.apex = arena_copy(members->arena, apex, length), .label = arena_text(members->arena, row->label),
		.group = arena_text(members->arena, row->group),
		.role = row->followed ? CATALOG_CONSUMER : CATALOG_PRODUCER, .time = row->time, .gone = row->gone,
	};
	loading->failed = member->zone == NULL || member->catalog == NULL || member->apex == NULL
	    || member->label == NULL || member->group == NULL;
	return !loading->failed;
}

int
members_store(struct store_txn *txn, const struct members *from, const struct members *to)
{
	size_t a = 0, b = 0;
	int status = 0;

	while (from != to && status == 0 && ((from != NULL && a < from->count) || b < to->count)) {
		const struct membership *old = from != NULL && a < from->count ? &from->list[a] : NULL;
		const struct membership *new = b < to->count ? &to->list[b] : NULL;
		int order = old == NULL ? 1 : new == NULL ? -1 : memberships_compare(old, new);

		a += order <= 0;
		b += order >= 0;
		if (order < 0)
			status = store_member_delete(txn, old->zone, old->catalog);
		else if (order > 0 || !is_same(old, new))
			status = store_member_put(txn, &(struct member_row){ .zone = new->zone,
			    .catalog = new->catalog, .label = new->label, .group = new->group,
			    .followed = new->role == CATALOG_CONSUMER, .time = new->time, .gone = new->gone });
	}
	return status;
}

static bool
is_same(const struct membership *a, const struct membership *b)
{
	return strcmp(a->label, b->label) == 0 && strcmp(a->group, b->group) == 0 && a->role == b->role
	    && a->time == b->time && a->gone == b->gone;
}

/* --- the log -------------------------------------------------------------------------------------------------- */

void
members_tell(const struct members *from, const struct members *to)
{
	if (from == to)
		return;
	tell_members(from, to);
	tell_clashes(from, to);
}

static void
tell_members(const struct members *from, const struct members *to)
{
	size_t a = 0, b = 0, told = 0;
	const struct membership *old = next_followed(from, &a), *new = next_followed(to, &b);

	while (old != NULL || new != NULL) {
		int order = old == NULL ? 1 : new == NULL ? -1 : name_compare(old->apex, new->apex);
		const char *zone = order < 0 ? old->zone : new->zone;
		const char *what = order > 0 ? "comes as a member of" : order < 0 ? "is no member any more of"
		    : strcmp(old->label, new->label) != 0 ? "begins anew as a member of"
		    : strcmp(old->catalog, new->catalog) != 0 ? "goes over to" : NULL;

		if (what != NULL && told++ < TOLD_MOST)
			log_info("%s %s the catalog %s", zone, what, order < 0 ? old->catalog : new->catalog);
		if (order <= 0)
			old = next_followed(from, &a);
		if (order >= 0)
			new = next_followed(to, &b);
	}
	if (told > TOLD_MOST)
		log_info("and %zu zones more that come or go by catalogs", told - TOLD_MOST);
}

static const struct membership *
next_followed(const struct members *members, size_t *i)
{
	while (members != NULL && *i < members->count && members->list[*i].role != CATALOG_CONSUMER)
		++*i;
	return members == NULL || *i == members->count ? NULL : &members->list[(*i)++];
}

static void
tell_clashes(const struct members *from, const struct members *to)
{
	size_t told = 0;

	for (size_t i = 0; i < to->clash_count; i++) {
		const struct member_clash *clash = &to->clashes[i];
		bool known = false;

		for (size_t k = 0; from != NULL && k < from->clash_count && !known; k++)
			known = strcmp(from->clashes[k].zone, clash->zone) == 0
			    && strcmp(from->clashes[k].catalog, clash->catalog) == 0;
		if (!known && told++ < TOLD_MOST)
			log_warning("the member %s of the catalog %s isn't followed: %s%s", clash->zone,
			    clash->catalog, *clash->holder == '\0' ? "this server has a zone of that name"
			    : "it's a member of the catalog ", clash->holder);
	}
	if (told > TOLD_MOST)
		log_warning("and %zu members more that aren't followed", told - TOLD_MOST);
}
