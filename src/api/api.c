/* api.c -- starts and stops the HTTP server: two listeners, each with a thread of libmicrohttpd's.
 * In: settings.  Out: listeners that give their requests to exchange.c.
 * Threads: the control thread, while it runs no loop; libmicrohttpd's own for the small functions at the end.
 * Limits: 64 KiB of headers; IDLE_TIMEOUT_S without an octet closes, and so does a request, headers and body, that
 * isn't whole within REQUEST_DEADLINE_MS (patience.c), so that nobody holds a connection by an octet now and then. */
#include "api/api.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/listen.h"
#include "api/server.h"
#include "base/log.h"

#define CONNECTIONS_MAX 512		/* a listener; agents keep one each */
#define CONNECTIONS_PER_CLIENT 128	/* many agents may sit behind one address */
#define CONNECTION_MEMORY (64 << 10)
#define IDLE_TIMEOUT_S 10
#define REQUEST_DEADLINE_MS 30000	/* 64 MiB at 18 Mbit/s; an idle connection that is kept is closed before */
#define STOP_PATIENCE_S 5		/* a store that is busy longer is stuck; a client that reads slower is gone */

static struct api *api_new(struct control *control, struct text *error);
static bool front_open(struct api *api, struct front *front, const struct settings *settings, struct text *error);
static bool front_start(struct front *front, struct text *error);
static void on_running(void *arg);
static void front_close(struct front *front);
static size_t keep_escapes(void *arg, struct MHD_Connection *connection, char *text);
static void log_trouble(void *arg, const char *format, va_list args) PRINTF(2, 0);
static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code);

struct api *
api_start(struct control *control, const struct settings *settings, struct text *error)
{
	struct api *api = api_new(control, error);
	sigset_t all, before;
	bool good;

	if (api == NULL)
		return NULL;
	/* Signals are for the control thread: libmicrohttpd's threads inherit this mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	good = front_open(api, &api->fronts[0], settings, error) && front_open(api, &api->fronts[1], settings, error);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (good) {
		atomic_fetch_add(&api->holders, 1);
		if (control_post(control, on_running, api))
			return api;
		atomic_fetch_sub(&api->holders, 1);
		text_puts(error, "the control thread takes no work");
	}
	api_stop(api);
	return NULL;
}

static struct api *
api_new(struct control *control, struct text *error)
{
	struct api *api = calloc(1, sizeof(*api));

	if (api == NULL) {
		text_puts(error, "out of memory");
		return NULL;
	}
	api->control = control;
	api->store = control_store(control);
	api->patience = patience_start(REQUEST_DEADLINE_MS);
	if (api->patience == NULL) {
		text_puts(error, "no memory or no thread for the API");
		free(api);
		return NULL;
	}
	api->fronts[0] = (struct front){ .api = api, .local = true, .fd = -1 };
	api->fronts[1] = (struct front){ .api = api, .fd = -1 };
	pthread_mutex_init(&api->lock, NULL);
	pthread_cond_init(&api->ended, NULL);
	atomic_store(&api->holders, 1);
	return api;
}

static bool
front_open(struct api *api, struct front *front, const struct settings *settings, struct text *error)
{
	if (!front->local && settings->api_listener.address.bits == 0)
		return true;
	front->reader = store_reader_open(settings->store, error);
	if (front->reader == NULL)
		return false;
	if (front->local) {
		front->fd = listen_local(settings->api_socket, error);
		api->socket_path = front->fd < 0 ? NULL : strdup(settings->api_socket);
	} else {
		front->fd = listen_tcp(&settings->api_listener, &api->port, error);
	}
	return front->fd >= 0 && front_start(front, error);
}

static bool
front_start(struct front *front, struct text *error)
{
	struct MHD_OptionItem limits[] = {
		{ MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL },
		{ MHD_OPTION_CONNECTION_TIMEOUT, IDLE_TIMEOUT_S, NULL },
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
		{ front->local ? MHD_OPTION_END : MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_PER_CLIENT, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};

	/* The logger comes first, so that it has the messages of all others. */
	front->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, exchange_on_request, front,
	    MHD_OPTION_EXTERNAL_LOGGER, log_trouble, front,
	    MHD_OPTION_LISTEN_SOCKET, front->fd,
	    MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, front,
	    MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, front,
	    MHD_OPTION_ARRAY, limits,
	    MHD_OPTION_END);
	if (front->daemon == NULL)
		text_puts(error, "libmicrohttpd can't start its thread");
	return front->daemon != NULL;
}

static void
on_running(void *arg)
{
	struct api *api = arg;

	atomic_store(&api->counters.ready, true);
	api_release(api);
}

/* The order matters:
 *  1. no new connections, and the socket file gone, so that clients see "not running";
 *  2. nothing is parked any more, and what waits for the control thread, which has ended, is answered;
 *  3. answers under way are sent (that to "stop" is among them), for which the threads must run, and what waits for the
 *     store is waited for;
 *  4. what the store still has is taken away too, since a daemon with suspended connections can't be stopped;
 *  5. the threads end. */
void
api_stop(struct api *api)
{
	if (api == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(api->fronts); i++)
		if (api->fronts[i].daemon != NULL)
			MHD_quiesce_daemon(api->fronts[i].daemon);
	if (api->socket_path != NULL)
		unlink(api->socket_path);
	exchange_abandon_all(api, false);
	exchange_await_all(api, STOP_PATIENCE_S);
	exchange_abandon_all(api, true);
	for (size_t i = 0; i < ARRAY_SIZE(api->fronts); i++)
		front_close(&api->fronts[i]);
	patience_stop(api->patience);
	api_release(api);
}

static void
front_close(struct front *front)
{
	if (front->daemon != NULL)
		MHD_stop_daemon(front->daemon);
	if (front->fd >= 0)
		close(front->fd);
	store_reader_close(front->reader);
}

void
api_release(struct api *api)
{
	if (atomic_fetch_sub(&api->holders, 1) != 1)
		return;
	pthread_cond_destroy(&api->ended);
	pthread_mutex_destroy(&api->lock);
	free(api->socket_path);
	free(api);
}

uint16_t
api_port(const struct api *api)
{
	return api->port;
}

/* Paths and parameters are unescaped by route_unescape(), after they were split. */
static size_t
keep_escapes(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg, (void)connection;
	return strlen(text);
}

/* Clients that break off and the like: of no use to an operator who doesn't look for it. */
static void
log_trouble(void *arg, const char *format, va_list args)
{
	char line[512];

	(void)arg;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("api: %s", line);
}

static void
on_connection(void *arg, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct front *front = arg;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		patience_end(front->api->patience, *context);
		*context = NULL;
	} else {
		*context = info == NULL ? NULL : patience_wait(front->api->patience, info->connect_fd);
	}
}
