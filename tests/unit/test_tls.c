/* test_tls.c -- serve/tls, serve/tls_context and serve/tickets: a client of OpenSSL's beside our filter, octets carried
 * from one to the other by hand; what is accepted; sessions that are resumed; files with errors. */
#include "serve/tls.h"

#include "certificate.h"

static struct certificate files;
static struct tickets *tickets;
static struct tls_context *context;
static struct mono now = { 1000000000 };

static void
open_context(void)
{
	struct diags diags = { 0 };

	certificate_open(&files);
	tickets = tickets_new(now);
	CU_ASSERT_FATAL(tickets != NULL);
	context = tls_context_new(files.certificate, files.key, tickets, &diags);
	CU_ASSERT_EQUAL(diags.count, 0);
	CU_ASSERT_FATAL(context != NULL);
}

static void
close_context(void)
{
	tls_context_free(context);
	tickets_free(tickets);
	certificate_close(&files);
}

/* --- a client and our end --- */

struct pair {
	SSL *client;
	BIO *from_client, *to_client;
	struct tls *server;
	bool failed, ended;
	uint8_t plain[4096];		/* what the server read */
	size_t plain_length;
};

static void
pair_open(struct pair *pair, SSL_CTX *client_context)
{
	memset(pair, 0, sizeof(*pair));
	pair->client = SSL_new(client_context);
	pair->to_client = BIO_new(BIO_s_mem());
	pair->from_client = BIO_new(BIO_s_mem());
	pair->server = tls_new(context);
	if (pair->client == NULL || pair->to_client == NULL || pair->from_client == NULL || pair->server == NULL)
		abort();
	SSL_set_bio(pair->client, pair->to_client, pair->from_client);
	SSL_set_connect_state(pair->client);
}

static void
pair_close(struct pair *pair)
{
	SSL_free(pair->client);
	tls_free(pair->server);
}

/* Carries what there is, both ways, in pieces of `piece` octets; true while anything moved. */
static bool
carry(struct pair *pair, size_t piece)
{
	uint8_t bytes[65536];
	const uint8_t *unsent;
	size_t length;
	int count = BIO_read(pair->from_client, bytes, piece < sizeof(bytes) ? (int)piece : (int)sizeof(bytes));
	ssize_t got;

	if (count > 0 && !tls_put(pair->server, bytes, (size_t)count))
		abort();
	while ((got = tls_read(pair->server, pair->plain + pair->plain_length,
	    sizeof(pair->plain) - pair->plain_length)) > 0)
		pair->plain_length += (size_t)got;
	pair->ended |= got < 0;
	unsent = tls_unsent(pair->server, &length);
	if (length > piece)
		length = piece;
	if (length > 0) {
		if (BIO_write(pair->to_client, unsent, (int)length) != (int)length)
			abort();
		tls_sent(pair->server, length);
	}
	return count > 0 || length > 0;
}

/* Until the handshake is over, or failed. */
static bool
shake(struct pair *pair, size_t piece)
{
	for (unsigned turn = 0; turn < 100000; turn++) {
		int status = SSL_do_handshake(pair->client);

		if (status != 1 && SSL_get_error(pair->client, status) != SSL_ERROR_WANT_READ) {
			ERR_clear_error();
			pair->failed = true;
		}
		if (!carry(pair, piece))
			break;
	}
	return !pair->failed && !pair->ended && SSL_is_init_finished(pair->client) && tls_is_open(pair->server);
}

/* Both ways, much and little. */
static bool
talk(struct pair *pair)
{
	static uint8_t answer[100000], back[100000];
	size_t at = 0;

	for (size_t i = 0; i < sizeof(answer); i++)
		answer[i] = (uint8_t)(i * 7);
	pair->plain_length = 0;
	if (SSL_write(pair->client, "question", 8) != 8)
		return false;
	while (carry(pair, SIZE_MAX))
		;
	if (pair->plain_length != 8 || memcmp(pair->plain, "question", 8) != 0
	    || !tls_write(pair->server, answer, sizeof(answer)))
		return false;
	for (unsigned turn = 0; turn < 1000 && at < sizeof(back); turn++) {
		int count = SSL_read(pair->client, back + at, (int)(sizeof(back) - at));

		at += count > 0 ? (size_t)count : 0;
		if (count <= 0 && !carry(pair, 30000))
			break;
	}
	return at == sizeof(back) && memcmp(answer, back, sizeof(back)) == 0;
}

