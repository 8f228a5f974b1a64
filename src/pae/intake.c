/* intake.c -- the store's reports, health events and latencies, as the planner wants them.
 * In: the store, a steering.  Out: capacities, accepting regions, dead regions, latencies.
 * Threads: one.
 * Capacities and constraints follow the rules of isobard's own round (control/round_agents.c), so that what is proposed
 * is what isobard holds plans to.
 *
 * A region that dies is left to its clients' backups at first: it may be back in a minute, and then everybody returns
 * without a plan. After DEAD_FOR_MS the rest is planned without it, so that it bears the next loss as well. If the
 * engine then ended, the region would come back to no clients until the next plan: rather that than an outage with
 * nobody prepared. */
#include "pae/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

#define DEAD_FOR_MS 60000
#define EVENTS_MS (INT64_C(8) * 86400000)	/* an outage that began before that is nobody's surprise any more */
#define LATENCY_EVERY_MS 60000
#define SILENT_AFTER 3				/* health check intervals, as isobard counts */

/* The newest report of each agent, while they're gone through. */
struct reports {
	struct intake *intake;
	const struct steering *steering;
	int64_t heard_ms[REGIONS_MAX];		/* newest of the region */
	int64_t capacity_ms[REGIONS_MAX];	/* of the newest that says a capacity */
	double capacities[REGIONS_MAX];
	int status;
};

struct latencies {
	struct intake *intake;
	size_t size;
	bool failed;
};

struct events {
	struct intake *intake;
	bool failed;
};

static int take_reports(struct intake *intake, struct store_reader *reader, const struct steering *steering);
static bool take_report(void *arg, const char *region, const char *agent, struct wall received, const char *json);
static void take_accepts(struct reports *reports, region_id region, const struct report *report);
static int take_events(struct intake *intake, struct store_reader *reader, struct wall now);
static bool take_event(void *arg, const struct health_event *event);
static bool outage_open(struct intake *intake, const struct health_event *event);
static void outage_close(struct intake *intake, const struct health_event *event);
static void judge_dead(struct intake *intake, const struct steering *steering, struct wall now);
static int take_latencies(struct intake *intake, struct store_reader *reader, struct wall now);
static bool take_latency(void *arg, const struct latency_entry *entry);

int
intake_update(struct intake *intake, struct store_reader *reader, const struct steering *steering, struct wall now)
{
	int status;

	arena_free(intake->arena);
	intake->arena = arena_new();
	if (intake->arena == NULL)
		return -ENOMEM;
	intake->capacities = arena_alloc(intake->arena, (steering->region_count + 1) * sizeof(*intake->capacities));
	intake->accepting = arena_alloc(intake->arena, steering->group_count * sizeof(*intake->accepting));
	intake->dead = arena_alloc(intake->arena, (steering->service_count + 1) * sizeof(*intake->dead));
	if (intake->capacities == NULL || intake->accepting == NULL || intake->dead == NULL)
		return -ENOMEM;
	status = take_reports(intake, reader, steering);
	if (status == 0)
		status = take_events(intake, reader, now);
	judge_dead(intake, steering, now);
	return status == 0 ? take_latencies(intake, reader, now) : status;
}

void
intake_fini(struct intake *intake)
{
	for (size_t i = 0; i < intake->outage_count; i++) {
		free(intake->outages[i].region);
		free(intake->outages[i].service);
	}
	free(intake->outages);
	free(intake->latency);
	arena_free(intake->latency_arena);
	arena_free(intake->arena);
}

/* --- reports ------------------------------------------------------------------------------------------------- */

static int
take_reports(struct intake *intake, struct store_reader *reader, const struct steering *steering)
{
	struct reports reports = { .intake = intake, .steering = steering };
	int64_t patience_ms = (int64_t)steering->health_check_interval_ms * SILENT_AFTER;
	int status;

	intake->constrained = false;
	for (size_t g = 0; g < steering->group_count; g++)
		intake->accepting[g] = region_set_all();
	status = store_latest_reports(reader, take_report, &reports);
	for (size_t r = 0; r < steering->region_count; r++) {
		bool speaks = reports.capacities[r] > 0 && reports.heard_ms[r] - reports.capacity_ms[r] <= patience_ms;

		intake->capacities[r] = speaks ? reports.capacities[r] : steering->regions[r].capacity;
	}
	return status != 0 ? status : reports.status;
}

static bool
take_report(void *arg, const char *region, const char *agent UNUSED, struct wall received, const char *json)
{
	struct reports *reports = arg;
	region_id r = steering_region_find(reports->steering, region);
	struct diags diags = { 0 };
	struct report *report;

	if (r == NO_REGION)
		return true;
	report = report_read(json, strlen(json), region, &diags);
	if (report != NULL) {
		if (received.ms > reports->heard_ms[r])
			reports->heard_ms[r] = received.ms;
		if (report->capacity > 0 && received.ms >= reports->capacity_ms[r]) {
			reports->capacity_ms[r] = received.ms;
			reports->capacities[r] = report->capacity;
		}
		take_accepts(reports, r, report);
	}
	report_free(report);
	diag_fini(&diags);
	return true;
}

