/* prober.c -- health probes, thousands at once, on the caller's libuv loop.
 * In: targets. Out: one result each: healthy and how fast, or why not, or that we ourselves couldn't tell.
 * Threads: the loop's. Nothing blocks: no name is ever resolved (the address is part of the target), libcurl reports
 * its sockets and its one timer to us, and TCP probes are plain libuv handles.
 * Ownership: a probe is on the prober's list from prober_start() until its result; a TCP probe's memory goes with its
 * last handle's close callback, the prober's own with the last handle of all.
 * Rules of libcurl that shape this file: its callbacks must not call back into the multi handle, so the timer callback
 * only arms a uv_timer (of at least 1 ms); finished transfers are collected after curl_multi_socket_action() returned.
 * Each probe makes a new connection: a kept one would prove that an old process lives, not that the server accepts.
 *
 * A failure is held against the target only if it's the target's. When we lack descriptors or memory, or noticed a
 * timeout far too late because this process was stopped or starved, the result is `unknown`. */
#include "http/prober.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_ENOUGH ((size_t)64 << 10)	/* a bigger body is cut off: the status told all, the rest costs transfer */
#define HELD_UP_MS 1000			/* a timeout noticed later than this is our own delay, not the target's */

struct prober {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;		/* libcurl's */
	uv_timer_t late;		/* delivers the results of probes that failed to start */
	struct probe *probes;		/* under way, and failed ones that wait for delivery */
	size_t open_handles;
	bool closing;
};

struct probe {
	struct prober *prober;
	struct probe *next, *previous;
	probe_done_fn *done;
	void *arg;
	uint64_t started;		/* uv_hrtime() */
	uint32_t timeout_ms;
	bool failed_to_start;
	struct probe_result result;	/* of a probe that failed to start */

	CURL *easy;			/* HTTP(S) */
	struct curl_slist *connect_to;
	unsigned status_least, status_most;
	size_t received;
	int socket_error;		/* errno of socket(2), which libcurl doesn't tell */
	char error[CURL_ERROR_SIZE];

	uv_tcp_t tcp;			/* TCP; `timer` too */
	uv_timer_t timer;
	uv_connect_t connect;
	unsigned open_handles;		/* of this probe */
};

struct watch {
	uv_poll_t poll;
	struct prober *prober;
	curl_socket_t socket;
};

static struct probe *probe_new(struct prober *prober, const struct probe_target *target, probe_done_fn *done,
	void *arg);
static void probe_take_out(struct probe *probe);
static void probe_fail_later(struct probe *probe, bool unknown, const char *detail);
static void on_late(uv_timer_t *timer);
static double elapsed_ms(const struct probe *probe);
static bool was_held_up(const struct probe *probe);
static bool is_our_own(int error);
static const char *error_words(int error);

static void tcp_start(struct probe *probe, const struct probe_target *target);
static void on_connect(uv_connect_t *request, int status);
static void on_tcp_timeout(uv_timer_t *timer);
static void tcp_finish(struct probe *probe, const struct probe_result *result);
static void tcp_close(struct probe *probe);
static void on_tcp_closed(uv_handle_t *handle);

static void http_start(struct probe *probe, const struct probe_target *target);
static bool http_prepare(struct probe *probe, const struct probe_target *target);
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address);
static size_t on_body(char *bytes, size_t size, size_t count, void *arg);
static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg);
static int on_curl_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *socket_arg);
static struct watch *watch_new(struct prober *prober, curl_socket_t socket);
static void on_timer(uv_timer_t *timer);
static void on_socket(uv_poll_t *poll, int status, int events);
static void collect_finished(struct prober *prober);
static void http_judge(struct probe *probe, CURLcode code, struct probe_result *result);
static void http_free(struct probe *probe);

static void on_watch_closed(uv_handle_t *handle);
static void on_prober_handle_closed(uv_handle_t *handle);
static void handle_gone(struct prober *prober);

