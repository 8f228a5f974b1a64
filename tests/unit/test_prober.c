/* test_prober.c -- http/prober against real servers: libmicrohttpd on a thread of its own, plain and with TLS, and
 * sockets that refuse, never answer, or never accept. */
#include "http/prober.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "suite.h"

#define MANY 2000

static struct MHD_Daemon *server, *tls_server;
static uint16_t server_port, tls_port, refused_port, silent_port, full_port;
static int silent_socket = -1, full_socket = -1, fillers[8];
static char seen_host[128], seen_agent[64];

struct outcome {
	unsigned calls;
	struct probe_result result;
	uv_loop_t *loop;
	struct prober *prober;
	unsigned again;		/* probes still to start from `done` */
	const struct probe_target *target;
};

/* --- the servers --------------------------------------------------------------------------------------------- */

static enum MHD_Result
answer(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *upload, size_t *upload_size, void **state)
{
	static char big[300000];
	const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
	const char *agent = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "User-Agent");
	struct MHD_Response *response;
	unsigned status = strncmp(url, "/status/", 8) == 0 ? (unsigned)atoi(url + 8) : MHD_HTTP_OK;
	enum MHD_Result queued;

	(void)arg, (void)version, (void)upload, (void)upload_size, (void)state;
	if (strcmp(method, "GET") != 0)
		status = MHD_HTTP_METHOD_NOT_ALLOWED;
	if (strcmp(url, "/host") == 0) {
		snprintf(seen_host, sizeof(seen_host), "%s", host == NULL ? "" : host);
		snprintf(seen_agent, sizeof(seen_agent), "%s", agent == NULL ? "" : agent);
	}
	response = MHD_create_response_from_buffer(strcmp(url, "/big") == 0 ? sizeof(big) : 2,
	    strcmp(url, "/big") == 0 ? big : (void *)(uintptr_t)"ok", MHD_RESPMEM_PERSISTENT);
	if (status == MHD_HTTP_FOUND)
		MHD_add_response_header(response, "Location", "http://127.0.0.1:1/elsewhere");
	queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

/* A key and a certificate for "localhost" that nobody has signed but itself. */
static void
certificate_make(char **key_pem, char **certificate_pem)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	BIO *key_bio = BIO_new(BIO_s_mem()), *certificate_bio = BIO_new(BIO_s_mem());
	char *bytes;
	long length;

	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
	    (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_sign(certificate, key, EVP_sha256());
	PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL);
	PEM_write_bio_X509(certificate_bio, certificate);
	length = BIO_get_mem_data(key_bio, &bytes);
	*key_pem = strndup(bytes, (size_t)length);
	length = BIO_get_mem_data(certificate_bio, &bytes);
	*certificate_pem = strndup(bytes, (size_t)length);
	BIO_free(key_bio);
	BIO_free(certificate_bio);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static struct sockaddr_in
loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* A socket on loopback that listens and never accepts. */
static int
listener_make(int backlog, uint16_t *port)
{
	struct sockaddr_in at = loopback(0);
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || (backlog >= 0 && listen(fd, backlog) != 0) ||
	    getsockname(fd, (struct sockaddr *)&at, &length) != 0)
		abort();
	*port = ntohs(at.sin_port);
	return fd;
}

/* Fills the queue of `full_socket` until a connection hangs: from then on the kernel drops SYNs like a black hole. */
static void
queue_fill(void)
{
	struct sockaddr_in to = loopback(full_port);

	for (size_t i = 0; i < ARRAY_SIZE(fillers); i++) {
		struct pollfd writable = { .events = POLLOUT };

		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&to, sizeof(to));
		writable.fd = fillers[i];
		if (poll(&writable, 1, 100) == 0)
			return;
	}
	abort();
}

static void
servers_start(void)
{
	struct sockaddr_in at = loopback(0);
	char *key, *certificate;
	int fd;

	server = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL,
	    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&at, MHD_OPTION_END);
	certificate_make(&key, &certificate);
	tls_server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer, NULL,
	    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&at, MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_CERT,
	    certificate, MHD_OPTION_END);
	if (server == NULL || tls_server == NULL)
		abort();
	free(key);
	free(certificate);
	server_port = MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
	tls_port = MHD_get_daemon_info(tls_server, MHD_DAEMON_INFO_BIND_PORT)->port;
	silent_socket = listener_make(64, &silent_port);
	full_socket = listener_make(0, &full_port);
	queue_fill();
	fd = listener_make(-1, &refused_port);	/* bound, so that nobody else gets it, but not listening */
	(void)fd;
}

