/* in_force.c -- what signals say of each region at a moment.
 * In: the state of each feed, signals as the store has them.  Out: three numbers for each region and name.
 * What isn't known is never 0:
 *  - a feed that is fresh says of each of its regions what is in force, or that nothing is: 0;
 *  - a feed that is stale, or never succeeded, says nothing. What another one of the same name says of a region stands
 *    if it's bad; that there was nothing would be a guess;
 *  - a signal that couldn't be read makes its region unknown, unless a worse one is known: nothing is worse than 1;
 *  - a signal that was posted says something while it's in force. When it's over nobody says that all is well.
 * Threads: one book, one thread. */
#include "feed/in_force.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cell {
	double worst, ahead;		/* of what is known; NAN: nothing was said */
	int64_t onset_ms;		/* of the worst */
	unsigned feeds, fresh;		/* that speak of it; .. now */
	bool unreadable, ahead_unreadable;
};

struct name {
	char *text;
	struct cell *cells;		/* by region */
};

struct in_force {
	const struct steering *steering;
	struct wall now;
	bool *fresh;			/* by feed */
	size_t name_count;
	struct name *names;
};

static struct name *name_of(struct in_force *book, const char *text);
static void say(struct cell *cell, double value, int64_t onset_ms);
static void say_ahead(struct cell *cell, double value);
static bool expect(struct in_force *book, const struct steering_feed *feed);
static bool is_heard(const struct in_force *book, const struct signal_row *signal);

struct in_force *
in_force_new(const struct steering *steering, struct wall now)
{
	struct in_force *book = calloc(1, sizeof(*book));
	bool good;

	if (book == NULL)
		return NULL;
	book->steering = steering;
	book->now = now;
	book->fresh = calloc(steering->feed_count + 1, sizeof(*book->fresh));
	good = book->fresh != NULL;
	for (size_t i = 0; i < steering->feed_count && good; i++)
		good = expect(book, &steering->feeds[i]);
	if (good)
		return book;
	in_force_free(book);
	return NULL;
}

static bool
expect(struct in_force *book, const struct steering_feed *feed)
{
	struct name *name = feed->kind == FEED_PROMETHEUS ? NULL : name_of(book, feed->signal);

	for (size_t i = 0; name != NULL && i < feed->region_count; i++)
		name->cells[feed->regions[i].region].feeds++;
	return name != NULL || feed->kind == FEED_PROMETHEUS;
}

void
in_force_free(struct in_force *book)
{
	if (book == NULL)
		return;
	for (size_t i = 0; i < book->name_count; i++) {
		free(book->names[i].text);
		free(book->names[i].cells);
	}
	free(book->names);
	free(book->fresh);
	free(book);
}

/* The cells of a name, new ones with nothing said. NULL: out of memory. */
static struct name *
name_of(struct in_force *book, const char *text)
{
	struct name *longer, *name;

	for (size_t i = 0; i < book->name_count; i++)
		if (strcmp(book->names[i].text, text) == 0)
			return &book->names[i];
	longer = reallocarray(book->names, book->name_count + 1, sizeof(*longer));
	if (longer == NULL)
		return NULL;
	book->names = longer;
	name = &longer[book->name_count];
	*name = (struct name){ strdup(text), calloc(book->steering->region_count + 1, sizeof(struct cell)) };
	if (name->text == NULL || name->cells == NULL) {
		free(name->text);
		free(name->cells);
		return NULL;
	}
	for (size_t i = 0; i < book->steering->region_count; i++)
		name->cells[i] = (struct cell){ .worst = (double)NAN, .ahead = (double)NAN };
	book->name_count++;
	return name;
}

bool
feed_is_stale(const struct steering_feed *feed, struct wall succeeded, struct wall now)
{
	return succeeded.ms == 0 || now.ms - succeeded.ms > (int64_t)feed->stale_ms;
}

void
in_force_feed(struct in_force *book, const struct feed_row *row)
{
	const struct steering_feed *feed = steering_feed_find(book->steering, row->name);
	struct name *name;

	if (feed == NULL || feed->kind == FEED_PROMETHEUS || feed_is_stale(feed, row->succeeded, book->now))
		return;
	book->fresh[feed - book->steering->feeds] = true;
	name = name_of(book, feed->signal);	/* there since the begin */
	for (size_t i = 0; name != NULL && i < feed->region_count; i++) {
		struct cell *cell = &name->cells[feed->regions[i].region];

		cell->fresh++;
		say(cell, 0, 0);
		say_ahead(cell, 0);
	}
}

bool
in_force_signal(struct in_force *book, const struct signal_row *signal)
{
	region_id region = steering_region_find(book->steering, signal->region);
	double value = signal->severity * signal->certainty;
	struct name *name;
	struct cell *cell;

	if (region == NO_REGION || signal->expires.ms <= book->now.ms || signal->ended.ms != 0 ||
	    signal->onset.ms > book->now.ms + SIGNAL_AHEAD_MS || !is_heard(book, signal))
		return true;
	name = name_of(book, signal->name);
	if (name == NULL)
		return false;
	cell = &name->cells[region];
	if (signal->onset.ms > book->now.ms) {
		cell->ahead_unreadable = cell->ahead_unreadable || isnan(value);
		say_ahead(cell, value);
	} else {
		cell->unreadable = cell->unreadable || isnan(value);
		say(cell, value, signal->onset.ms);
	}
	return true;
}

/* Of a feed that is stale, or isn't there any more, nothing is heard. */
static bool
is_heard(const struct in_force *book, const struct signal_row *signal)
{
	const struct steering_feed *feed;

	if (strncmp(signal->source, "feed:", 5) != 0)
		return true;
	feed = steering_feed_find(book->steering, signal->source + 5);
	return feed != NULL && book->fresh[feed - book->steering->feeds];
}

static void
say(struct cell *cell, double value, int64_t onset_ms)
{
	if (isnan(value) || value < cell->worst)
		return;
	cell->worst = value;
	cell->onset_ms = onset_ms;
}

static void
say_ahead(struct cell *cell, double value)
{
	if (!isnan(value) && !(value < cell->ahead))
		cell->ahead = value;
}

void
in_force_each(const struct in_force *book, void (*value)(void *arg, const struct signal_value *value), void *arg)
{
	for (size_t r = 0; r < book->steering->region_count; r++)
		for (size_t n = 0; n < book->name_count; n++) {
			const struct cell *cell = &book->names[n].cells[r];
			bool stale = cell->fresh < cell->feeds;
			struct signal_value said = {
				.region = book->steering->regions[r].name, .name = book->names[n].text,
				.value = cell->worst, .ahead = cell->ahead, .age_s = (double)NAN,
			};

			if ((stale && !(cell->worst > 0)) || (cell->unreadable && !(cell->worst >= 1)))
				said.value = (double)NAN;
			if ((stale && !(cell->ahead > 0)) || (cell->ahead_unreadable && !(cell->ahead >= 1)))
				said.ahead = (double)NAN;
			if (said.value > 0)
				said.age_s = (double)(book->now.ms - cell->onset_ms) / 1000;
			value(arg, &said);
		}
}
