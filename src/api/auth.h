/* auth.h -- who asks, and may they? Bearer tokens (RFC 6750) against the hashes in the store; the peer of the UNIX
 * socket is trusted. Threads: any; a reader belongs to one thread. */
#ifndef ISOBAR_API_AUTH_H
#define ISOBAR_API_AUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/contract.h"
#include "store/store.h"

#define TOKEN_TEXT_SIZE 72	/* of a new token with its NUL */
#define TOKEN_LENGTH_MAX 512	/* longer ones are no tokens of ours */

/* What a token lets its bearer do; see isobar-api(7). */
enum role {
	ROLE_NOBODY,
	ROLE_READ,	/* every view */
	ROLE_AGENT,	/* reports of one region, and the view of that region */
	ROLE_PAE,	/* every view; plans, predictions, models */
	ROLE_ADMIN,	/* all */
};

struct principal {
	enum role role;
	char region[129];	/* of an agent */
	char author[160];	/* for the journal: a user's name, or "token NAME" */
	bool local;		/* by the UNIX socket */
};

/* What a route asks for. */
enum scope {
	SCOPE_PUBLIC,	/* no token */
	SCOPE_READ,
	SCOPE_REGION,	/* views of {region}: its agent too */
	SCOPE_AGENT,	/* speaking for {region} */
	SCOPE_PAE,
	SCOPE_ADMIN,
	SCOPE_LOCAL,	/* by the UNIX socket only */
};

/* `region` is the path's, or NULL. */
bool auth_allows(const struct principal *who, enum scope scope, const char *region) __attribute__((nonnull(1)));
const char *scope_text(enum scope scope);	/* what is needed, in words, for 403 */

/* The peer of a UNIX socket, named by its user id. */
void auth_local(struct principal *who, uid_t uid) NONNULL;

enum auth_result { AUTH_OK, AUTH_NONE, AUTH_UNKNOWN, AUTH_EXPIRED, AUTH_TROUBLE };

/* `header` is the value of Authorization, or NULL. Every token of the store is compared, each in constant time.
 * AUTH_NONE: no header, or another scheme. AUTH_TROUBLE: the store can't be read. */
enum auth_result auth_bearer(struct principal *who, const char *header, struct store_reader *reader, struct wall now)
	__attribute__((nonnull(1, 3)));

/* Scopes as text: "admin", "read", "pae", "agent:REGION". False: none of these. */
bool auth_scope_parse(const char *text, struct principal *who) NONNULL;

/* A new token: 256 bits from the kernel, hexadecimal behind "isobar_", by which secret scanners know it. 0 or
 * -errno. */
int auth_token_new(char token[static TOKEN_TEXT_SIZE]) NONNULL MUST_USE;
bool auth_token_name_valid(const char *name) NONNULL;	/* 1 to 64 of [A-Za-z0-9_.-] */

#endif
