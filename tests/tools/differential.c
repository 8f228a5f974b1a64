/* differential.c -- the same questions to two servers, and what they answer differently.
 *
 *	differential zones DIR			writes master files, NAME.zone, the same in every run
 *	differential ask A@PORT B@PORT WHICH PERCENT	asks both about them, that part of 20,000 questions; prints "ok" or
 *							"not ok" for each kind of question
 *	differential validate A@PORT B@PORT PERCENT	A is a validating resolver that asks B: all that B answers must be
 *							secure for it, with the same rcode and answer
 *
 * B is the reference. Compared: rcode, AA, TC, RD, the question to the letter, answer and authority as sets of records
 * with their TTLs, the presence of OPT, and that each required address of a referral is there. A truncated answer is
 * compared by that alone, and then asked for again over TCP.
 *
 * Where the two differ on purpose, nothing is asked:
 * - ANY: we answer one RRset (RFC 8482), others answer all or truncate.
 * - Chains of aliases from one zone into another that the same server has: we stop at the zone's end, since the
 *   resolver must ask there anyhow, and NSD goes on.
 * - DS in a referral of an unsigned zone, with DO: we add it, NSD only in signed zones. It isn't compared there.
 * - RRSIG and NSEC of an alias' owner in an unsigned zone. Those types may stand beside a CNAME (RFC 4035 section 2.5),
 * so   one may say that they aren't there, or go on to the target as for any other type (RFC 1034 section 4.3.2, step
 * 3a). NSD   goes on for both, Knot for neither, we for NSEC.
 * - Requests that aren't plain queries stand in a table below, each with the sentence that decides where they differ.
 * - RRSIG in signed zones: as with ANY, we answer those over one RRset (RFC 8482 section 7).
 * - In signed zones, proofs of names that a DNAME has led to: NSD proves what isn't there of the name before (RFC 4035
 *   section 3.1.3 wants that of the one that the chain ends with). With NSEC3, NSD leaves out the closest encloser at
 *   some answers of wildcards and adds it where a wildcard itself is asked for (RFC 5155 sections 7.2.5 and 7.2.3), so
 *   there one set of proofs must be part of the other.
 * - With NSEC, Knot leaves out that a wildcard without records has no type (RFC 4035 section 3.1.3.4: "an NSEC RR proving
 *   that there are no RRsets matching" at the wildcard), and where the wildcard's NSEC itself is asked for that the name
 *   isn't there (section 3.1.3.3); NSD and we don't. Its proofs must be part of ours.
 * - The owner names of wildcard NS and DNAME, which RFC 4592 sections 4.2 and 4.4 leave undefined. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ldns/ldns.h>

#include "base/address.h"

#define ZONES 4
#define OWNERS_MAX 200
#define NAME_SIZE 300
#define PATIENCE_MS 3000
#define SHOWN 10	/* differences printed for each kind */

static const char *const apexes[ZONES] = { "example.test.", "nested.example.test.", "wild.test.", "plain.test." };
static const char *const labels[] = { "a", "b", "c", "d", "www", "mail", "*", "_tcp", "long-label-0123456789" };
static const char *const types[] = { "A", "AAAA", "MX", "TXT", "NS", "SOA", "CNAME", "DNAME", "DS", "SRV", "PTR", "CAA",
	"HTTPS", "SVCB", "NAPTR", "TYPE65280", "TYPE200", "RRSIG", "NSEC" };

enum kind { KIND_DATA, KIND_CNAME, KIND_DNAME, KIND_CUT };

struct owner {
	char name[NAME_SIZE];	/* complete, or "" for the apex */
	enum kind kind;
};

struct zone {
	const char *apex;
	struct owner owners[OWNERS_MAX];
	size_t count;
};

static struct zone zones[ZONES];
static bool is_knot;		/* the reference; else NSD */
static uint64_t state = 88172645463325252u;

static uint32_t
next_number(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * UINT64_C(2685821657736338717) >> 33) % below;
}

/* ---- zones ---------------------------------------------------------------------------------------------------- */

static bool
is_under(const char *name, const char *parent)
{
	size_t a = strlen(name), b = strlen(parent);

	return a >= b && strcasecmp(name + a - b, parent) == 0 && (a == b || name[a - b - 1] == '.');
}

static void
random_name(char *name, const char *apex, unsigned depth)
{
	name[0] = '\0';
	for (unsigned i = 0; i < depth; i++)
		sprintf(name + strlen(name), "%s.", labels[next_number(sizeof(labels) / sizeof(labels[0]))]);
	strcat(name, apex);
}

/* Nobody below a cut or a DNAME, nothing beside an alias, wildcards with data or aliases only. */
static bool
fits(const struct zone *zone, const struct owner *owner)
{
	if (owner->kind >= KIND_DNAME && strstr(owner->name, "*.") != NULL)
		return false;
	for (size_t i = 0; i < zone->count; i++) {
		const struct owner *other = &zone->owners[i];

		if (strcmp(other->name, owner->name) == 0
		    || (other->kind >= KIND_DNAME && is_under(owner->name, other->name))
		    || (owner->kind >= KIND_DNAME && is_under(other->name, owner->name)))
			return false;
	}
	return true;
}

