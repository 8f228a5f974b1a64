/* plans.c -- plans for people: the one in service and what its tables do, what the last ones changed, what another
 * would change.
 * In: epochs, or a plan.  Out: JSON.  Threads: what is in service, and a plan on trial, on the control thread; the past
 * on the API's, from the store. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/handlers.h"
#include "api/resources.h"
#include "api/view.h"
#include "control/past.h"
#include "control/trial.h"
#include "plan/demand.h"
#include "plan/moves.h"

#define HISTORY_DEFAULT 20
#define HISTORY_MAX 1000

static void tell_case(struct view *view, cJSON *list, const struct scene *scene,
	const struct certificate *certificate, const struct certificate_case *c);
static const struct certificate_case *worst_case(const struct certificate *certificate, size_t regions);
static double worst_fill(const struct certificate *certificate, const struct certificate_case *c, size_t regions);
static void tell_loads(struct view *view, cJSON *into, const struct steering *steering, const double *before,
	const double *after, const double *capacities);
static bool on_epoch(void *arg, const struct epoch_row *row, bool changed);
static bool on_changed(void *arg, const struct epoch_row *row, bool changed);
static bool find_epochs(struct request *request, struct epoch_row rows[2]);
static void diff_epochs(struct request *request, const struct epoch_row rows[2]);
static void tell_diff(struct request *request, const struct past *from, const struct past *to);
static const struct demand *planned_demand(const struct plan *plan, struct arena *arena);
static bool loads_of(const struct past *past, const struct past *later, double *loads, double *capacities);

/* --- in service ---------------------------------------------------------------------------------------------- */

void
plan_show(struct request *request)
{
	const struct plan *plan = control_plan_now(request->control);
	const struct certificate *certificate = control_certificate(request->control);
	struct scene scene = scene_now(request->control);
	struct control_status status;
	struct view view = { 0 };
	cJSON *root = view_root(&view), *list;
	struct text binding = { 0 };
	char *text;

	control_status(request->control, &status);
	view_count(&view, root, "epoch", status.epoch);
	view_time(&view, root, "planned", status.planned);
	view_text(&view, root, "refused", status.plan_refused[0] == '\0' ? NULL : status.plan_refused);
	if (plan == NULL) {
		view_null(&view, root, "plan");
	} else {
		text = plan_write(plan, scene.steering);
		view.failed |= text == NULL;
		if (text != NULL)
			view_json(&view, root, "plan", text);
		free(text);
	}
	list = view_array(&view, root, "cases");
	if (certificate != NULL && certificate->case_count > 0) {
		const struct certificate_case *worst = worst_case(certificate, scene.steering->region_count);

		certificate_binding(certificate, scene.steering, &binding);
		tell_case(&view, list, &scene, certificate, &certificate->cases[0]);
		if (worst != NULL)
			tell_case(&view, list, &scene, certificate, worst);
	}
	view_text(&view, root, "binds", binding.length == 0 ? NULL : binding.bytes);
	text_fini(&binding);
	answer_json(request, 200, view_take(&view));
	request_answered(request);
}

static void
tell_case(struct view *view, cJSON *list, const struct scene *scene, const struct certificate *certificate,
	const struct certificate_case *c)
{
	cJSON *entry = view_object(view, list, NULL), *loads;

	view_text(view, entry, "lost", c->lost[0] == '\0' ? NULL : c->lost);
	view_number(view, entry, "unserved", c->unserved);
	loads = view_array(view, entry, "loads");
	for (size_t r = 0; r < scene->steering->region_count; r++) {
		double capacity = certificate->capacities == NULL ? 0 : certificate->capacities[r];
		cJSON *region = view_object(view, loads, NULL);

		view_text(view, region, "region", scene->steering->regions[r].name);
		view_number(view, region, "load", c->loads[r]);
		view_number(view, region, "capacity", capacity > 0 ? capacity : NAN);
		view_number(view, region, "fill", capacity > 0 ? c->loads[r] / capacity : NAN);
	}
}

/* Of the losses, the one that fills some region most; NULL: no load or capacity is known. */
static const struct certificate_case *
worst_case(const struct certificate *certificate, size_t regions)
{
	const struct certificate_case *worst = NULL;
	double most = 0;

	for (size_t i = 1; i < certificate->case_count; i++) {
		double fill = worst_fill(certificate, &certificate->cases[i], regions);

		if (fill > most) {
			most = fill;
			worst = &certificate->cases[i];
		}
	}
	return worst;
}

static double
worst_fill(const struct certificate *certificate, const struct certificate_case *c, size_t regions)
{
	double most = 0;

	for (size_t r = 0; r < regions && certificate->capacities != NULL; r++)
		if (certificate->capacities[r] > 0)
			most = fmax(most, c->loads[r] / certificate->capacities[r]);
	return most;
}

/* --- on trial ------------------------------------------------------------------------------------------------ */

