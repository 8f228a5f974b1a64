/* compare.c -- do several nameservers answer the same clients alike?
 * In: servers, a name, clients.  Out: each client for whom they don't, who is who, and which epoch each answers from.
 * The exit status tells whether there was a difference.  Threads: one. */
#include <stdlib.h>
#include <string.h>

#include "ctl/asker.h"
#include "ctl/ctl.h"
#include "dns/name.h"
#include "zone/rrtype.h"

#define SERVERS_MAX 16
#define CLIENTS_MAX 100000
#define CLIENTS_FILE_MAX ((size_t)16 << 20)
#define SPREAD_V4 96		/* of clients of its own: enough to see a share of 3 % with 95 % certainty */
#define SPREAD_V6 32
#define DNS_PORT 53

struct comparison {
	size_t server_count;
	struct { const char *text; struct address address; uint16_t port; char nsid[256]; size_t failed; }
	    servers[SERVERS_MAX];
	uint8_t name[NAME_MAX];
	uint16_t type;
	size_t client_count;
	struct prefix *clients;
	size_t differing;
	cJSON *differences;
};

static bool read_servers(struct comparison *c, struct ctl *ctl);
static bool read_clients(struct comparison *c, const char *path);
static bool read_client(struct prefix *client, const char *line);
static bool spread(struct comparison *c);
static void compare_client(struct comparison *c, const struct prefix *client);
static bool ask_all(struct comparison *c, const struct prefix *client, struct text *answers);
static void note(struct comparison *c, const struct prefix *client, const struct text *answers);
static void print_json(const struct comparison *c);
static void print_words(const struct comparison *c);
static bool all_failed(const struct comparison *c);

enum ctl_status
ctl_compare(struct ctl *ctl)
{
	struct comparison c = { .type = rrtype_parse(ctl->type == NULL ? "A" : ctl->type) };
	uint8_t name[NAME_MAX];
	enum ctl_status status = CTL_USAGE;

	if (ctl->name == NULL || name_parse(ctl->name, name) == 0)
		return ctl_usage("say which name to ask for: --name www.example.com");
	if (c.type == 0)
		return ctl_usage("'%s' is no type of records", ctl->type);
	name_lower(c.name, name, name_length(name, NAME_MAX));
	c.differences = cJSON_CreateArray();
	if (read_servers(&c, ctl) && (ctl->clients == NULL ? spread(&c) : read_clients(&c, ctl->clients))) {
		for (size_t i = 0; i < c.client_count && !all_failed(&c); i++)
			compare_client(&c, &c.clients[i]);
		if (ctl->json)
			print_json(&c);
		else
			print_words(&c);
		status = c.differing > 0 ? CTL_FOUND : CTL_DONE;
		for (size_t s = 0; s < c.server_count; s++)
			if (c.servers[s].failed > 0)
				status = CTL_FAILED;
	}
	cJSON_Delete(c.differences);
	free(c.clients);
	return status;
}

static bool
read_servers(struct comparison *c, struct ctl *ctl)
{
	if (ctl->count < 2 || ctl->count > SERVERS_MAX) {
		ctl_usage("compare takes 2 to %d nameservers", SERVERS_MAX);
		return false;
	}
	for (int i = 0; i < ctl->count; i++) {
		char text[ADDRESS_TEXT_SIZE], *colon;

		/* 192.0.2.1:53 as well as 192.0.2.1@53 and [2001:db8::1]:53, which others write. */
		snprintf(text, sizeof(text), "%s", ctl->arguments[i]);
		colon = strrchr(text, ':');
		if (colon != NULL && (text[0] == '[' ? colon[-1] == ']' : strchr(text, ':') == colon))
			*colon = '@';
		if (text[0] == '[') {
			char *end = strchr(text, ']');

			if (end != NULL)
				memmove(end, end + 1, strlen(end));
			memmove(text, text + 1, strlen(text));
		}
		if (address_parse_listen(text, DNS_PORT, &c->servers[i].address, &c->servers[i].port) != 0) {
			ctl_usage("'%s' is no address of a nameserver such as 192.0.2.53:53", ctl->arguments[i]);
			return false;
		}
		c->servers[i].text = ctl->arguments[i];
		c->server_count++;
	}
	return true;
}

/* --- clients ------------------------------------------------------------------------------------------------- */

static bool
read_clients(struct comparison *c, const char *path)
{
	size_t length, number = 0;
	int error;
	char *text = text_read_file(path, CLIENTS_FILE_MAX, &length, &error), *rest = text, *line;
	bool good = text != NULL;

	if (!good)
		ctl_fail("%s: %s", path, strerror(-error));
	c->clients = calloc(CLIENTS_MAX, sizeof(*c->clients));
	while (good && c->clients != NULL && (line = strsep(&rest, "\n")) != NULL) {
		number++;
		line[strcspn(line, "# \t\r")] = '\0';
		if (*line == '\0')
			continue;
		good = c->client_count < CLIENTS_MAX && read_client(&c->clients[c->client_count++], line);
		if (!good)
			ctl_fail("%s:%zu: '%s' is neither an address nor a prefix, or there are more than %d", path,
			    number,
			    line, CLIENTS_MAX);
	}
	free(text);
	if (good && c->client_count == 0) {
		ctl_fail("%s holds no client", path);
		good = false;
	}
	return good && c->clients != NULL;
}

