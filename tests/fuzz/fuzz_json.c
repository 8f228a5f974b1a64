/* fuzz_json.c -- base/json: any bytes are either refused with an error, or give a tree that is written as JSON which
 * reads back as the same. */
#define FUZZ_NAME "json"

#include "base/json.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct diags diags = { 0 };
	cJSON *value = json_parse((const char *)bytes, length, "input", &diags), *again;
	char *written;

	if ((value == NULL) != diag_failed(&diags))
		abort();
	if (value != NULL) {
		written = json_write(value);
		if (written == NULL)
			abort();
		again = json_parse(written, strlen(written), "written", &diags);
		if (again == NULL || !cJSON_Compare(value, again, 1))
			abort();
		cJSON_Delete(again);
		free(written);
	}
	cJSON_Delete(value);
	diag_fini(&diags);
	return 0;
}
