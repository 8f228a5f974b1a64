/* checks.c -- the form of names, paths and URLs in settings.
 * In: a text that isn't empty.  Out: whether it will do; if not, what is expected, and what was probably meant.
 * Names are held to what the other side of them can bear: a region's is a DNS label, an agent's stands in a report, all
 * of them in messages and metrics. So none needs escaping anywhere. */
#include "conf/checks.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns/name.h"
#include "report/report.h"
#include "steer/country.h"
#include "zone/rrtype.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

#define NAME_OCTETS_MAX 63	/* of a region or group: a DNS label's limit (RFC 1035 section 2.3.4) */

static bool labels_end(const char *at);
static bool consists_of(const char *text, const char *allowed);
static void suggest_lower(const char *value, struct schema_why *why);
static bool has_region_label(const uint8_t *name);
static bool is_ascii(const char *text);
static bool is_printable(const char *text);

bool
check_region_name(const char *value, struct schema_why *why)
{
	size_t length = strlen(value);

	if (length <= NAME_OCTETS_MAX && consists_of(value, LETTERS DIGITS "-") && value[0] != '-' &&
	    value[length - 1] != '-')
		return true;
	snprintf(why->text, sizeof(why->text),
	    "isn't a region's name: 1 to %d lower-case letters, digits and inner hyphens", NAME_OCTETS_MAX);
	suggest_lower(value, why);
	if (why->suggestion[0] != '\0' && !check_region_name(why->suggestion, &(struct schema_why){ .text = "" }))
		why->suggestion[0] = '\0';
	return false;
}

/* The value in lower case with hyphens for blanks and underscores, unless that is what was given. */
static void
suggest_lower(const char *value, struct schema_why *why)
{
	size_t i = 0;

	for (; value[i] != '\0' && i < sizeof(why->suggestion) - 1; i++) {
		char c = value[i];

		why->suggestion[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == ' ' || c == '_' ? '-' : c;
	}
	why->suggestion[i] = '\0';
	if (strcmp(why->suggestion, value) == 0)
		why->suggestion[0] = '\0';
}

bool
check_catalog_group(const char *value, struct schema_why *why)
{
	size_t length = strlen(value);

	if (length > 0 && length <= 255)
		return true;
	snprintf(why->text, sizeof(why->text), "must have 1 to 255 octets");
	return false;
}

bool
check_group_name(const char *value, struct schema_why *why)
{
	if (strcmp(value, "default") != 0)
		return check_tag(value, why);
	snprintf(why->text, sizeof(why->text), "is built in: the clients that no other group holds; use another name");
	return false;
}

bool
check_tag(const char *value, struct schema_why *why)
{
	if (strlen(value) <= NAME_OCTETS_MAX && consists_of(value, LETTERS CAPITALS DIGITS "_.-") &&
	    consists_of((char[]){ value[0], '\0' }, LETTERS CAPITALS DIGITS))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a name: 1 to %d letters, digits and inner '_', '.', '-'",
	    NAME_OCTETS_MAX);
	return false;
}

bool
check_service_name(const char *value, struct schema_why *why)
{
	uint8_t name[NAME_MAX];

	if (!is_ascii(value))
		snprintf(why->text, sizeof(why->text), "isn't a domain name; what isn't ASCII is written as xn--...");
	else if (!consists_of(value, LETTERS CAPITALS DIGITS "-_.*") || name_parse(value, name) == 0)
		snprintf(why->text, sizeof(why->text),
		    "isn't a domain name: letters, digits, '-' and '_', 63 at most between dots");
	else if (name[0] == 0)
		snprintf(why->text, sizeof(why->text), "is the root, which can't be steered");
	else if (has_region_label(name))
		snprintf(why->text, sizeof(why->text), "has a label '_region', under which only region records stand");
	else
		return true;
	return false;
}

bool
check_zone_name(const char *value, struct schema_why *why)
{
	uint8_t name[NAME_MAX];

	if (is_ascii(value) && name_parse(value, name) > 0)
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a domain name");
	return false;
}

bool
check_address_port(const char *value, struct schema_why *why)
{
	struct address address;
	uint16_t port;

	if (address_parse_listen(value, 53, &address, &port) == 0 && port != 0)
		return true;
	snprintf(why->text, sizeof(why->text), "isn't ADDRESS or ADDRESS@PORT");
	return false;
}

/* 43 digits and one sign of padding; the last digit has four bits of the hash. */
bool
check_pin(const char *value, struct schema_why *why)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (strlen(value) == 44 && strspn(value, digits) == 43 && value[43] == '='
	    && strchr("AEIMQUYcgkosw048", value[42]) != NULL)
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a SHA-256 hash in base64 (44 characters)");
	return false;
}

