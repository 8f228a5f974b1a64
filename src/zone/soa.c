/* soa.c -- where the serial stands in the RDATA of an SOA, behind two names, and how it's raised.
 * In: RDATA.  Out: the same.  Threads: any; pure. */
#include "zone/soa.h"

#include "dns/name.h"
#include "dns/wire.h"

static size_t serial_at(const uint8_t *rdata);

uint32_t
soa_serial(const uint8_t *rdata)
{
	return wire_get_u32(rdata + serial_at(rdata));
}

void
soa_raise(uint8_t *rdata, uint32_t before)
{
	if (!soa_is_newer(soa_serial(rdata), before))
		wire_put_u32(rdata + serial_at(rdata), before + 1);
}

bool
soa_is_newer(uint32_t serial, uint32_t than)
{
	uint32_t ahead = serial - than;

	return ahead != 0 && ahead < UINT32_C(1) << 31;
}

static size_t
serial_at(const uint8_t *rdata)
{
	size_t at = name_length(rdata, NAME_MAX);

	return at + name_length(rdata + at, NAME_MAX);
}
