/* metrics_steering.c -- see metrics_parts.h: where clients are sent, what is known of regions, plans and drains.
 * In: the round, the snapshot, the plan's certificate.  Out: text.  Threads: control. */
#include <math.h>
#include <stddef.h>

#include "api/metrics_parts.h"

static void add_answers(struct exposition *x);
static void add_demand(struct exposition *x);
static void add_residency(struct exposition *x);
static void add_states(struct exposition *x);
static double capacity_of(const struct exposition *x, region_id region);
static double load_of(const struct exposition *x, region_id region);
static double probability_of(const struct exposition *x, region_id region);
static double anomaly_of(const struct exposition *x, region_id region);
static double forecast_of(const struct exposition *x, region_id region);
static double admitted_of(const struct exposition *x, region_id region);
static double report_age_of(const struct exposition *x, region_id region);
static void add_region_numbers(struct exposition *x);
static void region_gauge(struct exposition *x, const char *name, const char *help,
	double (*value)(const struct exposition *x, region_id region));
static void add_deaths(struct exposition *x);
static void add_admitted(struct exposition *x);
static void add_shares(struct exposition *x);
static void add_plans(struct exposition *x);
static void add_certificate(struct exposition *x);
static void add_drains(struct exposition *x);

void
metrics_steering(struct exposition *x)
{
	add_answers(x);
	add_demand(x);
	add_residency(x);
	add_states(x);
	add_region_numbers(x);
	add_deaths(x);
	add_admitted(x);
	add_shares(x);
	add_plans(x);
	add_certificate(x);
	add_drains(x);
}

static void
add_answers(struct exposition *x)
{
	const char *name = "isobar_service_answers_total";

	metric_family(x->out, name, "counter", "Steered answers given, by service and region.");
	for (size_t s = 0; s < x->scene.snapshot->service_count; s++) {
		const struct steering_service *intent = x->scene.snapshot->services[s].intent;

		for (size_t i = 0; i < intent->region_count; i++) {
			const char *region = x->scene.steering->regions[intent->regions[i].region].name;

			metric_sample(x->out, name, (double)control_answers(x->scene.control, intent->name, region),
			    "service", intent->name, "region", region);
		}
	}
}

/* Services of which nothing was asked yet have no sample. */
static void
add_demand(struct exposition *x)
{
	static const struct { const char *name, *help; size_t at; } gauges[] = {
		{ "isobar_service_demand_requests_per_second", "What clients ask for, wherever they are sent.",
		    offsetof(struct demand_sum, rate) },
		{ "isobar_service_demand_error_ratio", "Relative standard error of that.",
		    offsetof(struct demand_sum, error) },
		{ "isobar_service_questions_per_second", "DNS questions that were counted for it.",
		    offsetof(struct demand_sum, asked) },
	};
	const struct demand *demand = control_demand(x->request->control);

	for (size_t i = 0; i < ARRAY_SIZE(gauges); i++) {
		metric_family(x->out, gauges[i].name, "gauge", gauges[i].help);
		for (size_t s = 0; demand != NULL && s < demand->service_count; s++) {
			struct demand_sum sum = demand_sum(&demand->services[s]);
			/* cppcheck-suppress invalidPointerCast ; offsetof() of doubles */
			const double *value = (const double *)((const char *)&sum + gauges[i].at);

			if (demand->services[s].count > 0)
				metric_sample(x->out, gauges[i].name, *value, "service", demand->services[s].name,
				    NULL, NULL);
		}
	}
}

static void
add_residency(struct exposition *x)
{
	uint64_t checked, violations;

	control_lawful(x->request->control, &checked, &violations);
	metric_single(x->out, "isobar_residency_checked_total", "counter",
	    "Answers that were held against the rules, a sample.", (double)checked);
	metric_single(x->out, "isobar_residency_violations_total", "counter",
	    "Those of them outside of the rules: must be 0.", (double)violations);
}

/* --- regions ------------------------------------------------------------------------------------------------- */

