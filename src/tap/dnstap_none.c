/* dnstap_none.c -- in place of dnstap.c where isobard is built without it: says so to who wants it.
 * Threads: as in dnstap.h. */
#include "tap/dnstap.h"

#include <string.h>

bool
dnstap_is_built(void)
{
	return false;
}

struct dnstap *
dnstap_new(const struct dnstap_options *options, struct text *error)
{
	(void)options;
	text_puts(error, "this isobard was built without dnstap");
	return NULL;
}

void
dnstap_free(struct dnstap *dnstap)
{
	(void)dnstap;
}

void
dnstap_take(struct dnstap *dnstap, const struct tap_seen *seen)
{
	(void)dnstap;
	(void)seen;
}

void
dnstap_state(const struct dnstap *dnstap, struct dnstap_state *state)
{
	(void)dnstap;
	memset(state, 0, sizeof(*state));
}
