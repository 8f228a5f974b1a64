/* wire.h -- a query with EDNS Client Subnet and the first answer of a response (RFC 1035, RFC 7871), for tools that ask
 * isobard without using the code under test. */
#ifndef TESTS_TOOLS_WIRE_H
#define TESTS_TOOLS_WIRE_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WIRE_QUERY_SIZE 512
#define WIRE_RESPONSE_SIZE 4096
#define TYPE_A 1
#define TYPE_TXT 16
#define TYPE_AAAA 28
#define TYPE_OPT 41
#define OPTION_CLIENT_SUBNET 8

struct wire_answer {
	char text[INET6_ADDRSTRLEN];	/* the first address or text, "NODATA", "TC", or the rcode */
	uint32_t ttl;			/* of it */
	int scope;			/* -1: no ECS in the answer */
};

/* Its length; 0: not a name. */
static inline size_t
wire_name(const char *text, uint8_t *wire)
{
	size_t length = 0;

	while (*text != '\0') {
		size_t label = strcspn(text, ".");

		if (label == 0 || label > 63 || length + label + 2 > 255)
			return 0;
		wire[length++] = (uint8_t)label;
		memcpy(wire + length, text, label);
		length += label;
		text += label + (text[label] == '.');
	}
	wire[length++] = 0;
	return length;
}

/* `network`: the first 24 bits of the client's address. */
static inline size_t
wire_query(uint8_t *query, uint16_t id, const uint8_t *name, size_t name_length, uint16_t type, uint32_t network)
{
	const uint8_t header[12] = { (uint8_t)(id >> 8), (uint8_t)id, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 1 };
	const uint8_t opt[] = {
		0, 0, TYPE_OPT, 0x04, 0xd0, 0, 0, 0, 0,	/* the root, OPT, 1232 octets */
		0, 11, 0, OPTION_CLIENT_SUBNET, 0, 7,
		0, 1, 24, 0, (uint8_t)(network >> 16), (uint8_t)(network >> 8), (uint8_t)network,
	};
	size_t length = sizeof(header);

	memcpy(query, header, sizeof(header));
	memcpy(query + length, name, name_length);
	length += name_length;
	query[length++] = (uint8_t)(type >> 8);
	query[length++] = (uint8_t)type;
	query[length++] = 0;
	query[length++] = 1;
	memcpy(query + length, opt, sizeof(opt));
	return length + sizeof(opt);
}

static inline unsigned
wire_u16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* Past `length` when the name doesn't end. */
static inline size_t
wire_skip_name(const uint8_t *message, size_t length, size_t at)
{
	while (at < length && message[at] != 0) {
		if (message[at] >= 0xc0)
			return at + 2;
		at += 1u + message[at];
	}
	return at + 1;
}

static inline int
wire_scope(const uint8_t *rdata, size_t length)
{
	for (size_t at = 0; at + 4 <= length;) {
		unsigned code = wire_u16(rdata + at), size = wire_u16(rdata + at + 2);

		if (code == OPTION_CLIENT_SUBNET && size >= 4 && at + 8 <= length)
			return rdata[at + 7];
		at += 4 + size;
	}
	return -1;
}

/* A message of at least 12 octets. */
static inline struct wire_answer
wire_answer(const uint8_t *message, size_t length, uint16_t wanted)
{
	static const char *const rcodes[16] = { "NODATA", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	struct wire_answer answer = { .scope = -1 };
	unsigned answers = wire_u16(message + 6), rcode = message[3] & 15;
	unsigned records = answers + wire_u16(message + 8) + wire_u16(message + 10);
	size_t at = wire_skip_name(message, length, 12) + 4;
	bool found = false;

	snprintf(answer.text, sizeof(answer.text), "%s",
	    message[2] & 2 ? "TC" : rcodes[rcode] != NULL ? rcodes[rcode] : "RCODE");
	for (unsigned i = 0; i < records; i++) {
		unsigned type, rdlength;
		uint32_t ttl;

		at = wire_skip_name(message, length, at);
		if (at + 10 > length)
			break;
		type = wire_u16(message + at);
		ttl = (uint32_t)wire_u16(message + at + 4) << 16 | wire_u16(message + at + 6);
		rdlength = wire_u16(message + at + 8);
		at += 10;
		if (at + rdlength > length)
			break;
		if (type == TYPE_OPT) {
			answer.scope = wire_scope(message + at, rdlength);
		} else if (i < answers && type == wanted && !found) {
			found = true;
			answer.ttl = ttl;
			if (type == TYPE_A && rdlength == 4)
				inet_ntop(AF_INET, message + at, answer.text, sizeof(answer.text));
			else if (type == TYPE_AAAA && rdlength == 16)
				inet_ntop(AF_INET6, message + at, answer.text, sizeof(answer.text));
			else if (type == TYPE_TXT && rdlength > 1 && message[at] < rdlength)
				snprintf(answer.text, sizeof(answer.text), "%.*s", (int)message[at],
				    (const char *)message + at + 1);
		}
		at += rdlength;
	}
	return answer;
}

#endif
