/* fuzz_master.c -- zone/master: any text is either refused with an error, or gives a zone that is written as a file
 * which reads back as the same; and an edit of it gives an error, or a text that reads as the edited zone. */
#define FUZZ_NAME "master"

#include "zone/master.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#ifdef ISOBAR_FUZZ
/* ldns 1.8 forgets the gateway of an IPSECKEY whose key is no base64. Its frames are seen by the slow unwinder only. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *
__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

const char *
__lsan_default_suppressions(void)
{
	return "leak:ldns_str2rdf_ipseckey\n";
}
#endif

static const uint8_t apex[] = "\7example\3com";

static void read_back(const struct zone *zone);
static void edit(const char *text, const struct zone *zone);
static void compare(struct edited *edited);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct diags diags = { 0 };
	char *text = malloc(length + 1);
	struct zone *zone;

	if (text == NULL)
		abort();
	memcpy(text, bytes, length);
	text[length] = '\0';
	zone = master_read(text, "input", apex, &diags);
	if ((zone == NULL) != diag_failed(&diags))
		abort();
	diag_fini(&diags);
	if (zone != NULL)
		read_back(zone);
	if (zone != NULL)
		edit(text, zone);
	zone_release(zone);
	free(text);
	return 0;
}

static void
read_back(const struct zone *zone)
{
	struct diags diags = { 0 };
	struct text first = { 0 }, second = { 0 };
	struct zone *again;

	master_write(zone, &first);
	if (first.failed)
		abort();
	again = master_read(first.bytes, "written", apex, &diags);
	if (again == NULL)
		abort();
	master_write(again, &second);
	if (second.failed || strcmp(first.bytes, second.bytes) != 0)
		abort();
	zone_release(again);
	text_fini(&first);
	text_fini(&second);
	diag_fini(&diags);
}

/* Where the edited zone is one, the edited text reads as it. */
static void
edit(const char *text, const struct zone *zone)
{
	static const char *const rdata[] = { "192.0.2.200", "192.0.2.201" };
	struct diags diags = { 0 };
	struct edited edited;

	if (master_set(text, zone, "input", "ns1.example.com.", "A", 61, rdata, 2, &edited, &diags))
		compare(&edited);
	else if (!diag_failed(&diags))
		abort();
	diag_fini(&diags);
	if (master_delete(text, zone, "input", "www.example.com.", NULL, &edited, &diags))
		compare(&edited);
	else if (!diag_failed(&diags))
		abort();
	diag_fini(&diags);
}

static void
compare(struct edited *edited)
{
	struct diags diags = { 0 };
	struct text first = { 0 }, second = { 0 };
	struct zone *again = NULL;

	if (master_check(edited->text, "edited", edited->zone, &diags)) {
		again = master_read(edited->text, "edited", apex, &diags);
		if (again == NULL)
			abort();
		master_write(edited->zone, &first);
		master_write(again, &second);
		if (first.failed || second.failed || strcmp(first.bytes, second.bytes) != 0)
			abort();
	}
	zone_release(again);
	zone_release(edited->zone);
	free(edited->text);
	text_fini(&first);
	text_fini(&second);
	diag_fini(&diags);
}
