/* secondaries_parts.h -- what is known of each zone that secondaries get: shared by the files secondaries*.c alone.
 * Threads: control. */
#ifndef ISOBAR_CONTROL_SECONDARIES_PARTS_H
#define ISOBAR_CONTROL_SECONDARIES_PARTS_H

#include "base/arena.h"
#include "control/secondaries.h"
#include "control/state.h"
#include "steer/steering.h"
#include "transfer/edition.h"

struct served {
	char *name;			/* presentation form, final dot */
	uint8_t apex[NAME_MAX];
	const struct steering_zone *wanted;	/* of the world in service; NULL: nobody is to have it */
	size_t index;			/* in that world */
	uint32_t written;		/* the serial of its text */
	bool known;			/* `serial` and `content` are those that were told last */
	uint32_t serial;
	uint64_t content;		/* a hash of what was told, but for the SOA's serial */
	struct edition *edition;	/* in service, or NULL */
	struct zone *source;		/* that it was made of; held */
	bool steered;			/* it's a frozen copy */
	uint64_t choice;		/* a hash of the regions chosen */
	struct signature_cache *cache;	/* of a copy that we sign; made when there is one */
	struct signed_zone *copy;	/* held; or NULL */
	uint64_t keys;			/* a hash of those it was signed with */
	struct mono made, failed;	/* .ns 0: it didn't */
	bool settled;			/* nothing but a publication can change it */
	bool told, stored;
	uint64_t warned;		/* a hash of the names that the log has told of */
};

struct retired { struct retired *next; struct edition *edition; struct signed_zone *copy; };

struct secondaries {
	struct control *control;
	struct served **zones;		/* in canonical order */
	size_t count, room;
	struct retired *retired;
	struct arena *arena;		/* of what is published */
	uint64_t surveyed;		/* the epoch of the snapshot that survey() saw */
	struct notifier *notifier;
	bool stale;			/* the workers don't see what is here: out of memory */
};

/* secondaries_editions.c: makes a zone's edition if it's due. True: it has another one. */
bool served_refresh(struct secondaries *s, struct served *served, struct mono now, struct wall wall) NONNULL;

/* secondaries_told.c: what there is, to the workers. False: out of memory, and what was there goes on. */
bool secondaries_publish(struct secondaries *s) NONNULL MUST_USE;
/* Serials that weren't stored yet, in one transaction; what isn't taken now is with the next ones. */
void secondaries_store(struct secondaries *s) NONNULL;
/* That steering.yaml names. NULL: it isn't in isobar.yaml. */
const struct tsig_key *secondaries_key(const struct secondaries *s, const char *name) NONNULL;

/* secondaries.c: frees both when no worker can see them any more. `copy` may be NULL. */
void secondaries_retire(struct secondaries *s, struct edition *edition, struct signed_zone *copy)
	__attribute__((nonnull(1, 2)));

#endif
