/* past.c -- see past.h.
 * In: rows of the store.  Out: steering, plan, tables and live words of a moment, as a snapshot.  Threads: any.
 *
 * The order:
 *  1. steering of that revision, narrowed by what regions accepted (they number regions, groups and services)
 *  2. plan (its countries are demand groups: they number tables)
 *  3. tables, each by its chain of differences; what isn't remembered is compiled from steering and plan
 *  4. snapshot, with the record types and live words of that time laid into it
 *
 * The body of an epoch's row is JSON:
 *	{"planned": true, "narrowed": [{"clients": [...], "regions": [...]}],
 *	 "types": {"www.example.com.": {"A": true, "AAAA": ["eu-west"]}}}	true: every region of the service */
#include "control/past.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/scalar.h"
#include "conf/steering_yaml.h"
#include "packing/compile.h"
#include "plan/history.h"
#include "steer/constrain.h"
#include "zone/rrtype.h"

#define CHAIN_MAX (HISTORY_WHOLE_EVERY + 1)

static bool load_steering(struct past *past, struct store_reader *reader, struct text *why);
static struct steering *narrowed(struct steering *steering, const cJSON *list);
static void load_plan(struct past *past, struct store_reader *reader);
static bool build(struct past *past, struct store_reader *reader, const char *only, bool geo, struct text *why);
static bool load_tables(struct past *past, struct store_reader *reader, const struct steering *steering,
	const struct snapshot_parts *parts, struct service_tables *tables);
static bool read_tables(struct past_service *found, struct store_reader *reader, uint64_t epoch,
	const struct steering *steering, const struct partition *partition, const char *name,
	struct slot_table **tables);
static void *read_chain(struct store_reader *reader, uint64_t epoch, const char *name, struct past_service *found,
	size_t *length);
static bool compile_missing(const struct past *past, const struct steering *steering, size_t s, size_t groups,
	bool lists, struct service_tables *tables);
static bool lay_types(struct past *past);
static bool on_word(void *arg, const struct live_row *row);

bool
past_load(struct past *past, struct store_reader *reader, const struct epoch_row *row, struct wall at,
	const char *only, bool geo, struct text *why)
{
	struct diags ignored = { 0 };

	*past = (struct past){ .arena = arena_new(), .row = *row };
	past->body = json_parse(row->body, strlen(row->body), "epoch", &ignored);
	diag_fini(&ignored);
	if (past->arena != NULL && load_steering(past, reader, why)) {
		load_plan(past, reader);
		if (build(past, reader, only, geo, why) && store_live_at(reader, at, on_word, past) == 0)
			return true;
	}
	if (why->length == 0)
		text_puts(why, past->arena == NULL ? "out of memory" : "that moment can't be read from the store");
	past_fini(past);
	return false;
}

void
past_fini(struct past *past)
{
	snapshot_free(past->snapshot);
	geo_close(past->geo);
	plan_free(past->plan);
	steering_free(past->steering);
	cJSON_Delete(past->body);
	arena_free(past->arena);
	memset(past, 0, sizeof(*past));
}

static bool
load_steering(struct past *past, struct store_reader *reader, struct text *why)
{
	struct diags ignored = { 0 };
	struct text text = { 0 };
	int error = store_steering_text_at(reader, past->row.revision, &text);
	struct steering *steering;

	if (error == 0 || error == -ENOENT) {
		steering = text.length == 0 ? steering_empty() : steering_read(text.bytes, "steering.yaml", &ignored);
		past->steering = steering == NULL ? NULL
		    : narrowed(steering, cJSON_GetObjectItemCaseSensitive(past->body, "narrowed"));
		steering_free(steering);
		if (past->steering == NULL)
			text_puts(why, "the steering of that time can't be read any more");
	}
	diag_fini(&ignored);
	text_fini(&text);
	return past->steering != NULL;
}

/* Held; NULL: out of memory. */
static struct steering *
narrowed(struct steering *steering, const cJSON *list)
{
	struct region_set *accepting;
	const cJSON *entry, *name;

	if (cJSON_GetArraySize(list) == 0) {
		steering_hold(steering);
		return steering;
	}
	accepting = calloc(steering->group_count, sizeof(*accepting));
	if (accepting == NULL)
		return NULL;
	for (size_t g = 0; g < steering->group_count; g++)
		accepting[g] = region_set_all();
	cJSON_ArrayForEach(entry, list) {
		struct region_set regions = { { 0 } };

		cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(entry, "regions")) {
			region_id r = steering_region_find(steering, cJSON_IsString(name) ? name->valuestring : "");

			if (r != NO_REGION)
				region_set_add(&regions, r);
		}
		cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(entry, "clients")) {
			for (size_t g = 0; cJSON_IsString(name) && g < steering->group_count; g++)
				if (strcmp(steering->groups[g].name, name->valuestring) == 0)
					accepting[g] = regions;
		}
	}
	steering = steering_constrain(steering, accepting);
	free(accepting);
	return steering;
}

