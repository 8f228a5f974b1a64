/* certify.c -- see certify.h.
 * In: round, plan, measured demand.  Out: terms, and the certificate of the tables in service.  Threads: control.
 *
 * What is in service was certified when it was published, for the demand and the capacities of then. Drains are granted
 * by the room that it left, so the same tables are reckoned again each minute, and at once when a region dies or its
 * capacity is another. Nothing is taken out of service by that: it's what there is; the next plan will see the same.
 * A fresh plan's demand is a forecast and goes before the measured one; when plans stay away, what is measured counts.
 */
#include "control/certify.h"

#include <math.h>
#include <string.h>

#include "base/log.h"
#include "plan/cut.h"

#define CAPACITY_APART 0.02	/* relative; less is jitter of what agents report */

void
certify_capacities(const struct round *round, const struct steering *steering, double *capacities)
{
	const struct steering *known = round_steering(round);

	for (size_t r = 0; r < steering->region_count; r++) {
		region_id there = known == NULL ? NO_REGION : steering_region_find(known, steering->regions[r].name);

		capacities[r] = steering->regions[r].capacity;
		/* What the round has from the steering before isn't a report. */
		if (there != NO_REGION && round_region(round, there)->capacity > 0
		    && round_region(round, there)->capacity != known->regions[there].capacity)
			capacities[r] = round_region(round, there)->capacity;
	}
}

struct region_set
certify_lost(const struct round *round, const struct steering *steering)
{
	struct region_set lost = { { 0 } }, serving = { { 0 } }, used = { { 0 } };

	for (size_t s = 0; s < steering->service_count; s++)
		for (size_t i = 0; i < steering->services[s].region_count; i++) {
			region_id r = steering->services[s].regions[i].region;

			region_set_add(&used, r);
			if (!round_region(round, r)->services[s].dead)
				region_set_add(&serving, r);
		}
	for (size_t r = 0; r < steering->region_count; r++)
		if (region_set_has(&used, (region_id)r) && !region_set_has(&serving, (region_id)r))
			region_set_add(&lost, (region_id)r);
	return lost;
}

void
certify_terms(const struct publisher *publisher, const struct round *round, const struct plan *plan,
	const struct demand *measured, struct wall now, double *capacities, struct plan **cut,
	struct certificate_terms *terms)
{
	const struct steering *steering = publisher->current->steering;
	bool fresh = plan != NULL && now.ms - plan->made.ms < CERTIFY_PLAN_MS;

	memset(capacities, 0, REGIONS_MAX * sizeof(*capacities));
	certify_capacities(round, steering, capacities);
	*cut = plan != NULL && (fresh || measured == NULL) ? plan_cut(plan, steering) : NULL;
	*terms = (struct certificate_terms){ .plan = *cut, .capacities = capacities,
		.demand = *cut != NULL || measured == NULL ? publisher->demand : measured,
		.lost = certify_lost(round, steering) };
}

void
certify_keep(struct publisher *publisher, const struct round *round, const struct plan *plan,
	const struct demand *measured, struct mono now, struct wall wall)
{
	double capacities[REGIONS_MAX];
	struct certificate_terms terms;
	struct certificate *certificate;
	struct plan *cut;

	publisher->certified = now;
	certify_terms(publisher, round, plan, measured, wall, capacities, &cut, &terms);
	certificate = certificate_check(publisher->current, &terms);
	plan_free(cut);
	if (certificate == NULL) {
		log_debug("out of memory: the certificate of the last minute stands");
		return;
	}
	if (!certificate->good && publisher->certificate != NULL && publisher->certificate->good)
		log_warning("what is in service isn't as safe as it was: %s", certificate->why.bytes);
	certificate_free(publisher->certificate);
	publisher->certificate = certificate;
	publisher->lost = terms.lost;
}

bool
certify_is_due(const struct publisher *publisher, const struct round *round, struct mono now)
{
	const struct steering *steering;
	struct region_set lost;
	double capacities[REGIONS_MAX];

	if (publisher->current == NULL || round_steering(round) != publisher->current->steering)
		return false;
	steering = publisher->current->steering;
	lost = certify_lost(round, steering);
	if (publisher->certificate == NULL || mono_ms_between(publisher->certified, now) >= CERTIFY_EVERY_MS
	    || memcmp(&lost, &publisher->lost, sizeof(lost)) != 0)
		return true;
	certify_capacities(round, steering, capacities);
	for (size_t r = 0; r < steering->region_count; r++)
		if (fabs(capacities[r] - publisher->certificate->capacities[r]) > CAPACITY_APART * capacities[r])
			return true;
	return false;
}
