/* bench_training.c -- does training delay a DNS answer, and what does it cost? Queries at a steady rate against isobard,
 * in pairs of spells: with the engine's training beside it, and without.
 * In: PORT NAME STORE MODELS PAIRS SECONDS RATE FILE ROWS REGION...: isobard's UDP port on 127.0.0.1, a name that it
 * answers, its store with the history of these regions, ROWS minutes in all.  Out: a line for each pair, and rows of
 * goals in FILE.
 *
 * The training is that of isobar-pae: trainer_run() in a child by child_start(), with its limits and its priority. It's
 * stopped (SIGSTOP) for the spells without it, so that the spells with it meet all of its phases: reading the store,
 * features, machines, judgement. When it's done, another begins. Neither isobard nor what asks is bound to a
 * processor: where a training runs is the kernel's choice here, as it is in service.
 * A query is sent at its time whether or not others were answered (open loop), so that a slow answer hides none of those
 * behind it. Its latency goes from just before sendto() until the kernel took the answer (SO_TIMESTAMPNS): what the
 * training does to the one who asks, whom it may keep from running as well, counts only while it sends.
 * Who comes first alternates from pair to pair, so that a drift of the machine falls on both. What is judged is the
 * median of the ratios of pairs: one pair that something else disturbed doesn't decide. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "models/child.h"
#include "models/trainer.h"
#include "tests/sim/results.h"

#define QUERIES_MAX 60000	/* of a spell: each has an id of its own */
#define PAIRS_MAX 50
#define DRAIN_MS 500		/* for the last answers; what comes later is lost */
#define HORIZON_S 600

/* As pae/training.c has them. */
static const struct child_limits limits = { .cpu_s = 300, .wall_ms = 3600000, .memory = (uint64_t)1 << 30,
	.output = (uint64_t)64 << 20 };

struct training {
	struct trainer_job job;
	struct child *child;		/* NULL: none runs */
	pid_t pid;
	int begun, done, status;	/* status: of the first that ended */
	double cpu_s, peak_mib;		/* of the first that ended */
	struct text output;		/* of the first that ended */
};

struct asking {
	int fd;
	uint8_t query[300];
	size_t length;
	unsigned rate, seconds;
	int64_t sent_ns[QUERIES_MAX];
	double latency_us[QUERIES_MAX];
	size_t sent, answered;
};

struct spell { double p50_us, p99_us, lost; };

static void die(const char *what);
static void ask_open(struct asking *asking, uint16_t port, const char *name);
static size_t write_query(uint8_t query[static 300], const char *name);
static struct spell ask_for_a_spell(struct asking *asking, struct training *training, bool beside);
static void send_one(struct asking *asking);
static void take_answers(struct asking *asking);
static int64_t stamp_of(struct msghdr *message);
static void training_go_on(struct training *training);
static bool training_poll(struct training *training);
static pid_t only_child(void);
static void training_finish(struct training *training);
static double median(const double *values, size_t count);
static int compare(const void *a, const void *b);
static void judge(const struct spell (*pairs)[2], size_t count, const struct training *training, const char *rows,
	const char *path);

int
main(int argc, char **argv)
{
	static struct asking asking;
	static struct spell pairs[PAIRS_MAX][2];	/* [without, with] */
	struct training training = { .job = { .horizon_s = HORIZON_S, .seed = 1 } };
	size_t count;

	if (argc < 11)
		die("PORT NAME STORE MODELS PAIRS SECONDS RATE FILE ROWS REGION...");
	prctl(PR_SET_TIMERSLACK, 1UL);
	count = strtoul(argv[5], NULL, 10);
	asking.seconds = (unsigned)strtoul(argv[6], NULL, 10);
	asking.rate = (unsigned)strtoul(argv[7], NULL, 10);
	if (count == 0 || count > PAIRS_MAX || asking.rate == 0 || asking.rate * asking.seconds > QUERIES_MAX)
		die("too many pairs, or queries of a spell");
	training.job.store = argv[3];
	training.job.models_dir = argv[4];
	training.job.regions = (const char *const *)&argv[10];
	training.job.region_count = (size_t)argc - 10;
	training.job.now = wall_now();
	ask_open(&asking, (uint16_t)strtoul(argv[1], NULL, 10), argv[2]);
	ask_for_a_spell(&asking, &training, false);	/* caches warm up */
	printf("%-5s %12s %12s %12s %12s %9s\n", "pair", "p50 us", "with", "p99 us", "with", "p99 ratio");
	for (size_t i = 0; i < count; i++) {
		bool first = i % 2 == 0;

		pairs[i][first] = ask_for_a_spell(&asking, &training, first);
		pairs[i][!first] = ask_for_a_spell(&asking, &training, !first);
		printf("%-5zu %12.1f %12.1f %12.1f %12.1f %9.3f\n", i + 1, pairs[i][0].p50_us, pairs[i][1].p50_us,
		    pairs[i][0].p99_us, pairs[i][1].p99_us, pairs[i][1].p99_us / pairs[i][0].p99_us);
		fflush(stdout);
	}
	training_finish(&training);
	judge(pairs, count, &training, argv[9], argv[8]);
	text_fini(&training.output);
	close(asking.fd);
	return 0;
}

