/* push.c -- two threads between the event loop and the controller.
 * In: reports from the loop, through a queue in memory. Out: requests to the controller.
 * Threads: the loop submits (takes one lock for a moment, never waits for I/O); the keeper writes what was submitted to
 * the spool; the sender takes the oldest from the spool, posts it, and removes it once it is taken. So neither a
 * controller that hangs nor a disk that hangs ever holds up a probe, and a report is on disk before it is sent.
 * Ownership: `queue` under `lock`; the spool has its own lock; the client belongs to the sender, which alone may free
 * it; others only cancel it, under `lock`.
 *
 * Invariants: reports are sent in the order of their sequences, one at a time; one leaves the spool only when the
 * controller said 2xx or 409 (it had it already: our earlier try got through, its answer didn't), or when it was
 * refused for good. A refusal that isn't the report's fault (401, 403, 404: no such region yet) keeps everything.
 * Log lines are written when the state changes, not for each try. */
#include "push.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "http/client.h"
#include "spool.h"

#define QUEUE_MAX 256			/* reports in memory while the disk hangs; then the oldest goes */
#define KEEP_MS ((int64_t)48 * 3600 * 1000)	/* the controller keeps single samples no longer by default */
#define CALL_TIMEOUT_MS 10000
#define DELAY_LEAST_MS 250u		/* a controller that restarts is away for less than a second */
#define DELAY_MOST_MS 5000u		/* one default interval: more would only make the region look silent */
#define FORBIDDEN_LEAST_MS 1000u	/* a region that is being set up is known in seconds */
#define FORBIDDEN_MOST_MS 30000u	/* else a person must act; each try is a line in the controller's log */
#define RETRY_AFTER_MOST_S 300		/* a mistyped header shall not silence a region */
#define TOKEN_LIMIT 4096

struct item {
	struct item *next;
	uint64_t sequence;
	char *json;
};

struct push {
	char *controller, *token_file, *region, *path;
	struct spool *spool;
	pthread_t keeper, sender;

	pthread_mutex_t lock;
	pthread_cond_t queued;		/* for the keeper */
	pthread_cond_t spooled;		/* for the sender; on CLOCK_MONOTONIC */
	struct item *queue, **queue_end;
	size_t queue_length;
	uint64_t queue_dropped;
	bool stopping;
	bool fresh;			/* the keeper has spooled something that the sender hasn't looked for */
	uint64_t sequence;
	struct push_counters counters;
	struct http_client *client;

	/* Of the sender, for its log lines. */
	bool state_known;
	enum push_outcome state;
	unsigned failures;
	bool token_warned, refused_told;
	uint64_t dropped_told;
	/* Of the keeper. */
	int spool_error;
};

static bool settings_take(struct push *push, const struct push_settings *settings);
static struct spool *region_spool_open(const struct push_settings *settings, struct text *error);
static void condition_init(pthread_cond_t *condition);
static void push_free(struct push *push);
static void *keeper_run(void *arg);
static struct item *queue_take(struct push *push);
static void keep(struct push *push, const struct item *item);
static void *sender_run(void *arg);
static bool wait_for_work(struct push *push, bool idle, uint32_t delay_ms);
static enum push_outcome send_one(struct push *push, uint64_t sequence, const char *json, uint32_t *retry_after_s);
static bool client_open(struct push *push);
static void client_close(struct push *push);
static char *token_read(struct push *push);
static void settle(struct push *push, uint64_t sequence, enum push_outcome outcome);
static void tell_refused(struct push *push, uint64_t sequence, const struct http_response *response);
static void tell_state(struct push *push, enum push_outcome outcome, int error, const struct http_response *response);
static void tell_dropped(struct push *push, uint64_t dropped);
static const char *problem_text(const struct http_response *response, char *text, size_t size);

