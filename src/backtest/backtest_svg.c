/* backtest_svg.c -- a backtest as a page of plots.
 * In: a backtest.  Out: SVG.  Threads: any.
 * Three kinds: what was said against what came (a forecaster that is calibrated lies on the diagonal), precision over
 * recall for each contestant, and for each series its probability over time, on a logarithmic scale, with incidents
 * as bars behind. */
#include <math.h>
#include <stdlib.h>

#include "backtest/backtest_report.h"
#include "base/clock.h"

#define WIDTH 960
#define PLOT_LEFT 60
#define PLOT_SIZE 360
#define STRIP_HEIGHT 56
#define STRIPS_MOST 40		/* series; more aren't looked at */
#define STRIP_POINTS 880	/* of a series: the largest probability in each pixel */
#define CURVE_POINTS 200
#define LEAST 1e-4		/* probability at the bottom of a strip */

static const char *const colours[CONTESTANT_COUNT] = {
	"#0b5fa5", "#999999", "#c77f00", "#7a4fa3", "#2f8f4e", "#b03a2e"
};

struct frame { double x, y, width, height; };

static void open_frame(struct text *out, struct frame frame, const char *title, const char *x_name,
	const char *y_name);
static void plot_reliability(const struct backtest *backtest, struct frame frame, struct text *out);
static void plot_precision(const struct backtest *backtest, struct frame frame, struct text *out);
static void plot_curve(const struct backtest *backtest, size_t contestant, struct frame frame, struct text *out);
static void plot_series(const struct backtest *backtest, size_t series, size_t first, size_t end, struct frame frame,
	struct text *out);
static void put_escaped(struct text *out, const char *words);
static size_t series_end(const struct rows *rows, size_t first);
static int compare_scores(const void *a, const void *b);

void
backtest_svg(const struct backtest *backtest, const char *title, struct text *out)
{
	size_t strips = 0;
	double y = 2 * 50 + PLOT_SIZE + 40;

	for (size_t first = 0; first < backtest->rows.count && strips < STRIPS_MOST; strips++)
		first = series_end(&backtest->rows, first);
	text_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %.0f\" font-family=\"sans-serif\" "
	    "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", WIDTH,
	    y + (double)strips * (STRIP_HEIGHT + 18) + 30);
	text_puts(out, "<text x=\"20\" y=\"24\" font-size=\"16\">");
	put_escaped(out, title);
	text_puts(out, "</text>\n");
	if (backtest->judged) {
		plot_reliability(backtest, (struct frame){ PLOT_LEFT, 60, PLOT_SIZE, PLOT_SIZE }, out);
		plot_precision(backtest, (struct frame){ WIDTH / 2 + PLOT_LEFT, 60, PLOT_SIZE, PLOT_SIZE }, out);
	}
	strips = 0;
	for (size_t first = 0, end; first < backtest->rows.count && strips < STRIPS_MOST; first = end, strips++) {
		end = series_end(&backtest->rows, first);
		plot_series(backtest, backtest->rows.list[first].series, first, end,
		    (struct frame){ PLOT_LEFT, y + (double)strips * (STRIP_HEIGHT + 18), STRIP_POINTS, STRIP_HEIGHT },
		    out);
	}
	text_puts(out, "</svg>\n");
}

static size_t
series_end(const struct rows *rows, size_t first)
{
	size_t end = first;

	while (end < rows->count && rows->list[end].series == rows->list[first].series)
		end++;
	return end;
}

static void
open_frame(struct text *out, struct frame frame, const char *title, const char *x_name, const char *y_name)
{
	text_printf(out, "<text x=\"%.0f\" y=\"%.0f\" font-weight=\"bold\">%s</text>\n", frame.x, frame.y - 8, title);
	text_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" stroke=\"#666\"/>\n",
	    frame.x, frame.y, frame.width, frame.height);
	for (int tick = 0; tick <= 4; tick++) {
		double share = tick / 4.0;

		text_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.2f</text>"
		    "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.2f</text>\n", frame.x + share * frame.width,
		    frame.y + frame.height + 16, share, frame.x - 4, frame.y + (1 - share) * frame.height + 4, share);
	}
	text_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", frame.x + frame.width / 2,
	    frame.y + frame.height + 32, x_name);
	text_printf(out, "<text transform=\"translate(%.1f,%.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
	    frame.x - 38, frame.y + frame.height / 2, y_name);
}

/* Circles grow with the logarithm of how many rows they stand for. */
static void
plot_reliability(const struct backtest *backtest, struct frame frame, struct text *out)
{
	const struct evaluation *model = &backtest->comparison.scores[CONTESTANT_MODEL];

	open_frame(out, frame, "Reliability of the model", "said", "came");
	text_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#bbb\"/>\n", frame.x,
	    frame.y + frame.height, frame.x + frame.width, frame.y);
	for (size_t b = 0; b < EVALUATE_BINS; b++) {
		const struct reliability *bin = &model->widths[b];

		if (bin->rows == 0)
			continue;
		text_printf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"><title>%zu rows: said %.4f, "
		    "came %.4f</title></circle>\n", frame.x + bin->said * frame.width,
		    frame.y + (1 - bin->came) * frame.height, 2 + log10((double)bin->rows), colours[CONTESTANT_MODEL],
		    bin->rows, bin->said, bin->came);
	}
}

