/* cases.c -- now, every loss, and how much of each region may be drained.
 * In: classes of clients, capacities, what the plan admits to, the tables in service.  Out: loads, room, refusals.
 * Threads: any; pure.
 *
 * Room: with part x of region f drained, and nobody else, region r has L_r + x y, where y is what f's clients would
 * bring it; so x may grow until some r is full. Loads are linear in all drains together, since a client leaves only its
 * primary for a partial drain: whatever a vector x with sum(x / room) <= 1 does is a mixture of single drains that are
 * each bearable. A whole drain is another matter than one of nearly all, as it also takes the region out of the other
 * places of the lists: it's looked at by itself.
 *
 * A load beyond capacity isn't refused when the plan admits to it (it has tried all else), nor when the tables in
 * service do the same: then nothing gets worse by publishing. */
#include "certificate/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ROOM_OPEN 0.9999	/* the most of a region that may go when the whole of it may not */

static size_t list_cases(const struct snapshot *snapshot, const struct certificate_terms *terms,
	struct certificate_case *cases);
static bool fill_case(struct certificate *certificate, const struct load_model *model, const struct steering *steering,
	struct certificate_case *one);
static void find_room(struct certificate *certificate, const struct load_model *model, const struct steering *steering,
	const struct certificate_terms *terms, double *loads, double *drained);
static double room_of(const struct certificate *certificate, const double *loads, const double *less, double part,
	size_t region_count, size_t drained);
static bool refuse_overloads(struct certificate *certificate, const struct tabled *tabled,
	const struct certificate_terms *terms);
static double admitted(const struct plan *plan, const char *lost, region_id region);
static bool present_loads(const struct tabled *tabled, const struct certificate_terms *terms,
	const struct certificate_case *one, double *loads);
static void tell_overload(struct text *text, const struct certificate *certificate, const struct steering *steering,
	size_t at, size_t region);
static const char *number(double value, char text[static 16]);

bool
certificate_cases(struct certificate *certificate, const struct tabled *tabled, const struct certificate_terms *terms)
{
	const struct steering *steering = tabled->snapshot->steering;
	size_t count = steering->region_count, groups = 0;
	struct load_model *model = load_model_new(tabled, terms->lost);
	struct certificate_case *cases;
	double *capacities = arena_alloc(certificate->arena, (count + 1) * sizeof(*capacities));
	double *scratch = arena_alloc(certificate->arena, (count + 1) * 2 * sizeof(*scratch));
	bool done;

	for (size_t r = 0; r < count; r++)
		groups += steering->regions[r].risk_group_count;
	cases = arena_alloc(certificate->arena, (1 + count + groups) * sizeof(*cases));
	certificate->room = arena_alloc(certificate->arena, (count + 1) * sizeof(double));
	done = model != NULL && capacities != NULL && scratch != NULL && cases != NULL && certificate->room != NULL;
	if (done) {
		if (terms->capacities != NULL)
			memcpy(capacities, terms->capacities, count * sizeof(*capacities));
		certificate->capacities = capacities;
		certificate->cases = cases;
		certificate->case_count = list_cases(tabled->snapshot, terms, cases);
		certificate->shed = load_model_shed(model);
	}
	for (size_t i = 0; done && i < certificate->case_count; i++)
		done = fill_case(certificate, model, steering, &cases[i]);
	if (done) {
		find_room(certificate, model, steering, terms, scratch, scratch + count);
		done = terms->plan == NULL || refuse_overloads(certificate, tabled, terms);
	}
	load_model_free(model);
	return done;
}

/* Nobody, each region that some service has, each risk group with such a region. What is lost already is no case. */
static size_t
list_cases(const struct snapshot *snapshot, const struct certificate_terms *terms, struct certificate_case *cases)
{
	const struct steering *steering = snapshot->steering;
	struct region_set used = { { 0 } };
	size_t count = 1, risk_groups;

	cases[0].lost = "";
	for (size_t s = 0; s < snapshot->service_count; s++)
		for (size_t i = 0; i < snapshot->services[s].order_count; i++)
			region_set_add(&used, snapshot->services[s].order[i]);
	used = region_set_minus(used, terms->lost);
	for (size_t r = 0; r < steering->region_count; r++)
		if (region_set_has(&used, (region_id)r)) {
			cases[count].lost = steering->regions[r].name;
			region_set_add(&cases[count++].regions, (region_id)r);
		}
	risk_groups = count;
	for (size_t r = 0; r < steering->region_count; r++)
		for (size_t k = 0; k < steering->regions[r].risk_group_count; k++) {
			const char *name = steering->regions[r].risk_groups[k];
			size_t at = risk_groups;

			if (!region_set_has(&used, (region_id)r))
				break;
			while (at < count && strcmp(cases[at].lost, name) != 0)
				at++;
			cases[at].lost = name;
			region_set_add(&cases[at].regions, (region_id)r);
			count += at == count;
		}
	return count;
}

