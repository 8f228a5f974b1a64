/* steering_yaml.c -- steering.yaml to struct steering: the entry, and the regions.
 * In: the text.  Out: a steering in an arena of its own, or every error of the file.
 * Three steps: the text becomes a tree (yaml.c); the table makes written_* structs of it and judges each value by
 * itself (schema.c, steering_schema.c); then names become indices, and what takes more than one value is judged, here
 * and in steering_groups.c, steering_services.c, steering_feeds.c, steering_serving.c and residency.c. The tree and the
 * written structs live in a second arena that is gone afterwards: the steering keeps no part of them.
 * An error never ends a step early. A check whose input had an error of its own is left out, so that each mistake is
 * told once. Zones are another matter: steering_zones.c. */
#include "conf/steering_yaml.h"

#include <string.h>

#include "conf/steering_reading.h"

static void read_tree(struct steering_reading *r, const struct yaml_node *tree);
static void take_top(struct steering_reading *r);
static void take_planning(struct steering_reading *r);
static void take_recovery(struct steering_reading *r);
static void check_steps(struct steering_reading *r, const struct yaml_node *node, const double *steps, size_t count);
static void take_regions(struct steering_reading *r);

struct steering *
steering_read(const char *text, const char *file, struct diags *diags)
{
	struct steering_reading r = { .file = file, .diags = diags, .errors_before = diags->errors };
	const struct yaml_node *tree;

	r.scratch = arena_new();
	r.steering = steering_empty();
	if (r.scratch == NULL || r.steering == NULL) {
		steering_out_of_memory(&r);
	} else {
		r.arena = r.steering->arena;
		tree = yaml_read(text, file, r.scratch, diags);
		if (tree != NULL)
			read_tree(&r, tree);
	}
	arena_free(r.scratch);
	if (diags->errors == r.errors_before)
		return r.steering;
	steering_free(r.steering);
	return NULL;
}

/* In this order, as each step resolves names of those before it. */
static void
read_tree(struct steering_reading *r, const struct yaml_node *tree)
{
	struct written_steering written = { 0 };

	schema_read(&steering_schema, tree, r->file, r->scratch, r->diags, &written);
	r->written = &written;
	r->regions_broken = written.region_count == 0 && r->diags->errors > r->errors_before;
	take_top(r);
	take_planning(r);
	take_recovery(r);
	take_regions(r);
	steering_take_groups(r);
	steering_take_services(r);
	steering_take_feeds(r);
	steering_take_zones(r);
	r->written = NULL;
}

static void
take_top(struct steering_reading *r)
{
	r->steering->health_check_interval_ms = r->written->health_check_interval_ms;
	r->steering->pae_update_interval_ms = r->written->pae_update_interval_ms;
	r->steering->prediction = (enum prediction_use)r->written->prediction;
	if (r->written->geo_database != NULL)
		r->steering->geo_database = steering_text(r, r->written->geo_database);
}

static void
take_planning(struct steering_reading *r)
{
	const struct written_planning *written = &r->written->planning;

	r->steering->planning = (struct planning){
		.normal_limit = written->normal_limit, .loss_limit = written->loss_limit, .safety = written->safety,
		.failure_cost_ms = written->failure_cost_ms, .churn_cost_ms = written->churn_cost_ms,
		.weight_cost_ms = written->weight_cost_ms, .nearest = written->nearest,
		.move_most = written->move_most,
	};
	if (written->normal_limit > written->loss_limit)
		diag_error(r->diags, steering_place(r, written->at.node), NULL,
		    "'normal-limit' (%g) is above 'loss-limit' (%g): a loss would then break what holds without one",
		    written->normal_limit, written->loss_limit);
}

/* A last step of 1 is what follows the last one anyway. */
static void
take_recovery(struct steering_reading *r)
{
	const struct written_recovery *written = &r->written->recovery;
	struct recovery *recovery = &r->steering->recovery;
	double *steps;

	recovery->hold_down_ms = written->hold_down_ms;
	recovery->half_life_ms = written->half_life_ms;
	recovery->step_ms = written->step_ms;
	if (written->step_count == 0)
		return;
	check_steps(r, yaml_member(written->at.node, "steps"), written->steps, written->step_count);
	recovery->step_count = written->step_count - (written->steps[written->step_count - 1] == 1);
	steps = steering_room(r, r->arena, written->step_count, sizeof(*steps));
	if (steps != NULL)
		memcpy(steps, written->steps, written->step_count * sizeof(*steps));
	recovery->steps = steps;
}

static void
check_steps(struct steering_reading *r, const struct yaml_node *node, const double *steps, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (steps[i] <= steps[i - 1]) {
			diag_error(r->diags, steering_place(r, node), NULL,
			    "'steps' must rise: %g doesn't lie above %g", steps[i], steps[i - 1]);
			return;
		}
}

static void
take_regions(struct steering_reading *r)
{
	size_t count = r->written->region_count;
	struct steering_region *regions = steering_room(r, r->arena, count, sizeof(*regions));

	r->region_names = steering_room(r, r->scratch, count, sizeof(*r->region_names));
	if (regions == NULL || r->region_names == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct written_region *written = &r->written->regions[i];
		const struct yaml_node *country = written->location.country;

		regions[i].name = steering_text(r, written->at.key->text);
		if (country != NULL)
			memcpy(regions[i].country, country->text, 2);
		regions[i].location = steering_location(r, &written->location, regions[i].country);
		regions[i].capacity = written->capacity;
		regions[i].price = written->price_ms;
		regions[i].jurisdictions = steering_texts(r, written->jurisdictions, written->jurisdiction_count);
		regions[i].jurisdiction_count = written->jurisdiction_count;
		regions[i].risk_groups = steering_texts(r, written->risk_groups, written->risk_group_count);
		regions[i].risk_group_count = written->risk_group_count;
		r->region_names[i] = regions[i].name;
	}
	r->steering->regions = regions;
	r->steering->region_count = count;
}
