/* why.c -- the reasons behind one probability.
 * In: a model and the features of one moment.  Out: the features that count, with what would be without each.
 * Threads: any.
 * A kernel machine has no weights that people could read. What can be told is what happens when one feature goes back
 * to its median and the others stay: perturbation, one feature at a time. Features that stand for the same thing share
 * the blame, so a small difference doesn't mean that a metric is innocent. */
#include "predict/why.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define LEAST_CHANGE 0.01	/* of the probability */

static void insert(struct why found[static WHY_MOST], size_t *count, const struct why *why, double p);

size_t
why_find(const struct model *model, const double *features, struct why found[static WHY_MOST])
{
	double p = model_probability(model, features), *changed;
	size_t count = 0, features_count = model->table->count;

	changed = malloc((features_count + 1) * sizeof(*changed));
	if (!model->skill || changed == NULL) {
		free(changed);
		return 0;
	}
	memcpy(changed, features, features_count * sizeof(*changed));
	for (size_t i = 0; i < features_count; i++) {
		struct why why = { .feature = i, .value = features[i], .usual = model->scalings[i].median };

		if (isnan(features[i]))
			continue;
		changed[i] = why.usual;
		why.without = model_probability(model, changed);
		changed[i] = features[i];
		if (fabs(why.without - p) >= LEAST_CHANGE * p)
			insert(found, &count, &why, p);
	}
	free(changed);
	return count;
}

/* Keeps the WHY_MOST strongest in order; of equals the first. */
static void
insert(struct why found[static WHY_MOST], size_t *count, const struct why *why, double p)
{
	size_t at = *count;

	while (at > 0 && fabs(why->without - p) > fabs(found[at - 1].without - p))
		at--;
	if (at == WHY_MOST)
		return;
	*count += *count < WHY_MOST;
	memmove(&found[at + 1], &found[at], (*count - at - 1) * sizeof(*found));
	found[at] = *why;
}

bool
why_write(const struct model *model, const struct why *found, size_t count, struct text *json)
{
	cJSON *list = cJSON_CreateArray();
	char *text;

	for (size_t i = 0; i < count; i++) {
		const struct feature *feature = &model->table->list[found[i].feature];
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "feature", feature->name);
		cJSON_AddNumberToObject(entry, "value", found[i].value);
		cJSON_AddNumberToObject(entry, "usual", found[i].usual);
		cJSON_AddStringToObject(entry, "unit", feature->unit);
		cJSON_AddNumberToObject(entry, "without", found[i].without);
		cJSON_AddItemToArray(list, entry);
	}
	text = list == NULL ? NULL : json_write(list);
	text_puts(json, text == NULL ? "" : text);
	cJSON_Delete(list);
	free(text);
	return !json->failed && json->length > 0;
}
