/* test_round.c -- control/round: scripts of what agents, probes and operators say, and what follows from it.
 * A case is a list of lines; time is virtual, the wall clock begins at 1000000 s when the monotonic one is at 1 s:
 *	at SECONDS                              silence is looked for every second on the way
 *	REGION/AGENT SEQUENCE TIME SERVICE H/N [capacity=N] [accepts=GROUP] [load=N]     a report; TIME: its seconds
 *	taken | old | full | unknown            the last report's verdict
 *	probe REGION SERVICE ok|fail
 *	steering NUMBER                         the case's steering is replaced
 *	drain REGION SHARE FROM UNTIL           seconds; 0 0: for ever
 *	predict REGION PROBABILITY              at this time, for 600 s
 *	dead|alive SERVICE REGION / state REGION STATE / probes|quiet SERVICE REGION / events COUNT / event STATE CAUSE
 *	capacity REGION N / load SERVICE REGION N / constraints COUNT / accepts|rejects REGION GROUP
 *	drained REGION SHARE
 *	predicted REGION PROBABILITY            NAN as "none" */
#include "control/round.h"

#include <math.h>

#include "conf/steering_yaml.h"
#include "suite.h"

#define WALL_BEGIN INT64_C(1000000000)	/* ms */

static const char two[] =
	"health-check-interval: 5s\n"
	"regions: {eu: {capacity: 100}, us: {capacity: 200}}\n"
	"client-groups: {a: {networks: [192.0.2.0/24]}, b: {networks: [198.51.100.0/24]}}\n"
	"services:\n"
	"  www.example.com: {sharding-policy: priority, regions: [eu, us], probe: {kind: tcp, port: 80}}\n"
	"  api.example.com: {sharding-policy: priority, regions: [eu, us]}\n";

/* The same in another order, with a service and a region more. */
static const char three[] =
	"health-check-interval: 5s\n"
	"regions: {ap: {capacity: 10}, us: {capacity: 200}, eu: {capacity: 150}}\n"
	"client-groups:\n"
	"  {b: {networks: [198.51.100.0/24]}, c: {networks: [203.0.113.0/24]}, a: {networks: [192.0.2.0/24]}}\n"
	"services:\n"
	"  zzz.example.com: {sharding-policy: priority, regions: [eu, us, ap]}\n"
	"  aaa.example.com: {sharding-policy: priority, regions: [us, eu]}\n"
	"  www.example.com: {sharding-policy: priority, regions: [us, eu], probe: {kind: tcp, port: 80}}\n"
	"  api.example.com: {sharding-policy: priority, regions: [eu, us]}\n";

static const char only_us[] =
	"regions: {us: {capacity: 200}}\n"
	"services:\n"
	"  www.example.com: {sharding-policy: priority, regions: [us]}\n";

static const char *const steerings[] = { two, three, only_us };

struct row {
	const char *name;
	const char *lines[40];
};

