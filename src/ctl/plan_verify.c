/* plan_verify.c -- plan verify: a plan is certified on an operator's desk, by the code that isobard certifies it with.
 * In: a plan's JSON, and the folder of zones and steering.yaml that it was made for.  Out: a table of loads, a verdict.
 * Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/view.h"
#include "control/publish.h"
#include "ctl/ctl.h"
#include "plan/cut.h"

#define PLAN_FILE_MAX ((size_t)256 << 20)

/* What is verified, and what came of it. */
struct verification {
	struct world *world;
	struct plan *plan;
	struct candidate candidate;
	struct certificate *certificate;	/* NULL: it didn't come so far; see `why` */
	struct text why;			/* empty: good */
};

static struct world *read_world(const struct ctl *ctl);
static struct plan *read_plan(const char *path, const struct steering *steering);
static char *plan_member(char *text);
static void ignore_event(void *arg, const struct health_event *event);
static void verify(struct verification *v);
static void take_capacities(const struct verification *v, double *capacities);
static void print_verdict(const struct verification *v);
static void print_cases(const struct verification *v);
static void add_row(struct table *table, const char *lost, const char *region, double load, double capacity,
	double room);
static void print_json(const struct verification *v);
static void add_cases(struct view *view, cJSON *root, const struct verification *v);

enum ctl_status
ctl_plan_verify(struct ctl *ctl)
{
	struct verification v = { .world = read_world(ctl) };
	bool good = false;

	if (v.world != NULL)
		v.plan = read_plan(ctl->arguments[0], v.world->steering);
	if (v.plan != NULL) {
		verify(&v);
		good = v.certificate != NULL && v.why.length == 0;
		if (ctl->json)
			print_json(&v);
		else
			print_verdict(&v);
	}
	certificate_free(v.certificate);
	candidate_fini(&v.candidate);
	plan_free(v.plan);
	world_free(v.world);
	text_fini(&v.why);
	return good ? CTL_DONE : CTL_FAILED;
}

/* NULL: printed why not. */
static struct world *
read_world(const struct ctl *ctl)
{
	struct settings *settings = ctl->steering != NULL ? NULL : ctl_settings();
	const char *path = ctl->steering != NULL ? ctl->steering : settings == NULL ? NULL : settings->zones;
	struct world_folder folder = { 0 };
	struct diags diags = { 0 };
	struct text text = { 0 };
	struct world *world;

	if (path == NULL) {
		ctl_fail("the settings can't be read: name a folder with --steering");
		return NULL;
	}
	world_folder_read(&folder, path, &diags);
	world = world_edit(NULL, &folder.edit, &diags);
	if (world == NULL) {
		diag_sort(&diags);
		diag_print(&diags, &text);
		ctl_fail("%s has %zu errors:\n%s", path, diags.errors, text.bytes == NULL ? "" : text.bytes);
	}
	text_fini(&text);
	diag_fini(&diags);
	world_folder_fini(&folder);
	settings_free(settings);
	return world;
}

static struct plan *
read_plan(const char *path, const struct steering *steering)
{
	struct diags diags = { 0 };
	struct text text = { 0 };
	struct plan *plan;
	size_t length;
	int error;
	char *json = text_read_file(path, PLAN_FILE_MAX, &length, &error);

	if (json == NULL) {
		ctl_fail("%s can't be read: %s", path, strerror(-error));
		return NULL;
	}
	json = plan_member(json);
	plan = json == NULL ? NULL : plan_read(json, strlen(json), steering, &diags);
	if (plan == NULL) {
		diag_print(&diags, &text);
		ctl_fail("%s is no plan for this steering:\n%s", path, text.bytes == NULL ? "" : text.bytes);
	}
	text_fini(&text);
	diag_fini(&diags);
	free(json);
	return plan;
}

/* The API gives the plan as a member beside other things; what the PAE posts is the plan itself. Takes `text`. */
static char *
plan_member(char *text)
{
	cJSON *root = cJSON_Parse(text);
	const cJSON *plan = member(root, "plan");
	char *inner = cJSON_IsObject(plan) ? json_write(plan) : NULL;

	cJSON_Delete(root);
	if (inner == NULL)
		return text;
	free(text);
	return inner;
}

static void
ignore_event(void *arg, const struct health_event *event)
{
	(void)arg;
	(void)event;
}

/* As isobard does, with nothing in service. */
static void
verify(struct verification *v)
{
	struct publisher publisher = { .worker_count = 1 };
	struct round *round = round_new(ignore_event, NULL);
	double capacities[REGIONS_MAX] = { 0 };
	struct certificate_terms terms = { .plan = v->plan, .capacities = capacities };

	if (round == NULL)
		text_puts(&v->why, "out of memory");
	else if (plan_is_lawful(v->plan, v->world->steering, &v->why)
	    && publish_build(&publisher, v->world, round, v->plan, NULL, &v->candidate, &v->why)) {
		take_capacities(v, capacities);
		v->certificate = certificate_check(v->candidate.snapshot, &terms);
		if (v->certificate == NULL)
			text_puts(&v->why, "out of memory");
		else if (!v->certificate->good)
			text_puts(&v->why, v->certificate->why.bytes);
	}
	round_free(round);
}