bool
check_rrtype(const char *value, struct schema_why *why)
{
	uint16_t type = rrtype_parse(value);
	const char *meant = rrtype_suggest(value);

	if (type != 0 && rrtype_is_data(type))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a type that records have, such as TXT");
	if (meant != NULL)
		snprintf(why->suggestion, sizeof(why->suggestion), "%s", meant);
	return false;
}

static bool
has_region_label(const uint8_t *name)
{
	static const uint8_t label[] = "\7_region";

	for (; name[0] != 0; name += name[0] + 1) {
		if (memcmp(name, label, sizeof(label) - 1) == 0)
			return true;
	}
	return false;
}

bool
check_country(const char *value, struct schema_why *why)
{
	static const struct { const char *given, *meant; } habits[] = {
		{ "UK", "GB" }, { "EL", "GR" }, { "USA", "US" }, { "GBR", "GB" }, { "DEU", "DE" }, { "FRA", "FR" },
	};
	bool two = strlen(value) == 2, known = two && country_find(value) != COUNTRY_UNKNOWN;

	if (known && consists_of(value, CAPITALS))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a country's two-letter code (ISO 3166-1)");
	if (known)
		snprintf(why->suggestion, sizeof(why->suggestion), "%s", country_at(country_find(value))->code);
	for (size_t i = 0; i < ARRAY_SIZE(habits); i++) {
		if (strcasecmp(value, habits[i].given) == 0)
			snprintf(why->suggestion, sizeof(why->suggestion), "%s", habits[i].meant);
	}
	return false;
}