/* One sample a state, 1 for the one that holds. */
static void
add_states(struct exposition *x)
{
	static const enum region_state states[] = { REGION_UP, REGION_DOWN, REGION_SILENT, REGION_UNKNOWN };
	const char *name = "isobar_region_state";

	metric_family(x->out, name, "gauge", "1 for the state that the region is in, 0 for the others.");
	for (size_t r = 0; r < x->scene.steering->region_count; r++) {
		enum region_state now = round_region(x->scene.round, (region_id)r)->state;

		for (size_t i = 0; i < ARRAY_SIZE(states); i++)
			metric_sample(x->out, name, states[i] == now, "region", x->scene.steering->regions[r].name,
			    "state", region_state_text(states[i]));
	}
}

static double
capacity_of(const struct exposition *x, region_id region)
{
	double capacity = round_region(x->scene.round, region)->capacity;

	return capacity > 0 ? capacity : NAN;
}

static double
load_of(const struct exposition *x, region_id region)
{
	return region_load(&x->scene, region);
}

static double
probability_of(const struct exposition *x, region_id region)
{
	return round_region(x->scene.round, region)->probability;
}

static double
anomaly_of(const struct exposition *x, region_id region)
{
	return round_region(x->scene.round, region)->anomaly_rank;
}

static double
forecast_of(const struct exposition *x, region_id region)
{
	return round_region(x->scene.round, region)->load_forecast;
}

static double
admitted_of(const struct exposition *x, region_id region)
{
	return round_region(x->scene.round, region)->drained_to;
}

static double
report_age_of(const struct exposition *x, region_id region)
{
	const struct round_region *state = round_region(x->scene.round, region);

	return state->reported.ms == 0 ? NAN : (double)mono_ms_between(state->heard, x->scene.now) / 1000;
}

static void
add_region_numbers(struct exposition *x)
{
	region_gauge(x, "isobar_region_capacity_requests_per_second", "What the region can bear.", capacity_of);
	region_gauge(x, "isobar_region_load_requests_per_second", "What the region's agents report.", load_of);
	region_gauge(x, "isobar_region_load_forecast_requests_per_second", "Load expected at the horizon.",
	    forecast_of);
	region_gauge(x, "isobar_region_failure_probability", "Of a failure that begins within the horizon.",
	    probability_of);
	region_gauge(x, "isobar_region_anomaly_rank", "Share of the time before that was less odd than now.",
	    anomaly_of);
	region_gauge(x, "isobar_region_admitted_ratio", "Share that operators let in: 1 all, 0 drained.", admitted_of);
	region_gauge(x, "isobar_region_report_age_seconds", "Time since the last report.", report_age_of);
}

/* Regions without a number have no sample. */
static void
region_gauge(struct exposition *x, const char *name, const char *help,
    double (*value)(const struct exposition *x, region_id region))
{
	metric_family(x->out, name, "gauge", help);
	for (size_t r = 0; r < x->scene.steering->region_count; r++) {
		double number = value(x, (region_id)r);

		if (isfinite(number))
			metric_sample(x->out, name, number, "region", x->scene.steering->regions[r].name, NULL, NULL);
	}
}

static void
add_deaths(struct exposition *x)
{
	const char *name = "isobar_service_region_dead";

	metric_family(x->out, name, "gauge",
	    "1 where the service is dead in the region, so that nobody is sent there.");
	for (size_t s = 0; s < x->scene.snapshot->service_count; s++) {
		const struct service *service = &x->scene.snapshot->services[s];

		for (size_t i = 0; i < service->intent->region_count; i++) {
			region_id region = service->intent->regions[i].region;

			metric_sample(x->out, name, live_is_dead(service->live, region), "service",
			    service->intent->name, "region", x->scene.steering->regions[region].name);
		}
	}
}

