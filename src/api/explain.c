/* explain.c -- why does this client get this region?
 * In: parameters name, client (an address or a prefix), type.  Out: each step of the decision, with what it left.
 * Threads: control.
 * The decision itself is steered_choose(), as for a query, but without taking a turn. What is told around it is read
 * off the same snapshot and live words. A region is removed by the first of these that applies, in the order of the
 * decision: residency, no such records, dead, drained. */
#include "api/explanation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "steer/country.h"
#include "zone/rdata_write.h"
#include "zone/rrtype.h"

static void explain_plan(struct explanation *e);
static bool read_client(struct explanation *e, const char *text);
static void find_groups(struct explanation *e);
static bool group_holds(const struct client_group *group, const struct explanation *e);
static void explain_client(struct explanation *e);
static void explain_law(struct explanation *e);
static bool rule_binds(const struct explanation *e, const struct residency_rule *rule);
static void explain_regions(struct explanation *e);
static void explain_belief(struct explanation *e, cJSON *entry, region_id region);
static void explain_price(struct explanation *e, cJSON *entry, region_id region);
static const char *removed_by(struct explanation *e, region_id region, char *text, size_t size);
static uint16_t rank_of(const struct explanation *e);
static const char *removed_by_law(const struct explanation *e, region_id region, char *text, size_t size);
static void explain_slot(struct explanation *e);
static void explain_answer(struct explanation *e);
static const char *outcome_words(const struct steered *steered);
static void add_region_name(struct explanation *e, cJSON *into, const char *name, region_id region);

void
explain_show(struct request *request)
{
	struct explanation *e = arena_alloc(request->arena, sizeof(*e));
	struct scene scene = scene_now(request->control);

	if (e == NULL) {
		answer_no_memory(request);
		request_answered(request);
		return;
	}
	e->request = request;
	e->scene = &scene;
	e->snapshot = scene.snapshot;
	e->steering = scene.steering;
	e->plan = control_plan_now(request->control);
	if (explanation_read(e))
		explanation_tell(e, explanation_decide_now(e));
	request_answered(request);
}

void
explanation_tell(struct explanation *e, const char *unsteered)
{
	char name[NAME_TEXT_SIZE];

	e->root = view_root(&e->view);
	view_text(&e->view, e->root, "name", name_text(e->name, name));
	view_text(&e->view, e->root, "type", e->type_text);
	view_time(&e->view, e->root, "at", e->at);
	view_text(&e->view, e->root, "zone", e->zone == NULL ? NULL : name_text(zone_apex(e->zone)->name, name));
	view_bool(&e->view, e->root, "steered", unsteered == NULL);
	view_text(&e->view, e->root, "why_not", unsteered);
	explain_plan(e);
	if (unsteered == NULL) {
		explain_client(e);
		explain_law(e);
		explain_regions(e);
		explain_slot(e);
		explain_answer(e);
	}
	answer_json(e->request, 200, view_take(&e->view));
}

static void
explain_plan(struct explanation *e)
{
	const struct plan *plan = e->plan;
	cJSON *entry;

	view_count(&e->view, e->root, "epoch", e->snapshot->epoch);
	if (e->past != NULL) {
		view_time(&e->view, e->root, "published", e->past->row.at);
		view_count(&e->view, e->root, "revision", e->past->row.revision);
	}
	if (plan == NULL) {
		view_null(&e->view, e->root, "plan");
		return;
	}
	entry = view_object(&e->view, e->root, "plan");
	view_time(&e->view, entry, "made", plan->made);
	view_text(&e->view, entry, "method", plan->method[0] == '\0' ? NULL : plan->method);
	view_text(&e->view, entry, "model", plan->model[0] == '\0' ? NULL : plan->model);
}

/* --- the question -------------------------------------------------------------------------------------------- */

bool
explanation_read(struct explanation *e)
{
	const struct diag_place place = { .file = "request" };
	const char *name = request_query(e->request, "name"), *client = request_query(e->request, "client");
	const char *type = request_query(e->request, "type");
	struct diags diags = { 0 };

	e->type_text = type == NULL ? "A" : type;
	e->type = rrtype_parse(e->type_text);
	if (name == NULL)
		diag_error(&diags, place, NULL, "the parameter 'name' is missing");
	else if (name_parse(name, e->name) == 0)
		diag_error(&diags, place, NULL, "'%s' is no name", name);
	if (e->type == 0 || !rrtype_is_data(e->type))
		diag_error(&diags, place, rrtype_suggest(e->type_text), "'%s' is no type of records", e->type_text);
	if (client != NULL && !read_client(e, client))
		diag_error(&diags, place, NULL, "'%s' is neither an address nor a prefix such as 192.0.2.0/24", client);
	if (!e->client_known)	/* nobody in particular: no network, no country */
		e->client.address.bits = 32;
	if (diag_failed(&diags))
		answer_invalid(e->request, &diags);
	diag_fini(&diags);
	return e->request->answer.status == 0;
}

