/* reload.c -- SIGHUP and `isobarctl reload`.
 * First the certificate of TLS: when that can't be used, nothing changes. One that can is in service from then on, also
 * when what follows is refused: a zone with an error shouldn't hold back what expires. Then the file with the secrets
 * of cookies is read again. Another passphrase seals the keys in the store anew.
 * With a store, which is the truth, what is built anew is the same intention: the geo database is opened again.
 * Without one, the folder is read again; a folder with an error leaves what is served as it is.
 * Threads: control. */
#include <string.h>

#include "base/log.h"
#include "control/defence.h"
#include "control/state.h"

static void refuse_certificate(struct diags *diags, outcome_fn *done, void *arg);
static void log_diags(struct diags *diags);
static void reload_folder(struct control *control, outcome_fn *done, void *arg);
static bool prepare_same(struct change *change, struct control *control, struct diags *diags);

void
control_reload(struct control *control, outcome_fn *done, void *arg)
{
	struct diags diags = { 0 };
	struct arena *arena;
	struct change *change;
	bool renewed = encryption_renew(control, &diags);

	if (!renewed)
		refuse_certificate(&diags, done, arg);
	else if (diags.count > 0)
		log_diags(&diags);
	diag_fini(&diags);
	if (!renewed)
		return;
	defence_reload(control);
	if (control->options.storeless) {
		reload_folder(control, done, arg);
		return;
	}
	arena = arena_new();
	change = arena == NULL ? NULL : arena_alloc(arena, sizeof(*change));
	if (change == NULL) {
		arena_free(arena);
		if (done != NULL)
			done(arg, &(struct outcome){ .status = OUTCOME_UNAVAILABLE, .message = "out of memory",
			    .diags = &(struct diags){ 0 } });
		return;
	}
	change->arena = arena;
	change->prepare = prepare_same;
	change->action = "reload";
	change->author = "operator";
	change->reason = "";
	control_change(control, change, done, arg);
}

static void
refuse_certificate(struct diags *diags, outcome_fn *done, void *arg)
{
	log_error("the certificate was refused, what was in service stays");
	log_diags(diags);
	if (done != NULL)
		done(arg, &(struct outcome){ .status = OUTCOME_INVALID, .message = "the certificate was refused",
		    .diags = diags });
}

static void
log_diags(struct diags *diags)
{
	for (size_t i = 0; i < diags->count; i++) {
		const struct diag *d = &diags->list[i];

		if (d->level == DIAG_ERROR)
			log_error("%s: %s", d->file, d->message);
		else
			log_warning("%s: %s", d->file, d->message);
	}
}

/* Naming the steering makes it a new world, though the text is the same. */
static bool
prepare_same(struct change *change, struct control *control, struct diags *diags)
{
	const char *passphrase_file = control->settings->dnssec_passphrase_file;

	change->steering = control_steering_text(control);
	return control->signer == NULL || control->store == NULL || *passphrase_file == '\0'
	    || signing_seal(control->signer, passphrase_file, control->store, &control->status.revision, diags);
}

static void
reload_folder(struct control *control, outcome_fn *done, void *arg)
{
	struct world_folder folder;
	struct candidate candidate = { 0 };
	struct diags diags = { 0 };
	struct text why = { 0 };
	struct world *world;
	struct outcome outcome = { .status = OUTCOME_INVALID, .diags = &diags, .message = "the folder was refused" };

	world_folder_read(&folder, control->settings->zones, &diags);
	folder.edit.keys = &control->tsig_keys;
	world = world_edit(control->world, &folder.edit, &diags);
	world_folder_fini(&folder);
	if (world != NULL && signing_allowed_without_store(world, &diags)
	    && primaries_allowed_without_store(world, &diags)
	    && demands_build(control, world, NULL, true, &candidate, &why)
	    && publish_commit(&control->publisher, &candidate, control->round, mono_now(), wall_now()) == 0) {
		world_free(control->world);
		control->world = world;
		control->status.published = wall_now();
		outcome.status = OUTCOME_DONE;
		outcome.message = "";
		log_info("the folder was read again: %zu zones", control->world->zone_count);
	} else {
		struct text errors = { 0 };

		candidate_fini(&candidate);
		world_free(world);
		diag_sort(&diags);
		diag_print(&diags, &errors);
		log_error("the folder was refused, what was served stays:\n%s%s",
		    errors.bytes == NULL ? "" : errors.bytes, why.bytes == NULL ? "" : why.bytes);
		text_fini(&errors);
	}
	outcome.epoch = control->publisher.epoch;
	if (done != NULL)
		done(arg, &outcome);
	text_fini(&why);
	diag_fini(&diags);
}
