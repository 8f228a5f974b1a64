/* handlers.h -- one function, or two, for each row of the routes table, by file. See routes.c for who calls which: the
 * first of two runs on the API's thread with the whole body, the second on the control thread. */
#ifndef ISOBAR_API_HANDLERS_H
#define ISOBAR_API_HANDLERS_H

#include "api/request.h"
#include "base/contract.h"

/* reports.c */
void report_read_body(struct request *request) NONNULL;
void report_take(struct request *request) NONNULL;

/* forecasts.c: what the PAE sends, and what was kept of it */
void plan_take(struct request *request) NONNULL;
void predictions_read_body(struct request *request) NONNULL;
void predictions_take(struct request *request) NONNULL;
void predictions_show(struct request *request) NONNULL;

/* plans.c */
void plan_show(struct request *request) NONNULL;
void plan_try(struct request *request) NONNULL;
void plan_diff(struct request *request) NONNULL;
void plan_history(struct request *request) NONNULL;

/* whatif.c */
void whatif_read_body(struct request *request) NONNULL;
void whatif_show(struct request *request) NONNULL;

/* decisions.c */
void decisions_show(struct request *request) NONNULL;
void model_review(struct request *request) NONNULL;

/* models.c */
void model_take(struct request *request) NONNULL;
void models_show(struct request *request) NONNULL;
void model_show(struct request *request) NONNULL;
void train_start(struct request *request) NONNULL;

/* states.c: how things stand */
void status_show(struct request *request) NONNULL;
void regions_show(struct request *request) NONNULL;
void region_show(struct request *request) NONNULL;
void services_show(struct request *request) NONNULL;
void service_show(struct request *request) NONNULL;
void weights_show(struct request *request) NONNULL;
void overrides_show(struct request *request) NONNULL;
void stats_show(struct request *request) NONNULL;

/* demands.c */
void demand_show(struct request *request) NONNULL;

/* explain.c, explain_past.c */
void explain_past(struct request *request) NONNULL;
void explain_show(struct request *request) NONNULL;

/* catalogs.c */
void catalogs_show(struct request *request) NONNULL;
void catalog_confirm(struct request *request) NONNULL;

/* secondaries.c */
void secondaries_show(struct request *request) NONNULL;

/* zones.c */
void zones_show(struct request *request) NONNULL;
void zone_show(struct request *request) NONNULL;
void records_show(struct request *request) NONNULL;
void export_show(struct request *request) NONNULL;

/* edits.c: the operator's changes. Each first step makes a struct change, which change_run() gives to the control. */
void zone_put(struct request *request) NONNULL;
void zone_check_body(struct request *request) NONNULL;
void zone_delete(struct request *request) NONNULL;
void record_put(struct request *request) NONNULL;
void record_delete(struct request *request) NONNULL;
void apply_read_body(struct request *request) NONNULL;

/* keys.c: the keys of zones that are signed here */
void keys_show(struct request *request) NONNULL;
void key_roll(struct request *request) NONNULL;
void key_gone(struct request *request) NONNULL;
void key_seen(struct request *request) NONNULL;
void key_import(struct request *request) NONNULL;
void key_export(struct request *request) NONNULL;

/* overrides.c: the same */
void override_read_body(struct request *request) NONNULL;
void override_delete(struct request *request) NONNULL;

/* drills.c */
void drills_read(struct request *request) NONNULL;
void drills_show(struct request *request) NONNULL;

/* outcome.c */
void change_run(struct request *request) NONNULL;
void reload_run(struct request *request) NONNULL;

/* primaries.c */
void primaries_show(struct request *request) NONNULL;
void zone_refresh(struct request *request) NONNULL;

/* latency.c */
void latency_show(struct request *request) NONNULL;
void latency_read_body(struct request *request) NONNULL;
void latency_take(struct request *request) NONNULL;
void latency_clear(struct request *request) NONNULL;

/* feeds.c: what the PAE pulls */
void feed_read_body(struct request *request) NONNULL;
void feed_take(struct request *request) NONNULL;
void feeds_read(struct request *request) NONNULL;
void feeds_show(struct request *request) NONNULL;

/* series.c */
void samples_read_body(struct request *request) NONNULL;
void samples_take(struct request *request) NONNULL;

/* signals.c */
void signal_read_body(struct request *request) NONNULL;
void signal_take(struct request *request) NONNULL;
void signal_end(struct request *request) NONNULL;
void signals_read(struct request *request) NONNULL;
void signals_show(struct request *request) NONNULL;

/* tokens.c */
void tokens_show(struct request *request) NONNULL;
void token_create(struct request *request) NONNULL;
void token_delete(struct request *request) NONNULL;

/* audit.c */
void audit_show(struct request *request) NONNULL;

/* watching.c */
void dnstap_read_body(struct request *request) NONNULL;
void dnstap_switch(struct request *request) NONNULL;
void dnstap_show(struct request *request) NONNULL;
void query_log_read_body(struct request *request) NONNULL;
void query_log_switch(struct request *request) NONNULL;
void query_log_show(struct request *request) NONNULL;

/* process.c */
void live_show(struct request *request) NONNULL;
void ready_check(struct request *request) NONNULL;
void ready_show(struct request *request) NONNULL;
void stop_run(struct request *request) NONNULL;

/* metrics.c */
void metrics_read(struct request *request) NONNULL;
void metrics_show(struct request *request) NONNULL;

#endif
