/* recorder_restore.c -- at the start, what was in service last.
 * In: the store.  Out: the publisher's snapshot and demand, chains and words as they were noted.  Threads: control,
 * before the first publication. */
#include "control/recorder_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "plan/demand.h"

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
