/* ctl.h -- what the verbs of isobarctl share: the call of the API, exit statuses, the table of verbs.
 * Threads: isobarctl has one. */
#ifndef ISOBAR_CTL_CTL_H
#define ISOBAR_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/contract.h"
#include "base/diag.h"
#include "base/json.h"
#include "base/text.h"
#include "conf/settings.h"
#include "http/client.h"

/* Exit statuses; isobarctl(8) documents them. */
enum ctl_status {
	CTL_DONE = 0,		/* done, and live */
	CTL_FAILED = 1,		/* refused, or it went wrong: nothing has changed */
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 3,	/* nobody listens there */
	CTL_NOT_AUTHORIZED = 4,	/* no token, the wrong one, or no right to the socket */
	CTL_FOUND = 6,		/* done, and what was looked for is there: an overload, a difference */
	CTL_TRY_AGAIN = 5,	/* no answer in time, or the store can't take it now: it may or may not be done */
};

/* Options of verbs; each verb lists those that it takes. */
enum ctl_option {
	OPTION_DRY_RUN = 1 << 0,
	OPTION_REASON = 1 << 1,
	OPTION_FOR = 1 << 2,
	OPTION_FOREVER = 1 << 3,
	OPTION_TO = 1 << 4,
	OPTION_CLIENT = 1 << 5,
	OPTION_TYPE = 1 << 6,
	OPTION_TTL = 1 << 7,
	OPTION_SCOPE = 1 << 8,
	OPTION_LIMIT = 1 << 9,
	OPTION_VERIFY = 1 << 10,
	OPTION_STEERING = 1 << 11,
	OPTION_FORCE = 1 << 12,
	OPTION_OVER = 1 << 13,
	OPTION_SERVICE = 1 << 14,
	OPTION_FRACTION = 1 << 15,
	OPTION_WAIT = 1 << 24,
	OPTION_AT = 1 << 16,
	OPTION_LOSE = 1 << 17,
	OPTION_DEMAND = 1 << 18,
	OPTION_DRAIN = 1 << 19,
	OPTION_MOVE_LIMIT = 1 << 20,
	OPTION_NAME = 1 << 21,
	OPTION_CLIENTS = 1 << 22,
	OPTION_SAMPLE = 1 << 25,
	OPTION_WHOLE = 1 << 26,
	OPTION_BACKTEST = 1 << 29,	/* all of struct ctl_backtest */
	OPTION_WHY = 1 << 30,
};

/* Of `backtest`; NULL where one isn't given. */
struct ctl_backtest {
	const char *train, *test, *horizon, *predictions, *load, *forecasts, *svg, *seed, *from, *model, *store;
};

struct ctl {
	struct http_client *client;	/* made at the first call */
	const char *url;		/* "unix:PATH" or "http(s)://..." */
	const char *token;		/* or NULL */
	uint32_t timeout_ms;
	bool json;			/* print what the API says, as it is */
	/* of the verb */
	bool dry_run, forever, verify, force, wait, whole;
	const char *over, *service, *fraction;	/* or NULL */
	const char *at, *lose, *demand, *drain, *move_limit, *name, *clients, *why, *sample;	/* or NULL */
	const char *reason, *period, *to, *client_address, *type, *ttl, *scope, *limit, *steering;	/* or NULL */
	struct ctl_backtest backtest;
	int count;			/* of arguments */
	char **arguments;
};

struct verb {
	const char *name;		/* "zone import" */
	const char *arguments;		/* "FILE [ZONE]": as many as there are words, those in brackets may be left out,
					 * one that ends in ... may be repeated */
	unsigned options;		/* enum ctl_option */
	const char *help;		/* one line */
	enum ctl_status (*run)(struct ctl *ctl);
};

extern const struct verb verbs[];
extern const size_t verb_count;

