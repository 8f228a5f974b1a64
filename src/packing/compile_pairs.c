/* compile_pairs.c -- what shares a demand group is packed by.
 * In: the plan, or weights.  Out: shares of (primary, backup) pairs within the law.  Threads: control.
 *
 * The first of these that there is:
 *  1. the plan's pairs for the group;
 *  2. the plan's primaries of the default group, cut to what is legal here, as weights;
 *  3. a predictive service for which no weight was written, by the capacities of its regions where all are known;
 *  4. the static weights.
 *
 * By weights every region backs up every other one. With 255 regions that would be 64,770 pairs, more than a small
 * table has slots, and whole slots would then be given to the wrong ones. So a primary gets at most as many backups as
 * leave two slots a pair: not the largest, which would then carry what everybody lost, but a sample in which each one
 * has its chances: points at equal distances along the others' shares, counted from the primary on, so that neighbours
 * don't all have the same ones. */
#include <string.h>

#include "base/hash.h"
#include "packing/compile_parts.h"
#include "plan/weights.h"

static const struct plan_pair *sampled_pairs(const struct job *job, uint16_t group, size_t *count);
static const struct plan_pair *all_pairs(const struct job *job, uint16_t group, size_t *count);
static void find_weights(const struct job *job, struct region_set legal, double *weights);
static bool planned_weights(const struct job *job, struct region_set legal, double *weights);
static bool capacity_weights(const struct job *job, double *weights);
static size_t sample(const struct plan_pair *pairs, size_t count, size_t most, struct plan_pair *sampled);

const struct plan_pair *
compile_pairs(const struct job *job, uint16_t group, size_t *count)
{
	struct subject *subject = &job->subjects[group];
	const struct subject *like = &job->subjects[subject->like];

	if (compile_is_planned(job, group)) {
		subject->pairs = subject->planned->pairs;
		subject->pair_count = subject->planned->pair_count;
	} else if (like->pairs != NULL && like->slots == subject->slots && !compile_is_planned(job, subject->like)) {
		subject->pairs = like->pairs;
		subject->pair_count = like->pair_count;
	} else {
		subject->pairs = sampled_pairs(job, group, &subject->pair_count);
	}
	*count = subject->pair_count;
	return subject->pairs;
}

static const struct plan_pair *
sampled_pairs(const struct job *job, uint16_t group, size_t *count)
{
	const struct subject *subject = &job->subjects[group];
	const struct plan_pair *pairs = all_pairs(job, group, count);
	struct plan_pair *sampled;
	size_t primaries = 0, kept = 0, most;

	if (pairs == NULL || *count == 0)
		return pairs;
	for (size_t i = 0; i < *count; i++)
		primaries += i == 0 || pairs[i].primary != pairs[i - 1].primary;
	most = subject->slots / 2 / primaries;
	most = most < 1 ? 1 : most;
	sampled = arena_alloc(job->scratch, *count * sizeof(*sampled));
	if (sampled == NULL)
		return NULL;
	for (size_t i = 0, n; i < *count; i += n) {
		for (n = 1; i + n < *count && pairs[i + n].primary == pairs[i].primary; n++)
			;
		kept += sample(pairs + i, n, most, sampled + kept);
	}
	*count = kept;
	return sampled;
}

bool
compile_is_planned(const struct job *job, uint16_t group)
{
	const struct plan_group *planned = job->subjects[group].planned;

	return planned != NULL && planned->pair_count > 0;
}

static const struct plan_pair *
all_pairs(const struct job *job, uint16_t group, size_t *count)
{
	double weights[REGIONS_MAX];

	find_weights(job, job->subjects[group].legal, weights);
	return weights_pairs(job->service, weights, job->subjects[group].legal, job->scratch, count);
}

static void
find_weights(const struct job *job, struct region_set legal, double *weights)
{
	if (job->planned != NULL && planned_weights(job, legal, weights))
		return;
	if (capacity_weights(job, weights))
		return;
	weights_static(job->service, weights);
}

static bool
planned_weights(const struct job *job, struct region_set legal, double *weights)
{
	const struct plan_group *general = job->subjects[GROUP_DEFAULT].planned;
	double sum = 0;

	for (size_t i = 0; i < job->service->region_count; i++) {
		region_id r = job->service->regions[i].region;

		weights[i] = 0;
		for (size_t p = 0; general != NULL && p < general->pair_count && region_set_has(&legal, r); p++)
			weights[i] += general->pairs[p].primary == r ? general->pairs[p].share : 0;
		sum += weights[i];
	}
	return sum > 0;
}

static bool
capacity_weights(const struct job *job, double *weights)
{
	if (job->service->policy != POLICY_PREDICTIVE || job->service->weighted)
		return false;
	for (size_t i = 0; i < job->service->region_count; i++) {
		weights[i] = job->steering->regions[job->service->regions[i].region].capacity;
		if (!(weights[i] > 0))
			return false;
	}
	return true;
}

/* Of the pairs of one primary, by backup. Returns how many are left, in the same order. */
static size_t
sample(const struct plan_pair *pairs, size_t count, size_t most, struct plan_pair *sampled)
{
	size_t first = 0, kept = 0, points[REGIONS_MAX] = { 0 };
	double sum = 0, passed = 0;

	if (count <= most) {
		memcpy(sampled, pairs, count * sizeof(*pairs));
		return count;
	}
	for (size_t i = 0; i < count; i++) {
		sum += pairs[i].share;
		first += pairs[i].backup < pairs[i].primary;
	}
	for (size_t i = 0, point = 0; i < count && point < most; i++) {
		size_t at = (first + i) % count;

		passed += pairs[at].share;
		while (point < most && ((double)point + 0.5) * sum / (double)most < passed) {
			points[at]++;
			point++;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (points[i] == 0)
			continue;
		sampled[kept] = pairs[i];
		sampled[kept++].share = sum * (double)points[i] / (double)most;
	}
	return kept;
}

uint64_t
compile_pairs_hash(const struct job *job, uint16_t group)
{
	const struct subject *subject = &job->subjects[group];
	const struct plan_group *planned = subject->planned != NULL ? subject->planned
		: job->subjects[GROUP_DEFAULT].planned;
	uint64_t hash = hash64(&subject->legal, sizeof(subject->legal), subject->slots);

	hash = hash64(&hash, sizeof(hash), compile_is_planned(job, group));
	for (size_t i = 0; planned != NULL && i < planned->pair_count; i++) {
		struct { uint64_t pair; double share; } pair = {
			(uint64_t)planned->pairs[i].primary << 8 | planned->pairs[i].backup, planned->pairs[i].share,
		};

		hash = hash64(&pair, sizeof(pair), hash);
	}
	return subject->planned == NULL ? hash : hash64(subject->planned->order, subject->planned->order_count, hash);
}
