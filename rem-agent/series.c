/* series.c -- sums and rates of series.
 * In: pages of one endpoint, one after the other. Out: a value for each want.
 * Each series has its own rate before they are added up: a process that restarted takes its counters back to zero, and
 * only per series is that seen (a value below the last one; then the value itself is what was counted since, as
 * Prometheus has it). A series that shows up for the first time has no rate yet, and adds nothing to the others' sum.
 * The last counters are a sorted array of (hash of name and labels, value): two arrays that take turns, no table to
 * grow or to clean, and a series that vanished is forgotten by itself. Of 10^4 series two collide with probability
 * 3e-12. */
#include "series.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "exposition.h"

#define NAMES_MAX 2048		/* of want_all; a report holds 16384 metrics, and one page shall not fill it */

struct counter {
	uint64_t id;
	double value;
};

struct counter_list {
	struct counter *list;
	size_t count, size;
};

/* A sum under way. */
struct sum {
	double gauges, rates;
	bool gauge, rate;	/* one was added */
	bool counter;		/* one was seen, with a rate or without */
};

struct series_set {
	struct selector **wants;
	struct sum *want_sums;
	size_t want_count;
	bool all;
	char **names;			/* of want_all, in the order of their first sight; kept from page to page */
	struct sum *name_sums;
	size_t name_count, name_size;
	struct counter_list last, now;
	struct mono at;
	bool sampled;
	struct series_value *values;
	bool failed;			/* memory was out */
};

static void digest_sample(struct series_set *set, const struct sample *sample, double elapsed_s);
static double counter_rate(struct series_set *set, const struct sample *sample, double elapsed_s);
static void counters_take_turns(struct series_set *set);
static int counter_compare(const void *a, const void *b);
static struct sum *name_sum(struct series_set *set, const struct sample *sample);
static void sum_add(struct sum *sum, const struct sample *sample, double rate);
static struct series_value value_of(const char *name, const struct sum *sum);

struct series_set *
series_set_new(void)
{
	return calloc(1, sizeof(struct series_set));
}

void
series_set_free(struct series_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->want_count; i++)
		free(set->wants[i]);
	for (size_t i = 0; i < set->name_count; i++)
		free(set->names[i]);
	free(set->wants);
	free(set->want_sums);
	free(set->names);
	free(set->name_sums);
	free(set->values);
	free(set->last.list);
	free(set->now.list);
	free(set);
}

int
series_set_want(struct series_set *set, const char *selector)
{
	struct selector *parsed = malloc(sizeof(*parsed));
	struct selector **wants = reallocarray(set->wants, set->want_count + 1, sizeof(*wants));
	struct sum *sums = reallocarray(set->want_sums, set->want_count + 1, sizeof(*sums));

	if (wants != NULL)
		set->wants = wants;
	if (sums != NULL)
		set->want_sums = sums;
	if (parsed == NULL || wants == NULL || sums == NULL) {
		free(parsed);
		return -ENOMEM;
	}
	if (!selector_parse(parsed, selector)) {
		free(parsed);
		return -EINVAL;
	}
	set->wants[set->want_count] = parsed;
	return (int)set->want_count++;
}

void
series_set_want_all(struct series_set *set)
{
	set->all = true;
}

const struct series_value *
series_set_digest(struct series_set *set, const char *page, struct mono now, size_t *count)
{
	double elapsed_s = set->sampled ? (double)mono_ms_between(set->at, now) / 1000 : 0;
	struct exposition exposition;
	struct series_value *values;
	struct sample sample;

	for (size_t i = 0; i < set->want_count; i++)
		set->want_sums[i] = (struct sum){ 0 };
	for (size_t i = 0; i < set->name_count; i++)
		set->name_sums[i] = (struct sum){ 0 };
	exposition_begin(&exposition, page);
	while (exposition_next(&exposition, &sample))
		digest_sample(set, &sample, elapsed_s);
	counters_take_turns(set);
	set->at = now;
	set->sampled = true;

	*count = set->want_count + set->name_count;
	values = reallocarray(set->values, *count + 1, sizeof(*values));
	if (values == NULL || set->failed) {
		set->failed = false;
		set->values = values == NULL ? set->values : values;
		return NULL;
	}
	set->values = values;
	for (size_t i = 0; i < set->want_count; i++) {
		const struct selector *want = set->wants[i];

		values[i] = value_of(want->alias != NULL ? want->alias : want->name, &set->want_sums[i]);
	}
	for (size_t i = 0; i < set->name_count; i++)
		values[set->want_count + i] = value_of(set->names[i], &set->name_sums[i]);
	return values;
}