static void
load_plan(struct past *past, struct store_reader *reader)
{
	/* As it was taken: what regions accept cuts it only afterwards, and numbers are the same. */
	const struct steering *steering = past->steering->base != NULL ? past->steering->base : past->steering;
	struct diags ignored = { 0 };
	struct text body = { 0 };

	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(past->body, "planned"))
	    && store_plan_at(reader, past->row.epoch, &past->plan_epoch, &body) == 0 && body.length > 0)
		past->plan = plan_read(body.bytes, body.length, steering, &ignored);
	diag_fini(&ignored);
	text_fini(&body);
}

/* --- tables -------------------------------------------------------------------------------------------------- */

static bool
build(struct past *past, struct store_reader *reader, const char *only, bool geo, struct text *why)
{
	struct steering *steering = arena_copy(past->arena, past->steering, sizeof(*steering));
	struct zone *no_zones[1] = { NULL };
	uint8_t countries[COUNTRIES_MAX];
	struct snapshot_parts parts = { .epoch = past->row.epoch, .steering = steering, .zones = no_zones,
		.countries = countries, .country_count = plan_countries(past->plan, countries), .worker_count = 1 };
	struct service_tables *tables;
	bool built;

	if (steering == NULL)
		return false;
	steering->holds = 1;	/* it dies with the arena, never by itself */
	if (only != NULL) {
		steering->services = steering_service_find(past->steering, only);
		steering->service_count = 1;
		if (steering->services == NULL) {
			text_printf(why, "%s wasn't a service then", only);
			return false;
		}
	}
	if (geo && steering->geo_database != NULL) {
		past->geo = geo_open(steering->geo_database, why);
		if (past->geo == NULL)
			return false;
	}
	past->services = arena_alloc(past->arena, (steering->service_count + 1) * sizeof(*past->services));
	tables = calloc(steering->service_count + 1, sizeof(*tables));
	built = past->services != NULL && tables != NULL && load_tables(past, reader, steering, &parts, tables);
	parts.geo = past->geo;
	parts.tables = tables;
	if (built)
		past->snapshot = snapshot_new(&parts);
	for (size_t s = 0; tables != NULL && s < steering->service_count; s++) {
		for (size_t g = 0; tables[s].groups != NULL && g < past->services[s].groups; g++)
			slot_table_release(tables[s].groups[g]);
		free(tables[s].groups);
		slot_table_release(tables[s].by_country);
	}
	free(tables);
	return past->snapshot != NULL && lay_types(past);
}

/* Each table with one hold. */
static bool
load_tables(struct past *past, struct store_reader *reader, const struct steering *steering,
	const struct snapshot_parts *parts, struct service_tables *tables)
{
	struct locator *locator = locator_new(steering, NULL);
	const struct partition *partition = locator == NULL ? NULL
	    : partition_new(steering, locator, parts->countries, parts->country_count, past->arena);
	bool good = partition != NULL;

	for (size_t s = 0; good && s < steering->service_count; s++) {
		const struct steering_service *service = &steering->services[s];
		bool lists = service->policy == POLICY_GEOGRAPHIC || service->policy == POLICY_PRIORITY;

		past->services[s].groups = partition->count;
		tables[s].groups = calloc(partition->count, sizeof(struct slot_table *));
		good = tables[s].groups != NULL;
		if (good && (!read_tables(&past->services[s], reader, past->row.epoch, steering, partition,
		    service->name, tables[s].groups) || lists))
			good = compile_missing(past, steering, s, partition->count, lists, &tables[s]);
	}
	locator_free(locator);
	return good;
}

/* False: not all tables are remembered; those that are, are in `tables`. */
static bool
read_tables(struct past_service *found, struct store_reader *reader, uint64_t epoch, const struct steering *steering,
	const struct partition *partition, const char *name, struct slot_table **tables)
{
	size_t length = 0;
	void *whole = read_chain(reader, epoch, name, found, &length);
	bool good = whole != NULL && history_read(whole, length, steering, partition, tables);

	for (size_t g = 0; good && g < partition->count; g++)
		good = tables[g] != NULL;
	free(whole);
	found->read = good;
	return good;
}

