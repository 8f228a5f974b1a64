/* svcb.c -- reads SvcParams.
 * In: words of a master file.  Out: octets, or which word is wrong and why.  Threads: any; pure, on the stack.
 *
 * ldns 1.8.3 takes commas and backslashes apart the wrong way round (appendix A.1 wants a character string decoded
 * first and its list split then, with escapes of its own), and lets pass what appendix D.3 calls invalid: keys that
 * stand twice, keys without a value, mandatory keys that aren't there. So nothing of them is left to it.
 * keyNNNNN takes octets as they are, also for a number that has a name. */
#include "zone/svcb.h"

#include <ldns/ldns.h>
#include <string.h>

#include "base/address.h"
#include "dns/wire.h"

#define VALUE_MAX 4096		/* octets; the longest known ones, of ECH, have some hundred */
#define KEY_INVALID 65535

enum { KEY_MANDATORY, KEY_ALPN, KEY_NO_DEFAULT_ALPN, KEY_PORT, KEY_IPV4HINT, KEY_ECH, KEY_IPV6HINT, KEY_DOHPATH,
	KEY_OHTTP, NAMED_KEYS };

static const char *const names[NAMED_KEYS] = { "mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech",
	"ipv6hint", "dohpath", "ohttp" };

/* A list's item is at most as long as the value, which has VALUE_MAX. */
struct value { uint8_t bytes[VALUE_MAX]; size_t length; };

static unsigned key_number(const char *name, size_t length, bool *named);
static bool read_string(struct value *value, const char *text, size_t length);
static const char *encode(unsigned key, bool named, bool has_value, const struct value *in, struct value *out);
static const char *encode_list(unsigned key, const struct value *in, struct value *out);
static const char *encode_item(unsigned key, const struct value *item, struct value *out);
static const char *encode_port(const struct value *in, struct value *out);
static const char *encode_base64(const struct value *in, struct value *out);
static const char *sort_mandatory(struct value *out);
static bool add(struct value *value, const void *bytes, size_t length);
static size_t insert(uint8_t *to, size_t used, unsigned key, const struct value *value);
static const uint8_t *find(const uint8_t *params, size_t used, unsigned key);

int
svcb_params_read(const struct token *values, size_t count, uint8_t *to, size_t size, size_t *wrong, const char **why)
{
	static const struct value empty = { .length = 0 };
	struct value text, value;
	const uint8_t *mandatory;
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		const char *at = memchr(values[i].text, '=', values[i].length);
		size_t name = at == NULL ? values[i].length : (size_t)(at - values[i].text);
		bool named, good = true;
		unsigned key = key_number(values[i].text, name, &named);

		*wrong = i;
		*why = "is no parameter: KEY or KEY=VALUE, with one of mandatory, alpn, no-default-alpn, port, "
		    "ipv4hint, ech, ipv6hint, dohpath, ohttp or keyNNNNN";
		if (key == KEY_INVALID)
			return -1;
		*why = "stands there twice";
		if (find(to, used, key) != NULL)
			return -1;
		text = empty;
		if (at != NULL)
			good = read_string(&text, at + 1, values[i].length - name - 1);
		*why = good ? encode(key, named, at != NULL, &text, &value)
		    : "has a broken escape or quote, or is too long";
		if (*why != NULL)
			return -1;
		*why = "makes the record too long";
		if (size - used < 4 + value.length)
			return -1;
		used = insert(to, used, key, &value);
	}
	/* Section 8: what is mandatory must be there, and is for a reader that knows it. Section 7.1.1: no-default-alpn
	 * alone would leave no protocol at all. */
	*wrong = 0;
	mandatory = find(to, used, KEY_MANDATORY);
	*why = "and the others lack a key that 'mandatory' names";
	for (size_t i = 0; mandatory != NULL && i < wire_get_u16(mandatory + 2); i += 2)
		if (find(to, used, wire_get_u16(mandatory + 4 + i)) == NULL)
			return -1;
	*why = "and the others have 'no-default-alpn' without 'alpn'";
	if (find(to, used, KEY_NO_DEFAULT_ALPN) != NULL && find(to, used, KEY_ALPN) == NULL)
		return -1;
	return (int)used;
}

static unsigned
key_number(const char *name, size_t length, bool *named)
{
	unsigned number = 0;

	*named = true;
	for (unsigned k = 0; k < NAMED_KEYS; k++)
		if (strlen(names[k]) == length && strncasecmp(names[k], name, length) == 0)
			return k;
	*named = false;
	if (length < 4 || length > 8 || strncasecmp(name, "key", 3) != 0 || (name[3] == '0' && length > 4))
		return KEY_INVALID;
	for (size_t i = 3; i < length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return KEY_INVALID;
		number = number * 10 + (unsigned)(name[i] - '0');
	}
	return number < KEY_INVALID ? number : KEY_INVALID;
}

/* A character string, RFC 1035 section 5.1: quotes around it, \X and \DDD. */
static bool
read_string(struct value *value, const char *text, size_t length)
{
	bool quoted = length > 0 && text[0] == '"';

	if (quoted && (length < 2 || text[length - 1] != '"'))
		return false;
	for (size_t i = quoted, end = length - quoted; i < end; i++) {
		unsigned octet = (unsigned char)text[i];

		if (octet == '\\' && i + 1 == end)
			return false;
		if (octet == '\\' && (text[i + 1] < '0' || text[i + 1] > '9')) {
			octet = (unsigned char)text[++i];
		} else if (octet == '\\') {
			octet = 0;
			for (unsigned d = 0; d < 3; d++) {
				if (++i >= end || text[i] < '0' || text[i] > '9')
					return false;
				octet = octet * 10 + (unsigned)(text[i] - '0');
			}
			if (octet > 255)
				return false;
		}
		if (!add(value, &(uint8_t){ (uint8_t)octet }, 1))
			return false;
	}
	return true;
}

