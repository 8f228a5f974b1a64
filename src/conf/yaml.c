/* yaml.c -- builds the tree from libyaml's events.
 * In: a text.  Out: nodes in the caller's arena, errors in its list.
 * libyaml's event interface is used, not its documents: documents resolve aliases (a few lines that way grow to
 * gigabytes, and a setting would have two places), drop anchors and let the second of two equal keys win, unseen.
 * After a syntax error libyaml can't go on, so that there is at most one, the last. Everything else is reported and
 * stepped over.
 * Invariants: depth is at most YAML_DEPTH_MAX (a deeper text ends the reading); every key of a map is a scalar and
 * stands once. */
#include "conf/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct builder {
	yaml_parser_t parser;
	const char *file;
	struct arena *arena;
	struct diags *diags;
	unsigned depth;
	bool stopped;		/* no further event can be had */
};

/* The children of a list or map while it's being read. */
struct children {
	const struct yaml_node **keys, **items;
	size_t count, size;
};

struct indexed_key {
	const struct yaml_node *key;
	size_t index;
};

static const struct yaml_node *read_stream(struct builder *b);
static const struct yaml_node *read_document(struct builder *b);
static const struct yaml_node *read_node(struct builder *b, const yaml_event_t *event);
static const struct yaml_node *read_scalar(struct builder *b, const yaml_event_t *event);
static const struct yaml_node *read_list(struct builder *b, const yaml_event_t *start);
static const struct yaml_node *read_map(struct builder *b, const yaml_event_t *start);
static bool enter(struct builder *b, const yaml_event_t *start);
static void read_entry(struct builder *b, const yaml_event_t *event, struct children *children);
static bool children_add(struct builder *b, struct children *children, const struct yaml_node *key,
	const struct yaml_node *item);
static const struct yaml_node *children_close(struct builder *b, enum yaml_kind kind, yaml_mark_t mark,
	struct children *children);
static void drop_duplicates(struct builder *b, struct children *children);
static int compare_keys(const void *a, const void *b);
static void refuse_properties(struct builder *b, const yaml_event_t *event, const yaml_char_t *anchor,
	const yaml_char_t *tag);
static bool next_event(struct builder *b, yaml_event_t *event);
static void report_syntax(struct builder *b);
static bool is_tab(const yaml_parser_t *p);
static struct yaml_node *new_node(struct builder *b, enum yaml_kind kind, yaml_mark_t mark);
static void out_of_memory(struct builder *b);
static struct diag_place place_of(const struct builder *b, yaml_mark_t mark);

const struct yaml_node *
yaml_read(const char *text, const char *file, struct arena *arena, struct diags *diags)
{
	struct builder b = { .file = file, .arena = arena, .diags = diags };
	const struct yaml_node *root;
	size_t length = strlen(text);

	if (strncmp(text, "\xef\xbb\xbf", 3) == 0) {	/* U+FEFF, as some editors begin a file of UTF-8 */
		text += 3;
		length -= 3;
	}
	if (length > YAML_TEXT_MAX) {
		diag_error(diags, (struct diag_place){ .file = file }, NULL,
		    "the file has %zu bytes, at most %u are read", length, YAML_TEXT_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&b.parser)) {
		out_of_memory(&b);
		return NULL;
	}
	/* Said, not detected: another byte order mark would switch libyaml to UTF-16. */
	yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&b.parser, (const unsigned char *)text, length);
	root = read_stream(&b);
	yaml_parser_delete(&b.parser);
	return root;
}

