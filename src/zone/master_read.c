/* master_read.c -- a master file becomes a zone.
 * In: the text of the file. Out: a zone, or every error in it.
 * Memory: one record at a time and the zone that grows; a million names never stand in memory as ldns records.
 *
 * In three steps:
 * 1. Records are read and added. One that is wrong is reported and left out; the rest is still read and checked.
 * 2. The zone is frozen and checked as a whole. If the file has no usable SOA, a stand-in lets these checks go on;
 *    such a zone is never given out.
 * 3. The checks speak of owners and types, since a zone keeps no line numbers: they would cost every zone memory for
 *    the sake of broken ones. If there was a finding, the text is read a second time, only to find its line. */
#include "zone/master_read.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "zone/record.h"
#include "zone/rrtype.h"
#include "zone/zone_check.h"

struct reading {
	const char *text, *file;
	uint8_t apex[NAME_MAX];
	struct diags *diags;
	struct record_reader *reader;
	struct zone_builder *builder;
	unsigned soa_line;	/* 0: none yet */
	bool broken;		/* some record could not be read */
	bool soa_broken;	/* and one of those was an SOA */
	bool out_of_memory;
	uint8_t large[NAME_MAX];	/* the last RRset that was too large, and its type */
	uint16_t large_type;
};

static void read_records(struct reading *reading);
static void add_record(struct reading *reading, const struct record *record);
static void refuse_large(struct reading *reading, const struct record *record);
static bool admit_soa(struct reading *reading, const struct record *record);
static struct zone *freeze(struct reading *reading);
static bool add_stand_in(struct reading *reading);
static void check(struct reading *reading, const struct zone *zone);
static bool locate(const struct reading *reading, struct findings *findings);
static void locate_record(struct record_reader *reader, struct findings *findings, struct record *record);
static bool is_about(struct record_reader *reader, const struct finding *finding, struct record *record);
static int compare_findings(const void *a, const void *b);
static int compare_place(const uint8_t *owner, uint16_t type, const struct finding *finding);
static void report(const struct reading *reading, const struct findings *findings);
static void report_rest(const struct reading *reading, size_t errors, size_t warnings);
static bool has_suffix(const char *text, const char *suffix);

struct zone *
master_read(const char *text, const char *file, const uint8_t *origin, struct diags *diags)
{
	size_t errors = diags->errors;
	struct reading reading = { .text = text, .file = file, .diags = diags };
	struct zone *zone = NULL;

	name_lower(reading.apex, origin, name_length(origin, NAME_MAX));
	reading.builder = zone_builder_new(reading.apex);
	reading.reader = malloc(sizeof(*reading.reader));
	reading.out_of_memory = reading.builder == NULL || reading.reader == NULL;
	if (!reading.out_of_memory) {
		record_reader_init(reading.reader, text, file, reading.apex, diags);
		read_records(&reading);
		record_reader_fini(reading.reader);
		zone = freeze(&reading);
	} else {
		zone_builder_free(reading.builder);
	}
	free(reading.reader);
	if (zone != NULL)
		check(&reading, zone);
	if (reading.out_of_memory)
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "out of memory");
	if (diags->errors > errors) {
		zone_release(zone);
		zone = NULL;
	}
	return zone;
}

bool
master_check(const char *text, const char *file, const struct zone *zone, struct diags *diags)
{
	struct reading reading = { .text = text, .file = file, .diags = diags };
	size_t errors = diags->errors;

	memcpy(reading.apex, zone_apex(zone)->name, zone_apex(zone)->name_length);
	check(&reading, zone);
	if (reading.out_of_memory)
		diag_error(diags, (struct diag_place){ .file = file }, NULL, "out of memory");
	return diags->errors == errors;
}

/* --- step 1 ------------------------------------------------------------------------------------------------- */

static void
read_records(struct reading *reading)
{
	struct record record;

	while (!reading->out_of_memory) {
		switch (record_next(reading->reader, &record)) {
		case RECORD_READ:
			add_record(reading, &record);
			break;
		case RECORD_DIRECTIVE:
			break;
		case RECORD_BROKEN:
			reading->broken = true;
			for (size_t i = 0; i < reading->reader->entry.count; i++)
				if (token_is(&reading->reader->entry.tokens[i], "SOA"))
					reading->soa_broken = true;
			break;
		case RECORD_END:
			return;
		case RECORD_NO_MEMORY:
			reading->out_of_memory = true;
		}
	}
}

