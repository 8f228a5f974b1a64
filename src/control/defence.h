/* defence.h -- what the workers' guards go by: limits, the secrets of cookies, the age of the plan. Threads: control.
 * */
#ifndef ISOBAR_CONTROL_DEFENCE_H
#define ISOBAR_CONTROL_DEFENCE_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/diag.h"
#include "serve/server.h"

struct control;

/* Sets the server's options; what they point to lives in `control`. False, with the reason: the secrets can't be read.
 * */
bool defence_start(struct control *control, struct server_options *options, struct diags *diags) NONNULL MUST_USE;
void defence_reload(struct control *control) NONNULL;	/* the secrets file again; with an error the old ones stay */
void defence_tick(struct control *control, struct mono now, struct wall wall) NONNULL;

#endif
