/* telemetry.c -- reports, predictions and health events: durable first, then live.
 * In: reports, predictions, the round's events.  Out: store rows, live words, outcomes.  Threads: control, with jobs on
 * the store's writer. A report's outcome comes after the commit and after the live words were written, so who gets it
 * may rely on the next answer. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/state.h"

/* Samples dated far ahead would neither be rolled up nor expire until then. Clocks without NTP are minutes off. */
#define AHEAD_MOST_MS 300000
#define MINUTE_MS 60000

struct report_job {
	struct control *control;
	struct report *report;
	outcome_fn *done;
	void *arg;
	struct wall received;
	int status;
};

struct prediction_job {
	struct control *control;
	struct prediction *predictions;
	size_t count;
	struct arena *arena;
	outcome_fn *done;
	void *arg;
	int status;
};

static int report_store(struct store_txn *txn, void *arg);
static void on_report_stored(void *arg, int status);
static void report_stored(void *arg);
static void report_finish(struct report_job *job, enum outcome_status status, const char *message);
static void add_propensity(const struct control *control, struct prediction *p);
static int prediction_store(struct store_txn *txn, void *arg);
static void on_prediction_stored(void *arg, int status);
static void prediction_stored(void *arg);
static void tell(outcome_fn *done, void *arg, enum outcome_status status, const char *message);

void
control_report(struct control *control, struct report *report, outcome_fn *done, void *arg)
{
	struct report_job *job = calloc(1, sizeof(*job));

	if (job == NULL) {
		report_free(report);
		tell(done, arg, OUTCOME_UNAVAILABLE, "out of memory");
		return;
	}
	*job = (struct report_job){ control, report, done, arg, wall_now(), 0 };
	if (report->time.ms > job->received.ms + AHEAD_MOST_MS)
		report_finish(job, OUTCOME_INVALID,
		    "the report's time is more than 5 minutes ahead: set the agent's clock");
	else if (steering_region_find(control->world->steering, report->region) == NO_REGION)
		report_finish(job, OUTCOME_NOT_FOUND, "steering.yaml has no such region");
	else if (control->store == NULL)
		report_finish(job, OUTCOME_UNAVAILABLE, store_missing(control));
	else if (!store_submit(control->store, report_store, on_report_stored, job))
		report_finish(job, OUTCOME_UNAVAILABLE, "the store's queue is full; try again");
}

static int
report_store(struct store_txn *txn, void *arg)
{
	const struct report_job *job = arg;

	return store_report_put(txn, job->report, job->received);
}

static void
on_report_stored(void *arg, int status)
{
	struct report_job *job = arg;

	job->status = status;
	if (!control_post(job->control, report_stored, job)) {
		/* Stopping: the agent gets no answer and sends it again; the sequence keeps it from counting twice. */
		report_free(job->report);
		free(job);
	}
}

static void
report_stored(void *arg)
{
	struct report_job *job = arg;
	struct control *control = job->control;
	unsigned constraints = round_constraints(control->round);

	control_store_told(control, job->status);
	if (job->status == -EEXIST) {
		control->status.reports_duplicate++;
		report_finish(job, OUTCOME_DUPLICATE, "this sequence was counted already");
		return;
	}
	if (job->status != 0) {
		report_finish(job, OUTCOME_UNAVAILABLE, "the report couldn't be stored; send it again");
		return;
	}
	switch (round_report(control->round, job->report, mono_now(), job->received)) {
	case ROUND_TAKEN:
		job->report = NULL;
		round_write(control->round, control->publisher.current);
		recorder_words(control->recorder, wall_now());
		if (round_constraints(control->round) != constraints)
			publication_rebuild(control);
		report_finish(job, OUTCOME_DONE, "");
		break;
	case ROUND_OLD:
		report_finish(job, OUTCOME_DONE,
		    "it's older than what is known: its samples count, its health doesn't");
		break;
	case ROUND_UNKNOWN_REGION:
		report_finish(job, OUTCOME_NOT_FOUND, "the region was deleted while the report arrived");
		break;
	case ROUND_TOO_MANY_AGENTS:
		report_finish(job, OUTCOME_CONFLICT, "too many agents speak for this region");
		break;
	}
}

static void
report_finish(struct report_job *job, enum outcome_status status, const char *message)
{
	if (status == OUTCOME_DONE)
		job->control->status.reports++;
	else if (status != OUTCOME_DUPLICATE)
		job->control->status.reports_refused++;
	tell(job->done, job->arg, status, message);
	report_free(job->report);
	free(job);
}

static void
tell(outcome_fn *done, void *arg, enum outcome_status status, const char *message)
{
	static const struct diags none;

	if (done != NULL)
		done(arg, &(struct outcome){ .status = status, .message = message, .diags = &none });
}

