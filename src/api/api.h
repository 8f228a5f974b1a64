/* api.h -- the HTTP API: a UNIX socket whose peer is trusted, and TCP with bearer tokens (isobar-api(7)).
 * Each listener has a libmicrohttpd thread of its own. What changes something, or looks at what only the control thread
 * may look at, is posted there while the connection is suspended; the rest is answered from the store at once.
 * Threads: api_start() and api_stop() by the control thread, while it runs no loop. */
#ifndef ISOBAR_API_API_H
#define ISOBAR_API_API_H

#include <stdint.h>

#include "base/contract.h"
#include "base/text.h"
#include "conf/settings.h"
#include "control/control.h"

struct api;

/* Listens on settings->api_socket, and on settings->api_listener when it has an address. Requests are answered once
 * control_run() runs; until then /readyz says 503. NULL with a message for the operator in `error`. */
struct api *api_start(struct control *control, const struct settings *settings, struct text *error) NONNULL MUST_USE;

/* Takes no more requests, lets those under way end (5 s at most), and removes the UNIX socket. Between control_run()
 * and control_free(). NULL is allowed. */
void api_stop(struct api *api);

/* The TCP port, also when the kernel chose it; 0: no TCP. */
uint16_t api_port(const struct api *api) NONNULL;

#endif
