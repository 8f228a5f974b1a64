/* dnstap.c -- see dnstap.h.
 * In: exchanges, from workers.  Out: frames to a reader.  Threads: the workers, and the pump's own.
 *
 * A worker writes the message into its ring; the pump's thread hands it to libfstrm, which frames it. libfstrm has a
 * thread and queues of its own (fstrm_iothr), which aren't used: they take memory from the heap for each frame, wake
 * their thread from the worker, and don't say which frames were lost when there was no reader.
 *
 * When there is no reader the thread tries to connect each RETRY_MS, and what comes meanwhile is dropped and counted:
 * a reader that comes gets news and no history. A reader that doesn't read for a while holds up the thread alone:
 * the rings fill, and workers drop. */
#include "tap/dnstap.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tap/dnstap_message.h"
#include "tap/dnstap_stream.h"
#include "tap/pump.h"

#define RING_SIZE (4u << 20)	/* of each worker: 5,000 exchanges of usual size; half of it is the longest string */
#define RETRY_MS 1000
#define TEXT_MOST 255		/* octets of identity and version */

struct dnstap {
	struct dnstap_options options;
	char identity[TEXT_MOST + 1], version[TEXT_MOST + 1];
	struct dnstap_stream *stream;	/* the pump's thread's */
	struct mono tried;
	bool was_told;			/* the log knows that there is no reader */
	struct pump *pump;
	bool connected;			/* these three are written by the pump's thread, and read by anybody */
	uint64_t frames, lost;
};

static void send_frames(void *arg, const struct iovec *strings, size_t count);
static void look(void *arg);
static bool connect_if_due(struct dnstap *dnstap);
static void set_connected(struct dnstap *dnstap, bool connected);
static void take_one(struct dnstap *dnstap, const struct tap_seen *seen, bool response);
static void add(uint64_t *counter, uint64_t count);

bool
dnstap_is_built(void)
{
	return true;
}

struct dnstap *
dnstap_new(const struct dnstap_options *options, struct text *error)
{
	struct dnstap *dnstap = calloc(1, sizeof(*dnstap));

	if (dnstap == NULL)
		goto fail;
	dnstap->options = *options;
	strncpy(dnstap->identity, options->identity, TEXT_MOST);
	strncpy(dnstap->version, options->version, TEXT_MOST);
	dnstap->stream = dnstap_stream_new(options->socket, &options->server, options->port);
	dnstap->tried = mono_add_ms(mono_now(), -RETRY_MS);
	if (dnstap->stream == NULL)
		goto fail;
	dnstap->pump = pump_new(&(struct pump_options){ .workers = options->workers, .ring_size = RING_SIZE,
	    .sample = options->sample, .sink = { send_frames, look, dnstap } });
	if (dnstap->pump != NULL)
		return dnstap;
fail:
	if (dnstap != NULL)
		dnstap_stream_free(dnstap->stream);
	free(dnstap);
	text_puts(error, "dnstap: out of memory, or of threads");
	return NULL;
}

static void
send_frames(void *arg, const struct iovec *strings, size_t count)
{
	struct dnstap *dnstap = arg;
	bool sent = connect_if_due(dnstap) && dnstap_stream_write(dnstap->stream, strings, count);

	add(sent ? &dnstap->frames : &dnstap->lost, count);
	set_connected(dnstap, sent);
}

/* Without frames, too, a reader is looked for, and one that went away is noticed. */
static void
look(void *arg)
{
	struct dnstap *dnstap = arg;

	set_connected(dnstap, connect_if_due(dnstap) && dnstap_stream_is_there(dnstap->stream));
}

static bool
connect_if_due(struct dnstap *dnstap)
{
	struct mono now;

	if (dnstap->connected)
		return true;
	now = mono_now();
	if (mono_ms_between(dnstap->tried, now) < RETRY_MS)
		return false;
	dnstap->tried = now;
	if (!dnstap_stream_open(dnstap->stream))
		return false;
	set_connected(dnstap, true);
	return true;
}

static void
set_connected(struct dnstap *dnstap, bool connected)
{
	if (connected && !dnstap->connected)
		log_info("dnstap: a reader takes frames");
	else if (!connected && (dnstap->connected || !dnstap->was_told))
		log_warning("dnstap: there is no reader; frames are dropped until one comes");
	dnstap->was_told = true;
	if (!connected && dnstap->connected)
		dnstap_stream_close(dnstap->stream);
	__atomic_store_n(&dnstap->connected, connected, __ATOMIC_RELAXED);
}

static void
add(uint64_t *counter, uint64_t count)
{
	__atomic_store_n(counter, *counter + count, __ATOMIC_RELAXED);
}

void
dnstap_free(struct dnstap *dnstap)
{
	if (dnstap == NULL)
		return;
	dnstap_stream_hurry(dnstap->stream);
	pump_free(dnstap->pump);
	if (dnstap->connected)
		dnstap_stream_close(dnstap->stream);
	dnstap_stream_free(dnstap->stream);
	free(dnstap);
}

void
dnstap_take(struct dnstap *dnstap, const struct tap_seen *seen)
{
	if (!pump_wants(dnstap->pump, seen->worker))
		return;
	if (dnstap->options.queries)
		take_one(dnstap, seen, false);
	if (dnstap->options.responses && seen->response_length > 0)
		take_one(dnstap, seen, true);
}

static void
take_one(struct dnstap *dnstap, const struct tap_seen *seen, bool response)
{
	struct dnstap_message m;
	size_t length = dnstap_message_make(&m, seen, response, dnstap->identity, dnstap->version);
	void *room = pump_room(dnstap->pump, seen->worker, length);

	if (room == NULL)
		return;
	dnstap__dnstap__pack(&m.outer, room);
	pump_put(dnstap->pump, seen->worker, length);
}

void
dnstap_state(const struct dnstap *dnstap, struct dnstap_state *state)
{
	state->connected = __atomic_load_n(&dnstap->connected, __ATOMIC_RELAXED);
	state->frames = __atomic_load_n(&dnstap->frames, __ATOMIC_RELAXED);
	state->dropped = pump_dropped(dnstap->pump) + __atomic_load_n(&dnstap->lost, __ATOMIC_RELAXED);
}
