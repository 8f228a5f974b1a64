/* schema.c -- reads a YAML tree by a table into a struct.
 * In: a schema, a tree.  Out: the struct, its texts and lists in the arena; errors in the list, all of them.
 * A record gets all its defaults first and then what is written, so that a value with an error leaves its default and
 * later checks have sane numbers to go on with; the caller refuses the whole anyway.
 * Defaults are YAML text, read by the same code: what the manual shows is what a file may say. Single values are
 * member.c's.
 * Invariant: an item that has an error isn't in its list; a record is, since its other keys are worth checking. */
#include "conf/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "conf/member.h"

struct reader {
	const char *file;
	struct arena *arena;
	struct diags *diags;
};

/* What is being read: `name` is the key that messages speak of. */
struct value {
	const struct setting *setting;
	const struct yaml_node *node;
	const char *name;
	char *record;		/* the struct that holds the member */
};

static void fill_defaults(struct reader *r, const struct schema *schema, void *record);
static void read_default(struct reader *r, const struct setting *s, void *record);
static void read_record(struct reader *r, const struct schema *schema, const struct yaml_node *key,
	const struct yaml_node *node, void *record);
static const struct setting *find_setting(const struct schema *schema, const char *key, size_t *index);
static void report_unknown(struct reader *r, const struct schema *schema, const struct yaml_node *key);
static bool read_value(struct reader *r, const struct value *v);
static bool is_bare(const struct value *v);
static bool read_bare(struct reader *r, const struct value *v, void *record);
static bool has_kind(struct reader *r, const struct value *v);
static bool read_list(struct reader *r, const struct value *v);
static void report_twice(struct reader *r, const struct value *v);
static int compare_items(const void *a, const void *b);
static bool read_map(struct reader *r, const struct value *v);
static bool read_entry(struct reader *r, const struct value *v, const struct yaml_node *key,
	const struct yaml_node *item, void *record);
static bool check_key(struct reader *r, const struct setting *s, const struct yaml_node *key);
static size_t readable_length(struct reader *r, const struct value *v);
static void *store_array(struct reader *r, const struct value *v, size_t item_size);
static bool out_of_memory(struct reader *r);

void
schema_read(const struct schema *schema, const struct yaml_node *node, const char *file, struct arena *arena,
	struct diags *diags, void *record)
{
	struct reader r = { file, arena, diags };

	fill_defaults(&r, schema, record);
	if (node->kind == YAML_MAP)
		read_record(&r, schema, NULL, node, record);
	else if (node->kind != YAML_BROKEN)
		diag_error(diags, yaml_place(file, node), NULL, "the file must be a map of settings (KEY: VALUE)");
}

static void
fill_defaults(struct reader *r, const struct schema *schema, void *record)
{
	for (const struct setting *s = schema->settings; s->key != NULL; s++) {
		if (s->type == SETTING_RECORD)
			fill_defaults(r, s->schema, (char *)record + s->offset);
		else if (s->otherwise != NULL)
			read_default(r, s, record);
	}
}

static void
read_default(struct reader *r, const struct setting *s, void *record)
{
	bool nothing = strcmp(s->otherwise, "\"\"") == 0;
	struct yaml_node scalar = { .kind = YAML_SCALAR, .text = nothing ? "" : s->otherwise };
	const struct yaml_node *node = &scalar;

	if (s->type == SETTING_LIST)
		node = yaml_read(s->otherwise, r->file, r->arena, r->diags);
	if (node != NULL)
		(void)read_value(r, &(struct value){ s, node, s->key, record });
}

static void
read_record(struct reader *r, const struct schema *schema, const struct yaml_node *key, const struct yaml_node *node,
	void *record)
{
	uint64_t seen = 0;
	size_t index;

	if (schema->placed)
		*(struct schema_place *)record = (struct schema_place){ key, node };
	for (size_t i = 0; i < node->count; i++) {
		const struct setting *s = find_setting(schema, node->keys[i]->text, &index);

		if (s == NULL) {
			report_unknown(r, schema, node->keys[i]);
			continue;
		}
		seen |= (uint64_t)1 << index;
		(void)read_value(r, &(struct value){ s, node->items[i], s->key, record });
	}
	for (index = 0; schema->settings[index].key != NULL; index++) {
		if (schema->settings[index].required && !(seen >> index & 1))
			diag_error(r->diags, yaml_place(r->file, key == NULL ? node : key), NULL,
			    "the key '%s' is missing (%s)", schema->settings[index].key, schema->settings[index].help);
	}
}

static const struct setting *
find_setting(const struct schema *schema, const char *key, size_t *index)
{
	for (*index = 0; schema->settings[*index].key != NULL; (*index)++) {
		if (strcmp(schema->settings[*index].key, key) == 0)
			return &schema->settings[*index];
	}
	return NULL;
}

