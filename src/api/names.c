/* names.c -- file names of zones.  Threads: any; pure. */
#include "api/names.h"

#include <string.h>

const char *
zone_file_name(const char *zone, char file[static ZONE_FILE_SIZE])
{
	size_t used = 0;

	for (const char *c = zone; *c != '\0' && used + sizeof("\\047zone.") < ZONE_FILE_SIZE; c++) {
		if (*c == '/') {
			memcpy(file + used, "\\047", 4);
			used += 4;
		} else {
			file[used++] = *c;
		}
	}
	strcpy(file + used, "zone");	/* the name ends in its dot */
	return file;
}
