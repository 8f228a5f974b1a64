/* asker.c -- see asker.h.
 * In: a server, a question.  Out: its answer in words.  Threads: one; blocks for ASKER_TRIES timeouts at most.
 * The id is random and the socket connected, so that only the server asked can answer. Names in RDATA are written out:
 * servers compress as they like. The order of records says nothing (RFC 1035), so they are sorted. */
#include "ctl/asker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "zone/rdata_write.h"
#include "zone/rrtype.h"

#define QUERY_SIZE 512
#define ANSWER_SIZE 65535
#define PAYLOAD 1232
#define RECORDS_MAX 256
#define POINTERS_MAX 128	/* in one name: more is a loop */

struct message {
	const uint8_t *bytes;
	size_t length, at;
};

static size_t write_query(uint8_t *bytes, const struct asker_question *question, uint16_t id);
static size_t write_options(uint8_t *p, const struct prefix *client);
static ssize_t by_udp(const struct sockaddr_storage *to, socklen_t to_length, const uint8_t *query, size_t length,
	uint8_t *answer);
static ssize_t by_tcp(const struct sockaddr_storage *to, socklen_t to_length, const uint8_t *query, size_t length,
	uint8_t *answer);
static bool read_all(int fd, uint8_t *to, size_t length, struct mono end);
static int wait_for(int fd, short events, struct mono end);
static bool read_name(const struct message *message, size_t *at, uint8_t name[static NAME_MAX]);
static bool read_answers(struct message *message, unsigned count, struct asker_answer *answer);
static bool read_record(struct message *message, char **line, struct asker_answer *answer);
static bool write_rdata(const struct message *message, uint16_t type, size_t at, size_t length, struct text *text);
static void read_options(const uint8_t *options, size_t length, struct asker_answer *answer);
static int compare_lines(const void *a, const void *b);

bool
asker_ask(const struct address *server, uint16_t port, const struct asker_question *question,
	struct asker_answer *answer, struct text *why)
{
	struct sockaddr_storage to;
	socklen_t to_length = address_to_sockaddr(server, port, &to);
	uint8_t query[QUERY_SIZE], *bytes = malloc(ANSWER_SIZE);
	ssize_t got = -ETIMEDOUT;
	bool cut = false, good = false;

	memset(answer, 0, sizeof(*answer));
	for (unsigned i = 0; i < ASKER_TRIES && !good && bytes != NULL; i++) {
		uint16_t id;
		size_t length;

		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			break;
		length = write_query(query, question, id);
		got = by_udp(&to, to_length, query, length, bytes);
		good = got > 0 && asker_read(bytes, (size_t)got, question, id, answer, &cut);
		if (good && cut) {
			asker_answer_fini(answer);
			got = by_tcp(&to, to_length, query, length, bytes);
			good = got > 0 && asker_read(bytes, (size_t)got, question, id, answer, &cut);
		}
	}
	if (!good)
		text_puts(why, bytes == NULL ? "out of memory" : got > 0 ? "what it sends is no answer"
		    : strerror((int)-got));
	free(bytes);
	return good;
}

void
asker_answer_fini(struct asker_answer *answer)
{
	text_fini(&answer->records);
}

/* --- asking -------------------------------------------------------------------------------------------------- */

static size_t
write_query(uint8_t *bytes, const struct asker_question *question, uint16_t id)
{
	size_t name = name_length(question->name, NAME_MAX), options;
	uint8_t *p = bytes + HEADER_SIZE + name, *opt;

	memset(bytes, 0, HEADER_SIZE);
	wire_put_u16(bytes, id);
	wire_put_u16(bytes + 4, 1);
	wire_put_u16(bytes + 10, 1);
	memcpy(bytes + HEADER_SIZE, question->name, name);
	wire_put_u16(p, question->type);
	wire_put_u16(p + 2, CLASS_IN);
	opt = p + 4;
	opt[0] = 0;
	wire_put_u16(opt + 1, TYPE_OPT);
	wire_put_u16(opt + 3, PAYLOAD);
	wire_put_u32(opt + 5, 0);
	options = write_options(opt + OPT_SIZE, &question->client);
	wire_put_u16(opt + 9, (unsigned)options);
	return (size_t)(opt - bytes) + OPT_SIZE + options;
}

