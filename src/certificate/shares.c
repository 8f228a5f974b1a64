/* shares.c -- do the tables do what the plan says, and does the plan know the demand that there is.
 * In: tables, plan, measured demand.  Out: refusals.  Threads: any; pure.
 *
 * Shares are of demand: each slot counts with the weight that it was packed by, and these must be those of the measured
 * demand where that is known by slot, or a table could be made to fit any plan by lying about its weights.
 * A slot can't be cut: a primary's share is within one slot of the plan, and a pair's within two, since it's rounded
 * within its rounded primary. The largest slot is the measure, and a heavy key may be one.
 *
 * Demand: a plan made for less than half of what isobard itself counts protects from nothing. It's the total that is
 * compared, as a group may well fall to a half from one minute to the next. */
#include "certificate/parts.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHARES_SUM_SLACK 1e-6	/* of a plan's shares */
#define WEIGHTS_SUM_SLACK 1e-3	/* of 65,536 floats */
#define WEIGHTS_APART 0.02	/* total variation between a table's weights and the measured ones: rounding, no more */
#define DEMAND_LEAST 10		/* requests/s; below, a handful of clients is all of it */

#define PAIRS ((size_t)256 * 256)

struct subject {
	struct certificate *certificate;
	const struct snapshot *snapshot;
	const struct service *service;
	const struct slot_table *table;
	const struct plan_group *planned;
	char clients[128];
	double largest;		/* weight of a slot */
	double primaries[REGIONS_MAX + 1];
	double *pairs;		/* [PAIRS] weight by (primary, backup); all zero between tables */
};

static bool check_weights(struct subject *subject, const struct demand_rate *demand);
static double weights_apart(const struct subject *subject, const struct demand_rate *demand);
static void check_group(struct subject *subject);
static bool check_plan(struct subject *subject);
static void sum_pairs(struct subject *subject);
static void clear_pairs(struct subject *subject);
static bool check_primaries(struct subject *subject);
static bool check_pairs(struct subject *subject);
static void refuse(struct subject *subject, const char *format, ...) NONNULL PRINTF(2, 3);
static const char *region_name(const struct subject *subject, region_id region);

void
certificate_shares(struct certificate *certificate, const struct tabled *tabled, const struct certificate_terms *terms)
{
	const struct snapshot *snapshot = tabled->snapshot;
	struct subject subject = { .certificate = certificate, .snapshot = snapshot,
		.pairs = calloc(PAIRS, sizeof(double)) };

	if (subject.pairs == NULL) {
		certificate->why.failed = true;
		return;
	}
	for (size_t s = 0; s < snapshot->service_count; s++) {
		const struct demand_service *demand;

		subject.service = &snapshot->services[s];
		/* Without a plan the tables may be older than what was measured since. */
		demand = terms->plan == NULL ? NULL
			: demand_service_find(terms->demand, subject.service->intent->name);
		for (uint16_t g = 0; g < tabled->groups; g++) {
			const struct demand_group *group = &snapshot->partition->groups[g];

			subject.table = subject.service->tables[g];
			subject.planned = tabled->planned[s * tabled->groups + g];
			partition_name(snapshot->partition, snapshot->steering, g, subject.clients);
			if (check_weights(&subject, demand_find(demand, group->group, group->country))
			    && subject.planned != NULL && subject.planned->pair_count > 0)
				check_group(&subject);
		}
	}
	free(subject.pairs);
}

static bool
check_weights(struct subject *subject, const struct demand_rate *demand)
{
	const struct slot_table *table = subject->table;
	double sum = 0, apart;

	subject->largest = 0;
	if (table->weights == NULL) {
		subject->largest = table_weight(table, 0);
		return true;
	}
	for (size_t i = 0; i < table_size(table); i++) {
		double weight = (double)table->weights[i];

		if (!(weight >= 0 && weight <= 1)) {
			refuse(subject, "the weight of slot %zu is %g", i, weight);
			return false;
		}
		sum += weight;
		subject->largest = fmax(subject->largest, weight);
	}
	if (fabs(sum - 1) > WEIGHTS_SUM_SLACK) {
		refuse(subject, "the weights of the slots add up to %.4f", sum);
		return false;
	}
	apart = demand == NULL ? 0 : weights_apart(subject, demand);
	if (apart > WEIGHTS_APART) {
		refuse(subject, "%.1f %% of the demand lies in other slots than the table was packed for", 100 * apart);
		return false;
	}
	return true;
}

/* Half the sum of the differences; 0 where demand isn't known by slot. Heavy keys without a slot of their own count in
 * the common one that they fall into. */
static double
weights_apart(const struct subject *subject, const struct demand_rate *demand)
{
	const struct slot_table *table = subject->table;
	double *wanted = calloc(table_size(table), sizeof(*wanted)), sum = 0, apart = 0;

	for (uint32_t k = 0; wanted != NULL && k < demand->slot_count; k++) {
		uint32_t covers = table->count > demand->slot_count ? table->count / demand->slot_count : 1;

		for (uint32_t i = 0; i < covers; i++)
			wanted[((uint64_t)k * table->count + i * (uint64_t)demand->slot_count) / demand->slot_count] +=
			    (double)demand->slots[k] / covers;
		sum += (double)demand->slots[k];
	}
	for (size_t k = 0; wanted != NULL && demand->slot_count > 0 && k < demand->heavy_count; k++) {
		const struct demand_key *key = &demand->heavy[k];

		wanted[slots_place(table, &key->address, key->length, subject->service->seed)] += key->rate;
		sum += key->rate;
	}
	for (size_t i = 0; wanted != NULL && sum > 0 && i < table_size(table); i++)
		apart += fabs(wanted[i] / sum - (double)table->weights[i]) / 2;
	free(wanted);
	return apart;
}

