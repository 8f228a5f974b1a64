/* isobar-pae.c -- the predictive analytics engine: reads the store, forecasts, proposes plans, trains.
 * In: the command line; the store, read-only.  Out: predictions, plans and models, posted to isobard's API.
 * Threads: one. Training runs in a forked child (pae/training.c), so that a round (pae/round.c) is never late.
 *
 * It holds nothing that isn't in the store: it may be killed at any moment. It ends when its standard input, a pipe
 * that isobard holds the other end of, closes.
 * Exit status: 0 done, 1 failed, 2 wrong usage. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "pae/engine.h"
#include "pae/options.h"

#define BACKOFF_MOST_MS 60000

/* What wakes the engine, and what ends it. */
struct service {
	struct engine *engine;
	struct mono next_round;
	int64_t backoff_ms;
	int signals;			/* a signalfd */
	bool lifeline;			/* standard input is a pipe whose end is ours */
	bool stop;
};

static int serve(const struct pae_options *options);
static int signals_open(void);
static void wait_for_work(struct service *service);
static void take_signals(struct service *service);

int
main(int argc, char **argv)
{
	struct pae_options options;
	int rc = pae_options_read(&options, argc, argv);

	if (rc >= 0)
		return rc;
	log_open("isobar-pae", options.level);
	switch (options.mode) {
	case PAE_TRAIN:
		return workbench_train(&options.job);
	case PAE_EVALUATE:
		return workbench_evaluate(&options.job);
	case PAE_SERVE:
		break;
	}
	return serve(&options);
}

static int
serve(const struct pae_options *options)
{
	struct engine engine = { .options = options };
	struct service service = { .engine = &engine, .signals = signals_open() };
	struct stat input;
	bool done = false;

	service.lifeline = fstat(STDIN_FILENO, &input) == 0 && (S_ISFIFO(input.st_mode) || S_ISSOCK(input.st_mode));
	if (service.signals < 0)
		log_error("can't take signals: %s", strerror(errno));
	if (service.signals < 0 || !engine_open(&engine)) {
		engine_close(&engine);
		return 1;
	}
	while (!service.stop) {
		done = round_run(&engine, wall_now());
		if (options->once)
			break;
		feeds_run(&engine, engine.feeds);
		service.backoff_ms = done ? 0 : service.backoff_ms == 0 ? 1000 : service.backoff_ms * 2;
		if (service.backoff_ms > BACKOFF_MOST_MS)
			service.backoff_ms = BACKOFF_MOST_MS;
		service.next_round = mono_add_ms(mono_now(), done ? engine.steering->pae_update_interval_ms :
		    service.backoff_ms);
		wait_for_work(&service);
	}
	engine_close(&engine);
	close(service.signals);
	return options->once && !done ? 1 : 0;
}

static int
signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Until the next round is due. */
static void
wait_for_work(struct service *service)
{
	struct engine *engine = service->engine;

	while (!service->stop) {
		int64_t left = mono_ms_between(mono_now(), service->next_round), killed;
		struct pollfd fds[3 + FEEDS_AT_ONCE] = {
			{ .fd = service->signals, .events = POLLIN },
			{ .fd = service->lifeline ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = engine->child == NULL ? -1 : child_fd(engine->child), .events = POLLIN },
		};
		size_t pulls = feeds_poll(engine->feeds, fds + 3);
		int64_t feeds_left = feeds_ms_left(engine->feeds, mono_now());
		char byte;

		if (left <= 0)
			return;
		left = feeds_left < left ? feeds_left : left;
		if (engine->child != NULL && (killed = child_ms_left(engine->child, mono_now())) < left)
			left = killed > 0 ? killed : 0;
		if (poll(fds, 3 + (nfds_t)pulls, (int)left + 1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents != 0)
			take_signals(service);
		if (fds[1].revents != 0 && read(STDIN_FILENO, &byte, 1) <= 0)
			service->stop = true;
		if (engine->child != NULL)
			training_poll(engine);
		feeds_run(engine, engine->feeds);
		if (engine->train_now)
			training_if_due(engine, wall_now());
		training_next(engine, wall_now());
	}
}

static void
take_signals(struct service *service)
{
	struct signalfd_siginfo signal;

	while (read(service->signals, &signal, sizeof(signal)) == sizeof(signal)) {
		if (signal.ssi_signo == SIGUSR1)
			service->engine->train_now = true;
		else
			service->stop = true;
	}
}