static void
make_zones(void)
{
	for (size_t z = 0; z < ZONES; z++) {
		struct zone *zone = &zones[z];

		zone->apex = apexes[z];
		for (unsigned tries = 0; tries < 400 && zone->count < 120; tries++) {
			struct owner owner;
			uint32_t dice = next_number(10);

			random_name(owner.name, zone->apex, 1 + next_number(3));
			owner.kind = dice < 5 ? KIND_DATA : dice < 8 ? KIND_CNAME : dice < 9 ? KIND_DNAME : KIND_CUT;
			if (z == 2 && strstr(owner.name, "*.") == NULL && next_number(3) > 0)
				continue;	/* mostly wildcards here */
			if (fits(zone, &owner))
				zone->owners[zone->count++] = owner;
		}
	}
}

/* A name of the same zone, mostly one that is there; or one elsewhere. */
static void
random_target(char *name, const struct zone *zone)
{
	uint32_t dice = next_number(10);

	do {
		if (dice < 6)
			snprintf(name, NAME_SIZE, "%s", zone->owners[next_number((uint32_t)zone->count)].name);
		else if (dice < 9)
			random_name(name, zone->apex, 1 + next_number(3));
		else
			random_name(name, "elsewhere.invalid.", next_number(3));
	} while (strcmp(zone->apex, "example.test.") == 0 && is_under(name, "nested.example.test."));
}

static void
write_data(FILE *file, const struct zone *zone, const char *name)
{
	char target[NAME_SIZE];
	uint32_t which = 1 + next_number(255);

	if (which & 1)
		for (uint32_t n = 1 + next_number(3); n > 0; n--)
			fprintf(file, "%s 300 IN A 192.0.2.%u\n", name, n * 10 + next_number(10));
	if (which & 2)
		fprintf(file, "%s 300 IN AAAA 2001:db8::%x\n", name, next_number(65536));
	if (which & 4)
		for (uint32_t n = 1 + next_number(3); n > 0; n--) {
			random_target(target, zone);
			fprintf(file, "%s 600 IN MX %u %s\n", name, n, target);
		}
	if (which & 8)
		for (uint32_t n = 1 + next_number(12); n > 0; n--)
			fprintf(file, "%s 60 IN TXT \"%u %.*s\"\n", name, n, (int)next_number(120),
			    "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"
			    "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz");
	if (which & 16) {
		random_target(target, zone);
		fprintf(file, "%s 60 IN SRV 0 5 5060 %s\n", name, target);
	}
	if (which & 32) {
		random_target(target, zone);
		fprintf(file, "%s 300 IN HTTPS 1 %s alpn=h2,h3 port=8443 ipv4hint=192.0.2.1\n", name, target);
	}
	if (which & 64)
		fprintf(file, "%s 300 IN CAA 0 issue \"ca%u.example.net\"\n", name, next_number(100));
	if (which & 128)
		fprintf(file, "%s 300 IN TYPE65280 \\# 4 %08x\n", name, next_number(65536));
}

