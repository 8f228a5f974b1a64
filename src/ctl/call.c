/* call.c -- one request of the API, and what came back as an exit status and as words.
 * In: method, path, body.  Out: the answer's JSON, or a message on standard error.  Threads: one.
 * What went wrong is told in the order in which it helps: what, then each place, then what to do next. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/scalar.h"
#include "ctl/ctl.h"

#define CONFIG_MAX ((size_t)1 << 20)

static enum ctl_status no_answer(const struct ctl *ctl, int error, const struct http_response *response);
static enum ctl_status refused(const struct ctl *ctl, const struct http_response *response);
static enum ctl_status status_of(long http);
static void print_diags(FILE *to, const cJSON *list, const char *prefix);
static void escape(struct text *out, const char *value);

enum ctl_status
ctl_call(struct ctl *ctl, const char *method, const char *path, const char *body, cJSON **answer)
{
	struct http_response response;
	struct diags diags = { 0 };
	enum ctl_status status = CTL_DONE;
	int error;

	if (answer != NULL)
		*answer = NULL;
	if (ctl->client == NULL)
		ctl->client = http_client_new(ctl->url, ctl->token, ctl->timeout_ms);
	if (ctl->client == NULL)
		return ctl_usage("'%s' is neither the path of a socket nor a URL", ctl->url);
	error = http_call(ctl->client, method, path, body, &response);
	if (error < 0) {
		status = no_answer(ctl, error, &response);
	} else if (response.status >= 300) {
		status = refused(ctl, &response);
	} else if (ctl->json) {
		puts(response.body);
	} else if (answer != NULL) {
		*answer = json_parse(response.body, response.length, "answer", &diags);
		if (*answer == NULL)
			status = ctl_fail("the answer isn't JSON: is this isobard?");
	}
	diag_fini(&diags);
	http_response_fini(&response);
	return status;
}

enum ctl_status
ctl_send(struct ctl *ctl, const char *method, const char *path, cJSON *body, cJSON **answer)
{
	char *text = body == NULL ? NULL : json_write(body);
	enum ctl_status status;

	cJSON_Delete(body);
	if (text == NULL)
		return ctl_fail("out of memory");
	status = ctl_call(ctl, method, path, text, answer);
	free(text);
	return status;
}

enum ctl_status
ctl_ask(struct ctl *ctl, const char *method, const char *path, cJSON *body, cJSON **answer)
{
	bool json = ctl->json;
	enum ctl_status status;
	char *text;

	*answer = NULL;
	ctl->json = false;
	status = body == NULL ? ctl_call(ctl, method, path, NULL, answer) : ctl_send(ctl, method, path, body, answer);
	ctl->json = json;
	if (!json || *answer == NULL)
		return status;
	text = cJSON_PrintUnformatted(*answer);
	puts(text == NULL ? "" : text);
	free(text);
	return status;
}

enum ctl_status
ctl_delete(struct ctl *ctl, char *path, const char *what, const char *became)
{
	cJSON *answer = NULL;
	enum ctl_status status = ctl_call(ctl, "DELETE", path, NULL, &answer);

	if (answer != NULL)
		printf("%s %s %s.\n", what, ctl->arguments[0], became);
	cJSON_Delete(answer);
	free(path);
	return status;
}

static enum ctl_status
no_answer(const struct ctl *ctl, int error, const struct http_response *response)
{
	switch (-error) {
	case ECONNREFUSED:
	case ENOENT:
		fprintf(stderr, "isobarctl: isobard isn't running: nobody listens on %s\n", ctl->url);
		return CTL_NOT_RUNNING;
	case EACCES:
	case EPERM:
		fprintf(stderr, "isobarctl: no right to use %s: be its owner or of its group\n", ctl->url);
		return CTL_NOT_AUTHORIZED;
	case ETIMEDOUT:
		fprintf(stderr, "isobarctl: no answer within %g s; the change may still be done, see isobarctl audit\n",
		    ctl->timeout_ms / 1000.0);
		return CTL_TRY_AGAIN;
	default:
		return ctl_fail("%s: %s", ctl->url, response->error[0] != '\0' ? response->error : strerror(-error));
	}
}

static enum ctl_status
refused(const struct ctl *ctl, const struct http_response *response)
{
	struct diags diags = { 0 };
	cJSON *problem = json_parse(response->body, response->length, "answer", &diags);
	const char *detail = member_text(problem, "detail");

	if (ctl->json)
		puts(response->body);
	else
		fprintf(stderr, "isobarctl: %s\n", detail == NULL ? "isobard refused it" : detail);
	if (!ctl->json) {
		print_diags(stderr, member(problem, "errors"), "");
		print_diags(stderr, member(problem, "warnings"), "warning: ");
		if (response->retry_after_s > 0)
			fprintf(stderr, "Try again in %u s.\n", (unsigned)response->retry_after_s);
	}
	cJSON_Delete(problem);
	diag_fini(&diags);
	return status_of(response->status);
}

static enum ctl_status
status_of(long http)
{
	if (http == 401 || http == 403)
		return CTL_NOT_AUTHORIZED;
	return http == 503 || http == 408 ? CTL_TRY_AGAIN : CTL_FAILED;
}

/* "FILE:LINE:COLUMN: message", as compilers do, so that editors find the place. */
static void
print_diags(FILE *to, const cJSON *list, const char *prefix)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, list) {
		const char *file = member_text(entry, "file"), *pointer = member_text(entry, "pointer");
		const char *suggestion = member_text(entry, "suggestion"), *message = member_text(entry, "message");
		double line = member_number(entry, "line");

		if (isfinite(line))
			fprintf(to, "  %s:%.0f:%.0f: ", file == NULL ? "" : file, line, member_number(entry, "column"));
		else if (pointer != NULL)
			fprintf(to, "  %s: ", pointer);
		else if (file != NULL && strcmp(file, "request") != 0)
			fprintf(to, "  %s: ", file);
		else
			fputs("  ", to);
		fprintf(to, "%s%s", prefix, message == NULL ? "" : message);
		if (suggestion != NULL)
			fprintf(to, " (did you mean '%s'?)", suggestion);
		fputc('\n', to);
	}
}