struct verb_option {
	enum ctl_option option;
	size_t at;			/* its place in struct ctl: a const char *, or a bool without an argument */
	const char *name;		/* "dry-run" */
	const char *argument;		/* "TEXT", or NULL */
	const char *help;
};

extern const struct verb_option verb_options[];
extern const size_t verb_option_count;

/* The verb that these words begin with, and how many words its name has. NULL: none; then `suggestion` is the name that
 * was probably meant, or NULL. */
const struct verb *verb_find(int count, char *const *words, int *used, const char **suggestion) NONNULL;
/* How many arguments the verb takes. */
void verb_arity(const struct verb *verb, int *least, int *most) NONNULL;
void verbs_print(FILE *to) NONNULL;		/* all, with their help */
void verb_print(const struct verb *verb, FILE *to) NONNULL;

/* --- calling ------------------------------------------------------------------------------------------------- */

/* One request. On success *answer is the JSON that came back, which the caller deletes; NULL with --json, since it was
 * printed then. Else the reason was printed. `answer` NULL: it isn't wanted, but printed with --json all the same. */
enum ctl_status ctl_call(struct ctl *ctl, const char *method, const char *path, const char *body, cJSON **answer)
	__attribute__((nonnull(1, 2, 3))) MUST_USE;

/* The same with the body as a tree, which is taken; NULL: out of memory. */
enum ctl_status ctl_send(struct ctl *ctl, const char *method, const char *path, cJSON *body, cJSON **answer)
	__attribute__((nonnull(1, 2, 3))) MUST_USE;

/* The same, but with --json *answer is there as well as printed: for verbs whose exit status depends on it. `body` may
 * be NULL: none. */
enum ctl_status ctl_ask(struct ctl *ctl, const char *method, const char *path, cJSON *body, cJSON **answer)
	__attribute__((nonnull(1, 2, 3, 5))) MUST_USE;

/* DELETE `path`, which is taken; then, as "Token x is no longer valid.", what has become of the first argument. */
enum ctl_status ctl_delete(struct ctl *ctl, char *path, const char *what, const char *became) NONNULL;

/* A path or query built from text: "%s" is escaped, all else stands as it is. */
char *ctl_path(const char *format, ...) NONNULL MUST_USE;	/* caller frees; ends the program when memory is out */

/* The same put behind `path`, which is taken; `value` NULL: nothing is added. */
char *ctl_path_add(char *path, const char *format, const char *value) __attribute__((nonnull(1, 2))) MUST_USE;

enum ctl_status ctl_fail(const char *format, ...) NONNULL PRINTF(1, 2);		/* prints; CTL_FAILED */
enum ctl_status ctl_usage(const char *format, ...) NONNULL PRINTF(1, 2);	/* prints; CTL_USAGE */

void ctl_print_names(const char *before, const cJSON *names, const char *after) __attribute__((nonnull(1, 3)));

/* What came of a change, in words: what has changed, who moves, warnings. */
void ctl_print_outcome(const struct ctl *ctl, const cJSON *outcome /* or NULL: nothing */) __attribute__((nonnull(1)));
/* Who moves, by service, from where to where. */
void ctl_print_moves(const cJSON *moves, bool dry_run);
/* "?dry_run=true&reason=..." of the options, or "". Caller frees. */
char *ctl_change_query(const struct ctl *ctl) NONNULL MUST_USE;

/* A duration such as 90s, 10m, 2h, 7d in seconds. False: printed why not. */
bool ctl_duration(const char *text, int64_t *seconds) NONNULL MUST_USE;

#define CTL_CONFIG ISOBAR_CONFIG_DIR "/isobar.yaml"

/* isobar.yaml where it's installed, or the defaults without one. NULL: printed why not. */
struct settings *ctl_settings(void) MUST_USE;

/* --- reading answers: NULL, NAN or false when there is no such member of this type ------------------------------- */

const char *member_text(const cJSON *object, const char *name);
double member_number(const cJSON *object, const char *name);
bool member_true(const cJSON *object, const char *name);
const cJSON *member(const cJSON *object, const char *name);

