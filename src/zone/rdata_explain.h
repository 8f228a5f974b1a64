/* rdata_explain.h -- why ldns refuses RDATA. Threads: any; pure. */
#ifndef ISOBAR_ZONE_RDATA_EXPLAIN_H
#define ISOBAR_ZONE_RDATA_EXPLAIN_H

#include <stddef.h>
#include <stdint.h>

#include "zone/lexer.h"

struct rdata_trouble {
	const struct token *value;	/* the wrong one; NULL: all of them together */
	const char *what;		/* continues "TYPE: 'value' " or "TYPE "; lives for ever */
	const char *suggestion;		/* or NULL; lives for ever */
};

/* For RDATA of a type with a form of its own, after ldns refused it. */
struct rdata_trouble rdata_explain(uint16_t type, const struct token *values, size_t count);

#endif
