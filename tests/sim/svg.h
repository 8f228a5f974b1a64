/* svg.h -- small plots: lines over two axes, or bars, labelled where they are. Threads: one. */
#ifndef ISOBAR_TESTS_SIM_SVG_H
#define ISOBAR_TESTS_SIM_SVG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/contract.h"

#define SVG_SERIES 10

struct svg_series {
	const char *name;
	size_t count;
	const double *x, *y;		/* NAN in y: a gap */
	bool ours;			/* drawn in colour and bold */
};

struct svg_plot {
	const char *title, *x_name, *y_name;
	const char *note;		/* one line below, or NULL */
	double x_least, x_most, y_least, y_most;	/* equal: from the data */
	bool y_log;
	size_t series_count;
	struct svg_series series[SVG_SERIES];
	double mark;			/* a horizontal line at this y, with `mark_name`; NAN: none */
	const char *mark_name;
};

struct svg_bar { const char *name; double value; bool ours; };

/* Into FOLDER/NAME.svg; folder NULL: nothing is written. */
void svg_lines(const char *folder, const char *name, const struct svg_plot *plot)
	__attribute__((nonnull(2, 3)));
void svg_bars(const char *folder, const char *name, const char *title, const char *unit, const struct svg_bar *bars,
	size_t count) __attribute__((nonnull(2, 3, 4, 5)));

#endif
