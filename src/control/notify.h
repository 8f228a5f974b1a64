/* notify.h -- tells secondaries that a zone has a new serial (RFC 1996), until each has answered.
 * Threads: control; its sockets are on control's loop. */
#ifndef ISOBAR_CONTROL_NOTIFY_H
#define ISOBAR_CONTROL_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/contract.h"
#include "transfer/tsig.h"
#include "zone/zone.h"

struct notifier;

struct notify_target {
	struct address to;
	uint16_t port;
	const struct tsig_key *key;	/* or NULL; must outlive the notifier */
};

struct notifier *notifier_new(uv_loop_t *loop) NONNULL MUST_USE;	/* NULL: out of memory */
/* Closes its sockets; the loop frees it. NULL is allowed. */
void notifier_close(struct notifier *notifier);

/* The zone has this SOA now, and these are to know. Those of before are forgotten. */
void notifier_tell(struct notifier *notifier, const uint8_t *apex, const struct rrset *soa, uint32_t serial,
	const struct notify_target *targets, size_t count, struct mono now) NONNULL;
void notifier_forget(struct notifier *notifier, const uint8_t *apex) NONNULL;
void notifier_tick(struct notifier *notifier, struct mono now) NONNULL;	/* sends what is due */

struct notify_view {
	struct address to;
	uint16_t port;
	const struct tsig_key *key;	/* or NULL */
	uint32_t serial, answered;	/* that it's told; the last one that it answered, if answered_at.ms isn't 0 */
	struct wall answered_at;
	unsigned tries;			/* of the present one */
	bool waiting;			/* it hasn't answered that */
	uint16_t rcode;			/* of its last answer */
};
/* The zone's i-th. False: there are no more. */
bool notifier_view(const struct notifier *notifier, const uint8_t *apex, size_t i, struct notify_view *view) NONNULL;
void notifier_counts(const struct notifier *notifier, uint64_t *sent, uint64_t *answered, uint64_t *refused) NONNULL;

#endif
