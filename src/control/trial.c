/* trial.c -- see trial.h.
 * In: a plan.  Out: who would move, and loads before and after.  Threads: control.
 * The plan is built and certified as for its publication, by the demand of now, and then dropped. Both loads are
 * reckoned by that same demand, so that what differs is the tables' doing. */
#include "control/trial.h"

#include <math.h>
#include <string.h>

#include "control/state.h"

static bool compare(const struct control *control, const struct candidate *candidate, const struct plan *plan,
	struct arena *arena, struct trial *trial);

bool
control_trial(const struct control *control, const struct plan *plan, struct arena *arena, struct trial *trial,
	struct text *why)
{
	struct candidate candidate;
	bool good;

	*trial = (struct trial){ .region_count = control->publisher.current->steering->region_count };
	if (!demands_build(control, control->world, plan, true, &candidate, why))
		return false;
	trial->refused = !candidate.certificate->good;
	if (trial->refused)
		trial->why = arena_text(arena, candidate.certificate->why.bytes);
	good = compare(control, &candidate, plan, arena, trial);
	candidate_fini(&candidate);
	if (!good)
		text_puts(why, "out of memory");
	return good;
}

static bool
compare(const struct control *control, const struct candidate *candidate, const struct plan *plan,
	struct arena *arena, struct trial *trial)
{
	const struct snapshot *now = control->publisher.current, *next = candidate->snapshot;
	const struct demand *demand = candidate->demand != NULL ? candidate->demand : control->publisher.demand;
	struct certificate_terms terms = { .plan = plan, .demand = demand };
	const struct region_set nobody = { { 0 } };

	trial->moves = arena_alloc(arena, (next->service_count + 1) * sizeof(*trial->moves));
	trial->before = arena_alloc(arena, (REGIONS_MAX + 1) * sizeof(double));
	trial->after = arena_alloc(arena, (REGIONS_MAX + 1) * sizeof(double));
	trial->capacities = arena_alloc(arena, (REGIONS_MAX + 1) * sizeof(double));
	if (trial->moves == NULL || trial->before == NULL || trial->after == NULL || trial->capacities == NULL)
		return false;
	memset(trial->capacities, 0, REGIONS_MAX * sizeof(double));
	certify_capacities(control->round, next->steering, trial->capacities);
	terms.capacities = trial->capacities;
	terms.lost = certify_lost(control->round, next->steering);
	for (size_t s = 0; s < next->service_count; s++) {
		struct moves moves;

		if (!moves_between(now, next, &next->services[s], demand, arena, &moves))
			return false;
		if (moves.count > 0)
			trial->moves[trial->move_count++] = (struct outcome_move){
				arena_text(arena, next->services[s].intent->name), moves.share, moves.count,
				    moves.list };
	}
	return !isnan(certificate_loads(now, &terms, nobody, NULL, 1, trial->before))
	    && !isnan(certificate_loads(next, &terms, nobody, NULL, 1, trial->after));
}
