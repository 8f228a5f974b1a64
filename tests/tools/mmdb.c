/* mmdb.c -- writes a database of countries for tests: mmdb FILE PREFIX=CC... The writer is tests/unit/mmdb.h. */
#include "../unit/mmdb.h"

#define ENTRIES_MAX 100

int
main(int argc, char **argv)
{
	struct mmdb_entry entries[ENTRIES_MAX];
	size_t count = 0;

	for (int i = 2; i < argc && count < ENTRIES_MAX; i++) {
		char *equals = strchr(argv[i], '=');

		if (equals == NULL || strlen(equals) != 3)
			break;
		*equals = '\0';
		entries[count++] = (struct mmdb_entry){ .prefix = argv[i], .country = equals + 1 };
	}
	if (argc < 3 || count != (size_t)argc - 2) {
		fprintf(stderr, "usage: mmdb FILE PREFIX=CC...\n");
		return 2;
	}
	mmdb_write(argv[1], 6, MMDB_NESTED, entries, count);
	return 0;
}
