/* pull.c -- one pull of a feed: requests, reading, and what is told of it.
 * In: the feed and how far it came.  Out: the body of POST /v1/feeds/{feed}, also for a failure.
 * It runs in a child (models/child.h), since what comes back is somebody else's: whatever it does to libcurl or to the
 * readers, the engine and its rounds go on.  Threads: the child's only one. */
#include "pae/pull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/prometheus.h"
#include "feed/pulled.h"
#include "http/fetch.h"

#define TOKEN_MAX 4096
#define CPU_S 20
#define MEMORY ((uint64_t)1 << 30)	/* a body of 64 MiB as a tree, beside what the engine holds */
#define OUTPUT_MOST ((uint64_t)4 << 20)
#define WALL_MOST_MS 600000

static void pull(struct pulled *pulled, struct wall until);
static char *token_read(const struct steering_feed *feed, struct pulled *pulled);
static void pull_document(struct pulled *pulled, const char *token);
static cJSON *get(struct pulled *pulled, const char *url, const char *token, struct http_response *response);
static bool get_body(struct pulled *pulled, const char *url, const char *token, struct http_response *response);
static const char *media_types(enum feed_kind kind);
static bool is_refused(struct pulled *pulled, const struct http_response *response);
static void pull_prometheus(struct pulled *pulled, struct wall until, const char *token);
static bool pull_range(struct pulled *pulled, struct prometheus_range range, const char *token);
static void pull_query(struct pulled *pulled, size_t series, struct prometheus_range range, const char *token);

int
pull_run(struct text *output, void *arg)
{
	const struct pull_job *job = arg;
	struct mono begun = mono_now();
	struct pulled *pulled = pulled_new(job->steering, job->feed, wall_now());
	char *body;

	if (pulled == NULL)
		return -ENOMEM;
	pull(pulled, job->until);
	pulled->took_ms = (uint64_t)mono_ms_between(begun, mono_now());
	body = pulled_write(pulled);
	pulled_free(pulled);
	if (body == NULL)
		return -ENOMEM;
	text_puts(output, body);
	free(body);
	return 0;
}

static void
pull(struct pulled *pulled, struct wall until)
{
	const struct steering_feed *feed = pulled->feed;
	char *token = token_read(feed, pulled);

	if (pulled->error[0] == '\0' && feed->kind == FEED_PROMETHEUS)
		pull_prometheus(pulled, until, token);
	else if (pulled->error[0] == '\0')
		pull_document(pulled, token);
	free(token);
}

/* The first line. A file that others may read is refused: it's no secret, or it isn't meant as a token. */
static char *
token_read(const struct steering_feed *feed, struct pulled *pulled)
{
	struct stat status;
	char *token = NULL;
	size_t length;
	int error;

	if (feed->token_file == NULL)
		return NULL;
	if (stat(feed->token_file, &status) != 0 || !S_ISREG(status.st_mode))
		pulled_fail(pulled, "%s: %s", feed->token_file, S_ISREG(status.st_mode) ? strerror(errno) : "no file");
	else if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0)
		pulled_fail(pulled, "%s: others may read it: chmod o-rw", feed->token_file);
	else if ((token = text_read_file(feed->token_file, TOKEN_MAX, &length, &error)) == NULL)
		pulled_fail(pulled, "%s: %s", feed->token_file, strerror(-error));
	if (token != NULL)
		token[strcspn(token, "\r\n")] = '\0';
	return token;
}

static void
pull_document(struct pulled *pulled, const char *token)
{
	const struct steering_feed *feed = pulled->feed;
	struct http_response response = { 0 };
	cJSON *document = NULL;

	if (feed->kind == FEED_CAP_XML) {
		if (get_body(pulled, feed->url, token, &response))
			pulled_read_cap_xml(pulled, response.body, response.length);
	} else if ((document = get(pulled, feed->url, token, &response)) != NULL) {
		if (feed->kind == FEED_JSON)
			pulled_read_json(pulled, document);
		else if (feed->kind == FEED_GEOJSON)
			pulled_read_geojson(pulled, document);
		else
			pulled_read_cap(pulled, document);
	}
	cJSON_Delete(document);
	http_response_fini(&response);
}

/* NULL after saying why. The response outlives the tree. */
static cJSON *
get(struct pulled *pulled, const char *url, const char *token, struct http_response *response)
{
	struct diags diags = { 0 };
	cJSON *document;

	if (!get_body(pulled, url, token, response))
		return NULL;
	document = json_parse(response->body, response->length, pulled->feed->name, &diags);
	if (document == NULL && diags.count > 0 && diags.list[0].pointer != NULL)
		pulled_fail(pulled, "%s: %s", diags.list[0].pointer, diags.list[0].message);
	else if (document == NULL && diags.count > 0)
		pulled_fail(pulled, "line %u, column %u: %s", diags.list[0].line, diags.list[0].column,
		    diags.list[0].message);
	diag_fini(&diags);
	return document;
}

