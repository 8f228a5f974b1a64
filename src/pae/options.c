/* options.c -- isobar-pae's command line.
 * In: argv.  Out: options, or a message and an exit status.  Threads: the main thread. */
#include "pae/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define SHIPPED_MODEL "failure-600.model"

static bool option_take(struct pae_options *options, int option, const char *value);
static void usage(FILE *to);

enum { OPTION_STORE = 1000, OPTION_API, OPTION_TOKEN_FILE, OPTION_MODELS, OPTION_ONCE, OPTION_TRAIN_FROM, OPTION_OUT,
	OPTION_CARD, OPTION_EVALUATE, OPTION_MODEL, OPTION_HORIZON, OPTION_SHARE, OPTION_SEED, OPTION_DATE, OPTION_DATA,
	OPTION_LICENCE, OPTION_NOTE };

static const struct option long_options[] = {
	{ "api", required_argument, NULL, OPTION_API },
	{ "card", required_argument, NULL, OPTION_CARD },
	{ "data", required_argument, NULL, OPTION_DATA },
	{ "date", required_argument, NULL, OPTION_DATE },
	{ "evaluate", required_argument, NULL, OPTION_EVALUATE },
	{ "help", no_argument, NULL, 'h' },
	{ "horizon", required_argument, NULL, OPTION_HORIZON },
	{ "licence", required_argument, NULL, OPTION_LICENCE },
	{ "model", required_argument, NULL, OPTION_MODEL },
	{ "models", required_argument, NULL, OPTION_MODELS },
	{ "note", required_argument, NULL, OPTION_NOTE },
	{ "once", no_argument, NULL, OPTION_ONCE },
	{ "out", required_argument, NULL, OPTION_OUT },
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "share", required_argument, NULL, OPTION_SHARE },
	{ "store", required_argument, NULL, OPTION_STORE },
	{ "token-file", required_argument, NULL, OPTION_TOKEN_FILE },
	{ "train-from", required_argument, NULL, OPTION_TRAIN_FROM },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

int
pae_options_read(struct pae_options *options, int argc, char **argv)
{
	static char shipped[4096];
	int option;

	*options = (struct pae_options){ .models = ISOBAR_MODELS_DIR, .level = LOG_LEVEL_INFO,
		.job = { .horizon_s = PAE_HORIZON_S, .share = 0.7, .seed = 1, .data = "", .licence = "", .note = "" } };
	while ((option = getopt_long(argc, argv, "hvV", long_options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (option == 'V') {
			printf("isobar-pae %s\n", PACKAGE_VERSION);
			return 0;
		}
		if (!option_take(options, option, optarg))
			return 2;
	}
	if (optind < argc) {
		fprintf(stderr, "isobar-pae: unexpected argument '%s'\n", argv[optind]);
		return 2;
	}
	if (options->mode == PAE_SERVE && (options->store == NULL || options->api == NULL)) {
		fprintf(stderr, "isobar-pae: --store and --api are needed\n");
		usage(stderr);
		return 2;
	}
	if (options->mode == PAE_TRAIN && options->job.model_path == NULL) {
		fprintf(stderr, "isobar-pae: --train-from needs --out\n");
		return 2;
	}
	snprintf(shipped, sizeof(shipped), "%s/" SHIPPED_MODEL, options->models);
	if (options->job.model_path == NULL)
		options->job.model_path = shipped;
	return -1;
}

/* False after saying what is wrong. */
static bool
option_take(struct pae_options *options, int option, const char *value)
{
	struct workbench_job *job = &options->job;
	char *end = NULL;

	switch (option) {
	case OPTION_STORE:
		options->store = value;
		return true;
	case OPTION_API:
		options->api = value;
		return true;
	case OPTION_TOKEN_FILE:
		options->token_file = value;
		return true;
	case OPTION_MODELS:
		options->models = value;
		return true;
	case OPTION_ONCE:
		options->once = true;
		return true;
	case OPTION_TRAIN_FROM:
		options->mode = PAE_TRAIN;
		job->folder = value;
		return true;
	case OPTION_EVALUATE:
		options->mode = PAE_EVALUATE;
		job->folder = value;
		return true;
	case OPTION_OUT:
	case OPTION_MODEL:
		job->model_path = value;
		return true;
	case OPTION_CARD:
		job->card_path = value;
		return true;
	case OPTION_DATA:
		job->data = value;
		return true;
	case OPTION_LICENCE:
		job->licence = value;
		return true;
	case OPTION_NOTE:
		job->note = value;
		return true;
	case OPTION_HORIZON:
		job->horizon_s = strtoll(value, &end, 10);
		if (*end == '\0' && job->horizon_s >= 60 && job->horizon_s <= 86400)
			return true;
		fprintf(stderr, "isobar-pae: --horizon is in seconds, 60 to 86400\n");
		return false;
	case OPTION_SHARE:
		job->share = strtod(value, &end);
		if (*end == '\0' && job->share > 0 && job->share <= 1)
			return true;
		fprintf(stderr, "isobar-pae: --share is above 0 and at most 1\n");
		return false;
	case OPTION_SEED:
		job->seed = strtoull(value, &end, 10);
		if (*end == '\0' && end != value)
			return true;
		fprintf(stderr, "isobar-pae: --seed is a number\n");
		return false;
	case OPTION_DATE:
		if (wall_parse(value, &job->made) == 0)
			return true;
		fprintf(stderr, "isobar-pae: --date is a time like 2026-11-22T00:00:00Z\n");
		return false;
	case 'v':
		options->level = LOG_LEVEL_DEBUG;
		return true;
	default:
		usage(stderr);
		return false;
	}
}

static void
usage(FILE *to)
{
	fputs("usage: isobar-pae --store PATH --api URL [--token-file FILE] [--models DIR] [--once] [-v]\n"
	    "       isobar-pae --train-from DIR --out FILE [--card FILE] [--horizon SECONDS] [--share SHARE]\n"
	    "                  [--seed NUMBER] [--date TIME] [--data TEXT] [--licence TEXT] [--note TEXT]\n"
	    "       isobar-pae --evaluate DIR [--model FILE | --models DIR]\n"
	    "See isobar-pae(8).\n", to);
}
