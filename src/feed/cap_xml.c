/* cap_xml.c -- alerts of CAP 1.2 as they are published: XML, one alert, many, or an index of them (Atom, RSS).
 * In: the octets.  Out: the alerts as the tree that CAP as JSON has, which alerts.c reads: there is one set of rules.
 *  - An alert may stand anywhere: as the document, in a wrapper, in the content of an Atom entry.
 *  - An entry without an alert may have the fields of one beside its title, in CAP's namespace: of the alert, its info
 *    and its area, all in one level. Its id stands for the identifier.
 *  - An entry with neither is an error: to pass over it would tell of calm where something is.
 * Elements count by namespace and name: those of CAP 1.0 to 1.2; or of none, when the alert itself has none. What isn't
 * among the fields below is passed over with all inside of it: parameters, resources, signatures.
 * What is somebody else's isn't trusted. A document type declaration is refused, and with it every entity but the five
 * of XML itself: nothing expands, and nothing else is ever fetched. Depth is bounded here, octets by whoever fetched
 * them, memory by the limits of the child that this runs in.
 * Threads: one pull, one thread. */
#include <expat.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "feed/pulled.h"

#define DEPTH_MAX 64		/* an entry's alert has six levels; wrappers have a few */
#define NAMESPACE_END '\n'	/* between a namespace and a name, as expat is told; in neither of them */

enum inside { OUTSIDE, IN_ENTRY, IN_CONTENT, IN_ALERT, IN_INFO, IN_AREA, IN_GEOCODE, IN_FIELD, PASSED };

/* What alerts.c reads, and which object of the tree it stands in. */
struct field { const char *name; enum inside in; bool many; };

static const struct field fields[] = {
	{ "identifier", IN_ALERT, false }, { "sent", IN_ALERT, false }, { "status", IN_ALERT, false },
	{ "msgType", IN_ALERT, false }, { "references", IN_ALERT, false },
	{ "event", IN_INFO, false }, { "headline", IN_INFO, false }, { "urgency", IN_INFO, false },
	{ "severity", IN_INFO, false }, { "certainty", IN_INFO, false }, { "effective", IN_INFO, false },
	{ "onset", IN_INFO, false }, { "expires", IN_INFO, false },
	{ "areaDesc", IN_AREA, false }, { "polygon", IN_AREA, true }, { "circle", IN_AREA, true },
	{ "valueName", IN_GEOCODE, false }, { "value", IN_GEOCODE, true },
};
static const struct field entry_id = { "id", IN_ALERT, false };

/* An element that is open. It begins as a copy of the one around it. */
struct frame {
	enum inside inside;
	cJSON *alert, *info, *area, *geocode;	/* borrowed from the list */
	const struct field *field;
};

struct reading {
	struct pulled *pulled;
	XML_Parser parser;
	cJSON *list;			/* of alerts */
	size_t depth, entries;
	struct frame frames[DEPTH_MAX];
	bool entry_tells;		/* the entry that is open has fields of CAP, */
	bool entry_holds;		/* or an alert stands in it */
	bool bare;			/* the alert that is open has no namespace */
	bool expected;			/* the document is of a kind that may hold alerts, if only none now */
	struct text text;		/* of the field that is open */
	char fault[160];		/* why it was stopped, or "" */
};

/* What an element is: what it's called, and in which namespace. */
struct element {
	const char *name;
	bool cap, bare;
};

static void read_document(struct reading *r, const char *bytes, size_t length);
static void say_fault(struct reading *r);
static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public,
	int has_subset);
