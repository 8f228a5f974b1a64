/* steering_yaml.h -- steering.yaml to struct steering, with every error of the file in one run.
 * The grammar, with units and defaults, is a schema table that steering.yaml(5) is tested against. Threads: any. */
#ifndef ISOBAR_CONF_STEERING_YAML_H
#define ISOBAR_CONF_STEERING_YAML_H

#include "base/contract.h"
#include "base/diag.h"
#include "steer/steering.h"
#include "zone/zone.h"

/* NULL after errors. `text` is NUL-terminated. */
struct steering *steering_read(const char *text, const char *file, struct diags *diags) NONNULL MUST_USE;

/* The checks that need zones: each service's owner lies in a zone, each region of it has region records, types agree
 * between regions, no static record is hidden. `zones` are all zones that would be served with it. */
/* That the TSIG keys that zones name are among those (names as they're written in isobar.yaml). */
void steering_check_keys(const struct steering *steering, const char *file, const char *const *keys, size_t count,
	struct diags *diags) __attribute__((nonnull(1, 2, 5)));
void steering_check_zones(const struct steering *steering, const char *file, struct zone *const *zones, size_t count,
	struct diags *diags) NONNULL;

#endif