/* NULL, or what is wrong. */
static const char *
encode(unsigned key, bool named, bool has_value, const struct value *in, struct value *out)
{
	const char *why;

	out->length = 0;
	if (!named || key == KEY_DOHPATH)
		return add(out, in->bytes, in->length) ? NULL : "is too long";
	if (key == KEY_NO_DEFAULT_ALPN || key == KEY_OHTTP)
		return in->length == 0 ? NULL : "takes no value";
	if (!has_value || in->length == 0)
		return "has no value";
	if (key == KEY_PORT)
		return encode_port(in, out);
	if (key == KEY_ECH)
		return encode_base64(in, out);
	why = encode_list(key, in, out);
	return why != NULL || key != KEY_MANDATORY ? why : sort_mandatory(out);
}

/* Appendix A.1: commas part items, a backslash takes what follows as it is. */
static const char *
encode_list(unsigned key, const struct value *in, struct value *out)
{
	struct value item = { .length = 0 };
	const char *why = NULL;

	for (size_t i = 0; i <= in->length && why == NULL; i++) {
		if (i == in->length || in->bytes[i] == ',') {
			why = encode_item(key, &item, out);
			item.length = 0;
			continue;
		}
		if (in->bytes[i] == '\\' && (key != KEY_ALPN || ++i == in->length))
			return "has a broken escape in its list";
		if (!add(&item, &in->bytes[i], 1))
			return "is too long";
	}
	return why;
}

static const char *
encode_item(unsigned key, const struct value *item, struct value *out)
{
	char text[64];
	struct address address;
	uint8_t number[2], length = (uint8_t)item->length;
	unsigned named_key;
	bool named;

	if (item->length == 0)
		return "has an empty item";
	if (key == KEY_ALPN)
		return item->length <= 255 && add(out, &length, 1) && add(out, item->bytes, item->length) ? NULL
		    : "has a protocol of more than 255 octets";
	if (item->length >= sizeof(text))
		return "has an item that is too long";
	memcpy(text, item->bytes, item->length);
	text[item->length] = '\0';
	if (key == KEY_MANDATORY) {
		named_key = key_number(text, item->length, &named);
		wire_put_u16(number, named_key);
		if (named_key == KEY_INVALID || named_key == KEY_MANDATORY)
			return "names a key that there isn't, or itself";
		return add(out, number, sizeof(number)) ? NULL : "is too long";
	}
	if (address_parse(text, &address) != 0 || address.bits != (key == KEY_IPV4HINT ? 32 : 128))
		return key == KEY_IPV4HINT ? "has an item that is no IPv4 address"
		    : "has an item that is no IPv6 address";
	return add(out, address.bytes, address.bits / 8u) ? NULL : "is too long";
}

static const char *
encode_port(const struct value *in, struct value *out)
{
	unsigned port = 0;
	uint8_t number[2];

	for (size_t i = 0; i < in->length; i++) {
		if (in->bytes[i] < '0' || in->bytes[i] > '9' || port > 65535)
			return "is no port";
		port = port * 10 + (unsigned)(in->bytes[i] - '0');
	}
	if (port > 65535)
		return "is no port";
	wire_put_u16(number, port);
	(void)add(out, number, sizeof(number));
	return NULL;
}

static const char *
encode_base64(const struct value *in, struct value *out)
{
	char text[VALUE_MAX + 1];
	ldns_rdf *octets = NULL;
	bool good;

	memcpy(text, in->bytes, in->length);
	text[in->length] = '\0';
	good = strlen(text) == in->length && ldns_str2rdf_b64(&octets, text) == LDNS_STATUS_OK
	    && ldns_rdf_size(octets) > 0 && add(out, ldns_rdf_data(octets), ldns_rdf_size(octets));
	if (octets != NULL)
		ldns_rdf_deep_free(octets);
	return good ? NULL : "isn't base64";
}

/* Section 8: ascending, none twice. */
static const char *
sort_mandatory(struct value *out)
{
	for (size_t i = 2; i < out->length; i += 2)
		for (size_t k = i; k > 0; k -= 2) {
			uint8_t *low = out->bytes + k - 2, *high = out->bytes + k, kept[2];

			if (memcmp(low, high, 2) == 0)
				return "names a key twice";
			if (memcmp(low, high, 2) < 0)
				break;
			memcpy(kept, low, 2);
			memcpy(low, high, 2);
			memcpy(high, kept, 2);
		}
	return NULL;
}

static bool
add(struct value *value, const void *bytes, size_t length)
{
	if (sizeof(value->bytes) - value->length < length)
		return false;
	memcpy(value->bytes + value->length, bytes, length);
	value->length += length;
	return true;
}

/* At its place among the others; there is room. */
static size_t
insert(uint8_t *to, size_t used, unsigned key, const struct value *value)
{
	size_t at = 0, length = 4 + value->length;

	while (at < used && wire_get_u16(to + at) < key)
		at += 4u + wire_get_u16(to + at + 2);
	memmove(to + at + length, to + at, used - at);
	wire_put_u16(to + at, key);
	wire_put_u16(to + at + 2, (unsigned)value->length);
	memcpy(to + at + 4, value->bytes, value->length);
	return used + length;
}

static const uint8_t *
find(const uint8_t *params, size_t used, unsigned key)
{
	for (size_t at = 0; at < used; at += 4u + wire_get_u16(params + at + 2))
		if (wire_get_u16(params + at) == key)
			return params + at;
	return NULL;
}
