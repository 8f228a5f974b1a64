/* notify.c -- see notify.h.
 * In: new serials.  Out: UDP requests, until they're answered.  Threads: control.
 * A secondary that doesn't answer is asked again after 1, 2, 4 .. and at most 300 seconds: it may be away for long, and
 * its own refresh may be hours. An answer is its own when ID and address are, and TSIG is good where there's a
 * key. Any rcode is an answer: who refuses today does so tomorrow; it's logged once.
 * Requests are spread: after a start of ten thousand zones a secondary would drop most of a burst, and its answers were
 * dropped by our own socket. */
#include "control/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/log.h"
#include "dns/types.h"
#include "dns/wire.h"

#define FIRST_MS 1000
#define LONGEST_MS 300000
#define MESSAGE_MAX 1500
#define TICK_MOST 50			/* requests in one tick, of which there are four in a second */
#define BUCKETS 1024			/* of zones; a change of one shouldn't look at all */

struct target {
	struct target *next;
	uint8_t apex[NAME_MAX];
	struct notify_target who;
	uint8_t soa[2 * NAME_MAX + 22];	/* RDATA */
	uint16_t soa_length;
	uint32_t ttl, serial, answered;
	struct wall answered_at;
	unsigned tries;
	bool waiting;
	uint16_t id, rcode;
	struct mono due;
	struct tsig tsig;
};

struct socket {
	uv_udp_t udp;			/* must be first */
	struct notifier *notifier;
	bool open;
};

struct notifier {
	uv_loop_t *loop;
	struct socket sockets[2];	/* IPv4, IPv6 */
	unsigned open;
	bool closing;
	struct tsig_maker *tsig;
	struct target *buckets[BUCKETS];	/* by apex */
	unsigned next;			/* bucket that the next tick begins with */
	uint64_t sent, answered, refused;
	uint8_t received[MESSAGE_MAX];
};

static struct target **bucket(struct notifier *notifier, const uint8_t *apex);
static struct target *find(struct target *first, const uint8_t *apex, const struct notify_target *who);
static bool is_among(const struct target *target, const struct notify_target *targets, size_t count);
static bool same_target(const struct notify_target *a, const struct notify_target *b);
static void send_to(struct notifier *notifier, struct target *target, struct mono now);
static size_t compose(struct notifier *notifier, struct target *target, uint8_t message[static MESSAGE_MAX]);
static struct socket *socket_for(struct notifier *notifier, const struct address *to);
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer);
static void on_received(uv_udp_t *udp, ssize_t count, const uv_buf_t *buffer, const struct sockaddr *from,
	unsigned flags);
static bool is_of(const struct target *target, const uint8_t *message, size_t length);
static void take_answer(struct notifier *notifier, struct target *target, uint8_t *message, size_t length);
static void on_closed(uv_handle_t *handle);
static void notifier_free(struct notifier *notifier);

struct notifier *
notifier_new(uv_loop_t *loop)
{
	struct notifier *notifier = calloc(1, sizeof(*notifier));

	if (notifier == NULL)
		return NULL;
	notifier->loop = loop;
	notifier->tsig = tsig_maker_new();
	if (notifier->tsig != NULL)
		return notifier;
	free(notifier);
	return NULL;
}

void
notifier_close(struct notifier *notifier)
{
	if (notifier == NULL || notifier->closing)
		return;
	notifier->closing = true;
	for (size_t i = 0; i < ARRAY_SIZE(notifier->sockets); i++)
		if (notifier->sockets[i].open)
			uv_close((uv_handle_t *)&notifier->sockets[i].udp, on_closed);
	if (notifier->open == 0)
		notifier_free(notifier);
}

static void
on_closed(uv_handle_t *handle)
{
	struct notifier *notifier = ((struct socket *)handle)->notifier;

	if (--notifier->open == 0)
		notifier_free(notifier);
}

static void
notifier_free(struct notifier *notifier)
{
	for (size_t b = 0; b < BUCKETS; b++)
		for (struct target *target = notifier->buckets[b], *next; target != NULL; target = next) {
			next = target->next;
			free(target);
		}
	tsig_maker_free(notifier->tsig);
	free(notifier);
}