static void
write_zone(FILE *file, const struct zone *zone)
{
	fprintf(file, "%s 3600 IN SOA ns.%s hostmaster.%s 1 7200 900 1209600 %u\n%s 3600 IN NS ns.%s\n", zone->apex,
	    zone->apex,
	    zone->apex, 100 + next_number(8000), zone->apex, zone->apex);
	fprintf(file, "ns.%s 3600 IN A 192.0.2.53\n", zone->apex);
	if (strcmp(zone->apex, "example.test.") == 0)
		fprintf(file, "nested.example.test. 600 IN NS ns.nested.example.test.\nns.nested.example.test. 600 IN "
		    "A 192.0.2.54\n"
		    "nested.example.test. 600 IN DS 1 13 2 "
		    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n");
	for (size_t i = 0; i < zone->count; i++) {
		const struct owner *o = &zone->owners[i];
		char target[NAME_SIZE];

		random_target(target, zone);
		if (o->kind == KIND_DATA) {
			write_data(file, zone, o->name);
		} else if (o->kind == KIND_CNAME) {
			fprintf(file, "%s 120 IN CNAME %s\n", o->name, target);
		} else if (o->kind == KIND_DNAME) {
			fprintf(file, "%s 120 IN DNAME %s\n", o->name, target);
		} else {
			fprintf(file, "%s 900 IN NS ns1.%s\n%s 900 IN NS ns.elsewhere.invalid.\nns1.%s 900 IN A "
			    "192.0.2.99\n",
			    o->name, o->name, o->name, o->name);
			if (next_number(2))
				fprintf(file, "ns1.%s 900 IN AAAA 2001:db8::99\n", o->name);
			if (next_number(2))
				fprintf(file, "%s 900 IN DS 7 13 2 0123456789abcdef0123456789abcdef0123456789abcdef"
				    "0123456789abcdef\n", o->name);
		}
	}
}

static int
write_zones(const char *folder)
{
	for (size_t z = 0; z < ZONES; z++) {
		char path[4096];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%szone", folder, zones[z].apex);
		file = fopen(path, "w");
		if (file == NULL) {
			perror(path);
			return 1;
		}
		write_zone(file, &zones[z]);
		if (fclose(file) != 0)
			return 1;
	}
	return 0;
}

/* ---- questions ------------------------------------------------------------------------------------------------ */

struct server {
	struct sockaddr_storage at;
	socklen_t length;
	int fd;		/* UDP */
};

struct answer {
	uint8_t bytes[65536];
	size_t length;
	ldns_pkt *packet;
};

struct question {
	char name[NAME_SIZE];
	const char *type;
	unsigned payload;	/* 0: no OPT */
	bool dnssec_ok, desired, letters, subnet;
};

static bool
open_server(struct server *server, const char *text)
{
	struct address address;
	uint16_t port;

	if (address_parse_listen(text, 53, &address, &port) != 0)
		return false;
	server->length = address_to_sockaddr(&address, port, &server->at);
	server->fd = socket(server->at.ss_family, SOCK_DGRAM, 0);
	return server->fd >= 0 && connect(server->fd, (struct sockaddr *)&server->at, server->length) == 0;
}

static size_t
make_request(uint8_t *bytes, const struct question *q, uint16_t id)
{
	ldns_rdf *name = ldns_dname_new_frm_str(q->name);
	size_t length, at = 12;

	memset(bytes, 0, 12);
	bytes[0] = (uint8_t)(id >> 8);
	bytes[1] = (uint8_t)id;
	bytes[2] = q->desired ? 1 : 0;
	bytes[5] = 1;
	length = ldns_rdf_size(name);
	memcpy(bytes + at, ldns_rdf_data(name), length);
	for (size_t i = 0; q->letters && i < length; i++)
		if (bytes[at + i] >= 'a' && bytes[at + i] <= 'z' && (i * 7 + id) % 3 == 0)
			bytes[at + i] ^= 0x20;
	ldns_rdf_deep_free(name);
	at += length;
	length = (size_t)ldns_get_rr_type_by_name(q->type);
	bytes[at] = (uint8_t)(length >> 8);
	bytes[at + 1] = (uint8_t)length;
	bytes[at + 2] = 0;
	bytes[at + 3] = 1;
	at += 4;
	if (q->payload == 0)
		return at;
	bytes[11] = 1;
	memset(bytes + at, 0, 11);
	bytes[at + 2] = 41;
	bytes[at + 3] = (uint8_t)(q->payload >> 8);
	bytes[at + 4] = (uint8_t)q->payload;
	bytes[at + 7] = q->dnssec_ok ? 0x80 : 0;
	at += 11;
	if (q->subnet) {
		static const uint8_t option[] = { 0, 8, 0, 7, 0, 1, 24, 0, 192, 0, 2 };

		bytes[at - 1] = sizeof(option);
		memcpy(bytes + at, option, sizeof(option));
		at += sizeof(option);
	}
	return at;
}

static bool
wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

static bool
read_whole(int fd, uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = wait_for(fd) ? recv(fd, bytes, size, 0) : -1;

		if (n <= 0)
			return false;
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}

static bool
ask_stream(const struct server *server, const uint8_t *request, size_t length, struct answer *answer)
{
	uint8_t framed[700] = { (uint8_t)(length >> 8), (uint8_t)length }, size[2];
	int fd = socket(server->at.ss_family, SOCK_STREAM, 0);
	bool good;

	memcpy(framed + 2, request, length);
	good = fd >= 0 && connect(fd, (const struct sockaddr *)&server->at, server->length) == 0
	    && send(fd, framed, length + 2, MSG_NOSIGNAL) == (ssize_t)length + 2 && read_whole(fd, size, 2);
	answer->length = good ? (size_t)(size[0] << 8 | size[1]) : 0;
	good = good && read_whole(fd, answer->bytes, answer->length);
	close(fd);
	return good;
}

static bool
ask(const struct server *server, const uint8_t *request, size_t length, bool stream, struct answer *answer)
{
	answer->packet = NULL;
	if (stream) {
		if (!ask_stream(server, request, length, answer))
			return false;
	} else {
		if (send(server->fd, request, length, 0) != (ssize_t)length)
			return false;
		do {
			ssize_t n = wait_for(server->fd) ? recv(server->fd, answer->bytes, sizeof(answer->bytes), 0)
			    : -1;

			if (n < 2)
				return false;
			answer->length = (size_t)n;
		} while (memcmp(answer->bytes, request, 2) != 0);
	}
	return ldns_wire2pkt(&answer->packet, answer->bytes, answer->length) == LDNS_STATUS_OK;
}

/* ---- comparison ----------------------------------------------------------------------------------------------- */

/* In canonical order and letters, without records of one type (0: with all). */
static ldns_rr_list *
sorted(const ldns_rr_list *list, ldns_rr_type without)
{
	ldns_rr_list *copy = ldns_rr_list_new();

	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
		if (without == 0 || ldns_rr_get_type(ldns_rr_list_rr(list, i)) != without) {
			ldns_rr *record = ldns_rr_clone(ldns_rr_list_rr(list, i));

			ldns_rr2canonical(record);
			ldns_rr_list_push_rr(copy, record);
		}
	ldns_rr_list_sort(copy);
	return copy;
}

static bool
same_records(const ldns_rr_list *a, const ldns_rr_list *b, ldns_rr_type without)
{
	ldns_rr_list *x = sorted(a, without), *y = sorted(b, without);
	bool same = ldns_rr_list_rr_count(x) == ldns_rr_list_rr_count(y);

	for (size_t i = 0; same && i < ldns_rr_list_rr_count(x); i++)
		same = ldns_rr_compare(ldns_rr_list_rr(x, i), ldns_rr_list_rr(y, i)) == 0
		    && ldns_rr_ttl(ldns_rr_list_rr(x, i)) == ldns_rr_ttl(ldns_rr_list_rr(y, i));
	ldns_rr_list_deep_free(x);
	ldns_rr_list_deep_free(y);
	return same;
}

/* Addresses that the reference gives for nameservers below the cut must be with us, too. */
static bool
has_glue(const ldns_pkt *ours, const ldns_pkt *reference)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_additional(reference)); i++) {
		const ldns_rr *wanted = ldns_rr_list_rr(ldns_pkt_additional(reference), i);
		bool found = false;

		for (size_t k = 0; k < ldns_rr_list_rr_count(ldns_pkt_additional(ours)) && !found; k++)
			found = ldns_rr_compare(ldns_rr_list_rr(ldns_pkt_additional(ours), k), wanted) == 0;
		if (!found)
			return false;
	}
	return true;
}