/* --- tables -------------------------------------------------------------------------------------------------- */

#define TABLE_COLUMNS_MAX 12

/* Start with { .columns = {"REGION", "<LOAD"} }: a "<" in front sets the column flush right. */
struct table {
	const char *columns[TABLE_COLUMNS_MAX];
	char **cells;
	size_t count, size;
};

void table_text(struct table *table, const char *text /* NULL or empty: "-" */) __attribute__((nonnull(1)));
void table_format(struct table *table, const char *format, ...) NONNULL PRINTF(2, 3);
void table_number(struct table *table, double value, int decimals) NONNULL;	/* NAN: "-" */
void table_percent(struct table *table, double share) NONNULL;		/* NAN: "-" */
void table_ago(struct table *table, double seconds) NONNULL;		/* "4 s", "3 min"; NAN: "never" */
void table_print(struct table *table) NONNULL;				/* prints and empties */

/* A list of the API, or what it has of the zone that the first argument names. */
struct ctl_listing {
	const char *path, *list;	/* "/v1/catalogs", and the array's name in its answer */
	const char *columns[TABLE_COLUMNS_MAX];
	void (*add)(struct table *table, const cJSON *item);
	const char *not_this;		/* behind the zone's name, when it isn't there: "is no catalog" */
	const char *none;		/* a sentence */
};
enum ctl_status ctl_list(struct ctl *ctl, const struct ctl_listing *listing) NONNULL MUST_USE;

/* --- verbs, by file ------------------------------------------------------------------------------------------ */

/* daemon.c */
enum ctl_status ctl_status_show(struct ctl *ctl) NONNULL;
enum ctl_status ctl_stats(struct ctl *ctl) NONNULL;
enum ctl_status ctl_reload(struct ctl *ctl) NONNULL;
enum ctl_status ctl_stop(struct ctl *ctl) NONNULL;
enum ctl_status ctl_audit(struct ctl *ctl) NONNULL;

/* folder.c */
enum ctl_status ctl_apply(struct ctl *ctl) NONNULL;
enum ctl_status ctl_export(struct ctl *ctl) NONNULL;
enum ctl_status ctl_conf_check(struct ctl *ctl) NONNULL;

/* zone.c */
enum ctl_status ctl_zone_list(struct ctl *ctl) NONNULL;
enum ctl_status ctl_zone_show(struct ctl *ctl) NONNULL;
enum ctl_status ctl_zone_check(struct ctl *ctl) NONNULL;
enum ctl_status ctl_zone_import(struct ctl *ctl) NONNULL;
enum ctl_status ctl_zone_export(struct ctl *ctl) NONNULL;
enum ctl_status ctl_zone_delete(struct ctl *ctl) NONNULL;
enum ctl_status ctl_record_set(struct ctl *ctl) NONNULL;
enum ctl_status ctl_record_delete(struct ctl *ctl) NONNULL;

/* secondaries.c */
enum ctl_status ctl_zone_secondaries(struct ctl *ctl) NONNULL;

/* primaries.c */
enum ctl_status ctl_zone_primaries(struct ctl *ctl) NONNULL;
enum ctl_status ctl_zone_refresh(struct ctl *ctl) NONNULL;

/* catalogs.c */
enum ctl_status ctl_catalog_list(struct ctl *ctl) NONNULL;
enum ctl_status ctl_catalog_confirm(struct ctl *ctl) NONNULL;

/* cookies.c */
enum ctl_status ctl_cookies_roll(struct ctl *ctl) NONNULL;

/* key.c */
enum ctl_status ctl_key_list(struct ctl *ctl) NONNULL;
enum ctl_status ctl_key_ds(struct ctl *ctl) NONNULL;
enum ctl_status ctl_key_gone(struct ctl *ctl) NONNULL;
enum ctl_status ctl_key_seen(struct ctl *ctl) NONNULL;
enum ctl_status ctl_key_roll(struct ctl *ctl) NONNULL;
enum ctl_status ctl_key_import(struct ctl *ctl) NONNULL;
enum ctl_status ctl_key_export(struct ctl *ctl) NONNULL;