struct push *
push_start(const struct push_settings *settings, struct text *error)
{
	struct push *push = calloc(1, sizeof(*push));

	if (push == NULL || !settings_take(push, settings)) {
		text_puts(error, "out of memory");
		push_free(push);
		return NULL;
	}
	push->spool = region_spool_open(settings, error);
	if (push->spool == NULL)
		goto free_push;
	push->sequence = spool_first_sequence(push->spool);
	push->queue_end = &push->queue;
	pthread_mutex_init(&push->lock, NULL);
	pthread_cond_init(&push->queued, NULL);
	condition_init(&push->spooled);
	if (pthread_create(&push->keeper, NULL, keeper_run, push) != 0)
		goto destroy_locks;
	if (pthread_create(&push->sender, NULL, sender_run, push) != 0)
		goto stop_keeper;
	return push;
stop_keeper:
	pthread_mutex_lock(&push->lock);
	push->stopping = true;
	pthread_cond_signal(&push->queued);
	pthread_mutex_unlock(&push->lock);
	pthread_join(push->keeper, NULL);
destroy_locks:
	text_puts(error, "can't start a thread");
	pthread_mutex_destroy(&push->lock);
	pthread_cond_destroy(&push->queued);
	pthread_cond_destroy(&push->spooled);
free_push:
	push_free(push);
	return NULL;
}

void
push_stop(struct push *push)
{
	if (push == NULL)
		return;
	pthread_mutex_lock(&push->lock);
	push->stopping = true;
	if (push->client != NULL)
		http_client_cancel(push->client);
	pthread_cond_signal(&push->queued);
	pthread_cond_signal(&push->spooled);
	pthread_mutex_unlock(&push->lock);
	pthread_join(push->keeper, NULL);
	pthread_join(push->sender, NULL);
	pthread_mutex_destroy(&push->lock);
	pthread_cond_destroy(&push->queued);
	pthread_cond_destroy(&push->spooled);
	push_free(push);
}

uint64_t
push_sequence(struct push *push)
{
	uint64_t sequence;

	pthread_mutex_lock(&push->lock);
	sequence = push->sequence++;
	pthread_mutex_unlock(&push->lock);
	return sequence;
}

void
push_submit(struct push *push, uint64_t sequence, char *json)
{
	struct item *item = malloc(sizeof(*item)), *dropped = NULL;

	if (item == NULL) {
		free(json);
		return;
	}
	*item = (struct item){ .sequence = sequence, .json = json };
	pthread_mutex_lock(&push->lock);
	if (push->queue_length == QUEUE_MAX) {
		dropped = queue_take(push);
		push->queue_dropped++;
	}
	*push->queue_end = item;
	push->queue_end = &item->next;
	push->queue_length++;
	pthread_cond_signal(&push->queued);
	pthread_mutex_unlock(&push->lock);
	if (dropped != NULL) {
		free(dropped->json);
		free(dropped);
	}
}

struct push_counters
push_counters(struct push *push)
{
	struct push_counters counters;

	pthread_mutex_lock(&push->lock);
	counters = push->counters;
	counters.waiting += push->queue_length;
	pthread_mutex_unlock(&push->lock);
	return counters;
}

static bool
settings_take(struct push *push, const struct push_settings *settings)
{
	push->controller = strdup(settings->controller);
	push->region = strdup(settings->region);
	push->token_file = settings->token_file == NULL ? NULL : strdup(settings->token_file);
	if (asprintf(&push->path, "/v1/regions/%s/reports", settings->region) < 0)
		push->path = NULL;
	return push->controller != NULL && push->region != NULL && push->path != NULL &&
	    (settings->token_file == NULL || push->token_file != NULL);
}

