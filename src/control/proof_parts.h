/* proof_parts.h -- what the files of the proof share. Private to control/proof*.c. */
#ifndef ISOBAR_CONTROL_PROOF_PARTS_H
#define ISOBAR_CONTROL_PROOF_PARTS_H

#include "control/proof.h"
#include "serve/snapshot.h"
#include "steer/country.h"
#include "steer/pick.h"

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

/* Where a client may be: in a network, or in none, and in a country. */
struct spot {
	uint16_t network;
	struct address address;		/* one of the network's own, or of no network */
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
	size_t spot_count, spot_size;
	struct spot *spots;		/* of the steering: each network that somebody can be in */
	uint32_t *lists;		/* the table's at hand, each once */
	size_t list_count;
	bool *told;			/* by client group: there's an error already */
	bool failed;			/* memory was out */
};

/* proof_kinds.c */
void proof_kinds(struct prover *prover) NONNULL;	/* of the service at hand */

/* proof_places.c */
void proof_spots(struct prover *prover) NONNULL;	/* of the steering */
void proof_places(struct prover *prover) NONNULL;	/* of the service at hand */

/* proof.c: a region that may and can, alive where one is; or in words that there is none. `drained`: everything is. */
bool proof_is_lawful(const struct service *service, const struct pick *pick, struct region_set possible,
	struct region_set lost, bool drained) NONNULL;
/* An error. `lost`: "" nothing. */
void proof_refuse(struct prover *prover, const char *clients, const char *lost, const struct pick *pick) NONNULL;

/* proof_words.c */
void proof_warn(struct prover *prover) NONNULL;

#endif
