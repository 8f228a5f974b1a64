/* base64.h -- base64 of RFC 4648 section 4, as key files have it. Threads: any; pure. */
#ifndef ISOBAR_DNSSEC_BASE64_H
#define ISOBAR_DNSSEC_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"

void base64_add(struct text *out, const uint8_t *bytes, size_t length) NONNULL;

/* The number of octets; 0 when it's none, or `size` is too little. Spaces are passed over. */
size_t base64_decode(const char *text, size_t length, uint8_t *bytes, size_t size) NONNULL MUST_USE;

#endif
