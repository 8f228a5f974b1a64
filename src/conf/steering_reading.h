/* steering_reading.h -- the state of reading one steering.yaml, which its parts hand on. Threads: one reading, one
 * thread. */
#ifndef ISOBAR_CONF_STEERING_READING_H
#define ISOBAR_CONF_STEERING_READING_H

#include <stddef.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"
#include "base/text.h"
#include "conf/steering_schema.h"
#include "steer/steering.h"

struct steering_reading {
	const char *file;
	struct arena *arena;		/* of the steering */
	struct arena *scratch;		/* of the tree */
	struct diags *diags;
	size_t errors_before;		/* in `diags`, from other files */
	struct steering *steering;
	const struct written_steering *written;
	bool regions_broken;		/* none could be read: names that miss one say nothing */
	const char **region_names, **group_names;	/* for suggestions, in the order of the steering's; scratch */
};

/* In the order of the calls: each resolves names of those before it. */
void steering_take_groups(struct steering_reading *r) NONNULL;
void steering_take_services(struct steering_reading *r) NONNULL;
void steering_take_feeds(struct steering_reading *r) NONNULL;
void steering_take_zones(struct steering_reading *r) NONNULL;

/* steering_serving.c: one of them, whose apex is set. */
void steering_take_zone(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone)
	NONNULL;
/* steering_catalogs.c: what a zone has to do with catalogs; and, when all are taken, whether that fits together. */
void steering_take_catalog(struct steering_reading *r, const struct written_zone *written, struct steering_zone *zone)
	NONNULL;
void steering_check_catalogs(struct steering_reading *r, const struct written_zone *const *written) NONNULL;

/* Zeroed room, one octet at least. NULL when memory is out, which is then reported. */
void *steering_room(struct steering_reading *r, struct arena *arena, size_t count, size_t size) NONNULL MUST_USE;
void steering_out_of_memory(struct steering_reading *r) NONNULL;

/* Copies in the steering's arena. Never NULL. */
const char *steering_text(struct steering_reading *r, const char *text) NONNULL;
const char *const *steering_texts(struct steering_reading *r, const char *const *texts, size_t count)
	__attribute__((nonnull(1)));

/* Coordinates as written, or else the middle of `country` (""; none). */
struct location steering_location(struct steering_reading *r, const struct written_location *written,
	const char *country) NONNULL;

struct diag_place steering_place(const struct steering_reading *r, const struct yaml_node *node) NONNULL;

#endif
