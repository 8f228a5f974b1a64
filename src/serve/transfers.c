/* transfers.c -- see transfers.h.
 * By TCP and TLS an answer is the first message, and a source that the stream asks for the next one when its client has
 * taken what was before. The source holds its edition, so publications go on meanwhile. By UDP there's one message: an
 * IXFR that fits, or the SOA, which tells the client to come by TCP (RFC 1995 section 2); AXFR isn't defined there (RFC
 * 5936 section 4.2).
 * By TLS it's TLS 1.3 with the ALPN token "dot", or nothing: other connections are for queries (RFC 9103 section 7).
 * A transfer has all its time together, beside what the connection gives its reader for each piece: else one that takes
 * a piece now and then would hold its edition for ever. Told that it failed, a client keeps what it had. */
#include "serve/transfers.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/hash.h"
#include "dns/wire.h"
#include "serve/clients.h"
#include "serve/stream.h"

struct transfer_desk {
	struct transfer_limits limits;
	struct clients *running;
	uv_mutex_t lock;		/* guards the records */
	size_t count, room;
	struct transfer_record *records;
	uint64_t *hashes;		/* of whom each is: a search of thousands reads no more */
};

/* One transfer. */
struct run {
	struct outgoing *outgoing;
	struct transfer_desk *desk;
	struct address client;
	const struct tsig_key *key;
	bool encrypted, failed;
	uint64_t deadline_ns;
};

static const struct transfer_rule *rule_for(const struct answer_env *env, const struct transfer_zone *zone,
	const struct tsig *tsig);
static bool client_serial(const struct query *query, const uint8_t *request, size_t length, uint32_t *serial);
static bool skip_name(struct wire_reader *r);
static size_t by_datagram(const struct answer_env *env, struct outgoing_wish *wish, uint8_t *response, size_t limit);
static size_t by_stream(const struct answer_env *env, const struct outgoing_wish *wish, uint8_t *response,
	size_t limit);
static size_t run_next(void *arg, uint8_t *message, size_t size);
static void run_end(void *arg);
static void keep_record(struct transfer_desk *desk, const struct transfer_record *record);
static uint64_t hash_record(const struct transfer_record *record);
static size_t find_record(struct transfer_desk *desk, const struct transfer_record *record, uint64_t hash);
static bool make_room(struct transfer_desk *desk);
static size_t oldest_record(const struct transfer_desk *desk);
static uint64_t seconds(clockid_t clock);