static const struct row rows[] = {
	{ "nobody has spoken: unknown, alive, probed", {
		"state eu unknown", "alive www eu", "probes www eu", "quiet api eu", "events 0", "capacity eu 100" } },
	{ "down at once, with the cause", {
		"eu/r 1 0 www 0/3", "taken", "dead www eu", "alive www us", "alive api eu", "state eu down",
		"events 1", "event down none of 3 backends is healthy: refused" } },
	{ "one healthy backend is enough", {
		"eu/r 1 0 www 1/3", "alive www eu", "state eu up", "quiet www eu", "events 0" } },
	{ "alive after two good reports", {
		"eu/r 1 0 www 0/1", "eu/r 2 5 www 1/1", "dead www eu", "eu/r 3 10 www 1/1", "alive www eu", "events 2",
		"event up 1 of 1 backends are healthy" } },
	{ "a bad report in between counts anew", {
		"eu/r 1 0 www 0/1", "eu/r 2 5 www 1/1", "eu/r 3 10 www 0/1", "eu/r 4 15 www 1/1", "dead www eu",
		"eu/r 5 20 www 1/1", "alive www eu" } },
	{ "an unknown region", { "xx/r 1 0 www 1/1", "unknown", "events 0" } },
	{ "a service that the steering doesn't have", { "eu/r 1 0 other 0/2", "taken", "state eu up", "events 0" } },
	{ "publications are no good reports", {
		"eu/r 1 0 www 0/1", "eu/r 2 5 www 1/1", "steering 0", "steering 0", "steering 1", "dead www eu",
		"eu/r 3 10 www 1/1", "alive www eu" } },
	/* silence */
	{ "silent after three intervals, not before", {
		"eu/r 1 0 www 1/1", "at 15", "state eu up", "at 16", "state eu silent", "alive www eu",
		"probes www eu", "events 1", "event silent no report for 15.0 s" } },
	{ "a silent region stays as it was last known", {
		"eu/r 1 0 api 0/1", "at 20", "dead api eu", "eu/r 2 20 api 1/1", "dead api eu", "eu/r 3 21 api 1/1",
		"alive api eu" } },
	{ "two failed probes in a row kill a silent region", {
		"eu/r 1 0 www 1/1", "at 16", "probe eu www fail", "alive www eu", "probe eu www ok",
		"probe eu www fail", "alive www eu", "probe eu www fail", "dead www eu",
		"event down no reports, and the outside-in probe fails: refused" } },
	{ "and two good ones bring it back", {
		"eu/r 1 0 www 1/1", "at 16", "probe eu www fail", "probe eu www fail", "probe eu www ok",
		"dead www eu", "probe eu www fail", "probe eu www ok", "dead www eu", "probe eu www ok",
		"alive www eu" } },
	{ "while reports come, probes are not heard", {
		"eu/r 1 0 www 1/1", "probe eu www fail", "probe eu www fail", "alive www eu" } },
	{ "a failed probe is forgotten when reports come again", {
		"eu/r 1 0 www 1/1", "at 16", "probe eu www fail", "eu/r 2 16 www 1/1",
		"event heard reports arrive again", "at 40", "probe eu www fail", "alive www eu" } },
	{ "a region without an agent lives by probes", {
		"probe us www fail", "probe us www fail", "dead www us",
		"event down no agent was heard, and the outside-in probe fails: refused", "probe us www ok",
		"probe us www ok", "alive www us" } },
	{ "a service without a probe isn't probed", { "probe us api fail", "probe us api fail", "alive api us" } },
	{ "dead by probes, then an agent that doesn't speak of it: probes go on", {
		"probe eu www fail", "probe eu www fail", "dead www eu", "eu/r 1 0 api 1/1", "state eu up",
		"dead www eu", "probes www eu", "probe eu www ok", "probe eu www ok", "alive www eu" } },
	{ "dead by a report, then no report speaks of it any more", {
		"eu/r 1 0 api 0/1", "dead api eu", "eu/r 2 5 www 1/1", "alive api eu",
		"event up no report speaks of it any more" } },
	/* several agents */
	{ "several agents are taken together", {
		"eu/r 1 0 www 0/2", "dead www eu", "eu/s 1 0 www 1/2", "dead www eu", "eu/s 2 1 www 1/2",
		"alive www eu", "eu/s 3 2 www 0/2", "dead www eu" } },
	{ "the report of another agent is no good report of this service", {
		"eu/r 1 0 www 0/1", "eu/s 1 0 api 1/1", "eu/r 2 5 www 1/1", "eu/s 2 5 api 1/1", "eu/s 3 6 api 1/1",
		"dead www eu", "eu/r 3 10 www 1/1", "alive www eu" } },
	{ "an agent that has gone silent keeps nobody alive", {
		"eu/r 1 0 www 2/2", "eu/s 1 0 www 0/2", "alive www eu", "at 10", "eu/s 2 10 www 0/2", "alive www eu",
		"at 16", "eu/s 3 16 www 0/2", "dead www eu", "state eu down" } },
	{ "what a silent agent alone spoke of stays as it was, and is probed", {
		"eu/r 1 0 api 0/1", "eu/r 2 1 api 0/1", "eu/s 1 0 www 1/1", "at 17", "eu/s 2 17 www 1/1",
		"dead api eu", "state eu up" } },
	{ "nine agents are too many", {
		"eu/1 1 0 www 1/1", "eu/2 1 0 www 1/1", "eu/3 1 0 www 1/1", "eu/4 1 0 www 1/1", "eu/5 1 0 www 1/1",
		"eu/6 1 0 www 1/1", "eu/7 1 0 www 1/1", "eu/8 1 0 www 1/1", "taken", "eu/9 1 0 www 0/1", "full",
		"us/9 1 0 www 1/1", "taken" } },
	{ "but one that is silent makes room", {
		"eu/1 1 0 www 1/1", "eu/2 1 0 www 1/1", "eu/3 1 0 www 1/1", "eu/4 1 0 www 1/1", "eu/5 1 0 www 1/1",
		"eu/6 1 0 www 1/1", "eu/7 1 0 www 1/1", "eu/8 1 0 www 1/1", "at 10", "eu/1 2 10 www 1/1", "at 16",
		"eu/9 1 16 www 1/1", "taken", "eu/1 3 16 www 1/1", "taken", "eu/2 2 16 www 1/1", "taken",
		"eu/3 1 16 www 1/1", "taken" } },
	{ "capacity: of the newest report that has one, else of the steering", {
		"eu/r 1 0 www 1/1 capacity=70", "capacity eu 70", "eu/s 1 0 www 1/1 capacity=80", "capacity eu 80",
		"eu/s 2 1 www 1/1", "capacity eu 70", "eu/r 2 1 www 1/1", "capacity eu 100", "steering 1",
		"capacity eu 150" } },
	{ "loads are added up, those of silent agents left out", {
		"load www eu none", "eu/r 1 0 www 1/1 load=10", "eu/s 1 0 www 1/1 load=5", "load www eu 15", "at 16",
		"eu/s 2 16 www 1/1 load=7", "load www eu 7" } },
	/* what is old */
	{ "an older sequence of an older time is old", {
		"eu/r 5 10 www 0/1", "eu/r 4 9 www 1/1", "old", "eu/r 5 10 www 1/1", "old", "dead www eu" } },
	{ "an agent that lost its count is heard by its time", {
		"eu/r 500 10 www 1/1", "at 11", "eu/r 1 11 www 0/1", "taken", "dead www eu", "eu/r 1 11 www 1/1",
		"old" } },
	{ "an agent whose clock was set back is heard by its sequence", {
		"at 10", "eu/r 1 10 www 1/1", "at 11", "eu/r 2 3 www 0/1", "taken", "dead www eu" } },
	{ "a replay of spooled reports is no news until it has caught up", {
		"eu/r 1 0 www 1/1", "at 100", "state eu silent", "eu/r 2 5 www 0/1", "old", "eu/r 3 10 www 0/1", "old",
		"eu/r 4 15 www 0/1", "old", "eu/r 5 20 www 0/1", "old", "eu/r 6 25 www 0/1", "old",
		"eu/r 7 30 www 0/1", "old", "state eu silent", "alive www eu", "eu/r 8 85 www 1/1", "taken",
		"state eu up", "eu/r 9 90 www 1/1", "taken", "eu/r 10 100 www 0/1", "taken", "dead www eu" } },
	{ "a clock that was set back by minutes is believed after three reports", {
		"eu/r 1 100 www 1/1", "at 5", "eu/r 2 -900 www 1/1", "old", "at 10", "eu/r 3 -895 www 1/1", "old",
		"at 15", "eu/r 4 -890 www 1/1", "old", "at 20", "eu/r 5 -885 www 0/1", "taken", "dead www eu", "at 25",
		"eu/r 6 -880 www 1/1", "taken" } },
	{ "a first report may be as late as it likes", { "at 1000", "eu/r 1 0 www 0/1", "taken", "dead www eu" } },
	/* a new steering */
	{ "what is known is kept by name", {
		"eu/r 1 0 www 0/1", "us/r 1 0 www 1/1", "drain us 0.5 0 0", "predict us 0.25", "events 2",
		"steering 1", "dead www eu", "alive www us", "alive api eu", "alive zzz eu", "alive aaa us",
		"state eu down", "state us up", "state ap unknown", "drained us 0.5", "predicted us 0.25",
		"predicted eu none", "events 2", "eu/r 1 0 www 1/1", "old" } },
	{ "a new service is judged by the reports that are there", {
		"eu/r 1 0 zzz 0/1", "events 0", "steering 1", "dead zzz eu", "state eu down", "events 1" } },
	{ "a region that is taken out is forgotten", {
		"eu/r 1 0 www 0/1", "steering 2", "eu/r 2 5 www 1/1", "unknown", "steering 0", "state eu unknown",
		"alive www eu" } },
	{ "a silent region stays silent", {
		"eu/r 1 0 www 1/1", "at 16", "steering 1", "state eu silent", "alive www eu" } },
	/* what regions accept */
	{ "every agent that constrains must name the group", {
		"accepts eu a", "eu/r 1 0 www 1/1 accepts=a", "constraints 1", "accepts eu a", "rejects eu b",
		"rejects eu default", "eu/r 2 5 www 1/1 accepts=a", "constraints 1", "eu/s 1 5 www 1/1",
		"constraints 1", "accepts eu a", "eu/s 2 6 www 1/1 accepts=b", "constraints 2", "rejects eu a",
		"rejects eu b", "eu/s 3 7 www 1/1", "accepts eu a", "constraints 3", "eu/r 3 8 www 1/1",
		"accepts eu default", "constraints 4" } },
	{ "a constraint outlives silence, and a new steering doesn't count it anew", {
		"eu/r 1 0 www 1/1 accepts=a", "at 30", "rejects eu b", "steering 1", "rejects eu b", "rejects eu c",
		"accepts eu a", "accepts us c", "constraints 1" } },
	/* drains and predictions */
	{ "a drain counts from its beginning up to its end", {
		"drain eu 0.25 10 20", "drained eu 1", "at 10", "drained eu 0.25", "events 1", "event drained test",
		"at 19", "drained eu 0.25", "at 20", "drained eu 1", "events 2",
		"event undrained no drain is in force any more" } },
	{ "the least of several counts", {
		"drain eu 0.5 0 0", "drain eu 0 10 20", "drained eu 0.5", "at 10", "drained eu 0", "at 20",
		"drained eu 0.5", "drained us 1" } },
	{ "a prediction ends with its horizon", {
		"predict eu 0.5", "at 600", "predicted eu 0.5", "at 601", "predicted eu none" } },
};

