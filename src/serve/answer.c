/* answer.c -- from a request to a response.
 * In: bytes, the snapshot, the resolver's address.  Out: bytes.
 * Threads: any; no lock, allocation, log or system call.  Memory: the stack and the caller's buffer.
 *
 * Decide, then encode: decide.c fills a short list of (section, owner, RRset); what is written here knows names,
 * compression and truncation and nothing of zones.
 * Every request that has a header and isn't a response gets an answer (RFC 8906), unless a limit forbids it
 * (guard.h). */
#include "serve/answer.h"

#include <string.h>

#include "dns/wire.h"
#include "serve/decision.h"
#include "serve/guard.h"
#include "serve/requests.h"
#include "serve/stream.h"
#include "serve/transfers.h"

_Static_assert(TRANSFER_KINDS == OUTGOING_KINDS, "each kind has its counter");

static enum tsig_verdict check_signature(const struct answer_env *env, const struct query *query,
	const uint8_t *request, size_t length, struct tsig *tsig);
static inline size_t most_octets(const struct answer_env *env, const struct query *query, size_t size);
static void leave_room(struct reply *reply, size_t room);
static bool has_version(const struct answer_env *env, const struct query *query, struct ruling *refusal);
static size_t answer_request(const struct answer_env *env, const struct query *query, enum query_verdict verdict,
	const uint8_t *request, size_t length, struct tsig *tsig, struct reply *reply);
static size_t respond_ruled(const struct answer_env *env, const struct query *query, enum query_verdict verdict,
	struct tsig *tsig, const struct ruling *ruling, struct reply *reply);
static size_t respond(const struct answer_env *env, const struct query *query, enum query_verdict verdict,
	const struct tsig *tsig, const struct ruling *refused, struct reply *reply);
static uint16_t rcode_of(enum query_verdict verdict);
static struct guard_class class_of(const struct decision *d);
static void leave_note(const struct decision *d);
static size_t encode(const struct decision *d, struct reply *reply);
static void add_options(const struct decision *d, struct reply *reply);
static size_t finish(const struct answer_env *env, struct reply *reply);

size_t
answer(const struct answer_env *env, const uint8_t *request, size_t length, uint8_t *response, size_t size)
{
	struct query query;
	struct reply reply;
	struct tsig tsig;
	const struct tsig *good = NULL;		/* the request is signed, and it's true */
	struct ruling refusal;
	bool has_tsig, transfers;
	size_t limit, answered;
	enum query_verdict verdict = query_read(&query, request, length);

	if (verdict == QUERY_DROP) {
		counter_add(&env->counters->dropped, 1);
		return 0;
	}
	counter_add(&env->counters->queries[env->encrypted ? TRANSPORT_TLS : env->stream ? TRANSPORT_TCP
	    : TRANSPORT_UDP], 1);
	limit = most_octets(env, &query, size);
	reply_begin(&reply, &query, request, response, limit);
	reply.payload = env->udp_payload;
	reply.padded = env->encrypted && query.padding;
	has_tsig = query.tsig != 0 && verdict != QUERY_FORMERR;
	if (has_tsig) {
		enum tsig_verdict checked = check_signature(env, &query, request, length, &tsig);

		has_tsig = checked != TSIG_MALFORMED && reply.at + OPT_SIZE + tsig_room(&tsig) <= size;
		if (!has_tsig)
			verdict = QUERY_FORMERR;
		else if (checked == TSIG_REFUSED)
			verdict = QUERY_NOTAUTH;
		else
			good = &tsig;
	}
	if (verdict == QUERY_UPDATE || verdict == QUERY_NOTIFY)
		return answer_request(env, &query, verdict, request, length, good != NULL ? &tsig : NULL, &reply);
	transfers = verdict == QUERY_OK && query.question_length > 0 && query.class == CLASS_IN
	    && (query.type == TYPE_AXFR || query.type == TYPE_IXFR);
	if (transfers && has_version(env, &query, &refusal)) {
		answered = transfers_answer(env, &query, request, length, good, response, limit, &refusal);
		if (answered > 0)
			return answered;
	}
	if (has_tsig)
		leave_room(&reply, tsig_room(&tsig));
	answered = respond(env, &query, verdict, good, transfers ? &refusal : NULL, &reply);
	return answered == 0 || !has_tsig ? answered : tsig_sign(&tsig, env->tsig, response, answered, env->now);
}

