/* test_push.c -- rem-agent/push against a real HTTP server that answers as told: order, spooling while it is away,
 * tokens, refusals, and an end that doesn't wait for anybody. */
#include "rem-agent/push.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "suite.h"

#define TAKEN_MAX 4096

/* What the server saw, and what it shall answer. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct {
	char bodies[TAKEN_MAX][64];
	char paths[64], authorization[64];
	size_t taken, asked;
	unsigned status, times;		/* this status for so many requests, then 202 */
	const char *retry_after, *token;	/* the token that is asked for, or NULL */
} seen;
static char folder[64];

struct upload {
	char body[64];
	size_t length;
};

static unsigned
decide(const char *body, const char *authorization)
{
	unsigned status = 202;

	pthread_mutex_lock(&lock);
	seen.asked++;
	snprintf(seen.authorization, sizeof(seen.authorization), "%s", authorization == NULL ? "" : authorization);
	if (seen.times > 0) {
		seen.times--;
		status = seen.status;
	} else if (seen.token != NULL && strcmp(seen.authorization, seen.token) != 0) {
		status = 401;
	} else if (strncmp(body, "bad", 3) == 0) {
		status = 422;
	}
	/* As isobard does it: a report whose answer was lost comes again. */
	if (status == 202 && seen.taken > 0 && strcmp(seen.bodies[seen.taken - 1], body) == 0)
		status = 409;
	if (status == 202 && seen.taken < TAKEN_MAX)
		snprintf(seen.bodies[seen.taken++], sizeof(seen.bodies[0]), "%s", body);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return status;
}

static enum MHD_Result
answer(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
    const char *bytes, size_t *length, void **state)
{
	struct upload *upload = *state;
	struct MHD_Response *response;
	enum MHD_Result queued;
	unsigned status;

	(void)arg, (void)version, (void)method;
	if (upload == NULL) {
		*state = calloc(1, sizeof(*upload));
		return *state == NULL ? MHD_NO : MHD_YES;
	}
	if (*length > 0) {
		if (*length < sizeof(upload->body) - upload->length) {
			memcpy(upload->body + upload->length, bytes, *length);
			upload->length += *length;
		}
		*length = 0;
		return MHD_YES;
	}
	snprintf(seen.paths, sizeof(seen.paths), "%s", url);
	status = decide(upload->body, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"));
	free(upload);
	*state = NULL;
	response = MHD_create_response_from_buffer(2, (void *)(uintptr_t)"{}", MHD_RESPMEM_PERSISTENT);
	if (status == 503 && seen.retry_after != NULL)
		MHD_add_response_header(response, "Retry-After", seen.retry_after);
	queued = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

/* On this port, or on any with 0; the port is returned by `chosen`. */
static struct MHD_Daemon *
server_start(uint16_t port, uint16_t *chosen)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct MHD_Daemon *server = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL,
	    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&at, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);

	if (server == NULL)
		abort();
	*chosen = MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port;
	return server;
}

static void
seen_clear(void)
{
	pthread_mutex_lock(&lock);
	memset(&seen, 0, sizeof(seen));
	pthread_mutex_unlock(&lock);
	snprintf(folder, sizeof(folder), "/tmp/isobar-push.XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
}

static void
folder_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *file;
	char inner[512];

	while (dir != NULL && (file = readdir(dir)) != NULL) {
		if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, file->d_name);
		if (file->d_type == DT_DIR)
			folder_remove(inner);
		else
			unlink(inner);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

/* Waits until so many were taken, or asked for; false after ten seconds. */
static bool
wait_for(const size_t *what, size_t count)
{
	struct timespec until;
	bool there;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&lock);
	while (*what < count && pthread_cond_timedwait(&changed, &lock, &until) != ETIMEDOUT)
		;
	there = *what >= count;
	pthread_mutex_unlock(&lock);
	return there;
}

static struct push *
push_new(uint16_t port, const char *token_file)
{
	struct text error = { 0 };
	char url[64];
	struct push_settings settings = { .controller = url, .token_file = token_file, .region = "eu-west",
		.spool_path = folder, .spool_limit = (uint64_t)64 << 20 };
	struct push *push;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", (unsigned)port);
	push = push_start(&settings, &error);
	if (push == NULL)
		SUITE_TEXT(error.bytes, "no error");
	text_fini(&error);
	return push;
}

static void
submit(struct push *push, const char *kind, unsigned number)
{
	char *json;

	if (asprintf(&json, "%s %u", kind, number) < 0)
		abort();
	push_submit(push, push_sequence(push), json);
}