struct script {
	const char *name;
	struct round *round;
	double seconds;
	enum round_verdict verdict;
	unsigned events;
	char state[40], cause[300];
	struct override drains[4];
	char drain_regions[4][16];
	size_t drain_count;
};

static struct mono
mono_of(double seconds)
{
	return (struct mono){ (int64_t)((1 + seconds) * 1e9) };
}

static struct wall
wall_of(double seconds)
{
	return (struct wall){ WALL_BEGIN + (int64_t)(seconds * 1000) };
}

static void
on_event(void *arg, const struct health_event *event)
{
	struct script *s = arg;

	s->events++;
	snprintf(s->state, sizeof(s->state), "%s", event->state);
	snprintf(s->cause, sizeof(s->cause), "%s", event->cause);
}

static struct steering *
steering_of(const char *text)
{
	struct diags diags = { 0 };
	struct steering *steering = steering_read(text, "steering.yaml", &diags);

	if (steering == NULL) {
		struct text why = { 0 };

		diag_print(&diags, &why);
		fprintf(stderr, "%s", why.bytes);
		abort();
	}
	diag_fini(&diags);
	return steering;
}

static void
adopt(struct script *s, const char *text)
{
	struct steering *steering = steering_of(text);

	CU_ASSERT_EQUAL(round_adopt(s->round, steering, mono_of(s->seconds), wall_of(s->seconds)), 0);
	steering_free(steering);
}

