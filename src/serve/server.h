/* server.h -- the worker threads with their sockets: UDP and TCP, answering from the published snapshot.
 * Threads: all calls by the control thread. */
#ifndef ISOBAR_SERVE_SERVER_H
#define ISOBAR_SERVE_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "base/text.h"
#include "serve/answer.h"
#include "serve/clients.h"
#include "serve/guard.h"
#include "serve/requests.h"
#include "serve/snapshot.h"
#include "serve/tls_context.h"
#include "serve/transfers.h"

struct server;

#define SERVER_LISTENS_MAX 64

struct server_listen {
	struct address address;
	uint16_t port;			/* 0: the kernel chooses; server_port() tells */
	uint16_t udp_payload;		/* 0: that of the options */
	bool encrypted;			/* TLS, and no UDP */
};

struct server_options {
	size_t listen_count;
	const struct server_listen *listens;
	unsigned workers;		/* >= 1 */
	uint16_t udp_payload;		/* 512 .. 4096 */
	const struct identity *identity;	/* or NULL; must outlive the server */
	const struct guard_options *guard;	/* rates of all workers together; NULL: no cookies, no limits */
	const struct cookie_secrets *secrets;	/* in service at the start; NULL: no cookies */
	const uint8_t *report_agent;	/* a name in wire form, or NULL; must outlive the server */
	/* A connection is closed when its client doesn't begin a query, doesn't end it, doesn't take its answers, or
	 * isn't through with the handshake for this time. */
	uint32_t tcp_idle_ms, tcp_query_ms, tcp_answer_ms, tls_handshake_ms;
	struct clients_limits connections, handshakes;	/* over all workers; handshakes under way */
	uint32_t handshake_rate;	/* that one prefix, as in `handshakes`, may begin in a second; 0: any */
	unsigned tcp_in_flight;		/* answers a client may have waiting unread; more are not read from it */
	size_t proxy_count;
	const struct prefix *proxies;	/* who must say by a PROXY header for whom it asks; must outlive the server */
	const struct tsig_keys *keys;	/* that clients may sign with; NULL: none. Must outlive the server */
	struct transfer_limits transfers;
	struct request_limits requests;
	const struct tls_context *tls;	/* for encrypted listeners; borrowed until server_encrypt() brings another */
};

/* Binds all sockets (every worker its own, by SO_REUSEPORT), then starts the threads, which answer at once. The server
 * borrows `snapshot` until the next publication. NULL with a message in `error`: nothing runs then. */
struct server *server_start(const struct server_options *options, const struct snapshot *snapshot, struct text *error)
	NONNULL MUST_USE;

/* New queries see `snapshot` from here on; returns when no worker can see the old one any more (some microseconds
 * to one batch), which the caller may then free. */
void server_publish(struct server *server, const struct snapshot *snapshot) NONNULL;

/* Cookies are made with the first of these secrets from here on, and those of all of them are taken. They're copied.
 * False: out of memory, or the server has no cookies; the old ones stay. */
bool server_secrets(struct server *server, const struct cookie_secrets *secrets) NONNULL MUST_USE;

/* Answers of predictive services say from here on that nobody has planned for long, or not any more. */
void server_plan_stale(struct server *server, bool stale) NONNULL;
/* New TLS connections use `tls` from here on; those that are open go on. The one before may be freed then. */
void server_encrypt(struct server *server, const struct tls_context *tls) NONNULL;

/* Who watches from here on; NULL: nobody. When it returns no worker uses the one before. */
void server_tap(struct server *server, const struct tap *tap) __attribute__((nonnull(1)));

/* What secondaries may have from here on. When it returns no worker begins a transfer of what was there before; those
 * that have begun hold their editions. */
void server_transfers(struct server *server, const struct transfers *transfers) NONNULL;
struct transfer_desk *server_desk(const struct server *server) NONNULL;

/* Who may hand in what from here on. When it returns no worker uses what was there before. */
void server_requests(struct server *server, const struct requests *requests) NONNULL;
struct request_desk *server_request_desk(const struct server *server) NONNULL;

void server_counters(const struct server *server, struct counters *sum) NONNULL;

/* The workers' sketches of what was asked since the last call, which begin anew: `each` gets one worker's after the
 * other. They look at one question in `every` from now on. */
void server_sketches(struct server *server, uint32_t every, void (*each)(void *arg, const struct sketch *sketch),
	void *arg) __attribute__((nonnull(1, 3)));
void server_tell_time(struct server *server, uint32_t now_ms) NONNULL;	/* since then, to the sketches' clocks */

uint16_t server_port(const struct server *server, size_t listen) NONNULL;
unsigned server_connections(const struct server *server) NONNULL;	/* open now */
unsigned server_handshakes(const struct server *server) NONNULL;	/* under way now */
/* Joins the threads; NULL is allowed. Control must have answered what it took from the desk. */
void server_stop(struct server *server);

#endif