static size_t
write_options(uint8_t *p, const struct prefix *client)
{
	unsigned octets = (client->length + 7u) / 8;

	wire_put_u16(p, EDNS_NSID);
	wire_put_u16(p + 2, 0);
	if (client->address.bits == 0)
		return 4;
	wire_put_u16(p + 4, EDNS_CLIENT_SUBNET);
	wire_put_u16(p + 6, 4 + octets);
	wire_put_u16(p + 8, client->address.bits == 32 ? 1 : 2);
	p[10] = client->length;
	p[11] = 0;
	memcpy(p + 12, client->address.bytes, octets);
	return 12 + octets;
}

/* Octets of the answer, or -errno. */
static ssize_t
by_udp(const struct sockaddr_storage *to, socklen_t to_length, const uint8_t *query, size_t length, uint8_t *answer)
{
	struct mono end = mono_add_ms(mono_now(), ASKER_TIMEOUT_MS);
	int fd = socket(to->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), error;
	ssize_t got = -1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, to_length) < 0 || send(fd, query, length, 0) < 0) {
		error = errno;
	} else {
		error = wait_for(fd, POLLIN, end);
		if (error == 0 && (got = recv(fd, answer, ANSWER_SIZE, 0)) < 0)
			error = errno;
	}
	if (fd >= 0)
		close(fd);
	return error == 0 ? got : -error;
}

static ssize_t
by_tcp(const struct sockaddr_storage *to, socklen_t to_length, const uint8_t *query, size_t length, uint8_t *answer)
{
	struct mono end = mono_add_ms(mono_now(), ASKER_TIMEOUT_MS);
	struct timeval limit = { .tv_sec = ASKER_TIMEOUT_MS / 1000 };
	uint8_t framed[QUERY_SIZE + 2], prefix[2];
	int fd = socket(to->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t got = -ETIMEDOUT;

	wire_put_u16(framed, (unsigned)length);
	memcpy(framed + 2, query, length);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0
	    || connect(fd, (const struct sockaddr *)to, to_length) < 0
	    || send(fd, framed, length + 2, MSG_NOSIGNAL) != (ssize_t)length + 2)
		got = -errno;
	else if (read_all(fd, prefix, 2, end) && read_all(fd, answer, wire_get_u16(prefix), end))
		got = wire_get_u16(prefix);
	close(fd);
	return got;
}

static bool
read_all(int fd, uint8_t *to, size_t length, struct mono end)
{
	while (length > 0) {
		ssize_t got = wait_for(fd, POLLIN, end) != 0 ? -1 : recv(fd, to, length, 0);

		if (got <= 0)
			return false;
		to += got;
		length -= (size_t)got;
	}
	return true;
}

/* 0, or an errno. */
static int
wait_for(int fd, short events, struct mono end)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int64_t left = mono_ms_between(mono_now(), end);
	int ready = left <= 0 ? 0 : poll(&poll_fd, 1, (int)left);

	return ready > 0 ? 0 : ready == 0 ? ETIMEDOUT : errno;
}

/* --- reading ------------------------------------------------------------------------------------------------- */

bool
asker_read(const uint8_t *bytes, size_t length, const struct asker_question *question, uint16_t id,
	struct asker_answer *answer, bool *cut)
{
	struct message message = { bytes, length, HEADER_SIZE };
	uint8_t name[NAME_MAX];
	unsigned rcode;

	memset(answer, 0, sizeof(*answer));
	if (length < HEADER_SIZE || wire_get_u16(bytes) != id || !(wire_get_u16(bytes + 2) & FLAG_QR))
		return false;
	*cut = wire_get_u16(bytes + 2) & FLAG_TC;
	rcode = wire_get_u16(bytes + 2) & 15;
	if (wire_get_u16(bytes + 4) == 1) {
		if (!read_name(&message, &message.at, name) || length - message.at < 4
		    || name_length(name, NAME_MAX) != name_length(question->name, NAME_MAX)
		    || !name_equal(name, question->name, name_length(question->name, NAME_MAX)))
			return false;
		message.at += 4;
	} else if (wire_get_u16(bytes + 4) != 0 || rcode == RCODE_NOERROR) {
		return false;
	}
	if (rcode != RCODE_NOERROR)
		text_puts(&answer->records, rcode == RCODE_NXDOMAIN ? "NXDOMAIN" : rcode == RCODE_REFUSED ? "REFUSED"
		    : rcode == RCODE_SERVFAIL ? "SERVFAIL" : rcode == RCODE_FORMERR ? "FORMERR" : "another error");
	if (read_answers(&message, wire_get_u16(bytes + 6), answer)) {
		unsigned others = (unsigned)wire_get_u16(bytes + 8) + wire_get_u16(bytes + 10);

		for (; others > 0; others--)
			if (!read_record(&message, NULL, answer))
				break;
		if (others == 0 || *cut)
			return true;
	}
	asker_answer_fini(answer);
	return *cut;
}

