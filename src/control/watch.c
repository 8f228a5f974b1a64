/* watch.c -- see watch.h.
 * In: settings, the operator's wishes, the clock.  Out: the tap that workers show exchanges to.
 * Threads: control; rows of the journal are written on the store's writer, and nothing waits for them.
 * Ownership: the tap in service and what hangs off it are control's. A new one is published whole, and the old one is
 * freed when no worker can see it any more. While nothing is on there is none, which is all that workers look at. */
#include "control/watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "control/state.h"

struct watch {
	struct dnstap *dnstap;		/* or NULL: the settings name no reader */
	bool dnstap_on;
	struct query_log *query_log;	/* or NULL: it's off */
	uint32_t query_log_sample;
	struct mono ends;		/* the query log */
	struct wall ends_at;
	struct query_log_counts before;	/* of query logs that ended */
	struct tap *tap;		/* in service, or NULL */
};

struct row { const char *author, *action; struct text body; char text[]; };

static bool publish(struct control *control);
static void end_query_log(struct control *control);
static void record(struct control *control, const char *author, const char *action, const char *format, ...)
	PRINTF(4, 5);
static int write_row(struct store_txn *txn, void *arg);
static void row_written(void *arg, int status);
static bool log_is_visible(const struct control *control);

bool
watch_start(struct control *control, struct diags *diags)
{
	const struct dnstap_settings *wanted = &control->settings->dnstap;
	char host[256] = "";
	struct dnstap_options options = {
		.socket = wanted->socket, .server = wanted->server.address, .port = wanted->server.port,
		.identity = control->settings->nsid, .version = "isobar " PACKAGE_VERSION,
		.workers = control->publisher.worker_count, .sample = wanted->sample, .queries = wanted->queries,
		.responses = wanted->responses,
	};
	struct watch *watch = calloc(1, sizeof(*watch));
	struct text error = { 0 };

	control->watch = watch;
	if (watch == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
		return false;
	}
	if (*wanted->socket == '\0' && wanted->server.address.bits == 0)
		return true;
	if (*options.identity == '\0' && gethostname(host, sizeof(host) - 1) == 0)
		options.identity = host;
	watch->dnstap = dnstap_new(&options, &error);
	watch->dnstap_on = watch->dnstap != NULL;
	if (watch->dnstap != NULL && !publish(control))
		text_puts(&error, "dnstap: out of memory");
	if (error.bytes != NULL)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "%s", error.bytes);
	text_fini(&error);
	return watch->tap != NULL;
}

/* What is on, as a new tap. When it returns no worker uses what was on before. */
static bool
publish(struct control *control)
{
	struct watch *watch = control->watch;
	struct tap *tap = NULL, *before = watch->tap;

	if (watch->dnstap_on || watch->query_log != NULL) {
		tap = calloc(1, sizeof(*tap));
		if (tap == NULL)
			return false;
		tap->dnstap = watch->dnstap_on ? watch->dnstap : NULL;
		tap->query_log = watch->query_log;
	}
	server_tap(control->publisher.server, tap);
	watch->tap = tap;
	free(before);
	return true;
}

bool
watch_dnstap(struct control *control, bool on, const char *author, struct text *why)
{
	struct watch *watch = control->watch;

	if (watch->dnstap == NULL && on) {
		text_puts(why, dnstap_is_built() ? "isobar.yaml names no reader: set dnstap.socket or dnstap.server"
		    : "this isobard was built without dnstap");
		return false;
	}
	if (watch->dnstap_on == on)
		return true;
	watch->dnstap_on = on;
	if (!publish(control)) {
		watch->dnstap_on = !on;
		text_puts(why, "out of memory");
		return false;
	}
	log_info("dnstap is %s, by %s", on ? "on" : "off", author);
	record(control, author, on ? "dnstap.on" : "dnstap.off", "{}");
	return true;
}