static void
test_talk(void)
{
	static const size_t pieces[] = { SIZE_MAX, 1, 7, 1000 };

	open_context();
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		SSL_CTX *client = certificate_client("\3dot");
		struct pair pair;

		pair_open(&pair, client);
		CU_ASSERT(shake(&pair, pieces[i]));
		CU_ASSERT(talk(&pair));
		CU_ASSERT(talk(&pair));
		CU_ASSERT_EQUAL(SSL_version(pair.client), TLS1_3_VERSION);
		/* The client's last word ends it, and ours comes. */
		SSL_shutdown(pair.client);
		carry(&pair, SIZE_MAX);
		CU_ASSERT(pair.ended);
		tls_end(pair.server);
		carry(&pair, SIZE_MAX);
		CU_ASSERT_EQUAL(SSL_shutdown(pair.client), 1);
		pair_close(&pair);
		SSL_CTX_free(client);
	}
	close_context();
}

static void
test_accepted(void)
{
	static const struct {
		const char *name, *alpn, *suites;
		int version;		/* the client's highest; 0: any */
		bool accepted, carries_zones;
		const char *chosen;	/* by ALPN */
	} rows[] = {
		{ .name = "dot", .alpn = "\3dot", .accepted = true, .carries_zones = true, .chosen = "dot" },
		{ .name = "no ALPN", .accepted = true, .chosen = "" },
		{ .name = "dot among others", .alpn = "\2h2\3dot", .accepted = true, .carries_zones = true,
			.chosen = "dot" },
		{ .name = "another protocol", .alpn = "\2h2" },
		{ .name = "nearly dot", .alpn = "\3dox\4dotx\2do" },
		{ .name = "TLS 1.2", .alpn = "\3dot", .version = TLS1_2_VERSION, .accepted = true, .chosen = "dot" },
		{ .name = "TLS 1.1", .version = TLS1_1_VERSION, .suites = "ALL:@SECLEVEL=0" },
		{ .name = "CBC", .version = TLS1_2_VERSION, .suites = "ECDHE-ECDSA-AES128-SHA256" },
		{ .name = "GCM", .version = TLS1_2_VERSION, .suites = "ECDHE-ECDSA-AES128-GCM-SHA256", .accepted = true,
			.chosen = "" },
	};

	open_context();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		SSL_CTX *client = certificate_client(rows[i].alpn);
		const unsigned char *chosen;
		struct pair pair;
		unsigned length;

		if (rows[i].suites != NULL)
			SUITE_ROW(rows[i].name, SSL_CTX_set_cipher_list(client, rows[i].suites) == 1);
		if (rows[i].version != 0) {
			SSL_CTX_set_min_proto_version(client, rows[i].version);
			SSL_CTX_set_max_proto_version(client, rows[i].version);
		}
		pair_open(&pair, client);
		SUITE_ROW(rows[i].name, shake(&pair, SIZE_MAX) == rows[i].accepted);
		SUITE_ROW(rows[i].name, rows[i].accepted == !pair.ended);
		if (rows[i].accepted) {
			SUITE_ROW(rows[i].name, talk(&pair));
			SUITE_ROW(rows[i].name, tls_carries_zones(pair.server) == rows[i].carries_zones);
			SSL_get0_alpn_selected(pair.client, &chosen, &length);
			SUITE_ROW(rows[i].name, length == strlen(rows[i].chosen)
			    && memcmp(chosen == NULL ? (const unsigned char *)"" : chosen, rows[i].chosen,
			    length) == 0);
		}
		pair_close(&pair);
		SSL_CTX_free(client);
	}
	close_context();
}

static void
test_noise(void)
{
	static const char *const noises[] = { "GET / HTTP/1.1\r\n\r\n", "\x16\3\1\377\377\1", "\0\x1d\x12\x34\1\0\0\1",
		"\x15\3\3\0\2\2\50", "\x16\3\1\0\4\1\0\0\0" };

	open_context();
	for (size_t i = 0; i < ARRAY_SIZE(noises); i++) {
		struct tls *tls = tls_new(context);
		uint8_t bytes[100];

		CU_ASSERT_FATAL(tls != NULL);
		CU_ASSERT(tls_put(tls, (const uint8_t *)noises[i], i == 1 ? 6 : i == 2 ? 8 : i == 3 ? 7 : i == 4 ? 9
		    : strlen(noises[i])));
		SUITE_ROW(noises[i], tls_read(tls, bytes, sizeof(bytes)) < 0);
		SUITE_ROW(noises[i], tls_read(tls, bytes, sizeof(bytes)) < 0);
		tls_end(tls);
		tls_free(tls);
	}
	close_context();
}

