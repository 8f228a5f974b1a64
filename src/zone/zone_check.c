/* zone_check.c -- the rules that one record alone can't break.
 * In: a frozen zone. Out: findings by owner and type.
 *
 * Errors are what would make answers contradict the protocol, or a delegation unreachable: no NS at the apex, CNAME
 * beside other data or twice (RFC 2181 section 10.1), DNAME twice, beside a delegation, or with names below it
 * (RFC 6672 sections 2.3 and 2.4), a delegation whose nameserver lies in it and has no address (Knot and BIND refuse
 * that too).
 * Warnings are what serves nobody, but harms nobody: records hidden by a delegation, NS, MX, SRV and CNAME targets in
 * the zone that don't exist, have no address or are aliases (RFC 2181 section 10.3), DS without a delegation, region
 * records that can't be steered, names beyond ASCII or as if a final dot were missing.
 *
 * Glue is an address of any delegation's nameserver: those names are collected once, by pointer and sorted, so that a
 * zone of a million delegations costs no more than its sorting. */
#include "zone/zone_check.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "zone/rrtype.h"
#include "zone/signed_check.h"

/* Of each kind; the diagnostics keep no more either, and errors must not drown in warnings. */
#define ERRORS_MAX ((size_t)200)
#define WARNINGS_MAX ((size_t)100)

enum verdict {
	TARGET_GOOD,
	TARGET_ELSEWHERE,	/* not in this zone, or delegated: can't be known here */
	TARGET_MISSING,
	TARGET_ALIAS,
	TARGET_NO_ADDRESS,
};

struct check {
	const struct zone *zone;
	const uint8_t *apex;
	unsigned apex_labels;
	bool complete;
	const struct node **glue;	/* sorted by pointer */
	size_t glue_count, glue_size;
	bool no_memory;			/* the glue isn't complete: don't judge by it */
	struct findings *findings;
};

/* The name in the RDATA of one record, in lower case. */
struct target {
	const struct node *node;	/* owner of the record */
	uint16_t type, rdlength;
	const uint8_t *rdata;
	uint8_t name[NAME_MAX];
};

typedef void target_fn(struct check *check, const struct target *target);

static void collect_glue(struct check *check);
static void collect_glue_target(struct check *check, const struct target *target);
static void check_apex(struct check *check);
static void check_node(struct check *check, const struct node *node);
static bool check_occluded(struct check *check, const struct node *node);
static bool is_glue(const struct check *check, const struct node *node, uint16_t type);
static void check_cname(struct check *check, const struct node *node);
static void check_dname(struct check *check, const struct node *node);
static void check_cut(struct check *check, const struct node *node);
static void check_glue(struct check *check, const struct target *target);
static void check_targets(struct check *check, const struct node *node);
static void check_target(struct check *check, const struct target *target);
static void check_owner(struct check *check, const struct node *node);
static void check_region(struct check *check, const struct node *node);
static void check_region_alias(struct check *check, const struct node *node, const struct node *service);
static enum verdict resolve(const struct check *check, const uint8_t *target);
static enum verdict judge(const struct node *node);
static void each_target(struct check *check, const struct node *node, uint16_t type, target_fn *fn);
static bool repeats_apex(const struct check *check, const uint8_t *name, char text[static NAME_TEXT_SIZE]);
static bool looks_like_address(const uint8_t *name);
static bool is_region_label(const struct node *node);
static bool has_address(const struct node *node);
static bool lives_beside_cname(uint16_t type);
static int compare_pointers(const void *a, const void *b);
static void find(struct check *check, enum diag_level level, const struct node *node, uint16_t type,
	const char *suggestion, const char *format, ...) __attribute__((nonnull(1, 3, 6))) PRINTF(6, 7);
static void find_target(struct check *check, enum diag_level level, const struct target *target,
	const char *suggestion, const char *format, ...) __attribute__((nonnull(1, 3, 5))) PRINTF(5, 6);
static void add(struct findings *findings, enum diag_level level, const struct target *about, const char *suggestion,
	const char *format, va_list args) __attribute__((nonnull(1, 3, 5))) PRINTF(5, 0);

