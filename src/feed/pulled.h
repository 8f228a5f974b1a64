/* pulled.h -- what one pull of a feed brought: signals or series, and what couldn't be used. Threads: one pull, one
 * thread. */
#ifndef ISOBAR_FEED_PULLED_H
#define ISOBAR_FEED_PULLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/contract.h"
#include "base/diag.h"
#include "base/json.h"
#include "steer/region_set.h"
#include "steer/steering.h"

#define PULLED_SIGNALS_MAX 4096		/* in force or announced at once, for all regions; beyond is a failure */
#define PULLED_SAMPLES_MAX 8192		/* of one pull: one job of the store's writer, a tenth of a second */
#define PULLED_NOTES_MAX 20

struct pulled_signal {
	const char *id, *text;
	region_id region;
	double severity, certainty;	/* NAN: couldn't be read */
	struct wall onset;		/* .ms 0: not told */
	struct wall expires;
};

struct pulled_sample { int64_t at_ms; double value; };

struct pulled_series {
	region_id region;
	const char *backend, *name, *unit;
	size_t count;
	struct pulled_sample *samples;	/* rising */
};

struct pulled {
	struct arena *arena;
	const struct steering *steering;
	const struct steering_feed *feed;
	struct wall now;
	char error[300];		/* it failed, or "" */
	struct diags notes;		/* what was wrong with single items */
	size_t items, left_out;
	size_t signal_count;
	struct pulled_signal signals[PULLED_SIGNALS_MAX];
	size_t series_count, series_size, sample_count;
	struct pulled_series *series;
	struct wall until;		/* all samples up to then are here; .ms 0: no statement */
	uint64_t bytes, took_ms;
};

/* NULL: out of memory. */
struct pulled *pulled_new(const struct steering *steering, const struct steering_feed *feed, struct wall now) NONNULL
	MUST_USE;
void pulled_free(struct pulled *pulled);
void pulled_fail(struct pulled *pulled, const char *format, ...) NONNULL PRINTF(2, 3);	/* the first reason stays */

/* The same event for the same region again: the worse counts. Strings are copied. */
void pulled_signal_add(struct pulled *pulled, const struct pulled_signal *signal) NONNULL;
/* For all of these regions. */
void pulled_signals_add(struct pulled *pulled, const struct region_set *regions, struct pulled_signal signal) NONNULL;
/* NULL: out of memory, or too many. */
struct pulled_series *pulled_series_add(struct pulled *pulled, size_t samples) NONNULL;

/* The region that the feed calls so, or NO_REGION. */
region_id pulled_region(const struct pulled *pulled, const char *called) NONNULL;

/* The body of POST /v1/feeds/{feed}. Caller frees; NULL: out of memory. */
char *pulled_write(const struct pulled *pulled) NONNULL MUST_USE;

/* --- readers: what came into `pulled`; errors too -------------------------------------------------------------- */

void pulled_read_json(struct pulled *pulled, const cJSON *document) NONNULL;	/* mapped.c */
void pulled_read_geojson(struct pulled *pulled, const cJSON *document) NONNULL;	/* alerts.c */
void pulled_read_cap(struct pulled *pulled, const cJSON *document) NONNULL;
void pulled_read_cap_xml(struct pulled *pulled, const char *bytes, size_t length) NONNULL;	/* cap_xml.c */

/* --- words and times that the readers share (words.c) ---------------------------------------------------------- */

/* Of CAP 1.2, in any case. False: no such word. */
bool words_severity(const char *word, double *value) NONNULL;
bool words_certainty(const char *word, double *value) NONNULL;
/* RFC 3339, or seconds or milliseconds since 1970. False: neither. */
bool words_time(const cJSON *value, struct wall *at) __attribute__((nonnull(2)));

#endif
