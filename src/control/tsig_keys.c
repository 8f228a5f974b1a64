/* tsig_keys.c -- see tsig_keys.h.
 * In: settings, and the files that they name.  Out: keys in memory that is wiped.  Threads: control. */
#include "control/tsig_keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "transfer/tsig_secret.h"

#define SECRET_FILE_MAX 4096

static bool load_key(struct tsig_key *key, const struct tsig_setting *setting, struct diags *diags);

bool
tsig_keys_load(struct tsig_keys *keys, const struct settings *settings, struct diags *diags)
{
	struct tsig_key *list = calloc(settings->tsig_key_count + 1, sizeof(*list));
	bool good = list != NULL;

	*keys = (struct tsig_keys){ 0 };
	if (list == NULL)
		diag_error(diags, (struct diag_place){ 0 }, NULL, "out of memory");
	for (size_t i = 0; list != NULL && i < settings->tsig_key_count; i++)
		good = load_key(&list[i], &settings->tsig_keys[i], diags) && good;
	for (size_t i = 0; good && i < settings->tsig_key_count; i++)
		if (tsig_key_find(&(struct tsig_keys){ i, list }, list[i].name) != NULL) {
			diag_error(diags, (struct diag_place){ 0 }, NULL, "the TSIG key '%s' is given twice",
			    list[i].text);
			good = false;
		}
	*keys = (struct tsig_keys){ list == NULL ? 0 : settings->tsig_key_count, list };
	if (!good)
		tsig_keys_fini(keys);
	return good;
}

/* Who can read the secret can change what secondaries serve. */
static bool
load_key(struct tsig_key *key, const struct tsig_setting *setting, struct diags *diags)
{
	struct diag_place place = { .file = setting->secret_file };
	struct stat status;
	const char *why = "";
	size_t length;
	int error = 0;
	char *text = text_read_file(setting->secret_file, SECRET_FILE_MAX, &length, &error);
	bool good;

	if (text == NULL) {
		diag_error(diags, place, NULL, "the secret of the TSIG key '%s' can't be read: %s", setting->name,
		    strerror(-error));
		return false;
	}
	key->text = setting->name;
	key->algorithm = (enum tsig_algorithm)setting->algorithm;
	good = name_parse(setting->name, key->name) > 0 && tsig_secret_read(key, text, &why);
	explicit_bzero(text, length);
	free(text);
	if (!good)
		diag_error(diags, place, NULL, "the file of the TSIG key '%s' %s", setting->name, why);
	else if (stat(setting->secret_file, &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
		diag_error(diags, place, NULL, "everybody may read the secret of the TSIG key '%s': chmod o= it",
		    setting->name);
		good = false;
	}
	return good;
}

void
tsig_keys_fini(struct tsig_keys *keys)
{
	struct tsig_key *list = (struct tsig_key *)(uintptr_t)keys->keys;

	if (list != NULL)
		explicit_bzero(list, keys->count * sizeof(*list));
	free(list);
	*keys = (struct tsig_keys){ 0 };
}