/* Nobody else gets what we don't answer ourselves. */
static bool
has_version(const struct answer_env *env, const struct query *query, struct ruling *refusal)
{
	const struct zone_slot *slot = snapshot_slot(env->snapshot, query->name, &query->parts, 0);

	return slot == NULL || slot_is_served(slot, env->now, refusal);
}

/* Something that isn't a query. `tsig` is good, or NULL. */
static size_t
answer_request(const struct answer_env *env, const struct query *query, enum query_verdict verdict,
	const uint8_t *request, size_t length, struct tsig *tsig, struct reply *reply)
{
	struct ruling ruling;

	return requests_take(env, query, request, length, tsig, &ruling) ? 0
	    : respond_ruled(env, query, verdict, tsig, &ruling, reply);
}

static size_t
respond_ruled(const struct answer_env *env, const struct query *query, enum query_verdict verdict, struct tsig *tsig,
	const struct ruling *ruling, struct reply *reply)
{
	size_t length;

	if (tsig != NULL)
		leave_room(reply, tsig_room(tsig));
	if (guard_admit(env, query, verdict, tsig != NULL, reply) == GUARD_DROP)
		return 0;
	reply->rcode = ruling->rcode;
	if (ruling->authoritative)
		reply->flags |= FLAG_AA;
	if (ruling->ede != EDE_NONE)
		reply_error(reply, (enum ede)ruling->ede, ruling->ede_text);
	length = finish(env, reply);
	return tsig == NULL ? length : tsig_sign(tsig, env->tsig, reply->bytes, length, env->now);
}

void
answer_later(const struct answer_env *env, struct deferred *request)
{
	struct query query;
	struct reply reply;
	enum query_verdict verdict = query_read(&query, request->message, request->length);

	reply_begin(&reply, &query, request->message, request->response,
	    most_octets(env, &query, REQUEST_RESPONSE_MAX));
	reply.payload = env->udp_payload;
	reply.padded = env->encrypted && query.padding;
	request->response_length = respond_ruled(env, &query, verdict, request->key != NULL ? &request->tsig : NULL,
	    &request->ruling, &reply);
	counter_add(&env->counters->updates[request->ruling.rcode & 15], 1);
}

static inline size_t
most_octets(const struct answer_env *env, const struct query *query, size_t size)
{
	size_t limit = env->stream ? ANSWER_SIZE_MAX : 512;

	if (!env->stream && query->edns)
		limit = query->payload < env->udp_payload ? query->payload : env->udp_payload;
	return limit < size ? limit : size;
}

static size_t
respond(const struct answer_env *env, const struct query *query, enum query_verdict verdict, const struct tsig *tsig,
	const struct ruling *refused, struct reply *reply)
{
	struct decision d;
	enum guard_verdict admitted = guard_admit(env, query, verdict, tsig != NULL, reply);

	if (verdict != QUERY_OK)
		reply->rcode = rcode_of(verdict);
	if (admitted != GUARD_GO_ON) {
		if (admitted == GUARD_DROP)
			return 0;
		if (query->subnet)
			reply_subnet(reply, 0);
		return finish(env, reply);
	}
	d.env = env;
	d.query = query;
	d.tsig = tsig;
	d.count = d.links = 0;
	d.rcode = RCODE_NOERROR;
	d.authoritative = false;
	d.ede = EDE_NONE;
	d.ede_text = "";
	d.about = NULL;
	d.scope = 0;
	d.zone = NULL;
	d.slot = NULL;
	d.service = NULL;
	d.region = NULL;
	if (refused == NULL) {
		decide(&d);
	} else {
		d.rcode = refused->rcode;
		d.ede = refused->ede;
		d.ede_text = refused->ede_text;
	}
	if (env->note != NULL)
		leave_note(&d);
	return encode(&d, reply);
}

static enum tsig_verdict
check_signature(const struct answer_env *env, const struct query *query, const uint8_t *request, size_t length,
	struct tsig *tsig)
{
	static const struct tsig_keys none;
	enum tsig_verdict verdict = tsig_verify(tsig, env->tsig, env->tsig == NULL ? &none : env->keys, request, length,
	    query->tsig, env->now);

	counter_add(&env->counters->tsig[verdict != TSIG_GOOD], 1);
	return verdict;
}

/* For TSIG, which is never the victim of truncation. A response that has nothing else may be longer than 512 octets:
 * so is its request. */
static void
leave_room(struct reply *reply, size_t room)
{
	reply->limit = reply->limit - reply->at > room ? reply->limit - room : reply->at;
}

