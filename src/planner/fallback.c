/* fallback.c -- what is done when the program can't be solved: out of time, or the solver gave up.
 * In: a scene.  Out: shares in its arena.  Threads: any.
 *
 * A client keeps its last shares, cut to what lives and is legal. One that had none is shared by capacity among its
 * legal regions, a region of unknown capacity counting as the mean of the known. The backup is the next one in a
 * circle, in steps that differ from client to client, so that what one region loses is spread over all others. Nothing
 * here looks at limits: it's what is left when nothing better can be had, and always legal. */
#include "planner/fallback.h"

#include <math.h>

#include "planner/sharing.h"

static bool clip(const struct scene *scene, size_t c, struct planner_share *share);
static bool by_capacity(const struct scene *scene, size_t c, struct planner_share *share);
static double mean_capacity(const struct scene *scene, size_t c);
static region_id next_of(const struct scene_client *client, region_id primary);

struct planner_share *
fallback_shares(const struct scene *scene, enum planner_method *method)
{
	struct planner_share *shares = arena_alloc(scene->arena, (scene->client_count + 1) * sizeof(*shares));

	*method = PLANNER_BY_CAPACITY;
	for (size_t c = 0; shares != NULL && c < scene->client_count; c++) {
		const struct planner_clients *in = &scene->problem->clients[c];
		const struct scene_client *client = &scene->clients[c];
		bool done = true;

		shares[c] = (struct planner_share){ .order = client->order, .order_count = client->order_count };
		if (in->fixed) {
			shares[c].pairs = in->before;
			shares[c].pair_count = in->before_count;
		} else if (client->planned && client->had_before) {
			*method = PLANNER_CLIPPED;
			done = clip(scene, c, &shares[c]);
		} else if (client->planned) {
			done = by_capacity(scene, c, &shares[c]);
		}
		if (!done)
			return NULL;
	}
	return shares;
}

static bool
clip(const struct scene *scene, size_t c, struct planner_share *share)
{
	const struct planner_clients *in = &scene->problem->clients[c];
	struct plan_pair *pairs = arena_alloc(scene->arena, (in->before_count + 1) * sizeof(*pairs));

	if (pairs == NULL)
		return false;
	for (size_t i = 0; i < in->before_count; i++)
		pairs[i] = fallback_clip(scene, c, in->before[i]);
	share->pairs = pairs;
	share->pair_count = sharing_clean(pairs, in->before_count);
	return true;
}

struct plan_pair
fallback_clip(const struct scene *scene, size_t c, struct plan_pair pair)
{
	const struct scene_client *client = &scene->clients[c];
	bool has_primary = pair.primary != NO_REGION && region_set_has(&client->legal, pair.primary);
	bool has_backup = pair.backup != NO_REGION && region_set_has(&client->legal, pair.backup);

	if (!has_primary) {	/* also what was shed: whether that is needed isn't known here */
		pair.primary = has_backup ? pair.backup : client->order[0];
		has_backup = false;
	}
	if (!has_backup)
		pair.backup = next_of(client, pair.primary);
	return pair;
}

static region_id
next_of(const struct scene_client *client, region_id primary)
{
	if (client->order_count < 2)
		return NO_REGION;
	return client->order[client->order[0] == primary ? 1 : 0];
}

static bool
by_capacity(const struct scene *scene, size_t c, struct planner_share *share)
{
	const struct scene_client *client = &scene->clients[c];
	size_t count = client->order_count, step = count > 1 ? 1 + c % (count - 1) : 0;
	struct plan_pair *pairs = arena_alloc(scene->arena, (count + 1) * sizeof(*pairs));
	double mean = mean_capacity(scene, c), sum = 0;

	if (pairs == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		double capacity = scene->problem->regions[client->order[i]].capacity;

		pairs[i] = (struct plan_pair){ .primary = client->order[i],
			.backup = count > 1 ? client->order[(i + step) % count] : NO_REGION,
			.share = capacity > 0 && isfinite(capacity) ? capacity : mean };
		sum += pairs[i].share;
	}
	for (size_t i = 0; i < count; i++)
		pairs[i].share /= sum;
	share->pairs = pairs;
	share->pair_count = sharing_clean(pairs, count);
	return true;
}

static double
mean_capacity(const struct scene *scene, size_t c)
{
	const struct scene_client *client = &scene->clients[c];
	double sum = 0;
	size_t known = 0;

	for (size_t i = 0; i < client->order_count; i++) {
		double capacity = scene->problem->regions[client->order[i]].capacity;

		if (capacity > 0 && isfinite(capacity)) {
			sum += capacity;
			known++;
		}
	}
	return known > 0 ? sum / (double)known : 1;
}
