/* rdata.c -- reads RDATA: ldns knows the form of every type, and this file knows what ldns lets pass.
 * In: the words behind the type. Out: octets for the wire, or an error with its line and column.
 *
 * ldns 1.8.3 cuts numbers to the width of their field (MX 70000 becomes 4464), fills up a half octet of hexadecimal
 * digits, reads an unknown type in an NSEC bitmap as type 0, takes any word that decodes to "@" for the origin,
 * refuses CAA values without quotes and keys of IPSECKEY in several words, ignores octets behind the last field in
 * RFC 3597's form, and says "could not parse the RR's rdata" to everything. So each field is checked here by its kind,
 * from ldns' own table of types, before ldns sees it. Names don't pass through ldns at all: it gets "." in their place,
 * and the names that master_name_read_as_is() made are put in afterwards.
 * When ldns still refuses, rdata_explain() finds out why. */
#include "zone/rdata.h"

#include <ctype.h>
#include <ldns/ldns.h>
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "dns/wire.h"
#include "zone/master_name.h"
#include "zone/rdata_names.h"
#include "zone/rdata_explain.h"
#include "zone/rdata_fields.h"
#include "zone/rdata_write.h"
#include "zone/rrtype.h"
#include "zone/svcb.h"
#include "zone/ttl.h"

enum { IPSECKEY_GATEWAY = 3, IPSECKEY_KEY = 4 };	/* places among its words; the key may be several */

#define SHOWN 60	/* octets of a wrong value that a message shows */

/* One record on its way. */
struct form {
	struct rdata_reader *reader;
	const ldns_rr_descriptor *descriptor;
	uint16_t type;
	char type_name[16];
	const struct token *type_token, *values;
	size_t count;
	const uint8_t *origin;
};

static bool read_values(struct form *form);
static bool read_generic(struct form *form);
static bool read_hex(struct form *form, unsigned length);
static bool generic_fits(struct form *form);
static bool check_count(const struct form *form);
static bool read_service(struct form *form);
static bool write_line(struct form *form);
static bool write_field(struct form *form, size_t i);
static bool may_be_quoted(ldns_rdf_type kind);
static bool write_name(struct form *form, const struct token *value);
static bool write_gateway(struct form *form, const struct token *value);
static bool write_number(struct form *form, const struct token *value, uint64_t largest);
static bool write_time(struct form *form, const struct token *value);
static bool write_type(struct form *form, const struct token *value);
static void write_token(struct form *form, const struct token *value);
static bool check_hex_rest(const struct form *form);
static bool check_key(const struct form *form);
static bool read_line(struct form *form);
static bool assemble(struct form *form, const ldns_rr *rr);
static void explain(const struct form *form);
static bool wrong(const struct form *form, const struct token *value, const char *suggestion, const char *what);
static struct diag_place place(const struct form *form, const struct token *token);
static bool out_of_memory(const struct form *form);

bool
rdata_read(struct rdata_reader *reader, uint16_t type, const struct token *type_token, const struct token *values,
    size_t count, const uint8_t *origin)
{
	struct form form = {
		.reader = reader, .descriptor = ldns_rr_descript(type), .type = type, .type_token = type_token,
		.values = values, .count = count, .origin = origin,
	};

	rrtype_text(type, form.type_name);
	reader->line.length = 0;
	reader->names.length = 0;
	if (!read_values(&form))
		return false;
	rdata_lower_names(type, reader->bytes, reader->length);
	return true;
}

static bool
read_values(struct form *form)
{
	uint16_t type = form->type;

	if (form->count > 0 && token_is(&form->values[0], "\\#"))
		return read_generic(form);
	if (!rrtype_has_form(type)) {
		if (form->reader->diags != NULL)
			diag_error(form->reader->diags, place(form, form->type_token), NULL,
			    "%s has no form of its own: write \\# LENGTH HEX (RFC 3597)", form->type_name);
		return false;
	}
	if (type == TYPE_SVCB || type == TYPE_HTTPS)
		return check_count(form) && read_service(form);
	return check_count(form) && write_line(form) && read_line(form);
}

