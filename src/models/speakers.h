/* speakers.h -- the models that speak: of each horizon the one that serves, and its challenger in the shadow; and the
 * load model and that of anomalies. Taken from the store when they change there, else from the files that are shipped.
 * Threads: one owner, which also owns the reader. */
#ifndef ISOBAR_MODELS_SPEAKERS_H
#define ISOBAR_MODELS_SPEAKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/contract.h"
#include "base/hash.h"
#include "load/load.h"
#include "predict/anomalies.h"
#include "predict/features.h"
#include "predict/model.h"
#include "store/store.h"

#define FAILURE_HORIZONS 3
extern const int64_t failure_horizons_s[FAILURE_HORIZONS];	/* 5, 10, 30 minutes */

enum speaker_role { SPEAKER_SERVING, SPEAKER_SHADOW, SPEAKER_ROLES };

struct speaker {
	char id[SHA256_TEXT_SIZE];	/* of the model; "": there is none */
	char store_id[SHA256_TEXT_SIZE];	/* what the store names for this place, read or refused; "": nothing */
	struct model *model;		/* NULL: none, or it can't be read */
	struct feature_table *table;	/* its features on the windows of now; see speakers_place() */
	char none[128];			/* why there is no model */
};

struct speakers {
	char *folder;			/* of shipped models */
	struct speaker list[FAILURE_HORIZONS][SPEAKER_ROLES];
	struct load_model *load;	/* NULL: smoothing alone */
	char load_id[SHA256_TEXT_SIZE];
	struct wall load_trained;	/* .ms 0: there is none */
	struct anomalies *anomalies;	/* NULL: none */
	char anomalies_id[SHA256_TEXT_SIZE];
	struct wall anomalies_trained;	/* .ms 0: there is none */
	bool asked;			/* at least once */
};

/* False: out of memory. */
bool speakers_init(struct speakers *speakers, const char *folder) NONNULL MUST_USE;
void speakers_fini(struct speakers *speakers) NONNULL;

/* Takes what has changed in the store. *changed: some model that windows are made for has. A model that can't be read
 * is said in the log, and the shipped one serves. 0 or -errno of the store. */
int speakers_update(struct speakers *speakers, struct store_reader *reader, bool *changed) NONNULL MUST_USE;

/* Adds to the catalogue the metrics that some model was made for. */
void speakers_metrics(const struct speakers *speakers, struct metrics *metrics) NONNULL;
/* Makes the feature tables for windows of this catalogue. 0 or -ENOMEM. */
int speakers_place(struct speakers *speakers, const struct metrics *metrics) NONNULL MUST_USE;

/* The shipped model for a horizon, to be freed; NULL with the reason in `error`, and errno ENOENT when there is no
 * file. */
struct model *speakers_shipped(const char *folder, int64_t horizon_s, struct text *error) NONNULL MUST_USE;

#endif
