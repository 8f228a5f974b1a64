/* override.c -- the operators' overrides: the list in the store, and which of them are in force now.
 * In: rows.  Out: drains for the round, which looks itself whether their time has come.  Threads: control. */
#include <stdlib.h>
#include <string.h>

#include "control/state.h"

struct loading {
	struct arena *arena;
	struct override *list;
	size_t count;
	bool failed;
};

static bool
on_override(void *arg, const struct override *row)
{
	struct loading *loading = arg;
	struct override *list = realloc(loading->list, (loading->count + 1) * sizeof(*list)), *o;

	loading->failed = true;
	if (list == NULL)
		return false;
	loading->list = list;
	o = &list[loading->count];
	*o = *row;
	o->kind = arena_text(loading->arena, row->kind);
	o->region = arena_text(loading->arena, row->region);
	o->service = arena_text(loading->arena, row->service);
	o->reason = arena_text(loading->arena, row->reason);
	o->author = arena_text(loading->arena, row->author);
	if (o->kind == NULL || o->region == NULL || o->service == NULL || o->reason == NULL || o->author == NULL)
		return false;
	loading->count++;
	loading->failed = false;
	return true;
}

/* False: they can't be read from the store; the list stays as it was. */
bool
overrides_load(struct control *control)
{
	struct text error = { 0 };
	struct loading loading = { .arena = arena_new() };
	struct store_reader *reader = store_reader_open(control->settings->store, &error);
	bool loaded = loading.arena != NULL && reader != NULL
	    && store_overrides(reader, on_override, &loading) == 0 && !loading.failed;

	store_reader_close(reader);
	text_fini(&error);
	control->overrides_stale = !loaded;
	if (!loaded) {
		arena_free(loading.arena);
		free(loading.list);
		return false;
	}
	arena_free(control->override_arena);
	free(control->overrides);
	control->override_arena = loading.arena;
	control->overrides = loading.list;
	control->override_count = loading.count;
	drills_remark(control, wall_now());
	return true;
}

void
overrides_apply(struct control *control, struct wall now)
{
	round_overrides(control->round, control->overrides, control->override_count, now);
	round_write(control->round, control->publisher.current);
	recorder_words(control->recorder, now);
}
