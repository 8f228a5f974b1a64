/* test_http_client.c -- http/client against a real server, over TCP and over a UNIX socket: what is sent, what comes
 * back, connections kept, and each way that nothing comes back. */
#include "http/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite.h"

static struct MHD_Daemon *server, *socket_server;
static uint16_t port;
static int refused_socket, silent_socket;
static char folder[] = "/tmp/isobar-client.XXXXXX", unix_url[128], tcp_url[64], refused_url[64], silent_url[64];

struct upload {
	char body[4096];
	size_t length;
};

/* Answers with what was asked: "METHOD PATH|content-type|authorization|BODY". */
static enum MHD_Result
answer(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *bytes, size_t *length, void **state)
{
	struct upload *upload = *state;
	struct MHD_Response *response;
	const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
	const char *authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
	char text[8192];
	unsigned status = strncmp(url, "/status/", 8) == 0 ? (unsigned)atoi(url + 8) : MHD_HTTP_OK;
	enum MHD_Result queued;

	(void)arg, (void)version;
	if (upload == NULL) {
		*state = calloc(1, sizeof(*upload));
		return *state == NULL ? MHD_NO : MHD_YES;
	}
	if (*length > 0) {
		if (*length > sizeof(upload->body) - upload->length - 1)
			return MHD_NO;
		memcpy(upload->body + upload->length, bytes, *length);
		upload->length += *length;
		*length = 0;
		return MHD_YES;
	}
	snprintf(text, sizeof(text), "%s %s|%s|%s|%s", method, url, type, authorization == NULL ? "" : authorization,
	    upload->body);
	free(upload);
	*state = NULL;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, "Retry-After", "17");
	if (status == MHD_HTTP_FOUND)
		MHD_add_response_header(response, "Location", "/elsewhere");
	queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

static int
bound_socket(int listening, char url[static 64])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || (listening && listen(fd, 8) != 0) ||
	    getsockname(fd, (struct sockaddr *)&at, &length) != 0)
		abort();
	snprintf(url, 64, "http://127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
	return fd;
}

static void
servers_start(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/api.sock", folder);
	snprintf(unix_url, sizeof(unix_url), "unix:%s", un.sun_path);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) != 0 || listen(fd, 8) != 0)
		abort();
	server = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL,
	    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&at, MHD_OPTION_END);
	socket_server = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_END);
	if (server == NULL || socket_server == NULL)
		abort();
	port = MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
	snprintf(tcp_url, sizeof(tcp_url), "http://127.0.0.1:%u/", (unsigned)port);
	refused_socket = bound_socket(0, refused_url);
	silent_socket = bound_socket(1, silent_url);
}

static void
servers_stop(void)
{
	MHD_stop_daemon(server);
	MHD_stop_daemon(socket_server);
	close(refused_socket);
	close(silent_socket);
	unlink(unix_url + 5);
	rmdir(folder);
}

static void
test_calls(void)
{
	static const struct {
		const char *name, *method, *path, *token, *body;
		long status;
		uint32_t retry_after_s;
		const char *expected;
	} rows[] = {
		{ "GET", "GET", "/v1/status", NULL, NULL, 200, 0, "GET /v1/status|application/json||" },
		{ "GET with a token", "GET", "/", "t0ken", NULL, 200, 0, "GET /|application/json|Bearer t0ken|" },
		{ "POST", "POST", "/x", "t", "{\"a\":1}", 200, 0, "POST /x|application/json|Bearer t|{\"a\":1}" },
		{ "POST without body", "POST", "/x", NULL, NULL, 200, 0, "POST /x|application/json||" },
		{ "PUT", "PUT", "/x", NULL, "[]", 200, 0, "PUT /x|application/json||[]" },
		{ "DELETE", "DELETE", "/x", NULL, NULL, 200, 0, "DELETE /x|application/json||" },
		{ "404", "GET", "/status/404", NULL, NULL, 404, 0, "GET /status/404|application/json||" },
		{ "503 with Retry-After", "GET", "/status/503", NULL, NULL, 503, 17,
		    "GET /status/503|application/json||" },
		{ "a redirect isn't followed", "GET", "/status/302", "t", NULL, 302, 0,
		    "GET /status/302|application/json|Bearer t|" },
	};
	const char *urls[] = { tcp_url, unix_url };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		const char *url = urls[i % 2];
		struct http_client *client = http_client_new(url, rows[i / 2].token, 5000);
		struct http_response response;

		CU_ASSERT_PTR_NOT_NULL_FATAL(client);
		CU_ASSERT_EQUAL(
		    http_call(client, rows[i / 2].method, rows[i / 2].path, rows[i / 2].body, &response), 0);
		CU_ASSERT_EQUAL(response.status, rows[i / 2].status);
		CU_ASSERT_EQUAL(response.retry_after_s, rows[i / 2].retry_after_s);
		SUITE_TEXT(response.body, rows[i / 2].expected);
		CU_ASSERT_EQUAL(response.length, strlen(rows[i / 2].expected));
		SUITE_TEXT(response.error, "");
		http_response_fini(&response);
		CU_ASSERT_PTR_NULL(response.body);
		http_client_free(client);
	}
}