static const struct round_region *
region_of(const struct script *s, const char *name)
{
	region_id r = steering_region_find(round_steering(s->round), name);

	if (r == NO_REGION)
		abort();
	return round_region(s->round, r);
}

static size_t
service_of(const struct script *s, const char *label)
{
	const struct steering *steering = round_steering(s->round);
	const struct steering_service *service;
	char name[64];

	snprintf(name, sizeof(name), "%s.example.com.", label);
	service = steering_service_find(steering, name);
	if (service == NULL)
		abort();
	return (size_t)(service - steering->services);
}

static void
do_report(struct script *s, const char *line)
{
	char region[16], agent[16], label[16], option[40] = "", time[CLOCK_TEXT_SIZE];
	unsigned long long sequence;
	unsigned healthy, backends;
	double at;
	struct text json = { 0 };
	struct diags diags = { 0 };
	struct report *report;

	if (sscanf(line, "%15[^/]/%15s %llu %lf %15s %u/%u %39s", region, agent, &sequence, &at, label, &healthy,
	    &backends, option) < 7)
		abort();
	text_printf(&json, "{\"agent\":\"%s\",\"sequence\":%llu,\"time\":\"%s\",\"backends\":[", agent, sequence,
	    wall_text(wall_of(at), time));
	for (unsigned i = 0; i < backends; i++)
		text_printf(&json,
		    "%s{\"name\":\"b%u\",\"service\":\"%s.example.com\",\"address\":\"192.0.2.1:80\",\"healthy\":%s%s}",
		    i == 0 ? "" : ",", i, label, i < healthy ? "true" : "false",
		    i < healthy ? "" : ",\"detail\":\"refused\"");
	text_puts(&json, "]");
	if (strncmp(option, "capacity=", 9) == 0)
		text_printf(&json, ",\"capacity\":%s", option + 9);
	if (strncmp(option, "accepts=", 8) == 0)
		text_printf(&json, ",\"residency\":{\"accepts\":[\"%s\"]}", option + 8);
	if (strncmp(option, "load=", 5) == 0)
		text_printf(&json, ",\"load\":{\"%s.example.com\":%s}", label, option + 5);
	text_puts(&json, "}");
	report = report_read(json.bytes, json.length, region, &diags);
	if (report == NULL)
		abort();
	s->verdict = round_report(s->round, report, mono_of(s->seconds), wall_of(s->seconds));
	if (s->verdict != ROUND_TAKEN)
		report_free(report);
	text_fini(&json);
}

