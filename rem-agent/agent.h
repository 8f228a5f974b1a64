/* agent.h -- one running agent: probes, rounds and reports, on a libuv loop. Threads: the loop's. */
#ifndef ISOBAR_REM_AGENT_H
#define ISOBAR_REM_AGENT_H

#include <uv.h>

#include "base/contract.h"
#include "base/text.h"
#include "conf/agent_settings.h"

struct agent;

/* Takes `settings` when it succeeds. NULL with the reason in `error`. */
struct agent *agent_start(uv_loop_t *loop, struct agent_settings *settings, struct text *error) NONNULL MUST_USE;

/* Goes on by other settings, and takes them. Verdicts of backends that stay are kept. -errno with the reason in
 * `error`: nothing changed, and `settings` stays the caller's. */
int agent_reload(struct agent *agent, struct agent_settings *settings, struct text *error) NONNULL MUST_USE;

/* Writes a last report to the spool and lets go of the loop. */
void agent_stop(struct agent *agent);

#endif
