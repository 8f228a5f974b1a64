/* round.c -- one round of the engine.
 * In: the store.  Out: predictions and a plan, posted to the API.
 * Threads: one.
 *
 *  1. steering and its revision, so that the plan says what it is based on;
 *  2. samples, incidents and the serving model, demand, capacities, what regions accept, who is down, measured
 *     latencies: all brought up to date;
 *  3. forecasts per region and horizon, or the reason why there are none, and one per demand group; steering.yaml may
 *     turn forecasts of failures into advice, which no plan heeds, or all that there are of regions off;
 *  4. predictions are posted;
 *  5. a plan is proposed, with the last one as what is (planner/propose.c), and posted if it moves clients. The planner
 *     has weighed that against the churn already; PLAN_MOVE_LEAST only keeps rounding from being published. New
 *     backups alone can wait until they are many, or for a minute.
 * A plan that is a step on the way (the sum of old and new clients would overload a region) is followed by the next one
 * after the longest TTL, when caches have turned over. A refused plan changes nothing: the next round plans again from
 * what is. */
#include "pae/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/steering_yaml.h"
#include "steer/constrain.h"

#define PLAN_MOVE_LEAST 0.0005	/* of all demand gets another primary: less is rounding */
#define PLAN_PAIR_LEAST 0.01	/* of all demand gets another backup: nobody moves by it, but tables are made anew */
#define PLAN_AGAIN_MS 60000	/* an unchanged plan is posted again after so long: it tells that forecasts are fresh */
#define ODD_RANK 0.99		/* from there on it's told each minute what is odd */
#define MINUTE_MS 60000
#define HOUR_MS 3600000
#define TTL_USUAL_S 60		/* of services whose records alone say it */

static bool steering_refresh(struct engine *engine);
static bool lawful_refresh(struct engine *engine);
static bool believe(struct engine *engine, struct plan_region *beliefs, const char **model);
static size_t forecasts_none(struct forecast list[static FORECASTS_MAX]);
static bool post_predictions(struct engine *engine, struct wall now);
static cJSON *forecast_json(const struct engine *engine, size_t region, size_t place, struct wall now);
static void add_odd(const struct engine *engine, size_t region, struct wall now, cJSON *entry);
static void add_why(const struct engine *engine, size_t region, size_t place, struct wall now, cJSON *entry);
static void post_plan(struct engine *engine, const struct plan_region *beliefs, const char *model, struct wall now);
static void remember(struct engine *engine);
static bool worth_posting(const struct engine *engine, const struct plan *plan);
static void take_posted(struct engine *engine, struct plan *plan);
static int64_t ttl_longest_s(const struct steering *steering);

bool
round_run(struct engine *engine, struct wall now)
{
	struct plan_region beliefs[REGIONS_MAX];
	const char *model = "";
	int64_t ahead_s;
	int status;

	if (!steering_refresh(engine))
		return false;
	ahead_s = ttl_longest_s(engine->steering);
	if (ahead_s < engine->steering->pae_update_interval_ms / 1000)
		ahead_s = engine->steering->pae_update_interval_ms / 1000;
	status = engine->steering->prediction == PREDICTION_OFF ? 0 :
	    forecaster_update(engine->forecaster, engine->regions, engine->steering->region_count, now);
	if (status == 0)
		status = demand_forecaster_update(engine->demand, engine->steering, now, ahead_s);
	if (status == 0)
		status = intake_update(&engine->intake, engine->reader, engine->steering, now);
	if (status != 0) {
		log_warning("can't read the store: %s", strerror(-status));
		return false;
	}
	if (!lawful_refresh(engine))
		return false;
	if (!believe(engine, beliefs, &model))
		return false;
	if (engine->steering->prediction != PREDICTION_OFF)
		training_if_due(engine, now);
	if (!post_predictions(engine, now))
		return false;
	/* A plan that is refused is no reason to be silent: the next round plans again. */
	post_plan(engine, beliefs, model, now);
	return true;
}

/* Reads steering.yaml's text anew when the journal has moved on. */
static bool
steering_refresh(struct engine *engine)
{
	uint64_t revision = store_revision(engine->reader);
	struct text text = { 0 };
	struct diags diags = { 0 };
	struct steering *steering = NULL;

	if (engine->steering != NULL && revision == engine->revision)
		return true;
	if (store_steering(engine->reader, &text) == 0 && !text.failed)
		steering = text.length == 0 ? steering_empty() : steering_read(text.bytes, "steering.yaml", &diags);
	if (steering == NULL)
		log_warning("the store's steering can't be read; the last one stays");
	diag_fini(&diags);
	text_fini(&text);
	if (steering == NULL)
		return engine->steering != NULL;
	steering_free(engine->steering);
	engine->steering = steering;
	engine->revision = revision;
	for (size_t i = 0; i < steering->region_count; i++)
		engine->regions[i] = steering->regions[i].name;
	return true;
}