/* Back to whole octets, and forward again. NULL: a link is missing, or isn't what it should be. */
static void *
read_chain(struct store_reader *reader, uint64_t epoch, const char *name, struct past_service *found, size_t *length)
{
	struct { void *octets; size_t length; } links[CHAIN_MAX];
	size_t count = 0, whole_length = 0;
	uint64_t at = epoch, base = 0, row = 0;
	void *whole = NULL;
	bool linked = true;

	while (count < CHAIN_MAX && linked) {
		if (store_epoch_tables(reader, at, name, &row, &base, &links[count].octets,
		    &links[count].length) != 0) {
			linked = false;
			break;
		}
		linked = count++ == 0 || row == at;
		if (count == 1)
			found->epoch = row;
		if (base == 0)
			break;
		at = base;
	}
	linked = linked && base == 0;
	found->chain = count > 0 ? (unsigned)count - 1 : 0;
	for (size_t i = count; i-- > 0;) {
		void *next = !linked ? NULL
		    : history_inflate(links[i].octets, links[i].length, whole, whole_length, length);

		linked = next != NULL;
		free(whole);
		whole = next;
		whole_length = *length;
		free(links[i].octets);
	}
	return whole;
}

/* Lists follow from steering and plan alone, so they are compiled even where they're remembered: their tables by
 * country aren't. Other tables depend on those before them, and only those that nobody remembers are compiled. */
static bool
compile_missing(const struct past *past, const struct steering *steering, size_t s, size_t groups, bool lists,
	struct service_tables *tables)
{
	struct steering one = *steering;
	struct compiled compiled = { 0 };

	one.services = &steering->services[s];
	one.service_count = 1;
	if (compile_tables(&compiled, &one, past->plan, NULL, NULL) != 0)
		return false;
	for (size_t g = 0; g < groups && g < compiled.group_count; g++)
		if (lists || tables->groups[g] == NULL) {
			slot_table_release(tables->groups[g]);
			tables->groups[g] = compiled.services[0].groups[g];
			slot_table_hold(tables->groups[g]);
		}
	past->services[s].read = past->services[s].read && !lists;
	tables->by_country = compiled.services[0].by_country;
	if (tables->by_country != NULL)
		slot_table_hold(tables->by_country);
	compiled_fini(&compiled);
	return true;
}

/* --- types and words ----------------------------------------------------------------------------------------- */

/* Without zones a snapshot has none. */
static bool
lay_types(struct past *past)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(past->body, "types"), *type, *name;

	for (size_t s = 0; s < past->snapshot->service_count; s++) {
		struct service *service = (struct service *)(uintptr_t)&past->snapshot->services[s];
		const cJSON *list = cJSON_GetObjectItemCaseSensitive(all, service->intent->name);
		struct type_regions *types = arena_alloc(past->arena,
		    ((size_t)cJSON_GetArraySize(list) + 1) * sizeof(*types));

		if (types == NULL)
			return false;
		service->types = types;
		service->type_count = 0;
		cJSON_ArrayForEach(type, list) {
			struct type_regions *entry = &types[service->type_count++];

			entry->type = rrtype_parse(type->string);
			entry->regions = (struct region_set){ { 0 } };
			for (size_t i = 0; cJSON_IsTrue(type) && i < service->order_count; i++)
				region_set_add(&entry->regions, service->order[i]);
			cJSON_ArrayForEach(name, type) {
				region_id r = steering_region_find(past->steering,
				    cJSON_IsString(name) ? name->valuestring : "");

				if (r != NO_REGION)
					region_set_add(&entry->regions, r);
			}
		}
	}
	return true;
}

static bool
on_word(void *arg, const struct live_row *row)
{
	const struct past *past = arg;
	region_id r = steering_region_find(past->steering, row->region);

	for (size_t s = 0; s < past->snapshot->service_count && r != NO_REGION; s++) {
		const struct service *service = &past->snapshot->services[s];

		if (strcmp(service->intent->name, row->service) != 0)
			continue;
		live_set_dead(service->live, r, row->dead);
		live_set_admit(service->live, r, row->admit);
	}
	return true;
}

/* --- the body of a row --------------------------------------------------------------------------------------- */

static void add_narrowed(cJSON *body, const struct steering *steering);
static void add_types(cJSON *body, const struct snapshot *snapshot);

char *
past_body(const struct snapshot *snapshot, bool planned)
{
	cJSON *body = cJSON_CreateObject();
	char *text;

	cJSON_AddBoolToObject(body, "planned", planned);
	add_narrowed(body, snapshot->steering);
	add_types(body, snapshot);
	text = body == NULL ? NULL : json_write(body);
	cJSON_Delete(body);
	return text;
}