/* Calls of different kinds on one client don't leak into each other, and share a connection. */
static void
test_kept(void)
{
	struct http_client *client = http_client_new(tcp_url, "t", 5000);
	struct http_response response;
	unsigned connections;

	CU_ASSERT_PTR_NOT_NULL_FATAL(client);
	for (unsigned i = 0; i < 30; i++) {
		const char *body = i % 3 == 0 ? "{}" : NULL;
		const char *method = i % 3 == 0 ? "POST" : i % 3 == 1 ? "GET" : "HEAD";

		CU_ASSERT_EQUAL(http_call(client, method, "/k", body, &response), 0);
		CU_ASSERT_EQUAL(response.status, 200);
		SUITE_TEXT(response.body, i % 3 == 0 ? "POST /k|application/json|Bearer t|{}" :
		    i % 3 == 1 ? "GET /k|application/json|Bearer t|" : "");
		http_response_fini(&response);
	}
	connections = MHD_get_daemon_info(server, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
	CU_ASSERT_EQUAL(connections, 1);
	http_client_free(client);
}

static void
test_nothing_back(void)
{
	const struct {
		const char *name, *url;
		int error;
		const char *words;	/* somewhere in the message */
	} rows[] = {
		{ "refused", refused_url, -ECONNREFUSED, "connect" },
		{ "no such socket", "unix:/nonexistent/api.sock", -ENOENT, "connect" },
		{ "no answer in time", silent_url, -ETIMEDOUT, "timed out" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_client *client = http_client_new(rows[i].url, NULL, 100);
		struct http_response response;
		int error;

		CU_ASSERT_PTR_NOT_NULL_FATAL(client);
		error = http_call(client, "GET", "/", NULL, &response);
		CU_ASSERT_EQUAL(error, rows[i].error);
		CU_ASSERT_EQUAL(response.status, 0);
		if (strcasestr(response.error, rows[i].words) == NULL)
			SUITE_TEXT(response.error, rows[i].words);
		http_response_fini(&response);
		http_client_free(client);
	}
}

static void
test_bad_urls(void)
{
	static const struct { const char *url, *token; } rows[] = {
		{ "", NULL }, { "http://", NULL }, { "https:///", NULL }, { "ftp://127.0.0.1/", NULL },
		{ "file:///etc/passwd", NULL }, { "unix:relative", NULL }, { "127.0.0.1:8053", NULL },
		{ "http://127.0.0.1:1", "two\r\nX-Header: lines" }, { "http://127.0.0.1:1", "a space" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct http_client *client = http_client_new(rows[i].url, rows[i].token, 100);

		if (client != NULL)
			SUITE_TEXT(rows[i].url, "a URL and token that are refused");
		http_client_free(client);
	}
}

static const struct suite_case cases[] = {
	{ .name = "methods, bodies, tokens and statuses, over TCP and a UNIX socket", .run = test_calls },
	{ .name = "the connection is kept, the options aren't", .run = test_kept },
	{ .name = "nothing came back, and why", .run = test_nothing_back },
	{ .name = "URLs and tokens that are refused", .run = test_bad_urls },
};

int
main(void)
{
	int failed;

	servers_start();
	failed = suite_run("http_client", cases, ARRAY_SIZE(cases));
	servers_stop();
	return failed;
}