static void
add_record(struct reading *reading, const struct record *record)
{
	char name[NAME_TEXT_SIZE];

	if (record->type == TYPE_SOA && !admit_soa(reading, record))
		return;
	switch (zone_builder_add(reading->builder, record->owner, record->type, record->ttl, record->rdata,
	    record->rdlength)) {
	case ZONE_ADDED:
		break;
	case ZONE_DUPLICATE:
		diag_warning(reading->diags, record_place(reading->reader, &record->entry.tokens[record->type_at]),
		    NULL, "the same record stands here twice; one is kept");
		break;
	case ZONE_TTL_DIFFERS:
		diag_warning(reading->diags, record_place(reading->reader, record->ttl_token != NULL
		    ? record->ttl_token : &record->entry.tokens[record->type_at]), NULL,
		    "the TTL differs from that of the record before with this owner and type, which is kept for all");
		break;
	case ZONE_NOT_UNDER_APEX:
		diag_error(reading->diags, record_place(reading->reader, &record->entry.tokens[0]), NULL,
		    "the owner '%s' is outside the zone: is a final dot too many, or the origin wrong?",
		    name_text(record->owner, name));
		break;
	case ZONE_RRSET_TOO_LARGE:
		refuse_large(reading, record);
		break;
	case ZONE_NO_MEMORY:
		reading->out_of_memory = true;
	}
}

/* Told once for each RRset, at the first record that is too many. */
static void
refuse_large(struct reading *reading, const struct record *record)
{
	size_t length = name_length(record->owner, NAME_MAX);

	if (reading->large_type == record->type && memcmp(reading->large, record->owner, length) == 0)
		return;
	reading->large_type = record->type;
	memcpy(reading->large, record->owner, length);
	diag_error(reading->diags, record_place(reading->reader, &record->entry.tokens[record->type_at]), NULL,
	    "with this record the RRset is too large for any DNS message (65535 octets)");
}

/* One SOA, at the apex. */
static bool
admit_soa(struct reading *reading, const struct record *record)
{
	size_t length = name_length(reading->apex, NAME_MAX);
	char name[NAME_TEXT_SIZE];
	struct diag_place place = record_place(reading->reader, &record->entry.tokens[record->type_at]);

	if (name_length(record->owner, NAME_MAX) != length || !name_equal(record->owner, reading->apex, length)) {
		reading->soa_broken = true;
		diag_error(reading->diags, place, NULL, "SOA away from the apex '%s'", name_text(reading->apex, name));
		return false;
	}
	if (reading->soa_line != 0) {
		diag_error(reading->diags, place, NULL, "a second SOA; the first is in line %u", reading->soa_line);
		return false;
	}
	reading->soa_line = place.line;
	return true;
}

/* --- step 2 ------------------------------------------------------------------------------------------------- */

static struct zone *
freeze(struct reading *reading)
{
	struct zone *zone = NULL;

	if (reading->soa_line == 0 && !reading->soa_broken)
		diag_error(reading->diags, (struct diag_place){ .file = reading->file }, NULL,
		    "no SOA record at the apex");
	if (reading->out_of_memory || (reading->soa_line == 0 && !add_stand_in(reading))) {
		reading->out_of_memory = true;
		zone_builder_free(reading->builder);
		return NULL;
	}
	if (zone_builder_freeze(reading->builder, &zone) != ZONE_OK) {
		reading->out_of_memory = true;
		return NULL;
	}
	return zone;
}

static bool
add_stand_in(struct reading *reading)
{
	static const uint8_t rdata[22];		/* root, root, five zeros */

	return zone_builder_add(reading->builder, reading->apex, TYPE_SOA, 0, rdata, sizeof(rdata)) != ZONE_NO_MEMORY;
}

