/* recorder.c -- see recorder.h.
 * In: snapshots that are exchanged.  Out: records of what changed (recorder_jobs.c).  Threads: control; a record is
 * another's alone until it's posted back.
 *
 * Which tables changed is seen when both snapshots are there: tables that weren't compiled anew are held once more, so
 * the pointer tells; where it doesn't (another steering) the octets do. A difference is taken from the tables of the
 * old snapshot, which are the ones that were stored last.
 *
 * When a job fails, the links of chains may be missing, and words. Everything is then written whole once more, as soon
 * as the store has had some rest. */
#include "control/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "control/recorder_parts.h"
#include "plan/demand.h"
#include "plan/history.h"

#define AGAIN_MS 30000		/* after a failure */

static void add_changed(struct recorder *recorder, struct record *record, const struct snapshot *old,
	const struct snapshot *now, bool all);
static void add_demand(struct recorder *recorder, struct record *record, const struct steering *steering);
static const struct service *service_named(const struct snapshot *snapshot, const char *name);
static bool same_tables(const struct snapshot *old, const struct service *was, const struct snapshot *now,
	const struct service *is);
static bool add_tables(struct record *record, struct chain *chain, const struct snapshot *now, const struct service *is,
	const struct snapshot *old, const struct service *was);
static void add_ended(struct recorder *recorder, struct record *record, const struct snapshot *now);
static void put_epoch(struct recorder *recorder, struct record *record);

struct recorder *
recorder_new(struct control *control)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (recorder == NULL)
		return NULL;
	recorder->control = control;
	if (!jobs_begin(recorder)) {
		recorder_free(recorder);
		return NULL;
	}
	control->publisher.published = recorder_published;
	control->publisher.published_arg = recorder;
	return recorder;
}

void
recorder_end(struct recorder *recorder)
{
	if (recorder != NULL)
		jobs_end(recorder);
}

void
recorder_free(struct recorder *recorder)
{
	struct record *orphan;

	if (recorder == NULL)
		return;
	jobs_end(recorder);
	while ((orphan = recorder->orphans) != NULL) {
		recorder->orphans = orphan->next;
		record_free(orphan);
	}
	record_free(recorder->pending);
	for (size_t i = 0; i < recorder->chain_count; i++)
		free(recorder->chains[i].service);
	free(recorder->chains);
	free(recorder->steering);
	words_free(recorder);
	if (recorder->restored.arena != NULL)
		past_fini(&recorder->restored);
	pthread_mutex_destroy(&recorder->lock);
	pthread_cond_destroy(&recorder->wake);
	free(recorder);
}

void
recorder_published(void *arg, const struct snapshot *old, const struct snapshot *now)
{
	struct recorder *recorder = arg;

	if (recorder->control->store == NULL)
		return;
	if (!words_adopt(recorder, now) || recorder->pending != NULL)
		recorder->lost = true;
	record_free(recorder->pending);
	recorder->pending = record_new(recorder);
	if (recorder->pending != NULL)
		add_changed(recorder, recorder->pending, old, now, false);
	else
		recorder->lost = true;
}

/* `all`: whole, without any memory of what was stored. */
static void
add_changed(struct recorder *recorder, struct record *record, const struct snapshot *old, const struct snapshot *now,
	bool all)
{
	record->epoch.epoch = now->epoch;
	record->tables = arena_alloc(record->arena,
	    (now->service_count + recorder->chain_count + 2) * sizeof(*record->tables));
	for (size_t s = 0; record->tables != NULL && s < now->service_count; s++) {
		const struct service *is = &now->services[s];
		const struct service *was = old == NULL ? NULL : service_named(old, is->intent->name);
		struct chain *chain = chain_of(recorder, is->intent->name);

		if (chain == NULL || (chain->epoch != 0 && !all && was != NULL && same_tables(old, was, now, is)))
			continue;
		if (chain->epoch == 0 || all || chain->length >= HISTORY_WHOLE_EVERY)
			was = NULL;
		if (!add_tables(record, chain, now, is, old, was))
			chain->epoch = 0;
	}
	if (record->tables == NULL) {
		recorder->lost = true;
		return;
	}
	add_ended(recorder, record, now);
	if (record->table_count > 0)
		add_demand(recorder, record, now->steering);
}

/* What the changed tables were packed by. */
static void
add_demand(struct recorder *recorder, struct record *record, const struct steering *steering)
{
	const struct demand *demand = recorder->control->publisher.demand;
	struct tables tables = { .service = "" };

	if (demand != NULL)
		tables.octets = demand_write(demand, steering, &tables.length);
	if (tables.octets != NULL)
		record->tables[record->table_count++] = tables;
}

