/* relax.h -- the best program within the limits; and when there's none, what gives way, in the stated order. Inner to
 * the planner. Threads: one. */
#ifndef ISOBAR_PLANNER_RELAX_H
#define ISOBAR_PLANNER_RELAX_H

#include "planner/loads.h"
#include "planner/overfull.h"
#include "planner/program.h"

struct relaxation {
	size_t count, size;
	struct planner_step *steps;	/* in the scene's arena */
	const char *margins;		/* why not all margins could be kept, or NULL: they were */
};

/* Solves `program`, over all pairs and rows, and notes in `made` what had to give way: margins, latency caps, losses
 * from the least probable, levels, shed classes. */
enum program_result relax_optimise(struct program *program, struct relaxation *made) NONNULL MUST_USE;

/* Is all within the limits in force? Otherwise solved by PROGRAM_OVER. */
enum program_result relax_within(struct program *program, bool *within) NONNULL MUST_USE;

/* Levels and shed classes. false: out of memory. */
bool relax_note_levels(const struct scene *scene, const struct overfull *overfull, struct relaxation *made)
	NONNULL MUST_USE;

/* The net below all of this: what the shares pass without having been told so, because time ran out. *overload is set
 * if normal loads are among it. false: out of memory. */
bool relax_note_passed(const struct scene *scene, const struct loads *loads, struct relaxation *made, bool *overload)
	NONNULL MUST_USE;

/* Where how much of which margin was given up, and why. false: out of memory. */
bool relax_note_margins(const struct scene *scene, const struct loads *loads, struct relaxation *made)
	NONNULL MUST_USE;

/* Loads of fixed clients that pass a limit by themselves. false: out of memory. */
bool relax_note_fixed(const struct scene *scene, struct relaxation *made) NONNULL MUST_USE;

/* Latency caps that leave a client no region at all give way before there is a program. false: out of memory. */
bool relax_impossible_caps(struct scene *scene, struct relaxation *made) NONNULL MUST_USE;

/* h0, h1 to 1, no reserves, in the scene. */
void relax_drop_margins(struct scene *scene) NONNULL;

/* false: out of memory, also when one of the texts is NULL for lack of it. */
bool relax_note(const struct scene *scene, struct relaxation *made, enum planner_relaxation kind, const char *what,
	const char *why) __attribute__((nonnull(1, 2))) MUST_USE;

#endif
