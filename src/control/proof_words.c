/* proof_words.c -- who has nobody left in which loss, and what they get then.
 * In: kinds and losses.  Out: one warning for each service and loss, however many clients it has.
 * Threads: as proof.c. */
#include "control/proof_parts.h"

#include <string.h>

#define NAMES_SHOWN 5		/* of client groups */

static void warn_of_loss(struct prover *p, const struct loss *loss);
static size_t add_names(struct prover *p, const struct loss *loss, struct text *names);
static bool loses_all(const struct kind *kind, const struct loss *loss);
static bool same_name(const struct kind *a, const struct kind *b);

/* The first "loss" is of nothing: kinds that no region may serve at all. */
void
proof_warn(struct prover *p)
{
	for (size_t i = 0; i < p->loss_count && !p->failed; i++)
		warn_of_loss(p, &p->losses[i]);
}

static void
warn_of_loss(struct prover *p, const struct loss *loss)
{
	static const char *const what[] = {
		[ALL_DOWN_SERVE_LEGAL] = "they get it all the same",
		[ALL_DOWN_NODATA] = "they get NODATA with EDE 22",
		[ALL_DOWN_SERVFAIL] = "they get SERVFAIL with EDE 22",
	};
	struct diag_place place = { .file = p->file, .line = p->service->intent->line };
	struct text names = { 0 };
	size_t count = add_names(p, loss, &names);

	p->failed |= names.failed;
	if (count > 0 && !names.failed && loss->name[0] == '\0')
		diag_warning(p->diags, place, NULL,
		    "the service '%s' has no legal region for clients of %s: they get NODATA with EDE 18",
		    p->service->intent->name, names.bytes);
	else if (count > 0 && !names.failed)
		diag_warning(p->diags, place, NULL,
		    "if %s%s is lost, the service '%s' has no legal region left for clients of %s: %s",
		    loss->risk_group ? "risk group " : "", loss->name, p->service->intent->name, names.bytes,
		    what[p->service->intent->when_all_down]);
	text_fini(&names);
}

/* How many names there are; the first of them in words. */
static size_t
add_names(struct prover *p, const struct loss *loss, struct text *names)
{
	size_t count = 0, shown = 0;

	for (size_t i = 0; i < p->kind_count; i++) {
		const struct kind *kind = &p->kinds[i];
		bool before = false;

		for (size_t k = 0; k < i && !before && loses_all(kind, loss); k++)
			before = loses_all(&p->kinds[k], loss) && same_name(&p->kinds[k], kind);
		if (!loses_all(kind, loss) || before)
			continue;
		if (++count > NAMES_SHOWN)
			continue;
		shown++;
		text_printf(names, "%s'%s'", shown == 1 ? "" : ", ", kind->name);
		if (kind->country != COUNTRY_UNKNOWN)
			text_printf(names, " in countries such as %s", country_at(kind->country)->code);
	}
	if (count > shown)
		text_printf(names, " and %zu more groups", count - shown);
	return count;
}

static bool
loses_all(const struct kind *kind, const struct loss *loss)
{
	if (loss->name[0] == '\0')
		return region_set_is_empty(kind->legal);
	return !region_set_is_empty(kind->legal)
	    && region_set_is_empty(region_set_minus(kind->legal, loss->regions));
}

static bool
same_name(const struct kind *a, const struct kind *b)
{
	return a->country == b->country && strcmp(a->name, b->name) == 0;
}
