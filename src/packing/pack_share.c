/* pack_share.c -- items of unlike weight to bins of given size, moving little.
 * In: items with their weights and where they are, the bins' sizes.  Out: where they shall be.  Threads: any; pure.
 *
 * 1. Leave: from bins that hold too much, items leave, the heaviest that fit first (strict fit): what has left is never
 *    more than what is too much, so what moves is at most the total variation between what is and what shall be, which
 *    is the least that any scheme can do. One that is heavier than the mean goes straight to where room for it is, or
 *    stays. Guests go first: they are there because their own place is gone, and may count as moved already.
 * 2. Settle: the heavy ones of those without a bin first, each where most room is; then the light ones, in runs along
 *    the circle: neighbouring client prefixes step through it in 256ths (slots.c), so runs, not stripes, are what they
 *    meet evenly. Whoever may go where its clients go anyway when its region is lost, goes there.
 * 3. Even out: single items, until none makes the greater of two errors smaller. Each move makes the sum of the squared
 *    errors smaller, so this ends; it ends with every bin within its lightest item of its target, but for bins whose
 *    items are all heavier than that. What is even stays as it is: sharing out twice changes nothing. */
#include "packing/pack_parts.h"

#include <assert.h>
#include <stdlib.h>


struct state {
	struct pack_sharing *sharing;
	int64_t room[BINS];		/* target less load; of open bins */
	region_id open[BINS];		/* bins that may hold something */
	size_t open_count;
	size_t next;			/* of `open`: the bin that a run goes to */
	uint64_t total;
	uint64_t largest;		/* of sharing->largest */
	uint64_t mean;			/* weight; heavier items are placed one by one */
};

static void take_stock(struct state *s);
static void leave(struct state *s, bool guests);
static void settle(struct state *s);
static void start_afresh(struct state *s);
static int64_t worst_error(const struct state *s);
static bool too_heavy(const struct state *s, uint32_t item, int bin);
static int place_for(const struct state *s, uint32_t item);
static void settle_heavy(struct state *s);
static void settle_light(struct state *s);
static bool even_out(struct state *s);
static bool evens_out(const struct state *s, int64_t weight, int64_t over, int64_t room);
static void move(struct state *s, uint32_t item, int to);
static unsigned roomiest(const struct state *s);

void
pack_share(struct pack_sharing *sharing)
{
	struct state s;

	if (sharing->count == 0)
		return;
	s.sharing = sharing;
	take_stock(&s);
	assert(s.open_count > 0);
	if (sharing->guests != NULL)
		leave(&s, true);
	leave(&s, false);
	settle(&s);
	if (sharing->moving_is_cheap)
		start_afresh(&s);
}

static void
settle(struct state *s)
{
	settle_heavy(s);
	settle_light(s);
	while (even_out(s))
		;
}

/* Where moving is cheap, what lay there before isn't worth a target that is missed: without it, each of the heavy ones
 * goes where most room is, and the light ones fill what is left. */
static void
start_afresh(struct state *s)
{
	struct pack_sharing *sharing = s->sharing;
	int64_t before = worst_error(s);
	int16_t *kept;

	if (before <= sharing->weights[sharing->heaviest[sharing->count - 1]])
		return;
	kept = malloc(sharing->count * sizeof(*kept));
	if (kept == NULL)
		return;
	for (uint32_t i = 0; i < sharing->count; i++) {
		kept[i] = sharing->bins[sharing->heaviest[i]];
		sharing->bins[sharing->heaviest[i]] = BIN_NONE;
	}
	take_stock(s);
	settle(s);
	if (worst_error(s) >= before)
		for (uint32_t i = 0; i < sharing->count; i++)
			sharing->bins[sharing->heaviest[i]] = kept[i];
	free(kept);
}

static int64_t
worst_error(const struct state *s)
{
	int64_t worst = 0;

	for (size_t i = 0; i < s->open_count; i++) {
		int64_t room = s->room[s->open[i]], error = room < 0 ? -room : room;

		worst = error > worst ? error : worst;
	}
	return worst;
}

static void
take_stock(struct state *s)
{
	struct pack_sharing *sharing = s->sharing;
	uint64_t total = 0;

	s->open_count = s->next = s->largest = 0;
	for (unsigned b = 0; b < BINS; b++) {
		if (sharing->targets[b] == 0)
			continue;
		s->room[b] = (int64_t)sharing->targets[b];
		s->open[s->open_count++] = (region_id)b;
		total += sharing->targets[b];
		if (sharing->largest[b] > s->largest)
			s->largest = sharing->largest[b];
	}
	s->mean = total / sharing->count;
	s->total = total;
	for (uint32_t i = 0; i < sharing->count; i++) {
		int16_t *bin = &sharing->bins[sharing->heaviest[i]];
		bool guest = sharing->guests != NULL && sharing->guests[sharing->heaviest[i]];

		if (*bin != BIN_NONE && (sharing->targets[*bin] == 0
		    || (!guest && too_heavy(s, sharing->heaviest[i], *bin))))
			*bin = BIN_NONE;
		if (*bin != BIN_NONE)
			s->room[*bin] -= sharing->weights[sharing->heaviest[i]];
	}
}

