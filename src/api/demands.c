/* demands.c -- what clients ask for.
 * In: parameters service, heavy (how many of a group's heavy keys).  Out: rates by service, demand group and region.
 * Threads: control. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "api/handlers.h"
#include "api/resources.h"
#include "api/view.h"
#include "steer/country.h"

#define HEAVY_SHOWN 10

static bool read_heavy(struct request *request, size_t *heavy);
static void add_service(struct view *view, cJSON *into, const struct scene *scene, const struct demand_service *service,
	size_t heavy);
static void add_groups(struct view *view, cJSON *into, const struct scene *scene, const struct demand_service *service,
	size_t heavy);
static void add_heavy(struct view *view, cJSON *into, const struct demand_rate *group, size_t heavy);
static void add_regions(struct view *view, cJSON *into, const struct scene *scene, const struct service *service);

void
demand_show(struct request *request)
{
	struct scene scene = scene_now(request->control);
	const char *only = request_query(request, "service");
	const struct service *wanted = only == NULL ? NULL : scene_service(&scene, only);
	const struct demand *demand = control_demand(request->control);
	struct view view = { 0 };
	struct wall at = { demand == NULL ? 0 : demand->at.ms };
	size_t heavy = HEAVY_SHOWN;
	cJSON *root, *list;

	if (only != NULL && wanted == NULL)
		answer_problem(request, 404, NULL, "steering.yaml has no service '%s'", only);
	if ((only == NULL || wanted != NULL) && read_heavy(request, &heavy)) {
		root = view_root(&view);
		view_time(&view, root, "at", at);
		list = view_array(&view, root, "services");
		for (size_t s = 0; s < scene.snapshot->service_count; s++) {
			const char *name = scene.snapshot->services[s].intent->name;
			const struct demand_service *service = demand_service_find(demand, name);

			if ((wanted == NULL || wanted == &scene.snapshot->services[s]) && service != NULL
			    && service->count > 0)
				add_service(&view, view_object(&view, list, NULL), &scene, service, heavy);
		}
		answer_json(request, 200, view_take(&view));
	}
	request_answered(request);
}

static bool
read_heavy(struct request *request, size_t *heavy)
{
	const char *text = request_query(request, "heavy");
	char *end;
	unsigned long number;

	if (text == NULL)
		return true;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && number <= DEMAND_HEAVY_MAX) {
		*heavy = number;
		return true;
	}
	answer_problem(request, 400, NULL, "heavy is a number from 0 to %u, not '%s'", DEMAND_HEAVY_MAX, text);
	return false;
}

static void
add_service(struct view *view, cJSON *into, const struct scene *scene, const struct demand_service *service,
	size_t heavy)
{
	struct demand_sum sum = demand_sum(service);

	view_text(view, into, "service", service->name);
	view_number(view, into, "rate", sum.rate);
	view_number(view, into, "error", sum.error);
	view_number(view, into, "asked", sum.asked);
	view_number(view, into, "scale", service->scale);
	view_number(view, into, "ttl", service->ttl_s);
	add_groups(view, into, scene, service, heavy);
	add_regions(view, into, scene, scene_service(scene, service->name));
}

static void
add_groups(struct view *view, cJSON *into, const struct scene *scene, const struct demand_service *service,
	size_t heavy)
{
	cJSON *list = view_array(view, into, "groups");

	for (size_t g = 0; g < service->count; g++) {
		const struct demand_rate *group = &service->groups[g];
		cJSON *entry = view_object(view, list, NULL);

		view_text(view, entry, "group", scene->steering->groups[group->group].name);
		view_text(view, entry, "country", group->country == COUNTRY_UNKNOWN ? NULL
		    : country_at(group->country)->code);
		view_number(view, entry, "rate", group->rate);
		view_number(view, entry, "error", group->error);
		view_number(view, entry, "asked", group->asked);
		view_count(view, entry, "slots", group->slot_count);
		view_count(view, entry, "heavy_count", group->heavy_count);
		add_heavy(view, entry, group, heavy);
	}
}

static void
add_heavy(struct view *view, cJSON *into, const struct demand_rate *group, size_t heavy)
{
	cJSON *list = view_array(view, into, "heavy");

	for (size_t k = 0; k < group->heavy_count && k < heavy; k++) {
		struct prefix prefix = { group->heavy[k].address, group->heavy[k].length };
		cJSON *entry = view_object(view, list, NULL);
		char text[ADDRESS_TEXT_SIZE];

		view_text(view, entry, "clients", prefix_text(&prefix, text));
		view_number(view, entry, "rate", group->heavy[k].rate);
	}
}

/* What the tables and live words make of it, and what the region says. */
static void
add_regions(struct view *view, cJSON *into, const struct scene *scene, const struct service *service)
{
	cJSON *list = view_array(view, into, "regions");
	double expected[REGIONS_MAX];
	bool known = control_expected(scene->control, service->index, expected);

	for (size_t i = 0; i < service->order_count; i++) {
		region_id region = service->order[i];
		cJSON *entry = view_object(view, list, NULL);

		view_text(view, entry, "region", scene->steering->regions[region].name);
		view_number(view, entry, "expected", known ? expected[region] : NAN);
		view_number(view, entry, "reported", scene_standing(scene, service, region)->load);
		view_bool(view, entry, "distrusted", control_distrusts(scene->control, service->index, region));
	}
}
