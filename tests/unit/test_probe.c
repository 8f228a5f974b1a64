/* test_probe.c -- rem-agent/probe with a real socket: first verdicts without waiting for an interval, changes by rise
 * and fall, what a reload inherits, and the spread of the gaps. */
#include "rem-agent/probe.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "suite.h"

struct watcher {
	uv_loop_t loop;
	struct probes *probes;
	unsigned changes, wanted;	/* stop the loop after so many */
	uv_timer_t limit;
};

static struct agent_backend
backend_of(const char *name, uint16_t port, uint32_t interval_ms)
{
	struct agent_backend backend = { .name = name, .service = "www.gtm.example.com.", .port = port,
		.probe = { .kind = PROBE_TCP, .interval_ms = interval_ms, .timeout_ms = 90, .rise = 2, .fall = 3 } };

	if (address_parse("127.0.0.1", &backend.address) != 0)
		abort();
	return backend;
}

/* Bound to this port, or with 0 to any, which is returned there; listening or not. */
static int
socket_bound(bool listening, uint16_t *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(*port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || (listening && listen(fd, 128) != 0) ||
	    getsockname(fd, (struct sockaddr *)&at, &length) != 0)
		abort();
	*port = ntohs(at.sin_port);
	return fd;
}

static void
on_limit(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void
on_changed(void *arg)
{
	struct watcher *watcher = arg;

	if (++watcher->changes == watcher->wanted)
		uv_stop(&watcher->loop);
}

static void
watcher_start(struct watcher *watcher, const struct agent_backend *backends, size_t count)
{
	*watcher = (struct watcher){ 0 };
	uv_loop_init(&watcher->loop);
	uv_timer_init(&watcher->loop, &watcher->limit);
	watcher->probes = probes_new(&watcher->loop, backends, count, NULL, on_changed, watcher);
	CU_ASSERT_PTR_NOT_NULL_FATAL(watcher->probes);
}

/* Until so many verdicts changed since the start, at most ten seconds. */
static void
watcher_run(struct watcher *watcher, unsigned changes)
{
	watcher->wanted = changes;
	uv_timer_start(&watcher->limit, on_limit, 10000, 0);
	if (watcher->changes < changes)
		uv_run(&watcher->loop, UV_RUN_DEFAULT);
	uv_timer_stop(&watcher->limit);
	CU_ASSERT_EQUAL(watcher->changes, changes);
}

static void
watcher_end(struct watcher *watcher)
{
	probes_free(watcher->probes);
	uv_close((uv_handle_t *)&watcher->limit, NULL);
	uv_run(&watcher->loop, UV_RUN_DEFAULT);
	CU_ASSERT_EQUAL(uv_loop_close(&watcher->loop), 0);
}

static void
test_first(void)
{
	uint16_t good_port = 0, bad_port = 0;
	int good = socket_bound(true, &good_port), bad = socket_bound(false, &bad_port);
	struct agent_backend backends[] = { backend_of("good", good_port, 3600000),
		backend_of("bad", bad_port, 3600000) };
	const struct backend_state *states;
	struct watcher watcher;
	size_t count;

	watcher_start(&watcher, backends, 2);
	CU_ASSERT_FALSE(probes_decided(watcher.probes));
	watcher_run(&watcher, 2);
	CU_ASSERT_TRUE(probes_decided(watcher.probes));
	states = probes_states(watcher.probes, &count);
	CU_ASSERT_EQUAL(count, 2);
	CU_ASSERT_EQUAL(states[0].health.verdict, VERDICT_UP);
	CU_ASSERT(states[0].latency_ms > 0);
	SUITE_TEXT(states[0].detail, "");
	CU_ASSERT_EQUAL(states[1].health.verdict, VERDICT_DOWN);
	CU_ASSERT_TRUE(isnan(states[1].latency_ms));
	SUITE_TEXT(states[1].detail, "connection refused");
	CU_ASSERT_EQUAL(probes_tally(watcher.probes)->good, 1);
	CU_ASSERT_EQUAL(probes_tally(watcher.probes)->bad, 3);
	CU_ASSERT_EQUAL(probes_tally(watcher.probes)->missed, 0);
	watcher_end(&watcher);
	close(good);
	close(bad);
}

static void
test_changes(void)
{
	uint16_t port = 0;
	int fd = socket_bound(true, &port);
	struct agent_backend backends[] = { backend_of("b", port, 100) };
	const struct backend_state *states;
	struct watcher watcher;
	size_t count;

	watcher_start(&watcher, backends, 1);
	watcher_run(&watcher, 1);
	states = probes_states(watcher.probes, &count);
	CU_ASSERT_EQUAL(states[0].health.verdict, VERDICT_UP);
	close(fd);
	tally_clear(probes_tally(watcher.probes));
	watcher_run(&watcher, 2);
	CU_ASSERT_EQUAL(states[0].health.verdict, VERDICT_DOWN);
	CU_ASSERT(probes_tally(watcher.probes)->bad >= 3);
	CU_ASSERT(states[0].latency_ms > 0);
	fd = socket_bound(true, &port);
	tally_clear(probes_tally(watcher.probes));
	watcher_run(&watcher, 3);
	CU_ASSERT_EQUAL(states[0].health.verdict, VERDICT_UP);
	CU_ASSERT(probes_tally(watcher.probes)->good >= 2);
	watcher_end(&watcher);
	close(fd);
}

/* A verdict belongs to how the backend is probed: what stays is kept, what changed begins anew. */
static void
test_inherit(void)
{
	static const struct { const char *name; bool kept; } rows[] = {
		{ "as before", true }, { "interval and counts", true }, { "name", false }, { "service", false },
		{ "port", false }, { "address", false }, { "kind", false }, { "path", false }, { "host", false },
		{ "status", false },
	};
	uint16_t port = 0;
	int fd = socket_bound(true, &port);
	struct agent_backend backend = backend_of("b", port, 3600000);
	struct watcher watcher;

	backend.probe.path = "/";
	watcher_start(&watcher, &backend, 1);
	watcher_run(&watcher, 1);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agent_backend next = backend;
		struct probes *probes;

		next.probe.interval_ms = i == 1 ? 1000 : next.probe.interval_ms;
		next.probe.fall = i == 1 ? 9 : next.probe.fall;
		next.name = i == 2 ? "c" : next.name;
		next.service = i == 3 ? "api.gtm.example.com." : next.service;
		next.port = i == 4 ? (uint16_t)(port ^ 1) : next.port;
		next.address.bytes[3] = i == 5 ? 2 : next.address.bytes[3];
		next.probe.kind = i == 6 ? PROBE_HTTP : next.probe.kind;
		next.probe.path = i == 7 ? "/other" : next.probe.path;
		next.probe.host = i == 8 ? "www.example.com" : next.probe.host;
		next.probe.status_most = i == 9 ? 299 : next.probe.status_most;
		probes = probes_new(&watcher.loop, &next, 1, watcher.probes, on_changed, &watcher);
		CU_ASSERT_PTR_NOT_NULL_FATAL(probes);
		if (probes_decided(probes) != rows[i].kept)
			SUITE_TEXT(rows[i].name, rows[i].kept ? "kept" : "begun anew");
		probes_free(probes);
	}
	watcher_end(&watcher);
	close(fd);
}

