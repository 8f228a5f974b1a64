/* proof.h -- does every kind of client get a legal answer, or an explicit none, whatever single thing is lost?
 * Threads: any that owns the world. */
#ifndef ISOBAR_CONTROL_PROOF_H
#define ISOBAR_CONTROL_PROOF_H

#include "base/contract.h"
#include "base/diag.h"
#include "control/world.h"
#include "serve/snapshot.h"

struct proof {
	size_t kinds;		/* of clients, over all services: unlike in law or in table */
	size_t places;		/* networks and countries that clients were taken to be in, over all services */
	size_t losses;		/* now, each region, each risk group */
	size_t picks;		/* that were looked at */
};

/* Compiles the world's tables as isobard does before its first plan, and picks for every kind of client, in every loss,
 * for every type of records and from every list that there is. For a client in each network and each country the very
 * function that answers does so as well (steered_at), with and without ECS, in every loss and with everything lost,
 * nothing, a half of and all of everything drained, and from lists of a plan that was made for other rules; each answer
 * is judged by the rules as they are written. An answer against the law is an error; kinds of clients
 * that a loss leaves no legal region are a warning for each service and loss, with what they get then.
 * False: out of memory, or the tables couldn't be built, which is an error in `diags`. */
bool residency_prove(const struct world *world, const char *file, struct diags *diags, struct proof *proof)
	NONNULL MUST_USE;

/* The same of a snapshot that was compiled already. False: out of memory. */
bool residency_prove_snapshot(const struct world *world, const struct snapshot *snapshot, const char *file,
	struct diags *diags, struct proof *proof) NONNULL MUST_USE;

#endif
