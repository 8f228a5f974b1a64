/* answer.h -- the border: bytes in, bytes out. UDP, TCP, tests, fuzz targets and benchmarks all call answer().
 * No lock, allocation, log or system call happens here. Threads: any, each with its own counters and row. */
#ifndef ISOBAR_SERVE_ANSWER_H
#define ISOBAR_SERVE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "dns/cookie.h"
#include "dns/types.h"
#include "serve/identity.h"
#include "serve/proxy.h"
#include "serve/snapshot.h"
#include "steer/sketch.h"
#include "transfer/tsig.h"
#include "tap/tap.h"

#define ANSWER_SIZE_MAX 65535

/* What a connection waits for its client to do, each for a time of its own (connection.c). */
enum stream_wait {
	WAIT_QUERY,		/* to begin a query */
	WAIT_REST,		/* to end it */
	WAIT_READER,		/* to take its answers */
	WAIT_HEADER,		/* to send a PROXY header */
	WAIT_HANDSHAKE,
	WAITS
};

/* Why a connection isn't taken. */
enum refusal {
	REFUSED_FULL, REFUSED_PREFIX, REFUSED_HANDSHAKES_FULL, REFUSED_HANDSHAKES_PREFIX, REFUSED_HANDSHAKE_RATE,
	REFUSALS
};

enum handshake { HANDSHAKE_FULL, HANDSHAKE_RESUMED, HANDSHAKE_FAILED, HANDSHAKES };

#define GUARD_KINDS 6		/* of guard.h */
#define TRANSFER_KINDS 3	/* of transfer/outgoing.h */

struct deferred;
struct request_desk;
struct requests;
struct stream_source;
struct transfer_desk;
struct transfers;

/* Owned by one worker, who stores relaxed; anybody may load relaxed (counters_read). */
struct counters {
	uint64_t queries[TRANSPORTS];
	uint64_t dropped;		/* no header, or a response */
	uint64_t truncated;
	uint64_t rcodes[16];
	uint64_t steered;		/* answers for steered names */
	uint64_t picks[8];		/* by enum pick_outcome */
	uint64_t client_subnet;		/* queries with ECS */
	uint64_t connections[TRANSPORTS];
	uint64_t refused[REFUSALS], timeouts[WAITS];	/* connections */
	uint64_t gave_way;		/* idle connections, to new ones */
	uint64_t paused;		/* times that a connection wasn't read, as it didn't take its answers */
	uint64_t handshakes[HANDSHAKES];
	uint64_t proxied[PROXY_VERDICTS];
	uint64_t send_failures;
	uint64_t cookies[4];		/* queries by enum cookie_state */
	uint64_t transfers[TRANSFER_KINDS];	/* begun, by enum outgoing_kind */
	uint64_t transfers_refused;	/* by rules, or by limits */
	uint64_t tsig[2];		/* messages with TSIG: good, others */
	uint64_t updates[16];		/* UPDATEs answered, by rcode */
	uint64_t updates_repeated;	/* datagrams that came again while the first was under way */
	uint64_t notifies[2];		/* NOTIFYs: of primaries, others */
	uint64_t cookies_demanded;	/* that were told to come back with a cookie, or by TCP */
	uint64_t limited[2][GUARD_KINDS];	/* beyond their rate, by kind: dropped, truncated */
};

static inline void
counter_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

/* What is answered without looking anything up. */
struct ruling {
	uint16_t rcode;
	int ede;			/* EDE_NONE: nothing is told */
	const char *ede_text;
	bool authoritative;
};

/* Where a response goes that comes later than answer() returns. Both functions run on the worker's thread. */
struct later {
	unsigned worker;
	/* Before it begins: remembers in it where to. NULL: `arg` knows. */
	void (*keep)(void *arg, struct deferred *request, const uint8_t *message);
	/* The response is there: sends it; or makes a stream go on, whose source it is. */
	void (*ready)(void *arg, struct deferred *request);
	void *arg;
};

struct answer_env {
	const struct snapshot *snapshot;
	struct worker_row *row;		/* of this worker in the snapshot */
	struct sketch *sketch;		/* of this worker, or NULL */
	struct counters *counters;
	const struct identity *identity;	/* or NULL: nobody may ask who this is */
	struct address client;		/* the resolver that asks */
	bool stream;			/* TCP: up to 65535 octets */
	bool encrypted;			/* TLS: responses are padded when asked for */
	bool carries_zones;		/* a stream by which zones may go: not that of an old TLS */
	bool plan_stale;		/* nobody has planned for a long time */
	uint32_t idle_ms;		/* how long this stream may idle */
	const uint8_t *report_agent;	/* where resolvers report what they find wrong (RFC 9567); NULL: nowhere */
	struct guard *guard;		/* of this worker, or NULL: no cookies, no limits */
	const struct cookie_secrets *secrets;	/* with a guard: those in service; NULL: no cookies */
	uint32_t now;			/* Unix time, seconds, modulo 2^32 */
	uint64_t now_ns;		/* monotonic; one reading serves a batch */
	uint16_t udp_payload;		/* the most octets of a UDP answer, and what OPT says; 512 .. 4096 */
	struct tsig_maker *tsig;	/* of this worker; or NULL: no keys */
	const struct tsig_keys *keys;	/* with `tsig`: those that clients may sign with */
	const struct transfers *transfers;	/* what secondaries may have; NULL: nothing */
	struct transfer_desk *desk;	/* of all workers; or NULL: no transfers by streams */
	const struct requests *requests;	/* who may hand in UPDATE and NOTIFY; NULL: nobody */
	struct request_desk *request_desk;	/* of all workers; or NULL */
	const struct later *later;	/* NULL: nothing is answered later */
	struct stream_source *source;	/* set where messages follow the one that is returned. NULL: none may */
	struct tap_note *note;		/* of this query, empty; or NULL: nobody watches */
	struct tap_seen *seen;		/* of a stream, but for the messages; or NULL: nobody watches */
};

/* The length of the response in `response` (which holds at least 512 octets by UDP, ANSWER_SIZE_MAX by TCP), or 0 when
 * none must be sent, or it comes later. */
size_t answer(const struct answer_env *env, const uint8_t *request, size_t length, uint8_t *response, size_t size)
	NONNULL;
/* Writes the response of a request that was done, into it. The environment is one of its worker. */
void answer_later(const struct answer_env *env, struct deferred *request) NONNULL;

#endif
