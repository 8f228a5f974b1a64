/* pae.c -- see pae.h.
 * The child gets a pipe as its standard input whose other end we never write to: when we die, however suddenly, it
 * reads the end of file and leaves. It inherits standard error, so its log goes where ours goes. */
#include "control/pae.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define BACKOFF_MOST_MS 60000
#define STEADY_MS 60000		/* a child that lived this long starts the back-off anew */
#define KILL_AFTER_MS 500	/* a child that doesn't leave when told: it has nothing to lose, and we end soon */

struct pae {
	uv_loop_t *loop;
	char **arguments;
	uv_process_t process;
	uv_pipe_t lifeline;
	uv_timer_t again;	/* the next start; while stopping: the end of patience */
	bool running, stopping;
	unsigned open_handles;	/* process and lifeline, while they close */
	unsigned restarts;
	uint64_t started_ms, backoff_ms;
};

static void start(struct pae *pae);
static void on_child_exit(uv_process_t *process, int64_t status, int signal);
static void on_part_closed(uv_handle_t *handle);
static void on_again(uv_timer_t *timer);
static void on_overdue(uv_timer_t *timer);

struct pae *
pae_new(uv_loop_t *loop, const char *const *arguments)
{
	struct pae *pae = calloc(1, sizeof(*pae));
	size_t count = 0;

	if (pae == NULL)
		return NULL;
	while (arguments[count] != NULL)
		count++;
	pae->arguments = calloc(count + 1, sizeof(char *));
	for (size_t i = 0; pae->arguments != NULL && i < count; i++) {
		pae->arguments[i] = strdup(arguments[i]);
		if (pae->arguments[i] == NULL)
			goto fail;
	}
	if (pae->arguments == NULL)
		goto fail;
	pae->loop = loop;
	uv_timer_init(loop, &pae->again);
	pae->again.data = pae;
	start(pae);
	return pae;
fail:
	pae_free(pae);
	return NULL;
}

static void
start(struct pae *pae)
{
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&pae->lifeline },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 },
	};
	uv_process_options_t options = {
		.file = pae->arguments[0], .args = pae->arguments, .exit_cb = on_child_exit, .stdio_count = 3,
		.stdio = stdio,
	};
	int status;

	uv_pipe_init(pae->loop, &pae->lifeline, 0);
	pae->lifeline.data = pae->process.data = pae;
	pae->started_ms = uv_now(pae->loop);
	status = uv_spawn(pae->loop, &pae->process, &options);
	pae->running = status == 0;
	if (status == 0)
		return;
	log_error("can't start %s: %s; answers go on by the last plan", pae->arguments[0], uv_strerror(status));
	on_child_exit(&pae->process, -1, 0);
}

static void
on_child_exit(uv_process_t *process, int64_t status, int signal)
{
	struct pae *pae = process->data;
	bool was_running = pae->running;

	pae->running = false;
	pae->open_handles = 2;
	uv_close((uv_handle_t *)&pae->lifeline, on_part_closed);
	uv_close((uv_handle_t *)&pae->process, on_part_closed);
	if (pae->stopping) {
		if (was_running)
			uv_close((uv_handle_t *)&pae->again, NULL);
		return;
	}
	if (uv_now(pae->loop) - pae->started_ms >= STEADY_MS)
		pae->backoff_ms = 0;
	if (was_running)
		log_warning("isobar-pae ended (%s %d); it's started again in %.0f s; answers go on by the last plan",
		    signal != 0 ? "signal" : "status", signal != 0 ? signal : (int)status,
		    (double)pae->backoff_ms / 1000);
}

static void
on_part_closed(uv_handle_t *handle)
{
	struct pae *pae = handle->data;

	if (--pae->open_handles > 0 || pae->stopping)
		return;
	uv_timer_start(&pae->again, on_again, pae->backoff_ms, 0);
	pae->backoff_ms = pae->backoff_ms == 0 ? 1000 : pae->backoff_ms * 2;
	if (pae->backoff_ms > BACKOFF_MOST_MS)
		pae->backoff_ms = BACKOFF_MOST_MS;
}

static void
on_again(uv_timer_t *timer)
{
	struct pae *pae = timer->data;

	pae->restarts++;
	start(pae);
}

bool
pae_running(const struct pae *pae)
{
	return pae != NULL && pae->running;
}

unsigned
pae_restarts(const struct pae *pae)
{
	return pae == NULL ? 0 : pae->restarts;
}

void
pae_train(struct pae *pae)
{
	if (pae->running)
		uv_process_kill(&pae->process, SIGUSR1);
}

void
pae_stop(struct pae *pae)
{
	if (pae == NULL)
		return;
	pae->stopping = true;
	if (!pae->running) {
		uv_close((uv_handle_t *)&pae->again, NULL);
		return;
	}
	uv_process_kill(&pae->process, SIGTERM);
	uv_timer_start(&pae->again, on_overdue, KILL_AFTER_MS, 0);
}

static void
on_overdue(uv_timer_t *timer)
{
	struct pae *pae = timer->data;

	log_warning("isobar-pae doesn't end; it's killed");
	uv_process_kill(&pae->process, SIGKILL);
}

void
pae_free(struct pae *pae)
{
	if (pae == NULL)
		return;
	for (size_t i = 0; pae->arguments != NULL && pae->arguments[i] != NULL; i++)
		free(pae->arguments[i]);
	free(pae->arguments);
	free(pae);
}