static void
advance(struct script *s, double until)
{
	for (double t = s->seconds + 1; t < until + 1; t++) {
		s->seconds = t < until ? t : until;
		round_tick(s->round, mono_of(s->seconds), wall_of(s->seconds));
		round_overrides(s->round, s->drains, s->drain_count, wall_of(s->seconds));
	}
}

static void
do_drain(struct script *s, const char *region, double share, double from, double until)
{
	size_t n = s->drain_count++;

	snprintf(s->drain_regions[n], sizeof(s->drain_regions[n]), "%s", region);
	s->drains[n] = (struct override){ .kind = "drain", .region = s->drain_regions[n], .service = "", .value = share,
		.reason = "test", .author = "test", .from = from > 0 ? wall_of(from) : (struct wall){ 0 },
		.until = until > 0 ? wall_of(until) : (struct wall){ 0 } };
	round_overrides(s->round, s->drains, s->drain_count, wall_of(s->seconds));
}

static bool
number_is(double actual, const char *expected)
{
	return strcmp(expected, "none") == 0 ? (bool)isnan(actual) : fabs(actual - strtod(expected, NULL)) < 1e-9;
}

static bool
accepts(const struct script *s, const char *region, const char *group)
{
	const struct steering *steering = round_steering(s->round);
	struct region_set accepting[8];
	size_t g = 0;
	bool now, at_all = round_accepting(s->round, steering, accepting);

	while (strcmp(steering->groups[g].name, group) != 0)
		g++;
	now = region_set_has(&accepting[g], steering_region_find(steering, region));
	return now && (at_all || region_of(s, region)->accepts[g]) && now == region_of(s, region)->accepts[g];
}

static bool
verdict_named(const char *name, enum round_verdict *verdict)
{
	static const char *const names[] = { [ROUND_TAKEN] = "taken", [ROUND_OLD] = "old",
		[ROUND_UNKNOWN_REGION] = "unknown", [ROUND_TOO_MANY_AGENTS] = "full" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0) {
			*verdict = (enum round_verdict)i;
			return true;
		}
	return false;
}