static void
take_capacities(const struct verification *v, double *capacities)
{
	const struct steering *steering = v->world->steering;

	for (size_t i = 0; i < v->plan->region_count; i++)
		capacities[v->plan->regions[i].region] = v->plan->regions[i].capacity;
	for (size_t r = 0; r < steering->region_count; r++)
		if (steering->regions[r].capacity > 0)
			capacities[r] = steering->regions[r].capacity;
}

static void
print_verdict(const struct verification *v)
{
	struct text binding = { 0 };

	if (v->certificate != NULL) {
		print_cases(v);
		certificate_binding(v->certificate, v->candidate.snapshot->steering, &binding);
		if (!(v->certificate->demand > 0))
			printf("The plan says nothing of demand, so loads aren't known.\n");
		else if (binding.length > 0)
			printf("What binds: %s.\n", binding.bytes);
	}
	if (v->why.length == 0)
		printf("The plan is good.\n");
	else
		printf("The plan is refused: %s.\n", v->why.bytes == NULL ? "out of memory" : v->why.bytes);
	text_fini(&binding);
}

static void
print_cases(const struct verification *v)
{
	const struct steering *steering = v->candidate.snapshot->steering;
	struct table table = { .columns = { "LOST", "REGION", "<LOAD", "<CAPACITY", "<RATIO", "<ROOM" } };

	if (!(v->certificate->demand > 0))
		return;
	for (size_t i = 0; i < v->certificate->case_count; i++) {
		const struct certificate_case *one = &v->certificate->cases[i];

		for (size_t r = 0; r < steering->region_count; r++)
			if (one->loads[r] > 0)
				add_row(&table, one->lost, steering->regions[r].name, one->loads[r],
				    v->certificate->capacities[r], i == 0 ? v->certificate->room[r] : NAN);
		if (one->unserved > 0)
			add_row(&table, one->lost, "(nobody)", one->unserved, 0, NAN);
		if (v->certificate->shed > 0)
			add_row(&table, one->lost, "(shed)", v->certificate->shed, 0, NAN);
	}
	table_print(&table);
}

static void
add_row(struct table *table, const char *lost, const char *region, double load, double capacity, double room)
{
	table_text(table, lost);
	table_text(table, region);
	table_number(table, load, 1);
	table_number(table, capacity > 0 ? capacity : NAN, 0);
	table_number(table, capacity > 0 ? load / capacity : NAN, 3);
	table_percent(table, room);
}

static void
print_json(const struct verification *v)
{
	struct view view = { 0 };
	cJSON *root = view_root(&view);
	char *text;

	view_bool(&view, root, "good", v->certificate != NULL && v->why.length == 0);
	view_text(&view, root, "why", v->why.length == 0 ? NULL : v->why.bytes);
	if (v->certificate != NULL) {
		view_number(&view, root, "demand", v->certificate->demand);
		view_number(&view, root, "shed", v->certificate->shed);
		add_cases(&view, root, v);
	}
	root = view_take(&view);
	text = root == NULL ? NULL : json_write(root);
	if (text != NULL)
		puts(text);
	free(text);
	cJSON_Delete(root);
}

static void
add_cases(struct view *view, cJSON *root, const struct verification *v)
{
	const struct steering *steering = v->candidate.snapshot->steering;
	cJSON *room = view_object(view, root, "room"), *list;

	for (size_t r = 0; r < steering->region_count; r++)
		view_number(view, room, steering->regions[r].name, v->certificate->room[r]);
	list = view_array(view, root, "cases");
	for (size_t i = 0; i < v->certificate->case_count; i++) {
		const struct certificate_case *one = &v->certificate->cases[i];
		cJSON *entry = view_object(view, list, NULL), *regions;

		view_text(view, entry, "lost", i == 0 ? NULL : one->lost);
		view_number(view, entry, "unserved", one->unserved);
		regions = view_array(view, entry, "regions");
		for (size_t r = 0; r < steering->region_count; r++) {
			double capacity = v->certificate->capacities[r];
			cJSON *region = view_object(view, regions, NULL);

			view_text(view, region, "region", steering->regions[r].name);
			view_number(view, region, "load", one->loads[r]);
			view_number(view, region, "capacity", capacity > 0 ? capacity : NAN);
			view_number(view, region, "ratio", capacity > 0 ? one->loads[r] / capacity : NAN);
		}
	}
}
