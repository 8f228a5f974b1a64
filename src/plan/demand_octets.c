/* demand_octets.c -- demand as octets, and back, for the store.
 * In: demand, the steering whose names stand for its numbers.  Out: octets.  Threads: any; pure.
 *
 * Deflated (RFC 1950), little-endian: "ISOD", version, time; then for each service its name, numbers and groups, each
 * with its name, country, numbers, slots (32-bit floats) and heavy keys (slots_key() and rate). What is read may be of
 * another Isobar, or broken: every number is checked, and nothing is believed of a length before its octets are
 * there. */
#include "plan/demand.h"

#include <endian.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/deflate.h"
#include "base/text.h"
#include "steer/country.h"
#include "steer/slots.h"

#define FORM 1u
#define MOST ((size_t)1 << 28)	/* octets: 200 services with all their slots and keys are 70 MB */
#define SLOTS_MOST (1u << 20)

/* `failed` sticks: read all, ask once. */
struct cursor {
	const uint8_t *at, *end;
	bool failed;
};

static void write_service(struct text *out, const struct demand_service *service, const struct steering *steering);
static void write_group(struct text *out, const struct demand_rate *group, const struct steering *steering);
static void put_number(struct text *out, uint64_t number, unsigned octets);
static void put_real(struct text *out, double number);
static void put_name(struct text *out, const char *name);
static bool read_all(struct cursor *in, struct demand *demand, const struct steering *steering);
static bool read_service(struct cursor *in, struct demand_service *service, struct arena *arena,
	const struct steering *steering);
static bool read_group(struct cursor *in, struct demand_rate *group, struct arena *arena,
	const struct steering *steering);
static bool read_slots(struct cursor *in, struct demand_rate *group, struct arena *arena);
static bool read_heavy(struct cursor *in, struct demand_rate *group, struct arena *arena);
static uint64_t take_number(struct cursor *in, unsigned octets);
static double take_real(struct cursor *in, double least);
static bool take_name(struct cursor *in, char name[static 256]);
static size_t take_count(struct cursor *in, size_t each);

void *
demand_write(const struct demand *demand, const struct steering *steering, size_t *length)
{
	struct text out = { 0 };
	void *packed = NULL;

	text_add(&out, "ISOD", 4);
	put_number(&out, FORM, 2);
	put_number(&out, (uint64_t)demand->at.ms, 8);
	put_number(&out, demand->service_count, 4);
	for (size_t s = 0; s < demand->service_count; s++)
		write_service(&out, &demand->services[s], steering);
	if (!out.failed)
		packed = deflate_pack(out.bytes, out.length, length);
	text_fini(&out);
	return packed;
}

static void
write_service(struct text *out, const struct demand_service *service, const struct steering *steering)
{
	put_name(out, service->name);
	put_real(out, service->scale);
	put_real(out, service->ttl_s);
	put_number(out, service->count, 4);
	for (size_t g = 0; g < service->count; g++)
		write_group(out, &service->groups[g], steering);
}

static void
write_group(struct text *out, const struct demand_rate *group, const struct steering *steering)
{
	put_name(out, steering->groups[group->group].name);
	put_name(out, country_at(group->country)->code);
	put_real(out, group->rate);
	put_real(out, group->error);
	put_real(out, group->asked);
	put_number(out, group->slot_count, 4);
	for (uint32_t i = 0; i < group->slot_count; i++) {
		uint32_t bits;

		memcpy(&bits, &group->slots[i], sizeof(bits));
		put_number(out, bits, 4);
	}
	put_number(out, group->heavy_count, 4);
	for (size_t i = 0; i < group->heavy_count; i++) {
		put_number(out, slots_key(&group->heavy[i].address, group->heavy[i].length), 8);
		put_real(out, group->heavy[i].rate);
	}
}

static void
put_number(struct text *out, uint64_t number, unsigned octets)
{
	number = htole64(number);
	text_add(out, (const char *)&number, octets);
}

static void
put_real(struct text *out, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	put_number(out, bits, 8);
}

static void
put_name(struct text *out, const char *name)
{
	size_t length = strlen(name);

	put_number(out, length, 1);
	text_add(out, name, length & 255);
}

struct demand *
demand_read(const void *octets, size_t length, const struct steering *steering)
{
	size_t whole_length = 0;
	void *whole = deflate_unpack(octets, length, MOST, &whole_length);
	struct arena *arena = arena_new();
	struct demand *demand = arena == NULL ? NULL : arena_alloc(arena, sizeof(*demand));
	struct cursor in = { whole, whole, false };
	bool good = false;

	if (whole != NULL && demand != NULL) {
		in.end = in.at + whole_length;
		demand->arena = arena;
		good = read_all(&in, demand, steering);
	}
	free(whole);
	if (good)
		return demand;
	arena_free(arena);
	return NULL;
}

