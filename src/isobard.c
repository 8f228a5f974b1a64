/* isobard.c -- the daemon's main: options, settings, then the control thread until the end.
 * Only main exits. What can fail before the first answer fails here, with every reason on standard error. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "conf/settings.h"
#include "control/control.h"

#define DEFAULT_CONFIG ISOBAR_CONFIG_DIR "/isobar.yaml"
#define CONFIG_SIZE_MAX ((size_t)1 << 20)

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *config;		/* NULL: none was named */
	const char *zones;
	const char *listens[64];
	size_t listen_count;
	const char *workers;
	bool check;
};

static int read_options(int argc, char **argv, struct options *options);
static void usage(FILE *to);
static struct settings *load_settings(const struct options *options, struct diags *diags);
static bool override_settings(struct settings *settings, const struct options *options, struct diags *diags);
static int run(const struct options *options, struct settings *settings, struct diags *diags);
static const char *pae_program(char *path, size_t size);
static void print_diags(struct diags *diags);

int
main(int argc, char **argv)
{
	struct options options = { 0 };
	struct diags diags = { 0 };
	struct settings *settings;
	int status = read_options(argc, argv, &options);

	if (status >= 0)
		return status;
	log_open("isobard", LOG_LEVEL_INFO);
	settings = load_settings(&options, &diags);
	if (settings == NULL || !override_settings(settings, &options, &diags)) {
		print_diags(&diags);
		settings_free(settings);
		diag_fini(&diags);
		return EXIT_FAILED;
	}
	log_open("isobard", settings->log);
	if (options.check)
		status = control_check(settings, &diags) ? EXIT_DONE : EXIT_FAILED;
	else
		status = run(&options, settings, &diags);
	print_diags(&diags);
	diag_fini(&diags);
	settings_free(settings);
	return status;
}

/* -1: go on; else the exit status. */
static int
read_options(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "zones", required_argument, NULL, 'z' },
		{ "listen", required_argument, NULL, 'l' },
		{ "workers", required_argument, NULL, 'w' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:z:l:w:CVh", longs, NULL)) != -1) {
		switch (option) {
		case 'c':
			options->config = optarg;
			break;
		case 'z':
			options->zones = optarg;
			break;
		case 'l':
			if (options->listen_count == ARRAY_SIZE(options->listens)) {
				fprintf(stderr, "isobard: at most %zu --listen\n", ARRAY_SIZE(options->listens));
				return EXIT_USAGE;
			}
			options->listens[options->listen_count++] = optarg;
			break;
		case 'w':
			options->workers = optarg;
			break;
		case 'C':
			options->check = true;
			break;
		case 'V':
			puts("isobard " PACKAGE_VERSION);
			return EXIT_DONE;
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "isobard: unexpected argument '%s'\n", argv[optind]);
	usage(stderr);
	return EXIT_USAGE;
}

static void
usage(FILE *to)
{
	fputs("usage: isobard [-c FILE] [--listen ADDRESS@PORT ...] [--workers N] [--check-config]\n"
	      "       isobard --zones DIR [--listen ADDRESS@PORT ...] [--workers N]\n"
	      "\n"
	      "  -c, --config FILE      settings, see isobar.yaml(5); " DEFAULT_CONFIG " if it exists\n"
	      "  -z, --zones DIR        serve the master files (and steering.yaml) of a folder, without a store\n"
	      "  -l, --listen ADDR@PORT answer here by UDP and TCP, not where the settings say; may be repeated\n"
	      "  -w, --workers N        answering threads; one for each processor if left out\n"
	      "  -C, --check-config     read the settings, print every error, and end\n"
	      "  -V, --version    -h, --help\n", to);
}

