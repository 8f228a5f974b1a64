/* labels.c -- incidents merged, and labels from them.
 * In: incidents as they were seen.  Out: for a region and a time, whether one begins within the horizon.
 * Threads: any.
 * Rows inside an incident are neither: their metrics are those of the failure, a model would learn to foresee what has
 * happened. */
#include "predict/labels.h"

#include <errno.h>
#include <stdlib.h>

static int compare_starts(const void *a, const void *b);

int
incidents_add(struct incidents *incidents, struct incident incident)
{
	if (incidents->count == incidents->size) {
		size_t size = incidents->size == 0 ? 16 : incidents->size * 2;
		struct incident *list = realloc(incidents->list, size * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		incidents->list = list;
		incidents->size = size;
	}
	incidents->list[incidents->count++] = incident;
	return 0;
}

void
incidents_merge(struct incidents *incidents)
{
	size_t kept = 0;

	if (incidents->count == 0)
		return;
	qsort(incidents->list, incidents->count, sizeof(*incidents->list), compare_starts);
	for (size_t i = 1; i < incidents->count; i++) {
		struct incident *last = &incidents->list[kept], next = incidents->list[i];

		if (last->end_s >= next.start_s || next.start_s - last->end_s < INCIDENT_GAP_S)
			last->end_s = next.end_s > last->end_s ? next.end_s : last->end_s;
		else
			incidents->list[++kept] = next;
	}
	incidents->count = kept + 1;
}

static int
compare_starts(const void *a, const void *b)
{
	const struct incident *x = a, *y = b;

	if (x->start_s != y->start_s)
		return x->start_s < y->start_s ? -1 : 1;
	return (x->end_s > y->end_s) - (x->end_s < y->end_s);
}

void
incidents_fini(struct incidents *incidents)
{
	free(incidents->list);
	*incidents = (struct incidents){ 0 };
}

size_t
incidents_after(const struct incidents *incidents, int64_t t)
{
	size_t low = 0, high = incidents->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (incidents->list[middle].start_s > t)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

enum label
label_at(const struct incidents *incidents, int64_t t, int64_t horizon_s, int64_t known_to_s)
{
	size_t next = incidents_after(incidents, t);

	if (next > 0 && incidents->list[next - 1].end_s > t)
		return LABEL_NONE;
	if (next < incidents->count && incidents->list[next].start_s - t <= horizon_s)
		return incidents->list[next].start_s < known_to_s ? LABEL_POSITIVE : LABEL_NONE;
	return known_to_s - t > horizon_s ? LABEL_NEGATIVE : LABEL_NONE;
}

bool
incidents_inside(const struct incidents *incidents, int64_t t)
{
	size_t next = incidents_after(incidents, t);

	return next > 0 && t < incidents->list[next - 1].end_s;
}
