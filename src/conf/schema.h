/* schema.h -- settings as a table: key, type, bounds, default, unit, one line of help. The reader fills a struct from
 * it and reports everything that doesn't fit; the manual is tested against the same table.
 * Threads: any; tables are const. */
#ifndef ISOBAR_CONF_SCHEMA_H
#define ISOBAR_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"
#include "conf/yaml.h"

enum setting_type {		/* the member that it fills */
	SETTING_TEXT,		/* const char * */
	SETTING_WORD,		/* const struct yaml_node *: a text that keeps its place, for later checks */
	SETTING_INTEGER,	/* an unsigned integer of any size */
	SETTING_NUMBER,		/* double */
	SETTING_RATE,		/* double, requests/s */
	SETTING_DURATION,	/* an integer of any size, in `divisor` milliseconds */
	SETTING_SIZE,		/* an unsigned integer of any size, octets */
	SETTING_BOOL,		/* bool */
	SETTING_ENUM,		/* an enum (int); `words` in the order of its values, the first of which is `least` */
	SETTING_ADDRESS,	/* struct address */
	SETTING_LISTEN,		/* struct address, and at `other` its uint16_t port */
	SETTING_PREFIX,		/* struct prefix; and at `other`, unless that is 0, its struct yaml_node * */
	SETTING_LIST,		/* pointer to the items, described by `item`; their number, a size_t, at `other` */
	SETTING_MAP,		/* the same of records with free keys: `schema` must be placed */
	SETTING_NAMES,		/* a SETTING_MAP that may be written as a list of its keys */
	SETTING_RECORD,		/* a struct inside: `schema` */
};

/* Where a record stands; the first member of every struct of a placed schema. */
struct schema_place {
	const struct yaml_node *key;	/* in a map with free keys: its name; else NULL */
	const struct yaml_node *node;	/* the record itself */
};

struct schema;

/* A further check of one value. False: it's wrong, `why` says what is expected ("must begin with '/'"), `suggestion`
 * what to write, or "". */
#define SCHEMA_WHY_SIZE 128
struct schema_why {
	char text[SCHEMA_WHY_SIZE], suggestion[SCHEMA_WHY_SIZE];
};
typedef bool schema_check_fn(const char *value, struct schema_why *why);

struct setting {
	const char *key;
	enum setting_type type;
	size_t offset, size;		/* of the member: SETTING_AT() */
	size_t other;			/* offset of the second member that lists, maps and listeners fill */
	const char *otherwise;		/* the default as YAML text; NULL: the member stays zero */
	const char *unit;		/* what the value is, in the manual's synopsis: "duration", "ADDRESS@PORT" */
	bool required;
	double least, most;		/* of a number, of milliseconds, of octets; of a list's length. 0 and 0: any */
	double divisor;			/* SETTING_DURATION; 0 counts as 1 */
	uint16_t port;			/* SETTING_LISTEN: when none is written; 0: one must be, other than 0 */
	bool or_none;			/* SETTING_LISTEN: "none" leaves the members zero */
	const char *const *words;	/* SETTING_ENUM: ends with NULL */
	const struct setting *item;	/* SETTING_LIST */
	const struct schema *schema;
	schema_check_fn *check;		/* texts and words; of a map: its keys. Or NULL */
	const char *help;
};

/* In a setting that describes the items of a list: an item's type, and the C type that the list holds. */
#define SETTING_ITEM(kind, member) .key = "", .type = kind, .size = sizeof(member)

/* The member of a struct that a setting fills. */
#define SETTING_AT(record, member) .offset = offsetof(record, member), .size = sizeof(((record *)0)->member)

struct schema {
	const char *title;		/* the manual's section for these keys */
	size_t size;			/* of the struct */
	bool placed;			/* the struct begins with a struct schema_place */
	const char *bare;		/* the key that a single value in place of the map is taken for; or NULL */
	const struct setting *settings;	/* at most SCHEMA_SETTINGS_MAX, ends with a NULL key */
};

#define SCHEMA_SETTINGS_MAX 64		/* one word holds which keys were seen */

/* Fills `record` (zeroed) from `node`, defaults included. Errors are in `diags`; what had one keeps its default. */
void schema_read(const struct schema *schema, const struct yaml_node *node, const char *file, struct arena *arena,
	struct diags *diags, void *record) NONNULL;

/* Visits each setting of a schema and of the schemas inside it, those of one schema together. For the manual's test. */
void schema_visit(const struct schema *schema,
	void (*visit)(void *arg, const struct schema *schema, const struct setting *setting), void *arg)
	__attribute__((nonnull(1, 2)));

#endif