static bool
has_type(const ldns_rr_list *list, ldns_rr_type type)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(list, i)) == type)
			return true;
	return false;
}

static bool
is_part(const ldns_rr_list *a, const ldns_rr_list *b)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(a); i++) {
		bool found = false;

		for (size_t k = 0; k < ldns_rr_list_rr_count(b) && !found; k++)
			found = ldns_rr_compare(ldns_rr_list_rr(a, i), ldns_rr_list_rr(b, k)) == 0;
		if (!found)
			return false;
	}
	return true;
}

/* DS of unsigned zones and proofs: see above. */
static bool
same_authority(const ldns_pkt *a, const ldns_pkt *b)
{
	const ldns_rr_list *x = ldns_pkt_authority(a), *y = ldns_pkt_authority(b);
	bool is_signed = has_type(x, LDNS_RR_TYPE_RRSIG) || has_type(y, LDNS_RR_TYPE_RRSIG);
	bool is_nsec3 = has_type(x, LDNS_RR_TYPE_NSEC3), same;
	ldns_rr_list *mine, *other;

	if (!is_signed)
		return same_records(x, y, LDNS_RR_TYPE_DS);
	if (has_type(ldns_pkt_answer(a), LDNS_RR_TYPE_DNAME))
		return true;
	if (!is_nsec3 && !is_knot)
		return same_records(x, y, 0);
	mine = sorted(x, 0);
	other = sorted(y, 0);
	same = (is_nsec3 && is_part(mine, other)) || is_part(other, mine);
	ldns_rr_list_deep_free(mine);
	ldns_rr_list_deep_free(other);
	return same;
}

static bool
only_signatures(const ldns_pkt *answer)
{
	return ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_question(answer), 0)) == LDNS_RR_TYPE_RRSIG
	    && has_type(ldns_pkt_answer(answer), LDNS_RR_TYPE_RRSIG);
}

static const char *
difference(const struct answer *ours, const struct answer *reference)
{
	const ldns_pkt *a = ours->packet, *b = reference->packet;
	size_t question = 12;

	while (question < ours->length && ours->bytes[question] != 0)
		question += ours->bytes[question] + 1u;
	if (ldns_pkt_get_rcode(a) != ldns_pkt_get_rcode(b))
		return "rcode";
	if (ldns_pkt_aa(a) != ldns_pkt_aa(b))
		return "AA";
	if (ldns_pkt_tc(a) != ldns_pkt_tc(b))
		return "TC";
	if (ldns_pkt_rd(a) != ldns_pkt_rd(b))
		return "RD";
	if (ldns_pkt_edns(a) != ldns_pkt_edns(b))
		return "OPT";
	if (question + 5 > ours->length || memcmp(ours->bytes + 12, reference->bytes + 12, question + 5 - 12) != 0)
		return "question";
	if (ldns_pkt_tc(a))
		return NULL;
	if (!same_records(ldns_pkt_answer(a), ldns_pkt_answer(b), 0) && !only_signatures(a))
		return "answer";
	if (!same_authority(a, b))
		return "authority";
	if (ldns_rr_list_rr_count(ldns_pkt_answer(b)) == 0 && !has_glue(a, b))
		return "glue";
	return NULL;
}

