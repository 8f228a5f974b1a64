/* recorder_parts.h -- what the files of the recorder share. Private to control/recorder*.c. */
#ifndef ISOBAR_CONTROL_RECORDER_PARTS_H
#define ISOBAR_CONTROL_RECORDER_PARTS_H

#include <pthread.h>

#include "base/arena.h"
#include "control/past.h"
#include "control/recorder.h"
#include "control/state.h"

/* How a service's tables stand in the store. */
struct chain {
	char *service;
	uint64_t epoch;		/* of the newest octets; 0: none that count */
	unsigned length;	/* differences in a row up to there */
};

/* What was noted of one (service, region) last. */
struct word {
	bool known, dead;
	uint16_t admit;
	struct mono noted;
};

/* What the tables of a snapshot mean, beyond its end. */
struct meaning {
	struct steering *steering;	/* held; or NULL: there is none */
	struct partition partition;
};

/* Tables of a service: held until they are octets, which may be long after their snapshot. */
struct tables {
	const char *service;
	uint64_t base;
	struct slot_table **held, **held_base;	/* by demand group of the record's meanings; or NULL */
	void *octets;
	size_t length;
};

/* An epoch or live words, on their way to the store; strings in `arena`. */
struct record {
	struct record *next;
	struct control *control;
	struct arena *arena;
	struct epoch_row epoch;		/* .epoch 0: none */
	const char *steering;		/* or NULL: unchanged */
	struct meaning now, old;
	size_t table_count, word_count;
	struct tables *tables;
	struct live_row *words;
	int status;
};

struct recorder {
	struct control *control;
	size_t chain_count;
	struct chain *chains;
	struct record *pending;			/* tables of the publication that is under way */
	char *steering;				/* the text that was noted last, or NULL */
	const struct snapshot *snapshot;	/* whose words these are; never looked into */
	char **regions, **services;		/* their names */
	size_t region_count, service_count;
	struct word *words;			/* [service][region] */
	struct mono failed;
	struct wall at;				/* of the publication in service */
	struct past restored;			/* what the restored snapshot lives on */
	bool lost;				/* a job failed: all is to be written whole */
	/* recorder_jobs.c */
	pthread_t packer;
	bool packing;				/* the thread runs */
	pthread_mutex_t lock;			/* guards what follows */
	pthread_cond_t wake;
	struct record *queue, **queue_end;	/* to be packed */
	struct record *orphans;			/* written when nobody took that any more */
	bool ending;
};

/* recorder_jobs.c */
bool jobs_begin(struct recorder *recorder) NONNULL;	/* false: out of memory or threads */
void jobs_end(struct recorder *recorder) NONNULL;	/* what was submitted is in the store's queue then */
struct record *record_new(struct recorder *recorder) NONNULL;
void record_free(struct record *record);
void record_submit(struct recorder *recorder, struct record *record) NONNULL;	/* takes it */
/* Holds what the tables need. False: out of memory. */
bool record_mean(struct record *record, struct meaning *meaning, const struct snapshot *snapshot) NONNULL MUST_USE;
struct slot_table **record_hold(struct record *record, const struct snapshot *snapshot, const struct service *service)
	NONNULL MUST_USE;

/* recorder_words.c */
bool words_adopt(struct recorder *recorder, const struct snapshot *snapshot) NONNULL MUST_USE;
void words_free(struct recorder *recorder) NONNULL;

/* recorder.c */
struct chain *chain_of(struct recorder *recorder, const char *service) NONNULL;	/* NULL: out of memory */
void note_all_again(struct recorder *recorder) NONNULL;	/* after a failure, and some time */

#endif
