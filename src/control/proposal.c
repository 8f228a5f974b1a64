/* proposal.c -- a plan that the PAE proposes: the certificate decides, the last one stays if it refuses.
 * In: a plan.  Out: its row in the store, a published snapshot, an outcome.
 * Threads: control; plan_store() is the writer's. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "control/publication.h"
#include "plan/cut.h"

static bool plan_overtakes(const struct publication *p);
static void plan_begin(struct publication *p);
static bool plan_build(struct publication *p);
static int plan_store(struct store_txn *txn, void *arg);
static void plan_stored(struct publication *p);
static void plan_publish(struct publication *p);

static const struct publication_kind plan_kind = { .begin = plan_begin, .overtakes = plan_overtakes,
	.stored = plan_stored };

void
control_plan(struct control *control, struct plan *plan, outcome_fn *done, void *arg)
{
	struct publication *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		done(arg, &(struct outcome){ .status = OUTCOME_UNAVAILABLE, .message = "out of memory",
		    .diags = &(struct diags){ 0 } });
		plan_free(plan);
		return;
	}
	p->kind = &plan_kind;
	p->plan = plan;
	p->planned_for = control->world->steering;
	steering_hold(control->world->steering);
	p->done = done;
	p->arg = arg;
	publication_submit(control, p);
}

static bool
plan_overtakes(const struct publication *p)
{
	(void)p;
	return true;
}

static void
plan_begin(struct publication *p)
{
	struct control *control = p->control;

	if (p->planned_for != control->world->steering) {	/* changed while the plan waited for its turn */
		struct plan *read = plan_reread(p->plan, p->planned_for, control->world->steering);

		if (read == NULL) {
			publication_finish(p, OUTCOME_CONFLICT,
			    "the steering has changed since the plan was made: make it anew");
			return;
		}
		plan_free(p->plan);
		p->plan = read;
		p->law_changed = true;
	}
	if (!plan_build(p)) {
		const char *why = p->message.bytes == NULL ? "out of memory" : p->message.bytes;

		control->status.refused++;
		snprintf(control->status.plan_refused, sizeof(control->status.plan_refused), "%s", why);
		log_warning("a plan was refused, the last one stays: %s", why);
		diag_error(&p->diags, (struct diag_place){ .file = "plan" }, NULL, "%s", why);
		publication_finish(p, OUTCOME_INVALID, "the certificate refused the plan; the last one stays");
		return;
	}
	p->body = plan_write(p->plan, control->world->steering);
	if (p->body == NULL)
		publication_finish(p, OUTCOME_UNAVAILABLE, "out of memory");
	else if (control->store == NULL || !publication_store(p, plan_store))
		publication_finish(p, OUTCOME_UNAVAILABLE, "the store can't take the plan now");
}

/* A plan that breaks the law as it was when the plan was made is refused: whoever made it is wrong about more than
 * that. Where the law has changed since (the operator's steering, or what a region accepts), the plan is cut to it. */
static bool
plan_build(struct publication *p)
{
	struct control *control = p->control;
	bool law_changed = p->law_changed
	    || (p->plan->based_on != 0 && p->plan->based_on < control->steering_revision);

	if (!law_changed && !plan_is_lawful(p->plan, control->world->steering, &p->message))
		return false;
	if (!demands_build(control, control->world, p->plan, true, &p->candidate, &p->message))
		return false;
	if (!p->candidate.certificate->good)
		text_puts(&p->message, p->candidate.certificate->why.bytes);
	return p->candidate.certificate->good;
}

static int
plan_store(struct store_txn *txn, void *arg)
{
	const struct publication *p = arg;

	return store_plan_put(txn, p->plan->made, p->candidate.snapshot->epoch, "published", p->body);
}

static void
plan_stored(struct publication *p)
{
	if (p->status != 0)
		publication_finish(p, OUTCOME_UNAVAILABLE, publication_trouble(p->status));
	else
		plan_publish(p);
}

static void
plan_publish(struct publication *p)
{
	struct control *control = p->control;

	if (publish_commit(&control->publisher, &p->candidate, control->round, mono_now(), wall_now()) != 0) {
		publication_finish(p, OUTCOME_UNAVAILABLE, "no memory to publish the plan; the last one stays");
		return;
	}
	plan_replace(control, p->plan);
	p->plan = NULL;
	recorder_epoch(control->recorder);
	control->status.certified++;
	control->status.published = wall_now();
	control->status.plan_refused[0] = '\0';
	publication_finish(p, OUTCOME_DONE, "");
}