static void
servers_stop(void)
{
	MHD_stop_daemon(server);
	MHD_stop_daemon(tls_server);
	close(silent_socket);
	close(full_socket);
	for (size_t i = 0; i < ARRAY_SIZE(fillers); i++) {
		if (fillers[i] > 0)
			close(fillers[i]);
	}
}

/* --- the tests ----------------------------------------------------------------------------------------------- */

static struct probe_target
target_of(enum probe_scheme scheme, uint16_t port, const char *path)
{
	struct probe_target target = { .scheme = scheme, .port = port, .path = path, .timeout_ms = 5000 };

	if (address_parse("127.0.0.1", &target.address) != 0)
		abort();
	return target;
}

static void
on_done(void *arg, const struct probe_result *result)
{
	struct outcome *outcome = arg;

	outcome->calls++;
	outcome->result = *result;
	if (outcome->again > 0) {
		outcome->again--;
		prober_start(outcome->prober, outcome->target, on_done, outcome);
	}
}

/* One probe from start to result, and a prober that leaves nothing behind. */
static struct outcome
probe_once(const struct probe_target *target)
{
	struct outcome outcome = { 0 };
	uv_loop_t loop;
	struct prober *prober;

	uv_loop_init(&loop);
	prober = prober_new(&loop);
	CU_ASSERT_PTR_NOT_NULL_FATAL(prober);
	prober_start(prober, target, on_done, &outcome);
	CU_ASSERT_EQUAL(outcome.calls, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	prober_free(prober);
	uv_run(&loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
	CU_ASSERT_EQUAL(outcome.calls, 1);
	return outcome;
}

static void
test_results(void)
{
	const struct {
		const char *name;
		enum probe_scheme scheme;
		uint16_t port;
		const char *path, *host;
		unsigned least, most;
		uint32_t timeout_ms;
		bool healthy;
		const char *detail;	/* begins with this */
	} rows[] = {
		{ .name = "TCP, listening",
		    .scheme = PROBE_SCHEME_TCP,
		    .port = server_port,
		    .healthy = true,
		    .detail = "" },
		{ .name = "TCP, refused",
		    .scheme = PROBE_SCHEME_TCP,
		    .port = refused_port,
		    .detail = "connection refused" },
		{ .name = "TCP, black hole",
		    .scheme = PROBE_SCHEME_TCP,
		    .port = full_port,
		    .timeout_ms = 60,
		    .detail = "no connection within 60 ms" },
		{ .name = "HTTP, 200",
		    .scheme = PROBE_SCHEME_HTTP,
		    .port = server_port,
		    .healthy = true,
		    .detail = "" },
		{ .name = "HTTP, a redirect is an answer and isn't followed",
		    .scheme = PROBE_SCHEME_HTTP,
		    .port = server_port,
		    .path = "/status/302",
		    .healthy = true,
		    .detail = "" },
		{ .name = "HTTP, 503",
		    .scheme = PROBE_SCHEME_HTTP,
		    .port = server_port,
		    .path = "/status/503",
		    .detail = "status 503, not 200 to 399" },
		{ .name = "HTTP, 302 where only 200 will do",
		    .scheme = PROBE_SCHEME_HTTP,
		    .port = server_port,
		    .path = "/status/302",
		    .least = 200,
		    .most = 200,
		    .detail = "status 302, not 200 to 200" },
		{ .name = "HTTP, 404 where it will do",
		    .scheme = PROBE_SCHEME_HTTP,
		    .port = server_port,
		    .path = "/status/404",
		    .least = 404,
		    .most = 404,
		    .healthy = true,
		    .detail = "" },
		{ .name = "HTTP, a large body is cut off",
		    .scheme = PROBE_SCHEME_HTTP,
		    .port = server_port,
		    .path = "/big",
		    .healthy = true,
		    .detail = "" },
		{ .name = "HTTP, refused",
		    .scheme = PROBE_SCHEME_HTTP,
		    .port = refused_port,
		    .detail = "connection refused" },
		{ .name = "HTTP, accepted but never answered",
		    .scheme = PROBE_SCHEME_HTTP,
		    .port = silent_port,
		    .timeout_ms = 60,
		    .detail = "no answer within 60 ms" },
		{ .name = "HTTP, black hole",
		    .scheme = PROBE_SCHEME_HTTP,
		    .port = full_port,
		    .timeout_ms = 60,
		    .detail = "no answer within 60 ms" },
		{ .name = "HTTP to a TLS port", .scheme = PROBE_SCHEME_HTTP, .port = tls_port, .detail = "" },
		{ .name = "HTTPS by address: any certificate",
		    .scheme = PROBE_SCHEME_HTTPS,
		    .port = tls_port,
		    .healthy = true,
		    .detail = "" },
		{ .name = "HTTPS by name: self-signed is refused",
		    .scheme = PROBE_SCHEME_HTTPS,
		    .port = tls_port,
		    .host = "localhost",
		    .detail = "SSL certificate problem" },
		{ .name = "HTTPS to a plain port", .scheme = PROBE_SCHEME_HTTPS, .port = server_port, .detail = "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_target target = target_of(rows[i].scheme, rows[i].port, rows[i].path);
		struct outcome outcome;

		target.host = rows[i].host;
		target.status_least = rows[i].least;
		target.status_most = rows[i].most;
		if (rows[i].timeout_ms > 0)
			target.timeout_ms = rows[i].timeout_ms;
		outcome = probe_once(&target);
		if (outcome.result.healthy != rows[i].healthy || outcome.result.unknown)
			SUITE_TEXT(rows[i].name, outcome.result.detail);
		if (strncmp(outcome.result.detail, rows[i].detail, strlen(rows[i].detail)) != 0)
			SUITE_TEXT(outcome.result.detail, rows[i].detail);
		CU_ASSERT_EQUAL(outcome.result.detail[0] == '\0', rows[i].healthy);
		CU_ASSERT(outcome.result.latency_ms > 0 && outcome.result.latency_ms < 5000);
	}
}

static void
test_host(void)
{
	struct probe_target target = target_of(PROBE_SCHEME_HTTP, server_port, "/host");
	struct outcome outcome;
	char expected[64];

	target.host = "www.gtm.example.com";
	outcome = probe_once(&target);
	CU_ASSERT_TRUE(outcome.result.healthy);
	SUITE_TEXT(seen_host, "www.gtm.example.com");
	SUITE_TEXT(seen_agent, "isobar-probe");

	target.host = NULL;
	outcome = probe_once(&target);
	CU_ASSERT_TRUE(outcome.result.healthy);
	snprintf(expected, sizeof(expected), "127.0.0.1:%u", (unsigned)server_port);
	SUITE_TEXT(seen_host, expected);
}

static void
test_no_address(void)
{
	struct probe_target target = { .scheme = PROBE_SCHEME_TCP, .port = 80, .timeout_ms = 100 };
	struct outcome outcome = probe_once(&target);

	CU_ASSERT_FALSE(outcome.result.healthy);
	SUITE_TEXT(outcome.result.detail, "no address");
}

/* `done` starts the next probe of the same prober, of each kind, also one that can't start at all. */
static void
test_chain(void)
{
	static const enum probe_scheme schemes[] = { PROBE_SCHEME_TCP, PROBE_SCHEME_HTTP };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(schemes); i++) {
		struct probe_target target = target_of(schemes[i / 2], server_port, NULL);
		struct outcome outcome = { .again = 20, .target = &target };
		uv_loop_t loop;

		if (i % 2 == 1)
			target.address.bits = 0;
		uv_loop_init(&loop);
		outcome.prober = prober_new(&loop);
		prober_start(outcome.prober, &target, on_done, &outcome);
		uv_run(&loop, UV_RUN_DEFAULT);
		CU_ASSERT_EQUAL(outcome.calls, 21);
		CU_ASSERT_EQUAL(outcome.result.healthy, i % 2 == 0);
		prober_free(outcome.prober);
		uv_run(&loop, UV_RUN_DEFAULT);
		CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
	}
}

static void
on_done_free(void *arg, const struct probe_result *result)
{
	struct outcome *outcome = arg;

	(void)result;
	outcome->calls++;
	prober_free(outcome->prober);
}

/* Freed from inside `done` and freed from outside, each with probes under way: no call comes afterwards. */
static void
test_free(void)
{
	static const enum probe_scheme schemes[] = { PROBE_SCHEME_TCP, PROBE_SCHEME_HTTP, PROBE_SCHEME_HTTPS };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(schemes); i++) {
		enum probe_scheme scheme = schemes[i / 2];
		struct probe_target good =
		    target_of(scheme, scheme == PROBE_SCHEME_HTTPS ? tls_port : server_port, NULL);
		struct probe_target silent = target_of(scheme, silent_port, NULL);
		struct probe_target full = target_of(scheme, full_port, NULL);
		struct outcome outcome = { 0 };
		uv_loop_t loop;

		uv_loop_init(&loop);
		outcome.prober = prober_new(&loop);
		if (i % 2 == 0)
			prober_start(outcome.prober, &good, on_done_free, &outcome);
		if (scheme != PROBE_SCHEME_TCP)
			prober_start(outcome.prober, &silent, on_done_free, &outcome);
		prober_start(outcome.prober, &full, on_done_free, &outcome);
		if (i % 2 == 1) {
			uv_run(&loop, UV_RUN_NOWAIT);
			prober_free(outcome.prober);
		}
		uv_run(&loop, UV_RUN_DEFAULT);
		CU_ASSERT_EQUAL(outcome.calls, i % 2 == 0 ? 1 : 0);
		CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
	}
}

/* Out of descriptors: nothing is held against the target. */
static void
test_no_descriptors(void)
{
	static const enum probe_scheme schemes[] = { PROBE_SCHEME_TCP, PROBE_SCHEME_HTTP };
	struct rlimit usual, none;

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		struct probe_target target = target_of(schemes[i], server_port, NULL);
		struct outcome outcome = { 0 };
		struct prober *prober;
		uv_loop_t loop;
		int lowest;

		uv_loop_init(&loop);
		prober = prober_new(&loop);
		lowest = dup(0);
		close(lowest);
		getrlimit(RLIMIT_NOFILE, &usual);
		none = (struct rlimit){ .rlim_cur = (rlim_t)lowest, .rlim_max = usual.rlim_max };
		setrlimit(RLIMIT_NOFILE, &none);
		prober_start(prober, &target, on_done, &outcome);
		uv_run(&loop, UV_RUN_DEFAULT);
		setrlimit(RLIMIT_NOFILE, &usual);
		CU_ASSERT_EQUAL(outcome.calls, 1);
		CU_ASSERT_FALSE(outcome.result.healthy);
		if (!outcome.result.unknown)
			SUITE_TEXT(outcome.result.detail, "an unknown result");
		prober_free(prober);
		uv_run(&loop, UV_RUN_DEFAULT);
		uv_loop_close(&loop);
	}
}