static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes);
static void XMLCALL on_text(void *arg, const XML_Char *bytes, int length);
static void XMLCALL on_end(void *arg, const XML_Char *name);
static struct element element_of(const char *name);
static void enter(struct reading *r, struct frame *frame, const struct element *element);
static bool is_alert(const struct element *element);
static void enter_outside(struct reading *r, struct frame *frame, const struct element *element);
static void enter_entry(struct reading *r, struct frame *frame, const struct element *element);
static void enter_field(struct reading *r, struct frame *frame, const char *name);
static void begin_alert(struct reading *r, struct frame *frame, const struct element *element);
static void begin_entry(struct reading *r, struct frame *frame);
static void end_entry(struct reading *r, const struct frame *frame);
static void end_field(struct reading *r, const struct frame *frame);
static void collapse(char *text);
static void add_text(struct reading *r, cJSON *object, const struct field *field, const char *text, size_t length);
static cJSON *add_object(struct reading *r, cJSON *parent, const char *name);
static void add_item(struct reading *r, cJSON *object, const char *name, cJSON *item);
static void stop(struct reading *r, const char *format, ...) PRINTF(2, 3);

void
pulled_read_cap_xml(struct pulled *pulled, const char *bytes, size_t length)
{
	struct reading r = { .pulled = pulled, .parser = XML_ParserCreateNS(NULL, NAMESPACE_END),
		.list = cJSON_CreateArray() };

	if (r.parser == NULL || r.list == NULL)
		pulled_fail(pulled, "out of memory");
	else
		read_document(&r, bytes, length);
	if (pulled->error[0] == '\0')
		pulled_read_cap(pulled, r.list);
	text_fini(&r.text);
	cJSON_Delete(r.list);
	XML_ParserFree(r.parser);
}

static void
read_document(struct reading *r, const char *bytes, size_t length)
{
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (length > INT_MAX)
		pulled_fail(r->pulled, "too long");
	else if (XML_Parse(r->parser, bytes, (int)length, XML_TRUE) != XML_STATUS_OK)
		say_fault(r);
	else if (!r->expected)
		pulled_fail(r->pulled, "neither an alert of CAP nor an index of them (Atom, RSS)");
}

/* expat counts columns from 0. */
static void
say_fault(struct reading *r)
{
	unsigned long line = XML_GetCurrentLineNumber(r->parser), column = XML_GetCurrentColumnNumber(r->parser) + 1;

	pulled_fail(r->pulled, "line %lu, column %lu: %s", line, column,
	    r->fault[0] != '\0' ? r->fault : XML_ErrorString(XML_GetErrorCode(r->parser)));
}

/* --- what expat calls; after stop() it may still do so for what it's in the middle of ---------------------------- */

static void XMLCALL
on_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public, int has_subset)
{
	(void)name, (void)system, (void)public, (void)has_subset;
	stop(arg, "a document type declaration isn't taken: alerts need none, and its entities could expand without "
	    "end");
}

static void XMLCALL
on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = arg;
	struct element element = element_of(name);
	struct frame *frame;

	(void)attributes;
	if (r->fault[0] == '\0' && r->depth == DEPTH_MAX)
		stop(r, "nested too deep (%d levels at most)", DEPTH_MAX);
	if (r->fault[0] != '\0')
		return;
	frame = &r->frames[r->depth];
	*frame = (struct frame){ .inside = OUTSIDE };
	if (r->depth > 0)
		*frame = r->frames[r->depth - 1];
	r->depth++;
	enter(r, frame, &element);
}

static void XMLCALL
on_text(void *arg, const XML_Char *bytes, int length)
{
	struct reading *r = arg;

	if (r->fault[0] != '\0' || r->depth == 0 || r->frames[r->depth - 1].inside != IN_FIELD)
		return;
	text_add(&r->text, bytes, (size_t)length);
	if (r->text.failed)
		stop(r, "out of memory");
}

static void XMLCALL
on_end(void *arg, const XML_Char *name)
{
	struct reading *r = arg;
	const struct frame *frame;

	(void)name;
	if (r->fault[0] != '\0')
		return;
	frame = &r->frames[--r->depth];
	if (frame->inside == IN_FIELD)
		end_field(r, frame);
	else if (frame->inside == IN_ENTRY)
		end_entry(r, frame);
}

/* --- where an element leads -------------------------------------------------------------------------------------- */

