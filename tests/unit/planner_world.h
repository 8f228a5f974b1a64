/* planner_world.h -- worlds for tests of the planner: written down by hand, or by dice. In: a seed.  Out: a problem whose
 * storage lies in the struct.  Threads: any. */
#ifndef ISOBAR_TESTS_PLANNER_WORLD_H
#define ISOBAR_TESTS_PLANNER_WORLD_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "planner/planner.h"

#define WORLD_REGIONS 7
#define WORLD_CLIENTS 9
#define WORLD_GROUPS 3
#define WORLD_PAIRS (WORLD_REGIONS * WORLD_REGIONS)

struct planner_world {
	struct planner_problem problem;
	struct planner_region regions[WORLD_REGIONS];
	struct planner_clients clients[WORLD_CLIENTS];
	struct planner_risk_group groups[WORLD_GROUPS];
	double latency[WORLD_CLIENTS][WORLD_REGIONS], target[WORLD_CLIENTS][WORLD_REGIONS];
	struct plan_pair before[WORLD_CLIENTS][WORLD_PAIRS];
	uint64_t state;
};

static const char *const world_names[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i" };

static inline double
world_dice(struct planner_world *world)
{
	uint64_t z = world->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static inline size_t
world_below(struct planner_world *world, size_t count)
{
	return (size_t)(world_dice(world) * (double)count);
}

/* Regions and clients without peculiarities: all legal, no limits but capacities. */
static inline void
world_init(struct planner_world *world, size_t regions, size_t clients)
{
	memset(world, 0, sizeof(*world));
	for (size_t r = 0; r < regions; r++)
		world->regions[r] = (struct planner_region){ .name = world_names[r], .capacity = 100 };
	for (size_t c = 0; c < clients; c++) {
		world->clients[c] = (struct planner_clients){ .name = world_names[c], .demand = 10, .class = 1,
			.latency = world->latency[c], .latency_cap = INFINITY, .before = world->before[c] };
		for (size_t r = 0; r < regions; r++)
			region_set_add(&world->clients[c].legal, (region_id)r);
	}
	world->problem = (struct planner_problem){ .region_count = regions, .regions = world->regions,
		.client_count = clients, .clients = world->clients, .risk_groups = world->groups, .normal_limit = 1,
		.loss_limit = 1, .failure_cost = 100, .nearest = 3, .time_limit_ms = 60000 };
}

/* `used`: demand / capacity. The more of it, the more worlds can't keep their limits. */
static inline void
world_random(struct planner_world *world, uint64_t seed, double used)
{
	double demand = 0, capacity = 0;
	size_t regions, clients;
	uint64_t state;

	memset(world, 0, sizeof(*world));
	world->state = seed * 0x2545f4914f6cdd1du + 1;
	regions = 2 + world_below(world, WORLD_REGIONS - 1);
	clients = 1 + world_below(world, WORLD_CLIENTS);
	state = world->state;
	world_init(world, regions, clients);
	world->state = state;
	for (size_t r = 0; r < regions; r++) {
		world->regions[r].capacity = 20 + 100 * world_dice(world);
		world->regions[r].failure = world_dice(world) < 0.7 ? 0.1 * world_dice(world) * world_dice(world) : 0;
		world->regions[r].price = world_dice(world) < 0.3 ? 10 * world_dice(world) : 0;
		capacity += world->regions[r].capacity;
	}
	for (size_t c = 0; c < clients; c++) {
		world->clients[c].demand = 1 + 40 * world_dice(world) * world_dice(world);
		demand += world->clients[c].demand;
		for (size_t r = 0; r < regions; r++) {
			world->latency[c][r] = 5 + 200 * world_dice(world);
			if (regions > 2 && world_dice(world) < 0.15)
				region_set_remove(&world->clients[c].legal, (region_id)r);
		}
	}
	for (size_t r = 0; r < regions; r++) {
		world->regions[r].capacity *= demand / capacity / used;
		if (world_dice(world) < 0.05)
			world->regions[r].capacity = 0;
	}
	world->problem.risk_group_count = world_below(world, WORLD_GROUPS + 1);
	for (size_t q = 0; q < world->problem.risk_group_count; q++) {
		world->groups[q] = (struct planner_risk_group){ .name = q == 0 ? "north" : q == 1 ? "south" : "west",
			.failure = 0.01 * world_dice(world) };
		for (int i = 0; i < 3; i++)
			region_set_add(&world->groups[q].regions, (region_id)world_below(world, regions));
	}
	world->problem.normal_limit = 0.8 + 0.2 * world_dice(world);
	world->problem.loss_limit = 0.9 + 0.1 * world_dice(world);
	world->problem.common_error = 0.05 * world_dice(world);
	world->problem.quantile_z = 1.64;
	world->problem.churn_cost = 5 * world_dice(world);
}

/* Caps, targets, a last plan, a dead region, fixed clients, classes. */
static inline void
world_complicate(struct planner_world *world)
{
	size_t regions = world->problem.region_count;

	for (size_t c = 0; c < world->problem.client_count; c++) {
		struct planner_clients *clients = &world->clients[c];
		double left = 1;

		if (world_dice(world) < 0.3)
			clients->latency_cap = 30 + 150 * world_dice(world);
		if (world_dice(world) < 0.3) {
			for (size_t r = 0; r < regions; r++)
				world->target[c][r] = world_dice(world) < 0.5 ? 1 : 0;
			clients->target = world->target[c];
			for (size_t r = 0; r < regions; r++)
				world->target[c][r] /= (double)regions;
			clients->target_cost = 60 * world_dice(world);
		}
		clients->class = 1 + (unsigned)world_below(world, 9);
		clients->sheddable = world_dice(world) < 0.3;
		clients->fixed = world_dice(world) < 0.1;
		if (world_dice(world) < 0.5 && !clients->fixed)
			continue;
		for (size_t i = 0; i < 3 && left > 0; i++) {
			region_id k = (region_id)world_below(world, regions), b = (region_id)world_below(world, regions);
			double share = i == 2 ? left : left * world_dice(world);

			if (k == b || (clients->before_count > 0 && k <= clients->before[clients->before_count - 1].primary))
				continue;
			world->before[c][clients->before_count++] = (struct plan_pair){ k, b, share };
			left -= share;
		}
		if (clients->before_count > 0)
			world->before[c][clients->before_count - 1].share += left;
		else
			clients->fixed = false;
	}
	if (regions > 2 && world_dice(world) < 0.3)
		region_set_add(&world->problem.dead, (region_id)world_below(world, regions));
}

/* The result becomes the last plan. */
static inline void
world_adopt(struct planner_world *world, const struct planner_result *result)
{
	for (size_t c = 0; c < world->problem.client_count; c++) {
		const struct planner_share *share = &result->shares[c];

		if (world->clients[c].fixed)
			continue;
		memcpy(world->before[c], share->pairs, share->pair_count * sizeof(*share->pairs));
		world->clients[c].before_count = share->pair_count;
	}
}

#endif
