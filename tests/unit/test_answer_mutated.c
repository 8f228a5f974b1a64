/* test_answer_mutated.c -- serve/answer with 200,000 damaged requests, the same in every run: every response is whole
 * and within its limits, and ldns reads it, writes it and reads that again as the same. Requests that ldns takes, too,
 * are read alike by both. */
#include "serve/answer.h"

#include "dns/query.h"
#include "sample_world.h"

#define ROUNDS 200000

static uint64_t state;

static uint32_t
next_number(uint32_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * UINT64_C(2685821657736338717) >> 33) % below;
}

/* A few damages of every kind. The length; at least 0, at most 700. */
static size_t
damage(uint8_t *bytes, size_t length)
{
	for (uint32_t n = next_number(4); n > 0 && length > 0; n--) {
		size_t at = next_number((uint32_t)length), count = 1 + next_number(24);

		switch (next_number(7)) {
		case 0:
			bytes[at] ^= (uint8_t)(1 << next_number(8));
			break;
		case 1:
			bytes[at] = (uint8_t)next_number(256);
			break;
		case 2:
			length = at;
			break;
		case 3:		/* repeat what ends here */
			if (count <= at && length + count <= 700) {
				memmove(bytes + at + count, bytes + at, length - at);
				memcpy(bytes + at, bytes + at - count, count);
				length += count;
			}
			break;
		case 4:		/* take out */
			if (at + count <= length) {
				memmove(bytes + at, bytes + at + count, length - at - count);
				length -= count;
			}
			break;
		case 5:		/* a count, a length or a pointer */
			if (at + 2 <= length)
				wire_put_u16(bytes + at, next_number(3) == 0 ? 0xc000 + next_number(64)
				    : next_number(40));
			break;
		default:	/* counts of the header */
			if (length >= HEADER_SIZE)
				bytes[5 + 2 * next_number(4)] = (uint8_t)next_number(4);
		}
	}
	return length;
}

static bool
same_sections(const ldns_pkt *a, const ldns_pkt *b)
{
	return ldns_rr_list_compare(ldns_pkt_question(a), ldns_pkt_question(b)) == 0
	    && ldns_rr_list_compare(ldns_pkt_answer(a), ldns_pkt_answer(b)) == 0
	    && ldns_rr_list_compare(ldns_pkt_authority(a), ldns_pkt_authority(b)) == 0
	    && ldns_rr_list_compare(ldns_pkt_additional(a), ldns_pkt_additional(b)) == 0;
}

/* What ldns makes of the response. NULL when all is well. */
static const char *
ldns_says(const uint8_t *response, size_t length)
{
	ldns_pkt *packet, *again;
	uint8_t *wire = NULL;
	size_t size;
	const char *fault = NULL;

	if (ldns_wire2pkt(&packet, response, length) != LDNS_STATUS_OK)
		return "ldns can't read it";
	if (ldns_pkt_size(packet) != length)
		fault = "ldns reads another length";
	if (ldns_pkt2wire(&wire, packet, &size) != LDNS_STATUS_OK || ldns_wire2pkt(&again, wire,
	    size) != LDNS_STATUS_OK) {
		fault = "ldns can't read what it wrote of it";
	} else {
		if (!same_sections(packet, again) || ldns_pkt_get_rcode(packet) != ldns_pkt_get_rcode(again)
		    || ldns_pkt_aa(packet) != ldns_pkt_aa(again) || ldns_pkt_edns(packet) != ldns_pkt_edns(again))
			fault = "ldns writes something else";
		ldns_pkt_free(again);
	}
	LDNS_FREE(wire);
	ldns_pkt_free(packet);
	return fault;
}

static const char *
fault_of(const struct answer_env *env, const uint8_t *request, size_t length, const uint8_t *response, size_t answered)
{
	bool has_opt = false;

	if (answered == 0)
		return length >= HEADER_SIZE && (request[2] & 0x80) == 0 ? "a request isn't answered" : NULL;
	if (answered < HEADER_SIZE || (response[2] & 0x80) == 0 || memcmp(response, request, 2) != 0)
		return "no response to this request";
	if (!sample_is_whole(response, answered))
		return "not whole";
	for (size_t i = HEADER_SIZE; i + OPT_SIZE <= answered && response[11] > 0; i++)
		has_opt |= memcmp(response + i, "\0\0\x29\x04\xd0", 5) == 0;
	if (!env->stream && answered > (has_opt ? 1232 : 512))
		return "longer than its limit";
	return ldns_says(response, answered);
}

