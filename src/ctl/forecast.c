/* forecast.c -- predictions, models, and the decisions over them. In: the API's answers. Out: words. Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static enum ctl_status show_why(struct ctl *ctl);
static const cJSON *newest_why(const cJSON *answer, const char *region);
static void add_outlook(struct table *table, const char *region, const cJSON *outlook);
static void table_band(struct table *table, double low, double high, int decimals);

/* The state that counts now, region by region and by horizon; the history is in the API (/v1/predictions). */
enum ctl_status
ctl_predictions(struct ctl *ctl)
{
	struct table table = { .columns = { "REGION", "<HORIZON", "<P(FAILURE)", "80 %", "<LOAD/S", "80 %", "NOTE" } };
	cJSON *answer = NULL;
	const cJSON *entry, *outlook;
	enum ctl_status status;

	if (ctl->why != NULL)
		return show_why(ctl);
	status = ctl->json ? ctl_call(ctl, "GET", "/v1/predictions", NULL, NULL) :
	    ctl_call(ctl, "GET", "/v1/status", NULL, &answer);
	cJSON_ArrayForEach(entry, member(answer, "predictions")) {
		const cJSON *outlooks = member(entry, "outlooks");

		cJSON_ArrayForEach(outlook, outlooks) {
			add_outlook(&table, member_text(entry, "region"), outlook);
		}
		if (cJSON_GetArraySize(outlooks) == 0) {
			table_text(&table, member_text(entry, "region"));
			for (size_t i = 0; i < 5; i++)
				table_text(&table, NULL);
			table_format(&table, "no prediction: %s", member_text(entry, "no_prediction"));
		}
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

static void
add_outlook(struct table *table, const char *region, const cJSON *outlook)
{
	table_text(table, region);
	table_format(table, "%.0f s", member_number(outlook, "horizon_s"));
	table_number(table, member_number(outlook, "probability"), 4);
	table_band(table, member_number(outlook, "probability_low"), member_number(outlook, "probability_high"), 4);
	table_number(table, member_number(outlook, "load_forecast"), 1);
	table_band(table, member_number(outlook, "load_low"), member_number(outlook, "load_high"), 1);
	if (isfinite(member_number(outlook, "probability")))
		table_text(table, "");
	else
		table_format(table, "no prediction: %s", member_text(outlook, "reason"));
}

static void
table_band(struct table *table, double low, double high, int decimals)
{
	if (isfinite(low) && isfinite(high))
		table_format(table, "%.*f..%.*f", decimals, low, decimals, high);
	else
		table_text(table, NULL);
}

/* The newest prediction of the region that tells. */
static enum ctl_status
show_why(struct ctl *ctl)
{
	struct table table = { .columns = { "FEATURE", "<IS", "<USUALLY", "UNIT", "<P WITHOUT IT" } };
	cJSON *answer = NULL;
	const cJSON *entry, *feature;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/predictions", NULL, &answer);

	if (answer == NULL)
		return status;
	entry = newest_why(answer, ctl->why);
	if (entry == NULL) {
		cJSON_Delete(answer);
		return ctl_fail("nothing is known of why in the last hour: no model has spoken of a region '%s'",
		    ctl->why);
	}
	printf("%s fails within %.0f s with probability %.4f (%s, model %.12s)\n", ctl->why,
	    member_number(entry, "horizon_s"), member_number(entry, "probability"), member_text(entry, "at"),
	    member_text(entry, "model"));
	cJSON_ArrayForEach(feature, member(entry, "why")) {
		table_text(&table, member_text(feature, "feature"));
		table_number(&table, member_number(feature, "value"), 4);
		table_number(&table, member_number(feature, "usual"), 4);
		table_text(&table, member_text(feature, "unit"));
		table_number(&table, member_number(feature, "without"), 4);
	}
	table_print(&table);
	cJSON_Delete(answer);
	return status;
}

/* Entries come by time. */
static const cJSON *
newest_why(const cJSON *answer, const char *region)
{
	const cJSON *entry, *found = NULL;

	cJSON_ArrayForEach(entry, member(answer, "predictions")) {
		const char *name = member_text(entry, "region"), *role = member_text(entry, "role");

		if (name != NULL && strcmp(name, region) == 0 && role != NULL && strcmp(role, "serving") == 0 &&
		    cJSON_GetArraySize(member(entry, "why")) > 0)
			found = entry;
	}
	return found;
}

enum ctl_status
ctl_model_list(struct ctl *ctl)
{
	struct table table = { .columns = { "MODEL", "KIND", "<HORIZON", "STATUS", "TRAINED" } };
	cJSON *answer = NULL;
	const cJSON *model;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/models", NULL, &answer);

	cJSON_ArrayForEach(model, member(answer, "models")) {
		table_format(&table, "%.12s", member_text(model, "model"));
		table_text(&table, member_text(model, "kind"));
		if (member_number(model, "horizon_s") > 0)
			table_format(&table, "%.0f s", member_number(model, "horizon_s"));
		else
			table_text(&table, NULL);
		table_text(&table, member_text(model, "status"));
		table_text(&table, member_text(model, "trained"));
	}
	if (answer != NULL && cJSON_GetArraySize(member(answer, "models")) == 0)
		printf("No model is in the store: the shipped one serves, if there is one.\n"
		       "See isobarctl model train.\n");
	else if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

/* By its id, or the beginning of it that `model list` shows. */
enum ctl_status
ctl_model_show(struct ctl *ctl)
{
	cJSON *answer = NULL;
	const cJSON *model, *found = NULL;
	bool json = ctl->json;
	enum ctl_status status;
	int matches = 0;

	ctl->json = false;
	status = ctl_call(ctl, "GET", "/v1/models", NULL, &answer);
	cJSON_ArrayForEach(model, member(answer, "models")) {
		const char *id = member_text(model, "model");

		if (id == NULL || strncmp(id, ctl->arguments[0], strlen(ctl->arguments[0])) != 0)
			continue;
		found = model;
		matches++;
	}
	if (status == CTL_DONE && matches != 1)
		status = ctl_fail(matches == 0 ? "there is no model '%s'" : "'%s' is the beginning of several models",
		    ctl->arguments[0]);
	if (status == CTL_DONE) {
		char *text = json ? cJSON_PrintUnformatted(found) : cJSON_Print(member(found, "card"));

		if (!json)
			printf("model %s (%s, %s), trained %s\n", member_text(found, "model"),
			    member_text(found, "kind"), member_text(found, "status"), member_text(found, "trained"));
		puts(text == NULL ? "" : text);
		free(text);
	}
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_model_train(struct ctl *ctl)
{
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "POST", "/v1/models/train", NULL, &answer);

	if (answer != NULL)
		printf("Training has begun; isobarctl model list shows what comes of it.\n");
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_model_decisions(struct ctl *ctl)
{
	struct table table = { .columns = { "AT", "MODEL", "KIND", "<HORIZON", "DECISION", "WHY" } };
	cJSON *answer = NULL;
	const cJSON *decision;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/decisions", NULL, &answer);

	cJSON_ArrayForEach(decision, member(answer, "decisions")) {
		table_text(&table, member_text(decision, "at"));
		table_format(&table, "%.12s", member_text(decision, "model"));
		table_text(&table, member_text(decision, "kind"));
		table_format(&table, "%.0f s", member_number(decision, "horizon_s"));
		table_text(&table, member_text(decision, "action"));
		table_text(&table, member_text(decision, "reason"));
	}
	if (answer != NULL && cJSON_GetArraySize(member(answer, "decisions")) == 0)
		printf("No model was trained here yet: the shipped one serves, if there is one.\n");
	else if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}
