/* guard.c -- cookies and limits on the way of a query.
 * In: a query, what was decided.  Out: go on, send, truncate, drop.  Threads: the worker's own.
 *
 * The policy, by what the client shows:
 *  - By TCP, with a valid cookie, or signed by a key that we know: it's at its address. It's answered and never
 *    limited.
 *  - With a client's cookie only, or one that isn't ours: it's answered, and told ours (RFC 7873 sections 5.2.3,
 * 5.2.4).    Where cookies are required, it gets BADCOOKIE with ours, and comes again with it.
 *  - Without: it's answered within its rate. Where cookies are required, it gets TC, and comes again by TCP.
 * An attack is when more queries than a rate have no valid cookie. It begins at once and is over after a whole second
 * with less than half of that; the seconds are 2^30 ns. */
#include "serve/guard.h"

#include <stdlib.h>

#include "base/hash.h"

#define SECOND_SHIFT 30

_Static_assert(GUARD_KINDS == RATE_KINDS, "each kind has its counters");

struct guard {
	struct guard_options options;
	struct cookie_maker *cookies;
	struct ratelimit *rates;	/* NULL: none */
	enum cookie_state state;	/* of the query that is being answered */
	uint64_t second;		/* that `unverified` counts in */
	uint32_t unverified;
	bool attacked;
};

static void check_cookie(const struct answer_env *env, const struct query *query, struct reply *reply);
static bool demands_cookie(const struct answer_env *env);
static bool is_attacked(struct guard *guard, uint64_t now_ns);

struct guard *
guard_new(const struct guard_options *options, uint64_t seed)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	if (guard == NULL)
		return NULL;
	guard->options = *options;
	guard->cookies = cookie_maker_new();
	if (options->limited)
		guard->rates = ratelimit_new(&options->rates, seed);
	if (guard->cookies != NULL && (guard->rates != NULL || !options->limited))
		return guard;
	guard_free(guard);
	return NULL;
}

void
guard_free(struct guard *guard)
{
	if (guard == NULL)
		return;
	cookie_maker_free(guard->cookies);
	ratelimit_free(guard->rates);
	free(guard);
}

enum guard_verdict
guard_admit(const struct answer_env *env, const struct query *query, enum query_verdict read, bool trusted,
	struct reply *reply)
{
	struct guard *guard = env->guard;
	bool cookies = guard != NULL && env->secrets != NULL;

	if (guard != NULL)
		guard->state = COOKIE_NONE;
	if (cookies)
		check_cookie(env, query, reply);
	if (guard != NULL && trusted)
		guard->state = COOKIE_VALID;
	if (read == QUERY_OK && query->question_length == 0) {
		reply->rcode = !cookies ? RCODE_FORMERR
		    : guard->state == COOKIE_INVALID ? RCODE_BADCOOKIE : RCODE_NOERROR;
		return GUARD_SEND;
	}
	if (read != QUERY_OK)
		return guard_limit(env, query, (struct guard_class){ .kind = RATE_ERROR }) == GUARD_DROP
		    ? GUARD_DROP : GUARD_SEND;
	if (!cookies || !demands_cookie(env))
		return GUARD_GO_ON;
	counter_add(&env->counters->cookies_demanded, 1);
	if (guard->state == COOKIE_NONE)
		reply_truncate(reply);
	else
		reply->rcode = RCODE_BADCOOKIE;
	return GUARD_SEND;
}

static void
check_cookie(const struct answer_env *env, const struct query *query, struct reply *reply)
{
	struct guard *guard = env->guard;
	uint8_t cookie[COOKIE_SIZE];

	guard->state = cookie_check(guard->cookies, env->secrets, query, &env->client, env->now, cookie);
	counter_add(&env->counters->cookies[guard->state], 1);
	if (guard->state != COOKIE_NONE)
		reply_option(reply, EDNS_COOKIE, cookie, sizeof(cookie));
}

static bool
demands_cookie(const struct answer_env *env)
{
	struct guard *guard = env->guard;

	if (guard->options.required == COOKIES_NEVER || env->stream || guard->state == COOKIE_VALID)
		return false;
	return guard->options.required == COOKIES_ALWAYS || is_attacked(guard, env->now_ns);
}

/* Called for each query that shows nothing. */
static bool
is_attacked(struct guard *guard, uint64_t now_ns)
{
	uint64_t second = now_ns >> SECOND_SHIFT;

	if (second != guard->second) {
		guard->attacked = guard->attacked && second - guard->second == 1
		    && guard->unverified >= guard->options.attack_rate / 2;
		guard->second = second;
		guard->unverified = 0;
	}
	if (guard->unverified++ >= guard->options.attack_rate)
		guard->attacked = true;
	return guard->attacked;
}

enum guard_verdict
guard_limit(const struct answer_env *env, const struct query *query, struct guard_class class)
{
	struct guard *guard = env->guard;
	uint64_t about = (uint64_t)(uintptr_t)class.about;
	enum rate_verdict verdict;
	enum rate_kind which;

	if (guard == NULL || guard->rates == NULL || env->stream || guard->state == COOKIE_VALID)
		return GUARD_GO_ON;
	if (class.tailored && query->subnet)
		about = hash64(&query->subnet_address, sizeof(query->subnet_address), about);
	verdict = ratelimit_take(guard->rates, &env->client, class.kind, about, env->now_ns, &which);
	if (verdict == RATE_SEND)
		return GUARD_GO_ON;
	counter_add(&env->counters->limited[verdict == RATE_TRUNCATE][which], 1);
	return guard->options.count_only ? GUARD_GO_ON : verdict == RATE_DROP ? GUARD_DROP : GUARD_TRUNCATE;
}
