/* svcb.h -- the parameters of SVCB and HTTPS records (RFC 9460) from presentation form to wire form. Threads: any;
 * pure. */
#ifndef ISOBAR_ZONE_SVCB_H
#define ISOBAR_ZONE_SVCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "zone/lexer.h"

/* Reads `count` words KEY[=VALUE] in any order into `to`, by ascending key. The octets written, or -1: values[*wrong]
 * isn't right, `why` says what it is ("has no value"). */
int svcb_params_read(const struct token *values, size_t count, uint8_t *to, size_t size, size_t *wrong,
	const char **why) __attribute__((nonnull(3, 5, 6))) MUST_USE;

#endif
