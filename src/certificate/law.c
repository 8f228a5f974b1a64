/* law.c -- are the tables fit to be answered from: residency in every list, and sound as tables.
 * In: a snapshot's tables, and which groups the plan sheds.  Out: refusals, and how many lists break the law.
 * Threads: any; pure.
 * Every slot of every table is looked at, heavy ones and those by country too. Few lists differ, so that each table
 * remembers some hundred lists that it found sound; 65,536 slots take less than half a millisecond. */
#include "certificate/parts.h"

#include <math.h>
#include <string.h>

#include "steer/country.h"

#define SOUND_LISTS 1024	/* remembered, a power of two: 8 KiB, which stay in the first-level cache */

/* One table, and whose clients use it. */
struct subject {
	struct certificate *certificate;
	const struct service *service;
	const struct slot_table *table;
	struct region_set legal;
	const char *clients;
	bool may_shed;
	uint64_t sound[SOUND_LISTS];	/* lists as numbers, plus one; 0: none */
};

static void check_table(struct subject *subject);
static void check_heavy(struct subject *subject);
static void check_countries(struct subject *subject, const struct snapshot *snapshot);
static bool list_is_sound(struct subject *subject, const struct slot *slot, const char **fault);
static const char *list_fault(const struct slot *slot, struct region_set legal, bool may_be_empty);
static uint32_t list_number(const struct slot *slot);
static bool plan_sheds(const struct plan_group *planned);

void
certificate_law(struct certificate *certificate, const struct tabled *tabled)
{
	const struct snapshot *snapshot = tabled->snapshot;
	struct subject subject = { .certificate = certificate };
	char name[128];

	for (size_t s = 0; s < snapshot->service_count; s++) {
		subject.service = &snapshot->services[s];
		for (uint16_t g = 0; g < tabled->groups; g++) {
			subject.table = subject.service->tables[g];
			subject.legal = partition_legal(snapshot->partition, snapshot->locator,
			    subject.service->intent, g);
			subject.clients = partition_name(snapshot->partition, snapshot->steering, g, name);
			subject.may_shed = subject.service->intent->shed
			    && plan_sheds(tabled->planned[s * tabled->groups + g]);
			check_table(&subject);
		}
		if (subject.service->by_country != NULL)
			check_countries(&subject, snapshot);
	}
}

static bool
plan_sheds(const struct plan_group *planned)
{
	for (size_t p = 0; planned != NULL && p < planned->pair_count; p++)
		if (planned->pairs[p].primary == NO_REGION && planned->pairs[p].share > 0)
			return true;
	return false;
}

static void
check_table(struct subject *subject)
{
	const struct slot_table *table = subject->table;
	uint64_t last = UINT64_MAX;		/* the list of the slot before, which was sound */

	memset(subject->sound, 0, sizeof(subject->sound));
	for (size_t i = 0; i < table_size(table); i++) {
		const struct slot *slot = &table->slots[i];
		const char *fault = "differs from the first, though all are said to be equal";

		if (list_number(slot) == last && slot->rank < ADMIT_ALL)
			continue;
		/* Uniform tables take the rank from the client's key. */
		if ((!table->uniform || list_number(slot) == list_number(&table->slots[0]))
		    && list_is_sound(subject, slot, &fault)) {
			last = list_number(slot);
			continue;
		}
		certificate_refuse(subject->certificate, CERTIFICATE_LAW,
		    "%s: clients of %s: the list of slot %zu of %zu %s", subject->service->intent->name,
		    subject->clients, i, table_size(table), fault);
	}
	check_heavy(subject);
}

/* Each heavy slot is some key's, and each key's place exists. */
static void
check_heavy(struct subject *subject)
{
	const struct slot_table *table = subject->table;
	size_t keys = 0, outside = 0;

	for (size_t i = 0; table->heavy_count > 0 && i <= table->heavy_mask; i++) {
		keys += table->heavy[i].key != 0;
		outside += table->heavy[i].key != 0 && table->heavy[i].index >= table->heavy_count;
	}
	if (outside > 0 || keys != table->heavy_count)
		certificate_refuse(subject->certificate, CERTIFICATE_LAW,
		    "%s: clients of %s: %u slots for heavy keys have %zu keys, %zu of them without a slot",
		    subject->service->intent->name, subject->clients, table->heavy_count, keys, outside);
}

/* Clients in no network group, by their country; [0] is never asked. */
static void
check_countries(struct subject *subject, const struct snapshot *snapshot)
{
	subject->table = subject->service->by_country;
	subject->may_shed = false;
	for (unsigned c = 1; c < country_count() && c < subject->table->count; c++) {
		const char *fault;

		subject->legal = locator_legal(snapshot->locator, subject->service->intent, 0, (uint8_t)c);
		memset(subject->sound, 0, sizeof(subject->sound));
		if (!list_is_sound(subject, &subject->table->slots[c], &fault))
			certificate_refuse(subject->certificate, CERTIFICATE_LAW, "%s: clients in %s: the list %s",
			    subject->service->intent->name, country_at((uint8_t)c)->code, fault);
	}
}

static bool
list_is_sound(struct subject *subject, const struct slot *slot, const char **fault)
{
	uint64_t number = (uint64_t)list_number(slot) + 1;
	uint64_t *place = &subject->sound[(number * 0x9e3779b97f4a7c15u) >> 54 & (SOUND_LISTS - 1)];

	if (slot->rank >= ADMIT_ALL) {
		*fault = "has a rank that no admission reaches";
		return false;
	}
	if (*place == number)
		return true;
	*fault = list_fault(slot, subject->legal, subject->may_shed);
	if (*fault == NULL) {
		*place = number;
		return true;
	}
	for (unsigned i = 0; i < SLOT_LIST; i++)
		if (slot->list[i] != NO_REGION && !region_set_has(&subject->legal, slot->list[i])) {
			subject->certificate->violations++;
			break;
		}
	return false;
}

static const char *
list_fault(const struct slot *slot, struct region_set legal, bool may_be_empty)
{
	struct region_set seen = { { 0 } };
	bool ended = false;

	if (slot->list[0] == NO_REGION && !region_set_is_empty(legal) && !may_be_empty)
		return "is empty though a region is legal";
	for (unsigned i = 0; i < SLOT_LIST; i++) {
		region_id r = slot->list[i];

		if (r == NO_REGION) {
			ended = true;
			continue;
		}
		if (ended)
			return "goes on after its end";
		if (!region_set_has(&legal, r))
			return "holds a region that residency forbids";
		if (region_set_has(&seen, r))
			return "holds a region twice";
		region_set_add(&seen, r);
	}
	return NULL;
}

static uint32_t
list_number(const struct slot *slot)
{
	uint32_t number;

	memcpy(&number, slot->list, sizeof(number));
	return number;
}
