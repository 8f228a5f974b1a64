/* test_asker.c -- ctl/asker: answers as octets become texts that can be compared, and broken ones are refused. */
#include "ctl/asker.h"

#include "dns/name.h"
#include "dns/types.h"
#include "suite.h"

/* id 0x1234, response, authoritative; one question www.example. A; the counts follow. */
#define HEADER "\x12\x34\x84\x00\0\1"
#define QUESTION "\3www\7example\0\0\1\0\1"
#define OCTETS(text) (const uint8_t *)(text), sizeof(text) - 1

static uint8_t name[NAME_MAX];
static struct asker_question question = { .name = name, .type = TYPE_A };

static const char *
read_text(const uint8_t *octets, size_t length)
{
	static char text[512];
	struct asker_answer answer;
	bool cut = false;

	CU_ASSERT_FATAL(name_parse("www.example.", name) != 0);
	if (!asker_read(octets, length, &question, 0x1234, &answer, &cut))
		return "-";
	snprintf(text, sizeof(text), "%s%s%s%s", answer.records.bytes == NULL ? "" : answer.records.bytes,
	    answer.nsid[0] == '\0' ? "" : " nsid ", answer.nsid, cut ? " cut" : "");
	asker_answer_fini(&answer);
	return text;
}

static void
test_answers(void)
{
	SUITE_TEXT(read_text(OCTETS(HEADER "\0\0\0\0\0\0" QUESTION)), "NODATA");
	SUITE_TEXT(read_text(OCTETS("\x12\x34\x84\x03\0\1\0\0\0\0\0\0" QUESTION)), "NXDOMAIN");
	SUITE_TEXT(read_text(OCTETS("\x12\x34\x84\x05\0\0\0\0\0\0\0\0")), "REFUSED");
	SUITE_TEXT(read_text(OCTETS("\x12\x34\x86\x00\0\1\0\0\0\0\0\0" QUESTION)), "NODATA cut");
	/* Two addresses, in either order; the owner is a pointer. */
	SUITE_TEXT(read_text(OCTETS(HEADER "\0\2\0\0\0\0" QUESTION
	    "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\2" "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1")),
	    "A 192.0.2.1, A 192.0.2.2");
	/* An alias whose target is compressed, in capitals. */
	SUITE_TEXT(read_text(OCTETS(HEADER "\0\1\0\0\0\0" QUESTION "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1X\xc0\x10")),
	    "CNAME x.example.");
	/* OPT with NSID, one octet of which can't be printed. */
	SUITE_TEXT(read_text(OCTETS(HEADER "\0\0\0\0\0\1" QUESTION "\0\0\x29\4\xd0\0\0\0\0\0\6\0\3\0\2n\1")),
	    "NODATA nsid n.");
}

static void
test_refused(void)
{
	static const uint8_t whole[] = HEADER "\0\1\0\0\0\0" QUESTION "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1x\xc0\x10";

	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		uint8_t *cut = malloc(i + 1);

		memcpy(cut, whole, i);
		SUITE_TEXT(read_text(cut, i), "-");
		free(cut);
	}
	SUITE_TEXT(read_text(OCTETS("\x12\x35\x84\x00\0\1\0\0\0\0\0\0" QUESTION)), "-");	/* of another id */
	SUITE_TEXT(read_text(OCTETS("\x12\x34\x04\x00\0\1\0\0\0\0\0\0" QUESTION)), "-");	/* a query */
	SUITE_TEXT(read_text(OCTETS(HEADER "\0\0\0\0\0\0" "\3ftp\7example\0\0\1\0\1")), "-");	/* of another name */
	/* A name that points to itself. */
	SUITE_TEXT(read_text(OCTETS(HEADER "\0\1\0\0\0\0" QUESTION "\xc0\x1d\0\5\0\1\0\0\0\x3c\0\2\xc0\x29")), "-");
	SUITE_TEXT(read_text(OCTETS(HEADER "\0\1\0\0\0\0" QUESTION "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x29")), "-");
}

static const struct suite_case cases[] = {
	{ .name = "answers in words, whatever their order and compression", .run = test_answers },
	{ .name = "what is cut, of something else, or a loop, is no answer", .run = test_refused },
};

int
main(void)
{
	return suite_run("asker", cases, ARRAY_SIZE(cases));
}
