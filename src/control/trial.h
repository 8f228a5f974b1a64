/* trial.h -- what a plan would change if it were published now. Nothing is. Threads: control. */
#ifndef ISOBAR_CONTROL_TRIAL_H
#define ISOBAR_CONTROL_TRIAL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/text.h"
#include "control/control.h"
#include "plan/moves.h"
#include "plan/plan.h"

struct trial {
	bool refused;			/* by the certificate, */
	const char *why;		/* which says so */
	size_t move_count;
	struct outcome_move *moves;	/* by service */
	size_t region_count;
	double *before, *after;		/* requests/s by region of the steering in service; all 0: no demand is known */
	double *capacities;		/* 0: not known */
};

/* Everything in `arena`. False with the reason in `why`: it can't be compiled, or memory is out. */
bool control_trial(const struct control *control, const struct plan *plan, struct arena *arena, struct trial *trial,
	struct text *why) NONNULL MUST_USE;

#endif