bool
check_continent(const char *value, struct schema_why *why)
{
	static const struct { const char *code, *name; } continents[] = {
		{ "AF", "Africa" }, { "AN", "Antarctica" }, { "AS", "Asia" }, { "EU", "Europe" },
		{ "NA", "North America" }, { "OC", "Oceania" }, { "SA", "South America" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(continents); i++) {
		if (strcmp(value, continents[i].code) == 0)
			return true;
		if (strcasecmp(value, continents[i].code) == 0 || strcasecmp(value, continents[i].name) == 0)
			snprintf(why->suggestion, sizeof(why->suggestion), "%s", continents[i].code);
	}
	snprintf(why->text, sizeof(why->text), "isn't a continent: AF, AN, AS, EU, NA, OC or SA");
	return false;
}

bool
check_path(const char *value, struct schema_why *why)
{
	size_t length = strlen(value);

	if (length < 4096 && value[strcspn(value, "\n\r\t")] == '\0')
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a path");
	return false;
}

bool
check_url_path(const char *value, struct schema_why *why)
{
	if (value[0] == '/' && is_printable(value))
		return true;
	snprintf(why->text, sizeof(why->text), "must begin with '/' and have no blanks");
	if (value[0] != '/' && is_printable(value) && strstr(value, "://") == NULL &&
	    strlen(value) < SCHEMA_WHY_SIZE - 1)
		snprintf(why->suggestion, sizeof(why->suggestion), "/%s", value);
	return false;
}

bool
check_url(const char *value, struct schema_why *why)
{
	size_t scheme = strncmp(value, "http://", 7) == 0 ? 7 : strncmp(value, "https://", 8) == 0 ? 8 : 0;

	if (scheme > 0 && value[scheme] != '\0' && value[scheme] != '/' && is_printable(value))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't an URL: http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH");
	if (scheme == 0 && strstr(value, "://") == NULL && is_printable(value) && value[0] != '/' &&
	    strlen(value) < SCHEMA_WHY_SIZE - 7)
		snprintf(why->suggestion, sizeof(why->suggestion), "http://%s", value);
	return false;
}

/* Secrets belong into token-file: what stands here is exported, shown and kept in the journal. */
bool
check_feed_url(const char *value, struct schema_why *why)
{
	const char *host;

	if (!check_url(value, why))
		return false;
	host = strstr(value, "://") + 3;
	if (memchr(host, '@', strcspn(host, "/?#")) == NULL && strchr(host, '#') == NULL)
		return true;
	snprintf(why->text, sizeof(why->text), "must hold neither user nor password nor '#': see token-file");
	return false;
}

bool
check_json_pointer(const char *value, struct schema_why *why)
{
	bool good = value[0] == '/' && strlen(value) < 200;

	for (const char *at = value; good && (at = strchr(at, '~')) != NULL; at++)
		good = at[1] == '0' || at[1] == '1';
	if (good)
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a JSON pointer (RFC 6901), such as /properties/severity");
	if (value[0] != '/' && value[0] != '#' && strlen(value) < SCHEMA_WHY_SIZE - 1)
		snprintf(why->suggestion, sizeof(why->suggestion), "/%s", value);
	return false;
}

bool
check_label(const char *value, struct schema_why *why)
{
	if (strlen(value) <= REPORT_NAME_MAX && consists_of(value, LETTERS CAPITALS DIGITS "_") &&
	    strchr(DIGITS, value[0]) == NULL)
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a label: letters, digits and '_', no digit in front");
	return false;
}

bool
check_controller(const char *value, struct schema_why *why)
{
	if (strncmp(value, "unix:/", 6) == 0 && is_printable(value))
		return true;
	if (check_url(value, why))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't where isobard listens: http(s)://HOST:PORT or unix:/PATH");
	if (value[0] == '/' && strlen(value) < SCHEMA_WHY_SIZE - 5)
		snprintf(why->suggestion, sizeof(why->suggestion), "unix:%s", value);
	return false;
}

bool
check_host(const char *value, struct schema_why *why)
{
	if (strlen(value) <= 255 && consists_of(value, LETTERS CAPITALS DIGITS "-_.:[]"))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a host name");
	return false;
}

bool
check_report_name(const char *value, struct schema_why *why)
{
	if (strlen(value) <= REPORT_NAME_MAX && consists_of(value, LETTERS CAPITALS DIGITS "_.:/@-"))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a name: 1 to %d letters, digits and _.:/@-", REPORT_NAME_MAX);
	return false;
}

/* The grammar that the agent takes apart (rem-agent/exposition.h); what passes here is never refused there. */
bool
check_metric(const char *value, struct schema_why *why)
{
	size_t alias = strcspn(value, "={");
	const char *name = value[alias] == '=' ? value + alias + 1 : value;
	size_t length = strspn(name, LETTERS CAPITALS DIGITS "_:");

	if (name != value && (alias == 0 || alias > REPORT_NAME_MAX ||
	    strspn(value, LETTERS CAPITALS DIGITS "_.:/@-") != alias)) {
		snprintf(why->text, sizeof(why->text), "isn't a series: ALIAS= has letters, digits and _.:/@-");
		return false;
	}
	if (length > 0 && length <= REPORT_NAME_MAX && strchr(DIGITS, name[0]) == NULL && strlen(value) < 1024 &&
	    (name[length] == '\0' || labels_end(name + length)))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a series: [ALIAS=]NAME or [ALIAS=]NAME{LABEL=\"VALUE\",...}");
	return false;
}

/* {LABEL="VALUE",...} from here to the end, of at most 16 labels; a backslash in a value escapes what follows. */
static bool
labels_end(const char *at)
{
	for (unsigned labels = 0; *at == (labels == 0 ? '{' : ','); labels++) {
		size_t length = strspn(++at, LETTERS CAPITALS DIGITS "_");

		if (strcmp(at, "}") == 0)
			return true;
		if (length == 0 || strchr(DIGITS, at[0]) != NULL || at[length] != '=' || at[length + 1] != '"' ||
		    labels == 16)
			return false;
		for (at += length + 2; *at != '"'; at++) {
			if (*at == '\\')
				at++;
			if (*at == '\0')
				return false;
		}
		at++;
	}
	return strcmp(at, "}") == 0;
}

bool
check_metric_prefix(const char *value, struct schema_why *why)
{
	if (strlen(value) <= REPORT_NAME_MAX / 2 && consists_of(value, LETTERS CAPITALS DIGITS "_.:/@-"))
		return true;
	snprintf(why->text, sizeof(why->text), "isn't a prefix: 1 to %d letters, digits and _.:/@-",
	    REPORT_NAME_MAX / 2);
	return false;
}

bool
check_status_range(const char *value, struct schema_why *why)
{
	size_t digits = strspn(value, DIGITS), more = value[digits] == '-' ? strspn(value + digits + 1, DIGITS) : 0;
	unsigned least, most;

	if (digits == 3 && (value[3] == '\0' || (more == 3 && value[7] == '\0'))) {
		status_range(value, &least, &most);
		if (least >= 100 && least <= most && most <= 599)
			return true;
	}
	snprintf(why->text, sizeof(why->text), "isn't a range of HTTP status from 100 to 599, such as 200 or 200-399");
	return false;
}

void
status_range(const char *value, unsigned *least, unsigned *most)
{
	*least = (unsigned)((value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0'));
	*most = *least;
	if (value[3] == '-')
		*most = (unsigned)((value[4] - '0') * 100 + (value[5] - '0') * 10 + (value[6] - '0'));
}

static bool
consists_of(const char *text, const char *allowed)
{
	return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text > 0x7f)
			return false;
	}
	return true;
}

/* ASCII without blanks and control characters. */
static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}