static const struct service *
service_named(const struct snapshot *snapshot, const char *name)
{
	for (size_t s = 0; s < snapshot->service_count; s++)
		if (strcmp(snapshot->services[s].intent->name, name) == 0)
			return &snapshot->services[s];
	return NULL;
}

/* Out of memory, they count as others. */
static bool
same_tables(const struct snapshot *old, const struct service *was, const struct snapshot *now, const struct service *is)
{
	bool same = old->partition->count == now->partition->count;
	size_t a_length = 0, b_length = 0;
	void *a, *b;

	for (size_t g = 0; g < now->partition->count && same; g++)
		same = was->tables[g] == is->tables[g];
	if (same && old->steering == now->steering)
		return true;
	a = history_whole(old, was, &a_length);
	b = history_whole(now, is, &b_length);
	same = a != NULL && b != NULL && a_length == b_length && memcmp(a, b, a_length) == 0;
	free(a);
	free(b);
	return same;
}

/* `was`: the difference from these; NULL: whole. */
static bool
add_tables(struct record *record, struct chain *chain, const struct snapshot *now, const struct service *is,
	const struct snapshot *old, const struct service *was)
{
	struct tables *tables = &record->tables[record->table_count];

	*tables = (struct tables){ .service = arena_text(record->arena, chain->service),
		.base = was == NULL ? 0 : chain->epoch };
	if (tables->service == NULL || !record_mean(record, &record->now, now)
	    || (was != NULL && !record_mean(record, &record->old, old)))
		return false;
	tables->held = record_hold(record, now, is);
	if (was != NULL)
		tables->held_base = record_hold(record, old, was);
	record->table_count++;		/* what it holds is let go with it */
	if (tables->held == NULL || (was != NULL && tables->held_base == NULL))
		return false;
	chain->length = was == NULL ? 0 : chain->length + 1;
	chain->epoch = now->epoch;
	return true;
}

static void
add_ended(struct recorder *recorder, struct record *record, const struct snapshot *now)
{
	for (size_t i = 0; i < recorder->chain_count;) {
		struct chain *chain = &recorder->chains[i];

		if (service_named(now, chain->service) != NULL) {
			i++;
			continue;
		}
		record->tables[record->table_count] =
		    (struct tables){ .service = arena_text(record->arena, chain->service) };
		record->table_count += record->tables[record->table_count].service != NULL;
		free(chain->service);
		*chain = recorder->chains[--recorder->chain_count];
	}
}

/* Found, or begun. */
struct chain *
chain_of(struct recorder *recorder, const char *service)
{
	struct chain *chains;

	for (size_t i = 0; i < recorder->chain_count; i++)
		if (strcmp(recorder->chains[i].service, service) == 0)
			return &recorder->chains[i];
	chains = realloc(recorder->chains, (recorder->chain_count + 1) * sizeof(*chains));
	if (chains == NULL)
		return NULL;
	recorder->chains = chains;
	chains += recorder->chain_count;
	*chains = (struct chain){ .service = strdup(service) };
	if (chains->service == NULL)
		return NULL;
	recorder->chain_count++;
	return chains;
}

void
recorder_epoch(struct recorder *recorder)
{
	struct record *record = recorder->pending;

	recorder->at = wall_now();
	recorder->pending = NULL;
	if (record != NULL)
		put_epoch(recorder, record);
	recorder_words(recorder, recorder->at);
}

static void
put_epoch(struct recorder *recorder, struct record *record)
{
	const struct control *control = recorder->control;
	const char *text = control->world == NULL ? "" : control->world->steering_text;
	char *body = past_body(control->publisher.current, control->plan != NULL);

	record->epoch.at = recorder->at;
	record->epoch.revision = control->status.revision;
	record->epoch.body = body == NULL ? NULL : arena_text(record->arena, body);
	free(body);
	if (recorder->steering == NULL || strcmp(recorder->steering, text) != 0) {
		free(recorder->steering);
		recorder->steering = strdup(text);
		record->steering = arena_text(record->arena, text);
		if (record->steering == NULL)
			record->epoch.body = NULL;
	}
	if (record->epoch.body != NULL) {
		record_submit(recorder, record);
	} else {
		record_free(record);
		recorder->lost = true;
	}
}

void
note_all_again(struct recorder *recorder)
{
	struct record *record;

	if (!recorder->lost || mono_ms_between(recorder->failed, mono_now()) < AGAIN_MS)
		return;
	recorder->lost = false;
	recorder->failed = mono_now();
	memset(recorder->words, 0, recorder->service_count * recorder->region_count * sizeof(*recorder->words));
	free(recorder->steering);
	recorder->steering = NULL;
	record = record_new(recorder);
	if (record == NULL)
		return;
	add_changed(recorder, record, NULL, recorder->control->publisher.current, true);
	put_epoch(recorder, record);
}
