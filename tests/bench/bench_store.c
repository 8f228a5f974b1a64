/* bench_store.c -- how many samples a second the store makes durable, beside a bare SQLite loop on the same disk.
 * In: an optional folder to work in (default: the present one, for /tmp may be memory).  Out: lines "NAME VALUE UNIT".
 * The work: reports of 100 metrics from 50 regions, 5 seconds apart, 64 of them under way at a time, as when agents
 * push at once. Each is counted when its `done` says that it is durable. The bare loop inserts the same samples, one
 * transaction for each report, with the same settings, one prepared statement and nothing else: no report row, no
 * names, no thread. Its rate is what SQLite and the disk could do at that size of transaction, so the ratio travels
 * between machines better than the rate; batching may bring it above 1. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

#define REGIONS 50
#define METRICS 100
#define ROUNDS 100		/* reports of each region */
#define UNDER_WAY 64
#define INTERVAL_MS 5000
#define BEGIN_MS INT64_C(1700000000000)

struct pushing {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned under_way, failed;
};

struct push {
	struct pushing *pushing;
	struct report report;
};

static struct report_metric metrics[METRICS];
static char metric_names[METRICS][16], region_names[REGIONS][16];

struct rate {
	double per_second, cpu_us;	/* samples a second; processor time per sample, kernel's included */
};

static struct rate run_store(const char *path, struct store **kept);
static struct rate run_bare(const char *path);
static void run_upkeep(struct store *store);
static void measure_reading(const char *path);

int
main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : ".";
	char store_path[4096], bare_path[4096];
	struct store *store;
	struct rate with_store, bare;

	for (int i = 0; i < METRICS; i++) {
		snprintf(metric_names[i], sizeof(metric_names[i]), "metric-%d", i);
		metrics[i] = (struct report_metric){ metric_names[i], "ratio", "", 1.0 / (i + 1) };
	}
	for (int i = 0; i < REGIONS; i++)
		snprintf(region_names[i], sizeof(region_names[i]), "region-%d", i);
	snprintf(store_path, sizeof(store_path), "%s/bench-store-%ld.db", folder, (long)getpid());
	snprintf(bare_path, sizeof(bare_path), "%s/bench-bare-%ld.db", folder, (long)getpid());
	with_store = run_store(store_path, &store);
	bare = run_bare(bare_path);
	printf("store_samples_durable %.0f samples/s\n", with_store.per_second);
	printf("bare_samples_durable %.0f samples/s\n", bare.per_second);
	printf("store_to_bare %.2f ratio\n", with_store.per_second / bare.per_second);
	printf("store_cpu %.1f us/sample\n", with_store.cpu_us);
	printf("bare_cpu %.1f us/sample\n", bare.cpu_us);
	run_upkeep(store);
	measure_reading(store_path);
	store_close(store);
	unlink(store_path);
	unlink(bare_path);
	return 0;
}

static void
die(const char *what)
{
	fprintf(stderr, "bench_store: %s\n", what);
	exit(1);
}

static double
seconds_since(struct mono begin)
{
	return (double)(mono_now().ns - begin.ns) / 1e9;
}

struct stopwatch {
	struct mono begin;
	clock_t cpu;
};

static struct stopwatch
stopwatch_start(void)
{
	return (struct stopwatch){ mono_now(), clock() };
}

static struct rate
stopwatch_stop(struct stopwatch stopwatch)
{
	double samples = (double)ROUNDS * REGIONS * METRICS;

	return (struct rate){ samples / seconds_since(stopwatch.begin),
		(double)(clock() - stopwatch.cpu) / CLOCKS_PER_SEC * 1e6 / samples };
}

static struct report
report_of(int region, int round)
{
	return (struct report){ .agent = "rem", .region = region_names[region], .sequence = (uint64_t)round + 1,
		.time = { BEGIN_MS + (int64_t)round * INTERVAL_MS + region }, .capacity = 0,
		.metric_count = METRICS, .metrics = metrics };
}

static int
push_run(struct store_txn *txn, void *arg)
{
	const struct push *push = arg;

	return store_report_put(txn, &push->report, push->report.time);
}

static void
push_done(void *arg, int status)
{
	struct push *push = arg;
	struct pushing *pushing = push->pushing;

	pthread_mutex_lock(&pushing->lock);
	pushing->under_way--;
	pushing->failed += status != 0;
	pthread_cond_signal(&pushing->wake);
	pthread_mutex_unlock(&pushing->lock);
	free(push);
}

static void
push(struct pushing *pushing, struct store *store, struct report report)
{
	struct push *push = malloc(sizeof(*push));

	if (push == NULL)
		die("out of memory");
	*push = (struct push){ pushing, report };
	pthread_mutex_lock(&pushing->lock);
	while (pushing->under_way >= UNDER_WAY)
		pthread_cond_wait(&pushing->wake, &pushing->lock);
	pushing->under_way++;
	pthread_mutex_unlock(&pushing->lock);
	if (!store_submit(store, push_run, push_done, push))
		die("queue full");
}

