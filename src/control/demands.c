/* demands.c -- the demand of this moment: when counters are read, when reports correct it, when it's kept.
 * In: workers' counters and sketches, the round's loads.  Out: struct demand for plans and views, rows in the store.
 * Threads: control, with jobs on the store's writer.
 *
 *  every READ_MS     questions by group, and what is shown; a row of the present minute for each group and larger
 *                    country, in place of the one before
 *  every MINUTE_MS   the workers' sketches; then slots and keys, one service a tick, so that no tick is long
 *  every STATE_MS    slots and heavy keys, for the next start; at the end, too
 *  every LOADS_MS    the loads that regions report. While tables and live words stay as they are, caches turn over, and
 *                    after SETTLED_TTLS of them what regions get is what we meant them to get: the mean of what is
 *                    reported from then on, for as long as one TTL, corrects the estimate. The first time all the way,
 *                    and then by a part, since what is left is mostly noise.
 *
 * No publication is made for demand's sake. Who publishes asks demands_for(), and its tables live by that until the
 * next. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "control/meter.h"
#include "control/state.h"
#include "estimate/estimate.h"

#define READ_MS 10000
#define MINUTE_MS 60000
#define STATE_MS 300000
#define LOADS_MS 1000
#define VIEW_MS 1000		/* views are as fresh as this when they are looked at */
#define SETTLED_TTLS 3
#define SETTLED_LEAST_MS 30000	/* with a TTL of nearly nothing: agents' loads are means over some seconds */
#define STEP_LATER 0.3
#define ROW_LEAST 0.002		/* of a service's demand: a country with less has no row of its own */
#define BUSY_QUESTIONS 60000.0	/* of a worker in a minute: from here on its sketch looks at a part of them only */

/* How long a service's tables and live words have been as they are, and what regions have reported since they
 * settled. */
struct settling {
	char *service;
	uint64_t words;			/* hash of them */
	struct mono since, from;	/* when they changed; when the reports below began */
	double sums[REGIONS_MAX];
	unsigned counts[REGIONS_MAX];
	bool corrected;
};

struct demands {
	struct estimate *estimate;
	struct meter *meter;
	struct demand *shown;
	struct mono made, rows, minute, kept, looked, sketched;
	size_t next_service;		/* whose slots are to be read; beyond the last: none until the next minute */
	uint64_t questions;		/* meter's, at the last sketch */
	size_t settling_count;
	struct settling *settling;
};

struct keeping {
	struct arena *arena;		/* of the rows, */
	size_t count;
	struct demand_row *rows;
	void *octets;			/* or the state */
	size_t length;
	struct wall at;
};

static struct demand *load_state(const struct control *control);
static void read_sketches(struct control *control, struct mono now);
static void take_sketch(void *arg, const struct sketch *sketch);
static void show(struct control *control, struct mono now);
static void look_at_loads(struct control *control, struct mono now);
static bool match_settling(struct demands *demands, const struct snapshot *snapshot, struct mono now);
static void look_at_service(struct control *control, size_t service, struct mono now);
static uint64_t words_of(const struct snapshot *snapshot, const struct service *service);
static void correct(struct control *control, size_t service, struct mono now);
static void keep_rows(struct control *control, struct wall wall);
static void keep_state(struct control *control);
static int store_rows(struct store_txn *txn, void *arg);
static int store_state(struct store_txn *txn, void *arg);
static void kept(void *arg, int status);
static struct demand *demand_empty(void);

bool
demands_start(struct control *control)
{
	struct demands *demands = control->demands = calloc(1, sizeof(*demands));
	const struct steering *steering = control->world->steering;
	struct locator *locator = locator_new(steering, control->world->geo == NULL ? NULL
	    : control->world->geo->geo);
	struct demand *was;

	if (demands == NULL || locator == NULL || (demands->estimate = estimate_new()) == NULL
	    || (demands->meter = meter_new(demands->estimate)) == NULL
	    || !estimate_adopt(demands->estimate, steering, locator)) {
		locator_free(locator);
		return false;
	}
	was = load_state(control);
	if (was != NULL && !estimate_restore(demands->estimate, was, steering, locator))
		log_warning("out of memory: a part of what clients ask for is measured anew");
	demand_free(was);
	locator_free(locator);
	control->publisher.meter = demands->meter;
	demands->made = demands->kept = mono_now();
	demands->minute = mono_add_ms(demands->made, READ_MS - MINUTE_MS);	/* the first is soon */
	demands->sketched = demands->made;
	demands->next_service = SIZE_MAX;
	return true;
}

