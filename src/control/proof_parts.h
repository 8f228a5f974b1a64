/* proof_parts.h -- what the files of the proof share. Private to control/proof*.c. */
#ifndef ISOBAR_CONTROL_PROOF_PARTS_H
#define ISOBAR_CONTROL_PROOF_PARTS_H

#include "control/proof.h"
#include "serve/snapshot.h"
#include "steer/country.h"

struct kind {
	struct region_set legal;
	const struct slot_table *table;
	uint32_t slot;			/* of a table by country; UINT32_MAX: any */
	const char *name;		/* of the client group */
	uint8_t country;		/* that narrows a network's law; COUNTRY_UNKNOWN: none */
	bool located;			/* `address` is one of them */
	struct address address;
};

struct loss {
	const char *name;		/* "": nothing */
	bool risk_group;
	struct region_set regions;
	struct live live;
};

struct prover {
	const struct world *world;
	const struct snapshot *snapshot;
	const struct service *service;	/* the one at hand */
	const char *file;
	struct diags *diags;
	struct proof *proof;
	struct arena *arena;
	size_t kind_count, kind_size;
	struct kind *kinds;
	size_t loss_count;
	struct loss *losses;
	uint32_t *lists;		/* the table's at hand, each once */
	size_t list_count;
	bool failed;			/* memory was out */
};

/* proof_kinds.c */
void proof_kinds(struct prover *prover) NONNULL;	/* of the service at hand */

/* proof_words.c */
void proof_warn(struct prover *prover) NONNULL;

#endif
