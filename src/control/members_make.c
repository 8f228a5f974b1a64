/* members_make.c -- members_make() of members.h.
 * In: a world's zones and steering, the members of the world before.  Out: its members, and what can't be one.
 * Threads: control. References: RFC 9432, whose sections are named below.
 *
 * A world's members are a function of its zones, its steering and the members before; the store keeps them with the
 * zones, so a restart goes on with the same ones. A catalog whose new version is broken is refused as a zone, so that
 * what is in service is always whole, and with it the members (section 5.1).
 *
 * Who has a zone keeps it (section 5.2): what steering.yaml names, or what is here without a catalog, is this server's
 * own; a member stays with its catalog until that lets go of it, or lets it go over (`coo`), in which case the new
 * catalog has it with its next version (section 4.3.1). All else is a clash: told, and left.
 *
 * What a version takes away is deleted here, for good. One that takes away very much is more likely a script that
 * failed than a wish (section 6): it's held like a broken one until an operator confirms it.
 *
 * Made here, a member that was gone and comes again has another label (see catalog.h): those that are gone are
 * remembered for that, some 100 octets each. */
#include "control/members_parts.h"

#include <stdlib.h>
#include <string.h>

#include "control/world.h"
#include "dns/name.h"
#include "transfer/catalog.h"

#define DELETIONS_FREE 10	/* so many may always go: of few zones one is soon a large share */

/* A catalog that is followed, as this world has it. */
struct source {
	const struct steering_zone *section;
	const struct zone *zone;	/* NULL: it's yet to come */
	struct catalog catalog;
	bool whole;			/* it could be read; else its members stay */
	bool fresh;			/* another zone than in the world before */
};

struct making {
	const struct world *world, *base;
	const struct members *before;	/* or NULL */
	bool confirmed;
	struct diags *diags;
	struct arena *scratch;
	struct members *members;
	struct membership *list;
	struct member_clash *clashes;
	struct source *sources;
	size_t source_count, sorted;	/* so many of the list are in order */
	bool no_memory;
};

static bool is_unchanged(const struct world *world, const struct world *base);
static const struct zone *zone_of(const struct world *world, const char *name);
static bool read_sources(struct making *m);
static void read_source(struct making *m, struct source *source);
static bool make_room(struct making *m);
static void keep_followed(struct making *m);
static void follow_new(struct making *m);
static bool is_own(const struct making *m, const uint8_t *apex, const char *name);
static struct source *source_named(struct making *m, const char *catalog);
static struct source *source_at(struct making *m, const uint8_t *apex);
static void follow(struct making *m, const struct source *source, const struct catalog_member *entry);
static void keep_as_was(struct making *m, const struct source *source, const struct membership *was);
static const struct steering_zone *settings_for(const struct source *source, const struct catalog_member *entry,
	const char **group);
static void clash(struct making *m, const char *zone, const struct source *source, const char *holder);
static void check_deletions(struct making *m, const struct source *source);
static void make_produced(struct making *m, const struct steering_zone *section);
static bool is_going(const struct making *m, const uint8_t *apex);
static void remember_gone(struct making *m);
static bool is_produced_in(const struct making *m, const struct steering_zone *section, const uint8_t *apex,
	const char **group);
static void put(struct making *m, struct membership membership);
static void sort(struct making *m);

struct members *
members_make(const struct world *world, const struct world *base, const struct members *stored, bool confirmed,
	struct diags *diags)
{
	struct making m = { .world = world, .base = base, .before = base != NULL ? base->members : stored,
	    .confirmed = confirmed, .diags = diags };
	size_t errors = diags->errors;

	if (base != NULL && base->members != NULL && is_unchanged(world, base)) {
		members_hold(base->members);
		return base->members;
	}
	m.members = members_new();
	m.scratch = arena_new();
	if (m.members != NULL && m.scratch != NULL && read_sources(&m) && make_room(&m)) {
		keep_followed(&m);
		follow_new(&m);
		for (size_t i = 0; i < m.source_count; i++)
			check_deletions(&m, &m.sources[i]);
		for (size_t i = 0; i < world->steering->zone_count; i++)
			if (world->steering->zones[i].catalog_role == CATALOG_PRODUCER)
				make_produced(&m, &world->steering->zones[i]);
		sort(&m);
		remember_gone(&m);
		sort(&m);
		m.members->list = m.list;
		m.members->clashes = m.clashes;
	} else {
		m.no_memory = true;
	}
	arena_free(m.scratch);
	if (m.no_memory)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
	if (diags->errors > errors) {
		members_release(m.members);
		return NULL;
	}
	return m.members;
}