/* POST: the plan in the body against what is in service. */
void
plan_try(struct request *request)
{
	const struct steering *steering = control_snapshot(request->control)->steering;
	struct diags diags = { 0 };
	struct text why = { 0 };
	struct view view = { 0 };
	struct trial trial;
	struct plan *plan = plan_read(request->body.bytes, request->body.length, steering, &diags);

	if (plan == NULL) {
		answer_invalid(request, &diags);
	} else if (!control_trial(request->control, plan, request->arena, &trial, &why)) {
		answer_problem(request, 422, NULL, "%s", why.bytes == NULL ? "out of memory" : why.bytes);
	} else {
		cJSON *root = view_root(&view);

		view_text(&view, root, "refused", trial.refused ? trial.why : NULL);
		outcome_moves(&view, view_array(&view, root, "moves"), trial.moves, trial.move_count);
		tell_loads(&view, root, steering, trial.before, trial.after, trial.capacities);
		answer_json(request, 200, view_take(&view));
	}
	plan_free(plan);
	text_fini(&why);
	diag_fini(&diags);
	request_answered(request);
}

static void
tell_loads(struct view *view, cJSON *into, const struct steering *steering, const double *before, const double *after,
	const double *capacities)
{
	cJSON *list = view_array(view, into, "loads");
	double sum = 0;

	for (size_t r = 0; r < steering->region_count; r++)
		sum += before[r] + after[r];
	for (size_t r = 0; r < steering->region_count; r++) {
		cJSON *entry = view_object(view, list, NULL);

		view_text(view, entry, "region", steering->regions[r].name);
		view_number(view, entry, "before", sum > 0 ? before[r] : NAN);
		view_number(view, entry, "after", sum > 0 ? after[r] : NAN);
		view_number(view, entry, "capacity", capacities[r] > 0 ? capacities[r] : NAN);
	}
}

/* --- the past ------------------------------------------------------------------------------------------------ */

struct listing {
	struct view view;
	cJSON *list;
};

void
plan_history(struct request *request)
{
	const char *limit_text = request_query(request, "limit");
	char *end = NULL;
	long limit = limit_text == NULL ? HISTORY_DEFAULT : strtol(limit_text, &end, 10);
	struct listing listing = { 0 };
	int error;

	if (limit_text != NULL && (end == limit_text || *end != '\0' || limit < 1 || limit > HISTORY_MAX)) {
		answer_problem(request, 400, NULL, "the parameter 'limit' is a number from 1 to %d, not '%s'",
		    HISTORY_MAX, limit_text);
		return;
	}
	listing.list = view_array(&listing.view, view_root(&listing.view), "epochs");
	error = store_epochs(request->reader, UINT64_MAX, (size_t)limit, on_epoch, &listing);
	answer_stored(request, 200, &listing.view, error);
}

static bool
on_epoch(void *arg, const struct epoch_row *row, bool changed)
{
	struct listing *listing = arg;
	cJSON *entry = view_object(&listing->view, listing->list, NULL);

	view_count(&listing->view, entry, "epoch", row->epoch);
	view_time(&listing->view, entry, "published", row->at);
	view_count(&listing->view, entry, "revision", row->revision);
	view_bool(&listing->view, entry, "changed", changed);
	return !listing->view.failed;
}

/* GET: two epochs. Without them, the last that changed tables and the one before it. */
void
plan_diff(struct request *request)
{
	struct epoch_row rows[2];

	if (find_epochs(request, rows))
		diff_epochs(request, rows);
}

static bool
find_epochs(struct request *request, struct epoch_row rows[2])
{
	const char *from = request_query(request, "from"), *to = request_query(request, "to");
	const char *names[2] = { from, to };
	struct text why = { 0 };
	struct wall at;
	uint64_t changed = 0;
	int error = 0;

	for (int i = 1; i >= 0 && error == 0; i--) {
		if (names[i] != NULL)
			error = past_find(request->reader, names[i], wall_now(), request->arena, &rows[i], &at, &why);
		else if (i == 1)
			error = store_epoch_edge(request->reader, true, request->arena, &rows[1]);
		else
			error = store_epochs(request->reader, rows[1].epoch + 1, SIZE_MAX, on_changed, &changed) < 0
			    ? -EIO : changed <= 1 ? -ENOENT
			    : store_epoch(request->reader, changed - 1, request->arena, &rows[0]);
	}
	if (error == -EINVAL)
		answer_problem(request, 400, NULL, "%s", why.bytes == NULL ? "out of memory" : why.bytes);
	else if (error == -ENOENT)
		answer_problem(request, 404, NULL, "%s", why.bytes == NULL
		    ? "the store remembers no epoch before the one that changed the tables last" : why.bytes);
	else if (error != 0)
		answer_store_trouble(request, error);
	text_fini(&why);
	return error == 0;
}

static bool
on_changed(void *arg, const struct epoch_row *row, bool changed)
{
	uint64_t *epoch = arg;

	*epoch = row->epoch;
	return !changed;
}