static void
show(const struct question *q, const char *what, const struct answer *ours, const struct answer *reference)
{
	const struct answer *both[] = { ours, reference };

	printf("# %s %s differs in %s%s%s\n", q->name, q->type, what, q->payload ? " +edns" : "", q->dnssec_ok ?
	    " +dnssec" : "");
	for (size_t i = 0; i < 2; i++) {
		char *text = both[i]->packet == NULL ? NULL : ldns_pkt2str(both[i]->packet);

		printf("# %s:\n", i == 0 ? "ours" : "reference");
		for (char *line = text == NULL ? NULL : strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
			if (strncmp(line, ";; WHEN", 7) != 0 && strncmp(line, ";; Query", 8) != 0)
				printf("#   %s\n", line);
		free(text);
	}
}

static bool
has_alias(const ldns_pkt *packet)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(ldns_pkt_answer(packet)); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_answer(packet), i)) == LDNS_RR_TYPE_CNAME)
			return true;
	return false;
}

/* A type that may stand beside a CNAME, of a name that has one. */
static bool
is_beside_alias(const struct question *q, const struct answer *ours, const struct answer *reference)
{
	return (strcmp(q->type, "RRSIG") == 0 || strcmp(q->type, "NSEC") == 0)
	    && (has_alias(ours->packet) || has_alias(reference->packet));
}

static void
free_both(struct answer *ours, struct answer *reference)
{
	ldns_pkt_free(ours->packet);
	ldns_pkt_free(reference->packet);
	ours->packet = reference->packet = NULL;
}

static const char *
ask_both(const struct server *a, const struct server *b, const struct question *q, bool stream, bool shown)
{
	static struct answer ours, reference;
	static uint16_t id;
	uint8_t request[700];
	size_t length = make_request(request, q, ++id);
	const char *what = NULL;
	bool truncated;

	if (!ask(a, request, length, stream, &ours))
		what = "having an answer (ours)";
	else if (!ask(b, request, length, stream, &reference))
		what = "having an answer (reference)";
	else if (!is_beside_alias(q, &ours, &reference))
		what = difference(&ours, &reference);
	/* Proofs may differ, and then their size does: by TCP both tell all. */
	if (what != NULL && strcmp(what, "TC") == 0 && (q->dnssec_ok || strcmp(q->type, "RRSIG") == 0) && !stream) {
		free_both(&ours, &reference);
		return ask_both(a, b, q, true, shown);
	}
	if (what != NULL && shown)
		show(q, what, &ours, &reference);
	truncated = what == NULL && ldns_pkt_tc(ours.packet);
	free_both(&ours, &reference);
	return what == NULL && truncated && !stream ? ask_both(a, b, q, true, shown) : what;
}

/* ---- kinds of questions --------------------------------------------------------------------------------------- */

struct group {
	const char *name;
	void (*choose)(struct question *q, const struct zone *zone);
	unsigned count;
};

static void
choose_owner(struct question *q, const struct zone *zone)
{
	snprintf(q->name, sizeof(q->name), "%s", zone->owners[next_number((uint32_t)zone->count)].name);
}

static void
choose_below(struct question *q, const struct zone *zone)
{
	random_name(q->name, zone->owners[next_number((uint32_t)zone->count)].name, 1 + next_number(2));
}

/* Empty non-terminals and what lies between. */
static void
choose_above(struct question *q, const struct zone *zone)
{
	const char *name = zone->owners[next_number((uint32_t)zone->count)].name;

	snprintf(q->name, sizeof(q->name), "%s", strcmp(strchr(name, '.') + 1, "test.") == 0 ? name : strchr(name,
	    '.') + 1);
}

static void
choose_random(struct question *q, const struct zone *zone)
{
	random_name(q->name, zone->apex, next_number(5));
}

static void
choose_elsewhere(struct question *q, const struct zone *zone)
{
	static const char *const places[] = { "test.", "xexample.test.", "invalid.", "." };

	const char *place = places[next_number(4)];

	(void)zone;
	random_name(q->name, place, next_number(3));
	if (strcmp(place, ".") == 0 && strlen(q->name) > 1)
		q->name[strlen(q->name) - 1] = '\0';	/* "a." and ".", not "a.." */
}

static const struct group groups[] = {
	{ .name = "names that are there", .choose = choose_owner, .count = 6000 },
	{ .name = "names below them", .choose = choose_below, .count = 6000 },
	{ .name = "names above them", .choose = choose_above, .count = 2000 },
	{ .name = "names at random", .choose = choose_random, .count = 5400 },
	{ .name = "names of other zones", .choose = choose_elsewhere, .count = 600 },
};

/* ---- requests that aren't plain queries ----------------------------------------------------------------------- */

enum { NSD = 1, KNOT = 2 };