void
notifier_tell(struct notifier *notifier, const uint8_t *apex, const struct rrset *soa, uint32_t serial,
	const struct notify_target *targets, size_t count, struct mono now)
{
	struct target **first = bucket(notifier, apex);

	for (struct target **at = first, *target; (target = *at) != NULL;)
		if (name_compare(target->apex, apex) == 0 && !is_among(target, targets, count)) {
			*at = target->next;
			free(target);
		} else {
			at = &target->next;
		}
	for (size_t i = 0; i < count; i++) {
		struct target *target = find(*first, apex, &targets[i]);

		if (target == NULL) {
			target = calloc(1, sizeof(*target));
			if (target == NULL)
				return;
			memcpy(target->apex, apex, name_length(apex, NAME_MAX));
			target->next = *first;
			*first = target;
		}
		if (target->serial == serial && (target->waiting || target->answered_at.ms != 0)
		    && same_target(&target->who, &targets[i]))
			continue;
		target->who = targets[i];
		target->soa_length = wire_get_u16(soa->wire);
		memcpy(target->soa, soa->wire + 2, target->soa_length);
		target->ttl = soa->ttl;
		target->serial = serial;
		target->waiting = true;
		target->tries = 0;
		target->due = now;
	}
}

static bool
is_among(const struct target *target, const struct notify_target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (same_target(&target->who, &targets[i]))
			return true;
	return false;
}

static bool
same_target(const struct notify_target *a, const struct notify_target *b)
{
	return memcmp(&a->to, &b->to, sizeof(a->to)) == 0 && a->port == b->port && a->key == b->key;
}

static struct target **
bucket(struct notifier *notifier, const uint8_t *apex)
{
	return &notifier->buckets[hash64(apex, name_length(apex, NAME_MAX), 0) % BUCKETS];
}

static struct target *
find(struct target *first, const uint8_t *apex, const struct notify_target *who)
{
	for (struct target *target = first; target != NULL; target = target->next)
		if (name_compare(target->apex, apex) == 0 && same_target(&target->who, who))
			return target;
	return NULL;
}

void
notifier_forget(struct notifier *notifier, const uint8_t *apex)
{
	static const struct rrset none;

	notifier_tell(notifier, apex, &none, 0, (const struct notify_target[]){ { .port = 0 } }, 0, (struct mono){ 0 });
}

void
notifier_tick(struct notifier *notifier, struct mono now)
{
	unsigned first = notifier->next, most = TICK_MOST;

	for (unsigned i = 0; i < BUCKETS; i++) {
		unsigned b = (first + i) % BUCKETS;

		for (struct target *target = notifier->buckets[b]; target != NULL; target = target->next) {
			if (!target->waiting || mono_ms_between(target->due, now) < 0)
				continue;
			if (most == 0) {
				notifier->next = b;
				return;
			}
			most--;
			send_to(notifier, target, now);
		}
	}
}

static void
send_to(struct notifier *notifier, struct target *target, struct mono now)
{
	uint8_t message[MESSAGE_MAX];
	struct sockaddr_storage to;
	struct socket *socket = socket_for(notifier, &target->who.to);
	int64_t pause = target->tries < 9 ? (int64_t)FIRST_MS << target->tries : LONGEST_MS;
	uv_buf_t buffer = uv_buf_init((char *)message, 0);

	target->due = mono_add_ms(now, pause < LONGEST_MS ? pause : LONGEST_MS);
	target->tries++;
	if (socket == NULL || getrandom(&target->id, sizeof(target->id), 0) != sizeof(target->id))
		return;
	buffer.len = compose(notifier, target, message);
	address_to_sockaddr(&target->who.to, target->who.port, &to);
	if (uv_udp_try_send(&socket->udp, &buffer, 1, (struct sockaddr *)&to) > 0)
		notifier->sent++;
}

/* With the SOA as a hint (RFC 1996 section 3.7). */
static size_t
compose(struct notifier *notifier, struct target *target, uint8_t message[static MESSAGE_MAX])
{
	static const uint8_t counts[] = { 0, 1, 0, 1, 0, 0, 0, 0 }, types[] = { 0, TYPE_SOA, 0, CLASS_IN };
	size_t name = name_length(target->apex, NAME_MAX);
	uint8_t *p = message + HEADER_SIZE;

	wire_put_u16(message, target->id);
	wire_put_u16(message + 2, OPCODE_NOTIFY << 11 | FLAG_AA);
	memcpy(message + 4, counts, sizeof(counts));
	memcpy(p, target->apex, name);
	p += name;
	memcpy(p, types, 4);
	p += 4;
	wire_put_u16(p, 0xc000 | HEADER_SIZE);
	memcpy(p + 2, types, 4);
	wire_put_u32(p + 6, target->ttl);
	wire_put_u16(p + 10, target->soa_length);
	memcpy(p + 12, target->soa, target->soa_length);
	p += 12 + target->soa_length;
	if (target->who.key == NULL)
		return (size_t)(p - message);
	return tsig_sign_request(&target->tsig, notifier->tsig, target->who.key, message, (size_t)(p - message),
	    (uint64_t)(wall_now().ms / 1000));
}

