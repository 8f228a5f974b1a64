/* isobarctl.c -- the operator's command: options, then one verb over the API.
 * In: the command line.  Out: words or JSON on standard output, trouble on standard error, an exit status that tells
 * kinds of trouble apart.  Threads: one. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define TOKEN_FILE_MAX ((size_t)4096)
#define TIMEOUT_DEFAULT_MS 30000	/* a dry run of a large folder takes seconds; a daemon that hangs is noticed */

enum { LONG_ONLY = 256 };	/* + index into verb_options */

static int read_options(struct ctl *ctl, int argc, char **argv, unsigned *given, char **url, char **token);
static void take_verb_option(struct ctl *ctl, const struct verb_option *option, char *value);
static bool set_url(char **url, const char *where);
static bool read_token(char **token, const char *path);
static bool set_timeout(struct ctl *ctl, const char *text);
static enum ctl_status run(struct ctl *ctl, int count, char **words, unsigned given);
static bool options_fit(const struct verb *verb, unsigned given);
static bool default_url(char **url);
static void print_help(FILE *to);

int
main(int argc, char **argv)
{
	struct ctl ctl = { .timeout_ms = TIMEOUT_DEFAULT_MS };
	char *url = NULL, *token = NULL;
	unsigned given = 0;
	int status = read_options(&ctl, argc, argv, &given, &url, &token);

	if (status < 0) {
		if (url == NULL && !default_url(&url)) {
			status = CTL_FAILED;
		} else {
			ctl.url = url;
			ctl.token = token;
			status = (int)run(&ctl, argc - optind, argv + optind, given);
		}
	}
	http_client_free(ctl.client);
	free(url);
	free(token);
	if (fflush(stdout) != 0 && status == CTL_DONE)
		status = (int)ctl_fail("can't write to standard output: %s", strerror(errno));
	return status;
}

/* -1: go on; else the exit status. *given: enum ctl_option, all that were there. */
static int
read_options(struct ctl *ctl, int argc, char **argv, unsigned *given, char **url, char **token)
{
	static const struct option general[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "token-file", required_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },
		{ "timeout", required_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
	};
	struct option all[ARRAY_SIZE(general) + 64] = { 0 };
	int option;

	memcpy(all, general, sizeof(general));
	for (size_t i = 0; i < verb_option_count; i++)
		all[ARRAY_SIZE(general) + i] = (struct option){ verb_options[i].name,
			verb_options[i].argument == NULL ? no_argument : required_argument, NULL, LONG_ONLY + (int)i };
	while ((option = getopt_long(argc, argv, "s:jt:Vh", all, NULL)) != -1) {
		bool good = true;

		if (option >= LONG_ONLY) {
			*given |= verb_options[option - LONG_ONLY].option;
			take_verb_option(ctl, &verb_options[option - LONG_ONLY], optarg);
		} else if (option == 's') {
			good = set_url(url, optarg);
		} else if (option == 'k') {
			good = read_token(token, optarg);
		} else if (option == 'j') {
			ctl->json = true;
		} else if (option == 't') {
			good = set_timeout(ctl, optarg);
		} else if (option == 'V') {
			puts("isobarctl " PACKAGE_VERSION);
			return CTL_DONE;
		} else if (option == 'h') {
			print_help(stdout);
			return CTL_DONE;
		} else {
			fputs("See isobarctl --help, or isobarctl(8).\n", stderr);
			return CTL_USAGE;
		}
		if (!good)
			return CTL_USAGE;
	}
	return -1;
}

static void
take_verb_option(struct ctl *ctl, const struct verb_option *option, char *value)
{
	void *field = (char *)ctl + option->at;

	if (option->argument == NULL)
		*(bool *)field = true;
	else
		*(const char **)field = value;
}

/* A URL as it is; anything else is the path of a socket, which libcurl wants absolute. */
static bool
set_url(char **url, const char *where)
{
	char *absolute = NULL;
	bool good;

	free(*url);
	*url = NULL;
	if (strncmp(where, "http://", 7) == 0 || strncmp(where, "https://", 8) == 0 ||
	    strncmp(where, "unix:", 5) == 0) {
		*url = strdup(where);
		return *url != NULL;
	}
	if (where[0] != '/') {
		char *here = getcwd(NULL, 0);

		good = here != NULL && asprintf(&absolute, "%s/%s", here, where) >= 0;
		free(here);
	} else {
		absolute = strdup(where);
		good = absolute != NULL;
	}
	good = good && asprintf(url, "unix:%s", absolute) >= 0;
	free(absolute);
	if (!good)
		*url = NULL;
	return good;
}