/* About the SOA of plain.test. The rcode, AA and the number of answers are compared. */
static const struct odd {
	const char *name;
	unsigned flags, questions, type, class;		/* 0: one, SOA, IN */
	bool edns;
	unsigned version;
	const char *options;				/* octets */
	size_t options_length;
	int differs;					/* who answers otherwise ... */
	const char *why;				/* ... and what decides */
} odds[] = {
#define NO_QUESTION 9
	{ .name = "header alone", .questions = NO_QUESTION },
	{ .name = "two questions", .questions = 2, .differs = KNOT,
	    .why = "RFC 9619 section 4: MUST return FORMERR; Knot says nothing" },
	{ .name = "Z", .flags = 0x40 },
	{ .name = "AD", .flags = 0x20 },
	{ .name = "CD", .flags = 0x10 },
	{ .name = "AA", .flags = 0x400 },
	{ .name = "TC", .flags = 0x200 },
	{ .name = "RA", .flags = 0x80 },
	{ .name = "an rcode in the query", .flags = 5, .differs = NSD,
	    .why = "RFC 8906 section 3.1.3: what isn't known is to be ignored in queries" },
	{ .name = "opcode IQUERY", .flags = 1 << 11 },
	{ .name = "opcode STATUS", .flags = 2 << 11 },
	{ .name = "opcode 3", .flags = 3 << 11 },
	{ .name = "opcode 15", .flags = 15 << 11 },
	{ .name = "opcode DSO, header alone", .flags = 6 << 11, .questions = NO_QUESTION },
	{ .name = "EDNS version 1", .edns = true, .version = 1 },
	{ .name = "an unknown option", .edns = true, .options = "\xfd\xe9\0\2ab", .options_length = 6 },
	{ .name = "a broken option", .edns = true, .options = "\0\3\0", .options_length = 3 },
	{ .name = "a cookie of 7 octets", .edns = true, .options = "\0\x0a\0\7abcdefg", .options_length = 11,
	    .differs = NSD | KNOT, .why = "RFC 7873 section 5.2.2: FORMERR; theirs are off by default" },
	{ .name = "ECS with bits behind its prefix", .edns = true, .options = "\0\x08\0\7\0\1\x14\0\xc0\0\xff",
	    .options_length = 11, .differs = NSD | KNOT,
	    .why = "RFC 7871 section 7.1.2: FORMERR; they don't read the option" },
	{ .name = "only a cookie", .questions = NO_QUESTION, .edns = true, .options = "\0\x0a\0\x08" "abcdefgh",
	    .options_length = 12, .differs = KNOT,
	    .why = "RFC 7873 section 5.4: it asks for a server's cookie; Knot's are off by default" },
	{ .name = "only OPT", .questions = NO_QUESTION, .edns = true, .differs = NSD,
	    .why = "RFC 9619 section 4: no question only with a cookie" },
	{ .name = "type OPT", .type = 41, .differs = NSD | KNOT, .why = "RFC 6895 section 3.1: no data" },
	{ .name = "type TKEY", .type = 249, .differs = NSD | KNOT, .why = "RFC 6895 section 3.1: no data" },
	{ .name = "type TSIG", .type = 250, .differs = NSD | KNOT, .why = "RFC 6895 section 3.1: no data" },
	{ .name = "type NXNAME", .type = 128, .differs = NSD | KNOT, .why = "RFC 9824 section 3.5: FORMERR" },
	{ .name = "type MAILA", .type = 254, .differs = NSD | KNOT,
	    .why = "RFC 1035 section 3.2.3: obsolete queries; NOTIMP as BIND has it" },
	{ .name = "type 129", .type = 129 },
	{ .name = "type 200", .type = 200 },
	{ .name = "type 65535", .type = 65535 },
	{ .name = "type DNSKEY", .type = 48 },
	{ .name = "class NONE", .class = 254 },
	{ .name = "class HESIOD", .class = 4 },
	{ .name = "class ANY", .class = 255, .differs = NSD | KNOT,
	    .why = "RFC 1035 section 3.2.5: we have nothing to say of other classes" },
	{ .name = "class 65535", .class = 65535 },
};

static size_t
make_odd(uint8_t *bytes, const struct odd *odd, uint16_t id)
{
	static const uint8_t name[] = "\5plain\4test";
	unsigned questions = odd->questions == NO_QUESTION ? 0 : odd->questions == 0 ? 1 : odd->questions;
	unsigned type = odd->type == 0 ? 6 : odd->type, class = odd->class == 0 ? 1 : odd->class;
	size_t at = 12;

	memset(bytes, 0, 12);
	bytes[0] = (uint8_t)(id >> 8);
	bytes[1] = (uint8_t)id;
	bytes[2] = (uint8_t)(odd->flags >> 8);
	bytes[3] = (uint8_t)odd->flags;
	bytes[5] = (uint8_t)questions;
	for (; questions > 0; questions--) {
		const uint8_t behind[] = { (uint8_t)(type >> 8), (uint8_t)type, (uint8_t)(class >> 8), (uint8_t)class };

		memcpy(bytes + at, name, sizeof(name));
		memcpy(bytes + at + sizeof(name), behind, sizeof(behind));
		at += sizeof(name) + sizeof(behind);
	}
	if (odd->edns) {
		const uint8_t opt[] = { 0, 0, 41, 4, 0xd0, 0, (uint8_t)odd->version, 0, 0, 0, (uint8_t)odd->options_length };

		bytes[11] = 1;
		memcpy(bytes + at, opt, sizeof(opt));
		if (odd->options_length > 0)
			memcpy(bytes + at + sizeof(opt), odd->options, odd->options_length);
		at += sizeof(opt) + odd->options_length;
	}
	return at;
}

