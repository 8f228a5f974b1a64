/* encryption.c -- the certificate and the tickets' keys of TLS listeners: at start, at a reload, and as time passes.
 * In: the settings' files.  Out: what workers encrypt with.  Threads: control.
 * Ownership: control's; the server borrows it. Connections that are open keep what they began with, so an exchange
 * costs none of them; the tickets' keys stay, so that clients can resume their sessions after it. */
#include "base/log.h"
#include "control/state.h"

#define WARN_AGAIN_MS (86400 * INT64_C(1000))

static struct tls_context *load(const struct settings *settings, struct tickets *tickets, struct diags *diags);
static void warn(struct control *control, struct mono now, struct wall wall);

bool
control_check(const struct settings *settings, struct diags *diags)
{
	struct tickets *tickets = tickets_new(mono_now());
	struct tls_context *context = NULL;
	struct tsig_keys keys;
	bool good = settings->tls_certificate == NULL, keyed = tsig_keys_load(&keys, settings, diags);

	if (!good && tickets != NULL) {
		context = load(settings, tickets, diags);
		good = context != NULL;
	}
	tls_context_free(context);
	tickets_free(tickets);
	tsig_keys_fini(&keys);
	return good && keyed;
}

/* A certificate is read where one is named, also when nothing listens with it. */
bool
encryption_start(struct control *control, struct diags *diags)
{
	if (control->settings->tls_certificate == NULL)
		return true;
	control->tickets = tickets_new(mono_now());
	if (control->tickets == NULL) {
		diag_error(diags, (struct diag_place){ 0 }, NULL, "TLS can't be set up: out of memory, or of dice");
		return false;
	}
	control->tls = load(control->settings, control->tickets, diags);
	if (control->tls == NULL)
		return false;
	warn(control, mono_now(), wall_now());
	return true;
}

static struct tls_context *
load(const struct settings *settings, struct tickets *tickets, struct diags *diags)
{
	return tls_context_new(settings->tls_certificate, settings->tls_key, tickets, diags);
}

bool
encryption_renew(struct control *control, struct diags *diags)
{
	struct tls_context *fresh;

	if (control->tls == NULL)
		return true;
	fresh = load(control->settings, control->tickets, diags);
	if (fresh == NULL)
		return false;
	server_encrypt(control->publisher.server, fresh);
	tls_context_free(control->tls);
	control->tls = fresh;
	warn(control, mono_now(), wall_now());
	return true;
}

void
encryption_tick(struct control *control, struct mono now, struct wall wall)
{
	if (control->tls == NULL)
		return;
	tickets_turn(control->tickets, now);
	if (mono_ms_between(control->tls_warned, now) >= WARN_AGAIN_MS)
		warn(control, now, wall);
}

/* An expired certificate is better than none: clients that don't look at it are still served. */
static void
warn(struct control *control, struct mono now, struct wall wall)
{
	struct text text = { 0 };

	control->tls_warned = now;
	if (tls_context_fades(control->tls, wall, &text) && !text.failed)
		log_warning("%s: %s", control->settings->tls_certificate, text.bytes);
	text_fini(&text);
}

bool
control_tls_ends(const struct control *control, struct wall *ends)
{
	if (control->tls != NULL)
		*ends = control->tls->ends;
	return control->tls != NULL;
}

void
encryption_end(struct control *control)
{
	tls_context_free(control->tls);
	tickets_free(control->tickets);
}