static void
test_gaps(void)
{
	static const struct { uint32_t interval_ms; bool undecided; uint32_t least, most; } rows[] = {
		{ 5000, false, 4500, 5500 }, { 100, false, 90, 110 }, { 5, false, 5, 5 },
		{ 3600000, false, 3240000, 3960000 }, { 5000, true, 100, 100 }, { 50, true, 45, 55 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct agent_probe probe = { .interval_ms = rows[i].interval_ms };
		uint32_t least = UINT32_MAX, most = 0;

		for (uint64_t dice = 0; dice < 800000; dice++) {
			uint32_t gap = probe_gap_ms(&probe, rows[i].undecided, dice);

			least = gap < least ? gap : least;
			most = gap > most ? gap : most;
		}
		CU_ASSERT_EQUAL(least, rows[i].least);
		CU_ASSERT_EQUAL(most, rows[i].most);
	}
}

static const struct suite_case cases[] = {
	{ .name = "first verdicts come before the first interval", .run = test_first },
	{ .name = "down and up again", .run = test_changes },
	{ .name = "what a reload inherits", .run = test_inherit },
	{ .name = "gaps vary by a tenth", .run = test_gaps },
};

int
main(void)
{
	log_open("test_probe", LOG_LEVEL_ERROR);
	return suite_run("probe", cases, ARRAY_SIZE(cases));
}