/* "rcode AA answers", with an extended rcode where there is one; or "nothing" after a while. */
static void
describe(const struct server *server, const uint8_t *request, size_t length, bool may_be_silent, char text[static 40])
{
	static struct answer answer;
	struct pollfd p = { .fd = server->fd, .events = POLLIN };

	snprintf(text, 40, "nothing");
	if (may_be_silent) {
		/* Awaited no longer than the answer to a plain query that comes behind. */
		static const uint8_t plain[] = "\xff\xff\0\0\0\1\0\0\0\0\0\0\5plain\4test\0\0\6\0\1";

		send(server->fd, request, length, 0);
		if (send(server->fd, plain, sizeof(plain) - 1, 0) < 0 || poll(&p, 1, PATIENCE_MS) != 1
		    || recv(server->fd, answer.bytes, sizeof(answer.bytes), 0) < 12
		    || memcmp(answer.bytes, request, 2) != 0)
			return;
	} else if (!ask(server, request, length, false, &answer)) {
		return;
	}
	snprintf(text, 40, "%u%s %u", (unsigned)(answer.bytes[3] & 15), answer.bytes[2] & 4 ? " aa" : "",
	    (unsigned)(answer.bytes[6] << 8 | answer.bytes[7]));
	if (answer.packet != NULL && ldns_pkt_edns_extended_rcode(answer.packet) != 0)
		snprintf(text + strlen(text), 40 - strlen(text), " +%u", ldns_pkt_edns_extended_rcode(answer.packet));
	ldns_pkt_free(answer.packet);
	answer.packet = NULL;
}

/* A difference that is listed must be there: when it's gone, its line should go, too. */
static int
ask_odd(const struct server *a, const struct server *b)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(odds) / sizeof(odds[0]); i++) {
		bool differs = (odds[i].differs & (is_knot ? KNOT : NSD)) != 0;
		uint8_t request[200];
		size_t length = make_odd(request, &odds[i], (uint16_t)(40000 + i));
		char ours[40], theirs[40];

		describe(a, request, length, false, ours);
		describe(b, request, length, is_knot && odds[i].questions == 2, theirs);
		if ((strcmp(ours, theirs) != 0) == differs)
			continue;
		printf("not ok %s: ours '%s', reference '%s'\n", odds[i].name, ours, theirs);
		failed = 1;
	}
	if (!failed)
		printf("ok %zu requests that aren't plain queries, beside %s\n", sizeof(odds) / sizeof(odds[0]),
		    is_knot ? "Knot" : "NSD");
	return failed;
}

static int
ask_all(const char *a, const char *b, unsigned of_100)
{
	static const unsigned payloads[] = { 0, 512, 1232, 4096 };
	struct server ours, reference;
	int failed = 0;

	if (!open_server(&ours, a) || !open_server(&reference, b)) {
		fprintf(stderr, "differential: can't talk to %s and %s\n", a, b);
		return 1;
	}
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		unsigned different = 0, count = groups[g].count * of_100 / 100;

		for (unsigned n = 0; n < count; n++) {
			struct question q = { .type = types[next_number(sizeof(types) / sizeof(types[0]))],
				.payload = payloads[next_number(4)], .desired = next_number(2) > 0,
				    .letters = next_number(2) > 0 };

			q.dnssec_ok = q.payload > 0 && next_number(2) > 0;
			q.subnet = q.payload > 0 && next_number(4) == 0;
			groups[g].choose(&q, &zones[next_number(ZONES)]);
			different += ask_both(&ours, &reference, &q, next_number(20) == 0, different < SHOWN) != NULL;
		}
		if (different == 0)
			printf("ok %u questions about %s, beside %s\n", count, groups[g].name, is_knot ? "Knot" : "NSD");
		else
			printf("not ok %u questions about %s, beside %s: %u answers differ\n", count, groups[g].name,
			    is_knot ? "Knot" : "NSD",
			    different);
		failed |= different > 0;
	}
	return failed | ask_odd(&ours, &reference);
}

/* ---- validation ----------------------------------------------------------------------------------------------- */

/* Not what resolvers make something of their own of: types for zones only, DS of an apex, which is its parent's, and
 * names that begin with "*", whose signatures look like those of wildcards. */
static bool
is_for_resolvers(const struct question *q)
{
	static const char *const others[] = { "RRSIG", "NSEC", "TYPE200", "DNAME" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(q->type, others[i]) == 0)
			return false;
	for (size_t z = 0; z < ZONES; z++)
		if (strcmp(q->type, "DS") == 0 && strcmp(q->name, zones[z].apex) == 0)
			return false;
	return strchr(q->name, '*') == NULL;
}