/* This process is held up past the timeout: whether the target answered in time can't be known. */
static void
test_held_up(void)
{
	struct probe_target targets[] = { target_of(PROBE_SCHEME_TCP, full_port, NULL),
		target_of(PROBE_SCHEME_HTTP, silent_port, NULL), target_of(PROBE_SCHEME_TCP, server_port, NULL) };
	struct outcome outcomes[ARRAY_SIZE(targets)] = { 0 };
	struct prober *prober;
	uv_loop_t loop;

	uv_loop_init(&loop);
	prober = prober_new(&loop);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		targets[i].timeout_ms = 50;
		prober_start(prober, &targets[i], on_done, &outcomes[i]);
	}
	uv_run(&loop, UV_RUN_NOWAIT);
	usleep(1300 * 1000);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		CU_ASSERT_EQUAL(outcomes[i].calls, 1);
		CU_ASSERT(outcomes[i].result.healthy || outcomes[i].result.unknown);
	}
	prober_free(prober);
	uv_run(&loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

static void
on_done_count(void *arg, const struct probe_result *result)
{
	unsigned *healthy = arg;

	if (result->healthy)
		++*healthy;
	else if (!result->unknown)
		*healthy += 1000000;	/* a good server was judged bad */
}

/* Thousands at once, both kinds mixed; what the system can't do is unknown and never unhealthy. */
static void
test_many(void)
{
	struct probe_target tcp = target_of(PROBE_SCHEME_TCP, server_port, NULL);
	struct probe_target http = target_of(PROBE_SCHEME_HTTP, server_port, NULL);
	struct rlimit limit;
	struct prober *prober;
	unsigned healthy = 0;
	uv_loop_t loop;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	tcp.timeout_ms = http.timeout_ms = 20000;
	uv_loop_init(&loop);
	prober = prober_new(&loop);
	for (unsigned i = 0; i < MANY; i++)
		prober_start(prober, i % 2 == 0 ? &tcp : &http, on_done_count, &healthy);
	uv_run(&loop, UV_RUN_DEFAULT);
	CU_ASSERT(healthy <= MANY && healthy > MANY / 4);
	prober_free(prober);
	uv_run(&loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(uv_loop_close(&loop), 0);
}

static const struct suite_case cases[] = {
	{ .name = "each kind of server has its result", .run = test_results },
	{ .name = "the Host header is the name given, else the address", .run = test_host },
	{ .name = "a target without address", .run = test_no_address },
	{ .name = "a result may start the next probe", .run = test_chain },
	{ .name = "no result after prober_free()", .run = test_free },
	{ .name = "lack of descriptors is unknown, not unhealthy", .run = test_no_descriptors },
	{ .name = "held up itself, it blames nobody", .run = test_held_up },
	{ .name = "two thousand probes at once", .run = test_many },
};

int
main(void)
{
	int failed;

	servers_start();
	failed = suite_run("prober", cases, ARRAY_SIZE(cases));
	servers_stop();
	return failed;
}
