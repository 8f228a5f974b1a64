/* change.h -- an operator's change from a request: made on the API thread, carried out by the control thread. */
#ifndef ISOBAR_API_CHANGE_H
#define ISOBAR_API_CHANGE_H

#include "api/request.h"
#include "base/contract.h"
#include "control/control.h"

/* Begins the request's change, with its author, and with `dry_run` and `reason` from the parameters. It lives in an
 * arena of its own and is the request's until change_run(). NULL: answered. */
struct change *change_begin(struct request *request, const char *action, const char *subject) NONNULL MUST_USE;

/* The answer to `arg`, a request, with what came of it; for whatever ends in an outcome. */
void outcome_answer(void *arg, const struct outcome *outcome);

#endif
