/* recorder.c -- see recorder.h.
 * In: snapshots that are exchanged, live words that were written.  Out: jobs for the store's writer.  Threads: control;
 * each job is the writer's alone until it's posted back.
 *
 * Which tables changed is seen when both snapshots are there: tables that weren't compiled anew are held once more, so
 * the pointer tells; where it doesn't (another steering) the octets do. A difference is taken from the octets of the
 * old snapshot, which are the ones that were stored last.
 *
 * When a job fails, the links of chains may be missing, and words. Everything is then written whole once more, as soon
 * as the store has had some rest. A word that changes is noted at once; an admit word that ramps, and so changes all
 * the time, once a second, since each of its steps moves few clients and a row is for 40 days. */
#include "control/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/past.h"
#include "control/state.h"
#include "plan/demand.h"
#include "plan/history.h"

#define ADMIT_EVERY_MS 1000
#define AGAIN_MS 30000		/* after a failure */

/* How a service's tables stand in the store. */
struct chain {
	char *service;
	uint64_t epoch;		/* of the newest octets; 0: none that count */
	unsigned length;	/* differences in a row up to there */
};

/* What was noted of one (service, region) last. */
struct word {
	bool known, dead;
	uint16_t admit;
	struct mono noted;
};

struct tables {
	const char *service;
	uint64_t base;
	void *octets;
	size_t length;
};

/* One job: an epoch or live words; strings in `arena`. */
struct record {
	struct control *control;
	struct arena *arena;
	struct epoch_row epoch;		/* .epoch 0: none */
	const char *steering;		/* or NULL: unchanged */
	size_t table_count, word_count;
	struct tables *tables;
	struct live_row *words;
	int status;
};

struct recorder {
	struct control *control;
	size_t chain_count;
	struct chain *chains;
	struct record *pending;			/* tables of the publication that is under way */
	char *steering;				/* the text that was noted last, or NULL */
	const struct snapshot *snapshot;	/* whose words these are; never looked into */
	char **regions, **services;		/* their names */
	size_t region_count, service_count;
	struct word *words;			/* [service][region] */
	struct mono failed;
	struct wall at;				/* of the publication in service */
	struct past restored;			/* what the restored snapshot lives on */
	bool lost;				/* a job failed: all is to be written whole */
};

static struct record *record_new(struct recorder *recorder);
static void record_free(struct record *record);
static void record_submit(struct recorder *recorder, struct record *record);
static int record_job(struct store_txn *txn, void *arg);
static void on_recorded(void *arg, int status);
static void recorded(void *arg);
static void add_changed(struct recorder *recorder, struct record *record, const struct snapshot *old,
	const struct snapshot *now, bool all);
static void add_demand(struct recorder *recorder, struct record *record, const struct steering *steering);
static const struct service *service_named(const struct snapshot *snapshot, const char *name);
static bool same_tables(const struct snapshot *old, const struct service *was, const struct snapshot *now,
	const struct service *is);
static void add_tables(struct record *record, struct chain *chain, const struct snapshot *now,
	const struct service *service, const void *base, size_t base_length);
static void add_ended(struct recorder *recorder, struct record *record, const struct snapshot *now);
static struct chain *chain_of(struct recorder *recorder, const char *service);
static void put_epoch(struct recorder *recorder, struct record *record);
static bool words_adopt(struct recorder *recorder, const struct snapshot *snapshot);
static void names_free(char **names, size_t count);
static void note_all_again(struct recorder *recorder);

struct recorder *
recorder_new(struct control *control)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (recorder == NULL)
		return NULL;
	recorder->control = control;
	control->publisher.published = recorder_published;
	control->publisher.published_arg = recorder;
	return recorder;
}

void
recorder_free(struct recorder *recorder)
{
	if (recorder == NULL)
		return;
	record_free(recorder->pending);
	for (size_t i = 0; i < recorder->chain_count; i++)
		free(recorder->chains[i].service);
	free(recorder->chains);
	free(recorder->steering);
	names_free(recorder->regions, recorder->region_count);
	names_free(recorder->services, recorder->service_count);
	free(recorder->words);
	if (recorder->restored.arena != NULL)
		past_fini(&recorder->restored);
	free(recorder);
}

/* --- jobs ---------------------------------------------------------------------------------------------------- */

static struct record *
record_new(struct recorder *recorder)
{
	struct arena *arena = arena_new();
	struct record *record = arena == NULL ? NULL : arena_alloc(arena, sizeof(*record));

	if (record == NULL) {
		arena_free(arena);
		return NULL;
	}
	*record = (struct record){ .control = recorder->control, .arena = arena };
	return record;
}

static void
record_free(struct record *record)
{
	if (record == NULL)
		return;
	for (size_t i = 0; i < record->table_count; i++)
		free(record->tables[i].octets);
	arena_free(record->arena);
}

static void
record_submit(struct recorder *recorder, struct record *record)
{
	if (store_submit(recorder->control->store, record_job, on_recorded, record))
		return;
	record_free(record);
	recorder->lost = true;
	recorder->failed = mono_now();
}

