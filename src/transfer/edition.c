/* edition.c -- see edition.h.
 * In: zones.  Out: what transfers read.  Threads: control's, but for what is marked.
 * The zone itself isn't copied: where its serial isn't the one to be told, its SOA is written beside it. */
#include "transfer/edition.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"

struct edition *
edition_new(struct zone *zone, uint32_t serial)
{
	const struct rrset *soa = zone_soa(zone);
	struct edition *edition = calloc(1, sizeof(*edition));

	if (edition == NULL)
		return NULL;
	edition->readers = malloc(sizeof(*edition->readers));
	edition->soa_wire = malloc(soa->length);
	if (edition->readers == NULL || edition->soa_wire == NULL) {
		free(edition->readers);
		free(edition->soa_wire);
		free(edition);
		return NULL;
	}
	atomic_init(edition->readers, 0);
	memcpy(edition->soa_wire, soa->wire, soa->length);
	wire_put_u32(edition->soa_wire + 2 + soa_serial_at(soa->wire + 2), serial);
	edition->soa = *soa;
	edition->soa.wire = edition->soa_wire;
	edition->serial = serial;
	edition->zone = zone;
	zone_hold(zone);
	return edition;
}

void
edition_follow(struct edition *edition, const struct edition *before, size_t most)
{
	size_t count = before->difference_count + 1, octets = 0, first = count;	/* list[first] and on are taken */
	struct difference **list = malloc(count * sizeof(struct difference *));
	struct difference *latest = difference_new(before->zone, &before->soa, edition->zone, &edition->soa);

	if (list == NULL || latest == NULL) {
		free(list);
		difference_release(latest);
		return;
	}
	/* From the newest backwards, as many as there is room for. */
	while (first > 0) {
		struct difference *d = first == count ? latest : before->differences[first - 1];

		if (octets + d->length > most)
			break;
		octets += d->length;
		list[--first] = d;
	}
	edition->difference_octets = octets;
	edition->difference_count = count - first;
	memmove(list, list + first, edition->difference_count * sizeof(struct difference *));
	edition->differences = list;
	for (size_t i = 0; i < edition->difference_count; i++)
		difference_hold(list[i]);
	difference_release(latest);
}

void
edition_free(struct edition *edition)
{
	if (edition == NULL)
		return;
	for (size_t i = 0; i < edition->difference_count; i++)
		difference_release(edition->differences[i]);
	free(edition->differences);
	zone_release(edition->zone);
	free(edition->readers);
	free(edition->soa_wire);
	free(edition);
}

size_t
edition_find(const struct edition *edition, uint32_t serial)
{
	for (size_t i = edition->difference_count; i > 0; i--)
		if (edition->differences[i - 1]->from == serial)
			return i - 1;
	return edition->difference_count;
}

size_t
soa_serial_at(const uint8_t *rdata)
{
	size_t first = name_length(rdata, NAME_MAX);

	return first + name_length(rdata + first, NAME_MAX);
}

bool
serial_is_newer(uint32_t serial, uint32_t than)
{
	return (int32_t)(serial - than) > 0;
}
