/* test_latency_csv.c -- conf/latency_csv, and rem-agent/latency_file on top of it: tables of latencies, every error of
 * broken ones, and when an agent has news. */
#include "conf/latency_csv.h"

#include <unistd.h>

#include "base/log.h"
#include "conf/steering_yaml.h"
#include "rem-agent/latency_file.h"
#include "scarce.h"
#include "suite.h"

static const char *
said(struct diags *diags)
{
	static char kept[4096];
	struct text text = { 0 };

	text_puts(&text, "");
	diag_sort(diags);
	diag_print(diags, &text);
	snprintf(kept, sizeof(kept), "%s", text.bytes);
	text_fini(&text);
	diag_fini(diags);
	return kept;
}

#define HEAD "clients,region,milliseconds\n"

static void
test_good(void)
{
	static const char text[] = "\xef\xbb\xbf# measured in November\r\nclients , region,milliseconds\r\n\r\n"
	    "germany,eu-west,18.5\r\n  \t\nFR, us-east ,0\n#FR,us-east,7\ndefault/US,us-east,60000";
	struct arena *arena = arena_new();
	struct latency_table table;
	struct diags diags = { 0 };

	CU_ASSERT_FATAL(latency_csv_read(text, "f", false, arena, &table, &diags));
	CU_ASSERT_EQUAL_FATAL(table.count, 3);
	SUITE_TEXT(table.lines[0].clients, "germany");
	SUITE_TEXT(table.lines[1].region, "us-east");
	CU_ASSERT(table.lines[0].ms == 18.5 && table.lines[1].ms == 0 && table.lines[2].ms == 60000);
	CU_ASSERT(table.lines[1].line == 6 && table.lines[1].region_column == 5);
	CU_ASSERT(latency_csv_read("clients,milliseconds\nDE,1\n", "f", true, arena, &table, &diags));
	CU_ASSERT(table.count == 1 && table.lines[0].region[0] == '\0');
	CU_ASSERT(latency_csv_read(HEAD, "f", false, arena, &table, &diags) && table.count == 0);
	SUITE_TEXT(said(&diags), "");
	arena_free(arena);
}

static const struct {
	const char *name, *text, *messages;
	bool one_region;
} broken[] = {
	{ "nothing", "", "f:1: the first line must be clients,region,milliseconds\n", false },
	{ "no head", "germany,eu-west,18\n",
	    "f:1:1: the first line must be clients,region,milliseconds, not 'germany,eu-west,18'\n", false },
	{ "the head of the other kind", HEAD "germany,eu-west,18\n",
	    "f:1:1: the first line must be clients,milliseconds, not 'clients,region,milliseconds'\n"
	    "f:2:1: the line has 3 fields, not 2\n", true },
	{ "all at once", HEAD "germany,eu-west\nDE,eu-west,-1\nDE,eu west,1\n,eu-west,1\nDE,,ten\nDE,eu-west,1,2\n"
	    "FR,eu-west,1e3x\nFR,eu-west,60000.5\n",
	    "f:2:1: the line has 2 fields, not 3\n"
	    "f:3:12: '-1' is no number of milliseconds from 0 to 60000\n"
	    "f:4:6: a character that no name has\n"
	    "f:5:1: must be the name of a client group, a country or GROUP/COUNTRY\n"
	    "f:6:4: must be the name of a region\n"
	    "f:6:5: 'ten' is no number of milliseconds from 0 to 60000\n"
	    "f:7:1: the line has 4 fields, not 3\n"
	    "f:8:12: '1e3x' is no number of milliseconds from 0 to 60000\n"
	    "f:9:12: '60000.5' is no number of milliseconds from 0 to 60000\n", false },
	{ "twice", HEAD "DE,eu-west,1\nDE,us-east,1\n  DE,eu-west,2\n",
	    "f:4:3: 'DE' to 'eu-west' is in line 2 already\n", false },
};

static void
test_broken(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct arena *arena = arena_new();
		struct latency_table table;
		struct diags diags = { 0 };

		SUITE_ROW(broken[i].name,
		    !latency_csv_read(broken[i].text, "f", broken[i].one_region, arena, &table, &diags));
		SUITE_TEXT(said(&diags), broken[i].messages);
		arena_free(arena);
	}
}

