/* meter.c -- see meter.h.
 * In: the rows of a snapshot, sketches.  Out: calls of the estimate.
 * Threads: control. Counters are loaded relaxed while workers store them: a question is seen now or the next time.
 *
 * Counters are 32 bits wide and may overrun. So may their sum over the workers, which alone is remembered: modulo 2^32
 * the difference of two sums is what was counted in between, as long as that is below 2^32. */
#include "control/meter.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "steer/slots.h"

struct meter {
	struct estimate *estimate;
	const struct snapshot *snapshot;	/* that is counted, or NULL */
	uint32_t *asked;			/* the last sums, by service and cell */
	uint32_t **slots;			/* the same by service and slot; NULL where slots aren't counted */
	uint32_t *room;				/* for the sums of one service's slots */
	struct mono read, *slots_read;		/* when last; of each service */
	double *totals;				/* between hold and release: requests/s by service and demand group */
	uint64_t questions;
};

static bool make_room(struct meter *meter, const struct snapshot *snapshot);
static void forget(struct meter *meter);
static void count_cell(struct meter *meter, size_t service, size_t cell, uint32_t questions);
static void read_tables(struct meter *meter, size_t service, const uint32_t *questions, double seconds);
static void read_keys(struct meter *meter, size_t service, const struct slot_table *table, const uint32_t *questions);
static void hold(struct meter *meter, size_t service);
static void release(struct meter *meter, size_t service);
static double seconds_between(struct mono from, struct mono to);

struct meter *
meter_new(struct estimate *estimate)
{
	struct meter *meter = calloc(1, sizeof(*meter));

	if (meter != NULL)
		meter->estimate = estimate;
	return meter;
}

void
meter_free(struct meter *meter)
{
	if (meter == NULL)
		return;
	forget(meter);
	free(meter);
}

static void
forget(struct meter *meter)
{
	for (size_t s = 0; meter->slots != NULL && s < meter->snapshot->service_count; s++)
		free(meter->slots[s]);
	free(meter->slots);
	free(meter->slots_read);
	free(meter->asked);
	free(meter->room);
	free(meter->totals);
	meter->totals = NULL;
	meter->slots = NULL;
	meter->slots_read = NULL;
	meter->asked = meter->room = NULL;
	meter->snapshot = NULL;
}

bool
meter_begin(struct meter *meter, const struct snapshot *snapshot, struct mono now)
{
	forget(meter);
	meter->snapshot = snapshot;
	if (!make_room(meter, snapshot) || !estimate_adopt(meter->estimate, snapshot->steering, snapshot->locator)) {
		forget(meter);
		return false;
	}
	meter->read = now;
	for (size_t s = 0; s < snapshot->service_count; s++) {
		meter->slots_read[s] = now;
		estimate_set_ttl(meter->estimate, s, meter_ttl(&snapshot->services[s]));
	}
	return true;
}

static bool
make_room(struct meter *meter, const struct snapshot *snapshot)
{
	uint32_t most = 0;

	meter->asked = calloc(snapshot->service_count * snapshot->cell_count + 1, sizeof(*meter->asked));
	meter->slots = calloc(snapshot->service_count + 1, sizeof(*meter->slots));
	meter->slots_read = calloc(snapshot->service_count + 1, sizeof(*meter->slots_read));
	meter->totals = calloc(snapshot->service_count * snapshot->partition->count + 1, sizeof(*meter->totals));
	if (meter->totals == NULL || meter->asked == NULL || meter->slots == NULL || meter->slots_read == NULL)
		return false;
	for (size_t s = 0; s < snapshot->service_count; s++) {
		uint32_t count = snapshot_slot_count(snapshot, &snapshot->services[s]);

		most = count > most ? count : most;
		if (count > 0 && (meter->slots[s] = calloc(count, sizeof(uint32_t))) == NULL)
			return false;
	}
	meter->room = calloc(most + 1, sizeof(*meter->room));
	return meter->room != NULL;
}

double
meter_ttl(const struct service *service)
{
	double sum = 0;
	size_t count = 0;

	for (size_t i = 0; i < service->order_count; i++) {
		const struct node *node = service->variants[service->order[i]];
		const struct rrset *set = node == NULL ? NULL : node_rrset(node, service->counted_type);

		if (set == NULL && node != NULL)
			set = node_rrset(node, TYPE_CNAME);
		if (set == NULL)
			continue;
		sum += service->intent->ttl_max != 0 && set->ttl > service->intent->ttl_max ? service->intent->ttl_max
		    : set->ttl;
		count++;
	}
	return count == 0 ? 0 : sum / (double)count;
}

void
meter_end(struct meter *meter, struct mono now)
{
	if (meter->snapshot == NULL)
		return;
	meter_read(meter, now);
	for (size_t s = 0; s < meter->snapshot->service_count; s++)
		meter_read_slots(meter, s, now);
	forget(meter);
}

void
meter_read(struct meter *meter, struct mono now)
{
	const struct snapshot *snapshot = meter->snapshot;
	double seconds = snapshot == NULL ? 0 : seconds_between(meter->read, now);
	size_t cells = snapshot == NULL ? 0 : snapshot->service_count * snapshot->cell_count;

	if (!(seconds > 0))
		return;
	for (size_t i = 0; i < cells; i++) {
		uint32_t sum = 0, questions;

		for (unsigned w = 0; w < snapshot->worker_count; w++)
			sum += __atomic_load_n(&snapshot->rows[w].asked[i], __ATOMIC_RELAXED);
		questions = sum - meter->asked[i];
		meter->asked[i] = sum;
		meter->questions += questions;
		if (questions > 0)
			count_cell(meter, i / snapshot->cell_count, i % snapshot->cell_count, questions);
	}
	estimate_pass(meter->estimate, seconds);
	meter->read = now;
}

