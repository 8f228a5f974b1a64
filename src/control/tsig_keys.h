/* tsig_keys.h -- the keys of isobar.yaml, with their secrets. Threads: control, at start. */
#ifndef ISOBAR_CONTROL_TSIG_KEYS_H
#define ISOBAR_CONTROL_TSIG_KEYS_H

#include "base/contract.h"
#include "base/diag.h"
#include "conf/settings.h"
#include "transfer/tsig.h"

/* False after errors, all of them in `diags`. */
bool tsig_keys_load(struct tsig_keys *keys, const struct settings *settings, struct diags *diags) NONNULL MUST_USE;
void tsig_keys_fini(struct tsig_keys *keys) NONNULL;	/* wipes */

#endif
