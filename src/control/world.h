/* world.h -- the intention as a whole: every zone's text and the steering's, read and checked together.
 * A change makes a new world from the last one; zones that didn't change are shared, not read again.
 * Threads: control (isobarctl's conf-check reads one too). */
#ifndef ISOBAR_CONTROL_WORLD_H
#define ISOBAR_CONTROL_WORLD_H

#include <stdbool.h>

#include "base/contract.h"
#include "base/diag.h"
#include "control/members.h"
#include "dnssec/signer.h"
#include "steer/geo.h"
#include "steer/steering.h"
#include "transfer/tsig.h"
#include "zone/zone.h"

struct world_zone {
	unsigned holds;
	char *name;		/* presentation form, final dot, lower case */
	char *file;		/* for messages */
	char *text;
	struct zone *zone;
	bool made;		/* a catalog of our zones: its records come from nowhere else */
};

struct world {
	size_t zone_count;
	struct world_zone **zones;	/* by name */
	char *steering_text;		/* "" when there is none */
	struct steering *steering;
	struct signed_zone **signed_zones;	/* by zone, held; NULL: signed elsewhere, or not. NULL: none is */
	struct geo_file { unsigned holds; struct geo *geo; } *geo;	/* or NULL */
	struct members *members;		/* held */
	size_t dropped_count;
	char **dropped;			/* zones of the world before that no catalog has any more, or anew */
};

struct zone_text {
	const char *file;	/* for messages: "gtm.example.com.zone", or "request" */
	const char *name;	/* presentation form, final dot */
	const char *text;	/* the master file; NULL: delete the zone */
	struct zone *zone;	/* that the text is; who gives it holds it until the outcome (of a change: the change).
				 * NULL: it's read */
	bool checked;		/* nothing is to be found in `zone` that isn't told */
	bool refused;		/* the text was read: it's no zone, and its errors are told */
};

struct world_edit {
	bool whole;			/* zones that aren't named are deleted */
	bool incomplete;		/* something couldn't be read: the rest is checked, part by part, and refused */
	size_t zone_count;
	const struct zone_text *zones;
	const char *steering;		/* NULL: unchanged */
	const char *steering_file;	/* for messages */
	const struct tsig_keys *keys;	/* that zones may name; NULL: they aren't known here, and not checked */
	const struct members *members;	/* of catalogs, as they were: where there is no base. NULL: none */
	bool transferred;		/* these zones may come from primaries: they did */
	bool confirmed;			/* a catalog may take away as many zones as it does */
};

/* The world after the edit; `base` may be NULL for an empty one. With errors in `diags`: NULL. A warning alone refuses
 * nothing. Naming a zone to delete that isn't there is an error, and so is naming one twice. */
struct world *world_edit(const struct world *base, const struct world_edit *edit, struct diags *diags)
	__attribute__((nonnull(2, 3))) MUST_USE;
void world_free(struct world *world);

/* The folder's zone files and steering.yaml as an edit that replaces the whole. Texts belong to the folder. */
struct world_folder {
	struct world_edit edit;
	struct zone_text *zones;
	char *steering;
};
/* False with errors in `diags`: a folder or file that can't be read, two files for one zone. `edit` can be given to
 * world_edit() all the same, which finds the errors in the rest. */
bool world_folder_read(struct world_folder *folder, const char *path, struct diags *diags) NONNULL;
void world_folder_fini(struct world_folder *folder) NONNULL;

const struct world_zone *world_find(const struct world *world, const char *name) NONNULL;
size_t world_index(const struct world *world, const char *name) NONNULL;	/* world->zone_count: there's none */

#define WORLD_FILE_MAX ((size_t)1 << 30)	/* one file's octets: 1 GiB, the largest blob that SQLite keeps */

#endif