struct prober *
prober_new(uv_loop_t *loop)
{
	struct prober *prober = calloc(1, sizeof(*prober));

	if (prober == NULL)
		return NULL;
	prober->loop = loop;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto free_prober;
	prober->multi = curl_multi_init();
	if (prober->multi == NULL)
		goto cleanup_curl;
	curl_multi_setopt(prober->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(prober->multi, CURLMOPT_SOCKETDATA, prober);
	curl_multi_setopt(prober->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(prober->multi, CURLMOPT_TIMERDATA, prober);
	uv_timer_init(loop, &prober->timer);
	uv_timer_init(loop, &prober->late);
	prober->timer.data = prober->late.data = prober;
	prober->open_handles = 2;
	return prober;
cleanup_curl:
	curl_global_cleanup();
free_prober:
	free(prober);
	return NULL;
}

void
prober_start(struct prober *prober, const struct probe_target *target, probe_done_fn *done, void *arg)
{
	struct probe *probe = probe_new(prober, target, done, arg);

	if (probe == NULL)
		abort();	/* no room even for a failure's result, and `done` is promised: there is no way on */
	if (target->address.bits == 0)
		probe_fail_later(probe, false, "no address");
	else if (target->scheme == PROBE_SCHEME_TCP)
		tcp_start(probe, target);
	else
		http_start(probe, target);
}

void
prober_free(struct prober *prober)
{
	if (prober == NULL)
		return;
	prober->closing = true;
	while (prober->probes != NULL) {
		struct probe *probe = prober->probes;

		probe_take_out(probe);
		if (probe->open_handles > 0) {
			tcp_close(probe);
		} else {
			http_free(probe);
			free(probe);
		}
	}
	curl_multi_cleanup(prober->multi);
	prober->multi = NULL;
	curl_global_cleanup();
	uv_close((uv_handle_t *)&prober->timer, on_prober_handle_closed);
	uv_close((uv_handle_t *)&prober->late, on_prober_handle_closed);
}

static struct probe *
probe_new(struct prober *prober, const struct probe_target *target, probe_done_fn *done, void *arg)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	if (probe == NULL)
		return NULL;
	probe->prober = prober;
	probe->done = done;
	probe->arg = arg;
	probe->started = uv_hrtime();
	probe->timeout_ms = target->timeout_ms == 0 ? 1 : target->timeout_ms;
	probe->status_least = target->status_least == 0 && target->status_most == 0 ? 200 : target->status_least;
	probe->status_most = target->status_least == 0 && target->status_most == 0 ? 399 : target->status_most;
	probe->next = prober->probes;
	if (probe->next != NULL)
		probe->next->previous = probe;
	prober->probes = probe;
	return probe;
}

static void
probe_take_out(struct probe *probe)
{
	if (probe->next != NULL)
		probe->next->previous = probe->previous;
	if (probe->previous != NULL)
		probe->previous->next = probe->next;
	else
		probe->prober->probes = probe->next;
	probe->next = probe->previous = NULL;
}

static void
probe_fail_later(struct probe *probe, bool unknown, const char *detail)
{
	probe->failed_to_start = true;
	probe->result.unknown = unknown;
	snprintf(probe->result.detail, sizeof(probe->result.detail), "%s", detail);
	uv_timer_start(&probe->prober->late, on_late, 0, 0);
}

/* `done` may start new probes or free the prober, so the search begins anew after each; failed ones are rare, so that
 * costs little. One that fails again meanwhile is delivered at the timer's next turn. */
static void
on_late(uv_timer_t *timer)
{
	struct prober *prober = timer->data;
	uint64_t begun = uv_hrtime();

	while (!prober->closing) {
		struct probe *probe = prober->probes;

		while (probe != NULL && (!probe->failed_to_start || probe->started > begun))
			probe = probe->next;
		if (probe == NULL)
			return;
		probe_take_out(probe);
		probe->done(probe->arg, &probe->result);
		free(probe);
	}
}

static double
elapsed_ms(const struct probe *probe)
{
	return (double)(uv_hrtime() - probe->started) / 1e6;
}

static bool
was_held_up(const struct probe *probe)
{
	return elapsed_ms(probe) > (double)probe->timeout_ms + HELD_UP_MS;
}

static bool
is_our_own(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == EADDRNOTAVAIL;
}

/* Plain words for the errors that operators meet most. */
static const char *
error_words(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "connection refused";
	case EHOSTUNREACH:
		return "no route to host";
	case ENETUNREACH:
		return "network unreachable";
	case ECONNRESET:
		return "connection reset";
	default:
		return uv_strerror(-error);	/* on Unix libuv's codes are negative errnos */
	}
}