/* SVCB and HTTPS: svcb.c says why ldns isn't asked. */
static bool
read_service(struct form *form)
{
	struct rdata_reader *reader = form->reader;
	const char *why;
	char what[256];
	size_t name, at = 0;
	int params;

	if (!write_number(form, &form->values[0], UINT16_MAX))
		return false;
	wire_put_u16(reader->bytes, (unsigned)strtoul(form->values[0].text, NULL, 10));
	name = master_name_read_as_is(&form->values[1], form->origin, reader->bytes + 2, &why);
	if (name == 0) {
		snprintf(what, sizeof(what), "is no domain name: %s", why);
		return wrong(form, &form->values[1], NULL, what);
	}
	params = svcb_params_read(form->values + 2, form->count - 2, reader->bytes + 2 + name, RDATA_MAX - 2 - name,
	    &at, &why);
	if (params < 0)
		return wrong(form, &form->values[2 + at], NULL, why);
	reader->length = (uint16_t)(2 + name + (size_t)params);
	return true;
}

/* --- RFC 3597's form ---------------------------------------------------------------------------------------- */

static bool
read_generic(struct form *form)
{
	uint64_t length = 0;

	if (form->count < 2)
		return wrong(form, &form->values[0], NULL, "is not followed by the length");
	for (uint32_t i = 0; i < form->values[1].length && length <= RDATA_MAX; i++) {
		if (!isdigit((unsigned char)form->values[1].text[i]))
			return wrong(form, &form->values[1], NULL, "is no length");
		length = length * 10 + (uint64_t)(form->values[1].text[i] - '0');
	}
	if (length > RDATA_MAX)
		return wrong(form, &form->values[1], NULL, "is above 65535 octets");
	return read_hex(form, (unsigned)length) && generic_fits(form);
}

static bool
read_hex(struct form *form, unsigned length)
{
	size_t digits = 0;

	for (size_t i = 2; i < form->count; i++) {
		const struct token *value = &form->values[i];

		for (uint32_t k = 0; k < value->length; k++, digits++) {
			int digit = isxdigit((unsigned char)value->text[k]) ? ldns_hexdigit_to_int(value->text[k]) : -1;
			uint8_t *octet = &form->reader->bytes[digits / 2];

			if (digit < 0)
				return wrong(form, value, NULL, "is not hexadecimal");
			if (digits >= (size_t)length * 2)
				return wrong(form, value, NULL, "is more than the length says");
			*octet = (uint8_t)((digits % 2 == 0 ? 0 : *octet) | digit << (digits % 2 == 0 ? 4 : 0));
		}
	}
	if (digits < (size_t)length * 2)
		return wrong(form, &form->values[1], NULL, "is more than what follows");
	form->reader->length = (uint16_t)length;
	return true;
}

/* Octets of a type that ldns knows must be well-formed: other servers would refuse to load or to compress them. */
static bool
generic_fits(struct form *form)
{
	if (rdata_well_formed(form->type, form->reader->bytes, form->reader->length))
		return true;
	return wrong(form, &form->values[1], NULL, "octets follow that are no RDATA of this type");
}

/* --- the form of a known type ------------------------------------------------------------------------------- */

static bool
check_count(const struct form *form)
{
	size_t least = ldns_rr_descriptor_minimum(form->descriptor);
	size_t most = ldns_rr_descriptor_maximum(form->descriptor);

	if (form->count < least) {
		if (form->reader->diags == NULL)
			return false;
		if (form->type == TYPE_SOA)
			diag_error(form->reader->diags, place(form, form->type_token), NULL, "SOA: %zu of 7 values "
			    "(MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM)", form->count);
		else
			diag_error(form->reader->diags, place(form, form->type_token), NULL,
			    "%s: %zu of %zu value%s", form->type_name, form->count, least, least == 1 ? "" : "s");
		return false;
	}
	if (form->count > most && !rdata_field_takes_rest(rdata_field_kind(form->type, most - 1)))
		return wrong(form, &form->values[most], NULL, form->type == TYPE_A || form->type == TYPE_AAAA
		    ? "is one value too many; a record has one address, write a record for each"
		    : "is one value too many");
	return true;
}

/* The record as ldns shall read it. Its owner doesn't matter. */
static bool
write_line(struct form *form)
{
	bool good = true;

	text_puts(&form->reader->line, ". 0 IN ");
	text_puts(&form->reader->line, form->type_name);
	for (size_t i = 0; i < form->count && good; i++) {
		if (form->type != RRTYPE_IPSECKEY || i <= IPSECKEY_KEY)
			text_add(&form->reader->line, " ", 1);
		good = write_field(form, i);
	}
	return good && check_hex_rest(form) && check_key(form);
}

