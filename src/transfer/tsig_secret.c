/* tsig_secret.c -- see tsig_secret.h.
 * In: a small text.  Out: octets.  Threads: any; pure. The caller wipes the text. */
#include "transfer/tsig_secret.h"

#include <string.h>
#include <strings.h>

#include "dnssec/base64.h"

#define SEPARATORS " \t\r\n;{}"

static bool read_clause(struct tsig_key *key, const char *text, const char **why);
static const char *next_word(const char *text, const char **word, size_t *length);
static bool is_word(const char *word, size_t length, const char *expected);
static bool is_name(const struct tsig_key *key, const char *word, size_t length);
static bool decode(struct tsig_key *key, const char *text, size_t length, const char **why);

bool
tsig_secret_read(struct tsig_key *key, const char *text, const char **why)
{
	text += strspn(text, " \t\r\n");
	if (strchr(text, '{') != NULL)
		return read_clause(key, text, why);
	return decode(key, text, strcspn(text, "\r\n"), why);
}

static bool
read_clause(struct tsig_key *key, const char *text, const char **why)
{
	const char *word;
	size_t length;
	bool found = false;

	text = next_word(text, &word, &length);
	*why = "isn't a key as tsig-keygen writes it";
	if (!is_word(word, length, "key"))
		return false;
	text = next_word(text, &word, &length);
	*why = "is of a key with another name";
	if (!is_name(key, word, length))
		return false;
	while (text = next_word(text, &word, &length), length > 0) {
		bool is_algorithm = is_word(word, length, "algorithm"), is_secret = is_word(word, length, "secret");

		text = next_word(text, &word, &length);
		if (is_algorithm && !is_word(word, length, tsig_algorithm_text(key->algorithm))) {
			*why = "is of another algorithm";
			return false;
		}
		if (is_secret && !decode(key, word, length, why))
			return false;
		found |= is_secret;
	}
	*why = "holds no secret";
	return found;
}

/* Without its quotes; of length 0 at the end. Returns where to go on. */
static const char *
next_word(const char *text, const char **word, size_t *length)
{
	text += strspn(text, SEPARATORS);
	if (*text == '"') {
		*word = ++text;
		*length = strcspn(text, "\"");
		return text + *length + (text[*length] == '"');
	}
	*word = text;
	*length = strcspn(text, SEPARATORS);
	return text + *length;
}

static bool
is_word(const char *word, size_t length, const char *expected)
{
	return length == strlen(expected) && strncasecmp(word, expected, length) == 0;
}

static bool
is_name(const struct tsig_key *key, const char *word, size_t length)
{
	char text[NAME_TEXT_SIZE];
	uint8_t name[NAME_MAX];
	size_t size;

	if (length >= sizeof(text))
		return false;
	memcpy(text, word, length);
	text[length] = '\0';
	size = name_parse(text, name);
	return size > 0 && size == name_length(key->name, NAME_MAX) && memcmp(name, key->name, size) == 0;
}

static bool
decode(struct tsig_key *key, const char *text, size_t length, const char **why)
{
	size_t size = base64_decode(text, length, key->secret, sizeof(key->secret));

	*why = "holds no secret in base64, of at most 256 octets";
	key->secret_length = (uint16_t)size;
	return size > 0;
}