/* --- TCP ----------------------------------------------------------------------------------------------------- */

static void
tcp_start(struct probe *probe, const struct probe_target *target)
{
	struct sockaddr_storage to;
	int error;

	address_to_sockaddr(&target->address, target->port, &to);
	error = uv_tcp_init(probe->prober->loop, &probe->tcp);
	if (error != 0) {
		probe_fail_later(probe, is_our_own(-error), error_words(-error));
		return;
	}
	uv_timer_init(probe->prober->loop, &probe->timer);
	probe->tcp.data = probe->timer.data = probe->connect.data = probe;
	probe->open_handles = 2;
	probe->prober->open_handles += 2;
	error = uv_tcp_connect(&probe->connect, &probe->tcp, (const struct sockaddr *)&to, on_connect);
	/* A connect that failed at once is judged by the timer, so that `done` is called from the loop. */
	probe->result.unknown = error != 0 && is_our_own(-error);
	probe->failed_to_start = false;
	if (error != 0)
		snprintf(probe->result.detail, sizeof(probe->result.detail), "%s", error_words(-error));
	uv_timer_start(&probe->timer, on_tcp_timeout, error != 0 ? 0 : probe->timeout_ms, 0);
}

static void
on_connect(uv_connect_t *request, int status)
{
	struct probe *probe = request->data;
	struct probe_result result = { .healthy = status == 0, .latency_ms = elapsed_ms(probe) };

	if (uv_is_closing((const uv_handle_t *)&probe->tcp))
		return;		/* timed out or abandoned; libuv cancels the request as it closes the handle */
	if (status != 0) {
		result.unknown = is_our_own(-status);
		snprintf(result.detail, sizeof(result.detail), "%s", error_words(-status));
	}
	tcp_finish(probe, &result);
}

static void
on_tcp_timeout(uv_timer_t *timer)
{
	struct probe *probe = timer->data;
	struct probe_result result = probe->result;

	result.latency_ms = elapsed_ms(probe);
	if (result.detail[0] == '\0') {
		result.unknown = was_held_up(probe);
		snprintf(result.detail, sizeof(result.detail), "no connection within %u ms",
		    (unsigned)probe->timeout_ms);
	}
	tcp_finish(probe, &result);
}

static void
tcp_finish(struct probe *probe, const struct probe_result *result)
{
	probe_done_fn *done = probe->done;
	void *arg = probe->arg;

	probe_take_out(probe);
	tcp_close(probe);
	done(arg, result);
}

static void
tcp_close(struct probe *probe)
{
	uv_close((uv_handle_t *)&probe->tcp, on_tcp_closed);
	uv_close((uv_handle_t *)&probe->timer, on_tcp_closed);
}

static void
on_tcp_closed(uv_handle_t *handle)
{
	struct probe *probe = handle->data;
	struct prober *prober = probe->prober;

	if (--probe->open_handles == 0)
		free(probe);
	handle_gone(prober);
}

/* --- HTTP and HTTPS ------------------------------------------------------------------------------------------ */