static bool
write_field(struct form *form, size_t i)
{
	const struct token *value = &form->values[i];
	ldns_rdf_type kind = rdata_field_kind(form->type, i);

	if (value->quoted && !may_be_quoted(kind))
		return wrong(form, value, NULL, "stands in quotes");
	switch (kind) {
	case LDNS_RDF_TYPE_DNAME:
		return write_name(form, value);
	case LDNS_RDF_TYPE_IPSECKEY:
		if (i == IPSECKEY_GATEWAY && token_is(&form->values[1], "3"))
			return write_gateway(form, value);
		break;
	case LDNS_RDF_TYPE_INT8:
		return write_number(form, value, UINT8_MAX);
	case LDNS_RDF_TYPE_INT16:
		return write_number(form, value, UINT16_MAX);
	case LDNS_RDF_TYPE_INT32:
		return write_number(form, value, UINT32_MAX);
	case LDNS_RDF_TYPE_ALG:
	case LDNS_RDF_TYPE_CERT_ALG:	/* a name, or a number */
		if (isdigit((unsigned char)*value->text))
			return write_number(form, value, kind == LDNS_RDF_TYPE_ALG ? UINT8_MAX : UINT16_MAX);
		break;
	case LDNS_RDF_TYPE_PERIOD:
		return write_time(form, value);
	case LDNS_RDF_TYPE_TYPE:
	case LDNS_RDF_TYPE_BITMAP:
		return write_type(form, value);
	case LDNS_RDF_TYPE_LONG_STR:
		if (!value->quoted) {
			text_add(&form->reader->line, "\"", 1);
			write_token(form, value);
			text_add(&form->reader->line, "\"", 1);
			return true;
		}
		break;
	default:
		break;
	}
	write_token(form, value);
	return true;
}

static bool
may_be_quoted(ldns_rdf_type kind)
{
	return kind == LDNS_RDF_TYPE_STR || kind == LDNS_RDF_TYPE_LONG_STR || kind == LDNS_RDF_TYPE_SVCPARAMS;
}

static bool
write_name(struct form *form, const struct token *value)
{
	uint8_t name[NAME_MAX];
	const char *why;
	size_t length = master_name_read_as_is(value, form->origin, name, &why);
	char what[100];

	if (length == 0) {
		snprintf(what, sizeof(what), "is no domain name: %s", why);
		return wrong(form, value, NULL, what);
	}
	text_add(&form->reader->names, (const char *)name, length);
	text_add(&form->reader->line, ".", 1);
	return true;
}

/* IPSECKEY's gateway is a part of a larger field, so ldns reads it, but gets it complete. */
static bool
write_gateway(struct form *form, const struct token *value)
{
	uint8_t name[NAME_MAX];
	char text[NAME_TEXT_SIZE], what[100];
	const char *why;

	if (master_name_read_as_is(value, form->origin, name, &why) == 0) {
		snprintf(what, sizeof(what), "is no domain name: %s", why);
		return wrong(form, value, NULL, what);
	}
	text_puts(&form->reader->line, name_text(name, text));
	return true;
}

static bool
write_number(struct form *form, const struct token *value, uint64_t largest)
{
	uint64_t number = 0;
	bool good = value->length > 0;
	char what[100];

	for (uint32_t i = 0; i < value->length && good; i++) {
		good = isdigit((unsigned char)value->text[i]) != 0;
		if (good)
			number = number * 10 + (uint64_t)(value->text[i] - '0');
		good = good && number <= largest;
	}
	if (!good) {
		snprintf(what, sizeof(what), "is no whole number from 0 to %llu", (unsigned long long)largest);
		return wrong(form, value, NULL, what);
	}
	text_printf(&form->reader->line, "%llu", (unsigned long long)number);
	return true;
}

static bool
write_time(struct form *form, const struct token *value)
{
	uint32_t seconds;

	if (!ttl_parse(value, &seconds))
		return wrong(form, value, NULL, "is no time from 0 to 2147483647 seconds (units are s m h d w)");
	text_printf(&form->reader->line, "%u", seconds);
	return true;
}

static bool
write_type(struct form *form, const struct token *value)
{
	char name[16];
	uint16_t type = 0;

	if (token_copy(value, name, sizeof(name)))
		type = rrtype_parse(name);
	if (type == 0)
		return wrong(form, value, rrtype_suggest(name), "is no record type");
	text_puts(&form->reader->line, rrtype_text(type, name));
	return true;
}

static void
write_token(struct form *form, const struct token *value)
{
	text_add(&form->reader->line, value->text, value->length);
}