/* Where we and ldns both take the request, we have read the same of it. */
static bool
read_alike(const uint8_t *request, size_t length, unsigned *both)
{
	struct query query;
	ldns_pkt *packet;
	const ldns_rr *question;
	ldns_rdf *owner;
	bool alike = true;

	if (query_read(&query, request, length) != QUERY_OK || ldns_wire2pkt(&packet, request,
	    length) != LDNS_STATUS_OK)
		return true;
	++*both;
	question = ldns_rr_list_rr(ldns_pkt_question(packet), 0);
	if (question != NULL) {
		owner = ldns_rdf_clone(ldns_rr_owner(question));
		ldns_dname2canonical(owner);
		alike = ldns_rdf_size(owner) == query.parts.length
		    && memcmp(ldns_rdf_data(owner), query.name, query.parts.length) == 0
		    && ldns_rr_get_type(question) == query.type && ldns_rr_get_class(question) == query.class;
		ldns_rdf_deep_free(owner);
	}
	alike = alike && question != NULL && ldns_pkt_id(packet) == query.id && ldns_pkt_edns(packet) == query.edns
	    && (!query.edns || (ldns_pkt_edns_do(packet) == query.dnssec_ok
	    && (ldns_pkt_edns_udp_size(packet) < 512 ? 512 : ldns_pkt_edns_udp_size(packet)) == query.payload));
	ldns_pkt_free(packet);
	return alike;
}

static void
test_mutations(void)
{
	struct sample *sample = sample_open();
	unsigned rounds = suite_rounds(ROUNDS);
	unsigned faults = 0, answered_well = 0, both = 0;

	state = 88172645463325252u;
	for (unsigned round = 0; round < rounds && faults < 5; round++) {
		size_t i = round % SAMPLE_REQUESTS, length, size, answered;
		uint8_t bytes[800], *request, *response;
		const char *fault;

		memcpy(bytes, sample->requests[i], sample->lengths[i]);
		length = damage(bytes, sample->lengths[i]);
		/* Exactly as large as they are allowed to be, for the address sanitizer. */
		size = sample->envs[i].stream ? ANSWER_SIZE_MAX : 512 + next_number(721);
		request = malloc(length + (length == 0));
		response = malloc(size);
		memcpy(request, bytes, length);
		for (region_id r = 0; round % 1000 == 0 && r < 2; r++)	/* all states of two regions */
			for (size_t s = 0; s < 3; s++)
				live_set_dead(world_live(&sample->world, s), r, round / 1000 >> r & 1);
		answered = answer(&sample->envs[i], request, length, response, size);
		fault = answered > size ? "longer than its buffer"
			: fault_of(&sample->envs[i], request, length, response, answered);
		if (fault == NULL && !read_alike(request, length, &both))
			fault = "ldns has read another question";
		answered_well += answered > 0 && (response[3] & 15) == RCODE_NOERROR;
		if (fault != NULL) {
			printf("# round %u: %s:", round, fault);
			for (size_t k = 0; k < length; k++)
				printf(" %02x", request[k]);
			printf("\n");
			faults++;
		}
		free(request);
		free(response);
	}
	CU_ASSERT_EQUAL(faults, 0);
	CU_ASSERT(both > rounds / 10);
	CU_ASSERT(answered_well > rounds / 10 && answered_well < rounds * 9 / 10);
	sample_close(sample);
}

/* Undamaged, with every size of buffer that UDP may have. */
static void
test_sizes(void)
{
	struct sample *sample = sample_open();
	unsigned faults = 0;

	for (size_t i = 0; i < SAMPLE_REQUESTS; i++)
		for (size_t size = 512; size <= 1232; size += 3) {
			uint8_t response[1232];
			size_t answered;

			if (sample->envs[i].stream)
				continue;
			answered = answer(&sample->envs[i], sample->requests[i], sample->lengths[i], response, size);
			faults += answered > size || fault_of(&sample->envs[i], sample->requests[i],
			    sample->lengths[i], response,
			    answered) != NULL;
		}
	CU_ASSERT_EQUAL(faults, 0);
	sample_close(sample);
}

static const struct suite_case cases[] = {
	{ .name = "200,000 damaged requests", .run = test_mutations },
	{ .name = "every size of buffer", .run = test_sizes },
};

int
main(void)
{
	return suite_run("answer_mutated", cases, ARRAY_SIZE(cases));
}
