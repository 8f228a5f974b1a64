/* scenario.c -- runs text scripts with virtual time through answer() and the control round, with no socket.
 * In: scenario files as arguments.  Out: "ok FILE: LINE" lines, and exit status 1 when an expectation fails.
 *
 * A script reads like what happened; '#' begins a comment:
 *	zone NAME / steering          the lines up to "end" are the file's text; after steering, everything is published
 *	plan                          likewise, as JSON: it's published, and stays for every steering that follows
 *	at 12.5s                      virtual time goes on to here; silence is noticed every second on the way
 *	report REGION SERVICE 2/3 [load N | accepts GROUP]   the region's agent says: 2 of 3 backends are healthy
 *	late REGION SERVICE 0/3       the same with a sequence that is older than the newest
 *	probe REGION SERVICE ok|fail  an outside-in probe has ended
 *	drain REGION 0.25 [over SECONDS] [for SECONDS] [of SERVICE] / undrain REGION [SECONDS]
 *	predict REGION 0.3|none
 *	ask NAME TYPE [CLIENT]        CLIENT: a prefix for ECS, or an address without "/" for the resolver itself
 *	expect RCODE [RDATA ...] [ttl N] [scope N] [ede N] [tc]     of the last ask; RDATA in any order
 *	share NAME TYPE COUNT RDATA=SHARE ...       over COUNT ECS clients, each within 0.01
 *	remember NAME TYPE COUNT      every client's answer
 *	moved SHARE [from RDATA]      of the remembered clients; all who moved were at RDATA
 *	probes REGION SERVICE yes|no  whether the round wants outside-in probes now */
#include <ctype.h>
#include <ldns/ldns.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/drain.h"
#include "control/publish.h"
#include "serve/answer.h"

#define CLIENTS_MAX 65536
#define WORDS_MAX 64

struct script {
	const char *path;
	FILE *file;
	unsigned line, failures, checks;
	struct world *world;
	struct round *round;
	struct publisher publisher;
	struct mono now;
	uint64_t sequence;
	struct override drains[16];
	char drained[16][300];		/* their services */
	size_t drain_count;
	struct counters counters;
	char asked[512];
	ldns_pkt *answer;
	char *remembered[CLIENTS_MAX];
	size_t remembered_count;
	char remembered_name[300], remembered_type[20];
	struct { char *name, *text; } zones[16];
	size_t zone_count;
	char *steering;
	char *plan;		/* JSON, or NULL */
};

static bool run_script(const char *path);
static void run_line(struct script *s, char **words, size_t count);
static char *read_block(struct script *s);
static void publish(struct script *s);
static void advance(struct script *s, double seconds);
static void do_report(struct script *s, char **words, size_t count, bool late);
static void do_probe(struct script *s, char **words, bool wanted);
static void do_override(struct script *s, char **words, size_t count);
static void do_predict(struct script *s, char **words);
static ldns_pkt *ask(struct script *s, const char *name, const char *type, const char *client);
static void do_expect(struct script *s, char **words, size_t count);
static void do_share(struct script *s, char **words, size_t count);
static void do_remember(struct script *s, char **words);
static void do_moved(struct script *s, char **words, size_t count);
static void check_law(struct script *s);
static void check(struct script *s, bool good, const char *format, ...) PRINTF(3, 4);
static void stop(const struct script *s, const char *why) __attribute__((noreturn));

int
main(int argc, char **argv)
{
	bool good = true;

	for (int i = 1; i < argc; i++)
		good = run_script(argv[i]) && good;
	return good && argc > 1 ? 0 : 1;
}

static void
on_event(void *arg, const struct health_event *event)
{
	(void)arg;
	(void)event;
}

