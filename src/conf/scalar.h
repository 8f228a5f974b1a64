/* scalar.h -- numbers with units, as people write them in settings: 50k, 5s, 64M. Threads: any; pure. */
#ifndef ISOBAR_CONF_SCALAR_H
#define ISOBAR_CONF_SCALAR_H

#include <stdbool.h>

#include "base/contract.h"

#define SCALAR_SUGGESTION_SIZE 64

/* Each reads the whole of `text`. False when it's none; then `suggestion` holds what was probably meant, or "". */
bool scalar_number(const char *text, double *number, char suggestion[static SCALAR_SUGGESTION_SIZE]) NONNULL MUST_USE;
bool scalar_integer(const char *text, double *number, char suggestion[static SCALAR_SUGGESTION_SIZE]) NONNULL MUST_USE;

/* Requests/s: 800, 50k, 1.5M; k and M are 10^3 and 10^6. */
bool scalar_rate(const char *text, double *rate, char suggestion[static SCALAR_SUGGESTION_SIZE]) NONNULL MUST_USE;

/* 500ms, 5s, 10m, 1h, 7d, in whole numbers; the unit must be there. */
bool scalar_duration(const char *text, double *ms, char suggestion[static SCALAR_SUGGESTION_SIZE]) NONNULL MUST_USE;

/* 4096, 64k, 64M, 2G; k, M and G are 2^10, 2^20 and 2^30. */
bool scalar_size(const char *text, double *octets, char suggestion[static SCALAR_SUGGESTION_SIZE]) NONNULL MUST_USE;

bool scalar_bool(const char *text, bool *value, char suggestion[static SCALAR_SUGGESTION_SIZE]) NONNULL MUST_USE;

#endif
