/* mincut.c -- maximal flow from clients through the regions that they reach.
 * In: demands with the regions they reach, room by region.  Out: what is missing, and the minimal cut.  Threads: any.
 *
 * Clients with the same reach and tier are one node: residency makes few classes of them. Flow grows along shortest
 * augmenting paths (Edmonds and Karp) on a dense table, tier by tier: a path never takes back what a node sends in all,
 * so the lower tiers keep what they have, and each tier gets the most that is left for it.
 * The cut: nodes that are short, the regions that they reach, whoever has flow to these, and so on. All these regions
 * are full, and only these nodes fill them: demand - room = what is missing. */
#include "planner/mincut.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct node {
	struct region_set reach;
	unsigned tier;
	double left;			/* demand without flow */
	size_t from;			/* on a path: the region that it came from, or SIZE_MAX: it began here */
	bool reached;
};

struct flow {
	size_t node_count, region_count;
	double least;
	struct node *nodes;
	double *sent;			/* [node * region_count + region] */
	double room[REGIONS_MAX];	/* left */
	bool reached[REGIONS_MAX];
	size_t from[REGIONS_MAX];	/* node */
	size_t *queue;
	size_t *table, table_size;	/* nodes + 1 by their hash */
};

static size_t *collect_nodes(struct flow *flow, const struct mincut_demand *demands, size_t count);
static size_t node_of(struct flow *flow, const struct mincut_demand *demand);
static size_t hash_of(const struct mincut_demand *demand);
static void send_directly(struct flow *flow, unsigned tier);
static bool augment(struct flow *flow, unsigned tier);
static size_t search(struct flow *flow, unsigned tier, bool all);
static void send_along(struct flow *flow, size_t region);
static void take_cut(struct flow *flow, const struct mincut_demand *demands, size_t count, const size_t *node,
	const double *room, struct mincut *cut);

bool
mincut_find(const struct mincut_demand *demands, size_t count, const double *room, size_t region_count, double least,
    struct mincut *cut, double *missing)
{
	struct flow flow = { .region_count = region_count, .least = least };
	size_t *node = collect_nodes(&flow, demands, count);
	bool *clients = cut->clients;

	*cut = (struct mincut){ .clients = clients };
	*missing = 0;
	flow.sent = calloc(flow.node_count * region_count + 1, sizeof(*flow.sent));
	flow.queue = malloc((flow.node_count + 1) * sizeof(*flow.queue));
	if (node == NULL || flow.sent == NULL || flow.queue == NULL) {
		free(node);
		free(flow.nodes);
		free(flow.sent);
		free(flow.queue);
		return false;
	}
	memset(clients, 0, count * sizeof(*clients));
	memcpy(flow.room, room, region_count * sizeof(*room));
	for (unsigned tier = 0; tier < MINCUT_TIERS; tier++) {
		send_directly(&flow, tier);
		while (augment(&flow, tier))
			;
	}
	for (size_t n = 0; n < flow.node_count; n++) {
		cut->missing[flow.nodes[n].tier] += flow.nodes[n].left;
		*missing += flow.nodes[n].left;
	}
	if (*missing > least)
		take_cut(&flow, demands, count, node, room, cut);
	else
		*missing = 0;
	free(node);
	free(flow.nodes);
	free(flow.sent);
	free(flow.queue);
	return true;
}

/* The node of each demand, SIZE_MAX for one that reaches nobody. */
static size_t *
collect_nodes(struct flow *flow, const struct mincut_demand *demands, size_t count)
{
	size_t *node = malloc((count + 1) * sizeof(*node));

	for (flow->table_size = 16; flow->table_size < 2 * count; flow->table_size *= 2)
		;
	flow->nodes = calloc(count + 1, sizeof(*flow->nodes));
	flow->table = calloc(flow->table_size, sizeof(*flow->table));
	if (node == NULL || flow->nodes == NULL || flow->table == NULL) {
		free(flow->table);
		free(node);
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		node[i] = SIZE_MAX;
		if (region_set_is_empty(demands[i].reach) || !(demands[i].amount > 0))
			continue;
		node[i] = node_of(flow, &demands[i]);
		flow->nodes[node[i]].left += demands[i].amount;
	}
	free(flow->table);
	return node;
}

