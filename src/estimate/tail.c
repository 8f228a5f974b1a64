/* tail.c -- what caches hide of one key, and of all those that are too light to be told apart.
 * In: counts, seconds, TTL.  Out: clients' resolutions/s.  Threads: any; pure.
 *
 * A key may be one cache, a site's resolver, or a farm of them. One cache asks at most once a TTL; what asks more is
 * several, and how full each is can't be seen: they are taken to be half as many again as it takes at the least, twice
 * over, so that at most the half is hidden. Too low for farms that are busy, but regions' reports correct that by slot.
 *
 * For the light keys the populations that were measured are used: the k-th heaviest key has a part p ~ 1 / (k + 14) of
 * the users. So behind the K heavy keys rates go on as c / k, with c = rate * k at the border. What is seen of them
 * through caches is the sum over k of 1 / (T + k/c), that is c ln((N + cT) / (K + cT)). That is known, so N is, and
 * what is there is c ln(N / K). */
#include <math.h>

#include "estimate/state.h"

#define BORDER_LEAST 16		/* heavy keys; with fewer there is no border to speak of */
#define FACTOR_MOST 20.0	/* beyond that nothing is known */

double
key_rate(double count, double window_s, double ttl_s)
{
	double caches;

	if (count <= 0 || window_s <= 0)
		return 0;
	/* One question may lie at either end of the window. */
	if ((count - 1) * ttl_s <= window_s)
		return demand_behind_cache(count, window_s, ttl_s);
	caches = 2 * ceil(count * ttl_s / window_s);
	return caches * demand_behind_cache(count / caches, window_s, ttl_s);
}

double
tail_factor(const double *rates, size_t count, double seen, double ttl_s)
{
	size_t from = count - count / 4;
	double c = 0, hidden, border = (double)count, keys, factor;

	if (count < BORDER_LEAST || seen <= 0 || ttl_s <= 0)
		return 1;
	for (size_t k = from; k < count; k++)
		c += rates[k] * (double)(k + 1) / (double)(count - from);
	if (c <= 0)
		return 1;
	hidden = c * ttl_s;
	keys = (border + hidden) * exp(fmin(seen / c, 30)) - hidden;
	factor = keys <= border ? 1 : c * log(keys / border) / seen;
	return factor < 1 ? 1 : factor > FACTOR_MOST ? FACTOR_MOST : factor;
}