const struct transfer_zone *
transfers_zone(const struct transfers *transfers, const uint8_t *apex)
{
	size_t low = 0, high = transfers == NULL ? 0 : transfers->zone_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(apex, transfers->zones[middle].apex);

		if (order == 0)
			return &transfers->zones[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

size_t
transfers_answer(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	const struct tsig *tsig, uint8_t *response, size_t limit, struct ruling *ruling)
{
	const struct transfer_zone *zone = transfers_zone(env->transfers, query->name);
	const struct transfer_rule *rule = zone == NULL ? NULL : rule_for(env, zone, tsig);
	struct outgoing_wish wish = { .query = query, .request = request, .payload = env->udp_payload, .tsig = tsig,
	    .maker = env->tsig };
	bool incremental = query->type == TYPE_IXFR;
	uint32_t serial = 0;
	size_t answered;

	*ruling = (struct ruling){ .rcode = RCODE_REFUSED, .ede = EDE_PROHIBITED, .ede_text = "" };
	if (rule != NULL && env->stream && !env->carries_zones) {
		rule = NULL;
		ruling->ede_text = "zones go by TLS 1.3 with ALPN dot";
	}
	if (rule == NULL) {
		counter_add(&env->counters->transfers_refused, 1);
		return 0;
	}
	/* "AXFR sessions over UDP transport are not defined" (RFC 5936 section 4.2); Knot and NSD say NOTIMP, too. */
	*ruling = (struct ruling){ .rcode = RCODE_NOTIMP, .ede = EDE_NONE, .ede_text = "" };
	if (!env->stream && !incremental)
		return 0;
	ruling->rcode = RCODE_FORMERR;
	if (incremental && !client_serial(query, request, length, &serial))
		return 0;
	ruling->rcode = RCODE_SERVFAIL;
	wish.edition = zone->edition;
	wish.padded = env->encrypted && query->padding;
	wish.hide_regions = zone->hide_regions && !rule->region_records;
	wish.kind = outgoing_choose(zone->edition, incremental, serial, &wish.first);
	answered = env->stream ? by_stream(env, &wish, response, limit) : by_datagram(env, &wish, response, limit);
	if (answered > 0) {
		counter_add(&env->counters->transfers[wish.kind], 1);
		counter_add(&env->counters->rcodes[RCODE_NOERROR], 1);
	}
	return answered;
}

bool
transfers_allow(const struct answer_env *env, const uint8_t *apex, const struct tsig *tsig)
{
	const struct transfer_zone *zone = transfers_zone(env->transfers, apex);

	return zone != NULL && rule_for(env, zone, tsig) != NULL;
}

static const struct transfer_rule *
rule_for(const struct answer_env *env, const struct transfer_zone *zone, const struct tsig *tsig)
{
	for (size_t i = 0; i < zone->rule_count; i++) {
		const struct transfer_rule *rule = &zone->rules[i];

		if ((rule->from_count == 0 || prefixes_cover(rule->from, rule->from_count, &env->client))
		    && (rule->key == NULL || (tsig != NULL && tsig->key == rule->key))
		    && (!rule->encrypted || env->encrypted))
			return rule;
	}
	return NULL;
}

/* RFC 1995 section 3. */
static bool
client_serial(const struct query *query, const uint8_t *request, size_t length, uint32_t *serial)
{
	return wire_get_u16(request + 6) == 0 && wire_get_u16(request + 8) > 0
	    && transfers_serial(query, request, length, serial);
}

bool
transfers_serial(const struct query *query, const uint8_t *request, size_t length, uint32_t *serial)
{
	struct wire_reader r = { .bytes = request, .size = length, .at = HEADER_SIZE + query->question_length };
	uint16_t type, class;

	if (!skip_name(&r))
		return false;
	type = wire_u16(&r);
	class = wire_u16(&r);
	wire_bytes(&r, 6);
	if (!skip_name(&r) || !skip_name(&r))
		return false;
	*serial = wire_u32(&r);
	return !r.failed && type == TYPE_SOA && class == CLASS_IN;
}

static bool
skip_name(struct wire_reader *r)
{
	uint8_t label;

	while ((label = wire_u8(r)) != 0 && label < 0xc0)
		wire_bytes(r, label);
	if (label >= 0xc0)
		wire_u8(r);
	return !r->failed;
}

static size_t
by_datagram(const struct answer_env *env, struct outgoing_wish *wish, uint8_t *response, size_t limit)
{
	struct outgoing *outgoing = outgoing_new(wish);
	size_t length = outgoing == NULL ? 0 : outgoing_next(outgoing, response, limit, env->now);

	if (length > 0 && (!outgoing_is_done(outgoing) || wish->kind == OUTGOING_FULL)) {
		outgoing_free(outgoing);
		wish->kind = OUTGOING_CURRENT;
		outgoing = outgoing_new(wish);
		length = outgoing == NULL ? 0 : outgoing_next(outgoing, response, limit, env->now);
	}
	outgoing_free(outgoing);
	return length;
}

static size_t
by_stream(const struct answer_env *env, const struct outgoing_wish *wish, uint8_t *response, size_t limit)
{
	struct transfer_desk *desk = env->desk;
	struct run *run;
	size_t length;

	if (desk == NULL || env->source == NULL)
		return 0;
	/* The client is told to come again later, and so it does (RFC 5936 section 2.2.1 leaves the code to us). */
	if (clients_enter(desk->running, &env->client) != CLIENTS_WITHIN) {
		counter_add(&env->counters->transfers_refused, 1);
		return 0;
	}
	run = calloc(1, sizeof(*run));
	if (run == NULL) {
		clients_leave(desk->running, &env->client);
		return 0;
	}
	run->desk = desk;
	run->client = env->client;
	run->key = wish->tsig == NULL ? NULL : wish->tsig->key;
	run->encrypted = env->encrypted;
	run->deadline_ns = env->now_ns + (uint64_t)desk->limits.longest_ms * 1000000;
	run->outgoing = outgoing_new(wish);
	if (run->outgoing == NULL) {
		run_end(run);
		return 0;
	}
	length = outgoing_next(run->outgoing, response, limit, env->now);
	env->source->next = run_next;
	env->source->end = run_end;
	env->source->arg = run;
	return length;
}

static size_t
run_next(void *arg, uint8_t *message, size_t size)
{
	struct run *run = arg;
	struct timespec now;

	if (outgoing_is_done(run->outgoing))
		return 0;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec > run->deadline_ns) {
		run->failed = true;
		return outgoing_fail(run->outgoing, message, seconds(CLOCK_REALTIME_COARSE));
	}
	return outgoing_next(run->outgoing, message, size, seconds(CLOCK_REALTIME_COARSE));
}

static uint64_t
seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec;
}

