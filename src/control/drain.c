/* drain.c -- what an override lets in at a moment.  In: an override, the time.  Out: a share.  Threads: control; pure.
 * A drain is a function of the clock: whoever computes it gets the same share, after a restart too, and as it falls all
 * the way and then rises all the way, no client is moved more than once in each. */
#include "control/drain.h"

#include <math.h>

static double share_going(const struct override *o, struct wall at);

double
drain_share(const struct override *o, struct wall at)
{
	double end, part;

	if (at.ms < o->from.ms)
		return 1;
	if (o->until.ms == 0 || at.ms < o->until.ms)
		return share_going(o, at);
	end = share_going(o, o->until);
	part = o->over_ms <= 0 ? 1 : (double)(at.ms - o->until.ms) / (double)o->over_ms;
	return end + (1 - end) * fmin(part, 1);
}

/* As if it had no end. */
static double
share_going(const struct override *o, struct wall at)
{
	double part = o->over_ms <= 0 ? 1 : (double)(at.ms - o->from.ms) / (double)o->over_ms;

	return o->begin + (o->value - o->begin) * fmin(part, 1);
}

bool
drain_is_over(const struct override *o, struct wall at)
{
	return o->until.ms != 0 && at.ms >= o->until.ms && drain_share(o, at) >= 1;
}

bool
drain_is_ending(const struct override *o, struct wall at)
{
	return at.ms >= o->from.ms && (o->value >= 1 || (o->until.ms != 0 && at.ms >= o->until.ms));
}

void
drain_end(struct override *o, int64_t over_ms, struct wall now)
{
	o->begin = drain_share(o, now);
	o->value = 1;
	o->over_ms = over_ms;
	o->from = now;
	o->until.ms = now.ms + over_ms;
}

double
drain_goal(const struct override *o, struct wall at)
{
	double share = drain_share(o, at);

	if (drain_is_over(o, at) || drain_is_ending(o, at) || o->value > share)
		return share;
	return o->value;
}
