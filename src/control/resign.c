/* resign.c -- signatures and keys whose time has come.
 * In: the world in service.  Out: its zones signed anew, published; a journal row when keys changed.
 * Threads: control; resign_store() is the writer's. */
#include <stdlib.h>

#include "base/log.h"
#include "control/publication.h"

static void resign_begin(struct publication *p);
static void resign_go_on(struct publication *p, bool good);
static int resign_store(struct store_txn *txn, void *arg);
static void resign_stored(struct publication *p);
static void resign_publish(struct publication *p);
static void resign_failed(struct publication *p);

static const struct publication_kind resign_kind = {
	.begin = resign_begin, .go_on = resign_go_on, .stored = resign_stored,
};

void
publication_resign(struct control *control)
{
	struct publication *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		log_error("out of memory: signatures can't be made anew now");
		signing_failed(control->signer, wall_now());
		return;
	}
	p->kind = &resign_kind;
	publication_submit(control, p);
}

/* The same intention as a world of its own, which gets the new signed zones. */
static void
resign_begin(struct publication *p)
{
	static const struct world_edit same = { .steering_file = "steering.yaml" };

	p->world = world_edit(p->control->world, &same, &p->diags);
	if (p->world == NULL)
		resign_failed(p);
	else
		publication_sign(p);
}

static void
resign_go_on(struct publication *p, bool good)
{
	struct control *control = p->control;

	if (!good || !publication_build(p, p->world, control->plan))
		resign_failed(p);
	else if (control->store == NULL)
		resign_publish(p);	/* it can't be written: what is signed counts all the same */
	else if (!publication_store(p, resign_store))
		resign_failed(p);
}

static int
resign_store(struct store_txn *txn, void *arg)
{
	struct publication *p = arg;
	const char *words = signing_words(p->pass);
	int status = signing_store(txn, p->pass);

	if (status == 0 && *words != '\0')
		status = store_journal_add(txn, wall_now(), "isobard", "key.roll", words, "{}", &p->revision);
	return status;
}

static void
resign_stored(struct publication *p)
{
	if (p->status != 0 && signing_makes_keys(p->pass))
		resign_failed(p);
	else	/* signatures don't wait for a disk that is full */
		resign_publish(p);
}

static void
resign_publish(struct publication *p)
{
	struct control *control = p->control;
	struct world *old = control->world;

	if (p->revision != 0)
		control->status.revision = p->revision;
	if (publish_commit(&control->publisher, &p->candidate, control->round, mono_now(), wall_now()) != 0) {
		resign_failed(p);
		return;
	}
	signing_commit(p->pass);
	if (*signing_words(p->pass) != '\0')
		log_info("keys: %s", signing_words(p->pass));
	control->world = p->world;
	p->world = old;		/* freed with the publication */
	if (p->plan_dropped)
		plan_replace(control, NULL);
	recorder_epoch(control->recorder);
	control->status.published = wall_now();
	publication_finish(p, OUTCOME_DONE, "");
}

static void
resign_failed(struct publication *p)
{
	struct text errors = { 0 };

	diag_print(&p->diags, &errors);
	log_error("zones can't be signed anew, it's tried again: %s", errors.bytes != NULL ? errors.bytes
	    : p->message.bytes != NULL ? p->message.bytes : publication_trouble(p->status));
	text_fini(&errors);
	signing_failed(p->control->signer, wall_now());
	publication_finish(p, OUTCOME_UNAVAILABLE, "");
}
