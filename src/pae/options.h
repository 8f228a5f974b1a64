/* options.h -- the command line of isobar-pae. */
#ifndef ISOBAR_PAE_OPTIONS_H
#define ISOBAR_PAE_OPTIONS_H

#include <stdbool.h>

#include "backtest/workbench.h"
#include "base/contract.h"
#include "base/log.h"

enum pae_mode { PAE_SERVE, PAE_TRAIN, PAE_EVALUATE };

struct pae_options {
	enum pae_mode mode;
	const char *store, *api, *token_file, *models;
	bool once;
	enum log_level level;
	struct workbench_job job;
};

#define PAE_HORIZON_S 600	/* of failures, unless the model in service has another */

/* An exit status, with all said that is to say, or -1 to go on. */
int pae_options_read(struct pae_options *options, int argc, char **argv) NONNULL;

#endif
