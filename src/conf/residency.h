/* residency.h -- does every kind of client keep a region that it may be sent to? Threads: any; pure. */
#ifndef ISOBAR_CONF_RESIDENCY_H
#define ISOBAR_CONF_RESIDENCY_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"
#include "steer/steering.h"

/* Clients that belong to exactly these groups. */
struct client_class {
	size_t count;
	const uint16_t *groups;		/* ascending */
};

struct client_classes {
	size_t count;
	const struct client_class *list;	/* those of fewer groups first; each once */
};

/* Every class that the groups make by themselves: each group alone, a country's group with its continent's, and the
 * groups of networks that lie inside each other. Whether a network lies in a country isn't known. False: no memory. */
bool client_classes_make(const struct steering *steering, struct arena *arena, struct client_classes *classes)
	NONNULL MUST_USE;

/* An error for each class without a region in `service`, at the place of the last rule that binds it; of classes that
 * hold each other only for the smallest. `places` has one place for each rule. */
void residency_check(const struct steering *steering, const struct steering_service *service,
	const struct client_classes *classes, const struct diag_place *places, struct diags *diags) NONNULL;

#endif