/* Only what ends where it can be known: not in a delegation, another zone, a ring, or a chain longer than resolvers go. */
static bool
is_whole(const struct question *q, const ldns_pkt *answer)
{
	const ldns_rr_list *list = ldns_pkt_answer(answer);
	const char *apex = NULL;
	size_t aliases = 0;
	char last[NAME_SIZE * 4];

	snprintf(last, sizeof(last), "%s", q->name);
	for (size_t z = 0; z < ZONES; z++)
		if (is_under(q->name, zones[z].apex) && (apex == NULL || strlen(zones[z].apex) > strlen(apex)))
			apex = zones[z].apex;
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		char *target;

		if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_CNAME)
			continue;
		target = ldns_rdf2str(ldns_rr_rdf(rr, 0));
		snprintf(last, sizeof(last), "%s", target);
		free(target);
		if (strchr(last, '*') != NULL)
			return false;
		aliases++;
	}
	return apex != NULL && aliases < 8 && is_under(last, apex) && ldns_pkt_aa(answer)
	    && !(strcmp(apex, "example.test.") == 0 && is_under(last, "nested.example.test."))
	    && !has_type(ldns_pkt_authority(answer), LDNS_RR_TYPE_NS)
	    && (aliases == 0 || strcmp(q->type, "CNAME") == 0
	        || has_type(ldns_pkt_authority(answer), LDNS_RR_TYPE_SOA)
	        || has_type(list, ldns_get_rr_type_by_name(q->type)));
}

/* A wildcard that is an empty non-terminal: unbound takes what covers it for a proof that it isn't there. */
static bool
has_empty_wildcard(const ldns_pkt *answer)
{
	const ldns_rr_list *list = ldns_pkt_authority(answer);
	bool found = false;

	for (size_t i = 0; i < ldns_rr_list_rr_count(list) && !found; i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(list, i)) == LDNS_RR_TYPE_NSEC) {
			char *next = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(list, i), 0));

			found = strstr(next, ".*.") != NULL;
			free(next);
		}
	return found;
}

static bool
has_opt_out(const ldns_pkt *answer)
{
	const ldns_rr_list *list = ldns_pkt_authority(answer);

	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
		if (ldns_rr_get_type(ldns_rr_list_rr(list, i)) == LDNS_RR_TYPE_NSEC3
		    && ldns_nsec3_optout(ldns_rr_list_rr(list, i)))
			return true;
	return false;
}

static int
validate_all(const char *resolver, const char *server, unsigned of_100)
{
	static struct answer direct, validated;
	struct server a, b;
	int failed = 0;
	uint16_t id = 0;

	if (!open_server(&a, resolver) || !open_server(&b, server)) {
		fprintf(stderr, "differential: can't talk to %s and %s\n", resolver, server);
		return 1;
	}
	for (size_t g = 0; g + 1 < sizeof(groups) / sizeof(groups[0]); g++) {
		unsigned bad = 0, asked = 0;

		for (unsigned n = groups[g].count * of_100 / 100; n > 0; n--) {
			struct question q = { .type = types[next_number(sizeof(types) / sizeof(types[0]))],
				.payload = 4096, .dnssec_ok = true, .desired = true };
			const char *what = NULL;
			uint8_t request[700];
			size_t length;

			groups[g].choose(&q, &zones[next_number(ZONES)]);
			length = make_request(request, &q, ++id);
			if (!is_for_resolvers(&q) || !ask(&b, request, length, true, &direct))
				continue;
			if (is_whole(&q, direct.packet) && !has_empty_wildcard(direct.packet)) {
				asked++;
				if (!ask(&a, request, length, true, &validated))
					what = "having an answer";
				else if (ldns_pkt_get_rcode(direct.packet) != ldns_pkt_get_rcode(validated.packet))
					what = "rcode";
				else if (!ldns_pkt_ad(validated.packet) && !has_opt_out(direct.packet))
					what = "being secure";
				if (what != NULL && bad++ < SHOWN)
					show(&q, what, &direct, &validated);
				ldns_pkt_free(validated.packet);
				validated.packet = NULL;
			}
			ldns_pkt_free(direct.packet);
			direct.packet = NULL;
		}
		if (bad == 0 && asked > 0)
			printf("ok %u answers about %s validate\n", asked, groups[g].name);
		else
			printf("not ok %u answers about %s validate: %u don't\n", asked, groups[g].name, bad);
		failed |= bad > 0 || asked == 0;
	}
	return failed;
}

int
main(int argc, char **argv)
{
	make_zones();
	if (argc == 3 && strcmp(argv[1], "zones") == 0)
		return write_zones(argv[2]);
	state = 1234567;
	if (argc == 6 && strcmp(argv[1], "ask") == 0 && atoi(argv[5]) > 0) {
		is_knot = strcmp(argv[4], "knot") == 0;
		return ask_all(argv[2], argv[3], (unsigned)atoi(argv[5]));
	}
	if (argc == 5 && strcmp(argv[1], "validate") == 0 && atoi(argv[4]) > 0)
		return validate_all(argv[2], argv[3], (unsigned)atoi(argv[4]));
	fprintf(stderr, "usage: differential zones DIR | ask A@PORT B@PORT nsd|knot PERCENT | "
	    "validate RESOLVER@PORT SERVER@PORT PERCENT\n");
	return 2;
}
