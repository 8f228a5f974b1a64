/* backtest_report.h -- a backtest for people and for programs. Threads: any. */
#ifndef ISOBAR_BACKTEST_BACKTEST_REPORT_H
#define ISOBAR_BACKTEST_BACKTEST_REPORT_H

#include "backtest/backtest.h"
#include "base/contract.h"
#include "base/json.h"
#include "base/text.h"

/* A table of scores, the reliability, and the notes. */
void backtest_print(const struct backtest *backtest, struct text *out) NONNULL;

/* The same, all numbers; NULL: out of memory. */
cJSON *backtest_json(const struct backtest *backtest) NONNULL MUST_USE;

/* A page of plots: reliability, precision over recall, and the time of each series with its incidents. */
void backtest_svg(const struct backtest *backtest, const char *title, struct text *out) NONNULL;

#endif
