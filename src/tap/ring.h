/* ring.h -- a queue of octet strings from one thread to another, in memory that was there before: neither of the two
 * ever waits, allocates or calls the system.
 * Threads: one puts, one takes. Ownership: the ring keeps what is put until it's given back. */
#ifndef ISOBAR_TAP_RING_H
#define ISOBAR_TAP_RING_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/contract.h"

struct ring {
	uint8_t *bytes;
	size_t size;			/* a power of 2 */
	alignas(64) uint64_t head;	/* octets ever put; written by who puts */
	alignas(64) uint64_t tail;	/* octets ever given back; written by who takes */
};

bool ring_init(struct ring *ring, size_t size) NONNULL MUST_USE;	/* false: out of memory */
void ring_fini(struct ring *ring) NONNULL;

/* Room for `length` octets, aligned to 8, which counts only with ring_put(); NULL: there's none. No string may take
 * more than half of the ring. */
void *ring_room(struct ring *ring, size_t length) NONNULL MUST_USE;
void ring_put(struct ring *ring, size_t length) NONNULL;	/* as it was given to the last ring_room() */

/* The oldest strings, at most `most`: how many. They stay until ring_give(). */
size_t ring_take(const struct ring *ring, struct iovec *strings, size_t most) NONNULL MUST_USE;
void ring_give(struct ring *ring, const struct iovec *strings, size_t count) NONNULL;	/* all that was taken */

#endif
