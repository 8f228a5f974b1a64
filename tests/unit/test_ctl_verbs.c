/* test_ctl_verbs.c -- the table of verbs: how it's searched, that it's whole, and isobarctl(8) against it. */
#include "ctl/ctl.h"

#include <ctype.h>

#include "suite.h"

static void
test_find(void)
{
	const struct {
		const char *name;
		char *words[3];
		int count;
		const char *verb;	/* or NULL */
		int used;
		const char *suggestion;
	} rows[] = {
		{ "one word", { (char[]){ "status" } }, 1, "status", 1, NULL },
		{ "with an argument", { (char[]){ "apply" }, (char[]){ "list" } }, 2, "apply", 1, NULL },
		{ "two words", { (char[]){ "zone" }, (char[]){ "list" } }, 2, "zone list", 2, NULL },
		{ "two words, with an argument", { (char[]){ "zone" }, (char[]){ "show" }, (char[]){ "x" } }, 3,
		    "zone show", 2, NULL },
		{ "the first word alone", { (char[]){ "zone" } }, 1, NULL, 0, NULL },
		{ "two words as one", { (char[]){ "zone list" } }, 1, NULL, 0, "zone list" },
		{ "a slip", { (char[]){ "staus" } }, 1, NULL, 0, "status" },
		{ "a slip in the second word", { (char[]){ "region" }, (char[]){ "shwo" } }, 2, NULL, 0,
		    "region show" },
		{ "one word that begins two verbs", { (char[]){ "drill" }, (char[]){ "eu" } }, 2, "drill", 1, NULL },
		{ "and the other", { (char[]){ "drill" }, (char[]){ "show" } }, 2, "drill show", 2, NULL },
		{ "nothing like it", { (char[]){ "quux" } }, 1, NULL, 0, NULL },
		{ "an empty word", { (char[]){ "" } }, 1, NULL, 0, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *suggestion;
		int used = 0;
		const struct verb *verb = verb_find(rows[i].count, rows[i].words, &used, &suggestion);

		SUITE_ROW(rows[i].name, (verb == NULL) == (rows[i].verb == NULL));
		SUITE_ROW(rows[i].name, verb == NULL || rows[i].verb == NULL || strcmp(verb->name, rows[i].verb) == 0);
		SUITE_ROW(rows[i].name, verb == NULL || used == rows[i].used);
		if (rows[i].suggestion != NULL)
			SUITE_TEXT(suggestion, rows[i].suggestion);
	}
}

static void
test_arity(void)
{
	static const struct { const char *arguments; int least, most; } rows[] = {
		{ "", 0, 0 },
		{ "DIR", 1, 1 },
		{ "[DIR]", 0, 1 },
		{ "FILE [ZONE]", 1, 2 },
		{ "ZONE OWNER TYPE RDATA...", 4, 1000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct verb verb = { .arguments = rows[i].arguments };
		int least, most;

		verb_arity(&verb, &least, &most);
		SUITE_ROW(rows[i].arguments, least == rows[i].least && most == rows[i].most);
	}
}

static void
test_table(void)
{
	unsigned used = 0, known = 0;

	for (size_t i = 0; i < verb_option_count; i++)
		known |= verb_options[i].option;
	for (size_t i = 0; i < verb_count; i++) {
		used |= verbs[i].options;
		SUITE_ROW(verbs[i].name, verbs[i].run != NULL && strlen(verbs[i].help) > 0);
		for (size_t k = 0; k < i; k++)
			SUITE_ROW(verbs[i].name, strcmp(verbs[i].name, verbs[k].name) != 0);
	}
	CU_ASSERT_EQUAL(used, known);	/* no option without a verb, none of a verb without a row */
}

/* --- the manual ---------------------------------------------------------------------------------------------- */

static void
add_lower(struct text *out, const char *word, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = (char)tolower((unsigned char)word[i]);

		text_add(out, &c, 1);
	}
}

/* "FILE [ZONE] RDATA..." as " Ar file Oo Ar zone Oc" and so on: neighbours share one Ar. */
static void
add_arguments(struct text *out, const char *arguments)
{
	bool in_ar = false;

	for (const char *word = arguments; *word != '\0';) {
		size_t length = strcspn(word, " ");

		if (word[0] == '[') {
			text_puts(out, " Oo Ar ");
			add_lower(out, word + 1, length - 2);
			text_puts(out, " Oc");
			in_ar = false;
		} else {
			bool repeated = length > 3 && memcmp(word + length - 3, "...", 3) == 0;

			text_puts(out, in_ar ? " " : " Ar ");
			add_lower(out, word, length - (repeated ? 3 : 0));
			text_puts(out, repeated ? " ..." : "");
			in_ar = true;
		}
		word += length + (word[length] == ' ');
	}
}

/* Each verb has its line with arguments and options, and each line its verb; the options have a line of their own
 * too. */
static void
test_manual(void)
{
	char path[1024];
	size_t length, lines = 0;
	int error;
	char *page;

	snprintf(path, sizeof(path), "%s/man/isobarctl.8",
	    getenv("ISOBAR_SOURCE") == NULL ? "." : getenv("ISOBAR_SOURCE"));
	page = text_read_file(path, 1 << 20, &length, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(page);
	for (size_t i = 0; i < verb_count; i++) {
		struct text line = { 0 };

		text_printf(&line, "\n.It Ic %s", verbs[i].name);
		add_arguments(&line, verbs[i].arguments);
		for (size_t o = 0; o < verb_option_count; o++) {
			if (!(verbs[i].options & verb_options[o].option))
				continue;
			text_printf(&line, " Oo Fl -%s", verb_options[o].name);
			if (verb_options[o].argument != NULL) {
				text_puts(&line, " Ar ");
				add_lower(&line, verb_options[o].argument, strlen(verb_options[o].argument));
			}
			text_puts(&line, " Oc");
		}
		text_puts(&line, "\n");
		SUITE_ROW(line.bytes + 1, strstr(page, line.bytes) != NULL);
		text_fini(&line);
	}
	for (const char *at = page; (at = strstr(at, "\n.It Ic ")) != NULL; at++)
		lines++;
	CU_ASSERT_EQUAL(lines, verb_count);
	lines = 0;
	for (size_t o = 0; o < verb_option_count; o++) {
		char line[128];

		snprintf(line, sizeof(line), "\n.It Fl -%s", verb_options[o].name);
		SUITE_ROW(line + 1, strstr(page, line) != NULL);
	}
	for (const char *at = strstr(page, "\n.Ss Options of verbs\n");
	     at != NULL && (at = strstr(at, "\n.It Fl -")) != NULL; at++)
		lines++;
	CU_ASSERT_EQUAL(lines, verb_option_count);
	free(page);
}

/* --- small things -------------------------------------------------------------------------------------------- */

static void
test_path(void)
{
	char *path = ctl_path("/v1/zones/%s/records/%s?x=%s", "0/25.example", "@", "a b&c=\xc3\xa9%");

	SUITE_TEXT(path, "/v1/zones/0%2F25.example/records/%40?x=a%20b%26c%3D%C3%A9%25");
	free(path);
}

static void
test_query(void)
{
	static const struct { const char *reason; bool dry_run; const char *query; } rows[] = {
		{ NULL, false, "" }, { NULL, true, "?dry_run=true" }, { "a&b", false, "?reason=a%26b" },
		{ "x", true, "?dry_run=true&reason=x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctl ctl = { .reason = rows[i].reason, .dry_run = rows[i].dry_run };
		char *query = ctl_change_query(&ctl);

		SUITE_TEXT(query, rows[i].query);
		free(query);
	}
}

static const struct suite_case cases[] = {
	{ .name = "words find their verb", .run = test_find },
	{ .name = "how many arguments", .run = test_arity },
	{ .name = "the table is whole", .run = test_table },
	{ .name = "isobarctl(8) tells every verb and option, and no other", .run = test_manual },
	{ .name = "paths are escaped", .run = test_path },
	{ .name = "what a change is asked with", .run = test_query },
};

int
main(void)
{
	return suite_run("ctl verbs", cases, ARRAY_SIZE(cases));
}