static void
die(const char *what)
{
	fprintf(stderr, "bench_training: %s\n", what);
	exit(1);
}

/* --- queries ------------------------------------------------------------------------------------------------------ */

static void
ask_open(struct asking *asking, uint16_t port, const char *name)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	asking->length = write_query(asking->query, name);
	asking->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (asking->fd < 0 || setsockopt(asking->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0 ||
	    connect(asking->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("no socket");
}

/* An A query without EDNS; its id is filled in as it's sent. */
static size_t
write_query(uint8_t query[static 300], const char *name)
{
	static const uint8_t header[12] = { [5] = 1 };
	size_t at = sizeof(header);

	memcpy(query, header, sizeof(header));
	for (const char *label = name; *label != '\0'; label += label[strcspn(label, ".")] == '.') {
		size_t length = strcspn(label, ".");

		if (length == 0 || length > 63 || at + length > 280)
			die("no such name");
		query[at++] = (uint8_t)length;
		memcpy(query + at, label, length);
		at += length;
		label += length;
	}
	memcpy(query + at, "\0\0\1\0\1", 5);
	return at + 5;
}

static int64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);	/* the clock of the kernel's stamps */
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static struct spell
ask_for_a_spell(struct asking *asking, struct training *training, bool beside)
{
	struct mono begin;
	struct spell spell;
	size_t count = (size_t)asking->rate * asking->seconds;

	asking->sent = asking->answered = 0;
	if (beside)
		training_go_on(training);
	begin = mono_now();
	for (size_t i = 0; i < count; i++) {
		int64_t due = begin.ns + (int64_t)i * 1000000000 / asking->rate;
		struct timespec at = { due / 1000000000, due % 1000000000 };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		send_one(asking);
		take_answers(asking);
		if (beside && i % asking->rate == 0 && training_poll(training))
			training_go_on(training);
	}
	if (beside && training->child != NULL)
		kill(training->pid, SIGSTOP);
	for (int waited = 0; waited < DRAIN_MS && asking->answered < count; waited += 50) {
		poll(NULL, 0, 50);
		take_answers(asking);
	}
	spell.lost = (double)(count - asking->answered);
	if (asking->answered == 0)
		die("isobard doesn't answer");
	qsort(asking->latency_us, asking->answered, sizeof(*asking->latency_us), compare);
	spell.p50_us = asking->latency_us[asking->answered / 2];
	spell.p99_us = asking->latency_us[asking->answered * 99 / 100];
	return spell;
}

static void
send_one(struct asking *asking)
{
	size_t id = asking->sent++;

	asking->query[0] = (uint8_t)(id >> 8);
	asking->query[1] = (uint8_t)id;
	asking->sent_ns[id] = now_ns();
	if (send(asking->fd, asking->query, asking->length, 0) < 0)
		asking->sent_ns[id] = 0;	/* lost */
}

static void
take_answers(struct asking *asking)
{
	for (;;) {
		uint8_t answer[1500];
		char control[256];
		struct iovec piece = { answer, sizeof(answer) };
		struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control,
			.msg_controllen = sizeof(control) };
		size_t id;

		if (recvmsg(asking->fd, &message, 0) < 2)
			return;
		id = (size_t)answer[0] << 8 | answer[1];
		/* An answer of the spell before has an id that wasn't sent yet, or was answered. */
		if (id >= asking->sent || asking->sent_ns[id] == 0)
			continue;
		asking->latency_us[asking->answered++] = (double)(stamp_of(&message) - asking->sent_ns[id]) / 1e3;
		asking->sent_ns[id] = 0;
	}
}

