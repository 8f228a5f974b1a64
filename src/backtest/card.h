/* card.h -- what one should know before trusting a model: its data, settings and scores, as JSON (isobar-models(7)).
 * Threads: any. */
#ifndef ISOBAR_BACKTEST_CARD_H
#define ISOBAR_BACKTEST_CARD_H

#include "backtest/compare.h"
#include "base/clock.h"
#include "base/contract.h"
#include "predict/model.h"

struct card_notes {
	const char *data, *licence, *note;	/* in words; "" leaves one out */
	struct wall made;
};

/* `comparison` NULL: it couldn't be evaluated yet. Caller frees; NULL: out of memory. */
char *card_write(const struct model *model, const struct comparison *comparison, const struct card_notes *notes)
	__attribute__((nonnull(1, 3))) MUST_USE;

#endif