void
zone_check(const struct zone *zone, bool complete, struct findings *findings)
{
	struct check check = {
		.zone = zone, .apex = zone_apex(zone)->name, .apex_labels = zone_apex(zone)->labels,
		.complete = complete, .findings = findings,
	};

	collect_glue(&check);
	check_apex(&check);
	for (size_t i = 0; i < zone_node_count(zone); i++)
		check_node(&check, zone_node_at(zone, i));
	free(check.glue);
	signed_check(zone, complete, findings);
}

/* --- glue --------------------------------------------------------------------------------------------------- */

static void
collect_glue(struct check *check)
{
	for (size_t i = 0; i < zone_node_count(check->zone); i++) {
		const struct node *node = zone_node_at(check->zone, i);

		if ((node->flags & NODE_CUT) != 0)
			each_target(check, node, TYPE_NS, collect_glue_target);
	}
	if (check->glue_count > 0)
		qsort(check->glue, check->glue_count, sizeof(*check->glue), compare_pointers);
}

static void
collect_glue_target(struct check *check, const struct target *target)
{
	const struct node *found = zone_find_name(check->zone, target->name);

	if (found == NULL || found->cut == NULL || check->no_memory)
		return;
	if (check->glue_count == check->glue_size) {
		size_t size = check->glue_size == 0 ? 64 : check->glue_size * 2;
		const struct node **glue = realloc(check->glue, size * sizeof(const struct node *));

		if (glue == NULL) {
			check->no_memory = check->findings->no_memory = true;
			return;
		}
		check->glue = glue;
		check->glue_size = size;
	}
	check->glue[check->glue_count++] = found;
}

static int
compare_pointers(const void *a, const void *b)
{
	uintptr_t pa = (uintptr_t)*(const struct node *const *)a, pb = (uintptr_t)*(const struct node *const *)b;

	return (pa > pb) - (pa < pb);
}

/* --- the rules ---------------------------------------------------------------------------------------------- */

static void
check_apex(struct check *check)
{
	const struct node *apex = zone_apex(check->zone);
	const struct rrset *soa = zone_soa(check->zone);
	const uint8_t *rname = soa->wire + 2;

	if (check->complete && node_rrset(apex, TYPE_NS) == NULL)
		find(check, DIAG_ERROR, apex, TYPE_SOA, NULL, "no NS record at the apex");
	rname += name_length(rname, NAME_MAX);
	if (memchr(rname + 1, '@', *rname) != NULL)
		find(check, DIAG_WARNING, apex, TYPE_SOA, NULL,
		    "SOA: the mailbox is written with a dot in place of '@' (RFC 1035 section 8)");
}

static void
check_node(struct check *check, const struct node *node)
{
	if (node->rrset_count == 0)
		return;
	check_owner(check, node);
	if (check_occluded(check, node))
		return;
	check_cname(check, node);
	check_dname(check, node);
	if ((node->flags & NODE_CUT) != 0)
		check_cut(check, node);
	else
		check_targets(check, node);
	check_region(check, node);
}

/* Below a DNAME or a delegation? The upper of the two decides. */
static bool
check_occluded(struct check *check, const struct node *node)
{
	bool below_cut = node->cut != NULL && node->cut != node;
	char text[NAME_TEXT_SIZE];

	if (node->dname != NULL && (node->cut == NULL || node->dname->labels < node->cut->labels)) {
		find(check, DIAG_ERROR, node, node->rrsets[0].type, NULL, "records below the DNAME at '%s'",
		    name_text(node->dname->name, text));
		return true;
	}
	for (uint16_t i = 0; i < node->rrset_count && below_cut; i++) {
		if (is_glue(check, node, node->rrsets[i].type))
			continue;
		find(check, DIAG_WARNING, node, node->rrsets[i].type, NULL,
		    "the record is below the delegation of '%s' and no glue: it is never answered",
		    name_text(node->cut->name, text));
		break;
	}
	return below_cut;
}

static bool
is_glue(const struct check *check, const struct node *node, uint16_t type)
{
	if (check->no_memory)
		return true;
	return (type == TYPE_A || type == TYPE_AAAA) && check->glue_count > 0
	    && bsearch(&node, check->glue, check->glue_count, sizeof(*check->glue), compare_pointers) != NULL;
}