/* Neither the steering, nor a catalog, nor which zones there are. */
static bool
is_unchanged(const struct world *world, const struct world *base)
{
	if (world->steering != base->steering || world->zone_count != base->zone_count)
		return false;
	for (size_t i = 0; i < world->zone_count; i++)
		if (strcmp(world->zones[i]->name, base->zones[i]->name) != 0)
			return false;
	for (size_t i = 0; i < world->steering->zone_count; i++) {
		const struct steering_zone *section = &world->steering->zones[i];

		if (section->catalog_role == CATALOG_CONSUMER
		    && zone_of(world, section->name) != zone_of(base, section->name))
			return false;
	}
	return true;
}

static const struct zone *
zone_of(const struct world *world, const char *name)
{
	const struct world_zone *zone = world_find(world, name);

	return zone == NULL ? NULL : zone->zone;
}

/* --- followed ------------------------------------------------------------------------------------------------- */

static bool
read_sources(struct making *m)
{
	const struct steering *steering = m->world->steering;

	m->sources = arena_alloc(m->scratch, (steering->zone_count + 1) * sizeof(*m->sources));
	if (m->sources == NULL)
		return false;
	for (size_t i = 0; i < steering->zone_count; i++)
		if (steering->zones[i].catalog_role == CATALOG_CONSUMER) {
			struct source *source = &m->sources[m->source_count++];

			source->section = &steering->zones[i];
			read_source(m, source);
		}
	return true;
}

/* A version that is in service already, from before the zone was a catalog or a limit was lowered, is told of and not
 * followed; a new one isn't taken. */
static void
read_source(struct making *m, struct source *source)
{
	const char *name = source->section->name;
	const struct steering_zone *was = m->base == NULL ? NULL
	    : steering_zone_find(m->base->steering, source->section->apex);
	struct text why = { 0 };

	source->zone = zone_of(m->world, name);
	source->fresh = m->base == NULL || source->zone != zone_of(m->base, name);
	if (source->zone == NULL)
		return;
	source->whole = catalog_read(source->zone, source->section->catalog->most, m->scratch, &source->catalog, &why);
	if (source->whole) {
		text_fini(&why);
		return;
	}
	if (m->base != NULL && (source->fresh || was == NULL || was->catalog_role != CATALOG_CONSUMER))
		diag_error(m->diags, (struct diag_place){ .file = name }, NULL, "the catalog is broken: %s",
		    why.bytes == NULL ? "out of memory" : why.bytes);
	else
		diag_warning(m->diags, (struct diag_place){ .file = name }, NULL,
		    "the catalog is broken, its members stay as they are: %s",
		    why.bytes == NULL ? "out of memory" : why.bytes);
	text_fini(&why);
}

static bool
make_room(struct making *m)
{
	const struct steering *steering = m->world->steering;
	size_t followed = 0, most = m->before == NULL ? 0 : m->before->count;

	for (size_t i = 0; i < m->source_count; i++)
		followed += m->sources[i].catalog.count;
	for (size_t i = 0; i < steering->zone_count; i++)
		if (steering->zones[i].catalog_role == CATALOG_PRODUCER)
			most += m->world->zone_count;
	m->list = arena_alloc(m->members->arena, (most + followed + 1) * sizeof(*m->list));
	m->clashes = arena_alloc(m->members->arena, (most + followed + 1) * sizeof(*m->clashes));
	return m->list != NULL && m->clashes != NULL;
}

/* Those that were followed, and still are: by the same catalog, or by the one that it lets them go over to. */
static void
keep_followed(struct making *m)
{
	for (size_t i = 0; m->before != NULL && i < m->before->count; i++) {
		const struct membership *was = &m->before->list[i];
		struct source *source = was->role == CATALOG_CONSUMER ? source_named(m, was->catalog) : NULL, *next;
		const struct catalog_member *entry, *there;

		if (source == NULL)
			continue;
		if (steering_zone_find(m->world->steering, was->apex) != NULL)
			continue;	/* follow_new() tells of it */
		if (!source->whole) {
			keep_as_was(m, source, was);
			continue;
		}
		entry = catalog_find(&source->catalog, was->apex);
		next = entry == NULL || entry->owner == NULL ? NULL : source_at(m, entry->owner);
		there = next == NULL || next == source || !next->whole || !next->fresh ? NULL
		    : catalog_find(&next->catalog, was->apex);
		if (there != NULL)
			follow(m, next, there);
		else if (entry != NULL)
			follow(m, source, entry);
	}
	sort(m);
}

