/* steering_reading.c -- what all parts of reading a steering need: room, copies, places.
 * In and out: a reading. Lack of memory is an error in its list like any other; what comes back then can be read. */
#include "conf/steering_reading.h"

#include "steer/country.h"

void *
steering_room(struct steering_reading *r, struct arena *arena, size_t count, size_t size)
{
	void *room = count > SIZE_MAX / size - 1 ? NULL : arena_alloc(arena, count * size + 1);

	if (room == NULL)
		steering_out_of_memory(r);
	return room;
}

void
steering_out_of_memory(struct steering_reading *r)
{
	diag_error(r->diags, (struct diag_place){ .file = r->file }, NULL, "out of memory");
}

const char *
steering_text(struct steering_reading *r, const char *text)
{
	const char *copy = arena_text(r->arena, text);

	if (copy == NULL)
		steering_out_of_memory(r);
	return copy == NULL ? "" : copy;
}

const char *const *
steering_texts(struct steering_reading *r, const char *const *texts, size_t count)
{
	static const char *const none[] = { "" };
	const char **copies = steering_room(r, r->arena, count, sizeof(*copies));

	if (copies == NULL)
		return none;
	for (size_t i = 0; i < count; i++)
		copies[i] = steering_text(r, texts[i]);
	return copies;
}

struct location
steering_location(struct steering_reading *r, const struct written_location *written, const char *country)
{
	const struct yaml_node *node = written->at.node;
	bool latitude = node != NULL && yaml_member(node, "latitude") != NULL;
	bool longitude = node != NULL && yaml_member(node, "longitude") != NULL;
	const struct country *middle;

	if (latitude && longitude)
		return (struct location){ true, written->latitude, written->longitude };
	if (latitude || longitude)
		diag_error(r->diags, steering_place(r, node), NULL, "'%s' needs '%s' beside it",
		    latitude ? "latitude" : "longitude", latitude ? "longitude" : "latitude");
	if (country[0] == '\0')
		return (struct location){ .known = false };
	middle = country_at(country_find(country));
	return (struct location){ true, (double)middle->latitude, (double)middle->longitude };
}

struct diag_place
steering_place(const struct steering_reading *r, const struct yaml_node *node)
{
	return yaml_place(r->file, node);
}
