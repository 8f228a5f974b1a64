/* pick.c -- turns a slot into one region.
 * In: the slot's list, the live words of this moment, what is legal and what has records.  Out: a region, or why none.
 * Threads: any.  Invariant: every region returned is in `legal`, whatever else fails: residency is law.
 *
 * A list that is empty where the service may shed, and where a region is legal: the client is shed.
 * The rules else, each only when all before it found nobody:
 *  1. the slot's list in order: legal, able, alive, not drained; the primary only if the client's rank is admitted;
 *  2. any other region of the service in the operator's order, under the same conditions (rank aside);
 *  3. a drained region: planned maintenance still serves better than a dead region;
 *  4. all legal and able regions are dead: it may be us who are blind. What then happens is the operator's choice:
 *     answer as if they were alive (the default), NODATA, or SERVFAIL. */
#include "steer/pick.h"

static bool may_serve(const struct pick_question *q, region_id r);
static bool is_shed(const struct pick_question *q);
static struct pick pick_from_order(const struct pick_question *q);
static struct pick pick_when_all_down(const struct pick_question *q);

struct pick
slots_pick(const struct pick_question *q)
{
	for (uint8_t i = 0; i < SLOT_LIST; i++) {
		region_id r = q->slot->list[i];
		admit admitted;

		if (r == NO_REGION)
			break;
		if (!may_serve(q, r) || live_is_dead(q->live, r))
			continue;
		admitted = live_admit(q->live, r);
		if (admitted == ADMIT_NONE || (i == 0 && q->rank >= admitted))
			continue;
		return (struct pick){ r, i, PICK_LISTED };
	}
	if (q->may_shed && q->slot->list[0] == NO_REGION && is_shed(q))
		return (struct pick){ NO_REGION, SLOT_LIST, PICK_SHED };
	return pick_from_order(q);
}

/* The list of clients without any legal region is empty too: they aren't shed, they are refused. */
static bool
is_shed(const struct pick_question *q)
{
	for (size_t i = 0; i < q->order_count; i++)
		if (may_serve(q, q->order[i]))
			return true;
	return false;
}

static bool
may_serve(const struct pick_question *q, region_id r)
{
	return region_set_has(&q->legal, r) && region_set_has(&q->able, r);
}

static struct pick
pick_from_order(const struct pick_question *q)
{
	region_id drained = NO_REGION;

	for (size_t i = 0; i < q->order_count; i++) {
		region_id r = q->order[i];

		if (!may_serve(q, r) || live_is_dead(q->live, r))
			continue;
		if (live_admit(q->live, r) != ADMIT_NONE)
			return (struct pick){ r, SLOT_LIST, PICK_BEYOND_LIST };
		if (drained == NO_REGION)
			drained = r;
	}
	if (drained != NO_REGION)
		return (struct pick){ drained, SLOT_LIST, PICK_DRAINED };
	return pick_when_all_down(q);
}

static struct pick
pick_when_all_down(const struct pick_question *q)
{
	region_id first = NO_REGION;

	for (unsigned i = 0; i < SLOT_LIST && q->slot->list[i] != NO_REGION && first == NO_REGION; i++)
		if (may_serve(q, q->slot->list[i]))
			first = q->slot->list[i];
	for (size_t i = 0; i < q->order_count && first == NO_REGION; i++)
		if (may_serve(q, q->order[i]))
			first = q->order[i];
	if (first == NO_REGION)
		return (struct pick){ NO_REGION, SLOT_LIST, PICK_NONE_LEGAL };
	if (q->when_all_down == ALL_DOWN_NODATA)
		return (struct pick){ NO_REGION, SLOT_LIST, PICK_NODATA };
	if (q->when_all_down == ALL_DOWN_SERVFAIL)
		return (struct pick){ NO_REGION, SLOT_LIST, PICK_SERVFAIL };
	return (struct pick){ first, SLOT_LIST, PICK_ALL_DOWN };
}
