/* labels.h -- incidents of one region, and the question that the failure model answers: does one begin within H?
 * Threads: any; an incident list is immutable once it's made. */
#ifndef ISOBAR_PREDICT_LABELS_H
#define ISOBAR_PREDICT_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/contract.h"

#define INCIDENT_GAP_S 300	/* incidents closer than this are one: a failure that flickers is not several */

struct incident {
	int64_t start_s, end_s;	/* seconds since 1970; the end is not part of it; INT64_MAX: it goes on */
};

/* By start, not overlapping, at least INCIDENT_GAP_S apart. Start with { 0 }; incidents_fini() frees. */
struct incidents {
	struct incident *list;
	size_t count, size;
};

int incidents_add(struct incidents *incidents, struct incident incident) NONNULL MUST_USE;	/* 0 or -ENOMEM */
void incidents_merge(struct incidents *incidents) NONNULL;	/* sorts and joins: call it after the last add */
void incidents_fini(struct incidents *incidents) NONNULL;

enum label {
	LABEL_NONE,		/* inside an incident, or the time to look ahead isn't all known: no row */
	LABEL_NEGATIVE,
	LABEL_POSITIVE,		/* an incident begins in (t, t + H] */
};

/* `known_to_s`: labels are known before this time. */
enum label label_at(const struct incidents *incidents, int64_t t, int64_t horizon_s, int64_t known_to_s) NONNULL;

/* The index of the first incident that begins after `t`; incidents->count if there is none. */
size_t incidents_after(const struct incidents *incidents, int64_t t) NONNULL;

/* True when `t` lies in one. */
bool incidents_inside(const struct incidents *incidents, int64_t t) NONNULL;

#endif
