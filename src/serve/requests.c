/* requests.c -- see requests.h.
 * Of UPDATE the worker looks at the zone and at who asks; what a rule says of names and types is for control, which
 * reads the message. A NOTIFY is answered at once, and control told (RFC 1996 section 3.11). */
#include "serve/requests.h"

#include <string.h>

#include "dns/wire.h"
#include "serve/stream.h"
#include "serve/transfers.h"

static bool take_update(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	const struct tsig *tsig, struct ruling *ruling);
static bool is_apex(const struct answer_env *env, const struct query *query);
static bool some_rule_fits(const struct request_zone *zone, const struct requester *who);
static bool put_on_desk(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	const struct tsig *tsig, struct ruling *ruling);
static struct ruling rule_notify(const struct answer_env *env, const struct query *query, const uint8_t *request,
	size_t length, const struct tsig *tsig);
static bool is_source(const struct request_zone *zone, const struct requester *who);
static struct requester requester_of(const struct answer_env *env, const struct tsig *tsig);
static bool is_of_the_zone(uint16_t type);

const struct request_zone *
requests_zone(const struct requests *requests, const uint8_t *apex)
{
	size_t low = 0, high = requests == NULL ? 0 : requests->zone_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(apex, requests->zones[middle].apex);

		if (order == 0)
			return &requests->zones[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool
requests_take(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	const struct tsig *tsig, struct ruling *ruling)
{
	struct counters *counters = env->counters;

	if ((query->flags & FLAGS_OPCODE) >> 11 == OPCODE_NOTIFY) {
		*ruling = rule_notify(env, query, request, length, tsig);
		counter_add(&counters->notifies[ruling->rcode != RCODE_NOERROR], 1);
		return false;
	}
	if (take_update(env, query, request, length, tsig, ruling))
		return true;
	counter_add(&counters->updates[ruling->rcode & 15], 1);
	return false;
}

static bool
take_update(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	const struct tsig *tsig, struct ruling *ruling)
{
	const struct request_zone *zone = requests_zone(env->requests, query->name);
	const struct requester who = requester_of(env, tsig);

	*ruling = (struct ruling){ .rcode = RCODE_FORMERR, .ede = EDE_NONE, .ede_text = "" };
	if (query->type != TYPE_SOA)		/* RFC 2136 section 3.1.1 */
		return false;
	*ruling = (struct ruling){ .rcode = RCODE_NOTAUTH, .ede = EDE_NOT_AUTHORITATIVE, .ede_text = "" };
	if (query->class != CLASS_IN || !is_apex(env, query))
		return false;
	*ruling = (struct ruling){ .rcode = RCODE_NOTIMP, .ede = EDE_OTHER,
	    .ede_text = "updates are for the primary" };
	if (zone != NULL && zone->secondary)	/* nothing is forwarded (section 6) */
		return false;
	*ruling = (struct ruling){ .rcode = RCODE_REFUSED, .ede = EDE_PROHIBITED, .ede_text = "" };
	if (zone == NULL || !some_rule_fits(zone, &who))
		return false;
	ruling->ede_text = "there is no store here to keep it in";
	return !env->requests->storeless && put_on_desk(env, query, request, length, tsig, ruling);
}

static bool
is_apex(const struct answer_env *env, const struct query *query)
{
	const struct zone *zone = snapshot_zone(env->snapshot, query->name, &query->parts, 0);

	return zone != NULL && zone_apex(zone)->labels == query->parts.labels;
}

static bool
some_rule_fits(const struct request_zone *zone, const struct requester *who)
{
	for (size_t i = 0; i < zone->rule_count; i++)
		if (update_rule_fits(&zone->rules[i], who))
			return true;
	return false;
}

static bool
put_on_desk(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	const struct tsig *tsig, struct ruling *ruling)
{
	struct deferred *taken;

	*ruling = (struct ruling){ .rcode = RCODE_SERVFAIL, .ede = EDE_NONE, .ede_text = "" };
	if (env->request_desk == NULL || env->later == NULL || (env->stream && env->source == NULL))
		return false;
	switch (request_desk_put(env->request_desk, env, query, request, length, tsig, &taken)) {
	case DESK_TAKEN:
		if (env->stream)
			*env->source = (struct stream_source){ deferred_next, deferred_end, taken };
		return true;
	case DESK_REPEATED:
		counter_add(&env->counters->updates_repeated, 1);
		return true;
	case DESK_CLIENT_FULL:
		*ruling = (struct ruling){ .rcode = RCODE_REFUSED, .ede = EDE_OTHER,
		    .ede_text = "too many updates of this client are under way" };
		return false;
	case DESK_FULL:
		ruling->ede = EDE_OTHER;
		ruling->ede_text = "too many updates are under way";
		return false;
	default:
		return false;
	}
}

static struct ruling
rule_notify(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	const struct tsig *tsig)
{
	const struct request_zone *zone = requests_zone(env->requests, query->name);
	const struct requester who = requester_of(env, tsig);
	struct notice notice = { .from = env->client };

	if (query->type != TYPE_SOA)
		return (struct ruling){ .rcode = RCODE_FORMERR, .ede = EDE_NONE, .ede_text = "" };
	if (query->class != CLASS_IN || zone == NULL || !zone->secondary)
		return (struct ruling){ .rcode = RCODE_NOTAUTH, .ede = EDE_NOT_AUTHORITATIVE, .ede_text = "" };
	if (!is_source(zone, &who))
		return (struct ruling){ .rcode = RCODE_REFUSED, .ede = EDE_PROHIBITED, .ede_text = "" };
	memcpy(notice.apex, query->name, name_length(query->name, NAME_MAX));
	notice.has_serial = wire_get_u16(request + 6) > 0 && transfers_serial(query, request, length, &notice.serial);
	if (env->request_desk == NULL || !request_desk_notice(env->request_desk, &notice))
		return (struct ruling){ .rcode = RCODE_SERVFAIL, .ede = EDE_NONE, .ede_text = "" };
	return (struct ruling){ .rcode = RCODE_NOERROR, .ede = EDE_NONE, .ede_text = "", .authoritative = true };
}

static bool
is_source(const struct request_zone *zone, const struct requester *who)
{
	for (size_t i = 0; i < zone->source_count; i++)
		if (memcmp(&zone->sources[i].address, &who->address, sizeof(who->address)) == 0
		    && (zone->sources[i].key == NULL || zone->sources[i].key == who->key))
			return true;
	return false;
}

static struct requester
requester_of(const struct answer_env *env, const struct tsig *tsig)
{
	return (struct requester){ env->client, env->encrypted, tsig == NULL ? NULL : tsig->key };
}

/* --- rules --------------------------------------------------------------------------------------------------- */

bool
update_rule_fits(const struct update_rule *rule, const struct requester *who)
{
	return (rule->from_count == 0 || prefixes_cover(rule->from, rule->from_count, &who->address))
	    && (rule->key == NULL || rule->key == who->key) && (!rule->encrypted || who->encrypted);
}

bool
update_rule_allows(const struct update_rule *rule, const uint8_t *owner, uint16_t type)
{
	bool name = rule->name_count == 0;
	bool of_type = type == TYPE_ANY || (rule->type_count == 0 && !is_of_the_zone(type));

	for (size_t i = 0; i < rule->name_count && !name; i++)
		name = name_matches(rule->names[i], owner);
	for (size_t i = 0; i < rule->type_count && !of_type; i++)
		of_type = rule->types[i] == type;
	return name && of_type;
}

static bool
is_of_the_zone(uint16_t type)
{
	switch (type) {
	case TYPE_SOA:
	case TYPE_NS:
	case TYPE_DS:
	case TYPE_DNSKEY:
	case TYPE_RRSIG:
	case TYPE_NSEC:
	case TYPE_NSEC3:
	case TYPE_NSEC3PARAM:
	case TYPE_CDS:
	case TYPE_CDNSKEY:
		return true;
	default:
		return false;
	}
}

bool
name_matches(const uint8_t *pattern, const uint8_t *name)
{
	unsigned wanted = name_labels(pattern), labels = name_labels(name);
	bool open = pattern[0] == 1 && pattern[1] == '*';

	if (open ? labels < wanted : labels != wanted)
		return false;
	for (; labels > wanted; labels--)
		name += 1 + name[0];
	for (; *pattern != 0; pattern += 1 + *pattern, name += 1 + *name)
		if (!(pattern[0] == 1 && pattern[1] == '*')
		    && (*pattern != *name || memcmp(pattern + 1, name + 1, *pattern) != 0))
			return false;
	return true;
}
