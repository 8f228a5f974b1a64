/* test_query_log.c -- tap/query_log: what stands in a line, and that a file goes on where it was. */
#include "tap/query_log.h"

#include <unistd.h>

#include "suite.h"

static char path[] = "/tmp/isobar-query-log-XXXXXX";

#define HEADER "\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"

static const uint8_t www[] = HEADER "\3wWw\7example\3com\0\0\1\0\1";
static const uint8_t odd[] = HEADER "\5a b\nc\0\xff\xdc\0\1";
static const uint8_t no_question[] = "\x12\x34\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

static const struct line_case {
	const char *name;
	const uint8_t *request;
	size_t length;
	struct tap_note note;
	bool answered;
	enum transport transport;
	const char *client;
	uint16_t port;
	const char *line;
} lines[] = {
	{ .name = "steered", .request = www, .length = sizeof(www) - 1, .answered = true, .client = "192.0.2.1",
		.port = 5353, .note = { NULL, "eu-west", "geographic", 0 },
		.line = "2026-11-22T16:20:52.123Z 192.0.2.1@5353 UDP www.example.com. A NOERROR eu-west geographic" },
	{ .name = "not steered", .request = www, .length = sizeof(www) - 1, .answered = true, .note = { .rcode = 3 },
		.transport = TRANSPORT_TLS, .client = "2001:db8::1", .port = 1,
		.line = "2026-11-22T16:20:52.123Z 2001:db8::1@1 DOT www.example.com. A NXDOMAIN - -" },
	{ .name = "no response", .request = www, .length = sizeof(www) - 1, .transport = TRANSPORT_TCP,
		.client = "192.0.2.1", .line = "2026-11-22T16:20:52.123Z 192.0.2.1@0 TCP www.example.com. A - - -" },
	{ .name = "odd octets can't forge a line", .request = odd, .length = sizeof(odd) - 1, .answered = true,
		.note = { .rcode = 16 }, .client = "192.0.2.1",
		.line = "2026-11-22T16:20:52.123Z 192.0.2.1@0 UDP a\\032b\\010c. TYPE65500 BADVERS - -" },
	{ .name = "no question", .request = no_question, .length = sizeof(no_question) - 1, .answered = true,
		.note = { .rcode = 1 }, .client = "192.0.2.1",
		.line = "2026-11-22T16:20:52.123Z 192.0.2.1@0 UDP - - FORMERR - -" },
	{ .name = "a number without a name", .request = www, .length = sizeof(www) - 1, .answered = true,
		.note = { .rcode = 77 }, .client = "192.0.2.1",
		.line = "2026-11-22T16:20:52.123Z 192.0.2.1@0 UDP www.example.com. A RCODE77 - -" },
};

static void
take(struct query_log *log, const struct line_case *c)
{
	struct tap_seen seen = {
		.transport = c->transport, .client_port = c->port, .asked_ns = 1795364452123456789u, .request = c->request,
		.request_length = c->length, .response = c->request, .response_length = c->answered ? c->length : 0,
		.note = c->note,
	};

	CU_ASSERT_FATAL(address_parse(c->client, &seen.client) == 0);
	query_log_take(log, &seen);
}

static void
test_lines(void)
{
	struct text error = { 0 }, expected = { 0 };
	struct query_log_counts counts;
	size_t length;
	char *written;
	int status;

	text_puts(&expected, "before\n");
	CU_ASSERT_FATAL(text_write_file(path, "before\n", 7) == 0);
	for (unsigned turn = 0; turn < 2; turn++) {
		struct query_log *log = query_log_new(path, 1, 1, &error);

		CU_ASSERT_FATAL(log != NULL);
		for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
			take(log, &lines[i]);
			text_printf(&expected, "%s\n", lines[i].line);
		}
		query_log_free(log, &counts);
		CU_ASSERT_EQUAL(counts.lines, ARRAY_SIZE(lines));
		CU_ASSERT_EQUAL(counts.dropped, 0);
	}
	written = text_read_file(path, 1u << 16, &length, &status);
	SUITE_TEXT(written, expected.bytes);
	free(written);
	text_fini(&expected);
	text_fini(&error);
}

static void
test_no_file(void)
{
	struct text error = { 0 };

	CU_ASSERT(query_log_new("/nonexistent/log", 1, 1, &error) == NULL);
	SUITE_TEXT(error.bytes, "/nonexistent/log can't be written: No such file or directory");
	text_fini(&error);
}

static void
test_full_disk(void)
{
	struct text error = { 0 };
	struct query_log *log = query_log_new("/dev/full", 1, 1, &error);
	struct query_log_counts counts;

	CU_ASSERT_FATAL(log != NULL);
	take(log, &lines[0]);
	take(log, &lines[1]);
	query_log_free(log, &counts);
	CU_ASSERT_EQUAL(counts.lines, 0);
	CU_ASSERT_EQUAL(counts.dropped, 2);
	text_fini(&error);
}

static const struct suite_case cases[] = {
	{ .name = "what stands in a line", .run = test_lines },
	{ .name = "a file that can't be written is an error", .run = test_no_file },
	{ .name = "lines that a full disk doesn't take are dropped", .run = test_full_disk },
};

int
main(void)
{
	int status, fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	status = suite_run("query_log", cases, ARRAY_SIZE(cases));
	unlink(path);
	return status;
}
