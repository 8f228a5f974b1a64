/* primaries_take.c -- what was transferred becomes a change, as an operator's would.
 * In: zones that came.  Out: outcomes.  Threads: control; primary_version.c works on a thread.
 * Versions that are ready at the same time, and come from the same primary, are one change: each publication costs some
 * milliseconds with thousands of zones. When such a change is refused each of them is tried alone. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "control/primaries_parts.h"
#include "control/world_parts.h"
#include "control/zone_settings.h"

#define TOGETHER_MOST 256

struct batch {
	struct primaries *all;
	size_t count;
	struct replica *list[TOGETHER_MOST];
	char author[ADDRESS_TEXT_SIZE + 16], subject[NAME_TEXT_SIZE], reason[64];
};

static void on_version(void *arg, struct primary_version *version);
static bool is_next(const struct replica *replica, const struct batch *batch);
static void submit(struct primaries *primaries, struct batch *batch, struct arena *arena);
static bool prepare(struct change *change, struct control *control, struct diags *diags);
static bool fits(const struct replica *replica, const struct control *control);
static void on_outcome(void *arg, const struct outcome *outcome);
static void settle(struct replica *replica, const struct outcome *outcome, bool alone);
static void refused(struct replica *replica, const struct outcome *outcome);

void
replica_build(struct replica *replica, struct incoming *incoming, enum incoming_step step)
{
	bool edits = step == INCOMING_EDITS;

	if (!primary_version_begin(replica->all->loop, incoming, replica->name,
	    edits ? replica->base->zone : NULL, edits ? replica->base->text : NULL, on_version, replica)) {
		replica->stage = STAGE_READY;
		replica_failed(replica, "out of memory");
	}
}

static void
on_version(void *arg, struct primary_version *version)
{
	struct replica *replica = arg;
	struct primaries *all = replica->all;

	replica->stage = STAGE_READY;
	replica->version = version;
	if (replica->dropped) {
		replica_free(replica);
	} else if (all->closed) {
		return;			/* freed with the others */
	} else if (version->trouble == NULL || *version->trouble != '\0') {
		all->counts.refused++;
		replica_failed(replica, version->trouble == NULL ? "out of memory" : version->trouble);
	} else {
		primaries_publish(all);
	}
}

void
primaries_publish(struct primaries *primaries)
{
	struct arena *arena;
	struct batch *batch;

	if (primaries->changing || primaries->closed)
		return;
	arena = arena_new();
	batch = arena == NULL ? NULL : arena_alloc(arena, sizeof(*batch));
	if (batch == NULL) {
		arena_free(arena);
		return;
	}
	batch->all = primaries;
	for (size_t i = 0; i < primaries->count && batch->count < TOGETHER_MOST; i++)
		if (is_next(primaries->list[i], batch))
			batch->list[batch->count++] = primaries->list[i];
	if (batch->count > 0)
		submit(primaries, batch, arena);
	else
		arena_free(arena);
}

static bool
is_next(const struct replica *replica, const struct batch *batch)
{
	if (replica->stage != STAGE_READY)
		return false;
	return batch->count == 0 || (!replica->alone && !batch->list[0]->alone
	    && replica->which == batch->list[0]->which
	    && memcmp(&replica->from, &batch->list[0]->from, sizeof(replica->from)) == 0);
}