static void
check_cname(struct check *check, const struct node *node)
{
	const struct rrset *cname = node_rrset(node, TYPE_CNAME);
	char type[16];

	if (cname == NULL)
		return;
	if (cname->count > 1)
		find(check, DIAG_ERROR, node, TYPE_CNAME, NULL, "%u CNAME records at one name; it can be only one",
		    cname->count);
	for (uint16_t i = 0; i < node->rrset_count; i++) {
		if (lives_beside_cname(node->rrsets[i].type))
			continue;
		find(check, DIAG_ERROR, node, TYPE_CNAME, NULL, "CNAME beside other data (%s) at the same name",
		    rrtype_text(node->rrsets[i].type, type));
		break;
	}
}

/* RFC 4034 sections 3 and 4.1.1, RFC 2535 section 2.3.5. */
static bool
lives_beside_cname(uint16_t type)
{
	return type == TYPE_CNAME || type == TYPE_RRSIG || type == TYPE_NSEC || type == RRTYPE_SIG
	    || type == RRTYPE_KEY || type == RRTYPE_NXT;
}

static void
check_dname(struct check *check, const struct node *node)
{
	const struct rrset *dname = node_rrset(node, TYPE_DNAME);

	if (dname == NULL)
		return;
	if (dname->count > 1)
		find(check, DIAG_ERROR, node, TYPE_DNAME, NULL, "%u DNAME records at one name; it can be only one",
		    dname->count);
	if ((node->flags & NODE_CUT) != 0)
		find(check, DIAG_ERROR, node, TYPE_DNAME, NULL, "DNAME beside a delegation (NS) at the same name");
}

static void
check_cut(struct check *check, const struct node *node)
{
	char type[16];

	for (uint16_t i = 0; i < node->rrset_count; i++) {
		uint16_t t = node->rrsets[i].type;

		if (t == TYPE_NS || t == TYPE_DS || t == TYPE_NSEC || t == TYPE_RRSIG || t == TYPE_CNAME
		    || t == TYPE_DNAME || is_glue(check, node, t))
			continue;
		find(check, DIAG_WARNING, node, t, NULL,
		    "the name is delegated (NS), so its %s record is never answered", rrtype_text(t, type));
	}
	if (node->name[0] == 1 && node->name[1] == '*')
		find(check, DIAG_WARNING, node, TYPE_NS, NULL,
		    "NS at a wildcard has no defined meaning (RFC 4592 section 4.2)");
	each_target(check, node, TYPE_NS, check_glue);
}

static void
check_glue(struct check *check, const struct target *target)
{
	const struct node *found = zone_find_name(check->zone, target->name);
	char text[NAME_TEXT_SIZE];

	if (!name_is_under(target->name, target->node->name))
		check_target(check, target);
	else if (check->complete && (found == NULL || !has_address(found)))
		find_target(check, DIAG_ERROR, target, NULL,
		    "the nameserver '%s' lies in the zone that it serves and needs glue: an A or AAAA record",
		    name_text(target->name, text));
}

static void
check_targets(struct check *check, const struct node *node)
{
	each_target(check, node, TYPE_NS, check_target);
	each_target(check, node, TYPE_MX, check_target);
	each_target(check, node, TYPE_SRV, check_target);
	each_target(check, node, TYPE_CNAME, check_target);
	if (node_rrset(node, TYPE_DS) != NULL)
		find(check, DIAG_WARNING, node, TYPE_DS, NULL, "DS at a name that is not delegated");
}

static void
check_target(struct check *check, const struct target *target)
{
	char text[NAME_TEXT_SIZE], shorter[NAME_TEXT_SIZE], type[16];
	enum verdict verdict = resolve(check, target->name);

	rrtype_text(target->type, type);
	name_text(target->name, text);
	if (verdict == TARGET_ALIAS && target->type != TYPE_CNAME)
		find_target(check, DIAG_WARNING, target, NULL,
		    "%s: the target '%s' is an alias (CNAME), which RFC 2181 section 10.3 forbids", type, text);
	if (!check->complete)
		return;
	if (verdict == TARGET_MISSING && looks_like_address(target->name))
		find_target(check, DIAG_WARNING, target, NULL,
		    "%s: the target must be a name, not an address ('%s' is none)", type, text);
	else if (verdict == TARGET_MISSING)
		find_target(check, DIAG_WARNING, target, repeats_apex(check, target->name, shorter) ? shorter : NULL,
		    "%s: the target '%s' does not exist", type, text);
	else if (verdict == TARGET_NO_ADDRESS && target->type != TYPE_CNAME)
		find_target(check, DIAG_WARNING, target, NULL, "%s: the target '%s' has no address", type, text);
}