static int
record_job(struct store_txn *txn, void *arg)
{
	const struct record *record = arg;
	int status = 0;

	if (record->steering != NULL)
		status = store_steering_text_put(txn, record->epoch.revision, record->epoch.at, record->steering);
	if (record->epoch.epoch != 0 && status == 0)
		status = store_epoch_put(txn, &record->epoch);
	for (size_t i = 0; i < record->table_count && status == 0; i++) {
		const struct tables *tables = &record->tables[i];

		status = store_epoch_tables_put(txn, record->epoch.epoch, tables->service, tables->base,
		    tables->octets == NULL ? "" : tables->octets, tables->length);
	}
	for (size_t i = 0; i < record->word_count && status == 0; i++)
		status = store_live_put(txn, &record->words[i]);
	return status;
}

static void
on_recorded(void *arg, int status)
{
	struct record *record = arg;

	record->status = status;
	if (!control_post(record->control, recorded, record))
		record_free(record);
}

static void
recorded(void *arg)
{
	struct record *record = arg;
	struct recorder *recorder = record->control->recorder;

	if (record->status != 0) {
		if (!recorder->lost)
			log_warning("the store couldn't keep what is in service now: explain --at won't know this "
			    "time");
		recorder->lost = true;
		recorder->failed = mono_now();
	}
	record_free(record);
}

/* --- publications -------------------------------------------------------------------------------------------- */

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
		size_t length = 0;
		void *base = NULL;

		if (chain == NULL || (chain->epoch != 0 && !all && was != NULL && same_tables(old, was, now, is)))
			continue;
		if (chain->epoch != 0 && !all && was != NULL && chain->length < HISTORY_WHOLE_EVERY)
			base = history_whole(old, was, &length);
		add_tables(record, chain, now, is, base, length);
		free(base);
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