static void
check(struct reading *reading, const struct zone *zone)
{
	struct findings findings = { 0 };

	zone_check(zone, !reading->broken, &findings);
	if ((findings.count > 0 && !locate(reading, &findings)) || findings.no_memory)
		reading->out_of_memory = true;
	report(reading, &findings);
	findings_fini(&findings);
}

/* --- step 3 ------------------------------------------------------------------------------------------------- */

static bool
locate(const struct reading *reading, struct findings *findings)
{
	struct record_reader *reader = malloc(sizeof(*reader));
	struct record record;
	enum record_result result;

	if (reader == NULL)
		return false;
	qsort(findings->list, findings->count, sizeof(*findings->list), compare_findings);
	record_reader_init(reader, reading->text, reading->file, reading->apex, NULL);
	reader->heads_only = true;
	while ((result = record_next(reader, &record)) != RECORD_END && result != RECORD_NO_MEMORY)
		if (result == RECORD_READ)
			locate_record(reader, findings, &record);
	record_reader_fini(reader);
	free(reader);
	return result == RECORD_END;
}

/* Several findings may speak of one record, and several records be spoken of by one finding: the first counts. */
static void
locate_record(struct record_reader *reader, struct findings *findings, struct record *record)
{
	const struct token *type = &record->entry.tokens[record->type_at];
	size_t low = 0, high = findings->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_place(record->owner, record->type, &findings->list[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < findings->count && compare_place(record->owner, record->type, &findings->list[low]) == 0; low++)
		if (findings->list[low].line == 0 && is_about(reader, &findings->list[low], record)) {
			findings->list[low].line = type->line;
			findings->list[low].column = type->column;
		}
}

static bool
is_about(struct record_reader *reader, const struct finding *finding, struct record *record)
{
	if (finding->rdata == NULL)
		return true;
	return (record->rdata != NULL || record_read_rdata(reader, record)) && record->rdlength == finding->rdlength
	    && memcmp(record->rdata, finding->rdata, record->rdlength) == 0;
}

static int
compare_findings(const void *a, const void *b)
{
	const struct finding *fa = a, *fb = b;

	return compare_place(fa->node->name, fa->type, fb);
}

static int
compare_place(const uint8_t *owner, uint16_t type, const struct finding *finding)
{
	size_t length = name_length(owner, NAME_MAX), other = finding->node->name_length;
	int order = memcmp(owner, finding->node->name, length < other ? length : other);

	return order != 0 ? order : (type > finding->type) - (type < finding->type);
}

static void
report(const struct reading *reading, const struct findings *findings)
{
	size_t kept[2] = { 0 };

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *f = &findings->list[i];
		struct diag_place place = { .file = reading->file, .line = f->line, .column = f->column };
		const char *message = f->message != NULL ? f->message : "out of memory";

		kept[f->level]++;
		if (f->level == DIAG_ERROR)
			diag_error(reading->diags, place, f->suggestion, "%s", message);
		else
			diag_warning(reading->diags, place, f->suggestion, "%s", message);
	}
	report_rest(reading, findings->errors - kept[DIAG_ERROR], findings->warnings - kept[DIAG_WARNING]);
}

/* How many findings there were beyond those that zone_check() kept. */
static void
report_rest(const struct reading *reading, size_t errors, size_t warnings)
{
	struct diag_place place = { .file = reading->file };

	if (errors > 0)
		diag_error(reading->diags, place, NULL, "%zu more errors of these kinds", errors);
	if (warnings > 0)
		diag_warning(reading->diags, place, NULL, "%zu more warnings of these kinds", warnings);
}

/* --- file names -------------------------------------------------------------------------------------------- */

size_t
master_file_apex(const char *file_name, uint8_t apex[static NAME_MAX])
{
	static const char *const others[] = { "~", ".bak", ".yaml", ".yml", ".md" };
	char text[NAME_TEXT_SIZE];
	size_t length = strlen(file_name);

	if (file_name[0] == '.' || length >= sizeof(text))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (has_suffix(file_name, others[i]))
			return 0;
	memcpy(text, file_name, length + 1);
	if (has_suffix(text, ".zone"))
		text[length - 5] = '\0';
	return name_parse(text, apex);
}

static bool
has_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text), end = strlen(suffix);

	return length > end && strcmp(text + length - end, suffix) == 0;
}
