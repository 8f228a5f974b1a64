/* propose_words.c -- method, relaxations, overloads and prices of a plan.
 * In: the planner's problem and result.  Out: the plan's texts and lists.
 * Threads: any; pure but for the arena. */
#include "planner/propose_words.h"

#include <math.h>

#include "base/text.h"

#define CAUSES_MAX 3	/* of a price: the dearest rows explain it */
#define SLACK 1e-6	/* of a capacity: what rounding leaves */

static bool add_case(struct plan *plan, const struct planner_problem *problem, const struct planner_result *result,
	struct region_set lost, const char *name, double limit, double *loads);
static void add_cause(struct text *why, const struct planner_problem *problem, const struct planner_price *price,
	bool first);

const char *
propose_method(enum planner_method method)
{
	static const char *const texts[] = { [PLANNER_OPTIMAL] = "optimal", [PLANNER_RELAXED] = "relaxed",
		[PLANNER_CLIPPED] = "clipped", [PLANNER_BY_CAPACITY] = "by-capacity" };

	return (size_t)method < ARRAY_SIZE(texts) ? texts[method] : "unknown";
}

bool
propose_relaxations(struct plan *plan, const struct planner_result *result)
{
	static const char *const kinds[] = { [RELAX_MARGINS] = "margins", [RELAX_NEAREST] = "nearest",
		[RELAX_LATENCY] = "latency", [RELAX_LOSS] = "loss", [RELAX_OVERLOAD] = "overload",
		[RELAX_SHED] = "shed" };
	struct plan_relaxation *list = arena_alloc(plan->arena, (result->step_count + 1) * sizeof(*list));

	if (list == NULL)
		return false;
	for (size_t i = 0; i < result->step_count; i++)
		list[i] = (struct plan_relaxation){ kinds[result->steps[i].kind],
			result->steps[i].what == NULL ? "" : result->steps[i].what,
			result->steps[i].why == NULL ? "" : result->steps[i].why };
	plan->relaxations = list;
	plan->relaxation_count = result->step_count;
	return true;
}

bool
propose_overloads(struct plan *plan, const struct planner_problem *problem, const struct planner_result *result)
{
	size_t regions = problem->region_count, cases = 1 + regions + problem->risk_group_count;
	struct plan_overload *list = arena_alloc(plan->arena, (cases * regions + 1) * sizeof(*list));
	double *loads = arena_alloc(plan->arena, (regions + 1) * sizeof(*loads));
	bool done = list != NULL && loads != NULL;

	plan->overloads = list;
	if (done)
		done = add_case(plan, problem, result, problem->dead, "", plan->normal_limit, loads);
	for (size_t r = 0; done && r < regions; r++) {
		struct region_set lost = problem->dead;

		if (region_set_has(&lost, (region_id)r))
			continue;
		region_set_add(&lost, (region_id)r);
		done = add_case(plan, problem, result, lost, problem->regions[r].name, plan->loss_limit, loads);
	}
	for (size_t i = 0; done && i < problem->risk_group_count; i++)
		done = add_case(plan, problem, result, region_set_or(problem->dead, problem->risk_groups[i].regions),
		    problem->risk_groups[i].name, plan->loss_limit, loads);
	return done;
}

static bool
add_case(struct plan *plan, const struct planner_problem *problem, const struct planner_result *result,
	struct region_set lost, const char *name, double limit, double *loads)
{
	struct plan_overload *list = (struct plan_overload *)(uintptr_t)plan->overloads;
	double unserved = 0;
	char *copy = arena_text(plan->arena, name);

	if (copy == NULL)
		return false;
	for (size_t r = 0; r < problem->region_count; r++)
		loads[r] = 0;
	planner_loads(problem, result->shares, lost, loads, &unserved);
	for (size_t r = 0; r < problem->region_count; r++) {
		double capacity = problem->regions[r].capacity, fill = capacity > 0 ? loads[r] / capacity : 0;

		if (fill > fmin(limit, 1 - PLAN_PACKING) + SLACK && fill + PLAN_PACKING > 1)
			list[plan->overload_count++] = (struct plan_overload){ copy, (region_id)r,
			    fill + PLAN_PACKING };
	}
	return true;
}

bool
propose_price(struct plan_region *region, const struct planner_problem *problem, const struct planner_result *result,
	struct arena *arena)
{
	struct text why = { 0 };
	size_t causes = 0;

	region->price = 0;
	region->price_why = "";
	for (size_t i = 0; i < result->price_count; i++) {
		const struct planner_price *price = &result->prices[i];

		if (price->region != region->region || !(price->price > 0))
			continue;
		region->price += price->price;
		if (causes < CAUSES_MAX)
			add_cause(&why, problem, price, causes == 0);
		causes++;
	}
	if (causes > 0)
		region->price_why = why.failed ? NULL : arena_text(arena, why.bytes);
	text_fini(&why);
	return region->price_why != NULL;
}

/* "is full if us-east is lost, and if the risk group grid is lost (us-east, us-west)" */
static void
add_cause(struct text *why, const struct planner_problem *problem, const struct planner_price *price, bool first)
{
	const struct planner_risk_group *group = price->risk_group < problem->risk_group_count ?
	    &problem->risk_groups[price->risk_group] : NULL;
	bool begun = false;

	text_puts(why, first ? "is full" : ", and");
	if (price->lost == NO_REGION && group == NULL) {
		text_puts(why, " now");
		return;
	}
	if (group == NULL) {
		text_printf(why, " if %s is lost", problem->regions[price->lost].name);
		return;
	}
	text_printf(why, " if the risk group %s is lost (", group->name);
	for (size_t r = 0; r < problem->region_count; r++) {
		if (!region_set_has(&group->regions, (region_id)r))
			continue;
		text_printf(why, "%s%s", begun ? ", " : "", problem->regions[r].name);
		begun = true;
	}
	text_puts(why, ")");
}
