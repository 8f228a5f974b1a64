/* defence.c -- what the workers' guards go by: settings, the secrets of cookies, and whether the plan is old.
 * In: settings, the secrets file, the clock.  Out: options of the server; new secrets, published.  Threads: control.
 *
 * All servers of a zone must agree on secrets, since a client may meet another of them with each query (RFC 9018
 * section 5): then they're in a file, which is read at the start and with each reload. To roll one over without a
 * client noticing: add it as "next" everywhere, reload; make it "current", and the current one "previous", everywhere,
 * reload; an hour later take "previous" out. A server alone makes its own, and a new one each day. */
#include "control/defence.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "control/state.h"

#define SECRETS_FILE_MAX 4096
#define SECRET_LIFE_MS (24 * INT64_C(3600000))	/* RFC 7873 section 7.1: 36 days at most, a day is advised */
#define PLAN_OLD_MS 600000	/* the PAE posts one a minute, also when nothing moves */

static bool read_secrets(const struct control *control, struct cookie_secrets *secrets, struct diags *diags);

bool
defence_start(struct control *control, struct server_options *options, struct diags *diags)
{
	const struct settings *settings = control->settings;
	const struct rate_settings *rates = &settings->rates;
	struct guard_options *guard = &control->guard;

	*guard = (struct guard_options){
		.required = settings->cookies ? (enum cookies_required)settings->cookies_required : COOKIES_NEVER,
		.attack_rate = settings->attack_rate,
		.count_only = rates->count_only,
		.rates = {
			.rates = {
				[RATE_ANSWER] = rates->answers, [RATE_REFERRAL] = rates->referrals,
				[RATE_NODATA] = rates->nodata, [RATE_NXDOMAIN] = rates->nxdomain,
				[RATE_ERROR] = rates->errors, [RATE_ALL] = rates->all,
			},
			.burst_ms = rates->burst_ms, .slip = rates->slip, .ipv4_prefix = rates->ipv4_prefix,
			.ipv6_prefix = rates->ipv6_prefix, .entries = rates->table,
			.exempt_count = rates->exempt_count, .exempt = rates->exempt,
		},
	};
	for (size_t k = 0; k < RATE_KINDS; k++)
		guard->limited |= guard->rates.rates[k] > 0;
	options->guard = guard;
	if (name_parse(settings->report_agent, control->report_agent) > 1)
		options->report_agent = control->report_agent;
	if (!settings->cookies)
		return true;
	control->secret_made = mono_now();
	options->secrets = &control->secrets;
	return read_secrets(control, &control->secrets, diags);
}

/* Of the file, or the first one of our own. */
static bool
read_secrets(const struct control *control, struct cookie_secrets *secrets, struct diags *diags)
{
	const char *path = control->settings->cookie_secrets, *why = "";
	struct stat status;
	size_t length;
	int error, line;
	char *text;

	if (*path == '\0') {
		secrets->count = 1;
		if (cookie_secret_random(secrets->secrets[0]))
			return true;
		diag_error(diags, (struct diag_place){ 0 }, NULL, "the system has no random numbers for cookies");
		return false;
	}
	text = text_read_file(path, SECRETS_FILE_MAX, &length, &error);
	if (text == NULL) {
		diag_error(diags, (struct diag_place){ .file = path }, NULL, "can't be read: %s", strerror(-error));
		return false;
	}
	line = cookie_secrets_parse(secrets, text, &why);
	explicit_bzero(text, length);
	free(text);
	if (line != 0) {
		diag_error(diags, (struct diag_place){ .file = path, .line = line > 0 ? (unsigned)line : 0 }, NULL,
		    "%s", why);
		return false;
	}
	if (stat(path, &status) == 0 && (status.st_mode & S_IRWXO) != 0)
		diag_warning(diags, (struct diag_place){ .file = path }, NULL, "everybody may read these secrets");
	return true;
}

void
defence_reload(struct control *control)
{
	struct cookie_secrets fresh;
	struct diags diags = { 0 };
	struct text said = { 0 };

	if (!control->settings->cookies || *control->settings->cookie_secrets == '\0')
		return;
	if (read_secrets(control, &fresh, &diags) && server_secrets(control->publisher.server, &fresh))
		control->secrets = fresh;
	else
		log_error("the cookies' secrets can't be renewed; those in service stay");
	diag_print(&diags, &said);
	if (said.bytes != NULL)
		log_warning("%s", said.bytes);
	explicit_bzero(&fresh, sizeof(fresh));
	text_fini(&said);
	diag_fini(&diags);
}

void
defence_tick(struct control *control, struct mono now, struct wall wall)
{
	const struct settings *settings = control->settings;
	struct cookie_secrets next = { .count = 2 };

	server_plan_stale(control->publisher.server, control->status.planned.ms != 0
	    && wall.ms - control->status.planned.ms > PLAN_OLD_MS);
	if (!settings->cookies || *settings->cookie_secrets != '\0'
	    || mono_ms_between(control->secret_made, now) < SECRET_LIFE_MS)
		return;
	control->secret_made = now;
	memcpy(next.secrets[1], control->secrets.secrets[0], COOKIE_SECRET_SIZE);
	if (cookie_secret_random(next.secrets[0]) && server_secrets(control->publisher.server, &next))
		control->secrets = next;
}