static void
add_admitted(struct exposition *x)
{
	const char *name = "isobar_service_region_admitted_ratio";

	metric_family(x->out, name, "gauge",
	    "Share of its own clients that the region takes now: drains, and returns from death.");
	for (size_t s = 0; s < x->scene.snapshot->service_count; s++) {
		const struct service *service = &x->scene.snapshot->services[s];

		for (size_t i = 0; i < service->intent->region_count; i++) {
			region_id region = service->intent->regions[i].region;

			metric_sample(x->out, name, live_admit(service->live, region) / (double)ADMIT_ALL, "service",
			    service->intent->name, "region", x->scene.steering->regions[region].name);
		}
	}
}

/* Planned, for clients of no particular group. */
static void
add_shares(struct exposition *x)
{
	const char *name = "isobar_service_region_share_ratio";
	double planned[REGIONS_MAX], now[REGIONS_MAX];

	metric_family(x->out, name, "gauge", "Planned share of the default client group.");
	for (size_t s = 0; s < x->scene.snapshot->service_count; s++) {
		const struct service *service = &x->scene.snapshot->services[s];

		scene_shares(service, GROUP_DEFAULT, planned, now);
		for (size_t i = 0; i < service->intent->region_count; i++) {
			region_id region = service->intent->regions[i].region;

			metric_sample(x->out, name, planned[region], "service", service->intent->name, "region",
			    x->scene.steering->regions[region].name);
		}
	}
}

/* --- plans and drains ------------------------------------------------------------------------------------------- */

static void
add_plans(struct exposition *x)
{
	struct control_status status;

	control_status(x->request->control, &status);
	metric_single(x->out, "isobar_plan_time_seconds", "gauge",
	    "When the plan in service was made, since 1970; 0: none.", (double)status.planned.ms / 1000);
	metric_single(x->out, "isobar_plan_refused", "gauge", "1 when the last proposed plan was refused.",
	    status.plan_refused[0] != '\0');
	metric_family(x->out, "isobar_plans_total", "counter", "Proposed plans, by what the certificate said.");
	metric_sample(x->out, "isobar_plans_total", (double)status.certified, "result", "certified", NULL, NULL);
	metric_sample(x->out, "isobar_plans_total", (double)status.refused, "result", "refused", NULL, NULL);
}

static void
add_certificate(struct exposition *x)
{
	const struct certificate *certificate = control_certificate(x->request->control);

	metric_family(x->out, "isobar_load_worst_ratio", "gauge",
	    "Load by capacity of the fullest region, now and after the worst loss; 0: not known.");
	if (certificate != NULL) {
		metric_sample(x->out, "isobar_load_worst_ratio", certificate->worst_now, "case", "now", NULL, NULL);
		metric_sample(x->out, "isobar_load_worst_ratio", certificate->worst_lost, "case", "lost", NULL, NULL);
	}
	metric_family(x->out, "isobar_drain_room", "gauge",
	    "The largest part of a region that may be drained with no other.");
	for (size_t r = 0; certificate != NULL && r < x->scene.steering->region_count; r++)
		metric_sample(x->out, "isobar_drain_room", certificate->room[r], "region",
		    x->scene.steering->regions[r].name, NULL, NULL);
}

static void
add_drains(struct exposition *x)
{
	const struct drains_state *drains = control_drains(x->request->control);

	metric_single(x->out, "isobar_drains_in_force", "gauge", "Drains and drills that aren't over.",
	    drains->in_force);
	metric_family(x->out, "isobar_drain_budget_used_ratio", "gauge",
	    "What drains may bring a region while they come and go, by what it has left, where that is most: up to 1 "
	    "nobody is overloaded.");
	if (drains->in_force == 0 || !isnan(drains->budget))
		metric_sample(x->out, "isobar_drain_budget_used_ratio", drains->in_force == 0 ? 0 : drains->budget,
		    NULL, NULL, NULL, NULL);
	metric_single(x->out, "isobar_drains_unsafe", "gauge",
	    "1 while the drains in force overload somebody, or may while they come and go.", drains->unsafe);
}