bool
yaml_is_null(const struct yaml_node *node)
{
	return node->kind == YAML_SCALAR && node->plain &&
	    (node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

struct yaml_shown
yaml_shown(const char *text)
{
	struct yaml_shown shown = { "" };
	size_t n = 0;

	for (; text[n] != '\0' && n < sizeof(shown.text) - 4; n++)
		shown.text[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
	if (text[n] != '\0') {
		/* A character is cut whole: its octets after the first are 10xxxxxx. */
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		memcpy(shown.text + n, "...", 4);
	}
	return shown;
}

const struct yaml_node *
yaml_member(const struct yaml_node *map, const char *key)
{
	if (map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->items[i];
	}
	return NULL;
}

struct diag_place
yaml_place(const char *file, const struct yaml_node *node)
{
	return (struct diag_place){ file, node->line, node->column, NULL };
}

static const struct yaml_node *
read_stream(struct builder *b)
{
	const struct yaml_node *root = NULL;
	yaml_event_t event;

	while (next_event(b, &event)) {
		yaml_event_type_t type = event.type;

		if (type == YAML_DOCUMENT_START_EVENT) {
			if (root == NULL) {
				root = read_document(b);
			} else {
				diag_error(b->diags, place_of(b, event.start_mark), NULL,
				    "a second document begins here; the file holds one");
				b->stopped = true;
			}
		}
		yaml_event_delete(&event);
		if (type == YAML_STREAM_END_EVENT) {
			if (root == NULL || yaml_is_null(root))
				root = new_node(b, YAML_MAP, (yaml_mark_t){ 0 });
			break;
		}
	}
	return root;
}

static const struct yaml_node *
read_document(struct builder *b)
{
	const struct yaml_node *root = NULL;
	yaml_event_t event;

	if (!next_event(b, &event))
		return NULL;
	root = read_node(b, &event);
	yaml_event_delete(&event);
	return root;
}

/* The node that `event` begins; never NULL unless memory is out. */
static const struct yaml_node *
read_node(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return read_list(b, event);
	case YAML_MAPPING_START_EVENT:
		return read_map(b, event);
	case YAML_ALIAS_EVENT:
		diag_error(b->diags, place_of(b, event->start_mark), NULL,
		    "the alias '*%s' isn't read here: write the value itself",
		    yaml_shown((const char *)event->data.alias.anchor).text);
		return new_node(b, YAML_BROKEN, event->start_mark);
	default:
		return new_node(b, YAML_BROKEN, event->start_mark);
	}
}

static const struct yaml_node *
read_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	struct yaml_node *node;

	refuse_properties(b, event, event->data.scalar.anchor, event->data.scalar.tag);
	if (strlen(value) != event->data.scalar.length) {
		diag_error(b->diags, place_of(b, event->start_mark), NULL, "the text holds a NUL character");
		return new_node(b, YAML_BROKEN, event->start_mark);
	}
	node = new_node(b, YAML_SCALAR, event->start_mark);
	if (node == NULL)
		return NULL;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = arena_text(b->arena, value);
	if (node->text == NULL) {
		out_of_memory(b);
		return NULL;
	}
	return node;
}

static const struct yaml_node *
read_list(struct builder *b, const yaml_event_t *start)
{
	struct children children = { 0 };
	yaml_event_t event;
	bool more = true;

	refuse_properties(b, start, start->data.sequence_start.anchor, start->data.sequence_start.tag);
	if (!enter(b, start))
		return NULL;
	while (more && next_event(b, &event)) {
		if (event.type == YAML_SEQUENCE_END_EVENT)
			more = false;
		else
			children_add(b, &children, NULL, read_node(b, &event));
		yaml_event_delete(&event);
	}
	b->depth--;
	return children_close(b, YAML_LIST, start->start_mark, &children);
}

static const struct yaml_node *
read_map(struct builder *b, const yaml_event_t *start)
{
	struct children children = { 0 };
	yaml_event_t event;
	bool more = true;

	refuse_properties(b, start, start->data.mapping_start.anchor, start->data.mapping_start.tag);
	if (!enter(b, start))
		return NULL;
	while (more && next_event(b, &event)) {
		if (event.type == YAML_MAPPING_END_EVENT)
			more = false;
		else
			read_entry(b, &event, &children);
		yaml_event_delete(&event);
	}
	b->depth--;
	drop_duplicates(b, &children);
	return children_close(b, YAML_MAP, start->start_mark, &children);
}

static bool
enter(struct builder *b, const yaml_event_t *start)
{
	if (b->depth == YAML_DEPTH_MAX) {
		diag_error(b->diags, place_of(b, start->start_mark), NULL,
		    "nested more than %d levels deep", YAML_DEPTH_MAX);
		b->stopped = true;
		return false;
	}
	b->depth++;
	return true;
}

/* One key, which `event` begins, and its value. */
static void
read_entry(struct builder *b, const yaml_event_t *event, struct children *children)
{
	const struct yaml_node *key = read_node(b, event), *value;
	yaml_event_t of_value;

	if (!next_event(b, &of_value))
		return;
	value = read_node(b, &of_value);
	yaml_event_delete(&of_value);
	if (key == NULL || value == NULL || key->kind == YAML_BROKEN)
		return;
	if (key->kind != YAML_SCALAR)
		diag_error(b->diags, place_of(b, event->start_mark), NULL, "a key must be a plain word");
	else
		children_add(b, children, key, value);
}

/* `key` is NULL in a list. False: there is no item, or no memory for it. */
static bool
children_add(struct builder *b, struct children *children, const struct yaml_node *key, const struct yaml_node *item)
{
	size_t size = children->size == 0 ? 8 : children->size * 2;
	const struct yaml_node **keys, **items;

	if (item == NULL)
		return false;
	if (children->count == children->size) {
		items = realloc(children->items, size * sizeof(*items));
		if (items != NULL)
			children->items = items;
		keys = realloc(children->keys, size * sizeof(*keys));
		if (keys != NULL)
			children->keys = keys;
		if (items == NULL || keys == NULL) {
			out_of_memory(b);
			return false;
		}
		children->size = size;
	}
	children->keys[children->count] = key;
	children->items[children->count++] = item;
	return true;
}

/* Moves the children into the arena; they are gone from the heap afterwards, also on failure. */
static const struct yaml_node *
children_close(struct builder *b, enum yaml_kind kind, yaml_mark_t mark, struct children *children)
{
	struct yaml_node *node = new_node(b, kind, mark);
	size_t bytes = children->count * sizeof(*children->items);

	if (node != NULL && children->count > 0) {
		node->count = children->count;
		node->items = arena_copy(b->arena, children->items, bytes);
		node->keys = arena_copy(b->arena, children->keys, bytes);
		if (node->items == NULL || node->keys == NULL) {
			out_of_memory(b);
			node = NULL;
		}
	}
	free(children->items);
	free(children->keys);
	return node;
}

/* Equal keys are found by sorting, so that a hostile map of 100,000 keys takes no quadratic time. The first stays. */
static void
drop_duplicates(struct builder *b, struct children *children)
{
	struct indexed_key *sorted, *first;
	size_t kept = 0;

	if (children->count < 2)
		return;
	sorted = malloc(children->count * sizeof(*sorted));
	if (sorted == NULL) {
		out_of_memory(b);
		return;
	}
	for (size_t i = 0; i < children->count; i++)
		sorted[i] = (struct indexed_key){ children->keys[i], i };
	qsort(sorted, children->count, sizeof(*sorted), compare_keys);
	first = sorted;
	for (struct indexed_key *k = sorted + 1; k < sorted + children->count; k++) {
		if (strcmp(k->key->text, first->key->text) != 0) {
			first = k;
			continue;
		}
		diag_error(b->diags, yaml_place(b->file, k->key), NULL,
		    "'%s' is here twice; the first is in line %u", yaml_shown(k->key->text).text, first->key->line);
		children->items[k->index] = NULL;
	}
	free(sorted);
	for (size_t i = 0; i < children->count; i++) {
		if (children->items[i] == NULL)
			continue;
		children->keys[kept] = children->keys[i];
		children->items[kept++] = children->items[i];
	}
	children->count = kept;
}

static int
compare_keys(const void *a, const void *b)
{
	const struct indexed_key *left = a, *right = b;
	int order = strcmp(left->key->text, right->key->text);

	return order != 0 ? order : left->index < right->index ? -1 : 1;
}

static void
refuse_properties(struct builder *b, const yaml_event_t *event, const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor != NULL)
		diag_error(b->diags, place_of(b, event->start_mark), NULL,
		    "the anchor '&%s' isn't read here: write each value itself", yaml_shown((const char *)anchor).text);
	if (tag != NULL)
		diag_error(b->diags, place_of(b, event->start_mark), NULL,
		    "the tag '%s' isn't read here: the key decides the type", yaml_shown((const char *)tag).text);
}

