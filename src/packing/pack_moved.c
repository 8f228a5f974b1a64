/* pack_moved.c -- how much demand has another primary in one table than in another.
 * In: two tables of the same clients.  Out: a share.  Threads: any; pure.
 *
 * Each common slot is compared where it lies on the circle, each heavy key with the slot that it had. A key that is
 * heavy no more counts in the common slot that it fell back into, with the weight that it had. */
#include "packing/pack_parts.h"

struct tables {
	const struct slot_table *a, *b;
	const region_id *renumber;
};

static double weight(const struct slot_table *table, size_t slot);
static bool differ(const struct tables *t, uint32_t a, uint32_t b);
static double moved_common(const struct tables *t);
static double moved_heavy(const struct tables *t);
static double moved_back(const struct tables *t);

double
pack_moved(const struct slot_table *a, const region_id *renumber, const struct slot_table *b)
{
	struct tables t = { a, b, renumber };
	double moved;

	if (a == NULL)
		return 1;
	if (a == b)
		return 0;
	moved = moved_common(&t) + moved_heavy(&t) + moved_back(&t);
	return moved < 0 ? 0 : moved > 1 ? 1 : moved;
}

static double
moved_common(const struct tables *t)
{
	uint32_t most = t->a->count > t->b->count ? t->a->count : t->b->count;
	double moved = 0;

	for (uint32_t i = 0; i < most; i++) {
		uint32_t b = pack_scale(i, most, t->b->count);

		if (differ(t, pack_scale(i, most, t->a->count), b))
			moved += weight(t->b, b);
	}
	return moved * t->b->count / most;
}

static double
weight(const struct slot_table *table, size_t slot)
{
	return table->weights != NULL ? (double)table->weights[slot] : 1.0 / (table->count + table->heavy_count);
}

static bool
differ(const struct tables *t, uint32_t a, uint32_t b)
{
	region_id from = t->a->slots[a].list[0];

	if (from != NO_REGION && t->renumber != NULL)
		from = t->renumber[from];
	return from != t->b->slots[b].list[0];
}

static double
moved_heavy(const struct tables *t)
{
	double moved = 0;

	for (uint32_t i = 0; t->b->heavy_count > 0 && i <= t->b->heavy_mask; i++) {
		const struct heavy_key *key = &t->b->heavy[i];
		uint32_t a, b = t->b->count + key->index;

		if (key->key == 0)
			continue;
		a = slots_heavy(t->a, key->key);
		if (a == UINT32_MAX)
			a = slots_common((uint64_t)key->position << 32, t->a->count);
		if (differ(t, a, b))
			moved += weight(t->b, b);
	}
	return moved;
}

/* The key's demand was counted as that of other clients of the common slot: this is the difference. */
static double
moved_back(const struct tables *t)
{
	double moved = 0;

	for (uint32_t i = 0; t->a->heavy_count > 0 && i <= t->a->heavy_mask; i++) {
		const struct heavy_key *key = &t->a->heavy[i];
		uint32_t b = slots_common((uint64_t)key->position << 32, t->b->count);
		uint32_t a = slots_common((uint64_t)key->position << 32, t->a->count);
		double had;

		if (key->key == 0 || slots_heavy(t->b, key->key) != UINT32_MAX)
			continue;
		had = weight(t->a, t->a->count + key->index);
		if (had > weight(t->b, b))
			had = weight(t->b, b);
		moved += had * (differ(t, t->a->count + key->index, b) - differ(t, a, b));
	}
	return moved;
}
