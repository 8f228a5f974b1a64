/* primaries.h -- the zones that others have the say of: transferred from a primary, renewed by the timers of their SOA
 * (RFC 1034 section 4.3.5), by NOTIFY, and by an operator's wish.
 * Each new version is a change like any other: checked, certified, stored, then seen by workers. What fails leaves the
 * version before in service until it expires. Threads: control; its sockets are on control's loop. */
#ifndef ISOBAR_CONTROL_PRIMARIES_H
#define ISOBAR_CONTROL_PRIMARIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/contract.h"
#include "control/control.h"

struct primaries;

struct primaries *primaries_new(struct control *control) NONNULL MUST_USE;	/* NULL: out of memory */
/* Begins what is due; `loop` NULL: later. */
void primaries_tick(struct primaries *primaries, uv_loop_t *loop, struct mono now, struct wall wall)
	__attribute__((nonnull(1)));
void primaries_close(struct primaries *primaries);	/* its handles; NULL is allowed here and below */
void primaries_free(struct primaries *primaries);

/* A NOTIFY that one of the zone's primaries sent (whether it is one was looked at by the worker): asks it now. */
void primaries_notified(struct primaries *primaries, const uint8_t *apex, const struct address *from) NONNULL;
/* An operator's wish to ask now; `whole`: by AXFR. False: no such zone. */
bool primaries_refresh(struct primaries *primaries, const char *zone, bool whole) NONNULL;

struct leases;
/* What zones of primaries are answered by; for as long as `primaries`. */
struct leases *primaries_leases(const struct primaries *primaries) NONNULL;
/* Storeless there's nothing to keep them in: such a zone is an error. */
struct world;
bool primaries_allowed_without_store(const struct world *world, struct diags *diags) NONNULL MUST_USE;

struct primaries_counts {
	uint64_t checked;			/* SOAs */
	uint64_t whole, differences;		/* transfers that came to an end, and to a version in service */
	uint64_t failed, refused;		/* rounds without word; versions that can't be served */
	uint64_t octets, notified;
};
struct primaries_counts primaries_counts(const struct primaries *primaries) NONNULL;

enum primary_state { PRIMARY_WAITING, PRIMARY_ASKING, PRIMARY_TRANSFERRING, PRIMARY_EXPIRED };

struct primaries_view {
	const char *zone;
	enum primary_state state;
	bool loaded;			/* there is a version in service */
	uint32_t serial;		/* of it */
	struct wall refreshed, expires, next;	/* last success; when it ends to be answered; the next try */
	struct address primary;		/* that gave word last; .bits 0: none */
	uint16_t port;
	uint64_t octets;		/* of the last transfer */
	bool encrypted, by_difference;
	const char *trouble;		/* of the last try; "" when it was good */
};
/* The i-th, by name. False: there are no more. */
bool primaries_view(const struct primaries *primaries, size_t i, struct primaries_view *view) NONNULL;

#endif
