/* primaries_parts.h -- what the files of transfers in share. Private to them. Threads: control. */
#ifndef ISOBAR_CONTROL_PRIMARIES_PARTS_H
#define ISOBAR_CONTROL_PRIMARIES_PARTS_H

#include "control/primaries.h"
#include "control/primary_link.h"
#include "control/primary_version.h"
#include "control/renewal.h"
#include "control/state.h"
#include "serve/lease.h"

enum stage {
	STAGE_IDLE,
	STAGE_ASKING,		/* for the SOA */
	STAGE_WAITING,		/* for another transfer to end */
	STAGE_TRANSFERRING,
	STAGE_BUILDING,		/* on a thread */
	STAGE_READY,		/* for a change */
	STAGE_CHANGING,
};

/* A zone that comes from primaries. */
struct replica {
	struct primaries *all;
	uint8_t apex[NAME_MAX];
	char *name;			/* presentation form, final dot, lower case */
	struct lease *lease;
	struct renewal renewal;
	struct wall next;
	uint32_t dice;			/* its jitter */
	struct address from;		/* that answered last; .bits 0: none */
	uint16_t from_port;
	uint32_t serial;		/* that it told */
	bool wanted;			/* it's still among those of the world */
	bool dropped;			/* and when not: freed when what is under way has ended */
	bool wants_whole, again;	/* wishes: by AXFR; once more when this has ended */
	bool expired_told, alone;	/* alone: its version was refused together with others */
	/* the round under way */
	enum stage stage;
	bool whole;			/* by AXFR, as it was wished */
	size_t asked;			/* primaries before the present one */
	size_t which;			/* of the settings' primaries */
	enum incoming_kind kind;
	bool plain, stream;
	struct primary_link *link;
	struct world_zone *base;	/* held: the version that it began with, or NULL */
	struct primary_version *version;
	bool has_option;
	uint32_t option;		/* EXPIRE */
	/* for those who look */
	char trouble[400];
	uint64_t octets;
	bool encrypted, by_difference;
};

struct primaries {
	struct control *control;
	uv_loop_t *loop;		/* NULL before the first tick with one, and when it's closed */
	struct leases *leases;
	struct replica **list;		/* by name */
	size_t count, size;
	uint64_t epoch;			/* of the publication that the list is of */
	unsigned asking, transferring;
	bool changing, closed;
	struct primaries_counts counts;
};

struct replica *replica_find(const struct primaries *primaries, const uint8_t *apex) NONNULL;

/* primaries_ask.c: one round, through all primaries until one has given word. */
void replica_ask(struct replica *replica) NONNULL;
void replica_go_on(struct replica *replica) NONNULL;	/* from STAGE_WAITING, as there's room now */
/* It's over: the version in service is the primary's; or it failed, which `trouble` says. */
void replica_refreshed(struct replica *replica) NONNULL;
void replica_failed(struct replica *replica, const char *trouble) NONNULL;
void replica_stop(struct replica *replica) NONNULL;	/* its conversation, if there's one */
void replica_set_timers(struct replica *replica, const struct zone *zone)	/* in service, or NULL */
	__attribute__((nonnull(1)));
void replica_free(struct replica *replica) NONNULL;

/* primaries_take.c: versions that are ready become a change. */
void replica_build(struct replica *replica, struct incoming *incoming, enum incoming_step step) NONNULL;
void primaries_publish(struct primaries *primaries) NONNULL;

#endif