/* False after saying why. */
static bool
get_body(struct pulled *pulled, const char *url, const char *token, struct http_response *response)
{
	const struct steering_feed *feed = pulled->feed;
	const struct http_fetch fetch = {
		.url = url, .token = token, .ca_file = feed->ca_file, .timeout_ms = feed->timeout_ms,
		.size_most = feed->size_most, .accept = media_types(feed->kind),
	};

	if (http_fetch(&fetch, response) != 0) {
		pulled_fail(pulled, "%s", response->error);
		return false;
	}
	pulled->bytes += response->length;
	return !is_refused(pulled, response);
}

static const char *
media_types(enum feed_kind kind)
{
	return kind == FEED_GEOJSON ? "application/geo+json, application/json;q=0.9" :
	    kind == FEED_CAP_XML ? "application/cap+xml, application/atom+xml;q=0.9, application/rss+xml;q=0.9, "
	    "application/xml;q=0.8, text/xml;q=0.7" : "application/json";
}

static bool
is_refused(struct pulled *pulled, const struct http_response *response)
{
	struct diags ignored = { 0 };
	cJSON *document;
	const char *said;

	if (response->status == 200)
		return false;
	document = pulled->feed->kind == FEED_PROMETHEUS ?
	    json_parse(response->body, response->length, "", &ignored) : NULL;
	said = document == NULL ? NULL : prometheus_error(document);
	pulled_fail(pulled, "HTTP status %ld%s%.200s", response->status, said == NULL ? "" : ": ",
	    said == NULL ? "" : said);
	cJSON_Delete(document);
	diag_fini(&ignored);
	return true;
}

/* --- Prometheus ------------------------------------------------------------------------------------------------ */

/* When a range holds too many samples, a shorter one is asked for: what is left comes with the next pull. */
static void
pull_prometheus(struct pulled *pulled, struct wall until, const char *token)
{
	size_t points = PROMETHEUS_POINTS_MAX;
	struct prometheus_range range;

	while (pulled->error[0] == '\0' && prometheus_range(pulled->feed, until, pulled->now, points, &range)) {
		size_t asked = (size_t)((range.to_ms - range.from_ms) / pulled->feed->step_ms) + 1;

		if (pull_range(pulled, range, token)) {
			pulled->until = (struct wall){ range.to_ms };
			return;
		}
		if (asked == 1)
			pulled_fail(pulled, "%zu samples at one time, %d are taken", pulled->sample_count,
			    PULLED_SAMPLES_MAX);
		points = asked * PULLED_SAMPLES_MAX / (pulled->sample_count + 1);
		points = points >= asked ? asked - 1 : points == 0 ? 1 : points;
	}
}

/* False: too much, or failed. */
static bool
pull_range(struct pulled *pulled, struct prometheus_range range, const char *token)
{
	pulled->series_count = pulled->sample_count = pulled->items = pulled->left_out = 0;
	for (size_t i = 0; i < pulled->feed->series_count && pulled->error[0] == '\0'; i++)
		pull_query(pulled, i, range, token);
	return pulled->error[0] == '\0' && pulled->sample_count <= PULLED_SAMPLES_MAX;
}

static void
pull_query(struct pulled *pulled, size_t series, struct prometheus_range range, const char *token)
{
	char *url = prometheus_url(pulled->feed, pulled->feed->series[series].query, range);
	struct http_response response = { 0 };
	cJSON *document = url == NULL ? NULL : get(pulled, url, token, &response);

	if (url == NULL)
		pulled_fail(pulled, "out of memory");
	if (document != NULL)
		prometheus_read(pulled, series, document, range);
	cJSON_Delete(document);
	http_response_fini(&response);
	free(url);
}

/* --- limits ---------------------------------------------------------------------------------------------------- */

struct child_limits
pull_limits(const struct steering_feed *feed)
{
	uint64_t wall_ms = (uint64_t)feed->timeout_ms * (2 + 2 * feed->series_count);

	return (struct child_limits){
		.cpu_s = CPU_S, .wall_ms = wall_ms < WALL_MOST_MS ? (uint32_t)wall_ms : WALL_MOST_MS,
		.memory = MEMORY, .output = OUTPUT_MOST,
	};
}

void
pull_failed(int status, struct text *output)
{
	char at[CLOCK_TEXT_SIZE];

	text_fini(output);
	text_printf(output, "{\"at\":\"%s\",\"error\":\"%s\"}", wall_text(wall_now(), at),
	    status == -EDQUOT ? "the pull took too much time or memory" :
	    status == -ECHILD ? "the pull crashed" : "the pull ran out of memory");
}