/* And those that nobody has yet: the first catalog of steering.yaml that lists it gets it. */
static void
follow_new(struct making *m)
{
	char name[NAME_TEXT_SIZE], owner[NAME_TEXT_SIZE];

	for (size_t s = 0; s < m->source_count; s++) {
		const struct source *source = &m->sources[s];

		for (size_t i = 0; source->whole && i < source->catalog.count && !m->no_memory; i++) {
			const struct catalog_member *entry = &source->catalog.members[i];
			const struct membership *member = memberships_followed(m->list, m->sorted, entry->zone);
			const char *holder = member == NULL ? NULL : member->catalog;

			name_text(entry->zone, name);
			if (holder == NULL && !is_own(m, entry->zone, name))
				follow(m, source, entry);
			else if (holder == NULL)
				clash(m, name, source, "");
			else if (strcmp(holder, source->section->name) != 0 && (entry->owner == NULL
			    || strcmp(holder, name_text(entry->owner, owner)) != 0))
				clash(m, name, source, holder);
		}
		sort(m);
	}
}

/* The zone is configured here, or was here before any catalog spoke of it. */
static bool
is_own(const struct making *m, const uint8_t *apex, const char *name)
{
	return steering_zone_find(m->world->steering, apex) != NULL
	    || (world_find(m->world, name) != NULL && members_followed(m->before, apex) == NULL);
}

static struct source *
source_named(struct making *m, const char *catalog)
{
	for (size_t i = 0; i < m->source_count; i++)
		if (strcmp(m->sources[i].section->name, catalog) == 0)
			return &m->sources[i];
	return NULL;
}

static struct source *
source_at(struct making *m, const uint8_t *apex)
{
	for (size_t i = 0; i < m->source_count; i++)
		if (name_compare(m->sources[i].section->apex, apex) == 0)
			return &m->sources[i];
	return NULL;
}

static void
follow(struct making *m, const struct source *source, const struct catalog_member *entry)
{
	char name[NAME_TEXT_SIZE], label[NAME_TEXT_SIZE];
	uint8_t of_label[NAME_MAX];
	struct membership membership = { .zone = name_text(entry->zone, name), .apex = entry->zone,
	    .catalog = source->section->name, .role = CATALOG_CONSUMER };

	memcpy(of_label, entry->label, entry->label[0] + 1u);
	of_label[entry->label[0] + 1] = 0;
	name_text(of_label, label);
	label[strlen(label) - 1] = '\0';
	membership.label = label;
	membership.settings = settings_for(source, entry, &membership.group);
	put(m, membership);
}

static void
keep_as_was(struct making *m, const struct source *source, const struct membership *was)
{
	const struct catalog_member entry = { .group_count = *was->group == '\0' ? 0 : 1, .groups = &was->group };
	struct membership membership = *was;

	membership.settings = settings_for(source, &entry, &membership.group);
	put(m, membership);
}

/* The first of its groups that is known here decides (section 4.3.2). */
static const struct steering_zone *
settings_for(const struct source *source, const struct catalog_member *entry, const char **group)
{
	const struct zone_catalog *catalog = source->section->catalog;

	for (size_t g = 0; g < entry->group_count; g++)
		for (size_t i = 0; i < catalog->group_count; i++)
			if (strcmp(catalog->groups[i].name, entry->groups[g]) == 0) {
				*group = catalog->groups[i].name;
				return catalog->groups[i].members;
			}
	*group = "";
	return catalog->members;
}

static void
clash(struct making *m, const char *zone, const struct source *source, const char *holder)
{
	struct member_clash *one = &m->clashes[m->members->clash_count];

	*one = (struct member_clash){ arena_text(m->members->arena, zone), source->section->name, holder };
	one->catalog = arena_text(m->members->arena, source->section->name);
	if (*holder != '\0')
		one->holder = arena_text(m->members->arena, holder);
	if (one->zone == NULL || one->catalog == NULL || one->holder == NULL) {
		m->no_memory = true;
		return;
	}
	m->members->clash_count++;
	if (*holder == '\0')
		diag_warning(m->diags, (struct diag_place){ .file = source->section->name }, NULL,
		    "the member %s isn't followed: this server has a zone of that name", zone);
	else
		diag_warning(m->diags, (struct diag_place){ .file = source->section->name }, NULL,
		    "the member %s isn't followed: the catalog %s has it", zone, holder);
}

