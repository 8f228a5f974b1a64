/* guard.h -- who gets a response, and which: cookies (RFC 7873), and limits for those that have none.
 * Threads: a guard belongs to one worker; nothing is allocated, locked or logged after its start. */
#ifndef ISOBAR_SERVE_GUARD_H
#define ISOBAR_SERVE_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/cookie.h"
#include "dns/query.h"
#include "dns/reply.h"
#include "serve/answer.h"
#include "serve/ratelimit.h"

enum cookies_required { COOKIES_NEVER, COOKIES_UNDER_ATTACK, COOKIES_ALWAYS };

struct guard_options {
	enum cookies_required required;
	uint32_t attack_rate;		/* queries/s without a valid cookie, of one worker: it's an attack */
	bool limited;			/* any of the rates isn't 0 */
	bool count_only;		/* what is beyond a rate is counted, and sent all the same */
	struct ratelimit_options rates;
};

enum guard_verdict {
	GUARD_GO_ON,
	GUARD_SEND,		/* the reply is complete but for reply_finish() */
	GUARD_TRUNCATE,		/* without records */
	GUARD_DROP,
};

/* What a response is counted as. */
struct guard_class {
	enum rate_kind kind;
	bool tailored;		/* other networks of the same resolver get another answer: each counts by itself */
	const void *about;	/* the node, delegation or zone; NULL for errors */
};

/* NULL: out of memory, or libcrypto can't make cookies. */
struct guard *guard_new(const struct guard_options *options, uint64_t seed) NONNULL MUST_USE;
void guard_free(struct guard *guard);	/* NULL is allowed */

/* Before anything is looked up: looks at the cookie and puts ours into the reply. GUARD_GO_ON: a good query that may be
 * answered. GUARD_SEND: an error or a demand for a cookie. `trusted`: it's signed by a key that we know. */
enum guard_verdict guard_admit(const struct answer_env *env, const struct query *query, enum query_verdict read,
	bool trusted, struct reply *reply) NONNULL;

/* When it's decided, and before it's written: is it beyond a rate? The query must be the one of the last guard_admit().
 * */
enum guard_verdict guard_limit(const struct answer_env *env, const struct query *query, struct guard_class class)
	NONNULL;

#endif
