/* overfull.h -- when even the normal loads don't fit: how full each region must be, and how much of which class must be
 * shed. Inner to the planner. Threads: one. */
#ifndef ISOBAR_PLANNER_OVERFULL_H
#define ISOBAR_PLANNER_OVERFULL_H

#include "planner/mincut.h"
#include "planner/scene.h"

struct overfull {
	size_t level_count;		/* parts of the world that are too full, the fullest first */
	struct overfull_level {
		double level;		/* load / capacity, above the limit */
		struct mincut cut;	/* amounts scaled */
	} *levels;
	double shed[MINCUT_TIERS];	/* by class, scaled */
	struct mincut shed_cut;		/* who is short, if anybody is shed */
};

/* Sets scene->overfull to the least levels: the fullest part as low as possible, then the next. What may be shed
 * doesn't raise them: it's shed instead. In the scene's arena; false: out of memory. */
bool overfull_find(struct scene *scene, struct overfull *overfull) NONNULL MUST_USE;

#endif
