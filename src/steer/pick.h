/* pick.h -- turns a slot into one region. Pure but for reading the live words; threads: any. */
#ifndef ISOBAR_STEER_PICK_H
#define ISOBAR_STEER_PICK_H

#include "base/contract.h"
#include "steer/live.h"
#include "steer/region_set.h"
#include "steer/slots.h"
#include "steer/steering.h"

struct pick_question {
	const struct slot *slot;
	uint16_t rank;			/* of the client: the slot's, or its key's where one slot is for all */
	bool may_shed;			/* an empty list sheds: the owner has records of its own to give */
	const struct live *live;
	struct region_set legal;	/* by residency, within the service's regions */
	struct region_set able;		/* regions that have records of the type asked for */
	const region_id *order;		/* all regions of the service, last resort by this order */
	size_t order_count;
	enum when_all_down when_all_down;
};

enum pick_outcome {
	PICK_LISTED,		/* from the slot's list */
	PICK_BEYOND_LIST,	/* the list had nobody; another legal live region */
	PICK_DRAINED,		/* only drained regions live */
	PICK_ALL_DOWN,		/* every legal region is dead; served all the same */
	PICK_NONE_LEGAL,	/* no legal region has such records: NODATA */
	PICK_NODATA,		/* all down, and the operator wants NODATA */
	PICK_SERVFAIL,		/* all down, and the operator wants SERVFAIL */
	PICK_SHED,		/* the plan has no room for these clients: they get the owner's own records */
};

struct pick {
	region_id region;	/* NO_REGION for the last four outcomes */
	uint8_t position;	/* in the list, for PICK_LISTED */
	enum pick_outcome outcome;
};

struct pick slots_pick(const struct pick_question *question) NONNULL;

#endif