static void
check_owner(struct check *check, const struct node *node)
{
	char shorter[NAME_TEXT_SIZE], text[NAME_TEXT_SIZE];
	uint16_t type = node->rrsets[0].type;

	if (repeats_apex(check, node->name, shorter))
		find(check, DIAG_WARNING, node, type, shorter,
		    "the owner '%s' holds the zone's name twice: is a final dot missing?", name_text(node->name, text));
	for (unsigned i = 0; i < node->name_length; i++)
		if (node->name[i] > 127) {
			find(check, DIAG_WARNING, node, type, NULL, "the owner has letters beyond ASCII; "
			    "clients ask for such names in the form xn--... (RFC 5891)");
			return;
		}
}

/* --- region records ----------------------------------------------------------------------------------------- */

/* REGION._region.SERVICE is ordinary data. These are what can't be steered, or not as it was surely meant. */
static void
check_region(struct check *check, const struct node *node)
{
	const struct node *parent = node->parent;
	uint16_t type = node->rrsets[0].type;

	if (parent == NULL)
		return;
	if (is_region_label(node))
		find(check, DIAG_WARNING, node, type, NULL,
		    "the record belongs to no region: write REGION._region.SERVICE");
	else if (is_region_label(parent) && (node->flags & NODE_CUT) != 0)
		find(check, DIAG_WARNING, node, TYPE_NS, NULL, "a delegation can't be a region record");
	else if (is_region_label(parent) && parent->parent != NULL)
		check_region_alias(check, node, parent->parent);
	else if (parent->parent != NULL && is_region_label(parent->parent))
		find(check, DIAG_WARNING, node, type, NULL,
		    "more than one label before _region: a region's name is one label, the record is never steered");
}

static bool
is_region_label(const struct node *node)
{
	return node->name[0] == 7 && memcmp(node->name + 1, "_region", 7) == 0;
}

static void
check_region_alias(struct check *check, const struct node *node, const struct node *service)
{
	char type[16], text[NAME_TEXT_SIZE];

	if (node_rrset(node, TYPE_CNAME) == NULL)
		return;
	for (uint16_t i = 0; i < service->rrset_count; i++) {
		if (lives_beside_cname(service->rrsets[i].type))
			continue;
		find(check, DIAG_WARNING, node, TYPE_CNAME, NULL,
		    "the region's CNAME would be answered for '%s', which has other data (%s)",
		    name_text(service->name, text), rrtype_text(service->rrsets[i].type, type));
		return;
	}
}

/* --- names -------------------------------------------------------------------------------------------------- */

/* Calls `fn` with the target in each record of the RRset. */
static void
each_target(struct check *check, const struct node *node, uint16_t type, target_fn *fn)
{
	const struct rrset *set = node_rrset(node, type);
	size_t skip = type == TYPE_MX ? 2 : type == TYPE_SRV ? 6 : 0;
	const uint8_t *at = set == NULL ? NULL : set->wire;

	for (uint16_t i = 0; set != NULL && i < set->count; i++) {
		struct target target = {
			.node = node, .type = type, .rdata = at + 2, .rdlength = (uint16_t)(at[0] << 8 | at[1]),
		};
		size_t length = target.rdlength > skip ? name_length(at + 2 + skip, target.rdlength - skip) : 0;

		if (length > 0) {
			name_lower(target.name, at + 2 + skip, length);
			fn(check, &target);
		}
		at += 2 + (size_t)target.rdlength;
	}
}

static enum verdict
resolve(const struct check *check, const uint8_t *target)
{
	const struct node *node;

	if (!name_is_under(target, check->apex))
		return TARGET_ELSEWHERE;
	node = zone_find_name(check->zone, target);
	if (node != NULL)
		return judge(node);
	/* The closest encloser tells what a query would get. */
	while (node == NULL) {
		target += *target + 1;
		node = zone_find_name(check->zone, target);
	}
	if (node->cut != NULL)
		return TARGET_ELSEWHERE;
	if (node->dname != NULL || node_rrset(node, TYPE_DNAME) != NULL)
		return TARGET_ALIAS;
	return node->wildcard != NULL ? judge(node->wildcard) : TARGET_MISSING;
}

