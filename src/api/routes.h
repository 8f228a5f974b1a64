/* routes.h -- the table of all that the API can be asked. Threads: any; constant data. */
#ifndef ISOBAR_API_ROUTES_H
#define ISOBAR_API_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "api/auth.h"
#include "api/request.h"
#include "base/contract.h"

typedef void route_fn(struct request *request);

enum body_kind {
	BODY_NONE,	/* a body is refused */
	BODY_JSON,
	BODY_ZONE,	/* JSON, or a master file as text/plain or text/dns */
	BODY_EMPTY_OR_JSON,
};

#define BODY_MAX ((size_t)1 << 20)	/* 1 MiB: the largest report that report.h's limits allow is smaller */
#define BODY_LARGE_MAX ((size_t)64 << 20) /* whole zones, models and plans; only the PAE and administrators send them */

struct route {
	const char *method;		/* "GET" also answers HEAD */
	const char *pattern;		/* "/v1/regions/{region}" */
	enum scope scope;
	enum body_kind body;
	bool large;			/* bodies up to BODY_LARGE_MAX */
	const char *queries;		/* the query parameters it knows, parted by blanks; or NULL */
	route_fn *here;			/* on the API thread, with the body; or NULL. Answers, or parks the request
					 * with the store's writer, or leaves it to `control` */
	route_fn *control;		/* then on the control thread, unless it was answered; or NULL */
};

extern const struct route routes[];
extern const size_t route_count;

enum route_match { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_BAD_PATH, ROUTE_NO_MEMORY };

/* Finds the row of request->method and request->path, and unescapes the path's parameters into the request.
 * ROUTE_NO_METHOD: `allow` lists the methods of this path. ROUTE_BAD_PATH: a broken percent-escape. */
enum route_match route_find(struct request *request, const struct route *table, size_t count,
	struct text *allow) NONNULL;

/* Percent-decoding (RFC 3986 section 2.1). 0; -EINVAL: a broken escape, a control character, no UTF-8; or -ENOMEM. */
int route_unescape(struct arena *arena, const char *text, size_t length, const char **plain) NONNULL MUST_USE;

/* False: answered with 400 (unknown parameters, all of them). */
bool route_check_queries(struct request *request) NONNULL;

#endif
