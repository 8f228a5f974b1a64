/* forecasts.h -- rows of forecasts over days of one or more series, with an incident each day: what tests of promotion
 * and drift judge. */
#ifndef ISOBAR_TESTS_FORECASTS_H
#define ISOBAR_TESTS_FORECASTS_H

#include "predict/evaluate.h"
#include "suite.h"

#define FORECASTS_HORIZON_S 600
#define FORECASTS_DAY_MIN 1440

/* How good a forecaster is: what it says in the ten minutes before an incident that it foresees, and otherwise. */
struct forecasts_skill {
	double before, otherwise;
	size_t foresees_every;		/* of so many incidents, one; 0: none */
};

/* A dataset without metrics, with an incident at noon of every day. */
static inline struct dataset *
forecasts_dataset(size_t series, size_t days)
{
	struct dataset *dataset = dataset_new(series, NULL);

	for (size_t s = 0; s < series; s++) {
		dataset->series[s].name = strdup("r");
		for (size_t d = 0; d < days; d++) {
			int64_t noon = (int64_t)d * 86400 + 43200;

			CU_ASSERT_EQUAL(incidents_add(&dataset->series[s].incidents,
			    (struct incident){ noon, noon + 600 }), 0);
		}
		incidents_merge(&dataset->series[s].incidents);
		dataset->series[s].label_to_s = (int64_t)days * 86400;
	}
	return dataset;
}

static inline size_t
forecasts_count(size_t series, size_t days)
{
	return series * days * FORECASTS_DAY_MIN;
}

/* A row per minute, but for those inside incidents' time, which are scored as negatives like any other. */
static inline struct scored_row *
forecasts_rows(size_t series, size_t days, struct forecasts_skill skill)
{
	struct scored_row *rows = calloc(forecasts_count(series, days), sizeof(*rows));
	size_t n = 0, incident = 0;

	for (uint32_t s = 0; s < series; s++) {
		for (size_t d = 0; d < days; d++, incident++) {
			bool foreseen = skill.foresees_every > 0 && incident % skill.foresees_every == 0;

			for (size_t m = 0; m < FORECASTS_DAY_MIN; m++) {
				bool positive = m >= 710 && m < 720;

				rows[n++] = (struct scored_row){ .series = s, .positive = positive,
					.t = (int64_t)(d * FORECASTS_DAY_MIN + m) * 60,
					.score = positive && foreseen ? skill.before : skill.otherwise };
			}
		}
	}
	return rows;
}

#define FORECASTS_BASE (10.0 / FORECASTS_DAY_MIN)

#endif
