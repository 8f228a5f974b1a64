/* client.c -- one HTTP request at a time over libcurl, to a UNIX socket or a TCP address.
 * In: method, path and JSON body. Out: status and body, or why nothing came back.
 * Threads: a client belongs to one thread; its libcurl handle keeps the connection for the next call.
 * What is switched off and why: proxies from the environment and redirects, since a bearer token goes along and may
 * reach nobody but the address that was configured; signals, since other threads run; every protocol but HTTP. */
#include "http/client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define BODY_MAX ((size_t)256 << 20)	/* an export of every zone fits; an endless body does not fill the memory */

struct http_client {
	CURL *curl;
	struct curl_slist *headers;	/* with the token, hence never printed */
	char *base;			/* "http(s)://host:port" */
	char *socket;			/* path of the UNIX socket, or NULL */
	uint32_t timeout_ms;
	atomic_bool cancelled;
};

static bool url_take(struct http_client *client, const char *url);
static bool headers_make(struct http_client *client, const char *token);
static bool header_add(struct http_client *client, const char *header);
static void request_prepare(struct http_client *client, const char *method, const char *url, const char *body,
	struct text *received, char *error);
static int on_progress(void *arg, curl_off_t to_get, curl_off_t got, curl_off_t to_put, curl_off_t put);
static size_t receive(char *bytes, size_t size, size_t count, void *arg);
static int failure(struct http_client *client, CURLcode code, const char *error, struct http_response *response);

struct http_client *
http_client_new(const char *url, const char *token, uint32_t timeout_ms)
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(client);
		return NULL;
	}
	client->timeout_ms = timeout_ms;
	client->curl = curl_easy_init();
	if (client->curl != NULL && url_take(client, url) && headers_make(client, token))
		return client;
	http_client_free(client);
	return NULL;
}

void
http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->headers);
	free(client->base);
	free(client->socket);
	free(client);
	curl_global_cleanup();
}

int
http_call(struct http_client *client, const char *method, const char *path, const char *body,
	struct http_response *response)
{
	struct text url = { 0 }, received = { 0 };
	char error[CURL_ERROR_SIZE] = "";
	curl_off_t retry_after = 0;
	CURLcode code;
	int status = 0;

	*response = (struct http_response){ 0 };
	text_printf(&url, "%s%s", client->base, path);
	if (url.failed) {
		code = CURLE_OUT_OF_MEMORY;
	} else {
		request_prepare(client, method, url.bytes, body, &received, error);
		code = curl_easy_perform(client->curl);
	}
	if (code != CURLE_OK) {
		status = failure(client, code, error, response);
		goto done;
	}
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &response->status);
	curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &retry_after);
	response->retry_after_s = retry_after > 0 && retry_after < UINT32_MAX ? (uint32_t)retry_after : 0;
	text_add(&received, "", 0);
	response->length = received.length;
	response->body = text_take(&received);
	if (response->body == NULL)
		status = failure(client, CURLE_OUT_OF_MEMORY, "", response);
done:
	curl_easy_reset(client->curl);	/* options only; `url` and `error` are no longer pointed at, connections stay */
	text_fini(&url);
	text_fini(&received);
	return status;
}

void
http_client_cancel(struct http_client *client)
{
	atomic_store(&client->cancelled, true);
}

void
http_response_fini(struct http_response *response)
{
	free(response->body);
	*response = (struct http_response){ 0 };
}

static bool
url_take(struct http_client *client, const char *url)
{
	size_t length = strlen(url), scheme;

	if (strncmp(url, "unix:/", 6) == 0) {
		client->socket = strdup(url + 5);
		client->base = strdup("http://localhost");
		return client->socket != NULL && client->base != NULL;
	}
	scheme = strncmp(url, "http://", 7) == 0 ? 7 : strncmp(url, "https://", 8) == 0 ? 8 : 0;
	if (scheme == 0 || length == scheme)
		return false;
	while (length > scheme && url[length - 1] == '/')
		length--;
	client->base = strndup(url, length);
	return client->base != NULL && length > scheme;
}

static bool
headers_make(struct http_client *client, const char *token)
{
	char *authorization;
	bool good = header_add(client, "Content-Type: application/json") &&
	    header_add(client, "Accept: application/json") &&
	    header_add(client, "Expect:");	/* don't wait a second for "100 Continue" */

	if (!good || token == NULL)
		return good;
	for (const char *c = token; *c != '\0'; c++) {
		if (!isgraph((unsigned char)*c))	/* a line break would begin another header */
			return false;
	}
	if (asprintf(&authorization, "Authorization: Bearer %s", token) < 0)
		return false;
	good = header_add(client, authorization);
	free(authorization);
	return good;
}

static bool
header_add(struct http_client *client, const char *header)
{
	struct curl_slist *longer = curl_slist_append(client->headers, header);

	if (longer == NULL)
		return false;
	client->headers = longer;
	return true;
}

static void
request_prepare(struct http_client *client, const char *method, const char *url, const char *body,
	struct text *received, char *error)
{
	CURL *curl = client->curl;

	curl_easy_setopt(curl, CURLOPT_URL, url);
	if (client->socket != NULL)
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, client->socket);
	if (body != NULL) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	} else if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);	/* Content-Length: 0, which servers ask for */
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
	}
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "isobar");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)client->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, received);
}

/* libcurl calls this about once a second, whether anything moves or not. */
static int
on_progress(void *arg, curl_off_t to_get, curl_off_t got, curl_off_t to_put, curl_off_t put)
{
	const struct http_client *client = arg;

	(void)to_get, (void)got, (void)to_put, (void)put;
	return atomic_load(&client->cancelled) ? 1 : 0;
}

static size_t
receive(char *bytes, size_t size, size_t count, void *arg)
{
	struct text *received = arg;

	(void)size;	/* always 1 */
	if (count > BODY_MAX - received->length)
		return 0;
	text_add(received, bytes, count);
	return received->failed ? 0 : count;
}

/* The errno of connect(2) where that is what failed, since callers tell "not running" from other troubles by it. */
static int
failure(struct http_client *client, CURLcode code, const char *error, struct http_response *response)
{
	long os_error = 0;

	snprintf(response->error, sizeof(response->error), "%s", error[0] != '\0' ? error : curl_easy_strerror(code));
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_error);
		return os_error > 0 ? -(int)os_error : -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_ABORTED_BY_CALLBACK:
		return -ECANCELED;
	case CURLE_WRITE_ERROR:
		return -EMSGSIZE;
	default:
		return -EIO;
	}
}
