/* text.c -- growing text, whole files, and the nearest word.
 * In and out: bytes in the caller's struct text, files by path. Threads: any; nothing is shared.
 * Growth doubles, so that adding n bytes one by one costs n copies in all and not n squared.
 * text_suggest() is Levenshtein's distance by one row of the table (Wagner and Fischer 1974). A third of the word is
 * the limit, because two words farther apart look unrelated to a reader ("ttl" is no help for "tls"). */
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_SIZE ((size_t)64)
#define LONGEST_WORD ((size_t)64)	/* names of settings and records; longer ones get no suggestion */

static bool reserve(struct text *text, size_t more);
static int read_all(int fd, size_t limit, struct text *text);
static int write_all(int fd, const char *bytes, size_t length);
static int replace_file(const char *temporary, const char *path);
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length);

void
text_add(struct text *text, const char *bytes, size_t length)
{
	if (!reserve(text, length))
		return;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

/* Room for `more` bytes and a NUL. */
static bool
reserve(struct text *text, size_t more)
{
	size_t size = text->size == 0 ? FIRST_SIZE : text->size;
	char *bytes;

	if (text->failed)
		return false;
	if (more < text->size - text->length)
		return true;
	while (size - text->length <= more && size <= SIZE_MAX / 2)
		size *= 2;
	bytes = size - text->length > more ? realloc(text->bytes, size) : NULL;
	if (bytes == NULL) {
		text->failed = true;
		return false;
	}
	text->bytes = bytes;
	text->size = size;
	return true;
}

void
text_puts(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

void
text_printf(struct text *text, const char *format, ...)
{
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, args);
	if (length < 0) {
		text->failed = true;
	} else if (reserve(text, (size_t)length)) {
		vsnprintf(text->bytes + text->length, (size_t)length + 1, format, again);
		text->length += (size_t)length;
	}
	va_end(again);
	va_end(args);
}

void
text_fini(struct text *text)
{
	free(text->bytes);
	*text = (struct text){ 0 };
}

void
text_wipe(struct text *text)
{
	if (text->bytes != NULL)
		explicit_bzero(text->bytes, text->size);
	text_fini(text);
}

void
text_reserve(struct text *text, size_t more)
{
	reserve(text, more);
}

char *
text_take(struct text *text)
{
	char *bytes = NULL;

	text_add(text, "", 0);	/* nothing was added yet: take an empty string, not NULL */
	if (!text->failed) {
		bytes = text->bytes;
		text->bytes = NULL;
	}
	text_fini(text);
	return bytes;
}

char *
text_read_file(const char *path, size_t limit, size_t *length, int *error)
{
	struct text text = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		*error = -errno;
		return NULL;
	}
	*error = read_all(fd, limit, &text);
	close(fd);
	if (*error < 0) {
		text_fini(&text);
		return NULL;
	}
	*length = text.length;
	return text.bytes;
}

/* Reads up to the end of the file; the size that stat tells isn't asked, since pipes and /proc have none. */
static int
read_all(int fd, size_t limit, struct text *text)
{
	char block[16384];

	text_add(text, "", 0);
	for (;;) {
		ssize_t got = read(fd, block, sizeof(block));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return text->failed ? -ENOMEM : 0;
		if ((size_t)got > limit - text->length)
			return -EFBIG;
		text_add(text, block, (size_t)got);
		if (text->failed)
			return -ENOMEM;
	}
}

int
text_write_file(const char *path, const char *bytes, size_t length)
{
	struct text name = { 0 };
	int fd, rc;

	text_printf(&name, "%s.XXXXXX", path);
	if (name.failed) {
		text_fini(&name);
		return -ENOMEM;
	}
	fd = mkostemp(name.bytes, O_CLOEXEC);
	if (fd < 0) {
		rc = -errno;
		text_fini(&name);
		return rc;
	}
	rc = write_all(fd, bytes, length);
	if (rc == 0 && (fchmod(fd, 0644) != 0 || fsync(fd) != 0))
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0)
		rc = replace_file(name.bytes, path);
	if (rc < 0)
		unlink(name.bytes);
	text_fini(&name);
	return rc;
}

static int
write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* The rename is durable only when the folder is synced too. */
static int
replace_file(const char *temporary, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct text folder = { 0 };
	int fd, rc = 0;

	if (rename(temporary, path) != 0)
		return -errno;
	text_add(&folder, slash == NULL ? "." : path, slash == NULL ? 1 : (size_t)(slash - path) + 1);
	if (folder.failed)
		return -ENOMEM;
	fd = open(folder.bytes, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	text_fini(&folder);
	return rc;
}

const char *
text_suggest(const char *word, const char *const *candidates, size_t count)
{
	size_t length = strlen(word), least = length / 3 + 1;
	const char *nearest = NULL;

	if (length > LONGEST_WORD)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t d, other = strlen(candidates[i]);

		if (other > LONGEST_WORD)
			continue;
		d = distance(word, length, candidates[i], other);
		if (d < least) {
			least = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}

/* Insertions, deletions and substitutions that turn `a` into `b`; `row` holds the distances of a's prefix so far to
 * every prefix of `b`. */
static size_t
distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t row[LONGEST_WORD + 1];

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_length];
}
