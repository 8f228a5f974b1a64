/* catalogs.c -- an operator's word that a catalog may take away as many zones as it does.
 * In: the word, changes.  Out: whether a change has it.  Threads: control.
 * It's for the catalog's next version within ten minutes: what comes later wasn't looked at by anybody. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "control/state.h"

#define CONFIRMED_MS 600000

static void confirm(struct control *control, const char *catalog);
static bool brings(const struct change *change, const char *zone);

bool
catalog_is_confirmed(const struct control *control, const struct change *change)
{
	return control->confirmed != NULL && mono_ms_between(control->confirmed_at, mono_now()) < CONFIRMED_MS
	    && brings(change, control->confirmed);
}

void
catalog_changed(struct control *control, const struct change *change)
{
	if (change->confirms != NULL) {
		confirm(control, change->confirms);
	} else if (control->confirmed != NULL && brings(change, control->confirmed)) {
		free(control->confirmed);
		control->confirmed = NULL;
	}
}

static void
confirm(struct control *control, const char *catalog)
{
	free(control->confirmed);
	control->confirmed = strdup(catalog);
	control->confirmed_at = mono_now();
	if (control->confirmed == NULL)
		log_error("out of memory: nothing is confirmed for the catalog %s", catalog);
}

static bool
brings(const struct change *change, const char *zone)
{
	for (size_t i = 0; i < change->zone_count; i++)
		if (strcasecmp(change->zones[i].name, zone) == 0)
			return true;
	return false;
}