static struct rate
run_store(const char *path, struct store **kept)
{
	struct pushing pushing = { .under_way = 0 };
	struct store_options options = { .path = path };
	struct store_counters counters;
	struct text error = { 0 };
	struct stopwatch stopwatch;
	struct rate rate;

	pthread_mutex_init(&pushing.lock, NULL);
	pthread_cond_init(&pushing.wake, NULL);
	*kept = store_open(&options, &error);
	if (*kept == NULL)
		die(error.bytes);
	stopwatch = stopwatch_start();
	for (int round = 0; round < ROUNDS; round++) {
		for (int region = 0; region < REGIONS; region++)
			push(&pushing, *kept, report_of(region, round));
	}
	pthread_mutex_lock(&pushing.lock);
	while (pushing.under_way > 0)
		pthread_cond_wait(&pushing.wake, &pushing.lock);
	pthread_mutex_unlock(&pushing.lock);
	rate = stopwatch_stop(stopwatch);
	counters = store_counters(*kept);
	if (pushing.failed > 0 || counters.samples != (uint64_t)ROUNDS * REGIONS * METRICS)
		die("reports failed");
	printf("store_reports_per_batch %.1f reports\n", (double)counters.jobs / (double)counters.batches);
	return rate;
}

static void
sql(sqlite3 *handle, const char *text)
{
	if (sqlite3_exec(handle, text, NULL, NULL, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(handle));
}

static struct rate
run_bare(const char *path)
{
	sqlite3 *handle;
	sqlite3_stmt *insert;
	struct stopwatch stopwatch;
	struct rate rate;

	if (sqlite3_open(path, &handle) != SQLITE_OK)
		die(sqlite3_errmsg(handle));
	sql(handle, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "CREATE TABLE sample (series INTEGER, at_ms INTEGER, value REAL, PRIMARY KEY (series, at_ms))"
	    " WITHOUT ROWID");
	sqlite3_prepare_v2(handle, "INSERT INTO sample VALUES (?, ?, ?)", -1, &insert, NULL);
	stopwatch = stopwatch_start();
	for (int report = 0; report < ROUNDS * REGIONS; report++) {
		int region = report % REGIONS, round = report / REGIONS;

		sql(handle, "BEGIN");
		for (int i = 0; i < METRICS; i++) {
			sqlite3_bind_int(insert, 1, region * METRICS + i + 1);
			sqlite3_bind_int64(insert, 2, BEGIN_MS + (int64_t)round * INTERVAL_MS + region);
			sqlite3_bind_double(insert, 3, metrics[i].value);
			if (sqlite3_step(insert) != SQLITE_DONE)
				die(sqlite3_errmsg(handle));
			sqlite3_reset(insert);
		}
		sql(handle, "COMMIT");
	}
	rate = stopwatch_stop(stopwatch);
	sqlite3_finalize(insert);
	sqlite3_close(handle);
	return rate;
}

static int
maintain(struct store_txn *txn, void *more)
{
	return store_maintain(txn, (struct wall){ BEGIN_MS + (ROUNDS + 60) * (int64_t)INTERVAL_MS }, more);
}

/* How long one piece of upkeep holds up the reports that wait behind it, and how fast it works a backlog off. */
static void
run_upkeep(struct store *store)
{
	bool more = true;
	double longest = 0, total = 0;

	for (unsigned calls = 0; more; calls++) {
		struct mono begin = mono_now();
		double seconds;

		if (store_call(store, maintain, &more) != 0)
			die("upkeep failed");
		seconds = seconds_since(begin);
		longest = seconds > longest ? seconds : longest;
		total += seconds;
	}
	printf("upkeep_rolled_up %.0f samples/s\n", (double)ROUNDS * REGIONS * METRICS / total);
	printf("upkeep_longest_piece %.1f ms\n", longest * 1000);
}

static bool
count_sample(void *arg, const struct sample_row *row)
{
	(void)row;
	++*(uint64_t *)arg;
	return true;
}

static void
measure_reading(const char *path)
{
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(path, &error);
	struct mono begin = mono_now();
	uint64_t count = 0;

	if (reader == NULL)
		die(error.bytes);
	for (int64_t series = 1; series <= REGIONS * METRICS; series++) {
		if (store_samples(reader, series, RESOLUTION_RAW, (struct wall){ 0 }, (struct wall){ INT64_MAX },
			count_sample, &count) != 0)
			die("reading failed");
	}
	printf("reader_samples %.0f samples/s\n", (double)count / seconds_since(begin));
	store_reader_close(reader);
}
