/* world.h -- a small world for tests of the answering path: zones and steering.yaml as text, compiled and put into a
 * snapshot; and questions in one line, answers as text.
 *
 *	struct world world;
 *	world_open(&world, (struct world_parts){ .zones = { { "example.", "@ IN SOA ..." } }, .steering = "..." });
 *	SUITE_TEXT(world_ask(&world, "www.example. A", (struct ask){ .subnet = "192.0.2.0/24" }), "NOERROR aa\n...");
 *	world_close(&world);
 */
#ifndef ISOBAR_TESTS_WORLD_H
#define ISOBAR_TESTS_WORLD_H

#include <ldns/ldns.h>

#include "conf/steering_yaml.h"
#include "dns/wire.h"
#include "packing/compile.h"
#include "serve/answer.h"
#include "suite.h"
#include "zone/master.h"

#define WORLD_ZONES 8

struct world_parts {
	struct { const char *apex, *text; } zones[WORLD_ZONES];
	const char *steering;		/* or NULL: none */
	const struct geo *geo;
	const struct plan *plan;
	unsigned workers;		/* 0: 1 */
};

struct world {
	struct zone *zones[WORLD_ZONES];
	size_t zone_count;
	struct steering *steering;
	struct compiled compiled;
	struct snapshot *snapshot;
	struct counters counters;
	uint8_t response[ANSWER_SIZE_MAX];
	size_t length;			/* of the last response */
	char text[100000];
};

struct ask {
	const char *subnet;	/* prefix text, implies EDNS */
	bool edns, dnssec_ok, stream;
	unsigned payload;	/* implies EDNS; 0: 1232 */
	const char *client;	/* default 127.0.0.1 */
	unsigned worker;
	const char *letters;	/* the name as it's sent, when its case matters */
};

static inline void
world_complain(const char *what, struct diags *diags)
{
	struct text text = { 0 };

	diag_print(diags, &text);
	fprintf(stderr, "%s:\n%s", what, text.bytes == NULL ? "(no message)" : text.bytes);
	abort();
}

static inline struct snapshot *
world_snapshot(struct world *world, uint64_t epoch, const struct geo *geo, const struct plan *plan, unsigned workers)
{
	struct compiled compiled = { 0 };
	struct snapshot *snapshot;

	if (compile_tables(&compiled, world->steering, plan, NULL, world->snapshot) != 0)
		abort();
	snapshot = snapshot_new(&(struct snapshot_parts){ .epoch = epoch, .steering = world->steering, .geo = geo,
	    .zones = world->zones, .zone_count = world->zone_count, .tables = compiled.services,
	    .worker_count = workers });
	if (snapshot == NULL)
		abort();
	compiled_fini(&compiled);
	return snapshot;
}

static inline void
world_open(struct world *world, struct world_parts parts)
{
	struct diags diags = { 0 };

	memset(world, 0, offsetof(struct world, response));
	for (size_t i = 0; i < WORLD_ZONES && parts.zones[i].apex != NULL; i++) {
		uint8_t apex[NAME_MAX];

		if (name_parse(parts.zones[i].apex, apex) == 0)
			abort();
		world->zones[i] = master_read(parts.zones[i].text, parts.zones[i].apex, apex, &diags);
		if (world->zones[i] == NULL)
			world_complain(parts.zones[i].apex, &diags);
		world->zone_count++;
	}
	world->steering = parts.steering == NULL ? steering_empty()
		: steering_read(parts.steering, "steering.yaml", &diags);
	if (world->steering == NULL)
		world_complain("steering.yaml", &diags);
	diag_fini(&diags);
	world->snapshot = world_snapshot(world, 1, parts.geo, parts.plan, parts.workers == 0 ? 1 : parts.workers);
}

static inline void
world_close(struct world *world)
{
	snapshot_free(world->snapshot);
	steering_free(world->steering);
	for (size_t i = 0; i < world->zone_count; i++)
		zone_release(world->zones[i]);
}

/* A service's live words; by its number in canonical order. */
static inline struct live *
world_live(struct world *world, size_t service)
{
	return world->snapshot->services[service].live;
}

static inline void
world_kill(struct world *world, const char *region, bool dead)
{
	region_id r = steering_region_find(world->steering, region);

	if (r == NO_REGION)
		abort();
	for (size_t s = 0; s < world->snapshot->service_count; s++)
		live_set_dead(world_live(world, s), r, dead);
}

static inline void
world_admit(struct world *world, const char *region, admit value)
{
	region_id r = steering_region_find(world->steering, region);

	if (r == NO_REGION)
		abort();
	for (size_t s = 0; s < world->snapshot->service_count; s++)
		live_set_admit(world_live(world, s), r, value);
}