/* What isobard holds plans to. */
static bool
lawful_refresh(struct engine *engine)
{
	struct steering *lawful = engine->steering;

	if (engine->intake.constrained)
		lawful = steering_constrain(engine->steering, engine->intake.accepting);
	else
		steering_hold(lawful);
	if (lawful == NULL)
		return false;
	steering_free(engine->lawful);
	engine->lawful = lawful;
	return true;
}

/* What the forecaster says of each region, and what of it a plan is made for: ten minutes ahead. False: no memory.
 * Without a prediction a plan counts on the base rate of failures, as for a region that no model speaks of. */
static bool
believe(struct engine *engine, struct plan_region *beliefs, const char **model)
{
	enum prediction_use use = engine->steering->prediction;
	size_t count = engine->steering->region_count;
	struct outlook *outlooks = reallocarray(engine->outlooks, count + 1, sizeof(*outlooks));

	if (outlooks == NULL)
		return false;
	engine->outlooks = outlooks;
	for (size_t i = 0; i < count; i++) {
		const struct forecast *usual = &outlooks[i].list[FORECAST_USUAL];

		outlooks[i].count = use == PREDICTION_OFF ? forecasts_none(outlooks[i].list) :
		    forecaster_ask(engine->forecaster, i, outlooks[i].list);
		outlooks[i].odd = use != PREDICTION_OFF ? forecaster_odd(engine->forecaster, i) :
		    (struct oddity){ (double)NAN, "prediction is off in steering.yaml" };
		beliefs[i] = (struct plan_region){
			.region = (region_id)i, .probability = usual->probability, .horizon_s = usual->horizon_s,
			.load_forecast = usual->load, .capacity = engine->intake.capacities[i], .price_why = "",
			.reason = usual->reason,
		};
		if (use == PREDICTION_ADVICE && isfinite(usual->probability)) {
			beliefs[i].probability = (double)NAN;
			beliefs[i].reason = "predictions are advice: no plan heeds them";
		}
		*model = usual->model[0] != '\0' ? usual->model : *model;
	}
	return true;
}

/* One that says why, so that whoever asks is told. */
static size_t
forecasts_none(struct forecast list[static FORECASTS_MAX])
{
	for (size_t i = 0; i <= FORECAST_USUAL; i++)
		list[i] = (struct forecast){ .horizon_s = (uint32_t)failure_horizons_s[i], .role = SPEAKER_SERVING,
			.probability = (double)NAN, .probability_low = (double)NAN, .probability_high = (double)NAN,
			.load = (double)NAN, .load_low = (double)NAN, .load_high = (double)NAN,
			.reason = "prediction is off in steering.yaml" };
	return FORECAST_USUAL + 1;
}

static bool
post_predictions(struct engine *engine, struct wall now)
{
	cJSON *root = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(root, "predictions");
	char *body;
	bool done;

	if (engine->told.ms / HOUR_MS != now.ms / HOUR_MS)
		engine->why_minute = now.ms / MINUTE_MS;
	for (size_t i = 0; i < engine->steering->region_count; i++) {
		for (size_t k = 0; k < engine->outlooks[i].count; k++)
			cJSON_AddItemToArray(list, forecast_json(engine, i, k, now));
	}
	body = root == NULL ? NULL : json_write(root);
	cJSON_Delete(root);
	done = body != NULL && engine_post(engine, "/v1/predictions", body);
	free(body);
	if (done)
		engine->told = now;
	return done;
}

static cJSON *
forecast_json(const struct engine *engine, size_t region, size_t place, struct wall now)
{
	const struct forecast *forecast = &engine->outlooks[region].list[place];
	cJSON *entry = cJSON_CreateObject();
	char time[CLOCK_TEXT_SIZE];

	wall_text(now, time);
	cJSON_AddStringToObject(entry, "at", time);
	cJSON_AddStringToObject(entry, "region", engine->regions[region]);
	cJSON_AddNumberToObject(entry, "horizon_s", forecast->horizon_s);
	cJSON_AddStringToObject(entry, "role", forecast->role == SPEAKER_SERVING ? "serving" : "shadow");
	json_add_number(entry, "probability", forecast->probability);
	json_add_number(entry, "probability_low", forecast->probability_low);
	json_add_number(entry, "probability_high", forecast->probability_high);
	json_add_number(entry, "load_forecast", forecast->load);
	json_add_number(entry, "load_low", forecast->load_low);
	json_add_number(entry, "load_high", forecast->load_high);
	cJSON_AddStringToObject(entry, "model", forecast->model);
	cJSON_AddStringToObject(entry, "reason", forecast->reason);
	if (forecast->role == SPEAKER_SERVING && place == FORECAST_USUAL)
		add_odd(engine, region, now, entry);
	if (forecast->role == SPEAKER_SERVING && place == FORECAST_USUAL && isfinite(forecast->probability))
		add_why(engine, region, place, now, entry);
	return entry;
}