static bool
run_script(const char *path)
{
	struct script *s = calloc(1, sizeof(*s));
	char line[4096], *words[WORDS_MAX];
	bool good;

	s->path = path;
	s->file = fopen(path, "r");
	s->now.ns = 1000000000;
	s->publisher.worker_count = 1;
	s->round = round_new(on_event, NULL);
	if (s->file == NULL || s->round == NULL)
		stop(s, "can't be opened");
	while (fgets(line, sizeof(line), s->file) != NULL) {
		size_t count = 0;

		s->line++;
		if (strchr(line, '#') != NULL)
			*strchr(line, '#') = '\0';
		for (char *word = strtok(line, " \t\n"); word != NULL && count < WORDS_MAX;
		    word = strtok(NULL, " \t\n"))
			words[count++] = word;
		if (count > 0)
			run_line(s, words, count);
	}
	fclose(s->file);
	check_law(s);
	good = s->failures == 0 && s->checks > 0;
	printf("%s scenario: %s (%u checks)\n", good ? "ok" : "not ok",
	    strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1, s->checks);
	ldns_pkt_free(s->answer);
	publisher_fini(&s->publisher);
	round_free(s->round);
	world_free(s->world);
	for (size_t i = 0; i < s->remembered_count; i++)
		free(s->remembered[i]);
	for (size_t i = 0; i < s->drain_count; i++)
		free((char *)(uintptr_t)s->drains[i].region);
	for (size_t i = 0; i < s->zone_count; i++) {
		free(s->zones[i].name);
		free(s->zones[i].text);
	}
	free(s->steering);
	free(s->plan);
	free(s);
	return good;
}

/* Whatever a script is about, no answer in it may be outside of the law. */
static void
check_law(struct script *s)
{
	uint64_t checked, violations;

	publish_lawful(&s->publisher, &checked, &violations);
	check(s, violations == 0, "%llu of %llu answers that were checked are outside of the law",
	    (unsigned long long)violations, (unsigned long long)checked);
}

static void
run_line(struct script *s, char **words, size_t count)
{
	const char *verb = words[0];

	if (strcmp(verb, "zone") == 0 && count == 2 && s->zone_count < ARRAY_SIZE(s->zones)) {
		s->zones[s->zone_count].name = strdup(words[1]);
		s->zones[s->zone_count++].text = read_block(s);
	} else if (strcmp(verb, "steering") == 0) {
		free(s->steering);
		s->steering = read_block(s);
		publish(s);
	} else if (strcmp(verb, "plan") == 0 && count == 1) {
		free(s->plan);
		s->plan = read_block(s);
		publish(s);
	} else if (strcmp(verb, "at") == 0 && count == 2) {
		advance(s, strtod(words[1], NULL));
	} else if ((strcmp(verb, "report") == 0 || strcmp(verb, "late") == 0) && count >= 4) {
		do_report(s, words, count, *verb == 'l');
	} else if ((strcmp(verb, "probe") == 0 || strcmp(verb, "probes") == 0) && count == 4) {
		do_probe(s, words, verb[5] == 's');
	} else if (strcmp(verb, "drain") == 0 || strcmp(verb, "undrain") == 0) {
		do_override(s, words, count);
	} else if (strcmp(verb, "predict") == 0 && count == 3) {
		do_predict(s, words);
	} else if (strcmp(verb, "ask") == 0 && count >= 3) {
		ldns_pkt_free(s->answer);
		snprintf(s->asked, sizeof(s->asked), "%s %s %s", words[1], words[2], count > 3 ? words[3] : "");
		s->answer = ask(s, words[1], words[2], count > 3 ? words[3] : "192.0.2.200");
	} else if (strcmp(verb, "expect") == 0 && count >= 2) {
		do_expect(s, words, count);
	} else if (strcmp(verb, "share") == 0 && count >= 5) {
		do_share(s, words, count);
	} else if (strcmp(verb, "remember") == 0 && count == 4) {
		do_remember(s, words);
	} else if (strcmp(verb, "moved") == 0 && count >= 2) {
		do_moved(s, words, count);
	} else {
		stop(s, "no such line");
	}
}

static char *
read_block(struct script *s)
{
	struct text text = { 0 };
	char line[4096];

	while (fgets(line, sizeof(line), s->file) != NULL) {
		s->line++;
		if (strcmp(line, "end\n") == 0)
			return text_take(&text);
		text_puts(&text, line);
	}
	stop(s, "a block without end");
}