/* With the nearest key as a suggestion, or else with all that there are. */
static void
report_unknown(struct reader *r, const struct schema *schema, const struct yaml_node *key)
{
	const char *known[SCHEMA_SETTINGS_MAX], *suggestion;
	struct text all = { 0 };
	size_t count = 0;

	for (const struct setting *s = schema->settings; s->key != NULL; s++) {
		text_printf(&all, "%s%s", count == 0 ? "" : ", ", s->key);
		known[count++] = s->key;
	}
	suggestion = text_suggest(key->text, known, count);
	if (suggestion != NULL)
		diag_error(r->diags, yaml_place(r->file, key), suggestion, "unknown key '%s'",
		    yaml_shown(key->text).text);
	else
		diag_error(r->diags, yaml_place(r->file, key), NULL, "unknown key '%s'; the keys here are %s",
		    yaml_shown(key->text).text, all.failed ? "others" : all.bytes);
	text_fini(&all);
}

/* False after an error: the member keeps what it had. */
static bool
read_value(struct reader *r, const struct value *v)
{
	char *member = v->record + v->setting->offset;

	if (is_bare(v))
		return read_bare(r, v, member);
	if (!has_kind(r, v))
		return false;
	switch (v->setting->type) {
	case SETTING_LIST:
		return read_list(r, v);
	case SETTING_MAP:
	case SETTING_NAMES:
		return read_map(r, v);
	case SETTING_RECORD:
		fill_defaults(r, v->setting->schema, member);
		read_record(r, v->setting->schema, NULL, v->node, member);
		return true;
	default:
		return member_read(&(struct member){ v->setting, v->node, v->name, v->record, r->file, r->diags });
	}
}

/* A record of which only one thing need be said, and is. */
static bool
is_bare(const struct value *v)
{
	return v->setting->type == SETTING_RECORD && v->setting->schema->bare != NULL && v->node->kind == YAML_SCALAR
	    && !yaml_is_null(v->node);
}

static bool
read_bare(struct reader *r, const struct value *v, void *record)
{
	const struct schema *schema = v->setting->schema;
	size_t index;

	fill_defaults(r, schema, record);
	if (schema->placed)
		*(struct schema_place *)record = (struct schema_place){ NULL, v->node };
	return read_value(r, &(struct value){ find_setting(schema, schema->bare, &index), v->node, v->name, record });
}

static bool
has_kind(struct reader *r, const struct value *v)
{
	static const char *const kinds[] = {
		[YAML_SCALAR] = "a single value", [YAML_LIST] = "a list [A, B]", [YAML_MAP] = "a map {KEY: VALUE}",
	};
	enum setting_type type = v->setting->type;
	enum yaml_kind kind = type == SETTING_LIST ? YAML_LIST :
	    type == SETTING_MAP || type == SETTING_NAMES || type == SETTING_RECORD ? YAML_MAP : YAML_SCALAR;

	if (v->node->kind == YAML_BROKEN)
		return false;
	if (v->node->kind == kind && !yaml_is_null(v->node))
		return true;
	if (type == SETTING_NAMES && v->node->kind == YAML_LIST)
		return true;
	if (yaml_is_null(v->node))
		diag_error(r->diags, yaml_place(r->file, v->node), NULL, "'%s' has no value", yaml_shown(v->name).text);
	else
		diag_error(r->diags, yaml_place(r->file, v->node), NULL, "%s'%s' must be %s, not %s",
		    member_is_item(v->setting) ? "each entry of " : "", yaml_shown(v->name).text, kinds[kind],
		    kinds[v->node->kind]);
	return false;
}

static bool
read_list(struct reader *r, const struct value *v)
{
	const struct setting *item = v->setting->item;
	size_t size = item->type == SETTING_RECORD ? item->schema->size : item->size;
	size_t length = readable_length(r, v), count = 0;
	char *array;

	report_twice(r, v);
	array = store_array(r, v, size);
	if (array == NULL)
		return out_of_memory(r);
	for (size_t i = 0; i < length; i++)
		count += read_value(r, &(struct value){ item, v->node->items[i], v->name, array + count * size });
	memcpy(v->record + v->setting->other, &count, sizeof(count));
	return true;
}

/* The same text more than once in one list: what was meant can only be another. By sorting, as lists may be long. */
static void
report_twice(struct reader *r, const struct value *v)
{
	const struct yaml_node **sorted = malloc((v->node->count + 1) * sizeof(*sorted));
	size_t count = 0;

	if (sorted == NULL) {
		out_of_memory(r);
		return;
	}
	for (size_t i = 0; i < v->node->count; i++) {
		if (v->node->items[i]->kind == YAML_SCALAR)
			sorted[count++] = v->node->items[i];
	}
	qsort(sorted, count, sizeof(*sorted), compare_items);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(sorted[i - 1]->text, sorted[i]->text) == 0)
			diag_error(r->diags, yaml_place(r->file, sorted[i]), NULL, "'%s' is listed twice in '%s'",
			    yaml_shown(sorted[i]->text).text, v->name);
	}
	free(sorted);
}

