/* auth.c -- principals from UNIX peers and bearer tokens, and the rules of who may do what.
 * In: the peer's user id, or an Authorization header and the tokens of the store.  Out: a principal.
 * Threads: any; the reader is the caller's.
 * Only hashes are stored: a token has 256 random bits, so a plain SHA-256 can't be searched, and no salt or slow hash
 * is needed. Every row is compared, and in constant time, so that neither the place of a token in the table nor a
 * common beginning shows in the time taken. The store is asked each time: a revoked token is refused at the next
 * request. */
#include "api/auth.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/hash.h"

struct search {
	char hash[SHA256_TEXT_SIZE];
	struct wall now;
	struct principal *who;
	enum auth_result result;
};

static bool compare_token(void *arg, const struct token_row *token);

bool
auth_allows(const struct principal *who, enum scope scope, const char *region)
{
	bool own = who->role == ROLE_AGENT && region != NULL && strcmp(who->region, region) == 0;

	switch (scope) {
	case SCOPE_PUBLIC:
		return true;
	case SCOPE_READ:
		return who->role == ROLE_READ || who->role == ROLE_PAE || who->role == ROLE_ADMIN;
	case SCOPE_REGION:
		return own || auth_allows(who, SCOPE_READ, NULL);
	case SCOPE_AGENT:
		return own || who->role == ROLE_ADMIN;
	case SCOPE_PAE:
		return who->role == ROLE_PAE || who->role == ROLE_ADMIN;
	case SCOPE_ADMIN:
		return who->role == ROLE_ADMIN;
	case SCOPE_LOCAL:
		return who->role == ROLE_ADMIN && who->local;
	}
	return false;
}

const char *
scope_text(enum scope scope)
{
	static const char *const texts[] = {
		[SCOPE_PUBLIC] = "nothing",
		[SCOPE_READ] = "a token of the scope read, pae or admin",
		[SCOPE_REGION] = "a token of the scope read, pae or admin, or that of this region's agent",
		[SCOPE_AGENT] = "the token of this region's agent, or one of the scope admin",
		[SCOPE_PAE] = "a token of the scope pae or admin",
		[SCOPE_ADMIN] = "a token of the scope admin",
		[SCOPE_LOCAL] = "the UNIX socket: it isn't taken over the network",
	};

	return texts[scope];
}

void
auth_local(struct principal *who, uid_t uid)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;

	*who = (struct principal){ .role = ROLE_ADMIN, .local = true };
	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found != NULL)
		snprintf(who->author, sizeof(who->author), "%s", found->pw_name);
	else
		snprintf(who->author, sizeof(who->author), "uid %u", (unsigned)uid);
}

enum auth_result
auth_bearer(struct principal *who, const char *header, struct store_reader *reader, struct wall now)
{
	struct search search = { .now = now, .who = who, .result = AUTH_UNKNOWN };
	size_t length;

	*who = (struct principal){ .role = ROLE_NOBODY };
	if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
		return AUTH_NONE;
	header += 7;
	header += strspn(header, " ");
	length = strlen(header);
	if (length == 0 || length > TOKEN_LENGTH_MAX)
		return AUTH_UNKNOWN;
	sha256_text(header, length, search.hash);
	if (store_tokens(reader, compare_token, &search) < 0) {
		*who = (struct principal){ .role = ROLE_NOBODY };
		return AUTH_TROUBLE;
	}
	return search.result;
}

/* Goes on after a match: all requests take the same time. */
static bool
compare_token(void *arg, const struct token_row *token)
{
	struct search *search = arg;

	if (!sha256_text_same(search->hash, token->hash))
		return true;
	if (token->expires.ms != 0 && token->expires.ms <= search->now.ms) {
		search->result = AUTH_EXPIRED;
	} else if (auth_scope_parse(token->scope, search->who)) {
		snprintf(search->who->author, sizeof(search->who->author), "token %s", token->name);
		search->result = AUTH_OK;
	}
	return true;
}

bool
auth_scope_parse(const char *text, struct principal *who)
{
	static const struct { const char *text; enum role role; } words[] = {
		{ "admin", ROLE_ADMIN }, { "read", ROLE_READ }, { "pae", ROLE_PAE },
	};
	size_t length = strlen(text);

	*who = (struct principal){ .role = ROLE_NOBODY };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(text, words[i].text) == 0)
			who->role = words[i].role;
	if (strncmp(text, "agent:", 6) == 0 && length > 6 && length - 6 < sizeof(who->region)) {
		who->role = ROLE_AGENT;
		memcpy(who->region, text + 6, length - 6 + 1);
	}
	return who->role != ROLE_NOBODY;
}

int
auth_token_new(char token[static TOKEN_TEXT_SIZE])
{
	uint8_t bits[32];
	size_t at = (size_t)snprintf(token, TOKEN_TEXT_SIZE, "isobar_");

	if (getrandom(bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		return errno == 0 ? -EIO : -errno;
	for (size_t i = 0; i < sizeof(bits); i++, at += 2)
		snprintf(token + at, TOKEN_TEXT_SIZE - at, "%02x", bits[i]);
	return 0;
}

bool
auth_token_name_valid(const char *name)
{
	size_t length = strlen(name);

	return length >= 1 && length <= 64 &&
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == length;
}