static enum verdict
judge(const struct node *node)
{
	if (node->cut != NULL)
		return TARGET_ELSEWHERE;
	if (node_rrset(node, TYPE_CNAME) != NULL || node->dname != NULL)
		return TARGET_ALIAS;
	return has_address(node) || (node->flags & NODE_REGIONS) != 0 ? TARGET_GOOD : TARGET_NO_ADDRESS;
}

static bool
has_address(const struct node *node)
{
	return node_rrset(node, TYPE_A) != NULL || node_rrset(node, TYPE_AAAA) != NULL;
}

/* "www.example.com.example.com.": a name that was meant to end in a dot. `text` becomes what was meant. */
static bool
repeats_apex(const struct check *check, const uint8_t *name, char text[static NAME_TEXT_SIZE])
{
	unsigned labels = name_labels(name);
	uint8_t shorter[NAME_MAX];
	size_t at = 0;

	/* Under a zone of one label, as "com", the doubled label may well be a name. */
	if (check->apex_labels < 2 || labels < 2 * check->apex_labels)
		return false;
	for (unsigned i = 0; i < labels - check->apex_labels; i++)
		at += name[at] + 1u;
	memcpy(shorter, name, at);
	shorter[at] = 0;
	if (!name_is_under(shorter, check->apex))
		return false;
	name_text(shorter, text);
	return true;
}

/* Its first four labels are numbers, as of "192.0.2.1" without a final dot. */
static bool
looks_like_address(const uint8_t *name)
{
	for (unsigned i = 0; i < 4; i++, name += *name + 1) {
		if (*name == 0 || *name > 3)
			return false;
		for (unsigned k = 1; k <= *name; k++)
			if (name[k] < '0' || name[k] > '9')
				return false;
	}
	return true;
}

/* --- findings ----------------------------------------------------------------------------------------------- */

static void
find(struct check *check, enum diag_level level, const struct node *node, uint16_t type, const char *suggestion,
    const char *format, ...)
{
	struct target target = { .node = node, .type = type };
	va_list args;

	va_start(args, format);
	add(check->findings, level, &target, suggestion, format, args);
	va_end(args);
}

void
findings_add(struct findings *findings, enum diag_level level, const struct node *node, uint16_t type,
	const char *format, ...)
{
	struct target target = { .node = node, .type = type };
	va_list args;

	va_start(args, format);
	add(findings, level, &target, NULL, format, args);
	va_end(args);
}

/* Of one record in an RRset. */
static void
find_target(struct check *check, enum diag_level level, const struct target *target, const char *suggestion,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(check->findings, level, target, suggestion, format, args);
	va_end(args);
}

static void
add(struct findings *findings, enum diag_level level, const struct target *about, const char *suggestion,
    const char *format, va_list args)
{
	size_t *counter = level == DIAG_ERROR ? &findings->errors : &findings->warnings;
	struct finding *finding;

	if (++*counter > (level == DIAG_ERROR ? ERRORS_MAX : WARNINGS_MAX))
		return;
	if (findings->count == findings->size) {
		size_t size = findings->size == 0 ? 16 : findings->size * 2;
		struct finding *list = realloc(findings->list, size * sizeof(*list));

		if (list == NULL) {
			findings->no_memory = true;
			return;
		}
		findings->list = list;
		findings->size = size;
	}
	finding = &findings->list[findings->count++];
	*finding = (struct finding){
		.level = level, .node = about->node, .type = about->type, .rdata = about->rdata,
		.rdlength = about->rdlength,
	};
	if (suggestion != NULL)
		finding->suggestion = strdup(suggestion);
	if (vasprintf(&finding->message, format, args) < 0)
		finding->message = NULL;
	if (finding->message == NULL || (suggestion != NULL && finding->suggestion == NULL))
		findings->no_memory = true;
}

void
findings_fini(struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		free(findings->list[i].message);
		free(findings->list[i].suggestion);
	}
	free(findings->list);
	*findings = (struct findings){ 0 };
}
