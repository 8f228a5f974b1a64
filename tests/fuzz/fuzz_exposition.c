/* fuzz_exposition.c -- rem-agent/exposition and series: the first line is a selector, the rest two pages of metrics.
 * Whatever they hold, samples lie within the page, and values of a report are finite or none. */
#define FUZZ_NAME "exposition"

#include "rem-agent/exposition.h"
#include "rem-agent/series.h"
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check_samples(const char *page, const char *selector_text)
{
	struct selector selector;
	bool selects = selector_parse(&selector, selector_text);
	struct exposition exposition;
	struct sample sample;
	const char *end = page + strlen(page);

	exposition_begin(&exposition, page);
	while (exposition_next(&exposition, &sample)) {
		must(sample.name >= page && sample.name_length > 0 && sample.name + sample.name_length <= end);
		must(sample.labels >= page && sample.labels + sample.labels_length <= end);
		if (selects && selector_matches(&selector, &sample))
			must(strlen(selector.name) == sample.name_length);
	}
}

static void
check_values(struct series_set *set, const char *page, int64_t ns)
{
	size_t count;
	const struct series_value *values = series_set_digest(set, page, (struct mono){ ns }, &count);

	must(values != NULL);
	for (size_t i = 0; i < count; i++)
		must(values[i].name[0] != '\0' && !isinf(values[i].value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = strndup((const char *)bytes, length), *page, *half;
	struct series_set *set = series_set_new();

	must(text != NULL && set != NULL);
	page = text + strcspn(text, "\n");
	if (*page != '\0')
		*page++ = '\0';
	check_samples(page, text);
	if (series_set_want(set, text) < 0)
		series_set_want_all(set);
	check_values(set, page, 0);
	half = page + strlen(page) / 2;
	check_values(set, half, 1000000000);
	check_values(set, page, 2000000000);
	series_set_free(set);
	free(text);
	return 0;
}
