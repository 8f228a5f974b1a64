/* rdata_write.c -- RDATA as text, field by field.
 * In: octets as the wire has them. Out: text that this reader and others read back to the same octets.
 *
 * The octets are wrapped as a record of the root, since ldns reads RDATA only within a record. ldns would also print
 * the whole record, but leaves a quote or a leading "@" in a name as it is; so names are printed by name_text(), and
 * the other fields one by one by ldns.
 * Compression pointers can't hide in the octets: what ldns makes of them must be the same octets again. */
#include "zone/rdata_write.h"

#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/types.h"
#include "dns/wire.h"
#include "zone/rdata.h"
#include "zone/rdata_list.h"
#include "zone/rdata_names.h"
#include "zone/rrtype.h"
#include "zone/ttl.h"

/* ldns reads at most 65,535 characters of RDATA; the rest is room for owner, TTL, class and type. */
#define LONGEST_FORM ((size_t)65000)
#define SOA_PERIODS 16	/* octets: refresh, retry, expire, minimum */
#define WKS 11		/* its words are found in /etc/services, one reading of that file for each: octets it is */
#define RRSIG_TIMES 8	/* octets before them */
#define HEAD_SIZE 11	/* root, type, class, TTL, RDLENGTH */

static bool has_large_period(uint16_t type, const uint8_t *rdata, uint16_t length);
static bool is_plain(uint16_t type, const uint8_t *rdata, uint16_t length);
static bool reads_back(uint16_t type, const uint8_t *rdata, uint16_t length, const char *text);
static ldns_rr *parse(uint16_t type, const uint8_t *rdata, uint16_t length);
static bool same_octets(const ldns_rr *rr, const uint8_t *rdata, size_t length);
static bool write_fields(const ldns_rr *rr, struct text *out);
static void write_field(const ldns_rdf *rdf, ldns_buffer *buffer, struct text *out);
static void trim(struct text *out, size_t start);
static void write_generic(const uint8_t *rdata, uint16_t length, struct text *out);

void
rdata_write(uint16_t type, const uint8_t *rdata, uint16_t length, struct text *out)
{
	bool generic = !rrtype_has_form(type) || type == WKS || has_large_period(type, rdata, length);
	ldns_rr *rr = generic ? NULL : parse(type, rdata, length);
	size_t before = out->length;

	if (rr == NULL || !write_fields(rr, out) || out->length - before > LONGEST_FORM
	    || (!is_plain(type, rdata, length) && !out->failed
	    && !reads_back(type, rdata, length, out->bytes + before))) {
		out->length = before;
		write_generic(rdata, length, out);
	}
	ldns_rr_free(rr);
}

bool
rdata_well_formed(uint16_t type, const uint8_t *rdata, uint16_t length)
{
	ldns_rr *rr;

	if (!rrtype_has_form(type))
		return true;
	rr = parse(type, rdata, length);
	ldns_rr_free(rr);
	return rr != NULL;
}

/* Whose text always reads back. Times beyond 2038 may be taken for some before 1970, which have no form. */
static bool
is_plain(uint16_t type, const uint8_t *rdata, uint16_t length)
{
	switch (type) {
	case TYPE_A:
	case TYPE_NS:
	case TYPE_CNAME:
	case TYPE_SOA:
	case TYPE_PTR:
	case TYPE_MX:
	case TYPE_TXT:
	case TYPE_AAAA:
	case TYPE_SRV:
	case TYPE_DNAME:
	case TYPE_DS:
	case TYPE_DNSKEY:
		return true;
	case TYPE_RRSIG:
		return length >= RRSIG_TIMES + 8 && ((rdata[RRSIG_TIMES] | rdata[RRSIG_TIMES + 4]) & 0x80) == 0;
	default:
		return false;
	}
}

/* Some forms say less than the octets: bitmaps with zeros at their end, numbers that have no word. */
static bool
reads_back(uint16_t type, const uint8_t *rdata, uint16_t length, const char *text)
{
	static const uint8_t root[1];
	struct rdata_list list = { 0 };
	struct diags diags = { 0 };
	uint8_t *lowered = malloc(length + 1u);
	bool same = false;

	if (lowered != NULL && rdata_list_read(&list, "", type, root, &text, 1, &diags)) {
		memcpy(lowered, rdata, length);
		rdata_lower_names(type, lowered, length);
		same = list.items[0].length == length && memcmp(list.items[0].rdata, lowered, length) == 0;
	}
	free(lowered);
	rdata_list_fini(&list);
	diag_fini(&diags);
	return same;
}

