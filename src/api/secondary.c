/* secondary.c -- see secondary.h.
 * In: what NOTIFY came to, and what was fetched.  Out: both by secondary.
 * Threads: control.
 * NOTIFY goes to an address and a port; who fetches comes from any port, so the address tells who it is, with the key
 * where several are behind one address. What was fetched is known since the start of isobard only. */
#include "api/secondary.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "serve/server.h"

static int compare_records(const void *a, const void *b);
static size_t first_of_zone(const struct secondary_records *records, const uint8_t *apex);
static size_t add_told(const struct control *control, const uint8_t *apex, struct secondary **list);
static const struct transfer_record *match(const struct secondary *told, const struct transfer_record *records,
	size_t count);
static bool is_listed(const struct secondary *list, size_t count, const struct transfer_record *record);
static void judge(const struct control *control, const uint8_t *apex, struct secondary *secondary);

bool
secondary_records_read(const struct control *control, struct secondary_records *records)
{
	records->count = 0;
	records->records = transfer_desk_records(server_desk(control_server(control)), &records->count);
	if (records->count > 1 && records->records != NULL)
		qsort(records->records, records->count, sizeof(*records->records), compare_records);
	return records->records != NULL;
}

void
secondary_records_free(struct secondary_records *records)
{
	free(records->records);
}

static int
compare_records(const void *a, const void *b)
{
	const struct transfer_record *x = a, *y = b;
	int order = name_compare(x->apex, y->apex);

	return order != 0 ? order : memcmp(&x->client, &y->client, sizeof(x->client));
}

struct secondary *
secondaries_of_zone(const struct control *control, const struct secondary_records *records, const uint8_t *apex,
    size_t *count)
{
	size_t first = first_of_zone(records, apex), end = first, told;
	struct secondary *list, *longer;

	while (end < records->count && name_compare(records->records[end].apex, apex) == 0)
		end++;
	told = *count = add_told(control, apex, &list);
	longer = list == NULL ? NULL : realloc(list, (told + end - first + 1) * sizeof(*list));
	if (longer == NULL) {
		free(list);
		return NULL;
	}
	for (size_t i = 0; i < told; i++)
		longer[i].last = match(&longer[i], &records->records[first], end - first);
	for (size_t i = first; i < end; i++) {
		const struct transfer_record *record = &records->records[i];

		if (!is_listed(longer, told, record))
			longer[(*count)++] = (struct secondary){ .address = record->client, .key = record->key,
			    .last = record };
	}
	for (size_t i = 0; i < *count; i++)
		judge(control, apex, &longer[i]);
	return longer;
}

static size_t
first_of_zone(const struct secondary_records *records, const uint8_t *apex)
{
	size_t low = 0, high = records->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (name_compare(records->records[middle].apex, apex) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* *list NULL: out of memory. */
static size_t
add_told(const struct control *control, const uint8_t *apex, struct secondary **list)
{
	const struct notifier *notifier = secondaries_notifier(control_secondaries(control));
	struct notify_view view;
	size_t count = 0, n = 0;

	while (notifier != NULL && notifier_view(notifier, apex, count, &view))
		count++;
	*list = calloc(count + 1, sizeof(**list));
	for (; *list != NULL && n < count && notifier_view(notifier, apex, n, &view); n++)
		(*list)[n] = (struct secondary){ .address = view.to, .key = view.key, .is_told = true, .notify = view };
	return n;
}

/* With its own key, or else any of this address. */
static const struct transfer_record *
match(const struct secondary *told, const struct transfer_record *records, size_t count)
{
	const struct transfer_record *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (memcmp(&records[i].client, &told->address, sizeof(told->address)) == 0
		    && (found == NULL || records[i].key == told->key))
			found = &records[i];
	return found;
}

static bool
is_listed(const struct secondary *list, size_t count, const struct transfer_record *record)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].last == record)
			return true;
	return false;
}

static void
judge(const struct control *control, const uint8_t *apex, struct secondary *secondary)
{
	const struct notify_view *notify = &secondary->notify;

	secondary->behind = secondary->last == NULL ? SIZE_MAX
	    : secondaries_behind(control_secondaries(control), apex, secondary->last->serial);
	secondary->lags = secondary->last != NULL ? secondary->behind > 0
	    : secondary->is_told && (notify->waiting || notify->rcode != RCODE_NOERROR);
}
