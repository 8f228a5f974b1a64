/* wire.h -- a cursor over a packet whose error sticks: read all fields, then ask once whether the bytes sufficed.
 * Threads: any; pure. */
#ifndef ISOBAR_DNS_WIRE_H
#define ISOBAR_DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wire_reader {
	const uint8_t *bytes;
	size_t size, at;
	bool failed;
};

static inline uint16_t
wire_get_u16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static inline uint32_t
wire_get_u32(const uint8_t *from)
{
	return (uint32_t)wire_get_u16(from) << 16 | wire_get_u16(from + 2);
}

static inline const uint8_t *
wire_bytes(struct wire_reader *r, size_t count)
{
	const uint8_t *p = r->bytes + r->at;

	if (r->failed || r->size - r->at < count) {
		r->failed = true;
		return NULL;
	}
	r->at += count;
	return p;
}

static inline uint8_t
wire_u8(struct wire_reader *r)
{
	const uint8_t *p = wire_bytes(r, 1);

	return p == NULL ? 0 : p[0];
}

static inline uint16_t
wire_u16(struct wire_reader *r)
{
	const uint8_t *p = wire_bytes(r, 2);

	if (p == NULL)
		return 0;
	return wire_get_u16(p);
}

static inline uint32_t
wire_u32(struct wire_reader *r)
{
	uint32_t high = wire_u16(r);

	return high << 16 | wire_u16(r);
}

static inline void
wire_put_u16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static inline void
wire_put_u32(uint8_t *to, uint32_t value)
{
	wire_put_u16(to, value >> 16);
	wire_put_u16(to + 2, value & 0xffff);
}

#endif
