/* dnstap_message.h -- an exchange as a message of dnstap. Private to tap/. Threads: any; pure. */
#ifndef ISOBAR_TAP_DNSTAP_MESSAGE_H
#define ISOBAR_TAP_DNSTAP_MESSAGE_H

#include <stdbool.h>

#include "base/contract.h"
#include "tap/dnstap.pb-c.h"
#include "tap/tap.h"

/* Points into what it was made from, and into itself: it isn't copied. */
struct dnstap_message {
	Dnstap__Dnstap outer;
	Dnstap__Message message;
};

/* The query, or the response to it. Returns how many octets it's in protobuf; dnstap__dnstap__pack() writes them. */
size_t dnstap_message_make(struct dnstap_message *m, const struct tap_seen *seen, bool response, const char *identity,
	const char *version) NONNULL;

#endif