static void
submit(struct primaries *primaries, struct batch *batch, struct arena *arena)
{
	const struct replica *first = batch->list[0];
	const struct steering_zone *settings = zone_settings(primaries->control->world, first->apex);
	struct change *change = arena_alloc(arena, sizeof(*change));
	char address[ADDRESS_TEXT_SIZE] = "";

	if (change == NULL) {
		arena_free(arena);
		return;			/* with the next tick */
	}
	if (settings != NULL && first->which < settings->primary_count)
		address_text(&settings->primaries[first->which].address, address);
	snprintf(batch->author, sizeof(batch->author), "primary:%s", address);
	if (batch->count == 1)
		snprintf(batch->subject, sizeof(batch->subject), "%s", first->name);
	else
		snprintf(batch->subject, sizeof(batch->subject), "%zu zones", batch->count);
	snprintf(batch->reason, sizeof(batch->reason), "%s, serial %u", first->version->by_difference ? "IXFR" : "AXFR",
	    (unsigned)first->serial);
	*change = (struct change){ .prepare = prepare, .prepare_arg = batch, .arena = arena, .action = "zone.transfer",
	    .author = batch->author, .reason = batch->reason, .subject = batch->subject, .transferred = true };
	for (size_t i = 0; i < batch->count; i++)
		batch->list[i]->stage = STAGE_CHANGING;
	primaries->changing = true;
	control_change(primaries->control, change, on_outcome, batch);
}

/* What doesn't fit any more, since something else has changed meanwhile, is left out; on_outcome() sees it, too. */
static bool
prepare(struct change *change, struct control *control, struct diags *diags)
{
	const struct batch *batch = change->prepare_arg;
	struct zone_text *zones = arena_alloc(change->arena, batch->count * sizeof(*zones));

	if (zones == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
		return false;
	}
	for (size_t i = 0; i < batch->count; i++) {
		struct replica *replica = batch->list[i];

		if (!fits(replica, control))
			continue;
		zone_hold(replica->version->zone);	/* for the change, which ends with it */
		zones[change->zone_count++] = (struct zone_text){ .file = replica->name, .name = replica->name,
		    .text = replica->version->text, .zone = replica->version->zone, .checked = true };
	}
	change->zones = zones;
	if (change->zone_count == 0)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "the settings have changed meanwhile");
	return change->zone_count > 0;
}

static bool
fits(const struct replica *replica, const struct control *control)
{
	return !replica->dropped && zone_is_transferred(control->world, replica->apex)
	    && (!replica->version->by_difference || world_find(control->world, replica->name) == replica->base);
}

static void
on_outcome(void *arg, const struct outcome *outcome)
{
	struct batch *batch = arg;
	struct primaries *all = batch->all;

	all->changing = false;
	for (size_t i = 0; i < batch->count; i++) {
		struct replica *replica = batch->list[i];

		replica->stage = STAGE_READY;
		if (replica->dropped)
			replica_free(replica);
		else
			settle(replica, outcome, batch->count == 1);
	}
}

static void
settle(struct replica *replica, const struct outcome *outcome, bool alone)
{
	const struct world_zone *served = world_find(replica->all->control->world, replica->name);

	replica->alone = false;
	if (outcome->status == OUTCOME_DONE && served != NULL && (served->zone == replica->version->zone
	    || strcmp(served->text, replica->version->text) == 0)) {
		replica->by_difference = replica->version->by_difference;
		if (replica->by_difference)
			replica->all->counts.differences++;
		else
			replica->all->counts.whole++;
		log_info("the zone %s has come by %s, serial %u, %llu octets", replica->name,
		    replica->by_difference ? "IXFR" : "AXFR", (unsigned)replica->serial,
		    (unsigned long long)replica->octets);
		replica_refreshed(replica);
	} else if (outcome->status == OUTCOME_DONE) {
		replica->again = true;
		replica_failed(replica, "the settings have changed meanwhile");
	} else if (outcome->status == OUTCOME_INVALID && !alone) {
		replica->alone = true;
	} else {
		refused(replica, outcome);
	}
}

static void
refused(struct replica *replica, const struct outcome *outcome)
{
	char trouble[sizeof(replica->trouble)];
	const char *why = outcome->message;

	for (size_t i = 0; i < outcome->diags->count; i++)
		if (outcome->diags->list[i].level == DIAG_ERROR && outcome->diags->list[i].message != NULL) {
			why = outcome->diags->list[i].message;
			break;
		}
	replica->all->counts.refused += outcome->status == OUTCOME_INVALID;
	snprintf(trouble, sizeof(trouble), "serial %u was refused: %s", (unsigned)replica->serial, why);
	replica_failed(replica, trouble);
}