/* NULL: none, or it can't be read; then demand is measured anew. */
static struct demand *
load_state(const struct control *control)
{
	struct text error = { 0 };
	struct store_reader *reader = control->options.storeless ? NULL
	    : store_reader_open(control->settings->store, &error);
	struct demand *demand = NULL;
	struct wall at;
	void *body = NULL;
	size_t length = 0;
	int status = reader == NULL ? -ENOENT : store_demand_state(reader, &at, &body, &length);

	if (status == 0)
		demand = demand_read(body, length, control->world->steering);
	if ((status != 0 && status != -ENOENT) || (status == 0 && demand == NULL))
		log_warning("what clients asked for before can't be read; it's measured anew");
	free(body);
	store_reader_close(reader);
	text_fini(&error);
	return demand;
}

void
demands_end(struct control *control)
{
	struct demands *demands = control->demands;

	if (demands == NULL)
		return;
	if (demands->meter != NULL && control->publisher.current != NULL) {
		meter_read(demands->meter, mono_now());
		keep_state(control);
	}
	control->publisher.meter = NULL;
	control->demands = NULL;
	meter_free(demands->meter);
	estimate_free(demands->estimate);
	demand_free(demands->shown);
	for (size_t i = 0; i < demands->settling_count; i++)
		free(demands->settling[i].service);
	free(demands->settling);
	free(demands);
}

void
demands_tick(struct control *control, struct mono now, struct wall wall)
{
	struct demands *demands = control->demands;

	server_tell_time(control->publisher.server, (uint32_t)mono_ms_between(demands->sketched, now));
	if (mono_ms_between(demands->looked, now) >= LOADS_MS)
		look_at_loads(control, now);
	if (mono_ms_between(demands->rows, now) >= READ_MS) {
		demands->rows = now;
		keep_rows(control, wall);
	}
	if (mono_ms_between(demands->minute, now) >= MINUTE_MS) {
		demands->minute = now;
		demands->next_service = 0;
		read_sketches(control, now);
	} else if (demands->next_service < control->publisher.current->service_count) {
		meter_read_slots(demands->meter, demands->next_service++, now);
	}
	if (mono_ms_between(demands->kept, now) >= STATE_MS) {
		demands->kept = now;
		keep_state(control);
	}
}

struct taking {
	struct meter *meter;
	uint32_t window_ms;
};

static void
read_sketches(struct control *control, struct mono now)
{
	struct demands *demands = control->demands;
	struct taking taking = { demands->meter, (uint32_t)mono_ms_between(demands->sketched, now) };
	double questions = (double)(meter_questions(demands->meter) - demands->questions)
	    / control->publisher.worker_count * MINUTE_MS / (taking.window_ms + 1);

	demands->questions = meter_questions(demands->meter);
	demands->sketched = now;
	meter_hold(demands->meter);
	server_sketches(control->publisher.server, questions > BUSY_QUESTIONS ? SKETCH_EVERY_BUSY : 1, take_sketch,
	    &taking);
	meter_release(demands->meter);
}

static void
take_sketch(void *arg, const struct sketch *sketch)
{
	const struct taking *taking = arg;

	meter_take(taking->meter, sketch, taking->window_ms);
}

/* --- what is made of it -------------------------------------------------------------------------------------- */

const struct demand *
control_demand(const struct control *control)
{
	struct control *own = (struct control *)(uintptr_t)control;	/* what is shown is made when it's asked for */
	struct mono now = mono_now();

	if (control->demands == NULL)
		return NULL;
	if (control->demands->shown == NULL || mono_ms_between(control->demands->made, now) >= VIEW_MS)
		show(own, now);
	return control->demands->shown;
}

static void
show(struct control *control, struct mono now)
{
	struct demands *demands = control->demands;
	const struct snapshot *snapshot = control->publisher.current;
	const struct partition *partition = snapshot->partition;
	uint8_t countries[COUNTRIES_MAX];
	size_t count = 0;

	for (size_t g = 0; g < partition->count; g++)
		if (partition->groups[g].country != COUNTRY_UNKNOWN)
			countries[count++] = partition->groups[g].country;
	meter_read(demands->meter, now);
	demands->made = now;
	demand_free(demands->shown);
	demands->shown = estimate_demand(demands->estimate, snapshot->steering, snapshot->locator, countries, count,
	    wall_now());
}

bool
control_distrusts(const struct control *control, size_t service, region_id region)
{
	return control->demands != NULL && estimate_distrusts(control->demands->estimate, service, region);
}

bool
demands_build(const struct control *control, const struct world *world, const struct plan *plan, bool fresh,
	struct candidate *candidate, struct text *why)
{
	struct demand *demand = fresh ? demands_for(control, world->steering, plan) : NULL;

