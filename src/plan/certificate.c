/* certificate.c -- reads a snapshot's tables back and holds them against law and plan.
 * In: a snapshot that isn't published yet.  Out: yes, or the first check that failed.  Threads: any; pure.
 * Written from the definitions alone and apart from pack.c and compile.c: a fault there must not hide itself here. */
#include "plan/certificate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "steer/country.h"

static bool check_service(const struct snapshot *snapshot, const struct service *service, const struct plan *plan,
	struct text *why);
static bool check_table(const struct service *service, const struct slot_table *table, struct region_set legal,
	const char *clients, struct text *why);
static bool same_slot(const struct slot *a, const struct slot *b);
static bool check_list(const struct slot *slot, struct region_set legal, const char **fault);
static bool check_shares(const struct snapshot *snapshot, const struct service *service,
	const struct slot_table *table, const struct plan_group *planned, struct text *why);
static bool check_pairs(const struct snapshot *snapshot, const struct service *service,
	const struct slot_table *table, const struct plan_group *planned, struct text *why);

struct certificate *
certificate_check(const struct snapshot *snapshot, const struct certificate_terms *terms)
{
	struct certificate *certificate = calloc(1, sizeof(*certificate));

	if (certificate == NULL)
		return NULL;
	certificate->good = true;
	for (size_t s = 0; certificate->good && s < snapshot->service_count; s++)
		certificate->good = check_service(snapshot, &snapshot->services[s], terms->plan, &certificate->why);
	return certificate;
}

void
certificate_free(struct certificate *certificate)
{
	if (certificate == NULL)
		return;
	arena_free(certificate->arena);
	text_fini(&certificate->why);
	free(certificate);
}

static bool
check_service(const struct snapshot *snapshot, const struct service *service, const struct plan *plan,
	struct text *why)
{
	const struct steering *steering = snapshot->steering;
	struct region_set own = { { 0 } };

	for (size_t i = 0; i < service->intent->region_count; i++)
		region_set_add(&own, service->intent->regions[i].region);
	for (uint16_t g = 0; g < steering->group_count; g++) {
		struct region_set legal = region_set_and(own, steering_legal(service->intent, &g, 1));

		if (!check_table(service, service->tables[g], legal, steering->groups[g].name, why))
			return false;
		for (size_t p = 0; plan != NULL && p < plan->service_count; p++) {
			const struct plan_service *ps = &plan->services[p];

			if (strcmp(ps->name, service->intent->name) != 0
			    || service->intent->policy != POLICY_PREDICTIVE)
				continue;
			for (size_t k = 0; k < ps->group_count; k++)
				if (ps->groups[k].group == g && ps->groups[k].pair_count > 0
				    && !check_shares(snapshot, service, service->tables[g], &ps->groups[k], why))
					return false;
		}
	}
	for (unsigned c = 1; service->by_country != NULL && c < country_count(); c++) {
		const char *fault;
		struct region_set legal = region_set_and(own, service->legal_by_country[c]);

		if (!check_list(&service->by_country->slots[c], legal, &fault)) {
			text_printf(why, "%s: clients in %s: the list %s", service->intent->name,
			    country_at((uint8_t)c)->code, fault);
			return false;
		}
	}
	return true;
}

static bool
check_table(const struct service *service, const struct slot_table *table, struct region_set legal, const char *clients,
	struct text *why)
{
	for (uint32_t i = 0; i < table->count; i++) {
		const char *fault = "differs from the first, though all are said to be equal";

		if ((!table->uniform || same_slot(&table->slots[i], &table->slots[0]))
		    && check_list(&table->slots[i], legal, &fault))
			continue;
		text_printf(why, "%s: clients of %s: the list of slot %u of %u %s", service->intent->name, clients, i,
		    table->count, fault);
		return false;
	}
	return true;
}

static bool
same_slot(const struct slot *a, const struct slot *b)
{
	return memcmp(a->list, b->list, sizeof(a->list)) == 0 && a->rank == b->rank;
}