static void
plot_precision(const struct backtest *backtest, struct frame frame, struct text *out)
{
	open_frame(out, frame, "Precision and recall, by rows", "recall", "precision");
	for (size_t c = CONTESTANT_COUNT; c-- > 0;) {
		plot_curve(backtest, c, frame, out);
		text_printf(out, "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\" text-anchor=\"end\">%s</text>\n",
		    frame.x + frame.width - 6, frame.y + 16 + 15 * (double)c, colours[c], contestant_names[c]);
	}
}

struct point { double score; bool positive; };

static void
plot_curve(const struct backtest *backtest, size_t contestant, struct frame frame, struct text *out)
{
	size_t count = backtest->rows.count, found = 0, drawn = 0;
	size_t positives = backtest->comparison.scores[contestant].positives;
	struct point *points = malloc((count + 1) * sizeof(*points));

	if (points == NULL) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		points[i] = (struct point){ backtest->scores[contestant][i], backtest->rows.list[i].positive };
	qsort(points, count, sizeof(*points), compare_scores);
	text_printf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%s\" points=\"", colours[contestant],
	    contestant == CONTESTANT_MODEL ? "2" : "1");
	for (size_t i = 0; i < count; i++) {
		found += points[i].positive;
		/* Where a tie ends, and the recall has moved by a point of the plot. */
		if ((i + 1 < count && points[i + 1].score == points[i].score) ||
		    (i + 1 < count && found * CURVE_POINTS / positives < drawn))
			continue;
		drawn = found * CURVE_POINTS / positives + 1;
		text_printf(out, "%.1f,%.1f ", frame.x + frame.width * (double)found / (double)positives,
		    frame.y + frame.height * (1 - (double)found / (double)(i + 1)));
	}
	text_puts(out, "\"/>\n");
	free(points);
}

static int
compare_scores(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return (x->score < y->score) - (x->score > y->score);
}

static void
plot_series(const struct backtest *backtest, size_t series, size_t first, size_t end, struct frame frame,
    struct text *out)
{
	const struct dataset_series *of = &backtest->dataset->series[series];
	int64_t from_s = window_time(of->window, backtest->rows.list[first].step);
	int64_t to_s = window_time(of->window, backtest->rows.list[end - 1].step) + backtest->horizon_s;
	double scale = frame.width / (double)(to_s - from_s), tallest[STRIP_POINTS + 1] = { 0 };

	text_printf(out, "<text x=\"%.1f\" y=\"%.1f\">", frame.x, frame.y - 4);
	put_escaped(out, of->name);
	text_puts(out, "</text>\n");
	for (size_t i = 0; i < of->incidents.count; i++) {
		const struct incident *incident = &of->incidents.list[i];
		double x = (double)(incident->start_s - from_s) * scale;
		double x_end = (double)(incident->end_s - from_s) * scale;

		if (x < 0 || x > frame.width)
			continue;
		text_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#f3b6ae\"/>\n",
		    frame.x + x, frame.y, fmax(1, fmin(x_end, frame.width) - x), frame.height);
	}
	for (size_t i = first; i < end; i++) {
		int64_t t = window_time(of->window, backtest->rows.list[i].step);
		size_t pixel = (size_t)((double)(t - from_s) * scale);

		tallest[pixel] = fmax(tallest[pixel], backtest->scores[CONTESTANT_MODEL][i]);
	}
	text_printf(out, "<polyline fill=\"none\" stroke=\"%s\" points=\"", colours[CONTESTANT_MODEL]);
	for (size_t pixel = 0; pixel < STRIP_POINTS; pixel++) {
		double height = tallest[pixel] > LEAST ? 1 - log(tallest[pixel]) / log(LEAST) : 0;

		if (tallest[pixel] > 0)
			text_printf(out, "%.0f,%.1f ", frame.x + (double)pixel, frame.y + (1 - height) * frame.height);
	}
	text_printf(out, "\"/>\n<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" "
	    "stroke=\"#ccc\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">1</text><text x=\"%.1f\" y=\"%.1f\" "
	    "text-anchor=\"end\">%g</text>\n", frame.x, frame.y, frame.width, frame.height, frame.x - 4, frame.y + 10,
	    frame.x - 4, frame.y + frame.height, LEAST);
}

/* Names come from files. */
static void
put_escaped(struct text *out, const char *words)
{
	for (; *words != '\0'; words++) {
		switch (*words) {
		case '<':
			text_puts(out, "&lt;");
			break;
		case '>':
			text_puts(out, "&gt;");
			break;
		case '&':
			text_puts(out, "&amp;");
			break;
		default:
			text_add(out, (unsigned char)*words < ' ' ? "?" : words, 1);
		}
	}
}