/* An address counts with all its bits, as a resolver's does. */
static bool
read_client(struct explanation *e, const char *text)
{
	struct prefix prefix;

	if (address_parse(text, &e->client.address) == 0) {
		e->client.length = e->client.address.bits;
	} else if (prefix_parse(text, &prefix) == 0) {
		e->client.address = prefix.address;
		e->client.length = prefix.length;
	} else {
		return false;
	}
	e->client_known = true;
	return true;
}

/* Of the steering of that time; zones aren't remembered. */
const char *
explanation_decide_past(struct explanation *e)
{
	e->service = &e->snapshot->services[0];
	steered_place(&e->steered, e->snapshot, e->service, &e->client, e->type, e->service->intent->shed, NULL);
	if (!e->steered.applies)
		return "no region had records of this type: everybody got the name's own ones";
	find_groups(e);
	return NULL;
}

const char *
explanation_decide_now(struct explanation *e)
{
	struct name_parts parts;
	const struct node *node;

	name_take_apart(&parts, e->name);
	e->zone = snapshot_zone(e->snapshot, e->name, &parts, 0);
	if (e->zone == NULL)
		return "no zone here holds this name: the answer is REFUSED";
	node = zone_find_name(e->zone, e->name);
	if (node == NULL)
		return "the zone has no such name: a wildcard may answer, but nothing is steered";
	e->service = snapshot_service(e->snapshot, node);
	if (e->service == NULL)
		return "the name isn't a service of steering.yaml: everybody gets its own records";
	steered_choose(&e->steered, e->snapshot, e->service, &e->client, e->type, NULL);
	if (!e->steered.applies)
		return "no region has records of this type: everybody gets the name's own ones";
	find_groups(e);
	return NULL;
}

/* --- client and law ------------------------------------------------------------------------------------------ */

/* As locate.h has it: the groups of every network that covers the client, of its country and of its continent; or else
 * the default group. */
static void
find_groups(struct explanation *e)
{
	const struct steering *steering = e->steering;

	for (size_t g = 0; g < steering->group_count; g++)
		if (group_holds(&steering->groups[g], e))
			e->groups[e->group_count++] = (uint16_t)g;
	if (e->group_count == 0)
		e->groups[e->group_count++] = GROUP_DEFAULT;
}

static bool
group_holds(const struct client_group *group, const struct explanation *e)
{
	const struct country *country = country_at(e->steered.place.country);

	for (size_t i = 0; e->client_known && i < group->network_count; i++)
		if (prefix_covers(&group->networks[i], &e->client.address) &&
		    group->networks[i].length <= e->client.length)
			return true;
	if (e->steered.place.country == COUNTRY_UNKNOWN)
		return false;
	for (size_t i = 0; i < group->country_count; i++)
		if (strcmp(group->countries[i], country->code) == 0)
			return true;
	for (size_t i = 0; i < group->continent_count; i++)
		if (strcmp(group->continents[i], country->continent) == 0)
			return true;
	return false;
}

static void
explain_client(struct explanation *e)
{
	const struct steering *steering = e->steering;
	cJSON *client = view_object(&e->view, e->root, "client"), *groups;
	const struct country *country = country_at(e->steered.place.country);
	char text[ADDRESS_TEXT_SIZE], demand_group[128];
	struct prefix prefix = { e->client.address, e->client.length };

	view_text(&e->view, client, "address", !e->client_known ? NULL
	    : prefix.length == prefix.address.bits ? address_text(&prefix.address, text) : prefix_text(&prefix, text));
	view_text(&e->view, client, "group", steering->groups[e->steered.place.group].name);
	view_text(&e->view, client, "demand_group",
	    partition_name(e->snapshot->partition, steering, e->steered.demand_group, demand_group));
	view_bool(&e->view, client, "by_network", e->steered.place.network != 0);
	view_text(&e->view, client, "country", e->steered.place.country == COUNTRY_UNKNOWN ? NULL : country->code);
	view_text(&e->view, client, "continent",
	    e->steered.place.country == COUNTRY_UNKNOWN ? NULL : country->continent);
	groups = view_array(&e->view, client, "groups");
	for (size_t i = 0; i < e->group_count; i++)
		view_text(&e->view, groups, NULL, steering->groups[e->groups[i]].name);
}

