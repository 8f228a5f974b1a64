/* main.c -- isobar-rem: options, signals and the loop.
 * In: the command line and a settings file. Out: a running agent until SIGTERM or SIGINT; SIGHUP reads the file again.
 * Order of the start, which must not change:
 *  1. settings are read and checked, so that -t does all that a start does short of side effects;
 *  2. limits and signals are set before any thread begins, since threads inherit them;
 *  3. the agent starts; from here on only the loop acts.
 * Exit status: 0 done, 1 failed, 2 wrong usage. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "agent.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/agent_settings.h"

#define DEFAULT_FILE ISOBAR_CONFIG_DIR "/isobar-rem.yaml"
#define FILE_LIMIT ((size_t)4 << 20)
#define LINGER_MS 2000		/* work that a dead file server holds up isn't waited for any longer */

struct program {
	const char *file;
	bool check;
	enum log_level level;
	uv_loop_t loop;
	struct agent *agent;
	uv_signal_t terminate, interrupt, hangup;
	uv_timer_t linger;
};

static int options_read(struct program *program, int argc, char **argv);
static void usage(FILE *to);
static struct agent_settings *settings_load(const char *file);
static void limits_raise(void);
static int run(struct program *program, struct agent_settings *settings);
static void on_end(uv_signal_t *handle, int number);
static void on_hangup(uv_signal_t *handle, int number);
static void on_linger(uv_timer_t *timer);

int
main(int argc, char **argv)
{
	struct program program = { .file = DEFAULT_FILE, .level = LOG_LEVEL_INFO };
	struct agent_settings *settings;
	int rc = options_read(&program, argc, argv);

	if (rc >= 0)
		return rc;
	log_open("isobar-rem", program.level);
	settings = settings_load(program.file);
	if (settings == NULL)
		return 1;
	if (program.check) {
		printf("%s: good\n", program.file);
		agent_settings_free(settings);
		return 0;
	}
	limits_raise();
	return run(&program, settings);
}

/* The exit status, or -1 to go on. */
static int
options_read(struct program *program, int argc, char **argv)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:tvVh", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			program->file = optarg;
			break;
		case 't':
			program->check = true;
			break;
		case 'v':
			program->level = LOG_LEVEL_DEBUG;
			break;
		case 'V':
			printf("isobar-rem %s\n", PACKAGE_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "isobar-rem: unexpected argument '%s'\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	return -1;
}

static void
usage(FILE *to)
{
	fprintf(to, "usage: isobar-rem [-c FILE] [-t] [-v]\n"
	    "       isobar-rem -V | -h\n"
	    "  -c, --config FILE  settings (default %s)\n"
	    "  -t, --check-config check the settings and exit\n"
	    "  -v, --verbose      log what is of use only when looking for an error\n"
	    "  -V, --version      print the version and exit\n"
	    "  -h, --help         print this and exit\n", DEFAULT_FILE);
}

/* NULL after every error was printed. */
static struct agent_settings *
settings_load(const char *file)
{
	struct agent_settings *settings;
	struct diags diags = { 0 };
	struct text messages = { 0 };
	size_t length;
	int error;
	char *text = text_read_file(file, FILE_LIMIT, &length, &error);

	if (text == NULL) {
		log_error("%s: %s", file, strerror(-error));
		return NULL;
	}
	settings = agent_settings_read(text, file, &diags);
	diag_print(&diags, &messages);
	if (messages.bytes != NULL)
		fputs(messages.bytes, stderr);
	text_fini(&messages);
	diag_fini(&diags);
	free(text);
	return settings;
}

/* Each probe under way is a descriptor; the soft limit of 1024 is for programs that use select(2). A dead endpoint or
 * disk holds a worker thread for seconds, and the default of four would be gone with four of them. */
static void
limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	setenv("UV_THREADPOOL_SIZE", "16", 0);
	signal(SIGPIPE, SIG_IGN);
}

static int
run(struct program *program, struct agent_settings *settings)
{
	struct text error = { 0 };

	if (uv_loop_init(&program->loop) != 0) {
		log_error("no event loop");
		agent_settings_free(settings);
		return 1;
	}
	program->terminate.data = program->interrupt.data = program->hangup.data = program;
	uv_signal_init(&program->loop, &program->terminate);
	uv_signal_init(&program->loop, &program->interrupt);
	uv_signal_init(&program->loop, &program->hangup);
	uv_timer_init(&program->loop, &program->linger);
	/* Before the agent starts: it may be heard of before this function goes on. They are acted upon in uv_run(). */
	uv_signal_start(&program->terminate, on_end, SIGTERM);
	uv_signal_start(&program->interrupt, on_end, SIGINT);
	uv_signal_start(&program->hangup, on_hangup, SIGHUP);
	program->agent = agent_start(&program->loop, settings, &error);
	if (program->agent == NULL) {
		log_error("can't start: %s", error.bytes == NULL ? "" : error.bytes);
		text_fini(&error);
		agent_settings_free(settings);
		uv_close((uv_handle_t *)&program->terminate, NULL);
		uv_close((uv_handle_t *)&program->interrupt, NULL);
		uv_close((uv_handle_t *)&program->hangup, NULL);
		uv_close((uv_handle_t *)&program->linger, NULL);
		uv_run(&program->loop, UV_RUN_DEFAULT);
		uv_loop_close(&program->loop);
		return 1;
	}
	log_info("region %s, agent %s: %zu backends, reports to %s", settings->region, settings->agent,
	    settings->backend_count, settings->controller);
	uv_run(&program->loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&program->linger, NULL);
	uv_run(&program->loop, UV_RUN_DEFAULT);
	log_info("ended");
	uv_loop_close(&program->loop);
	return 0;
}

static void
on_end(uv_signal_t *handle, int number)
{
	struct program *program = handle->data;

	log_info("signal %d: ending", number);
	agent_stop(program->agent);
	program->agent = NULL;
	uv_close((uv_handle_t *)&program->terminate, NULL);
	uv_close((uv_handle_t *)&program->interrupt, NULL);
	uv_close((uv_handle_t *)&program->hangup, NULL);
	uv_timer_start(&program->linger, on_linger, LINGER_MS, 0);
	uv_unref((uv_handle_t *)&program->linger);	/* alone it keeps nothing alive */
}

static void
on_hangup(uv_signal_t *handle, int number)
{
	struct program *program = handle->data;
	struct agent_settings *settings = settings_load(program->file);
	struct text error = { 0 };

	(void)number;
	if (settings == NULL) {
		log_error("%s has errors: the former settings stay", program->file);
		return;
	}
	if (agent_reload(program->agent, settings, &error) == 0) {
		log_info("%s was read again", program->file);
	} else {
		log_error("the former settings stay: %s", error.bytes == NULL ? "" : error.bytes);
		agent_settings_free(settings);
	}
	text_fini(&error);
}

/* All that matters is on disk; the rest hangs in the kernel, and exit handlers would wait for it. */
static void
on_linger(uv_timer_t *timer)
{
	(void)timer;
	log_info("ended; work that hangs was left behind");
	_exit(0);
}
