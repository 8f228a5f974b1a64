/* fetch.c -- a GET over libcurl from a server that isn't ours.
 * In: a URL and limits.  Out: status and body, or why nothing came back.
 * Threads: any; each call has a libcurl handle of its own.
 * What it holds to:
 *  - http and https only, also behind redirects, of which it follows three; from https only to https;
 *  - TLS 1.2 at the least, the certificate and its name verified: there is no way to switch that off;
 *  - a token goes to the host and port of the URL only (libcurl drops the header elsewhere);
 *  - one clock for all, and a bound on the octets after unpacking, so that a packed bomb is bound by it too;
 *  - no proxy of the environment, no .netrc, no cookies. */
#include "http/fetch.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define REDIRECTS_MOST 3L

struct body {
	struct text text;
	size_t most;
	bool too_large;
};

static bool prepare(CURL *curl, const struct http_fetch *fetch, struct curl_slist **headers);
static bool header_add(struct curl_slist **headers, const char *name, const char *value);
static size_t receive(char *bytes, size_t size, size_t count, void *arg);
static int failure(CURLcode code, const struct body *body, const char *error, struct http_response *response);

int
http_fetch(const struct http_fetch *fetch, struct http_response *response)
{
	struct body body = { .most = fetch->size_most };
	char error[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = NULL;
	curl_off_t retry_after = 0;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	CURL *curl;
	int status = 0;

	*response = (struct http_response){ 0 };
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return failure(code, &body, error, response);
	curl = curl_easy_init();
	if (curl != NULL && prepare(curl, fetch, &headers)) {
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
		code = curl_easy_perform(curl);
	}
	if (code == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response->status);
		curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
		response->retry_after_s = retry_after > 0 && retry_after < UINT32_MAX ? (uint32_t)retry_after : 0;
		text_add(&body.text, "", 0);
		response->length = body.text.length;
		response->body = text_take(&body.text);
	}
	if (code != CURLE_OK || response->body == NULL)
		status = failure(code == CURLE_OK ? CURLE_OUT_OF_MEMORY : code, &body, error, response);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	text_fini(&body.text);
	return status;
}

static bool
prepare(CURL *curl, const struct http_fetch *fetch, struct curl_slist **headers)
{
	bool secure = strncmp(fetch->url, "https://", 8) == 0;

	if (!header_add(headers, "Accept: ", fetch->accept) ||
	    (fetch->token != NULL && !header_add(headers, "Authorization: Bearer ", fetch->token)))
		return false;
	curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MOST);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (fetch->ca_file != NULL) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, fetch->ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
	/* Weather services ask for one. */
	curl_easy_setopt(curl, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)fetch->timeout_ms);
	return true;
}

/* False also for a value that would break out of its line. */
static bool
header_add(struct curl_slist **headers, const char *name, const char *value)
{
	struct curl_slist *longer = NULL;
	struct text line = { 0 };

	for (const char *c = value; *c != '\0'; c++)
		if (!isprint((unsigned char)*c))
			return false;
	text_printf(&line, "%s%s", name, value);
	if (!line.failed)
		longer = curl_slist_append(*headers, line.bytes);
	text_fini(&line);
	if (longer != NULL)
		*headers = longer;
	return longer != NULL;
}

static size_t
receive(char *bytes, size_t size, size_t count, void *arg)
{
	struct body *body = arg;

	(void)size;	/* always 1 */
	if (count > body->most - body->text.length) {
		body->too_large = true;
		return 0;
	}
	text_add(&body->text, bytes, count);
	return body->text.failed ? 0 : count;
}

static int
failure(CURLcode code, const struct body *body, const char *error, struct http_response *response)
{
	if (body->too_large)
		snprintf(response->error, sizeof(response->error), "the body is longer than %zu octets", body->most);
	else
		snprintf(response->error, sizeof(response->error), "%s",
		    error[0] != '\0' ? error : curl_easy_strerror(code));
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_WRITE_ERROR:
		return body->too_large ? -EMSGSIZE : -ENOMEM;
	case CURLE_UNSUPPORTED_PROTOCOL:
		return -EPROTONOSUPPORT;
	default:
		return -EIO;
	}
}

char *
http_escape(const char *text)
{
	struct text out = { 0 };

	text_puts(&out, "");
	for (const char *c = text; *c != '\0'; c++) {
		if (isalnum((unsigned char)*c) || strchr("-._~", *c) != NULL)
			text_add(&out, c, 1);
		else
			text_printf(&out, "%%%02X", (unsigned)(unsigned char)*c);
	}
	return text_take(&out);
}
