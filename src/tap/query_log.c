/* query_log.c -- see query_log.h.
 * In: exchanges, from workers.  Out: lines.  Threads: the workers, and the pump's own, which makes the text.
 * What a worker puts into its ring is the facts in binary form: a line's text would cost it more than the answer did.
 * A line that can't be written, as the disk is full, counts as dropped. */
#include "tap/query_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/query.h"
#include "tap/pump.h"
#include "zone/rrtype.h"

#define RING_SIZE (1u << 20)	/* of each worker: 6,000 lines */
#define REGION_MAX 63		/* octets of a region's name, as the steering's check has it */
#define LINE_SIZE (NAME_TEXT_SIZE + 256)

struct query_record {
	uint64_t asked_ns;
	const char *policy;
	struct address client;
	uint16_t port, type, rcode;
	uint8_t transport;
	bool asks, answered;		/* there is a question; there was a response */
	char region[REGION_MAX + 1];
	uint8_t name[NAME_MAX];		/* last: only as long as it is */
};

struct query_log {
	struct pump *pump;
	int fd;				/* or -1: the log */
	bool failing;			/* the pump's thread's */
	uint64_t lines, lost;		/* written by the pump's thread, read by anybody */
};

static void write_lines(void *arg, const struct iovec *strings, size_t count);
static void idle(void *arg);
static size_t print(const struct query_record *record, char line[static LINE_SIZE]);
static const char *rcode_text(const struct query_record *record, char text[static 16]);
static bool write_all(int fd, const char *bytes, size_t length);

struct query_log *
query_log_new(const char *path, unsigned workers, uint32_t sample, struct text *error)
{
	struct query_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		goto no_memory;
	log->fd = -1;
	if (*path != '\0')
		log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (*path != '\0' && log->fd < 0) {
		text_printf(error, "%s can't be written: %s", path, strerror(errno));
		free(log);
		return NULL;
	}
	log->pump = pump_new(&(struct pump_options){ .workers = workers, .ring_size = RING_SIZE, .sample = sample,
	    .sink = { write_lines, idle, log } });
	if (log->pump != NULL)
		return log;
	if (log->fd >= 0)
		close(log->fd);
	free(log);
no_memory:
	text_puts(error, "out of memory, or of threads");
	return NULL;
}

static void
write_lines(void *arg, const struct iovec *strings, size_t count)
{
	struct query_log *log = arg;
	char lines[PUMP_BATCH * LINE_SIZE];
	size_t length = 0;
	bool written = true;

	for (size_t i = 0; i < count; i++) {
		struct query_record record = { .type = 0 };

		memcpy(&record, strings[i].iov_base, strings[i].iov_len);
		length += print(&record, lines + length);
		if (log->fd < 0) {
			lines[length - 1] = '\0';
			log_info("query %s", lines);
			length = 0;
		}
	}
	if (log->fd >= 0)
		written = write_all(log->fd, lines, length);
	if (!written && !log->failing)
		log_warning("the query log can't be written: %s", strerror(errno));
	log->failing = !written;
	__atomic_store_n(written ? &log->lines : &log->lost, (written ? log->lines : log->lost) + count,
	    __ATOMIC_RELAXED);
}

static void
idle(void *arg)
{
	(void)arg;
}

/* Its length, with the end of the line. */
static size_t
print(const struct query_record *record, char line[static LINE_SIZE])
{
	static const char *const transports[TRANSPORTS] = { "UDP", "TCP", "DOT" };
	char time[CLOCK_TEXT_SIZE], client[ADDRESS_TEXT_SIZE], name[NAME_TEXT_SIZE], type[16], rcode[16];

	return (size_t)snprintf(line, LINE_SIZE, "%s %s@%u %s %s %s %s %s %s\n",
	    wall_text((struct wall){ (int64_t)(record->asked_ns / 1000000) }, time),
	    address_text(&record->client, client), record->port, transports[record->transport],
	    record->asks ? name_text(record->name, name) : "-",
	    record->asks ? rrtype_text(record->type, type) : "-", rcode_text(record, rcode),
	    record->region[0] == '\0' ? "-" : record->region, record->policy == NULL ? "-" : record->policy);
}

static const char *
rcode_text(const struct query_record *record, char text[static 16])
{
	static const char *const texts[] = {
		[RCODE_NOERROR] = "NOERROR", [RCODE_FORMERR] = "FORMERR", [RCODE_SERVFAIL] = "SERVFAIL",
		[RCODE_NXDOMAIN] = "NXDOMAIN", [RCODE_NOTIMP] = "NOTIMP", [RCODE_REFUSED] = "REFUSED",
		[RCODE_YXDOMAIN] = "YXDOMAIN", [9] = "NOTAUTH", [RCODE_BADVERS] = "BADVERS",
		[RCODE_BADCOOKIE] = "BADCOOKIE",
	};

	if (!record->answered)
		return "-";
	if (record->rcode < ARRAY_SIZE(texts) && texts[record->rcode] != NULL)
		return texts[record->rcode];
	snprintf(text, 16, "RCODE%u", record->rcode);
	return text;
}

static bool
write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			bytes += written;
			length -= (size_t)written;
		}
	}
	return true;
}

void
query_log_free(struct query_log *log, struct query_log_counts *counts)
{
	*counts = (struct query_log_counts){ 0, 0 };
	if (log == NULL)
		return;
	counts->dropped = pump_dropped(log->pump);
	pump_free(log->pump);
	counts->lines = log->lines;
	counts->dropped += log->lost;
	if (log->fd >= 0)
		close(log->fd);
	free(log);
}

void
query_log_take(struct query_log *log, const struct tap_seen *seen)
{
	struct query_record *record;
	struct query query;
	size_t length;

	if (!pump_wants(log->pump, seen->worker))
		return;
	query.question_length = 0;
	(void)query_read(&query, seen->request, seen->request_length);
	length = offsetof(struct query_record, name) + (query.question_length > 0 ? query.parts.length : 0u);
	record = pump_room(log->pump, seen->worker, length);
	if (record == NULL)
		return;
	record->asked_ns = seen->asked_ns;
	record->policy = seen->note.policy;
	record->client = seen->client;
	record->port = seen->client_port;
	record->transport = (uint8_t)seen->transport;
	record->rcode = seen->note.rcode;
	record->answered = seen->response_length > 0;
	record->asks = query.question_length > 0;
	record->region[0] = '\0';
	if (seen->note.region != NULL)
		strncpy(record->region, seen->note.region, REGION_MAX);
	record->region[REGION_MAX] = '\0';
	if (record->asks) {
		record->type = query.type;
		memcpy(record->name, query.name, query.parts.length);
	}
	pump_put(log->pump, seen->worker, length);
}

void
query_log_counts(const struct query_log *log, struct query_log_counts *counts)
{
	counts->lines = __atomic_load_n(&log->lines, __ATOMIC_RELAXED);
	counts->dropped = pump_dropped(log->pump) + __atomic_load_n(&log->lost, __ATOMIC_RELAXED);
}