static void
run_end(void *arg)
{
	struct run *run = arg;

	if (run->outgoing != NULL && outgoing_is_done(run->outgoing) && !run->failed) {
		const struct edition *edition = outgoing_edition(run->outgoing);
		const struct node *apex = zone_apex(edition->zone);
		struct transfer_record record = {
			.client = run->client, .key = run->key, .serial = edition->serial,
			.kind = outgoing_kind(run->outgoing), .encrypted = run->encrypted,
			.octets = outgoing_octets(run->outgoing), .at = seconds(CLOCK_REALTIME_COARSE),
		};

		memcpy(record.apex, apex->name, apex->name_length);
		keep_record(run->desk, &record);
	}
	outgoing_free(run->outgoing);
	clients_leave(run->desk->running, &run->client);
	free(run);
}

/* --- the desk ------------------------------------------------------------------------------------------------ */

struct transfer_desk *
transfer_desk_new(const struct transfer_limits *limits)
{
	struct transfer_desk *desk = calloc(1, sizeof(*desk));
	const struct clients_limits of_clients = { limits->all, limits->per_client, 32, 128 };

	if (desk == NULL)
		return NULL;
	desk->limits = *limits;
	desk->running = clients_new(&of_clients);
	if (desk->running == NULL || uv_mutex_init(&desk->lock) != 0) {
		clients_free(desk->running);
		free(desk);
		return NULL;
	}
	return desk;
}

void
transfer_desk_free(struct transfer_desk *desk)
{
	if (desk == NULL)
		return;
	uv_mutex_destroy(&desk->lock);
	clients_free(desk->running);
	free(desk->records);
	free(desk->hashes);
	free(desk);
}

unsigned
transfer_desk_running(struct transfer_desk *desk)
{
	return clients_count(desk->running);
}

static void
keep_record(struct transfer_desk *desk, const struct transfer_record *record)
{
	uint64_t hash = hash_record(record);
	size_t place;

	uv_mutex_lock(&desk->lock);
	place = find_record(desk, record, hash);
	if (place < desk->room) {
		desk->records[place] = *record;
		desk->hashes[place] = hash;
		if (place == desk->count)
			desk->count++;
	}
	uv_mutex_unlock(&desk->lock);
}

static uint64_t
hash_record(const struct transfer_record *record)
{
	uint64_t hash = hash64(record->apex, name_length(record->apex, NAME_MAX), 0);

	hash = hash64(&record->client, sizeof(record->client), hash);
	return hash64(&record->key, sizeof(record->key), hash);
}

/* Where it's to be: in place of what the client got before, behind all, or in place of the oldest. desk->room: out of
 * memory. Under the lock, here and below. */
static size_t
find_record(struct transfer_desk *desk, const struct transfer_record *record, uint64_t hash)
{
	for (size_t i = 0; i < desk->count; i++) {
		const struct transfer_record *other = &desk->records[i];

		if (desk->hashes[i] == hash && other->key == record->key
		    && memcmp(&other->client, &record->client, sizeof(other->client)) == 0
		    && name_compare(other->apex, record->apex) == 0)
			return i;
	}
	if (desk->count < desk->room || (desk->room < TRANSFER_RECORDS_MAX && make_room(desk)))
		return desk->count;
	return desk->room < TRANSFER_RECORDS_MAX ? desk->room : oldest_record(desk);
}

static bool
make_room(struct transfer_desk *desk)
{
	size_t room = desk->room == 0 ? 64 : 2 * desk->room;
	struct transfer_record *records = realloc(desk->records, room * sizeof(*records));
	uint64_t *hashes;

	if (records == NULL)
		return false;
	desk->records = records;
	hashes = realloc(desk->hashes, room * sizeof(*hashes));
	if (hashes == NULL)
		return false;
	desk->hashes = hashes;
	desk->room = room;
	return true;
}

static size_t
oldest_record(const struct transfer_desk *desk)
{
	size_t oldest = 0;

	for (size_t i = 1; i < desk->count; i++)
		if (desk->records[i].at < desk->records[oldest].at)
			oldest = i;
	return oldest;
}

struct transfer_record *
transfer_desk_records(struct transfer_desk *desk, size_t *count)
{
	struct transfer_record *records;

	uv_mutex_lock(&desk->lock);
	*count = desk->count;
	records = malloc((desk->count + 1) * sizeof(*records));
	if (records != NULL && desk->count > 0)
		memcpy(records, desk->records, desk->count * sizeof(*records));
	uv_mutex_unlock(&desk->lock);
	return records;
}