static void
run_line(struct script *s, const char *line)
{
	char verb[16] = "", one[16] = "", two_[32] = "", three_[16] = "", row[120];
	double from = 0, until = 0;
	enum round_verdict verdict;

	snprintf(row, sizeof(row), "%.60s: %.50s", s->name, line);
	if (sscanf(line, "%15s %15s %31s %15s", verb, one, two_, three_) < 1)
		abort();
	if (strchr(verb, '/') != NULL) {
		do_report(s, line);
	} else if (verdict_named(line, &verdict)) {
		SUITE_ROW(row, s->verdict == verdict);
	} else if (strcmp(verb, "at") == 0) {
		advance(s, strtod(one, NULL));
	} else if (strcmp(verb, "probe") == 0) {
		round_probe(s->round, steering_region_find(round_steering(s->round), one), service_of(s, two_),
		    strcmp(three_, "ok") == 0, "refused", wall_of(s->seconds));
	} else if (strcmp(verb, "steering") == 0) {
		adopt(s, steerings[atoi(one)]);
	} else if (strcmp(verb, "drain") == 0) {
		sscanf(line, "%*s %*s %*s %lf %lf", &from, &until);
		do_drain(s, one, strtod(two_, NULL), from, until);
	} else if (strcmp(verb, "predict") == 0) {
		round_predict(s->round, &(struct prediction){ .at = wall_of(s->seconds), .region = one, .service = "",
		    .horizon_s = 600, .role = "serving", .probability = strtod(two_, NULL), .load_forecast = NAN,
		    .model = "",
		    .reason = "" });
	} else if (strcmp(verb, "dead") == 0 || strcmp(verb, "alive") == 0) {
		SUITE_ROW(row, region_of(s, two_)->services[service_of(s, one)].dead == (*verb == 'd'));
	} else if (strcmp(verb, "probes") == 0 || strcmp(verb, "quiet") == 0) {
		SUITE_ROW(row, round_wants_probe(s->round, steering_region_find(round_steering(s->round), two_),
		    service_of(s, one)) == (*verb == 'p'));
	} else if (strcmp(verb, "state") == 0) {
		SUITE_ROW(row, strcmp(region_state_text(region_of(s, one)->state), two_) == 0);
	} else if (strcmp(verb, "events") == 0) {
		SUITE_ROW(row, s->events == strtoul(one, NULL, 10));
	} else if (strcmp(verb, "event") == 0) {
		SUITE_ROW(row, strcmp(s->state, one) == 0);
		SUITE_TEXT(s->cause, strstr(line, one) + strlen(one) + 1);
	} else if (strcmp(verb, "capacity") == 0) {
		SUITE_ROW(row, number_is(region_of(s, one)->capacity, two_));
	} else if (strcmp(verb, "load") == 0) {
		SUITE_ROW(row, number_is(region_of(s, two_)->services[service_of(s, one)].load, three_));
	} else if (strcmp(verb, "constraints") == 0) {
		SUITE_ROW(row, round_constraints(s->round) == strtoul(one, NULL, 10));
	} else if (strcmp(verb, "accepts") == 0 || strcmp(verb, "rejects") == 0) {
		SUITE_ROW(row, accepts(s, one, two_) == (*verb == 'a'));
	} else if (strcmp(verb, "drained") == 0) {
		SUITE_ROW(row, number_is(region_of(s, one)->drained_to, two_));
	} else if (strcmp(verb, "predicted") == 0) {
		SUITE_ROW(row, number_is(region_of(s, one)->probability, two_));
	} else {
		fprintf(stderr, "no such line: %s\n", line);
		abort();
	}
}

static void
test_scripts(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct script s = { .name = rows[i].name };

		s.round = round_new(on_event, &s);
		if (s.round == NULL)
			abort();
		adopt(&s, two);
		for (size_t k = 0; k < ARRAY_SIZE(rows[i].lines) && rows[i].lines[k] != NULL; k++)
			run_line(&s, rows[i].lines[k]);
		round_free(s.round);
	}
}

/* --- a restart ----------------------------------------------------------------------------------------------- */

/* What start.c does: reports that were received long ago are given with the time at which they were heard. */
static void
test_restart(void)
{
	struct script s = { .name = "restart", .round = NULL };

	s.round = round_new(on_event, &s);
	if (s.round == NULL)
		abort();
	adopt(&s, two);
	s.seconds = -7200;
	do_report(&s, "eu/r 10 -7200 www 1/1");
	do_report(&s, "us/r 10 -7200 www 0/1");
	s.seconds = -2;
	do_report(&s, "us/q 10 -2 api 1/1");
	do_report(&s, "eu/a 10 -2 api 1/1");
	s.seconds = -7200;	/* an older report, read later: agents come by name */
	do_report(&s, "eu/z 10 -7200 www 0/1");
	s.seconds = 0;
	round_tick(s.round, mono_of(0), wall_of(0));
	run_line(&s, "state eu up");
	run_line(&s, "alive www eu");	/* eu/z is silent while eu/a speaks */
	run_line(&s, "state us up");
	run_line(&s, "dead www us");
	run_line(&s, "probes www us");
	CU_ASSERT_EQUAL(region_of(&s, "eu")->reported.ms, wall_of(-2).ms);
	round_free(s.round);
}