/* It's of now and of no horizon: one entry of a region has it. Why, when so odd a minute comes once in a hundred. */
static void
add_odd(const struct engine *engine, size_t region, struct wall now, cJSON *entry)
{
	const struct oddity *odd = &engine->outlooks[region].odd;
	struct text why = { 0 };

	cJSON_AddItemToObject(entry, "anomaly_rank", isfinite(odd->rank) ? cJSON_CreateNumber(odd->rank) :
	    cJSON_CreateNull());
	cJSON_AddStringToObject(entry, "anomaly_reason", odd->reason);
	if (!isfinite(odd->rank) || (odd->rank < ODD_RANK && now.ms / MINUTE_MS != engine->why_minute))
		return;
	forecaster_odd_why(engine->forecaster, region, &why);
	if (why.length > 0)
		cJSON_AddItemToObject(entry, "anomaly_why", cJSON_Parse(why.bytes));
	text_fini(&why);
}

/* In the first minute of an hour, and while the probability is high: once a minute for every region would fill the
 * store. A minute and not a round, since the store keeps the last round of each. */
static void
add_why(const struct engine *engine, size_t region, size_t place, struct wall now, cJSON *entry)
{
	struct text why = { 0 };

	if (now.ms / MINUTE_MS != engine->why_minute &&
	    !forecaster_alarming(engine->forecaster, place, engine->outlooks[region].list[place].probability))
		return;
	forecaster_why(engine->forecaster, region, place, &why);
	if (why.length > 0)
		cJSON_AddItemToObject(entry, "why", cJSON_Parse(why.bytes));
	text_fini(&why);
}

static void
post_plan(struct engine *engine, const struct plan_region *beliefs, const char *model, struct wall now)
{
	struct proposal proposal = {
		.steering = engine->lawful, .regions = beliefs, .demand = demand_forecaster_ask(engine->demand),
		.latency = engine->intake.latency, .latency_count = engine->intake.latency_count,
		.dead = engine->intake.dead, .model = model, .based_on = engine->revision, .now = now,
	};
	struct plan *plan;
	char *body;

	remember(engine);
	if (engine->posted != NULL && mono_ms_between(mono_now(), engine->hold_until) > 0)
		return;
	proposal.last = engine->posted;
	proposal.last_steering = engine->posted_for;
	plan = plan_propose(engine->planner, &proposal);
	if (plan == NULL) {
		log_warning("no memory to plan");
		return;
	}
	if (!worth_posting(engine, plan)) {
		plan_free(plan);
		return;
	}
	body = plan_write(plan, engine->lawful);
	if (body != NULL && engine_post(engine, "/v1/plan", body))
		take_posted(engine, plan);
	else
		plan_free(plan);
	free(body);
}

/* The plan in force when we were started: what clients do now. */
static void
remember(struct engine *engine)
{
	struct text body = { 0 };
	struct diags ignored = { 0 };
	uint64_t epoch;

	if (engine->remembered)
		return;
	engine->remembered = true;
	if (store_latest_plan(engine->reader, &epoch, &body) == 0)
		engine->posted = plan_read(body.bytes, body.length, engine->steering, &ignored);
	if (engine->posted != NULL) {
		steering_hold(engine->steering);
		engine->posted_for = engine->steering;
		engine->posted_at = (struct mono){ 0 };
	}
	diag_fini(&ignored);
	text_fini(&body);
}

/* Not when it moves next to nobody, unless the last one has become old. */
static bool
worth_posting(const struct engine *engine, const struct plan *plan)
{
	struct plan_difference difference;

	if (plan->service_count == 0)
		return false;
	if (engine->posted == NULL || engine->posted->based_on != plan->based_on)
		return true;
	difference = plan_compare(plan, engine->posted);
	return difference.moved >= PLAN_MOVE_LEAST || difference.paired >= PLAN_PAIR_LEAST ||
	    mono_ms_between(engine->posted_at, mono_now()) >= PLAN_AGAIN_MS;
}

static void
take_posted(struct engine *engine, struct plan *plan)
{
	for (size_t i = 0; i < plan->relaxation_count; i++)
		log_info("planned with less: %s: %s: %s", plan->relaxations[i].step, plan->relaxations[i].what,
		    plan->relaxations[i].why);
	plan_free(engine->posted);
	steering_free(engine->posted_for);
	steering_hold(engine->steering);
	engine->posted = plan;
	engine->posted_for = engine->steering;
	engine->posted_at = engine->hold_until = mono_now();
	if (plan->step < 1)
		engine->hold_until = mono_add_ms(mono_now(), ttl_longest_s(engine->steering) * 1000);
}

static int64_t
ttl_longest_s(const struct steering *steering)
{
	int64_t longest = 0;

	for (size_t i = 0; i < steering->service_count; i++) {
		int64_t ttl = steering->services[i].ttl_max > 0 ? steering->services[i].ttl_max : TTL_USUAL_S;

		if (steering->services[i].policy == POLICY_PREDICTIVE && ttl > longest)
			longest = ttl;
	}
	return longest;
}