/* Hexadecimal digits may be split into words, so only their sum can be odd. */
static bool
check_hex_rest(const struct form *form)
{
	size_t last = form->count > 0 ? form->count - 1 : 0, digits = 0;

	if (form->count == 0 || rdata_field_kind(form->type, last) != LDNS_RDF_TYPE_HEX)
		return true;
	while (last > 0 && rdata_field_kind(form->type, last - 1) == LDNS_RDF_TYPE_HEX
	    && last >= ldns_rr_descriptor_maximum(form->descriptor))
		last--;
	for (size_t i = last; i < form->count; i++)
		digits += form->values[i].length;
	return digits % 2 == 0 || wrong(form, &form->values[last], NULL, "has an odd number of hexadecimal digits");
}

/* ldns takes IPSECKEY's key only as one word (it is written as such above), and loses memory over a wrong one. */
static bool
check_key(const struct form *form)
{
	const struct text *line = &form->reader->line;
	ldns_rdf *key;

	if (form->type != RRTYPE_IPSECKEY || form->count <= IPSECKEY_KEY || line->failed)
		return true;
	key = ldns_rdf_new_frm_str(LDNS_RDF_TYPE_B64, strrchr(line->bytes, ' ') + 1);
	ldns_rdf_deep_free(key);
	return key != NULL || wrong(form, &form->values[IPSECKEY_KEY], NULL, "is not base64");
}

static bool
read_line(struct form *form)
{
	ldns_rr *rr = NULL;
	ldns_status status;
	bool good;

	if (form->reader->line.failed || form->reader->names.failed)
		return out_of_memory(form);
	if (form->reader->line.length > RDATA_MAX)
		return wrong(form, form->type_token, NULL,
		    "is too long in this form; write \\# LENGTH HEX (RFC 3597)");
	status = ldns_rr_new_frm_str(&rr, form->reader->line.bytes, 0, NULL, NULL);
	if (status == LDNS_STATUS_MEM_ERR)
		return out_of_memory(form);
	if (status != LDNS_STATUS_OK) {
		explain(form);
		return false;
	}
	good = assemble(form, rr);
	ldns_rr_free(rr);
	return good;
}

/* The fields one after the other; in place of each "." the name that it stands for. */
static bool
assemble(struct form *form, const ldns_rr *rr)
{
	struct rdata_reader *reader = form->reader;
	const uint8_t *names = (const uint8_t *)reader->names.bytes;
	size_t names_left = reader->names.length, length = 0;

	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
		const uint8_t *field = ldns_rdf_data(rdf);
		size_t size = ldns_rdf_size(rdf);

		if (ldns_rdf_get_type(rdf) == LDNS_RDF_TYPE_DNAME) {
			size = names_left == 0 ? 0 : name_length(names, names_left);
			field = names;
			names += size;
			names_left -= size;
			if (size == 0)
				return wrong(form, form->type_token, NULL, "has RDATA that can't be read");
		}
		if (size > RDATA_MAX - length)
			return wrong(form, form->type_token, NULL, "has more than 65535 octets of RDATA");
		memcpy(reader->bytes + length, field, size);
		length += size;
	}
	reader->length = (uint16_t)length;
	if (names_left != 0)
		return wrong(form, form->type_token, NULL, "has RDATA that can't be read");
	return true;
}

/* --- errors ------------------------------------------------------------------------------------------------- */

static void
explain(const struct form *form)
{
	struct rdata_trouble trouble = rdata_explain(form->type, form->values, form->count);

	wrong(form, trouble.value != NULL ? trouble.value : form->type_token, trouble.suggestion, trouble.what);
}

static bool
wrong(const struct form *form, const struct token *value, const char *suggestion, const char *what)
{
	char shown[SHOWN + 1];
	bool whole = token_copy(value, shown, sizeof(shown));

	if (form->reader->diags == NULL)
		return false;
	if (value == form->type_token)
		diag_error(form->reader->diags, place(form, value), suggestion, "%s %s", form->type_name, what);
	else
		diag_error(form->reader->diags, place(form, value), suggestion, "%s: '%s%s' %s", form->type_name,
		    shown, whole ? "" : "...", what);
	return false;
}

static struct diag_place
place(const struct form *form, const struct token *token)
{
	return (struct diag_place){
		.file = form->reader->file, .line = token->line, .column = token->column,
	};
}

static bool
out_of_memory(const struct form *form)
{
	form->reader->no_memory = true;
	if (form->reader->diags != NULL)
		diag_error(form->reader->diags, place(form, form->type_token), NULL, "out of memory");
	return false;
}

void
rdata_reader_fini(struct rdata_reader *reader)
{
	text_fini(&reader->line);
	text_fini(&reader->names);
}
