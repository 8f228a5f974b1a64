/* test_api_auth.c -- who may do what: every role with every scope, and tokens of a real store. */
#include "api/auth.h"

#include "base/hash.h"
#include "store_folder.h"
#include "suite.h"

static struct principal
principal_of(const char *scope)
{
	struct principal who;

	auth_scope_parse(scope, &who);
	return who;
}

/* All of them written down: a mistake in the rules must not repeat itself here. */
static void
test_allows(void)
{
	static const struct {
		const char *who;
		bool local;
		const char *region;
		bool allowed[7];	/* public, read, region, agent, pae, admin, local */
	} rows[] = {
		{ "", false, "eu", { true } },
		{ "", false, NULL, { true } },
		{ "read", false, "eu", { true, true, true } },
		{ "read", false, NULL, { true, true, true } },
		{ "agent:eu", false, "eu", { true, false, true, true } },
		{ "agent:eu", false, "us", { true } },
		{ "agent:eu", false, "e", { true } },
		{ "agent:eu", false, "eu-west", { true } },
		{ "agent:eu", false, "", { true } },
		{ "agent:eu", false, NULL, { true } },
		{ "pae", false, "eu", { true, true, true, false, true } },
		{ "admin", false, "eu", { true, true, true, true, true, true } },
		{ "admin", true, "eu", { true, true, true, true, true, true, true } },
		{ "read", true, NULL, { true, true, true } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int scope = SCOPE_PUBLIC; scope <= SCOPE_LOCAL; scope++) {
			struct principal who = principal_of(rows[i].who);

			who.local = rows[i].local;
			SUITE_ROW(rows[i].who,
			    auth_allows(&who, (enum scope)scope, rows[i].region) == rows[i].allowed[scope]);
			SUITE_ROW(rows[i].who, strlen(scope_text((enum scope)scope)) > 0);
		}
}

static void
test_scopes(void)
{
	static const struct { const char *text; enum role role; const char *region; } rows[] = {
		{ "admin", ROLE_ADMIN, "" },
		{ "read", ROLE_READ, "" },
		{ "pae", ROLE_PAE, "" },
		{ "agent:eu-west", ROLE_AGENT, "eu-west" },
		{ "agent:a:b", ROLE_AGENT, "a:b" },
		{ "", ROLE_NOBODY, "" },
		{ "Admin", ROLE_NOBODY, "" },
		{ "admin ", ROLE_NOBODY, "" },
		{ "agent", ROLE_NOBODY, "" },
		{ "agent:", ROLE_NOBODY, "" },
		{ "root", ROLE_NOBODY, "" },
		{ "agent:"
		  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
		  "01234567890123456789012345678",
		    ROLE_NOBODY, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct principal who;

		SUITE_ROW(rows[i].text, auth_scope_parse(rows[i].text, &who) == (rows[i].role != ROLE_NOBODY));
		SUITE_ROW(rows[i].text, who.role == rows[i].role);
		SUITE_ROW(rows[i].text, strcmp(who.region, rows[i].region) == 0);
	}
}

/* --- tokens -------------------------------------------------------------------------------------------------- */

static int
put_token(struct store_txn *txn, void *arg)
{
	return store_token_put(txn, arg);
}

static void
add_token(struct store *store, const char *name, const char *scope, const char *token, int64_t expires_ms)
{
	char hash[SHA256_TEXT_SIZE];
	struct token_row row = { .name = name, .scope = scope, .created = { 1 }, .expires = { expires_ms },
		.hash = sha256_text(token, strlen(token), hash) };

	CU_ASSERT_EQUAL(store_call(store, put_token, &row), 0);
}

static void
test_bearer(void)
{
	static const struct {
		const char *name, *header;
		enum auth_result result;
		enum role role;
		const char *author;
	} rows[] = {
		{ "none", NULL, AUTH_NONE, ROLE_NOBODY, "" },
		{ "another scheme", "Basic aaaa", AUTH_NONE, ROLE_NOBODY, "" },
		{ "the scheme alone", "Bearer", AUTH_NONE, ROLE_NOBODY, "" },
		{ "an empty one", "Bearer ", AUTH_UNKNOWN, ROLE_NOBODY, "" },
		{ "a good one", "Bearer isobar_admin", AUTH_OK, ROLE_ADMIN, "token boss" },
		{ "of any case, with blanks", "bEARER   isobar_admin", AUTH_OK, ROLE_ADMIN, "token boss" },
		{ "an agent's", "Bearer isobar_agent", AUTH_OK, ROLE_AGENT, "token rem" },
		{ "its beginning", "Bearer isobar_admi", AUTH_UNKNOWN, ROLE_NOBODY, "" },
		{ "more than it", "Bearer isobar_admin2", AUTH_UNKNOWN, ROLE_NOBODY, "" },
		{ "of another case", "Bearer isobar_ADMIN", AUTH_UNKNOWN, ROLE_NOBODY, "" },
		{ "a blank behind it", "Bearer isobar_admin ", AUTH_UNKNOWN, ROLE_NOBODY, "" },
		{ "an old one", "Bearer isobar_old", AUTH_EXPIRED, ROLE_NOBODY, "" },
		{ "one that ends now", "Bearer isobar_now", AUTH_EXPIRED, ROLE_NOBODY, "" },
		{ "one that ends soon", "Bearer isobar_soon", AUTH_OK, ROLE_READ, "token soon" },
		{ "one with a scope of a later version", "Bearer isobar_strange", AUTH_UNKNOWN, ROLE_NOBODY, "" },
		{ "the stored hash", "Bearer 6e0a4aab3b8a41b1a1a0a4f7a6b1b6be4c1c6f3d4fb4b3a3f0f1c6a0e0b0a0c0",
		    AUTH_UNKNOWN, ROLE_NOBODY, "" },
	};
	struct folder folder = folder_open();
	struct store *store;
	struct store_reader *reader;
	struct text error = { 0 };

	store = store_open(&(struct store_options){ .path = folder.path }, &error);
	reader = store_reader_open(folder.path, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(reader);
	add_token(store, "boss", "admin", "isobar_admin", 0);
	add_token(store, "now", "read", "isobar_now", 1000);
	add_token(store, "old", "admin", "isobar_old", 999);
	add_token(store, "rem", "agent:eu", "isobar_agent", 0);
	add_token(store, "soon", "read", "isobar_soon", 1001);
	add_token(store, "strange", "dictator", "isobar_strange", 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct principal who;
		enum auth_result result = auth_bearer(&who, rows[i].header, reader, (struct wall){ 1000 });

		SUITE_ROW(rows[i].name, result == rows[i].result);
		SUITE_ROW(rows[i].name, who.role == rows[i].role);
		SUITE_ROW(rows[i].name, strcmp(who.author, rows[i].author) == 0);
		SUITE_ROW(rows[i].name, !who.local);
	}
	store_reader_close(reader);
	store_close(store);
	folder_close(&folder);
	text_fini(&error);
}

static void
test_new(void)
{
	char a[TOKEN_TEXT_SIZE], b[TOKEN_TEXT_SIZE];

	CU_ASSERT_EQUAL(auth_token_new(a), 0);
	CU_ASSERT_EQUAL(auth_token_new(b), 0);
	CU_ASSERT_EQUAL(strlen(a), 7 + 64);
	CU_ASSERT_EQUAL(strncmp(a, "isobar_", 7), 0);
	CU_ASSERT_EQUAL(strspn(a + 7, "0123456789abcdef"), 64);
	CU_ASSERT_NOT_EQUAL(strcmp(a, b), 0);
}

static void
test_names(void)
{
	static const struct { const char *name; bool good; } rows[] = {
		{ "a", true },
		{ "Rem-1.eu_west", true },
		{ "", false },
		{ "a b", false },
		{ "a/b", false },
		{ "\xc3\xa9", false },
		{ "0123456789012345678901234567890123456789012345678901234567890123", true },
		{ "01234567890123456789012345678901234567890123456789012345678901234", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		SUITE_ROW(rows[i].name, auth_token_name_valid(rows[i].name) == rows[i].good);
}

static void
test_local(void)
{
	struct principal who;

	auth_local(&who, 0);
	SUITE_TEXT(who.author, "root");
	CU_ASSERT_TRUE(who.local);
	CU_ASSERT_EQUAL(who.role, ROLE_ADMIN);
	auth_local(&who, 4000000000u);
	SUITE_TEXT(who.author, "uid 4000000000");
}

static const struct suite_case cases[] = {
	{ .name = "each role has its rights and no others", .run = test_allows },
	{ .name = "scopes are read to the letter", .run = test_scopes },
	{ .name = "tokens are known by their hash until they end", .run = test_bearer },
	{ .name = "a new token is like no other", .run = test_new },
	{ .name = "names of tokens", .run = test_names },
	{ .name = "peers of the UNIX socket have a name", .run = test_local },
};

int
main(void)
{
	return suite_run("api auth", cases, ARRAY_SIZE(cases));
}
