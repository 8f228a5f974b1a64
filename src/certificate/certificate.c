/* certificate.c -- reads a snapshot's tables back and holds them against law, plan and capacities.
 * In: a snapshot that isn't published yet, and what was meant.  Out: a certificate, good or with the first check that
 * failed.  Threads: any; pure.
 * Written from the definitions alone and apart from pack.c, compile.c and the planner: a fault there must not hide
 * itself here. The order of the checks is that of their weight: what breaks the law is told before what is merely not
 * as planned or too much.
 *
 *  1. law      (law.c): every list may be answered
 *  2. shares   (shares.c): the tables do what the plan says
 *  3. demand   (shares.c): the plan counts on the demand that there is
 *  4. loads    (cases.c): nobody is overloaded, now or after a loss; the room for drains */
#include "certificate/certificate.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "certificate/parts.h"

struct certificate *
certificate_check(const struct snapshot *snapshot, const struct certificate_terms *terms)
{
	struct certificate *certificate = calloc(1, sizeof(*certificate));
	struct tabled tabled;

	if (certificate == NULL)
		return NULL;
	certificate->good = true;
	certificate->arena = arena_new();
	if (certificate->arena == NULL
	    || !tabled_make(&tabled, snapshot, snapshot->steering, terms, certificate->arena)) {
		certificate_free(certificate);
		return NULL;
	}
	for (size_t i = 0; i < snapshot->service_count * tabled.groups; i++)
		certificate->demand += isnan(tabled.rates[i]) ? 0 : tabled.rates[i];
	certificate_law(certificate, &tabled);
	certificate_shares(certificate, &tabled, terms);
	certificate_demand(certificate, &tabled, terms);
	certificate->moved = certificate_moved(&tabled, terms);
	if (!certificate_cases(certificate, &tabled, terms) || certificate->why.failed) {
		certificate_free(certificate);
		return NULL;
	}
	return certificate;
}

void
certificate_free(struct certificate *certificate)
{
	if (certificate == NULL)
		return;
	arena_free(certificate->arena);
	text_fini(&certificate->why);
	free(certificate);
}

void
certificate_refuse(struct certificate *certificate, enum certificate_fault fault, const char *format, ...)
{
	char why[1000];
	va_list arguments;

	if (!certificate->good)
		return;
	certificate->good = false;
	certificate->fault = fault;
	va_start(arguments, format);
	vsnprintf(why, sizeof(why), format, arguments);
	va_end(arguments);
	text_puts(&certificate->why, why);
}

double
certificate_loads(const struct snapshot *snapshot, const struct certificate_terms *terms, struct region_set lost,
	const double *drained, double scale, double *loads)
{
	struct load_model *model = certificate_model(snapshot, terms);
	double unserved = NAN;

	if (model != NULL)
		unserved = load_model_drain(model, lost, drained, loads) * scale;
	for (size_t r = 0; model != NULL && r < snapshot->steering->region_count; r++)
		loads[r] *= scale;
	load_model_free(model);
	return unserved;
}

struct load_model *
certificate_model(const struct snapshot *snapshot, const struct certificate_terms *terms)
{
	struct arena *arena = arena_new();
	struct load_model *model = NULL;
	struct tabled tabled;

	if (arena != NULL && tabled_make(&tabled, snapshot, snapshot->steering, terms, arena))
		model = load_model_new(&tabled, terms->lost);
	arena_free(arena);
	return model;
}
