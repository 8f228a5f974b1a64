/* recorder_jobs.c -- records on their way to the store.
 * In: records with tables that are held.  Out: octets, jobs.  Threads: control; the packer's own; the store's writer.
 *
 * Packing the tables of 200 services of 65,536 slots takes 2.5 s as differences, 6 s whole. The control thread can't
 * wait that long, nor can the store's writer: reports are acknowledged, and deaths decided, when it has written them.
 * So a thread of its own makes octets of tables, one record after the other, and hands them on. It reads tables only,
 * which nobody writes any more; who holds them is counted by the control thread alone, before and after. */
#include "control/recorder_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "plan/history.h"

static void *pack_main(void *arg);
static bool pack(struct record *record);
static struct snapshot view_of(const struct meaning *meaning);
static void hand_on(struct recorder *recorder, struct record *record);
static int record_job(struct store_txn *txn, void *arg);
static void on_recorded(void *arg, int status);
static void recorded(void *arg);
static void release(struct slot_table **held, size_t count);

bool
jobs_begin(struct recorder *recorder)
{
	sigset_t all, before;
	int error;

	recorder->queue_end = &recorder->queue;
	pthread_mutex_init(&recorder->lock, NULL);
	pthread_cond_init(&recorder->wake, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&recorder->packer, NULL, pack_main, recorder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	recorder->packing = error == 0;
	return recorder->packing;
}

void
jobs_end(struct recorder *recorder)
{
	if (!recorder->packing)
		return;
	pthread_mutex_lock(&recorder->lock);
	recorder->ending = true;
	pthread_cond_signal(&recorder->wake);
	pthread_mutex_unlock(&recorder->lock);
	pthread_join(recorder->packer, NULL);
	recorder->packing = false;
}

/* --- records ------------------------------------------------------------------------------------------------- */

struct record *
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

void
record_free(struct record *record)
{
	if (record == NULL)
		return;
	for (size_t i = 0; i < record->table_count; i++) {
		release(record->tables[i].held, record->now.partition.count);
		release(record->tables[i].held_base, record->old.partition.count);
		free(record->tables[i].octets);
	}
	steering_free(record->now.steering);
	steering_free(record->old.steering);
	arena_free(record->arena);
}

static void
release(struct slot_table **held, size_t count)
{
	for (size_t g = 0; held != NULL && g < count; g++)
		slot_table_release(held[g]);
}

bool
record_mean(struct record *record, struct meaning *meaning, const struct snapshot *snapshot)
{
	const struct partition *partition = snapshot->partition;

	if (meaning->steering != NULL)
		return true;
	meaning->partition.groups = arena_copy(record->arena, partition->groups,
		partition->count * sizeof(*partition->groups));
	if (meaning->partition.groups == NULL)
		return false;
	meaning->partition.count = partition->count;
	meaning->steering = snapshot->owned_steering;
	steering_hold(meaning->steering);
	return true;
}

struct slot_table **
record_hold(struct record *record, const struct snapshot *snapshot, const struct service *service)
{
	struct slot_table **held = arena_alloc(record->arena, (snapshot->partition->count + 1) * sizeof(*held));

	for (size_t g = 0; held != NULL && g < snapshot->partition->count; g++) {
		held[g] = (struct slot_table *)(uintptr_t)service->tables[g];
		slot_table_hold(held[g]);
	}
	return held;
}

/* Words have nothing to pack, and needn't come after tables: each row says its own time. */
void
record_submit(struct recorder *recorder, struct record *record)
{
	if (record->table_count == 0) {
		hand_on(recorder, record);
		return;
	}
	pthread_mutex_lock(&recorder->lock);
	*recorder->queue_end = record;
	recorder->queue_end = &record->next;
	pthread_cond_signal(&recorder->wake);
	pthread_mutex_unlock(&recorder->lock);
}

/* --- the packer's thread ------------------------------------------------------------------------------------- */

static void *
pack_main(void *arg)
{
	struct recorder *recorder = arg;
	struct record *record;

	pthread_mutex_lock(&recorder->lock);
	for (;;) {
		while (recorder->queue == NULL && !recorder->ending)
			pthread_cond_wait(&recorder->wake, &recorder->lock);
		record = recorder->queue;
		if (record == NULL)
			break;
		recorder->queue = record->next;
		if (recorder->queue == NULL)
			recorder->queue_end = &recorder->queue;
		pthread_mutex_unlock(&recorder->lock);
		hand_on(recorder, record);
		pthread_mutex_lock(&recorder->lock);
	}
	pthread_mutex_unlock(&recorder->lock);
	return NULL;
}

static void
hand_on(struct recorder *recorder, struct record *record)
{
	if (!pack(record))
		on_recorded(record, -ENOMEM);
	else if (!store_submit(recorder->control->store, record_job, on_recorded, record))
		on_recorded(record, -EAGAIN);
}

static bool
pack(struct record *record)
{
	for (size_t i = 0; i < record->table_count; i++) {
		struct tables *tables = &record->tables[i];
		struct snapshot now = view_of(&record->now), old = view_of(&record->old);
		struct service is = { .tables = (const struct slot_table *const *)tables->held };
		struct service was = { .tables = (const struct slot_table *const *)tables->held_base };
		size_t base_length = 0;
		void *base = NULL;

		if (tables->held == NULL)
			continue;	/* octets already, or none */
		if (tables->held_base != NULL)
			base = history_whole(&old, &was, &base_length);
		if (tables->held_base == NULL || base != NULL)
			tables->octets = history_write(&now, &is, base, base_length, &tables->length);
		free(base);
		if (tables->octets == NULL)
			return false;
	}
	return true;
}

/* As much of a snapshot as its tables' octets need. */
static struct snapshot
view_of(const struct meaning *meaning)
{
	return (struct snapshot){ .steering = meaning->steering, .partition = &meaning->partition };
}

/* --- the store's ---------------------------------------------------------------------------------------------- */

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

/* On any of the threads. What nobody takes any more, at the end, is freed with the recorder: tables are
 * let go by the control thread alone. */
static void
on_recorded(void *arg, int status)
{
	struct record *record = arg;
	struct recorder *recorder = record->control->recorder;

	record->status = status;
	if (control_post(record->control, recorded, record))
		return;
	pthread_mutex_lock(&recorder->lock);
	record->next = recorder->orphans;
	recorder->orphans = record;
	pthread_mutex_unlock(&recorder->lock);
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