static void
publish(struct script *s)
{
	struct zone_text zones[16];
	struct world_edit edit = { .whole = true, .zones = zones, .zone_count = s->zone_count, .steering = s->steering,
	    .steering_file = "steering.yaml" };
	struct diags diags = { 0 };
	struct candidate candidate;
	struct text why = { 0 };
	struct plan *plan = NULL;
	struct world *world;

	for (size_t i = 0; i < s->zone_count; i++)
		zones[i] = (struct zone_text){ .file = s->zones[i].name, .name = s->zones[i].name, .text = s->zones[i].text };
	world = world_edit(s->world, &edit, &diags);
	if (world == NULL) {
		diag_print(&diags, &why);
		stop(s, why.bytes);
	}
	if (s->plan != NULL && (plan = plan_read(s->plan, strlen(s->plan), world->steering, &diags)) == NULL) {
		diag_print(&diags, &why);
		stop(s, why.bytes);
	}
	if (!publish_build(&s->publisher, world, s->round, plan, NULL, &candidate, &why))
		stop(s, why.bytes);
	plan_free(plan);
	if (publish_commit(&s->publisher, &candidate, s->round, s->now, (struct wall){ s->now.ns / 1000000 }) != 0)
		stop(s, "out of memory");
	/* Every answer is held against the law, not a sample. */
	for (size_t i = 0; i < s->publisher.current->service_count; i++)
		((struct service *)(uintptr_t)&s->publisher.current->services[i])->check_mask = 0;
	world_free(s->world);
	s->world = world;
	diag_fini(&diags);
}

static void
advance(struct script *s, double seconds)
{
	int64_t until = 1000000000 + (int64_t)(seconds * 1e9);

	if (until < s->now.ns)
		stop(s, "time goes back");
	do {
		s->now.ns = s->now.ns + 1000000000 < until ? s->now.ns + 1000000000 : until;
		round_tick(s->round, s->now, (struct wall){ s->now.ns / 1000000 });
		round_overrides(s->round, s->drains, s->drain_count, (struct wall){ s->now.ns / 1000000 });
		round_write(s->round, s->publisher.current);
	} while (s->now.ns < until);
}

static void
do_report(struct script *s, char **words, size_t count, bool late)
{
	unsigned healthy, all;
	struct text json = { 0 };
	struct diags diags = { 0 };
	struct report *report;
	enum round_verdict verdict;
	unsigned constraints = round_constraints(s->round);
	struct wall now = { s->now.ns / 1000000 };
	char time[CLOCK_TEXT_SIZE];

	if (sscanf(words[3], "%u/%u", &healthy, &all) != 2)
		stop(s, "backends are HEALTHY/ALL");
	text_printf(&json, "{\"agent\": \"agent\", \"sequence\": %llu, \"time\": \"%s\", \"backends\": [",
	    (unsigned long long)(late ? 1 : ++s->sequence + 1), wall_text((struct wall){ late ? 1 : now.ms }, time));
	for (unsigned i = 0; i < all; i++)
		text_printf(&json, "%s{\"name\": \"b%u\", \"service\": \"%s\", \"address\": \"192.0.2.1:80\", "
		    "\"healthy\": %s, "
		    "\"latency_ms\": 1}", i > 0 ? "," : "", i, words[2], i < healthy ? "true" : "false");
	text_puts(&json, "]");
	if (count == 6 && strcmp(words[4], "load") == 0)
		text_printf(&json, ", \"load\": {\"%s\": %s}", words[2], words[5]);
	if (count == 6 && strcmp(words[4], "accepts") == 0)
		text_printf(&json, ", \"residency\": {\"accepts\": [\"%s\"]}", words[5]);
	text_puts(&json, "}");
	report = report_read(json.bytes, json.length, words[1], &diags);
	if (report == NULL) {
		struct text why = { 0 };

		diag_print(&diags, &why);
		stop(s, why.bytes);
	}
	verdict = round_report(s->round, report, s->now, now);
	check(s, verdict == (late ? ROUND_OLD : ROUND_TAKEN), "the report's verdict is %d", (int)verdict);
	if (verdict != ROUND_TAKEN)
		report_free(report);
	round_write(s->round, s->publisher.current);
	if (round_constraints(s->round) != constraints)
		publish(s);
	text_fini(&json);
}