void
control_predictions(struct control *control, const struct prediction *predictions, size_t count, outcome_fn *done,
	void *arg)
{
	struct prediction_job *job = calloc(1, sizeof(*job));
	struct arena *arena = arena_new();

	if (job == NULL || arena == NULL || control->store == NULL)
		goto fail;
	*job = (struct prediction_job){ control, NULL, count, arena, done, arg, 0 };
	job->predictions = arena_copy(arena, predictions, count * sizeof(*predictions));
	for (size_t i = 0; job->predictions != NULL && i < count; i++) {
		struct prediction *p = &job->predictions[i];

		p->region = arena_text(arena, p->region);
		p->service = arena_text(arena, p->service);
		p->model = arena_text(arena, p->model);
		p->reason = arena_text(arena, p->reason);
		p->why = arena_text(arena, p->why);
		add_propensity(control, p);
		if (p->region == NULL || p->service == NULL || p->model == NULL || p->reason == NULL ||
		    p->why == NULL)
			goto fail;
	}
	if (job->predictions != NULL && store_submit(control->store, prediction_store, on_prediction_stored, job))
		return;
fail:
	arena_free(arena);
	free(job);
	tell(done, arg, OUTCOME_UNAVAILABLE, "the predictions can't be stored now");
}

/* What the region had of the traffic when this was said: a region that was steered away from doesn't fail by load, and
 * no model may learn from that that it was well. */
static void
add_propensity(const struct control *control, struct prediction *p)
{
	const struct certificate *certificate = control_certificate(control);
	const struct steering *steering = round_steering(control->round);
	region_id id = steering_region_find(steering, p->region);
	double all = 0, admits = 0;

	p->share = p->admit = (double)NAN;
	if (id == NO_REGION)
		return;
	for (size_t s = 0; s < steering->service_count; s++)
		admits += round_region(control->round, id)->services[s].dead ? 0 : round_admits(control->round, id, s);
	if (steering->service_count > 0)
		p->admit = admits / (double)steering->service_count;
	if (certificate == NULL || certificate->case_count == 0)
		return;
	for (size_t r = 0; r < steering->region_count; r++)
		all += certificate->cases[0].loads[r];
	if (all > 0)
		p->share = certificate->cases[0].loads[id] / all;
}

static int
prediction_store(struct store_txn *txn, void *arg)
{
	const struct prediction_job *job = arg;
	int status = 0;

	/* One a minute is kept: within it, models see the same but for reports that came late. */
	for (size_t i = 0; i < job->count && status == 0; i++) {
		struct prediction kept = job->predictions[i];

		kept.at.ms -= kept.at.ms % MINUTE_MS;
		status = store_prediction_put(txn, &kept);
	}
	return status;
}

static void
on_prediction_stored(void *arg, int status)
{
	struct prediction_job *job = arg;

	job->status = status;
	if (!control_post(job->control, prediction_stored, job)) {
		arena_free(job->arena);
		free(job);
	}
}

static void
prediction_stored(void *arg)
{
	struct prediction_job *job = arg;
	struct control *control = job->control;

	control_store_told(control, job->status);
	for (size_t i = 0; job->status == 0 && i < job->count; i++)
		round_predict(control->round, &job->predictions[i]);
	if (job->status == 0) {
		round_write(control->round, control->publisher.current);
		recorder_words(control->recorder, wall_now());
	}
	tell(job->done, job->arg, job->status == 0 ? OUTCOME_DONE : OUTCOME_UNAVAILABLE,
	    job->status == 0 ? "" : "the predictions couldn't be stored");
	arena_free(job->arena);
	free(job);
}

/* --- health events, the labels that the PAE learns from */

struct event_job {
	struct health_event event;
	char text[];
};

static int
event_store(struct store_txn *txn, void *arg)
{
	const struct event_job *job = arg;

	return store_health_event_put(txn, &job->event);
}

static void
event_stored(void *arg, int status)
{
	if (status != 0)
		log_warning("a health event couldn't be stored: %s", strerror(-status));
	free(arg);
}

void
event_keep(void *arg, const struct health_event *event)
{
	struct control *control = arg;
	size_t region = strlen(event->region) + 1, service = strlen(event->service) + 1;
	size_t state = strlen(event->state) + 1, cause = strlen(event->cause) + 1;
	struct event_job *job;

	log_info("region %s%s%s: %s: %s", event->region, *event->service != '\0' ? ", " : "", event->service,
	    event->state, event->cause);
	if (control->store == NULL)
		return;
	job = malloc(sizeof(*job) + region + service + state + cause);
	if (job == NULL)
		return;
	job->event.at = event->at;
	job->event.region = memcpy(job->text, event->region, region);
	job->event.service = memcpy(job->text + region, event->service, service);
	job->event.state = memcpy(job->text + region + service, event->state, state);
	job->event.cause = memcpy(job->text + region + service + state, event->cause, cause);
	if (!store_submit(control->store, event_store, event_stored, job))
		free(job);
}
