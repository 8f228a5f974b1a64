/* primary_version.c -- see primary_version.h.
 * In: a builder, or edits.  Out: a zone with its text, or what is wrong with it.
 * Threads: make() and what it calls run on one of libuv's; the zone isn't seen by anybody else meanwhile. */
#include "control/primary_version.h"

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/text.h"
#include "zone/master.h"

struct work {
	uv_work_t work;
	struct incoming *incoming;
	char *name;
	const struct zone *base;	/* or NULL: it's whole */
	const char *base_text;
	struct primary_version *version;
	void (*done)(void *arg, struct primary_version *version);
	void *arg;
};

static void make(uv_work_t *request);
static const char *make_whole(struct work *work);
static const char *make_edited(struct work *work);
static void check(struct work *work);
static void on_made(uv_work_t *request, int status);
static void work_free(struct work *work);

bool
primary_version_begin(uv_loop_t *loop, struct incoming *incoming, const char *name, const struct zone *base,
	const char *text, void (*done)(void *arg, struct primary_version *version), void *arg)
{
	struct work *work = calloc(1, sizeof(*work));

	if (work == NULL) {
		incoming_free(incoming);
		return false;
	}
	*work = (struct work){ .work.data = work, .incoming = incoming, .name = strdup(name), .base = base,
	    .base_text = text, .version = calloc(1, sizeof(*work->version)), .done = done, .arg = arg };
	if (work->name != NULL && work->version != NULL && uv_queue_work(loop, &work->work, make, on_made) == 0)
		return true;
	primary_version_free(work->version);
	work_free(work);
	return false;
}

static void
make(uv_work_t *request)
{
	struct work *work = request->data;
	struct primary_version *version = work->version;
	const char *trouble;

	version->by_difference = work->base != NULL;
	trouble = work->base == NULL ? make_whole(work) : make_edited(work);
	if (trouble == NULL)
		check(work);
	else
		version->trouble = strdup(trouble);
	if (version->trouble != NULL && *version->trouble == '\0')
		return;
	zone_release(version->zone);	/* nobody else has it */
	version->zone = NULL;
}

/* NULL, or what is wrong. */
static const char *
make_whole(struct work *work)
{
	struct text text = { 0 };

	switch (zone_builder_freeze(incoming_take(work->incoming), &work->version->zone)) {
	case ZONE_OK:
		break;
	case ZONE_NO_SOA:
		return "it has no SOA";
	case ZONE_TWO_SOAS:
		return "it has two SOAs";
	case ZONE_FREEZE_NO_MEMORY:
		return "out of memory";
	}
	master_write(work->version->zone, &text);
	work->version->text = text_take(&text);
	return work->version->text == NULL ? "out of memory" : NULL;
}

static const char *
make_edited(struct work *work)
{
	const struct rrset_edit *edits;
	size_t count;

	incoming_edits(work->incoming, &edits, &count);
	switch (zone_edit(work->base, edits, count, &work->version->zone)) {
	case ZONE_EDITED:
		break;
	case ZONE_EDIT_NO_SOA:
		return "its difference takes away the SOA";
	case ZONE_EDIT_TOO_LARGE:
		return "some of its records are too many for any message";
	case ZONE_EDIT_NO_MEMORY:
		return "out of memory";
	}
	work->version->text = text_edit(work->base_text, work->base, edits, count);
	return work->version->text == NULL ? "out of memory" : NULL;
}

/* As conf-check would; the first error stands for all. */
static void
check(struct work *work)
{
	struct primary_version *version = work->version;
	struct diags diags = { 0 };
	struct text trouble = { 0 };

	text_puts(&trouble, "");
	if (!master_check(version->text, work->name, version->zone, &diags))
		text_puts(&trouble, "it can't be served: ");
	for (size_t i = 0; i < diags.count && diags.errors > 0; i++)
		if (diags.list[i].level == DIAG_ERROR) {
			text_puts(&trouble, diags.list[i].message == NULL ? "out of memory" : diags.list[i].message);
			break;
		}
	if (diags.errors > 1)
		text_printf(&trouble, " (and %zu more)", diags.errors - 1);
	diag_fini(&diags);
	version->trouble = text_take(&trouble);
}

static void
on_made(uv_work_t *request, int status)
{
	struct work *work = request->data;
	(void)status;		/* nobody cancels it */

	work->done(work->arg, work->version);
	work_free(work);
}

static void
work_free(struct work *work)
{
	incoming_free(work->incoming);
	free(work->name);
	free(work);
}

void
primary_version_free(struct primary_version *version)
{
	if (version == NULL)
		return;
	zone_release(version->zone);
	free(version->text);
	free(version->trouble);
	free(version);
}
