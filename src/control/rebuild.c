/* rebuild.c -- what regions accept has changed: the same world and plan, compiled again.
 * In: the constraints of the round.  Out: a published snapshot. Nothing is stored, and nobody waits for an outcome.
 * Threads: control. */
#include <stdlib.h>

#include "base/log.h"
#include "control/publication.h"

static void rebuild_begin(struct publication *p);

static bool rebuild_overtakes(const struct publication *p);

static const struct publication_kind rebuild_kind = { .begin = rebuild_begin, .overtakes = rebuild_overtakes };

void
publication_rebuild(struct control *control)
{
	struct publication *p;

	for (p = control->queue; p != NULL; p = p->next)
		if (p->kind == &rebuild_kind)
			return;
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		log_error("out of memory: what the regions accept isn't in force yet");
		return;
	}
	p->kind = &rebuild_kind;
	publication_submit(control, p);
}

/* Law doesn't wait for signatures. */
static bool
rebuild_overtakes(const struct publication *p)
{
	(void)p;
	return true;
}

static void
rebuild_begin(struct publication *p)
{
	struct control *control = p->control;

	control->rebuilt = mono_now();
	if (control->publisher.constraints == round_constraints(control->round)) {
		publication_finish(p, OUTCOME_DONE, "");	/* what was published meanwhile has them */
		return;
	}
	if (publication_build(p, control->world, control->plan) && publish_commit(&control->publisher, &p->candidate,
	    control->round, mono_now(), wall_now()) == 0) {
		if (p->plan_dropped)
			plan_replace(control, NULL);
		control->status.published = wall_now();
		recorder_epoch(control->recorder);
		publication_finish(p, OUTCOME_DONE, "");
		return;
	}
	log_error("what the regions accept now can't be put in force, it's tried again: %s",
	    p->message.bytes == NULL ? "out of memory" : p->message.bytes);
	publication_finish(p, OUTCOME_UNAVAILABLE, "");
}