/* --- requests ------------------------------------------------------------------------------------------------ */

char *
ctl_path(const char *format, ...)
{
	struct text out = { 0 };
	va_list args;
	char *path;

	va_start(args, format);
	for (const char *c = format; *c != '\0'; c++) {
		if (c[0] == '%' && c[1] == 's') {
			escape(&out, va_arg(args, const char *));
			c++;
		} else {
			text_add(&out, c, 1);
		}
	}
	va_end(args);
	path = text_take(&out);
	if (path != NULL)
		return path;
	ctl_fail("out of memory");
	exit(CTL_FAILED);
}

char *
ctl_path_add(char *path, const char *format, const char *value)
{
	struct text out = { 0 };
	char *more;

	if (value == NULL)
		return path;
	more = ctl_path(format, value);
	text_puts(&out, path);
	text_puts(&out, more);
	free(more);
	free(path);
	path = text_take(&out);
	if (path != NULL)
		return path;
	ctl_fail("out of memory");
	exit(CTL_FAILED);
}

/* All but RFC 3986's unreserved characters. */
static void
escape(struct text *out, const char *value)
{
	for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++) {
		if (isalnum(*c) || strchr("-._~", *c) != NULL)
			text_add(out, (const char *)c, 1);
		else
			text_printf(out, "%%%02X", *c);
	}
}

char *
ctl_change_query(const struct ctl *ctl)
{
	char *query = ctl_path(ctl->dry_run ? "?dry_run=true" : "");

	query = ctl_path_add(query, *query == '\0' ? "?reason=%s" : "&reason=%s", ctl->reason);
	query = ctl_path_add(query, *query == '\0' ? "?move_limit=%s" : "&move_limit=%s", ctl->move_limit);
	return ctl_path_add(query, *query == '\0' ? "?force=%s" : "&force=%s", ctl->force ? "true" : NULL);
}

bool
ctl_duration(const char *text, int64_t *seconds)
{
	char suggestion[SCALAR_SUGGESTION_SIZE];
	double ms;

	if (scalar_duration(text, &ms, suggestion) && ms >= 1000) {
		*seconds = (int64_t)(ms / 1000);
		return true;
	}
	ctl_usage("'%s' is no duration such as 90s, 30m, 2h or 7d%s%s%s", text,
	    suggestion[0] == '\0' ? "" : "; did you mean ", suggestion, suggestion[0] == '\0' ? "" : "?");
	return false;
}

/* --- outcomes ------------------------------------------------------------------------------------------------ */