	if (fresh && demand == NULL) {
		text_puts(why, "out of memory");
		return false;
	}
	if (publish_build(&control->publisher, world, control->round, plan, demand, candidate, why))
		return true;
	demand_free(demand);
	return false;
}

bool
control_expected(const struct control *control, size_t service, double *loads)
{
	return control->demands != NULL
	    && estimate_expect(control->demands->estimate, control->publisher.current, service, loads);
}

struct demand *
demands_for(const struct control *control, const struct steering *steering, const struct plan *plan)
{
	const struct snapshot *snapshot = control->publisher.current;
	const struct steering *known = snapshot == NULL ? control->world->steering : snapshot->steering;
	struct locator *locator = snapshot != NULL ? NULL : locator_new(known, NULL);
	uint8_t countries[COUNTRIES_MAX];
	size_t length, count = plan_countries(plan, countries);
	struct demand *demand = NULL, *again = NULL;
	void *octets;

	if (control->demands != NULL && (snapshot != NULL || locator != NULL))
		demand = estimate_demand(control->demands->estimate, known, snapshot != NULL ? snapshot->locator
		    : locator, countries, count, wall_now());
	locator_free(locator);
	if (demand == NULL || steering == control->world->steering)
		return demand != NULL ? demand : demand_empty();
	/* Groups are numbers of their own steering: by way of the octets, which have names. */
	octets = demand_write(demand, known, &length);
	if (octets != NULL)
		again = demand_read(octets, length, steering);
	free(octets);
	demand_free(demand);
	return again != NULL ? again : demand_empty();
}

/* Nothing is known, in any steering. */
static struct demand *
demand_empty(void)
{
	struct arena *arena = arena_new();
	struct demand *demand = arena == NULL ? NULL : arena_alloc(arena, sizeof(*demand));

	if (demand == NULL)
		arena_free(arena);
	else
		demand->arena = arena;
	return demand;
}

/* --- reports ------------------------------------------------------------------------------------------------- */

static void
look_at_loads(struct control *control, struct mono now)
{
	const struct snapshot *snapshot = control->publisher.current;

	control->demands->looked = now;
	if (match_settling(control->demands, snapshot, now))
		for (size_t s = 0; s < snapshot->service_count; s++)
			look_at_service(control, s, now);
}

/* One for each service, in their order; by name when the steering has others now. */
static bool
match_settling(struct demands *demands, const struct snapshot *snapshot, struct mono now)
{
	struct settling *fresh;
	bool same = demands->settling_count == snapshot->service_count, good = true;

	for (size_t s = 0; s < snapshot->service_count && same; s++)
		same = strcmp(demands->settling[s].service, snapshot->services[s].intent->name) == 0;
	if (same)
		return true;
	fresh = calloc(snapshot->service_count + 1, sizeof(*fresh));
	for (size_t s = 0; fresh != NULL && s < snapshot->service_count; s++) {
		fresh[s] = (struct settling){ .service = strdup(snapshot->services[s].intent->name), .since = now };
		good = good && fresh[s].service != NULL;
	}
	for (size_t s = 0; fresh != NULL && !good && s < snapshot->service_count; s++)
		free(fresh[s].service);
	if (fresh == NULL || !good) {
		free(fresh);
		return false;
	}
	for (size_t s = 0; s < demands->settling_count; s++)
		free(demands->settling[s].service);
	free(demands->settling);
	demands->settling = fresh;
	demands->settling_count = snapshot->service_count;
	return true;
}

static void
look_at_service(struct control *control, size_t s, struct mono now)
{
	const struct snapshot *snapshot = control->publisher.current;
	const struct service *service = &snapshot->services[s];
	struct settling *settling = &control->demands->settling[s];
	uint64_t words = words_of(snapshot, service);
	int64_t ttl_ms = (int64_t)(1000 * meter_ttl(service)), settled_ms = SETTLED_TTLS * ttl_ms;

	if (words != settling->words) {
		settling->words = words;
		settling->since = now;
		settling->corrected = false;
	}
	if (settled_ms < SETTLED_LEAST_MS)
		settled_ms = SETTLED_LEAST_MS;
	if (mono_ms_between(settling->since, now) < settled_ms) {
		memset(settling->counts, 0, sizeof(settling->counts));
		memset(settling->sums, 0, sizeof(settling->sums));
		settling->from = now;
		return;
	}
	for (size_t i = 0; i < service->order_count; i++) {
		region_id r = service->order[i];
		double load = round_region(control->round, r)->services[s].load;

		if (!isfinite(load))
			continue;
		settling->sums[r] += load;
		settling->counts[r]++;
	}
	if (mono_ms_between(settling->from, now) >= (ttl_ms < SETTLED_LEAST_MS ? SETTLED_LEAST_MS : ttl_ms))
		correct(control, s, now);
}