static void
check_group(struct subject *subject)
{
	if (!check_plan(subject))
		return;
	sum_pairs(subject);
	if (check_primaries(subject))
		(void)check_pairs(subject);
	clear_pairs(subject);
}

/* The plan by itself: shares, and who may be shed. */
static bool
check_plan(struct subject *subject)
{
	double sum = 0, shed = 0;

	for (size_t p = 0; p < subject->planned->pair_count; p++) {
		sum += subject->planned->pairs[p].share;
		shed += subject->planned->pairs[p].primary == NO_REGION ? subject->planned->pairs[p].share : 0;
	}
	if (!(fabs(sum - 1) <= SHARES_SUM_SLACK)) {
		refuse(subject, "shares add up to %.6f", sum);
		return false;
	}
	if (shed > 0 && !subject->service->intent->shed) {
		refuse(subject, "the plan sheds %.4f of them, and the service doesn't allow it", shed);
		return false;
	}
	return true;
}

/* Neighbours mostly have the same pair: it's looked up once for all of them. */
static void
sum_pairs(struct subject *subject)
{
	const struct slot_table *table = subject->table;
	size_t count = table_size(table);

	memset(subject->primaries, 0, sizeof(subject->primaries));
	for (size_t i = 0, next; i < count; i = next) {
		const region_id *list = table->slots[i].list;
		double sum = 0;

		for (next = i; next < count && memcmp(table->slots[next].list, list, 2) == 0; next++)
			sum += table_weight(table, next);
		subject->pairs[list[0] << 8 | list[1]] += sum;
		subject->primaries[list[0]] += sum;
	}
}

static void
clear_pairs(struct subject *subject)
{
	const struct slot_table *table = subject->table;

	for (size_t i = 0; i < table_size(table); i++)
		subject->pairs[table->slots[i].list[0] << 8 | table->slots[i].list[1]] = 0;
	for (size_t p = 0; p < subject->planned->pair_count; p++)
		subject->pairs[subject->planned->pairs[p].primary << 8 | subject->planned->pairs[p].backup] = 0;
}

static bool
check_primaries(struct subject *subject)
{
	double wanted[REGIONS_MAX + 1] = { 0 };
	const double *has = subject->primaries;

	for (size_t p = 0; p < subject->planned->pair_count; p++)
		wanted[subject->planned->pairs[p].primary] += subject->planned->pairs[p].share;
	for (size_t r = 0; r <= REGIONS_MAX; r++) {
		if (fabs(has[r] - wanted[r]) <= subject->largest * (1 + 1e-3) + WEIGHTS_SUM_SLACK * 1e-2)
			continue;
		if (r == NO_REGION)
			refuse(subject, "%.4f of them are shed, planned %.4f", has[r], wanted[r]);
		else
			refuse(subject, "%s has %.4f of the slots, planned %.4f",
			    region_name(subject, (region_id)r), has[r], wanted[r]);
		return false;
	}
	return true;
}

static bool
check_pairs(struct subject *subject)
{
	const struct slot_table *table = subject->table;

	for (size_t p = 0; p < subject->planned->pair_count; p++) {
		const struct plan_pair *pair = &subject->planned->pairs[p];
		double *has = &subject->pairs[pair->primary << 8 | pair->backup];

		if (pair->primary != NO_REGION
		    && fabs(*has - pair->share) > subject->largest * (2 + 1e-3) + WEIGHTS_SUM_SLACK * 1e-2) {
			refuse(subject, "%s backed up by %s has %.4f of the slots, planned %.4f",
			    region_name(subject, pair->primary), region_name(subject, pair->backup), *has, pair->share);
			return false;
		}
		*has = -1;	/* planned */
	}
	for (size_t i = 0; i < table_size(table); i++) {
		const region_id *list = table->slots[i].list;

		if (list[0] == NO_REGION || subject->pairs[list[0] << 8 | list[1]] < 0)
			continue;
		refuse(subject, "%s backed up by %s has %.4f of the slots, and isn't planned",
		    region_name(subject, list[0]), region_name(subject, list[1]),
		    subject->pairs[list[0] << 8 | list[1]]);
		return false;
	}
	return true;
}

static void
refuse(struct subject *subject, const char *format, ...)
{
	char why[300];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	certificate_refuse(subject->certificate, CERTIFICATE_SHARES, "%s: clients of %s: %s",
	    subject->service->intent->name, subject->clients, why);
}

static const char *
region_name(const struct subject *subject, region_id region)
{
	return region == NO_REGION ? "nobody" : subject->snapshot->steering->regions[region].name;
}

/* Of the services that the plan speaks of, and only what both know. */
void
certificate_demand(struct certificate *certificate, const struct tabled *tabled, const struct certificate_terms *terms)
{
	const struct plan *plan = terms->plan;
	double claimed = 0, measured = 0;

	for (size_t s = 0; plan != NULL && s < plan->service_count; s++) {
		const struct plan_service *service = &plan->services[s];
		const struct demand_service *demand = demand_service_find(terms->demand, service->name);

		for (size_t g = 0; demand != NULL && g < service->group_count; g++)
			claimed += isfinite(service->groups[g].demand) ? service->groups[g].demand : 0;
		for (size_t g = 0; demand != NULL && claimed > 0 && g < demand->count; g++)
			measured += demand->groups[g].rate;
	}
	(void)tabled;
	if (claimed > 0 && measured >= DEMAND_LEAST && claimed < measured / 2)
		certificate_refuse(certificate, CERTIFICATE_DEMAND,
		    "the plan counts on %.0f requests/s where isobard sees %.0f: less than half", claimed, measured);
}
