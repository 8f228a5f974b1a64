/* mmdb.h -- writes a small MaxMind DB (format 2.0, records of 32 bits) from prefixes and countries, for tests.
 * Longer prefixes win, whatever the order. Nothing of anybody's database is in here. */
#ifndef ISOBAR_TESTS_MMDB_H
#define ISOBAR_TESTS_MMDB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"

struct mmdb_entry {
	const char *prefix;
	const char *country;	/* two letters */
};

enum mmdb_layout { MMDB_NESTED, MMDB_FLAT };	/* country/iso_code, or country_code at the top */

#define MMDB_NODES_MAX 20000
#define MMDB_LEAF 0x40000000u	/* + index of the country; 0: no data */

struct mmdb {
	unsigned ip_version;
	uint32_t nodes[MMDB_NODES_MAX][2];
	uint32_t node_count;
	uint8_t data[20000];
	size_t data_size;
	uint32_t offsets[256];		/* of each country's record */
	char countries[256][3];
	unsigned country_count;
};

static inline unsigned
mmdb_country(struct mmdb *m, const char *code, enum mmdb_layout layout)
{
	unsigned c = 1;

	while (c <= m->country_count && strcmp(m->countries[c], code) != 0)
		c++;
	if (c > m->country_count) {
		m->country_count = c;
		strcpy(m->countries[c], code);
		m->offsets[c] = (uint32_t)m->data_size;
		m->data_size += (size_t)sprintf((char *)m->data + m->data_size, layout == MMDB_NESTED
		    ? "\xe1\x47" "country" "\xe1\x48" "iso_code" "\x42%s" : "\xe1\x4c" "country_code" "\x42%s", code);
	}
	return c;
}

static inline void
mmdb_add(struct mmdb *m, const uint8_t *bits, unsigned length, unsigned country)
{
	uint32_t *at = &m->nodes[0][bits[0] >> 7];

	for (unsigned depth = 1; depth < length; depth++) {
		if (*at >= MMDB_LEAF) {
			if (m->node_count == MMDB_NODES_MAX)
				abort();
			m->nodes[m->node_count][0] = m->nodes[m->node_count][1] = *at;
			*at = m->node_count++;
		}
		at = &m->nodes[*at][bits[depth / 8] >> (7 - depth % 8) & 1];
	}
	*at = MMDB_LEAF + country;
}

static inline void
mmdb_put_u32(FILE *file, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		fputc((int)(value >> shift & 0xff), file);
}

static inline void
mmdb_put_text(FILE *file, const char *text)
{
	fputc((int)(0x40 | strlen(text)), file);
	fputs(text, file);
}

static inline void
mmdb_put_number(FILE *file, const char *key, int control, uint32_t value)
{
	mmdb_put_text(file, key);
	fputc(control, file);
	if (control == 0xa2)
		fprintf(file, "%c%c", (int)(value >> 8), (int)(value & 0xff));
	else
		mmdb_put_u32(file, value);
}

static inline void
mmdb_put_metadata(FILE *file, const struct mmdb *m)
{
	fputs("\xab\xcd\xefMaxMind.com", file);
	fputc(0xe9, file);
	mmdb_put_number(file, "node_count", 0xc4, m->node_count);
	mmdb_put_number(file, "record_size", 0xa2, 32);
	mmdb_put_number(file, "ip_version", 0xa2, m->ip_version);
	mmdb_put_number(file, "binary_format_major_version", 0xa2, 2);
	mmdb_put_number(file, "binary_format_minor_version", 0xa2, 0);
	mmdb_put_text(file, "build_epoch");
	fputs("\x04\x02", file);	/* uint64 of four octets */
	mmdb_put_u32(file, 1700000000);
	mmdb_put_text(file, "database_type");
	mmdb_put_text(file, "Test-Country");
	mmdb_put_text(file, "languages");
	fputc(0x01, file);
	fputc(0x04, file);	/* array of one */
	mmdb_put_text(file, "en");
	mmdb_put_text(file, "description");
	fputc(0xe0, file);
}

/* Aborts when it can't: a test has nothing better to do. */
static inline void
mmdb_write(const char *path, unsigned ip_version, enum mmdb_layout layout, const struct mmdb_entry *entries,
    size_t count)
{
	struct mmdb *m = calloc(1, sizeof(*m));
	FILE *file = fopen(path, "wb");

	if (m == NULL || file == NULL)
		abort();
	m->ip_version = ip_version;
	m->node_count = 1;
	m->nodes[0][0] = m->nodes[0][1] = MMDB_LEAF;
	for (unsigned length = 0; length <= 128; length++)
		for (size_t i = 0; i < count; i++) {
			struct prefix prefix;
			uint8_t bits[16] = { 0 };
			unsigned depth;

			if (prefix_parse(entries[i].prefix, &prefix) != 0)
				abort();
			if (prefix.address.bits == 32 && ip_version == 6)
				memcpy(bits + 12, prefix.address.bytes, 4);
			else
				memcpy(bits, prefix.address.bytes, 16);
			depth = prefix.length + (prefix.address.bits == 32 && ip_version == 6 ? 96u : 0u);
			if (depth == length && depth > 0)
				mmdb_add(m, bits, depth, mmdb_country(m, entries[i].country, layout));
		}
	for (uint32_t n = 0; n < m->node_count; n++)
		for (unsigned side = 0; side < 2; side++) {
			uint32_t to = m->nodes[n][side];

			if (to == MMDB_LEAF)
				to = m->node_count;
			else if (to > MMDB_LEAF)
				to = m->node_count + 16 + m->offsets[to - MMDB_LEAF];
			mmdb_put_u32(file, to);
		}
	for (unsigned i = 0; i < 16; i++)
		fputc(0, file);
	fwrite(m->data, 1, m->data_size, file);
	mmdb_put_metadata(file, m);
	if (fclose(file) != 0)
		abort();
	free(m);
}

#endif