static bool
check_list(const struct slot *slot, struct region_set legal, const char **fault)
{
	struct region_set seen = { { 0 } };
	bool ended = false;

	if (slot->list[0] == NO_REGION && !region_set_is_empty(legal)) {
		*fault = "is empty though a region is legal";
		return false;
	}
	if (slot->rank >= ADMIT_ALL) {
		*fault = "has a rank that no admission reaches";
		return false;
	}
	for (unsigned i = 0; i < SLOT_LIST; i++) {
		region_id r = slot->list[i];

		if (r == NO_REGION) {
			ended = true;
			continue;
		}
		*fault = ended ? "goes on after its end"
			: !region_set_has(&legal, r) ? "holds a region that residency forbids"
			: region_set_has(&seen, r) ? "holds a region twice" : NULL;
		if (*fault != NULL)
			return false;
		region_set_add(&seen, r);
	}
	return true;
}

/* Counting slots again: each primary must be within one slot of what the plan says. */
static bool
check_shares(const struct snapshot *snapshot, const struct service *service, const struct slot_table *table,
	const struct plan_group *planned, struct text *why)
{
	uint32_t slots[REGIONS_MAX] = { 0 };
	double wanted[REGIONS_MAX] = { 0 }, sum = 0;

	for (uint32_t i = 0; i < table->count; i++)
		if (table->slots[i].list[0] != NO_REGION)
			slots[table->slots[i].list[0]]++;
	for (size_t p = 0; p < planned->pair_count; p++) {
		wanted[planned->pairs[p].primary] += planned->pairs[p].share;
		sum += planned->pairs[p].share;
	}
	if (fabs(sum - 1) > 1e-6) {
		text_printf(why, "%s: clients of %s: shares add up to %.6f", service->intent->name,
		    snapshot->steering->groups[planned->group].name, sum);
		return false;
	}
	for (size_t r = 0; r < snapshot->steering->region_count; r++) {
		double share = (double)slots[r] / table->count;

		if (fabs(share - wanted[r]) * table->count <= 1 + 1e-3)
			continue;
		text_printf(why, "%s: clients of %s: %s has %.4f of the slots, planned %.4f", service->intent->name,
		    snapshot->steering->groups[planned->group].name, snapshot->steering->regions[r].name, share,
		    wanted[r]);
		return false;
	}
	return check_pairs(snapshot, service, table, planned, why);
}

/* Whole slots for the primary, then whole slots for the pair: two roundings of less than one slot each. */
static bool
check_pairs(const struct snapshot *snapshot, const struct service *service, const struct slot_table *table,
	const struct plan_group *planned, struct text *why)
{
	const struct steering *steering = snapshot->steering;
	uint32_t *slots = calloc((size_t)256 * 256, sizeof(*slots));
	bool good = slots != NULL;

	if (slots == NULL)
		text_puts(why, "out of memory");
	for (uint32_t i = 0; good && i < table->count; i++)
		slots[table->slots[i].list[0] << 8 | table->slots[i].list[1]]++;
	for (size_t p = 0; good && p < planned->pair_count; p++) {
		const struct plan_pair *pair = &planned->pairs[p];
		uint32_t *has = &slots[pair->primary << 8 | pair->backup];

		good = fabs(*has - pair->share * table->count) <= 2 + 1e-3;
		if (!good)
			text_printf(why, "%s: clients of %s: %s backed up by %s has %u of %u slots, planned %.4f",
			    service->intent->name, steering->groups[planned->group].name,
			    steering->regions[pair->primary].name,
			    pair->backup == NO_REGION ? "nobody" : steering->regions[pair->backup].name, *has,
			    table->count, pair->share);
		*has = 0;
	}
	for (size_t k = 0; good && k < (size_t)256 * 256; k++)
		if (slots[k] > 0) {
			text_printf(why, "%s: clients of %s: %u slots have a pair that isn't planned",
			    service->intent->name, steering->groups[planned->group].name, slots[k]);
			good = false;
		}
	free(slots);
	return good;
}
