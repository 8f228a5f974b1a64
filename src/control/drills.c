/* drills.c -- begins, watches and ends the drill among the overrides.
 * In: time, the overrides.  Out: a drill that's over in memory at once, and soon in the store.  Threads: control.
 * What ends a drill ends it here and now: its override is over from this moment on, so the next answer is right. That
 * the row is deleted, with the verdict in the journal, comes after (end_overrides), and may wait for the store. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "control/state.h"

static struct override *find_drill(struct control *control, struct wall wall);
static void begin(struct control *control, const struct override *override);
static void end(struct control *control, struct override *override, const char *why, struct wall wall);
static uint64_t answers_of(void *arg, const char *service, const char *region);

void
drills_watch(struct control *control, struct wall wall)
{
	struct drill_world world = drills_world(control);
	struct override *override = find_drill(control, wall);
	struct drill *drill = &control->drill;

	if (drill->id != 0 && (override == NULL || override->id != drill->id) && !drills_has(control, drill->id))
		drill_fini(drill);
	if (override == NULL)
		return;
	if (override->from.ms < control->status.started.ms) {
		end(control, override, DRILL_RESTARTED, wall);
		return;
	}
	if (drill->id == 0)
		begin(control, override);
	if (drill->id == override->id && drill_check(drill, &world))
		end(control, override, drill->ended, wall);
}

/* That isn't over. */
static struct override *
find_drill(struct control *control, struct wall wall)
{
	for (size_t i = 0; i < control->override_count; i++)
		if (strcmp(control->overrides[i].kind, "drill") == 0 && !drain_is_over(&control->overrides[i], wall))
			return &control->overrides[i];
	return NULL;
}

bool
drills_has(const struct control *control, int64_t id)
{
	for (size_t i = 0; i < control->override_count; i++)
		if (control->overrides[i].id == id)
			return true;
	return false;
}

struct drill_world
drills_world(const struct control *control)
{
	struct drill_world world = {
		.round = control->round, .snapshot = control->publisher.current,
		.unsafe = control->drains.unsafe ? control->drains.why : NULL,
		.answers = answers_of, .arg = (void *)(uintptr_t)control,
	};
	uint64_t checked;

	publish_lawful(&control->publisher, &checked, &world.violations);
	return world;
}

static uint64_t
answers_of(void *arg, const char *service, const char *region)
{
	return control_answers(arg, service, region);
}

static void
begin(struct control *control, const struct override *override)
{
	struct drill_world world = drills_world(control);
	struct drain_effect effect;
	double moved = drains_effect(control, NULL, override->id, &effect) ? effect.moved : 0;

	if (steering_region_find(world.snapshot->steering, override->region) == NO_REGION)
		return;		/* deleted meanwhile: then it drains nobody */
	if (!drill_begin(&control->drill, override, &world, moved))
		log_warning("out of memory: a drill isn't watched yet");
}

static void
end(struct control *control, struct override *override, const char *why, struct wall wall)
{
	char cause[300];

	override->until = wall;
	override->over_ms = 0;
	snprintf(cause, sizeof(cause), "drill %lld: %s", (long long)override->id, why);
	event_keep(control, &(struct health_event){ wall, override->region, override->service, "drill-ended", cause });
	overrides_apply(control, wall);
}

/* A list that was read again from the store has it as it was. */
void
drills_remark(struct control *control, struct wall wall)
{
	for (size_t i = 0; i < control->override_count; i++)
		if (control->drill.id != 0 && control->overrides[i].id == control->drill.id
		    && control->drill.ended[0] != '\0') {
			control->overrides[i].until = wall;
			control->overrides[i].over_ms = 0;
		}
}

const char *
drills_ended_why(const struct control *control, const struct override *override)
{
	if (override->from.ms < control->status.started.ms)
		return DRILL_RESTARTED;
	return control->drill.id == override->id && control->drill.ended[0] != '\0' ? control->drill.ended : NULL;
}

bool
control_drill_possible(const struct control *control, const char *region, char *why, size_t size)
{
	struct drill_world world = drills_world(control);
	region_id id = steering_region_find(world.snapshot->steering, region);

	return id != NO_REGION && drill_may_begin(&world, id, why, size);
}

cJSON *
control_drill(const struct control *control, int64_t id, const char *ended)
{
	struct drill_world world = drills_world(control);

	return control->drill.id == 0 || (id != 0 && control->drill.id != id) || !drills_has(control, control->drill.id)
		? NULL
		: drill_verdict(&control->drill, &world, ended, wall_now());
}