void
ctl_print_outcome(const struct ctl *ctl, const cJSON *outcome)
{
	const cJSON *entry, *zones = member(outcome, "zones");
	bool steering = member_true(outcome, "steering_changed");
	const char *would = ctl->dry_run ? "would be " : "";

	if (outcome == NULL)
		return;
	cJSON_ArrayForEach(entry, zones) {
		printf("zone %s %s%s\n", member_text(entry, "zone"), would, member_text(entry, "what"));
	}
	if (steering)
		printf("steering.yaml %schanged\n", would);
	ctl_print_moves(member(outcome, "moves"), ctl->dry_run);
	print_diags(stdout, member(outcome, "warnings"), "warning: ");
	if (ctl->dry_run)
		printf("A dry run: nothing was changed.\n");
	else
		printf("Live as epoch %.0f, revision %.0f of the journal.\n", member_number(outcome, "epoch"),
		    member_number(outcome, "revision"));
}

/* "4.1 % of the clients of www would move: 3.9 % from eu-west to eu-north, 0.2 % from eu-west to us-east". */
void
ctl_print_moves(const cJSON *moves, bool dry_run)
{
	const cJSON *entry, *way;

	cJSON_ArrayForEach(entry, moves) {
		const char *before = ": ";

		printf("%.3g %% of the clients of %s %s%s", 100 * member_number(entry, "share"),
		    member_text(entry, "service"), dry_run ? "would move" : "move",
		    cJSON_GetArraySize(member(entry, "ways")) == 0 ? " to another region" : "");
		cJSON_ArrayForEach(way, member(entry, "ways")) {
			const char *from = member_text(way, "from"), *to = member_text(way, "to");

			printf("%s%.3g %% from %s to %s", before, 100 * member_number(way, "share"),
			    from == NULL ? "nobody" : from, to == NULL ? "nobody" : to);
			before = ", ";
		}
		printf("\n");
	}
	if (cJSON_GetArraySize(moves) == 0)
		printf("No client %s.\n", dry_run ? "would move" : "moves");
}

void
ctl_print_names(const char *before, const cJSON *names, const char *after)
{
	const cJSON *name;
	const char *comma = "";

	fputs(before, stdout);
	cJSON_ArrayForEach(name, names) {
		printf("%s%s", comma, cJSON_GetStringValue(name));
		comma = ", ";
	}
	if (cJSON_GetArraySize(names) == 0)
		fputs("nobody", stdout);
	fputs(after, stdout);
}

/* --- settings ------------------------------------------------------------------------------------------------ */

struct settings *
ctl_settings(void)
{
	struct diags diags = { 0 };
	struct text problems = { 0 };
	size_t length;
	int error;
	char *text = text_read_file(CTL_CONFIG, CONFIG_MAX, &length, &error);
	struct settings *settings = NULL;

	if (text != NULL || error == -ENOENT)
		settings = settings_read(text == NULL ? "" : text, CTL_CONFIG, &diags);
	else
		ctl_fail("%s can't be read: %s; say where isobard is by -s", CTL_CONFIG, strerror(-error));
	diag_print(&diags, &problems);
	if (settings == NULL && problems.bytes != NULL)
		fputs(problems.bytes, stderr);
	text_fini(&problems);
	diag_fini(&diags);
	free(text);
	return settings;
}

/* --- small things -------------------------------------------------------------------------------------------- */

enum ctl_status
ctl_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("isobarctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return CTL_FAILED;
}

enum ctl_status
ctl_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("isobarctl: ", stderr);
	vfprintf(stderr, format, args);
	fputs("\nSee isobarctl --help, or isobarctl(8).\n", stderr);
	va_end(args);
	return CTL_USAGE;
}

const cJSON *
member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *
member_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(member(object, name));
}

double
member_number(const cJSON *object, const char *name)
{
	const cJSON *value = member(object, name);

	return cJSON_IsNumber(value) ? value->valuedouble : NAN;
}

bool
member_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(member(object, name));
}

enum ctl_status
ctl_list(struct ctl *ctl, const struct ctl_listing *listing)
{
	const char *zone = ctl->count > 0 ? ctl->arguments[0] : NULL;
	struct table table = { 0 };
	char *path = strdup(listing->path);
	cJSON *answer = NULL;
	const cJSON *item;
	enum ctl_status status;

	if (path == NULL)
		return ctl_fail("out of memory");
	path = ctl_path_add(path, "?zone=%s", zone);
	status = ctl_call(ctl, "GET", path, NULL, &answer);
	memcpy(table.columns, listing->columns, sizeof(table.columns));
	cJSON_ArrayForEach(item, member(answer, listing->list)) {
		listing->add(&table, item);
	}
	if (answer != NULL && table.count > 0)
		table_print(&table);
	else if (answer != NULL && zone != NULL)
		status = ctl_fail("%s %s", zone, listing->not_this);
	else if (answer != NULL)
		puts(listing->none);
	cJSON_Delete(answer);
	free(path);
	return status;
}