static struct element
element_of(const char *name)
{
	static const char *const caps[] = { "urn:oasis:names:tc:emergency:cap:", "http://www.incident.com/cap/" };
	const char *end = strrchr(name, NAMESPACE_END);
	struct element element = { .name = end == NULL ? name : end + 1, .bare = end == NULL };

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		element.cap = element.cap || strncmp(name, caps[i], strlen(caps[i])) == 0;
	return element;
}

static void
enter(struct reading *r, struct frame *frame, const struct element *element)
{
	switch (frame->inside) {
	case OUTSIDE:
		enter_outside(r, frame, element);
		break;
	case IN_ENTRY:
		enter_entry(r, frame, element);
		break;
	case IN_CONTENT:
		if (is_alert(element))
			begin_alert(r, frame, element);
		break;
	case IN_ALERT:
	case IN_INFO:
	case IN_AREA:
		if (element->cap || (element->bare && r->bare))
			enter_field(r, frame, element->name);
		else
			frame->inside = PASSED;
		break;
	case IN_GEOCODE:	/* in an index these are often left in its own namespace */
		enter_field(r, frame, element->name);
		break;
	case IN_FIELD:		/* none of them has elements inside */
	case PASSED:
		frame->inside = PASSED;
		break;
	}
}

static bool
is_alert(const struct element *element)
{
	return strcmp(element->name, "alert") == 0 && (element->cap || element->bare);
}

/* An index, a wrapper, or the alert itself. */
static void
enter_outside(struct reading *r, struct frame *frame, const struct element *element)
{
	static const char *const indices[] = { "feed", "rss", "RDF" };

	for (size_t i = 0; i < ARRAY_SIZE(indices) && r->depth == 1; i++)
		r->expected = r->expected || strcmp(element->name, indices[i]) == 0;
	if (is_alert(element))
		begin_alert(r, frame, element);
	else if (strcmp(element->name, "entry") == 0 || strcmp(element->name, "item") == 0)
		begin_entry(r, frame);
}

static void
enter_entry(struct reading *r, struct frame *frame, const struct element *element)
{
	if (is_alert(element)) {
		begin_alert(r, frame, element);
	} else if (element->cap) {
		enter_field(r, frame, element->name);
	} else if (strcmp(element->name, "id") == 0 || strcmp(element->name, "guid") == 0) {
		frame->inside = IN_FIELD;
		frame->field = &entry_id;
	} else {
		frame->inside = IN_CONTENT;
	}
}

/* In an entry, the fields of all levels stand side by side. */
static void
enter_field(struct reading *r, struct frame *frame, const char *name)
{
	enum inside in = frame->inside;
	bool flat = in == IN_ENTRY;

	frame->inside = PASSED;
	if (in == IN_ALERT && strcmp(name, "info") == 0) {
		frame->inside = IN_INFO;
		frame->info = add_object(r, frame->alert, "info");
	} else if (in == IN_INFO && strcmp(name, "area") == 0) {
		frame->inside = IN_AREA;
		frame->area = add_object(r, frame->info, "area");
	} else if ((in == IN_AREA || flat) && strcmp(name, "geocode") == 0) {
		frame->inside = IN_GEOCODE;
		frame->geocode = add_object(r, frame->area, "geocode");
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields) && frame->inside == PASSED; i++)
		if (strcmp(fields[i].name, name) == 0 && (fields[i].in == in || (flat && fields[i].in != IN_GEOCODE))) {
			frame->inside = IN_FIELD;
			frame->field = &fields[i];
		}
	r->entry_tells = r->entry_tells || (flat && (frame->inside == IN_GEOCODE ||
	    (frame->inside == IN_FIELD && frame->field->in != IN_ALERT)));
}

static void
begin_alert(struct reading *r, struct frame *frame, const struct element *element)
{
	r->expected = r->entry_holds = true;
	r->bare = element->bare;
	frame->inside = IN_ALERT;
	frame->alert = cJSON_CreateObject();
	add_item(r, r->list, NULL, frame->alert);
}