/* --- sessions --- */

static SSL_SESSION *remembered;

static int
remember(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(remembered);
	remembered = session;
	return 1;
}

/* A connection that offers what is remembered; whether it was resumed, as both ends have it. */
static bool
resumes(int version)
{
	SSL_CTX *client = certificate_client("\3dot");
	SSL_SESSION *offered;
	struct pair pair;
	bool resumed;

	SSL_CTX_sess_set_new_cb(client, remember);
	SSL_CTX_set_max_proto_version(client, version);
	pair_open(&pair, client);
	offered = remembered == NULL ? NULL : SSL_SESSION_dup(remembered);	/* OpenSSL uses one but once */
	if (offered != NULL)
		SSL_set_session(pair.client, offered);
	SSL_SESSION_free(offered);
	CU_ASSERT(shake(&pair, SIZE_MAX));
	CU_ASSERT(talk(&pair));
	resumed = tls_is_resumed(pair.server);
	CU_ASSERT_EQUAL(SSL_session_reused(pair.client), resumed);
	SSL_shutdown(pair.client);
	pair_close(&pair);
	SSL_CTX_free(client);
	return resumed;
}

/* Also after the certificate was exchanged, until its key's time is over. */
static void
test_resumption(void)
{
	static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct diags diags = { 0 };
		SSL_SESSION *first;

		open_context();
		CU_ASSERT_FALSE(resumes(versions[i]));
		CU_ASSERT_FATAL(remembered != NULL);
		CU_ASSERT(resumes(versions[i]));
		tls_context_free(context);
		certificate_write(&files, "ns1.example.com", 0, 86400 * 90L);
		context = tls_context_new(files.certificate, files.key, tickets, &diags);
		CU_ASSERT_FATAL(context != NULL);
		CU_ASSERT(resumes(versions[i]));
		first = remembered;
		SSL_SESSION_up_ref(first);
		for (unsigned turn = 1; turn <= TICKETS_KEYS; turn++) {
			tickets_turn(tickets, mono_add_ms(now, turn * TICKETS_TURN_MS));
			SSL_SESSION_free(remembered);
			SSL_SESSION_up_ref(first);
			remembered = first;
			CU_ASSERT_EQUAL(resumes(versions[i]), turn < TICKETS_KEYS);
		}
		/* That one was told a new ticket. */
		CU_ASSERT(resumes(versions[i]));
		SSL_SESSION_free(first);
		SSL_SESSION_free(remembered);
		remembered = NULL;
		close_context();
	}
}

static void
test_tickets(void)
{
	struct tickets *some = tickets_new(now);
	struct ticket_key first, key;
	bool newest;

	CU_ASSERT_FATAL(some != NULL);
	tickets_newest(some, &first);
	tickets_turn(some, mono_add_ms(now, TICKETS_TURN_MS - 1));
	CU_ASSERT(tickets_find(some, first.name, &key, &newest) && newest);
	CU_ASSERT(memcmp(&first, &key, sizeof(key)) == 0);
	tickets_turn(some, mono_add_ms(now, TICKETS_TURN_MS));
	CU_ASSERT(tickets_find(some, first.name, &key, &newest) && !newest);
	tickets_newest(some, &key);
	CU_ASSERT(memcmp(first.name, key.name, sizeof(key.name)) != 0 && memcmp(first.mac, key.mac, sizeof(key.mac)) != 0);
	key.name[0] ^= 1;
	CU_ASSERT_FALSE(tickets_find(some, key.name, &key, &newest));
	tickets_free(some);
	tickets_free(NULL);
}

/* --- files --- */

static void
put_file(const char *path, const char *text)
{
	if (text_write_file(path, text, strlen(text)) != 0)
		abort();
}

