/* explain_past.c -- why did a client get the region that it got, at any moment that the store remembers?
 * In: the parameters of explain.c and `at`.  Out: the same answer, of that moment.  Threads: the API's, with its own
 * reader: nothing of the past needs the control thread.
 * Locating, law, slot and pick are the functions that answered then, over the tables, dead and admit words of that time
 * (control/past.h). A client's country is that of today's geo database; records and their TTL aren't remembered. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "api/explanation.h"
#include "api/handlers.h"

#define BELIEFS_MS 3600000	/* a prediction older than that said nothing of its time any more */
#define CAUSES_MS (INT64_C(7) * 86400000)

struct memory {
	struct explanation *explanation;
	struct belief beliefs[REGIONS_MAX];
	const char *causes[REGIONS_MAX];
};

static void explain_at(struct explanation *e, const char *at_text);
static bool remember(struct memory *memory, struct explanation *e);
static bool on_prediction(void *arg, const struct prediction *prediction);
static bool on_event(void *arg, const struct health_event *event);
static void answer_unknown(struct request *request, int error, const struct text *why);

/* Does nothing without `at`: explain_show() answers then. */
void
explain_past(struct request *request)
{
	const char *at = request_query(request, "at");
	struct explanation *e;

	if (at == NULL)
		return;
	e = arena_alloc(request->arena, sizeof(*e));
	if (e == NULL) {
		answer_no_memory(request);
		return;
	}
	e->request = request;
	if (explanation_read(e))
		explain_at(e, at);
}

static void
explain_at(struct explanation *e, const char *at_text)
{
	struct request *request = e->request;
	struct memory *memory = arena_alloc(request->arena, sizeof(*memory));
	char name[NAME_TEXT_SIZE];
	struct text why = { 0 };
	struct epoch_row row;
	struct past past;
	int error = past_find(request->reader, at_text, wall_now(), request->arena, &row, &e->at, &why);

	if (error != 0 || memory == NULL) {
		answer_unknown(request, memory == NULL ? -ENOMEM : error, &why);
	} else if (!past_load(&past, request->reader, &row, e->at, name_text(e->name, name), true, &why)) {
		answer_problem(request, 404, NULL, "%s", why.bytes == NULL ? "out of memory" : why.bytes);
	} else {
		const struct service *service = &past.snapshot->services[0];
		bool lists = service->intent->policy == POLICY_GEOGRAPHIC || service->intent->policy == POLICY_PRIORITY;

		/* cppcheck-suppress autoVariables ; used only while this function runs */
		e->past = &past;
		e->snapshot = past.snapshot;
		e->steering = past.snapshot->steering;
		e->plan = past.plan;
		if (!past.services[0].read && !lists)
			answer_problem(request, 404, NULL, "the tables of that time aren't in the store's memory");
		else if (!remember(memory, e))
			answer_unknown(request, -EIO, &why);
		else
			explanation_tell(e, explanation_decide_past(e));
		past_fini(&past);
	}
	text_fini(&why);
}

static void
answer_unknown(struct request *request, int error, const struct text *why)
{
	const char *text = why->bytes == NULL ? "out of memory" : why->bytes;

	if (error == -EINVAL)
		answer_problem(request, 400, NULL, "%s", text);
	else if (error == -ENOENT)
		answer_problem(request, 404, NULL, "%s", text);
	else if (error == -ENOMEM)
		answer_no_memory(request);
	else
		answer_store_trouble(request, error);
}

static bool
remember(struct memory *memory, struct explanation *e)
{
	struct store_reader *reader = e->request->reader;
	struct wall end = { e->at.ms + 1 };

	memory->explanation = e;
	e->beliefs = memory->beliefs;
	e->causes = memory->causes;
	return store_predictions(reader, (struct wall){ e->at.ms - BELIEFS_MS }, on_prediction, memory) == 0
	    && store_health_events(reader, (struct wall){ e->at.ms - CAUSES_MS }, end, on_event, memory) == 0;
}

/* By time: the last one up to the moment stays. Load forecasts of services are part of no decision. */
static bool
on_prediction(void *arg, const struct prediction *prediction)
{
	struct memory *memory = arg;
	struct arena *arena = memory->explanation->request->arena;
	region_id region = steering_region_find(memory->explanation->steering, prediction->region);

	if (prediction->at.ms > memory->explanation->at.ms)
		return false;
	if (region != NO_REGION && prediction->service[0] == '\0')
		memory->beliefs[region] = (struct belief){ prediction->at, prediction->probability,
			prediction->load_forecast, prediction->horizon_s, arena_text(arena, prediction->model),
			arena_text(arena, prediction->reason) };
	return true;
}

static bool
on_event(void *arg, const struct health_event *event)
{
	struct memory *memory = arg;
	struct explanation *e = memory->explanation;
	region_id region = steering_region_find(e->steering, event->region);

	if (region != NO_REGION && strcmp(event->state, "down") == 0
	    && (event->service[0] == '\0' || strcmp(event->service, e->snapshot->services[0].intent->name) == 0))
		memory->causes[region] = arena_text(e->request->arena, event->cause);
	return true;
}
