/* store_folder.h -- for the tests of store/: a folder of its own for each test, a store in it, and small jobs.
 * Each test calls folder_open() first and folder_close() last; in between `folder.path` names the store's file. */
#ifndef ISOBAR_TESTS_STORE_FOLDER_H
#define ISOBAR_TESTS_STORE_FOLDER_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store.h"
#include "suite.h"

struct folder {
	char name[64];
	char path[96];
};

static inline struct folder
folder_open(void)
{
	struct folder folder = { .name = "/tmp/isobar-store-XXXXXX" };

	if (mkdtemp(folder.name) == NULL)
		abort();
	snprintf(folder.path, sizeof(folder.path), "%s/store.db", folder.name);
	return folder;
}

static inline void
folder_close(const struct folder *folder)
{
	DIR *dir = opendir(folder->name);

	if (dir == NULL)
		abort();
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(folder->name);
}

/* Opens the folder's store, or ends the program with the reason: no test can go on without it. */
static inline struct store *
folder_store(const struct folder *folder)
{
	struct store_options options = { .path = folder->path };
	struct text error = { 0 };
	struct store *store = store_open(&options, &error);

	if (store == NULL) {
		fprintf(stderr, "%s\n", error.bytes);
		abort();
	}
	return store;
}

static inline struct store_reader *
folder_reader(const struct folder *folder)
{
	struct text error = { 0 };
	struct store_reader *reader = store_reader_open(folder->path, &error);

	if (reader == NULL) {
		fprintf(stderr, "%s\n", error.bytes);
		abort();
	}
	return reader;
}

#endif