/* An outside-in probe has ended, or whether the round wants it. */
static void
do_probe(struct script *s, char **words, bool wanted)
{
	const struct steering *steering = s->world->steering;
	const struct steering_service *service = steering_service_find(steering, words[2]);
	region_id region = steering_region_find(steering, words[1]);
	size_t i;

	if (service == NULL || region == NO_REGION)
		stop(s, "no such service or region");
	i = (size_t)(service - steering->services);
	if (wanted) {
		check(s, round_wants_probe(s->round, region, i) == (strcmp(words[3], "yes") == 0),
		    "probes wanted should be %s", words[3]);
		return;
	}
	round_probe(s->round, region, i, strcmp(words[3], "ok") == 0, "connection refused",
	    (struct wall){ s->now.ns / 1000000 });
	round_write(s->round, s->publisher.current);
}

static void
do_override(struct script *s, char **words, size_t count)
{
	struct wall now = { s->now.ns / 1000000 };

	if (*words[0] == 'd' && count >= 3 && s->drain_count < ARRAY_SIZE(s->drains)) {
		struct override *o = &s->drains[s->drain_count++];

		*o = (struct override){ .kind = "drain", .region = strdup(words[1]), .service = "", .reason = "test",
		    .author = "test", .begin = 1, .value = strtod(words[2], NULL), .from = now };
		for (size_t i = 3; i + 1 < count; i += 2)
			if (strcmp(words[i], "over") == 0)
				o->over_ms = (int64_t)(1000 * strtod(words[i + 1], NULL));
			else if (strcmp(words[i], "for") == 0)
				o->until.ms = now.ms + (int64_t)(1000 * strtod(words[i + 1], NULL));
			else
				o->service = strcpy(s->drained[s->drain_count - 1], words[i + 1]);
	} else if (count == 3) {
		for (size_t i = 0; i < s->drain_count; i++)
			if (strcmp(s->drains[i].region, words[1]) == 0)
				drain_end(&s->drains[i], (int64_t)(1000 * strtod(words[2], NULL)), now);
	} else {
		size_t kept = 0;

		for (size_t i = 0; i < s->drain_count; i++) {
			if (strcmp(s->drains[i].region, words[1]) == 0)
				free((char *)(uintptr_t)s->drains[i].region);
			else
				s->drains[kept++] = s->drains[i];
		}
		s->drain_count = kept;
	}
	round_overrides(s->round, s->drains, s->drain_count, (struct wall){ s->now.ns / 1000000 });
	round_write(s->round, s->publisher.current);
}

static void
do_predict(struct script *s, char **words)
{
	bool none = strcmp(words[2], "none") == 0;
	struct prediction prediction = { .at = { s->now.ns / 1000000 }, .region = words[1], .service = "",
	    .horizon_s = 600, .role = "serving",
	    .probability = none ? NAN : strtod(words[2], NULL), .load_forecast = NAN, .model = "",
	    .reason = none ? "test" : "" };

	round_predict(s->round, &prediction);
	round_write(s->round, s->publisher.current);
}

