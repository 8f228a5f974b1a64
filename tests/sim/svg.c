/* svg.c -- plots as SVG: our own line in colour, the others in greys with marks, each named at its right end.
 * In: points.  Out: one file each.
 * Text is in the reader's own sans-serif; colours are few and keep their contrast in print: what is ours is blue, the
 * others differ by dashes. Labels at the ends are pushed apart so that they can be read. */
#include "svg.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define WIDTH 860
#define HEIGHT 420
#define LEFT 72
#define RIGHT 190		/* room for the names */
#define TOP 46
#define BOTTOM 64

struct frame { double x0, x1, y0, y1; bool log; };

static struct frame frame_of(const struct svg_plot *plot);
static double at_x(const struct frame *frame, double x);
static double at_y(const struct frame *frame, double y);
static void draw_head(struct text *out, const char *title, int height);
static void draw_axes(struct text *out, const struct frame *frame, const struct svg_plot *plot);
static double step_of(double span);
static void draw_series(struct text *out, const struct frame *frame, const struct svg_series *series, size_t nth);
static void draw_names(struct text *out, const struct frame *frame, const struct svg_plot *plot);
static const char *dashes(size_t nth, bool ours);
static void escape(struct text *out, const char *text);
static void save(struct text *out, const char *folder, const char *name);

void
svg_lines(const char *folder, const char *name, const struct svg_plot *plot)
{
	struct frame frame = frame_of(plot);
	struct text out = { 0 };

	if (folder == NULL)
		return;
	draw_head(&out, plot->title, HEIGHT);
	draw_axes(&out, &frame, plot);
	if (!isnan(plot->mark)) {
		double y = at_y(&frame, plot->mark);

		text_printf(&out, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#b00020' stroke-dasharray='2 3'/>\n"
			"<text x='%d' y='%.1f' fill='#b00020'>", LEFT, y, WIDTH - RIGHT, y, LEFT + 6, y - 4);
		escape(&out, plot->mark_name);
		text_puts(&out, "</text>\n");
	}
	for (size_t i = 0; i < plot->series_count; i++)
		draw_series(&out, &frame, &plot->series[i], i);
	draw_names(&out, &frame, plot);
	save(&out, folder, name);
}

static struct frame
frame_of(const struct svg_plot *plot)
{
	struct frame f = { plot->x_least, plot->x_most, plot->y_least, plot->y_most, plot->y_log };
	double least[2] = { INFINITY, INFINITY }, most[2] = { -INFINITY, -INFINITY };

	for (size_t s = 0; s < plot->series_count; s++)
		for (size_t i = 0; i < plot->series[s].count; i++) {
			double x = plot->series[s].x[i], y = plot->series[s].y[i];

			if (isnan(y) || (f.log && y <= 0))
				continue;
			least[0] = fmin(least[0], x);
			most[0] = fmax(most[0], x);
			least[1] = fmin(least[1], y);
			most[1] = fmax(most[1], y);
		}
	if (f.x0 == f.x1) {
		f.x0 = least[0];
		f.x1 = most[0];
	}
	if (f.y0 == f.y1) {
		f.y0 = f.log ? least[1] : fmin(0, least[1]);
		f.y1 = most[1] * (f.log ? 1.3 : 1.05);
	}
	if (!(f.x1 > f.x0))
		f.x1 = f.x0 + 1;
	if (!(f.y1 > f.y0))
		f.y1 = f.y0 + 1;
	return f;
}

static double
at_x(const struct frame *f, double x)
{
	return LEFT + (x - f->x0) / (f->x1 - f->x0) * (WIDTH - LEFT - RIGHT);
}

static double
at_y(const struct frame *f, double y)
{
	double part = f->log ? (log(fmax(y, f->y0)) - log(f->y0)) / (log(f->y1) - log(f->y0))
		: (y - f->y0) / (f->y1 - f->y0);

	return HEIGHT - BOTTOM - fmin(fmax(part, -0.02), 1.02) * (HEIGHT - TOP - BOTTOM);
}

static void
draw_head(struct text *out, const char *title, int height)
{
	text_printf(out, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' "
		"font-size='12'>\n<rect width='100%%' height='100%%' fill='white'/>\n"
		"<text x='%d' y='24' font-size='15' font-weight='bold'>", WIDTH, height, LEFT);
	escape(out, title);
	text_puts(out, "</text>\n");
}

static void
draw_axes(struct text *out, const struct frame *f, const struct svg_plot *plot)
{
	double dx = step_of(f->x1 - f->x0), dy = step_of(f->y1 - f->y0);

	for (double x = ceil(f->x0 / dx - 1e-9) * dx; x <= f->x1 + dx * 1e-9; x += dx)
		text_printf(out, "<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='#eee'/>"
			"<text x='%.1f' y='%d' text-anchor='middle'>%.6g</text>\n", at_x(f, x), TOP, at_x(f, x),
			HEIGHT - BOTTOM, at_x(f, x), HEIGHT - BOTTOM + 16, fabs(x) < dx * 1e-9 ? 0 : x);
	for (double y = f->log ? pow(10, ceil(log10(f->y0) - 1e-9)) : ceil(f->y0 / dy - 1e-9) * dy;
	    y <= f->y1 * (1 + 1e-9); y = f->log ? y * 10 : y + dy)
		text_printf(out, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#eee'/>"
			"<text x='%d' y='%.1f' text-anchor='end'>%.6g</text>\n", LEFT, at_y(f, y), WIDTH - RIGHT,
			at_y(f, y), LEFT - 6, at_y(f, y) + 4, fabs(y) < dy * 1e-9 ? 0 : y);
	text_printf(out, "<path d='M%d %dV%dH%d' fill='none' stroke='#444'/>\n", LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT);
	text_printf(out, "<text x='%d' y='%d' text-anchor='middle'>", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 34);
	escape(out, plot->x_name);
	text_printf(out, "</text>\n<text transform='translate(16 %d) rotate(-90)' text-anchor='middle'>",
		(TOP + HEIGHT - BOTTOM) / 2);
	escape(out, plot->y_name);
	text_puts(out, "</text>\n");
	if (plot->note != NULL) {
		text_printf(out, "<text x='%d' y='%d' fill='#666' font-size='11'>", LEFT, HEIGHT - 10);
		escape(out, plot->note);
		text_puts(out, "</text>\n");
	}
}