static int64_t
stamp_of(struct msghdr *message)
{
	for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control != NULL; control = CMSG_NXTHDR(message, control))
		if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec at;

			memcpy(&at, CMSG_DATA(control), sizeof(at));
			return at.tv_sec * INT64_C(1000000000) + at.tv_nsec;
		}
	return now_ns();
}

/* --- the training ------------------------------------------------------------------------------------------------- */

/* Begins one, or lets the one that was stopped go on. */
static void
training_go_on(struct training *training)
{
	if (training->child == NULL) {
		training->child = child_start(trainer_run, &training->job, &limits, mono_now());
		if (training->child == NULL)
			die("no training could be started");
		training->pid = only_child();
		training->begun++;
		return;
	}
	kill(training->pid, SIGCONT);
}

/* True when it's over. */
static bool
training_poll(struct training *training)
{
	struct text output = { 0 };
	struct rusage usage;
	int status;

	if (!child_poll(training->child, mono_now(), &output, &status))
		return false;
	child_free(training->child);
	training->child = NULL;
	getrusage(RUSAGE_CHILDREN, &usage);
	if (training->done++ == 0) {
		training->status = status;
		training->cpu_s = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
		    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
		training->peak_mib = (double)usage.ru_maxrss / 1024;
		training->output = output;
	} else {
		text_fini(&output);
	}
	return true;
}

static pid_t
only_child(void)
{
	FILE *file = fopen("/proc/thread-self/children", "r");
	long pid = 0;

	if (file == NULL || fscanf(file, "%ld", &pid) != 1 || pid <= 1)
		die("the training's process isn't found");
	fclose(file);
	return (pid_t)pid;
}

/* The first one runs to its end, for what it costs. */
static void
training_finish(struct training *training)
{
	if (training->child != NULL && training->done == 0) {
		kill(training->pid, SIGCONT);
		while (!training_poll(training))
			poll(&(struct pollfd){ .fd = child_fd(training->child), .events = POLLIN }, 1, 1000);
	}
	if (training->child != NULL)
		kill(training->pid, SIGCONT);
	child_free(training->child);
	training->child = NULL;
}

/* --- judgement ---------------------------------------------------------------------------------------------------- */

static void
judge(const struct spell (*pairs)[2], size_t count, const struct training *training, const char *rows,
	const char *path)
{
	static struct results results;
	double p50[2][PAIRS_MAX], p99[2][PAIRS_MAX], ratios[PAIRS_MAX], middle[PAIRS_MAX], lost = 0;

	for (size_t i = 0; i < count; i++) {
		for (int with = 0; with < 2; with++) {
			p50[with][i] = pairs[i][with].p50_us;
			p99[with][i] = pairs[i][with].p99_us;
			lost += pairs[i][with].lost;
		}
		ratios[i] = p99[1][i] / p99[0][i];
		middle[i] = p50[1][i] / p50[0][i];
	}
	results_add(&results, median(ratios, count), "<= 1.1",
	    "DNS p99 while a model is trained over without, median of %zu pairs", count);
	results_add(&results, median(middle, count), "<= 1.1", "DNS p50 while a model is trained over without, median");
	results_add(&results, lost, "= 0", "queries without an answer");
	results_add(&results, median(p99[0], count), "> 0", "DNS p99 without training, us, median");
	results_add(&results, median(p99[1], count), "> 0", "DNS p99 with training, us, median");
	results_add(&results, median(p50[0], count), "> 0", "DNS p50 without training, us, median");
	results_add(&results, median(p50[1], count), "> 0", "DNS p50 with training, us, median");
	qsort(ratios, count, sizeof(*ratios), compare);
	results_add(&results, ratios[0], "> 0", "the least ratio of a pair's p99");
	results_add(&results, ratios[count - 1], "> 0", "the largest ratio of a pair's p99");
	results_add(&results, training->done > 0 ? training->status : (double)NAN, "= 0",
	    "training on %s region-minutes: its status, 0 is success", rows);
	results_add(&results, training->peak_mib, "<= 1024", "training on %s region-minutes: memory at its peak, MiB", rows);
	results_add(&results, training->cpu_s, "<= 300", "training on %s region-minutes: processor time, s", rows);
	results_print(&results);
	results_write(&results, path);
	if (training->status != 0 && training->output.bytes != NULL)
		printf("the training said: %.300s\n", training->output.bytes);
}

static double
median(const double *values, size_t count)
{
	double sorted[PAIRS_MAX];

	memcpy(sorted, values, count * sizeof(*values));
	qsort(sorted, count, sizeof(*sorted), compare);
	return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}
