/* pae.h -- the predictive analytics engine as a child process: started, watched, started again.
 * Its death costs no answer: the last certified plan stays. Threads: control. */
#ifndef ISOBAR_CONTROL_PAE_H
#define ISOBAR_CONTROL_PAE_H

#include <stdbool.h>
#include <uv.h>

#include "base/contract.h"

struct pae;

/* Starts `arguments` (NULL-terminated, [0] is the program's path) and keeps it running: after a death it's started
 * again, first at once, then after 1, 2, 4, ... 60 s. NULL: out of memory. */
struct pae *pae_new(uv_loop_t *loop, const char *const *arguments) NONNULL MUST_USE;
bool pae_running(const struct pae *pae);	/* NULL: false */
unsigned pae_restarts(const struct pae *pae);
void pae_train(struct pae *pae) NONNULL;	/* SIGUSR1: train now */

/* Ends the child (SIGTERM, half a second later SIGKILL). The loop must run until its handles are closed, then
 * pae_free(). */
void pae_stop(struct pae *pae);
void pae_free(struct pae *pae);

#endif