static uint16_t
rcode_of(enum query_verdict verdict)
{
	switch (verdict) {
	case QUERY_NOTIMP:
		return RCODE_NOTIMP;
	case QUERY_BADVERS:
		return RCODE_BADVERS;
	case QUERY_NOTAUTH:
		return RCODE_NOTAUTH;
	default:
		return RCODE_FORMERR;
	}
}

static struct guard_class
class_of(const struct decision *d)
{
	enum rate_kind kind = RATE_ERROR;

	if (d->rcode == RCODE_NXDOMAIN)
		kind = RATE_NXDOMAIN;
	else if (d->rcode == RCODE_NOERROR && d->count > 0)
		kind = d->pieces[0].section == SECTION_ANSWER ? RATE_ANSWER
		    : d->authoritative ? RATE_NODATA : RATE_REFERRAL;
	return (struct guard_class){ .kind = kind, .tailored = d->scope > 0,
		.about = kind == RATE_ERROR ? NULL : d->about };
}

/* For those who watch, after the answer was sent. */
static void
leave_note(const struct decision *d)
{
	struct tap_note *note = d->env->note;

	note->zone = d->zone == NULL ? NULL : zone_apex(d->zone)->name;
	note->region = d->region;
	note->policy = d->service == NULL ? NULL : sharding_policy_text(d->service->intent->policy);
}

static size_t
encode(const struct decision *d, struct reply *reply)
{
	enum guard_verdict limited = guard_limit(d->env, d->query, class_of(d));
	unsigned left = d->count;

	reply->rcode = d->rcode;
	if (d->authoritative)
		reply->flags |= FLAG_AA;
	if (limited == GUARD_DROP)
		return 0;
	add_options(d, reply);
	if (limited == GUARD_TRUNCATE)
		reply_truncate(reply);
	/* Sections are written in their order; a referral after a CNAME makes pieces come mixed. */
	for (enum section section = SECTION_ANSWER; left > 0; section++)
		for (unsigned i = 0; i < d->count; i++) {
			const struct piece *p = &d->pieces[i];

			if (p->section != section)
				continue;
			left--;
			if (!reply_add_signed(reply, section, p->owner, &p->set) && p->required)
				reply->truncated = true;
		}
	/* RFC 9567 section 6.3; not for the reports themselves, which would make reports of reports. */
	if (d->env->report_agent != NULL && !name_is_under(d->query->name, d->env->report_agent))
		reply_option(reply, EDNS_REPORT_CHANNEL, d->env->report_agent,
		    name_length(d->env->report_agent, NAME_MAX));
	return finish(d->env, reply);
}

/* Those that must be there, before any record. */
static void
add_options(const struct decision *d, struct reply *reply)
{
	const struct answer_env *env = d->env;
	const struct query *query = d->query;
	char identity[IDENTITY_SIZE];
	uint8_t number[4];

	if (!query->edns)
		return;
	if (query->subnet)
		reply_subnet(reply, d->scope);
	if (d->ede != EDE_NONE)
		reply_error(reply, (enum ede)d->ede, d->ede_text);
	if (query->nsid && identity_allows(env->identity, &env->client))
		reply_option(reply, EDNS_NSID, identity, identity_text(env->identity, env->snapshot->epoch, identity));
	if (query->keepalive && env->stream) {	/* by UDP it's ignored (RFC 7828 section 3.2.1) */
		wire_put_u16(number, env->idle_ms / 100 < UINT16_MAX ? env->idle_ms / 100 : UINT16_MAX);
		reply_option(reply, EDNS_KEEPALIVE, number, 2);
	}
	/* A primary answers with the SOA's own number, a secondary with what is left of it (RFC 7314 section 3.3). */
	if (query->expire && query->type == TYPE_SOA && d->authoritative && d->count > 0
	    && d->pieces[0].set.type == TYPE_SOA && d->pieces[0].section == SECTION_ANSWER) {
		if (d->slot->lease != NULL)
			wire_put_u32(number, lease_left(d->slot->lease, env->now));
		else
			memcpy(number, zone_soa(d->zone)->wire + zone_soa(d->zone)->length - 8, 4);
		reply_option(reply, EDNS_EXPIRE, number, 4);
	}
}

static size_t
finish(const struct answer_env *env, struct reply *reply)
{
	if (reply->truncated)
		counter_add(&env->counters->truncated, 1);
	counter_add(&env->counters->rcodes[reply->rcode & 15], 1);
	if (env->note != NULL)
		env->note->rcode = reply->rcode;
	return reply_finish(reply);
}
