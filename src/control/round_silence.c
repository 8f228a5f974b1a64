/* round_silence.c -- what counts of a region that nobody speaks for: probes from outside.
 * In: time, results of probes.  Out: silent regions; dead or alive services.  Threads: control.
 *
 * Reports stay away for ROUND_SILENT_AFTER health check intervals: the region is silent, which alone proves nothing
 * about its backends. Now the outside-in probes count: ROUND_PROBE_FALL failures in a row and a service is dead there,
 * ROUND_RISE good ones and it's alive. The same for a region that never had an agent, and for a service that no report
 * speaks of. Without a probe it stays as it was last known. */
#include "control/round_state.h"

#include <stdio.h>

void
round_hear_silence(struct round *round, struct round_region *region, struct mono now, struct wall wall)
{
	int64_t patience = round_patience_ms(round);
	char cause[80];

	if (region->state == REGION_UNKNOWN || region->state == REGION_SILENT
	    || mono_ms_between(region->heard, now) <= patience)
		return;
	region->state = REGION_SILENT;
	for (size_t s = 0; s < round->steering->service_count; s++)
		region->services[s].failed_probes = region->services[s].good_in_a_row = 0;
	snprintf(cause, sizeof(cause), "no report for %.1f s", (double)patience / 1000);
	round_tell(round, wall, region->name, "", "silent", cause);
}

void
round_probe(struct round *round, region_id id, size_t service, bool healthy, const char *detail, struct wall wall)
{
	struct round_region *region;
	struct round_service *s;
	char cause[sizeof(s->cause)];

	/* The steering may have changed, or the region may have spoken, while the probe was under way. */
	if (id >= round->region_count || service >= round->steering->service_count
	    || !round_wants_probe(round, id, service))
		return;
	region = &round->regions[id];
	s = &region->services[service];
	if (healthy) {
		s->failed_probes = 0;
		s->good_in_a_row += s->dead;
		if (round_may_return(round, region, service))
			round_set_dead(round, region, service, false, "the outside-in probe succeeds again", wall);
		return;
	}
	s->good_in_a_row = 0;
	if (s->dead || ++s->failed_probes >= ROUND_PROBE_FALL) {
		snprintf(cause, sizeof(cause), "%s, and the outside-in probe fails: %s",
		    region->state == REGION_SILENT ? "no reports"
		    : region->state == REGION_UNKNOWN ? "no agent was heard" : "no report speaks of it", detail);
		round_set_dead(round, region, service, true, cause, wall);
	}
}

bool
round_wants_probe(const struct round *round, region_id id, size_t service)
{
	const struct round_region *region = &round->regions[id];

	if (round->steering->services[service].probe == PROBE_NONE)
		return false;
	return region->state == REGION_SILENT || region->state == REGION_UNKNOWN || !region->services[service].reported;
}
