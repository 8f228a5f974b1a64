/* feeds.c -- when feeds are pulled, and what becomes of it.
 * In: the feeds of the steering, their states in the store.  Out: pulls, posted to the API; once a minute the numbers
 * of the signals in force, as samples of each region.
 * Threads: the engine's. A pull runs in a forked child with limits (pull.c), at most FEEDS_AT_ONCE of them: a feed that
 * is slow, huge or broken costs its own next pull and nothing else.
 * Signals become samples as time goes by, not afterwards: so a minute's sample says what was known in that minute, and
 * models can't learn from what came later. When nothing is said of a signal there's no sample: unknown, not 0. */
#include "pae/feeds.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "feed/in_force.h"
#include "feed/pulled.h"
#include "pae/engine.h"
#include "pae/pull.h"

#define TELL_EVERY_MS 60000	/* minutes are what models see */

struct feed_run {
	char *name, *url;
	struct child *child;		/* or NULL */
	struct mono due;
	bool failing;			/* was said in the log */
};

struct feeds {
	uint64_t revision;		/* of the steering that the list was made from */
	size_t count;
	struct feed_run *list;
	struct mono tell;		/* when signals are told next */
};

/* One feed's state, looked for in the store. */
struct state_search { const char *name; struct wall until; };

static void take_list(struct engine *engine, struct feeds *feeds);
static bool take_feed(struct feeds *old, const struct steering_feed *feed, struct feed_run *run);
static void run_fini(struct feed_run *run);
static void take_pull(struct engine *engine, struct feeds *feeds, struct feed_run *run, struct mono now);
static bool is_behind(struct engine *engine, const struct steering_feed *feed);
static bool find_state(void *arg, const struct feed_row *row);
static struct wall until_of(struct engine *engine, const char *name);
static void start_due(struct engine *engine, struct feeds *feeds, struct mono now);
static void tell_signals(struct engine *engine, struct wall now);
static bool take_state(void *arg, const struct feed_row *row);
static bool take_signal(void *arg, const struct signal_row *row);
static void tell_value(void *arg, const struct signal_value *value);
static void add_sample(cJSON *list, const struct signal_value *value, const char *ending, const char *unit,
	double number, struct wall at);

struct feeds *
feeds_new(void)
{
	return calloc(1, sizeof(struct feeds));
}

void
feeds_free(struct feeds *feeds)
{
	if (feeds == NULL)
		return;
	for (size_t i = 0; i < feeds->count; i++)
		run_fini(&feeds->list[i]);
	free(feeds->list);
	free(feeds);
}

void
feeds_run(struct engine *engine, struct feeds *feeds)
{
	struct mono now = mono_now();

	if (engine->steering == NULL)
		return;
	if (feeds->list == NULL || feeds->revision != engine->revision)
		take_list(engine, feeds);
	for (size_t i = 0; i < feeds->count; i++)
		if (feeds->list[i].child != NULL)
			take_pull(engine, feeds, &feeds->list[i], now);
	start_due(engine, feeds, now);
	if (mono_ms_between(now, feeds->tell) <= 0) {
		feeds->tell = mono_add_ms(now, TELL_EVERY_MS);
		tell_signals(engine, wall_now());
	}
}

int64_t
feeds_ms_left(const struct feeds *feeds, struct mono now)
{
	int64_t left = feeds->list == NULL ? TELL_EVERY_MS : mono_ms_between(now, feeds->tell);
	size_t running = 0;

	for (size_t i = 0; i < feeds->count; i++)
		running += feeds->list[i].child != NULL;
	for (size_t i = 0; i < feeds->count; i++) {
		const struct feed_run *run = &feeds->list[i];
		int64_t wait = left;

		if (run->child != NULL)
			wait = child_ms_left(run->child, now);
		else if (running < FEEDS_AT_ONCE)
			wait = mono_ms_between(now, run->due);
		left = wait < left ? wait : left;
	}
	return left > 0 ? left : 0;
}

size_t
feeds_poll(const struct feeds *feeds, struct pollfd *fds)
{
	size_t count = 0;

	for (size_t i = 0; i < feeds->count && count < FEEDS_AT_ONCE; i++)
		if (feeds->list[i].child != NULL)
			fds[count++] = (struct pollfd){ .fd = child_fd(feeds->list[i].child), .events = POLLIN };
	return count;
}

/* --- which there are ------------------------------------------------------------------------------------------- */

static void
take_list(struct engine *engine, struct feeds *feeds)
{
	size_t count = engine->steering->feed_count;
	struct feed_run *list = calloc(count + 1, sizeof(*list));

	for (size_t i = 0; list != NULL && i < count; i++)
		if (!take_feed(feeds, &engine->steering->feeds[i], &list[i])) {
			while (i-- > 0)
				run_fini(&list[i]);
			free(list);
			list = NULL;
			break;
		}
	if (list == NULL) {
		log_warning("no memory for the feeds");
		return;
	}
	for (size_t i = 0; i < feeds->count; i++)
		run_fini(&feeds->list[i]);
	free(feeds->list);
	feeds->list = list;
	feeds->count = count;
	feeds->revision = engine->revision;
}

/* One that is the same as before goes on; another one is pulled at once. */
static bool
take_feed(struct feeds *old, const struct steering_feed *feed, struct feed_run *run)
{
	*run = (struct feed_run){ .name = strdup(feed->name), .url = strdup(feed->url), .due = mono_now() };
	if (run->name == NULL || run->url == NULL) {
		run_fini(run);
		return false;
	}
	for (size_t i = 0; i < old->count; i++) {
		struct feed_run *before = &old->list[i];

		if (strcmp(before->name, feed->name) != 0 || strcmp(before->url, feed->url) != 0)
			continue;
		run->child = before->child;
		run->due = before->due;
		run->failing = before->failing;
		before->child = NULL;
	}
	return true;
}