/* Writes what is wrong; `other` is another good pair. */
static void
spoil(unsigned way, const struct certificate *other)
{
	struct text text = { 0 };
	size_t length;
	int error;
	char *good = text_read_file(files.certificate, 1 << 20, &length, &error);

	if (good == NULL)
		abort();
	switch (way) {
	case 0:
		unlink(files.certificate);
		break;
	case 1:
		put_file(files.certificate, "nothing\n");
		break;
	case 2:
		good[length / 2] = '!';
		put_file(files.certificate, good);
		break;
	case 3:
		text_puts(&text, good);
		text_puts(&text, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
		put_file(files.certificate, text.bytes);
		break;
	case 4:
		unlink(files.key);
		break;
	case 5:
		put_file(files.key, good);
		break;
	case 6:
		unlink(files.key);
		if (symlink(other->key, files.key) != 0)
			abort();
		break;
	case 7:
		put_file(files.key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3\n"
		    "-----END ENCRYPTED PRIVATE KEY-----\n");
		break;
	}
	free(good);
	text_fini(&text);
}

static void
test_files(void)
{
	static const char *const expected[] = {
		"certificate: can't be read: No such file or directory\n",
		"certificate: holds no certificate in PEM: no start line\n",
		"certificate: holds no certificate in PEM: ",
		"certificate: certificate 2 can't be read: ",
		"key: can't be read: No such file or directory\n",
		"key: holds no private key in PEM without a passphrase: ",
		"key: isn't the key of the certificate in ",
		"key: holds no private key in PEM without a passphrase: ",
	};
	struct certificate other;

	certificate_open(&other);
	for (unsigned way = 0; way < ARRAY_SIZE(expected); way++) {
		struct diags diags = { 0 };
		struct text text = { 0 };

		open_context();
		spoil(way, &other);
		CU_ASSERT_PTR_NULL(tls_context_new(files.certificate, files.key, tickets, &diags));
		CU_ASSERT_EQUAL(diags.errors, 1);
		diag_print(&diags, &text);
		SUITE_ROW(text.bytes, strncmp(text.bytes, files.folder, strlen(files.folder)) == 0
		    && strncmp(text.bytes + strlen(files.folder) + 1, expected[way], strlen(expected[way])) == 0);
		text_fini(&text);
		diag_fini(&diags);
		close_context();
	}
	certificate_close(&other);
}

static void
test_read_by_all(void)
{
	struct diags diags = { 0 };
	struct tls_context *warned;

	open_context();
	CU_ASSERT_EQUAL(chmod(files.key, 0644), 0);
	warned = tls_context_new(files.certificate, files.key, tickets, &diags);
	CU_ASSERT(warned != NULL && diags.errors == 0 && diags.count == 1);
	SUITE_TEXT(diags.count == 1 ? diags.list[0].message : "", "everybody on this machine may read it");
	tls_context_free(warned);
	diag_fini(&diags);
	close_context();
}

/* What is said of a certificate of so many days, at a day of its life. */
static void
test_times(void)
{
	static const struct { const char *name; int days; double day; const char *said; } rows[] = {
		{ "fresh", 90, 1, "" },
		{ "renewed in time", 90, 70, "" },
		{ "not renewed", 90, 77, "expires at 1970-04-01T00:00:00.000Z, in 312 hours" },
		{ "a year's", 365, 350, "" },
		{ "a year's, near its end", 365, 352, "expires at 1971-01-01T00:00:00.000Z, in 312 hours" },
		{ "a short one, fresh", 6, 1, "" },
		{ "a short one, late", 6, 5.5, "expires at 1970-01-07T00:00:00.000Z, in 12 hours" },
		{ "over", 90, 91, "expired at 1970-04-01T00:00:00.000Z" },
		{ "before its time", 90, -1, "isn't valid before 1970-01-01T00:00:00.000Z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tls_context one = { .ends = { rows[i].days * INT64_C(86400000) } };
		struct text text = { 0 };
		bool said = tls_context_fades(&one, (struct wall){ (int64_t)(rows[i].day * 86400000) }, &text);

		SUITE_ROW(rows[i].name, said == (rows[i].said[0] != '\0'));
		if (said)
			SUITE_TEXT(text.bytes + strlen("the certificate "), rows[i].said);
		text_fini(&text);
	}
	open_context();
	CU_ASSERT(context->ends.ms - context->begins.ms == 91 * INT64_C(86400000));
	CU_ASSERT(context->begins.ms < wall_now().ms && wall_now().ms < context->ends.ms);
	close_context();
}

static const struct suite_case cases[] = {
	{ .name = "both ways, in pieces", .run = test_talk },
	{ .name = "what is accepted", .run = test_accepted },
	{ .name = "noise", .run = test_noise },
	{ .name = "sessions are resumed", .run = test_resumption },
	{ .name = "keys of tickets take turns", .run = test_tickets },
	{ .name = "files with errors", .run = test_files },
	{ .name = "a key that everybody may read", .run = test_read_by_all },
	{ .name = "when a certificate is warned of", .run = test_times },
};

int
main(void)
{
	return suite_run("tls", cases, ARRAY_SIZE(cases));
}