static void
explain_law(struct explanation *e)
{
	const struct steering *steering = e->steering;
	const struct steering_service *intent = e->service->intent;
	cJSON *law = view_object(&e->view, e->root, "residency"), *list = view_array(&e->view, law, "legal");

	for (size_t i = 0; i < intent->region_count; i++)
		if (region_set_has(&e->steered.legal, intent->regions[i].region))
			add_region_name(e, list, NULL, intent->regions[i].region);
	list = view_array(&e->view, law, "rules");
	for (size_t i = 0; i < intent->rule_count; i++) {
		const struct residency_rule *rule = &intent->rules[i];
		cJSON *entry = view_object(&e->view, list, NULL), *names;

		view_count(&e->view, entry, "rule", i + 1);
		view_bool(&e->view, entry, "applies", rule_binds(e, rule));
		names = view_array(&e->view, entry, "clients");
		for (size_t g = 0; g < rule->group_count; g++)
			view_text(&e->view, names, NULL, steering->groups[rule->groups[g]].name);
		names = view_array(&e->view, entry, "regions");
		for (size_t r = 0; r < steering->region_count; r++)
			if (region_set_has(&rule->regions, (region_id)r))
				add_region_name(e, names, NULL, (region_id)r);
	}
}

static bool
rule_binds(const struct explanation *e, const struct residency_rule *rule)
{
	for (size_t g = 0; g < rule->group_count; g++)
		for (size_t i = 0; i < e->group_count; i++)
			if (rule->groups[g] == e->groups[i])
				return true;
	return false;
}

/* --- regions ------------------------------------------------------------------------------------------------- */

static void
explain_regions(struct explanation *e)
{
	const struct steering_service *intent = e->service->intent;
	cJSON *list = view_array(&e->view, e->root, "regions");

	for (size_t i = 0; i < intent->region_count; i++) {
		region_id region = intent->regions[i].region;
		char text[512];
		const char *why = removed_by(e, region, text, sizeof(text));
		cJSON *entry = view_object(&e->view, list, NULL);

		add_region_name(e, entry, "region", region);
		view_bool(&e->view, entry, "kept", why == NULL);
		view_text(&e->view, entry, "why", why != NULL ? why
		    : region == e->steered.pick.region ? "chosen" : "could be chosen, others come first");
		view_number(&e->view, entry, "drained_to", live_admit(e->service->live, region) / (double)ADMIT_ALL);
		explain_belief(e, entry, region);
		explain_price(e, entry, region);
	}
}

/* What is predicted of it, or was. */
static void
explain_belief(struct explanation *e, cJSON *entry, region_id region)
{
	const struct belief *belief;

	if (e->scene != NULL) {
		resource_forecast(&e->view, entry, round_region(e->scene->round, region));
		return;
	}
	belief = &e->beliefs[region];
	view_number(&e->view, entry, "probability", belief->at.ms == 0 ? NAN : belief->probability);
	view_number(&e->view, entry, "load_forecast", belief->at.ms == 0 ? NAN : belief->load_forecast);
	view_known_count(&e->view, entry, "horizon_s", belief->horizon_s != 0, belief->horizon_s);
	view_time(&e->view, entry, "predicted", belief->at);
	view_text(&e->view, entry, "no_prediction", belief->at.ms == 0 ? "nothing was said of this region"
	    : belief->reason == NULL || belief->reason[0] == '\0' ? NULL : belief->reason);
	view_text(&e->view, entry, "model",
	    belief->model == NULL || belief->model[0] == '\0' ? NULL : belief->model);
}

/* Why the plan doesn't send more clients there. */
static void
explain_price(struct explanation *e, cJSON *entry, region_id region)
{
	const struct plan_region *found = NULL;

	for (size_t i = 0; e->plan != NULL && i < e->plan->region_count; i++)
		if (e->plan->regions[i].region == region)
			found = &e->plan->regions[i];
	view_number(&e->view, entry, "price_ms", found == NULL ? NAN : found->price);
	view_text(&e->view, entry, "price_why",
	    found == NULL || found->price_why == NULL || found->price_why[0] == '\0' ? NULL : found->price_why);
}

/* NULL: it's kept. */
static const char *
removed_by(struct explanation *e, region_id region, char *text, size_t size)
{
	const struct slot *slot = &e->steered.table->slots[e->steered.slot];
	admit admitted = live_admit(e->service->live, region);

	if (!region_set_has(&e->steered.legal, region))
		return removed_by_law(e, region, text, size);
	if (!region_set_has(&e->steered.able, region)) {
		snprintf(text, size, "it has no %s records of this service", e->type_text);
		return text;
	}
	if (live_is_dead(e->service->live, region)) {
		const char *cause = e->scene != NULL ? scene_standing(e->scene, e->service, region)->cause
		    : e->causes[region];

		snprintf(text, size, "it's dead: %s", cause == NULL || cause[0] == '\0' ? "no cause is known" : cause);
		return text;
	}
	if (admitted == ADMIT_NONE)
		return "it's drained";
	if (region == slot->list[0] && rank_of(e) >= admitted) {
		snprintf(text, size, "it's drained to %.1f %% of its clients, and this one's rank %.3f is beyond that",
		    100 * (admitted / (double)ADMIT_ALL), rank_of(e) / (double)ADMIT_ALL);
		return text;
	}
	return NULL;
}

