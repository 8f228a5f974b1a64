/* observe.h -- what a worker remembers of an answer: who asked, and whether it was lawful.
 * Threads: any, each with its own row, counters and sketch. */
#ifndef ISOBAR_SERVE_OBSERVE_H
#define ISOBAR_SERVE_OBSERVE_H

#include "base/contract.h"
#include "serve/answer.h"
#include "serve/steered.h"

/* Counts the question, and checks one answer in some (service.check_mask); the counter of steered answers is the dice.
 * No lock, allocation, log or system call. */
void observe(const struct answer_env *env, const struct service *service, const struct steered_client *client,
	const struct steered *chosen, uint16_t type) NONNULL;

#endif