/* 1, 2 or 5 times a power of ten, some six of them. */
static double
step_of(double span)
{
	double power = pow(10, floor(log10(span / 6))), part = span / 6 / power;

	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static void
draw_series(struct text *out, const struct frame *f, const struct svg_series *series, size_t nth)
{
	bool pen_up = true;

	text_printf(out, "<path fill='none' stroke='%s' stroke-width='%s'%s d='", series->ours ? "#0050b0" : "#777",
		series->ours ? "2.6" : "1.3", dashes(nth, series->ours));
	for (size_t i = 0; i < series->count; i++) {
		if (isnan(series->y[i])) {
			pen_up = true;
			continue;
		}
		text_printf(out, "%s%.1f %.1f", pen_up ? "M" : "L", at_x(f, series->x[i]), at_y(f, series->y[i]));
		pen_up = false;
	}
	text_puts(out, "'/>\n");
}

static const char *
dashes(size_t nth, bool ours)
{
	static const char *const kinds[] = { "", " stroke-dasharray='6 3'", " stroke-dasharray='2 2'",
		" stroke-dasharray='8 3 2 3'", " stroke-dasharray='1 3'", " stroke-dasharray='10 4'" };

	return ours ? "" : kinds[nth % ARRAY_SIZE(kinds)];
}

/* At the height of the last point, but at least 14 apart, and within the picture. */
static void
draw_names(struct text *out, const struct frame *f, const struct svg_plot *plot)
{
	double heights[SVG_SERIES], at[SVG_SERIES], last = TOP - 14;
	size_t order[SVG_SERIES];

	for (size_t i = 0; i < plot->series_count; i++) {
		const struct svg_series *s = &plot->series[i];
		size_t end = s->count, place;

		while (end > 0 && isnan(s->y[end - 1]))
			end--;
		heights[i] = end == 0 ? HEIGHT - BOTTOM : at_y(f, s->y[end - 1]);
		for (place = i; place > 0 && heights[order[place - 1]] > heights[i]; place--)
			order[place] = order[place - 1];
		order[place] = i;
	}
	for (size_t n = 0; n < plot->series_count; n++)
		last = at[n] = fmax(heights[order[n]], last + 14);
	last = HEIGHT - 6;
	for (size_t n = plot->series_count; n-- > 0; last = at[n] - 14)
		at[n] = fmin(at[n], last);
	for (size_t n = 0; n < plot->series_count; n++) {
		const struct svg_series *s = &plot->series[order[n]];

		text_printf(out, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='%s' stroke-width='%s'%s/>"
			"<text x='%d' y='%.1f' fill='%s'%s>", WIDTH - RIGHT + 4, at[n], WIDTH - RIGHT + 24, at[n],
			s->ours ? "#0050b0" : "#777", s->ours ? "2.6" : "1.3", dashes(order[n], s->ours), WIDTH - RIGHT + 28,
			at[n] + 4, s->ours ? "#0050b0" : "#333", s->ours ? " font-weight='bold'" : "");
		escape(out, s->name);
		text_puts(out, "</text>\n");
	}
}

void
svg_bars(const char *folder, const char *name, const char *title, const char *unit, const struct svg_bar *bars,
	size_t count)
{
	const int left = 250, row = 26, height = TOP + (int)count * row + 20;
	struct text out = { 0 };
	double most = 1e-300;

	if (folder == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		most = fmax(most, bars[i].value);
	draw_head(&out, title, height);
	for (size_t i = 0; i < count; i++) {
		int y = TOP + (int)i * row;
		double length = bars[i].value / most * (WIDTH - left - 150);

		text_printf(&out, "<text x='%d' y='%d' text-anchor='end'%s>", left - 8, y + 15,
			bars[i].ours ? " font-weight='bold' fill='#0050b0'" : "");
		escape(&out, bars[i].name);
		text_printf(&out, "</text><rect x='%d' y='%d' width='%.1f' height='%d' fill='%s'/>"
			"<text x='%.1f' y='%d'>%.4g %s</text>\n", left, y, fmax(length, 1), row - 8,
			bars[i].ours ? "#0050b0" : "#9a9a9a", left + fmax(length, 1) + 6, y + 14, bars[i].value, unit);
	}
	save(&out, folder, name);
}

static void
escape(struct text *out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '<':
			text_puts(out, "&lt;");
			break;
		case '&':
			text_puts(out, "&amp;");
			break;
		default:
			text_add(out, text, 1);
		}
}

static void
save(struct text *out, const char *folder, const char *name)
{
	struct text path = { 0 };

	text_puts(out, "</svg>\n");
	text_printf(&path, "%s/%s.svg", folder, name);
	if (out->failed || path.failed || text_write_file(path.bytes, out->bytes, out->length) != 0) {
		fprintf(stderr, "sim: can't write %s/%s.svg\n", folder, name);
		exit(1);
	}
	text_fini(out);
	text_fini(&path);
}
