/* yaml.h -- the one door to libyaml: a text becomes a tree whose every node knows its line and column.
 * Nothing is typed here: each scalar is its text, and the schema that reads it decides what it means, so that the
 * country NO stays Norway and 1e3 in a name stays a name. Threads: any; a tree is immutable and lives in its arena. */
#ifndef ISOBAR_CONF_YAML_H
#define ISOBAR_CONF_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/contract.h"
#include "base/diag.h"

/* Deepest nesting of maps and lists. The deepest key of our files stands at 6; libyaml's own limit of 1000 would let
 * a hostile text drive the readers' recursion. */
#define YAML_DEPTH_MAX 16

/* Bytes of one text. 100,000 networks, at 40 bytes each, fit; a file past it was not written by hand or for us. */
#define YAML_TEXT_MAX (8u << 20)

enum yaml_kind {
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAP,
	YAML_BROKEN,		/* an error was reported for it: read it as absent, and say no more */
};

struct yaml_node {
	enum yaml_kind kind;
	unsigned line, column;	/* from 1; columns count characters */
	bool plain;		/* a scalar without quotes */
	const char *text;	/* of a scalar: UTF-8 without NUL */
	size_t count;		/* items of a list, or entries of a map */
	const struct yaml_node *const *items;	/* of a list; of a map: the values */
	const struct yaml_node *const *keys;	/* of a map: scalars, each once */
};

/* The tree of `text` (NUL-terminated), or NULL when it is no YAML. Aliases, anchors, tags, duplicate keys and a second
 * document are errors in `diags`; the tree without them comes back all the same, so that the rest can be checked too:
 * ask diag_failed() at the end. An empty text is an empty map. */
const struct yaml_node *yaml_read(const char *text, const char *file, struct arena *arena, struct diags *diags)
	NONNULL MUST_USE;

/* A value as a message may show it: cut when it's long, without control characters. */
struct yaml_shown { char text[84]; };
struct yaml_shown yaml_shown(const char *text) NONNULL;

/* The value of `key` in a map, or NULL. */
const struct yaml_node *yaml_member(const struct yaml_node *map, const char *key) NONNULL;

struct diag_place yaml_place(const char *file, const struct yaml_node *node) NONNULL;

/* True for nothing at all, "~" and "null" without quotes. */
bool yaml_is_null(const struct yaml_node *node) NONNULL;

#endif