static void
begin_entry(struct reading *r, struct frame *frame)
{
	r->entries++;
	r->entry_tells = r->entry_holds = false;
	frame->inside = IN_ENTRY;
	frame->alert = cJSON_CreateObject();
	add_item(r, r->list, NULL, frame->alert);
	frame->info = add_object(r, frame->alert, "info");
	frame->area = add_object(r, frame->info, "area");
}

static void
end_entry(struct reading *r, const struct frame *frame)
{
	char pointer[40];

	if (r->entry_tells && !r->entry_holds)
		return;
	cJSON_Delete(cJSON_DetachItemViaPointer(r->list, frame->alert));
	if (r->entry_holds)
		return;
	snprintf(pointer, sizeof(pointer), "/entry/%zu", r->entries - 1);
	diag_error(&r->pulled->notes, (struct diag_place){ .file = r->pulled->feed->name, .pointer = pointer }, NULL,
	    "has neither an alert in it nor fields of CAP; links aren't followed");
	r->pulled->items++;
	r->pulled->left_out++;
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

/* A geocode may be several codes in one: each counts, and the whole too. */
static void
end_field(struct reading *r, const struct frame *frame)
{
	cJSON *const objects[] = { [IN_ALERT] = frame->alert, [IN_INFO] = frame->info, [IN_AREA] = frame->area,
		[IN_GEOCODE] = frame->geocode };
	const struct field *field = frame->field;
	char *text = r->text.bytes == NULL ? NULL : text_take(&r->text), *at = text;

	if (text == NULL)
		return;
	collapse(text);
	if (text[0] != '\0')
		add_text(r, objects[field->in], field, text, strlen(text));
	for (size_t length; field->in == IN_GEOCODE && strchr(text, ' ') != NULL && at[0] != '\0';
	    at += length + (at[length] == ' ')) {
		length = strcspn(at, " ");
		add_text(r, objects[field->in], field, at, length);
	}
	free(text);
}

/* Runs of white space as one space, none at the ends: fields are indented and broken as the document is. */
static void
collapse(char *text)
{
	char *to = text;

	for (const char *at = text; *(at += strspn(at, " \t\r\n")) != '\0';) {
		size_t length = strcspn(at, " \t\r\n");

		if (to != text)
			*to++ = ' ';
		memmove(to, at, length);
		to += length;
		at += length;
	}
	*to = '\0';
}

/* What comes again where one is expected is passed over. */
static void
add_text(struct reading *r, cJSON *object, const struct field *field, const char *text, size_t length)
{
	char *copy;

	if (!field->many && cJSON_HasObjectItem(object, field->name))
		return;
	copy = strndup(text, length);
	if (copy == NULL)
		stop(r, "out of memory");
	else if (field->many)
		add_item(r, object, field->name, cJSON_CreateString(copy));
	else if (cJSON_AddStringToObject(object, field->name, copy) == NULL)
		stop(r, "out of memory");
	free(copy);
}

/* One more of a name. NULL: out of memory, and stopped. */
static cJSON *
add_object(struct reading *r, cJSON *parent, const char *name)
{
	cJSON *object = cJSON_CreateObject();

	add_item(r, parent, name, object);
	return r->fault[0] == '\0' ? object : NULL;
}

/* Behind the others of its name; without one, `object` is the list itself. */
static void
add_item(struct reading *r, cJSON *object, const char *name, cJSON *item)
{
	cJSON *list = name == NULL ? object : cJSON_GetObjectItemCaseSensitive(object, name);

	if (list == NULL && object != NULL)
		list = cJSON_AddArrayToObject(object, name);
	if (item != NULL && list != NULL && cJSON_AddItemToArray(list, item))
		return;
	cJSON_Delete(item);
	stop(r, "out of memory");
}

static void
stop(struct reading *r, const char *format, ...)
{
	va_list args;

	if (r->fault[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(r->fault, sizeof(r->fault), format, args);
	va_end(args);
	XML_StopParser(r->parser, XML_FALSE);
}