static void
test_restart_old(void)
{
	struct script s = { .name = "restart with an old report", .round = NULL };

	s.round = round_new(on_event, &s);
	if (s.round == NULL)
		abort();
	adopt(&s, two);
	s.seconds = -7200;
	do_report(&s, "eu/r 10 -7200 www 1/1");
	s.seconds = 0;
	round_tick(s.round, mono_of(0), wall_of(0));
	run_line(&s, "state eu silent");
	run_line(&s, "alive www eu");
	run_line(&s, "probes www eu");
	run_line(&s, "state us unknown");
	round_free(s.round);
}

/* Events of the time before a restart, then the reports: what was held or returning goes on where it was. */
static void
recall(struct script *s, double at, const char *region, const char *service, const char *state)
{
	char name[64];
	struct health_event event = { wall_of(at), region, name, state, "as it was" };

	snprintf(name, sizeof(name), "%s.example.com.", service);
	round_recall(s->round, &event, mono_of(s->seconds), wall_of(s->seconds));
}

static void
test_recall(void)
{
	struct script s = { .name = "recall", .round = NULL };
	size_t www, api;

	s.round = round_new(on_event, &s);
	if (s.round == NULL)
		abort();
	adopt(&s, two);
	www = service_of(&s, "www");
	api = service_of(&s, "api");
	recall(&s, -400, "eu", "www", "down");		/* the first death is free */
	recall(&s, -300, "eu", "www", "up");
	recall(&s, -1000, "us", "www", "down");
	recall(&s, -900, "us", "www", "up");
	recall(&s, -100, "us", "www", "down");		/* the second holds it for five minutes */
	recall(&s, -50, "us", "api", "down");
	recall(&s, -10, "xx", "api", "down");
	recall(&s, -10, "eu", "other", "down");
	s.seconds = -2;
	do_report(&s, "us/r 10 -2 www 1/1");
	do_report(&s, "eu/r 10 -2 www 1/1");
	s.seconds = 0;
	round_recalled(s.round);
	CU_ASSERT_EQUAL(s.events, 1);
	run_line(&s, "event up no report speaks of it any more");
	run_line(&s, "dead www us");
	run_line(&s, "alive api us");
	run_line(&s, "alive www eu");
	round_tick(s.round, mono_of(0), wall_of(0));
	/* 300 s after it came back, 65 s a step: at the fifth, which is all. */
	CU_ASSERT_EQUAL(round_admits(s.round, steering_region_find(round_steering(s.round), "eu"), www), 1);
	CU_ASSERT_EQUAL(round_admits(s.round, steering_region_find(round_steering(s.round), "eu"), api), 1);
	s.seconds = 10;
	do_report(&s, "us/r 11 10 www 1/1");
	s.seconds = 15;
	do_report(&s, "us/r 12 15 www 1/1");
	run_line(&s, "dead www us");
	CU_ASSERT(round_held_until(s.round, steering_region_find(round_steering(s.round), "us"), www).ns > mono_of(199).ns);
	CU_ASSERT(round_held_until(s.round, steering_region_find(round_steering(s.round), "us"), www).ns < mono_of(201).ns);
	s.seconds = 199;
	do_report(&s, "us/r 13 199 www 1/1");
	run_line(&s, "dead www us");
	run_line(&s, "at 200");
	run_line(&s, "alive www us");
	CU_ASSERT_DOUBLE_EQUAL(round_admits(s.round, steering_region_find(round_steering(s.round), "us"), www), 0.05, 1e-9);
	round_free(s.round);
}

static const struct suite_case cases[] = {
	{ .name = "what is said, and what follows", .run = test_scripts },
	{ .name = "a restart with reports of several ages", .run = test_restart },
	{ .name = "a region whose stored report is old is silent, not up", .run = test_restart_old },
	{ .name = "what was held down or on its way back before a restart", .run = test_recall },
};

int
main(void)
{
	return suite_run("round", cases, ARRAY_SIZE(cases));
}
