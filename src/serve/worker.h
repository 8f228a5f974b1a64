/* worker.h -- what the parts of one worker thread share: its loop, its buffers, its view of the snapshot.
 * Private to serve/. Threads: the worker's own, but for what is marked. */
#ifndef ISOBAR_SERVE_WORKER_H
#define ISOBAR_SERVE_WORKER_H

#include <stdalign.h>
#include <uv.h>

#include "serve/answer.h"
#include "serve/clients.h"
#include "serve/server.h"

struct udp_socket;
struct tcp_pool;

struct worker {
	unsigned number;
	const struct server_options *options;
	const struct snapshot *const *published;	/* the server's pointer; read by rcu_load */
	const struct cookie_secrets *const *secrets;	/* the server's pointer; read by rcu_load */
	const bool *plan_stale;				/* the server's; read atomically */
	const struct tap *const *tap;			/* the server's pointer; read by rcu_load */
	struct guard *guard;				/* its own; or NULL */
	struct clients *connections, *handshakes;	/* of all workers, as is */
	struct pace *pace;				/* of handshakes */
	const struct tls_context *const *tls;		/* the server's pointer; read by rcu_load */
	const struct transfers *const *transfers;	/* the server's pointer; read by rcu_load */
	struct transfer_desk *desk;			/* of all workers */
	const struct requests *const *requests;		/* the server's pointer; read by rcu_load */
	struct request_desk *request_desk;		/* of all workers */
	struct tsig_maker *tsig;			/* its own; or NULL: no keys */
	struct sketch *sketch, *spare;			/* that it writes; that control reads. Exchanged by control */
	uv_loop_t loop;
	uv_async_t stop;				/* sent by the control thread */
	uv_async_t answered;				/* the same: requests are */
	uv_thread_t thread;
	struct udp_socket **udp;			/* one a listen address */
	struct tcp_pool *pool;
	alignas(64) struct counters counters;		/* written here, read by anybody */
};

/* number, options, guard, both clients and the pointers into the server are set. Takes two bound sockets for each
 * listen address (UDP, or -1 where it's encrypted; TCP), also when it fails, and starts the thread. 0 or -errno. */
int worker_start(struct worker *worker, const int *fds) NONNULL MUST_USE;
void worker_end(struct worker *worker) NONNULL;	/* joins it and frees what it had */

/* Between these two the snapshot stays alive. Short: one batch. */
const struct snapshot *worker_enter(struct worker *worker) NONNULL;
void worker_leave(void);

/* An environment for this batch; the caller sets client and stream. */
struct answer_env worker_env(struct worker *worker, const struct snapshot *snapshot) NONNULL;

/* udp.c: `fd` is bound; ownership passes, also when it fails. `payload`: the most octets of an answer. 0 or -errno. */
int udp_start(struct worker *worker, struct udp_socket **socket, int fd, bool wildcard, uint16_t payload)
	NONNULL MUST_USE;
void udp_close(struct udp_socket *socket);	/* NULL is allowed here and below */
void udp_free(struct udp_socket *socket);	/* after the loop has run out */

/* tcp.c: `fds[count]` are bound; ownership passes, also when it fails. 0 or -errno. */
int tcp_start(struct worker *worker, struct tcp_pool **pool, const int *fds, size_t count) NONNULL MUST_USE;
void tcp_close(struct tcp_pool *pool);
void tcp_free(struct tcp_pool *pool);

#endif