/* False when there is no further event: the reading stopped, with its reason in the list. */
static bool
next_event(struct builder *b, yaml_event_t *event)
{
	if (b->stopped)
		return false;
	if (yaml_parser_parse(&b->parser, event))
		return true;
	b->stopped = true;
	report_syntax(b);
	return false;
}

/* What libyaml says, at the place of the problem; the context ("while parsing a block mapping") with its own line, when
 * that is another. */
static void
report_syntax(struct builder *b)
{
	const yaml_parser_t *p = &b->parser;
	const char *problem = p->problem == NULL ? "it is no YAML" : p->problem;

	if (p->error == YAML_MEMORY_ERROR) {
		out_of_memory(b);
	} else if (p->error == YAML_READER_ERROR) {
		/* The reader decodes ahead of the scanner, whose mark this would be: only the offset is right. */
		unsigned line = 1, column = 1;
		const unsigned char *text = p->input.string.start;

		for (size_t i = 0; i < p->problem_offset && text + i < p->input.string.end; i++) {
			column += (text[i] & 0xc0) != 0x80;
			if (text[i] == '\n') {
				line++;
				column = 1;
			}
		}
		diag_error(b->diags, (struct diag_place){ b->file, line, column, NULL }, NULL,
		    "the file must be UTF-8 text: %s", problem);
	} else if (is_tab(p)) {
		diag_error(b->diags, place_of(b, p->problem_mark), NULL, "a tab can't indent YAML: use blanks");
	} else if (p->context != NULL && p->context_mark.line != p->problem_mark.line) {
		diag_error(b->diags, place_of(b, p->problem_mark), NULL, "%s, %s that began in line %zu", problem,
		    p->context, p->context_mark.line + 1);
	} else {
		diag_error(b->diags, place_of(b, p->problem_mark), NULL, "%s", problem);
	}
}

static bool
is_tab(const yaml_parser_t *p)
{
	const unsigned char *at = p->input.string.start;

	/* The mark counts characters, whose first octet is any but 10xxxxxx. */
	for (size_t n = 0; at < p->input.string.end; at++) {
		n += (*at & 0xc0) != 0x80;
		if (n == p->problem_mark.index + 1)
			return *at == '\t';
	}
	return false;
}

static struct yaml_node *
new_node(struct builder *b, enum yaml_kind kind, yaml_mark_t mark)
{
	struct yaml_node *node = arena_alloc(b->arena, sizeof(*node));

	if (node == NULL) {
		out_of_memory(b);
		return NULL;
	}
	node->kind = kind;
	node->line = (unsigned)mark.line + 1;
	node->column = (unsigned)mark.column + 1;
	node->text = "";
	return node;
}

static void
out_of_memory(struct builder *b)
{
	if (!b->stopped)
		diag_error(b->diags, (struct diag_place){ .file = b->file }, NULL, "out of memory");
	b->stopped = true;
}

static struct diag_place
place_of(const struct builder *b, yaml_mark_t mark)
{
	return (struct diag_place){ b->file, (unsigned)mark.line + 1, (unsigned)mark.column + 1, NULL };
}