static bool
read_all(struct cursor *in, struct demand *demand, const struct steering *steering)
{
	struct demand_service *services;
	size_t count;

	if (in->end - in->at < 4 || memcmp(in->at, "ISOD", 4) != 0)
		return false;
	in->at += 4;
	if (take_number(in, 2) != FORM)
		return false;
	demand->at.ms = (int64_t)take_number(in, 8);
	count = take_count(in, 1);
	services = arena_alloc(demand->arena, count * sizeof(*services));
	demand->services = services;
	for (size_t s = 0; services != NULL && s < count && !in->failed; s++)
		demand->service_count += read_service(in, &services[demand->service_count], demand->arena, steering);
	return services != NULL && !in->failed && in->at == in->end;
}

/* False: the steering has no such service any more. */
static bool
read_service(struct cursor *in, struct demand_service *service, struct arena *arena, const struct steering *steering)
{
	char name[256];
	const struct steering_service *intent = take_name(in, name) ? steering_service_find(steering, name) : NULL;
	struct demand_rate *groups;
	size_t count;

	memset(service, 0, sizeof(*service));
	service->scale = take_real(in, 0);
	service->ttl_s = take_real(in, 0);
	count = take_count(in, 1);
	groups = arena_alloc(arena, count * sizeof(*groups));
	service->groups = groups;
	service->name = arena_text(arena, name);
	in->failed |= groups == NULL || service->name == NULL;
	for (size_t g = 0; g < count && !in->failed; g++)
		service->count += read_group(in, &groups[service->count], arena, steering);
	/* Their numbers may have another order in this steering. */
	demand_sort(groups, service->count);
	return intent != NULL;
}

/* False: the steering has no such group any more. */
static bool
read_group(struct cursor *in, struct demand_rate *group, struct arena *arena, const struct steering *steering)
{
	char name[256], code[256];
	size_t g = 0;

	memset(group, 0, sizeof(*group));
	if (!take_name(in, name) || !take_name(in, code))
		return false;
	while (g < steering->group_count && strcmp(steering->groups[g].name, name) != 0)
		g++;
	group->group = (uint16_t)g;
	group->country = *code == '\0' ? COUNTRY_UNKNOWN : country_find(code);
	group->rate = take_real(in, 0);
	group->error = take_real(in, 0);
	group->asked = take_real(in, 0);
	if (!read_slots(in, group, arena) || !read_heavy(in, group, arena))
		in->failed = true;
	return g < steering->group_count && (*code == '\0' || group->country != COUNTRY_UNKNOWN);
}

static bool
read_slots(struct cursor *in, struct demand_rate *group, struct arena *arena)
{
	size_t count = take_count(in, 4);
	float *slots = arena_alloc(arena, count * sizeof(*slots));

	if (slots == NULL || count > SLOTS_MOST || (count & (count - 1)) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint32_t bits = (uint32_t)take_number(in, 4);

		memcpy(&slots[i], &bits, sizeof(bits));
		if (!(slots[i] >= 0 && isfinite(slots[i])))
			return false;
	}
	group->slot_count = (uint32_t)count;
	group->slots = count == 0 ? NULL : slots;
	return true;
}

static bool
read_heavy(struct cursor *in, struct demand_rate *group, struct arena *arena)
{
	size_t count = take_count(in, 16);
	struct demand_key *heavy = arena_alloc(arena, count * sizeof(*heavy));

	if (heavy == NULL || count > DEMAND_HEAVY_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint64_t key = take_number(in, 8);
		struct prefix prefix;

		slots_key_read(key, &prefix);
		if (key >> 63 != 1 || slots_key(&prefix.address, prefix.length) != key)
			return false;
		heavy[i] = (struct demand_key){ prefix.address, prefix.length, take_real(in, 0) };
	}
	group->heavy_count = count;
	group->heavy = count == 0 ? NULL : heavy;
	return true;
}

static uint64_t
take_number(struct cursor *in, unsigned octets)
{
	uint64_t number = 0;

	in->failed |= (size_t)(in->end - in->at) < octets;
	if (in->failed)
		return 0;
	memcpy(&number, in->at, octets);
	in->at += octets;
	return le64toh(number);
}

/* Finite, and not below `least`. */
static double
take_real(struct cursor *in, double least)
{
	uint64_t bits = take_number(in, 8);
	double number;

	memcpy(&number, &bits, sizeof(number));
	if (isfinite(number) && number >= least)
		return number;
	in->failed = true;
	return least;
}

static bool
take_name(struct cursor *in, char name[static 256])
{
	size_t length = (size_t)take_number(in, 1);

	in->failed |= (size_t)(in->end - in->at) < length;
	if (in->failed)
		return false;
	memcpy(name, in->at, length);
	name[length] = '\0';
	in->at += length;
	return true;
}

/* How many follow, of at least `each` octets. */
static size_t
take_count(struct cursor *in, size_t each)
{
	size_t count = (size_t)take_number(in, 4);

	if (count > (size_t)(in->end - in->at) / each) {
		in->failed = true;
		return 0;
	}
	return count;
}
