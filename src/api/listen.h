/* listen.h -- the API's listening sockets. Threads: any. */
#ifndef ISOBAR_API_LISTEN_H
#define ISOBAR_API_LISTEN_H

#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "conf/settings.h"

/* A listening descriptor, or -1 with a message for the operator in `error`. A socket file that nobody listens on any
 * more is replaced, one that somebody listens on is an error. The file has the mode 0660. */
int listen_local(const char *path, struct text *error) NONNULL MUST_USE;
/* *port: the real one, also when the kernel chose it. */
int listen_tcp(const struct listener *at, uint16_t *port, struct text *error) NONNULL MUST_USE;

#endif
