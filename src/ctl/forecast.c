/* forecast.c -- predictions, models, and the decisions over them. In: the API's answers. Out: words. Threads: one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

static enum ctl_status show_why(struct ctl *ctl);
static const cJSON *newest_with(const cJSON *answer, const char *region, const char *reasons);
static void show_reasons(const cJSON *entry, const char *region);
static void add_outlook(struct table *table, const char *region, double odd, const cJSON *outlook);
static void show_odd(const cJSON *entry, const char *region);
static void table_band(struct table *table, double low, double high, int decimals);
static void add_live(struct table *table, const cJSON *entry);
static void add_shipped(struct table *table, const cJSON *answer);
static const cJSON *find_model(const cJSON *list, const char *beginning, int *matches);
static void print_model(const cJSON *model);
static void print_live(const cJSON *model);
static void print_scores(const cJSON *evaluation);
static void print_calibration(const cJSON *bins);
static void table_interval(struct table *table, const cJSON *entry, const char *score, const char *interval);

/* The state that counts now, region by region and by horizon; the history is in the API (/v1/predictions). */
enum ctl_status
ctl_predictions(struct ctl *ctl)
{
	struct table table = { .columns = { "REGION", "<HORIZON", "<P(FAILURE)", "80 %", "<LOAD/S", "80 %", "<ODD",
		"NOTE" } };
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
			add_outlook(&table, member_text(entry, "region"), member_number(entry, "anomaly_rank"),
			    outlook);
		}
		if (cJSON_GetArraySize(outlooks) == 0) {
			table_text(&table, member_text(entry, "region"));
			for (size_t i = 0; i < 5; i++)
				table_text(&table, NULL);
			table_number(&table, member_number(entry, "anomaly_rank"), 4);
			table_format(&table, "no prediction: %s", member_text(entry, "no_prediction"));
		}
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