/* latency.c */
enum ctl_status ctl_latency_import(struct ctl *ctl) NONNULL;
enum ctl_status ctl_latency_list(struct ctl *ctl) NONNULL;
enum ctl_status ctl_latency_clear(struct ctl *ctl) NONNULL;

/* region.c */
enum ctl_status ctl_region_list(struct ctl *ctl) NONNULL;
enum ctl_status ctl_region_show(struct ctl *ctl) NONNULL;

/* drain.c */
enum ctl_status ctl_drain(struct ctl *ctl) NONNULL;
enum ctl_status ctl_undrain(struct ctl *ctl) NONNULL;
enum ctl_status ctl_drill(struct ctl *ctl) NONNULL;
enum ctl_status ctl_drill_show(struct ctl *ctl) NONNULL;

/* explain.c */
enum ctl_status ctl_explain(struct ctl *ctl) NONNULL;

/* plan.c */
enum ctl_status ctl_plan_show(struct ctl *ctl) NONNULL;
enum ctl_status ctl_plan_diff(struct ctl *ctl) NONNULL;
enum ctl_status ctl_plan_history(struct ctl *ctl) NONNULL;

/* whatif.c */
enum ctl_status ctl_whatif(struct ctl *ctl) NONNULL;

/* compare.c */
enum ctl_status ctl_compare(struct ctl *ctl) NONNULL;

/* service.c */
enum ctl_status ctl_service_list(struct ctl *ctl) NONNULL;
enum ctl_status ctl_service_show(struct ctl *ctl) NONNULL;
enum ctl_status ctl_weights(struct ctl *ctl) NONNULL;

/* demand.c */
enum ctl_status ctl_demand(struct ctl *ctl) NONNULL;

/* signal.c */
enum ctl_status ctl_signals_list(struct ctl *ctl) NONNULL;
enum ctl_status ctl_signals_post(struct ctl *ctl) NONNULL;
enum ctl_status ctl_signals_end(struct ctl *ctl) NONNULL;
enum ctl_status ctl_feeds(struct ctl *ctl) NONNULL;

/* forecast.c */
enum ctl_status ctl_predictions(struct ctl *ctl) NONNULL;
enum ctl_status ctl_model_decisions(struct ctl *ctl) NONNULL;
enum ctl_status ctl_model_list(struct ctl *ctl) NONNULL;
enum ctl_status ctl_model_show(struct ctl *ctl) NONNULL;
enum ctl_status ctl_model_train(struct ctl *ctl) NONNULL;

/* backtest.c */
enum ctl_status ctl_backtest(struct ctl *ctl) NONNULL;

/* metrics.c */
enum ctl_status ctl_metrics_import(struct ctl *ctl) NONNULL;

/* plan_verify.c */
enum ctl_status ctl_plan_verify(struct ctl *ctl) NONNULL;

/* watch.c */
enum ctl_status ctl_dnstap_on(struct ctl *ctl) NONNULL;
enum ctl_status ctl_dnstap_off(struct ctl *ctl) NONNULL;
enum ctl_status ctl_dnstap_status(struct ctl *ctl) NONNULL;
enum ctl_status ctl_query_log_on(struct ctl *ctl) NONNULL;
enum ctl_status ctl_query_log_off(struct ctl *ctl) NONNULL;
enum ctl_status ctl_query_log_status(struct ctl *ctl) NONNULL;

/* token.c */
enum ctl_status ctl_token_create(struct ctl *ctl) NONNULL;
enum ctl_status ctl_token_list(struct ctl *ctl) NONNULL;
enum ctl_status ctl_token_revoke(struct ctl *ctl) NONNULL;

#endif
