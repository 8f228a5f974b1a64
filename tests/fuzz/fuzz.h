/* fuzz.h -- what each fuzz target is built with. A target defines FUZZ_NAME and LLVMFuzzerTestOneInput(), which aborts
 * when something that must hold doesn't, and includes this last.
 * In a usual build it brings a main() that runs the target over the saved inputs in tests/fuzz/corpus/FUZZ_NAME (or
 * over the files given), over every cut of them, and over each with every byte changed: so `make check` keeps old
 * findings found. With --enable-fuzz (CC=clang) libFuzzer brings its own main():
 *
 *	tests/fuzz/fuzz_json -max_total_time=60 tests/fuzz/corpus/json
 */
#ifndef ISOBAR_TESTS_FUZZ_H
#define ISOBAR_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#ifndef ISOBAR_FUZZ
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define FUZZ_LARGEST ((size_t)1 << 20)
#define FUZZ_MUTATED ((size_t)512)	/* longer inputs are run as they are: cuts and changes are quadratic */

/* An exact copy on the heap, so that a byte read too far is one that the address sanitizer sees. */
static inline void
fuzz_once(const char *bytes, size_t length)
{
	uint8_t *copy = malloc(length > 0 ? length : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, length);
	LLVMFuzzerTestOneInput(copy, length);
	free(copy);
}

static inline void
fuzz_file(const char *path)
{
	static const char changes[] = { 0x01, 0x20, (char)0x80, (char)0xff };
	size_t length;
	int error;
	char *bytes = text_read_file(path, FUZZ_LARGEST, &length, &error);

	if (bytes == NULL) {
		printf("not ok %s: %s\n", path, strerror(-error));
		exit(1);
	}
	fuzz_once(bytes, length);
	for (size_t i = 0; i < length && length <= FUZZ_MUTATED; i++) {
		fuzz_once(bytes, i);
		for (size_t c = 0; c < sizeof(changes); c++) {
			bytes[i] ^= changes[c];
			fuzz_once(bytes, length);
			bytes[i] ^= changes[c];
		}
	}
	printf("ok " FUZZ_NAME " %s\n", strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1);
	fflush(stdout);
	free(bytes);
}

static inline int
fuzz_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
main(int argc, char **argv)
{
	const char *source = getenv("ISOBAR_SOURCE");
	char folder[4096], path[8192];
	struct dirent **entries;
	int count;

	for (int i = 1; i < argc; i++)
		fuzz_file(argv[i]);
	if (argc > 1)
		return 0;
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/" FUZZ_NAME, source == NULL ? "." : source);
	count = scandir(folder, &entries, fuzz_visible, alphasort);
	if (count <= 0) {
		printf("not ok " FUZZ_NAME ": no inputs in %s\n", folder);
		return 1;
	}
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		fuzz_file(path);
		free(entries[i]);
	}
	free(entries);
	return 0;
}
#endif

#endif