static ldns_pkt *
ask(struct script *s, const char *name, const char *type, const char *client)
{
	struct answer_env env = { .snapshot = s->publisher.current, .row = &s->publisher.current->rows[0],
	    .counters = &s->counters, .udp_payload = 1232 };
	uint8_t request[512] = { 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1 }, response[4096], wire[NAME_MAX];
	size_t at = 12, length = name_parse(name, wire);
	struct prefix prefix;
	ldns_pkt *packet;

	if (length == 0)
		stop(s, "no name");
	memcpy(request + at, wire, length);
	at += length;
	request[at] = (uint8_t)(ldns_get_rr_type_by_name(type) >> 8);
	request[at + 1] = (uint8_t)ldns_get_rr_type_by_name(type);
	request[at + 3] = 1;
	at += 4;
	memcpy(request + at, (const uint8_t[]){ 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0 }, 11);
	at += 11;
	if (strchr(client, '/') != NULL) {
		size_t bytes;

		if (prefix_parse(client, &prefix) != 0)
			stop(s, "no prefix");
		bytes = (prefix.length + 7u) / 8;
		request[at - 1] = (uint8_t)(8 + bytes);
		memcpy(request + at, (const uint8_t[]){ 0, 8, 0, (uint8_t)(4 + bytes), 0,
		    prefix.address.bits == 32 ? 1 : 2, prefix.length, 0 }, 8);
		memcpy(request + at + 8, prefix.address.bytes, bytes);
		at += 8 + bytes;
		client = "192.0.2.200";
	}
	if (address_parse(client, &env.client) != 0)
		stop(s, "no client");
	length = answer(&env, request, at, response, sizeof(response));
	if (length == 0 || ldns_wire2pkt(&packet, response, length) != LDNS_STATUS_OK)
		stop(s, "the answer isn't a message");
	return packet;
}

/* The rdata of the answer section's last RRset, blank-separated in their order: what a client would use. */
static char *
rdata_text(const ldns_pkt *answer)
{
	struct text text = { 0 };
	ldns_rr_list *list = ldns_pkt_answer(answer);

	text_puts(&text, "");
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
		for (size_t f = 0; f < ldns_rr_rd_count(ldns_rr_list_rr(list, i)); f++) {
			char *field = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(list, i), f));

			text_printf(&text, "%s%s", text.length > 0 ? " " : "", field);
			free(field);
		}
	return text_take(&text);
}

static int
scope_of(const ldns_pkt *answer)
{
	const ldns_rdf *edns = ldns_pkt_edns_data(answer);
	const uint8_t *p = edns == NULL ? NULL : ldns_rdf_data(edns);
	size_t size = edns == NULL ? 0 : ldns_rdf_size(edns);

	for (size_t at = 0; at + 4 <= size; at += 4 + (size_t)(p[at + 2] << 8 | p[at + 3]))
		if ((p[at] << 8 | p[at + 1]) == 8)
			return p[at + 7];
	return -1;
}

static int
ede_of(const ldns_pkt *answer)
{
	const ldns_rdf *edns = ldns_pkt_edns_data(answer);
	const uint8_t *p = edns == NULL ? NULL : ldns_rdf_data(edns);
	size_t size = edns == NULL ? 0 : ldns_rdf_size(edns);

	for (size_t at = 0; at + 4 <= size; at += 4 + (size_t)(p[at + 2] << 8 | p[at + 3]))
		if ((p[at] << 8 | p[at + 1]) == 15)
			return p[at + 4] << 8 | p[at + 5];
	return -1;
}

static void
do_expect(struct script *s, char **words, size_t count)
{
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(s->answer)), *rdata = rdata_text(s->answer);
	struct text wanted = { 0 };
	const ldns_rr_list *timed = ldns_rr_list_rr_count(ldns_pkt_answer(s->answer)) > 0 ? ldns_pkt_answer(s->answer)
		: ldns_pkt_authority(s->answer);
	bool truncated = false;

	text_puts(&wanted, "");
	check(s, strcmp(rcode, words[1]) == 0, "%s: rcode %s, expected %s", s->asked, rcode, words[1]);
	for (size_t i = 2; i < count; i++) {
		if (strcmp(words[i], "ttl") == 0 && i + 1 < count) {
			unsigned ttl = ldns_rr_list_rr_count(timed) == 0 ? 0 : ldns_rr_ttl(ldns_rr_list_rr(timed, 0));

			i++;
			check(s, ttl == strtoul(words[i], NULL, 10), "%s: TTL %u, expected %s", s->asked, ttl,
			    words[i]);
		} else if (strcmp(words[i], "scope") == 0 && i + 1 < count) {
			i++;
			check(s, scope_of(s->answer) == atoi(words[i]), "%s: scope %d, expected %s", s->asked,
			    scope_of(s->answer), words[i]);
		} else if (strcmp(words[i], "ede") == 0 && i + 1 < count) {
			i++;
			check(s, ede_of(s->answer) == atoi(words[i]), "%s: EDE %d, expected %s", s->asked,
			    ede_of(s->answer), words[i]);
		} else if (strcmp(words[i], "tc") == 0) {
			truncated = true;
		} else {
			text_printf(&wanted, "%s%s", wanted.length > 0 ? " " : "", words[i]);
		}
	}
	check(s, strcmp(rdata, wanted.bytes) == 0, "%s: answer '%s', expected '%s'", s->asked, rdata, wanted.bytes);
	check(s, ldns_pkt_tc(s->answer) == truncated, "%s: TC is %d", s->asked, ldns_pkt_tc(s->answer));
	text_fini(&wanted);
	free(rcode);
	free(rdata);
}