static void
check_deletions(struct making *m, const struct source *source)
{
	size_t all = 0, going = 0;

	if (!source->whole || !source->fresh || m->confirmed)
		return;
	for (size_t i = 0; m->before != NULL && i < m->before->count; i++) {
		const struct membership *was = &m->before->list[i];

		if (was->role != CATALOG_CONSUMER || strcmp(was->catalog, source->section->name) != 0)
			continue;
		all++;
		going += !memberships_stay(m->list, m->sorted, m->world->steering, was);
	}
	if (going > DELETIONS_FREE && (double)going > source->section->catalog->deletion_most * (double)all)
		diag_error(m->diags, (struct diag_place){ .file = source->section->name }, NULL,
		    "the catalog would delete %zu of its %zu members, more than %.3g %%: all of them stay until "
		    "'isobarctl catalog confirm %s'", going, all,
		    100 * source->section->catalog->deletion_most, source->section->name);
}

/* --- made here ------------------------------------------------------------------------------------------------ */

static void
make_produced(struct making *m, const struct steering_zone *section)
{
	char label[CATALOG_LABEL_SIZE];

	for (size_t i = 0; i < m->world->zone_count && !m->no_memory; i++) {
		const uint8_t *apex = zone_apex(m->world->zones[i]->zone)->name;
		const struct membership *was = members_find(m->before, apex, section->name);
		struct membership membership = { .zone = m->world->zones[i]->name, .apex = apex,
		    .catalog = section->name, .role = CATALOG_PRODUCER };

		if (!is_produced_in(m, section, apex, &membership.group) || is_going(m, apex))
			continue;
		membership.time = was == NULL ? 0 : was->time + was->gone;
		membership.label = catalog_label(apex, membership.time, label);
		put(m, membership);
	}
}

/* It's in the world yet, and will be dropped from it with this. */
static bool
is_going(const struct making *m, const uint8_t *apex)
{
	const struct membership *was = members_followed(m->before, apex);

	return was != NULL && !memberships_stay(m->list, m->sorted, m->world->steering, was);
}

/* Of catalogs that aren't made any more, too: they might be again. */
static void
remember_gone(struct making *m)
{
	for (size_t i = 0; m->before != NULL && i < m->before->count && !m->no_memory; i++) {
		struct membership membership = m->before->list[i];

		if (membership.role != CATALOG_PRODUCER
		    || memberships_find(m->list, m->sorted, membership.apex, membership.catalog) != NULL)
			continue;
		membership.gone = true;
		membership.group = "";
		put(m, membership);
	}
}

static bool
is_produced_in(const struct making *m, const struct steering_zone *section, const uint8_t *apex, const char **group)
{
	const struct steering_zone *own = steering_zone_find(m->world->steering, apex);

	*group = own == NULL || own->member_group == NULL ? "" : own->member_group;
	if (own != NULL && own->catalog_role != CATALOG_NONE)
		return false;
	if (own != NULL && own->member_of != NULL)
		return name_compare(own->member_of, section->apex) == 0;
	return section->catalog->every_zone;
}

/* --- the list ------------------------------------------------------------------------------------------------- */

/* There is room. */
static void
put(struct making *m, struct membership membership)
{
	struct arena *arena = m->members->arena;

	membership.zone = arena_text(arena, membership.zone);
	membership.catalog = arena_text(arena, membership.catalog);
	membership.label = arena_text(arena, membership.label);
	membership.group = arena_text(arena, membership.group);
	membership.apex = arena_copy(arena, membership.apex, name_length(membership.apex, NAME_MAX));
	if (membership.zone == NULL || membership.catalog == NULL || membership.label == NULL
	    || membership.group == NULL || membership.apex == NULL) {
		m->no_memory = true;
		return;
	}
	m->list[m->members->count++] = membership;
}

static void
sort(struct making *m)
{
	if (m->members->count > 1)
		qsort(m->list, m->members->count, sizeof(*m->list), memberships_compare);
	m->sorted = m->members->count;
}