static void
run_fini(struct feed_run *run)
{
	child_free(run->child);
	free(run->name);
	free(run->url);
}

/* --- pulls ----------------------------------------------------------------------------------------------------- */

static void
take_pull(struct engine *engine, struct feeds *feeds, struct feed_run *run, struct mono now)
{
	const struct steering_feed *feed = steering_feed_find(engine->steering, run->name);
	struct text output = { 0 }, path = { 0 };
	bool failed;
	int status;

	if (!child_poll(run->child, now, &output, &status))
		return;
	child_free(run->child);
	run->child = NULL;
	if (status != 0)
		pull_failed(status, &output);
	text_printf(&path, "/v1/feeds/%s", run->name);
	failed = path.failed || output.failed || strstr(output.bytes, "\"error\":") != NULL;
	if (failed != run->failing && output.bytes != NULL)
		log_info("feed %s %s; isobarctl feeds", run->name, failed ? "fails" : "works again");
	run->failing = failed;
	if (!path.failed && !output.failed && engine_post(engine, path.bytes, output.bytes) && !failed) {
		if (feed != NULL && feed->kind != FEED_PROMETHEUS)
			feeds->tell = now;
		else if (feed != NULL && is_behind(engine, feed))
			run->due = now;
	}
	text_fini(&path);
	text_fini(&output);
}

/* After an outage ranges follow each other without a pause. */
static bool
is_behind(struct engine *engine, const struct steering_feed *feed)
{
	struct wall until = until_of(engine, feed->name);

	return until.ms != 0 && wall_now().ms - until.ms > (int64_t)feed->interval_ms + feed->delay_ms + feed->step_ms;
}

static struct wall
until_of(struct engine *engine, const char *name)
{
	struct state_search search = { .name = name };

	if (store_feeds(engine->reader, find_state, &search) != 0)
		log_warning("can't read the state of feed %s", name);
	return search.until;
}

static bool
find_state(void *arg, const struct feed_row *row)
{
	struct state_search *search = arg;

	if (strcmp(row->name, search->name) != 0)
		return true;
	search->until = row->until;
	return false;
}

static void
start_due(struct engine *engine, struct feeds *feeds, struct mono now)
{
	size_t running = 0;

	for (size_t i = 0; i < feeds->count; i++)
		running += feeds->list[i].child != NULL;
	for (size_t i = 0; i < feeds->count && running < FEEDS_AT_ONCE; i++) {
		struct feed_run *run = &feeds->list[i];
		struct pull_job job = { .steering = engine->steering,
			.feed = steering_feed_find(engine->steering, run->name) };
		struct child_limits limits;

		if (job.feed == NULL || run->child != NULL || mono_ms_between(now, run->due) > 0)
			continue;
		run->due = mono_add_ms(now, job.feed->interval_ms);
		job.until = until_of(engine, run->name);
		limits = pull_limits(job.feed);
		run->child = child_start(pull_run, &job, &limits, now);
		if (run->child == NULL)
			log_warning("can't pull feed %s: %s", run->name, strerror(errno));
		else
			running++;
	}
}

/* --- what is in force ------------------------------------------------------------------------------------------ */

static void
tell_signals(struct engine *engine, struct wall now)
{
	struct in_force *book = in_force_new(engine->steering, now);
	cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "series");
	char *body;
	bool told = book != NULL && list != NULL && store_feeds(engine->reader, take_state, book) == 0 &&
	    store_signals(engine->reader, now, take_signal, book) == 0;

	if (told)
		in_force_each(book, tell_value, list);
	else
		log_warning("can't tell which signals are in force");
	body = cJSON_GetArraySize(list) > 0 ? json_write(root) : NULL;
	if (body != NULL)
		engine_post(engine, "/v1/samples", body);
	free(body);
	cJSON_Delete(root);
	in_force_free(book);
}

static bool
take_state(void *arg, const struct feed_row *row)
{
	in_force_feed(arg, row);
	return true;
}

static bool
take_signal(void *arg, const struct signal_row *row)
{
	return in_force_signal(arg, row);
}

static void
tell_value(void *arg, const struct signal_value *value)
{
	struct wall now = wall_now();

	add_sample(arg, value, "", "ratio", value->value, now);
	add_sample(arg, value, ":ahead", "ratio", value->ahead, now);
	add_sample(arg, value, ":age", "s", value->age_s, now);
}

static void
add_sample(cJSON *list, const struct signal_value *value, const char *ending, const char *unit,
	double number, struct wall at)
{
	const double pair[] = { (double)at.ms, number };
	struct text name = { 0 };
	cJSON *entry, *values;

	if (!isfinite(number))
		return;
	text_printf(&name, "signal:%s%s", value->name, ending);
	entry = cJSON_CreateObject();
	cJSON_AddStringToObject(entry, "region", value->region);
	cJSON_AddStringToObject(entry, "name", name.failed ? "" : name.bytes);
	cJSON_AddStringToObject(entry, "unit", unit);
	values = cJSON_AddArrayToObject(entry, "values");
	cJSON_AddItemToArray(values, cJSON_CreateDoubleArray(pair, 2));
	cJSON_AddItemToArray(list, entry);
	text_fini(&name);
}
