/* tsig_secret.h -- the secret of a TSIG key from its file. Threads: any; pure. */
#ifndef ISOBAR_TRANSFER_TSIG_SECRET_H
#define ISOBAR_TRANSFER_TSIG_SECRET_H

#include <stdbool.h>

#include "base/contract.h"
#include "transfer/tsig.h"

/* `text` is the secret in base64, or what tsig-keygen writes: key "NAME" { algorithm ALGORITHM; secret "BASE64"; };
 * whose name and algorithm must be the key's. Fills in key->secret. False with why, for people. */
bool tsig_secret_read(struct tsig_key *key, const char *text, const char **why) NONNULL MUST_USE;

#endif
