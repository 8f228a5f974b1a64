/* decision.c -- scores as JSON, for the record of who was promoted and why.
 * In: an evaluation.  Out: an object.  Threads: any. */
#include "models/decision.h"

#include <math.h>

static void add(cJSON *object, const char *name, double value);

cJSON *
decision_scores(const struct evaluation *e)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddNumberToObject(object, "incidents", (double)e->events);
	add(object, "average_precision", e->average_precision);
	add(object, "base_rate", e->prevalence);
	add(object, "brier_skill", e->brier_skill);
	add(object, "calibration_error", e->calibration_error);
	add(object, "recall", e->best.recall);
	add(object, "false_alarms_per_day", e->best.false_alarms_per_day);
	add(object, "median_lead_s", e->best.found > 0 ? e->best.lead_s : (double)NAN);
	return object;
}

/* Six digits are enough to decide by. */
static void
add(cJSON *object, const char *name, double value)
{
	if (isfinite(value))
		cJSON_AddNumberToObject(object, name, rint(value * 1e6) / 1e6);
	else
		cJSON_AddNullToObject(object, name);
}
