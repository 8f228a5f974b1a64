/* area.h -- which regions an area holds: GeoJSON geometries (RFC 7946), polygons and circles of CAP. Threads: any. */
#ifndef ISOBAR_FEED_AREA_H
#define ISOBAR_FEED_AREA_H

#include <stdbool.h>

#include "base/contract.h"
#include "base/diag.h"
#include "base/json.h"
#include "steer/region_set.h"
#include "steer/steering.h"

/* Regions with a known location, among which is looked. */
struct places {
	const struct steering *steering;
	struct region_set regions;
};

/* Each adds to `inside`, and is false after an error with `file` and `pointer` as its place. */
bool area_geojson(const cJSON *geometry, const struct places *places, const char *file, const char *pointer,
	struct region_set *inside, struct diags *diags) NONNULL;
/* "38.47,-120.14 38.34,-119.95 ...": latitude first. */
bool area_cap_polygon(const char *text, const struct places *places, const char *file, const char *pointer,
	struct region_set *inside, struct diags *diags) NONNULL;
/* "32.9525,-115.5527 0": latitude, longitude, km. */
bool area_cap_circle(const char *text, const struct places *places, const char *file, const char *pointer,
	struct region_set *inside, struct diags *diags) NONNULL;

#endif
