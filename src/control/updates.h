/* updates.h -- the control thread's end of what workers hand in: UPDATE becomes a change like any other, NOTIFY makes a
 * primary be asked.
 * An UPDATE is answered when it's durable and live, or refused; each has its row in the journal. Threads: control. */
#ifndef ISOBAR_CONTROL_UPDATES_H
#define ISOBAR_CONTROL_UPDATES_H

#include "base/contract.h"
#include "control/control.h"

struct updates;

/* After the server. NULL: out of memory. */
struct updates *updates_new(struct control *control) NONNULL MUST_USE;
void updates_tick(struct updates *updates) NONNULL;	/* takes what waits */
/* The world in service is another: gives the workers its rules. */
void updates_follow(struct updates *updates) NONNULL;
/* Nothing is taken any more, and what is under way is answered SERVFAIL; before the server ends. NULL is allowed here
 * and below. */
void updates_close(struct updates *updates);
void updates_free(struct updates *updates);	/* after the server */

#endif