static void
http_start(struct probe *probe, const struct probe_target *target)
{
	if (http_prepare(probe, target) && curl_multi_add_handle(probe->prober->multi, probe->easy) == CURLM_OK)
		return;
	curl_easy_cleanup(probe->easy);		/* not in the multi handle, hence not http_free() */
	curl_slist_free_all(probe->connect_to);
	probe->easy = NULL;
	probe->connect_to = NULL;
	probe_fail_later(probe, true, "out of memory");
}

/* The URL has the Host value; CONNECT_TO with empty name and port sends every connection to the target's address. */
static bool
http_prepare(struct probe *probe, const struct probe_target *target)
{
	const char *scheme = target->scheme == PROBE_SCHEME_HTTPS ? "https" : "http";
	const char *path = target->path == NULL ? "/" : target->path;
	char address[ADDRESS_TEXT_SIZE], bracketed[ADDRESS_TEXT_SIZE + 8], connect_to[ADDRESS_TEXT_SIZE + 24];
	char *url = NULL;
	bool good;

	address_text(&target->address, address);
	snprintf(bracketed, sizeof(bracketed), target->address.bits == 128 ? "[%s]" : "%s", address);
	snprintf(connect_to, sizeof(connect_to), "::%s:%u", bracketed, (unsigned)target->port);
	if ((target->host == NULL ? asprintf(&url, "%s://%s:%u%s", scheme, bracketed, (unsigned)target->port, path)
	    : asprintf(&url, "%s://%s%s", scheme, target->host, path)) < 0)
		return false;
	probe->connect_to = curl_slist_append(NULL, connect_to);
	probe->easy = curl_easy_init();
	good = probe->connect_to != NULL && probe->easy != NULL &&
	    curl_easy_setopt(probe->easy, CURLOPT_URL, url) == CURLE_OK;
	free(url);
	if (!good)
		return false;
	curl_easy_setopt(probe->easy, CURLOPT_CONNECT_TO, probe->connect_to);
	curl_easy_setopt(probe->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(probe->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(probe->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(probe->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(probe->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(probe->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(probe->easy, CURLOPT_SSL_VERIFYPEER, target->host == NULL ? 0L : 1L);
	curl_easy_setopt(probe->easy, CURLOPT_SSL_VERIFYHOST, target->host == NULL ? 0L : 2L);
	curl_easy_setopt(probe->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(probe->easy, CURLOPT_TIMEOUT_MS, (long)probe->timeout_ms);
	curl_easy_setopt(probe->easy, CURLOPT_USERAGENT, "isobar-probe");
	curl_easy_setopt(probe->easy, CURLOPT_ERRORBUFFER, probe->error);
	curl_easy_setopt(probe->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(probe->easy, CURLOPT_OPENSOCKETDATA, probe);
	curl_easy_setopt(probe->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(probe->easy, CURLOPT_WRITEDATA, probe);
	curl_easy_setopt(probe->easy, CURLOPT_PRIVATE, probe);
	return true;
}

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct probe *probe = arg;
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	probe->socket_error = fd < 0 ? errno : 0;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct probe *probe = arg;

	(void)bytes;
	(void)size;	/* always 1 */
	probe->received += count;
	return probe->received > BODY_ENOUGH ? 0 : count;
}

static int
on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct prober *prober = arg;

	(void)multi;
	if (prober->closing || timeout_ms < 0)
		uv_timer_stop(&prober->timer);
	else
		uv_timer_start(&prober->timer, on_timer, timeout_ms == 0 ? 1 : (uint64_t)timeout_ms, 0);
	return 0;
}

static int
on_curl_socket(CURL *easy, curl_socket_t socket, int what, void *arg, void *socket_arg)
{
	struct prober *prober = arg;
	struct watch *watch = socket_arg;
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch != NULL) {
			uv_poll_stop(&watch->poll);
			uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
			curl_multi_assign(prober->multi, socket, NULL);
		}
		return 0;
	}
	if (watch == NULL)
		watch = watch_new(prober, socket);
	/* Without a watch the transfer runs into its timeout; nothing better can be done where memory is out. */
	if (watch != NULL)
		uv_poll_start(&watch->poll, events, on_socket);
	return 0;
}

static struct watch *
watch_new(struct prober *prober, curl_socket_t socket)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL)
		return NULL;
	if (uv_poll_init_socket(prober->loop, &watch->poll, socket) != 0) {
		free(watch);
		return NULL;
	}
	watch->prober = prober;
	watch->socket = socket;
	watch->poll.data = watch;
	prober->open_handles++;
	curl_multi_assign(prober->multi, socket, watch);
	return watch;
}

static void
on_timer(uv_timer_t *timer)
{
	struct prober *prober = timer->data;
	int running;

	curl_multi_socket_action(prober->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect_finished(prober);
}

static void
on_socket(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	struct prober *prober = watch->prober;
	int running, flags = status < 0 ? CURL_CSELECT_ERR : 0;

	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	curl_multi_socket_action(prober->multi, watch->socket, flags, &running);
	collect_finished(prober);
}

static void
collect_finished(struct prober *prober)
{
	CURLMsg *message;
	int left;

	while (!prober->closing && (message = curl_multi_info_read(prober->multi, &left)) != NULL) {
		struct probe_result result = { 0 };
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;	/* `message` dies with the handle's removal */
		struct probe *probe;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &probe);
		http_judge(probe, code, &result);
		probe_take_out(probe);
		http_free(probe);
		probe->done(probe->arg, &result);
		free(probe);
	}
}

static void
http_judge(struct probe *probe, CURLcode code, struct probe_result *result)
{
	curl_off_t microseconds = 0;
	long status = 0, os_error = 0;
	bool cut_off = code == CURLE_WRITE_ERROR && probe->received > BODY_ENOUGH;

	curl_easy_getinfo(probe->easy, CURLINFO_TOTAL_TIME_T, &microseconds);
	curl_easy_getinfo(probe->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &os_error);
	result->latency_ms = (double)microseconds / 1000;
	if (code == CURLE_OK || cut_off) {
		result->healthy = status >= (long)probe->status_least && status <= (long)probe->status_most;
		if (!result->healthy)
			snprintf(result->detail, sizeof(result->detail), "status %ld, not %u to %u", status,
			    probe->status_least, probe->status_most);
	} else if (code == CURLE_OPERATION_TIMEDOUT) {
		result->unknown = was_held_up(probe);
		snprintf(result->detail, sizeof(result->detail), "no answer within %u ms",
		    (unsigned)probe->timeout_ms);
	} else if (code == CURLE_COULDNT_CONNECT && (os_error != 0 || probe->socket_error != 0)) {
		os_error = probe->socket_error != 0 ? probe->socket_error : os_error;
		result->unknown = is_our_own((int)os_error);
		snprintf(result->detail, sizeof(result->detail), "%s", error_words((int)os_error));
	} else {
		result->unknown = code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT;
		snprintf(result->detail, sizeof(result->detail), "%.*s", (int)sizeof(result->detail) - 1,
		    probe->error[0] != '\0' ? probe->error : curl_easy_strerror(code));
	}
}

static void
http_free(struct probe *probe)
{
	if (probe->easy == NULL)
		return;
	curl_multi_remove_handle(probe->prober->multi, probe->easy);
	curl_easy_cleanup(probe->easy);
	curl_slist_free_all(probe->connect_to);
	probe->easy = NULL;
}

/* --- closing ------------------------------------------------------------------------------------------------- */

static void
on_watch_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	struct prober *prober = watch->prober;

	free(watch);
	handle_gone(prober);
}

static void
on_prober_handle_closed(uv_handle_t *handle)
{
	handle_gone(handle->data);
}

static void
handle_gone(struct prober *prober)
{
	if (--prober->open_handles == 0)
		free(prober);
}