/* A folder for each region, so that an agent that moves to another region doesn't speak there for the former. */
static struct spool *
region_spool_open(const struct push_settings *settings, struct text *error)
{
	struct text folder = { 0 };
	struct spool *spool = NULL;

	text_printf(&folder, "%s/%s", settings->spool_path, settings->region);
	if (folder.failed)
		text_puts(error, "out of memory");
	else if (mkdir(settings->spool_path, 0700) != 0 && errno != EEXIST)
		text_printf(error, "%s: %s", settings->spool_path, strerror(errno));
	else
		spool = spool_open(folder.bytes, settings->spool_limit, KEEP_MS, wall_now(), error);
	text_fini(&folder);
	return spool;
}

static void
condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void
push_free(struct push *push)
{
	if (push == NULL)
		return;
	spool_close(push->spool);
	free(push->controller);
	free(push->token_file);
	free(push->region);
	free(push->path);
	free(push);
}

/* --- the keeper ---------------------------------------------------------------------------------------------- */

static void *
keeper_run(void *arg)
{
	struct push *push = arg;

	pthread_mutex_lock(&push->lock);
	for (;;) {
		struct item *item = queue_take(push);
		size_t waiting;

		if (item == NULL && push->stopping)
			break;
		if (item == NULL) {
			pthread_cond_wait(&push->queued, &push->lock);
			continue;
		}
		pthread_mutex_unlock(&push->lock);
		keep(push, item);
		free(item->json);
		free(item);
		waiting = spool_status(push->spool).count;	/* not under the lock, see wait_for_work() */
		pthread_mutex_lock(&push->lock);
		push->counters.waiting = waiting;
		push->fresh = true;
		pthread_cond_signal(&push->spooled);
	}
	pthread_mutex_unlock(&push->lock);
	return NULL;
}

/* Under the lock. NULL when it's empty. */
static struct item *
queue_take(struct push *push)
{
	struct item *item = push->queue;

	if (item == NULL)
		return NULL;
	push->queue = item->next;
	if (push->queue == NULL)
		push->queue_end = &push->queue;
	push->queue_length--;
	return item;
}

static void
keep(struct push *push, const struct item *item)
{
	int rc = spool_add(push->spool, item->sequence, item->json, wall_now());

	if (rc != 0 && push->spool_error != rc)
		log_error("the spool can't be written: %s; reports are kept in memory only", strerror(-rc));
	else if (rc == 0 && push->spool_error != 0)
		log_info("the spool can be written again");
	push->spool_error = rc;
}

/* --- the sender ---------------------------------------------------------------------------------------------- */

static void *
sender_run(void *arg)
{
	struct push *push = arg;
	uint32_t delay_ms = 0;
	bool idle = false;		/* a former run may have left some */

	while (wait_for_work(push, idle, delay_ms)) {
		uint32_t retry_after_s = 0, dice;
		uint64_t sequence = 0;
		char *json = spool_oldest(push->spool, wall_now(), &sequence);
		enum push_outcome outcome;

		idle = json == NULL;
		delay_ms = 0;
		if (idle)
			continue;
		outcome = send_one(push, sequence, json, &retry_after_s);
		free(json);
		settle(push, sequence, outcome);
		dice = (uint32_t)hash64(push->region, strlen(push->region), sequence + push->failures);
		delay_ms = push_delay_ms(outcome, push->failures, retry_after_s, dice);
	}
	client_close(push);
	return NULL;
}

/* Waits for the end of the delay, or when idle for a report. False: stop. The spool isn't asked in here: its lock may
 * be held over disk I/O, and whoever holds ours must not wait for that. */
static bool
wait_for_work(struct push *push, bool idle, uint32_t delay_ms)
{
	struct mono until = mono_add_ms(mono_now(), delay_ms);
	struct timespec at = { .tv_sec = until.ns / 1000000000, .tv_nsec = until.ns % 1000000000 };
	bool go_on;

	pthread_mutex_lock(&push->lock);
	while (idle && !push->fresh && !push->stopping)
		pthread_cond_wait(&push->spooled, &push->lock);
	while (delay_ms > 0 && !push->stopping &&
	    pthread_cond_timedwait(&push->spooled, &push->lock, &at) != ETIMEDOUT)
		;
	push->fresh = false;
	go_on = !push->stopping;
	pthread_mutex_unlock(&push->lock);
	return go_on;
}