static bool
fill_case(struct certificate *certificate, const struct load_model *model, const struct steering *steering,
	struct certificate_case *one)
{
	double *worst = one == &certificate->cases[0] ? &certificate->worst_now : &certificate->worst_lost;

	one->loads = arena_alloc(certificate->arena, (steering->region_count + 1) * sizeof(double));
	if (one->loads == NULL)
		return false;
	one->unserved = load_model_lose(model, one->regions, one->loads);
	for (size_t r = 0; r < steering->region_count; r++)
		if (certificate->capacities[r] > 0 && one->loads[r] / certificate->capacities[r] > *worst)
			*worst = one->loads[r] / certificate->capacities[r];
	return true;
}

static void
find_room(struct certificate *certificate, const struct load_model *model, const struct steering *steering,
	const struct certificate_terms *terms, double *loads, double *drained)
{
	const struct region_set none = { { 0 } };
	const double *now = certificate->cases[0].loads;

	for (size_t f = 0; f < steering->region_count; f++) {
		double part;

		certificate->room[f] = 1;
		if (now[f] <= 0 || region_set_has(&terms->lost, (region_id)f))
			continue;
		memset(drained, 0, steering->region_count * sizeof(*drained));
		drained[f] = 1;
		load_model_drain(model, none, drained, loads);
		part = room_of(certificate, now, loads, 1, steering->region_count, f);
		if (part >= 1)
			continue;
		drained[f] = 0.5;	/* linear up to here: any part would do */
		load_model_drain(model, none, drained, loads);
		part = room_of(certificate, now, loads, 0.5, steering->region_count, f);
		certificate->room[f] = part < ROOM_OPEN ? part : ROOM_OPEN;
	}
}

/* How far the drain of `drained` may go, given what it does to the loads of now when `part` of it is drained. */
static double
/* cppcheck-suppress funcArgOrderDifferent ; names differ, the order does not */
room_of(const struct certificate *certificate, const double *now, const double *loads, double part,
	size_t region_count, size_t drained)
{
	double room = 1;

	for (size_t r = 0; r < region_count; r++) {
		double slope = (loads[r] - now[r]) / part;
		double left = certificate->capacities[r] * (1 + CERTIFICATE_SLACK) - now[r];

		if (r == drained || certificate->capacities[r] <= 0 || slope <= 1e-9 * certificate->capacities[r]
		    || slope <= left)
			continue;
		if (left / slope < room)
			room = left > 0 ? left / slope : 0;
	}
	return room;
}

/* The worst of what may not pass is told. False: out of memory. */
static bool
refuse_overloads(struct certificate *certificate, const struct tabled *tabled, const struct certificate_terms *terms)
{
	const struct steering *steering = tabled->snapshot->steering;
	double *present = arena_alloc(certificate->arena, (steering->region_count + 1) * sizeof(*present)), worst = 1;
	struct text text = { 0 };
	size_t worst_case = 0, worst_region = steering->region_count;

	if (present == NULL)
		return false;
	for (size_t i = 0; i < certificate->case_count; i++) {
		const struct certificate_case *one = &certificate->cases[i];
		bool compared = false;

		for (size_t r = 0; r < steering->region_count; r++) {
			double capacity = certificate->capacities[r];
			double limit = fmax(admitted(terms->plan, "", (region_id)r),
				admitted(terms->plan, one->lost, (region_id)r)) + CERTIFICATE_SLACK;

			if (capacity <= 0 || one->loads[r] <= limit * capacity || one->loads[r] / capacity <= worst)
				continue;
			if (!compared && !present_loads(tabled, terms, one, present))
				return false;
			compared = true;
			if (one->loads[r] <= present[r] + CERTIFICATE_SLACK * capacity)
				continue;
			worst = one->loads[r] / capacity;
			worst_case = i;
			worst_region = r;
		}
	}
	if (worst_region < steering->region_count) {
		tell_overload(&text, certificate, steering, worst_case, worst_region);
		certificate_refuse(certificate, CERTIFICATE_LOADS, "%s", text.failed ? "out of memory" : text.bytes);
		text_fini(&text);
	}
	return true;
}

