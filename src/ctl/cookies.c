/* cookies.c -- rolls over the secrets of DNS cookies that servers share.  In: their file.  Out: the same, a step on.
 * Threads: one.
 * It works on the file and asks no isobard: all servers of a zone must have the same file, and how it gets to them is
 * the operator's. It replaces the file at once, so that a reload never meets half of one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "dns/cookie.h"

#define SECRETS_FILE_MAX 4096

static enum ctl_status write_step(const struct ctl *ctl, const char *path, const struct text *out);
static bool replace(const char *path, const struct text *out);

enum ctl_status
ctl_cookies_roll(struct ctl *ctl)
{
	static const char *const done[] = {
		[COOKIE_ROLL_BEGUN] = "a first secret",
		[COOKIE_ROLL_NEXT] = "a next secret, which cookies are checked with, too",
		[COOKIE_ROLL_TAKEN] = "the next secret as the current one, which makes cookies",
		[COOKIE_ROLL_DONE] = "no previous secret any more: it is rolled over",
	};
	const char *path = ctl->arguments[0], *why = "";
	uint8_t fresh[COOKIE_SECRET_SIZE];
	struct text out = { 0 };
	enum cookie_roll step = COOKIE_ROLL_BEGUN;
	enum ctl_status status;
	size_t length;
	int error = 0, line;
	char *text = text_read_file(path, SECRETS_FILE_MAX, &length, &error);

	if (text == NULL && error != -ENOENT)
		return ctl_fail("%s can't be read: %s", path, strerror(-error));
	if (!cookie_secret_random(fresh)) {
		free(text);
		return ctl_fail("the system has no random numbers");
	}
	line = cookie_secrets_roll(text == NULL ? "" : text, fresh, &out, &step, &why);
	if (line != 0)
		status = line > 0 ? ctl_fail("%s:%d: %s", path, line, why) : ctl_fail("%s: %s", path, why);
	else
		status = write_step(ctl, path, &out);
	if (status == CTL_DONE) {
		printf("%s %s %s.\n", path, ctl->dry_run ? "would have" : "has", done[step]);
		printf("Copy it to every name server of these zones, and reload each.%s\n",
		    step == COOKIE_ROLL_NEXT ? " Then do the next step."
		    : step == COOKIE_ROLL_TAKEN ? " An hour later do the last step." : "");
	}
	if (text != NULL)
		explicit_bzero(text, length);
	explicit_bzero(fresh, sizeof(fresh));
	free(text);
	text_wipe(&out);
	return status;
}

static enum ctl_status
write_step(const struct ctl *ctl, const char *path, const struct text *out)
{
	if (out->failed)
		return ctl_fail("out of memory");
	if (ctl->dry_run || replace(path, out))
		return CTL_DONE;
	return ctl_fail("%s can't be written: %s", path, strerror(errno));
}

/* With the mode of before, or for its owner alone. */
static bool
replace(const char *path, const struct text *out)
{
	char *fresh = NULL;
	struct stat before;
	bool good = false, known = stat(path, &before) == 0;
	int fd;

	if (asprintf(&fresh, "%s.XXXXXX", path) < 0)
		return false;
	fd = mkstemp(fresh);
	if (fd >= 0) {
		good = (!known || (fchmod(fd, before.st_mode & 0777) == 0
		    && (fchown(fd, before.st_uid, before.st_gid) == 0 || errno == EPERM)))
		    && write(fd, out->bytes, out->length) == (ssize_t)out->length && fsync(fd) == 0;
		good = close(fd) == 0 && good && rename(fresh, path) == 0;
		if (!good)
			(void)unlink(fresh);
	}
	free(fresh);
	return good;
}
