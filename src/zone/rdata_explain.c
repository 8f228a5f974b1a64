/* rdata_explain.c -- finds the word for which ldns refused a record.
 * In: the words of the RDATA. Out: the wrong one and what is wrong, for people; ldns says only that it can't parse.
 * Each word is tried alone, as the kind of field that stands in its place. If all are right by themselves, the form as
 * a whole is told. */
#include "zone/rdata_explain.h"

#include <string.h>

#include "base/text.h"
#include "dns/types.h"
#include "zone/rdata_fields.h"
#include "zone/rrtype.h"

#define VALUE_SIZE 1030	/* the longest text string: 255 octets, each as \DDD */
#define TOO_LONG "is no text of at most 255 octets with right escapes"

static const char *value_trouble(uint16_t type, ldns_rdf_type kind, const struct token *token, const char *value);
static const char *field_trouble(ldns_rdf_type kind, const char *value);
static bool reads_as(ldns_rdf_type kind, const char *value);
static bool fits_alone(uint16_t type, const char *before, const struct token *value);
static const char *form_of(uint16_t type);

struct rdata_trouble
rdata_explain(uint16_t type, const struct token *values, size_t count)
{
	const struct token *key = NULL;
	char value[VALUE_SIZE];

	for (size_t i = 0; i < count; i++) {
		ldns_rdf_type kind = rdata_field_kind(type, i);
		struct token bare = values[i];
		struct rdata_trouble trouble = { .value = &values[i] };

		if (bare.quoted) {
			bare.text++;
			bare.length -= 2;
		}
		if (token_copy(&bare, value, sizeof(value)))
			trouble.what = value_trouble(type, kind, &values[i], value);
		else
			trouble.what = kind == LDNS_RDF_TYPE_STR ? TOO_LONG : NULL;
		if (type == TYPE_A && reads_as(LDNS_RDF_TYPE_AAAA, value))
			trouble.suggestion = "AAAA";
		if (type == TYPE_AAAA && reads_as(LDNS_RDF_TYPE_A, value))
			trouble.suggestion = "A";
		if (trouble.what != NULL)
			return trouble;
		if (kind == LDNS_RDF_TYPE_B64 && key == NULL)
			key = &values[i];
	}
	/* Base64 is whole only with all its words. */
	return (struct rdata_trouble){ .value = key, .what = key != NULL ? "is not base64" : form_of(type) };
}

/* `value` is the word without quotes. */
static const char *
value_trouble(uint16_t type, ldns_rdf_type kind, const struct token *token, const char *value)
{
	switch (kind) {
	case LDNS_RDF_TYPE_B64:
		return strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
		    == strlen(value) ? NULL : "is not base64";
	case LDNS_RDF_TYPE_HEX:
		return strspn(value, "0123456789abcdefABCDEF") == strlen(value) ? NULL : "is not hexadecimal";
	case LDNS_RDF_TYPE_SVCPARAMS:
		return fits_alone(type, "1 .", token) ? NULL : "is no parameter with a right value";
	case LDNS_RDF_TYPE_APL:
		return fits_alone(type, "", token) ? NULL : "is no [!]FAMILY:ADDRESS/PREFIX";
	default:
		return field_trouble(kind, value);
	}
}

static const char *
field_trouble(ldns_rdf_type kind, const char *value)
{
	static const struct {
		ldns_rdf_type kind;
		const char *what;
	} kinds[] = {
		{ LDNS_RDF_TYPE_A, "is no IPv4 address" },
		{ LDNS_RDF_TYPE_AAAA, "is no IPv6 address" },
		{ LDNS_RDF_TYPE_ALG, "is no algorithm of DNSSEC" },
		{ LDNS_RDF_TYPE_CERT_ALG, "is no type of certificate" },
		{ LDNS_RDF_TYPE_EUI48, "is not of the form 00-00-5e-00-53-2a" },
		{ LDNS_RDF_TYPE_EUI64, "is not of the form 00-00-5e-ef-10-00-00-2a" },
		{ LDNS_RDF_TYPE_ILNP64, "is not of the form 0014:4fff:ff20:ee64" },
		{ LDNS_RDF_TYPE_NSEC3_NEXT_OWNER, "is not base32hex" },
		{ LDNS_RDF_TYPE_NSEC3_SALT, "is not hexadecimal, nor '-'" },
		{ LDNS_RDF_TYPE_STR, TOO_LONG },
		{ LDNS_RDF_TYPE_TAG, "is no tag: letters and digits" },
		{ LDNS_RDF_TYPE_TIME, "is no time of the form YYYYMMDDHHMMSS" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return reads_as(kind, value) ? NULL : kinds[i].what;
	return NULL;
}

static bool
reads_as(ldns_rdf_type kind, const char *value)
{
	ldns_rdf *rdf = ldns_rdf_new_frm_str(kind, value);

	ldns_rdf_deep_free(rdf);
	return rdf != NULL;
}

/* Whether ldns would read the record with no other value than this and those in `before`. */
static bool
fits_alone(uint16_t type, const char *before, const struct token *value)
{
	struct text line = { 0 };
	char name[16];
	ldns_rr *rr = NULL;
	bool fits;

	text_printf(&line, ". 0 IN %s %s ", rrtype_text(type, name), before);
	text_add(&line, value->text, value->length);
	fits = line.failed || ldns_rr_new_frm_str(&rr, line.bytes, 0, NULL, NULL) == LDNS_STATUS_OK;
	if (fits)
		ldns_rr_free(rr);
	text_fini(&line);
	return fits;
}

static const char *
form_of(uint16_t type)
{
	switch (type) {
	case RRTYPE_LOC:
		return "needs DEGREES [MINUTES [SECONDS]] N|S DEGREES [MINUTES [SECONDS]] E|W ALTITUDEm "
		    "[SIZEm [HORIZONTALm [VERTICALm]]]";
	case RRTYPE_IPSECKEY:
		return "needs PRECEDENCE GATEWAY-TYPE ALGORITHM GATEWAY KEY";
	case RRTYPE_HIP:
		return "needs ALGORITHM HIT-IN-HEX KEY-IN-BASE64 [SERVER...]";
	default:
		return "has values that don't fit it";
	}
}
