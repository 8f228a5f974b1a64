/* ratelimit.c -- token buckets in a table of fixed size.
 * In: who, what kind, when.  Out: send, truncate or drop.  Threads: the worker's own.  Memory: the table, made at
 * start.
 *
 * A bucket is one number: the time at which it will be full again (the generic cell rate algorithm). A response moves
 * it on by 1/rate; beyond now + burst it isn't sent and moves nothing, so that a network under a flood still gets its
 * rate, and forgetting a full bucket loses nothing.
 * The table's sets of four fill a cache line. Where a new bucket finds no room in its set, the one that is full soonest
 * makes way: those of a flood stay, and a flood that forges addresses to wash them out must fill each set with buckets
 * that are emptier still. The hash is seeded, so that nobody knows which networks share a set.
 * Truncated responses (slip) let a client that is real come by TCP, where it isn't limited; they aren't longer than the
 * query was, so they amplify nothing. */
#include "serve/ratelimit.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define WAYS 4

struct bucket {
	uint64_t full_at;	/* ns; in the past: full */
	uint32_t tag;
	uint32_t beyond;	/* responses beyond the rate, for slip */
};

struct ratelimit {
	struct ratelimit_options options;
	uint64_t interval[RATE_KINDS];	/* ns from one response to the next; 0: no limit */
	uint64_t tolerance[RATE_KINDS];	/* ns by which a bucket may be emptied ahead */
	uint64_t seed, set_mask;
	struct bucket (*sets)[WAYS];
};

static bool take(struct ratelimit *limit, const struct address *network, enum rate_kind kind, uint64_t about,
	uint64_t now_ns, struct bucket **bucket);
static struct bucket *find(struct ratelimit *limit, uint64_t hash, uint64_t now_ns);
static bool is_exempt(const struct ratelimit *limit, const struct address *client);

struct ratelimit *
ratelimit_new(const struct ratelimit_options *options, uint64_t seed)
{
	struct ratelimit *limit = calloc(1, sizeof(*limit));
	uint64_t sets = 1;

	if (limit == NULL)
		return NULL;
	limit->options = *options;
	limit->seed = seed;
	while (sets * WAYS < options->entries)
		sets *= 2;
	limit->set_mask = sets - 1;
	limit->sets = aligned_alloc(64, sets * sizeof(*limit->sets));
	if (limit->sets == NULL) {
		free(limit);
		return NULL;
	}
	memset(limit->sets, 0, sets * sizeof(*limit->sets));
	for (size_t k = 0; k < RATE_KINDS; k++) {
		uint64_t burst = (uint64_t)options->burst_ms * 1000000;

		if (options->rates[k] == 0)
			continue;
		limit->interval[k] = UINT64_C(1000000000) / options->rates[k];
		limit->tolerance[k] = burst > limit->interval[k] ? burst - limit->interval[k] : 0;
	}
	return limit;
}

void
ratelimit_free(struct ratelimit *limit)
{
	if (limit == NULL)
		return;
	free(limit->sets);
	free(limit);
}

enum rate_verdict
ratelimit_take(struct ratelimit *limit, const struct address *client, enum rate_kind kind, uint64_t about,
	uint64_t now_ns, enum rate_kind *which)
{
	struct address network = *client;
	struct bucket *bucket = NULL;

	address_mask(&network, client->bits == 32 ? limit->options.ipv4_prefix : limit->options.ipv6_prefix);
	*which = kind;
	if (take(limit, &network, kind, about, now_ns, &bucket)) {
		*which = RATE_ALL;
		if (take(limit, &network, RATE_ALL, 0, now_ns, &bucket))
			return RATE_SEND;
	}
	/* Few are beyond their rate, so the list is looked at last. */
	if (is_exempt(limit, client))
		return RATE_SEND;
	bucket->beyond++;
	return limit->options.slip > 0 && bucket->beyond % limit->options.slip == 0 ? RATE_TRUNCATE : RATE_DROP;
}

static bool
take(struct ratelimit *limit, const struct address *network, enum rate_kind kind, uint64_t about, uint64_t now_ns,
	struct bucket **bucket)
{
	struct { struct address network; uint64_t about; uint32_t kind, zero; } key;
	uint64_t from;

	if (limit->interval[kind] == 0)
		return true;
	memset(&key, 0, sizeof(key));
	key.network = *network;
	key.about = about;
	key.kind = kind;
	*bucket = find(limit, hash64(&key, sizeof(key), limit->seed), now_ns);
	from = (*bucket)->full_at > now_ns ? (*bucket)->full_at : now_ns;
	if (from - now_ns > limit->tolerance[kind])
		return false;
	(*bucket)->full_at = from + limit->interval[kind];
	return true;
}

static struct bucket *
find(struct ratelimit *limit, uint64_t hash, uint64_t now_ns)
{
	struct bucket *set = limit->sets[hash & limit->set_mask], *soonest = set;
	uint32_t tag = (uint32_t)(hash >> 32);

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].tag == tag)
			return &set[i];
		if (set[i].full_at < soonest->full_at)
			soonest = &set[i];
	}
	*soonest = (struct bucket){ .full_at = now_ns, .tag = tag };
	return soonest;
}

static bool
is_exempt(const struct ratelimit *limit, const struct address *client)
{
	for (size_t i = 0; i < limit->options.exempt_count; i++)
		if (prefix_covers(&limit->options.exempt[i], client))
			return true;
	return false;
}
