/* bench_api.c -- how many samples/s does isobard's API make durable?
 * In: the API's URL, the number of regions' agents at once (16), metrics per report (100), seconds (5); a token by
 * ISOBAR_TOKEN for TCP.  Out: acknowledged reports and samples per second, and what was refused.
 * Each agent is a thread with a connection of its own that sends its next report when the last one was acknowledged. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "http/client.h"

#define AGENTS_MAX 64

struct agent {
	pthread_t thread;
	const char *url, *region;
	unsigned number, metrics;
	struct mono until;
	uint64_t acknowledged, refused;
	char first_error[200];
};

static void *agent_run(void *arg);
static void write_report(struct text *json, const struct agent *agent, uint64_t sequence);

int
main(int argc, char **argv)
{
	static struct agent agents[AGENTS_MAX];
	unsigned count = argc > 3 ? (unsigned)atoi(argv[3]) : 16, metrics = argc > 4 ? (unsigned)atoi(argv[4]) : 100;
	unsigned seconds = argc > 5 ? (unsigned)atoi(argv[5]) : 5;
	uint64_t acknowledged = 0, refused = 0;
	struct mono begin = mono_now();
	double took;

	if (argc < 3 || count < 1 || count > AGENTS_MAX || seconds < 1 || seconds > 60 || metrics > 1000) {
		fprintf(stderr, "usage: bench_api URL REGION [AGENTS [METRICS [SECONDS]]]\n");
		return 2;
	}
	for (unsigned i = 0; i < count; i++) {
		agents[i] = (struct agent){ .url = argv[1], .region = argv[2], .number = i, .metrics = metrics,
		    .until = mono_add_ms(begin, seconds * 1000) };
		if (pthread_create(&agents[i].thread, NULL, agent_run, &agents[i]) != 0)
			return 1;
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(agents[i].thread, NULL);
		acknowledged += agents[i].acknowledged;
		refused += agents[i].refused;
		if (agents[i].first_error[0] != '\0' && i == 0)
			fprintf(stderr, "bench_api: %s\n", agents[i].first_error);
	}
	took = (double)mono_ms_between(begin, mono_now()) / 1000;
	printf("%u agents, %u metrics a report: %.0f reports/s, %.0f samples/s acknowledged durable, %llu refused\n",
	    count, metrics, (double)acknowledged / took, (double)acknowledged * metrics / took, (unsigned long long)refused);
	return acknowledged > 0 ? 0 : 1;
}

static void *
agent_run(void *arg)
{
	struct agent *agent = arg;
	struct http_client *client = http_client_new(agent->url, getenv("ISOBAR_TOKEN"), 10000);
	struct text json = { 0 };
	char path[200];

	snprintf(path, sizeof(path), "/v1/regions/%s/reports", agent->region);
	for (uint64_t sequence = 1; client != NULL && mono_ms_between(mono_now(), agent->until) > 0; sequence++) {
		struct http_response response;

		write_report(&json, agent, sequence);
		if (json.failed)
			break;
		if (http_call(client, "POST", path, json.bytes, &response) == 0 && response.status / 100 == 2) {
			agent->acknowledged++;
		} else {
			agent->refused++;
			if (agent->first_error[0] == '\0')
				snprintf(agent->first_error, sizeof(agent->first_error), "%ld %.90s%.90s",
				    response.status, response.error, response.body == NULL ? "" : response.body);
		}
		http_response_fini(&response);
	}
	text_fini(&json);
	http_client_free(client);
	return NULL;
}

static void
write_report(struct text *json, const struct agent *agent, uint64_t sequence)
{
	char at[CLOCK_TEXT_SIZE];

	json->length = 0;
	text_printf(json, "{\"agent\": \"bench-%u\", \"sequence\": %llu, \"time\": \"%s\", \"metrics\": [",
	    agent->number, (unsigned long long)sequence, wall_text(wall_now(), at));
	for (unsigned i = 0; i < agent->metrics; i++)
		text_printf(json, "%s{\"name\": \"m%u\", \"unit\": \"\", \"backend\": \"b%u\", \"value\": %u.5}",
		    i > 0 ? "," : "", i, agent->number, i);
	text_puts(json, "]}");
}