static enum push_outcome
send_one(struct push *push, uint64_t sequence, const char *json, uint32_t *retry_after_s)
{
	struct http_response response = { 0 };
	enum push_outcome outcome = PUSH_UNREACHABLE;
	int error = -ENOMEM;

	if (push->client != NULL || client_open(push)) {
		error = http_call(push->client, "POST", push->path, json, &response);
		outcome = push_judge(error, response.status);
		*retry_after_s = response.retry_after_s;
	}
	if (outcome == PUSH_REFUSED)
		tell_refused(push, sequence, &response);
	else if (error != -ECANCELED)
		tell_state(push, outcome, error, &response);
	http_response_fini(&response);
	/* The next try reads the token file anew: it may have been corrected. */
	if (outcome == PUSH_FORBIDDEN)
		client_close(push);
	return outcome;
}

static bool
client_open(struct push *push)
{
	char *token = token_read(push);
	struct http_client *client = http_client_new(push->controller, token, CALL_TIMEOUT_MS);

	free(token);
	pthread_mutex_lock(&push->lock);
	push->client = client;
	if (client != NULL && push->stopping)
		http_client_cancel(client);
	pthread_mutex_unlock(&push->lock);
	return client != NULL;
}

static void
client_close(struct push *push)
{
	struct http_client *client;

	pthread_mutex_lock(&push->lock);
	client = push->client;
	push->client = NULL;
	pthread_mutex_unlock(&push->lock);
	http_client_free(client);
}

/* The file's first line without blanks around it; NULL when there is none. */
static char *
token_read(struct push *push)
{
	struct stat st;
	size_t length;
	int error;
	char *text, *start;

	if (push->token_file == NULL)
		return NULL;
	text = text_read_file(push->token_file, TOKEN_LIMIT, &length, &error);
	if (text == NULL) {
		if (!push->token_warned)
			log_error("token file %s: %s", push->token_file, strerror(-error));
		push->token_warned = true;
		return NULL;
	}
	if (!push->token_warned && stat(push->token_file, &st) == 0 && (st.st_mode & 077) != 0) {
		log_warning("token file %s can be read by others (mode %03o): it should have mode 600",
		    push->token_file, (unsigned)(st.st_mode & 0777));
		push->token_warned = true;
	}
	start = text + strspn(text, " \t\r\n");
	start[strcspn(start, " \t\r\n")] = '\0';
	memmove(text, start, strlen(start) + 1);
	return text;
}

static void
settle(struct push *push, uint64_t sequence, enum push_outcome outcome)
{
	struct spool_status status;
	uint64_t dropped;

	if (outcome == PUSH_DELIVERED)
		spool_remove(push->spool, sequence);
	else if (outcome == PUSH_REFUSED)
		spool_set_aside(push->spool, sequence);
	push->failures = outcome == PUSH_DELIVERED || outcome == PUSH_REFUSED ? 0 : push->failures + 1;
	status = spool_status(push->spool);
	pthread_mutex_lock(&push->lock);
	push->counters.delivered += outcome == PUSH_DELIVERED ? 1 : 0;
	push->counters.refused += outcome == PUSH_REFUSED ? 1 : 0;
	push->counters.waiting = status.count;
	push->counters.dropped = status.dropped + push->queue_dropped;
	dropped = push->counters.dropped;
	pthread_mutex_unlock(&push->lock);
	tell_dropped(push, dropped);
}

/* The next ones are likely to be refused for the same reason, and aren't told until one was taken. */
static void
tell_refused(struct push *push, uint64_t sequence, const struct http_response *response)
{
	char text[512];

	if (!push->refused_told)
		log_error("report %llu was refused by %s: status %ld%s; such ones go to the folder 'refused'",
		    (unsigned long long)sequence, push->controller, response->status,
		    problem_text(response, text, sizeof(text)));
	push->refused_told = true;
}

