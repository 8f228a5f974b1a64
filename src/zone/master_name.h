/* master_name.h -- names as they stand in a master file: relative ones, "@", escapes. Threads: any; pure. */
#ifndef ISOBAR_ZONE_MASTER_NAME_H
#define ISOBAR_ZONE_MASTER_NAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/name.h"
#include "zone/lexer.h"

/* Lower-case wire form; relative names and "@" are completed by `origin`. Its length, or 0 and in *why the reason,
 * a text that lives for ever. */
size_t master_name_read(const struct token *token, const uint8_t *origin, uint8_t name[static NAME_MAX],
	const char **why) NONNULL MUST_USE;

/* In the case that it has. */
size_t master_name_read_as_is(const struct token *token, const uint8_t *origin, uint8_t name[static NAME_MAX],
	const char **why) NONNULL MUST_USE;

#endif
