/* workbench.c -- models from folders of data.
 * In: a folder, a share of time.  Out: files and a table on standard output.
 * Threads: the main thread. Rows that a model was trained or calibrated on are never scored: evaluating begins a
 * horizon behind its training span, which the model's own text tells. */
#include "backtest/workbench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backtest/card.h"
#include "backtest/compare.h"
#include "base/log.h"
#include "base/text.h"
#include "predict/dataset.h"
#include "predict/model.h"
#include "predict/train.h"

static struct dataset *open_dataset(const char *folder);
static struct model *read_model(const char *path);
static int score(const struct dataset *dataset, const struct model *model, struct comparison *comparison);
static int write_file(const char *path, const char *bytes, size_t length);
static int write_card(const struct workbench_job *job, const struct model *model, const struct comparison *comparison);

int
workbench_train(const struct workbench_job *job)
{
	struct dataset *dataset = open_dataset(job->folder);
	struct train_settings settings = { .horizon_s = job->horizon_s, .seed = job->seed };
	struct comparison comparison;
	struct model *model = NULL;
	struct text error = { 0 };
	char *bytes = NULL;
	size_t length;
	int status = 1;

	if (dataset == NULL)
		return 1;
	settings.from_s = dataset_time_at(dataset, 0);
	settings.to_s = dataset_time_at(dataset, job->share);
	bytes = train_failure(dataset, &settings, &length, &error);
	if (bytes != NULL)
		model = model_read(bytes, length, &error);
	if (model == NULL)
		log_error("%s: %s", job->folder, error.bytes);
	else if (write_file(job->model_path, bytes, length) == 0)
		status = job->share < 1 ? score(dataset, model, &comparison) : 0;
	if (model != NULL && status == 0 && job->card_path != NULL)
		status = write_card(job, model, job->share < 1 ? &comparison : NULL);
	text_fini(&error);
	model_free(model);
	dataset_free(dataset);
	free(bytes);
	return status;
}

int
workbench_evaluate(const struct workbench_job *job)
{
	struct model *model = read_model(job->model_path);
	struct dataset *dataset = model == NULL ? NULL : open_dataset(job->folder);
	struct comparison comparison;
	int status = dataset == NULL ? 1 : score(dataset, model, &comparison);

	model_free(model);
	dataset_free(dataset);
	return status;
}

static struct dataset *
open_dataset(const char *folder)
{
	struct diags diags = { 0 };
	struct dataset *dataset = dataset_read(folder, &diags);
	struct text errors = { 0 };

	if (dataset == NULL) {
		diag_print(&diags, &errors);
		fputs(errors.length > 0 ? errors.bytes : "out of memory\n", stderr);
	}
	diag_fini(&diags);
	text_fini(&errors);
	return dataset;
}

static struct model *
read_model(const char *path)
{
	struct text why = { 0 };
	struct model *model;
	size_t length;
	int error;
	char *bytes = text_read_file(path, MODEL_SIZE_MAX, &length, &error);

	if (bytes == NULL) {
		log_error("%s: %s", path, strerror(-error));
		return NULL;
	}
	model = model_read(bytes, length, &why);
	if (model == NULL)
		log_error("%s: %s", path, why.bytes);
	text_fini(&why);
	free(bytes);
	return model;
}

static int
score(const struct dataset *dataset, const struct model *model, struct comparison *comparison)
{
	struct text table = { 0 };
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];
	int64_t from_s = model->to_s + model->horizon_s, first_s = dataset_time_at(dataset, 0);
	int status = compare(dataset, model, from_s > first_s ? from_s : first_s, dataset_time_at(dataset, 1),
	    comparison);

	if (status != 0) {
		log_error("can't be evaluated: %s", status == -ENODATA ?
		    "no incident behind the time that the model was trained on" : strerror(-status));
		return 1;
	}
	wall_text((struct wall){ comparison->from_s * 1000 }, from);
	wall_text((struct wall){ comparison->to_s * 1000 }, to);
	printf("model %.12s, horizon %lld s, unseen time %s to %s\n", model->id, (long long)model->horizon_s, from, to);
	compare_print(comparison, &table);
	fputs(table.bytes, stdout);
	text_fini(&table);
	return 0;
}

static int
write_file(const char *path, const char *bytes, size_t length)
{
	int status = text_write_file(path, bytes, length);

	if (status != 0)
		log_error("%s: %s", path, strerror(-status));
	return status == 0 ? 0 : 1;
}

static int
write_card(const struct workbench_job *job, const struct model *model, const struct comparison *comparison)
{
	struct card_notes notes = { .data = job->data, .licence = job->licence, .note = job->note, .made = job->made };
	char *card = card_write(model, comparison, &notes);
	struct text text = { 0 };
	int status = 1;

	if (card != NULL) {
		text_printf(&text, "%s\n", card);
		status = text.failed ? 1 : write_file(job->card_path, text.bytes, text.length);
	}
	text_fini(&text);
	free(card);
	return status;
}