bool
watch_query_log(struct control *control, const struct query_log_wish *wish, const char *author, struct text *why)
{
	struct watch *watch = control->watch;
	const char *file = control->settings->query_log;
	struct query_log *fresh;

	if (!wish->on) {
		if (watch->query_log == NULL)
			return true;
		end_query_log(control);
		log_info("the query log is off, by %s", author);
		record(control, author, "query-log.off", "{}");
		return true;
	}
	if (!log_is_visible(control)) {
		text_puts(why, "the log's level hides its lines: set query-log.file in isobar.yaml, or log: info");
		return false;
	}
	fresh = query_log_new(file, control->publisher.worker_count, wish->sample, why);
	if (fresh == NULL)
		return false;
	end_query_log(control);
	watch->query_log = fresh;
	watch->query_log_sample = wish->sample;
	watch->ends = mono_add_ms(mono_now(), wish->for_s * 1000);
	watch->ends_at = (struct wall){ wall_now().ms + wish->for_s * 1000 };
	if (!publish(control)) {
		end_query_log(control);
		text_puts(why, "out of memory");
		return false;
	}
	log_info("the query log is on for %lld s, by %s", (long long)wish->for_s, author);
	record(control, author, "query-log.on", "{\"sample\":%u,\"for_s\":%lld}", wish->sample,
	    (long long)wish->for_s);
	return true;
}

static bool
log_is_visible(const struct control *control)
{
	return *control->settings->query_log != '\0' || control->settings->log >= LOG_LEVEL_INFO;
}

/* Nothing is left of it but its counts. Without memory for another tap, the one in service goes: dnstap pauses until
 * something is switched. */
static void
end_query_log(struct control *control)
{
	struct watch *watch = control->watch;
	struct query_log *log = watch->query_log;
	struct query_log_counts counts;

	if (log == NULL)
		return;
	watch->query_log = NULL;
	if (!publish(control)) {
		server_tap(control->publisher.server, NULL);
		free(watch->tap);
		watch->tap = NULL;
	}
	query_log_free(log, &counts);
	watch->before.lines += counts.lines;
	watch->before.dropped += counts.dropped;
}

void
watch_tick(struct control *control, struct mono now)
{
	struct watch *watch = control->watch;

	if (watch->query_log == NULL || mono_ms_between(watch->ends, now) < 0)
		return;
	end_query_log(control);
	log_info("the query log is off: its time has run out");
	record(control, "isobard", "query-log.off", "{}");
}

void
watch_end(struct control *control)
{
	struct watch *watch = control->watch;
	struct query_log_counts counts;

	if (watch == NULL)
		return;
	query_log_free(watch->query_log, &counts);
	dnstap_free(watch->dnstap);
	free(watch->tap);
	free(watch);
	control->watch = NULL;
}

void
watch_state(const struct control *control, struct watch_state *state)
{
	const struct watch *watch = control->watch;

	*state = (struct watch_state){
		.dnstap_wanted = watch->dnstap != NULL, .dnstap_on = watch->dnstap_on,
		.query_log_on = watch->query_log != NULL, .dnstap_sample = control->settings->dnstap.sample,
		.query_log_file = control->settings->query_log,
	};
	if (watch->dnstap != NULL)
		dnstap_state(watch->dnstap, &state->dnstap);
	if (watch->query_log != NULL) {
		query_log_counts(watch->query_log, &state->query_log);
		state->query_log_sample = watch->query_log_sample;
		state->query_log_until = watch->ends_at;
	}
	state->query_log.lines += watch->before.lines;
	state->query_log.dropped += watch->before.dropped;
}

/* --- the journal --------------------------------------------------------------------------------------------- */

/* Who had the clients' queries written down is worth a row. Without a store that can be written, the log has it. */
static void
record(struct control *control, const char *author, const char *action, const char *format, ...)
{
	struct row *row = calloc(1, sizeof(*row) + strlen(author) + 1);
	va_list args;
	char body[128];

	if (row == NULL || control->store == NULL) {
		free(row);
		return;
	}
	va_start(args, format);
	vsnprintf(body, sizeof(body), format, args);
	va_end(args);
	text_puts(&row->body, body);
	row->author = strcpy(row->text, author);
	row->action = action;
	if (row->body.failed || !store_submit(control->store, write_row, row_written, row))
		row_written(row, -ENOMEM);
}

static int
write_row(struct store_txn *txn, void *arg)
{
	const struct row *row = arg;
	uint64_t revision;

	return store_journal_add(txn, wall_now(), row->author, row->action, "", row->body.bytes, &revision);
}

static void
row_written(void *arg, int status)
{
	struct row *row = arg;

	if (status != 0)
		log_warning("%s by %s has no row in the journal: %s", row->action, row->author, strerror(-status));
	text_fini(&row->body);
	free(row);
}