static struct settings *
load_settings(const struct options *options, struct diags *diags)
{
	const char *path = options->config != NULL ? options->config : DEFAULT_CONFIG;
	struct settings *settings;
	size_t length;
	int error;
	char *text;

	/* A folder needs no settings: only a file that was named is read for it. */
	if (options->config == NULL && (options->zones != NULL || access(path, F_OK) != 0))
		return settings_read("", "defaults", diags);
	text = text_read_file(path, CONFIG_SIZE_MAX, &length, &error);
	if (text == NULL) {
		diag_error(diags, (struct diag_place){ .file = path }, NULL, "can't be read: %s", strerror(-error));
		return NULL;
	}
	settings = settings_read(text, path, diags);
	free(text);
	return settings;
}

/* The command line's word counts before the file's. */
static bool
override_settings(struct settings *settings, const struct options *options, struct diags *diags)
{
	static const struct diag_place place = { .file = "command line" };

	if (options->zones != NULL)
		settings->zones = options->zones;
	if (options->workers != NULL) {
		char *end;
		unsigned long workers = strtoul(options->workers, &end, 10);

		if (*end != '\0' || workers < 1 || workers > 256)
			diag_error(diags, place, NULL, "--workers: '%s' is not a whole number from 1 to 256",
			    options->workers);
		settings->workers = (unsigned)workers;
	}
	if (options->listen_count > 0) {
		struct listener *listeners = arena_alloc(settings->arena,
		    options->listen_count * sizeof(*listeners));

		if (listeners == NULL) {
			diag_error(diags, place, NULL, "out of memory");
			return false;
		}
		for (size_t i = 0; i < options->listen_count; i++)
			if (address_parse_listen(options->listens[i], 53, &listeners[i].address,
			    &listeners[i].port) != 0)
				diag_error(diags, place, NULL, "--listen: '%s' is not ADDRESS or ADDRESS@PORT, as in"
				    " 127.0.0.1@5300", options->listens[i]);
		settings->listeners = listeners;
		settings->listener_count = options->listen_count;
	}
	return !diag_failed(diags);
}

static int
run(const struct options *options, struct settings *settings, struct diags *diags)
{
	char path[4096], text[ADDRESS_TEXT_SIZE];
	struct control_options control_options = {
		.settings = settings, .storeless = options->zones != NULL,
		.pae_program = pae_program(path, sizeof(path)),
	};
	struct text error = { 0 };
	struct control *control;
	struct api *api = NULL;
	int status = EXIT_FAILED;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a limit on file sizes is a failed write, no reason to die */
	control = control_new(&control_options, diags);
	if (control == NULL)
		return EXIT_FAILED;
	if (!control_options.storeless && (api = api_start(control, settings, &error)) == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "API: %s", error.bytes == NULL ? "" : error.bytes);
		goto done;
	}
	print_diags(diags);
	for (size_t i = 0; i < settings->listener_count; i++)
		log_info("answering on %s@%u", address_text(&settings->listeners[i].address, text),
		    server_port(control_server(control), i));
	for (size_t i = 0; i < settings->tls_listener_count; i++)
		log_info("answering on %s@%u by TLS", address_text(&settings->tls_listeners[i].address, text),
		    server_port(control_server(control), settings->listener_count + i));
	status = control_run(control);
done:
	api_stop(api);
	control_free(control);
	text_fini(&error);
	return status;
}

/* Beside the daemon: where it was installed, or where it was built. */
static const char *
pae_program(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (length <= 0)
		return ISOBAR_SBIN_DIR "/isobar-pae";
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || (size_t)(slash - path) + sizeof("/isobar-pae") > size)
		return ISOBAR_SBIN_DIR "/isobar-pae";
	strcpy(slash, "/isobar-pae");
	return access(path, X_OK) == 0 ? path : ISOBAR_SBIN_DIR "/isobar-pae";
}

/* Prints and empties the list. */
static void
print_diags(struct diags *diags)
{
	struct text text = { 0 };

	diag_sort(diags);
	diag_print(diags, &text);
	if (text.bytes != NULL)
		fputs(text.bytes, stderr);
	text_fini(&text);
	diag_fini(diags);
	*diags = (struct diags){ 0 };
}