static size_t
node_of(struct flow *flow, const struct mincut_demand *demand)
{
	size_t at = hash_of(demand) & (flow->table_size - 1);

	for (; flow->table[at] != 0; at = (at + 1) & (flow->table_size - 1)) {
		const struct node *node = &flow->nodes[flow->table[at] - 1];

		if (node->tier == demand->tier && memcmp(&node->reach, &demand->reach, sizeof(demand->reach)) == 0)
			return flow->table[at] - 1;
	}
	flow->nodes[flow->node_count] = (struct node){ .reach = demand->reach, .tier = demand->tier };
	flow->table[at] = flow->node_count + 1;
	return flow->node_count++;
}

static size_t
hash_of(const struct mincut_demand *demand)
{
	uint64_t hash = demand->tier;

	for (size_t i = 0; i < 4; i++)
		hash = (hash ^ demand->reach.words[i]) * 0x9e3779b97f4a7c15u;
	return (size_t)(hash >> 20);
}

static void
send_directly(struct flow *flow, unsigned tier)
{
	for (size_t n = 0; n < flow->node_count; n++) {
		struct node *node = &flow->nodes[n];

		for (size_t r = 0; r < flow->region_count && node->tier == tier && node->left > 0; r++) {
			double amount = fmin(node->left, flow->room[r]);

			if (!region_set_has(&node->reach, (region_id)r) || !(amount > 0))
				continue;
			flow->sent[n * flow->region_count + r] += amount;
			flow->room[r] -= amount;
			node->left -= amount;
		}
	}
}

/* One more path from a short node of this tier to a region with room. */
static bool
augment(struct flow *flow, unsigned tier)
{
	size_t region = search(flow, tier, false);

	if (region == SIZE_MAX)
		return false;
	send_along(flow, region);
	return true;
}

/* Breadth first. A region with room that was reached, or SIZE_MAX; `all`: from short nodes of every tier. */
static size_t
search(struct flow *flow, unsigned tier, bool all)
{
	size_t begin = 0, end = 0;

	memset(flow->reached, 0, sizeof(flow->reached));
	for (size_t n = 0; n < flow->node_count; n++) {
		struct node *node = &flow->nodes[n];

		node->reached = (all || node->tier == tier) && node->left > flow->least / 1000;
		node->from = SIZE_MAX;
		if (node->reached)
			flow->queue[end++] = n;
	}
	while (begin < end) {
		size_t n = flow->queue[begin++];

		for (size_t r = 0; r < flow->region_count; r++) {
			if (flow->reached[r] || !region_set_has(&flow->nodes[n].reach, (region_id)r))
				continue;
			flow->reached[r] = true;
			flow->from[r] = n;
			if (flow->room[r] > 0)
				return r;
			for (size_t m = 0; m < flow->node_count; m++) {
				if (flow->nodes[m].reached || !(flow->sent[m * flow->region_count + r] > 0))
					continue;
				flow->nodes[m].reached = true;
				flow->nodes[m].from = r;
				flow->queue[end++] = m;
			}
		}
	}
	return SIZE_MAX;
}

static void
send_along(struct flow *flow, size_t region)
{
	double amount = flow->room[region];
	size_t r = region, n;

	for (n = flow->from[r]; flow->nodes[n].from != SIZE_MAX; n = flow->from[r]) {
		r = flow->nodes[n].from;
		amount = fmin(amount, flow->sent[n * flow->region_count + r]);
	}
	amount = fmin(amount, flow->nodes[n].left);
	flow->nodes[n].left -= amount;
	flow->room[region] -= amount;
	for (r = region;; r = flow->nodes[n].from) {
		n = flow->from[r];
		flow->sent[n * flow->region_count + r] += amount;
		if (flow->nodes[n].from == SIZE_MAX)
			return;
		flow->sent[n * flow->region_count + flow->nodes[n].from] -= amount;
	}
}

static void
take_cut(struct flow *flow, const struct mincut_demand *demands, size_t count, const size_t *node, const double *room,
    struct mincut *cut)
{
	if (search(flow, 0, true) != SIZE_MAX)
		return;		/* rounding left a crumb of room */
	for (size_t i = 0; i < count; i++) {
		cut->clients[i] = node[i] != SIZE_MAX && flow->nodes[node[i]].reached;
		cut->demand += cut->clients[i] ? demands[i].amount : 0;
	}
	for (size_t r = 0; r < flow->region_count; r++) {
		if (flow->reached[r]) {
			region_set_add(&cut->regions, (region_id)r);
			cut->room += room[r];
		}
	}
}
