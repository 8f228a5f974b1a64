/* names.h -- names as operators write them: owners within a zone, and the files of zones. Threads: any; pure. */
#ifndef ISOBAR_API_NAMES_H
#define ISOBAR_API_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/contract.h"
#include "dns/name.h"

#define ZONE_FILE_SIZE (NAME_TEXT_SIZE + 8)

/* "@", a name relative to the zone, or a complete one: with a final dot, or one that already ends in the zone's name
 * (who writes www.example.com in the zone example.com doesn't mean www.example.com.example.com). Lower-case wire form.
 * False: no name, or not in the zone. */
bool owner_parse(const char *text, const uint8_t *apex, uint8_t owner[static NAME_MAX]) NONNULL;

/* The file of a zone, given in presentation form with its final dot: "gtm.example.com.zone". Slashes are escaped. */
const char *zone_file_name(const char *zone, char file[static ZONE_FILE_SIZE]) NONNULL;

#endif