/* What a resolver sends of an address: /24, or /56 (RFC 7871 section 11.1). */
static bool
read_client(struct prefix *client, const char *line)
{
	if (address_parse(line, &client->address) == 0) {
		client->length = client->address.bits == 32 ? 24 : 56;
		address_mask(&client->address, client->length);
		return true;
	}
	return prefix_parse(line, client) == 0;
}

/* Over the unicast space, a prime's steps apart, so that no pattern of allocations is met in step. */
static bool
spread(struct comparison *c)
{
	c->clients = calloc(SPREAD_V4 + SPREAD_V6, sizeof(*c->clients));
	if (c->clients == NULL)
		return false;
	for (unsigned i = 0; i < SPREAD_V4; i++)
		c->clients[c->client_count++] = (struct prefix){ .length = 24, .address = { .bits = 32,
		    .bytes = { (uint8_t)(1 + i * 89 % 222), (uint8_t)(i * 151), (uint8_t)(i * 211) } } };
	for (unsigned i = 0; i < SPREAD_V6; i++)
		c->clients[c->client_count++] = (struct prefix){ .length = 56, .address = { .bits = 128,
		    .bytes = { 0x20 | (uint8_t)(i % 16), (uint8_t)(i * 89), (uint8_t)(i * 151), (uint8_t)(i * 211),
			(uint8_t)(i * 7) } } };
	return true;
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static void
compare_client(struct comparison *c, const struct prefix *client)
{
	struct text answers[SERVERS_MAX] = { 0 };
	bool alike = ask_all(c, client, answers);

	for (size_t s = 1; s < c->server_count; s++)
		alike = alike && strcmp(answers[s].bytes, answers[0].bytes) == 0;
	if (!alike)
		note(c, client, answers);
	for (size_t s = 0; s < c->server_count; s++)
		text_fini(&answers[s]);
}

static bool
ask_all(struct comparison *c, const struct prefix *client, struct text *answers)
{
	const struct asker_question question = { c->name, c->type, *client };
	bool all = true;

	for (size_t s = 0; s < c->server_count; s++) {
		struct asker_answer answer;
		struct text why = { 0 };

		if (asker_ask(&c->servers[s].address, c->servers[s].port, &question, &answer, &why)) {
			answers[s] = answer.records;
			snprintf(c->servers[s].nsid, sizeof(c->servers[s].nsid), "%s", answer.nsid);
		} else {
			c->servers[s].failed++;
			text_printf(&answers[s], "no answer: %s", why.bytes == NULL ? "" : why.bytes);
			all = false;
		}
		all = all && !answers[s].failed && answers[s].bytes != NULL;
		text_fini(&why);
	}
	return all;
}

static void
note(struct comparison *c, const struct prefix *client, const struct text *answers)
{
	cJSON *entry = cJSON_CreateObject(), *list;
	char text[ADDRESS_TEXT_SIZE];

	c->differing++;
	cJSON_AddStringToObject(entry, "client", prefix_text(client, text));
	list = cJSON_AddArrayToObject(entry, "answers");
	for (size_t s = 0; s < c->server_count; s++)
		cJSON_AddItemToArray(list, cJSON_CreateString(answers[s].bytes == NULL ? "" : answers[s].bytes));
	cJSON_AddItemToArray(c->differences, entry);
}

/* A server that is down would cost six seconds a client. */
static bool
all_failed(const struct comparison *c)
{
	for (size_t s = 0; s < c->server_count; s++)
		if (c->servers[s].failed > 1)
			return true;
	return false;
}

/* --- telling ------------------------------------------------------------------------------------------------- */

static void
print_json(const struct comparison *c)
{
	cJSON *root = cJSON_CreateObject(), *servers = cJSON_AddArrayToObject(root, "servers");
	char *text;

	for (size_t s = 0; s < c->server_count; s++) {
		cJSON *entry = cJSON_CreateObject();

		cJSON_AddStringToObject(entry, "server", c->servers[s].text);
		cJSON_AddStringToObject(entry, "nsid", c->servers[s].nsid);
		cJSON_AddNumberToObject(entry, "unanswered", (double)c->servers[s].failed);
		cJSON_AddItemToArray(servers, entry);
	}
	cJSON_AddNumberToObject(root, "clients", (double)c->client_count);
	cJSON_AddNumberToObject(root, "differing", (double)c->differing);
	cJSON_AddItemToObject(root, "differences", cJSON_Duplicate(c->differences, true));
	text = cJSON_PrintUnformatted(root);
	puts(text == NULL ? "" : text);
	free(text);
	cJSON_Delete(root);
}

static void
print_words(const struct comparison *c)
{
	const cJSON *entry, *answer;

	for (size_t s = 0; s < c->server_count; s++)
		printf("server     %s%s%s\n", c->servers[s].text, c->servers[s].nsid[0] == '\0' ? "" : ": ",
		    c->servers[s].nsid);
	cJSON_ArrayForEach(entry, c->differences) {
		size_t s = 0;

		printf("client     %s\n", member_text(entry, "client"));
		cJSON_ArrayForEach(answer, member(entry, "answers")) {
			printf("           %-24s %s\n", c->servers[s++].text, cJSON_GetStringValue(answer));
		}
	}
	if (all_failed(c))
		printf("A server doesn't answer; the rest wasn't asked.\n");
	else if (c->differing == 0)
		printf("All answer %zu clients alike.\n", c->client_count);
	else
		printf("%zu of %zu clients are answered differently.\n", c->differing, c->client_count);
}