/* Everything that decides where the service's clients go. */
static uint64_t
words_of(const struct snapshot *snapshot, const struct service *service)
{
	uint64_t hash = 0;

	for (size_t g = 0; g < snapshot->partition->count; g++) {
		const struct slot_table *table = service->tables[g];
		uint64_t both[2] = { (uintptr_t)table, table->inputs };

		hash = hash64(both, sizeof(both), hash);
	}
	for (size_t i = 0; i < ARRAY_SIZE(service->live->dead); i++) {
		uint64_t dead = atomic_load_explicit(&service->live->dead[i], memory_order_relaxed);

		hash = hash64(&dead, sizeof(dead), hash);
	}
	for (size_t i = 0; i < service->order_count; i++) {
		admit admitted = live_admit(service->live, service->order[i]);

		hash = hash64(&admitted, sizeof(admitted), hash);
	}
	return hash;
}

static void
correct(struct control *control, size_t s, struct mono now)
{
	struct settling *settling = &control->demands->settling[s];
	double loads[REGIONS_MAX];

	for (unsigned r = 0; r < REGIONS_MAX; r++)
		loads[r] = settling->counts[r] == 0 ? NAN : settling->sums[r] / settling->counts[r];
	if (estimate_correct(control->demands->estimate, control->publisher.current, s, loads,
	    settling->corrected ? STEP_LATER : 1))
		settling->corrected = true;
	memset(settling->counts, 0, sizeof(settling->counts));
	memset(settling->sums, 0, sizeof(settling->sums));
	settling->from = now;
}

/* --- the store ----------------------------------------------------------------------------------------------- */

/* Of this minute, as far as it has come. */
static void
keep_rows(struct control *control, struct wall wall)
{
	struct demands *demands = control->demands;
	struct keeping *keeping = calloc(1, sizeof(*keeping));
	struct arena *arena = arena_new();
	const struct steering *steering = control->publisher.current->steering;
	const struct estimate_row *rows = NULL;
	size_t count = 0;
	struct wall at = { wall.ms - wall.ms % MINUTE_MS };

	meter_read(demands->meter, mono_now());
	if (arena != NULL && control->store != NULL)
		rows = estimate_rows(demands->estimate, ROW_LEAST, arena, &count);
	if (keeping == NULL || rows == NULL || count == 0)
		goto nothing;
	keeping->arena = arena;
	keeping->rows = arena_alloc(arena, count * sizeof(*keeping->rows));
	for (size_t i = 0; keeping->rows != NULL && i < count; i++) {
		struct demand_row *row = &keeping->rows[keeping->count++];

		*row = (struct demand_row){ .at = at, .service = arena_text(arena, rows[i].service),
		    .group = arena_text(arena, steering->groups[rows[i].group].name),
		    .country = country_at(rows[i].country)->code, .rate = rows[i].rate, .error = rows[i].error,
		    .asked = rows[i].asked };
		if (row->service == NULL || row->group == NULL)
			goto nothing;
	}
	if (keeping->rows != NULL && store_submit(control->store, store_rows, kept, keeping))
		return;
nothing:
	arena_free(arena);
	free(keeping);
}

static int
store_rows(struct store_txn *txn, void *arg)
{
	const struct keeping *keeping = arg;
	int status = 0;

	for (size_t i = 0; i < keeping->count && status == 0; i++)
		status = store_demand_put(txn, &keeping->rows[i]);
	return status;
}

static void
keep_state(struct control *control)
{
	const struct demand *demand = control->store == NULL ? NULL : control_demand(control);
	struct keeping *keeping = demand == NULL ? NULL : calloc(1, sizeof(*keeping));

	if (keeping == NULL)
		return;
	keeping->at = demand->at;
	keeping->octets = demand_write(demand, control->publisher.current->steering, &keeping->length);
	if (keeping->octets != NULL && store_submit(control->store, store_state, kept, keeping))
		return;
	free(keeping->octets);
	free(keeping);
}

static int
store_state(struct store_txn *txn, void *arg)
{
	const struct keeping *keeping = arg;

	return store_demand_state_put(txn, keeping->at, keeping->octets, keeping->length);
}

/* On the writer thread. */
static void
kept(void *arg, int status)
{
	struct keeping *keeping = arg;

	if (status != 0)
		log_warning("what clients ask for couldn't be stored: %s", strerror(-status));
	arena_free(keeping->arena);
	free(keeping->octets);
	free(keeping);
}
