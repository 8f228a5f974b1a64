/* geo.c -- see geo.h.
 * In: an address.  Out: a country and the length of the prefix for which that holds.  Threads: any, read only.
 * Both layouts in use are read: country/iso_code (MaxMind, DB-IP) and country_code at the top (IPinfo and others).
 * MMDB_aget_value is used since MMDB_get_value allocates. */
#include "steer/geo.h"

#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>

#include "steer/country.h"

struct geo {
	MMDB_s database;
};

static uint8_t prefix_length(const struct geo *geo, const struct address *address, unsigned depth);
static bool read_code(MMDB_entry_s *entry, char code[static 2]);

struct geo *
geo_open(const char *path, struct text *error)
{
	struct geo *geo = calloc(1, sizeof(*geo));
	int status;

	if (geo == NULL) {
		text_puts(error, "out of memory");
		return NULL;
	}
	status = MMDB_open(path, MMDB_MODE_MMAP, &geo->database);
	if (status != MMDB_SUCCESS) {
		text_printf(error, "%s: %s", path, MMDB_strerror(status));
		free(geo);
		return NULL;
	}
	return geo;
}

void
geo_close(struct geo *geo)
{
	if (geo == NULL)
		return;
	MMDB_close(&geo->database);
	free(geo);
}

uint8_t
geo_country(const struct geo *geo, const struct address *address, uint8_t *length)
{
	struct sockaddr_storage to;
	MMDB_lookup_result_s found;
	char code[2];
	int status;

	address_to_sockaddr(address, 0, &to);
	found = MMDB_lookup_sockaddr(&geo->database, (const struct sockaddr *)&to, &status);
	*length = prefix_length(geo, address, found.netmask);
	if (status != MMDB_SUCCESS || !found.found_entry || !read_code(&found.entry, code))
		return COUNTRY_UNKNOWN;
	return country_find(code);
}

/* An IPv4 address lies 96 bits deep in a tree for IPv6; one that ends above says the same of all of IPv4. */
static uint8_t
prefix_length(const struct geo *geo, const struct address *address, unsigned depth)
{
	if (address->bits == 32 && geo->database.metadata.ip_version == 6)
		depth = depth > 96 ? depth - 96 : 0;
	return (uint8_t)depth;
}

static bool
read_code(MMDB_entry_s *entry, char code[static 2])
{
	static const char *const nested[] = { "country", "iso_code", NULL };
	static const char *const flat[] = { "country_code", NULL };
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, nested) != MMDB_SUCCESS || !data.has_data)
		if (MMDB_aget_value(entry, &data, flat) != MMDB_SUCCESS || !data.has_data)
			return false;
	if (data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2)
		return false;
	memcpy(code, data.utf8_string, 2);
	return true;
}

struct wall
geo_built(const struct geo *geo)
{
	return (struct wall){ (int64_t)geo->database.metadata.build_epoch * 1000 };
}