/* Opened when it's needed first. NULL: there's no such socket. */
static struct socket *
socket_for(struct notifier *notifier, const struct address *to)
{
	struct socket *socket = &notifier->sockets[to->bits != 32];
	static const struct address any[2] = { { .bits = 32 }, { .bits = 128 } };
	struct sockaddr_storage at;

	if (socket->open || notifier->closing)
		return socket->open ? socket : NULL;
	socket->notifier = notifier;
	if (uv_udp_init(notifier->loop, &socket->udp) != 0)
		return NULL;
	socket->open = true;
	notifier->open++;
	address_to_sockaddr(&any[to->bits != 32], 0, &at);
	if (uv_udp_bind(&socket->udp, (struct sockaddr *)&at, 0) != 0
	    || uv_udp_recv_start(&socket->udp, on_alloc, on_received) != 0)
		log_warning("no socket for NOTIFY by IPv%c", to->bits == 32 ? '4' : '6');
	return socket;
}

static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct notifier *notifier = ((struct socket *)handle)->notifier;
	(void)suggested;

	*buffer = uv_buf_init((char *)notifier->received, sizeof(notifier->received));
}

static void
on_received(uv_udp_t *udp, ssize_t count, const uv_buf_t *buffer, const struct sockaddr *from, unsigned flags)
{
	struct notifier *notifier = ((struct socket *)udp)->notifier;
	uint8_t *message = (uint8_t *)buffer->base;
	struct address address;

	if (count < HEADER_SIZE || from == NULL || (flags & UV_UDP_PARTIAL) != 0)
		return;
	address_of_sockaddr(&address, from);
	if ((wire_get_u16(message + 2) & (FLAG_QR | FLAGS_OPCODE)) != (FLAG_QR | OPCODE_NOTIFY << 11))
		return;
	for (size_t b = 0; b < BUCKETS; b++)
		for (struct target *target = notifier->buckets[b]; target != NULL; target = target->next)
			if (target->waiting && target->tries > 0 && wire_get_u16(message) == target->id
			    && memcmp(&address, &target->who.to, sizeof(address)) == 0
			    && is_of(target, message, (size_t)count)) {
				take_answer(notifier, target, message, (size_t)count);
				return;
			}
}

/* With thousands of zones IDs aren't unique. An answer may lack the question. */
static bool
is_of(const struct target *target, const uint8_t *message, size_t length)
{
	size_t name = name_length(target->apex, NAME_MAX);

	return wire_get_u16(message + 4) == 0
	    || (length >= HEADER_SIZE + name && memcmp(message + HEADER_SIZE, target->apex, name) == 0);
}

static void
take_answer(struct notifier *notifier, struct target *target, uint8_t *message, size_t length)
{
	char zone[NAME_TEXT_SIZE], who[ADDRESS_TEXT_SIZE];
	uint16_t rcode = wire_get_u16(message + 2) & 15;

	if (target->who.key != NULL && tsig_verify_response(&target->tsig, notifier->tsig, message, length,
	    (uint64_t)(wall_now().ms / 1000)) == 0) {
		/* Who doesn't know the key can't sign; anybody may have sent it, so we go on asking. */
		if (target->tries == 1)
			log_warning("%s answers NOTIFY for %s without a good signature (TSIG error %u)",
			    address_text(&target->who.to, who), name_text(target->apex, zone), target->tsig.error);
		return;
	}
	if (rcode != RCODE_NOERROR && rcode != target->rcode)
		log_warning("%s answers NOTIFY for %s with rcode %u", address_text(&target->who.to, who),
		    name_text(target->apex, zone), rcode);
	notifier->answered++;
	notifier->refused += rcode != RCODE_NOERROR;
	target->rcode = rcode;
	target->waiting = false;
	target->answered = target->serial;
	target->answered_at = wall_now();
}

bool
notifier_view(const struct notifier *notifier, const uint8_t *apex, size_t i, struct notify_view *view)
{
	const struct target *target = notifier->buckets[hash64(apex, name_length(apex, NAME_MAX), 0) % BUCKETS];

	for (; target != NULL; target = target->next)
		if (name_compare(target->apex, apex) == 0 && i-- == 0)
			break;
	if (target == NULL)
		return false;
	*view = (struct notify_view){
		.to = target->who.to, .port = target->who.port, .key = target->who.key, .serial = target->serial,
		.answered = target->answered, .answered_at = target->answered_at, .tries = target->tries,
		.waiting = target->waiting, .rcode = target->rcode,
	};
	return true;
}

void
notifier_counts(const struct notifier *notifier, uint64_t *sent, uint64_t *answered, uint64_t *refused)
{
	*sent = notifier->sent;
	*answered = notifier->answered;
	*refused = notifier->refused;
}
