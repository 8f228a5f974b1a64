/* metric.h -- Prometheus' text format 0.0.4, family by family.
 * Names follow Prometheus' conventions: isobar_ in front, base units, _total behind counters. */
#ifndef ISOBAR_API_METRIC_H
#define ISOBAR_API_METRIC_H

#include "base/contract.h"
#include "base/text.h"

/* The head of a family; all its samples follow, as the format demands. `type` is gauge or counter. */
void metric_family(struct text *out, const char *name, const char *type, const char *help) NONNULL;
/* A sample with none, one or two labels: the others are NULL. */
void metric_sample(struct text *out, const char *name, double value, const char *label, const char *label_value,
	const char *label2, const char *label2_value) __attribute__((nonnull(1, 2)));
/* A family of one sample without labels. */
void metric_single(struct text *out, const char *name, const char *type, const char *help, double value) NONNULL;

#endif