static uint16_t
rank_of(const struct explanation *e)
{
	const struct steered *steered = &e->steered;

	if (steered->table->uniform || steered->table == e->service->by_country)
		return slots_rank(&e->client.address, e->client.length, e->service->seed);
	return steered->table->slots[steered->slot].rank;
}

static const char *
removed_by_law(const struct explanation *e, region_id region, char *text, size_t size)
{
	const struct steering_service *intent = e->service->intent;
	const struct steering *base = e->steering->base;
	size_t written = base == NULL ? intent->rule_count : steering_service_find(base, intent->name)->rule_count;

	for (size_t i = 0; i < intent->rule_count; i++)
		if (rule_binds(e, &intent->rules[i]) && !region_set_has(&intent->rules[i].regions, region)) {
			if (i >= written)
				return "residency: the region's agent doesn't accept this client's group";
			snprintf(text, size, "residency: rule %zu doesn't let this client there", i + 1);
			return text;
		}
	return "residency doesn't let this client there";
}

/* --- slot and answer ----------------------------------------------------------------------------------------- */

static void
explain_slot(struct explanation *e)
{
	const struct slot *slot = &e->steered.table->slots[e->steered.slot];
	cJSON *object = view_object(&e->view, e->root, "slot"), *list;

	view_count(&e->view, object, "number", e->steered.slot);
	view_count(&e->view, object, "of", e->steered.table->count);
	view_bool(&e->view, object, "sticky", e->service->intent->sticky);
	view_number(&e->view, object, "rank", rank_of(e) / (double)ADMIT_ALL);
	list = view_array(&e->view, object, "list");
	for (size_t i = 0; i < SLOT_LIST && slot->list[i] != NO_REGION; i++)
		add_region_name(e, list, NULL, slot->list[i]);
}

static void
explain_answer(struct explanation *e)
{
	const struct steered *steered = &e->steered;
	const uint8_t *at = steered->rrset == NULL ? NULL : steered->rrset->wire;
	char type[16];
	cJSON *list;

	view_text(&e->view, e->root, "sharding_policy", sharding_policy_text(e->service->intent->policy));
	if (steered->pick.region == NO_REGION)
		view_null(&e->view, e->root, "chosen");
	else
		add_region_name(e, e->root, "chosen", steered->pick.region);
	view_text(&e->view, e->root, "outcome", pick_outcome_text(steered->pick.outcome));
	view_text(&e->view, e->root, "because", outcome_words(steered));
	view_known_count(&e->view, e->root, "ttl", e->past == NULL, steered->ttl);
	view_count(&e->view, e->root, "scope", steered->scope);
	view_text(&e->view, e->root, "answer_type",
	    steered->rrset == NULL ? NULL : rrtype_text(steered->rrset->type, type));
	list = view_array(&e->view, e->root, "records");
	for (unsigned i = 0; at != NULL && i < steered->rrset->count; i++) {
		uint16_t length = (uint16_t)(at[0] << 8 | at[1]);
		struct text rdata = { 0 };

		rdata_write(steered->rrset->type, at + 2, length, &rdata);
		view_text(&e->view, list, NULL, rdata.bytes == NULL ? "" : rdata.bytes);
		text_fini(&rdata);
		at += 2 + length;
	}
}

static const char *
outcome_words(const struct steered *steered)
{
	switch (steered->pick.outcome) {
	case PICK_LISTED:
		return steered->pick.position == 0 ? "it's the first region of the client's slot"
		    : "it's the first region left of the client's slot";
	case PICK_BEYOND_LIST:
		return "nobody of the slot's list is left; it's the next legal region that lives";
	case PICK_DRAINED:
		return "only drained regions live";
	case PICK_ALL_DOWN:
		return "every legal region is dead; when-all-down says to serve all the same";
	case PICK_NONE_LEGAL:
		return "no region that residency allows has such records: NODATA";
	case PICK_NODATA:
		return "every legal region is dead; when-all-down says NODATA";
	case PICK_SERVFAIL:
		return "every legal region is dead; when-all-down says SERVFAIL";
	case PICK_SHED:
		return "the plan has no room for this client in any region: it gets the name's own records";
	}
	return "";
}

static void
add_region_name(struct explanation *e, cJSON *into, const char *name, region_id region)
{
	view_text(&e->view, into, name, e->steering->regions[region].name);
}