static void
add_outlook(struct table *table, const char *region, double odd, const cJSON *outlook)
{
	table_text(table, region);
	table_format(table, "%.0f s", member_number(outlook, "horizon_s"));
	table_number(table, member_number(outlook, "probability"), 4);
	table_band(table, member_number(outlook, "probability_low"), member_number(outlook, "probability_high"), 4);
	table_number(table, member_number(outlook, "load_forecast"), 1);
	table_band(table, member_number(outlook, "load_low"), member_number(outlook, "load_high"), 1);
	table_number(table, odd, 4);
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

/* Why it may fail, and how odd it is: the second is no reason of the first, and either may be all that is known. */
static enum ctl_status
show_why(struct ctl *ctl)
{
	cJSON *answer = NULL;
	const cJSON *fails, *odd;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/predictions", NULL, &answer);

	if (answer == NULL)
		return status;
	fails = newest_with(answer, ctl->why, "why");
	odd = newest_with(answer, ctl->why, "anomaly_why");
	if (fails != NULL)
		show_reasons(fails, ctl->why);
	if (fails != NULL && odd != NULL)
		putchar('\n');
	if (odd != NULL)
		show_odd(odd, ctl->why);
	cJSON_Delete(answer);
	if (fails == NULL && odd == NULL)
		return ctl_fail("nothing is known of why in the last hour: no model has spoken of a region '%s'",
		    ctl->why);
	return status;
}

static void
show_reasons(const cJSON *entry, const char *region)
{
	struct table table = { .columns = { "FEATURE", "<IS", "<USUALLY", "UNIT", "<P WITHOUT IT" } };
	const cJSON *feature;

	printf("%s fails within %.0f s with probability %.4f (%s, model %.12s)\n", region,
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
}

static void
show_odd(const cJSON *entry, const char *region)
{
	struct table table = { .columns = { "METRIC", "<IS", "<ODD WITHOUT IT" } };
	const cJSON *metric;

	printf("%s was odder than %.4f of the time before (%s)\n", region, member_number(entry, "anomaly_rank"),
	    member_text(entry, "at"));
	cJSON_ArrayForEach(metric, member(entry, "anomaly_why")) {
		table_text(&table, member_text(metric, "metric"));
		table_number(&table, member_number(metric, "value"), 4);
		table_number(&table, member_number(metric, "without"), 4);
	}
	table_print(&table);
}

/* The newest entry in which these reasons aren't empty; entries come by time. A challenger's don't count. */
static const cJSON *
newest_with(const cJSON *answer, const char *region, const char *reasons)
{
	const cJSON *entry, *found = NULL;

	cJSON_ArrayForEach(entry, member(answer, "predictions")) {
		const char *name = member_text(entry, "region"), *role = member_text(entry, "role");

		if (name != NULL && strcmp(name, region) == 0 && role != NULL && strcmp(role, "serving") == 0
		    && cJSON_GetArraySize(member(entry, reasons)) > 0)
			found = entry;
	}
	return found;
}

enum ctl_status
ctl_model_list(struct ctl *ctl)
{
	struct table table = { .columns = { "MODEL", "KIND", "<HORIZON", "STATUS", "TRAINED", "LIVE" } };
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
		add_live(&table, model);
	}
	if (answer != NULL)
		add_shipped(&table, answer);
	if (answer != NULL && cJSON_GetArraySize(member(answer, "models")) == 0)
		printf("No model is in the store: the shipped one serves, if there is one.\n"
		       "See isobarctl model train.\n");
	if (answer != NULL && table.count > 0)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

/* Numbers of few incidents would be taken for more than they are. */
static void
add_live(struct table *table, const cJSON *entry)
{
	const cJSON *live = member(entry, "live");
	const char *state = member_text(entry, "live_state");

	if (!cJSON_IsObject(live))
		table_text(table, state);
	else if (state != NULL && strcmp(state, "proven") == 0)
		table_format(table, "Brier skill %.3f, %.0f incidents", member_number(live, "brier_skill"),
		    member_number(live, "incidents"));
	else
		table_format(table, "unproven, %.0f incidents", member_number(live, "incidents"));
}

/* They serve without being in the store: their reviews tell of them. */
static void
add_shipped(struct table *table, const cJSON *answer)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, member(answer, "live")) {
		const char *id = member_text(entry, "model");
		int matches = 0;

		find_model(member(answer, "models"), id, &matches);
		if (matches > 0)
			continue;
		table_format(table, "%.12s", id);
		table_text(table, member_text(entry, "kind"));
		table_format(table, "%.0f s", member_number(entry, "horizon_s"));
		table_text(table, "shipped");
		table_text(table, NULL);
		add_live(table, entry);
	}
}

/* By its id, or the beginning of it that `model list` shows. */
enum ctl_status
ctl_model_show(struct ctl *ctl)
{
	cJSON *answer = NULL;
	const cJSON *found;
	bool json = ctl->json;
	enum ctl_status status;
	int matches = 0;

	ctl->json = false;
	status = ctl_call(ctl, "GET", "/v1/models", NULL, &answer);
	found = find_model(member(answer, "models"), ctl->arguments[0], &matches);
	if (matches == 0)
		found = find_model(member(answer, "live"), ctl->arguments[0], &matches);
	if (status == CTL_DONE && matches != 1)
		status = ctl_fail(matches == 0 ? "there is no model '%s'" : "'%s' is the beginning of several models",
		    ctl->arguments[0]);
	if (status == CTL_DONE && json) {
		char *text = cJSON_PrintUnformatted(found);

		puts(text == NULL ? "" : text);
		free(text);
	} else if (status == CTL_DONE) {
		print_model(found);
	}
	cJSON_Delete(answer);
	return status;
}

