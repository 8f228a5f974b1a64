/* asker.h -- one question to a nameserver, and what came back, as a text that can be compared. Blocking. Threads:
 * one. */
#ifndef ISOBAR_CTL_ASKER_H
#define ISOBAR_CTL_ASKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/contract.h"
#include "base/text.h"

#define ASKER_TIMEOUT_MS 2000
#define ASKER_TRIES 3

struct asker_question {
	const uint8_t *name;		/* lower-case wire form */
	uint16_t type;
	struct prefix client;		/* sent as ECS; .address.bits 0: none */
};

struct asker_answer {
	struct text records;		/* rcode if it isn't NOERROR, then TYPE RDATA, sorted; "NODATA" without any */
	char nsid[256];			/* printable, or "" */
};

/* By UDP, again when nothing comes, by TCP when the answer was cut. False: the server didn't answer, `why` says how. */
bool asker_ask(const struct address *server, uint16_t port, const struct asker_question *question,
	struct asker_answer *answer, struct text *why) NONNULL MUST_USE;
void asker_answer_fini(struct asker_answer *answer) NONNULL;

/* For tests: the answer that these octets are; false: they aren't one to this question. */
bool asker_read(const uint8_t *bytes, size_t length, const struct asker_question *question, uint16_t id,
	struct asker_answer *answer, bool *cut) NONNULL MUST_USE;

#endif