static void
expect_bodies(unsigned from, unsigned to)
{
	pthread_mutex_lock(&lock);
	CU_ASSERT_EQUAL(seen.taken, to - from);
	for (unsigned i = from; i < to; i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "good %u", i);
		if (strcmp(seen.bodies[i - from], expected) != 0)
			SUITE_TEXT(seen.bodies[i - from], expected);
	}
	pthread_mutex_unlock(&lock);
}

static void
test_order(void)
{
	uint16_t port;
	struct MHD_Daemon *server = server_start(0, &port);
	struct push *push;

	seen_clear();
	push = push_new(port, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(push);
	for (unsigned i = 0; i < 200; i++)
		submit(push, "good", i);
	CU_ASSERT_TRUE(wait_for(&seen.taken, 200));
	expect_bodies(0, 200);
	SUITE_TEXT(seen.paths, "/v1/regions/eu-west/reports");
	SUITE_TEXT(seen.authorization, "");
	push_stop(push);
	MHD_stop_daemon(server);
	folder_remove(folder);
}

/* Nobody listens; the agent ends and starts again meanwhile; then the server is there. All arrives, in order. */
static void
test_away(void)
{
	uint16_t port, same;
	struct MHD_Daemon *server = server_start(0, &port);
	struct push *push;

	MHD_stop_daemon(server);
	seen_clear();
	push = push_new(port, NULL);
	for (unsigned i = 0; i < 20; i++)
		submit(push, "good", i);
	push_stop(push);
	push = push_new(port, NULL);
	for (unsigned i = 20; i < 30; i++)
		submit(push, "good", i);
	server = server_start(port, &same);
	CU_ASSERT_TRUE(wait_for(&seen.taken, 30));
	expect_bodies(0, 30);
	/* Away once more, in the middle of work. */
	MHD_stop_daemon(server);
	for (unsigned i = 30; i < 40; i++)
		submit(push, "good", i);
	server = server_start(port, &same);
	CU_ASSERT_TRUE(wait_for(&seen.taken, 40));
	expect_bodies(0, 40);
	push_stop(push);
	MHD_stop_daemon(server);
	folder_remove(folder);
}

static void
test_refused(void)
{
	uint16_t port;
	struct MHD_Daemon *server = server_start(0, &port);
	struct push *push;
	struct push_counters counters;

	seen_clear();
	push = push_new(port, NULL);
	submit(push, "good", 0);
	submit(push, "bad", 1);
	submit(push, "good", 1);
	CU_ASSERT_TRUE(wait_for(&seen.taken, 2));
	expect_bodies(0, 2);
	counters = push_counters(push);
	CU_ASSERT_EQUAL(counters.refused, 1);
	push_stop(push);
	MHD_stop_daemon(server);
	folder_remove(folder);
}

/* 409: an earlier try got through. 500: no sense came back. 503: busy. In each case the next one follows in order. */
static void
test_statuses(void)
{
	static const struct { const char *name; unsigned status; size_t asked, taken; } rows[] = {
		{ "409", 409, 3, 2 },
		{ "500", 500, 4, 3 },
		{ "503", 503, 4, 3 },
		{ "403", 403, 4, 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint16_t port;
		struct MHD_Daemon *server = server_start(0, &port);
		struct push *push;

		seen_clear();
		seen.status = rows[i].status;
		seen.times = 1;
		push = push_new(port, NULL);
		for (unsigned n = 0; n < 3; n++)
			submit(push, "good", n);
		CU_ASSERT_TRUE(wait_for(&seen.asked, rows[i].asked));
		CU_ASSERT_TRUE(wait_for(&seen.taken, rows[i].taken));
		expect_bodies(rows[i].taken == 2 ? 1 : 0, 3);
		push_stop(push);
		MHD_stop_daemon(server);
		folder_remove(folder);
	}
}

static void
file_write(const char *path, const char *content, mode_t mode)
{
	if (text_write_file(path, content, strlen(content)) != 0 || chmod(path, mode) != 0)
		abort();
}

/* The token in the file is wrong, then it is put right while the agent runs. */
static void
test_token(void)
{
	uint16_t port;
	struct MHD_Daemon *server = server_start(0, &port);
	struct push *push;
	char path[128];

	seen_clear();
	seen.token = "Bearer right";
	snprintf(path, sizeof(path), "%s/token", folder);
	file_write(path, "wrong\n", 0600);
	push = push_new(port, path);
	submit(push, "good", 0);
	CU_ASSERT_TRUE(wait_for(&seen.asked, 1));
	SUITE_TEXT(seen.authorization, "Bearer wrong");
	file_write(path, "  right \n", 0644);
	CU_ASSERT_TRUE(wait_for(&seen.taken, 1));
	SUITE_TEXT(seen.authorization, "Bearer right");
	push_stop(push);
	MHD_stop_daemon(server);
	folder_remove(folder);
}

/* The controller accepts and says nothing: submitting and stopping wait for nobody. */
static void
test_hangs(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct mono start;
	struct push *push;

	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	CU_ASSERT_EQUAL(listen(fd, 8), 0);
	getsockname(fd, (struct sockaddr *)&at, &length);
	seen_clear();
	push = push_new(ntohs(at.sin_port), NULL);
	start = mono_now();
	for (unsigned i = 0; i < 100; i++)
		submit(push, "good", i);
	CU_ASSERT(mono_ms_between(start, mono_now()) < 1000);
	push_stop(push);
	CU_ASSERT(mono_ms_between(start, mono_now()) < 5000);
	close(fd);
	folder_remove(folder);
}

static void
test_judge(void)
{
	static const struct { int error; long status; enum push_outcome outcome;
	} rows[] = {
		{ 0, 200, PUSH_DELIVERED },
		{ 0, 202, PUSH_DELIVERED },
		{ 0, 204, PUSH_DELIVERED },
		{ 0, 409, PUSH_DELIVERED },
		{ 0, 400, PUSH_REFUSED },
		{ 0, 413, PUSH_REFUSED },
		{ 0, 415, PUSH_REFUSED },
		{ 0, 422, PUSH_REFUSED },
		{ 0, 401, PUSH_FORBIDDEN },
		{ 0, 403, PUSH_FORBIDDEN },
		{ 0, 404, PUSH_FORBIDDEN },
		{ 0, 429, PUSH_BUSY },
		{ 0, 503, PUSH_BUSY },
		{ 0, 500, PUSH_UNREACHABLE },
		{ 0, 502, PUSH_UNREACHABLE },
		{ 0, 301, PUSH_UNREACHABLE },
		{ 0, 0, PUSH_UNREACHABLE },
		{ -ECONNREFUSED, 0, PUSH_UNREACHABLE },
		{ -ETIMEDOUT, 200, PUSH_UNREACHABLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		CU_ASSERT_EQUAL(push_judge(rows[i].error, rows[i].status), rows[i].outcome);
}

static void
test_delays(void)
{
	static const struct {
		const char *name;
		enum push_outcome outcome;
		unsigned failures;
		uint32_t retry_after_s, least, most;
	} rows[] = {
		{ "delivered", PUSH_DELIVERED, 0, 9, 0, 0 },
		{ "refused", PUSH_REFUSED, 0, 0, 0, 0 },
		{ "first failure", PUSH_UNREACHABLE, 1, 0, 187, 313 },
		{ "third failure", PUSH_UNREACHABLE, 3, 0, 750, 1250 },
		{ "many failures", PUSH_UNREACHABLE, 6, 0, 3750, 6250 },
		{ "very many", PUSH_UNREACHABLE, 4000000000u, 0, 3750, 6250 },
		{ "busy as told", PUSH_BUSY, 1, 17, 17000, 21250 },
		{ "busy as told, within reason", PUSH_BUSY, 1, 4000000000u, 300000, 375000 },
		{ "busy, nothing told", PUSH_BUSY, 1, 0, 187, 313 },
		{ "forbidden at first", PUSH_FORBIDDEN, 1, 0, 750, 1250 },
		{ "forbidden for long", PUSH_FORBIDDEN, 50, 0, 22500, 37500 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (uint64_t dice = 0; dice <= UINT32_MAX; dice += 65535 * 257) {
			uint32_t delay = push_delay_ms(rows[i].outcome, rows[i].failures, rows[i].retry_after_s,
			    (uint32_t)dice);

			if (delay < rows[i].least || delay > rows[i].most)
				SUITE_TEXT(rows[i].name, "a delay within its bounds");
		}
	}
}

static const struct suite_case cases[] = {
	{ .name = "reports arrive in order", .run = test_order },
	{ .name = "the controller was away, and the agent was restarted", .run = test_away },
	{ .name = "a refused report is set aside", .run = test_refused },
	{ .name = "answers that ask for another try, and one that doesn't", .run = test_statuses },
	{ .name = "the token is read again when it was wrong", .run = test_token },
	{ .name = "a controller that hangs holds up nothing", .run = test_hangs },
	{ .name = "what an answer means", .run = test_judge },
	{ .name = "how long to wait", .run = test_delays },
};

int
main(void)
{
	log_open("test_push", LOG_LEVEL_ERROR);
	return suite_run("push", cases, ARRAY_SIZE(cases));
}