/* Client i of a run: /24s that lie next to each other in blocks, as networks are handed out. */
static char *
ask_client(struct script *s, const char *name, const char *type, size_t i)
{
	char client[40], *rdata;
	ldns_pkt *answer;

	snprintf(client, sizeof(client), "%zu.%zu.%zu.0/24", 11 + i / 65536, i / 256 % 256, i % 256);
	answer = ask(s, name, type, client);
	rdata = rdata_text(answer);
	ldns_pkt_free(answer);
	return rdata;
}

static void
do_share(struct script *s, char **words, size_t count)
{
	size_t clients = strtoul(words[3], NULL, 10), found[WORDS_MAX] = { 0 };

	for (size_t i = 0; i < clients; i++) {
		char *rdata = ask_client(s, words[1], words[2], i);

		for (size_t w = 4; w < count; w++)
			found[w] += strncmp(words[w], rdata, strcspn(words[w], "=")) == 0
			    && strlen(rdata) == strcspn(words[w], "=");
		free(rdata);
	}
	for (size_t w = 4; w < count; w++) {
		double wanted = strtod(strchr(words[w], '=') + 1, NULL), share = (double)found[w] / (double)clients;

		check(s, fabs(share - wanted) <= 0.01, "%s has %.4f of the clients", words[w], share);
	}
}

static void
do_remember(struct script *s, char **words)
{
	for (size_t i = 0; i < s->remembered_count; i++)
		free(s->remembered[i]);
	s->remembered_count = strtoul(words[3], NULL, 10);
	snprintf(s->remembered_name, sizeof(s->remembered_name), "%s", words[1]);
	snprintf(s->remembered_type, sizeof(s->remembered_type), "%s", words[2]);
	if (s->remembered_count > CLIENTS_MAX)
		stop(s, "too many clients");
	for (size_t i = 0; i < s->remembered_count; i++)
		s->remembered[i] = ask_client(s, words[1], words[2], i);
}

static void
do_moved(struct script *s, char **words, size_t count)
{
	size_t moved = 0, strangers = 0;
	double share, wanted = strtod(words[1], NULL);

	for (size_t i = 0; i < s->remembered_count; i++) {
		char *rdata = ask_client(s, s->remembered_name, s->remembered_type, i);

		if (strcmp(rdata, s->remembered[i]) != 0) {
			moved++;
			strangers += count == 4 && strcmp(s->remembered[i], words[3]) != 0;
		}
		free(rdata);
	}
	share = (double)moved / (double)s->remembered_count;
	check(s, fabs(share - wanted) <= (wanted > 0 ? 0.01 : 0), "%.4f of the clients moved, expected %s", share,
	    words[1]);
	check(s, strangers == 0, "%zu clients moved that weren't at %s", strangers, count == 4 ? words[3] : "");
}

static void
check(struct script *s, bool good, const char *format, ...)
{
	va_list args;

	s->checks++;
	if (good)
		return;
	s->failures++;
	printf("# %s:%u: ", s->path, s->line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static void
stop(const struct script *s, const char *why)
{
	printf("not ok scenario: %s:%u: %s\n", s->path, s->line, why == NULL ? "out of memory" : why);
	exit(1);
}
