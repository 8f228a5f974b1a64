/* fuzz_steering.c -- conf/steering_yaml: any text is either refused with an error, or gives a steering in which every
 * number is in its bounds, every index points to something, and every group alone keeps a legal region. */
#define FUZZ_NAME "steering"

#include "conf/steering_yaml.h"
#include "fuzz.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
check_service(const struct steering *s, const struct steering_service *service)
{
	if (steering_service_find(s, service->name) != service || service->region_count == 0)
		abort();
	if (service->ttl_max != 0 && service->ttl_min > service->ttl_max)
		abort();
	for (size_t i = 0; i < service->region_count; i++) {
		if (service->regions[i].region >= s->region_count || !isfinite(service->regions[i].weight) ||
		    service->regions[i].weight < 0 || service->regions[i].priority == 0)
			abort();
	}
	for (size_t i = 0; i < service->rule_count; i++) {
		for (size_t k = 0; k < service->rules[i].group_count; k++) {
			if (service->rules[i].groups[k] >= s->group_count)
				abort();
		}
	}
	for (size_t g = 0; g < s->group_count; g++) {
		if (region_set_is_empty(steering_legal(service, &(uint16_t){ (uint16_t)g }, 1)))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = malloc(length + 1);
	struct diags diags = { 0 };
	struct steering *steering;

	if (text == NULL)
		abort();
	memcpy(text, bytes, length);
	text[length] = '\0';
	steering = steering_read(text, "input", &diags);
	if ((steering == NULL) != diag_failed(&diags))
		abort();
	for (size_t i = 0; steering != NULL && i < steering->service_count; i++)
		check_service(steering, &steering->services[i]);
	steering_free(steering);
	diag_fini(&diags);
	free(text);
	return 0;
}