/* A token on the command line would be seen by everybody on the machine: hence a file, and one that others can't
 * read. */
static bool
read_token(char **token, const char *path)
{
	struct stat st;
	size_t length;
	int error;

	free(*token);
	*token = text_read_file(path, TOKEN_FILE_MAX, &length, &error);
	if (*token == NULL) {
		ctl_fail("the token file %s can't be read: %s", path, strerror(-error));
		return false;
	}
	(*token)[strcspn(*token, "\r\n")] = '\0';
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0)
		fprintf(stderr, "isobarctl: warning: others can read the token in %s: chmod 600 it\n", path);
	return true;
}

static bool
set_timeout(struct ctl *ctl, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end != text && *end == 's')
		end++;
	if (end == text || *end != '\0' || !(seconds >= 0.1 && seconds <= 86400)) {
		ctl_usage("the timeout '%s' isn't a number of seconds from 0.1 to 86400", text);
		return false;
	}
	ctl->timeout_ms = (uint32_t)(seconds * 1000);
	return true;
}

static bool
default_url(char **url)
{
	struct settings *settings = ctl_settings();
	bool good = settings != NULL && set_url(url, settings->api_socket);

	settings_free(settings);
	return good;
}

/* --- the verb ------------------------------------------------------------------------------------------------ */

static enum ctl_status
run(struct ctl *ctl, int count, char **words, unsigned given)
{
	const struct verb *verb;
	const char *suggestion;
	int used, least, most;

	if (count == 0) {
		print_help(stderr);
		return CTL_USAGE;
	}
	verb = verb_find(count, words, &used, &suggestion);
	if (verb == NULL && suggestion != NULL)
		return ctl_usage("there is no '%s%s%s'; did you mean '%s'?", words[0], count > 1 ? " " : "",
		    count > 1 ? words[1] : "", suggestion);
	if (verb == NULL)
		return ctl_usage("there is no '%s'", words[0]);
	ctl->count = count - used;
	ctl->arguments = words + used;
	verb_arity(verb, &least, &most);
	if (ctl->count < least || ctl->count > most || !options_fit(verb, given)) {
		if (ctl->count < least || ctl->count > most)
			fprintf(stderr, "isobarctl: %s: %s argument\n", verb->name,
			    ctl->count < least ? "it lacks an" : "there is one too many");
		verb_print(verb, stderr);
		return CTL_USAGE;
	}
	return verb->run(ctl);
}

static bool
options_fit(const struct verb *verb, unsigned given)
{
	for (size_t i = 0; i < verb_option_count; i++)
		if (given & ~verb->options & verb_options[i].option) {
			fprintf(stderr, "isobarctl: %s takes no --%s\n", verb->name, verb_options[i].name);
			return false;
		}
	return true;
}

static void
print_help(FILE *to)
{
	fputs("usage: isobarctl [-s SOCKET|URL] [--token-file FILE] [-j] [-t SECONDS] VERB [ARGUMENT...]"
	      " [OPTION...]\n\n", to);
	verbs_print(to);
	fputs("\n"
	      "  -s, --socket SOCKET|URL   where isobard is; the socket of " CTL_CONFIG " if left out\n"
	      "      --token-file FILE     the token for a URL\n"
	      "  -j, --json                print what the API says\n"
	      "  -t, --timeout SECONDS     30 if left out\n"
	      "  -V, --version    -h, --help\n\n", to);
	for (size_t i = 0; i < verb_option_count; i++) {
		char name[40];

		snprintf(name, sizeof(name), "--%s%s%s", verb_options[i].name,
		    verb_options[i].argument == NULL ? "" : " ",
		    verb_options[i].argument == NULL ? "" : verb_options[i].argument);
		fprintf(to, "  %-25s %s\n", name, verb_options[i].help);
	}
	fputs("\nExit status: 0 done and live, 1 failed or refused, 2 usage, 3 isobard isn't running, 4 not\n"
	      "authorized, 5 no answer in time or the store is busy: try again, 6 done, and found what was\n"
	      "looked for: an overload, a difference. See isobarctl(8).\n", to);
}