/* See snapshot_cell(). */
static void
count_cell(struct meter *meter, size_t service, size_t cell, uint32_t questions)
{
	const struct locator *locator = meter->snapshot->locator;

	if (cell < COUNTRIES_MAX)
		estimate_count(meter->estimate, service, locator_country_group(locator, (uint8_t)cell), (uint8_t)cell,
		    questions);
	else
		estimate_count(meter->estimate, service, locator_network_group(locator,
		    (uint16_t)(cell - COUNTRIES_MAX)), COUNTRY_UNKNOWN, questions);
}

void
meter_read_slots(struct meter *meter, size_t s, struct mono now)
{
	const struct snapshot *snapshot = meter->snapshot;
	double seconds = snapshot == NULL ? 0 : seconds_between(meter->slots_read[s], now);
	uint32_t count;

	if (!(seconds > 0))
		return;
	count = meter->slots[s] == NULL ? 0 : snapshot_slot_count(snapshot, &snapshot->services[s]);
	memset(meter->room, 0, count * sizeof(*meter->room));
	for (unsigned w = 0; w < snapshot->worker_count; w++)
		for (uint32_t i = 0; i < count; i++)
			meter->room[i] += __atomic_load_n(&snapshot->rows[w].slots[s][i], __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t sum = meter->room[i];

		meter->room[i] = sum - meter->slots[s][i];
		meter->slots[s][i] = sum;
	}
	hold(meter, s);
	read_tables(meter, s, meter->room, seconds);
	estimate_pass_keys(meter->estimate, s, seconds);
	release(meter, s);
	meter->slots_read[s] = now;
}

/* Without memory some questions are lost from the estimate, and no answer is. */
static void
read_tables(struct meter *meter, size_t s, const uint32_t *questions, double seconds)
{
	const struct service *service = &meter->snapshot->services[s];
	const struct partition *partition = meter->snapshot->partition;

	for (size_t g = 0; service->slot_base != NULL && g < partition->count; g++) {
		const uint32_t *own = questions + service->slot_base[g];

		if (service->slot_base[g] == SLOTS_UNCOUNTED)
			continue;
		(void)estimate_slots(meter->estimate, s, &partition->groups[g], service->tables[g]->count, own,
		    seconds);
		read_keys(meter, s, service->tables[g], own + service->tables[g]->count);
	}
}

/* Keys with slots of their own are counted exactly. */
static void
read_keys(struct meter *meter, size_t s, const struct slot_table *table, const uint32_t *questions)
{
	for (uint32_t i = 0; table->heavy_count > 0 && i <= table->heavy_mask; i++) {
		const struct heavy_key *heavy = &table->heavy[i];
		struct prefix prefix;
		struct place place;

		if (heavy->key == 0 || questions[heavy->index] == 0)
			continue;
		slots_key_read(heavy->key, &prefix);
		locate(meter->snapshot->locator, &prefix.address, &place);
		(void)estimate_key(meter->estimate, s, heavy->key, &place, questions[heavy->index], false);
	}
}

void
meter_hold(struct meter *meter)
{
	const struct snapshot *snapshot = meter->snapshot;

	for (size_t s = 0; snapshot != NULL && s < snapshot->service_count; s++)
		hold(meter, s);
}

void
meter_release(struct meter *meter)
{
	const struct snapshot *snapshot = meter->snapshot;

	for (size_t s = 0; snapshot != NULL && s < snapshot->service_count; s++)
		release(meter, s);
}

static void
hold(struct meter *meter, size_t s)
{
	const struct partition *partition = meter->snapshot->partition;

	estimate_totals(meter->estimate, partition, s, meter->totals + s * partition->count);
}

static void
release(struct meter *meter, size_t s)
{
	const struct partition *partition = meter->snapshot->partition;

	estimate_keep_totals(meter->estimate, partition, s, meter->totals + s * partition->count);
}

void
meter_take(struct meter *meter, const struct sketch *sketch, uint32_t window_ms)
{
	const struct snapshot *snapshot = meter->snapshot;

	for (size_t i = 0; snapshot != NULL && i < sketch_count(sketch); i++) {
		struct sketch_entry entry = sketch_at(sketch, i);
		double questions = sketch_guess(&entry, window_ms);
		const struct service *service;
		struct prefix prefix;
		struct place place;
		size_t s = 0;

		while (s < snapshot->service_count && snapshot->services[s].seed != entry.service)
			s++;
		if (s == snapshot->service_count || !(questions > 0))
			continue;
		service = &snapshot->services[s];
		slots_key_read(entry.key, &prefix);
		locate(snapshot->locator, &prefix.address, &place);
		if (slots_heavy(service->tables[partition_find(snapshot->partition, &place)], entry.key) == UINT32_MAX)
			(void)estimate_key(meter->estimate, s, entry.key, &place, questions, true);
	}
}

uint64_t
meter_questions(const struct meter *meter)
{
	return meter->questions;
}

static double
seconds_between(struct mono from, struct mono to)
{
	return (double)(to.ns - from.ns) / 1e9;
}