static int
compare_items(const void *a, const void *b)
{
	const struct yaml_node *left = *(const struct yaml_node *const *)a;
	const struct yaml_node *right = *(const struct yaml_node *const *)b;
	int order = strcmp(left->text, right->text);

	if (order != 0)
		return order;
	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return left->column < right->column ? -1 : left->column > right->column;
}

/* Records with free keys; as SETTING_NAMES also a list of the keys, each with a record of defaults. */
static bool
read_map(struct reader *r, const struct value *v)
{
	const struct schema *schema = v->setting->schema;
	size_t length = readable_length(r, v), count = 0;
	char *array;

	if (v->node->kind == YAML_LIST)
		report_twice(r, v);
	array = store_array(r, v, schema->size);
	if (array == NULL)
		return out_of_memory(r);
	for (size_t i = 0; i < length; i++) {
		const struct yaml_node *item = v->node->items[i];
		const struct yaml_node *key = v->node->kind == YAML_LIST ? item : v->node->keys[i];

		if (read_entry(r, v, key, v->node->kind == YAML_LIST ? NULL : item, array + count * schema->size))
			count++;
	}
	memcpy(v->record + v->setting->other, &count, sizeof(count));
	return true;
}

/* One record of a map; `item` is NULL in a list of names. */
static bool
read_entry(struct reader *r, const struct value *v, const struct yaml_node *key, const struct yaml_node *item,
	void *record)
{
	static const struct setting is_map = { .type = SETTING_RECORD };
	struct yaml_node *empty;

	if (!check_key(r, v->setting, key))
		return false;
	if (item == NULL || yaml_is_null(item)) {
		empty = arena_alloc(r->arena, sizeof(*empty));
		if (empty == NULL)
			return out_of_memory(r);
		*empty = (struct yaml_node){ .kind = YAML_MAP, .line = key->line, .column = key->column, .text = "" };
		item = empty;
	}
	if (!has_kind(r, &(struct value){ .setting = &is_map, .node = item, .name = key->text }))
		return false;
	fill_defaults(r, v->setting->schema, record);
	read_record(r, v->setting->schema, key, item, record);
	return true;
}

/* False when it can't name a record at all; a name of the wrong form can, so that what refers to it is found. */
static bool
check_key(struct reader *r, const struct setting *s, const struct yaml_node *key)
{
	struct schema_why why = { "", "" };

	if (key->kind == YAML_BROKEN)
		return false;
	if (key->kind != YAML_SCALAR) {
		diag_error(r->diags, yaml_place(r->file, key), NULL, "'%s' must be a list of names, or a map", s->key);
		return false;
	}
	if (s->check == NULL || s->check(key->text, &why))
		return true;
	diag_error(r->diags, yaml_place(r->file, key), why.suggestion[0] == '\0' ? NULL : why.suggestion, "'%s' %s",
	    yaml_shown(key->text).text, why.text);
	return true;
}

/* How many entries of a list or map are read: not those past its limit, so that the first of them are still known. */
static size_t
readable_length(struct reader *r, const struct value *v)
{
	const struct setting *s = v->setting;
	size_t count = v->node->count;

	if ((double)count < s->least)
		diag_error(r->diags, yaml_place(r->file, v->node), NULL, "'%s' is empty", v->name);
	if (s->most <= 0 || (double)count <= s->most)
		return count;
	diag_error(r->diags, yaml_place(r->file, v->node), NULL, "'%s' has %zu entries; at most %.0f are possible",
	    v->name, count, s->most);
	return (size_t)s->most;
}

/* Room for as many items as the node has, with the member pointing to it. NULL: out of memory. */
static void *
store_array(struct reader *r, const struct value *v, size_t item_size)
{
	void *array = arena_alloc(r->arena, (v->node->count + 1) * item_size);

	if (array != NULL)
		memcpy(v->record + v->setting->offset, &array, sizeof(array));
	return array;
}

static bool
out_of_memory(struct reader *r)
{
	diag_error(r->diags, (struct diag_place){ .file = r->file }, NULL, "out of memory");
	return false;
}

void
schema_visit(const struct schema *schema,
	void (*visit)(void *arg, const struct schema *schema, const struct setting *setting), void *arg)
{
	for (const struct setting *s = schema->settings; s->key != NULL; s++)
		visit(arg, schema, s);
	for (const struct setting *s = schema->settings; s->key != NULL; s++) {
		const struct schema *inner = s->type == SETTING_LIST ? s->item->schema : s->schema;

		if (inner != NULL)
			schema_visit(inner, visit, arg);
	}
}
