/* pace.c -- see pace.h.
 * In: clients that begin something.  Out: whether they may.  Threads: any, by one lock.
 * It's the table of response rate limiting, but one for all workers: the kernel spreads connections by a hash, so a
 * worker's part of the rate would hold back a client whose few connections happen to meet in one.
 * A second's worth may be saved up and come at once twice: resolvers that restart come with many connections, and
 * clients behind one address come in bursts. */
#include "serve/pace.h"

#include <stdlib.h>
#include <sys/random.h>
#include <uv.h>

#include "serve/ratelimit.h"

#define BURST_MS 2000
#define ENTRIES 16384		/* prefixes that are known at once; 256 KB */

struct pace {
	uv_mutex_t lock;
	struct ratelimit *table;	/* NULL: no limit */
};

struct pace *
pace_new(const struct pace_limits *limits)
{
	const struct ratelimit_options options = {
		.rates = { [RATE_ALL] = limits->rate }, .burst_ms = BURST_MS, .entries = ENTRIES,
		.ipv4_prefix = (uint8_t)limits->ipv4_prefix, .ipv6_prefix = (uint8_t)limits->ipv6_prefix,
	};
	struct pace *pace = calloc(1, sizeof(*pace));
	uint64_t seed;

	if (pace == NULL)
		return NULL;
	if (uv_mutex_init(&pace->lock) != 0) {
		free(pace);
		return NULL;
	}
	if (limits->rate > 0 && getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		pace->table = ratelimit_new(&options, seed);
	if (limits->rate == 0 || pace->table != NULL)
		return pace;
	pace_free(pace);
	return NULL;
}

void
pace_free(struct pace *pace)
{
	if (pace == NULL)
		return;
	ratelimit_free(pace->table);
	uv_mutex_destroy(&pace->lock);
	free(pace);
}

bool
pace_take(struct pace *pace, const struct address *client, uint64_t now_ns)
{
	enum rate_kind which;
	bool within;

	if (pace->table == NULL || client->bits == 0)
		return true;
	uv_mutex_lock(&pace->lock);
	/* Of the other kinds none has a rate. */
	within = ratelimit_take(pace->table, client, RATE_ANSWER, 0, now_ns, &which) == RATE_SEND;
	uv_mutex_unlock(&pace->lock);
	return within;
}
