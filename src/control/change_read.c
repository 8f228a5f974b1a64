/* change_read.c -- the texts that a change brings become zones, before its turn goes on.
 * In: a change that is prepared.  Out: its texts with their zones, or errors in its diags.
 * Threads: control decides; reading itself is done by a thread where it would take so long that health would wait.
 *
 * What is in service may be read meanwhile: it's replaced by publications only, and this one is under way. */
#include <string.h>

#include "control/publication.h"
#include "zone/master.h"

/* Octets of text that the control thread reads itself: some ten milliseconds' worth. */
#define LONG_READING ((size_t)1 << 18)

static size_t reading_length(const struct publication *p);
static bool is_unread(const struct publication *p, const struct zone_text *text);
static void read_all(struct publication *p);
static void read_text(struct zone_text *text, struct diags *diags);

void
change_read(struct publication *p, void (*then)(struct publication *publication))
{
	if (reading_length(p) > LONG_READING) {
		publication_aside(p, read_all, then);
		return;
	}
	read_all(p);
	then(p);
}

static size_t
reading_length(const struct publication *p)
{
	size_t length = p->change->read_length;

	for (size_t i = 0; i < p->change->zone_count; i++)
		if (is_unread(p, &p->change->zones[i]))
			length += strlen(p->change->zones[i].text);
	return length;
}

/* A text that is served already isn't read again. */
static bool
is_unread(const struct publication *p, const struct zone_text *text)
{
	const struct world_zone *was;

	if (text->text == NULL || text->zone != NULL)
		return false;
	was = world_find(p->control->world, text->name);
	return was == NULL || strcmp(was->text, text->text) != 0;
}

static void
read_all(struct publication *p)
{
	struct change *change = p->change;
	struct zone_text *texts;

	if (change->read != NULL && !change->read(change, &p->diags)) {
		p->unread = true;
		return;
	}
	if (change->zone_count == 0)
		return;
	texts = arena_copy(change->arena, change->zones, change->zone_count * sizeof(*texts));
	if (texts == NULL)
		return;		/* they are read later, then */
	change->zones = texts;
	for (size_t i = 0; i < change->zone_count; i++)
		if (is_unread(p, &texts[i]))
			read_text(&texts[i], &p->diags);
}

static void
read_text(struct zone_text *text, struct diags *diags)
{
	uint8_t apex[NAME_MAX];

	if (name_parse(text->name, apex) == 0)
		return;		/* it's told with the rest of the world */
	text->zone = master_read(text->text, text->file, apex, diags);
	text->refused = text->zone == NULL;
	text->checked = true;
}
