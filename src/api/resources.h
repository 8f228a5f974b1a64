/* resources.h -- regions, services and overrides as JSON, one function a resource (isobar-api(7)).
 * Threads: control. */
#ifndef ISOBAR_API_RESOURCES_H
#define ISOBAR_API_RESOURCES_H

#include "api/view.h"
#include "base/clock.h"
#include "base/contract.h"
#include "control/control.h"
#include "steer/pick.h"

/* One moment's look at the control. */
struct scene {
	const struct control *control;
	const struct snapshot *snapshot;
	const struct steering *steering;
	const struct round *round;
	struct mono now;
	struct wall wall;
};

struct scene scene_now(const struct control *control) NONNULL;

void resource_region(struct view *view, cJSON *into, const struct scene *scene, region_id region, bool whole) NONNULL;
void resource_service(struct view *view, cJSON *into, const struct scene *scene, const struct service *service,
	bool whole) NONNULL;
void resource_override(struct view *view, cJSON *into, const struct override *override, struct wall now) NONNULL;

/* Of one service: its regions, and each client group's shares, as planned and as they are at this moment. */
void resource_weights(struct view *view, cJSON *into, const struct scene *scene, const struct service *service) NONNULL;
/* A region's probability with its horizon, or why there is none. */
void resource_forecast(struct view *view, cJSON *into, const struct round_region *state) NONNULL;
/* Who moves, by service, as entries of a list: outcome.c. */
void outcome_moves(struct view *view, cJSON *list, const struct outcome_move *moves, size_t count)
	__attribute__((nonnull(1)));
const char *pick_outcome_text(enum pick_outcome outcome);	/* "listed", ...: for counters */
#define PICK_OUTCOMES 8

/* Arrays of REGIONS_MAX: the share of this group's slots that have the region first, and the share of them that would
 * be sent there now. */
void scene_shares(const struct service *service, uint16_t group, double *planned, double *now) NONNULL;
/* The share of the service's clients (groups count alike) who would go elsewhere if the region let in `admitted` (0 ..
 * 1) of its own. */
double scene_moved(const struct scene *scene, const struct service *service, region_id region, double admitted) NONNULL;
/* The load of all services that the region reported; NAN: none did. */
double region_load(const struct scene *scene, region_id region) NONNULL;
const struct service *scene_service(const struct scene *scene, const char *name) NONNULL;	/* or NULL */
/* How the service stands in the region. */
const struct round_service *scene_standing(const struct scene *scene, const struct service *service, region_id region)
	NONNULL;

#endif