/* load / capacity that the plan says it can't avoid; 1 where it says nothing. */
static double
admitted(const struct plan *plan, const char *lost, region_id region)
{
	double most = strcmp(lost, "") == 0 ? plan->normal_limit : plan->loss_limit;

	for (size_t i = 0; i < plan->overload_count; i++)
		if (plan->overloads[i].region == region && strcmp(plan->overloads[i].lost, lost) == 0)
			most = fmax(most, plan->overloads[i].fill);
	return fmax(most, 1);
}

/* What the tables in service do in the same case; nothing where they have no such region. */
static bool
present_loads(const struct tabled *tabled, const struct certificate_terms *terms, const struct certificate_case *one,
	double *loads)
{
	const struct steering *here = tabled->snapshot->steering, *there;
	struct region_set lost = { { 0 } }, already = { { 0 } };
	double by_region[REGIONS_MAX];
	struct load_model *model = NULL;
	struct tabled present;
	struct arena *arena;

	memset(loads, 0, here->region_count * sizeof(*loads));
	if (terms->present == NULL)
		return true;
	there = terms->present->steering;
	for (size_t r = 0; r < there->region_count; r++) {
		region_id now = steering_region_find(here, there->regions[r].name);

		if (now != NO_REGION && region_set_has(&one->regions, now))
			region_set_add(&lost, (region_id)r);
		if (now != NO_REGION && region_set_has(&terms->lost, now))
			region_set_add(&already, (region_id)r);
	}
	arena = arena_new();
	if (arena != NULL && tabled_make(&present, terms->present, here, terms, arena))
		model = load_model_new(&present, already);
	if (model != NULL)
		load_model_lose(model, lost, by_region);
	for (size_t r = 0; model != NULL && r < there->region_count; r++) {
		region_id now = steering_region_find(here, there->regions[r].name);

		if (now != NO_REGION)
			loads[now] = by_region[r];
	}
	load_model_free(model);
	arena_free(arena);
	return model != NULL;
}

void
certificate_binding(const struct certificate *certificate, const struct steering *steering, struct text *text)
{
	size_t worst_case = 0, worst_region = steering->region_count;
	double worst = 0;

	for (size_t i = 0; i < certificate->case_count; i++)
		for (size_t r = 0; r < steering->region_count; r++) {
			double capacity = certificate->capacities[r];

			if (capacity <= 0 || certificate->cases[i].loads[r] / capacity <= worst)
				continue;
			worst = certificate->cases[i].loads[r] / capacity;
			worst_case = i;
			worst_region = r;
		}
	if (worst_region < steering->region_count)
		tell_overload(text, certificate, steering, worst_case, worst_region);
}

static void
tell_overload(struct text *text, const struct certificate *certificate, const struct steering *steering, size_t at,
	size_t region)
{
	const struct certificate_case *one = &certificate->cases[at];
	double load = one->loads[region], capacity = certificate->capacities[region];
	char loaded[16], borne[16];

	if (at > 0)
		text_printf(text, "if %s%s is lost, ", steering_region_find(steering, one->lost) == NO_REGION
		    || region_set_count(one->regions) > 1 ? "risk group " : "", one->lost);
	text_printf(text, "%s gets %s requests/s%s and can bear %s (%.2f)", steering->regions[region].name,
	    number(load, loaded), at == 0 ? " now" : "", number(capacity, borne), load / capacity);
}

static const char *
number(double value, char text[static 16])
{
	if (value >= 999500)
		snprintf(text, 16, "%.4gM", value / 1e6);
	else if (value >= 9995)
		snprintf(text, 16, "%.3gk", value / 1e3);
	else
		snprintf(text, 16, "%.4g", value);
	return text;
}
