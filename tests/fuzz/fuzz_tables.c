/* fuzz_tables.c -- plan/history: any octets, as they are in the store and as they are unpacked, give tables that may be
 * walked and written again, or nothing. */
#define FUZZ_NAME "tables"

#include "plan/history.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* Every slot is reached, every heavy key found, and the tables give octets that read back as themselves. */
static void
check(const struct steering *steering, const struct partition *partition, struct slot_table **tables)
{
	const struct slot_table *views[2];
	struct service service = { .tables = views };
	struct snapshot snapshot = { .steering = steering, .partition = partition };
	size_t length, again_length;
	void *whole, *again;

	for (size_t g = 0; g < partition->count; g++) {
		if (tables[g] == NULL)
			return;
		views[g] = tables[g];
		must(tables[g]->count >= 1);
		for (uint64_t key = 1; key < 50; key++) {
			uint32_t slot = tables[g]->heavy_count == 0 ? UINT32_MAX : slots_heavy(tables[g], key);

			must(slot == UINT32_MAX || slot < tables[g]->count + tables[g]->heavy_count);
		}
	}
	whole = history_whole(&snapshot, &service, &length);
	must(whole != NULL);
	must(history_read(whole, length, steering, partition, tables));
	for (size_t g = 0; g < partition->count; g++) {
		must(tables[g] != NULL);
		slot_table_release((struct slot_table *)(uintptr_t)views[g]);
		views[g] = tables[g];
	}
	again = history_whole(&snapshot, &service, &again_length);
	must(again != NULL && again_length == length && memcmp(again, whole, length) == 0);
	free(again);
	free(whole);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct steering_region regions[] = { { .name = "a" }, { .name = "bc" } };
	static const struct client_group groups[] = { { .name = "default" }, { .name = "germany" } };
	static const struct demand_group demand[] = { { 0, 0 }, { 1, 0 } };
	const struct steering steering = { .region_count = 2, .regions = regions, .group_count = 2, .groups = groups };
	const struct partition partition = { .count = 2, .groups = demand };
	struct slot_table *tables[2] = { NULL, NULL };
	size_t whole_length;
	void *whole;

	if (length > 0 && history_read(bytes, length, &steering, &partition, tables))
		check(&steering, &partition, tables);
	for (size_t g = 0; g < 2; g++)
		slot_table_release(tables[g]);
	whole = history_inflate(bytes, length, bytes, length, &whole_length);
	if (whole != NULL && history_read(whole, whole_length, &steering, &partition, tables))
		for (size_t g = 0; g < 2; g++)
			slot_table_release(tables[g]);
	free(whole);
	return 0;
}