static void
add_tables(struct record *record, struct chain *chain, const struct snapshot *now, const struct service *service,
	const void *base, size_t base_length)
{
	struct tables *tables = &record->tables[record->table_count];

	*tables = (struct tables){ .service = arena_text(record->arena, chain->service),
		.base = base == NULL ? 0 : chain->epoch };
	tables->octets = history_write(now, service, base, base_length, &tables->length);
	if (tables->octets == NULL || tables->service == NULL) {
		free(tables->octets);
		chain->epoch = 0;
		return;
	}
	chain->length = base == NULL ? 0 : chain->length + 1;
	chain->epoch = now->epoch;
	record->table_count++;
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

/* Found, or begun. NULL: out of memory. */
static struct chain *
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

/* --- words --------------------------------------------------------------------------------------------------- */

/* Matched by name, as everywhere. */
static bool
words_adopt(struct recorder *recorder, const struct snapshot *snapshot)
{
	const struct steering *steering = snapshot->steering;
	size_t count = steering->service_count * steering->region_count;
	struct word *words = calloc(count + 1, sizeof(*words));
	char **regions = calloc(steering->region_count + 1, sizeof(*regions));
	char **services = calloc(steering->service_count + 1, sizeof(*services));
	bool good = words != NULL && regions != NULL && services != NULL;

	for (size_t r = 0; good && r < steering->region_count; r++)
		good = (regions[r] = strdup(steering->regions[r].name)) != NULL;
	for (size_t s = 0; good && s < steering->service_count; s++)
		good = (services[s] = strdup(steering->services[s].name)) != NULL;
	if (!good) {
		names_free(regions, steering->region_count);
		names_free(services, steering->service_count);
		free(words);
		return false;
	}
	for (size_t i = 0; i < recorder->service_count; i++) {
		const struct steering_service *service = steering_service_find(steering, recorder->services[i]);

		for (size_t k = 0; service != NULL && k < recorder->region_count; k++) {
			region_id r = steering_region_find(steering, recorder->regions[k]);

			if (r != NO_REGION)
				words[(size_t)(service - steering->services) * steering->region_count + r] =
				    recorder->words[i * recorder->region_count + k];
		}
	}
	names_free(recorder->regions, recorder->region_count);
	names_free(recorder->services, recorder->service_count);
	free(recorder->words);
	recorder->words = words;
	recorder->regions = regions;
	recorder->services = services;
	recorder->region_count = steering->region_count;
	recorder->service_count = steering->service_count;
	recorder->snapshot = snapshot;
	return true;
}

static void
names_free(char **names, size_t count)
{
	for (size_t i = 0; names != NULL && i < count; i++)
		free(names[i]);
	free(names);
}

void
recorder_words(struct recorder *recorder, struct wall now)
{
	const struct snapshot *snapshot = recorder->control->publisher.current;
	const struct mono mono = mono_now();
	struct record *record = NULL;

	if (recorder->control->store == NULL || recorder->snapshot != snapshot || recorder->pending != NULL)
		return;
	note_all_again(recorder);
	for (size_t s = 0; s < recorder->service_count; s++)
		for (size_t i = 0; i < snapshot->services[s].order_count; i++) {
			const struct service *service = &snapshot->services[s];
			region_id r = service->order[i];
			struct word *word = &recorder->words[s * recorder->region_count + r];
			struct word is = { true, live_is_dead(service->live, r), live_admit(service->live, r), mono };

			if (word->known && word->dead == is.dead && (word->admit == is.admit
			    || mono_ms_between(word->noted, mono) < ADMIT_EVERY_MS))
				continue;
			if (record == NULL) {
				record = record_new(recorder);
				if (record != NULL)
					record->words = arena_alloc(record->arena, (recorder->service_count
					    * recorder->region_count + 1) * sizeof(*record->words));
				if (record == NULL || record->words == NULL) {
					record_free(record);
					return;
				}
			}
			record->words[record->word_count++] = (struct live_row){ now,
				arena_text(record->arena, recorder->services[s]),
				arena_text(record->arena, recorder->regions[r]), is.dead, is.admit };
			if (record->words[record->word_count - 1].service == NULL
			    || record->words[record->word_count - 1].region == NULL) {
				record_free(record);
				return;
			}
			*word = is;
		}
	if (record != NULL)
		record_submit(recorder, record);
}

/* After a failure, and some time. */
static void
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

/* --- restart ------------------------------------------------------------------------------------------------- */

static void restore(struct recorder *recorder, struct store_reader *reader, const struct epoch_row *row);
static void restore_chains(struct recorder *recorder, const struct past *past);
static void restore_demand(struct recorder *recorder, const struct past *past, struct store_reader *reader);
static bool on_word(void *arg, const struct live_row *row);

void
recorder_restore(struct recorder *recorder)
{
	struct control *control = recorder->control;
	struct text error = { 0 };
	struct arena *arena = arena_new();
	struct epoch_row row;
	struct store_reader *reader = control->options.storeless ? NULL
	    : store_reader_open(control->settings->store, &error);

	if (reader != NULL && arena != NULL && store_epoch_edge(reader, true, arena, &row) == 0) {
		if (row.epoch > control->publisher.epoch)
			control->publisher.epoch = row.epoch;
		restore(recorder, reader, &row);
	}
	store_reader_close(reader);
	arena_free(arena);
	text_fini(&error);
}

static void
restore(struct recorder *recorder, struct store_reader *reader, const struct epoch_row *row)
{
	struct control *control = recorder->control;
	struct text why = { 0 }, steering = { 0 };
	struct past past;

	if (!past_load(&past, reader, row, wall_now(), NULL, false, &why)) {
		log_warning("what was in service before the restart isn't known, clients may move: %s",
		    why.bytes == NULL ? "out of memory" : why.bytes);
		text_fini(&why);
		return;
	}
	if (store_steering_text_at(reader, row->revision, &steering) == 0)
		recorder->steering = text_take(&steering);
	restore_chains(recorder, &past);
	restore_demand(recorder, &past, reader);
	if (words_adopt(recorder, past.snapshot))
		(void)store_live_at(reader, wall_now(), on_word, recorder);
	control->publisher.current = past.snapshot;
	recorder->restored = past;	/* the snapshot, now the publisher's, lives on the rest of it */
	recorder->restored.snapshot = NULL;
	text_fini(&steering);
	text_fini(&why);
}

/* A service whose tables weren't read from the store begins with whole octets; lists are compiled anew. */
static void
restore_chains(struct recorder *recorder, const struct past *past)
{
	for (size_t s = 0; s < past->snapshot->service_count; s++) {
		struct chain *chain = chain_of(recorder, past->snapshot->services[s].intent->name);

		if (chain == NULL || !past->services[s].read)
			continue;
		chain->epoch = past->services[s].epoch;
		chain->length = past->services[s].chain;
	}
}

/* By the same demand the same tables are compiled, which is what moves nobody. Its numbers are those of the
 * steering. */
static void
restore_demand(struct recorder *recorder, const struct past *past, struct store_reader *reader)
{
	struct publisher *publisher = &recorder->control->publisher;
	uint64_t found, base;
	size_t length;
	void *octets;

	if (store_epoch_tables(reader, past->row.epoch, "", &found, &base, &octets, &length) != 0)
		return;
	if (publisher->demand == NULL && recorder->steering != NULL
	    && strcmp(recorder->steering, recorder->control->world->steering_text) == 0)
		publisher->demand = demand_read(octets, length, recorder->control->world->steering);
	free(octets);
}

static bool
on_word(void *arg, const struct live_row *row)
{
	struct recorder *recorder = arg;

	for (size_t s = 0; s < recorder->service_count; s++)
		for (size_t r = 0; r < recorder->region_count; r++)
			if (strcmp(recorder->services[s], row->service) == 0
			    && strcmp(recorder->regions[r], row->region) == 0)
				recorder->words[s * recorder->region_count + r] =
				    (struct word){ .known = true, .dead = row->dead, .admit = row->admit };
	return true;
}
