/* forecast.c -- predictions and models.  In: the API's answers.  Out: words.  Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

/* The state that counts now, region by region; the history is in the API (/v1/predictions). */
enum ctl_status
ctl_predictions(struct ctl *ctl)
{
	struct table table = { .columns = {
				   "REGION", "<P(FAILURE)", "<HORIZON", "<LOAD FORECAST/S", "PREDICTED", "NOTE" } };
	cJSON *answer = NULL;
	const cJSON *entry;
	enum ctl_status status = ctl->json ? ctl_call(ctl, "GET", "/v1/predictions", NULL, NULL)
	    : ctl_call(ctl, "GET", "/v1/status", NULL, &answer);

	cJSON_ArrayForEach(entry, member(answer, "predictions")) {
		double horizon = member_number(entry, "horizon_s");

		table_text(&table, member_text(entry, "region"));
		table_number(&table, member_number(entry, "probability"), 4);
		if (isfinite(horizon))
			table_format(&table, "%.0f s", horizon);
		else
			table_text(&table, NULL);
		table_number(&table, member_number(entry, "load_forecast"), 1);
		table_text(&table, member_text(entry, "predicted"));
		if (isfinite(member_number(entry, "probability")))
			table_text(&table, "");
		else
			table_format(&table, "no prediction: %s", member_text(entry, "no_prediction"));
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_model_list(struct ctl *ctl)
{
	struct table table = { .columns = { "MODEL", "KIND", "STATUS", "TRAINED" } };
	cJSON *answer = NULL;
	const cJSON *model;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/models", NULL, &answer);

	cJSON_ArrayForEach(model, member(answer, "models")) {
		table_format(&table, "%.12s", member_text(model, "model"));
		table_text(&table, member_text(model, "kind"));
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