/* "NAME TYPE" as a request; its length. `request` holds 600 octets. */
static inline size_t
world_request(uint8_t *request, const char *question, struct ask ask)
{
	char text[NAME_TEXT_SIZE];
	const char *type = strrchr(question, ' ');
	size_t at = HEADER_SIZE, length;

	snprintf(text, sizeof(text), "%.*s", (int)(type - question), question);
	memset(request, 0, HEADER_SIZE);
	wire_put_u16(request, 0x1234);
	request[5] = 1;
	length = name_parse(text, request + at);
	if (length == 0)
		abort();
	/* name_parse() makes it lower case; plain letters go back as they were asked for. */
	for (size_t i = 0; ask.letters != NULL && ask.letters[i] != '\0'; i++)
		if (ask.letters[i] != '.')
			request[at + 1 + i] = (uint8_t)ask.letters[i];
	at += length;
	wire_put_u16(request + at, rrtype_parse(type + 1));
	wire_put_u16(request + at + 2, CLASS_IN);
	at += 4;
	if (!ask.edns && !ask.dnssec_ok && ask.payload == 0 && ask.subnet == NULL)
		return at;
	request[11] = 1;
	memset(request + at, 0, OPT_SIZE);
	wire_put_u16(request + at + 1, TYPE_OPT);
	wire_put_u16(request + at + 3, ask.payload == 0 ? 1232 : ask.payload);
	request[at + 7] = ask.dnssec_ok ? 0x80 : 0;
	at += OPT_SIZE;
	if (ask.subnet != NULL) {
		struct prefix prefix;
		unsigned bytes;

		if (prefix_parse(ask.subnet, &prefix) != 0)
			abort();
		bytes = (prefix.length + 7u) / 8;
		wire_put_u16(request + at - 2, 8 + bytes);
		wire_put_u16(request + at, EDNS_CLIENT_SUBNET);
		wire_put_u16(request + at + 2, 4 + bytes);
		wire_put_u16(request + at + 4, prefix.address.bits == 32 ? 1 : 2);
		request[at + 6] = prefix.length;
		request[at + 7] = 0;
		memcpy(request + at + 8, prefix.address.bytes, bytes);
		at += 8 + bytes;
	}
	return at;
}

static inline void
world_text_section(char *text, const char *mark, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *line = ldns_rr2str(ldns_rr_list_rr(list, i)), *in;

		for (char *p = line; *p != '\0'; p++)
			if (*p == '\t')
				*p = ' ';
		in = strstr(line, " IN ");
		if (in != NULL)
			memmove(in, in + 3, strlen(in + 3) + 1);
		sprintf(text + strlen(text), "%s %s", mark, line);
		free(line);
	}
}

/* Header in one line, then the records: "an", "au" and "ad" for their section. */
static inline const char *
world_text(struct world *world)
{
	static const struct { unsigned flag; const char *name; } flags[] = {
		{ FLAG_AA, " aa" }, { FLAG_TC, " tc" }, { FLAG_RA, " ra" }, { FLAG_AD, " ad" },
	};
	static const char *const rcodes[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
		"YXDOMAIN" };
	char *text = world->text;
	unsigned bits = wire_get_u16(world->response + 2);
	ldns_pkt *packet;

	if (world->length == 0)
		return strcpy(text, "nothing");
	if (ldns_wire2pkt(&packet, world->response, world->length) != LDNS_STATUS_OK)
		return strcpy(text, "not a packet");
	if ((bits & 15) < ARRAY_SIZE(rcodes))
		sprintf(text, "%s", rcodes[bits & 15]);
	else
		sprintf(text, "%u", bits & 15);
	if (ldns_pkt_edns_extended_rcode(packet) != 0)
		sprintf(text + strlen(text), "+%u", ldns_pkt_edns_extended_rcode(packet));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (bits & flags[i].flag)
			strcat(text, flags[i].name);
	if (ldns_pkt_edns(packet) && ldns_pkt_edns_data(packet) != NULL) {
		const uint8_t *data = ldns_rdf_data(ldns_pkt_edns_data(packet));
		size_t size = ldns_rdf_size(ldns_pkt_edns_data(packet));

		for (size_t at = 0; at + 4 <= size; at += 4u + wire_get_u16(data + at + 2)) {
			if (wire_get_u16(data + at) == EDNS_CLIENT_SUBNET)
				sprintf(text + strlen(text), " scope %u", data[at + 7]);
			if (wire_get_u16(data + at) == EDNS_ERROR)
				sprintf(text + strlen(text), " ede %u", wire_get_u16(data + at + 4));
			if (wire_get_u16(data + at) == EDNS_ERROR && wire_get_u16(data + at + 2) > 2)
				sprintf(text + strlen(text), " (%.*s)", wire_get_u16(data + at + 2) - 2,
				    (const char *)data + at + 6);
		}
	}
	strcat(text, "\n");
	world_text_section(text, "an", ldns_pkt_answer(packet));
	world_text_section(text, "au", ldns_pkt_authority(packet));
	world_text_section(text, "ad", ldns_pkt_additional(packet));
	ldns_pkt_free(packet);
	return text;
}

static inline struct answer_env
world_env(struct world *world, struct ask ask)
{
	struct answer_env env = { .snapshot = world->snapshot, .row = &world->snapshot->rows[ask.worker],
		.counters = &world->counters, .stream = ask.stream, .udp_payload = 1232 };

	if (address_parse(ask.client == NULL ? "127.0.0.1" : ask.client, &env.client) != 0)
		abort();
	return env;
}

/* Valid until the next call. */
static inline const char *
world_ask(struct world *world, const char *question, struct ask ask)
{
	struct answer_env env = world_env(world, ask);
	uint8_t request[600];
	size_t length = world_request(request, question, ask);
	/* Exactly as long as allowed, so that the address sanitizer sees one octet too many. */
	size_t size = ask.stream ? ANSWER_SIZE_MAX : ask.payload > 512 ? ask.payload : 1232;
	uint8_t *response = malloc(size);

	if (response == NULL)
		abort();
	world->length = answer(&env, request, length, response, size);
	memcpy(world->response, response, world->length);
	free(response);
	return world_text(world);
}

#endif
