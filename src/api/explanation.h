/* explanation.h -- what explain.c (now) and explain_past.c (any other moment) share. Threads: one explanation, one
 * thread: the control's for now, the API's for the past. */
#ifndef ISOBAR_API_EXPLANATION_H
#define ISOBAR_API_EXPLANATION_H

#include "api/request.h"
#include "api/resources.h"
#include "api/view.h"
#include "base/contract.h"
#include "control/past.h"
#include "dns/name.h"
#include "serve/steered.h"

/* What was predicted of a region. */
struct belief {
	struct wall at;			/* .ms 0: nothing was said of it */
	double probability, load_forecast;
	uint32_t horizon_s;
	const char *model, *reason;
};

struct explanation {
	struct request *request;
	const struct snapshot *snapshot;
	const struct steering *steering;
	const struct plan *plan;		/* in service, or NULL */
	const struct scene *scene;		/* of now; or NULL: */
	const struct past *past;
	struct wall at;
	const struct belief *beliefs;		/* of the past, by region */
	const char *const *causes;		/* of the past, by region: why dead; or NULL */
	struct view view;
	cJSON *root;
	uint8_t name[NAME_MAX];
	const char *type_text;
	uint16_t type;
	bool client_known;
	struct steered_client client;
	const struct zone *zone;
	const struct service *service;
	struct steered steered;
	size_t group_count;			/* those that the client belongs to, for the law */
	uint16_t groups[CLIENT_GROUPS_MAX];
};

/* False: answered with what is wrong with the question. */
bool explanation_read(struct explanation *explanation) NONNULL;
/* NULL: it's steered, and explanation->steered is the decision. Else why not. */
const char *explanation_decide_now(struct explanation *explanation) NONNULL;
const char *explanation_decide_past(struct explanation *explanation) NONNULL;
/* The whole answer. */
void explanation_tell(struct explanation *explanation, const char *unsteered /* or NULL */)
	__attribute__((nonnull(1)));

#endif