static bool
read_answers(struct message *message, unsigned count, struct asker_answer *answer)
{
	char *lines[RECORDS_MAX] = { NULL };
	size_t found = 0;
	bool good = count <= RECORDS_MAX;

	for (unsigned i = 0; i < count && good; i++) {
		good = read_record(message, &lines[found], answer);
		found += good;
	}
	qsort(lines, found, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < found; i++) {
		text_printf(&answer->records, "%s%s", answer->records.length == 0 ? "" : ", ", lines[i]);
		free(lines[i]);
	}
	if (good && answer->records.length == 0)
		text_puts(&answer->records, "NODATA");
	return good && !answer->records.failed;
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `line` NULL: only OPT is looked into. */
static bool
read_record(struct message *message, char **line, struct asker_answer *answer)
{
	uint8_t owner[NAME_MAX];
	const uint8_t *fixed;
	struct text text = { 0 };
	char type[16];
	uint16_t length;

	if (!read_name(message, &message->at, owner) || message->length - message->at < 10)
		return false;
	fixed = message->bytes + message->at;
	length = wire_get_u16(fixed + 8);
	message->at += 10;
	if (message->length - message->at < length)
		return false;
	if (line != NULL) {
		text_printf(&text, "%s ", rrtype_text(wire_get_u16(fixed), type));
		if (!write_rdata(message, wire_get_u16(fixed), message->at, length, &text) || text.failed) {
			text_fini(&text);
			return false;
		}
		*line = text_take(&text);
	} else if (wire_get_u16(fixed) == TYPE_OPT) {
		read_options(message->bytes + message->at, length, answer);
	}
	message->at += length;
	return true;
}

static bool
write_rdata(const struct message *message, uint16_t type, size_t at, size_t length, struct text *text)
{
	const struct message whole = { message->bytes, at + length, 0 };
	size_t before = type == TYPE_MX ? 2 : 0, from = at;
	uint8_t name[NAME_MAX];
	char printed[NAME_TEXT_SIZE];

	switch (type) {
	case TYPE_MX:
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_PTR:
	case TYPE_DNAME:
		at += before;
		if (length < before + 1 || !read_name(&whole, &at, name) || at != from + length)
			return false;
		name_lower(name, name, name_length(name, NAME_MAX));
		if (before > 0)
			text_printf(text, "%u ", wire_get_u16(message->bytes + from));
		text_puts(text, name_text(name, printed));
		return true;
	default:
		rdata_write(type, message->bytes + at, (uint16_t)length, text);
		return true;
	}
}

/* Uncompressed, any case; *at goes behind it. */
static bool
read_name(const struct message *message, size_t *at, uint8_t name[static NAME_MAX])
{
	size_t from = *at, length = 0, end = 0;

	for (unsigned pointers = 0; pointers <= POINTERS_MAX;) {
		uint8_t label;

		if (from >= message->length)
			return false;
		label = message->bytes[from];
		if (label >= 0xc0) {
			if (message->length - from < 2)
				return false;
			if (end == 0)
				end = from + 2;
			from = wire_get_u16(message->bytes + from) & 0x3fff;
			pointers++;
			continue;
		}
		if (label > 63 || message->length - from < 1u + label || length + 1u + label > NAME_MAX)
			return false;
		memcpy(name + length, message->bytes + from, 1u + label);
		length += 1u + label;
		from += 1u + label;
		if (label == 0) {
			*at = end == 0 ? from : end;
			return true;
		}
	}
	return false;
}

static void
read_options(const uint8_t *options, size_t length, struct asker_answer *answer)
{
	while (length >= 4) {
		size_t size = wire_get_u16(options + 2);

		if (size > length - 4)
			return;
		for (size_t i = 0; wire_get_u16(options) == EDNS_NSID && i < size
		    && i < sizeof(answer->nsid) - 1; i++) {
			uint8_t c = options[4 + i];

			answer->nsid[i] = c >= 0x20 && c < 0x7f ? (char)c : '.';
		}
		options += 4 + size;
		length -= 4 + size;
	}
}
