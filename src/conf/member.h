/* member.h -- one value of a settings file into the member of a struct. Threads: any; touches only its arguments. */
#ifndef ISOBAR_CONF_MEMBER_H
#define ISOBAR_CONF_MEMBER_H

#include <stdbool.h>

#include "base/contract.h"
#include "base/diag.h"
#include "conf/schema.h"
#include "conf/yaml.h"

struct member {
	const struct setting *setting;	/* of a single value: no list, map or record */
	const struct yaml_node *node;	/* a scalar, not null */
	const char *name;		/* the key that messages speak of */
	char *record;			/* the struct that has the member */
	const char *file;
	struct diags *diags;
};

/* False after an error in `diags`: the member keeps what it had. */
bool member_read(const struct member *member) NONNULL MUST_USE;

/* "from 1s to 1h", as messages and the manual have it. False: the setting has no bounds. */
#define MEMBER_BOUNDS_SIZE 80
bool member_bounds(const struct setting *setting, char text[static MEMBER_BOUNDS_SIZE]) NONNULL;

/* True for a setting that describes the entries of a list (SETTING_ITEM). */
bool member_is_item(const struct setting *setting) NONNULL;

#endif
