/* area.c -- areas as others write them, and which regions lie inside.
 * In: a geometry of GeoJSON, or CAP's polygon or circle.  Out: a set of regions, or what is wrong with the area.
 * Threads: any. */
#include "feed/area.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed/polygon.h"
#include "steer/country.h"

#define RINGS_MAX 1024		/* of one polygon: an outline and its islands; more is no area of an alert */
#define POSITIONS_MAX 1000000	/* of one polygon */

/* One polygon while it's read. */
struct outline {
	struct ring *rings;
	struct position *positions;
	size_t ring_count, position_count;
};

struct area_reader {
	const struct places *places;
	const char *file;
	struct diags *diags;
	struct region_set *inside;
};

static bool read_geometry(struct area_reader *r, const cJSON *geometry, const char *pointer);
static bool read_each(struct area_reader *r, const cJSON *list, const char *pointer,
	bool (*read)(struct area_reader *r, const cJSON *item, const char *pointer));
static bool read_polygon(struct area_reader *r, const cJSON *polygon, const char *pointer);
static bool read_ring(struct area_reader *r, const cJSON *list, const char *pointer, struct outline *outline);
static bool read_position(const cJSON *list, struct position *position);
static bool position_is_good(struct position position);
static void find_places(struct area_reader *r, const struct outline *outline);
static bool complain(const struct area_reader *r, const char *pointer, const char *what);

bool
area_geojson(const cJSON *geometry, const struct places *places, const char *file, const char *pointer,
	struct region_set *inside, struct diags *diags)
{
	struct area_reader r = { places, file, diags, inside };

	return read_geometry(&r, geometry, pointer);
}

/* Recursion ends with the depth of the JSON. */
static bool
read_geometry(struct area_reader *r, const cJSON *geometry, const char *pointer)
{
	const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(geometry, "type"));
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(geometry, "coordinates");
	char inner[256];

	if (type == NULL)
		return complain(r, pointer, "a geometry is an object with a type");
	snprintf(inner, sizeof(inner), "%.200s/%s", pointer,
	    strcmp(type, "GeometryCollection") == 0 ? "geometries" : "coordinates");
	if (strcmp(type, "Polygon") == 0)
		return read_polygon(r, list, inner);
	if (strcmp(type, "MultiPolygon") == 0)
		return read_each(r, list, inner, read_polygon);
	if (strcmp(type, "GeometryCollection") == 0)
		return read_each(r, cJSON_GetObjectItemCaseSensitive(geometry, "geometries"), inner, read_geometry);
	return complain(r, pointer, "no area: Polygon, MultiPolygon and GeometryCollection are");
}

static bool
read_each(struct area_reader *r, const cJSON *list, const char *pointer,
	bool (*read)(struct area_reader *r, const cJSON *item, const char *pointer))
{
	const cJSON *item;
	size_t index = 0;
	bool good = true;

	if (!cJSON_IsArray(list))
		return complain(r, pointer, "must be an array");
	cJSON_ArrayForEach(item, list) {
		char inner[256];

		snprintf(inner, sizeof(inner), "%.220s/%zu", pointer, index++);
		good = read(r, item, inner) && good;
	}
	return good;
}

static bool
read_polygon(struct area_reader *r, const cJSON *polygon, const char *pointer)
{
	struct outline outline = { 0 };
	size_t positions = 0, rings = (size_t)cJSON_GetArraySize(polygon), index = 0;
	const cJSON *ring;
	bool good = true;

	if (!cJSON_IsArray(polygon) || rings == 0)
		return complain(r, pointer, "a polygon is an array of rings");
	cJSON_ArrayForEach(ring, polygon)
		positions += (size_t)cJSON_GetArraySize(ring);
	if (rings > RINGS_MAX || positions > POSITIONS_MAX)
		return complain(r, pointer, "the polygon has too many rings or positions");
	outline.rings = calloc(rings, sizeof(*outline.rings));
	outline.positions = calloc(positions + 1, sizeof(*outline.positions));
	if (outline.rings == NULL || outline.positions == NULL)
		good = complain(r, pointer, "out of memory");
	cJSON_ArrayForEach(ring, polygon) {
		char inner[256];

		snprintf(inner, sizeof(inner), "%.220s/%zu", pointer, index++);
		good = good && read_ring(r, ring, inner, &outline);
	}
	if (good)
		find_places(r, &outline);
	free(outline.rings);
	free(outline.positions);
	return good;
}

