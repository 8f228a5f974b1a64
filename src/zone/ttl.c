/* ttl.c -- "1h30m" to 5400. ldns would cut too large a number to 32 bits without a word. */
#include "zone/ttl.h"

#include <ctype.h>

static uint64_t unit(char letter);

bool
ttl_parse(const struct token *token, uint32_t *ttl)
{
	uint64_t sum = 0, number = 0;
	bool digits = false;

	for (uint32_t i = 0; i < token->length; i++) {
		char c = token->text[i];

		if (isdigit((unsigned char)c)) {
			number = number * 10 + (uint64_t)(c - '0');
			digits = true;
		} else if (digits && unit(c) != 0) {
			sum += number * unit(c);
			number = 0;
			digits = false;
		} else {
			return false;
		}
		/* Checked at each step, so neither product nor sum can overflow. */
		if (number > TTL_LARGEST || sum > TTL_LARGEST)
			return false;
	}
	if (token->length == 0 || sum + number > TTL_LARGEST)
		return false;
	*ttl = (uint32_t)(sum + number);
	return true;
}

static uint64_t
unit(char letter)
{
	switch (letter) {
	case 's': case 'S': return 1;
	case 'm': case 'M': return 60;
	case 'h': case 'H': return 3600;
	case 'd': case 'D': return 86400;
	case 'w': case 'W': return 604800;
	default: return 0;
	}
}