static void
test_names(void)
{
	struct diags diags = { 0 };
	struct steering *steering = steering_read("regions: {eu-west: {}, us-east: {}}\n"
	    "client-groups: {germany: {networks: [192.0.2.0/24]}}\n", "s", &diags);
	struct arena *arena = arena_new();
	struct latency_table table;

	CU_ASSERT_FATAL(steering != NULL);
	CU_ASSERT(latency_csv_read(HEAD "germany,eu-west,1\ndefault,eu-west,1\nDE,us-east,1\ngermany/DE,us-east,1\n"
	    "germny,eu-west,1\nQQ,eu-wst,1\ngermany/QQ,us-east,1\nnobody/DE,us-east,1\nde,us-east,1\n", "f", false, arena,
	    &table, &diags));
	latency_check_names(&table, steering, "f", &diags);
	SUITE_TEXT(said(&diags),
	    "f:6:1: 'germny' is no client group, no country (such as DE) and no GROUP/COUNTRY (did you mean 'germany'?)\n"
	    "f:7:1: 'QQ' is no client group, no country (such as DE) and no GROUP/COUNTRY\n"
	    "f:7:4: there is no region 'eu-wst' (did you mean 'eu-west'?)\n"
	    "f:8:1: 'germany/QQ' is no client group, no country (such as DE) and no GROUP/COUNTRY (did you mean "
	    "'germany'?)\n"
	    "f:9:1: 'nobody/DE' is no client group, no country (such as DE) and no GROUP/COUNTRY\n"
	    "f:10:1: 'de' is no client group, no country (such as DE) and no GROUP/COUNTRY\n");
	arena_free(arena);
	steering_free(steering);
}

static bool
read_scarcely(void)
{
	struct arena *arena = arena_new();
	struct latency_table table;
	struct diags diags = { 0 };
	bool good = arena != NULL && latency_csv_read(HEAD "DE,eu-west,1\nFR,eu-west,1\n", "f", false, arena, &table, &diags);

	CU_ASSERT(!good || table.count == 2);
	diag_fini(&diags);
	arena_free(arena);
	return good;
}

static void
test_scarce(void)
{
	SCARCE_EACH(read_scarcely);
}

/* --- the agent's file ---------------------------------------------------------------------------------------- */

static void
put(const char *path, const char *text)
{
	char new[128];
	FILE *file;

	snprintf(new, sizeof(new), "%s.new", path);
	file = fopen(new, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || rename(new, path) != 0)
		abort();
}

static void
test_file(void)
{
	char path[] = "/tmp/isobar-latency-XXXXXX";
	const struct report_latency *rows;
	struct latency_file *file;
	size_t count;
	int fd = mkstemp(path);

	if (fd < 0 || close(fd) < 0 || unlink(path) < 0)
		abort();
	file = latency_file_new(path);
	CU_ASSERT_FATAL(file != NULL);
	latency_file_look(file);	/* not there yet */
	CU_ASSERT(!latency_file_news(file, &rows, &count));
	put(path, "clients,milliseconds\ngermany,18.5\nFR,30\n");
	latency_file_look(file);
	CU_ASSERT(latency_file_news(file, &rows, &count) && count == 2 && rows[1].ms == 30);
	SUITE_TEXT(rows[0].clients, "germany");
	latency_file_look(file);	/* not told yet: still news */
	CU_ASSERT(latency_file_news(file, &rows, &count));
	latency_file_told(file);
	latency_file_look(file);
	CU_ASSERT(!latency_file_news(file, &rows, &count));
	put(path, "clients,milliseconds\ngermany,fast\n");
	latency_file_look(file);	/* broken: what was stays */
	CU_ASSERT(!latency_file_news(file, &rows, &count) && count == 2);
	unlink(path);
	latency_file_look(file);
	put(path, "clients,milliseconds\n");
	latency_file_look(file);	/* nothing is known any more: that's news, too */
	CU_ASSERT(latency_file_news(file, &rows, &count) && count == 0);
	latency_file_free(file);
	latency_file_free(NULL);
	unlink(path);
}

static const struct suite_case cases[] = {
	{ .name = "tables", .run = test_good },
	{ .name = "broken tables have all their errors", .run = test_broken },
	{ .name = "names that a steering doesn't have", .run = test_names },
	{ .name = "memory that runs out is an error", .run = test_scarce },
	{ .name = "an agent's file has news once for each change", .run = test_file },
};

int
main(void)
{
	log_open("test", LOG_LEVEL_ERROR);
	return suite_run("latency_csv", cases, ARRAY_SIZE(cases));
}
