/* request_desk.h -- where UPDATEs wait: workers put them in, control takes them out, does them and says what came of
 * it, and the worker that got each sends its response.
 * It's bounded in all and for each client. What was put in comes back to its worker exactly once, or is freed with the
 * desk. Threads: any, by one lock, which is held for some pointers; each function says whose it is. */
#ifndef ISOBAR_SERVE_REQUEST_DESK_H
#define ISOBAR_SERVE_REQUEST_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/address.h"
#include "base/contract.h"
#include "dns/name.h"
#include "dns/query.h"
#include "dns/reply.h"
#include "serve/answer.h"
#include "serve/clients.h"
#include "transfer/tsig.h"

#define REQUEST_RESPONSE_MAX 2304	/* octets: header, question, OPT with all its options, TSIG; no records */
#define REQUEST_CONTROL_MAX 64		/* of a datagram: one in6_pktinfo */

struct request_desk;

/* An UPDATE under way. Control reads what is marked so, and nothing else. */
struct deferred {
	struct deferred *next;
	struct deferred *newer, *older;		/* of all that are on the desk */
	struct request_desk *desk;
	/* for control */
	uint8_t apex[NAME_MAX];			/* lower case */
	struct address client;
	const struct tsig_key *key;		/* NULL: it wasn't signed */
	bool encrypted, stream;
	size_t length;				/* of the message, without TSIG */
	const uint8_t *message;
	/* for its worker */
	struct later later;
	struct tsig tsig;			/* with a key */
	struct ruling ruling;			/* what control said */
	char text[EDE_TEXT_MAX + 1];		/* of it */
	uint16_t payload;
	bool answered, sent, orphaned;		/* orphaned: nobody waits for it any more */
	struct sockaddr_storage peer;		/* of a datagram, and below: where it came from, and to */
	socklen_t peer_length;
	size_t control_length;
	_Alignas(size_t) uint8_t control[REQUEST_CONTROL_MAX];
	size_t response_length;
	uint8_t response[REQUEST_RESPONSE_MAX];
};

/* A NOTIFY of a primary, answered already. */
struct notice {
	uint8_t apex[NAME_MAX];			/* lower case */
	struct address from;
	bool has_serial;
	uint32_t serial;			/* that the primary has */
};

struct request_limits { unsigned all, per_client; };	/* UPDATEs under way */

/* NULL: out of memory. */
struct request_desk *request_desk_new(const struct request_limits *limits, unsigned workers) NONNULL MUST_USE;
void request_desk_free(struct request_desk *desk);	/* when no worker runs; NULL is allowed */

/* --- workers ------------------------------------------------------------------------------------------------- */

/* How a worker is woken when some of its requests are answered, before it runs; NULL: it ends, and isn't woken any
 * more. */
void request_desk_worker(struct request_desk *desk, unsigned worker, uv_async_t *wake)
	__attribute__((nonnull(1)));

enum desk_verdict {
	DESK_TAKEN,
	DESK_REPEATED,		/* a datagram that is on the desk already: it gets that one's response */
	DESK_FULL,
	DESK_CLIENT_FULL,
	DESK_NO_MEMORY,
};

/* env->later and env->client say whose it is. With DESK_TAKEN, *request is it, and stays the worker's business until
 * deferred_free(). */
enum desk_verdict request_desk_put(struct request_desk *desk, const struct answer_env *env, const struct query *query,
	const uint8_t *message, size_t length, const struct tsig *tsig, struct deferred **request)
	__attribute__((nonnull(1, 2, 3, 4, 7))) MUST_USE;
/* False: there's no room for another. One of the same zone and primary that waits already is enough. */
bool request_desk_notice(struct request_desk *desk, const struct notice *notice) NONNULL MUST_USE;
/* The next one of this worker's that was answered, or NULL. */
struct deferred *request_desk_answered(struct request_desk *desk, unsigned worker) NONNULL;
void deferred_free(struct deferred *request) NONNULL;
/* The source of a stream that waits for it. */
size_t deferred_next(void *request, uint8_t *message, size_t size) NONNULL;
void deferred_end(void *request) NONNULL;

/* --- control ------------------------------------------------------------------------------------------------- */

/* `wake` is called by workers when something came to an empty desk. */
void request_desk_listen(struct request_desk *desk, void (*wake)(void *arg), void *arg)
	__attribute__((nonnull(1)));
struct deferred *request_desk_next(struct request_desk *desk) NONNULL;	/* in the order of their arrival; or NULL */
bool request_desk_next_notice(struct request_desk *desk, struct notice *notice) NONNULL;
/* Control is done with it. `text` is copied. */
void deferred_answer(struct deferred *request, uint16_t rcode, int ede, const char *text) NONNULL;
unsigned request_desk_waiting(struct request_desk *desk) NONNULL;	/* UPDATEs under way */

#endif
