/* fuzz_cap.c -- feed/cap_xml and alerts: any octets are either refused with an error, or give signals of regions that
 * there are, with severities and certainties from 0 to 1 or none, and a body that is JSON. */
#define FUZZ_NAME "cap"

#include "conf/steering_yaml.h"
#include "feed/pulled.h"
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char yaml[] =
    "regions:\n"
    "  dublin: {location: {latitude: 53.3, longitude: -6.3}}\n"
    "  void: {}\n"
    "feeds:\n"
    "  xml: {kind: cap-xml, url: 'http://h/', regions: {dublin: {}, void: {called: [IE006, Clare]}}}\n"
    "services: {www.example.: {regions: [dublin]}}\n";

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static bool
is_share(double value)
{
	return isnan(value) || (value >= 0 && value <= 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct steering *steering;
	struct diags diags = { 0 };
	struct pulled *pulled;
	cJSON *written;
	char *body;

	if (steering == NULL)
		steering = steering_read(yaml, "f", &diags);
	must(steering != NULL);
	pulled = pulled_new(steering, &steering->feeds[0], (struct wall){ INT64_C(1763800000000) });
	must(pulled != NULL);
	pulled_read_cap_xml(pulled, (const char *)bytes, length);
	for (size_t i = 0; i < pulled->signal_count; i++)
		must(pulled->signals[i].region < steering->region_count && is_share(pulled->signals[i].severity) &&
		    is_share(pulled->signals[i].certainty));
	must(pulled->left_out <= pulled->items);
	body = pulled_write(pulled);
	must(body != NULL);
	written = json_parse(body, strlen(body), "written", &diags);
	must(written != NULL);
	cJSON_Delete(written);
	free(body);
	diag_fini(&diags);
	pulled_free(pulled);
	return 0;
}