static void
leave(struct state *s, bool guests)
{
	const struct pack_sharing *sharing = s->sharing;
	int64_t most = s->room[roomiest(s)];

	for (uint32_t i = 0; i < sharing->count && most > 0; i++) {
		uint32_t item = sharing->heaviest[i], weight = sharing->weights[item];
		int bin = sharing->bins[item];

		if (bin == BIN_NONE || s->room[bin] + weight > 0 || weight > most)
			continue;
		if (sharing->guests != NULL && sharing->guests[item] != guests)
			continue;
		if (weight <= s->mean)
			move(s, item, BIN_NONE);
		else if (s->room[place_for(s, item)] >= weight)
			move(s, item, place_for(s, item));
	}
}

/* Heavier than the bin's largest, and another bin would take it. */
static bool
too_heavy(const struct state *s, uint32_t item, int bin)
{
	uint64_t largest = s->sharing->largest[bin], weight = s->sharing->weights[item];

	return largest > 0 && weight > largest + s->total / 512 && weight <= s->largest;
}

/* Where its clients go anyway, if there's room, or where most room is of those that take it. */
static int
place_for(const struct state *s, uint32_t item)
{
	const struct pack_sharing *sharing = s->sharing;
	int next = sharing->next == NULL ? BIN_NONE : sharing->next[item], best = BIN_NONE;

	if (next != BIN_NONE && s->room[next] >= sharing->weights[item] && !too_heavy(s, item, next))
		return next;
	for (size_t i = 0; i < s->open_count; i++)
		if (!too_heavy(s, item, s->open[i]) && (best == BIN_NONE || s->room[s->open[i]] > s->room[best]))
			best = s->open[i];
	return best;
}

static void
settle_heavy(struct state *s)
{
	const struct pack_sharing *sharing = s->sharing;

	for (uint32_t i = 0; i < sharing->count; i++) {
		uint32_t item = sharing->heaviest[i];

		if (sharing->weights[item] <= s->mean)
			break;
		if (sharing->bins[item] == BIN_NONE)
			move(s, item, place_for(s, item));
	}
}

static void
settle_light(struct state *s)
{
	const struct pack_sharing *sharing = s->sharing;

	for (uint32_t i = 0; i < sharing->count; i++) {
		uint32_t item = sharing->along[i], weight = sharing->weights[item];
		int next = sharing->next == NULL ? BIN_NONE : sharing->next[item];

		if (sharing->bins[item] != BIN_NONE)
			continue;
		if (next != BIN_NONE && s->room[next] >= weight) {
			move(s, item, next);
			continue;
		}
		while (s->next < s->open_count && 2 * s->room[s->open[s->next]] < weight)
			s->next++;
		move(s, item, s->next < s->open_count ? (int)s->open[s->next] : (int)roomiest(s));
	}
}

/* The lightest first: they make the errors smallest. */
static bool
even_out(struct state *s)
{
	const struct pack_sharing *sharing = s->sharing;
	unsigned best = roomiest(s);
	bool moved = false;

	for (uint32_t i = sharing->count; i-- > 0 && s->room[best] > 0;) {
		uint32_t item = sharing->heaviest[i], weight = sharing->weights[item];
		int bin = sharing->bins[item];
		int64_t over = -s->room[bin];

		if (over <= 0 || too_heavy(s, item, (int)best) || !evens_out(s, weight, over, s->room[best]))
			continue;
		move(s, item, (int)best);
		best = roomiest(s);
		moved = true;
	}
	return moved;
}

/* Weight from a bin that is over by so much to one with so much room: the squared errors become less when it's lighter
 * than both together. Where moving costs, neither end may come out further off than the worse one was. */
static bool
evens_out(const struct state *s, int64_t weight, int64_t over, int64_t room)
{
	int64_t worse = over > room ? over : room;

	if (s->sharing->moving_is_cheap)
		return weight < over + room;
	/* Beyond both, it leaves an error behind: worth a move only where the one that there is matters. */
	return weight <= over || weight <= room
	    || (worse > (int64_t)(s->total / 512) && weight - over < worse && weight - room < worse);
}

static void
move(struct state *s, uint32_t item, int to)
{
	int16_t *bin = &s->sharing->bins[item];

	if (*bin != BIN_NONE)
		s->room[*bin] += s->sharing->weights[item];
	*bin = (int16_t)to;
	if (to != BIN_NONE)
		s->room[to] -= s->sharing->weights[item];
}

static unsigned
roomiest(const struct state *s)
{
	unsigned best = s->open[0];

	for (size_t i = 1; i < s->open_count; i++)
		if (s->room[s->open[i]] > s->room[best])
			best = s->open[i];
	return best;
}
