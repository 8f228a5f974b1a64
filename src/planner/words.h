/* words.h -- why a plan can't have all that it should, in words and numbers. Inner to the planner. Texts live in the
 * scene's arena; NULL: out of memory. Threads: one. */
#ifndef ISOBAR_PLANNER_WORDS_H
#define ISOBAR_PLANNER_WORDS_H

#include "planner/mincut.h"
#include "planner/program.h"

#define WORDS_RATE_SIZE 24

/* "41k", "3.2M", "870": three places. Returns `text`. */
const char *words_rate(double amount, char text[static WORDS_RATE_SIZE]) NONNULL;

/* "germany, austria and 3 more". `clients` by client, or NULL with `regions`. */
const char *words_clients(const struct scene *scene, const bool *clients) NONNULL MUST_USE;
const char *words_regions(const struct scene *scene, struct region_set regions) NONNULL MUST_USE;

/* "clients of germany need 41k requests/s, their legal regions eu-west and eu-central have room for 38k". */
const char *words_cut(const struct scene *scene, size_t scenario, const struct mincut *cut) NONNULL MUST_USE;

/* What a scenario lacks by itself, whoever may serve there: its minimal cut (clients: the caller's), and how much is
 * missing, scaled. false: out of memory. */
bool words_shortage(const struct scene *scene, size_t scenario, struct mincut *cut, double *missing) NONNULL MUST_USE;

/* Why a program whose over can't be 0, just solved by PROGRAM_OVER, can't: the minimal cut of the scenario that lacks
 * most by itself; or, when each scenario by itself could be served, the rows that exclude each other. */
const char *words_why(const struct program *program) NONNULL MUST_USE;

/* The same for one scenario. */
const char *words_why_lost(const struct program *program, size_t scenario) NONNULL MUST_USE;

#endif
