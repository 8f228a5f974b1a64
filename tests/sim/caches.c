/* caches.c -- a wheel of buckets with one entry for each key: the time of its next question.
 * In: who asks how much, and an authority.  Out: which region each key uses at any time, and so the load of the regions.
 *
 * A key's cycle: the first request after the answer ran out is the question; the answer holds for T x stretch; then comes
 * a gap, exponential in 1 / rate, until the next request. All its requests of one cycle use one answer, so the mean rate
 * that a region sees from it is the key's rate, and it counts as that region's until the next answer.
 * Time goes in steps of T / 200; the wheel has 4096 of them, and what lies further away waits in its last one. With 10^6
 * resolvers an event costs some tens of nanoseconds, most of them for memory. */
#include "caches.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_PER_TTL 200
#define WHEEL 4096
#define NOBODY UINT32_MAX

struct caches {
	struct caches_setup setup;
	struct dice dice;
	double step_s;
	uint64_t step, events;		/* steps done */
	double next_tick_s;
	uint32_t wheel[WHEEL], *next;	/* lists of keys by step */
	float *due, *expiry;		/* s: next question, end of the answer */
	region_id *answers;
	double *demand;			/* by group */
	double *mass;			/* [group][region + 1]: parts of the group's demand; the last: nobody */
};

static void begin(struct caches *c);
static void question(struct caches *c, uint32_t key, double now);
static void wait_for(struct caches *c, uint32_t key);
static void tick(struct caches *c, double now);
static void count_loads(const struct caches *c, double *loads);
static void *many(size_t count, size_t size);

static double
rate_of(const struct caches *c, size_t key)
{
	const struct population *p = c->setup.population;
	double rate = c->demand[p->group[key]] * (double)p->part[key];

	return rate > 1e-9 ? rate : 1e-9;
}

static double
ttl_of(const struct caches *c, size_t key)
{
	return c->setup.ttl_s * (double)c->setup.population->stretch[key];
}

struct caches *
caches_new(const struct caches_setup *setup)
{
	struct caches *c = many(1, sizeof(*c));
	size_t keys = setup->population->count;

	c->setup = *setup;
	c->dice = dice_new(setup->seed, 7);
	c->step_s = setup->ttl_s / STEPS_PER_TTL;
	c->next = many(keys, sizeof(*c->next));
	c->due = many(keys, sizeof(*c->due));
	c->expiry = many(keys, sizeof(*c->expiry));
	c->answers = many(keys, sizeof(*c->answers));
	c->demand = many(setup->globe->group_count, sizeof(*c->demand));
	c->mass = many(setup->globe->group_count * (setup->globe->region_count + 1), sizeof(*c->mass));
	memset(c->wheel, 0xff, sizeof(c->wheel));
	begin(c);
	return c;
}

void
caches_free(struct caches *c)
{
	if (c == NULL)
		return;
	free(c->next);
	free(c->due);
	free(c->expiry);
	free(c->answers);
	free(c->demand);
	free(c->mass);
	free(c);
}

static double *
mass_of(struct caches *c, size_t key, region_id region)
{
	size_t regions = c->setup.globe->region_count;

	return &c->mass[c->setup.population->group[key] * (regions + 1) + (region == NO_REGION ? regions : region)];
}

/* Each key at a moment of its cycle that is as probable as it lasts: within its answer, or in the gap behind it. */
static void
begin(struct caches *c)
{
	tick(c, 0);
	for (uint32_t key = 0; key < c->setup.population->count; key++) {
		double ttl = ttl_of(c, key), gap = 1 / rate_of(c, key);
		bool cached = dice_uniform(&c->dice) * (ttl + gap) < ttl;

		c->answers[key] = c->setup.answer(c->setup.context, key, &c->dice);
		*mass_of(c, key, c->answers[key]) += (double)c->setup.population->part[key];
		c->expiry[key] = cached ? (float)(ttl * dice_uniform(&c->dice)) : 0;
		c->due[key] = (float)((double)c->expiry[key] + dice_exponential(&c->dice, gap));
		wait_for(c, key);
	}
	c->next_tick_s = c->setup.tick_s;
}

void
caches_run(struct caches *c, double until_s)
{
	while ((double)c->step * c->step_s < until_s) {
		double now = (double)c->step * c->step_s;
		uint32_t key, *bucket = &c->wheel[c->step % WHEEL];

		if (now >= c->next_tick_s - 1e-9) {
			tick(c, now);
			c->next_tick_s += c->setup.tick_s;
		}
		key = *bucket;
		*bucket = NOBODY;
		c->step++;
		while (key != NOBODY) {
			uint32_t following = c->next[key];

			if ((double)c->due[key] < now + c->step_s)
				question(c, key, now);
			wait_for(c, key);
			key = following;
		}
	}
}

static void
question(struct caches *c, uint32_t key, double now)
{
	region_id region = c->setup.answer(c->setup.context, key, &c->dice);

	c->events++;
	if (region != c->answers[key]) {
		*mass_of(c, key, c->answers[key]) -= (double)c->setup.population->part[key];
		*mass_of(c, key, region) += (double)c->setup.population->part[key];
		c->answers[key] = region;
	}
	now = fmax(now, (double)c->due[key]);
	c->expiry[key] = (float)(now + ttl_of(c, key));
	c->due[key] = (float)((double)c->expiry[key] + dice_exponential(&c->dice, 1 / rate_of(c, key)));
}

static void
wait_for(struct caches *c, uint32_t key)
{
	uint64_t step = (uint64_t)((double)c->due[key] / c->step_s);
	uint32_t *bucket;

	if (step < c->step)
		step = c->step;
	if (step > c->step + WHEEL - 2)
		step = c->step + WHEEL - 2;
	bucket = &c->wheel[step % WHEEL];
	c->next[key] = *bucket;
	*bucket = key;
}

static void
tick(struct caches *c, double now)
{
	double loads[REGIONS_MAX];

	count_loads(c, loads);
	c->setup.tick(c->setup.context, now, c->demand, loads);
}

static void
count_loads(const struct caches *c, double *loads)
{
	size_t regions = c->setup.globe->region_count;

	memset(loads, 0, regions * sizeof(*loads));
	for (size_t g = 0; g < c->setup.globe->group_count; g++)
		for (size_t r = 0; r < regions; r++)
			loads[r] += c->demand[g] * c->mass[g * (regions + 1) + r];
}

double
caches_holding(const struct caches *c, region_id region)
{
	double now = (double)c->step * c->step_s, sum = 0;

	for (size_t key = 0; key < c->setup.population->count; key++)
		if (c->answers[key] == region && (double)c->expiry[key] > now)
			sum += rate_of(c, key);
	return sum;
}

double
caches_holding_expected(const struct caches *c, const uint8_t *had_it, double after_s)
{
	double sum = 0;

	for (size_t key = 0; key < c->setup.population->count; key++) {
		double ttl = ttl_of(c, key), rate = rate_of(c, key);

		if (had_it[key] && ttl > after_s)
			sum += rate * (ttl - after_s) / (ttl + 1 / rate);
	}
	return sum;
}

uint64_t
caches_events(const struct caches *c)
{
	return c->events;
}

const region_id *
caches_answers(const struct caches *c)
{
	return c->answers;
}

static void *
many(size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (memory == NULL)
		abort();
	return memory;
}
