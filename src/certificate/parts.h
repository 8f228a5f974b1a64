/* parts.h -- what the files of the certificate share. Private to certificate/. */
#ifndef ISOBAR_CERTIFICATE_PARTS_H
#define ISOBAR_CERTIFICATE_PARTS_H

#include "certificate/certificate.h"

/* The first refusal stands, later ones change nothing. */
void certificate_refuse(struct certificate *certificate, enum certificate_fault fault, const char *format, ...)
	NONNULL PRINTF(3, 4);

/* --- terms.c: what the plan and the measurements say of each table ------------------------------------------------ */

/* By service and demand group of one snapshot: [service * groups + group]. */
struct tabled {
	const struct snapshot *snapshot;
	size_t groups;
	const struct plan_group **planned;	/* NULL entries: the plan doesn't speak of it */
	double *rates;				/* requests/s; NAN: not known */
};

/* `names`: the steering that the terms' numbers of groups belong to. False: out of memory. */
bool tabled_make(struct tabled *tabled, const struct snapshot *snapshot, const struct steering *names,
	const struct certificate_terms *terms, struct arena *arena) NONNULL MUST_USE;

/* The group of `to` whose name `group` of `from` has; GROUP_DEFAULT where there is none. */
uint16_t terms_group(const struct steering *from, const struct steering *to, uint16_t group) NONNULL;
size_t terms_place(const struct snapshot *snapshot, uint16_t group, uint8_t country) NONNULL;

static inline size_t
table_size(const struct slot_table *table)
{
	return (size_t)table->count + table->heavy_count;
}

/* The part of the group's demand that this slot has. */
static inline double
table_weight(const struct slot_table *table, size_t slot)
{
	return table->weights != NULL ? (double)table->weights[slot] : 1 / (double)table_size(table);
}

/* --- the checks --------------------------------------------------------------------------------------------------- */

void certificate_law(struct certificate *certificate, const struct tabled *tabled) NONNULL;
void certificate_shares(struct certificate *certificate, const struct tabled *tabled,
	const struct certificate_terms *terms) NONNULL;
void certificate_demand(struct certificate *certificate, const struct tabled *tabled,
	const struct certificate_terms *terms) NONNULL;
double certificate_moved(const struct tabled *tabled, const struct certificate_terms *terms) NONNULL;

/* --- loads.c: the tables as classes of clients who go the same way ------------------------------------------------ */

/* `lost`: already, in all that follows. NULL: out of memory. */
struct load_model *load_model_new(const struct tabled *tabled, struct region_set lost) NONNULL MUST_USE;
/* `loads` [region_count]; returns what is unserved. */
double load_model_lose(const struct load_model *model, struct region_set lost, double *loads) NONNULL;
double load_model_drain(const struct load_model *model, struct region_set lost, const double *drained, double *loads)
	__attribute__((nonnull(1, 4)));
double load_model_shed(const struct load_model *model) NONNULL;

/* --- cases.c: now, each loss, the room for drains ----------------------------------------------------------------- */

/* False: out of memory. */
bool certificate_cases(struct certificate *certificate, const struct tabled *tabled,
	const struct certificate_terms *terms) NONNULL MUST_USE;

#endif
