/* server.h -- what the parts of the HTTP server share: listeners, and requests under way. Private to api.c, exchange.c
 * and admission.c. Threads: as said at each. */
#ifndef ISOBAR_API_SERVER_H
#define ISOBAR_API_SERVER_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "api/api.h"
#include "api/counters.h"
#include "api/patience.h"
#include "api/request.h"
#include "base/contract.h"

#define EXCESS_MAX ((size_t)8 << 20)	/* read and thrown away of a refused body, so that its client can read why */

/* One listening socket with its thread. */
struct front {
	struct api *api;
	struct MHD_Daemon *daemon;
	struct store_reader *reader;
	bool local;
	int fd;
};

/* One request with its connection. */
struct exchange {
	struct request request;		/* first: handlers give it back by this address */
	struct front *front;
	struct MHD_Connection *connection;
	struct exchange *next, *previous;
	struct wait *wait;
	size_t excess;			/* octets of the body past the limit */
	bool has_body, ran, handed_over;
	bool parked, abandoned, with_control;	/* under api->lock */
	atomic_uint holders;
};

struct api {
	struct control *control;
	struct store *store;
	struct api_counters counters;
	struct front fronts[2];
	struct patience *patience;
	char *socket_path;
	uint16_t port;
	pthread_mutex_t lock;
	pthread_cond_t ended;		/* a request ended */
	struct exchange *under_way;
	bool stopping;
	atomic_uint holders;		/* the caller, and each exchange */
};

/* api.c: the last of all holders frees. Any thread. */
void api_release(struct api *api) NONNULL;

/* exchange.c: libmicrohttpd calls these on the listener's thread. */
enum MHD_Result exchange_on_request(void *arg, struct MHD_Connection *connection, const char *path, const char *method,
	const char *version, const char *bytes, size_t *length, void **state);
void exchange_on_completed(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code);

/* exchange.c, for api_stop(). Nothing is parked from here on, and who waits for the control thread, which is the caller
 * and calls nobody any more, is answered; with `store_too` also who waits for the store. */
void exchange_abandon_all(struct api *api, bool store_too) NONNULL;
void exchange_await_all(struct api *api, unsigned seconds) NONNULL;	/* until all have ended, this long at most */

/* admission.c: looks at the headers alone, and answers when the request is refused. The listener's thread. */
void admission_check(struct exchange *exchange) NONNULL;
size_t admission_body_limit(const struct request *request) NONNULL;

#endif