static void
take_accepts(struct reports *reports, region_id region, const struct report *report)
{
	for (size_t g = 0; report->constrained && g < reports->steering->group_count; g++) {
		bool accepted = false;

		for (size_t i = 0; i < report->accept_count && !accepted; i++)
			accepted = strcmp(report->accepts[i], reports->steering->groups[g].name) == 0;
		reports->intake->constrained = true;
		if (!accepted)
			region_set_remove(&reports->intake->accepting[g], region);
	}
}

/* --- who is down --------------------------------------------------------------------------------------------- */

static int
take_events(struct intake *intake, struct store_reader *reader, struct wall now)
{
	struct events events = { .intake = intake };
	struct wall from = intake->outages_read.ms > 0 ? intake->outages_read : (struct wall){ now.ms - EVENTS_MS };
	/* A clock that is a minute behind isobard's sees its events all the same. */
	int status = store_health_events(reader, from, (struct wall){ now.ms + 60000 }, take_event, &events);

	return status != 0 ? status : events.failed ? -ENOMEM : 0;
}

/* The last event of before may come again: it says the same. */
static bool
take_event(void *arg, const struct health_event *event)
{
	struct events *events = arg;

	events->intake->outages_read = event->at;
	if (strcmp(event->state, "down") == 0)
		events->failed = !outage_open(events->intake, event);
	else if (strcmp(event->state, "up") == 0)
		outage_close(events->intake, event);
	return !events->failed;
}

static bool
outage_open(struct intake *intake, const struct health_event *event)
{
	struct outage *longer, *outage;

	for (size_t i = 0; i < intake->outage_count; i++) {
		if (strcmp(intake->outages[i].region, event->region) == 0 &&
		    strcmp(intake->outages[i].service, event->service) == 0)
			return true;
	}
	longer = reallocarray(intake->outages, intake->outage_count + 1, sizeof(*longer));
	if (longer == NULL)
		return false;
	intake->outages = longer;
	outage = &longer[intake->outage_count];
	*outage = (struct outage){ strdup(event->region), strdup(event->service), event->at };
	if (outage->region == NULL || outage->service == NULL) {
		free(outage->region);
		free(outage->service);
		return false;
	}
	intake->outage_count++;
	return true;
}

/* That the whole region is up ends the outage of every service in it. */
static void
outage_close(struct intake *intake, const struct health_event *event)
{
	for (size_t i = intake->outage_count; i-- > 0;) {
		struct outage *outage = &intake->outages[i];

		if (strcmp(outage->region, event->region) != 0 ||
		    (event->service[0] != '\0' && strcmp(outage->service, event->service) != 0))
			continue;
		free(outage->region);
		free(outage->service);
		*outage = intake->outages[--intake->outage_count];
	}
}

static void
judge_dead(struct intake *intake, const struct steering *steering, struct wall now)
{
	for (size_t i = 0; i < intake->outage_count; i++) {
		const struct outage *outage = &intake->outages[i];
		region_id region = steering_region_find(steering, outage->region);

		if (region == NO_REGION || now.ms - outage->since.ms < DEAD_FOR_MS)
			continue;
		for (size_t s = 0; s < steering->service_count; s++) {
			if (outage->service[0] == '\0' || strcmp(outage->service, steering->services[s].name) == 0)
				region_set_add(&intake->dead[s], region);
		}
	}
}

/* --- latencies ----------------------------------------------------------------------------------------------- */

static int
take_latencies(struct intake *intake, struct store_reader *reader, struct wall now)
{
	struct latencies latencies = { .intake = intake };
	int status;

	if (intake->latency_arena != NULL && now.ms - intake->latency_read.ms < LATENCY_EVERY_MS &&
	    now.ms >= intake->latency_read.ms)
		return 0;
	arena_free(intake->latency_arena);
	free(intake->latency);
	intake->latency = NULL;
	intake->latency_count = 0;
	intake->latency_arena = arena_new();
	if (intake->latency_arena == NULL)
		return -ENOMEM;
	status = store_latencies(reader, take_latency, &latencies);
	intake->latency_read = now;
	return status != 0 ? status : latencies.failed ? -ENOMEM : 0;
}

static bool
take_latency(void *arg, const struct latency_entry *entry)
{
	struct latencies *latencies = arg;
	struct intake *intake = latencies->intake;
	struct latency_row *row;

	if (intake->latency_count == latencies->size) {
		size_t size = latencies->size * 2 + 64;
		struct latency_row *longer = reallocarray(intake->latency, size, sizeof(*longer));

		latencies->failed = longer == NULL;
		if (latencies->failed)
			/* cppcheck-suppress memleak ; it is NULL then */
			return false;
		intake->latency = longer;
		latencies->size = size;
	}
	row = &intake->latency[intake->latency_count];
	*row = (struct latency_row){ .clients = arena_text(intake->latency_arena, entry->clients),
		.region = arena_text(intake->latency_arena, entry->region), .ms = entry->ms,
		.measured = strcmp(entry->source, "agent") == 0, .at_ms = entry->at.ms };
	latencies->failed = row->clients == NULL || row->region == NULL;
	intake->latency_count += !latencies->failed;
	return !latencies->failed;
}