/* An SOA's times may be larger than any that is written as a number (RFC 2181 section 8 is about TTLs). */
static bool
has_large_period(uint16_t type, const uint8_t *rdata, uint16_t length)
{
	if (type != TYPE_SOA || length < SOA_PERIODS)
		return false;
	for (unsigned i = 0; i < SOA_PERIODS; i += 4)
		if (wire_get_u32(rdata + length - SOA_PERIODS + i) > TTL_LARGEST)
			return true;
	return false;
}

/* NULL when the octets aren't what ldns would make of a record of this type. */
static ldns_rr *
parse(uint16_t type, const uint8_t *rdata, uint16_t length)
{
	const uint8_t head[HEAD_SIZE] = {
		0, (uint8_t)(type >> 8), (uint8_t)type, 0, LDNS_RR_CLASS_IN, 0, 0, 0, 0,
		(uint8_t)(length >> 8), (uint8_t)length,
	};
	uint8_t wire[HEAD_SIZE + RDATA_MAX];
	size_t at = 0;
	ldns_rr *rr = NULL;

	memcpy(wire, head, HEAD_SIZE);
	memcpy(wire + HEAD_SIZE, rdata, length);
	if (ldns_wire2rr(&rr, wire, (size_t)HEAD_SIZE + length, &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
		return NULL;
	if (ldns_rr_rd_count(rr) >= ldns_rr_descriptor_minimum(ldns_rr_descript(type))
	    && same_octets(rr, rdata, length))
		return rr;
	ldns_rr_free(rr);
	return NULL;
}

static bool
same_octets(const ldns_rr *rr, const uint8_t *rdata, size_t length)
{
	size_t at = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
		size_t size = ldns_rdf_size(rdf);

		if (size > length - at || (size > 0 && memcmp(rdata + at, ldns_rdf_data(rdf), size) != 0))
			return false;
		at += size;
	}
	return at == length;
}

static bool
write_fields(const ldns_rr *rr, struct text *out)
{
	const ldns_rr_descriptor *descriptor = ldns_rr_descript((uint16_t)ldns_rr_get_type(rr));
	ldns_buffer *buffer = ldns_buffer_new(1024);
	size_t start = out->length;
	bool good = buffer != NULL;

	for (size_t i = 0; i < ldns_rr_rd_count(rr) && good; i++) {
		size_t before = out->length;

		write_field(ldns_rr_rdf(rr, i), buffer, out);
		good = ldns_buffer_status_ok(buffer);
		/* Some fields end in a blank; optional ones may print to nothing. */
		trim(out, before);
		if (out->length == before && i < ldns_rr_descriptor_minimum(descriptor))
			good = false;
		if (out->length > before && i + 1 < ldns_rr_rd_count(rr))
			text_add(out, " ", 1);
	}
	ldns_buffer_free(buffer);
	trim(out, start);
	return good;
}

static void
trim(struct text *out, size_t start)
{
	while (out->length > start && out->bytes[out->length - 1] == ' ')
		out->bytes[--out->length] = '\0';
}

static void
write_field(const ldns_rdf *rdf, ldns_buffer *buffer, struct text *out)
{
	char text[NAME_TEXT_SIZE];

	if (ldns_rdf_get_type(rdf) == LDNS_RDF_TYPE_DNAME) {
		text_puts(out, name_text(ldns_rdf_data(rdf), text));
		return;
	}
	ldns_buffer_clear(buffer);
	if (ldns_rdf2buffer_str(buffer, rdf) == LDNS_STATUS_OK)
		text_add(out, (const char *)ldns_buffer_begin(buffer), ldns_buffer_position(buffer));
}

static void
write_generic(const uint8_t *rdata, uint16_t length, struct text *out)
{
	text_printf(out, "\\# %u%s", length, length > 0 ? " " : "");
	for (uint16_t i = 0; i < length; i++) {
		static const char digits[] = "0123456789abcdef";
		char octet[2] = { digits[rdata[i] >> 4], digits[rdata[i] & 15] };

		text_add(out, octet, 2);
	}
}