/* The last of those that match. */
static const cJSON *
find_model(const cJSON *list, const char *beginning, int *matches)
{
	const cJSON *model, *found = NULL;

	cJSON_ArrayForEach(model, list) {
		const char *id = member_text(model, "model");

		if (id == NULL || strncmp(id, beginning, strlen(beginning)) != 0)
			continue;
		found = model;
		++*matches;
	}
	return found;
}

/* Scores and calibration as tables, the rest of the card as it is. */
static void
print_model(const cJSON *model)
{
	cJSON *card = cJSON_Duplicate(member(model, "card"), true);
	cJSON *evaluation = cJSON_DetachItemFromObject(card, "evaluation");
	const char *status = member_text(model, "status"), *trained = member_text(model, "trained");
	char *text = card == NULL ? NULL : cJSON_Print(card);

	printf("model %s (%s, %s)%s%s\n", member_text(model, "model"), member_text(model, "kind"),
	    status == NULL ? "shipped" : status, trained == NULL ? "" : ", trained ", trained == NULL ? "" : trained);
	print_live(model);
	if (evaluation != NULL) {
		print_scores(evaluation);
		print_calibration(member(member(evaluation, "calibration"), "by_rows"));
	}
	if (text != NULL)
		puts(text);
	free(text);
	cJSON_Delete(evaluation);
	cJSON_Delete(card);
}

static void
print_live(const cJSON *model)
{
	static const struct { const char *name, *words; } numbers[] = {
		{ "incidents", "incidents" }, { "average_precision", "average precision" },
		{ "base_rate", "base rate" },
		{ "brier_skill", "Brier skill" }, { "calibration_error", "calibration error" }, { "recall", "recall" },
		{ "false_alarms_per_day", "false alarms a day" }, { "median_lead_s", "median lead in s" },
	};
	const cJSON *live = member(model, "live");

	printf("in service: %s", member_text(model, "live_state"));
	if (cJSON_IsObject(live))
		printf(", as of %s", member_text(live, "at"));
	else
		printf(", no review yet");
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		double number = member_number(live, numbers[i].name);

		if (isfinite(number))
			printf(", %s %.4g", numbers[i].words, number);
	}
	printf("\n");
}

static void
print_scores(const cJSON *evaluation)
{
	struct table table = { .columns = { "SCORED", "<AP", "95 %", "<B. SKILL", "95 %", "<ECE", "<RECALL", "95 %",
		"<FALSE/DAY" } };
	const cJSON *entry;

	printf("on time that it hasn't seen, %s to %s: %.0f incidents\n", member_text(evaluation, "from"),
	    member_text(evaluation, "to"), member_number(evaluation, "incidents"));
	cJSON_ArrayForEach(entry, member(evaluation, "scores")) {
		table_text(&table, member_text(entry, "name"));
		table_interval(&table, entry, "average_precision", "average_precision_95");
		table_interval(&table, entry, "brier_skill", "brier_skill_95");
		table_number(&table, member_number(entry, "calibration_error"), 4);
		table_interval(&table, entry, "recall", "recall_95");
		table_number(&table, member_number(entry, "false_alarms_per_day"), 2);
	}
	table_print(&table);
}

static void
table_interval(struct table *table, const cJSON *entry, const char *score, const char *interval)
{
	const cJSON *bounds = member(entry, interval);

	table_number(table, member_number(entry, score), 3);
	table_band(table, cJSON_GetNumberValue(cJSON_GetArrayItem(bounds, 0)),
	    cJSON_GetNumberValue(cJSON_GetArrayItem(bounds, 1)), 3);
}

static void
print_calibration(const cJSON *bins)
{
	struct table table = { .columns = { "<MINUTES", "<IT SAID", "<IT CAME" } };
	const cJSON *bin;

	cJSON_ArrayForEach(bin, bins) {
		table_number(&table, member_number(bin, "rows"), 0);
		table_number(&table, member_number(bin, "said"), 5);
		table_number(&table, member_number(bin, "came"), 5);
	}
	if (cJSON_GetArraySize(bins) > 0)
		table_print(&table);
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
