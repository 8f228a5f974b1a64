/* change_moves.c -- what a change changes, and who moves by it: for its outcome, its journal row and its limit.
 * In: a publication whose world and candidate are built.  Out: its zones, its moves; whether they are too many.
 * Threads: control. */
#include <stdlib.h>
#include <string.h>

#include "control/publication.h"

#define MOVE_SLACK 1e-6		/* floats; a limit of all is all */
#define WAYS_TOLD 3		/* of a service, in words */

static bool compare_worlds(struct publication *p, const struct world *from, const struct world *to);
static bool compare_tables(struct publication *p);

bool
change_moves_list(struct publication *p)
{
	const struct world *from = p->control->world, *to = p->world;

	if (to == NULL)
		return true;
	p->zones = calloc(from->zone_count + to->zone_count + 1, sizeof(*p->zones));
	p->steering_changed = strcmp(from->steering_text, to->steering_text) != 0;
	return p->zones != NULL && compare_worlds(p, from, to) && compare_tables(p);
}

static bool
compare_worlds(struct publication *p, const struct world *from, const struct world *to)
{
	for (size_t i = 0; i < to->zone_count; i++) {
		const struct world_zone *was = world_find(from, to->zones[i]->name);

		if (was == NULL || strcmp(was->text, to->zones[i]->text) != 0)
			p->zones[p->zone_count++] = (struct outcome_zone){ to->zones[i]->name,
			    was == NULL ? "added" : "changed" };
	}
	for (size_t i = 0; i < from->zone_count; i++)
		if (world_find(to, from->zones[i]->name) == NULL)
			p->zones[p->zone_count++] = (struct outcome_zone){ from->zones[i]->name, "deleted" };
	return true;
}

static bool
compare_tables(struct publication *p)
{
	const struct snapshot *next = p->candidate.snapshot, *now = p->control->publisher.current;
	const struct demand *demand = p->candidate.demand != NULL ? p->candidate.demand : p->control->publisher.demand;

	p->move_arena = arena_new();
	p->moves = calloc(next->service_count + 1, sizeof(*p->moves));
	if (p->moves == NULL || p->move_arena == NULL)
		return false;
	for (size_t s = 0; s < next->service_count; s++) {
		struct moves moves;

		if (!moves_between(now, next, &next->services[s], demand, p->move_arena, &moves))
			return false;
		if (moves.count > 0)
			p->moves[p->move_count++] = (struct outcome_move){ next->services[s].intent->name,
			    moves.share, moves.count, moves.list };
	}
	return true;
}

/* A slip of the pen in steering.yaml must not send everybody elsewhere. Who means it says so. */
bool
change_moves_too_many(struct publication *p)
{
	double most = p->change->move_limit > 0 ? p->change->move_limit
	    : p->control->world->steering->planning.move_most;
	bool too_many = false;

	for (size_t i = 0; i < p->move_count; i++) {
		const struct outcome_move *m = &p->moves[i];
		struct text ways = { 0 };

		if (m->share <= most + MOVE_SLACK)
			continue;
		too_many = true;
		for (size_t k = 0; k < m->way_count && k < WAYS_TOLD; k++)
			text_printf(&ways, "%s%.3g %% from %s to %s", k == 0 ? "" : ", ", 100 * m->ways[k].share,
			    m->ways[k].from[0] == '\0' ? "nobody" : m->ways[k].from,
			    m->ways[k].to[0] == '\0' ? "nobody" : m->ways[k].to);
		diag_error(&p->diags, (struct diag_place){ .file = "steering.yaml" }, NULL,
		    "%.3g %% of the clients of %s would move (%s%s), more than the %.3g %% that are allowed: raise the"
		    " limit of this change, or force it", 100 * m->share, m->service,
		    ways.bytes == NULL ? "" : ways.bytes, m->way_count > WAYS_TOLD ? ", .." : "", 100 * most);
		text_fini(&ways);
	}
	return too_many;
}