static void
digest_sample(struct series_set *set, const struct sample *sample, double elapsed_s)
{
	bool wanted = false;
	double rate = NAN;

	if (!isfinite(sample->value))
		return;
	for (size_t i = 0; i < set->want_count; i++) {
		if (!selector_matches(set->wants[i], sample))
			continue;
		if (sample->counter && !wanted)
			rate = counter_rate(set, sample, elapsed_s);
		wanted = true;
		sum_add(&set->want_sums[i], sample, rate);
	}
	if (set->all) {
		struct sum *sum = name_sum(set, sample);

		if (sum != NULL && sample->counter && !wanted)
			rate = counter_rate(set, sample, elapsed_s);
		if (sum != NULL)
			sum_add(sum, sample, rate);
	}
}

/* NAN at the first sight, and when no time has passed. Remembers the value for the next page. */
static double
counter_rate(struct series_set *set, const struct sample *sample, double elapsed_s)
{
	struct counter key = { .value = sample->value }, *last;
	struct counter_list *now = &set->now;

	key.id = hash64(sample->name, sample->name_length, hash64(sample->labels, sample->labels_length, 0));
	if (now->count == now->size) {
		size_t size = now->size == 0 ? 64 : now->size * 2;
		struct counter *longer = reallocarray(now->list, size, sizeof(*longer));

		if (longer == NULL) {
			set->failed = true;
			return NAN;
		}
		now->list = longer;
		now->size = size;
	}
	now->list[now->count++] = key;
	last = set->last.count == 0 ? NULL
	    : bsearch(&key, set->last.list, set->last.count, sizeof(key), counter_compare);
	if (last == NULL || !(elapsed_s > 0))
		return NAN;
	return (key.value >= last->value ? key.value - last->value : key.value) / elapsed_s;
}

static void
counters_take_turns(struct series_set *set)
{
	struct counter_list last = set->last;

	if (set->now.count > 0)
		qsort(set->now.list, set->now.count, sizeof(*set->now.list), counter_compare);
	set->last = set->now;
	set->now = last;
	set->now.count = 0;
}

static int
counter_compare(const void *a, const void *b)
{
	const struct counter *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* NULL for a bucket, for the name too many, and when memory is out. Pages list a name's series together, so the last
 * name found is most often the one. */
static struct sum *
name_sum(struct series_set *set, const struct sample *sample)
{
	static const char bucket[] = "_bucket";
	size_t length = sample->name_length;

	if (length >= sizeof(bucket) &&
	    memcmp(sample->name + length - (sizeof(bucket) - 1), bucket, sizeof(bucket) - 1) == 0)
		return NULL;
	for (size_t i = set->name_count; i-- > 0;) {
		if (strlen(set->names[i]) == length && memcmp(set->names[i], sample->name, length) == 0)
			return &set->name_sums[i];
	}
	if (set->name_count == NAMES_MAX)
		return NULL;
	if (set->name_count == set->name_size) {
		size_t size = set->name_size == 0 ? 64 : set->name_size * 2;
		char **names = reallocarray(set->names, size, sizeof(*names));
		struct sum *sums = reallocarray(set->name_sums, size, sizeof(*sums));

		set->names = names == NULL ? set->names : names;
		set->name_sums = sums == NULL ? set->name_sums : sums;
		if (names == NULL || sums == NULL)
			return NULL;
		set->name_size = size;
	}
	set->names[set->name_count] = strndup(sample->name, length);
	if (set->names[set->name_count] == NULL)
		return NULL;
	set->name_sums[set->name_count] = (struct sum){ 0 };
	return &set->name_sums[set->name_count++];
}

static void
sum_add(struct sum *sum, const struct sample *sample, double rate)
{
	if (!sample->counter) {
		sum->gauges += sample->value;
		sum->gauge = true;
		return;
	}
	sum->counter = true;
	if (isfinite(rate)) {
		sum->rates += rate;
		sum->rate = true;
	}
}

static struct series_value
value_of(const char *name, const struct sum *sum)
{
	double value = sum->counter ? (sum->rate ? sum->rates : NAN) : sum->gauge ? sum->gauges : NAN;

	return (struct series_value){ .name = name, .value = isfinite(value) ? value : NAN, .rate = sum->counter };
}