static bool
read_ring(struct area_reader *r, const cJSON *list, const char *pointer, struct outline *outline)
{
	struct ring *ring = &outline->rings[outline->ring_count++];
	const cJSON *item;

	ring->positions = outline->positions + outline->position_count;
	cJSON_ArrayForEach(item, list) {
		struct position *position = &outline->positions[outline->position_count];
		char inner[256];

		if (!read_position(item, position)) {
			snprintf(inner, sizeof(inner), "%.220s/%zu", pointer, ring->count);
			return complain(r, inner, "a position is [longitude, latitude] in degrees");
		}
		outline->position_count++;
		ring->count++;
	}
	if (ring->count < 3)
		return complain(r, pointer, "a ring has three positions at the least");
	return true;
}

static bool
read_position(const cJSON *list, struct position *position)
{
	const cJSON *longitude = cJSON_GetArrayItem(list, 0), *latitude = cJSON_GetArrayItem(list, 1);

	if (!cJSON_IsArray(list) || !cJSON_IsNumber(longitude) || !cJSON_IsNumber(latitude))
		return false;
	*position = (struct position){ longitude->valuedouble, latitude->valuedouble };
	return position_is_good(*position);
}

/* Longitudes to 360 on either side: some count from 0 to 360, some go on past the antimeridian. */
static bool
position_is_good(struct position position)
{
	return fabs(position.latitude) <= 90 && fabs(position.longitude) <= 360;
}

static void
find_places(struct area_reader *r, const struct outline *outline)
{
	const struct steering *steering = r->places->steering;

	for (size_t i = 0; i < steering->region_count; i++) {
		const struct location *location = &steering->regions[i].location;

		if (region_set_has(&r->places->regions, (region_id)i) && location->known &&
		    polygon_has(outline->rings, outline->ring_count,
			(struct position){ location->longitude, location->latitude }))
			region_set_add(r->inside, (region_id)i);
	}
}

bool
area_cap_polygon(const char *text, const struct places *places, const char *file, const char *pointer,
	struct region_set *inside, struct diags *diags)
{
	struct area_reader r = { places, file, diags, inside };
	struct position *positions = calloc(strlen(text) / 4 + 1, sizeof(*positions));	/* "1,2 " is the shortest */
	struct ring ring = { 0, positions };
	struct outline outline = { &ring, positions, 1, 0 };
	const char *at = text;
	int used = 0;
	bool good = positions != NULL;

	for (; good && *(at += strspn(at, " \t\r\n")) != '\0'; at += used) {
		struct position *position = &positions[ring.count++];

		good = sscanf(at, "%lf,%lf%n", &position->latitude, &position->longitude, &used) == 2 &&
		    position_is_good(*position) && strchr(" \t\r\n", at[used]) != NULL;
	}
	if (good && ring.count >= 3)
		find_places(&r, &outline);
	else
		good = complain(&r, pointer, "a polygon is \"latitude,longitude latitude,longitude ...\" in degrees");
	free(positions);
	return good;
}

bool
area_cap_circle(const char *text, const struct places *places, const char *file, const char *pointer,
	struct region_set *inside, struct diags *diags)
{
	struct area_reader r = { places, file, diags, inside };
	struct position centre;
	double km;
	char rest;

	if (sscanf(text, "%lf,%lf %lf %c", &centre.latitude, &centre.longitude, &km, &rest) != 3 ||
	    !position_is_good(centre) || !(km >= 0 && km <= 20100))	/* half around the globe */
		return complain(&r, pointer, "a circle is \"latitude,longitude kilometres\"");
	for (size_t i = 0; i < places->steering->region_count; i++) {
		const struct location *location = &places->steering->regions[i].location;

		if (region_set_has(&places->regions, (region_id)i) && location->known &&
		    great_circle_km(centre.latitude, centre.longitude, location->latitude, location->longitude) <= km)
			region_set_add(inside, (region_id)i);
	}
	return true;
}

static bool
complain(const struct area_reader *r, const char *pointer, const char *what)
{
	diag_error(r->diags, (struct diag_place){ .file = r->file, .pointer = pointer }, NULL, "%s", what);
	return false;
}
