/* token.c -- tokens.  In: name, scope, lifetime.  Out: a token, once; the list.  Threads: one. */

#include "ctl/ctl.h"

/* The token alone goes to standard output, so that it can be sent straight into a file. */
enum ctl_status
ctl_token_create(struct ctl *ctl)
{
	cJSON *body, *answer = NULL;
	int64_t seconds = 0;
	enum ctl_status status;

	if (ctl->scope == NULL)
		return ctl_usage("say what it's for: --scope admin, read, pae or agent:REGION");
	if (ctl->period != NULL && !ctl_duration(ctl->period, &seconds))
		return CTL_USAGE;
	body = cJSON_CreateObject();
	cJSON_AddStringToObject(body, "name", ctl->arguments[0]);
	cJSON_AddStringToObject(body, "scope", ctl->scope);
	if (seconds > 0)
		cJSON_AddNumberToObject(body, "for_s", (double)seconds);
	status = ctl_send(ctl, "POST", "/v1/tokens", body, &answer);
	if (answer != NULL) {
		fprintf(stderr, "The token is shown this one time; keep it in a file that only its user can read.\n");
		puts(member_text(answer, "token"));
	}
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_token_list(struct ctl *ctl)
{
	struct table table = { .columns = { "NAME", "SCOPE", "CREATED", "EXPIRES" } };
	cJSON *answer = NULL;
	const cJSON *token;
	enum ctl_status status = ctl_call(ctl, "GET", "/v1/tokens", NULL, &answer);

	cJSON_ArrayForEach(token, member(answer, "tokens")) {
		const char *expires = member_text(token, "expires");

		table_text(&table, member_text(token, "name"));
		table_text(&table, member_text(token, "scope"));
		table_text(&table, member_text(token, "created"));
		table_text(&table, expires == NULL ? "never" : expires);
	}
	if (answer != NULL)
		table_print(&table);
	cJSON_Delete(answer);
	return status;
}

enum ctl_status
ctl_token_revoke(struct ctl *ctl)
{
	return ctl_delete(ctl, ctl_path("/v1/tokens/%s", ctl->arguments[0]), "Token", "is no longer valid");
}