static void
tell_state(struct push *push, enum push_outcome outcome, int error, const struct http_response *response)
{
	char text[512];

	if (outcome == PUSH_DELIVERED)
		push->refused_told = false;
	if (push->state_known && outcome == push->state)
		return;
	push->state_known = true;
	push->state = outcome;
	switch (outcome) {
	case PUSH_DELIVERED:
		log_info("%s takes reports; %zu wait", push->controller, spool_status(push->spool).count - 1);
		break;
	case PUSH_FORBIDDEN:
		log_error("%s refuses all reports: status %ld%s; they wait, and the token is read again at each try",
		    push->controller, response->status, problem_text(response, text, sizeof(text)));
		break;
	case PUSH_BUSY:
		log_warning("%s can't take reports now: status %ld%s; they wait", push->controller, response->status,
		    problem_text(response, text, sizeof(text)));
		break;
	case PUSH_UNREACHABLE:
		if (error != 0)
			log_warning("%s can't be reached: %s; reports wait", push->controller,
			    response->error[0] == '\0' ? strerror(-error) : response->error);
		else
			log_warning("%s answers with status %ld; reports wait", push->controller, response->status);
		break;
	case PUSH_REFUSED:
		break;		/* told with its sequence */
	}
}

/* Once as it begins, and again with the total when reports are taken again. */
static void
tell_dropped(struct push *push, uint64_t dropped)
{
	if (dropped == push->dropped_told || (push->dropped_told > 0 && push->state != PUSH_DELIVERED))
		return;
	log_warning(
	    "%llu reports were dropped from the spool so far, the oldest first: too many, too old or unreadable",
	    (unsigned long long)dropped);
	push->dropped_told = dropped;
}

/* ": BODY" on one line as far as it fits, or "". Control characters are the log's to replace. */
static const char *
problem_text(const struct http_response *response, char *text, size_t size)
{
	if (response->body == NULL || response->length == 0)
		return "";
	snprintf(text, size, ": %s", response->body);
	return text;
}

/* --- what an answer means ------------------------------------------------------------------------------------ */

enum push_outcome
push_judge(int error, long status)
{
	if (error != 0)
		return PUSH_UNREACHABLE;
	if ((status >= 200 && status < 300) || status == 409)
		return PUSH_DELIVERED;
	switch (status) {
	case 400: case 413: case 415: case 422:
		return PUSH_REFUSED;
	case 401: case 403: case 404: case 405:
		return PUSH_FORBIDDEN;
	case 429: case 503:
		return PUSH_BUSY;
	default:
		return PUSH_UNREACHABLE;
	}
}

uint32_t
push_delay_ms(enum push_outcome outcome, unsigned failures, uint32_t retry_after_s, uint32_t dice)
{
	uint32_t least = outcome == PUSH_FORBIDDEN ? FORBIDDEN_LEAST_MS : DELAY_LEAST_MS;
	uint32_t most = outcome == PUSH_FORBIDDEN ? FORBIDDEN_MOST_MS : DELAY_MOST_MS;
	uint32_t delay_ms = failures < 1 ? least : failures > 8 ? most : least << (failures - 1);

	if (outcome == PUSH_DELIVERED || outcome == PUSH_REFUSED)
		return 0;
	if (retry_after_s > 0) {
		/* The controller named the least; the spread comes on top. */
		delay_ms = (retry_after_s > RETRY_AFTER_MOST_S ? RETRY_AFTER_MOST_S : retry_after_s) * 1000;
		return delay_ms + dice % (delay_ms / 4);
	}
	delay_ms = delay_ms > most ? most : delay_ms;
	return delay_ms * 3 / 4 + dice % (delay_ms / 2);
}