/* steering_constrain() puts its rules behind those of the operator, the same in every service. */
static void
add_narrowed(cJSON *body, const struct steering *steering)
{
	const struct steering_service *service = steering->services;
	cJSON *list;

	if (steering->base == NULL || steering->service_count == 0)
		return;
	list = cJSON_AddArrayToObject(body, "narrowed");
	for (size_t i = steering->base->services[0].rule_count; i < service->rule_count; i++) {
		const struct residency_rule *rule = &service->rules[i];
		cJSON *entry = cJSON_CreateObject(), *names = cJSON_AddArrayToObject(entry, "clients");

		for (size_t g = 0; g < rule->group_count; g++)
			cJSON_AddItemToArray(names, cJSON_CreateString(steering->groups[rule->groups[g]].name));
		names = cJSON_AddArrayToObject(entry, "regions");
		for (size_t r = 0; r < steering->region_count; r++)
			if (region_set_has(&rule->regions, (region_id)r))
				cJSON_AddItemToArray(names, cJSON_CreateString(steering->regions[r].name));
		cJSON_AddItemToArray(list, entry);
	}
}

static void
add_types(cJSON *body, const struct snapshot *snapshot)
{
	cJSON *all = cJSON_AddObjectToObject(body, "types");

	for (size_t s = 0; s < snapshot->service_count; s++) {
		const struct service *service = &snapshot->services[s];
		cJSON *types = cJSON_AddObjectToObject(all, service->intent->name);

		for (size_t t = 0; t < service->type_count; t++) {
			const struct region_set *regions = &service->types[t].regions;
			char name[16];
			cJSON *list;

			rrtype_text(service->types[t].type, name);
			if (region_set_count(*regions) == service->order_count) {
				cJSON_AddTrueToObject(types, name);
				continue;
			}
			list = cJSON_AddArrayToObject(types, name);
			for (size_t r = 0; r < snapshot->steering->region_count; r++)
				if (region_set_has(regions, (region_id)r))
					cJSON_AddItemToArray(list,
					    cJSON_CreateString(snapshot->steering->regions[r].name));
		}
	}
}

/* --- which moment -------------------------------------------------------------------------------------------- */

static bool read_epoch(const char *text, uint64_t *epoch);
static bool read_ago(const char *text, struct wall now, struct wall *at);
static int tell_edges(struct store_reader *reader, struct arena *arena, int error, struct text *why);

int
past_find(struct store_reader *reader, const char *text, struct wall now, struct arena *arena, struct epoch_row *row,
	struct wall *at, struct text *why)
{
	uint64_t epoch;
	int error;

	if (read_epoch(text, &epoch)) {
		error = store_epoch(reader, epoch, arena, row);
		if (error == 0)
			*at = row->at;
		else if (error == -ENOENT)
			text_printf(why, "epoch %llu isn't in the store's memory", (unsigned long long)epoch);
	} else if (wall_parse(text, at) == 0 || read_ago(text, now, at)) {
		char when[CLOCK_TEXT_SIZE];

		error = store_epoch_at(reader, *at, arena, row);
		if (error == -ENOENT)
			text_printf(why, "%s is before the store's memory", wall_text(*at, when));
	} else {
		text_printf(why, "'%s' is no moment such as 2026-11-22T16:20:52Z, 10m ago, or epoch 7", text);
		return -EINVAL;
	}
	return error == -ENOENT ? tell_edges(reader, arena, error, why) : error;
}

static bool
read_epoch(const char *text, uint64_t *epoch)
{
	char *end;

	if (strncmp(text, "epoch ", 6) == 0)
		text += 6;
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*epoch = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0;
}

static bool
read_ago(const char *text, struct wall now, struct wall *at)
{
	char period[32], suggestion[SCALAR_SUGGESTION_SIZE];
	size_t length = strlen(text);
	double ms;

	if (length < 5 || length >= sizeof(period) || strcmp(text + length - 4, " ago") != 0)
		return false;
	memcpy(period, text, length - 4);
	period[length - 4] = '\0';
	if (!scalar_duration(period, &ms, suggestion))
		return false;
	at->ms = now.ms - (int64_t)ms;
	return true;
}

static int
tell_edges(struct store_reader *reader, struct arena *arena, int error, struct text *why)
{
	struct epoch_row row;
	char since[CLOCK_TEXT_SIZE];

	if (store_epoch_edge(reader, false, arena, &row) == 0)
		text_printf(why, ", which begins with epoch %llu at %s", (unsigned long long)row.epoch,
		    wall_text(row.at, since));
	else
		text_puts(why, ", which is empty");
	return error;
}
