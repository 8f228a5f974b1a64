/* recorder_words.c -- live words that changed, noted.
 * In: live words that were written.  Out: records.  Threads: control.
 * A word that changes is noted at once; an admit word that ramps, and so changes all the time, once a second, since
 * each of its steps moves few clients and a row is for 40 days. */
#include "control/recorder_parts.h"

#include <stdlib.h>
#include <string.h>

#define ADMIT_EVERY_MS 1000

static void names_free(char **names, size_t count);

void
words_free(struct recorder *recorder)
{
	names_free(recorder->regions, recorder->region_count);
	names_free(recorder->services, recorder->service_count);
	free(recorder->words);
}

/* Matched by name, as everywhere. */
bool
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
	words_free(recorder);
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
