/* wire_name.h -- names of a message, which may be compressed (RFC 1035 section 4.1.4). Threads: any; pure. */
#ifndef ISOBAR_DNS_WIRE_NAME_H
#define ISOBAR_DNS_WIRE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/name.h"
#include "dns/wire.h"

/* The name at the reader, whose `bytes` begin with the message's header; the reader stands behind it then.
 * Uncompressed, in the case that it has. Its length; 0, and the reader fails: there is none, or it's compressed and may
 * not be. */
size_t wire_name(struct wire_reader *reader, bool compressed, uint8_t name[static NAME_MAX]) NONNULL;

#endif