static void
diff_epochs(struct request *request, const struct epoch_row rows[2])
{
	struct past from, to;
	struct text why = { 0 };

	if (!past_load(&from, request->reader, &rows[0], rows[0].at, NULL, false, &why)) {
		answer_problem(request, 404, NULL, "%s", why.bytes == NULL ? "out of memory" : why.bytes);
	} else if (!past_load(&to, request->reader, &rows[1], rows[1].at, NULL, false, &why)) {
		answer_problem(request, 404, NULL, "%s", why.bytes == NULL ? "out of memory" : why.bytes);
		past_fini(&from);
	} else {
		tell_diff(request, &from, &to);
		past_fini(&from);
		past_fini(&to);
	}
	text_fini(&why);
}

static void
tell_diff(struct request *request, const struct past *from, const struct past *to)
{
	const struct past *const pasts[] = { from, to };
	const char *const names[] = { "from", "to" };
	const struct snapshot *next = to->snapshot;
	double before[REGIONS_MAX] = { 0 }, after[REGIONS_MAX] = { 0 }, capacities[REGIONS_MAX] = { 0 };
	struct outcome_move *moves = arena_alloc(request->arena, (next->service_count + 1) * sizeof(*moves));
	const struct demand *demand = planned_demand(to->plan, request->arena);
	struct view view = { 0 };
	cJSON *root = view_root(&view);
	size_t count = 0;

	for (size_t i = 0; i < 2; i++) {
		cJSON *entry = view_object(&view, root, names[i]);

		view_count(&view, entry, "epoch", pasts[i]->row.epoch);
		view_time(&view, entry, "published", pasts[i]->row.at);
		view_text(&view, entry, "method", pasts[i]->plan == NULL ? NULL : pasts[i]->plan->method);
		view_number(&view, entry, "latency_ms", pasts[i]->plan == NULL ? NAN : pasts[i]->plan->latency);
	}
	for (size_t s = 0; moves != NULL && s < next->service_count; s++) {
		struct moves found;

		if (!moves_between(from->snapshot, next, &next->services[s], demand, request->arena, &found))
			view.failed = true;
		else if (found.count > 0)
			moves[count++] = (struct outcome_move){ next->services[s].intent->name, found.share,
				found.count, found.list };
	}
	view.failed |= moves == NULL || !loads_of(from, to, before, capacities) || !loads_of(to, to, after, capacities);
	outcome_moves(&view, view_array(&view, root, "moves"), moves, count);
	tell_loads(&view, root, to->steering, before, after, capacities);
	answer_json(request, 200, view_take(&view));
}

/* What the plan was made for, group by group. NULL: no plan, or no memory; groups then count alike. */
static const struct demand *
planned_demand(const struct plan *plan, struct arena *arena)
{
	struct demand *demand = arena_alloc(arena, sizeof(*demand));
	struct demand_service *services = plan == NULL ? NULL
	    : arena_alloc(arena, (plan->service_count + 1) * sizeof(*services));

	if (demand == NULL || services == NULL)
		return NULL;
	*demand = (struct demand){ .services = services };
	for (size_t s = 0; s < plan->service_count; s++) {
		const struct plan_service *planned = &plan->services[s];
		struct demand_rate *rates = arena_alloc(arena, (planned->group_count + 1) * sizeof(*rates));
		struct demand_service *service = &services[demand->service_count];

		*service = (struct demand_service){ .name = planned->name, .groups = rates };
		for (size_t g = 0; rates != NULL && g < planned->group_count; g++)
			if (isfinite(planned->groups[g].demand))
				rates[service->count++] = (struct demand_rate){ .group = planned->groups[g].group,
					.country = planned->groups[g].country, .rate = planned->groups[g].demand };
		demand->service_count += service->count > 0;
	}
	return demand;
}

/* By the demand that each was planned for, in the numbers of the later steering. */
static bool
loads_of(const struct past *past, const struct past *later, double *loads, double *capacities)
{
	const struct steering *steering = later->steering;
	struct certificate_terms terms = { .plan = past->plan, .capacities = capacities };
	double found[REGIONS_MAX] = { 0 };

	for (size_t r = 0; r < steering->region_count; r++)
		capacities[r] = steering->regions[r].capacity;
	for (size_t i = 0; later->plan != NULL && i < later->plan->region_count; i++)
		if (later->plan->regions[i].capacity > 0)
			capacities[later->plan->regions[i].region] = later->plan->regions[i].capacity;
	if (isnan(certificate_loads(past->snapshot, &terms, (struct region_set){ { 0 } }, NULL, 1, found)))
		return false;
	for (size_t r = 0; r < past->steering->region_count; r++) {
		region_id there = steering_region_find(steering, past->steering->regions[r].name);

		if (there != NO_REGION)
			loads[there] = found[r];
	}
	return true;
}
