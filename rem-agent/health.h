/* health.h -- the verdict on one backend, and the statistics of one interval of probes. Pure. Threads: any. */
#ifndef ISOBAR_REM_HEALTH_H
#define ISOBAR_REM_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

enum verdict { VERDICT_NONE, VERDICT_UP, VERDICT_DOWN };

/* Start with { 0 }: no verdict yet. */
struct health {
	enum verdict verdict;
	unsigned streak;	/* results in a row that speak against the verdict */
};

/* Takes one result. `rise` and `fall` (both >= 1) are how many in a row it takes to change the verdict; the first good
 * result of all decides at once. True when the verdict changed. */
bool health_note(struct health *health, bool good, unsigned rise, unsigned fall) NONNULL;

/* True while the next result should come soon: before the first verdict. */
bool health_undecided(const struct health *health) NONNULL;

/* What the probes of one interval showed. Start with { 0 }. */
struct tally {
	uint64_t good, bad;
	uint64_t missed;	/* that told nothing, by no fault of the backend */
	double *latencies;	/* ms, of the good ones; at most TALLY_MAX */
	size_t count, size;
};

#define TALLY_MAX 65536		/* latencies kept; past it an evenly spread part of them */

void tally_good(struct tally *tally, double latency_ms) NONNULL;
double tally_quantile(struct tally *tally, double share) NONNULL;	/* NAN when there are none; sorts in place */
double tally_good_share(const struct tally *tally) NONNULL;		/* NAN when there are none */
void tally_clear(struct tally *tally) NONNULL;				/* keeps the memory */
void tally_fini(struct tally *tally) NONNULL;

#endif
