/* pull.h -- one pull of a feed, in a process of its own. */
#ifndef ISOBAR_PAE_PULL_H
#define ISOBAR_PAE_PULL_H

#include "base/clock.h"
#include "base/contract.h"
#include "base/text.h"
#include "models/child.h"
#include "steer/steering.h"

struct pull_job {
	const struct steering *steering;
	const struct steering_feed *feed;
	struct wall until;		/* how far samples go; .ms 0: none yet */
};

/* For child_start(): `arg` is a struct pull_job; the output is the body of POST /v1/feeds/{feed}. */
int pull_run(struct text *output, void *arg) NONNULL;
struct child_limits pull_limits(const struct steering_feed *feed) NONNULL;
/* The same body for a pull that came to no end by itself. */
void pull_failed(int status, struct text *output) NONNULL;

#endif
