/* observe.c -- what a worker remembers of an answer.
 * In: a service, a client, the decision.  Out: counts in the worker's row and sketch.
 * Threads: any, each with its own row; the control thread reads the counts at any time, relaxed, and the sketch when
 * the worker has another one.
 *
 * A client asks for A, AAAA and HTTPS at once, and its resolver asks for each of them: what is counted is one type a
 * service, so that demand is counted once. A counter is 32 bits wide and may overrun; who reads takes differences.
 *
 * The counts of slots are the one thing here that leaves the first-level cache, at some nanoseconds an answer. */
#include "serve/observe.h"

#include "steer/law.h"
#include "steer/sketch.h"

static void count(uint32_t *counter);
static void check(const struct answer_env *env, const struct service *service, const struct steered_client *client,
	const struct steered *chosen);

void
observe(const struct answer_env *env, const struct service *service, const struct steered_client *client,
	const struct steered *chosen, uint16_t type)
{
	const struct worker_row *row = env->row;

	if (type == service->counted_type) {
		count(&row->asked[snapshot_cell(env->snapshot, service, &chosen->place)]);
		if (service->slot_base != NULL && service->slot_base[chosen->demand_group] != SLOTS_UNCOUNTED)
			count(&row->slots[service->index][service->slot_base[chosen->demand_group] + chosen->slot]);
		if (env->sketch != NULL && service->intent->policy == POLICY_PREDICTIVE)
			sketch_see(env->sketch, service->seed, &client->address, client->length);
	}
	if ((env->counters->steered & service->check_mask) == 0)
		check(env, service, client, chosen);
}

static void
count(uint32_t *counter)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

/* A second opinion on where the client was sent, from the rules themselves. */
static void
check(const struct answer_env *env, const struct service *service, const struct steered_client *client,
	const struct steered *chosen)
{
	if (chosen->pick.region == NO_REGION)
		return;
	counter_add(&env->row->checked, 1);
	if (!law_allows(env->snapshot->steering, service->intent, env->snapshot->geo, &client->address,
	    chosen->pick.region))
		counter_add(&env->row->violations, 1);
}
